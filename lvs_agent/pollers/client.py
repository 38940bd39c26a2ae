# SPDX-License-Identifier: GPL-3.0-or-later
"""What one director says: values and tables of LVS-MIB by the names of its objects."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Deque, Iterator, List, Sequence, Tuple, TypeVar, Union

from lvs_agent.pollers import objects
from lvs_agent.pollers.credentials import Credentials
from lvs_agent.pollers.director import Director, DirectorError
from lvs_agent.pollers.session import Raw, Session, TooBig
from lvs_agent.smi import Oid, SnmpAdminString, dotted

# str for SnmpAdminString, bytes for other octets; None where there is no instance
Value = Raw
Instance = Tuple[str, Oid]

T = TypeVar("T")

# in one answer, so that it is two or three frames: some firewalls lose what is in many fragments
VARBINDS = 60


class Client:
    """A director that is asked. Each call may raise DirectorError; use it in with, or close it.

    Names are LVS-MIB's, and sysUpTime and sysName; another one is objects.ObjectError.
    """

    def __init__(self, director: Director, credentials: Credentials) -> None:
        self.director = director
        self._session = Session(director, credentials)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the socket."""
        self._session.close()

    def get(self, wanted: Sequence[Instance]) -> List[Value]:
        """The values of instances, each a name and sub-identifiers, (0,) of a scalar."""
        oids = [(*objects.named(name).oid, *instance) for name, instance in wanted]
        return [_value(name, raw) for (name, _), raw in zip(wanted, self._get(oids, VARBINDS))]

    def scalars(self, *names: str) -> List[Value]:
        """The values of scalars."""
        return self.get([(name, (0,)) for name in names])

    def walk(self, columns: Sequence[str], within: Oid = ()) -> Iterator[Tuple[Oid, List[Value]]]:
        """The rows of a table in order, with the values of these columns.

        within is what the sub-identifiers of all rows begin with. A row is given as soon as it is
        whole; a column without an instance in it is None.
        """
        strands = [_Strand(name, within) for name in columns]
        repetitions = max(1, VARBINDS // len(strands))
        while True:
            yield from _rows(strands)
            left = [strand for strand in strands if not strand.ended]
            if not left:
                return
            try:
                answer = self._session.bulk([strand.last for strand in left], repetitions)
            except TooBig:
                if repetitions == 1:
                    raise self._session.error("snmpd can't answer with one row at once") from None
                repetitions //= 2
                continue
            if not answer:
                raise self._session.error("snmpd answers with nothing")
            for place, (oid, raw) in enumerate(answer):
                if not left[place % len(left)].take(oid, raw):
                    raise self._session.error(f"snmpd answers out of order at {dotted(oid)}")

    def unserved(self) -> DirectorError:
        """What to raise where lvsAgentStatus has no instance: with an agent it always has one."""
        return self._session.unserved()

    def _get(self, oids: List[Oid], at_once: int) -> List[Raw]:
        found: List[Raw] = []
        for start in range(0, len(oids), at_once):
            part = oids[start : start + at_once]
            try:
                found += self._session.get(part)
            except TooBig:
                if len(part) == 1:
                    raise self._session.error(f"{dotted(part[0])} is too big for it") from None
                found += self._get(part, len(part) // 2)
        return found


def gather(clients: Sequence[Client], ask: Callable[[Client], T]) -> List[Union[T, DirectorError]]:
    """What ask gives for each, all asked at once; the error where there is no answer."""

    def one(client: Client) -> Union[T, DirectorError]:
        try:
            return ask(client)
        except DirectorError as error:
            return error

    if len(clients) == 1:
        return [one(clients[0])]
    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(one, clients))


class _Strand:
    """One column while it is walked: how far, and what came and is in no row yet."""

    def __init__(self, name: str, within: Oid) -> None:
        self.name = name
        self._column = objects.named(name).oid
        self._prefix = (*self._column, *within)
        self.last: Oid = self._prefix
        self.ended = False
        self.waiting: Deque[Tuple[Oid, Value]] = deque()

    def take(self, oid: Oid, raw: Raw) -> bool:
        """Take what came next; False if it is out of order."""
        if self.ended:
            return True
        if raw is None or oid[: len(self._prefix)] != self._prefix:
            self.ended = True
            return True
        if oid <= self.last:
            return False
        self.last = oid
        self.waiting.append((oid[len(self._column) :], _value(self.name, raw)))
        return True


def _rows(strands: Sequence[_Strand]) -> Iterator[Tuple[Oid, List[Value]]]:
    """The rows of which all has come."""
    while all(strand.waiting or strand.ended for strand in strands):
        firsts = [strand.waiting[0][0] for strand in strands if strand.waiting]
        if not firsts:
            return
        instance = min(firsts)
        having = [bool(each.waiting) and each.waiting[0][0] == instance for each in strands]
        yield (
            instance,
            [each.waiting.popleft()[1] if has else None for each, has in zip(strands, having)],
        )


def _value(name: str, raw: Raw) -> Value:
    if isinstance(raw, bytes) and objects.named(name).syntax is SnmpAdminString:
        return raw.decode("utf-8", "replace")
    return raw
