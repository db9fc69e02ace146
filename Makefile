# SPDX-License-Identifier: Apache-2.0
# Parley's front door. Each command does its own set-up, again and again without harm. `make help` lists them.
PREFIX ?= /usr/local
DESTDIR ?=
SECONDS_EACH ?= 60

.DEFAULT_GOAL := all
.PHONY: all run test bench fuzz check format install clean help

all: ## set up what the build needs and build build/parley
	@tools/setup build
	@tools/build release

run: all ## build and start the demo on http://127.0.0.1:8000
	@tools/fetch-model
	@exec build/parley demo

test: ## set up and run every test that fits 20 minutes; last line: N passed, N failed, N skipped
	@tools/setup test
	@tools/fetch-model
	@tools/test

bench: all ## measure against the same product built the usual way, in the same run
	@tools/setup test
	@tools/fetch-model
	@bench/run

fuzz: ## fuzz every parser, SECONDS_EACH=60 for each
	@tools/setup test
	@tools/build fuzz
	@tools/fuzz --seconds $(SECONDS_EACH)

check: ## style, rooms, sizes, printed copies; seconds
	@tools/check

format: ## format the C sources in place
	@git ls-files --cached --others --exclude-standard '*.c' '*.h' | xargs -r clang-format -i

install: all ## install under DESTDIR and PREFIX (/usr/local)
	@tools/fetch-model
	@tools/install-files "$(DESTDIR)" "$(PREFIX)"

clean: ## remove what was built (the test environment .venv stays)
	@rm -rf build build-asan build-tsan build-fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
