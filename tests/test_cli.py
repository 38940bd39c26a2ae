# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands as a person or snmpd runs them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Dict, List

import pytest

from lvs_agent.extra import missing
from tests.support.commands import run
from tests.support.lvsmib import BASE, oid
from tests.support.mibs import IETF
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT

ABSENT = "/nonexistent/collector.sock"


def damaged(tmp_path: Path, file: str, text: str) -> Path:
    folder = tmp_path / "recording"
    shutil.copytree(SMALL, folder)
    (folder / file).write_text(text)
    return folder


@pytest.mark.parametrize("command", [[], ["pass-persist"], ["collector"], ["record"], ["walk"]])
def test_help_teaches_each_command(command: List[str]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert "usage: lvs-agent" in done.stdout
    assert len(done.stdout.splitlines()) > 5


def test_version_is_the_packages() -> None:
    from lvs_agent import __version__

    assert run("--version").stdout == f"lvs-agent {__version__}\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--replay", SMALL],
        ["--replay", "/nonexistent"],
        ["--collector", ABSENT],
        ["--collector", SMALL / "netlink.jsonl"],
        ["--log", "/nonexistent/log"],
        ["--state", "/proc/none", "--replay", SMALL],
        ["--max-age", "never"],
        ["--max-age", "-1"],
        ["--frobnicate"],
        ["--help"],
    ],
)
def test_nothing_reaches_fd_2_of_what_snmpd_runs(options: List[object]) -> None:
    done = run("pass-persist", *options, stdin=f"PING\ngetnext\n{BASE}\nfrob\nset\n{BASE}\n")
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["walk", "collector"])
def test_a_log_that_cannot_be_opened_is_named(command: str) -> None:
    done = run(command, "--log", "/nonexistent/log", "--replay", SMALL)
    assert done.stderr == "lvs-agent: /nonexistent/log: No such file or directory\n"
    assert (done.returncode, done.stdout) == (1, "")


def test_an_error_is_one_line_of_printable_characters() -> None:
    done = run("walk", "--replay", "/none\n\x1b[2J\udcff")
    assert done.stderr.startswith("lvs-agent: /none\\n\\x1b[2J\\udcff: not a recording")
    assert done.stderr.count("\n") == 1


def test_wrong_arguments_of_what_snmpd_runs_are_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = run("pass-persist", "--log", log, "--replay", "/nonexistent")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "/nonexistent: not a recording" in log.read_text()


def test_a_log_that_is_a_fifo_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    done = run("walk", "--replay", SMALL, "--log", tmp_path / "fifo")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"lvs-agent: {tmp_path}/fifo: not a regular file\n"


def test_a_recording_that_is_none_is_said_in_one_line() -> None:
    done = run("walk", "--replay", "/nonexistent")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "/nonexistent" in done.stderr


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("recording.json", "{", "recording.json"),
        ("recording.json", '{"lvs-agent recording": 2}', "format 2"),
        ("netlink.jsonl", '{"request": "00"}\n', "netlink.jsonl:1"),
        ("netlink.jsonl", "x\n", "netlink.jsonl:1"),
        ("netlink.jsonl", '{"request": "zz", "replies": []}\n', "netlink.jsonl:1"),
    ],
)
def test_a_damaged_recording_is_refused_by_its_place(
    tmp_path: Path, file: str, text: str, place: str
) -> None:
    done = run("walk", "--replay", damaged(tmp_path, file, text))
    assert done.returncode == 1
    assert place in done.stderr
    assert len(done.stderr.splitlines()) == 1


NESTED = "[" * 100_000
LONG = "9" * 5000


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (["\udcff"], {}),
        (["walk", "--replay", "\udcff"], {}),
        (["walk", "--replay", "."], {"recording.json": NESTED}),
        (["walk", "--replay", "."], {"recording.json": f'{{"lvs-agent recording": {LONG}}}'}),
        (["walk", "--replay", "."], {"netlink.jsonl": NESTED}),
        (["walk", "--replay", "."], {"netlink.jsonl": "\udcff"}),
        (["record", "netlink.jsonl"], {}),
        (["record", "/proc/\udcff"], {}),
        (["oid", "\udcff"], {}),
        (["oid", LONG], {}),
        (["oid", 'lvsVsName.ipv4."\udcff".tcp.80'], {}),
        (["oid", "lvsVsName", "TCP", "\udcff:80"], {}),
        (["oid", "lvsVsName", "TCP", "192.0.2.10:\udcff"], {}),
        (["oid", "lvsVsName", "TCP", f"192.0.2.10:{LONG}"], {}),
        (["oid", "lvsVsName", "FWM", "\udcff"], {}),
        (["oid", "lvsVsName", f"IP{LONG}", "192.0.2.10:80"], {}),
        (["check", "\udcff"], {}),
        (["check", f"127.0.0.1:{LONG}"], {}),
        (["check", "127.0.0.1:1", "-w", "\udcff"], {}),
        (["check", "127.0.0.1:1", "--age", "nan"], {}),
        (["check", "127.0.0.1", "--snmp-conf", "\udcff"], {}),
        (["mrtg", "", "TCP", "192.0.2.10:80", "bytes"], {}),
        (["graph", "update", "--into", "netlink.jsonl", "127.0.0.1"], {}),
        (["graph", "page", "--from", "\udcff", "--into", "page"], {}),
    ],
)
def test_an_error_is_one_line_and_no_traceback(
    tmp_path: Path, command: List[str], files: Dict[str, str]
) -> None:
    folder = tmp_path / "recording"
    shutil.copytree(SMALL, folder)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    # an encoding without the characters that the error names
    done = subprocess.run(
        [AGENT, *command],
        capture_output=True,
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        timeout=60,
        check=False,
    )
    said = (done.stdout + done.stderr).decode("ascii").splitlines()
    assert done.returncode in (1, 2, 3)
    assert "Traceback" not in "".join(said)
    assert len([line for line in said if not line.startswith(("usage: ", " "))]) == 1, said


