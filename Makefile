# Two commands do all the set-up: `make demo` and `make test`. What they need, they install.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo cluster test test-fast test-peer lint bench bench-peer bench-serve package pictures generate pins clean

help:  ## show this help
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "collectionsync needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) \
	  || { echo "no venv module: apt-get install python3-venv, then run make again" >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(STAMP)  ## make .venv with the command in it: .venv/bin/collectionsync

demo: setup  ## mirror real collections from loopback, serve the mirror, and install from it
	$(BIN)/python examples/demo.py

cluster: setup  ## a one-node Kubernetes with the operator and a demo Galaxy, to play with; Ctrl-C ends it
	@$(BIN)/python examples/cluster.py

test: lint  ## every gate and every test, with real PostgreSQL
	$(BIN)/pytest

test-fast: setup  ## the tests that take seconds
	$(BIN)/pytest -m "not slow and not cluster"

test-peer: setup  ## the tests beside a real Pulp, which is installed when missing; takes minutes
	$(BIN)/pytest -m peer tests/peer

lint: setup  ## ruff, mypy --strict, import layers, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/collectionsync crd | diff -u crds/collectionsync.yaml - \
	  || { echo "crds/collectionsync.yaml has drifted: run make generate" >&2; exit 1; }
	@$(BIN)/python -m collectionsync.server.openapi | diff -u docs/openapi.json - \
	  || { echo "docs/openapi.json has drifted: run make generate" >&2; exit 1; }
	@PYTHONPATH=tests $(BIN)/python -m release versions --check
	@$(BIN)/python -m dashboards --check

bench: setup  ## memory and time against the PostgreSQL floor; CORPUS=DIR takes a ready corpus
	@$(BIN)/python -m compileall -q operator  # an installed worker compiles nothing, and compiling takes memory
	$(BIN)/python -m bench $(if $(CORPUS),--corpus $(CORPUS)) $(ARGS)

bench-peer: setup  ## memory and time beside a real Pulp, turn by turn; for a quiet machine
	@$(BIN)/python -m compileall -q operator
	PYTHONPATH=tests $(BIN)/python -m bench.peer $(if $(CORPUS),--corpus $(CORPUS)) $(ARGS)

bench-serve: setup  ## the server beside a real Pulp's under load, and many slow clients; for a quiet machine
	@$(BIN)/python -m compileall -q operator
	PYTHONPATH=tests $(BIN)/python -m bench.serving $(if $(CORPUS),--corpus $(CORPUS)) $(ARGS)

package: setup  ## image, chart, wheel, SBOM and checksums in dist/; BASE_IMAGE=... to build on another Debian
	@PYTHONPATH=tests $(BIN)/python -m release package $(if $(BASE_IMAGE),--base-image $(BASE_IMAGE))

pictures: setup  ## draw the dashboards anew, with what a Prometheus in the test cluster scrapes of real runs
	COLLECTIONSYNC_PICTURES=docs/dashboards $(BIN)/pytest tests/cluster/monitoring/test_dashboards.py

generate: setup  ## write the generated files again
	PYTHONPATH=tests $(BIN)/python -m release versions
	$(BIN)/ruff format .
	$(BIN)/collectionsync crd > crds/collectionsync.yaml
	cp crds/collectionsync.yaml charts/collectionsync/files/crd.yaml
	$(BIN)/python -m collectionsync.server.openapi > docs/openapi.json
	$(BIN)/python -m dashboards
	cd tests && ../$(BIN)/python -m chart.documentation

pins: setup  ## resolve requirements/*.txt again
	$(BIN)/pip install --quiet uv
	compile="$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml"; \
	$$compile --upgrade --all-extras -o requirements/dev.txt && \
	$$compile --constraint requirements/dev.txt -o requirements/worker.txt && \
	$$compile --constraint requirements/dev.txt --extra operator -o requirements/operator.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  tests/testpulp/requirements.in -o tests/testpulp/requirements.txt
	for each in 2.16:3.11 2.20:3.12 2.21:3.12; do \
	  pins=tests/testansible/requirements/$${each%:*}; \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version $${each#*:} --generate-hashes \
	    --no-emit-index-url $$pins.in -o $$pins.txt || exit 1; \
	done

clean:  ## remove .venv, packages and caches of this checkout
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
