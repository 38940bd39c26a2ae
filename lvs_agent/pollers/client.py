# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of one director: values and tables of LVS-MIB by the names of its objects."""

from __future__ import annotations

import functools
from collections import deque
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Callable, Deque, Iterator, List, Sequence, Tuple, TypeVar, Union

from lvs_agent.mib import smi
from lvs_agent.mib.smi import Oid, TruthValue, dotted
from lvs_agent.netsnmp.snmpconf import Credentials
from lvs_agent.pollers import objects
from lvs_agent.pollers.director import Director, DirectorError
from lvs_agent.pollers.session import Raw, Session, TooBig
from lvs_agent.stopping import uninterrupted

# str for texts, bytes for other octet strings; None if there is no such instance
Value = Raw
Instance = Tuple[str, Oid]

T = TypeVar("T")

# per answer, which then takes two or three frames: some firewalls drop datagrams of many fragments
VARBINDS = 60

# for all requests to one director: a plugin has 60 (Nagios' service_check_timeout, Icinga's
# check_timeout)
SECONDS = 50.0

# rows of a table: an agent numbers at most 65,535 services; lvsRsTable has their servers
MOST_ROWS = 200_000

_OCTETS = (smi.Text, smi.Octets, smi.Address)
_TRUTH = (1, 2)  # RFC 2579


class Client:
    """A client of one director. Calls may raise DirectorError. Use a with statement, or close it.

    Names are LVS-MIB's, sysUpTime and sysName; any other raises objects.ObjectError. seconds is
    the time limit for all calls together, from the first one on.
    """

    def __init__(
        self, director: Director, credentials: Credentials, seconds: float = SECONDS
    ) -> None:
        self.director = director
        self._session = Session(director, credentials, seconds)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._session.close()

    def get(self, wanted: Sequence[Instance]) -> List[Value]:
        """Return the values of instances, each a name and sub-identifiers: (0,) for a scalar."""
        oids = [(*objects.named(name).oid, *instance) for name, instance in wanted]
        found = zip(wanted, self._get(oids, VARBINDS))
        return [self._value(objects.named(name), raw) for (name, _), raw in found]

    def scalars(self, *names: str) -> List[Value]:
        """Return the values of scalars."""
        return self.get([(name, (0,)) for name in names])

    def walk(self, columns: Sequence[str], within: Oid = ()) -> Iterator[Tuple[Oid, List[Value]]]:
        """Yield the rows of a table in order, with the values of these columns.

        within is the prefix of the sub-identifiers of all rows. A row is yielded as soon as it is
        complete; a column without an instance in it is None.
        """
        of = [objects.named(name) for name in columns]
        walks = [_ColumnWalk(o.oid, within, functools.partial(self._value, o)) for o in of]
        repetitions = max(1, VARBINDS // len(walks))
        while True:
            yield from _rows(walks)
            left = [column for column in walks if not column.ended]
            if not left:
                return
            try:
                answer = self._session.bulk([column.last for column in left], repetitions)
            except TooBig:
                if repetitions == 1:
                    raise self.error("a row is too big for one answer of snmpd") from None
                repetitions //= 2
                continue
            for place, (oid, raw) in enumerate(answer):
                if not left[place % len(left)].take(oid, raw):
                    raise self.error(f"snmpd's answer is out of order at {dotted(oid)}")
            if max(column.taken for column in walks) > MOST_ROWS:
                raise self.error(f"{columns[0]}: more than {MOST_ROWS:,} rows")

    def error(self, text: str) -> DirectorError:
        """Return the error to raise when this director is at fault."""
        return self._session.error(text)

    def unserved(self) -> DirectorError:
        """Return the error to raise when lvsAgentStatus has no instance; every agent has one."""
        return self._session.unserved()

    def _get(self, oids: List[Oid], at_once: int) -> List[Raw]:
        found: List[Raw] = []
        for start in range(0, len(oids), at_once):
            part = oids[start : start + at_once]
            try:
                found += self._session.get(part)
            except TooBig:
                if len(part) == 1:
                    raise self.error(f"{dotted(part[0])}: too big for an answer of snmpd") from None
                found += self._get(part, len(part) // 2)
        return found

    def _value(self, wanted: objects.Object, raw: Raw) -> Value:
        """Return an object's value; text is cut and loses control characters, as in the agent."""
        syntax = wanted.syntax
        if raw is None or syntax is None:
            return None
        expected = bytes if syntax.type in _OCTETS else int
        if not isinstance(raw, expected):
            kind = "text" if expected is bytes else "a number"
            raise self.error(f"{wanted.name} in snmpd's answer is not {kind}")
        if isinstance(raw, bytes):
            text = syntax.type is smi.Text
            return syntax.fit(raw.decode("utf-8", "replace")) if text else raw
        if raw not in _TRUTH if syntax is TruthValue else raw != syntax.fit(raw):
            raise self.error(f"{wanted.name} in snmpd's answer is out of range")
        return raw


def gather(clients: Sequence[Client], ask: Callable[[Client], T]) -> List[Union[T, DirectorError]]:
    """Return the result of ask, or the error, for each client. All are asked at once."""
    found = dict(asked(clients, ask))
    return [found[client] for client in clients]


def asked(
    clients: Sequence[Client], ask: Callable[[Client], T]
) -> Iterator[Tuple[Client, Union[T, DirectorError]]]:
    """Yield each client with its result of ask, or the error, as soon as it arrives."""

    def one(client: Client) -> Union[T, DirectorError]:
        try:
            return ask(client)
        except DirectorError as error:
            return error

    if len(clients) == 1:
        yield clients[0], one(clients[0])
        return
    with ThreadPoolExecutor(len(clients)) as pool:
        with uninterrupted():  # only this thread gets signals, so that it can delay them
            futures = {pool.submit(one, client): client for client in clients}
        for future in as_completed(futures):
            yield futures[future], future.result()


class _ColumnWalk:
    """A walk of one column: its last OID, and the values received that are in no row yet.

    A value is checked when it arrives, so that no row keeps more than a value's size.
    """

    def __init__(self, column: Oid, within: Oid, check: Callable[[Raw], Value]) -> None:
        self._column = column
        self._check = check
        self._prefix = (*column, *within)
        self.last: Oid = self._prefix
        self.ended = False
        self.taken = 0
        self.waiting: Deque[Tuple[Oid, Value]] = deque()

    def take(self, oid: Oid, raw: Raw) -> bool:
        """Take the next value; return False if it is out of order."""
        if raw is not None and oid <= self.last and not self.ended:
            return False
        if raw is None or oid[: len(self._prefix)] != self._prefix:
            self.ended = True
        if self.ended:
            return True
        self.last = oid
        self.taken += 1
        self.waiting.append((oid[len(self._column) :], self._check(raw)))
        return True


def _rows(walks: Sequence[_ColumnWalk]) -> Iterator[Tuple[Oid, List[Value]]]:
    """Yield the rows that are complete."""
    while all(column.waiting or column.ended for column in walks):
        firsts = [column.waiting[0][0] for column in walks if column.waiting]
        if not firsts:
            return
        instance = min(firsts)
        having = [bool(each.waiting) and each.waiting[0][0] == instance for each in walks]
        yield (
            instance,
            [each.waiting.popleft()[1] if has else None for each, has in zip(walks, having)],
        )
