# `make` draws the figures; `make help` lists what else there is.
#
# Every target sets up .venv by itself. PYTHON names the interpreter it is made from (3.11 or
# newer), ARGS is handed on to the program that the target runs:
#   make PYTHON=python3.12
#   make figures ARGS="--cores 8 --dry-run"
#   make test ARGS="-n 2 tests/test_graph.py"

.DEFAULT_GOAL := figures
.DELETE_ON_ERROR:
.PHONY: figures why report small fill gallery release benchmark compare growth density docs check \
    test slow lint format lock clean help FORCE

PYTHON ?= python3
ARGS ?=
UV := uv==0.13.9

VENV := .venv
# What goes into the environment beyond requirements.lock: by default what gradient descent runs on.
MORE := requirements-gradient.lock
STAMP := $(VENV)/.installed
# Rules call `sparsebp` by name, so the environment's programs come first.
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

# The stamp holds the folder the environment was made in; an environment that was copied or moved
# here, or whose interpreter is gone, is made anew. A link is replaced; what it leads to stays.
HERE := $(shell $(VENV)/bin/python -c '' 2>/dev/null && cat $(STAMP) 2>/dev/null)

figures: $(STAMP)  ## compute what is missing and draw the thesis's figures (the default)
	$(RUN) snakemake figures $(ARGS)

why: $(STAMP)  ## what plain snakemake would run, why, and for how long (ARGS=figures: for make)
	$(RUN) sparsebp why $(ARGS)

report: $(STAMP)  ## the whole study as a page to hand on: report.zip (to open: report/report.html)
	$(RUN) snakemake --report report.zip --report-after-run $(ARGS)

small: $(STAMP)  ## the same figures on the small configuration, in build/small
	$(RUN) snakemake figures --configfile tests/small.yaml --directory build/small $(ARGS)

fill: $(STAMP)  ## put the numbers about results into docs and the README
	$(RUN) snakemake results/numbers.json $(ARGS)
	$(RUN) python -m docs.fill results/numbers.json

gallery: $(STAMP)  ## put figures, verdicts, explorer and numbers into docs (ONLY=fig3_2: this figure alone)
ifdef ONLY
	$(RUN) snakemake $(ONLY:%=figures/%.png) $(ARGS)
	$(RUN) python -m docs.write_gallery figures docs/verdicts.json --only $(ONLY)
else
	$(RUN) snakemake all results/verdicts.json results/numbers.json $(ARGS)
	$(RUN) python -m docs.fill results/numbers.json
	$(RUN) python -m docs.write_gallery figures results/verdicts.json
endif

# The last step refuses, with the reasons, where anything is not committed or not of these sources.
release: gallery  ## the whole study, judged, in every page and picture, packed: build/release
	$(RUN) snakemake --report report.zip $(ARGS)
	$(RUN) python -m docs.release build/release

growth: $(STAMP)  ## time and memory against the number of neurons, into docs (some minutes)
	$(RUN) python -m speed.growth $(ARGS)

density: $(STAMP)  ## time and memory against the density of rows, into docs (some minutes)
	$(RUN) python -m speed.density $(ARGS)

# The pages in docs/api are made from the list in docs/api.rst.
docs: $(STAMP)  ## run the tutorial and write it, docs/ and the reference as pages: build/docs
	rm -rf build/docs docs/api
	$(RUN) python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs $(ARGS)

# In an environment of its own, so that the study does not depend on what it is compared with.
benchmark:  ## time the message updates beside PGMax and a plain loop (ARGS=--quick to try it out)
	@$(MAKE) --no-print-directory VENV=.venv-benchmark MORE=requirements-benchmark.lock compare

compare: $(STAMP)
	$(RUN) python -m speed $(ARGS)

# Tests in three tiers: `check` is part of `test`, and `slow` is the rest.
PYTEST := python -m pytest -n auto --no-loadscope-reorder

check: $(STAMP)  ## run the quick tests: three minutes, for after every edit
	$(RUN) $(PYTEST) --dist worksteal -m 'not thorough and not slow' $(ARGS)

test: $(STAMP)  ## run all tests but the slow ones
	$(RUN) $(PYTEST) --dist loadfile -m 'not slow' $(ARGS)

slow: $(STAMP)  ## run the slow tests: whole studies, faults, SLURM, the report in a browser
	$(RUN) $(PYTEST) --dist loadfile -m slow $(ARGS)

lint: $(STAMP)  ## check style, format and types of Python files, and the workflow
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) snakefmt --check Snakefile workflow
	$(RUN) python -m tests.lint

format: $(STAMP)  ## put Python files and the workflow into the standard format
	$(RUN) ruff check --fix-only
	$(RUN) ruff format
	$(RUN) snakefmt Snakefile workflow

# The stamp goes first and comes back last: without it, an interrupted installation starts afresh.
# The build backend is installed on its own, so that whatever has to be built from source, this
# package included, is built by the version whose hash is in the lock.
$(STAMP): requirements.lock $(MORE) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'Python 3.11 or newer is needed, and "$(PYTHON)" is not one.' \
	        'Name one: make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo '"$(PYTHON)" lacks the module venv (Debian, Ubuntu: apt install python3-venv).' \
	        >&2; exit 1; }
	@echo 'Setting up $(VENV) from requirements.lock; the first time takes a few minutes.'
	@test -f $@ && test "$(HERE)" = "$(CURDIR)" || { \
	    test ! -L $(VENV) || rm $(VENV); $(PYTHON) -m venv --clear $(VENV); }
	@rm -f $@
	sed -n '/^setuptools==/,/[^\\]$$/p' requirements.lock >$(VENV)/setuptools.lock
	$(PIP) install --quiet --require-hashes --no-deps -r $(VENV)/setuptools.lock
	$(PIP) install --require-hashes --no-build-isolation -r requirements.lock
	$(if $(MORE),$(PIP) install --require-hashes --no-deps --no-build-isolation -r $(MORE))
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@pwd -P >$@

ifneq ($(HERE),$(CURDIR))
$(STAMP): FORCE
endif
FORCE:

# Keeps the locked versions where pyproject.toml still allows them; ARGS=--upgrade takes newer ones.
# The locks of extras hold what those need beyond requirements.lock, at versions that agree.
lock:  ## write all locks anew from pyproject.toml (ARGS=--upgrade for newer versions)
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	$(PYTHON) -m venv "$$tmp" && \
	"$$tmp/bin/python" -m pip --disable-pip-version-check install --quiet '$(UV)' && \
	compile() { "$$tmp/bin/uv" pip compile --quiet --universal --python-version 3.11 \
	    --fork-strategy fewest --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock' $(ARGS) "$$@" pyproject.toml; } && \
	compile --extra study --extra dev --extra docs --output-file requirements.lock && \
	for extra in gradient benchmark; do \
	    compile --extra $$extra --output-file requirements-$$extra.lock \
	        --constraint requirements.lock \
	        $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.lock) || exit; done

clean:  ## remove everything the workflow made; the environment stays
	rm -rf results figures logs benchmarks build docs/api report.zip report.html .snakemake

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | \
	    while IFS='|' read -r name text; do printf '%-9s %s\n' "$$name" "$$text"; done
