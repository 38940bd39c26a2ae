# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials for directors, from net-snmp's snmp.conf: versions, communities, users and keys.

They come from files only, since every user of a machine can read the arguments of commands. Source:
snmp.conf(5) of net-snmp 5.9.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Mapping, Optional, Tuple

from lvs_agent.errors import CommandError, printable
from lvs_agent.netsnmp.reader import Config, Line, Reader
from lvs_agent.regular import Files

NO_AUTH, AUTH_NO_PRIV, AUTH_PRIV = "noAuthNoPriv", "authNoPriv", "authPriv"
AUTH_TYPES = ("MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512")
PRIV_TYPES = ("DES", "AES", "AES192", "AES192C", "AES256", "AES256C")
MIN_PASSPHRASE = 8  # bytes, RFC 3414, 11.2

_SECTIONS = ("snmp", "snmpapp")  # of snmpget
_SWITCH = re.compile(rb"(?i)(?:(1|yes|true)|0|no|false)(?:[ \t]|\Z)")

# other spellings that net-snmp accepts, without hyphens
_SAME = {"SHA1": "SHA", "AES128": "AES"}


class CredentialsError(CommandError):
    """A file that can't be read, or an invalid setting in it; a one-line message with the place.

    The names of files, which includes may give in any bytes, are escaped.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable(text))


@dataclass(frozen=True)
class Credentials:
    """Credentials for one host. version is "2c" or "3"; timeout is in seconds, for one try."""

    version: str = "2c"
    community: bytes = field(default=b"public", repr=False)
    user: bytes = b""
    level: str = NO_AUTH
    auth_type: str = "MD5"
    auth_passphrase: bytes = field(default=b"", repr=False)
    priv_type: str = "DES"
    priv_passphrase: bytes = field(default=b"", repr=False)
    port: int = 161
    timeout: float = 2.0
    retries: int = 1

    @property
    def authenticates(self) -> bool:
        """True if messages are authenticated."""
        return self.version == "3" and self.level != NO_AUTH

    @property
    def encrypts(self) -> bool:
        """True if messages are encrypted."""
        return self.version == "3" and self.level == AUTH_PRIV


def read(host: str, file: Optional[Path], environment: Mapping[str, str]) -> Credentials:
    """Return the credentials for a host, from file or else from all files that snmpget reads.

    A later line wins, and hosts/HOST.conf in net-snmp's folders wins over snmp.conf. Raises
    CredentialsError.
    """
    reader = Reader(Files(), environment, _SECTIONS)
    config = reader.config
    if file is not None:
        if not reader.file(str(file), "snmp"):
            raise CredentialsError(f"{file}: {os.strerror(errno.ENOENT)}")
        if str(file) in config.closed:
            raise CredentialsError(f"{file}: {os.strerror(errno.EACCES)}")
    else:
        for section in _SECTIONS:
            reader.search(section, section)
        switches = [_SWITCH.match(line.raw) for line in config.all("dontloadhostconfig")]
        off = [switch[1] is not None for switch in switches if switch is not None]
        if "/" not in host and True not in off[-1:]:
            reader.search(f"hosts/{host}", "snmp")
    for line, name in config.missing:
        raise CredentialsError(f"{line.place}: {name}: {os.strerror(errno.ENOENT)}")
    for reason, name in config.refused.items():
        raise CredentialsError(f"{name}: {reason}")
    return _credentials(config)


def _credentials(config: Config) -> Credentials:
    found: Dict[str, object] = {}
    for line in config.lines:
        token = _SPELLED.get(line.token)
        if token in _TOKENS:
            name, form = _TOKENS[token]
            try:
                if not line.raw:
                    raise ValueError("no value")
                found[name] = form(line)
            except ValueError as error:
                raise CredentialsError(f"{line.place}: {token}: {error}") from error
    common = found.pop("passphrase", b"")
    passphrases = {"auth_passphrase": common, "priv_passphrase": common}
    credentials = Credentials(**{**passphrases, **found})  # type: ignore[arg-type]
    for line in config.lines:
        versions, ignored = _UNSUPPORTED.get(_SPELLED.get(line.token, ""), ((), b""))
        if credentials.version in versions and not re.fullmatch(ignored, line.string):
            raise CredentialsError(f"{line.place}: {_SPELLED[line.token]}: not supported")
    closed = [name for name in config.closed if os.path.exists(name)]
    if credentials.version == "2c" and "community" not in found and closed:
        raise CredentialsError(f"no defCommunity, and not readable: {', '.join(closed)}")
    missing = []
    if credentials.version == "3" and not credentials.user:
        missing.append("defSecurityName is missing")
    if credentials.authenticates and len(credentials.auth_passphrase) < MIN_PASSPHRASE:
        missing.append(f"defAuthPassphrase is shorter than {MIN_PASSPHRASE} bytes")
    if credentials.encrypts and len(credentials.priv_passphrase) < MIN_PASSPHRASE:
        missing.append(f"defPrivPassphrase is shorter than {MIN_PASSPHRASE} bytes")
    if missing:
        raise CredentialsError(f"{', '.join(config.files)}: {' and '.join(missing)}, for SNMPv3")
    return credentials


def _shown(line: Line) -> str:
    return repr(line.raw.decode("utf-8", "backslashreplace"))


def _version(line: Line) -> str:
    text = line.rest.lower()
    if text not in ("2c", "v2c", "3", "v3"):
        raise ValueError(f"not 2c or 3: {_shown(line)}; 64-bit counters need one of them")
    return text.lstrip("v")


def _level(line: Line) -> str:
    short = {"nanp": NO_AUTH, "anp": AUTH_NO_PRIV, "ap": AUTH_PRIV}
    named = {level.lower(): level for level in short.values()}
    numbered = dict(zip("123", short.values()))
    level = {**short, **named, **numbered}.get(line.rest.lower())
    if level is None:
        raise ValueError(f"not one of {', '.join(named.values())}: {_shown(line)}")
    return level


def _of(known: Tuple[str, ...]) -> Callable[[Line], str]:
    def form(line: Line) -> str:
        plain = line.rest.upper().replace("-", "")
        plain = _SAME.get(plain, plain)
        if plain not in known:
            raise ValueError(f"not one of {', '.join(known)}: {_shown(line)}")
        return plain

    return form


def _number(lowest: int, highest: int) -> Callable[[Line], int]:
    def form(line: Line) -> int:
        first = re.split(rb"[ \t]", line.raw)[0]
        if not re.fullmatch(rb"\+?[0-9]{1,9}", first) or not lowest <= int(first) <= highest:
            raise ValueError(f"not a number from {lowest} to {highest}: {_shown(line)}")
        return int(first)

    return form


def _string(line: Line) -> bytes:
    return line.string


_TOKENS: Dict[str, Tuple[str, Callable[[Line], object]]] = {
    "defVersion": ("version", _version),
    "defCommunity": ("community", _string),
    "defSecurityName": ("user", _string),
    "defSecurityLevel": ("level", _level),
    "defAuthType": ("auth_type", _of(AUTH_TYPES)),
    "defAuthPassphrase": ("auth_passphrase", _string),
    "defPrivType": ("priv_type", _of(PRIV_TYPES)),
    "defPrivPassphrase": ("priv_passphrase", _string),
    "defPassphrase": ("passphrase", _string),
    "defaultPort": ("port", _number(1, 65535)),
    "timeout": ("timeout", _number(1, 3600)),
    "retries": ("retries", _number(0, 100)),
}

# tokens that change the requests of these versions, and the values that do not
_UNSUPPORTED: Dict[str, Tuple[Tuple[str, ...], bytes]] = {
    "clientaddr": (("2c", "3"), b""),
    "transport": (("2c", "3"), b""),
    "defDomain": (("2c", "3"), rb"(?!snmp\s).*"),
    "defTarget": (("2c", "3"), rb"(?!snmp\s).*"),
    "disableSNMPv2c": (("2c",), b"(?i)0|no|false"),
    "disableSNMPv3": (("3",), b"(?i)0|no|false"),
    "defContext": (("3",), b""),
    "defSecurityModel": (("3",), b"usm"),
    "defAuthMasterKey": (("3",), b"(?!)"),
    "defPrivMasterKey": (("3",), b"(?!)"),
    "defAuthLocalizedKey": (("3",), b"(?!)"),
    "defPrivLocalizedKey": (("3",), b"(?!)"),
}

_SPELLED = {token.lower(): token for token in (*_TOKENS, *_UNSUPPORTED)}
