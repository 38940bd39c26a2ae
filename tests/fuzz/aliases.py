# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of aliases: lines in ipvsadm's notation, some of them altered."""

from __future__ import annotations

import copy
from typing import Dict, List, Tuple

from lvs_agent.aliases import Aliases, Named
from lvs_agent.mib import smi
from lvs_agent.names import server_key, service_key
from lvs_agent.pollers import parsing
from lvs_agent.pollers.naming import NamingError
from tests.fuzz.choices import Choices
from tests.support import builders

PROTOCOLS = ["TCP", "-t", "--tcp-service", "UDP", "-u", "SCTP", "--sctp-service", "IP33", "ip65535"]
MARKS = ["FWM", "-f", "--fwmark-service", "fwm"]
NUMBERS = ["5", "0x5", "-1", "4294967295", "0", "4294967296", "5" * 50, ""]
IPV6 = ["", "IPv6", "-6", "--ipv6"]
HOSTS = ["192.0.2.10", "[2001:db8::10]", "[2001:DB8:0::10]", "0.0.0.0", "[::ffff:192.0.2.1]"]
PORTS = ["443", "0", "65535", "080", "65536", ""]
SERVERS = ["", "", "->", "-r", "--real-server"]
BLANKS = [" ", "  ", "\t", " \t "]
PLAIN = ["shop", "a b", "é" * 40]
ALIASES = [*PLAIN, "#", "->", "-6", "IPv6", "", "\u2028", "x\0", "\x1b[2J", "\r"]
DIRECTOR = builders.director()


def check(data: bytes) -> None:
    """Check that a line affects no other, and that words name the same row as for a poller."""
    choices = Choices(data)
    made = [_line(choices) for _ in range(choices.below(5))]
    lines = [f"{words}{blank}{alias}".encode() for words, blank, alias in made]
    if choices.below(4) == 3 and lines:
        place = choices.below(len(lines))
        lines[place] = choices.splice(lines[place])
    text = b"\n".join(lines)
    aliases = Aliases(text)
    _each_once(text, aliases)
    for words, blank, alias in made:
        if alias in PLAIN:
            _named(words, Aliases(f"{words}{blank}{alias}".encode()))
    snapshot = copy.deepcopy(DIRECTOR)
    aliases.fill_in(snapshot)
    found = [*snapshot.address_aliases.values(), *(row.alias for row in snapshot.lost)]
    for vs in snapshot.services:
        found += [vs.alias, *(rs.alias for rs in vs.real_servers)]
    for served in map(smi.Alias.fit, found):
        assert isinstance(served, str)
        assert served == "" or (served.isprintable() and len(served.encode()) <= 64)


def _line(choices: Choices) -> Tuple[str, str, str]:
    """Return words, a blank and an alias."""
    if choices.below(4) == 3:
        words = [choices.pick(HOSTS)]
    elif choices.below(2):
        words = [choices.pick(MARKS), choices.pick(NUMBERS), choices.pick(IPV6)]
    else:
        words = [choices.pick(PROTOCOLS), f"{choices.pick(HOSTS)}:{choices.pick(PORTS)}"]
    server = choices.pick(SERVERS) if words[1:] else ""
    if server:
        port = choices.pick(["", f":{choices.pick(PORTS)}"])
        words += [server, choices.pick(HOSTS) + port]
    blank = choices.pick(BLANKS)
    return blank.join(word for word in words if word), blank, choices.pick(ALIASES)


def _each_once(text: bytes, aliases: Aliases) -> None:
    """Check that each line is an alias, invalid, empty or a comment, whatever precedes it."""
    bad = {line.number: line.reason for line in aliases.bad}
    found: Dict[int, Named] = {number: row for row, number in aliases.lines.items()}
    assert not bad.keys() & found.keys()
    for number, line in enumerate(text.split(b"\n"), 1):
        alone = Aliases(line)
        assert len(alone.lines) + len(alone.bad) <= 1
        if number in found:
            assert [*alone.lines] == [found[number]]
        elif bad.get(number, "").startswith("names the same"):
            assert aliases.lines[next(iter(alone.lines))] < number
        else:
            assert [each.reason for each in alone.bad] == [*filter(None, [bad.get(number)])]


def _named(words: str, aliases: Aliases) -> None:
    """Check that words name the same row as for a poller."""
    try:
        row = parsing.parse([words])
    except NamingError:
        return
    if row.service.port is None:
        return
    service = service_key(str(row.service))
    expected: List[Named] = [Named(service, server_key(str(row.server)) if row.server else None)]
    assert [*aliases.lines] == expected, aliases.bad
