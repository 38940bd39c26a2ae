# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts written by hand in the formats of ip_vs_ctl.c."""

from __future__ import annotations

from typing import List

import pytest

from lvs_agent.codes import Forwarding, IpProtocol, ServiceFlag
from lvs_agent.kernel import procfs
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Cpu
from tests.support.builders import fwmark, service

HEADER = [
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn",
]
SIX = "[2001:0db8:0000:0000:0000:0000:0000:000a]"
BACKEND = "[2001:0db8:0001:0000:0000:0000:0000:0001]"
FOUR_SERVER = "  -> C0A80001:1F90      Masq    1      0          0         "


def refuse(problem: str) -> None:
    pytest.fail(f"reported: {problem}")


def services(*lines: str) -> List[VirtualService]:
    """Parse a director's lines, every one of which must be readable."""
    return procfs.services("\n".join([*HEADER, *lines, ""]), refuse)


def only(*lines: str) -> VirtualService:
    (found,) = services(*lines)
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("TCP  C000020A:01BB wlc  ", service("192.0.2.10", 443)),
        ("UDP  C000020A:0000 wlc  ", service("192.0.2.10", 0, protocol=IpProtocol.UDP)),
        ("SCTP  FFFFFFFE:FFFF wlc  ", service("255.255.255.254", 65535, protocol=IpProtocol.SCTP)),
        (
            "UDP  C000020A:0035 wlc ops  ",
            service("192.0.2.10", 53, protocol=IpProtocol.UDP, flags=ServiceFlag.ONE_PACKET),
        ),
        (
            "TCP  C000020A:01BB wlc  persistent 36000 FFFFFF00",
            service("192.0.2.10", 443, flags=ServiceFlag.PERSISTENT, netmask="255.255.255.0"),
        ),
        (
            "UDP  C000020A:01BB wlc ops  persistent 36000 FFFFFFFF",
            service(
                "192.0.2.10",
                443,
                protocol=IpProtocol.UDP,
                flags=ServiceFlag.ONE_PACKET | ServiceFlag.PERSISTENT,
                netmask="255.255.255.255",
            ),
        ),
        ("TCP  C000020A:01BB none  ", service("192.0.2.10", 443, scheduler="none")),
        (f"TCP  {SIX}:01BB wlc ", service("2001:db8::a", 443)),
        (
            f"SCTP  {SIX}:8E3C wlc persistent 12000 40000000",
            service(
                "2001:db8::a",
                36412,
                protocol=IpProtocol.SCTP,
                flags=ServiceFlag.PERSISTENT,
                netmask="64",
            ),
        ),
        (
            f"TCP  {SIX}:01BB wlc persistent 12000 80000000",
            service("2001:db8::a", 443, flags=ServiceFlag.PERSISTENT, netmask="128"),
        ),
        ("FWM  00000005 wlc ", fwmark(5)),
        ("FWM  FFFFFFFF wlc ops ", fwmark(2**32 - 1, flags=ServiceFlag.ONE_PACKET)),
        (
            "FWM  00000010 wlc ops persistent 3000 FFFF0000",
            fwmark(
                16, flags=ServiceFlag.ONE_PACKET | ServiceFlag.PERSISTENT, netmask="255.255.0.0"
            ),
        ),
    ],
)
def test_a_service_is_what_its_line_says(line: str, expected: VirtualService) -> None:
    assert only(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "  -> C0A80001:1F90      Masq    1      0          0         ",
            RealServer("192.168.0.1", 8080, Forwarding.MASQ, 1, active_conns=0, inact_conns=0),
        ),
        (
            "  -> C0A80001:0000      Local   0      12         3         ",
            RealServer("192.168.0.1", 0, Forwarding.LOCAL, 0, active_conns=12, inact_conns=3),
        ),
        (
            "  -> C0A80001:1F90      Tunnel  65535  2147483647 1         ",
            RealServer(
                "192.168.0.1", 8080, Forwarding.TUNNEL, 65535, active_conns=2**31 - 1, inact_conns=1
            ),
        ),
        (
            f"  -> {BACKEND}:FFFF      Route   2147483647 0          0         ",
            RealServer(
                "2001:db8:1::1", 65535, Forwarding.ROUTE, 2147483647, active_conns=0, inact_conns=0
            ),
        ),
    ],
)
def test_a_real_server_is_what_its_line_says(line: str, expected: RealServer) -> None:
    assert only("TCP  C000020A:01BB wlc  ", line).real_servers == [expected]


