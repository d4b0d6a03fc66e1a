# Two commands do everything on a fresh machine: `make sandbox` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := components policies doctor sandbox benchmarks settings outputs.py __main__.py scripts

# Where a machine sets it, each of the many processes of a test run would compile every source again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup lock lint format test test-fast test-mutations test-e2e test-sandbox test-full faults faults-again fixes ci-preview snapshots schema pages versions test-versions baseline lint-workflows clean bench counts wheel site

include sandbox/sandbox.mk

help: ## Show the commands.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Create .venv with everything pinned and hashed.

$(VENV)/.installed: requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "setup: there is no $(PYTHON) on PATH. Install Python 3.11 or later, or name one: make setup PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: $(PYTHON) is $$($(PYTHON) --version 2>&1), expected Python 3.11 or later. Install one, or name it: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) scripts/install.py $(VENV) requirements-dev.txt
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -m doctor "$$@"\n' "$(CURDIR)" "$(CURDIR)/$(BIN)/python" > $(BIN)/ca-doctor
	@chmod +x $(BIN)/ca-doctor
	@touch $@

lock: setup ## Compile requirements*.in to pinned, hashed *.txt.
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

lint-workflows: ## Lint the workflows with actionlint (needs Go).
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

format: setup ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: lint test-fast test-mutations test-e2e ## Lint and test everything about the product.

test-fast: setup ## Fast tests: no network, no tools.
	$(BIN)/pytest -n 2 --dist worksteal tests --ignore tests/e2e

test-mutations: setup ## Break the code; each break must fail a named test.
	$(BIN)/python scripts/mutations.py

test-e2e: setup ## Test the product on the sandbox.
	$(BIN)/python -m sandbox tools
	$(BIN)/pytest -n 3 --no-loadscope-reorder tests/e2e --durations 15 --junitxml build/e2e.xml

test-sandbox: setup ## Run the sandbox's own tests.
	$(BIN)/python -m sandbox tools
	$(BIN)/pytest -n 2 --no-loadscope-reorder sandbox/tests --durations 15 --junitxml build/sandbox.xml

test-full: setup ## Run all end-to-end tests, the long ones too (hours).
	$(BIN)/python -m sandbox tools
	$(BIN)/pytest -n 3 --no-loadscope-reorder tests/e2e --form full --durations 15 --junitxml build/e2e-full.xml

faults: setup ## Run the full reliability suite; write its page.
	$(BIN)/python -m sandbox tools
	@$(BIN)/pytest -n 2 tests/e2e/reliability --form full --junitxml build/reliability.xml; code=$$?; \
	  $(BIN)/python scripts/reliability_report.py build/reliability.xml docs/reliability.md && exit $$code

faults-again: setup ## Run again what failed in the last `make faults`.
	@$(BIN)/pytest tests/e2e/reliability --form full --last-failed --last-failed-no-failures none \
	  --junitxml build/reliability-again.xml; code=$$?; \
	  $(BIN)/python scripts/reliability_report.py build/reliability.xml build/reliability-again.xml docs/reliability.md && exit $$code

fixes: setup ## Type every first fix of the doctor in the sandbox.
	$(BIN)/python -m sandbox tools
	$(BIN)/pytest tests/e2e/doctor/test_doctor_faults.py --form full --durations 15

bench: setup ## Run all benchmarks (15 minutes); write their page.
	$(BIN)/python -m benchmarks

counts: setup ## Update the golden counts, and their page.
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/benchmarks/test_counts.py tests/e2e/benchmarks
	$(BIN)/python -m benchmarks --page

ci-preview: setup ## Preview local edits as a report for reviewers.
	@eval "$$($(SANDBOX) shell --stack $(STACK) --print)" && PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true \
	  pulumi preview --json --stack $(STACK) --policy-pack policies | $(BIN)/python -m scripts.preview_report $(STACK)

snapshots: setup ## Update the graph snapshots.
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/program

schema: setup ## Update the plugin's golden schema.
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/schema

baseline: setup ## Keep the state of `make sandbox` at a release.
	@eval "$$($(SANDBOX) shell --print)" && pulumi stack export --stack sandbox | $(BIN)/python scripts/baseline.py
	RECORD_BASELINE=1 $(BIN)/pytest -q tests/program/test_upgrade.py

pages: setup ## Update the generated pages of the documentation.
	$(BIN)/python -m scripts.pages

versions: setup ## Update the version tables from public sources.
	PATH="$(CURDIR)/.sandbox/bin:$$PATH" $(BIN)/python -m scripts.versions
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/program tests/schema
	$(BIN)/python -m scripts.pages

test-versions: setup ## Test with releases that do not exist (minutes).
	$(BIN)/python -m tests.fake_sources

wheel: setup ## Build the wheel of the last commit into dist/.
	rm -rf build/wheel && mkdir -p build/wheel
	git archive HEAD | tar -x -C build/wheel
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m pip wheel --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --wheel-dir dist build/wheel

$(VENV)-docs/.installed: requirements-docs.txt
	$(PYTHON) -m venv --clear $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.txt
	@touch $@

site: $(VENV)-docs/.installed ## Build the documentation site into build/site.
	@# Not --quiet: it hides warnings from --strict as well.
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --strict

clean: ## Remove virtual environments, caches and reports.
	rm -rf $(VENV) $(VENV)-docs components/venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build
