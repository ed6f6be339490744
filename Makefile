# make: set up and build the embedded models.
# make test: set up, check the code, run the quick tests and one shard of the long ones (SHARD=2 names it; else
# the commit does). make test-all: run all.
PYTHON ?= python3
CORES ?= all
SHARD ?= commit
BIN := .venv/bin

.PHONY: embedded test test-all lock docs clean-environment

embedded: .venv/run
	$(BIN)/snakemake --cores $(CORES) embedded || { $(BIN)/snakemake --cores $(CORES) report; exit 1; }

test: .venv/test
	$(BIN)/ruff format --check scripts tests benchmarks docs/hooks
	$(BIN)/ruff check scripts tests benchmarks docs/hooks
	$(BIN)/mypy
	OMP_WAIT_POLICY=passive $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder \
		--durations 15 --durations-min 15 --shard $(SHARD)

test-all:
	$(MAKE) test SHARD=all

.venv/run: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ncnn-zoo needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv || { echo "Python lacks its venv module (Debian: apt install python3-venv)"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

EXTRAS := dev slurm s3 kubernetes

.venv/test: .venv/run $(EXTRAS:%=requirements-%.txt)
	for extra in $(EXTRAS); do \
		$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-$$extra.txt || exit; \
	done
	touch $@

# Pin what requirements*.in ask for, with hashes and without the address of any index.
lock:
	for extra in "" -slurm -s3 -kubernetes -dev; do \
		uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
			requirements$$extra.in -o requirements$$extra.txt || exit; \
	done
	$(MAKE) rules/environment.yaml

# The same for conda, see rules/software.smk.
rules/environment.yaml: requirements.txt
	(printf '%s\n' '# Made of requirements.txt by `make rules/environment.yaml`.' 'channels: [conda-forge, nodefaults]' \
		'dependencies:' '  - python=3.11' '  - pip' '  - pip:'; \
		sed -n 's/^\([A-Za-z0-9][^\\]*==[^\\]*[^ \\]\).*/      - "\1"/p' $<) >$@

# The documentation as a site, in site/.
docs: .venv/test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean-environment:
	rm -rf .venv
