# SPDX-License-Identifier: MIT
# Run by CPack for the packages that it has made.
execute_process(COMMAND ${CPACK_FINISH_COMMAND} ${CPACK_PACKAGE_FILES}
    COMMAND_ERROR_IS_FATAL ANY)
