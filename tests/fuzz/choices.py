# SPDX-License-Identifier: GPL-3.0-or-later
"""An input read as a sequence of decisions; after its end, every decision is the first choice."""

from __future__ import annotations

from typing import List, Sequence, TypeVar

Item = TypeVar("Item")


class Choices:
    """The decisions encoded in bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes; at the end there may be fewer."""
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def rest(self) -> bytes:
        """Return the remaining bytes."""
        return self.take(len(self._data))

    def below(self, limit: int) -> int:
        """Return a number from 0 to limit - 1."""
        size = 1 if limit <= 256 else 2 if limit <= 65536 else 4
        return int.from_bytes(self.take(size), "little") % limit

    def number(self) -> int:
        """Return a number of either sign, close to a power of two."""
        limits = [0, 1, 2, 4, 8, 16, 31, 32, 63, 64, 100, 2000]
        power = 1 << limits[self.below(len(limits))]
        return self.pick([1, -1]) * (power + self.pick([0, -1, 1])) ^ self.below(256)

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[self.below(len(items))]

    def cut(self, data: bytes) -> List[bytes]:
        """Return data in a few portions."""
        portions = []
        for _ in range(self.below(6)):
            place = self.below(len(data) + 1)
            portions.append(data[:place])
            data = data[place:]
        return [*portions, data]

    def splice(self, data: bytes) -> bytes:
        """Return data with some bytes changed, inserted or removed."""
        for _ in range(1 + self.below(3)):
            start = self.below(len(data) + 1)
            stop = start + self.below(9)
            data = data[:start] + self.take(self.below(9)) + data[stop:]
        return data
