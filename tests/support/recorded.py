# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings for tests: their messages taken apart without lvs_agent's decoder, and altered."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from lvs_agent.kernel.messages import Decoder
from lvs_agent.kernel.netlink import Request
from lvs_agent.kernel.recording import ReplayedKernel
from lvs_agent.snapshot import Director
from tests.support.paths import DATA

DIRECTORS = sorted((DATA / "directors").iterdir())
SMALL = DATA / "directors" / "small"

GET_SERVICE, GET_DEST, GET_DAEMON, GET_CONFIG, GET_INFO = 4, 8, 11, 13, 15
SERVICE, DEST, DAEMON = 1, 2, 3

Attribute = Tuple[int, bytes]
Alter = Callable[[Request, int, bytes], bytes]


class Exchange(NamedTuple):
    """One request of a recording, with the datagrams that answered it."""

    request: bytes
    datagrams: List[bytes]

    @property
    def command(self) -> int:
        return self.request[16]

    def asked(self) -> Request:
        """The request, taken apart."""
        family, flags, sequence = struct.unpack_from("=HHI", self.request, 4)
        body = self.request[20:]
        return Request(family, self.command, body, flags & 0x300 == 0x300, sequence)

    def messages(self) -> List[bytes]:
        """The netlink messages, without the one that ends a dump."""
        found = []
        for datagram in self.datagrams:
            while datagram:
                length, kind = struct.unpack_from("=IH", datagram)
                if kind != 3:
                    found.append(datagram[:length])
                datagram = datagram[length + -length % 4 :]
        return found

    def replies(self) -> List[bytes]:
        """The attributes of each message."""
        return [message[20:] for message in self.messages()]


def exchanges(folder: Path) -> List[Exchange]:
    """The exchanges of a recording with the family IPVS."""
    found = []
    for line in (folder / "netlink.jsonl").read_text().splitlines():
        entry = json.loads(line)
        request = bytes.fromhex(entry["request"])
        if request[4:6] != struct.pack("=H", 16):
            found.append(Exchange(request, [bytes.fromhex(each) for each in entry["replies"]]))
    return found


def replies(folder: Path, command: int) -> List[bytes]:
    """The attributes of each message that answered a command."""
    every = [each.replies() for each in exchanges(folder) if each.command == command]
    return [reply for some in every for reply in some]


def split(data: bytes) -> List[Attribute]:
    """Attributes of well-formed bytes, in order."""
    found = []
    while data:
        length, kind = struct.unpack_from("=HH", data)
        found.append((kind, data[4:length]))
        data = data[length + -length % 4 :]
    return found


def join(attributes: List[Attribute]) -> bytes:
    """The opposite of split."""
    return b"".join(
        struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)
        for kind, payload in attributes
    )


def altered(
    data: bytes, path: Tuple[int, ...], change: Callable[[bytes], Optional[bytes]]
) -> bytes:
    """data with the attribute at path (types, from the outside in) changed, or gone for None."""
    assert path[0] in dict(split(data)), f"no attribute {path[0]} to alter"
    result = []
    for kind, payload in split(data):
        if kind == path[0]:
            new = altered(payload, path[1:], change) if path[1:] else change(payload)
            if new is None:
                continue
            payload = new
        result.append((kind, payload))
    return join(result)


def missing(_payload: bytes) -> None:
    """For altered: leave the attribute out."""


def short(payload: bytes) -> bytes:
    """For altered: a byte too few."""
    return payload[:-1]


def long(payload: bytes) -> bytes:
    """For altered: a byte too many."""
    return payload + b"\0"


class AlteredKernel:
    """A recording that says something else in places.

    alter is given a request, the number of the reply to it (from 0) and that reply. A file is
    the recording's unless it is in files, with other text or the error that reading it raises.
    """

    def __init__(
        self,
        alter: Optional[Alter] = None,
        files: Optional[Dict[str, Union[str, OSError]]] = None,
        folder: Path = SMALL,
    ) -> None:
        self._recording = ReplayedKernel(folder)
        self.alter = alter
        self.files = files or {}

    def ask(self, request: Request) -> Iterator[bytes]:
        for number, reply in enumerate(self._recording.ask(request)):
            yield self.alter(request, number, reply) if self.alter else reply

    def read(self, path: str) -> str:
        text = self.files.get(path)
        if isinstance(text, OSError):
            raise text
        return self._recording.read(path) if text is None else text

    def close(self) -> None:
        self._recording.close()


# linux/ip_vs.h; those whose payload has one size
SERVICE_SIZED = {
    "AF": 1,
    "PROTOCOL": 2,
    "ADDR": 3,
    "PORT": 4,
    "FLAGS": 7,
    "TIMEOUT": 8,
    "NETMASK": 9,
}
MARK_SIZED = {"AF": 1, "FWMARK": 5, "FLAGS": 7, "TIMEOUT": 8, "NETMASK": 9}
DEST_SIZED = {
    "ADDR": 1,
    "PORT": 2,
    "FWD_METHOD": 3,
    "WEIGHT": 4,
    "U_THRESH": 5,
    "L_THRESH": 6,
    "ACTIVE_CONNS": 7,
    "INACT_CONNS": 8,
    "PERSIST_CONNS": 9,
    "ADDR_FAMILY": 11,
    "TUN_TYPE": 13,
    "TUN_PORT": 14,
    "TUN_FLAGS": 15,
}
# The daemons of a 6.1 kernel, as its dump had them after "ipvsadm --start-daemon" with: master
# --mcast-interface vrs1 --syncid 7 --sync-maxlen 1400 --mcast-group 224.0.0.90 --mcast-port 9000
# --mcast-ttl 3; and backup vrs2, 255, 1300, ff02::90, 65535, 255
MASTER_DAEMON = bytes.fromhex(
    "40000300 0800010001000000 090002007672733100000000 0800030007000000 0600040078050000"
    "0600070028230000 0500080003000000 08000500e000005a"
)
BACKUP_DAEMON = bytes.fromhex(
    "4c000300 0800010002000000 090002007672733200000000 08000300ff000000 0600040014050000"
    "06000700ffff0000 05000800ff000000 14000600ff020000000000000000000000000090"
)


def described(fill: Callable[..., None], *arguments: object) -> Director:
    """The settings that a method of Decoder or Ipvs fills in."""
    director = Director()
    fill(*arguments, director)
    return director


def info(decoder: Decoder, body: bytes) -> Director:
    """What a reply to IPVS_CMD_GET_INFO tells."""
    return described(decoder.info, body)


def timeouts(decoder: Decoder, body: bytes) -> Director:
    """What a reply to IPVS_CMD_GET_CONFIG tells."""
    return described(decoder.timeouts, body)
