# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings for tests, parsed without lvs_agent's decoder, and altered."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from lvs_agent.kernel import byteorder
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
    """A request of a recording, with the datagrams that answered it."""

    request: bytes
    datagrams: List[bytes]

    @property
    def command(self) -> int:
        return self.request[16]

    def asked(self) -> Request:
        """Parse the request."""
        family, flags, sequence = struct.unpack_from("=HHI", self.request, 4)
        body = self.request[20:]
        return Request(family, self.command, body, flags & 0x300 == 0x300, sequence)

    def messages(self) -> List[bytes]:
        """Return the netlink messages but the one that ends a dump."""
        found = []
        for datagram in self.datagrams:
            while datagram:
                length, kind = struct.unpack_from("=IH", datagram)
                if kind != 3:
                    found.append(datagram[:length])
                datagram = datagram[length + -length % 4 :]
        return found

    def replies(self) -> List[bytes]:
        """Return the attributes of each message, as bytes."""
        return [message[20:] for message in self.messages()]


def exchanges(folder: Path) -> List[Exchange]:
    """Return the exchanges of a recording with the family IPVS, in this machine's byte order."""
    about = json.loads((folder / "recording.json").read_text())
    native = byteorder.converter(about["byteorder"])
    found = []
    for line in (folder / "netlink.jsonl").read_text().splitlines():
        entry = json.loads(line)
        request = native(bytes.fromhex(entry["request"]))
        if request[4:6] != struct.pack("=H", 16):
            replies = [native(bytes.fromhex(each)) for each in entry["replies"]]
            found.append(Exchange(request, replies))
    return found


def replies(folder: Path, command: int) -> List[bytes]:
    """Return the attributes, as bytes, of each message that answered a command."""
    every = [each.replies() for each in exchanges(folder) if each.command == command]
    return [reply for some in every for reply in some]


def split(data: bytes) -> List[Attribute]:
    """Split well-formed bytes into attributes, in order."""
    found = []
    while data:
        length, kind = struct.unpack_from("=HH", data)
        found.append((kind, data[4:length]))
        data = data[length + -length % 4 :]
    return found


def join(attributes: List[Attribute]) -> bytes:
    """Join attributes; the inverse of split."""
    return b"".join(
        struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)
        for kind, payload in attributes
    )


def altered(
    data: bytes, path: Tuple[int, ...], change: Callable[[bytes], Optional[bytes]]
) -> bytes:
    """Return data with the attribute at path (types, outermost first) changed; None removes it."""
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


def daemon(
    state: int, interface: bytes, sync_id: int, maxlen: int, port: int, ttl: int, group: Attribute
) -> bytes:
    """Return a reply to IPVS_CMD_GET_DAEMON (IPVS_DAEMON_ATTR_* of linux/ip_vs.h)."""
    u16, u32 = (struct.Struct(layout).pack for layout in ("=H", "=I"))
    inside = [(1, u32(state)), (2, interface + b"\0"), (3, u32(sync_id))]
    inside += [(4, u16(maxlen)), (7, u16(port)), (8, bytes([ttl])), group]
    return join([(DAEMON, join(inside))])


def missing(_payload: bytes) -> None:
    """Remove the attribute (a change for altered)."""


def short(payload: bytes) -> bytes:
    """Remove the last byte (a change for altered)."""
    return payload[:-1]


def long(payload: bytes) -> bytes:
    """Append a byte (a change for altered)."""
    return payload + b"\0"


class AlteredKernel:
    """A recording with altered replies and files.

    alter is called with a request, the number of the reply (from 0) and that reply. files has the
    text of single files, or the error that reading raises; other files are the recording's.
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


# linux/ip_vs.h; attributes whose payload has a fixed size
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
# The dump of a 6.1 kernel after "ipvsadm --start-daemon" with: master --mcast-interface vrs1
# --syncid 7 --sync-maxlen 1400 --mcast-group 224.0.0.90 --mcast-port 9000 --mcast-ttl 3; and backup
# vrs2, 255, 1300, ff02::90, 65535, 255
MASTER_DAEMON = daemon(1, b"vrs1", 7, 1400, 9000, 3, (5, bytes.fromhex("e000005a")))
BACKUP_DAEMON = daemon(
    2, b"vrs2", 255, 1300, 65535, 255, (6, bytes.fromhex("ff02" + "00" * 13 + "90"))
)


def described(fill: Callable[..., None], *arguments: object) -> Director:
    """Return the settings that a method of Decoder or Ipvs fills in."""
    director = Director()
    fill(*arguments, director)
    return director


def info(decoder: Decoder, body: bytes) -> Director:
    """Decode a reply to IPVS_CMD_GET_INFO."""
    return described(decoder.info, body)


def timeouts(decoder: Decoder, body: bytes) -> Director:
    """Decode a reply to IPVS_CMD_GET_CONFIG."""
    return described(decoder.timeouts, body)
