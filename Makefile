# Everything that one does with this project. `make` explains itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
T ?= tests
WORKERS ?= 3
COVERAGE ?=
COVERED := --cov=app.chain --cov=app.domain --cov-branch --cov-fail-under=95 --cov-report=term:skip-covered
N ?= 5000000
S ?=
F ?=
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help run test lint check format coverage demo golden openapi vectors migration test-slow \
        test-postgres test-hsm test-pythons check-metrics check-deploy faults bench bench-long lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/runtime ## set up, migrate an embedded SQLite, open the demo fund, serve on 127.0.0.1:8000
	$(BIN)/fundledger serve --demo --port $(PORT)

test: $(VENV)/dev ## set up and run the whole suite on SQLite and PostgreSQL; T=path narrows
	$(BIN)/pytest -n $(WORKERS) -m "not slow" $(if $(COVERAGE),$(COVERED)) $(T)

test-slow: $(VENV)/dev ## the tests that take longer: kill -9 under load, long logs, every byte flipped
	$(BIN)/pytest -m slow $(T)

lint: $(VENV)/dev ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check: lint ## the same, and the shape of the tree
	$(BIN)/pytest -n 0 tests/shape

format: $(VENV)/dev ## put the code into the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

coverage: COVERAGE := 1
coverage: test ## `make test`, with line and branch coverage of chain and domain; 95 % or it fails

demo: $(VENV)/runtime ## play the ERA history over HTTP, cheat, export, verify, tamper
	$(BIN)/fundledger demo

golden: $(VENV)/dev ## make the golden bundles anew; never once their format is released
	$(BIN)/python -m tests.golden.make

.PHONY: picture
picture: ## draw docs/picture.svg from docs/picture.txt
	$(PYTHON) -m tests.support.picture

openapi: $(VENV)/runtime ## write the files of openapi/ and the table of docs/errors.md from the code
	$(BIN)/fundledger openapi openapi

vectors: $(VENV)/dev ## write docs/vectors, and what docs/wire-format.md quotes of it
	$(BIN)/python -m tests.support.contract

migration: $(VENV)/dev ## draft a migration: make migration M="what it does"
	$(BIN)/python -m migrations.draft "$(M)"

test-postgres: $(VENV)/dev ## the PostgreSQL tests on a server installed from the system's packages
	deploy/test-postgres

test-pythons: ## the golden bundles on every other Python that is at hand
	deploy/test-pythons

test-hsm: $(VENV)/dev ## the tests of keys on a PKCS#11 token, on SoftHSM2 from the system's packages
	deploy/test-hsm

faults: $(VENV)/dev ## put every fault under a running service; a table, and docs/reliability.md; F=--short is quick
	$(BIN)/python -m tests.drills $(F)

bench: $(VENV)/dev ## measure on loopback: a table, and build/bench/*.json; S=singles narrows
	$(BIN)/python -m tests.bench $(S)

bench-long: $(VENV)/dev ## the same at N=5000000 entries; export and verify of a million; two hours
	$(BIN)/python -m tests.bench.long $(N)

check-metrics: $(VENV)/dev ## Prometheus's own tool on /metrics, alerts and their tests; a real one scrapes the service
	deploy/check-metrics

check-deploy: $(VENV)/dev ## linters and schemas on all of deploy/; HAProxy, PostgreSQL and two processes run it
	deploy/check-deploy

# Extras stay in the files: without them pip of 2023 looks past the pin for `coverage[toml]`.
lock: ## pin all dependencies again, with hashes and without addresses
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install -q uv
	build/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-strip-extras --extra build pyproject.toml -o requirements/runtime.txt
	build/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-strip-extras --extra build --extra dev -c requirements/runtime.txt \
	    pyproject.toml -o requirements/dev.txt
	build/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-strip-extras --extra deploy -c requirements/runtime.txt \
	    pyproject.toml -o requirements/deploy.txt

clean: ## remove what was built; keys and databases in data/ stay
	rm -rf build $(VENV)

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runtime: $(VENV)/python requirements/runtime.txt pyproject.toml
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: $(VENV)/runtime requirements/dev.txt
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
