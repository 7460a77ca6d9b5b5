# Two commands: `make run PROMPT="…"` and `make test`. `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
# Not from the environment: `make clean` removes VENV.
VENV = .venv
OUT = out
# Processes that the tests are spread over.
WORKERS = 2

PROMPT ?= a friendly robot looking for a lost page
# A prompt is text: neither make nor the shell may read it as a program. `value` takes it as it was written, and it
# reaches the recipe through the environment alone.
override PROMPT := $(value PROMPT)
export PROMPT

BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-to-run
TEST_READY := $(VENV)/.ready-to-test
# An environment whose Python has gone is made anew.
ifneq ($(shell "$(BIN)/python" -c "print('alive')" 2>/dev/null),alive)
.PHONY: $(RUN_READY) $(TEST_READY)
endif

.PHONY: docs help run site test test-system lint typecheck lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

run: $(RUN_READY) ## make pictures from PROMPT="…" into out/ (OUT=…)
	@set -o pipefail; "$(BIN)/imajin" run -o "$(OUT)" -- "$$PROMPT" | "$(BIN)/python" tools/made.py "$(OUT)" "$(BIN)/imajin"

test: lint typecheck ## check style and types, and run the fast tests
	@"$(BIN)/python" -m pytest -n $(WORKERS) --dist loadfile -m "not slow and not gpu"

test-system: $(TEST_READY) ## run the slow tests too: installs, kills, whole sizes, other programs' checks
	@tools/validators
	@"$(BIN)/python" -m pytest -n $(WORKERS) --dist loadfile -m "slow and not gpu"

lint: $(TEST_READY) ## check style
	@"$(BIN)/ruff" check .

typecheck: $(TEST_READY) ## check types
	@tools/typecheck "$(BIN)/python"

docs: $(TEST_READY) ## make the generated parts of the docs anew
	@"$(BIN)/python" -m cogapp -r -I tools README.md docs/reference.md docs/diffusion.md
	@"$(BIN)/imajin" schema --typescript > clients/typescript/src/schema.ts

site: $(TEST_READY) ## build the documentation as a site into build/site/
	@"$(BIN)/python" -m sphinx -W --keep-going -q -b html docs build/site
	@echo build/site/index.html

lock: ## solve requirements/lock.txt anew
	@"$(PYTHON)" tools/lock.py

clean: ## remove what make and the tools made, the environment too
	@[[ ! -e "$(VENV)" || -f "$(VENV)/pyvenv.cfg" ]] || { echo "$(VENV) is no virtual environment" >&2; exit 2; }
	rm -rf "$(VENV)" build dist imajin.egg-info .typecheck .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(wildcard imajin_cli stages configs presets tests tools training docs examples benchmarks) -name __pycache__ -prune -exec rm -rf {} +

$(RUN_READY): pyproject.toml requirements/lock.txt
	@tools/install "$(PYTHON)" "$(VENV)" .
	@touch "$@"

$(TEST_READY): pyproject.toml requirements/lock.txt
	@tools/install "$(PYTHON)" "$(VENV)" ".[dev,docs]"
	@touch "$@" "$(RUN_READY)"
