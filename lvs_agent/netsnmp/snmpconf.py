# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials for directors, from net-snmp's snmp.conf: versions, communities, users and keys.

They come from files only, since every user of a machine can read the arguments of commands. Source:
snmp_config(5) and snmp.conf(5) of net-snmp 5.9.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from lvs_agent.errors import CommandError

FOLDERS = ("/etc/snmp", "/usr/share/snmp", "/usr/lib/snmp")  # and ~/.snmp
NAMES = ("snmp.conf", "snmp.local.conf")

NO_AUTH, AUTH_NO_PRIV, AUTH_PRIV = "noAuthNoPriv", "authNoPriv", "authPriv"
AUTH_TYPES = ("MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512")
PRIV_TYPES = ("DES", "AES", "AES192", "AES192C", "AES256", "AES256C")
MIN_PASSPHRASE = 8  # bytes, RFC 3414, 11.2

# other spellings that net-snmp accepts, without hyphens
_SAME = {"SHA1": "SHA", "AES128": "AES"}


class CredentialsError(CommandError):
    """A file that can't be read, or an invalid setting in it; a one-line message with the place."""


@dataclass(frozen=True)
class Credentials:
    """Credentials for one host. version is "2c" or "3"; timeout is in seconds, for one try.

    Without a passphrase of their own, authentication and privacy use the common one.
    """

    version: str = "2c"
    community: str = field(default="public", repr=False)
    user: str = ""
    level: str = NO_AUTH
    auth_type: str = "MD5"
    auth_passphrase: str = field(default="", repr=False)
    priv_type: str = "DES"
    priv_passphrase: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
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
    """Return the credentials for a host, from file or else from all files that net-snmp would read.

    A later line wins, and hosts/HOST.conf in net-snmp's folders wins over snmp.conf. Raises
    CredentialsError.
    """
    files = [file] if file is not None else _files(host, environment)
    found: Dict[str, object] = {}
    for each in files:
        try:
            text = each.read_text("utf-8", "surrogateescape")
        except OSError as error:
            if file is None:
                continue  # net-snmp skips files it can't read, too
            raise CredentialsError(f"{each}: {error.strerror}") from error
        found.update(_tokens(each, text))
    return _checked(replace(Credentials(), **found), files)  # type: ignore[arg-type]


def _files(host: str, environment: Mapping[str, str]) -> List[Path]:
    path = environment.get("SNMPCONFPATH")
    if path is not None:
        folders = [Path(folder) for folder in path.split(":") if folder]
    else:
        home = environment.get("HOME")
        folders = [Path(each) for each in FOLDERS] + ([Path(home, ".snmp")] if home else [])
    names = [] if "/" in host else [f"hosts/{host}.conf", f"hosts/{host}.local.conf"]
    return [Path(folder, name) for batch in (NAMES, names) for folder in folders for name in batch]


def _tokens(file: Path, text: str) -> Dict[str, object]:
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        token, *rest = line.split(None, 1) or [""]
        entry = _TOKENS.get(token.lower())
        if entry is None:
            continue
        name, form = entry
        try:
            found[name] = form(_value("".join(rest)))
        except ValueError as error:
            raise CredentialsError(f"{file}:{number}: {token}: {error}") from error
    return found


def _value(text: str) -> str:
    """Return the rest of a line, or the string in double quotes at its beginning."""
    text = text.strip()
    if not text.startswith('"'):
        return text
    value, escaped = "", False
    for char in text[1:]:
        if escaped or char not in '\\"':
            value, escaped = value + char, False
        elif char == "\\":
            escaped = True
        else:
            break
    return value


def _version(text: str) -> str:
    if text not in ("2c", "3"):
        raise ValueError(f"not 2c or 3: {text!r}; 64-bit counters need one of them")
    return text


def _level(text: str) -> str:
    short = {"nanp": NO_AUTH, "anp": AUTH_NO_PRIV, "ap": AUTH_PRIV}
    named = {level.lower(): level for level in short.values()}
    level = {**short, **named}.get(text.lower())
    if level is None:
        raise ValueError(f"not one of {', '.join(named.values())}: {text!r}")
    return level


def _of(known: Tuple[str, ...]) -> Callable[[str], str]:
    def form(text: str) -> str:
        plain = text.upper().replace("-", "")
        plain = _SAME.get(plain, plain)
        if plain not in known:
            raise ValueError(f"not one of {', '.join(known)}: {text!r}")
        return plain

    return form


def _number(lowest: int, highest: int) -> Callable[[str], int]:
    def form(text: str) -> int:
        if not text.isdecimal() or not lowest <= int(text) <= highest:
            raise ValueError(f"not a number from {lowest} to {highest}: {text!r}")
        return int(text)

    return form


_TOKENS: Dict[str, Tuple[str, Callable[[str], object]]] = {
    "defversion": ("version", _version),
    "defcommunity": ("community", str),
    "defsecurityname": ("user", str),
    "defsecuritylevel": ("level", _level),
    "defauthtype": ("auth_type", _of(AUTH_TYPES)),
    "defauthpassphrase": ("auth_passphrase", str),
    "defprivtype": ("priv_type", _of(PRIV_TYPES)),
    "defprivpassphrase": ("priv_passphrase", str),
    "defpassphrase": ("passphrase", str),
    "defaultport": ("port", _number(1, 65535)),
    "timeout": ("timeout", _number(1, 3600)),
    "retries": ("retries", _number(0, 100)),
}


def _checked(found: Credentials, files: List[Path]) -> Credentials:
    """Return the credentials with the common passphrase applied; errors name the files read."""
    found = replace(
        found,
        auth_passphrase=found.auth_passphrase or found.passphrase,
        priv_passphrase=found.priv_passphrase or found.passphrase,
    )
    missing = []
    if found.version == "3" and not found.user:
        missing.append("defSecurityName is missing")
    if found.authenticates and len(os.fsencode(found.auth_passphrase)) < MIN_PASSPHRASE:
        missing.append(f"defAuthPassphrase is shorter than {MIN_PASSPHRASE} bytes")
    if found.encrypts and len(os.fsencode(found.priv_passphrase)) < MIN_PASSPHRASE:
        missing.append(f"defPrivPassphrase is shorter than {MIN_PASSPHRASE} bytes")
    if missing:
        read = [str(each) for each in files if len(files) == 1 or os.access(each, os.R_OK)]
        raise CredentialsError(f"{', '.join(read)}: {' and '.join(missing)}, for SNMPv3")
    return found
