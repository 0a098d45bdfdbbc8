# mailpoort
#
#   make run     the demo: a gate, an invented school, a next hop with a small web page, seven sample mails
#   make test    all tests
#   make check   form and lints, as .ci/run wants them
#   make bench   how fast the pure stages are, and how fast mail is taken beside Postfix
#
# On a bare Debian 12 only Rust and make have to be there; what else is missing is named and installed.

CARGO ?= cargo
need = .ci/need

.PHONY: run test check bench build-tools test-tools

run: build-tools
	$(CARGO) build --release --locked
	@exec "$${CARGO_TARGET_DIR:-target}/release/mailpoort" demo

# Postfix drops privileges itself, so the test that runs it begins as root.
test: test-tools
	@if [ "$$(id -u)" = 0 ]; then \
	    .ci/cargo-test; \
	else \
	    .ci/cargo-test not-postfix && .ci/cargo-test postfix; \
	fi

check: build-tools
	@$(need) rustfmt-clippy
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings

bench: build-tools
	$(CARGO) bench --locked --benches

build-tools:
	@$(need) rust gcc

test-tools: build-tools
	@$(need) postfix python3-dkim strace openssl chromium tesseract-ocr tesseract-ocr-nld knot unbound iproute2 pebble
