# From a clone to a book: `make book`. Each target creates the environment if it is missing.
# PROFILE=quick  ONLY="splitting volume"  JOBS=2  DRY=1   options of book
# NOTEBOOK=integrators PARAMS="tau=0.05 steps=500"       options of rerun; PROFILE too
PYTHON ?= python3
BIN := .venv/bin

# Options are plain text: neither make nor the shell expands them
GIVEN := PROFILE ONLY JOBS DRY NOTEBOOK PARAMS
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)

.PHONY: help env book pdf test test-fast test-rest test-faults rerun keep adopt faults lint bench clean
.DEFAULT_GOAL := help

help:   ## list the commands
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 16

env: .venv/.installed   ## create the environment in .venv; the other commands do so too if it is missing

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + "; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[book,test]"
	@touch $@

book: env   ## build the book in _build/html (PROFILE=quick: a few minutes; ONLY=volume: one notebook; DRY=1: only list what would run)
	$(BIN)/python -m companion build --profile "$${PROFILE:-paper}" $${ONLY:+--only $$ONLY} $${JOBS:+--jobs "$$JOBS"} $${DRY:+--dry-run}

pdf: env   ## print the built book as one PDF, _build/book.pdf; needs Chromium (Debian: chromium)
	$(BIN)/python -m companion pdf

test: test-rest test-faults   ## run all tests, those that execute every notebook in the quick profile included; -j 2 runs two at a time

# What these run must not take make's own flags for its own
PYTEST := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(BIN)/python -m pytest

test-fast: env   ## run the mathematics and whatever else is quick: no notebooks, no browser, no faults
	$(PYTEST) -m "not slow" --ignore tests/faults --ignore tests/test_notebooks.py --ignore tests/test_front.py --ignore-glob "*/test_pages*"

test-rest: env
	$(PYTEST) --ignore tests/faults

test-faults: env
	$(PYTEST) tests/faults

rerun: env   ## run one notebook with other parameters: NOTEBOOK=integrators PARAMS="tau=0.05 steps=500"
	@$(if $(NOTEBOOK),,echo 'name a notebook: make rerun NOTEBOOK=integrators PARAMS="tau=0.05 steps=500"'; exit 2)
	$(BIN)/python -m companion rerun $${PARAMS:+-p "$$PARAMS"} $${PROFILE:+--profile "$$PROFILE"} -- "$$NOTEBOOK"

keep: env   ## store trainings and numbers of the full book just built in book/kept and book/record.json; commit them
	$(BIN)/python -m companion keep

adopt: env   ## after a change of code that changes no bit: check the beginning of each long training and take it over
	$(BIN)/python -m companion adopt

faults: env   ## kill, truncate, fill and confuse it (tests/faults); write the outcome to book/faults.json; commit it
	$(BIN)/python -m pytest tests/faults
	$(BIN)/python -m companion faults

lint: env   ## check all sources with ruff, the notebooks too, and the types with mypy
	$(BIN)/ruff check locsym book notebooks tests benchmarks
	$(BIN)/mypy

bench: env   ## time fast code beside simple code
	$(BIN)/python -m pytest benchmarks

clean:   ## remove everything generated, except trainings and .venv (ALL=1: these too)
	rm -rf _build/html _build/executed _build/work _build/results.json _build/faults.json _build/book.pdf _build/pdf.html _build/.*.old book/notebooks runs .pytest_cache .mypy_cache .ruff_cache .benchmarks
	$(if $(ALL),rm -rf _build .venv *.egg-info)
