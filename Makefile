# `make demo` and `make test` set everything up on a fresh machine; see README.md.
# `make test EXTRAS=dev,alfworld` also installs ALFWorld's real engine, built from source (C++ compiler, make, cmake).
PYTHON ?= python3
EXTRAS ?= dev
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-$(EXTRAS)

.PHONY: demo test check mariadb clean

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

# A server for InterCode-SQL on loopback until Ctrl-C; prints the --engine text to use. Needs MariaDB's or MySQL's server.
mariadb: $(INSTALLED)
	@$(BIN)/slinvit intercode mariadb

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
