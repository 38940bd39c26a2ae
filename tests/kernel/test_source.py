# SPDX-License-Identifier: GPL-3.0-or-later
"""The running kernel, read through netlink and below /proc."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

import pytest

from lvs_agent.kernel import netlink
from lvs_agent.kernel.netlink import NetlinkError, Request
from lvs_agent.kernel.source import LiveKernel

# Every kernel with generic netlink has this controller, and anyone may ask for it.
CONTROLLER = netlink.family_request("nlctrl")
ALL_FAMILIES = Request(netlink.GENL_ID_CTRL, netlink.CTRL_CMD_GETFAMILY, dump=True)


@pytest.fixture
def live() -> Iterator[LiveKernel]:
    kernel = LiveKernel()
    yield kernel
    kernel.close()


def test_the_running_kernel_is_asked_and_answers(live: LiveKernel) -> None:
    (reply,) = live.ask(CONTROLLER)
    assert netlink.family_id(reply) == netlink.GENL_ID_CTRL


def test_the_running_kernel_refuses_what_it_does_not_know(live: LiveKernel) -> None:
    with pytest.raises(FileNotFoundError):
        list(live.ask(netlink.family_request("lvs-agent")))


def test_what_is_left_of_a_dump_does_not_get_into_the_next_answer(live: LiveKernel) -> None:
    assert next(live.ask(ALL_FAMILIES))
    (reply,) = live.ask(CONTROLLER)
    assert netlink.attributes(reply)[netlink.CTRL_ATTR_FAMILY_NAME] == b"nlctrl\0"


def test_a_kernel_is_asked_through_one_socket_until_it_is_closed(live: LiveKernel) -> None:
    for _ in range(2):
        assert list(live.ask(CONTROLLER))
        connection = live._connection
        assert list(live.ask(CONTROLLER))
        assert live._connection is connection is not None
        live.close()
        live.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            connection.receive()


def test_reading_files_touches_no_netlink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        pytest.fail("netlink was touched")

    monkeypatch.setattr(netlink, "Connection", refuse)
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "file").write_bytes(b"a\xffb\n")
    assert LiveKernel(tmp_path).read("self/file") == "a\N{REPLACEMENT CHARACTER}b\n"
    with pytest.raises(FileNotFoundError):
        LiveKernel(tmp_path).read("self/none")
    with pytest.raises(NotADirectoryError):
        LiveKernel(tmp_path).read("self/file/below")


def test_the_running_kernels_files_are_those_below_proc(live: LiveKernel) -> None:
    assert live.read("sys/kernel/osrelease") == Path("/proc/sys/kernel/osrelease").read_text()


class Answers:
    """A netlink socket that answers every request with the same datagram."""

    opened: List[Answers] = []

    def __init__(self) -> None:
        self.closed = False
        self.asked = 0
        self.datagram = b"\x08"
        Answers.opened.append(self)

    def send(self, request: bytes) -> None:
        self.asked += 1

    def receive(self) -> bytes:
        return self.datagram

    def close(self) -> None:
        self.closed = True


def test_after_an_answer_that_broke_off_the_next_request_has_a_socket_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(netlink, "Connection", Answers)
    monkeypatch.setattr(Answers, "opened", [])
    kernel = LiveKernel()
    for count in (1, 2):
        with pytest.raises(NetlinkError):
            list(kernel.ask(Request(30, 4, dump=True)))
        assert [each.closed for each in Answers.opened] == [True] * count
    assert [each.asked for each in Answers.opened] == [1, 1]
