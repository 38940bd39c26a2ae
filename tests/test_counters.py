# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters across everything that resets the kernel's own, on a real kernel with traffic.

The address tables must show everything sent, as seen on the wire; the legacy tables what the kernel
counts, as ipvsadm prints it. The steps are those of tests/lab/counters.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Set, Tuple

import pytest

from tests.support import ipvsadm, walked
from tests.support.expected import read_expected
from tests.support.guests import NO_TIMEOUT, boot
from tests.support.ipvsadm import Counters, ServerKey, ServiceKey
from tests.support.lvsmib import COUNTERS, COUNTERS_2001
from tests.support.snmpd import AGENT
from tests.support.walked import Instance

pytestmark = [NO_TIMEOUT, pytest.mark.xdist_group("counters")]

# a service and a real server, None for the service itself; or vip or rip, and an address
Row = Tuple[object, object]
Counts = Dict[Row, Counters]

UDP, TCP, SIX, LAST = "UDP 10.2.0.1:53", "TCP 10.2.0.2:80", "UDP [fd00:2::1]:53", "UDP 10.2.0.3:53"
SAME = "UDP 10.2.0.1:54"  # at the address of UDP
RS1_TCP, RS2_LAST = "10.1.1.21:80", "10.1.2.22:5353"
RS1_SAME, RS2_SAME = "10.1.1.21:5454", "10.1.2.22:5454"
ALL = {UDP, TCP, SIX, LAST, SAME}

# The services and real servers whose kernel counters are all 0 in a step; all others are not
BEGUN_ANEW: Dict[str, Set[str]] = {
    "02-zeroed": ALL,
    "04-one-zeroed": {TCP},
    "07-service-back": {UDP},
    "09-service-replaced": {SIX},
    "18-zeroed-meanwhile": ALL,
    "20-server-past-trash": {RS2_LAST, RS2_SAME},
    "23-loaded": ALL,
    "again1-booted": ALL,
}
ABSENT: Dict[str, Set[str]] = {
    **{f"{step:02}": {RS2_LAST, RS2_SAME} for step in range(2, 20)},
    "06": {UDP, RS2_LAST, RS2_SAME},
    "11": {RS1_TCP, RS2_LAST, RS2_SAME},
    "20": {RS1_SAME},
    "21": {RS1_SAME},
    "22": ALL,
}
HISTORY_LOST = "27-history-lost"
OVERTAKEN = "25-overtaken"


class Step(NamedTuple):
    """A walk and ipvsadm's output at one step."""

    name: str
    portions: List[str]
    kernel: Counts  # from ipvsadm
    legacy: Counts  # from the legacy tables
    new: Counts  # from the address tables
    sums: Counts  # from the tables of sums over addresses
    since: Dict[Row, int]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counters") / "result"
    boot(folder, "counters", AGENT)
    return boot(folder, "counters", AGENT, "again")


@pytest.fixture(scope="module")
def steps(folder: Path) -> List[Step]:
    found = [_step(step) for step in sorted((folder / "steps").iterdir())]
    print()
    for step in found:
        kernel, served = _in_bytes(step.kernel), _in_bytes(step.new)
        print(f"{step.name:22} InBytes of the kernel: {kernel:24} by address: {served}")
    return found


@pytest.fixture(scope="module")
def sent(folder: Path) -> Dict[str, Counts]:
    """Return the traffic sent in each portion."""
    portions = {}
    for file in (folder / "sent").iterdir():
        counts: Counts = {}
        for key, seen in read_expected(file).items():
            counts[key, None] = seen.stats
            counts.update({(key, server): stats for server, stats in seen.servers.items()})
        portions[file.stem] = counts
    return portions


def test_the_tables_of_2001_show_the_kernels_counters(steps: List[Step]) -> None:
    for step in steps:
        assert step.legacy == step.kernel, step.name


