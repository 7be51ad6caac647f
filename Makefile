# Everything a person or a machine does with this repository. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help setup fetch fetch-demo fetch-tests fetch-latest demo test test-fresh \
    part-1 part-2 part-3 part-4 test-without-engine test-core test-integration test-with-engine \
    test-with-engine-1 test-with-engine-2 test-other-engines test-fleet \
    test-latest test-unit lint format bench many rush races races-postgres fleet servers \
    screenshots schema faults corpus openspec reference clean

# Programs are measured and tested with compiled modules, as they are when installed.
unexport PYTHONDONTWRITEBYTECODE

bin := .venv/bin
with_engine := scripts/with-engine
acceptance = $(with_engine) sh -c 'scripts/images.py && \
    exec $(bin)/pytest --durations=20 $(PYTEST_ARGS)
# Extra words for pytest, as in: make test-unit PYTEST_ARGS="-k lease -x"
PYTEST_ARGS ?=
# Extra words for benchmarks/corpus.py, and the folder that it measures on.
CORPUS_ARGS ?=
# Extra words for the fault harness, as in: make faults FAULTS_ARGS="--only 'kill up' --tries 9"
FAULTS_ARGS ?=
FLEET_ARGS ?=
DIR ?=
# How many requests schemathesis makes up for each route, at most.
EXAMPLES ?= 200

help: ## List what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## Make .venv with the project and its development dependencies
	@scripts/setup

fetch: setup ## Fetch all that the demo, the tests and the benchmarks need; nothing else fetches
	@$(bin)/python scripts/fetch.py

fetch-demo fetch-tests fetch-latest: setup
	@$(bin)/python scripts/fetch.py $(@:fetch-%=%)

demo: fetch-demo ## Two worktrees, two stacks at once, on a real engine; cleans up after itself
	@$(with_engine) scripts/demo

test: fetch-tests ## The checks and all tests, on real engines; cleans up after itself
	@$(MAKE) --no-print-directory --jobs 4 --output-sync=line part-1 part-2 part-3 part-4

# Each waits for something else most of the time: two engines, and programs that need none.
part-1: fetch-tests
	@$(MAKE) --no-print-directory --output-sync=none test-with-engine-1
	@$(MAKE) --no-print-directory --output-sync=none test-other-engines

part-2: fetch-tests
	@$(MAKE) --no-print-directory --output-sync=none test-with-engine-2

part-3: fetch-tests
	@$(MAKE) --no-print-directory --output-sync=none test-integration

part-4: fetch-tests
	@$(MAKE) --no-print-directory --output-sync=none lint test-core
	@$(MAKE) --no-print-directory --output-sync=none test-fleet

test-fresh: ## The demo and all tests with an empty home and cache, and no network once all is fetched
	@scripts/test-fresh

test-without-engine: fetch-tests test-core test-integration ## The tests that need no engine

test-core: fetch-tests ## The unit tests; what decides has to be covered wholly
	@$(bin)/pytest tests/unit --cov=composeports.core --cov=composeports.usecases --cov-branch --cov-fail-under=100 \
	    --cov-report=term:skip-covered -q

test-integration: fetch-tests ## The tests with real processes, files and databases, and no engine
	@$(bin)/pytest tests/integration $(PYTEST_ARGS)

test-with-engine: fetch-tests ## The acceptance tests, one after the other on one engine
	@$(acceptance) tests/acceptance --ignore tests/acceptance/engines'

# Two halves, so that they can run at the same time, each on an engine of its own.
test-with-engine-1: fetch-tests
	@$(acceptance) tests/acceptance/failures tests/acceptance/test_[a-g]*.py'

test-with-engine-2: fetch-tests
	@COMPOSEPORTS_DEV_APART=1 $(acceptance) tests/acceptance/test_[h-z]*.py'

