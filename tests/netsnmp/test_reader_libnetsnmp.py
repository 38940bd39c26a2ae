# SPDX-License-Identifier: GPL-3.0-or-later
"""Random configurations, read by our reader and by libnetsnmp itself."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Union

import pytest

from lvs_agent.netsnmp import snmpconf
from lvs_agent.netsnmp.snmpconf import Credentials, CredentialsError
from tests.support import libnetsnmp
from tests.support.libnetsnmp import Settings

CONFIGURATIONS = 1000
SEED = 20261128
HOST = "127.0.0.1"

LEVELS = ("noAuthNoPriv", "authNoPriv", "authPriv")
STRINGS = (
    *(b"defCommunity", b"defSecurityName"),
    *(b"defPassphrase", b"defAuthPassphrase", b"defPrivPassphrase"),
)
# values that libnetsnmp takes, none of them a default, and values that it does not
VALUES: Dict[bytes, List[bytes]] = {
    b"defVersion": [b"2c", b"v2C", b"3", b"V3", b"v3", b"3"],
    b"defSecurityLevel": [*(level.encode() for level in LEVELS), b"AP", b"anp", b"2"],
    b"timeout": [b"7", b"08 9", b"+9", b"8\t#"],
    b"retries": [b"6", b"7", b"8 ", b"9\tx"],
    b"defaultPort": [b"1161", b"1162 x", b"65535"],
    b"dontLoadHostConfig": [b"yes", b"TRUE x", b"1", b"0", b"no", b"False"],
}
WRONG = (b"4", b"8#", b"0x9", b'"3"', b"3 3", b"nine", b"9\x0b9")
SECTIONS = tuple(b"[snmp] [snmpapp] [snmpd] [Snmp] [] [snmp '[snmp]' [snm\\p]".split())
# folders are a, b and home/.snmp; the persistent folder is kept
STARTS = (
    "snmp.conf",
    "snmp.local.conf",
    "snmpapp.conf",
    "snmpapp.local.conf",
    f"hosts/{HOST}.conf",
)
KEPT = ("kept/snmp.conf", "kept/snmp.0.conf", "kept/snmp.1.conf", "kept/snmpapp.conf")
# each includes later ones only
INCLUDED = (
    *("a/one", "b/two.conf", "a/three.conf", "a/sub/four.conf", "a/sub/.five.conf"),
    *("b/sub/six.conf", "a/sub/seven.conf", "a/sub/eight.conf", "a/9.conf"),
)


class Generator:
    """Writes random configurations below a folder."""

    def __init__(self, seed: int, root: Path) -> None:
        self._random = random.Random(seed)
        self._pick = self._random.choice
        self._root = root

    def configuration(self, number: int) -> Dict[str, str]:
        """Write one configuration and return its environment."""
        root = self._root / str(number)
        for folder in ("a/hosts", "a/sub", "b/sub", "b/hosts", "home/.snmp/hosts", "kept"):
            (root / folder).mkdir(parents=True)
        for order, name in enumerate(INCLUDED):
            (root / name).write_bytes(self._file(root, INCLUDED[order + 1 :]))
        for folder in ("a", "b", "home/.snmp"):
            for name in STARTS:
                if self._random.random() < 0.4:
                    (root / folder / name).write_bytes(self._file(root, INCLUDED))
        for name in KEPT:
            if self._random.random() < 0.3:
                (root / name).write_bytes(self._file(root, INCLUDED))
        if self._random.random() < 0.2:
            file = root / "home/.snmp/snmp.conf"
            moved = os.fsencode(root / self._pick(["kept", "none", "b"]))
            file.write_bytes(b"persistentDir %s\n" % moved + self._file(root, INCLUDED))
        environment = {
            "MIBS": "",
            "HOME": str(root / "home"),
            "SNMP_PERSISTENT_DIR": str(root / self._pick(["kept", "none"])),
        }
        if self._random.random() < 0.8:
            path = self._pick(["{0}/a:{0}/b", "{0}/b:{0}/a", ":{0}/no::{0}/a:", "{0}/kept"])
            environment["SNMPCONFPATH"] = path.format(root)
        return environment

    def _file(self, root: Path, others: Sequence[str]) -> bytes:
        lines = [self._line(root, others) for _ in range(self._random.randrange(8))]
        end = self._pick([b"\n", b"\n", b"\n", b"\r\n"])
        return end.join(lines) + self._pick([end, b""])

    def _line(self, root: Path, others: Sequence[str]) -> bytes:
        chance = self._random.random()
        if chance < 0.08:
            return self._pick([b"", b"  ", b"# defCommunity no", b"\t#x", b"nothing", b"# \\"])
        if chance < 0.16:
            return self._indent() + self._pick(SECTIONS) + self._pick([b"", b" ", b" #"])
        if chance < 0.26 and others:
            return self._indent() + self._include(root, others)
        line = self._setting()
        if self._random.random() < 0.2:
            line = self._pick(SECTIONS) + self._blank() + line
        return self._indent() + line

    def _include(self, root: Path, others: Sequence[str]) -> bytes:
        name = self._pick(others)
        folder, _, beside = name.partition("/")
        ways = [
            *[("includeFile", f"{root}/{name}")] * 2,
            ("IncludeFile", f"{root}/{name}"),
            ("[snmp] includeFile", f"{root}/{name}"),
            ("include", f"{root}/{name}"),
        ]
        if others == INCLUDED:  # a folder must not include itself
            ways.append(("includeDir", f"{root}/{folder}/sub"))
        if re.search(r"/[^.]*\.conf$", name):
            ways += [("includeSearch", beside), ("includeSearch", beside[:-5])]
        if self._random.random() < 0.1:
            ways = [("includeFile", beside), ("includeDir", beside), ("includeSearch", name)]
        token, value = self._pick(ways)
        end = b"" if self._random.random() < 0.97 else self._pick([b" ", b"\r", b" # no"])
        return self._token(token.encode()) + self._blank() + value.encode() + end

    def _setting(self) -> bytes:
        if self._random.random() < 0.4:
            token = self._pick(list(VALUES))
            values = VALUES[token] if self._random.random() < 0.98 else WRONG
            return self._token(token) + self._blank() + self._pick(values)
        token = self._pick(STRINGS)
        return self._token(token) + self._blank() + self._string()

    def _token(self, token: bytes) -> bytes:
        spelled = self._pick([token, token, token, token.lower(), token[:1] + token[1:].upper()])
        if self._random.random() < 0.1:
            return self._pick([b'"%s"', b"'%s'", b"\\%s", b"'%s", b'"%s"x']) % spelled
        return spelled

    def _string(self) -> bytes:
        letters = b"abcdefgh    \t\"'\\#[]=\x0b\x0c\r\x1b\x7f\x80\xa0\xc3\xbc\xff"
        if self._random.random() < 0.5:
            letters = bytes(range(1, 10)) + bytes(range(11, 256))
        length = self._pick([1, 3, 8, 12, 12, 12, 30, 300, 2500])
        text = bytes(self._random.choices(letters, k=length))
        return self._pick([b"%s", b'"%s"', b'"%s', b"'%s'", b'"%s" # no', b"%s  "]) % text

    def _indent(self) -> bytes:
        return self._pick([b"", b"", b"", b" ", b"\t", b"\x0b\r"])

    def _blank(self) -> bytes:
        return self._pick([b" ", b" ", b"\t", b"  \t", b"\x0c", b"\r "])


def ours(environment: Mapping[str, str]) -> Union[Credentials, str]:
    """Return the credentials or the message of an error."""
    try:
        return snmpconf.read(HOST, None, environment)
    except CredentialsError as error:
        return str(error)


def theirs(settings: Settings, unset: Settings) -> Credentials:
    """Return libnetsnmp's settings as credentials, with our defaults for what is unset."""
    numbers = {name: each for name, each in settings.numbers.items() if each != unset.numbers[name]}
    strings = {name: each for name, each in settings.strings.items() if each is not None}
    common = strings.pop("passphrase", b"")
    named = {"auth_passphrase": common, "priv_passphrase": common, **strings, **numbers}
    version, level = numbers.get("version"), numbers.get("level", 1)
    return Credentials(
        **{**named, "version": "3" if version == 3 else "2c", "level": LEVELS[level - 1]}  # type: ignore[arg-type]
    )


