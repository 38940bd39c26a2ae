# SPDX-License-Identifier: GPL-3.0-or-later
"""A director's answers, altered, and the records and the output of the pollers' commands."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from typing import Callable, Iterator, List, Optional, Tuple
from unittest.mock import patch

from nagiosplugin import Check
from nagiosplugin.output import Output
from nagiosplugin.runtime import Runtime

from lvs_agent import arguments
from lvs_agent.codes import Family
from lvs_agent.mib.smi import (
    MAX_ALIAS_BYTES,
    MAX_TEXT_BYTES,
    Alias,
    Bits,
    InetAddress,
    IpAddress,
    SnmpAdminString,
    TruthValue,
)
from lvs_agent.netsnmp.snmpconf import Credentials
from lvs_agent.pollers import check as checks
from lvs_agent.pollers import client as clients
from lvs_agent.pollers import mrtg, naming, objects, parsing, services
from lvs_agent.pollers.client import Client, Value
from lvs_agent.pollers.director import Director, DirectorError
from lvs_agent.pollers.graph import files, update
from lvs_agent.pollers.graph.progress import Progress
from tests.fuzz import director
from tests.fuzz.choices import Choices
from tests.fuzz.director import Fake

HOST = "127.0.0.1"
SECONDS = 1e6  # an input that takes long is a finding, not an error of the director
VARBINDS = 9  # those of mrtg's request
ROW = parsing.parse(["TCP 192.0.2.10:443"])
VIP = naming.AddressRow(naming.VIP, Family.INET, "192.0.2.10")
HIGHEST = 2**64 - 1

SCALARS = ["lvsAgentStatus", "lvsAgentStatusText", "lvsAgentSource", "lvsAgentSnapshotAge"]
SCALARS += ["lvsDirectorEstimation", "sysUpTime", "sysName", "lvsAgentVersion", "lvsTotalInBytes"]
TABLES = (
    ("lvsVsName", "lvsVsInBytes", "lvsVsActiveConns", "lvsVsFlags", "lvsVsPersistTimeout"),
    ("lvsRsName", "lvsRsWeight", "lvsRsInBytes", "lvsRsForwarding"),
)

# the guidelines for plugins: a text, and perhaps | and performance data
STATUS = re.compile(r"LVS (OK|WARNING|CRITICAL|UNKNOWN)( - [^|]*)?")
DATUM = re.compile(r"('[^'=|]+'|\w+)=-?\d+(\.\d+)?(s|c)?(;[\d.:@~]*){0,4}")
PATH = re.compile(r"[0-9A-Za-z._-]+/[0-9A-Za-z._-]+\.rrd")

Work = Callable[[Choices, Client], None]

FAKE = Fake()
_reached = director.reached(FAKE)
_kept: List[Client] = []


def check(data: bytes) -> None:
    """Check what a command makes of answers, some of which are altered."""
    choices = Choices(data)
    version = "3" if choices.below(32) == 31 else "2c"
    work = choices.pick(WORKS)

    def run() -> None:
        # an engine takes longer than an input, but what one of SNMPv3 learns must not last
        client = _client(version) if version == "3" else _same()
        FAKE.expect(client._session, choices)
        try:
            said = _outcome(work, choices, client)
            assert not said or FAKE.altered, said
        finally:
            _settle(client)
            if version == "3":
                client.close()

    with patch.object(clients, "VARBINDS", VARBINDS):
        _reached(run)


def _outcome(work: Work, choices: Choices, client: Client) -> str:
    """Return the director's error, or "" if there was none."""
    try:
        work(choices, client)
    except DirectorError as error:
        _is_message(str(error))
        return str(error)
    return ""


def _client(version: str) -> Client:
    asked = Credentials(version=version, user=b"somebody", timeout=director.TIMEOUT, retries=0)
    return Client(Director(HOST), asked, SECONDS)


def _same() -> Client:
    if not _kept:
        _kept.append(_client("2c"))
    return _kept[0]


def _settle(client: Client) -> None:
    """Let the loop deliver what is left of the answers."""

    async def later() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    client._session._loop.run_until_complete(later())


def _is_message(text: str) -> None:
    assert text.startswith(f"{HOST}: "), text
    _is_line(text)
    assert len(text) < 3000, len(text)
    # the limits of the fuzzer itself, as an error of the director
    for limit in ("MemoryError", "LateError", "not finished within"):
        assert limit not in text, text


def _is_line(text: str) -> None:
    assert text.isprintable(), text
    assert text.encode().decode() == text


def _is_valid(name: str, value: Value) -> None:
    """Check a value's type and range."""
    syntax = objects.named(name).syntax
    if value is None:
        return
    if syntax in (Alias, SnmpAdminString):
        assert isinstance(value, str)
        _is_line(value)
        assert len(value.encode()) <= MAX_TEXT_BYTES
    elif syntax in (Bits, InetAddress, IpAddress):
        assert isinstance(value, bytes)
    else:
        assert type(value) is int
        assert -(2**31) <= value <= HIGHEST
        assert syntax is not TruthValue or value in (1, 2)
        assert syntax is None or syntax is TruthValue or syntax.fit(value) == value


