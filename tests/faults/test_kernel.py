# SPDX-License-Identifier: GPL-3.0-or-later
"""Faulty answers of the kernel, as a user of snmpd sees them; test_director has a real kernel's."""

from __future__ import annotations

import errno
import os
import signal
import struct
import time
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from lvs_agent.codes import Status
from lvs_agent.kernel import procfs
from lvs_agent.kernel.netlink import NetlinkError, Request
from tests.support import lvsmib
from tests.support import site as sites
from tests.support.lvsmib import place
from tests.support.made_kernel import MadeKernel, Replies, service_address
from tests.support.recorded import DEST, GET_DEST, GET_SERVICE, SERVICE, altered, join, split
from tests.support.site import collector, collector_of, empty, expected, expired, resident, site
from tests.support.watch import children

ALL = expected()
ERRORS = place("lvsAgentErrors", 0)
LOOKS = 6
PART = place("lvsRsConns")  # a measured column of the longest table
MEMORY_KIB = 400 << 10


def without_statistics(whole: sites.Oids) -> sites.Oids:
    """Return the OIDs that are left when only /proc is readable.

    /proc does not have counters and rates, persistence in seconds, a netmask without persistence,
    thresholds, time-outs and the sync daemons, and is no evidence of what is lost.
    """
    gone = {
        *sites.COUNTED,
        *sites.LOST,
        *("lvsServicePersistTimeout", "lvsServicePersistNetmask"),
        *("lvsVsPersistTimeout", "lvsVsPersistPrefixLength", "lvsVsPersistenceEngine"),
        *("lvsVsPersistConns", "lvsVsDiscontinuityTime"),
        *("lvsVipPersistConns", "lvsVipDiscontinuityTime"),
        *("lvsRipPersistConns", "lvsRipDiscontinuityTime"),
        *("lvsRsUpperThreshold", "lvsRsLowerThreshold"),
        *("lvsRsPersistConns", "lvsRsDiscontinuityTime"),
        *("lvsTcpTimeOut", "lvsTcpFinTimeOut", "lvsUdpTimeOut", "lvsDaemonState", "lvsMcastInt"),
    }
    return {oid for oid in whole if lvsmib.split(oid)[0] not in gone}


def test_a_module_that_is_loaded_late_and_removed(tmp_path: Path) -> None:
    kernel = MadeKernel(3)
    kernel.loaded = False
    with site(tmp_path) as director, collector_of(director.path, kernel):
        for _ in range(3):
            director.until(Status.NO_IPVS, empty(Status.NO_IPVS), "is not loaded")
            kernel.loaded = True
            director.until(Status.OK, ALL)
            kernel.loaded = False


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EPERM, os.strerror(errno.EPERM)),
        OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS)),
        TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)),
        OSError(errno.EIO, os.strerror(errno.EIO)),
    ],
    ids=["EPERM", "ENOBUFS", "no answer", "EIO"],
)
@pytest.mark.parametrize("command", [GET_SERVICE, GET_DEST])
def test_netlink_refuses(tmp_path: Path, error: OSError, command: int) -> None:
    def refuse(request: Request, replies: Replies) -> Iterator[bytes]:
        for number, reply in enumerate(replies()):
            if request.command == command and number == 1:
                raise error
            yield reply

    kernel = MadeKernel(3)
    with site(tmp_path) as director, collector_of(director.path, kernel):
        director.until(Status.OK, ALL)
        kernel.meddle = refuse
        assert error.strerror
        director.until(Status.NO_STATISTICS, without_statistics(ALL), error.strerror)
        kernel.meddle = None
        director.until(Status.OK, ALL)


def test_netlink_makes_no_sense(tmp_path: Path) -> None:
    """A message is cut off, and a dump's framing breaks; everything before is kept."""

    def cut(request: Request, replies: Replies) -> Iterator[bytes]:
        for number, reply in enumerate(replies()):
            if request.command == GET_SERVICE and number == 2:
                raise NetlinkError("the framing is broken")
            yield reply[:-1] if request.command == GET_DEST and number == 1 else reply

    kernel = MadeKernel(3)
    with site(tmp_path) as director, collector_of(director.path, kernel):
        director.until(Status.OK, ALL)
        kernel.meddle = cut
        walk = director.until(Status.DEGRADED, expected([1, 2], 1), "read errors: 3,")
        assert walk.values[ERRORS] != "Counter32: 0"
        kernel.meddle = None
        director.until(Status.OK, ALL)


def test_a_service_that_goes_between_its_dump_and_its_servers(tmp_path: Path) -> None:
    deleted: List[Request] = []

    def gone(request: Request, replies: Replies) -> Iterator[bytes]:
        if request.command == GET_DEST and service_address(2) in request.body:
            kernel.services = [1, 3]
            deleted.append(request)
            return iter(())  # like the kernel: an empty dump, no error
        return replies()

    kernel = MadeKernel(3)
    with site(tmp_path) as director, collector_of(director.path, kernel):
        director.until(Status.OK, ALL)
        kernel.meddle = gone
        director.until(Status.OK, expected([1, 3]))
        assert deleted
        kernel.meddle, kernel.services = None, [1, 2, 3]
        director.until(Status.OK, ALL)


