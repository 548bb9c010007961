# Every target sets itself up from a fresh clone, in a virtual environment of its own.
#   PYTHON=...  the interpreter that makes the environment (default python3)
#   VENV=...    where the environment lives (default .venv)

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
STAMP := $(VENV)/.stamp
WHEELS := $(VENV)/wheel
SOURCES := Cargo.toml Cargo.lock pyproject.toml README.md LICENSE \
	$(shell find rust python -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.md' -o -name '*.py' -o -name '*.pyi' -o -name py.typed \))

.PHONY: help demo test check bench check-rust check-python check-package check-documents check-instructions clean

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(STAMP)/plot ## 100,000 heralds of a published link, as a table and a picture
	@mkdir -p demo
	$(BIN)/ionlink run stephenson2020 --heralds 100000 --seed 7 --plot demo/stephenson2020.png
	@echo "The picture is demo/stephenson2020.png"

test: $(STAMP)/test ## the Rust core with its doctests, then Python against the installed wheel
	cargo test --locked
	IONLINK_SIMD=baseline cargo test --locked --test seed_contract
	$(BIN)/pytest

check: check-rust check-python check-package check-documents check-instructions ## format, lints, types, package, documents, instruction counts
	@echo "All checks passed"

bench: $(STAMP)/bench ## goals and baselines in one run of minutes, written to benches/RESULTS.md
	$(BIN)/python benches/python/bench_link.py --write

clean: ## remove what was built
	rm -rf $(VENV) target demo

check-rust: $(STAMP)/lint
	cargo fmt --all --check
	PYO3_PYTHON=$(abspath $(BIN)/python) cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps

check-python: $(STAMP)/test $(STAMP)/check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest ionlink._core

check-package: $(STAMP)/test $(STAMP)/check
	$(BIN)/python tools/check_package.py $(WHEELS)/*.whl
	$(BIN)/python tools/check_import_time.py

check-documents: $(STAMP)/test
	$(BIN)/pytest tests/docs
	$(BIN)/python docs/make_validation.py --check
	$(BIN)/python docs/make_atoms.py --check

# after the wheel, whose compiled crates the counted program shares
check-instructions: $(STAMP)/test $(STAMP)/lint
	$(BIN)/pytest tests/tools
	$(BIN)/python tools/check_instructions.py

# --- set-up: one stamp per step, so that nothing is done twice -------------------------------------------------------

$(STAMP)/venv:
	@tools/preflight $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/lint: $(STAMP)/venv
	@tools/preflight $(PYTHON) lint
	@touch $@

# the wheel users get: pip builds it from pyproject.toml, so profile and maturin version stand there only
$(STAMP)/wheel: $(STAMP)/venv $(SOURCES)
	rm -rf $(WHEELS)
	$(PIP) wheel --quiet --no-deps --wheel-dir $(WHEELS) .
	$(PIP) install --quiet --upgrade --upgrade-strategy only-if-needed $(WHEELS)/*.whl
	$(PIP) install --quiet --force-reinstall --no-deps $(WHEELS)/*.whl
	@touch $@

$(STAMP)/plot: $(STAMP)/wheel
	$(PIP) install --quiet "$$(echo $(WHEELS)/*.whl)[plot]"
	@touch $@

$(STAMP)/test: $(STAMP)/wheel
	$(PIP) install --quiet --group test
	@touch $@

# baselines that a machine cannot have are left out of the table, which says so
$(STAMP)/bench: $(STAMP)/wheel
	-$(PIP) install --quiet --group bench
	@touch $@

$(STAMP)/check: $(STAMP)/venv pyproject.toml
	$(PIP) install --quiet --group check
	@touch $@
