# Highwater: one command for each thing that people do with it. `make` alone lists them.
# Settings: JOBS (parallel compiler jobs), PREFIX and DESTDIR (install), SKIP_NEEDS=1 (install
# no packages), SWIFT (which toolchain); for benchmark-agent PROCESSES, PERCENT and SECONDS;
# for benchmark-fleet AGENTS; for benchmark-python PAIRS; for soak CYCLES and SEED.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
# Each step uses all processors by itself; `make -j` must not run two of them in one .build.
.NOTPARALLEL:

SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?=
SKIP_NEEDS ?=
PROCESSES ?= 300,1000,5000
PERCENT ?= 5
SECONDS ?= 30
AGENTS ?= 100,1000
PAIRS ?= 31
CYCLES ?= 2000
SEED ?=

jobs := $(if $(JOBS),--jobs $(JOBS))
formatted := Sources Tests Package.swift
programs := memagent memcollector
release := .build/release

# What the tests are built with: an undeclared import or a warning of ours is an error.
checkFlags := $(jobs) --explicit-target-dependency-import-check error -Xswiftc -warnings-as-errors
# All at once they would wait for each other longer than a peer waits for an answer: so many tests
# run at a time, and those that make thousands of processes or sessions, or look at a program that
# runs on meanwhile, run alone.
runTests = python3 Tests/run_tests.py $(1) "$(2)" -- $(SWIFT) test --skip-build $(checkFlags)
busyTests := EndToEndTests.(StormTests|OracleTests|FleetTests|StalledStoreTests|RunPythonTests)
busyTests := $(busyTests)|EndToEndTests.(PythonTests|PythonFleetTests)
busyTests := $(busyTests)|PythonStacksTests.(GrowthWatchTests|TargetChangesTests)
busyTests := $(busyTests)|AgentTests.(PythonWatcherTests|PythonThreadTests)
busyTests := $(busyTests)|ProcessSamplerTests.FaultSamplerTests
releaseFlags := $(jobs) -c release --static-swift-stdlib

# Debian packages, each with the file or command that shows that it is not needed any more.
buildNeeds := git:git ca-certificates:/etc/ssl/certs/ca-certificates.crt \
	g++:/usr/include/c++ zlib1g-dev:/usr/include/zlib.h libsqlite3-dev:/usr/include/sqlite3.h \
	libncurses-dev:/usr/include/ncurses.h
demoNeeds := procps:top
testNeeds := python3:python3 libc-bin:ldd iproute2:ip tmux:tmux time:/usr/bin/time
# Where systemd runs, its package would start a server on every address; there the test is left out
# unless somebody has installed it. CI runs in a container.
testNeeds += $(if $(wildcard /run/systemd/system),,prometheus:prometheus)
# What an agent is measured beside; the benchmark goes on without what cannot be had.
benchmarkNeeds := python3:python3 procps:top sysstat:pidstat \
	python3-psutil:/usr/lib/python3/dist-packages/psutil

.PHONY: help demo test check test-python soak build benchmark-agent benchmark-fleet benchmark-python
.PHONY: test-python-programs format install clean toolchain build-needs demo-needs test-needs benchmark-needs lint

help: ## List these commands
	@echo "Highwater: the true peak memory of every process on every host."
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile \
		| while IFS='|' read -r name text; do printf '%-22s %s\n' "$$name" "$$text"; done
	@echo
	@echo "Settings: JOBS=N, PREFIX=/usr/local, DESTDIR=, SWIFT=swift, SKIP_NEEDS=1;"
	@echo "for benchmark-agent: PROCESSES=300,1000,5000 PERCENT=5 SECONDS=30"
	@echo "for benchmark-fleet: AGENTS=100,1000; for benchmark-python: PAIRS=31;"
	@echo "for soak: CYCLES=2000 SEED="

demo: demo-needs build ## Build, watch this host, catch a short peak and report it
	@HIGHWATER_BIN='$(CURDIR)/$(release)' SWIFT='$(SWIFT)' bash deploy/demo.sh

test: test-needs check ## Install what the tests need, then check

check: toolchain lint ## Lint, warnings as errors, import check, all tests, protocol vectors
	@echo "== Building programs and tests; a warning is an error"
	$(SWIFT) build $(checkFlags) --build-tests
	@echo "== Running the tests of parts"
	$(call runTests,4,--skip EndToEndTests --skip '$(busyTests)')
	@echo "== Running the tests of whole programs"
	$(call runTests,2,--filter EndToEndTests --skip '$(busyTests)')
	@echo "== Running the tests that take the whole machine"
	$(call runTests,1,--filter '$(busyTests)')
	@echo "== Reading the protocol vectors with the reference decoder"
	python3 Protocol/reference/decode.py --check Protocol/vectors/v1
	python3 Protocol/reference/section.py --check Protocol/vectors/section-v1
	@echo "== Running the tests of the Python module"
	python3 deploy/python/tests/run.py
	@echo "== All checks passed"

