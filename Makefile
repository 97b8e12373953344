# Every target prints what it does; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/torpor
export UV_CACHE_DIR := $(CACHE)/uv
export UV_LINK_MODE := hardlink
export PYTHONPATH := operator:runtime:.
# Byte code belongs to the start-up times that the demo shows; a shell that forbids it would distort them.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/dev/bin/python
RUNTIME_PYTHON := .venv/runtime/bin/python

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  \033[1m%-22s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venvs
venvs: .venv/dev/.done .venv/runtime/.done ## Make both Python environments from the lock files

.venv/dev/.done: requirements/dev.txt scripts/venv.sh
	@scripts/venv.sh .venv/dev requirements/dev.txt

.venv/runtime/.done: requirements/runtime-dev.txt scripts/venv.sh
	@scripts/venv.sh .venv/runtime requirements/runtime-dev.txt

.PHONY: lock
lock: ## Write the hashed lock files again, one per extra
	@scripts/lock.sh

.PHONY: generate
generate: venvs ## Write the CRDs from the API models
	@$(PYTHON) -m torpor.cli crds --output crds

.PHONY: format
format: venvs ## Format the code
	@$(PYTHON) -m ruff format -q . && $(PYTHON) -m ruff check -q --fix .

.PHONY: check
check: venvs ## Lint, types, import rules, generated files, unit tests (under a minute)
	@scripts/check.sh

.PHONY: test-unit
test-unit: venvs ## Unit tests: values only
	@$(PYTHON) -m pytest -q tests/unit
	@$(RUNTIME_PYTHON) -m pytest -q tests/runtime

.PHONY: test-api
test-api: venvs ## Tests against a real API server and Knative's webhook and controller
	@$(PYTHON) -m cluster up --tier api
	@$(PYTHON) -m pytest -q tests/api

.PHONY: test-cluster
test-cluster: venvs ## Tests against a real one-node cluster
	@$(PYTHON) -m cluster up
	@$(PYTHON) -m pytest -q tests/cluster

.PHONY: test
test: ## Everything that CI runs: check, api, cluster, demo
	@scripts/test.sh

.PHONY: cluster-up
cluster-up: venvs ## Bring up the local cluster (the first time builds it: about 15 minutes)
	@$(PYTHON) -m cluster up

.PHONY: cluster-down
cluster-down: venvs ## Remove the local cluster and everything it changed
	@$(PYTHON) -m cluster down

.PHONY: cluster-status
cluster-status: venvs ## Show what runs and how to reach it
	@$(PYTHON) -m cluster status

.PHONY: cluster-logs
cluster-logs: venvs ## Show the logs of the cluster's programs (NAME=kubelet for one)
	@$(PYTHON) -m cluster logs $(NAME)

.PHONY: images
images: venvs ## Build the operator and runtime images and push them to the local registry
	@$(PYTHON) -m cluster images

.PHONY: demo
demo: venvs ## A real model from one YAML: asleep, waking, answering, asleep again
	@$(PYTHON) -m demo

.PHONY: clean
clean: ## Remove the environments of this clone (the cluster and the caches stay)
	@rm -rf .venv .ruff_cache .pytest_cache .hypothesis .import_linter_cache
