# SPDX-License-Identifier: GPL-3.0-or-later
# make demo   see the agent at work      make test   everything that can be tested
# Both install what they need: Debian packages (as root), and .venv for Python's.

VENV := .venv
BIN := $(VENV)/bin
PYTHON := /usr/bin/python3
AGENT := $(CURDIR)/$(BIN)/lvs-agent

RUN_PACKAGES := python3-venv snmpd snmp erlang-snmp
LAB_PACKAGES := user-mode-linux ipvsadm iproute2 kmod mount procps
TEST_PACKAGES := $(RUN_PACKAGES) $(LAB_PACKAGES) smitools shellcheck

SCRIPTS := .ci/run tools/need tools/demo tests/lab/boot tests/lab/init tests/lab/show \
	tests/lab/capture tests/lab/life tests/lab/refresh tests/lab/demo tests/lab/measure tests/lab/zero tests/lab/churn $(wildcard tests/lab/*.sh tests/lab/scenarios/*.sh)

.PHONY: help demo test lint unit lab recordings clean

help:
	@echo 'make demo          walk a recorded director through a private snmpd'
	@echo 'make demo LIVE=1   walk this machine'
	@echo 'make demo LAB=1    boot a kernel with IPVS, send traffic, walk that'
	@echo 'make test          lint, types, unit tests, tests through snmpd, tests on a real kernel'
	@echo 'make recordings    record the directors in tests/data again'
	@echo 'make clean         remove what the others made'

demo: $(VENV)/agent
	@tools/need $(RUN_PACKAGES) $(if $(LAB),$(LAB_PACKAGES))
	@tools/demo $(if $(LAB),lab,$(if $(LIVE),live,recorded)) $(AGENT)

test: lint unit lab

lint: $(VENV)/test
	@tools/need $(TEST_PACKAGES)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy lvs_agent tests
	$(BIN)/vermin --no-tips --violations -t=3.9- lvs_agent
	shellcheck -x $(SCRIPTS)

unit: $(VENV)/test
	@tools/need $(TEST_PACKAGES)
	$(BIN)/python -m pytest -q --ignore=tests/test_lab.py

lab: $(VENV)/test
	@tools/need $(TEST_PACKAGES)
	$(BIN)/python -m pytest -q -s tests/test_lab.py

recordings: $(VENV)/agent
	@tools/need $(LAB_PACKAGES) $(RUN_PACKAGES)
	tests/lab/refresh $(AGENT)

# the agent runs from the checkout: what is edited is what runs
$(VENV)/agent: pyproject.toml
	@tools/need python3-venv
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/test: $(VENV)/agent
	@$(BIN)/pip install -q --disable-pip-version-check -e .[test]
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
