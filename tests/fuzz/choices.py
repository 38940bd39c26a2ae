# SPDX-License-Identifier: GPL-3.0-or-later
"""An input read as a list of decisions; where it ends, every decision is the first one."""

from __future__ import annotations

from typing import List, Sequence, TypeVar

Item = TypeVar("Item")


class Choices:
    """The decisions that bytes stand for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next bytes, fewer at the end."""
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1."""
        size = 1 if limit <= 256 else 2 if limit <= 65536 else 4
        return int.from_bytes(self.take(size), "little") % limit

    def number(self) -> int:
        """A number, more often than not one at which something changes."""
        limits = [0, 1, 2, 4, 8, 16, 31, 32, 63, 64, 100, 2000]
        power = 1 << limits[self.below(len(limits))]
        return self.pick([1, -1]) * (power + self.pick([0, -1, 1])) ^ self.below(256)

    def pick(self, items: Sequence[Item]) -> Item:
        """One of these."""
        return items[self.below(len(items))]

    def cut(self, data: bytes) -> List[bytes]:
        """Data in a few portions."""
        portions = []
        for _ in range(self.below(6)):
            place = self.below(len(data) + 1)
            portions.append(data[:place])
            data = data[place:]
        return [*portions, data]

    def splice(self, data: bytes) -> bytes:
        """Data with some bytes altered, put in, or left out."""
        for _ in range(1 + self.below(3)):
            start = self.below(len(data) + 1)
            stop = start + self.below(9)
            data = data[:start] + self.take(self.below(9)) + data[stop:]
        return data