def test_the_kernel_did_reset_its_counters(steps: List[Step]) -> None:
    for step in steps:
        zero = {row for row, counters in step.kernel.items() if not any(counters)}
        begun = {key(name) for name in BEGUN_ANEW.get(step.name, ())}
        assert zero == {row for row in step.kernel if set(row) & begun}, step.name


def test_rows_are_there_when_the_kernel_has_them(steps: List[Step]) -> None:
    every = set(steps[0].new)
    for step in steps:
        gone = {key(name) for name in ABSENT.get(step.name[:2], ())}
        assert set(step.new) == {row for row in every if not set(row) & gone}, step.name
        assert set(step.new) == set(step.kernel), step.name


@pytest.fixture(scope="module")
def totals(steps: List[Step], sent: Dict[str, Counts]) -> Dict[str, Counts]:
    """Return the traffic sent before each step, to all rows that have ever existed."""
    found = {}
    total: Counts = {}
    counted: List[str] = []
    before = steps[0]
    for step in steps:
        for portion in step.portions:
            if portion not in counted:
                total = added(total, sent[portion])
                counted.append(portion)
        if step.name == OVERTAKEN:
            # traffic that the kernel had counted before an unseen reset is lost
            lost = {row: before.kernel[row] for row in before.kernel if key(SIX) in row}
            assert all(sum(counters) for counters in lost.values())
            total = added(total, lost, sign=-1)
        if step.name == HISTORY_LOST:
            total = step.kernel
        found[step.name] = total
        before = step
    assert len(counted) == len(sent) > 15
    return found


def test_counters_are_what_was_sent_in_all(steps: List[Step], totals: Dict[str, Counts]) -> None:
    for step in steps:
        assert step.new == {row: totals[step.name][row] for row in step.new}, step.name


def test_sums_over_addresses_are_what_was_sent_to_all_their_rows(
    steps: List[Step], totals: Dict[str, Counts]
) -> None:
    """Deleted rows are included while the address has another one."""
    for step in steps:
        present = summed(step.new)
        expected = summed(totals[step.name])
        assert step.sums == {row: expected[row] for row in present}, step.name
    _print_sums(steps)


def test_some_sums_are_more_than_the_kernel_has(steps: List[Step]) -> None:
    """These are the sums that include deleted rows, and all of them after a reset."""
    more = {
        row
        for step in steps
        for row, counters in summed(step.new).items()
        if step.sums[row] != counters
    }
    assert more == {("vip", "10.2.0.1"), ("rip", "10.1.1.21"), ("rip", "10.1.2.22")}


def test_counters_never_go_back_while_the_history_lasts(steps: List[Step]) -> None:
    highest: Counts = {}
    for step in steps:
        if step.name == HISTORY_LOST:
            highest = {}
        for row, counters in [*step.new.items(), *step.sums.items()]:
            pairs = zip(counters, highest.get(row, counters))
            assert all(now >= before for now, before in pairs), (step.name, row)
            highest[row] = counters


def test_the_discontinuity_time_moves_when_and_only_when_continuity_was_lost(
    steps: List[Step],
) -> None:
    first = steps[0].since
    moved = next(step.since for step in steps if step.name == HISTORY_LOST)
    assert all(first.values())
    assert min(moved.values()) > max(first.values())
    lost = False
    for step in steps:
        lost = lost or step.name == HISTORY_LOST
        expected = moved if lost else first
        if step.name.startswith("again"):
            expected = dict.fromkeys(expected, 0)  # another snmpd, started later
        assert step.since == {row: expected[row] for row in step.since}, step.name


def key(name: str) -> object:
    return ipvsadm.service_key(name) if " " in name else ipvsadm.endpoint(name)


def added(total: Counts, more: Counts, sign: int = 1) -> Counts:
    nothing = Counters(0, 0, 0, 0, 0)
    rows = total.keys() | more.keys()
    return {
        row: Counters(
            *(a + sign * b for a, b in zip(total.get(row, nothing), more.get(row, nothing)))
        )
        for row in rows
    }