def _scalars(choices: Choices, client: Client) -> None:
    names = [choices.pick(SCALARS) for _ in range(1 + choices.below(4))]
    values = client.scalars(*names)
    assert len(values) == len(names)
    for name, value in zip(names, values):
        _is_valid(name, value)


def _walk(choices: Choices, client: Client) -> None:
    table = choices.pick(TABLES)
    columns = [choices.pick(table) for _ in range(1 + choices.below(3))]
    within = choices.pick([(), ROW.instance])
    last: Tuple[int, ...] = ()
    for instance, values in client.walk(columns, within):
        assert instance > last
        last = instance
        assert instance[: len(within)] == within
        assert all(0 <= part < 2**32 for part in instance)
        assert len(values) == len(columns)
        assert any(value is not None for value in values)
        for name, value in zip(columns, values):
            _is_valid(name, value)


def _services(choices: Choices, client: Client) -> None:
    agent = services.agent(client)
    assert agent.age is None or 0 <= agent.age < 2**32
    _is_line(agent.text)
    wanted = choices.pick([None, ROW.service, VIP])
    if isinstance(wanted, naming.AddressRow):
        _is_subject(services.address_row(client, wanted, ["InBytes"]))
        return
    for found in services.services(client, wanted, ["InBytes"]):
        if isinstance(found, DirectorError):
            _is_message(str(found))
            continue
        assert parsing.parse_service(str(found.name)) == found.name
        _is_subject(found)


def _is_subject(found: Optional[services.Subject]) -> None:
    if found is None:
        assert FAKE.altered
        return
    assert found.up is None or 0 <= found.up < 2**32
    assert 0 <= found.total < 2**33
    _is_line(found.alias)
    assert len(found.alias.encode()) <= MAX_ALIAS_BYTES
    for name, value in found.values.items():
        _is_valid(name, value)


def _update(_choices: Choices, client: Client) -> None:
    reading = update.read(client, lambda: 1_800_000_000, Progress("rows read:"))
    for error in reading.errors:
        _is_message(error)
    for row, values in reading.rows.items():
        path = files.File(files.folder_of(HOST), row).path
        assert PATH.fullmatch(path), path
        assert files.row_of(files.stem(row)) == row
        assert len(values) == len(files.sources(row))
        assert all(value is None or 0 <= value <= HIGHEST for value in values)


def _mrtg(choices: Choices, client: Client) -> None:
    kind = choices.pick(list(mrtg.KINDS))
    rows: List[naming.Named] = [ROW, VIP]
    lines = mrtg.lines([mrtg.ask(client, choices.pick(rows), kind)])
    assert len(lines) == 4
    for line in lines:
        _is_line(line)
        assert not set(line) & set("<>\"'")
    for value in lines[:2]:
        assert 0 <= int(value) <= HIGHEST
    assert re.fullmatch(r"\d+ days, \d+:\d\d:\d\d", lines[2])


def _check(choices: Choices, client: Client) -> None:
    words = [
        "check",
        HOST,
        *choices.pick([[], ["-v"], ["-t", "192.0.2.10:443"], ["VIP", "192.0.2.10"]]),
    ]
    args = PARSER.parse_args(words)
    with _plugin(client) as out:
        checks._run(args)
        _is_output(out.getvalue(), bool(args.verbose))
        assert FAKE.altered or "UNKNOWN" not in out.getvalue()


PARSER = arguments.parser()


@contextlib.contextmanager
def _plugin(client: Client) -> Iterator[io.StringIO]:
    """Give checks this client, and yield what they print. The library keeps one output for all."""
    runtime = Runtime()
    runtime.output = Output(runtime.logchan)
    same = contextlib.nullcontext(client)
    with (
        io.StringIO() as out,
        contextlib.redirect_stdout(out),
        patch.object(checks, "Client", lambda *_: same),
        patch.object(Check, "main", _main),
    ):
        yield out


def _main(self: Check, verbose: int, timeout: int) -> None:
    """Print as Check.main, without the end of the process."""
    runtime = Runtime()
    runtime.verbose = verbose
    runtime.run(self)
    print(runtime.output, end="")


def _is_output(output: str, verbose: bool) -> None:
    assert output.endswith("\n")
    text, _, performance = output.partition("| ")
    assert "warning: removed illegal characters" not in text
    first, *more = text.splitlines()
    assert STATUS.fullmatch(first.rstrip()), first
    assert verbose or not more, more
    for line in (first, *more):
        _is_line(line)
        assert "|" not in line
    while performance := performance.strip():
        datum = DATUM.match(performance)
        assert datum, performance
        performance = performance[datum.end() :]
        assert performance[:1] in ("", " ", "\n"), performance


# mostly those of one request, which take a tenth of the time of the others
WORKS: List[Work] = [_scalars] * 6 + [_walk] * 4 + [_mrtg, _check] * 2 + [_services, _update]
