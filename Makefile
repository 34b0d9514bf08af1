# make video PROMPT="a red ball bounces on snow at sunset"   sets up what generating needs, generates, says where the mp4 is
# make serve                                                 the server on http://127.0.0.1:8000: page, API and /docs
# make test                                                  sets up everything, runs the checks and the tests
# make test-all                                              the slow tests as well
# make test-attacks                                          the attacks of docs/security.md, slow or not
# make gpu SECONDS=660                                     trains the model that ships by the clock, on a GPU (docs/gpu.md)
# make lint, make format                                     what the checks check, and what mends the form

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PROMPT ?= a red ball bounces on snow at sunset
SEED ?= 0
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: gpu video serve test test-all test-attacks lint format osmesa postgres chromium
export PROMPT

video: $(VENV)/.base
	@$(BIN)/langit generate --seed "$(SEED)" -- "$$PROMPT"

serve: $(VENV)/.serve
	@$(BIN)/langit serve

# Each part has a process of its own, so that one that crashes does not hide the results of the others (docs/LOG.md).
PARTS := 'tests/[a-c]*/' 'tests/[d-k]*/' 'tests/[l-q]*/' 'tests/r*/' 'tests/[s-z]*/' 'tests/test_*.py'
RUN_PARTS = status=0; for part in $(PARTS); do $(BIN)/python -m pytest $(MARKED) $$part || status=1; done; exit $$status

SECONDS ?= 660
gpu: $(VENV)/.worlds
	@$(BIN)/python scripts/gpu.py run -o out/gpu --seconds "$(SECONDS)" $(GPU_ARGS)

test: lint osmesa
	@$(RUN_PARTS)

test-all: MARKED = -m "slow or not slow"
test-all: lint osmesa postgres chromium
	@$(RUN_PARTS)

test-attacks: $(VENV)/.dev osmesa
	@$(BIN)/python -m pytest -m attack

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Installing is done once: a stamp is older than what it depends on only after that has changed.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here: install Python 3.11, or name another with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what generating needs into $(VENV) (once)"
	@$(PIP) -e .
	@touch $@

$(VENV)/.serve: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what serving needs into $(VENV) (once)"
	@$(PIP) -e '.[serve]'
	@touch $@ $(VENV)/.base

$(VENV)/.worlds: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what training needs into $(VENV) (once)"
	@$(PIP) -e '.[worlds]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what the tests need into $(VENV) (once)"
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.base $(VENV)/.serve

# MuJoCo draws the worlds with OSMesa where there is no GPU.
osmesa: | $(BIN)/python
	@has() { $(BIN)/python -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("OSMesa"))'; }; \
	has || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq libosmesa6; }; \
	has || echo "OSMesa is missing, so nothing can draw worlds: install libosmesa6 (Debian, Ubuntu) or mesa-libOSMesa (Fedora)"

# Tests of several workers start a Postgres of their own.
postgres:
	@has() { command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }; \
	has || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq postgresql; }; \
	has || echo "Postgres is missing, so its tests are skipped: install postgresql"

# The server's pages are driven in a browser.
chromium:
	@has() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null; }; \
	has || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium; }; \
	has || echo "Chromium is missing, so the tests of the pages are skipped: install chromium"