def test_what_the_file_does_not_tell_is_unknown() -> None:
    found = only("TCP  C000020A:01BB wlc  persistent 36000 FFFFFF00", FOUR_SERVER)
    assert (found.persist_timeout, found.persistence_engine) == (None, None)
    assert (found.counters, found.rates) == (None, None)
    (server,) = found.real_servers
    assert (server.upper_threshold, server.lower_threshold, server.persist_conns) == (None,) * 3
    assert (server.counters, server.rates, server.tunnel_type) == (None, None, None)


def test_an_unknown_protocols_servers_are_not_credited_to_the_service_before() -> None:
    reports: List[str] = []
    lines = [
        "TCP  C000020A:01BB wlc  ",
        FOUR_SERVER,
        "IP_47  C000020A:0000 wlc  ",
        "  -> C0A80002:0000      Masq    1      0          0         ",
        "UDP  C000020A:0035 wlc  ",
        "  -> C0A80003:0035      Masq    1      0          0         ",
    ]
    found = procfs.services("\n".join(HEADER + lines), reports.append)
    assert [(each.name, [rs.name for rs in each.real_servers]) for each in found] == [
        ("TCP 192.0.2.10:443", ["192.168.0.1:8080"]),
        ("UDP 192.0.2.10:53", ["192.168.0.3:53"]),
    ]
    assert reports == ["/proc/self/net/ip_vs:6: unknown protocol: 'IP_47'"]


@pytest.mark.parametrize(
    "line",
    [
        "TCP",
        "TCP  C000020A:01BB",
        "TCP  C000020A:01BB ",
        "TCP  C0000A:01BB wlc  ",
        "TCP  C000020AFF:01BB wlc  ",
        "TCP  C000020G:01BB wlc  ",
        "TCP  C000020A:01BX wlc  ",
        "TCP  C000020A: wlc  ",
        "TCP  C000020A wlc  ",
        "TCP  [2001:0db8:zz]:01BB wlc ",
        "TCP  [2001:0db8:0000]:01BB wlc ",
        "TCP  []:01BB wlc ",
        "TCP  C000020A:01BB wlc  persistent",
        "TCP  C000020A:01BB wlc  persistent 36000",
        "TCP  C000020A:01BB wlc  persistent 36000 FFFFFF",
        "TCP  C000020A:01BB wlc  persistent 36000 FFFFFFXX",
        f"TCP  {SIX}:01BB wlc persistent 12000 4000000000",
        f"TCP  {SIX}:01BB wlc persistent 12000 -1",
        "FWM  0000000X wlc ",
        "FWM  100000000 wlc ",
        "FWM  -0000005 wlc ",
        "FWM  0x000005 wlc ",
        "TCP  C000020A:0_50 wlc  ",
        "TCP  C000020A:10050 wlc  ",
        "FWM",
        "ICMP  C000020A:0000 wlc  ",
    ],
)
def test_a_bad_service_is_reported_with_its_line_and_costs_its_servers(line: str) -> None:
    reports: List[str] = []
    lines = ["UDP  C000020A:0035 rr  ", line, FOUR_SERVER, "SCTP  C000020A:0035 rr  ", FOUR_SERVER]
    found = procfs.services("\n".join(HEADER + lines), reports.append)
    assert [(each.protocol, len(each.real_servers)) for each in found] == [
        (IpProtocol.UDP, 0),
        (IpProtocol.SCTP, 1),
    ]
    (report,) = reports
    assert report.startswith("/proc/self/net/ip_vs:5: ")