test-python: ## Test the Python module with every CPython from 3.8 on that this machine has
	@python3 deploy/python/tests/run.py --all

soak: test-needs toolchain ## Cut, delay and kill for 20 minutes; nothing acknowledged may be lost
	@echo "== Building programs and tests"
	$(SWIFT) build $(checkFlags) --build-tests
	@echo "== $(CYCLES) disturbances, two each second; SEED= repeats a run"
	HIGHWATER_CYCLES='$(CYCLES)' $(if $(SEED),HIGHWATER_SEED='$(SEED)') \
		$(call runTests,1,--filter OracleTests)

build: build-needs toolchain ## Build both programs for use, the Swift runtime linked in
	@echo "== Building memagent and memcollector; the first time takes some minutes"
	@for program in $(programs); do \
		echo "$(SWIFT) build $(releaseFlags) --product $$program"; \
		$(SWIFT) build $(releaseFlags) --product $$program || exit 1; \
	done
	@for program in $(programs); do \
		wc -c < $(release)/$$program | awk -v path="$(release)/$$program" \
			'{ printf "%8.1f MiB  %s\n", $$1 / 1048576, path }'; \
	done

benchmark-agent: benchmark-needs build ## Measure what the agent costs beside top and others
	@python3 Tests/Benchmarks/benchmark_agent.py --bin '$(CURDIR)/$(release)' \
		--processes '$(PROCESSES)' --percent '$(PERCENT)' --seconds '$(SECONDS)'

benchmark-fleet: test-needs build ## Measure a collector under simulated agents, and how they come back
	$(SWIFT) build $(releaseFlags) --product memfleet
	@python3 Tests/Benchmarks/benchmark_fleet.py --bin '$(CURDIR)/$(release)' --agents '$(AGENTS)'

benchmark-python: build ## Measure watching Python programs: what it costs, and how right it is
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	python3 Tests/Benchmarks/benchmark_python.py --bin '$(CURDIR)/$(release)' \
		--folder "$$folder/venv" --pairs '$(PAIRS)'; cost=$$?; \
	python3 Tests/Benchmarks/benchmark_python_accuracy.py --bin '$(CURDIR)/$(release)' \
		--folder "$$folder/venv" && exit $$cost

test-python-programs: build ## Watch pandas, scikit-learn, Flask and workers on every CPython there is
	@python3 Tests/Benchmarks/check_python_programs.py --bin '$(CURDIR)/$(release)'

format: toolchain ## Bring all Swift files into the project's format
	@echo "== Formatting $(formatted)"
	$(SWIFT) format format --in-place --recursive $(formatted)

install: ## Copy both programs to DESTDIR/PREFIX/bin
	@for program in $(programs); do \
		[ -x $(release)/$$program ] || { $(MAKE) build && break; } || exit 1; \
	done
	@echo "== Installing to $(DESTDIR)$(PREFIX)/bin"
	@for program in $(programs); do \
		install -D -m 0755 $(release)/$$program "$(DESTDIR)$(PREFIX)/bin/$$program" || exit 1; \
		echo "$(DESTDIR)$(PREFIX)/bin/$$program"; \
	done

clean: ## Remove everything that was built
	@echo "== Removing .build"
	@rm -rf .build

lint:
	@echo "== Checking the format of $(formatted)"
	$(SWIFT) format lint --strict --recursive $(formatted)

toolchain:
	@command -v $(SWIFT) >/dev/null 2>&1 || { \
		echo "No '$(SWIFT)' in PATH. Install Swift 6.2 or later: https://www.swift.org/install/linux/" >&2; \
		exit 1; }

build-needs:
	@SKIP_NEEDS='$(SKIP_NEEDS)' sh deploy/install-needs.sh $(buildNeeds)

demo-needs:
	@SKIP_NEEDS='$(SKIP_NEEDS)' sh deploy/install-needs.sh $(buildNeeds) $(demoNeeds)

test-needs:
	@SKIP_NEEDS='$(SKIP_NEEDS)' sh deploy/install-needs.sh $(buildNeeds) $(testNeeds)

benchmark-needs:
	@SKIP_NEEDS='$(SKIP_NEEDS)' sh deploy/install-needs.sh $(benchmarkNeeds) \
		|| echo "== Measuring beside what is there"
