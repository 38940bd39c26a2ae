# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of directors on which something is missing, refused or broken."""

from __future__ import annotations

import errno
import itertools
import logging
import struct
import time
from dataclasses import replace
from typing import Dict, Iterator, List, Mapping, Optional, Tuple, Union

import pytest

from lvs_agent.codes import Source, Status
from lvs_agent.kernel import procfs
from lvs_agent.kernel.netlink import NetlinkError, Request
from lvs_agent.kernel.recording import ReplayedKernel
from lvs_agent.kernel.survey import Survey
from lvs_agent.services import Traffic, VirtualService
from lvs_agent.snapshot import Director
from tests.support.made_kernel import MadeKernel
from tests.support.recorded import (
    DEST,
    GET_CONFIG,
    GET_DAEMON,
    GET_DEST,
    GET_INFO,
    GET_SERVICE,
    SERVICE,
    SMALL,
    AlteredKernel,
    altered,
    short,
)

GET_FAMILY, FAMILY_ID = 3, 1
SYSCTL = procfs.SYSCTL
NAMES = ["FWM 5", "TCP 10.2.0.1:80", "UDP 10.2.0.1:53", "FWM 5 IPv6"]
# /proc/net/ip_vs of the small director
IP_VS = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
UDP  0A020001:0035 rr ops
TCP  0A020001:0050 rr
  -> 0A010116:0050      Tunnel  1      2          3
  -> 0A010115:0050      Masq    1      0          0
