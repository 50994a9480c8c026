# Commands for people; `make` lists them. Needs Python 3.11+, git and make, nothing exported.
#   make PYTHON=/path/to/python3.11 setup     another Python than the first one on PATH that is new enough

PY := .venv/bin/python
SETUP := @PYTHON="$(PYTHON)" sh tools/setup.sh
# A browser test waits more than it computes, so that more of them than there are cores run at once.
JOBS ?= 6
CODE := automation backend demo tools tests

# Kept bytecode halves what a worker of the tests, and each gateway that they start, compiles before it does anything.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo run test coverage check format bench bench-command soak clients image-test

help: ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "make %-13s %s\n", $$1, $$2 }'

setup: ## .venv, pinned requirements, a browser; done once, and again when they change
	$(SETUP) run

demo: ## a real chat page and the gateway before it, one question answered; ONCE=1 ends after the answer
	$(SETUP) demo
	@$(PY) -m demo.run $(if $(filter-out 0,$(ONCE)),--once)

run: ## the gateway alone, on http://127.0.0.1:8000
	$(SETUP) run
	@$(PY) -m backend.main

test: ## the whole test suite, JOBS of it at once; ARGS="-k name" passes arguments on
	$(SETUP) dev
	@[ -d tests/unit/__pycache__ ] || $(PY) -m pytest --collect-only -q >/dev/null 2>&1 || true # compiled once, not by each
	@$(PY) -m tests.fakes.editors || true # bundled once, before a test with a time limit waits for npm
	@$(PY) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

coverage: ## the same with branch coverage, which makes what computes three times as slow
	$(SETUP) dev
	@$(PY) -m pytest -n $(JOBS) --dist worksteal --cov --cov-report=term

check: ## linter, formatter, types, import rules
	$(SETUP) dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(CODE)
	.venv/bin/lint-imports

format: ## let the formatter and the linter mend what they can
	$(SETUP) dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: ## benchmarks: prints a table, writes bench-results.json
	$(SETUP) dev
	@$(PY) tests/benchmarks/run.py --output bench-results.json

bench-command: ## the command that the gateway benchmark starts, with {port} and {upstream} to fill in
	$(SETUP) run >&2
	@echo "$(CURDIR)/$(PY) $(CURDIR)/tests/benchmarks/serve.py --port {port} --upstream {upstream}"

soak: ## the slow kill and soak tests; interrupted, it goes on where it stopped (ARGS=--cache-clear: from the start)
	$(SETUP) dev
	@$(PY) -m pytest -p tests.resumable -m soak --timeout=1800 $(ARGS)

clients: ## other people's client libraries and coding agents against the gateway; installs them once, 1.7 GB
	$(SETUP) dev
	@$(PY) -m pytest -m clients --timeout=900 $(ARGS)

image-test: ## build the Docker image, ask a page in it, stop it; ENGINE=docker, podman or buildah, else the first that runs
	$(SETUP) run
	@$(PY) -m tools.image.run $(if $(ENGINE),--engine $(ENGINE))
