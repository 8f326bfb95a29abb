VENV := .venv
PYTHON := $(VENV)/bin/python
HPCPOT := $(VENV)/bin/hpcpot
RANKS := 2
JOBS := auto
DEMO := configs/interface_si100.yaml
CASES := 10000

.PHONY: help venv demo lint test test-all fuzz audit docs clean

help:
	@echo "make demo      set up, run $(RANKS) ranks of the shortened Si/Li interface, draw results/demo.png"
	@echo "make test      set up, run the tests (those over about 30 s are left out); JOBS=1: one after another"
	@echo "make test-all  set up, run all tests"
	@echo "make fuzz      set up, damage inputs of all kinds $(CASES) times; SEED=, CASES=, TARGET=, JOBS=, and CASE= for one"
	@echo "make lint      set up, look for mistakes and other formatting than ruff's"
	@echo "make audit     set up, ask pypi.org for known vulnerabilities of all packages in use"
	@echo "make docs      set up, build the site of docs/ into site/"
	@echo "make venv      set up only: Open MPI and parallel HDF5 (Debian packages, as root), .venv with hpcpot"
	@echo "make clean     remove results, caches and build folders; .venv stays"

venv: $(VENV)/ready

$(VENV)/ready: setup.py .ci/venv.sh .ci/constraints.txt
	.ci/venv.sh $(VENV)
	touch $@

demo: venv
	mkdir -p results
	$(HPCPOT) md $(DEMO) --ranks $(RANKS) --overwrite --set md.steps=400 --set output.trajectory=results/demo.h5md \
	  --set output.position_every=100 --set output.observables_every=5 --set output.thermo_every=50
	$(HPCPOT) report results/demo.h5md -o results/demo.png

# Files of tests are shared out: what a file prepares is prepared once.
PYTEST := $(PYTHON) -m pytest -q -n $(JOBS) --dist loadfile

lint: venv
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

audit: venv
	.ci/audit.sh $(VENV)

test: venv
	$(PYTEST) -m "not slow"

test-all: venv
	$(PYTEST)

# What it prints of a fault is the command that repeats it.
fuzz: venv
	PYTHONPATH=tests $(PYTHON) -m fuzz --jobs $(JOBS) $(if $(SEED),--seed $(SEED)) $(if $(TARGET),--target $(TARGET)) \
	  $(if $(CASE),--case $(CASE),--cases $(CASES))

docs: venv
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet

clean:
	rm -rf results site build dist .pytest_cache *.egg-info
	find hpcpot tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
