# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket, with the kernel that runs the tests."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Generator, Iterator, List, Tuple, cast

import pytest

from lvs_agent.kernel import netlink
from lvs_agent.kernel.netlink import Connection, Request
from lvs_agent.kernel.source import LiveKernel


@pytest.fixture
def connection() -> Iterator[Connection]:
    opened = Connection()
    yield opened
    opened.close()


def test_the_running_kernel_tells_the_id_of_its_controller(connection: Connection) -> None:
    connection.send(netlink.family_request("nlctrl").encode())
    request = netlink.family_request("nlctrl")
    (body,) = netlink.replies(request, connection.receive)
    assert netlink.family_id(body) == 16  # GENL_ID_CTRL, linux/genetlink.h


def test_a_kernel_that_does_not_answer_is_a_timeout(connection: Connection) -> None:
    option = (socket.SOL_SOCKET, socket.SO_RCVTIMEO)
    waits = connection._socket.getsockopt(*option, 16)
    assert struct.unpack("@ll", waits) == (5, 0)
    connection._socket.setsockopt(*option, struct.pack("@ll", 0, 10_000))
    with pytest.raises(TimeoutError, match="did not answer"):
        connection.receive()


def test_where_time_has_64_bits_and_a_long_has_32_the_timeout_is_written_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on armhf with 64-bit time: the kernel takes 16 bytes and refuses two longs (EINVAL)."""
    tried: List[bytes] = []

    def setsockopt(_self: socket.socket, _level: int, _name: int, value: bytes) -> None:
        tried.append(value)
        if len(tried) == 1:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(socket.socket, "setsockopt", setsockopt)
    Connection().close()
    assert tried == [struct.pack("@ll", 5, 0), struct.pack("=qq", 5, 0)]


def families(kernel: LiveKernel) -> Generator[bytes, None, None]:
    """Dump every generic netlink family."""
    request = netlink.family_request("nlctrl")
    yield from kernel.ask(Request(request.family, request.command, dump=True))


def test_a_dump_that_was_left_does_not_meet_the_next() -> None:
    """A socket allows one dump at a time; the kernel refuses a second one with EBUSY."""
    kernel = LiveKernel()
    left = families(kernel)
    first = next(left)
    left.close()
    assert kernel._connection is None
    again = list(families(kernel))
    assert again[0] == first
    assert len(again) > 1
    kernel.close()


def test_a_sequence_number_follows_the_highest() -> None:
    kernel = LiveKernel()
    kernel._sequence = 2**32 - 2
    ids = [
        netlink.family_id(reply)
        for _ in range(3)
        for reply in kernel.ask(netlink.family_request("nlctrl"))
    ]
    assert ids == [16] * 3
    assert kernel._sequence == 2
    kernel.close()


def test_a_connection_that_fails_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: socket.socket, _address: object) -> None:
        raise OSError(errno.ENOMEM, "no room")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="no room") as caught:
        Connection()
    assert os.listdir("/proc/self/fd") == before
    assert caught.tb  # while referenced, its frames keep the socket from being freed and closed


def test_a_closed_connection_has_no_socket() -> None:
    opened = Connection()
    opened.close()
    assert opened._socket.fileno() == -1


def test_datagrams_of_other_processes_are_not_taken_for_the_kernels(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crowded:
        """A socket with datagrams of two processes and of the kernel."""

        def __init__(self) -> None:
            self._waiting = [(b"forged", (4711, 0)), (b"forged", (1, 1)), (b"kernel", (0, 0))]

        def recvfrom(self, _size: int) -> Tuple[bytes, Tuple[int, int]]:
            return self._waiting.pop(0)

        def close(self) -> None:
            """Do nothing."""

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_socket", cast(socket.socket, Crowded()))
        assert connection.receive() == b"kernel"
