# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages in BER (X.690) as trees, and trees altered."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple, Union

from tests.fuzz.choices import Choices

INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
COUNTER32, GAUGE32, COUNTER64, END_OF_MIB = 0x41, 0x42, 0x46, 0x82
TAGS = [INTEGER, OCTETS, NULL, OID, SEQUENCE, 0x03, 0x24, 0x31, 0x01, 0x09, 0x1F, 0xBF, 0x00]
TAGS += [0x40, COUNTER32, GAUGE32, 0x43, 0x44, 0x45, COUNTER64, 0x47, 0x80, 0x81, END_OF_MIB]
TAGS += [0xA0, 0xA1, 0xA2, 0xA4, 0xA5, 0xA7, 0xA8]
LENGTHS = [b"\x80", b"\x81\x00", b"\x84\x00\x00\x00\x01", b"\x84\xff\xff\xff\xff", b"\x88" * 9]
LENGTHS += [b"\xff", b"\xfe" + b"\xff" * 126, b"\x7f", b"\x00", b"\x82\xff\xff", b""]
TEXTS = [
    b"a | b=1;;<b>'\"&$(c)`d`",
    b"\x1b[2J\x07\xc2\x9b1m<|>",
    b"<\xff\xfe\xed\xa0\x80|",
    b"\r\nOK\0<",
]
TEXTS += ["\u202e\u2066\u200b\ufeff\u2028\x85<|&".encode(), b"<" * 300]
FILLS, SIZES = (b"\xff", b"\x7f", b"\x80", b"1"), (1, 4, 5, 8, 9, 255, 256, 2000, 20000, 60000)
MOST_BYTES = 65507  # of a datagram, udp(7)


class Node(NamedTuple):
    """A tag, and its content: bytes, or the nodes in it."""

    tag: int
    content: Union[bytes, Tuple[Node, ...]]

    @property
    def parts(self) -> Tuple[Node, ...]:
        """The nodes in it."""
        assert isinstance(self.content, tuple)
        return self.content


def encoded(node: Node) -> bytes:
    """Return a node's bytes."""
    content = node.content
    data = content if isinstance(content, bytes) else b"".join(map(encoded, content))
    return bytes([node.tag]) + length(len(data)) + data


def length(size: int) -> bytes:
    """Return a length in the shortest definite form."""
    if size < 128:
        return bytes([size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([128 + len(digits)]) + digits


def parsed(data: bytes) -> Node:
    """Return the only node of valid bytes with tags of one byte and definite lengths."""
    (node,) = _nodes(data)
    return node


def _nodes(data: bytes) -> List[Node]:
    found = []
    while data:
        tag, size, start = data[0], data[1], 2
        if size >= 128:
            start += size - 128
            size = int.from_bytes(data[2:start], "big")
        content, data = data[start : start + size], data[start + size :]
        assert len(content) == size
        found.append(Node(tag, tuple(_nodes(content)) if tag & 0x20 else content))
    return found


def integer(value: int) -> Node:
    """Return an INTEGER."""
    return Node(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def arcs(oid: Sequence[int]) -> Node:
    """Return an OBJECT IDENTIFIER."""
    first, second, *rest = oid
    return Node(OID, b"".join(map(_arc, [40 * first + second, *rest])))


def _arc(value: int) -> bytes:
    digits = [value & 127]
    while value := value >> 7:
        digits.append(128 | value & 127)
    return bytes(reversed(digits))


def changed(node: Node, place: int, other: Node) -> Node:
    """Return a node with another in this place."""
    return Node(node.tag, (*node.parts[:place], other, *node.parts[place + 1 :]))


def altered(choices: Choices, node: Node) -> Node:
    """Return a tree with a change at a random place."""
    if isinstance(node.content, bytes):
        return _leaf_altered(choices, node, node.content)
    parts = node.parts
    change = choices.below(24)
    if not parts or change == 23:
        return Node(choices.pick(TAGS), node.content)
    # the last ones hold the others
    place = len(parts) - 1 - choices.below(min(len(parts), choices.pick([1, 1, 4, 100])))
    part = parts[place]
    if change == 16:
        return Node(node.tag, parts[:place] + parts[place + 1 :])
    if change == 17:
        return Node(node.tag, (*parts[:place], part, *parts[place:]))
    if change == 18:
        return Node(node.tag, parts[::-1])
    if change == 19:
        return Node(node.tag, (*parts[:place], _leaf(choices), *parts[place:]))
    if change == 20:
        times = choices.pick([2, 9, 100])
        return Node(node.tag, parts[:place] + parts[place : place + 1] * times)
    if change == 21:
        return changed(node, place, _nested(choices, part))
    if change == 22:
        return changed(node, place, choices.pick(parts))
    return changed(node, place, altered(choices, part))


def _leaf(choices: Choices) -> Node:
    return Node(choices.pick(TAGS), choices.take(choices.below(20)))


def _nested(choices: Choices, node: Node) -> Node:
    """Return a node inside many others; not as a tree, which Python could not encode."""
    tag = bytes([choices.pick([SEQUENCE, 0xA2, 0x24, OCTETS])])
    data = encoded(node)
    for _ in range(choices.pick([1, 20, 300, 5000])):
        if len(data) > MOST_BYTES - 4000:
            break
        data = tag + (length(len(data)) if choices.below(2) == 0 else b"\x80") + data
    return Node(SEQUENCE, data)


def _leaf_altered(choices: Choices, node: Node, content: bytes) -> Node:
    change = choices.below(10)
    if node.tag == OCTETS and choices.below(2) == 1:
        return Node(OCTETS, choices.pick(TEXTS))
    if change == 0:
        return Node(choices.pick(TAGS), content)
    if change == 1:
        return Node(node.tag, choices.take(choices.below(20)))
    if change == 2:  # the next OID, or a higher number
        return Node(node.tag, content[:-1] + bytes([(content[-1:] or b"\0")[0] + 1 & 127]))
    if change == 3:
        return Node(node.tag, content + choices.pick([b"\0", b"\x81\x7f", b"\x90" + b"\x80" * 4]))
    if change == 4:
        return Node(node.tag, content[: choices.below(len(content) + 1)])
    if change == 5:
        return Node(node.tag, choices.pick(FILLS) * choices.pick(SIZES))
    if change == 6:
        return integer(choices.number())
    if change == 7:
        return Node(node.tag, integer(choices.number()).content)
    if change == 8:
        return Node(choices.pick(TAGS), b"")
    return Node(node.tag, choices.splice(content))


def damaged(choices: Choices, data: bytes) -> bytes:
    """Return a message that may be no BER: bytes changed, cut off or added."""
    change = choices.below(6)
    if change < 2:
        return choices.splice(data)
    if change == 2:
        return data[: choices.below(len(data) + 1)]
    if change == 3:
        return data + choices.take(choices.below(12))
    if change == 4:
        place = choices.below(len(data) + 1)
        return data[:place] + choices.pick(LENGTHS) + data[place + 1 :]
    return choices.rest()