def agree(mine: Union[Credentials, str], settings: Settings, unset: Settings) -> bool:
    """Return whether both read the same, or ours reports a line that libnetsnmp reports, too."""
    if isinstance(mine, Credentials):
        return mine == theirs(settings, unset)
    if mine.endswith("for SNMPv3"):
        found = theirs(settings, unset)
        short = found.authenticates and len(found.auth_passphrase) < snmpconf.MIN_PASSPHRASE
        short |= found.encrypts and len(found.priv_passphrase) < snmpconf.MIN_PASSPHRASE
        return found.version == "3" and (not found.user or short)
    place = re.match(r"(.*?):(\d+): ", mine)
    return place is not None and f"{place[1]}: line {place[2]}: Error: " in settings.said


@dataclass(frozen=True)
class Trial:
    """Configurations, and the settings that libnetsnmp reads from them."""

    environments: Sequence[Mapping[str, str]]
    settings: Sequence[Settings]
    unset: Settings

    def disagreements(self) -> Dict[int, str]:
        """Return what is read differently, by the number of the configuration."""
        return {
            number: f"{mine}\n{vars(mine) if isinstance(mine, Credentials) else ''}\n{settings}"
            for number, (mine, settings) in enumerate(
                zip(map(ours, self.environments), self.settings)
            )
            if not agree(mine, settings, self.unset)
        }


