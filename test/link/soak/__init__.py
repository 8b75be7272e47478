# SPDX-License-Identifier: MIT
"""A soak of a bus: processes that talk at random, and proofs from their logs."""
