# Needs Python 3.11 or newer and make; everything else is installed into $(VENV).
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python

# Directory of the user's own data for `make verify DATA=...`.
DATA ?=

# More threads than cores make small array operations slower, and tests already run side by side.
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export MKL_NUM_THREADS = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# Steps come in the order written, even under make -j.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help verify test check format lint types integration docs messages coverage mutants bench bench-naming bench-verdicts sweep clean

help:
	@echo "make verify          verify every reference derivation (DATA=dir: with your own images)"
	@echo "make test            the tests and the examples in the docstrings, under a minute"
	@echo "make check           format, lint, types, integration tests (frameworks, packaging), then make test"
	@echo "make docs            the pages, in English and Chinese, into docs/_build/html"
	@echo "make messages        brings the Chinese catalogues in docs/locale up to the English pages"
	@echo "make bench           other checkers on the same layers, and how cost grows (a few minutes)"
	@echo "make bench-naming    how often the mistake behind a wrong gradient is named"
	@echo "make bench-verdicts  how often mistakes are found and right layers passed"
	@echo "make sweep           every configuration of a small scope of every layer (long; stops and goes on)"
	@echo "make coverage        which lines and branches the tests reach, at least 95 %"
	@echo "make mutants         which small changes of the code no test notices (slow)"
	@echo "make clean           remove .venv and everything else that make and the tests left"

verify: $(VENV)/.core
	"$(PY)" -m cnngrad verify $(if $(DATA),--data "$(DATA)")

test: $(VENV)/.test
	"$(PY)" -m pytest -q -n 2 --dist worksteal -m "not integration"

check: format lint types integration test

format: $(VENV)/.dev
	"$(PY)" -m ruff format --check .

lint: $(VENV)/.dev
	"$(PY)" -m ruff check .

types: $(VENV)/.dev
	"$(PY)" -m mypy

integration: $(VENV)/.dev
	"$(PY)" -m pytest -q -n 2 --dist loadfile -m integration

# The Chinese pages lie inside the English ones, which the link between them relies on.
docs: $(VENV)/.docs
	"$(PY)" -m sphinx -W --keep-going -q -b html docs docs/_build/html
	"$(PY)" -m sphinx -W --keep-going -q -b html -D language=zh_CN docs docs/_build/html/zh_CN

# Brings the Chinese catalogues up to the English pages: new messages come empty, changed ones marked as fuzzy.
TRANSLATED = docs/index.md docs/start.md docs/guide.md docs/derivations/*.md
messages: $(VENV)/.docs
	"$(PY)" -m sphinx -q -b gettext docs docs/_build/gettext $(TRANSLATED)
	"$(PY)" -m sphinx_intl update -p docs/_build/gettext -d docs/locale -l zh_CN -w 100 --no-obsolete

# Hours on one core: every small change of layers/, differentiation/ and checks/ against the tests that reach it.
mutants: $(VENV)/.mutants
	"$(PY)" -m mutmut run --max-children 2
	"$(PY)" -m benchmarks.mutants

# The integration tests included: without a framework its adapter is not covered.
coverage: $(VENV)/.dev
	"$(PY)" -m pytest -q -n 2 --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=95

# Ctrl-C loses nothing: the next run takes up what is finished from the file.
JOBS ?= 2
SWEEP ?= build/sweep.jsonl
sweep: $(VENV)/.core
	"$(PY)" -m benchmarks.sweep --jobs $(JOBS) --resume "$(SWEEP)" --write

bench-naming: $(VENV)/.bench
	"$(PY)" -m benchmarks.naming

bench: $(VENV)/.bench
	"$(PY)" -m benchmarks.peers
	"$(PY)" -m benchmarks.growth

bench-verdicts: $(VENV)/.bench
	"$(PY)" -m benchmarks.verdicts

clean:
	rm -rf .venv build dist mutants docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	find . -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each amount of installation; pyproject.toml says what belongs to it.
$(VENV)/.core: pyproject.toml
	@"$(PYTHON)" -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "cnngrad needs Python 3.11 or newer, and $(PYTHON) is not: try make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c "import ensurepip, venv" 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments: install its venv module (on Debian and Ubuntu:" \
	         "apt install python3-venv) or name another Python: make PYTHON=..." >&2; exit 1; }
	"$(PYTHON)" -m venv "$(VENV)"
	"$(PY)" -m pip install -q -e .
	@touch "$@"

# Dependency groups need pip 25.1; many a Python comes with an older one.
$(VENV)/.test: $(VENV)/.core
	"$(PY)" -m pip install -q --upgrade "pip>=25.1"
	"$(PY)" -m pip install -q --group test
	@touch "$@"

$(VENV)/.docs: $(VENV)/.core
	"$(PY)" -m pip install -q --upgrade "pip>=25.1"
	"$(PY)" -m pip install -q --group docs
	@touch "$@"

$(VENV)/.bench: $(VENV)/.core
	"$(PY)" -m pip install -q --upgrade "pip>=25.1"
	"$(PY)" -m pip install -q --group bench
	@touch "$@"

$(VENV)/.mutants: $(VENV)/.test
	"$(PY)" -m pip install -q --group mutants
	@touch "$@"

$(VENV)/.dev: $(VENV)/.test
	"$(PY)" -m pip install -q --group dev
	@touch "$@"
