# SPDX-License-Identifier: GPL-3.0-or-later
"""Framing, compared with bytes packed by hand after netlink(7) and a real kernel's datagrams."""

from __future__ import annotations

import contextlib
import errno
import struct
from typing import Callable, Dict, List, Tuple

import pytest

from lvs_agent.codes import Family
from lvs_agent.kernel import netlink
from lvs_agent.kernel.messages import Decoder
from lvs_agent.kernel.netlink import NetlinkError, Request
from tests.support import recorded
from tests.support.recorded import (
    GET_CONFIG,
    GET_DAEMON,
    GET_DEST,
    GET_INFO,
    GET_SERVICE,
    SMALL,
    exchanges,
    join,
)

FAMILY, SEQUENCE = 28, 7
REQUEST = Request(FAMILY, 4, dump=True, sequence=SEQUENCE)
NOOP, ERROR, DONE, OVERRUN = 1, 2, 3, 4  # netlink(7)


class ExhaustedError(Exception):
    """There are no more datagrams."""


def message(kind: int, body: bytes, sequence: int = SEQUENCE) -> bytes:
    """Return struct nlmsghdr and the body, padded."""
    header = struct.pack("=IHHII", 16 + len(body), kind, 2, sequence, 4711)
    return header + body + bytes(-len(body) % 4)


def reply(attributes: bytes, sequence: int = SEQUENCE) -> bytes:
    """Return a message with struct genlmsghdr."""
    return message(FAMILY, struct.pack("=BBH", 1, 1, 0) + attributes, sequence)


def code(number: int) -> bytes:
    return struct.pack("=i", number)


def receiver(*datagrams: bytes) -> Callable[[], bytes]:
    """Return a function that returns one datagram after the other, then raises ExhaustedError."""
    left = iter(datagrams)

    def receive() -> bytes:
        for datagram in left:
            return datagram
        raise ExhaustedError

    return receive


def answers(*datagrams: bytes, request: Request = REQUEST) -> List[bytes]:
    return list(netlink.replies(request, receiver(*datagrams)))


def test_a_request_is_laid_out_as_netlink_and_genetlink_say() -> None:
    packed = Request(FAMILY, 15, b"abcd", sequence=9).encode()
    assert packed == struct.pack("=IHHIIBBH", 24, FAMILY, 1, 9, 0, 15, 1, 0) + b"abcd"


def test_a_dump_request_has_both_dump_flags() -> None:
    flags = struct.unpack_from("=H", Request(FAMILY, 4, dump=True).encode(), 6)[0]
    assert flags == 0x1 | 0x100 | 0x200


def test_the_requests_of_a_recording_are_encoded_to_the_byte() -> None:
    for each in exchanges(SMALL):
        assert each.asked().encode() == each.request


@pytest.mark.parametrize("size", range(9))
def test_an_attribute_is_padded_to_four_bytes_and_read_back_without(size: int) -> None:
    packed = netlink.attribute(5, b"x" * size)
    assert packed == struct.pack("=HH", 4 + size, 5) + b"x" * size + bytes(-size % 4)
    assert netlink.attributes(packed + netlink.attribute(6, b"")) == {5: b"x" * size, 6: b""}


def test_the_flag_bits_of_an_attribute_type_are_not_part_of_it() -> None:
    nested, net_byteorder = 0x8000, 0x4000
    assert netlink.attributes(join([(nested | 1, b"a"), (net_byteorder | 2, b"b")])) == {
        1: b"a",
        2: b"b",
    }


def test_the_padding_of_the_last_attribute_may_be_absent() -> None:
    assert netlink.attributes(struct.pack("=HH", 5, 3) + b"x") == {3: b"x"}


@pytest.mark.parametrize("length", [0, 1, 3, 9, 0xFFFF])
def test_an_attribute_length_outside_its_data_is_an_error_naming_the_attribute(length: int) -> None:
    with pytest.raises(
        NetlinkError, match=rf"attribute 3 at byte 8: invalid length {length} \(8 bytes"
    ):
        netlink.attributes(join([(1, b"good")]) + struct.pack("=HH", length, 3) + b"1234")


@pytest.mark.parametrize("left", [1, 2, 3])
def test_bytes_left_over_after_the_last_attribute_are_an_error(left: int) -> None:
    with pytest.raises(NetlinkError, match=f"{left} extra bytes"):
        netlink.attributes(join([(1, b"good")]) + bytes(left))


def test_a_dump_goes_on_over_datagrams_until_it_is_done() -> None:
    assert answers(
        reply(b"one.") + reply(b""), reply(b"end."), message(DONE, code(0)), reply(b"more")
    ) == [b"one.", b"", b"end."]


def test_a_single_reply_ends_a_request_that_is_no_dump() -> None:
    single = Request(FAMILY, 15, sequence=SEQUENCE)
    assert answers(reply(b"one."), request=single) == [b"one."]


def test_an_unpadded_last_message_is_read() -> None:
    datagram = reply(b"odd")[:-1]
    assert answers(datagram, message(DONE, code(0))) == [b"odd"]


