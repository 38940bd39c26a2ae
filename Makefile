# SPDX-License-Identifier: GPL-3.0-or-later
# make demo   see the agent at work      make test   everything that can be tested
# Both install what they need: Debian packages (as root), and .venv for Python's. make and git are
# what is there before.

VENV := .venv
BIN := $(VENV)/bin
PYTHON := /usr/bin/python3
AGENT := $(CURDIR)/$(BIN)/lvs-agent

RUN_PACKAGES := python3-venv snmpd snmp erlang-snmp
# a compiler for tests/lab/xstate.c
UML_PACKAGES := user-mode-linux $(shell grep -qsw amx_tile /proc/cpuinfo && echo gcc libc6-dev)
LAB_PACKAGES := $(UML_PACKAGES) ipvsadm iproute2 kmod mount procps
TEST_PACKAGES := $(RUN_PACKAGES) $(LAB_PACKAGES) smitools shellcheck mandoc groff-base
POLLER_PACKAGES := mrtg munin-node systemd monitoring-plugins-standard nagios4-core msmtp-mta \
	icinga2-bin snmptrapd faketime libnet-snmp-perl libcrypt-des-perl libdigest-hmac-perl rrdtool libexpat1
# of these releases, on whichever machine: what contrib has for each is tried
DEBS_bookworm := prometheus-snmp-exporter ganglia-monitor libganglia1 libapr1 libconfuse2 \
	libpcre3 libtirpc3 libtirpc-common
DEBS_trixie := prometheus-snmp-exporter
CACTI_PACKAGES := rrdtool iproute2 mariadb-server-core mariadb-client-core php-cli php-mysql \
	php-snmp php-xml php-mbstring php-gmp
CACTI_SUITES := bookworm bullseye trixie
BENCH_PACKAGES := gcc libc6-dev keepalived
BUILD_PACKAGES := build-essential debhelper rpm
IMAGE_PACKAGES := $(UML_PACKAGES) mmdebstrap e2fsprogs lintian rpmlint

# the date of what is in a package: with it the same source gives the same bytes
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)

