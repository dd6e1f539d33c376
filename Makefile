# Two commands after a clone, with nothing installed but Python 3.11 or newer:
#   make demo    plays a practice's day on the whole stack and proves it
#   make test    all that CI runs

BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help .venv .browser demo dev test check quick bench lock clean

help: ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 8

demo: .venv ## play a practice's day on the whole stack
	$(BIN)/tieout demo

dev: .venv ## run the whole stack until Ctrl-C
	$(BIN)/tieout dev

# More processes than cores: many tests wait. Types, layers and floats are tests among the others.
test: ## everything: format, lint, every test
	@$(MAKE) --no-print-directory -j2 .browser .venv
	@$(MAKE) --no-print-directory quick
	$(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder

check: quick ## format, lint, types, layers, money without floats
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_no_float.py

quick: .venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

bench: .venv ## measure throughput and latency on this machine
	$(BIN)/python -m bench

lock: ## resolve the newest versions that pyproject.toml allows (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra dev --upgrade \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
		--quiet --output-file requirements.lock

clean: ## forget the environment and caches; the state in .tieout stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.browser:
	@.ci/browser

.venv: .venv/.complete

.venv/.complete: requirements.lock .ci/bootstrap
	@.ci/bootstrap
