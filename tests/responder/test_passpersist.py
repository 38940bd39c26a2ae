# SPDX-License-Identifier: GPL-3.0-or-later
"""The pass_persist protocol, used as snmpd does; and faults of the unmodified library class."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import Iterator, List

import pytest
import snmp_passpersist

from tests.support.pipes import COLUMN, Rows, Snmpd


@pytest.fixture
def rows() -> Rows:
    return Rows(1, 2, 10, 33)


@pytest.fixture
def snmpd(rows: Rows) -> Iterator[Snmpd]:
    end = Snmpd(rows)
    yield end
    end.close()


def test_get_answers_with_oid_type_and_value(snmpd: Snmpd) -> None:
    assert snmpd.ask("get", f"{COLUMN}.10") == [f"{COLUMN}.10", "counter64", "10"]


def test_get_of_what_is_not_there_is_none(snmpd: Snmpd) -> None:
    for oid in (f"{COLUMN}.3", f"{COLUMN}.10.0", COLUMN, ".1.3.6.1.3.99", ".1.3.6.1.3.9"):
        assert snmpd.ask("get", oid) == ["NONE"]


def test_getnext_of_the_base_and_of_what_comes_before_it_is_the_first(snmpd: Snmpd) -> None:
    for oid in (".1.3.6.1.3.99", ".1.3.6.1.3.99.0", ".1.3.6.1.3.98.7", ".1.3", COLUMN):
        assert snmpd.ask("getnext", oid)[0] == f"{COLUMN}.1"


def test_getnext_of_a_row_that_has_gone_is_the_next_in_order(snmpd: Snmpd, rows: Rows) -> None:
    rows.instances.remove(10)
    assert snmpd.ask("getnext", f"{COLUMN}.10")[0] == f"{COLUMN}.33"


def test_getnext_after_the_last_is_none(snmpd: Snmpd) -> None:
    for oid in (f"{COLUMN}.33", f"{COLUMN}.99999999999", ".1.3.6.1.3.100", ".1.3.6.1.3.999.1"):
        assert snmpd.ask("getnext", oid) == ["NONE"]


def test_the_base_is_compared_as_numbers(snmpd: Snmpd) -> None:
    assert snmpd.ask("get", ".1.3.6.1.3.999.1.2.1") == ["NONE"]


@pytest.mark.parametrize(
    "oid", ["", ".", "x", ".1..3", ".1.3.6.1.3.99.-1", "." + "9" * 5000, ".1.3.6.1.3.99.1\0"]
)
def test_what_is_no_oid_is_none_and_leaves_the_stream_in_step(snmpd: Snmpd, oid: str) -> None:
    assert snmpd.ask("get", oid) == ["NONE"]
    assert snmpd.ask("get", f"{COLUMN}.1")[2] == "1"


def test_an_oid_of_128_parts_and_longer_is_taken(snmpd: Snmpd) -> None:
    for parts in (128, 1000):
        oid = COLUMN + ".2" + ".0" * (parts - 10)
        assert snmpd.ask("get", oid) == ["NONE"]
        assert snmpd.ask("getnext", oid)[0] == f"{COLUMN}.10"


@pytest.mark.parametrize(
    "tail",
    ["integer 5\n", "integer 5\n\n", "integer 5", 'string "a\nPING\nget\nb"\n', "string PING"],
    ids=["line", "empty line, up to 5.9.3", "no newline, later", "newlines", "ends in PING"],
)
def test_set_is_not_writable_and_leaves_the_stream_in_step(snmpd: Snmpd, tail: str) -> None:
    snmpd.write("PING\n")
    assert snmpd.line() == "PONG"
    snmpd.write(f"set\n{COLUMN}.1\n{tail}")
    assert snmpd.line() == "not-writable"
    assert snmpd.ask("get", f"{COLUMN}.2")[2] == "2"


def test_set_in_two_portions_leaves_the_stream_in_step(snmpd: Snmpd) -> None:
    snmpd.write("PING\n")
    assert snmpd.line() == "PONG"
    snmpd.write(f"set\n{COLUMN}.1\n")
    assert snmpd.line() == "not-writable"
    snmpd.write("integer 5")
    assert snmpd.ask("get", f"{COLUMN}.2")[2] == "2"


def test_requests_are_taken_however_they_are_cut(snmpd: Snmpd) -> None:
    for byte in f"PING\nget\n{COLUMN}.2\nPING\n":
        snmpd.write(byte)
    assert [snmpd.line() for _ in range(5)] == ["PONG", f"{COLUMN}.2", "counter64", "2", "PONG"]


def test_requests_in_one_burst_are_answered_in_order(snmpd: Snmpd) -> None:
    snmpd.write(f"PING\nget\n{COLUMN}.2\n" * 50)
    for _ in range(50):
        assert [snmpd.line() for _ in range(4)] == ["PONG", f"{COLUMN}.2", "counter64", "2"]


def test_an_unknown_command_is_none_so_that_snmpd_does_not_wait(snmpd: Snmpd) -> None:
    snmpd.write("frobnicate\n")
    assert snmpd.line() == "NONE"


def test_a_line_without_end_is_dropped_and_leaves_the_stream_in_step(snmpd: Snmpd) -> None:
    snmpd.write("PING\n")
    assert snmpd.line() == "PONG"
    snmpd.write("get\n" + "." * (1 << 20))
    snmpd.write("\n")
    assert snmpd.ask("get", f"{COLUMN}.2")[2] == "2"


def test_the_next_snapshot_gets_its_turn_between_requests(snmpd: Snmpd, rows: Rows) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        rows.watched = [ours]
        snmpd.ask("get", f"{COLUMN}.1")
        snmpd.ask("get", f"{COLUMN}.1")
        rows.watched = []
    assert rows.advanced > 0


STOCK = """
import snmp_passpersist
agent = snmp_passpersist.PassPersist(".1.3.6.1.3.99")
def update():
    for row in (1, 2, 33):
        agent.add_cnt_64bit(f"1.1.2.{row}", 18446744073709551615)
agent.start(update, 60)
"""


def stock(*requests: str) -> List[str]:
    """Return the answers of the unmodified library class to requests."""
    done = subprocess.run(
        [sys.executable, "-u", "-c", STOCK],
        input="".join(f"PING\n{request}\n" for request in requests),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout.splitlines()


def test_stock_ends_a_walk_at_a_row_that_has_gone() -> None:
    assert stock(f"getnext\n{COLUMN}.10") == ["PONG", "NONE"]


def test_stock_compares_the_base_as_text() -> None:
    base = snmp_passpersist.PassPersist(".1.3.6.1.3.99")
    assert base.cut_oid(".1.3.6.1.3.999.5") is not None


def test_stock_counts_the_largest_counter64_as_0() -> None:
    assert stock(f"get\n{COLUMN}.1") == ["PONG", f"{COLUMN}.1", "Counter64", "0"]


def test_stock_is_out_of_step_after_a_set() -> None:
    assert stock(f"set\n{COLUMN}.1\ninteger 5\n", f"get\n{COLUMN}.1")[2:3] != ["PONG"]


def test_stock_searches_longer_in_a_larger_table() -> None:
    def seconds(count: int) -> float:
        agent = snmp_passpersist.PassPersist(".1.3.6.1.3.99")
        for row in range(count):
            agent.add_int(f"1.1.2.{row}", row)
        agent.commit()
        began = time.process_time()
        for _ in range(100):
            agent.get_next(f"1.1.2.{count - 2}")
        return time.process_time() - began

    assert seconds(100_000) > 20 * seconds(100)
