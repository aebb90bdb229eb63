# One verb, one command, the same for people and CI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test test-compose test-scale check format coverage lock clean bench bench-full
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("partcast needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --group dev --editable '.[video]'
	@touch $@

demo: $(READY) ## two live streams on http://127.0.0.1:8080, until Ctrl-C
	@$(BIN)/python deploy/demo.py

test: $(READY) ## the whole suite
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

test-compose: $(READY) ## docker-compose.yml in a container engine: some minutes
	@PARTCAST_TEST_COMPOSE=1 $(BIN)/python -m pytest tests/e2e/test_deploy.py $(ARGS)

test-scale: $(READY) ## streamers, relays and producers on hosts of their own that die and part
	@$(BIN)/python -m pytest tests/e2e/scale $(ARGS)

check: $(READY) ## format, lint, types, import direction
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(READY) ## let the formatter decide
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

coverage: $(READY) ## the suite with branch coverage
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage report --skip-covered

lock: $(READY) ## pin the newest versions that fit pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --extra video --group dev pyproject.toml --output-file requirements.lock

bench: $(READY) ## the short benchmark
	$(BIN)/python -m bench --short

bench-full: $(READY) ## every figure of bench/RESULTS.md
	$(BIN)/python -m bench

clean: ## remove what was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/build
