# SPDX-License-Identifier: GPL-3.0-or-later
# make demo shows the agent at work, make test tests it. Each target installs what it needs: Debian
# packages (as root), and Python and npm packages in .venv and build. Only make and git must already
# be installed.

VENV := .venv
BIN := $(VENV)/bin
PYTHON := /usr/bin/python3
AGENT := $(CURDIR)/$(BIN)/lvs-agent
PIP := $(BIN)/pip install -q --disable-pip-version-check -c tests/constraints.txt

RUN_PACKAGES := python3-venv snmpd snmp erlang-snmp
# the compiler is for tests/lab/xstate.c
UML_PACKAGES := user-mode-linux $(shell grep -qsw amx_tile /proc/cpuinfo && echo gcc libc6-dev)
LAB_PACKAGES := $(UML_PACKAGES) ipvsadm iproute2 keepalived kmod mount procps
TEST_PACKAGES := $(RUN_PACKAGES) $(LAB_PACKAGES) snmptrapd smitools shellcheck mandoc groff-base git
POLLER_PACKAGES := mrtg munin munin-node systemd monitoring-plugins-standard nagios4-core msmtp-mta \
	icinga2-bin faketime libnet-snmp-perl libcrypt-des-perl libdigest-hmac-perl rrdtool libexpat1 \
	libsnmp-mib-compiler-perl collectd-core
# Node.js packages from elsewhere contain npm, and conflict with Debian's npm
NODE_PACKAGES := $(shell command -v npm >/dev/null || echo nodejs npm)
# packages of these releases, unpacked on any machine to try contrib with
DEBS_bookworm := prometheus prometheus-snmp-exporter ganglia-monitor libganglia1 libapr1 libconfuse2 \
	libpcre3 libtirpc3 libtirpc-common
DEBS_trixie := prometheus-snmp-exporter
CACTI_PACKAGES := rrdtool iproute2 mariadb-server-core mariadb-client-core php-cli php-mysql \
	php-snmp php-xml php-mbstring php-gmp
CACTI_SUITES := bookworm bullseye trixie
ZABBIX_PACKAGES := iproute2 postgresql zabbix-server-pgsql zabbix-frontend-php php-pgsql
CONTROLLER_PACKAGES := keepalived ldirectord
KERNEL_PACKAGES := qemu-system-x86 busybox-static cpio kmod xz-utils
# see tests/kernels/kernel
KERNELS := 5.10 6.1 6.12 newest
# in Debian 12, qemu-system-misc has the emulator of s390x
S390X_PACKAGES = $(shell . /etc/os-release && [ "$$VERSION_ID" -gt 12 ] && \
	echo qemu-system-s390x || echo qemu-system-misc)
KERNEL_TESTS := tests/test_kernels.py tests/test_lab.py tests/faults/test_director.py
BENCH_PACKAGES := gcc libc6-dev
BUILD_PACKAGES := build-essential debhelper rpm
IMAGE_PACKAGES := $(UML_PACKAGES) mmdebstrap e2fsprogs lintian rpmlint

# the date of the files in a package, so that the same source gives the same bytes
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)

