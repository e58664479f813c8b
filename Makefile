# The product's two commands. Windows without make: see README.md.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: report test bench desks readme clean

report: $(STAMP)
	$(BIN)/xlmargin report workbooks/desk.xlsx --model derive.portfolio -o out/report.xlsx

test: $(STAMP)-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: $(STAMP)-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	$(BIN)/python -m benchmarks

desks: $(STAMP)-test
	$(BIN)/python -m xlmargin.workbooks.desk
	$(BIN)/python -m xlmargin.workbooks.targets

readme: $(STAMP)-test
	$(BIN)/python -m tests.readme_tables

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(STAMP)-test: pyproject.toml $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[excel,jupyter,batch,test]"
	@touch $@

clean:
	rm -rf $(VENV) out build dist