def summed(counts: Counts) -> Counts:
    """Return the sums over the addresses of services and of real servers."""
    found: Counts = {}
    for (service, server), counters in counts.items():
        kind, of = ("vip", service) if server is None else ("rip", server)
        assert isinstance(of, (ServiceKey, ServerKey))
        found = added(found, {(kind, of.address): counters})
    return found


def _print_sums(steps: List[Step]) -> None:
    """Print the packets of each address beside the sum over the rows that ipvsadm shows."""
    rows = sorted({row for step in steps for row in step.sums}, key=str)
    print()
    for step in steps:
        kernel = summed(step.kernel)
        columns = (
            f"{row[1]}: {kernel[row].inpkts}/{step.sums[row].inpkts}" if row in kernel else "-"
            for row in rows
        )
        print(f"{step.name:22} InPkts ipvsadm/sum {' '.join(f'{each:24}' for each in columns)}")


def _step(folder: Path) -> Step:
    walk = walked.tables((folder / "walk").read_text().splitlines())
    portion = (folder / "portion").read_text().strip()
    again, number = ("again", portion[5:]) if portion.startswith("again") else ("", portion)
    portions = [f"{again}{each}" for each in range(1, int(number) + 1)]
    if not (folder / "ipvsadm").exists():
        return Step(folder.name, portions, {}, {}, {}, {}, {})  # IPVS is not loaded
    legacy: Counts = {}
    since: Dict[Row, int] = {}
    for row, table, at, numbers in _instances(walk):
        of_2001 = {"lvsVs": "lvsService", "lvsRs": "lvsReal"}[table]
        values = [_number(walk[f"{of_2001}{each}"][numbers]) for each in COUNTERS_2001]
        legacy[row] = Counters(*values)
        since[row] = _number(walk[f"{table}DiscontinuityTime"][at])
    kernel = _counts(ipvsadm.read(folder / "ipvsadm"))
    sums: Counts = {}
    for row, prefix, at in _addresses(walk):
        sums[row] = Counters(*(_number(walk[f"{prefix}{each}"][at]) for each in COUNTERS))
        since[row] = _number(walk[f"{prefix}DiscontinuityTime"][at])
    return Step(folder.name, portions, kernel, legacy, _counts(walked.director(walk)), sums, since)


def _addresses(walk: walked.Tables) -> Iterator[Tuple[Row, str, Instance]]:
    """Yield the key of each row of the tables of addresses, its table and its instance there."""
    for kind, table in (("vip", "lvsVip"), ("rip", "lvsRip")):
        for at in walk[f"{table}Services"]:
            yield (kind, str(ipaddress.ip_address(bytes(at[2:])))), table, at


def _instances(walk: walked.Tables) -> Iterator[Tuple[Row, str, Instance, Instance]]:
    """Yield each row: its keys, its address table, its instance there, and its legacy instance."""
    for service, name in walk["lvsVsName"].items():
        number = _number(walk["lvsVsNumber"][service])
        yield (key(str(name)), None), "lvsVs", service, (number,)
        for server, address in walk["lvsRsName"].items():
            if server[: len(service)] == service:
                numbers = (number, _number(walk["lvsRsNumber"][server]))
                yield (key(str(name)), key(str(address))), "lvsRs", server, numbers


def _counts(director: ipvsadm.Director) -> Counts:
    found: Counts = {}
    for service, row in director.services.items():
        assert row.stats
        found[service, None] = row.stats
        for server, below in row.servers.items():
            assert below.stats
            found[service, server] = below.stats
    return found


def _number(value: walked.Value) -> int:
    assert isinstance(value, int)
    return value


def _in_bytes(counts: Counts) -> str:
    named = (counts.get((key(name), None)) for name in sorted(ALL))
    return " ".join("-" if counters is None else str(counters.inbytes) for counters in named)
