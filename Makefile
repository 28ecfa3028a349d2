# From a clone to a book: `make book`. Each target makes the environment by itself when it is missing.
# PROFILE=quick  ONLY="01 03"  JOBS=2  DRY=1           options of book
# NOTEBOOK=integrators PARAMS="tau=0.05 steps=500"  options of rerun; PROFILE too
PYTHON ?= python3
BIN := .venv/bin

# What is given is text: neither make nor the shell looks into it
GIVEN := PROFILE ONLY JOBS DRY NOTEBOOK PARAMS
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)

.PHONY: help env book pdf test rerun keep faults lint bench clean
.DEFAULT_GOAL := help

help:   ## what there is
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 16

env: .venv/.installed   ## the environment in .venv; the others make it when it is missing

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + "; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[book,test]"
	@touch $@

book: env   ## the whole book, in _build/html (PROFILE=quick cuts the long runs short; ONLY=01 one notebook; DRY=1 only says what)
	$(BIN)/python -m companion build --profile "$${PROFILE:-paper}" $${ONLY:+--only $$ONLY} $${JOBS:+--jobs "$$JOBS"} $${DRY:+--dry-run}

pdf: env   ## the book just built as one PDF, _build/book.pdf; needs Chromium (Debian: chromium)
	$(BIN)/python -m companion pdf

test: env   ## all tests, every notebook in the quick profile among them
	$(BIN)/python -m pytest

rerun: env   ## one notebook with other parameters: NOTEBOOK=integrators PARAMS="tau=0.05 steps=500"
	@$(if $(NOTEBOOK),,echo 'name one: make rerun NOTEBOOK=integrators PARAMS="tau=0.05 steps=500"'; exit 2)
	$(BIN)/python -m companion rerun $${PARAMS:+-p "$$PARAMS"} $${PROFILE:+--profile "$$PROFILE"} -- "$$NOTEBOOK"

keep: env   ## the numbers of the full book just built, with hardware and times, in book/record.json: commit it
	$(BIN)/python -m companion keep

faults: env   ## kill, truncate, fill and confuse it (tests/faults); keep what was survived in book/faults.json: commit it
	$(BIN)/python -m pytest tests/faults
	$(BIN)/python -m companion faults

lint: env   ## ruff over all sources, the notebooks too
	$(BIN)/ruff check locsym book notebooks tests benchmarks

bench: env   ## fast code beside simple code
	$(BIN)/python -m pytest benchmarks

clean:   ## remove what was made, except trainings and .venv (ALL=1: these too)
	rm -rf _build/html _build/executed _build/work _build/results.json _build/faults.json _build/book.pdf _build/pdf.html _build/.*.old book/notebooks runs .pytest_cache .ruff_cache .benchmarks
	$(if $(ALL),rm -rf _build .venv *.egg-info)
