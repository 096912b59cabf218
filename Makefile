# make reproduce   the whole study: .venv, locked dependencies, every stage whose inputs changed;
#                  FRESH=1 also repeats what stages would keep: training, scan, work in progress
# make seeds       the study with seeds 0 to 4, 1.5 hours or more; goes on where it was interrupted
# make test        the same set-up, then every test, two at a time
# make paper       paper/_output/index.html and index.pdf from the results that are there, by Quarto
# make faults      injects faults by the hundred, kills among them, and counts how they end in
#                  docs/faults.md, which says how long that took
# make declare     writes into dvc.yaml which code and params each stage reads
# make numbers     writes the numbers of the results into the pages that docs/numbers.csv lists
PYTHON ?= python3
VENV := .venv
# The environment's programs first: DVC runs the stages with the `python` that it finds on PATH.
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
INSTALLED := $(VENV)/.installed

.PHONY: setup repository reproduce seeds test paper faults declare numbers check clean

reproduce: repository setup
	$(RUN) dvc repro

seeds: reproduce
	$(RUN) PYTHONPATH=src python -m memorization.seeds
	$(RUN) dvc repro

# One thread each, or the two wait for each other.
test: setup
	$(RUN) OMP_NUM_THREADS=1 pytest --numprocesses 2

# Quarto's own command, or that of the package quarto-cli, in this environment or another.
paper:
	@$(RUN) sh -c 'command -v quarto > /dev/null || { echo "error: Quarto is not installed; get it from https://quarto.org, or run: $(PYTHON) -m pip install quarto-cli" >&2; exit 1; }; quarto render paper'

faults: setup
	$(RUN) python tests/faults/campaign.py --table docs/faults.md

declare: setup
	$(RUN) python tests/structure/declared.py

numbers: setup
	$(RUN) python tests/numbers_of_docs.py

check: setup
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy

repository:
	@git rev-parse --git-dir > /dev/null 2>&1 || { echo "error: no git repository, which DVC needs; clone this one or, in an unpacked source archive, run: git init && git add -A && git commit -m 'Source archive'" >&2; exit 1; }

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; name one: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf $(VENV) results/.partial
