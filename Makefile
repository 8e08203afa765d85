# musqa: `make demo` and `make test` set everything up by themselves; Python 3.11 and make suffice.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SITE := $(VENV)/.site
# Buildings whose docstrings have sections, because people use them as libraries.
SECTIONED := audio studies learning scoring
SETTINGS := -c constraints.txt -e ".[m4a,factory,dev]"

.PHONY: help setup demo ui test test-long check format docs docs-site pictures browser drill faults fuzz audit \
  postgres speech sampler clean

help:  ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found; install Python 3.11 or set PYTHON=…"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (some minutes the first time) …"
	@# One at a time: torch first, so that nothing asks for another build of it.
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt torch
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(SETTINGS)
	@$(BIN)/python -c "import musqa_pipeline, dagster, torch"
	@touch $(READY)

setup: $(READY)  ## Make the virtual environment and install musqa in it.

demo: $(READY)  ## Run the whole graph on the embedded demo catalog (minutes on two cores).
	@$(BIN)/musqa demo

ui: $(READY)  ## Open Dagster's UI with its daemon: PORT=3000, on this machine alone.
	@# With DAGSTER_HOME in the environment dg reads dagster.yaml, where telemetry is off.
	@DAGSTER_HOME="$(CURDIR)" $(BIN)/dg dev --host 127.0.0.1 --port $(or $(PORT),3000)

test: check  ## Check style and types, then run the tests (minutes on two cores).
	@$(BIN)/python -m pytest -m "not long" -n 2 --dist worksteal -q

test-long: check $(SITE)  ## All tests, also slow kills and full oracles.
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q

drill: $(READY)  ## Break a small factory some 250 times and count what is lost (minutes on two cores).
	@$(BIN)/python -m tests.drill --json .drill/drill.json

faults:  ## Install Debian's libfaketime, for the drill's chapter of clocks (root).
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || \
	  { apt-get update -q && apt-get install -y --no-install-recommends libfaketime; }

check: $(READY)  ## Format, lint, types, docstrings, imports.
	@$(BIN)/ruff format --check --quiet . || { echo "error: run make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m numpydoc.hooks.validate_docstrings \
	  $$(git ls-files $(SECTIONED:%='musqa_pipeline/%/*.py'))
	@$(BIN)/lint-imports --no-logo

format: $(READY)  ## Format the code and mend what can be mended.
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

docs: $(READY)  ## Write docs/tables.md from the schemas.
	@$(BIN)/python -m musqa_pipeline.stages.views.tables_page docs/tables.md

$(SITE): $(READY)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[docs]"
	@touch $(SITE)

docs-site: $(SITE)  ## Build the documentation site in site/, with search and the API.
	@$(BIN)/python docs/scripts/build_site.py

browser:  ## Install Debian's Chromium, which `make pictures` needs (root).
	@command -v chromium >/dev/null || { apt-get update -q && apt-get install -y --no-install-recommends chromium fonts-dejavu-core; }

postgres:  ## Install Debian's PostgreSQL server, which tests of the instance on it need (root).
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  { apt-get update -q && apt-get install -y --no-install-recommends postgresql; }

speech:  ## Install Debian's speech synthesisers, which some tests of speech need (root).
	@command -v espeak-ng >/dev/null && command -v flite >/dev/null && command -v text2wave >/dev/null || \
	  { apt-get update -q && apt-get install -y --no-install-recommends espeak-ng flite festival \
	  festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k festvox-itapc16k festvox-ru \
	  festvox-suopuhe-lj festvox-suopuhe-mv festvox-czech-dita; }

sampler:  ## Install Debian's FluidSynth and a sound font, which play `musqa catalog sampled` (root).
	@command -v fluidsynth >/dev/null && ls /usr/share/sounds/sf2/FluidR3_GM.sf2 >/dev/null 2>&1 || \
	  { apt-get update -q && apt-get install -y --no-install-recommends fluidsynth fluid-soundfont-gm; }

SECONDS ?= 60
fuzz: $(READY)  ## Fuzz readers of foreign input: READER=… (all when left out), SECONDS=60 each.
	@$(BIN)/python -c "import atheris" 2>/dev/null || \
	  $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[fuzz]"
	@$(BIN)/python -m fuzz.run $(READER) --seconds $(SECONDS)

pictures: $(READY) browser  ## Take the pictures of the UI and of the report in docs/pictures/.
	@$(BIN)/python docs/scripts/take_pictures.py

audit: $(READY)  ## Check licences of dependencies, and known vulnerabilities (needs the index's network).
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt "pip-audit>=2.10"
	@$(BIN)/python -m audit

clean:  ## Delete the virtual environment and caches; data stays.
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