def test_a_dump_that_repeats_and_skips_rows(tmp_path: Path) -> None:
    turn = [0]

    def changing(request: Request, replies: Replies) -> Iterator[bytes]:
        """Leave out one row and repeat another in each dump, until many dumps have been made."""
        rows = list(replies())
        turn[0] += request.dump
        if rows and request.dump and turn[0] < 10 * LOOKS:
            del rows[turn[0] % len(rows)]
            rows.append(rows[0])
        yield from rows

    kernel = MadeKernel(3)
    with site(tmp_path) as director, collector_of(director.path, kernel):
        director.until(Status.OK, ALL)
        kernel.meddle = changing
        while turn[0] < 10 * LOOKS:
            walk = director.walk()
            assert (walk.status, walk.oids) == (Status.OK, ALL)
        director.until(Status.OK, ALL)


def test_attributes_that_no_kernel_has_yet(tmp_path: Path) -> None:
    """New attributes before, within and after the known ones lose nothing."""
    new: List[Tuple[int, bytes]] = [(60, b""), (61, b"\1\2\3"), (62, bytes(4000))]

    def add(payload: bytes) -> bytes:
        first, *rest = split(payload)
        return join([new[0], first, new[1], *rest, new[2]])

    def newer(request: Request, replies: Replies) -> Iterator[bytes]:
        kind = {GET_SERVICE: SERVICE, GET_DEST: DEST}.get(request.command)
        for reply in replies():
            yield join([*split(altered(reply, (kind,), add)), new[1]]) if kind else reply

    kernel = MadeKernel(3)
    with site(tmp_path) as director, collector_of(director.path, kernel):
        director.until(Status.OK, ALL)
        kernel.meddle = newer
        until = time.monotonic() + 1
        while time.monotonic() < until:
            director.until(Status.OK, ALL)


def test_a_protocol_that_no_kernel_has_yet(tmp_path: Path) -> None:
    """The row is indexed and named by the protocol's number."""

    def dccp(request: Request, replies: Replies) -> Iterator[bytes]:
        for number, reply in enumerate(replies()):
            if request.command == GET_SERVICE and number == 2:
                reply = altered(reply, (SERVICE, 2), lambda _: struct.pack("=H", 33))
            yield reply

    kernel = MadeKernel(3)
    kernel.meddle = dccp
    as_tcp = (1, 4, *service_address(3), 6, 80)
    with site(tmp_path) as director, collector_of(director.path, kernel):
        as_dccp = (*as_tcp[:-2], 33, 80)
        walk = director.until(Status.OK, {_replaced(oid, as_tcp, as_dccp) for oid in ALL})
        name = place("lvsVsName", *as_dccp)
        assert walk.values[name] == 'STRING: "IP33 10.0.0.3:80"'


def test_estimation_that_is_switched_off(tmp_path: Path) -> None:
    kernel = MadeKernel(3)
    with site(tmp_path) as director, collector_of(director.path, kernel):
        director.until(Status.OK, ALL)
        kernel.files[procfs.SYSCTL + "run_estimation"] = "0\n"
        director.until(Status.COUNTERS_FROZEN, ALL, "counters and rates are frozen")
        del kernel.files[procfs.SYSCTL + "run_estimation"]
        director.until(Status.OK, ALL)


@pytest.mark.parametrize("count", [0, 1])
def test_a_director_of_few_services(tmp_path: Path, count: int) -> None:
    whole = expected(range(1, count + 1))
    with site(tmp_path) as director, collector_of(director.path, MadeKernel(count)):
        walk = director.until(Status.OK, whole)
        assert walk.values[2, 0] == f"INTEGER: {count}"


@pytest.mark.timeout(900)
def test_sixty_thousand_services(tmp_path: Path) -> None:
    """The status says that there is no snapshot until the first one arrives, with every row."""
    many = 60_000
    options = ("--services", many, "--servers", 1, "--state", tmp_path / "state")
    whole = expected(range(1, many + 1), 1)
    with (
        site(tmp_path, "--max-age 4", "--expire 60") as director,
        collector(director.path, *options) as process,
    ):

        def until(status: Status) -> None:
            # how long each status lasts depends on the load of the machine
            meanwhile = (Status.OK, Status.NO_COLLECTOR, Status.EXPIRED)
            while (now := director.walk_below(sites.AGENT_GROUP)).status != status:
                assert now.status in meanwhile

        nothing = director.walk()
        assert (nothing.status, nothing.oids) == (
            Status.NO_COLLECTOR,
            empty(Status.NO_COLLECTOR),
        )
        assert "no snapshot received yet" in nothing.text
        until(Status.OK)
        # on a busy machine a snapshot may expire during the walk
        column = below(PART, whole)
        while (walk := director.walk_below(PART)).oids != column:
            assert walk.oids < column
        process.send_signal(signal.SIGSTOP)
        until(Status.EXPIRED)
        assert director.walk_below(PART).oids == below(PART, expired(whole)) == set()
        process.send_signal(signal.SIGCONT)
        until(Status.OK)
        (responder,) = children(director.agent.pid)
        assert resident(responder, "VmHWM") < MEMORY_KIB


def below(part: sites.Oid, whole: sites.Oids) -> sites.Oids:
    return {oid for oid in whole if oid[: len(part)] == part}


def _replaced(oid: sites.Oid, part: sites.Oid, by: sites.Oid) -> sites.Oid:
    for start in range(len(oid) - len(part) + 1):
        if oid[start : start + len(part)] == part:
            return (*oid[:start], *by, *oid[start + len(part) :])
    return oid