SCRIPTS := .ci/run tools/need tools/demo tools/mirror tools/fresh tools/debs \
	tests/lab/boot tests/lab/init tests/lab/show \
	tests/lab/capture tests/lab/life tests/lab/refresh tests/lab/demo tests/lab/measure \
	tests/lab/counters tests/lab/churn tests/lab/keepalived tests/lab/faults tests/lab/many \
	$(wildcard tests/lab/*.sh tests/lab/scenarios/*.sh) \
	packaging/stage packaging/common.sh packaging/build-deb packaging/build-rpm \
	packaging/debian/lvs-agent.postinst packaging/debian/lvs-agent.postrm \
	tests/packages/image tests/packages/guest \
	contrib/ganglia/lvs-gmetric contrib/prometheus/generate \
	contrib/recipes/vip-rate contrib/recipes/director-load \
	$(wildcard tests/packages/*.sh)

# Python without the ending
PROGRAMS := tools/manpage packaging/lvs-agent contrib/cacti/generate tests/cacti/run

.PHONY: help demo fresh packages deb rpm test lint unit lab lab-counters lab-churn bench soak fuzz \
	test-packages test-pollers test-cacti recordings clean

help:
	@echo 'make demo          walk a recorded director through a private snmpd'
	@echo 'make demo LIVE=1   walk this machine'
	@echo 'make demo LAB=1    boot a kernel with IPVS, send traffic, walk that'
	@echo 'make fresh         the demo and the tests on a Debian made just now; or SUITE=trixie, RUN="..."'
	@echo 'make packages      a deb and rpms, in build/packages; make deb, make rpm: one of them'
	@echo 'make test          lint, types, unit tests, tests through snmpd, tests on a real kernel'
	@echo 'make soak          walk a director that is edited all the time, for an hour; or SECONDS=...'
	@echo 'make fuzz          a million made-up inputs for each of four parsers; or INPUTS=..., SECONDS=...'
	@echo 'make test-packages install, upgrade and remove them on clean machines under systemd'
	@echo 'make test-pollers  run what is in contrib by the programs it is for'
	@echo 'make test-cacti    poll a director with a real Cacti while a service goes and comes back'
	@echo 'make bench         what it costs beside others; ONLY="walk-1000 ..." for some of it'
	@echo 'make recordings    record the directors in tests/data again'
	@echo 'make clean         remove what the others made'

demo: $(VENV)/agent
	@tools/need $(RUN_PACKAGES) $(if $(LAB),$(LAB_PACKAGES))
	@tools/demo $(if $(LAB),lab,$(if $(LIVE),live,recorded)) $(AGENT)

fresh:
	@tools/fresh $(or $(SUITE),bookworm) '$(or $(RUN),make demo && make test)'

packages: deb rpm

deb: build/stage.made
	packaging/build-deb build/stage build/packages

rpm: build/stage.made
	packaging/build-rpm build/stage build/packages

# all that needs the network is here and before: the packages are built without
build/stage.made: $(VENV)/agent $(shell find lvs_agent -name '*.py') packaging/stage \
		packaging/requirements.txt packaging/lvs-agent packaging/snmpd.conf packaging/systemd/* \
		mibs/LVS-MIB.txt tools/manpage docs/* README.md CHANGELOG.md LICENSE snmpd.conf.example
	@tools/need $(BUILD_PACKAGES)
	packaging/stage $(BIN)/python build/stage
	@rm -rf build/packages
	@touch $@

test: lint unit lab

lint: $(VENV)/test
	@tools/need $(TEST_PACKAGES)
	$(BIN)/ruff check . $(PROGRAMS)
	$(BIN)/ruff format --check . $(PROGRAMS)
	$(BIN)/mypy lvs_agent tests
	$(BIN)/vermin --no-tips --violations -t=3.9- lvs_agent
	shellcheck -x $(SCRIPTS)

unit: $(VENV)/test
	@tools/need $(TEST_PACKAGES)
	$(BIN)/python -m pytest -q --ignore=tests/test_lab.py --ignore=tests/test_counters.py \
		--ignore=tests/test_churn.py --ignore=tests/test_packages.py --ignore=tests/pollers \
		--ignore=tests/contrib

# the two that take minutes side by side, a processor each
lab: $(VENV)/test
	@tools/need $(TEST_PACKAGES)
	$(BIN)/python -m pytest -q -s tests/test_lab.py
	@$(MAKE) --no-print-directory --jobs=2 --output-sync lab-counters lab-churn

lab-counters lab-churn: lab-%:
	$(BIN)/python -m pytest -q -s tests/test_$*.py

soak: $(VENV)/test
	@tools/need $(RUN_PACKAGES) $(LAB_PACKAGES)
	@$(BIN)/python -m tests.soak $(or $(SECONDS),3600) $(SEED)

fuzz: $(VENV)/test
	@$(BIN)/python -m tests.fuzz $(TARGETS) --seed $(or $(SEED),$(shell date +%s)) \
		$(if $(SECONDS),--seconds $(SECONDS),--inputs $(or $(INPUTS),1000000))

bench: $(VENV)/test
	@tools/need $(TEST_PACKAGES) $(BENCH_PACKAGES)
	$(BIN)/python -m tests.bench --json build/bench/bench.json $(ONLY)

test-pollers: $(VENV)/test build/test/bookworm build/test/trixie
	@tools/need $(TEST_PACKAGES) $(POLLER_PACKAGES)
	$(BIN)/python -m pytest -q tests/pollers tests/contrib

build/test/bookworm build/test/trixie: build/test/%: tools/debs tools/mirror
	@rm -rf $@ $@.debs
	tools/debs $* $@.debs $(DEBS_$*)
	@for deb in $@.debs/*.deb; do dpkg-deb -x $$deb $@ || exit; done
	@rm -rf $@.debs
	@touch $@

# In a network of its own with nothing but loopback: a fresh Cacti looks around for devices.
test-cacti: $(VENV)/test $(CACTI_SUITES:%=build/test/cacti-%.deb)
	@tools/need $(RUN_PACKAGES) $(CACTI_PACKAGES)
	unshare --net sh -c 'ip link set lo up && exec "$$@"' - \
		$(BIN)/python -B tests/cacti/run --pictures build/test/cacti \
		$(CACTI_SUITES:%=build/test/cacti-%.deb)

build/test/cacti-%.deb: tools/debs tools/mirror
	@rm -rf $@.debs
	tools/debs $* $@.debs cacti
	@mv $@.debs/*.deb $@
	@rmdir $@.debs

test-packages: packages $(VENV)/test build/test/bookworm.img build/test/trixie.img \
		build/test/selinux.img
	lintian --allow-root --pedantic --display-info --fail-on error,warning,info,pedantic \
		build/packages/*.deb
	rpmlint -c packaging/rpm/rpmlint.toml build/packages/*.rpm
	$(BIN)/python -m pytest -q -s tests/test_packages.py

build/test/bookworm.img build/test/trixie.img: build/test/%.img: tests/packages/image \
		tests/packages/guest
	@tools/need $(IMAGE_PACKAGES)
	tests/packages/image $* $@

build/test/selinux.img: tests/packages/image tests/packages/guest
	@tools/need $(IMAGE_PACKAGES)
	tests/packages/image bookworm $@ selinux-policy-default policycoreutils semodule-utils

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
