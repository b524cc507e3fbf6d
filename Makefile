# Needs only python3 (3.11 or later) and make; everything else goes into .venv.
PYTHON ?= python3
# Options for a command, for example: make run ARGS="--draws 50 --plots none"
ARGS ?=

BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help install run test long-tests browser-tests notebooks workshop bench docs docking recording golden reproduce clean

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 18

install: $(STAMP) ## make .venv and install the project into it

# hatchling goes first, so that the project is built with the version in constraints.txt.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@echo "installing into .venv: two to three minutes, nothing is shown"
	@$(PIP) install -c constraints.txt hatchling
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev]'
	@echo "compiling the kernels: two minutes on two cores, nothing is shown"
	@$(BIN)/python -m experiments.precompile
	@touch $@

run: $(STAMP) ## install, run all scenarios to 2030 and compare them with current policy
	$(BIN)/drugfutures run all $(ARGS)

workshop: $(STAMP) ## serve the workshop page on this machine
	$(BIN)/drugfutures workshop $(ARGS)

test: $(STAMP) ## lint, types, layers of imports and the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

long-tests: $(STAMP) ## the tests that are too slow for every commit
	$(BIN)/python -m pytest -m long --hypothesis-profile=long $(ARGS)

browser-tests: $(STAMP) ## the page in a real browser (chromium must be there)
	$(BIN)/python -m pytest tests/browser -m browser $(ARGS)

notebooks: $(STAMP) ## run the notebooks with few draws; each checks its key figures at its end
	$(BIN)/python -m pytest tests/notebooks -m notebooks -n 2 $(ARGS)

bench: $(STAMP) ## how fast the engine is on this machine
	$(BIN)/python -m tests.benchmarks $(ARGS)

docking: $(STAMP) ## set agents against the compartments and write docs/agents-docking.md
	$(BIN)/python -m experiments.checks.docking $(ARGS)

docs: $(STAMP) ## build this documentation as a site, build/docs/index.html, without one warning
	rm -rf build/pages build/doctrees build/docs
	$(BIN)/python docs/sources.py build/pages
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -c docs -d build/doctrees build/pages build/docs

recording: $(STAMP) ## record the runs with agents that the workshop page plays
	$(BIN)/python -m experiments.workshop.recording

golden: $(STAMP) ## write the golden baseline of each engine anew, and say what moved
	$(BIN)/python -m tests.golden.write

reproduce: $(STAMP) ## make the numbers, tables and plots of the documents again and compare
	$(BIN)/python -m experiments.reproduce $(ARGS)

clean: ## remove .venv and the caches; results stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