FWM  00000005 sh
"""
BEFORE_OR_AFTER = [(Status.NO_IPVS, Source.NONE, []), (Status.OK, Source.NETLINK, NAMES)]
Files = Dict[str, Union[str, OSError]]


class RefusingKernel(AlteredKernel):
    """The small director; some commands fail, at their first reply or (at_once) when requested."""

    def __init__(
        self,
        refused: Optional[Mapping[int, Exception]] = None,
        files: Optional[Files] = None,
        at_once: bool = False,
    ) -> None:
        super().__init__(files={procfs.IP_VS: IP_VS, **(files or {})})
        self.refused = refused or {}
        self._at_once = at_once
        self.asked: List[int] = []

    def ask(self, request: Request) -> Iterator[bytes]:
        self.asked.append(request.command)
        error = self.refused.get(request.command)
        if error is not None and self._at_once:
            raise error
        return self._replies(request, error)

    def _replies(self, request: Request, error: Optional[Exception]) -> Iterator[bytes]:
        if error is not None:
            raise error
        yield from super().ask(request)


def gone() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "No such file or directory")


def names(services: List[VirtualService]) -> List[str]:
    return [each.name for each in services]


def test_a_sound_director_is_ok_and_read_by_netlink() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    snapshot = Survey(ReplayedKernel(SMALL)).take()
    after = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert (snapshot.status, snapshot.source) == (Status.OK, Source.NETLINK)
    assert (snapshot.text, snapshot.errors) == ("", 0)
    assert before <= snapshot.taken <= snapshot.taken + snapshot.took <= after
    assert snapshot.totals == snapshot.total_rates == Traffic(0, 0, 0, 0, 0)
    assert [each.number for each in snapshot.cpus] == [0]
    assert snapshot.director == Director("1.2.1", 4096, 900, 120, 300, True, 0, 0, 0)


def test_rows_are_in_the_order_of_what_identifies_them() -> None:
    snapshot = Survey(ReplayedKernel(SMALL)).take()
    assert names(snapshot.services) == NAMES
    servers = snapshot.services[1].real_servers
    assert [each.name for each in servers] == ["10.1.1.21:80", "10.1.1.22:80"]


def test_where_the_module_is_absent_netlink_is_never_asked() -> None:
    class Absent:
        """A kernel without IPVS, which would load the module if asked."""

        def ask(self, request: Request) -> Iterator[bytes]:
            pytest.fail(f"asked {request}")

        def read(self, path: str) -> str:
            raise gone()

        def close(self) -> None:
            """Do nothing."""

    snapshot = Survey(Absent()).take()
    assert (snapshot.status, snapshot.source) == (Status.NO_IPVS, Source.NONE)
    assert "ip_vs" in snapshot.text
    assert (snapshot.services, snapshot.daemons, snapshot.cpus) == ([], [], [])
    assert (snapshot.totals, snapshot.director.estimation) == (None, None)
    assert snapshot.errors == 0


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("command", [GET_FAMILY, GET_SERVICE, GET_DEST, GET_DAEMON])
def test_a_refusal_leaves_what_everyone_may_read_and_no_statistics(
    command: int, at_once: bool
) -> None:
    refused = PermissionError(errno.EPERM, "Operation not permitted")
    snapshot = Survey(RefusingKernel({command: refused}, at_once=at_once)).take()
    assert (snapshot.status, snapshot.source) == (Status.NO_STATISTICS, Source.PROCFS)
    assert "CAP_NET_ADMIN" in snapshot.text
    assert "Operation not permitted" in snapshot.text
    assert snapshot.errors == 0
    assert names(snapshot.services) == NAMES[:3]
    assert [each.counters for each in snapshot.services] == [None] * 3
    server = snapshot.services[1].real_servers[1]
    assert (server.name, server.active_conns, server.inact_conns) == ("10.1.1.22:80", 2, 3)
    assert server.counters is None
    assert snapshot.totals == Traffic(0, 0, 0, 0, 0)
    director = snapshot.director
    assert (director.version, director.conn_table_size) == ("1.2.1", 4096)
    assert (director.tcp_timeout, director.udp_timeout) == (None, None)
    assert snapshot.daemons == []


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(errno.ETIMEDOUT, "the kernel did not answer"),
        OSError(errno.ENOBUFS, "No buffer space"),
        OSError(errno.EAFNOSUPPORT, "Address family not supported"),
    ],
)
def test_a_kernel_that_does_not_answer_leaves_the_files(error: OSError) -> None:
    snapshot = Survey(RefusingKernel({GET_SERVICE: error})).take()
    assert (snapshot.status, snapshot.source) == (Status.NO_STATISTICS, Source.PROCFS)
    assert names(snapshot.services) == NAMES[:3]
    assert str(error.strerror) in snapshot.text


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_lack_of_descriptors_is_no_director_without_services(number: int) -> None:
    lack = OSError(number, "Too many open files")
    everywhere: Files = dict.fromkeys((procfs.IP_VS, procfs.IP_VS_STATS), lack)
    with pytest.raises(OSError, match="Too many open files"):
        Survey(RefusingKernel({GET_FAMILY: lack}, everywhere)).take()


def test_a_family_lookup_that_makes_no_sense_is_an_error_and_leaves_the_files() -> None:
    snapshot = Survey(RefusingKernel({GET_FAMILY: NetlinkError("family id: 1 bytes")})).take()
    assert (snapshot.status, snapshot.source) == (Status.NO_STATISTICS, Source.PROCFS)
    assert snapshot.errors == 1
    assert names(snapshot.services) == NAMES[:3]


def test_a_bad_line_of_the_file_is_counted() -> None:
    files: Files = {procfs.IP_VS: IP_VS + "IP_47  0A020001:0000 rr\nTCP  0A0200:0050 rr\n"}
    refused = {GET_FAMILY: PermissionError(errno.EPERM, "no")}
    snapshot = Survey(RefusingKernel(refused, files)).take()
    assert snapshot.status == Status.NO_STATISTICS
    assert snapshot.errors == 2
    assert names(snapshot.services) == NAMES[:3]


@pytest.mark.parametrize(
    "files", [{SYSCTL + "run_estimation": "0\n"}, {SYSCTL + "est_cpulist": "\n"}]
)
def test_counters_that_stand_still_are_said_to(files: Files) -> None:
    snapshot = Survey(AlteredKernel(files=files)).take()
    assert (snapshot.status, snapshot.source) == (Status.COUNTERS_FROZEN, Source.NETLINK)
    assert snapshot.director.estimation is False
    assert "run_estimation" in snapshot.text
    assert names(snapshot.services) == NAMES
    assert snapshot.services[1].counters == Traffic(0, 0, 0, 0, 0)


def test_without_statistics_it_does_not_matter_that_they_stand_still() -> None:
    refused = {GET_FAMILY: PermissionError(errno.EPERM, "no")}
    snapshot = Survey(RefusingKernel(refused, {SYSCTL + "run_estimation": "0\n"})).take()
    assert snapshot.status == Status.NO_STATISTICS
    assert snapshot.director.estimation is False


def damage(request: Request, place: int, reply: bytes) -> bytes:
    """Shorten an attribute of the second service and of the first real server."""
    if (request.command, place) == (GET_SERVICE, 1):
        return altered(reply, (SERVICE, 8), short)
    if (request.command, place) == (GET_DEST, 0):
        return altered(reply, (DEST, 4), short)
    return reply


def test_bad_rows_degrade_a_look_and_are_counted_for_good() -> None:
    survey = Survey(AlteredKernel(damage))
    snapshot = survey.take()
    assert (snapshot.status, snapshot.source) == (Status.DEGRADED, Source.NETLINK)
    assert names(snapshot.services) == ["FWM 5", "TCP 10.2.0.1:80", "FWM 5 IPv6"]
    assert [each.name for each in snapshot.services[1].real_servers] == ["10.1.1.21:80"]
    assert "TIMEOUT" in snapshot.text
    assert "read errors: 2," in snapshot.text
    assert snapshot.errors == 2
    assert survey.take().errors == 4


def test_a_problem_is_logged_when_it_comes_and_when_it_comes_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("lvs_agent"), "propagate", True)
    kernel = AlteredKernel(damage)
    survey = Survey(kernel)
    for alter, expected in [(damage, 2), (damage, 2), (None, 2), (damage, 4)]:
        kernel.alter = alter
        survey.take()
        assert len(caplog.records) == expected
    assert "TIMEOUT" in caplog.text


@pytest.mark.parametrize(
    ("command", "error", "lost"),
    [
        (GET_INFO, OSError(errno.EIO, "broken"), "version"),
        (GET_CONFIG, NetlinkError("broken"), "tcp_timeout"),
    ],
)
def test_a_setting_that_cannot_be_read_degrades_a_look_and_is_unknown(
    command: int, error: Exception, lost: str
) -> None:
    snapshot = Survey(RefusingKernel({command: error})).take()
    assert (snapshot.status, snapshot.source) == (Status.DEGRADED, Source.NETLINK)
    assert (snapshot.errors, getattr(snapshot.director, lost)) == (1, None)
    assert names(snapshot.services) == NAMES


def test_a_totals_file_that_makes_no_sense_degrades_a_look() -> None:
    snapshot = Survey(AlteredKernel(files={procfs.IP_VS_STATS: "nonsense\n"})).take()
    assert (snapshot.status, snapshot.totals) == (Status.DEGRADED, None)
    assert procfs.IP_VS_STATS in snapshot.text


@pytest.mark.parametrize("path", [procfs.IP_VS_STATS, procfs.IP_VS_STATS_PERCPU])
def test_a_file_that_is_denied_degrades_a_look_and_costs_only_itself(path: str) -> None:
    denied = PermissionError(errno.EACCES, "Permission denied")
    snapshot = Survey(AlteredKernel(files={path: denied})).take()
    assert snapshot.status == Status.DEGRADED
    assert names(snapshot.services) == NAMES


class VanishingKernel(RefusingKernel):
    """The small director, whose module is unloaded after this many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def ask(self, request: Request) -> Iterator[bytes]:
        self._step()
        return super().ask(request)

    def read(self, path: str) -> str:
        self._step()
        return super().read(path)

    def _step(self) -> None:
        if self.left == 0:
            raise gone()
        self.left -= 1


