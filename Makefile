# Two commands for a fresh Debian machine that has Rust:  make run  ·  make test
.PHONY: run test rust-test e2e real contract lint bench bench-quick peer chaos fuzz soak snapshots doc sizes tools test-tools

MC_LISTEN ?= 127.0.0.1:8420
MC_DATA ?= ./data

# Builds and serves, with everything under ./data; prints a one-time login link.
run: tools
	cargo build --release --locked
	exec ./target/release/mission-control serve --data $(MC_DATA) --listen $(MC_LISTEN)

# All tests: Rust, the browser, the real agent CLI. What a registry that cannot be reached makes impossible is said loudly.
test: tools test-tools
	tests/all.sh

# Tests, and all that is built for them, have the fault points (docs/operations.md); what `run` builds has not.
rust-test:
	cargo test --locked --features faults

# The browser: Chromium and Playwright.
e2e:
	cargo build --locked --features faults
	MC_BIN=$(CURDIR)/target/debug/mission-control e2e/run.sh

# The real agent CLI against a model stub of our own.
real:
	tests/real/run.sh

# Records anew what every address answers, after a change on purpose; the difference is then read with the commit.
contract: test-tools
	cargo build --locked --features faults
	python3 tests/contract/record.py --bin target/debug/mission-control --out tests/contract/recorded --routes src/web

# Accepts what the pages look like now; the difference is then read with the commit (README, "Where to read next").
snapshots:
	rm -f src/web/gallery/snapshots/*.snap src/web/gallery/snapshots/*.snap.new
	INSTA_UPDATE=always cargo test --locked --features faults --lib snapshots_tests

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets --features faults -- -D warnings
	cargo clippy --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# How long the files are: median, nine of ten, the longest.
sizes:
	@scripts/sizes.sh

bench:
	cargo bench --locked --bench figures

bench-quick:
	cargo bench --locked --bench figures -- --quick

# Absolute figures of any program of this kind that listens on this machine, ours or another:
# make peer URL=http://127.0.0.1:8420 ARGS="--data ./data --fill 10000"
peer:
	node benches/peer.mjs $(URL) $(ARGS)

# Each fuzz target for so many minutes: make fuzz MINUTES=10 [TARGET=markdown]
fuzz:
	tests/fuzz/run.sh $(or $(MINUTES),10) $(TARGET)

# The server under load for so many minutes: does its memory grow, are its handles and threads flat?
soak: tools
	@scripts/install.sh nodejs
	cargo build --release --locked
	nice node benches/soak.mjs --minutes $(or $(MINUTES),60)

# Ever new seeds of the simulation, and kills in between: make chaos MINUTES=60
chaos: test-tools
	@scripts/chaos.sh $(or $(MINUTES),60)

# tmux and git, where they are missing and we may install them.
tools:
	@scripts/install.sh git tmux

test-tools:
	@scripts/install.sh git tmux python3 iproute2
