# SPDX-License-Identifier: GPL-3.0-or-later
"""snmp.conf is read as net-snmp's own tools read it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Dict, Iterator

import pytest

from lvs_agent.netsnmp import snmpconf
from lvs_agent.netsnmp.snmpconf import Credentials, CredentialsError
from lvs_agent.regular import Files
from tests.support import files, snmpd
from tests.support.snmpd import SYS_UP_TIME, Snmpd

# snmpd's community; and for each snmp.conf, true if this community is sent
COMMUNITY = "two words"

FILES = {
    "defCommunity two words": True,
    "defCommunity\ttwo words  ": True,
    '  defcommunity "two words" and more': True,
    r'defCommunity "two \words"': True,
    'defCommunity "two  words"': False,
    "defCommunity 'two words'": False,
    "defCommunity two words # a comment": False,
    "# defCommunity public\ndefCommunity two words": True,
    "defCommunity public\ndefCommunity two words": True,
    "defCommunity two words\ndefCommunity public": False,
    "mibs :\ndefVersion 2c\ndefCommunity two words\n": True,
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    line = f'/bin/false\nrocommunity "{COMMUNITY}" 127.0.0.1'
    with snmpd.running(tmp_path_factory.mktemp("snmpd"), line) as daemon:
        yield daemon


def asked(daemon: Snmpd, **environment: str) -> bool:
    """Return true if net-snmp's tool, with the community of its files, gets an answer."""
    done = files.run(
        *("snmpget", "-v2c", "-t0.3", "-r0", daemon.address, SYS_UP_TIME),
        MIBS="",
        SNMP_PERSISTENT_DIR=daemon.environment["SNMP_PERSISTENT_DIR"],
        **environment,
    )
    return done.returncode == 0


@pytest.mark.parametrize("text", FILES)
def test_a_file_says_to_us_what_it_says_to_net_snmp(
    running: Snmpd, tmp_path: Path, text: str
) -> None:
    (tmp_path / "snmp.conf").write_text(text)
    found = snmpconf.read("host", None, {"SNMPCONFPATH": str(tmp_path)})
    assert (found.community == COMMUNITY.encode()) == FILES[text]
    if found.community != b"public":  # snmpd accepts public too
        assert asked(running, SNMPCONFPATH=str(tmp_path)) == FILES[text]


def test_names_of_files_are_escaped_in_errors(tmp_path: Path) -> None:
    (tmp_path / "snmp.conf").write_bytes(b"includeFile /none\x1b[2J\xff\r\n")
    said = rf"{tmp_path}/snmp.conf:1: /none\x1b[2J\udcff\r: No such file or directory"
    with pytest.raises(CredentialsError) as raised:
        snmpconf.read("host", None, {"SNMPCONFPATH": str(tmp_path)})
    assert str(raised.value) == said


PLACES = ["a/snmp.conf", "a/snmp.local.conf", "b/snmp.conf", "b/snmp.local.conf"]


@pytest.mark.parametrize("last", range(len(PLACES)))
def test_files_and_folders_come_in_net_snmps_order(
    running: Snmpd, tmp_path: Path, last: int
) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
    for place in PLACES[:last]:
        (tmp_path / place).write_text("defCommunity wrong\n")
    (tmp_path / PLACES[last]).write_text(f"defCommunity {COMMUNITY}\n")
    path = ":".join(str(tmp_path / folder) for folder in "ab")
    assert snmpconf.read("host", None, {"SNMPCONFPATH": path}).community == COMMUNITY.encode()
    assert asked(running, SNMPCONFPATH=path)


def test_a_hosts_own_file_comes_last(tmp_path: Path) -> None:
    """net-snmp reads it only for a host named without a port, so snmpget is not run here."""
    for folder in ("a/hosts", "b"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "a" / "hosts" / "192.0.2.1.conf").write_text("defCommunity mine\n")
    (tmp_path / "b" / "snmp.conf").write_text("defCommunity all\n")
    environment = {"SNMPCONFPATH": f"{tmp_path / 'a'}:{tmp_path / 'b'}"}
    assert snmpconf.read("192.0.2.1", None, environment).community == b"mine"
    assert snmpconf.read("192.0.2.2", None, environment).community == b"all"


def test_the_home_folder_is_read_without_a_path(tmp_path: Path) -> None:
    (tmp_path / ".snmp").mkdir()
    (tmp_path / ".snmp" / "snmp.conf").write_text("defCommunity mine\n")
    assert snmpconf.read("host", None, {"HOME": str(tmp_path)}).community == b"mine"


def test_a_file_that_is_named_is_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "snmp.conf").write_text("defCommunity theirs\ntimeout 7\n")
    file = tmp_path / "lvs.conf"
    file.write_text("retries 4\n")
    found = snmpconf.read("host", file, {"SNMPCONFPATH": str(tmp_path)})
    assert found == Credentials(retries=4)


