# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests to the family IPVS, and the records decoded from the replies."""

from __future__ import annotations

import errno
import struct
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from lvs_agent.codes import Family, Forwarding, IpProtocol
from lvs_agent.kernel.ipvs import Ipvs
from lvs_agent.kernel.netlink import NetlinkError, Request
from lvs_agent.kernel.recording import ReplayedKernel
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Director, SyncDaemon
from tests.support import recorded
from tests.support.recorded import (
    DEST,
    GET_DAEMON,
    GET_DEST,
    GET_INFO,
    GET_SERVICE,
    SERVICE,
    AlteredKernel,
    altered,
    join,
    long,
    missing,
    short,
)

NAMES = ["TCP 10.2.0.1:80", "UDP 10.2.0.1:53", "FWM 5", "FWM 5 IPv6"]
SERVERS = ["10.1.1.22:80", "10.1.1.21:80"]
Change = Callable[[bytes], Optional[bytes]]


def refuse(problem: str) -> None:
    """Fail: every answer in the test is readable."""
    pytest.fail(f"reported: {problem}")


class ScriptedKernel:
    """Answers each command with the replies given for it; an exception among them is raised."""

    def __init__(self, answers: Dict[int, List[object]]) -> None:
        self._answers: Dict[int, List[object]] = {3: [join([(1, b"\x1c\0")])], **answers}
        self.asked: List[Request] = []

    def ask(self, request: Request) -> Iterator[bytes]:
        self.asked.append(request)
        for each in self._answers.get(request.command, []):
            if isinstance(each, Exception):
                raise each
            assert isinstance(each, bytes)
            yield each

    def read(self, path: str) -> str:
        pytest.fail(f"{path} was read")

    def close(self) -> None:
        """Do nothing."""


def test_the_small_director_is_as_ipvsadm_set_it_up() -> None:
    nothing = Traffic(0, 0, 0, 0, 0)
    counted = (nothing, nothing)
    tunnel = RealServer(
        "10.1.1.22",
        80,
        Forwarding.TUNNEL,
        1,
        0,
        0,
        0,
        0,
        0,
        *counted,
        1,
        6080,
        0,  # gue, no checksum
    )
    masq = RealServer("10.1.1.21", 80, Forwarding.MASQ, 1, 0, 0, 0, 0, 0, *counted, 0, 0, 0)
    no_mask = "255.255.255.255"
    # flags 2 is IP_VS_SVC_F_HASHED, which every service has
    assert Ipvs(ReplayedKernel(recorded.SMALL), refuse).services() == [
        VirtualService(
            Family.INET,
            IpProtocol.TCP,
            "10.2.0.1",
            80,
            0,
            "rr",
            2,
            0,
            no_mask,
            "",
            *counted,
            real_servers=[tunnel, masq],
        ),
        VirtualService(
            Family.INET, IpProtocol.UDP, "10.2.0.1", 53, 0, "rr", 2 | 4, 0, no_mask, "", *counted
        ),
        VirtualService(
            Family.INET, IpProtocol.FWMARK, "0.0.0.0", 0, 5, "sh", 2 | 16, 0, no_mask, "", *counted
        ),
        VirtualService(
            Family.INET6, IpProtocol.FWMARK, "::", 0, 5, "wlc", 2 | 1, 300, "64", "", *counted
        ),
    ]


def test_the_small_director_has_no_daemon_and_default_settings() -> None:
    ipvs = Ipvs(ReplayedKernel(recorded.SMALL), refuse)
    assert ipvs.daemons() == []
    assert recorded.described(ipvs.info) == Director("1.2.1", 4096)
    assert recorded.described(ipvs.timeouts) == Director(
        tcp_timeout=900, tcp_fin_timeout=120, udp_timeout=300
    )


@pytest.mark.parametrize("folder", recorded.DIRECTORS, ids=lambda folder: folder.name)
def test_every_recorded_row_arrives(folder: Path) -> None:
    if not recorded.exchanges(folder):
        return  # a machine without IPVS
    ipvs = Ipvs(ReplayedKernel(folder), refuse)
    services = ipvs.services()
    assert len(services) == len(recorded.replies(folder, GET_SERVICE))
    servers = [server for service in services for server in service.real_servers]
    assert len(servers) == len(recorded.replies(folder, GET_DEST))
    assert len({service.name for service in services}) == len(services)
    assert len(ipvs.daemons()) == len(recorded.replies(folder, GET_DAEMON))


def test_only_commands_that_read_are_asked_and_of_the_family_as_numbered_today() -> None:
    services = recorded.replies(recorded.SMALL, GET_SERVICE)
    kernel = ScriptedKernel(
        {3: [join([(1, struct.pack("=H", 0x1234))])], GET_SERVICE: list(services)}
    )
    ipvs = Ipvs(kernel, refuse)
    ipvs.services()
    ipvs.daemons()
    for one in (ipvs.info, ipvs.timeouts):
        with pytest.raises(NetlinkError, match=r"command 1[35]: no reply"):
            one(Director())
    first, *others = kernel.asked
    assert (first.family, first.command, first.dump) == (16, 3, False)
    assert first.body == join([(2, b"IPVS\0")])
    assert {each.family for each in others} == {0x1234}
    assert [(each.command, each.dump) for each in others] == [
        (4, True),  # IPVS_CMD_GET_SERVICE
        *[(8, True)] * 4,  # IPVS_CMD_GET_DEST
        (11, True),  # IPVS_CMD_GET_DAEMON
        (15, False),  # IPVS_CMD_GET_INFO
        (13, False),  # IPVS_CMD_GET_CONFIG
    ]


