# SPDX-License-Identifier: GPL-3.0-or-later
"""The sysctls of a director, and recorded directors read by netlink and from /proc."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import List, Optional, Tuple, Union

import pytest

from lvs_agent.codes import Family, Forwarding, IpProtocol, ServiceFlag
from lvs_agent.kernel import procfs
from lvs_agent.kernel.ipvs import Ipvs
from lvs_agent.kernel.recording import ReplayedKernel
from lvs_agent.services import RealServer, VirtualService
from lvs_agent.snapshot import Director
from tests.support import recorded
from tests.support.recorded import DIRECTORS, SMALL, AlteredKernel

SYSCTL = "sys/net/ipv4/vs/"
BOTH_VIEWS = [each for each in DIRECTORS if (each / "proc" / procfs.IP_VS).exists()]
ABSENT = FileNotFoundError(errno.ENOENT, "none")
DENIED = PermissionError(errno.EACCES, "denied")


def refuse(problem: str) -> None:
    pytest.fail(f"reported: {problem}")


def director(**sysctls: Union[str, OSError]) -> Director:
    return procfs.director(AlteredKernel(files={SYSCTL + n: text for n, text in sysctls.items()}))


@pytest.mark.parametrize(
    ("run_estimation", "est_cpulist", "estimation"),
    [
        ("1\n", "0-3\n", True),
        ("1\n", ABSENT, True),  # Linux 5.16 to 6.1
        (ABSENT, ABSENT, True),  # before Linux 5.16
        ("0\n", ABSENT, False),
        ("0\n", "0-3\n", False),
        ("1\n", "\n", False),
    ],
)
def test_estimation_is_off_by_either_switch(
    run_estimation: Union[str, OSError], est_cpulist: Union[str, OSError], estimation: bool
) -> None:
    found = director(run_estimation=run_estimation, est_cpulist=est_cpulist)
    assert found.estimation is estimation


@pytest.mark.parametrize("name", ["drop_entry", "drop_packet", "secure_tcp"])
@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("0\n", 0),
        ("1\n", 1),
        ("2\n", 2),
        ("3\n", 3),
        ("4\n", None),
        (ABSENT, None),
        ("", None),
        ("\u00b2\n", None),  # isdigit() accepts it, int() does not
        ("\u0663\n", None),
        ("9" * 5000, None),
    ],
)
def test_each_defence_has_its_own_mode(
    name: str, text: Union[str, OSError], mode: Optional[int]
) -> None:
    modes = {"drop_entry": 0, "drop_packet": 0, "secure_tcp": 0}
    found = director(**{name: text})
    assert {each: getattr(found, each) for each in modes} == {**modes, name: mode}


@pytest.mark.parametrize("error", [ABSENT, DENIED, OSError(errno.EIO, "broken")])
def test_a_sysctl_that_cannot_be_read_is_unknown(error: OSError) -> None:
    assert procfs.sysctl(AlteredKernel(files={SYSCTL + "drop_entry": error}), "drop_entry") is None


def test_a_sysctl_is_read_without_its_newline() -> None:
    kernel = AlteredKernel(files={SYSCTL + "est_cpulist": "0-3,8\n"})
    assert procfs.sysctl(kernel, "est_cpulist") == "0-3,8"


def test_the_module_is_loaded_where_its_totals_are() -> None:
    assert procfs.module_loaded(ReplayedKernel(SMALL))
    assert not procfs.module_loaded(AlteredKernel(files={procfs.IP_VS_STATS: ABSENT}))


def structure(service: VirtualService) -> Tuple[object, ...]:
    """Return what both netlink and /proc tell of a service."""
    flags: int = ServiceFlag.PERSISTENT
    if service.family == Family.INET or service.protocol == IpProtocol.FWMARK:
        flags |= ServiceFlag.ONE_PACKET  # left out of the file's IPv6 lines
    netmask = service.netmask if service.flags & ServiceFlag.PERSISTENT else None
    servers = sorted(
        (server.name, server.weight, _forwarding(server), server.active_conns, server.inact_conns)
        for server in service.real_servers
    )
    return service.scheduler, service.flags & flags, netmask, servers


def _forwarding(server: RealServer) -> int:
    # ip_vs_fwd_name() has no name for bypass and says Masq
    return Forwarding.MASQ if server.forwarding == Forwarding.BYPASS else server.forwarding


@pytest.mark.parametrize("folder", BOTH_VIEWS, ids=lambda folder: folder.name)
def test_both_views_of_a_director_agree(folder: Path) -> None:
    kernel = ReplayedKernel(folder)
    text = kernel.read(procfs.IP_VS)
    ipvs = Ipvs(kernel, refuse)
    by_netlink = {each.name: structure(each) for each in ipvs.services()}
    by_file = {each.name: structure(each) for each in procfs.services(text, refuse)}
    assert by_file == by_netlink
    info = recorded.described(ipvs.info)
    assert procfs.header(text) == (info.version, info.conn_table_size)


@pytest.mark.parametrize("folder", DIRECTORS, ids=lambda folder: folder.name)
def test_the_recorded_statistics_of_a_director_add_up(folder: Path) -> None:
    kernel = ReplayedKernel(folder)
    if not procfs.module_loaded(kernel):
        return
    counters, _rates = procfs.totals(kernel.read(procfs.IP_VS_STATS))
    cpus = procfs.cpus(kernel.read(procfs.IP_VS_STATS_PERCPU))
    assert [each.number for each in cpus] == list(range(len(cpus)))
    live: List[int] = [sum(each.counters) for each in cpus]
    assert sum(live) >= sum(counters)
