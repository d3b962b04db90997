# Everything runs in a virtual environment of its own; it is made anew when a lock file changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
N ?= 10000
SEED := $(or $(SEED),$(shell date +%s))
BENCH ?= --rows 10M --log plain hard --repeat 3

.DEFAULT_GOAL := help
.PHONY: help demo test coverage test-all fuzz check format docs lock bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## install what the program needs, and run it on the sample data
	$(BIN)/clvtool compute sample_data/orders.csv

test: $(VENV)/.developed ## run the tests, on all cores
	$(BIN)/python -m pytest -n auto --dist worksteal

coverage: $(VENV)/.developed ## run the tests on one core, and say which lines they leave out
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
	@$(BIN)/python -m coverage combine -q && $(BIN)/python -m coverage report --skip-empty | tail -25

test-all: $(VENV)/.developed ## run the tests, the slow simulations too
	$(BIN)/python -m pytest -n auto --dist worksteal -m "slow or not slow"

fuzz: $(VENV)/.developed ## run the fuzz tests for long, with N files each: make fuzz N=100000 [SEED=7]
	@echo "N=$(N) SEED=$(SEED); what fails is kept in .fuzz/"
	FUZZ_EXAMPLES=$(N) $(BIN)/python -m pytest tests/ingest/test_fuzz_dialects.py tests/ingest/test_fuzz_bytes.py --hypothesis-seed=$(SEED)

check: $(VENV)/.developed ## lint, types, and whether the generated docs are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cog --check docs/COMMANDS.md docs/clvtool.1

format: $(VENV)/.developed ## put the code into its standard form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.developed ## write the command reference and the manual page anew from the help texts
	$(BIN)/cog -r docs/COMMANDS.md docs/clvtool.1

bench: $(VENV)/.developed .venv-bench/.installed ## compare with the peers on generated data (minutes; BENCH="--rows 1M" is quick)
	$(BIN)/python benchmarks/run.py $(BENCH)
	$(BIN)/python benchmarks/dialects.py $(filter --rows 1M 10M 30M,$(BENCH))
	$(BIN)/python benchmarks/measures.py $(filter --rows 1M 10M 30M,$(BENCH))
	$(BIN)/python benchmarks/surveys.py $(filter --rows 1M 10M,$(BENCH))

lock: ## write the lock files anew from the ranges in pyproject.toml
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install -q . && .venv-lock/bin/pip freeze --exclude clvtool | sed 's/ @ .*//' > requirements.lock
	.venv-lock/bin/pip install -q '.[dev]' && .venv-lock/bin/pip freeze --exclude clvtool | sed 's/ @ .*//' > requirements-dev.lock
	rm -rf .venv-lock build *.egg-info

clean: ## remove everything that was made
	rm -rf $(VENV) .venv-bench build *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

.venv-bench/.installed: benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.developed: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.lock
	@touch $@
