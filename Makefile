# make: set up and build the embedded models.
# make TORCH=cpu TORCH_INDEX=https://…: the same with torch's builds for the CPU, from an index that has them.
# make runtime: set up .venv-runtime, which predicts, serves, verifies and times files of ncnn and ONNX; no torch.
# make test: set up, check the code, run the quick tests and one shard of the long ones (SHARD=2 names it; else
# the commit does). make test-all: run all.
PYTHON ?= python3
CORES ?= all
SHARD ?= commit
TORCH ?=
TORCH_INDEX ?=
BIN := .venv/bin
PIP := bin/pip --disable-pip-version-check
# What an index that has torch for the CPU serves, or leaves out.
OF_TORCH := (torch|torchvision|triton)==|nvidia-|cuda-
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-annotate

.PHONY: embedded runtime test test-all lock check-locks docs clean-environment

embedded: .venv/run
	$(BIN)/snakemake --cores $(CORES) embedded || { $(BIN)/snakemake --cores $(CORES) report; exit 1; }

runtime: .venv-runtime/run

test: .venv/test
	$(BIN)/ruff format --check scripts tests benchmarks docs/hooks
	$(BIN)/ruff check scripts tests benchmarks docs/hooks
	$(BIN)/mypy
	OMP_WAIT_POLICY=passive $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder \
		--durations 15 --durations-min 15 --shard $(SHARD)

test-all:
	$(MAKE) test SHARD=all

.venv/run: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "ncnn-zoo needs Python 3.11 to 3.13: make PYTHON=python3.13")'
	@case "$(TORCH):$(TORCH_INDEX):$$(uname -sm)" in \
	cpu::*) echo "TORCH=cpu needs TORCH_INDEX=…, the address of a package index that has torch's builds for the CPU;"; \
		echo "torch's own installation page names it, under CPU"; exit 1 ;; \
	cpu:*) echo "Installing: 0.2 GB and torch for the CPU to download; 0.7 GB and torch in .venv; minutes" ;; \
	::Linux\ aarch64) echo "On Linux for arm64 torch comes with CUDA, 3 GB that a board has no use for. Choose: make runtime (no"; \
		echo "torch, 0.3 GB), make TORCH=cpu TORCH_INDEX=… (torch for the CPU), or make TORCH=cuda"; exit 1 ;; \
	*Linux*) echo "Installing: 3.2 GB to download, 6 GB in .venv, minutes. 3 GB of the download are torch with CUDA; without:"; \
		echo "make TORCH=cpu TORCH_INDEX=…, or, to run files that are built already, make runtime (90 MB, 0.3 GB)" ;; \
	*) echo "Installing: 0.4 GB to download; minutes" ;; esac
	@$(PYTHON) -m venv .venv || { echo "Python lacks its venv module (Debian: apt install python3-venv)"; exit 1; }
ifeq ($(TORCH),cpu)
	awk '/^[a-z]/ { keep = !/^($(OF_TORCH))/ } keep' requirements.txt > .venv/without-torch.txt
	.venv/$(PIP) install --require-hashes --no-deps -r .venv/without-torch.txt
	.venv/$(PIP) install --no-deps --index-url $(TORCH_INDEX) \
		$$(sed -nE 's/^((torch|torchvision)==[^ ]+).*/\1/p' requirements.txt)
else
	.venv/$(PIP) install --require-hashes -r requirements.txt
endif
	.venv/$(PIP) install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

.venv-runtime/run: requirements-runtime.txt pyproject.toml
	@echo "Installing: 90 MB to download, 0.3 GB in .venv-runtime, half a minute"
	@$(PYTHON) -m venv .venv-runtime
	.venv-runtime/$(PIP) install --require-hashes -r requirements-runtime.txt
	.venv-runtime/$(PIP) install --quiet --no-build-isolation --no-deps --editable .
	@touch $@
	@echo "Now: .venv-runtime/bin/zoo predict results/cpu/MODEL/int8.param photo.jpg"

EXTRAS := dev slurm s3 kubernetes

.venv/test: .venv/run $(EXTRAS:%=requirements-%.txt)
	for extra in $(EXTRAS); do .venv/$(PIP) install --quiet --require-hashes -r requirements-$$extra.txt || exit; done
	@touch $@

# Pin what pyproject.toml and requirements-*.in ask for, with hashes and without the address of any index, for
# Linux, macOS and Windows, Python 3.11 to 3.13. What each machine leaves out, markers say.
lock:
	$(LOCK) pyproject.toml --all-extras --group package -o requirements.txt
	$(LOCK) pyproject.toml --extra serve --group package -c requirements.txt -o requirements-runtime.txt
	for extra in slurm s3 kubernetes dev; do $(LOCK) requirements-$$extra.in -o requirements-$$extra.txt || exit; done
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
	rm -rf .venv .venv-runtime

# Whether the locks can be installed where they cannot be tried: each platform, each Python; nothing is downloaded.
check-locks:
	@for lock in requirements.txt requirements-runtime.txt; do \
	for platform in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin x86_64-pc-windows-msvc; do \
	for python in 3.11 3.12 3.13; do echo "$$lock $$platform $$python"; \
	MACOSX_DEPLOYMENT_TARGET=14.0 uv pip install --quiet --dry-run --target .locks --require-hashes \
		--only-binary :all: --no-binary connection-pool --python-platform $$platform \
		--python-version $$python --requirements $$lock || exit 1; done; done; done; rm -rf .locks
