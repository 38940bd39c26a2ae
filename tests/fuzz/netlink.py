# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages: recorded ones with attributes altered, and the datagrams that hold them."""

from __future__ import annotations

import struct
from typing import (
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Sequence,
    Tuple,
    Union,
)

from lvs_agent.codes import Family
from lvs_agent.kernel import messages, netlink
from lvs_agent.kernel.decoding import TEXT, Field, Layouts, Message
from lvs_agent.kernel.messages import Decoder, service_identity
from lvs_agent.kernel.netlink import NetlinkError, Request
from lvs_agent.services import RealServer, VirtualService
from lvs_agent.snapshot import Snapshot, SyncDaemon
from tests.fuzz import served
from tests.fuzz.choices import Choices
from tests.support import builders, recorded
from tests.support.recorded import Attribute, join

FAMILY, SEQUENCE = 0x1C, 7
STATS, STATS64 = 10, 12


class Kind(NamedTuple):
    """A kind of message: its attributes, its decoder, and recorded messages."""

    message: Message
    decode: Callable[[Decoder, bytes], object]
    messages: List[bytes]


def _of(command: int, *more: bytes) -> List[bytes]:
    every = {reply for folder in recorded.DIRECTORS for reply in recorded.replies(folder, command)}
    return [*sorted(every, key=lambda reply: (len(reply), reply)), *more]


def _counting(nest: int, command: int) -> List[bytes]:
    """Return messages with both statistics attributes, as since Linux 4.1, and with one of them."""
    whole = _of(command)
    short = {
        recorded.altered(each, (nest, stats), recorded.missing)
        for each in whole
        for stats in (STATS, STATS64)
    }
    return [*whole, *sorted(short)]


def _server(family: int) -> Callable[[Decoder, bytes], RealServer]:
    return lambda decoder, message: decoder.real_server(message, family)


_SERVICES = _counting(recorded.SERVICE, recorded.GET_SERVICE)
_SERVERS = _counting(recorded.DEST, recorded.GET_DEST)
_DAEMONS = _of(recorded.GET_DAEMON, recorded.MASTER_DAEMON, recorded.BACKUP_DAEMON)
KINDS = [
    Kind(messages._SERVICE, Decoder.service, _SERVICES),
    Kind(messages._DEST, _server(Family.INET), _SERVERS),
    Kind(messages._DEST, _server(Family.INET6), _SERVERS),
    Kind(messages._DAEMON, Decoder.daemon, _DAEMONS),
    Kind(messages._INFO, recorded.info, _of(recorded.GET_INFO)),
    Kind(messages._CONFIG, recorded.timeouts, _of(recorded.GET_CONFIG)),
]
REFUSED = "refused"


def check(data: bytes) -> None:
    """Check a dump, some of whose messages are altered."""
    choices = Choices(data)
    share = served.is_due(choices)
    kind = choices.pick(KINDS)
    whole = choices.pick(kind.messages)
    messages = []
    for _ in range(1 + choices.below(3)):
        message = choices.pick([whole, choices.pick(kind.messages)])
        for _ in range(choices.below(4)):
            message = altered(choices, message)
        messages.append(message)
    records = _decoded(kind, whole, messages)
    _framed(choices, messages)
    if share:
        _usable(records)


def altered(choices: Choices, data: bytes, depth: int = 0) -> bytes:
    """Return attributes with a change at this level or a nested one."""
    attributes = _split(data)
    if not attributes or (depth == 0 and choices.below(8) == 7):
        return choices.splice(data)
    place = choices.below(len(attributes))
    kind, payload = attributes[place]
    change = choices.below(12)
    if change < 4 and len(payload) > 4 and depth < 3:
        attributes[place] = (kind, altered(choices, payload, depth + 1))
    elif change == 5:
        del attributes[place]
    elif change == 6:
        attributes.insert(choices.below(len(attributes) + 1), (kind, payload))
    elif change == 7:
        attributes.append(attributes.pop(place))
    elif change == 8:
        attributes[place] = (choices.below(1 << 16), payload)
    elif change == 9:
        attributes.insert(place, (choices.below(1 << 16), choices.take(choices.below(24))))
    elif change == 10:
        attributes[place] = (kind, payload[: choices.below(len(payload) + 1)])
    elif change == 11:
        attributes[place] = (kind, payload + choices.take(1 + choices.below(8)))
    else:
        attributes[place] = (kind, choices.splice(payload))
    try:
        return join(attributes)
    except struct.error:  # the attribute is longer than its length field allows
        return data


def _split(data: bytes) -> List[Attribute]:
    found = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if not 4 <= length <= len(data):
            break
        found.append((kind, data[4:length]))
        data = data[length + -length % 4 :]
    return found


def _decoded(kind: Kind, whole: bytes, messages: Sequence[bytes]) -> List[object]:
    """Return the decoded records; all ways of decoding a message must agree."""
    experienced = Decoder()
    layouts = Layouts(kind.message)
    layouts.values(whole)
    records = [kind.decode(experienced, whole)]
    for message in dict.fromkeys(messages):
        alone = _outcome(kind.decode, Decoder(), message)
        assert _outcome(kind.decode, experienced, message) == alone
        values = _outcome(general, kind.message.fields, message)
        assert _outcome(layouts.values, message) == values
        assert alone == REFUSED or values != REFUSED, "decoded, but the attributes are invalid"
        if alone != REFUSED:
            records.append(alone)
    # afterwards the unaltered message is decoded as before
    assert kind.decode(experienced, whole) == records[0]
    return records


