# Two commands are enough: `make demo` to see it, `make test` to trust it.
VENV   := .venv
PY     := $(VENV)/bin/python
PYTHON ?= python3
STAMP  := $(VENV)/.installed
SUDO   := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
PORT   ?= 8080
SPEED  ?= 120

.PHONY: demo demo-cluster test soak fuzz postgis lint bench screenshots clean system-tools redis-tools postgis-tools
.DEFAULT_GOAL := demo

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lalert needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV) || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3-venv && $(PYTHON) -m venv --clear $(VENV); }

$(VENV)/.run: $(VENV)/bin/python setup.cfg pyproject.toml
	$(PY) -m pip install --quiet --editable .
	touch $@

$(STAMP): $(VENV)/.run
	$(PY) -m pip install --quiet --editable '.[test,lint,boundaries]'
	touch $@

# The tests drive a real browser (its fonts draw the Japanese pages) and start Redis servers of their own.
system-tools: redis-tools
	@command -v chromium >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; }

redis-tools:
	@command -v redis-server >/dev/null || command -v valkey-server >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq redis-server >/dev/null; }

# A PostGIS to be held against. The tests start a server of their own; the package's own one is not used.
postgis-tools:
	@ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends postgresql postgresql-postgis >/dev/null; }

demo: $(VENV)/.run
	$(VENV)/bin/lalert demo --port $(PORT) --speed $(SPEED)

# Two hubs on a Redis of their own; the one that is read from is killed on the way, and nothing is missed.
demo-cluster: $(VENV)/.run redis-tools
	$(VENV)/bin/lalert demo --nodes 2 --port $(PORT) --speed $(SPEED)

test: $(STAMP) system-tools
	$(PY) -m pytest -n logical --dist loadfile $(PYTEST_ARGS)

# Hours rather than minutes: a million mutated messages, hundreds of kills, thousands of random histories.
soak: $(STAMP) system-tools postgis
	LALERT_FUZZ=1000000 LALERT_CRASH_ROUNDS=500 LALERT_HISTORIES=5000 LALERT_TEST_REALM_POSTS=5000 \
	$(PY) -m pytest -o faulthandler_timeout=0 -m "soak or not soak" tests/cap/test_fuzz.py tests/crash tests/contract/test_histories.py \
	    tests/live/test_realms.py tests/cli/test_demo.py $(PYTEST_ARGS)

# The same answers as PostGIS: ten thousand outlines, a hundred thousand residents.
postgis: $(STAMP) postgis-tools
	$(PY) -m pytest -o faulthandler_timeout=0 -m postgis -s tests/postgis $(PYTEST_ARGS)

# Messages hunted by coverage; `make fuzz FUZZ_ARGS="-max_total_time=3600"`.
FUZZ_ARGS ?= -max_total_time=600
fuzz: $(STAMP)
	$(PY) -m pip install --quiet --editable '.[fuzz]'
	$(PY) -m tests.cap.fuzz_atheris $(FUZZ_ARGS)

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy lalert

# The readers of others that case `cap` measures beside ours.
$(VENV)/.peers: $(STAMP)
	$(PY) -m pip install --quiet --editable '.[bench]'
	touch $@

bench: $(VENV)/.peers
	$(PY) -m benchmarks $(BENCH_ARGS)

screenshots: $(STAMP) system-tools
	$(PY) docs/screenshots.py

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
