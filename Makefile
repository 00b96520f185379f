# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors

# `make help` lists what there is. Everything works from a clean clone; what is missing is installed on the way.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# One flag set for the release: static Swift runtime, no exported symbols, identical code folded, stripped.
# `--no-export-dynamic` undoes what a static standard library turns on: every symbol would be kept. `-internalize-at-link`
# undoes it for the linker: else everything public counts as used. The relocations are packed, for glibc 2.36 or newer.
# Unwind tables are left out.
RELEASE_FLAGS := -c release --static-swift-stdlib \
  -Xswiftc -O -Xswiftc -Xfrontend -Xswiftc -function-sections \
  -Xswiftc -Xfrontend -Xswiftc -internalize-at-link \
  -Xcc -Os -Xcc -ffunction-sections -Xcc -fdata-sections \
  -Xswiftc -use-ld=lld -Xlinker --no-export-dynamic -Xlinker --icf=all -Xlinker -O2 \
  -Xlinker -z -Xlinker pack-relative-relocs -Xlinker -s \
  -Xlinker --no-eh-frame-hdr -Xlinker scripts/release.ld
# The release allocates by jemalloc, whose functions shared libraries have to find in the program: memory that the C
# library gave out itself would be freed by somebody who does not know it.
ALLOCATOR := .build/allocator.o
RELEASE_FLAGS += -Xlinker $(ALLOCATOR) $(foreach name, malloc calloc realloc free memalign posix_memalign aligned_alloc \
  valloc malloc_usable_size, -Xlinker --export-dynamic-symbol=$(name))
# The functions that a node uses lie side by side: a node at work then needs a third of the program in memory, and its
# processor misses less often. `make symbol-order` learns anew which they are; names that are gone are left out.
ORDER := .build/symbol-order.txt
RELEASE_FLAGS += -Xlinker --symbol-ordering-file=$(ORDER) -Xlinker --no-warn-symbol-ordering
SOURCES := Sources Tests bench Package.swift

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: packages allocator $(ORDER) ## the release binary, .build/release/naos
	swift build $(RELEASE_FLAGS) --product naos
	@scripts/check-binary.sh .build/release/naos

$(ORDER): scripts/symbol-order.txt.gz
	@mkdir -p $(@D)
	@gzip -dc $< > $@

.PHONY: symbol-order
symbol-order: packages allocator $(ORDER) ## learn anew which functions a node uses (needs perf; then make build)
	@bench/symbol-order.sh

.PHONY: wasmtime
wasmtime: ## fetch the library that runs WebAssembly, beside the binaries that were built
	@scripts/wasmtime.sh

.PHONY: package
package: build wasmtime ## the release as an archive to download, .build/naos-VERSION-linux-MACHINE.tar.xz
	@scripts/package.sh .build/release/naos .build

.PHONY: run
run: build ## build, make a demo project and run its researcher
	@scripts/demo.sh

.PHONY: suites
suites: ## fetch the public test suite of JSON Schema for all drafts, .build/json-schema-suite
	@scripts/schema-suite.sh

.PHONY: fuzz
fuzz: packages ## fuzz the parsers of gates FUZZ_ROUNDS (100) times as long as the tests do (FUZZ_SEED=N: other cases)
	NAOS_ONLY=NexusGatesTests NAOS_FUZZ_ROUNDS=$(or $(FUZZ_ROUNDS),100) NAOS_FUZZ_SEED=$(or $(FUZZ_SEED),6) \
	  swift test -c release -Xswiftc -enable-testing --scratch-path .build/fuzz --disable-xctest --filter Fuzz

.PHONY: test
test: packages venv wasmtime ## build for tests and run them all
	@scripts/schema-suite.sh || echo "the suite of JSON Schema cannot be fetched: its tests of other drafts are left out" >&2
	@scripts/test.sh

.PHONY: test-browser
test-browser: packages browser-packages ## the dashboard in a real Chromium (BROWSER_TESTS=test_pages: one part)
	@scripts/test-browser.sh $(BROWSER_TESTS)

.PHONY: test-api
test-api: packages api-packages ## random requests by the API's own OpenAPI document, and promtool (API_EXAMPLES=100: more)
	@scripts/test-api.sh $(API_EXAMPLES)

.PHONY: screenshots
screenshots: packages browser-packages wasmtime ## pictures of every page of the dashboard, in docs/images
	@scripts/test-browser.sh --screenshots

.PHONY: bench
bench: build ## measure beside peers and fill docs/operating/performance.md (BENCH=--quick: a trial)
	@bench/run.sh $(BENCH)

.PHONY: bench-budget
bench-budget: build ## hold budgets against what a provider bills, through kill -9, beside LiteLLM (BENCH=--quick: a trial)
	@bench/budget.sh $(BENCH)

.PHONY: soak
soak: build ## run, kill and resume for SOAK_SECONDS (600), watching memory and descriptors
	@scripts/soak.sh

.PHONY: oracles
oracles: build ## hold gates against jsonschema-rs and Google's CEL on random pairs (ORACLES="--pairs N --seed N")
	@scripts/venv.sh .build/oracles Tests/oracles/requirements.txt
	@.build/oracles/bin/python -B Tests/oracles/gates.py $(ORACLES) .build/release/naos

.PHONY: format
format: ## lay the sources out
	swift format format --in-place --recursive $(SOURCES)

.PHONY: lint
lint: ## say where the sources are not laid out or not idiomatic
	swift format lint --strict --recursive $(SOURCES)

.PHONY: tidy
tidy: lint ## hold the sources against the rules of the house
	NAOS_ONLY=TidyTests swift test --scratch-path .build/tidy --disable-xctest

.PHONY: release-flags
release-flags:
	@echo '$(RELEASE_FLAGS)'

.PHONY: packages
packages:
	@scripts/packages.sh libsqlite3-dev libyaml-dev

.PHONY: allocator
allocator:
	@scripts/packages.sh libjemalloc-dev
	@scripts/allocator.sh $(ALLOCATOR)

.PHONY: browser-packages
browser-packages:
	@scripts/packages.sh chromium fonts-dejavu-core
	@scripts/venv.sh .build/browser-venv Tests/browser/requirements.txt

.PHONY: api-packages
api-packages:
	@scripts/promtool.sh .build/promtool
	@scripts/venv.sh .build/api-venv Tests/api/requirements.txt

.PHONY: venv
venv:
	@scripts/venv.sh .build/venv scripts/test-requirements.txt

.PHONY: clean
clean: ## remove what was built
	rm -rf .build