def _usable(records: Sequence[object]) -> None:
    """Check that decoded records can be named in requests, and served."""
    services = [record for record in records if isinstance(record, VirtualService)]
    servers = [record for record in records if isinstance(record, RealServer)]
    daemons = [record for record in records if isinstance(record, SyncDaemon)]
    for service in services:
        (asked,) = netlink.attributes(service_identity(service)).values()
        named = netlink.attributes(asked)
        if service.fwmark:
            assert named[5] == struct.pack("=I", service.fwmark)
        elif service.protocol:
            assert named[2] == struct.pack("=H", service.protocol)
            assert named[4] == struct.pack("!H", service.port)
    if servers:
        services = [builders.service("192.0.2.1", 80, *servers)]
    unique = {service.name: service for service in services}
    served.check(Snapshot(1.0, services=list(unique.values()), daemons=daemons))


def general(fields: Mapping[str, Field], message: bytes) -> Tuple[object, ...]:
    """Return the fields' values, found by walking the message. Raises NetlinkError."""
    nests = {
        field.path[:depth]
        for field in _every(fields.values())
        for depth in range(1, len(field.path))
    }
    found: Dict[Tuple[int, ...], bytes] = {}

    def enter(data: bytes, above: Tuple[int, ...]) -> None:
        for path, start, stop in netlink.walk(data, 0, len(data), above):
            if path in found:  # of two with the same path, the last counts, contents included
                for inner in [each for each in found if each[: len(path)] == path]:
                    del found[inner]
            found[path] = data[start:stop]
            if path in nests:
                enter(data[start:stop], path)

    enter(message, ())
    values: List[object] = []
    for name, field in fields.items():
        if field.instead and field.path[:-1] not in found:
            field = field.instead
        payload = found.get(field.path)
        if payload is None and field.required:
            raise NetlinkError(f"{name} is missing")
        if payload is None:
            values.append(None)
        elif field.codes is TEXT:
            values.append(payload)
        elif len(payload) in field.codes:
            values += struct.unpack("=" + field.codes[len(payload)], payload)
        else:
            raise NetlinkError(f"{name}: {len(payload)} bytes")
    return tuple(values)


def _every(fields: Iterable[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        if field.instead:
            yield field.instead


def _outcome(read: Callable[..., object], *arguments: object) -> object:
    try:
        return read(*arguments)
    except NetlinkError:
        return REFUSED


def _framed(choices: Choices, messages: Sequence[bytes]) -> None:
    """Check that the messages found in datagrams are those that an independent reading finds."""
    request = Request(FAMILY, 4, b"", choices.below(4) > 0, SEQUENCE)
    frames = [_frame(FAMILY, b"\4\1\0\0" + message) for message in messages]
    frames.append(_frame(netlink.NLMSG_DONE, b"\0\0\0\0"))
    for _ in range(choices.below(3)):
        body = choices.pick([b"", b"\0\0\0\0", struct.pack("=i", -1), choices.take(8)])
        kind = choices.pick([1, 2, 3, 4, FAMILY, choices.below(1 << 16)])
        sequence = choices.pick([SEQUENCE, SEQUENCE, choices.below(1 << 16)])
        frames.insert(choices.below(len(frames) + 1), _frame(kind, body, sequence))
    stream = [b""]
    for frame in frames:
        if choices.below(3) == 2:
            stream.append(b"")
        stream[-1] += frame
    for _ in range(choices.below(3)):
        place = choices.below(len(stream))
        stream[place] = choices.splice(stream[place])
    found: List[Union[bytes, str]] = []
    left = iter(stream)

    def receive() -> bytes:
        for datagram in left:
            return datagram
        raise TimeoutError

    try:
        for reply in netlink.replies(request, receive):
            found.append(reply)  # noqa: PERF402 - replies before an error count
        found.append("end")
    except TimeoutError:
        found.append("no end")
    except OSError:
        found.append("refused")
    except NetlinkError:
        found.append("broken")
    assert found == list(_messages(request, stream))


def _frame(kind: int, body: bytes, sequence: int = SEQUENCE) -> bytes:
    return (
        struct.pack("=IHHII", 16 + len(body), kind, 2, sequence, 0) + body + bytes(-len(body) % 4)
    )


def _messages(request: Request, stream: Sequence[bytes]) -> Iterator[Union[bytes, str]]:
    """Yield the messages, read independently after netlink(7)."""
    for datagram in stream:
        while datagram:
            if len(datagram) < 16:
                yield "broken"
                return
            length, kind, _, sequence, _ = struct.unpack("=IHHII", datagram[:16])
            if not 16 <= length <= len(datagram):
                yield "broken"
                return
            body, datagram = datagram[16:length], datagram[length + -length % 4 :]
            if sequence != request.sequence or kind == 1:
                continue
            if kind == 2 and len(body) < 4:
                yield "broken"
                return
            if kind in (2, 3):
                code = struct.unpack("=i", body[:4])[0] if len(body) >= 4 else 0
                yield "refused" if code else "end"
                return
            if kind == 4:
                yield "refused"
                return
            if kind != request.family or len(body) < 4:
                yield "broken"
                return
            yield body[4:]
            if not request.dump:
                yield "end"
                return
    yield "no end"
