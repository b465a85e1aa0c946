# `make demo` and `make test` set everything up on a fresh machine; see README.md.
# `make test EXTRAS=dev,alfworld` also installs ALFWorld's real engine, built from source (C++ compiler, make, cmake).
PYTHON ?= python3
EXTRAS ?= dev
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-$(EXTRAS)

.PHONY: demo test check clean

demo: $(INSTALLED)
	$(BIN)/slinvit compare examples/demo.yaml

test: $(INSTALLED)
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
