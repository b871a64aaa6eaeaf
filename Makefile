# Two commands for a fresh Debian machine that has Rust:  make run  ·  make test
.PHONY: run test rust-test e2e real lint bench bench-quick chaos doc tools test-tools

MC_LISTEN ?= 127.0.0.1:8420
MC_DATA ?= ./data

# Builds and serves, with everything under ./data; prints a one-time login link.
run: tools
	cargo build --release --locked
	exec ./target/release/mission-control serve --data $(MC_DATA) --listen $(MC_LISTEN)

# All tests: Rust, the browser, the real agent CLI. What a registry that cannot be reached makes impossible is said loudly.
test: tools test-tools
	tests/all.sh

rust-test:
	cargo test --locked

# The browser: Chromium and Playwright.
e2e:
	cargo build --locked
	MC_BIN=$(CURDIR)/target/debug/mission-control e2e/run.sh

# The real agent CLI against a model stub of our own.
real:
	tests/real/run.sh

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

bench:
	cargo bench --locked --bench figures

bench-quick:
	cargo bench --locked --bench figures -- --quick

# Ever new seeds of the simulation, and kills in between: make chaos MINUTES=60
chaos: test-tools
	@scripts/chaos.sh $(or $(MINUTES),60)

# tmux and git, where they are missing and we may install them.
tools:
	@scripts/install.sh git tmux

test-tools:
	@scripts/install.sh git tmux python3 iproute2