@pytest.mark.parametrize(
    "line",
    [
        "  ->",
        "  -> C0A80002:1F90      Masq    1      0",
        "  -> C0A80002:1F90      Masq    1      0          0          0",
        "  -> C0A80002:1F90      Other   1      0          0         ",
        "  -> C0A802:1F90      Masq    1      0          0         ",
        "  -> C0A80002:XF90      Masq    1      0          0         ",
        "  -> C0A80002:1F90      Masq    one    0          0         ",
        "  -> C0A80002:1F90      Masq    1      0x1        0         ",
        "  -> C0A80002:11F90     Masq    1      0          0         ",
        "  -> C0A80002:1F90      Masq    1_0    0          0         ",
        "  -> C0A80002:1F90      Masq    +1     0          0         ",
        "  -> C0A80002:1F90      Masq    \u0663      0          0         ",
        "  -> C0A80002:1F90      Masq    2147483648 0          0         ",
        "  -> C0A80002:1F90      Masq    1      -1         0         ",
        "  -> C0A80002:1F90      Masq    1      0          -1        ",
        "  -> [2001:0db8:zz]:1F90      Masq    1      0          0         ",
    ],
)
def test_a_bad_real_server_is_reported_with_its_line_and_costs_only_itself(line: str) -> None:
    reports: List[str] = []
    lines = ["TCP  C000020A:01BB rr  ", line, FOUR_SERVER, "UDP  C000020A:0035 rr  "]
    found = procfs.services("\n".join(HEADER + lines), reports.append)
    assert [(each.protocol, len(each.real_servers)) for each in found] == [
        (IpProtocol.TCP, 1),
        (IpProtocol.UDP, 0),
    ]
    (report,) = reports
    assert report.startswith("/proc/self/net/ip_vs:5: ")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("TCP  C000020A:01BB", "scheduler missing: 'TCP  C000020A:01BB'"),
        ("TCP  C000020A:01BB rr persistent 360", "netmask missing: 'TCP  C000020A:01BB rr"),
        ("TCP  C00002:01BB rr  ", "not an address and port: 'C00002:01BB'"),
        ("  -> C0A80002:1F90      Masq    1      0", "5 columns, expected 6: '-> C0A80002"),
    ],
)
def test_a_report_names_what_is_wrong_in_the_line(line: str, said: str) -> None:
    reports: List[str] = []
    procfs.services("\n".join([*HEADER, "TCP  C000020A:0050 rr  ", line]), reports.append)
    (report,) = reports
    assert report.startswith(f"/proc/self/net/ip_vs:5: {said}")


def test_an_empty_director_has_no_services() -> None:
    assert services() == services("", "  ") == []
    assert procfs.services("", refuse) == []


def test_version_and_table_size_are_in_the_first_line() -> None:
    assert procfs.header("\n".join(HEADER)) == ("1.2.1", 4096)
    assert procfs.header("") == (None, None)
    assert procfs.header("Prot LocalAddress:Port") == (None, None)


TOTALS = [
    "   Total Incoming Outgoing         Incoming         Outgoing",
    "   Conns  Packets  Packets            Bytes            Bytes",
    "      5E      19E 1FFFFFFFF            14446 FFFFFFFFFFFFFFFF",
    "",
    " Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s",
    "       C       34       28             2889        100000000",
    "",
]


def test_totals_are_hexadecimal_and_of_64_bits() -> None:
    counters, rates = procfs.totals("\n".join(TOTALS))
    assert counters == Traffic(0x5E, 0x19E, 0x1FFFFFFFF, 0x14446, 2**64 - 1)
    assert rates == Traffic(12, 0x34, 0x28, 0x2889, 2**32)


@pytest.mark.parametrize("lost", [2, 5])
def test_totals_without_a_row_are_an_error(lost: int) -> None:
    with pytest.raises(ValueError, match="/proc/self/net/ip_vs_stats: "):
        procfs.totals("\n".join(TOTALS[:lost] + TOTALS[lost + 1 :]))
    with pytest.raises(ValueError, match="/proc/self/net/ip_vs_stats: "):
        procfs.totals("\n".join([*TOTALS[:lost], "       C       34       28             2889"]))


@pytest.mark.parametrize("word", ["-5E", "5_E", "0x5E", "1" + "0" * 16])
def test_totals_with_a_number_that_no_kernel_writes_are_an_error(word: str) -> None:
    with pytest.raises(ValueError, match="/proc/self/net/ip_vs_stats: "):
        procfs.totals("\n".join(TOTALS).replace("5E", word))


def test_a_processors_number_is_hexadecimal_and_the_total_is_none() -> None:
    rows = {0: 1, 9: 2, 10: 3, 16: 4, 0xABC: 5}
    text = [
        "       Total Incoming Outgoing         Incoming         Outgoing",
        "CPU    Conns  Packets  Packets            Bytes            Bytes",
        "  0        1       10       20               30               40",
        "  9        2       10       20               30               40",
        "  A        3       10       20               30               40",
        " 10        4       10       20               30               40",
        "ABC        5       10       20               30               40",
        "  ~        F       50       64               96               C8",
        "",
        "     Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s",
        "           C       34       28             2889             258C",
        "",
    ]
    expected = [Cpu(n, Traffic(conns, 0x10, 0x20, 0x30, 0x40)) for n, conns in rows.items()]
    assert procfs.cpus("\n".join(text)) == expected
    text[3] = f"1{'0' * 8} 2       10       20               30               40"
    expected = [each for each in expected if each.number != 9]
    assert procfs.cpus("\n".join(text)) == expected
    text[4] = "  A        3       10       20  broken            40"
    assert procfs.cpus("\n".join(text)) == [each for each in expected if each.number != 10]
