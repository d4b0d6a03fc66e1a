# Two commands do everything on a fresh machine: `make sandbox` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := components policies doctor sandbox benchmarks settings outputs.py __main__.py scripts

.DEFAULT_GOAL := help
.PHONY: help setup lock lint format test test-fast test-mutations test-e2e test-sandbox faults faults-again ci-preview snapshots schema pages versions test-versions baseline lint-workflows clean bench counts wheel site

include sandbox/sandbox.mk

help: ## Show the commands.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Make the virtual environment with everything pinned and hashed.

$(VENV)/.installed: requirements-dev.txt
	@echo "setup: installing pinned requirements into $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: got $$($(PYTHON) --version); expected Python 3.11 or later (PYTHON=...)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

lock: setup ## Compile requirements*.in to pinned and hashed requirements*.txt.
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	for name in requirements-dev requirements requirements-docs tests/e2e/judges/requirements; do \
	  .venv-lock/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 $$name.in -o $$name.txt; \
	done
	rm -rf .venv-lock

lint: setup ## Lint and type-check.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/python scripts/check_examples.py
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet .github

lint-workflows: ## Lint the workflows by actionlint as well (needs Go).
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

format: setup ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: lint test-fast test-mutations test-e2e ## Everything about the product: the truth about this project.

test-fast: setup ## Unit, component, policy, program and doctor tests: no network, no tools.
	$(BIN)/pytest -n 2 --dist worksteal tests --ignore tests/e2e

test-mutations: setup ## Break the code in known ways; each break must fail a named test.
	$(BIN)/python scripts/mutations.py

test-e2e: setup ## The product on the sandbox, with the real Pulumi engine and Kubernetes API.
	$(BIN)/python -m sandbox tools
	$(BIN)/pytest -n 2 --no-loadscope-reorder tests/e2e --durations 15 --junitxml build/e2e.xml

test-sandbox: setup ## The sandbox's own tests; only for who changes the sandbox.
	$(BIN)/python -m sandbox tools
	$(BIN)/pytest -n 2 --no-loadscope-reorder sandbox/tests --durations 15 --junitxml build/sandbox.xml

faults: setup ## The full reliability suite; writes docs/reliability.md, also when something fails.
	$(BIN)/python -m sandbox tools
	@$(BIN)/pytest -n 2 tests/e2e/reliability --reliability full --junitxml build/reliability.xml; code=$$?; \
	  $(BIN)/python scripts/reliability_report.py build/reliability.xml docs/reliability.md && exit $$code

faults-again: setup ## What failed in the last `make faults`, once more; the page is then written from both runs.
	@$(BIN)/pytest tests/e2e/reliability --reliability full --last-failed --last-failed-no-failures none \
	  --junitxml build/reliability-again.xml; code=$$?; \
	  $(BIN)/python scripts/reliability_report.py build/reliability.xml build/reliability-again.xml docs/reliability.md && exit $$code

bench: setup ## Measure everything on the embedded cloud (a quarter of an hour); writes docs/benchmarks.md.
	$(BIN)/python -m benchmarks

counts: setup ## Write the golden counts of calls and resources anew; look at the difference.
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/benchmarks/test_counts.py tests/e2e/benchmarks

ci-preview: setup ## What a reviewer of the edits at hand would see, as Markdown: against what `make sandbox` deployed.
	@eval "$$($(SANDBOX) shell --stack $(STACK) --print)" && PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true \
	  pulumi preview --json --stack $(STACK) --policy-pack policies | $(BIN)/python -m scripts.preview_report $(STACK)

snapshots: setup ## Write the graph snapshots anew; look at the difference.
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/program

schema: setup ## Write the plugin's golden schema anew; look at the difference.
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/schema

baseline: setup ## At a release: keep the state of `make sandbox`, against which later versions are previewed.
	@eval "$$($(SANDBOX) shell --print)" && pulumi stack export --stack sandbox | $(BIN)/python scripts/baseline.py
	RECORD_BASELINE=1 $(BIN)/pytest -q tests/program/test_upgrade.py

pages: setup ## Write the pages of the documentation that are made from the code anew.
	$(BIN)/python -m scripts.pages

versions: setup ## Refresh the tables of versions from their public sources, and what is made from them; look at the difference.
	PATH="$(CURDIR)/.sandbox/bin:$$PATH" $(BIN)/python -m scripts.versions
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/program tests/schema
	$(BIN)/python -m scripts.pages

test-versions: setup ## The fast tests on a copy of the checkout with releases that do not exist (a few minutes).
	$(BIN)/python -m tests.played_sources

wheel: setup ## Build the wheel of the last commit into dist/, the same bytes on every machine.
	rm -rf build/wheel && mkdir -p build/wheel
	git archive HEAD | tar -x -C build/wheel
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m pip wheel --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --wheel-dir dist build/wheel

$(VENV)-docs/.installed: requirements-docs.txt
	$(PYTHON) -m venv --clear $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.txt
	@touch $@

site: $(VENV)-docs/.installed ## Build the documentation as a site with search into build/site; a dead link fails it.
	@# Not --quiet: it hides warnings from --strict as well.
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --strict

clean: ## Remove the virtual environments, caches and reports.
	rm -rf $(VENV) $(VENV)-docs components/venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build
