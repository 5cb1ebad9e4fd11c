# Two commands matter: `make demo` and `make test`. Each installs what it needs, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
NODE_DIR := .cache/node
ARGS ?=

.PHONY: demo test check format bench sync system node wheel pictures clean help

help:                 ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

demo: $(VENV)/.demo   ## everything in one process tree, and a page to look at (ARGS=--check: headless)
	$(BIN)/endcap demo $(ARGS)

test: sync system node  ## all tests, real parts included
	$(BIN)/python -m pytest $(ARGS)

check: sync           ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: sync
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: sync           ## the tables of docs/benchmarks.md
	$(BIN)/python -m tests.bench $(ARGS)

wheel: sync           ## both wheels, into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps -w dist . ./sdk

sync: $(VENV)/.test   ## the development environment

system:               ## Debian packages the tests drive: Chromium
	@command -v chromium >/dev/null || (apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null)

node: $(NODE_DIR)/.installed  ## the official JavaScript clients

$(NODE_DIR)/.installed: tests/devkit/js/package.json
	mkdir -p $(NODE_DIR)
	cp $< $(NODE_DIR)/package.json
	cd $(NODE_DIR) && npm install --silent --no-package-lock --no-audit --no-fund
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || (apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV))

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	test -e $(VENV)/.test || $(PIP_INSTALL) -e '.[devkit]'
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP_INSTALL) -e '.[all,test]'
	touch $@ $(VENV)/.demo

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
