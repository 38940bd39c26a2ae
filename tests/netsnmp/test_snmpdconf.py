# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that snmpd reads, their order, and the words of a line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from lvs_agent.doctor.machine import Machine
from lvs_agent.netsnmp import snmpdconf
from lvs_agent.netsnmp.reader import Config, Line
from lvs_agent.netsnmp.snmpdconf import Invocation
from tests.support import doctors


def read(tmp_path: Path, files: Dict[str, str], *named: str) -> Config:
    told = Invocation(tuple(named))
    return snmpdconf.read(doctors.Picture(tmp_path, files), told)


def places(config: Config) -> List[str]:
    return [line.place for line in config.lines]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["-LOw", "-u", "Debian-snmp", "-I", "-smux,mteTrigger", "-p", "/run/p"],
            Invocation(disabled=("smux", "mteTrigger")),
        ),
        (["-I!smux", "-Ipass, proc"], Invocation(disabled=("smux",), enabled=("pass", "proc"))),
        (["-Lf", "/dev/null", "-f"], Invocation()),
        (["-C", "-c", "/a,/b", "-c/d"], Invocation(("/d",), only=True)),
        (["-fCc", "/a"], Invocation(("/a",), only=True)),
        (["-c", "-/first,/next"], Invocation(("/first", "/next"), first=True)),
        (["-Dread_config", "udp:161", "tcp:162"], Invocation((), False, ("udp:161", "tcp:162"))),
        (["-c"], Invocation()),
        # as /proc shows Debian's -I -smux,mteTrigger,mteTriggerConf
        (
            ["-I", "-smux", "mteTrigger", "mteTriggerConf", "-f", "udp:1161"],
            Invocation(addresses=("udp:1161",), disabled=("smux", "mteTrigger", "mteTriggerConf")),
        ),
    ],
)
def test_the_command_line_of_snmpd(arguments: List[str], told: Invocation) -> None:
    assert snmpdconf.invocation(["/usr/sbin/snmpd", *arguments]) == told


def test_the_file_for_a_new_line() -> None:
    assert Invocation().target == "/etc/snmp/snmpd.local.conf"
    assert Invocation(("/a",)).target == "/etc/snmp/snmpd.local.conf"
    assert Invocation(("/a", "/b"), only=True).target == "/a"


def test_files_come_in_snmpds_order(tmp_path: Path) -> None:
    names = [
        "/etc/snmp/snmpd.conf",
        "/etc/snmp/snmpd.local.conf",
        "/usr/share/snmp/snmpd.conf",
        "/usr/lib/x86_64-linux-gnu/snmp/snmpd.conf",
        "/var/lib/snmp/snmpd.conf",
        "/etc/snmp/snmp.conf",
        "/etc/snmp/agentx.conf",
        "/named.conf",
    ]
    config = read(tmp_path, dict.fromkeys(reversed(names), "a b"), "/named.conf")
    assert config.files == names
    first = Invocation(("/named.conf",), first=True)
    assert snmpdconf.read(doctors.Picture(tmp_path), first).files == [names[-1], *names[:-1]]
    only = Invocation(("/named.conf",), only=True)
    assert snmpdconf.read(doctors.Picture(tmp_path), only).files == ["/named.conf"]


