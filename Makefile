# make demo: set up and run the quickstart.  make test: everything that must pass.
PYTHON ?= python3
BIN := .venv/bin
export TOKENIZERS_PARALLELISM = false

.PHONY: demo test check format bench lock clean

demo: .venv/.ready
	$(BIN)/understudy run recipes/quickstart.yaml

test: check
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not gpu and not network"

check: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Also writes docs/settings.md anew.
format: .venv/.ready
	$(BIN)/python -m tools.settings_page
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.ready
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# The lock is what pip installed from pyproject.toml, without this project itself.
lock:
	$(BIN)/pip freeze --all --exclude pip --exclude-editable | sed 's/+cpu$$//' > requirements.lock

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf .venv .understudy build dist
