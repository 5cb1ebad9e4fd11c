# Two commands matter: `make demo` and `make test`. Each installs what it needs, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
NODE_DIR := .cache/node
JAVA_DIR := .cache/java
FLINK_DIR := .cache/flink
ARGS ?=
JOBS ?= 2  # processes that share the tests; each may hold a broker, a browser and a server
export ENDCAP_CACHE ?= $(CURDIR)/.cache/endcap

.PHONY: demo test test-flink flink check format bench sync system node java kafka wheel pictures clean help app-bundle

help:                 ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

demo: $(VENV)/.demo   ## everything in one process tree, and a page to look at (ARGS=--check: headless)
	$(BIN)/endcap demo $(ARGS)

test: sync system node java  ## all tests, real parts included
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

test-flink: sync flink  ## the match on a real Flink; the first time 828 MB are fetched
	ENDCAP_FLINK_HOME=$$(echo $(CURDIR)/$(FLINK_DIR)/venv/lib/python3.*/site-packages/pyflink) \
		$(BIN)/python -m pytest tests/flink $(ARGS)

check: sync           ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

app: sync system      ## the shopper's app in a window, against `make demo` (ARGS="--backend URL" for another shop)
	@beside=$(ENDCAP_CACHE)/demo.env; if [ -f $$beside ]; then . $$beside; else \
		echo "No demo is running (make demo, in another terminal): the app is as without a network."; fi; \
	exec $(BIN)/endcap-shopper --data .cache/app $(ARGS)

format: sync
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: sync           ## the tables of docs/benchmarks.md
	$(BIN)/python -m tests.bench $(ARGS)

pictures: sync system ## the README's pictures, taken anew
	@fc-list | grep -q Inter || (apt-get update -qq && apt-get install -y -qq fonts-inter >/dev/null)
	$(BIN)/endcap demo --pictures docs/pictures
	$(BIN)/python -m endcap_shopper.ui.pictures docs/pictures

app-bundle: sync      ## the shopper's app as a folder that needs no Python, dist/endcap-shopper
	$(PIP_INSTALL) -e '.[bundle]'
	$(BIN)/pyinstaller --noconfirm --log-level ERROR --name endcap-shopper --workpath build/app --specpath build/app \
		--collect-all endcap_shopper --collect-submodules endcap --collect-data babel \
		$(addprefix --exclude-module ,endcap_backend endcap_devkit endcap_lite tkinter numpy PIL cryptography yaml jnius) \
		shopper_app/endcap_shopper/__main__.py

wheel: sync           ## both wheels, into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps -w dist . ./sdk

sync: $(VENV)/.test   ## the development environment

system:               ## what the tests drive besides Python: Chromium, Java with Maven, Node.js, PostgreSQL, openssl, zbar, Xvfb
	@missing=""; \
	command -v chromium >/dev/null || missing="$$missing chromium fonts-dejavu-core"; \
	command -v java >/dev/null || missing="$$missing default-jre-headless"; \
	command -v mvn >/dev/null || missing="$$missing maven"; \
	command -v npm >/dev/null || missing="$$missing nodejs npm"; \
	command -v openssl >/dev/null || missing="$$missing openssl"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	ldconfig -p | grep -q libzbar || missing="$$missing libzbar0"; \
	command -v Xvfb >/dev/null || missing="$$missing xvfb"; \
	command -v dbus-daemon >/dev/null || missing="$$missing dbus"; \
	ls /usr/lib/*/dri/swrast_dri.so >/dev/null 2>&1 && ldconfig -p | grep -q libGL.so.1 && ldconfig -p | grep -q libmtdev || \
		missing="$$missing libgl1 libgl1-mesa-dri libmtdev1"; \
	test -z "$$missing" || (apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $$missing >/dev/null)

kafka: $(VENV)/.demo  ## a real Kafka broker on this machine, without Docker, until Ctrl-C
	$(BIN)/endcap kafka $(ARGS)

node: $(NODE_DIR)/.installed  ## the official JavaScript clients

$(NODE_DIR)/.installed: tests/devkit/js/package.json
	mkdir -p $(NODE_DIR)
	cp $< $(NODE_DIR)/package.json
	cd $(NODE_DIR) && npm install --silent --no-package-lock --no-audit --no-fund
	touch $@

java: system $(JAVA_DIR)/classpath  ## the official Java client

$(JAVA_DIR)/classpath: tests/devkit/java/pom.xml
	mkdir -p $(JAVA_DIR)
	mvn -q -B -Dmaven.repo.local=$(CURDIR)/$(JAVA_DIR)/m2 -f $< dependency:build-classpath \
		-Dmdep.outputFile=$(CURDIR)/$@.new -Dstyle.color=never
	mv $@.new $@

flink: sync system $(FLINK_DIR)/.installed  ## PyFlink, in an environment of its own, and its Kafka connector

$(FLINK_DIR)/.installed: pyproject.toml tests/flink/constraints.txt | $(VENV)/.test
	$(BIN)/python -m venv $(FLINK_DIR)/venv
	$(FLINK_DIR)/venv/bin/python -m pip install --quiet --disable-pip-version-check \
		-c tests/flink/constraints.txt -e '.[flink]'
	$(BIN)/python -c 'from endcap_devkit.flink.jars import connector_jars; connector_jars()'
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || (apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV))

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing (a minute or two the first time) ..."
	@$(PIP_INSTALL) -e '.[devkit]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing (a minute or two the first time) ..."
	@$(PIP_INSTALL) -e '.[all,test]'
	@touch $@ $(VENV)/.demo

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
