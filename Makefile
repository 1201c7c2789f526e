# `make demo` and `make test` need Python 3.11+, Go and make; everything else is set up by them.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
CACHE := $(or $(ALLOMIA_PULUMI_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/allomia-pulumi)

export RUFF_CACHE_DIR := $(CACHE)/ruff
export MYPY_CACHE_DIR := $(CACHE)/mypy
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
export COVERAGE_FILE := $(CURDIR)/$(VENV)/coverage
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The floor is in pyproject.toml. Only the unit tests count: what they do not reach has no test that names the rule.
COVERED := --cov --cov-report=

.PHONY: demo test test-pythons test-floors sweep sweep-core load bench bench-compare bench-large check unit engine schema docs sdk sdk-check release release-check format clean

demo: $(VENV)/ready ## the whole job on the real engine; KEEP=1 leaves servers and project in place
	@$(RUN) -m tools.demo $(if $(KEEP),--keep)

test: check ## linters, types, import contracts and all tests
	@$(RUN) -m tools.engine.build
	@$(RUN) -m pytest -q -n 3 --dist worksteal $(COVERED) tests/unit -o cache_dir=$(CACHE)/pytest
	@$(RUN) -m pytest -q -n 3 --dist worksteal --ignore=tests/unit -o cache_dir=$(CACHE)/pytest

test-pythons: $(VENV)/ready ## unit and contract tests on each supported Python that is here; ONLY="3.12 3.13", TESTS=tests/unit
	@$(RUN) -m tools.pythons --only "$(ONLY)" $(TESTS)

test-floors: $(VENV)/ready ## the same once, on the oldest version of each dependency that pyproject.toml declares
	@$(RUN) -m tools.pythons --floors --only "$(ONLY)" $(TESTS)

sweep: $(VENV)/ready ## the long tests on the real engine, and fuzzing with new examples
	@$(RUN) -m tools.engine.build
	@ALLOMIA_FUZZ=random $(RUN) -m pytest -q -n 2 -m "not long" -k fuzz tests/unit -o cache_dir=$(CACHE)/pytest
	@$(RUN) -m pytest -q -n 2 --dist worksteal -m long -o cache_dir=$(CACHE)/pytest

sweep-core: $(VENV)/ready ## a fixed part of the sweep: every boundary by every strike, and who else may end a run
	@$(RUN) -m tools.engine.build
	@$(RUN) -m pytest -q -n 2 --dist worksteal -m core -o cache_dir=$(CACHE)/pytest

load: $(VENV)/ready ## 1,000 keys over 500 organizations while requests fail at random; about 20 minutes for each face
	@$(RUN) -m tools.engine.build
	@$(RUN) -m tools.load

bench: $(VENV)/ready $(VENV)/bench-ready ## both faces beside two hand-written providers and one that does nothing; half an hour
	@$(RUN) -m tools.engine.build
	@$(RUN) -m benchmarks --minutes 28

bench-compare: $(VENV)/ready ## what `make bench` tells to be worse or better than what is committed; BASE=HEAD
	@$(RUN) -m benchmarks.comparison --revision "$(or $(BASE),HEAD)"

bench-large: $(VENV)/ready $(VENV)/bench-ready ## the same with 1,000 keys; can be resumed: run it again
	@$(RUN) -m tools.engine.build
	@$(RUN) -m benchmarks --keys 100:3 --keys 1000:1 --latency 100 --no-checkpoints --resume \
		--name bench-large --samples $(CACHE)/bench/large.jsonl

check: $(VENV)/ready ## linters, types and import contracts
	@$(VENV)/bin/ruff check --quiet
	@$(VENV)/bin/ruff format --check --quiet
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --cache-dir $(CACHE)/import-linter --no-logo 2>&1 | tail -n 1

unit: $(VENV)/ready ## the fast tests, without engine and servers
	@$(RUN) -m pytest -q tests/unit -o cache_dir=$(CACHE)/pytest

engine: $(VENV)/ready ## find or build the Pulumi engine
	@$(RUN) -m tools.engine.build

schema: $(VENV)/ready ## write the schema from the core's models
	@$(RUN) -m tools.schema

docs: $(VENV)/ready ## write the generated parts of the pages
	@$(RUN) -m tools.docs
	@$(RUN) -m tests.faults.catalogue.page

sdk: $(VENV)/ready ## write the SDKs of other languages from the schema, into sdk/
	@$(RUN) -m tools.engine.sdks

sdk-check: $(VENV)/ready ## fail if `make sdk` would change anything
	@$(RUN) -m tools.engine.sdks --check

# Neither make nor the shell reads what is in these: an address has variables of its own, and a tag is another's text.
release release-check: export override PLUGIN_DOWNLOAD_URL := $(value PLUGIN_DOWNLOAD_URL)
release: export override TAG := $(value TAG)

release: $(VENV)/release-ready ## build every file of a release into dist/, from the commit; PLUGIN_DOWNLOAD_URL=…, TAG=v…
	@$(RUN) -m tools.release --tag="$$TAG"

release-check: $(VENV)/release-ready ## all of a release but the upload: build twice and compare, install each artefact and use it
	@$(RUN) -m tools.engine.build
	@$(RUN) -m tools.release.check

format: $(VENV)/ready ## let ruff lay out the code
	@$(VENV)/bin/ruff check --fix --quiet
	@$(VENV)/bin/ruff format --quiet

clean: ## remove the environment
	rm -rf $(VENV)

$(VENV)/ready: pyproject.toml constraints.txt allomia_pulumi/_version.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	@echo "setting up the Python environment in $(VENV) (about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(VENV)/bench-ready: $(VENV)/ready
	@$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	@touch $@

$(VENV)/release-ready: $(VENV)/ready
	@$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable '.[release]'
	@touch $@
