# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of directors that would mean something to a terminal, to Nagios or to a browser."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lvs_agent.codes import Source
from lvs_agent.snapshot import Director, Snapshot
from tests.support import builders, fakes, files
from tests.support.directors import counted
from tests.support.snmpd import AGENT

WARNING = 1
HTTPS = "TCP 192.0.2.10:443"

# a text, and the same as it is shown in plain text
TEXTS = {
    "newline": (b"ok\nOK - fine\r\n", "ok?OK - fine??"),
    "terminal": (b"\x1b[2J\x1b]0;title\x07\xc2\x9b1m", "?[2J?]0;title??1m"),
    "right to left": ("a\u202eb\u2028c".encode(), "a?b?c"),
    "no width": ("a\u200b\u2066\ufeff\u00adb".encode(), "a????b"),
    "a surrogate": (b"a\xed\xa0\x80b", "a\ufffd\ufffd\ufffdb"),
    "not UTF-8": (b"r\xe9glage\x00", "r\ufffdglage?"),
    "long": (b"A" * 30000, "A" * 255),
    "quotes": (b"'a' \"b\" `c` $(d) \\", "'a' \"b\" `c` $(d) \\"),
    "HTML": (b"<script>alert('a')</script>&", "<script>alert('a')</script>&"),
    "performance data": (b"up | up=9;;", "up | up=9;;"),
}
HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}


def snapshot() -> Snapshot:
    server = builders.server(counters=counted(100))
    service = builders.service("192.0.2.10", 443, server, counters=counted(1000, 2000))
    return builders.snapshot(service, source=Source.NETLINK, director=Director(estimation=True))


def run(folder: Path, manner: fakes.Manner, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a director's address after the first word."""
    conf = folder / "snmp.conf"
    conf.write_text("timeout 5\nretries 0\n")
    command, *rest = words
    with fakes.running(snapshot(), manner) as director:
        return files.run(str(AGENT), command, director.address, *rest, "--snmp-conf", str(conf))


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_a_text_stays_in_its_line_of_a_check(tmp_path: Path, kind: str, verbose: list[str]) -> None:
    sent, shown = TEXTS[kind]
    words = ["check", HTTPS, "--age", "999999", *verbose]
    done = run(tmp_path, fakes.saying(sent), *words)
    assert (done.returncode, done.stderr) == (WARNING, "")
    text, _, performance = done.stdout.partition("| ")
    plain = shown.replace("|", "/")
    lines = [f"LVS WARNING - {plain}"]
    lines += [f"warning: {plain}", f"{HTTPS}: 1 of 1 real servers up"] if verbose else []
    assert text.rstrip() == "\n".join(lines)
    assert performance.startswith(f"'{HTTPS} ")
    assert "warning" not in performance


@pytest.mark.parametrize("kind", TEXTS)
def test_mrtg_gets_four_lines_without_markup(tmp_path: Path, kind: str) -> None:
    sent, shown = TEXTS[kind]
    done = run(tmp_path, fakes.saying(sent), "mrtg", HTTPS, "bytes")
    html = "".join(HTML.get(char, char) for char in shown)
    expected = ["1000", "2000", "1 days, 0:00:00", html]
    assert done.stdout.splitlines() == expected
    assert (done.returncode, done.stderr) == (0, "")
