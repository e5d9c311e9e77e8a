# sms-gateway: `make demo` shows it at work, `make test` proves it. Needs git, make, python3, python3-venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Most tests wait for a device or a process, so there may be more workers than cores.
WORKERS ?= $(shell expr 3 \* $$(nproc))
# Where it is set, each of the processes that the tests start compiles every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: docs help install demo test check format bench crash deb appliance lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## the command, into .venv

demo: $(VENV)/.installed ## SMS in and out through a virtual modem and a virtual carrier
	$(BIN)/sms-gateway demo

test: $(VENV)/.dev ## the whole test suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q

check: $(VENV)/.dev ## all that CI runs before the tests, then the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

format: $(VENV)/.dev ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## the measured claims, each a script in bench/
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

crash: $(VENV)/.dev ## kill -9 at random moments, then compare what left with what is stored
	$(BIN)/python -m tests.crash $(ARGS)

deb: $(VENV)/.installed ## dist/*.deb for amd64 and arm64, with all they need
	@for arch in amd64 arm64; do PYTHON=$(BIN)/python systemd/deb/build.sh $$arch || exit 1; done

appliance: $(VENV)/.dev ## install.sh and the packages on whole systems in containers (root; minutes)
	$(BIN)/python -m pytest -q -m appliance tests/appliance

docs: $(VENV)/.dev ## the documentation as a site, in site/
	$(BIN)/python docs/generate.py
	$(PIP) install 'mkdocs-material>=9.8,<10'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: $(VENV)/.dev ## new versions of the dependencies, after an edit of pyproject.toml
	$(PIP) install uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		-c requirements.lock --group dev -o requirements-dev.lock

clean: ## remove what make made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist demo

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python requirements.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements-dev.lock
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
