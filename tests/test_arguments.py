# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of lvs-agent: options before and after the command's other words."""

from __future__ import annotations

import argparse

import pytest

from lvs_agent.arguments import parser

CHECK = "check lb1 TCP 192.0.2.10:443 -w 4: -c 2:"
MRTG = "mrtg lb1,lb2 TCP 192.0.2.10:443 bytes --snmp-conf /tmp/snmp.conf"


def parsed(words: str) -> argparse.Namespace:
    return parser().parse_args(words.split())


@pytest.mark.parametrize(
    ("words", "same"),
    [
        ("check -w 4: lb1 TCP 192.0.2.10:443 -c 2:", CHECK),
        ("check lb1 -w 4: -c 2: TCP 192.0.2.10:443", CHECK),
        ("check -c 2: lb1 TCP -w 4: 192.0.2.10:443", CHECK),
        ("mrtg lb1,lb2 --snmp-conf /tmp/snmp.conf TCP 192.0.2.10:443 bytes", MRTG),
        ("mrtg --snmp-conf=/tmp/snmp.conf lb1,lb2 TCP 192.0.2.10:443 bytes", MRTG),
        (
            "graph update --into /tmp lb1 --step 60 lb2",
            "graph update lb1 lb2 --into /tmp --step 60",
        ),
    ],
)
def test_options_may_stand_anywhere(words: str, same: str) -> None:
    assert parsed(words) == parsed(same)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("walk --nonsense", "lvs-agent walk: error: unknown option: --nonsense\n"),
        ("graph page --from /a --into /b c", "lvs-agent graph page: error: unrecognized"),
        ("nonsense", "lvs-agent: error: unknown command: nonsense\n"),
        ("dcotor", "lvs-agent: error: unknown command: dcotor; did you mean doctor?\n"),
        ("graph pgae", "lvs-agent graph: error: unknown command: pgae; did you mean page?\n"),
        ("-V", "lvs-agent: error: unknown option: -V\n"),
        ("--versoin", "lvs-agent: error: unknown option: --versoin; did you mean --version?\n"),
        ("walk --replya=/a", "lvs-agent walk: error: unknown option: --replya; did you mean --re"),
        ("walk --expires 1", "lvs-agent walk: error: unknown option: --expires\n"),
        ("pass-persist --max-age x", "argument --max-age: not a number of seconds: x\n"),
    ],
)
def test_a_command_says_what_it_does_not_take(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        parsed(words)
    assert exit.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", ["", "graph"])
def test_without_a_command_its_help_is_printed(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        parsed(words)
    assert exit.value.code == 2
    out, err = capsys.readouterr()
    with pytest.raises(SystemExit):
        parsed(f"{words} --help")
    assert (out, err) == (capsys.readouterr().out, "")
