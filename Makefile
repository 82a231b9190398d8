# Two commands for a newcomer: `make run` and `make test`. Everything else is a part of them.
#   make run     builds everything and runs a container of the embedded image
#   make test    installs the genuine peers (Debian packages) and passes all tests; ONLY=part picks files
#   make test-vm only the virtual machine: cgroup v2, AppArmor
#   make bench   ratios against dockerd, podman, runc and crun
SHELL := /bin/bash
.DELETE_ON_ERROR:

# npm's install script moves the program; where scripts are not run it stays in its own package.
BUN = $(shell ls node_modules/bun/bin/bun.exe node_modules/@oven/bun-linux-*/bin/bun 2>/dev/null | tail -n 1)
CC ?= cc
CFLAGS = -std=gnu11 -O2 -g0 -Wall -Wextra -Wshadow -Wstrict-prototypes -fno-ident -ffunction-sections -fdata-sections
LDFLAGS = -static -Wl,--gc-sections -Wl,-z,noseparate-code -s
SOURCES = $(shell find src -type f)

.PHONY: build run test test-vm check bench clean

build: dist/skiff

node_modules/.installed: package-lock.json
	@npm ci --no-fund --no-audit --loglevel=error >/dev/null 2>&1 || npm ci --no-fund --no-audit
	@touch $@

native/build/skiff-init: $(wildcard native/*.c native/*.h) Makefile
	@mkdir -p native/build
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter-out native/hello.c,$(wildcard native/*.c))

native/build/hello: native/hello.c Makefile
	@mkdir -p native/build
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<

native/build/hello-image.tar: native/build/hello scripts/hello-image.ts node_modules/.installed
	@$(BUN) scripts/hello-image.ts $< $@

dist/skiff: node_modules/.installed native/build/skiff-init native/build/hello-image.tar scripts/build.ts $(SOURCES)
	@$(BUN) scripts/build.ts dist

check: node_modules/.installed
	@node_modules/.bin/tsc -p .
	@node_modules/.bin/biome check --error-on-warnings
	@$(BUN) scripts/layers.ts

run: build
	@dist/skiff run --trace --rm skiff/hello

# The peers come first: the tests judge Skiff by the genuine programs.
test: build check
	@scripts/setup-peers.sh
	@$(BUN) test/harness/run.ts $(ONLY)

test-vm: build
	@scripts/setup-peers.sh
	@$(BUN) test/harness/run.ts test/vm

bench: build
	@scripts/setup-peers.sh
	@$(BUN) test/bench/run.ts --write

clean:
	rm -rf dist native/build