def test_messages_of_other_requests_are_passed_over() -> None:
    assert answers(
        reply(b"old.", SEQUENCE - 1) + message(DONE, code(0), SEQUENCE - 1),
        message(ERROR, code(-errno.EPERM), SEQUENCE - 1) + message(OVERRUN, b"", SEQUENCE - 1),
        message(NOOP, b"") + reply(b"mine") + reply(b"next", SEQUENCE + 1),
        message(DONE, code(0)),
    ) == [b"mine"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EPERM, PermissionError),
        (errno.ENOENT, FileNotFoundError),
        (errno.EOPNOTSUPP, OSError),
    ],
)
def test_a_refusal_is_an_oserror_with_the_kernels_errno(number: int, kind: type[OSError]) -> None:
    request = Request(FAMILY, 4).encode()
    with pytest.raises(kind) as caught:
        answers(message(ERROR, code(-number) + request))
    assert caught.value.errno == number


def test_an_error_of_zero_is_an_acknowledgement() -> None:
    assert answers(message(ERROR, code(0) + REQUEST.encode())) == []


def test_a_dump_that_ends_with_an_error_code_raises_it_after_its_replies() -> None:
    replies = netlink.replies(REQUEST, receiver(reply(b"one."), message(DONE, code(-errno.EBUSY))))
    assert next(replies) == b"one."
    with pytest.raises(OSError, match="busy") as caught:
        next(replies)
    assert caught.value.errno == errno.EBUSY


def test_a_dump_of_an_old_kernel_may_end_without_a_code() -> None:
    assert answers(message(DONE, b"")) == []


def test_an_overrun_is_the_error_of_a_full_buffer() -> None:
    with pytest.raises(OSError, match="buffer") as caught:
        answers(message(OVERRUN, b""))
    assert caught.value.errno == errno.ENOBUFS


@pytest.mark.parametrize("number", [5, 4095, -4096, 2**31 - 1, -(2**31)])
def test_an_error_code_no_kernel_gives_is_an_oserror_too(number: int) -> None:
    with pytest.raises(OSError, match=r"\S"):
        answers(message(ERROR, code(number)))


@pytest.mark.parametrize(
    ("datagram", "words"),
    [
        (message(FAMILY + 1, bytes(8)), "type 29 in reply to type 28"),
        (message(FAMILY, b"\1\1"), "no generic netlink header in a message of 2 bytes"),
        (message(ERROR, b"\0\0"), "error message: only 2 bytes"),
        (
            struct.pack("=IHHII", 15, FAMILY, 2, SEQUENCE, 0),
            r"at byte 0: invalid length 15 \(16 bytes",
        ),
        (
            reply(b"good") + struct.pack("=IHHII", 17, FAMILY, 2, SEQUENCE, 0),
            r"at byte 24: invalid length 17 \(16 bytes",
        ),
        (reply(b"good") + bytes(15), "at byte 24: only 15 bytes"),
    ],
)
def test_broken_framing_is_an_error_that_says_where(datagram: bytes, words: str) -> None:
    with pytest.raises(NetlinkError, match=words):
        answers(datagram)


def test_a_recorded_datagram_cut_anywhere_gives_whole_messages_and_then_an_error() -> None:
    (recorded,) = [each for each in exchanges(SMALL) if each.command == GET_SERVICE]
    datagram, done = recorded.datagrams
    whole = recorded.messages()
    ends = [sum(map(len, whole[: number + 1])) for number in range(len(whole))]
    assert ends[3:] == [len(datagram)]
    for cut in range(len(datagram)):
        got: List[bytes] = []
        with pytest.raises((NetlinkError, ExhaustedError)):
            got.extend(netlink.replies(recorded.asked(), receiver(datagram[:cut])))
        assert got == [each[20:] for each in whole[: sum(end <= cut for end in ends)]]
    assert len(answers(datagram, done, request=recorded.asked())) == 4


@pytest.mark.parametrize("flip", [0xFF, 0x80, 0x01, 0x04])
def test_any_byte_of_a_recording_may_be_wrong_without_an_unforeseen_error(flip: int) -> None:
    for exchange in exchanges(SMALL):
        for place, datagram in enumerate(exchange.datagrams):
            for offset in range(len(datagram)):
                wrong = bytearray(datagram)
                wrong[offset] ^= flip
                datagrams = list(exchange.datagrams)
                datagrams[place] = bytes(wrong)
                _read(exchange.asked(), datagrams)


def test_the_id_of_a_family_is_read_from_its_two_bytes() -> None:
    assert netlink.family_id(join([(2, b"IPVS\0"), (1, struct.pack("=H", 0x1234))])) == 0x1234


@pytest.mark.parametrize("attributes", [[], [(1, b"\1")], [(1, b"\1\0\0")], [(2, b"IPVS\0")]])
def test_a_family_without_an_id_of_two_bytes_is_an_error(
    attributes: List[Tuple[int, bytes]],
) -> None:
    with pytest.raises(NetlinkError, match="family id"):
        netlink.family_id(join(attributes))


def _read(request: Request, datagrams: List[bytes]) -> None:
    """Read an answer as the agent does; errors that its modules document are no failure."""
    got: List[bytes] = []
    with contextlib.suppress(NetlinkError, OSError, ExhaustedError):
        got.extend(netlink.replies(request, receiver(*datagrams)))
    decoder = Decoder()
    decoders: Dict[int, Callable[[bytes], object]] = {
        GET_SERVICE: decoder.service,
        GET_DEST: lambda body: decoder.real_server(body, Family.INET),
        GET_DAEMON: decoder.daemon,
        GET_CONFIG: lambda body: recorded.timeouts(decoder, body),
        GET_INFO: lambda body: recorded.info(decoder, body),
    }
    for body in got:
        with contextlib.suppress(NetlinkError):
            decoders[request.command](body)