def run(folder: Path, count: int, seed: int) -> Trial:
    """Return random configurations, as libnetsnmp reads them."""
    generator = Generator(seed, folder)
    environments = [generator.configuration(number) for number in range(count)]
    nothing = {"MIBS": "", "SNMPCONFPATH": "", "SNMP_PERSISTENT_DIR": str(folder / "none")}
    unset, *settings = libnetsnmp.read(HOST, [nothing, *environments])
    return Trial(environments, settings, unset)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return run(tmp_path_factory.mktemp("configurations"), CONFIGURATIONS, SEED)


def test_libnetsnmp_reads_the_same(trial: Trial) -> None:
    assert trial.disagreements() == {}


def test_most_configurations_are_read_to_their_end(trial: Trial) -> None:
    found = [ours(environment) for environment in trial.environments]
    read = [each for each in found if isinstance(each, Credentials)]
    assert len(read) > CONFIGURATIONS / 2
    for name, value in vars(Credentials()).items():
        if name not in ("auth_type", "priv_type"):
            assert sum(getattr(each, name) != value for each in read) > CONFIGURATIONS / 50, name


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("_INCLUDES", (b"includefile", b"includedir")),
        ("_WORD", re.compile(rb"""(?:(["])((?:\\.|(?!\1).)*)\1?|((?:\\.|\S)*))\s*""", re.DOTALL)),
        ("_BACKUPS", 1),
        ("Line.string", property(lambda line: line.raw.strip(b'"'))),
        (
            "Line.string",
            property(lambda line: line.raw.decode("latin-1").strip().encode("latin-1")),
        ),
        ("Reader._line", lambda _reader, _file, _number, _text, section: section),
    ],
)
def test_a_planted_fault_is_found(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, name: str, fault: object
) -> None:
    monkeypatch.setattr(f"lvs_agent.netsnmp.reader.{name}", fault)
    assert trial.disagreements()
