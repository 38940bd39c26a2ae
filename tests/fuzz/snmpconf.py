# SPDX-License-Identifier: GPL-3.0-or-later
"""snmp.conf: the credentials for a host, from generated files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, Optional, Union
from unittest.mock import patch

from lvs_agent.netsnmp import snmpconf
from lvs_agent.netsnmp.reader import Reader
from lvs_agent.netsnmp.snmpconf import (
    AUTH_TYPES,
    MIN_PASSPHRASE,
    PRIV_TYPES,
    Credentials,
    CredentialsError,
)
from tests.fuzz import configs
from tests.fuzz.choices import Choices

HOST = "127.0.0.1"
NAMES = [
    *(f"{folder}/{name}.conf" for folder in configs.FOLDERS for name in ("snmp", "snmpapp")),
    *("/a/snmp.local.conf", f"/a/hosts/{HOST}.conf", "/b/snmpapp.local.conf", "/a/.snmp/snmp.conf"),
    *("/kept/snmp.0.conf", "/kept/snmp.1.conf", "/a/one", "/b/two.conf", "/etc/snmp/snmp.conf"),
]
SETTINGS = (
    *("defVersion 3", "defVersion 2c", "defVersion V3", "defVersion 1", 'defVersion "3"'),
    *("defCommunity public", 'defCommunity "a b" c', "defSecurityName 'x'", "defSecurityName user"),
    *("defSecurityLevel authPriv", "defSecurityLevel ap", "defSecurityLevel 2"),
    *("defAuthType SHA-256", "defAuthType md5", "defPrivType AES-256-C", "defPrivType DES"),
    *("defPassphrase 12345678", 'defAuthPassphrase "123456789 "', "defPrivPassphrase 12345678"),
    *("defPrivPassphrase short", "defaultPort 1161", "defaultPort 65536", "timeout 3 s"),
    *("timeout 9999999999", "retries 5", "retries -1", "retries +3\tx", "dontLoadHostConfig yes"),
    *("dontLoadHostConfig false", "persistentDir /b", "persistentDir", "clientaddr 192.0.2.1"),
    *("defContext x", 'defContext ""', "defSecurityModel usm", "defSecurityModel tsm"),
    *("disableSNMPv3 yes", "disableSNMPv2c no", "defDomain snmp udp6", "defTarget x y"),
    *("# defCommunity no", "defAuthMasterKey 0x01", "transport tcp", "mibs +ALL", "'defVersion' 3"),
)


def check(data: bytes) -> None:
    """Check the credentials, and the lines that they come from."""
    choices = Choices(data)
    environment = configs.environment(choices)
    named = choices.pick([None, None, None, Path("/a/one"), Path("/a/none")])
    files = configs.made(choices, NAMES, SETTINGS)
    readers = []

    def reader(*arguments: object) -> Reader:
        readers.append(Reader(*arguments))  # type: ignore[arg-type]
        return readers[-1]

    with patch.object(snmpconf, "Files", lambda: files), patch.object(snmpconf, "Reader", reader):
        found = _read(named, environment)
    (only,) = readers
    configs.check(only.config, files, "snmp", snmpconf._SECTIONS)
    if isinstance(found, str):
        assert found.isprintable(), found
    else:
        _in_range(found)
        assert not only.config.missing
        assert not only.config.refused


def _read(named: Optional[Path], environment: Dict[str, str]) -> Union[Credentials, str]:
    try:
        return snmpconf.read(HOST, named, environment)
    except CredentialsError as error:
        return str(error)


def _in_range(found: Credentials) -> None:
    assert found.version in ("2c", "3")
    assert found.level in (snmpconf.NO_AUTH, snmpconf.AUTH_NO_PRIV, snmpconf.AUTH_PRIV)
    assert found.auth_type in AUTH_TYPES
    assert found.priv_type in PRIV_TYPES
    assert 1 <= found.port <= 65535
    assert 1 <= found.timeout <= 3600
    assert 0 <= found.retries <= 100
    passphrases = [found.auth_passphrase, found.priv_passphrase]
    for text in (found.community, found.user, *passphrases):
        assert type(text) is bytes
        assert not set(b"\0\n") & set(text)
    assert found.user or found.version == "2c"
    needed = passphrases[: found.authenticates + found.encrypts]
    assert all(len(text) >= MIN_PASSPHRASE for text in needed)
    shown = repr(replace(found, user=b""))  # the user may have the same text as a secret
    for secret in (found.community, *passphrases):
        assert len(secret) < MIN_PASSPHRASE or repr(secret)[2:-1] not in shown
