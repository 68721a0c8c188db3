.PHONY: help up down fmt lint types arch test test-all migrate replay docs docs-check lock
PYTHON := .venv/bin/python

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14
up: ## run the desk until Ctrl-C
	./airdesk up
down: ## stop the desk
	./airdesk down
fmt: ## format the code
	$(PYTHON) -m ruff format .
lint: ## ruff
	$(PYTHON) -m ruff check .
types: ## mypy, strict
	$(PYTHON) -m mypy
arch: ## the arrows between the rooms
	./airdesk test tests/architecture
test: ## the tests that take seconds
	./airdesk test --unit
test-all: ## every test
	./airdesk test
migrate: ## apply database migrations
	./airdesk migrate
replay: ## replay stored history: make replay ARGS="--from 2024-01-02 --to 2024-06-28"
	./airdesk replay run $(ARGS)
docs: ## write the pages that are made of the code
	PYTHONPATH=plugins $(PYTHON) -m trading.entrypoints.documentation
docs-check: ## the documentation against the code
	./airdesk test tests/docs
lock: ## resolve requirements.txt from pyproject.toml, and the locks of other clients, peers and mutmut
	uv pip compile --universal --python-version 3.12 --generate-hashes --group dev --no-annotate --no-header \
		--output-file requirements.txt pyproject.toml
	for name in ib_async ibapi massive; do uv pip compile --universal --python-version 3.12 --generate-hashes --no-annotate \
		--no-header --output-file tests/clients/$$name.txt tests/clients/$$name.in; done
	for name in backtrader bt vectorbt; do uv pip compile --universal --python-version 3.12 --generate-hashes --no-annotate \
		--no-header --output-file benchmarks/peers/$$name.txt benchmarks/peers/$$name.in; done
	uv pip compile --universal --python-version 3.12 --generate-hashes --no-annotate --no-header \
		--output-file tests/mutation/mutmut.txt tests/mutation/mutmut.in