test-other-engines: fetch-tests ## Podman, and Podman and Docker without root; each an engine of ours
	@for kind in $$(scripts/engine.py kinds); do COMPOSEPORTS_DEV_KIND=$$kind $(with_engine) sh -c \
	    'scripts/images.py tiny && exec $(bin)/pytest tests/acceptance/engines $(PYTEST_ARGS)' \
	    || exit; done

test-fleet: fetch-tests ## Machines that share a PostgreSQL store, each with an engine of its own
	@$(bin)/pytest tests/fleet --durations=5 $(PYTEST_ARGS)

fleet: fetch-tests ## Sixty worktrees on three machines at once, and what goes wrong: FLEET_ARGS="--tries 9"
	@PYTHONPATH=scripts $(bin)/python -m tests.fleet $(FLEET_ARGS)

test-latest: fetch-latest ## The acceptance tests on the newest engine, Compose and Podman that packages offer
	@COMPOSEPORTS_DEV_RELEASE=forky $(MAKE) --no-print-directory --jobs 3 --output-sync=line \
	    test-with-engine-1 test-with-engine-2 test-other-engines

test-unit: fetch-tests ## The tests that need no engine
	@$(bin)/pytest tests/unit tests/integration $(PYTEST_ARGS)

lint: setup ## Style, types and the direction of imports
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports
	$(bin)/python scripts/shape.py

format: setup ## Rewrite the code in the house style
	$(bin)/ruff check --fix .
	$(bin)/ruff format .

bench: fetch-tests ## The figures of docs/benchmarks.md, measured here
	@$(with_engine) sh -c 'scripts/images.py tiny && exec $(bin)/python -m benchmarks'

many: fetch-tests ## 60 stacks of two networks each at once, on one engine
	@$(with_engine) sh -c 'scripts/images.py tiny && exec $(bin)/python -m benchmarks.many'

rush: fetch-tests ## 20 worktrees up at the same instant, ten times, beside raw Compose
	@$(with_engine) sh -c 'scripts/images.py tiny && exec $(bin)/python -m benchmarks.rush'

servers: fetch-tests ## The HTTP server: start-up, requests per second, beside a route that does nothing
	@$(with_engine) $(bin)/python -m benchmarks.servers

schema: fetch-tests ## Many requests by schemathesis, after the OpenAPI document; EXAMPLES=... for more
	@COMPOSEPORTS_DEV_EXAMPLES=$(EXAMPLES) $(bin)/pytest tests/integration/servers/test_openapi.py \
	    --timeout 0 $(PYTEST_ARGS)

screenshots: fetch-tests ## The pictures of the page in docs/images
	@$(bin)/python -m tests.support.screenshots

races: setup ## 32 processes, 10,000 leases taken and given back on one store
	@$(bin)/python -m benchmarks.races

races-postgres: fetch-tests ## 64 processes, 20,000 leases on PostgreSQL; then the cost of many leases
	@$(bin)/python -m benchmarks.races --store postgres
	@$(bin)/python -m benchmarks.crowd

faults: fetch-tests ## Kill, starve, rob and mislead it on a real engine: FAULTS_ARGS="--list"
	@$(with_engine) sh -c "scripts/images.py tiny && \
	    exec $(bin)/python -m tests.faults $(FAULTS_ARGS)"

corpus: fetch-tests ## Measure on a folder of Compose files: make corpus DIR=... CORPUS_ARGS="--up"
	@$(with_engine) sh -c 'scripts/images.py tiny base && \
	    exec $(bin)/python benchmarks/corpus.py "$(DIR)" $(CORPUS_ARGS)'

openspec: fetch-tests ## Validate the specifications, strictly, with the official command
	@$(bin)/python scripts/openspec.py validate --all --strict

reference: setup ## Write the pages of docs/ that come from the program itself
	@$(bin)/python scripts/reference.py

clean: ## Stop our engines; remove .venv and what was fetched, built and cached
	@scripts/engine.py clean
	rm -rf .venv .venv.lock build dist htmlcov .coverage .coverage.* .hypothesis \
	    .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