def test_the_recorded_daemons_arrive_in_their_order() -> None:
    both = [recorded.MASTER_DAEMON, recorded.BACKUP_DAEMON]
    ipvs = Ipvs(ScriptedKernel({GET_DAEMON: list(both)}), refuse)
    assert ipvs.daemons() == [
        SyncDaemon(1, "vrs1", 7, "224.0.0.90", 9000, 3, 1400),
        SyncDaemon(2, "vrs2", 255, "ff02::90", 65535, 255, 1300),
    ]


def _cases(sized: Dict[str, int], optional: List[str]) -> List[Tuple[str, int, Change]]:
    return [
        (name, number, change)
        for name, number in sized.items()
        for change in (missing, short, long)
        if not (change is missing and name in optional)
    ]


@pytest.mark.parametrize("bad", [0, 1])
@pytest.mark.parametrize(("name", "number", "change"), _cases(recorded.SERVICE_SIZED, []))
def test_a_bad_service_costs_only_itself(bad: int, name: str, number: int, change: Change) -> None:
    def damage(request: Request, place: int, reply: bytes) -> bytes:
        if (request.command, place) == (GET_SERVICE, bad):
            return altered(reply, (SERVICE, number), change)
        return reply

    reports: List[str] = []
    services = Ipvs(AlteredKernel(damage), reports.append).services()
    assert [each.name for each in services] == NAMES[:bad] + NAMES[bad + 1 :]
    (report,) = reports
    assert report.startswith(f"IPVS_CMD_GET_SERVICE: message {bad + 1}: ")
    assert name in report


@pytest.mark.parametrize("bad", [0, 1])
@pytest.mark.parametrize(
    ("name", "number", "change"),
    _cases(recorded.DEST_SIZED, ["ADDR_FAMILY", "TUN_TYPE", "TUN_PORT", "TUN_FLAGS"]),
)
def test_a_bad_real_server_costs_only_itself(
    bad: int, name: str, number: int, change: Change
) -> None:
    def damage(request: Request, place: int, reply: bytes) -> bytes:
        if (request.command, place) == (GET_DEST, bad):
            return altered(reply, (DEST, number), change)
        return reply

    reports: List[str] = []
    services = Ipvs(AlteredKernel(damage), reports.append).services()
    assert [each.name for each in services] == NAMES
    assert [each.name for each in services[0].real_servers] == [SERVERS[1 - bad]]
    (report,) = reports
    assert report.startswith(f"IPVS_CMD_GET_DEST of TCP 10.2.0.1:80: message {bad + 1}: ")
    assert name in report


def test_a_bad_daemon_costs_only_itself() -> None:
    bad = altered(recorded.MASTER_DAEMON, (recorded.DAEMON, 1), short)
    reports: List[str] = []
    kernel = ScriptedKernel({GET_DAEMON: [bad, recorded.BACKUP_DAEMON]})
    assert [each.state for each in Ipvs(kernel, reports.append).daemons()] == [2]
    (report,) = reports
    assert report.startswith("IPVS_CMD_GET_DAEMON: message 1: ")
    assert "STATE" in report


def test_framing_that_breaks_within_a_dump_keeps_what_came_before() -> None:
    services: List[object] = [*recorded.replies(recorded.SMALL, GET_SERVICE)]
    kernel = ScriptedKernel({GET_SERVICE: [*services[:2], NetlinkError("cut"), *services[2:]]})
    reports: List[str] = []
    assert [each.name for each in Ipvs(kernel, reports.append).services()] == NAMES[:2]
    assert reports == ["IPVS_CMD_GET_SERVICE: cut"]


def test_a_row_that_a_dump_shows_twice_is_kept_once_as_it_was_first() -> None:
    services = recorded.replies(recorded.SMALL, GET_SERVICE)
    again = altered(services[1], (SERVICE, 6), lambda _: b"wlc\0")
    servers = recorded.replies(recorded.SMALL, GET_DEST)
    busier = altered(servers[0], (DEST, 7), lambda _: b"\7\0\0\0")
    kernel = ScriptedKernel(
        {GET_SERVICE: [*services, again], GET_DEST: [*servers, busier, servers[1]]}
    )
    found = Ipvs(kernel, refuse).services()
    assert [each.name for each in found] == NAMES
    assert found[1].scheduler == "rr"
    assert [each.name for each in found[0].real_servers] == SERVERS
    assert found[0].real_servers[0].active_conns == 0


def test_real_servers_without_a_family_have_their_services() -> None:
    def old(request: Request, _place: int, reply: bytes) -> bytes:
        return altered(reply, (DEST, 11), missing) if request.command == GET_DEST else reply

    services = Ipvs(AlteredKernel(old), refuse).services()
    assert [each.name for each in services[0].real_servers] == SERVERS


@pytest.mark.parametrize("command", [3, GET_SERVICE, GET_DEST, GET_DAEMON, GET_INFO])
@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOENT, errno.ENOBUFS, errno.ETIMEDOUT])
def test_a_refusal_is_the_callers_to_handle(command: int, number: int) -> None:
    services: List[object] = [*recorded.replies(recorded.SMALL, GET_SERVICE)]
    kernel = ScriptedKernel({GET_SERVICE: services, command: [OSError(number, "refused")]})

    def look() -> None:
        ipvs = Ipvs(kernel, refuse)
        ipvs.services()
        ipvs.daemons()
        ipvs.info(Director())

    with pytest.raises(OSError, match="refused") as caught:
        look()
    assert caught.value.errno == number