def test_a_damaged_row_costs_that_row(tmp_path: Path) -> None:
    text = (SMALL / "netlink.jsonl").read_text()
    # the scheduler of the first service loses its attribute header's length
    bad = text.replace("0700060073680000", "0100060073680000", 1)
    assert bad != text
    done = run("walk", "--replay", damaged(tmp_path, "netlink.jsonl", bad))
    assert done.returncode == 0
    assert f"{oid('lvsNumServices', 0)} = INTEGER: 3\n" in done.stdout
    assert f"{oid('lvsAgentStatus', 0)} = INTEGER: 7\n" in done.stdout
    assert "IPVS_CMD_GET_SERVICE: message" in done.stderr


def test_walk_without_any_director_says_why() -> None:
    done = run("walk", "--collector", ABSENT)
    assert done.returncode == 0
    assert f"{oid('lvsAgentStatus', 0)} = INTEGER: 5\n" in done.stdout
    assert ABSENT in done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{AGENT} walk --replay {SMALL} | head -1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == f'{oid("lvsVersion", 0)} = STRING: "1.2.1"\n'
    assert done.stderr == ""


def test_a_recording_and_a_collector_exclude_each_other() -> None:
    done = run("walk", "--replay", SMALL, "--collector", ABSENT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "not allowed with" in done.stderr


def test_numbers_are_kept_in_the_state_directory_that_is_named(tmp_path: Path) -> None:
    run("walk", "--replay", SMALL, "--state", tmp_path / "one")
    assert (tmp_path / "one" / "history.jsonl").is_file()


def test_record_keeps_a_folder_that_has_something_in_it(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    done = run("record", tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_an_error_of_the_system_is_said_as_other_programs_say_it() -> None:
    done = run("record", "/dev/null/record")
    assert done.stderr == "lvs-agent: /dev/null/record: Not a directory\n"


def test_an_interrupt_leaves_no_trace_back(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [AGENT, "pass-persist", "--replay", SMALL, "--log", tmp_path / "log"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"PING\nget\n{oid('lvsVersion', 0)}\n".encode())
    process.stdin.flush()
    assert process.stdout.readline() == b"PONG\n"
    assert process.stdout.readline()  # from here on it waits
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert err == b""
    assert (tmp_path / "log").read_text() == ""


def test_the_mib_is_where_it_says_and_net_snmp_takes_it(tmp_path: Path) -> None:
    path = run("mib").stdout.rstrip("\n")
    assert Path(path).read_text("utf-8").startswith("-- SPDX")
    for modules in (path, f"+{path}"):
        done = subprocess.run(
            ["snmptranslate", "-m", modules, f"{BASE}.26.2.0"],
            env={"SNMPCONFPATH": str(tmp_path), "MIBDIRS": str(IETF)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        assert done.stdout == "LVS-MIB::lvsAgentStatus.0\n"


def test_a_missing_package_of_the_pollers_comes_with_what_to_do() -> None:
    error = ImportError("No module named 'pysnmp.carrier'", name="pysnmp.carrier")
    assert missing(error, python=(3, 9, 18)) == (
        "No module named 'pysnmp.carrier'; this command needs Python 3.10 or later (this is 3.9.18)"
    )
    assert "pip install '.[pollers]'" in missing(error, python=(3, 10, 0))


def test_a_missing_package_of_the_responder_is_not_of_the_pollers() -> None:
    error = ImportError("No module named 'snmp_passpersist'", name="snmp_passpersist")
    assert missing(error, python=(3, 9, 18)) == "No module named 'snmp_passpersist'"


def test_a_walk_has_aliases_and_that_of_a_recording_none_of_this_machines(tmp_path: Path) -> None:
    file = tmp_path / "aliases"
    file.write_text("TCP 10.2.0.1:80 shop\n10.1.1.21 web1\nnonsense\n")
    columns = tuple(f"{oid(name)}." for name in ("lvsVsAlias", "lvsRsAlias", "lvsRipAlias"))
    named = {'STRING: "shop"', 'STRING: "web1"'}
    for options, expected in (([], set()), (["--aliases", file], named)):
        lines = run("walk", "--replay", SMALL, *options).stdout.splitlines()
        found = {line.partition(" = ")[2] for line in lines if line.startswith(columns)}
        assert found == {'""', *expected}
