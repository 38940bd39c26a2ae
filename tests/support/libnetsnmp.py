# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that libnetsnmp reads, each configuration in a process of its own."""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

# include/net-snmp/library/default_store.h
LIBRARY = 0
STRINGS = {"user": 0, "passphrase": 2, "auth_passphrase": 3, "priv_passphrase": 4, "community": 7}
NUMBERS = {"level": 1, "version": 2, "port": 3, "timeout": 14, "retries": 15}


@dataclass(frozen=True)
class Settings:
    """The settings by name, and the messages that were printed."""

    strings: Mapping[str, Optional[bytes]]
    numbers: Mapping[str, int]
    said: str


def read(host: str, environments: Sequence[Mapping[str, str]]) -> List[Settings]:
    """Return the settings of snmpget for a host, for each environment."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, host],
        env={name: value for name, value in os.environ.items() if not name.startswith("SNMP")},
        input=json.dumps(list(environments)).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return [
        Settings(
            {name: each and bytes.fromhex(each[1:]) for name, each in found["strings"].items()},
            found["numbers"],
            found["said"],
        )
        for found in map(json.loads, done.stdout.splitlines())
    ]


def _settings(host: str, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Return the settings; for a process that ends afterwards, as libnetsnmp keeps them."""
    os.environ.update(environment)
    library = ctypes.CDLL(ctypes.util.find_library("netsnmp"))
    library.netsnmp_ds_get_string.restype = ctypes.c_char_p
    library.netsnmp_transport_open_client.restype = ctypes.c_void_p
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        library.init_snmp(b"snmpapp")  # as snmpget does
        library.netsnmp_transport_open_client(b"snmp", host.encode())  # reads hosts/HOST.conf
        strings = {
            name: library.netsnmp_ds_get_string(LIBRARY, which) for name, which in STRINGS.items()
        }
        numbers = {
            name: library.netsnmp_ds_get_int(LIBRARY, which) for name, which in NUMBERS.items()
        }
        said.seek(0)
        return {
            # the mark keeps an empty string apart from none
            "strings": {
                name: None if each is None else "=" + each.hex() for name, each in strings.items()
            },
            "numbers": numbers,
            "said": said.read().decode("latin-1"),
        }


def _main() -> None:
    ctypes.CDLL(ctypes.util.find_library("netsnmp"))  # once, for all
    for environment in json.load(sys.stdin):
        child = os.fork()
        if child == 0:
            os.write(1, json.dumps(_settings(sys.argv[1], environment)).encode() + b"\n")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0, (status, environment)


if __name__ == "__main__":
    _main()
