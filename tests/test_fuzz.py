# SPDX-License-Identifier: GPL-3.0-or-later
"""Each target of make fuzz finds a fault that is planted in the code it checks."""

from __future__ import annotations

from typing import Callable, Dict, List, Sequence, Tuple

import pytest
from pysnmp.entity.rfc3413.cmdgen import GetCommandGenerator

from lvs_agent import aliases, names
from lvs_agent.boundary import rows, wire
from lvs_agent.collector.forgetting import ForgetFile
from lvs_agent.collector.remembered import Numbering, ServiceState
from lvs_agent.kernel import messages, netlink, procfs
from lvs_agent.kernel.decoding import Layout
from lvs_agent.mib.smi import Oid
from lvs_agent.netsnmp import oids, reader, snmpconf
from lvs_agent.pollers import client, mrtg
from lvs_agent.pollers.client import Client, Value
from lvs_agent.pollers.objects import Object
from lvs_agent.pollers.session import Raw, Session
from lvs_agent.responder import passpersist
from lvs_agent.responder.passpersist import PassPersist
from tests.fuzz import engine
from tests.fuzz.__main__ import TARGETS
from tests.fuzz.engine import Finding, Portion, findings, made, target_check
from tests.fuzz.procfs import KERNELS, TABLES

Patch = Callable[[pytest.MonkeyPatch], None]

INPUTS = 4000
SLOW = {"answers": 2000}  # pysnmp takes a hundredth of a second for an input


def found(target: str) -> List[Finding]:
    """Return the findings in the first portion that has any."""
    for first in range(0, SLOW.get(target, INPUTS), 100):
        hit = findings(target_check(target), Portion(target, "test", first, 100))
        if hit:
            return hit
    return []


def same_length_same_layout(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Layout, "matches", lambda layout, message: len(message) == layout._struct.size)


def nests_merged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Layout, "_forget", lambda layout, nest: None)


def errors_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(netlink, "_check_error", lambda kind, body: None)


def another_error(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(messages, "_FAMILIES", {2: 4})
    patch.setattr(messages, "_family", lambda af: messages._FAMILIES[af])


def int_of_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(procfs, "_hex", lambda text, digits: int(text, 16))


def masks_of_ipv4_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(procfs, "_prefix_length", lambda netmask: None)


def switches_of_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(procfs, "_mode", lambda text: int(text) if text and text.isdigit() else None)


def no_ranges(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wire, "_check_range", lambda name, value, highest: None)


def any_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rows, "_is_time", lambda value: True)


def portions_end_lines(patch: pytest.MonkeyPatch) -> None:
    feed = wire.Reader.feed

    def fed(reader: wire.Reader, data: bytes) -> None:
        feed(reader, data)
        if reader._rest.endswith(b"]"):
            feed(reader, b"\n")

    patch.setattr(wire.Reader, "feed", fed)


def servers_of_whoever_came_before(patch: pytest.MonkeyPatch) -> None:
    feed = wire.Reader.feed

    def fed(reader: wire.Reader, data: bytes) -> None:
        for line in data.splitlines(keepends=True):
            service = reader._service
            feed(reader, line)
            reader._service = reader._service or service

    patch.setattr(wire.Reader, "feed", fed)


def a_byte_more(patch: pytest.MonkeyPatch) -> None:
    say = PassPersist._say
    patch.setattr(
        PassPersist, "_say", lambda self, reply: say(self, reply.replace("NONE", "NONE\n"))
    )


def base_as_text(patch: pytest.MonkeyPatch) -> None:
    def cut(responder: PassPersist, oid: str) -> object:
        parsed = passpersist._parsed(oid)
        below = oid.startswith(responder.base_oid)
        return parsed[len(responder._base) :] if parsed is not None and below else None

    patch.setattr(PassPersist, "cut_oid", cut)


def nothing_skipped(patch: pytest.MonkeyPatch) -> None:
    take = PassPersist._take

    def taken(responder: PassPersist, line: str) -> None:
        responder._skipping = False
        take(responder, line)

    patch.setattr(PassPersist, "_take", taken)


def any_count(patch: pytest.MonkeyPatch) -> None:
    def get(asking: Session, oids: Sequence[Oid]) -> List[Raw]:
        send = GetCommandGenerator().send_varbinds
        found: List[Tuple[Oid, Raw]] = asking._run(asking._ask(send, oids))
        return [value for _, value in found]

    patch.setattr(Session, "get", get)


def any_order(patch: pytest.MonkeyPatch) -> None:
    take = client._ColumnWalk.take

    def taken(column: client._ColumnWalk, oid: Oid, raw: Raw) -> bool:
        last, column.last = column.last, ()
        took = take(column, oid, raw)
        column.last = column.last or last
        return took

    patch.setattr(client._ColumnWalk, "take", taken)


def any_type(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Client, "_value", lambda client, wanted, raw: raw)


