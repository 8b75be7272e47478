# SPDX-License-Identifier: MIT
# A thin front for CMake and its presets. Everything here can be done with cmake, ctest and the
# programs in test/ as well.

# What installs missing packages. `make SETUP=true TARGET` installs nothing.
SETUP ?= cmake/setup.sh
# More options for configuring, as in CMAKE_FLAGS=-DWITH_APPARMOR=OFF.
CMAKE_FLAGS ?=
# Where to install, and what to put before it (as packagers do).
PREFIX ?= /usr/local
DESTDIR ?=
# More options for test/run-tests.py, as in TESTS='-R unit'.
TESTS ?=
# More options for the benchmark, as in BENCH='--case rtt-free'.
BENCH ?=
# Seconds for each fuzz target.
FUZZ_TIME ?= 60

# The Python of the distribution, which has its modules; another may come first in PATH.
PYTHON = $(firstword $(wildcard /usr/bin/python3) python3)
GENERATOR = $(if $(shell command -v ninja),Ninja,Unix Makefiles)
build_preset = CMAKE_GENERATOR="$(GENERATOR)" cmake --preset $(1) $(2) $(CMAKE_FLAGS) && \
	cmake --build --preset $(1) --parallel
run_tests = $(PYTHON) test/run-tests.py

.PHONY: build run check check-asan check-valgrind check-tsan check-apps check-system package bench fuzz install format clean help
.PHONY: setup-build

build: setup-build ## Build everything into build/ (the default)
	$(call build_preset,release,-DCMAKE_INSTALL_PREFIX="$(PREFIX)")

setup-build:
	@$(SETUP) build

run: ## Start the daemon on buses of its own, let stock clients use it, and link some of them
	@$(SETUP) build run
	@$(MAKE) --no-print-directory build SETUP=true
	$(PYTHON) test/run/demo.py --daemon build/bus/dbus-daemon

check: ## Run all tests; the last line counts them
	@$(SETUP) build test
	@$(MAKE) --no-print-directory build SETUP=true
	$(run_tests) build --junit build/test-results.xml $(TESTS)

check-asan: ## Run them on a build with address and undefined behaviour sanitizers
	@$(SETUP) build test
	$(call build_preset,asan)
	$(run_tests) build-asan --patience 3 -E '^(bench|model|package)' --junit build-asan/test-results.xml $(TESTS)

check-valgrind: ## Run them with our programs under valgrind
	@$(SETUP) build test
	$(call build_preset,debug)
	$(run_tests) build-debug --valgrind --patience 10 $(TESTS)

check-tsan: ## Run those of threads on a build with the thread sanitizer
	@$(SETUP) build test
	$(call build_preset,tsan)
	$(run_tests) build-tsan --patience 5 -R '^dbus/' --junit build-tsan/test-results.xml $(TESTS)

check-apps: ## Run other people's programs on the library and the daemon; takes many packages
	@$(SETUP) build apps
	@$(MAKE) --no-print-directory build SETUP=true
	$(PYTHON) test/apps/apps.py --our-library build/dbus --our-daemon build/bus/dbus-daemon

package: ## Build Debian packages in build-package/packages that replace the distribution's
	@$(SETUP) build package
	rm -rf build-package/packages
	$(call build_preset,package)
	cpack --config build-package/CPackConfig.cmake -B build-package/packages
	rm -rf build-package/packages/_CPack_Packages

check-system: package ## Install the packages in a Debian of their own, run its services and boot it (as root)
	@$(SETUP) package system
	$(PYTHON) test/system/run.py --packages build-package/packages

bench: ## Measure against the stock daemon and dbus-broker, about eleven minutes
	@$(SETUP) build bench
	@$(MAKE) --no-print-directory build SETUP=true
	build/test/bench/bench $(BENCH)

fuzz: ## Let each fuzz target look for crashes, FUZZ_TIME=60 seconds each
	@$(SETUP) build fuzz
	$(call build_preset,fuzz)
	set -e; for target in $$(find build-fuzz/test/fuzz -maxdepth 1 -type f -name 'fuzz-*' -executable); do \
		name=$${target##*/fuzz-}; seeds=test/fuzz/corpus/$$name; found=build-fuzz/corpus/$$name; \
		mkdir -p $$found; test -d $$seeds || seeds=; \
		echo "$$name:"; \
		$$target -max_total_time=$(FUZZ_TIME) -print_final_stats=1 $$found $$seeds; \
	done

install: build ## Install under PREFIX (/usr/local), with DESTDIR before it
	DESTDIR="$(DESTDIR)" cmake --install build

format: ## Lay out all C files with clang-format
	@$(SETUP) format
	git ls-files -z -- '*.c' '*.h' | xargs -0 -r clang-format -i

clean: ## Remove all build folders
	rm -rf build build-asan build-coverage build-debug build-fuzz build-package build-tsan

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