def test_the_environment_names_other_folders(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": "a b", "/x/snmpd.conf": "a b"})
    machine.draw("/root/.snmp/snmpd.conf", "a b")
    found = snmpdconf.read(machine, Invocation(), {"SNMPCONFPATH": "/none:/x"})
    assert found.files == ["/x/snmpd.conf"]
    found = snmpdconf.read(machine, Invocation(), {"HOME": "/root"})
    assert found.files == ["/etc/snmp/snmpd.conf", "/root/.snmp/snmpd.conf"]


FILES = {
    "/etc/snmp/snmpd.conf": (
        "# comment\n  \n first 1 # not a comment\nincludeDir /etc/snmp/d\n"
        "includeFile more.conf\nincludeFile /etc/snmp/absolute\nIncludeFile none\n"
        "includeSearch found\n"
        "[snmp] foreign 1\n[snmpd] here 1\nlast 1\n[snmp]\nforeign 2\n"
        "includeFile foreign.conf\n[none]\nforeign 5\n[none] last 2\n[snmpd]\n'la\\st' 3\n"
    ),
    "/etc/snmp/foreign.conf": "foreign 3\n[snmpd] inside 1\nforeign 4\n",
    "/etc/snmp/d/b.conf": "drop in\n",
    "/etc/snmp/d/not.conf.bak": "not 1\n",
    "/etc/snmp/d/.hidden.conf": "not 2\n",
    "/etc/snmp/d/.conf": "not 3\n",
    "/etc/snmp/more.conf": "more 1\n",
    "/etc/snmp/absolute": "absolute 1\n",
    "/usr/share/snmp/found.conf": "searched 1\n",
    # snmpd reads these, too: only what is for it
    "/etc/snmp/snmp.conf": "foreign 6\n[snmpd] third 1\n[snmpd]\nfourth 1\n[snmp] foreign 7\n",
    "/usr/share/snmp/snmp.local.conf": "[snmpd]\nfifth 1\n",
    "/etc/snmp/agentx.conf": "foreign 8\n[snmpd]\nsixth 1\n",
}


def test_includes_stand_where_they_are_named(tmp_path: Path) -> None:
    config = read(tmp_path, FILES)
    tokens = [line.token for line in config.lines]
    assert tokens == [
        "first",
        "drop",
        "more",
        "absolute",
        "includefile",
        "searched",
        "here",
        "last",
        "inside",
        "last",
        "third",
        "fourth",
        "fifth",
        "sixth",
    ]
    assert config.lines[0] == Line("/etc/snmp/snmpd.conf", 3, "first", b"1 # not a comment")
    assert config.lines[6].place == "/etc/snmp/snmpd.conf:10"
    assert config.folders == ["/etc/snmp/d"]


def test_snmpd_reads_the_same_lines(tmp_path: Path) -> None:
    """With -D it prints each line it reads, and warns of unknown ones."""
    for name, text in FILES.items():
        path = tmp_path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("/etc/snmp", f"{tmp_path}/etc/snmp"))
    folders = f"{tmp_path}/etc/snmp:{tmp_path}/usr/share/snmp"
    # the address is not this machine's, so snmpd ends after reading its configuration
    done = subprocess.run(
        ["/usr/sbin/snmpd", "-f", "-Lo", "-DALL", "-r", "udp:192.0.2.1:1"],
        env={
            **os.environ,
            "MIBS": "",
            "SNMPCONFPATH": folders,
            "SNMP_PERSISTENT_DIR": str(tmp_path / "persistent"),
        },
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    warned: List[Tuple[str, str]] = []
    for line in done.stdout.splitlines():
        if "Warning: Unknown token" in line and str(tmp_path) in line:
            place, _, token = line.partition(": Warning: Unknown token: ")
            # this warning is also given for lines that snmpd keeps for other programs
            if "foreign" not in token:
                warned.append((place.replace(": line ", ":"), token.rstrip(".").lower()))
    machine = Machine()
    told = snmpdconf.read(machine, Invocation(), {"SNMPCONFPATH": folders})
    assert [(line.place, line.token) for line in told.lines] == list(dict.fromkeys(warned))


def test_nothing_is_searched_for_without_the_usual_files(tmp_path: Path) -> None:
    text = "includeSearch snmpd\nincludeFile more.conf\n"
    machine = doctors.Picture(tmp_path, {**FILES, "/etc/snmp/named.conf": text})
    config = snmpdconf.read(machine, Invocation(("/etc/snmp/named.conf",), only=True))
    assert config.files == ["/etc/snmp/named.conf", "/etc/snmp/more.conf"]
    assert [name for _line, name in config.missing] == ["snmpd"]


def test_what_is_named_and_not_there_is_kept(tmp_path: Path) -> None:
    text = "includeDir /none\nincludeFile gone.conf\nincludeSearch lost\n"
    config = read(tmp_path, {"/etc/snmp/snmpd.conf": text})
    assert [name for _line, name in config.missing] == ["/none", "gone.conf", "lost"]
    assert [line.number for line, _name in config.missing] == [1, 2, 3]


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    config = read(tmp_path, {"/etc/snmp/snmpd.conf": "one 1\nincludeFile snmpd.conf\n"})
    assert len(config.lines) == 17
    assert config.refused == {"included more than 16 levels deep": "/etc/snmp/snmpd.conf"}


@pytest.mark.timeout(20)
def test_folders_that_include_each_other_end(tmp_path: Path) -> None:
    files = {
        f"/{one}/{number}.conf": f"includeDir /{other}\n"
        for one, other in ("ab", "ba")
        for number in range(9)
    }
    config = read(tmp_path, {"/etc/snmp/snmpd.conf": "includeDir /a\n", **files})
    assert len(config.files) == 200
    assert "more than 200 files" in config.refused
    assert not config.whole


def test_a_file_of_too_many_lines_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    conf = "includeFile /long.conf\nincludeFile /short.conf\n"
    files = {"/etc/snmp/snmpd.conf": conf, "/long.conf": "one 1\n" * 5000, "/short.conf": "one 2\n"}
    config = read(tmp_path, files)
    assert [line.rest for line in config.lines] == ["2"]
    assert config.refused == {"more than 5000 lines with it": "/long.conf"}


def test_a_folder_of_many_files_is_listed_once(tmp_path: Path) -> None:
    files = {"/etc/snmp/snmpd.conf": "includeDir /many\n" * 3, "/many/1.conf": "one 1\n"}
    for number in range(5000):
        (tmp_path / "many").mkdir(exist_ok=True)
        (tmp_path / "many" / f"{number}.txt").touch()
    config = read(tmp_path, files)
    assert len(config.lines) == 0
    assert "more than 5000 lines and files" in config.refused


@pytest.mark.timeout(20)
def test_what_is_no_file_is_refused_by_its_name(tmp_path: Path) -> None:
    text = b"includeFile fifo\nincludeFile zero\nincludeFile null\nincludeFile \xff\nincludeDir a\n"
    machine = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": ""})
    machine.path("/etc/snmp/snmpd.conf").write_bytes(text)
    os.mkfifo(machine.path("/etc/snmp/fifo"))
    machine.draw("/etc/snmp/null", "a b\nincludeFile a\0b\n")
    machine.path("/etc/snmp/zero").symlink_to("/dev/zero")
    config = snmpdconf.read(machine, Invocation(("/etc/snmp/fifo",)))
    assert config.refused == {
        "not a regular file": "/etc/snmp/fifo",
        "line 2 contains a NUL": "/etc/snmp/null",
    }
    assert [name for _line, name in config.missing] == ["\udcff", "a"]


def test_a_file_that_is_closed_is_told(tmp_path: Path) -> None:
    class Closed(doctors.Picture):
        def content(self, name: str) -> bytes:
            if name.endswith("snmpd.conf"):
                raise PermissionError(13, "Permission denied", name)
            return super().content(name)

    machine = Closed(tmp_path, {"/etc/snmp/snmpd.local.conf": "a b"})
    config = snmpdconf.read(machine, Invocation())
    assert "/etc/snmp/snmpd.conf" in config.closed
    assert places(config) == ["/etc/snmp/snmpd.local.conf:1"]


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("'a b' \"c d\"e", ["a b", "c d", "e"]),
        ('a\\ b \\"c', ["a b", '"c']),
        ("'a\\'b' # c", ["a'b"]),
        ("a#b", ["a#b"]),
        ("'open", ["open"]),
        ("", []),
    ],
)
def test_words_as_snmpd_parts_them(rest: str, words: List[str]) -> None:
    assert Line("f", 1, "t", rest.encode()).words() == words
