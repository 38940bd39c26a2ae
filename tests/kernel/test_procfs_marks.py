# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall marks in /proc/net/ip_vs, whose lines do not name their address family.

The family follows from the servers; from the netmask, which for IPv6 is a prefix length of 1 to 128
that went through ntohl(); and from the other service with the same mark, since the kernel allows a
mark once for each family (__ip_vs_svc_fwm_find).
"""

from __future__ import annotations

from typing import Dict, List

import pytest

from lvs_agent.codes import Family
from lvs_agent.kernel import procfs
from lvs_agent.services import VirtualService

FOUR = "  -> C0A80001:1F90      Masq    1      0          0         "
SIX = (
    "  -> [2001:0db8:0001:0000:0000:0000:0000:0001]:1F90      Masq    1      0          0         "
)


def services(*lines: str) -> Dict[str, VirtualService]:
    """Parse a director's lines; return the services by name."""

    def refuse(problem: str) -> None:
        pytest.fail(f"reported: {problem}")

    header = [
        "IP Virtual Server version 1.2.1 (size=4096)",
        "Prot LocalAddress:Port Scheduler Flags",
        "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn",
    ]
    return {each.name: each for each in procfs.services("\n".join([*header, *lines, ""]), refuse)}


def schedulers(found: Dict[str, VirtualService]) -> Dict[str, str]:
    return {name: each.scheduler for name, each in found.items()}


def test_a_mark_of_both_families_is_two_services() -> None:
    found = services("FWM  00000005 wlc ", SIX, "FWM  00000005 rr ", FOUR)
    assert schedulers(found) == {"FWM 5 IPv6": "wlc", "FWM 5": "rr"}
    six, four = found["FWM 5 IPv6"], found["FWM 5"]
    assert (six.family, six.address) == (Family.INET6, "::")
    assert (four.family, four.address) == (Family.INET, "0.0.0.0")
    assert [each.name for each in six.real_servers] == ["[2001:db8:1::1]:8080"]
    assert [each.name for each in four.real_servers] == ["192.168.0.1:8080"]


@pytest.mark.parametrize("servers", [[SIX, FOUR], [FOUR, SIX]], ids=["six first", "four first"])
def test_a_mark_may_have_servers_of_the_other_family_too(servers: List[str]) -> None:
    """Servers of the other family are possible as tunnels, since Linux 3.18."""
    found = services("FWM  00000005 wlc ", SIX, "FWM  00000005 rr ", *servers)
    assert schedulers(found) == {"FWM 5 IPv6": "wlc", "FWM 5": "rr"}
    assert len(found["FWM 5"].real_servers) == 2


@pytest.mark.parametrize(
    ("netmask", "name", "length"),
    [
        ("FFFFFFFF", "FWM 5", 32),
        ("FFFF0000", "FWM 5", 16),
        ("FF000000", "FWM 5", 8),
        ("01000000", "FWM 5 IPv6", 1),
        ("30000000", "FWM 5 IPv6", 48),
        ("40000000", "FWM 5 IPv6", 64),
        ("80000000", "FWM 5 IPv6", 128),
        ("00000001", "FWM 5 IPv6", 1),
        ("00000040", "FWM 5 IPv6", 64),
        ("00000080", "FWM 5 IPv6", 128),
    ],
)
def test_a_persistent_marks_netmask_tells_its_family(netmask: str, name: str, length: int) -> None:
    """128.0.0.0 could be an IPv4 netmask, but is not used; 128 is the default for IPv6."""
    for servers in ([], [FOUR, SIX], [SIX, FOUR]):
        found = services(f"FWM  00000005 rr persistent 30000 {netmask}", *servers)
        assert list(found) == [name]
        assert found[name].prefix_length == length


@pytest.mark.parametrize("order", [1, -1])
def test_a_mark_that_tells_nothing_is_of_the_family_that_its_namesake_is_not(order: int) -> None:
    """A 6.1 kernel wrote such lines for the recorded director "small"."""
    lines = ["FWM  00000005 sh ", "FWM  00000005 wlc persistent 30000 40000000"]
    assert schedulers(services(*lines[::order])) == {"FWM 5": "sh", "FWM 5 IPv6": "wlc"}
    lines = ["FWM  00000005 sh ", "FWM  00000005 wlc persistent 30000 FFFFFF00"]
    assert schedulers(services(*lines[::order])) == {"FWM 5": "wlc", "FWM 5 IPv6": "sh"}


def test_a_mark_that_tells_nothing_and_has_no_namesake_is_taken_for_ipv4() -> None:
    assert list(services("FWM  00000005 sh ")) == ["FWM 5"]