def test_a_module_that_is_unloaded_during_a_look_is_no_lack_of_privilege() -> None:
    seen: List[Tuple[Status, Source, List[str]]] = []
    for steps in itertools.count():
        kernel = VanishingKernel(steps)
        survey = Survey(kernel)
        snapshot = survey.take()
        if kernel.left:
            break
        seen.append((snapshot.status, snapshot.source, names(snapshot.services)))
        assert snapshot.errors == 0
        assert snapshot.status == Status.OK or snapshot.totals is None
        assert survey.take().status == Status.NO_IPVS
    assert len(seen) > 10
    assert [each for each in seen if each not in BEFORE_OR_AFTER] == []


def test_a_snapshot_is_complete_from_the_second_look_by_netlink_on() -> None:
    kernel = RefusingKernel()
    survey = Survey(kernel)
    looks = [survey.take() for _ in range(2)]
    kernel.refused = {GET_SERVICE: PermissionError(errno.EPERM, "refused")}
    looks.append(survey.take())
    kernel.refused = {}
    looks.append(survey.take())
    assert [each.source for each in looks[1:]] == [Source.NETLINK, Source.PROCFS, Source.NETLINK]
    assert [each.complete for each in looks] == [False, True, False, True]
    assert [{vs.complete for vs in each.services} for each in looks] == [
        {False},
        {True},
        {False},
        {True},
    ]


def test_a_fault_after_the_services_leaves_no_complete_snapshot() -> None:
    kernel = RefusingKernel()
    survey = Survey(kernel)
    survey.take()
    kernel.refused = {GET_DAEMON: PermissionError(errno.EPERM, "refused")}
    look = survey.take()
    assert (look.source, look.complete) == (Source.PROCFS, False)


def test_a_fault_of_something_else_leaves_the_tables_complete() -> None:
    kernel = RefusingKernel()
    survey = Survey(kernel)
    survey.take()
    kernel.refused = {GET_INFO: NetlinkError("damaged")}
    look = survey.take()
    assert (look.status, look.complete) == (Status.DEGRADED, True)


def test_a_module_that_was_there_at_the_first_look_was_not_seen_to_be_loaded() -> None:
    survey = Survey(MadeKernel(1))
    assert [survey.take().loaded for _ in range(2)] == [0.0, 0.0]


def test_a_module_that_was_absent_is_loaded_when_it_is_there() -> None:
    kernel = MadeKernel(1)
    kernel.loaded = False
    survey = Survey(kernel)
    assert survey.take().loaded == 0.0
    kernel.loaded = True
    look = survey.take()
    assert look.loaded == look.taken
    assert survey.take().loaded == look.taken


class Reloaded(MadeKernel):
    """A made kernel; loads counts how often the module was loaded since it was recorded."""

    loads = 0

    def ask(self, request: Request) -> Iterator[bytes]:
        if request.command != GET_FAMILY:
            return super().ask(replace(request, family=request.family - self.loads))
        return (altered(reply, (FAMILY_ID,), self._id) for reply in super().ask(request))

    def _id(self, recorded: bytes) -> bytes:
        return struct.pack("=H", struct.unpack("=H", recorded)[0] + self.loads)


def test_a_family_with_another_id_is_that_of_a_module_that_was_loaded_again() -> None:
    kernel = Reloaded(1)
    survey = Survey(kernel)
    survey.take()
    kernel.loads = 1
    looks = [survey.take() for _ in range(2)]
    assert [each.status for each in looks] == [Status.OK] * 2
    assert [each.loaded for each in looks] == [looks[0].taken] * 2