def test_snmpv3_is_taken_with_net_snmps_names(tmp_path: Path) -> None:
    file = tmp_path / "lvs.conf"
    file.write_text(
        "defVersion 3\ndefSecurityName monitor\ndefSecurityLevel ap\ndefAuthType SHA-256\n"
        "defPrivType AES128\ndefPassphrase 'in common'\ndefPrivPassphrase \"its own one\"\n"
        "defaultPort 1161\n"
    )
    assert snmpconf.read("host", file, {}) == Credentials(
        version="3",
        user=b"monitor",
        level="authPriv",
        auth_type="SHA256",
        auth_passphrase=b"'in common'",
        priv_type="AES",
        priv_passphrase=b"its own one",
        port=1161,
    )


WRONG: Dict[str, str] = {
    "includeFile none": ":1: none: No such file or directory",
    "includeSearch none": ":1: none: No such file or directory",
    "includeDir /none": ":1: /none: No such file or directory",
    "includeFile": ":1: : No such file or directory",
    "defVersion 2c\ndefComm\0unity a": ": line 2 contains a NUL",
    "defCommunity": ":1: defCommunity: no value",
    "defcontext blue\ndefVersion 3": ":1: defContext: not supported",
    "[snmp] defAuthMasterKey 0x00\ndefVersion 3": ":1: defAuthMasterKey: not supported",
    "defSecurityModel tsm\ndefVersion 3": ":1: defSecurityModel: not supported",
    "clientaddr 127.0.0.2": ":1: clientaddr: not supported",
    "transport tcp:director1": ":1: transport: not supported",
    "defDomain snmp tcp": ":1: defDomain: not supported",
    "disableSNMPv2c yes": ":1: disableSNMPv2c: not supported",
    "defVersion 1": ":1: defVersion: not 2c or 3: '1'",
    "\ndefSecurityLevel some": ":2: defSecurityLevel: not one of noAuthNoPriv,",
    "defAuthType": ":1: defAuthType: no value",
    "defAuthType ROT13": ":1: defAuthType: not one of MD5, SHA",
    "defPrivType ROT13": ":1: defPrivType: not one of DES, AES",
    "timeout soon": ":1: timeout: not a number from 1 to 3600: 'soon'",
    "defaultPort 65536": ":1: defaultPort: not a number from 1 to 65535: '65536'",
    "defVersion 3": ": defSecurityName is missing, for SNMPv3",
    "defVersion 3\ndefSecurityName u\ndefSecurityLevel authPriv\ndefPassphrase short": (
        ": defAuthPassphrase is shorter than 8 bytes and defPrivPassphrase is shorter than 8 bytes"
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    file = tmp_path / "lvs.conf"
    file.write_text(text)
    with pytest.raises(CredentialsError) as caught:
        snmpconf.read("host", file, {})
    assert str(caught.value).startswith(f"{file}{WRONG[text]}")


def test_what_changes_no_request_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "lvs.conf"
    file.write_text(
        "defContext blue\ndefAuthMasterKey 0x00\ndefDomain snmptrap tcp\ndisableSNMPv2c no\n"
        "mibs +ALL\nsshusername lvs\n"
    )
    assert snmpconf.read("host", file, {}) == Credentials()


def test_a_file_that_is_closed_is_no_reason_to_use_public(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def content(_files: Files, name: str) -> bytes:
        if name == str(closed):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        return Path(name).read_bytes()

    closed = tmp_path / "snmp.conf"
    closed.touch()
    monkeypatch.setattr(Files, "content", content)  # root may read any file
    environment = {"SNMPCONFPATH": str(tmp_path)}
    with pytest.raises(CredentialsError, match=f"not readable: {closed}"):
        snmpconf.read("host", None, environment)
    with pytest.raises(CredentialsError, match="Permission denied"):
        snmpconf.read("host", closed, {})
    (tmp_path / "snmp.local.conf").write_text("defCommunity mine\n")
    assert snmpconf.read("host", None, environment).community == b"mine"


def test_a_persistent_folder_that_is_moved_too_late_is_named(tmp_path: Path) -> None:
    (tmp_path / "snmp.conf").write_text("\npersistentDir /elsewhere\n")
    environment = {"SNMP_PERSISTENT_DIR": str(tmp_path)}
    with pytest.raises(CredentialsError, match=r"snmp\.conf: line 2: persistentDir is too late"):
        snmpconf.read("host", None, environment)


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="No such file or directory"):
        snmpconf.read("host", tmp_path / "none", {})
    assert snmpconf.read("host", None, {"SNMPCONFPATH": str(tmp_path)}) == Credentials()


def test_no_secret_is_in_what_python_prints() -> None:
    shown = repr(
        Credentials(community=b"secret", auth_passphrase=b"secret", priv_passphrase=b"secret")
    )
    assert "secret" not in shown