def texts_as_they_are(patch: pytest.MonkeyPatch) -> None:
    value = Client._value

    def raw_text(client: Client, wanted: Object, raw: Raw) -> Value:
        fitted = value(client, wanted, raw)
        return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else fitted

    patch.setattr(Client, "_value", raw_text)


def names_as_they_are(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mrtg, "escape", str)


def includes_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reader, "_DEPTH", 10**6)
    patch.setattr(reader, "_FILES", 10**6)


def comments_as_values(patch: pytest.MonkeyPatch) -> None:
    word = reader._word

    def taken(text: bytes, at: int) -> Tuple[bytes, int]:
        found, end = word(text.replace(b"#", b"x"), at)
        return found, end

    patch.setattr(reader, "_word", taken)


def any_number(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(snmpconf._TOKENS, "timeout", ("timeout", lambda line: int(line.raw)))
    patch.setitem(snmpconf._TOKENS, "defaultPort", ("port", lambda line: int(line.raw)))


def digits_of_any_length(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(oids, "number", lambda text: int(text) if text.isdecimal() else None)


def a_number_given_twice(patch: pytest.MonkeyPatch) -> None:
    def add(rows: Numbering[ServiceState], name: str, row: ServiceState) -> None:
        rows.rows[name] = row
        rows.names[row.number] = name

    patch.setattr(Numbering, "add", add)


def a_line_without_its_end(patch: pytest.MonkeyPatch) -> None:
    def lines(file: ForgetFile) -> List[bytes]:
        data = file._read()
        file._taken += len(data)
        return data.splitlines()

    patch.setattr(ForgetFile, "_lines", lines)


def words_with_one_blank_between(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(aliases, "_next", lambda text: text.partition(" ")[::2])


def ports_of_marks(patch: pytest.MonkeyPatch) -> None:
    def server(text: str, service: names.ServiceKey) -> names.ServerKey:
        packed = aliases._packed(text)
        return names.server_key(text) if packed is None else (service[0], packed, service[3])

    patch.setattr(aliases, "_server", server)


FAULTS: List[Tuple[str, Patch]] = [
    ("netlink", same_length_same_layout),
    ("netlink", nests_merged),
    ("netlink", errors_ignored),
    ("netlink", another_error),
    ("procfs", int_of_anything),
    ("procfs", masks_of_ipv4_only),
    ("procfs", switches_of_anything),
    ("snapshots", no_ranges),
    ("snapshots", any_time),
    ("snapshots", portions_end_lines),
    ("snapshots", servers_of_whoever_came_before),
    ("protocol", a_byte_more),
    ("protocol", base_as_text),
    ("protocol", nothing_skipped),
    ("answers", any_count),
    ("answers", any_order),
    ("answers", any_type),
    ("answers", texts_as_they_are),
    ("answers", names_as_they_are),
    ("snmpconf", includes_without_end),
    ("snmpconf", comments_as_values),
    ("snmpconf", any_number),
    ("snmpdconf", includes_without_end),
    ("snmpdconf", digits_of_any_length),
    ("statefile", any_time),
    ("statefile", a_number_given_twice),
    ("forgetting", any_time),
    ("forgetting", a_line_without_its_end),
    ("aliases", words_with_one_blank_between),
    ("aliases", ports_of_marks),
]


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found_as_it_is(target: str) -> None:
    assert found(target) == []


@pytest.mark.parametrize(
    ("target", "plant"), FAULTS, ids=lambda part: getattr(part, "__name__", part)
)
def test_a_planted_fault_is_found(
    target: str, plant: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert found(target)


def test_what_is_taken_for_a_line_of_the_kernel_is_what_kernels_have_written() -> None:
    lines = {line for table in TABLES for line in table.splitlines()[3:]}
    assert [line for line in lines if not KERNELS.fullmatch(line)] == []
    assert len(lines) > 50


def test_an_input_is_the_same_each_time_and_another_for_each_number_seed_and_target() -> None:
    inputs: Dict[bytes, Tuple[str, str, int]] = {}
    for key in [("a", "1", 0), ("a", "1", 1), ("a", "2", 0), ("b", "1", 0)]:
        assert made(*key) == made(*key)
        inputs[made(*key)] = key
    assert len(inputs) == 4


def test_an_input_that_takes_too_long_or_too_much_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(data: bytes) -> None:
        while len(data) % 5 == 1:
            pass
        assert len(bytes(1 << 31 if len(data) % 5 == 2 else 1))

    monkeypatch.setattr(engine, "INPUT_SECONDS", 0.1)
    monkeypatch.setattr(engine, "target_check", lambda target: check)
    found = engine.fuzz("netlink", "1", inputs=20, seconds=0)
    assert {place.split()[0] for place in found} == {"LateError", "MemoryError"}
    assert "netlink --seed 1 --input " in capsys.readouterr().out
