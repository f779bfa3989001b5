# On a fresh clone `make report` and `make test` are all there is to type: the environment is
# built from the lock the first time, and again only when the lock or pyproject.toml changed.

VENV ?= .venv
PYTHON_VERSION ?=
JOBS ?= 2
LEAKS ?=
BIN := $(CURDIR)/$(VENV)/bin
STAMP := $(VENV)/.built
LOCKS := requirements-floor.lock requirements-newest.lock
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml - --no-config --quiet --upgrade --universal \
  --extra dev --generate-hashes --no-header --no-annotate --no-emit-index-url

export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

# Tests compile the same small programs again and again: compiled once, they are read back. Where one
# worker reads what another is writing, JAX says so and compiles it.
COMPILED := JAX_COMPILATION_CACHE_DIR=$(CURDIR)/.compiled \
  JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
PYTEST := $(BIN)/python -m pytest -n $(JOBS) -q \
  -W "default:Error reading persistent compilation cache:UserWarning"

.PHONY: report test thorough fuzz fmt lint types docs bench check pictures lock torch models

report: $(STAMP)  ## the main job: four networks, one page
	@$(BIN)/relu-jax report --out report.html --force
	@echo "Open $(CURDIR)/report.html"

test: $(STAMP)  ## the tests; RELU_JAX_DATA names the folder of image files; LEAKS=1: escaped tracers
	@RELU_JAX_LEAKS=$(LEAKS) $(COMPILED) $(PYTEST)

thorough: $(STAMP)  ## the other half: the whole catalogue in every dtype, the theory; minutes
	@PYTHON=$(BIN)/python JOBS=$(JOBS) .ci/thorough --all

fuzz: $(STAMP)  ## 10,000 random programs through the tap, and 40 healthy networks; hours
	@RELU_JAX_FUZZ=10000 $(PYTEST) --thorough tests/tap/fuzz tests/diagnosis/test_healthy.py

fmt: $(STAMP)  ## bring the code into its form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

lint: $(STAMP)  ## the form and the rules of the code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)  ## the annotations
	@$(BIN)/pyright --pythonpath $(BIN)/python

# In a folder of its own: examples that write files leave none behind.
docs: $(STAMP)  ## every example in the package, the README and docs/
	@cd "$$(mktemp -d)" && JAX_PLATFORMS=cpu $(COMPILED) $(PYTEST) -c $(CURDIR)/pyproject.toml \
	  --rootdir $(CURDIR) --dist loadfile -p no:cacheprovider \
	  --doctest-modules --doctest-glob='*.md' $(CURDIR)/relu_jax $(CURDIR)/README.md $(CURDIR)/docs

bench: $(STAMP)  ## every benchmark; minutes
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file; done

check: lint types test docs  ## all that gates

pictures: report  ## the pictures of the README, from the main job's page; needs Debian's chromium
	@$(BIN)/python -m tests.report.chromium report.html docs/report.png 1280 1000
	@$(BIN)/python -m tests.report.chromium report.html docs/report_phone.png 390 844

# Newest releases that fit, written with hashes; the two JAX releases are what we promise.
lock: $(STAMP)  ## write both locks anew
	@printf 'jax==0.10.2\njaxlib==0.10.2\n' | \
	  $(UV_COMPILE) --python-version 3.11 -o requirements-floor.lock
	@printf 'jax==0.12.0.1\njaxlib==0.12.0.1\n' | \
	  $(UV_COMPILE) --python-version 3.13 -o requirements-newest.lock
	@$(BIN)/uv pip compile pyproject.toml -c requirements-floor.lock --no-config --quiet --universal \
	  --extra torch --extra dev --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --python-version 3.11 -o requirements-torch.lock
	@$(BIN)/uv pip compile pyproject.toml -c requirements-floor.lock --no-config --quiet --universal \
	  --extra models --extra dev --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --python-version 3.11 -o requirements-models.lock

# Gigabytes: PyTorch's wheels bring the libraries of a GPU along, whether there is one or not.
torch: $(STAMP)  ## PyTorch into the environment, for the tests marked torch and the benchmarks
	@$(BIN)/uv pip install --quiet --no-config --python $(BIN)/python --require-hashes \
	  -r requirements-torch.lock

models: $(STAMP)  ## models of Keras, Haiku, Transformers and Equimo, for the tests marked models
	@$(BIN)/uv pip install --quiet --no-config --python $(BIN)/python --require-hashes \
	  -r requirements-models.lock

$(STAMP): $(LOCKS) pyproject.toml .ci/venv
	@.ci/venv $(VENV) $(PYTHON_VERSION)
	@touch $@
