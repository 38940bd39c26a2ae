# SPDX-License-Identifier: GPL-3.0-or-later
"""Generic netlink: framing, attributes, one request and its replies. Knows nothing of IPVS.

Sources: include/uapi/linux/netlink.h, include/uapi/linux/genetlink.h,
Documentation/userspace-api/netlink/intro.rst, netlink(7).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, Tuple

Path = Tuple[int, ...]

NETLINK_GENERIC = 16
NLM_F_REQUEST = 0x001
NLM_F_DUMP = 0x300
NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN = 1, 2, 3, 4
NLA_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER

GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_ID = 1
CTRL_ATTR_FAMILY_NAME = 2

# A dump fills messages of up to 32 KiB when the reader's buffer allows (af_netlink.c).
RECEIVE_BYTES = 65536
# The kernel answers during the send itself; only a stuck kernel lock can take longer.
RECEIVE_SECONDS = 5

_MESSAGE = struct.Struct("=IHHII")
_GENERIC = struct.Struct("=BBH")
_ATTRIBUTE = struct.Struct("=HH")
_ERRNO = struct.Struct("=i")

ATTRIBUTE_HEADER = _ATTRIBUTE.size


class NetlinkError(Exception):
    """Bytes that violate the netlink protocol; the text names the place."""


@dataclass(frozen=True)
class Request:
    """A request: family is the netlink message type, body the attributes; dump sets NLM_F_DUMP."""

    family: int
    command: int
    body: bytes = b""
    dump: bool = False
    sequence: int = 0

    def encode(self) -> bytes:
        """Return the bytes to send to the kernel."""
        flags = NLM_F_REQUEST | (NLM_F_DUMP if self.dump else 0)
        length = _MESSAGE.size + _GENERIC.size + len(self.body)
        header = _MESSAGE.pack(length, self.family, flags, self.sequence, 0)
        return header + _GENERIC.pack(self.command, 1, 0) + self.body


def attribute(kind: int, payload: bytes) -> bytes:
    """Return one attribute, padded to a multiple of four bytes."""
    padding = -len(payload) % 4
    return _ATTRIBUTE.pack(4 + len(payload), kind) + payload + b"\0" * padding


def walk(data: bytes, offset: int, end: int, above: Path = ()) -> Iterator[Tuple[Path, int, int]]:
    """Yield the attributes in data from offset to end: path of types, payload's start and stop.

    above is the path of the attribute that contains them. Raises NetlinkError if a length is out
    of bounds, or bytes are left over.
    """
    while end - offset >= ATTRIBUTE_HEADER:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        path = (*above, kind & NLA_TYPE_MASK)
        if length < ATTRIBUTE_HEADER or offset + length > end:
            raise NetlinkError(
                f"attribute {'.'.join(map(str, path))} at byte {offset}: invalid length {length}"
                f" ({end - offset} bytes left)"
            )
        yield path, offset + ATTRIBUTE_HEADER, offset + length
        offset += (length + 3) & ~3
    if offset < end:
        raise NetlinkError(f"{end - offset} extra bytes after the last attribute")


def attributes(data: bytes) -> Dict[int, bytes]:
    """Return the payloads in data by type, without padding. Raises NetlinkError, see walk."""
    return {path[0]: data[start:stop] for path, start, stop in walk(data, 0, len(data))}


def replies(request: Request, receive: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield the attribute bytes of each reply to request, until the kernel marks the last.

    receive returns the next datagram. Replies to other requests are ignored. Raises OSError with
    the kernel's errno if it refuses, NetlinkError if the framing is broken.
    """
    while True:
        datagram = receive()
        offset = 0
        while offset < len(datagram):
            if len(datagram) - offset < _MESSAGE.size:
                raise NetlinkError(f"message at byte {offset}: only {len(datagram) - offset} bytes")
            length, kind, _flags, sequence, _port = _MESSAGE.unpack_from(datagram, offset)
            if length < _MESSAGE.size or offset + length > len(datagram):
                raise NetlinkError(
                    f"message at byte {offset}: invalid length {length}"
                    f" ({len(datagram) - offset} bytes left)"
                )
            body = datagram[offset + _MESSAGE.size : offset + length]
            offset += (length + 3) & ~3
            if sequence != request.sequence or kind == NLMSG_NOOP:
                continue
            if kind in (NLMSG_ERROR, NLMSG_DONE):
                _check_error(kind, body)
                return
            if kind == NLMSG_OVERRUN:
                raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
            if kind != request.family:
                raise NetlinkError(
                    f"unexpected message type {kind} in reply to type {request.family}"
                )
            if len(body) < _GENERIC.size:
                raise NetlinkError(f"no generic netlink header in a message of {len(body)} bytes")
            yield body[_GENERIC.size :]
            if not request.dump:
                return


def family_request(name: str) -> Request:
    """Return the request for a family's id.

    The kernel loads the module of a family that it doesn't know (net/netlink/genetlink.c,
    genl_request_module), even for an unprivileged process: request only a family that is known
    to exist.
    """
    body = attribute(CTRL_ATTR_FAMILY_NAME, name.encode() + b"\0")
    return Request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, body)


def family_id(reply: bytes) -> int:
    """Return the family's id in a reply to family_request."""
    found = attributes(reply).get(CTRL_ATTR_FAMILY_ID, b"")
    if len(found) != 2:
        raise NetlinkError(f"family id: {len(found)} bytes, expected 2")
    return int(struct.unpack("=H", found)[0])


class Connection:
    """A generic netlink socket of this process. Raises OSError if the kernel has none."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        try:
            _set_timeout(self._socket, RECEIVE_SECONDS)
            self._socket.bind((0, 0))
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, request: bytes) -> None:
        """Send one request, as returned by Request.encode."""
        self._socket.send(request)

    def receive(self) -> bytes:
        """Return the kernel's next datagram. Raises TimeoutError if none comes."""
        while True:
            try:
                data, (sender, _groups) = self._socket.recvfrom(RECEIVE_BYTES)
            except BlockingIOError as error:
                raise TimeoutError(
                    errno.ETIMEDOUT, f"the kernel did not answer in {RECEIVE_SECONDS} s"
                ) from error
            if sender == 0:
                return bytes(data)


def _set_timeout(on: socket.socket, seconds: int) -> None:
    """Make recvfrom(2) raise BlockingIOError after this many seconds.

    settimeout() would cost a poll() for each datagram.
    """
    # struct timeval is two C longs. Where a long has 32 bits and time_t has 64, SO_RCVTIMEO is
    # SO_RCVTIMEO_NEW, which takes 64 bits for each (include/uapi/asm-generic/socket.h).
    try:
        on.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", seconds, 0))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        on.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("=qq", seconds, 0))


def _check_error(kind: int, body: bytes) -> None:
    if len(body) < _ERRNO.size:
        if kind == NLMSG_DONE:
            return
        raise NetlinkError(f"error message: only {len(body)} bytes")
    code = -_ERRNO.unpack_from(body)[0]
    if code:
        raise OSError(code, os.strerror(code) if 0 < code < 4096 else "unknown error")