SCRIPTS := .ci/run tools/need tools/names.sh tools/demo tools/mirror tools/fresh tools/debs tools/release \
	tests/lab/boot tests/lab/init tests/lab/show \
	tests/lab/capture tests/lab/life tests/lab/refresh tests/lab/demo tests/lab/measure \
	tests/lab/counters tests/lab/churn tests/lab/keepalived tests/lab/faults tests/lab/many \
	$(wildcard tests/lab/*.sh tests/lab/scenarios/*.sh) tests/lab/controllers/run tests/outage/guest \
	packaging/stage packaging/common.sh packaging/build-deb packaging/build-rpm \
	packaging/debian/lvs-agent.postinst packaging/debian/lvs-agent.postrm \
	tests/packages/image tests/packages/guest \
	$(addprefix tests/kernels/,kernel init boot checks edits) \
	contrib/ganglia/lvs-gmetric $(addsuffix /generate,$(addprefix contrib/,prometheus grafana zabbix)) \
	contrib/recipes/vip-rate contrib/recipes/director-load \
	$(wildcard tests/packages/*.sh)

# Python programs without the suffix .py
PROGRAMS := tools/completion tools/manpage tools/pictures tools/munin-picture packaging/lvs-agent \
	contrib/cacti/generate tests/cacti/run
# mypy takes their names for that of one module, so it checks each alone
GENERATORS := contrib/librenms/generate contrib/telegraf/generate

# Several tests run at a time. Some mostly wait, so there are two for each processor. A group of
# tests (xdist_group) shares what is costly to set up, and so one process.
PYTEST := $(BIN)/python -m pytest -q --numprocesses=$(shell expr 2 \* $$(nproc)) --dist=loadgroup \
	--no-loadscope-reorder
# A test with a kernel of its own (user-mode-linux) has a processor of its own: each switch between two
# of the kernel's processes is one between processes of this machine, and beside other busy processes
# it waits for a time slice.
GUEST_TESTS := tests/test_churn.py tests/test_counters.py tests/test_lab.py tests/faults/test_director.py
# need no snmpd and no kernel of their own
UNIT := $(addprefix tests/,boundary collector doctor kernel mib netsnmp responder support watch \
	test_aliases.py test_arguments.py test_bench.py test_cli.py test_completion.py test_cycles.py \
	test_distribution.py test_documents.py test_forget.py test_manpage.py test_names.py \
	test_package_units.py \
	test_packages_scriptlets.py test_regular.py test_release.py test_rooms.py test_snapshot.py \
	test_upgrading.py)

# The UNIT tests that run on an emulated processor within minutes. qemu-user cannot start programs of
# its architecture, such as this Python, and has no generic netlink.
BIG_ENDIAN := $(addprefix tests/kernel/test_,byteorder.py ipvs.py ipvs_edited.py messages.py \
	messages_damaged.py messages_pyroute2.py netlink.py procfs.py procfs_director.py procfs_marks.py \
	recording_replayed.py survey.py) \
	$(addprefix tests/boundary/test_,rows.py wire.py) \
	$(addprefix tests/collector/test_,history_counters.py history_trouble.py statefile.py \
	statefile_changes.py statereader.py) \
	$(addprefix tests/mib/test_,lookup.py lookup_costs.py lvs.py smi.py text.py) \
	$(addprefix tests/netsnmp/test_,oids.py snmpconf.py snmpdconf.py) \
	$(addprefix tests/,responder/test_backend.py support/test_ipvsadm.py test_regular.py test_snapshot.py)

.PHONY: help demo fresh packages deb rpm release check lint unit test test-all bench soak fuzz \
	test-packages test-pollers test-cacti test-zabbix test-outage test-controllers test-kernels \
	test-big-endian recordings pictures clean

help:
	@echo 'make demo          show a recorded director, by ipvsadm and by SNMP'
	@echo 'make demo LIVE=1   show this machine'
	@echo 'make demo LAB=1    boot a kernel with IPVS; reset, delete and drain, and show both'
	@echo 'make fresh         the demo and the tests on a new Debian system; or SUITE=trixie, RUN="..."'
	@echo 'make packages      a deb and rpms, in build/packages; make deb, make rpm: one of them'
	@echo 'make release       packages, wheel and source distribution of a tagged commit, in build/release'
	@echo 'make check         lint, types and unit tests: a minute'
	@echo 'make test          these, tests through snmpd, and tests on a real kernel: minutes'
	@echo 'make test-all      all tests, also on fresh Debian 12 and 13 systems, and longer soak and fuzz: hours'
	@echo 'make soak          walk a director that is edited meanwhile, for 70 minutes; or SECONDS=... PODS=...'
	@echo 'make fuzz          a million generated inputs for each parser; or INPUTS=..., SECONDS=...'
	@echo 'make test-packages install, upgrade and remove the packages on clean machines under systemd'
	@echo 'make test-pollers  test the commands for pollers, and the files in contrib with their programs'
	@echo 'make test-cacti    poll a director with a real Cacti while a service is deleted and added again'
	@echo 'make test-zabbix   poll a director with a real Zabbix while services, servers and the agent fail'
	@echo 'make test-outage   kill real servers of keepalived, and time how soon each monitoring system shows it'
	@echo 'make test-controllers kill the real servers of keepalived and ldirectord, and check what is reported'
	@echo 'make test-kernels  test on kernels of Debian 11 to 13 and backports; or KERNELS="6.1 s390x": an hour'
	@echo 'make test-big-endian run unit tests on an emulated s390x processor'
	@echo 'make bench         measure costs, compared with other programs; or ONLY="walk-1000 ..."'
	@echo '                   or KERNEL=6.12: a collection on a kernel with several processors'
	@echo 'make recordings    record the directors in tests/data again'
	@echo 'make pictures      draw docs/pictures again'
	@echo 'make clean         remove everything that other targets made'

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

# After this step the packages are built without the network.
build/stage.made: $(VENV)/agent $(shell find lvs_agent contrib -type f ! -name '*.pyc') \
		packaging/stage packaging/*requirements.txt packaging/lvs-agent packaging/snmpd.conf packaging/aliases \
		packaging/systemd/* mibs/LVS-MIB.txt tools/manpage tools/completion \
		docs/*.* docs/pictures/* \
		README.md CHANGELOG.md LICENSE snmpd.conf.example
	@tools/need $(BUILD_PACKAGES)
	packaging/stage $(BIN)/python build/stage
	@rm -rf build/packages
	@touch $@

release:
	@tools/release
	@$(MAKE) --no-print-directory $(VENV)/test
	@tools/need $(BUILD_PACKAGES)
	@tools/release $(BIN)/python build/release

check: lint unit

test: lint
	@echo 'All tests: unit, through snmpd, and on a real kernel'
	$(PYTEST) --ignore=tests/test_packages.py --ignore=tests/test_kernels.py --ignore=tests/pollers \
		--ignore=tests/contrib --ignore=tests/controllers $(addprefix --ignore=,$(GUEST_TESTS))
	$(PYTEST) --numprocesses=$$(nproc) $(GUEST_TESTS)

test-all: test test-big-endian test-packages test-pollers test-cacti test-zabbix test-outage \
		test-controllers test-kernels
	$(MAKE) soak SECONDS=600 PODS=300
	$(MAKE) fuzz SECONDS=600
	$(MAKE) fresh SUITE=bookworm
	$(MAKE) fresh SUITE=trixie RUN='make demo && make test && make test-pollers && make test-zabbix'

lint: $(VENV)/test
	@tools/need $(TEST_PACKAGES)
	$(BIN)/ruff check . $(PROGRAMS) $(GENERATORS)
	$(BIN)/ruff format --check . $(PROGRAMS) $(GENERATORS)
	$(BIN)/mypy lvs_agent tests contrib setup.py $(PROGRAMS)
	@for program in $(GENERATORS); do \
		$(BIN)/mypy --cache-dir=.mypy_cache/$$program $$program || exit; done
	$(BIN)/vermin --no-tips --violations -t=3.9- lvs_agent
	shellcheck -x $(SCRIPTS)

unit: $(VENV)/test
	@tools/need $(TEST_PACKAGES)
	$(PYTEST) $(UNIT)

soak: $(VENV)/test
	@tools/need $(RUN_PACKAGES) $(LAB_PACKAGES)
	@$(BIN)/python -m tests.soak $(or $(SECONDS),3600) $(or $(PODS),600) $(SEED)

fuzz: $(VENV)/test
	@$(BIN)/python -m tests.fuzz $(TARGETS) --seed $(or $(SEED),$(shell date +%s)) \
		$(if $(SECONDS),--seconds $(SECONDS),--inputs $(or $(INPUTS),1000000))

# With more processors than this machine may have, an emulated guest mostly waits for its own.
bench: $(VENV)/test $(KERNEL:%=build/kernels/%)
	@tools/need $(TEST_PACKAGES) $(BENCH_PACKAGES) $(if $(KERNEL),$(KERNEL_PACKAGES))
	$(if $(KERNEL),LAB_KERNEL=$(CURDIR)/build/kernels/$(KERNEL) LAB_PROCESSORS=2) \
		$(BIN)/python -m tests.bench --json build/bench/bench.json $(or $(ONLY),$(if $(KERNEL),collection))

test-pollers: $(VENV)/test build/test/bookworm build/test/trixie build/test/node
	@tools/need $(TEST_PACKAGES) $(POLLER_PACKAGES)
	$(PYTEST) --dist=loadfile tests/pollers tests/contrib

build/test/bookworm build/test/trixie: build/test/%: tools/debs tools/mirror Makefile
	@rm -rf $@ $@.debs
	tools/debs $* $@.debs $(DEBS_$*)
	@for deb in $@.debs/*.deb; do dpkg-deb -x $$deb $@ || exit; done
	@rm -rf $@.debs
	@touch $@

build/test/node: tests/data/node/package.json tests/data/node/package-lock.json
	@tools/need $(NODE_PACKAGES)
	@rm -rf $@
	@mkdir -p $@
	@cp $^ $@
	npm ci --prefix $@ --ignore-scripts --no-audit --no-fund
	@touch $@

# In a network namespace with nothing but loopback, since a fresh Cacti searches its network for
# devices.
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

# The 6.0 of Debian 12, or the 7.0 of Debian 13. In a network namespace of its own, since the ports
# are fixed.
test-zabbix: $(VENV)/test
	@tools/need $(RUN_PACKAGES) $(ZABBIX_PACKAGES)
	unshare --net sh -c 'ip link set lo up && exec "$$@"' - $(BIN)/python -B -m tests.zabbix

# In namespaces with a network of its own and a copy of /etc, whose processes all end with the first.
test-outage: $(VENV)/test build/test/bookworm build/test/trixie build/test/cacti-bookworm.deb
	@tools/need $(TEST_PACKAGES) $(POLLER_PACKAGES) $(CACTI_PACKAGES) $(ZABBIX_PACKAGES)
	unshare --net --mount --pid --fork --kill-child --mount-proc \
		$(BIN)/python -B -m tests.outage build/test/outage

# Guests run at the same time. The records are kept.
test-controllers: $(VENV)/test
	@tools/need $(TEST_PACKAGES) $(CONTROLLER_PACKAGES)
	@mkdir -p build/test
	$(BIN)/python -m pytest -q --basetemp=build/test/controllers tests/controllers
	@$(BIN)/python -m tests.support.controllers build/test/controllers

test-packages: packages $(VENV)/test build/test/bookworm.img build/test/trixie.img \
		build/test/selinux.img
	lintian --allow-root --pedantic --display-info --fail-on error,warning,info,pedantic \
		build/packages/*.deb
	rpmlint -c packaging/rpm/rpmlint.toml build/packages/*.rpm
	$(PYTEST) --numprocesses=$$(nproc) tests/test_packages.py

build/test/bookworm.img build/test/trixie.img: build/test/%.img: tests/packages/image \
		tests/packages/guest
	@tools/need $(IMAGE_PACKAGES)
	tests/packages/image $* $@

build/test/selinux.img: tests/packages/image tests/packages/guest
	@tools/need $(IMAGE_PACKAGES)
	tests/packages/image bookworm $@ selinux-policy-default policycoreutils semodule-utils

# One guest at a time, since it has four processors. Its time-outs take the place of pytest's. Not the
# tests whose limits are for user-mode-linux: of thousands of services, and of the time of an answer.
# On s390x not those that need snmpd in the guest, or a correct ipvsadm; before Linux 5.16 not those
# that switch estimation off.
test-kernels: $(VENV)/test $(KERNELS:%=build/kernels/%)
	@tools/need $(TEST_PACKAGES) $(KERNEL_PACKAGES) $(if $(filter s390x,$(KERNELS)),$(S390X_PACKAGES))
	@failed=; for kernel in $(KERNELS); do \
		echo "Linux $$kernel"; \
		tests='$(KERNEL_TESTS)' without=; \
		case $$kernel in \
			5.10) without=' and not frozen and not switched_off_and_on' ;; \
			s390x) tests=tests/test_kernels.py ;; \
		esac; \
		LAB_KERNEL=$(CURDIR)/build/kernels/$$kernel $(BIN)/python -m pytest -q --timeout=0 \
			-k "not thousand and not answered_others$$without" $$tests || failed="$$failed $$kernel"; \
	done; [ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

# with the programs of s390x that tests/kernels/kernel unpacks, and the modules of .venv
test-big-endian: $(VENV)/test build/kernels/s390x
	@tools/need $(TEST_PACKAGES) qemu-user
	PYTHONPATH=$$(echo $(VENV)/lib/python3*/site-packages) \
		qemu-s390x -L $(CURDIR)/build/kernels/s390x/root build/kernels/s390x/root/usr/bin/python3 -B \
		-m pytest -q -p no:cacheprovider $(BIG_ENDIAN)

build/kernels/%: tests/kernels/kernel tests/kernels/init tools/debs tools/mirror
	@tools/need $(KERNEL_PACKAGES)
	tests/kernels/kernel $* $@
	@touch $@

recordings: $(VENV)/agent
	@tools/need $(LAB_PACKAGES) $(RUN_PACKAGES)
	tests/lab/refresh $(AGENT)

pictures: $(VENV)/agent
	@tools/need $(RUN_PACKAGES) rrdtool munin munin-node libnet-snmp-perl faketime chromium pngquant \
		fonts-dejavu-core
	$(BIN)/python tools/pictures
	$(BIN)/python tools/munin-picture

# The agent runs from the checkout, so an edit needs no installation.
$(VENV)/agent: pyproject.toml setup.py tests/constraints.txt
	@tools/need python3-venv
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation -e .
	@touch $@

$(VENV)/test: $(VENV)/agent
	@$(PIP) --no-build-isolation -e .[test]
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
