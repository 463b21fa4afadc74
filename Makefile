# Everything here needs Python 3.11 or newer and make; the rest is installed into .venv and the folders of NPM.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
NPM := local/azurite tests/arm/witness
# Hundreds of short programs are started here; where none may keep what it compiled, each compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo up test check docs bench clean
setup: $(READY)

$(READY): requirements.txt requirements-local.txt pyproject.toml $(NPM:%=%/package-lock.json)
	@echo "Installing into .venv, $(NPM) (a minute or two, once) ..."
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-local.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --ignore-requires-python azure-functions-runtime==1.3.0
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps azureml-core==1.61.0.post4 azureml-pipeline-core==1.62.0
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --upgrade --target .venv/azureml-2016 azureml==0.2.7
	@for folder in $(NPM); do (cd $$folder && \
		PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --omit=optional --no-audit --no-fund --loglevel=error) || exit 1; done
	@touch $(READY)

demo: $(READY)  ## the whole story on one machine, on real data; ends by itself
	@$(BIN)/python -m local.demo

up: $(READY)  ## keep the same stack running
	@$(BIN)/retrain up

test: $(READY)  ## every test
	@$(BIN)/python -m pytest -n 5

check: $(READY)  ## what CI checks besides the tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(READY)  ## the pages that are drawn from the code
	@$(BIN)/python -m local.docs

bench: $(READY)  ## the measurements of docs/benchmarks.md
	@$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .local $(NPM:%=%/node_modules)
