# The same targets on a laptop and in CI. `make run` and `make test` are all a fresh machine needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PORT        ?= 8080
MANAGE_PORT ?= 8081
DATA        ?= ./data
WORKERS     ?= 2

.PHONY: run install destinations dev test check fix bench bench-growth profile soak docs lock clean

run: install  ## Start a working server and print what to do next
	@exec $(BIN)/pixelwire quickstart --data-dir $(DATA) --port $(PORT) --manage-port $(MANAGE_PORT) --workers $(WORKERS)

install: $(VENV)/.installed  ## What the server needs, pinned by hash

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Pixelwire needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

destinations: install  ## The libraries of the object store, PostgreSQL and Kafka, pinned by hash
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-destinations.txt

dev: $(VENV)/.installed-dev  ## What the tests need besides

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

test: dev  ## The whole suite
	$(BIN)/pytest -n 3 --dist loadfile -m "not alone"
	$(BIN)/pytest -m alone

check: dev  ## Format, lint, types, import direction, tidy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q tests/test_tidy.py

fix: dev  ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: dev  ## Measure this machine, from nginx to the plain way: under 10 minutes, while it does nothing else
	$(BIN)/python benchmarks/bench.py

bench-growth: dev  ## Measure with up to 10 million events stored: half an hour, 10 GB of disk
	$(BIN)/python benchmarks/growth.py

profile: dev  ## Where the time of one pixel goes, step by step
	$(BIN)/python benchmarks/hot_path.py

soak: dev  ## The long runs: kill -9 under load, random faults for an hour, a million hostile requests
	$(BIN)/pytest -m soak tests/acceptance

docs: install  ## Write the tables of options into the pages of the destinations
	$(BIN)/python -m pixelwire.destinations.pages docs

lock:  ## Renew the pinned requirements (needs uv on the PATH)
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --group build -o requirements.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --extra destinations -c requirements.txt -o requirements-destinations.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --extra destinations --group dev -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf $(VENV) build dist
