# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to one snmpd and its responses, with pysnmp. Independent of LVS-MIB.

pysnmp's engine is used without its high-level interface (pysnmp.hlapi), which creates a parser of
MIB files at the first request. This takes 0.2 s, too long for a command that runs every minute.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from pyasn1.type.univ import Integer, Null, OctetString
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.cmdgen import BulkCommandGeneratorSingleRun, GetCommandGenerator
from pysnmp.error import PySnmpError
from pysnmp.proto import errind
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from lvs_agent.mib.smi import Oid, SnmpAdminString, dotted
from lvs_agent.netsnmp.snmpconf import Credentials
from lvs_agent.pollers.addresses import Address, looked_up
from lvs_agent.pollers.director import Director, DirectorError
from lvs_agent.pollers.engine import TARGET, opened, unreadable

# an object identifier is text with dots; None if there is no such instance
Raw = Union[int, bytes, str, None]

# errors that a director reports for a message it rejects
REFUSALS = {
    errind.UnknownUserName: "unknown user {user}",
    errind.WrongDigest: "defAuthPassphrase or defAuthType is wrong for user {user}",
    errind.AuthenticationFailure: "defAuthPassphrase or defAuthType is wrong for user {user}",
    errind.UnsupportedSecurityLevel: "user {user} may not use security level {level}",
    errind.DecryptionError: "defPrivPassphrase or defPrivType is wrong for user {user}",
}

_UNREADABLE = "cannot read snmpd's answer"
_MAX_SUBID, _MAX_SUBIDS = 2**32 - 1, 128  # RFC 2578, 3.5
_AUTHORIZATION_ERROR, _TOO_BIG, _GEN_ERR = 16, 1, 5  # error-status, RFC 3416


class TooBig(Exception):  # noqa: N818
    """An answer larger than the director can send."""


class _NoAnswer(Exception):  # noqa: N818
    """No answer from an address; the message is the reason, or the time waited."""


class _Unreadable(_NoAnswer):
    """Only datagrams that are not SNMP from an address; the message says so."""


class Session:
    """A session with one director, one request at a time. Failures raise DirectorError.

    seconds limits the name lookup and all requests together, from the first one on. An answer that
    does not match its request is a failure. The addresses of the director's name are tried in turn,
    each with the time-outs of the credentials, and the first with an answer that can be read is
    kept.
    """

    def __init__(self, director: Director, credentials: Credentials, seconds: float) -> None:
        self.director = director
        self.credentials = credentials
        self._port = director.port or credentials.port
        self._patience = credentials.timeout * (credentials.retries + 1)
        self._seconds = seconds
        self._ends: Optional[float] = None  # of time.monotonic()
        self._answers = 0
        self._unread = 0  # datagrams, before the current request
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._unreadable)
        self._answered: Optional[asyncio.Future[Tuple[Any, ...]]] = None
        self._engine: Optional[SnmpEngine] = None
        self._address: Optional[Address] = None

    def close(self) -> None:
        """Close the socket."""
        if self._engine is not None:
            self._run(self._close(self._engine))
        self._loop.close()

    def get(self, oids: Sequence[Oid]) -> List[Raw]:
        """Return the values of instances. Raises TooBig."""
        send = GetCommandGenerator().send_varbinds
        found: List[Tuple[Oid, Raw]] = self._run(self._ask(send, oids))
        if len(found) != len(oids):
            raise self.error(f"snmpd answers with {len(found)} values, expected {len(oids)}")
        for wanted, (oid, _) in zip(oids, found):
            if oid != wanted:
                raise self.error(f"snmpd answers with {dotted(oid)}, expected {dotted(wanted)}")
        return [value for _, value in found]

    def bulk(self, oids: Sequence[Oid], repetitions: int) -> List[Tuple[Oid, Raw]]:
        """Return the successors of each OID, in turn; the value is None at the end. Raises TooBig.

        The answer may end anywhere (RFC 3416, 4.2.3), and has at least one value.
        """
        send = BulkCommandGeneratorSingleRun().send_varbinds
        found: List[Tuple[Oid, Raw]] = self._run(self._ask(send, oids, 0, repetitions))
        most = len(oids) * repetitions
        if not 0 < len(found) <= most:
            raise self.error(f"snmpd answers with {len(found)} values, expected 1 to {most}")
        return found

    def error(self, text: str) -> DirectorError:
        """Return the error to raise when this director is at fault."""
        return DirectorError(f"{self.director}: {text}")

    def unserved(self) -> DirectorError:
        """Return the error to raise when the director answers but shows nothing of LVS-MIB."""
        asking = "user" if self.credentials.version == "3" else "community"
        return self.error(
            "snmpd answers, but shows no LVS-MIB: lvs-agent does not run there, or the view of"
            f" this {asking} excludes it"
        )

    def _run(self, awaited: Any) -> Any:
        try:
            return self._loop.run_until_complete(awaited)
        except PySnmpError as error:
            raise self.error(str(SnmpAdminString.fit(str(error)))) from error

    async def _close(self, engine: SnmpEngine) -> None:
        engine.close_dispatcher()
        # the tasks it cancelled must end before the loop does
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.gather(*others, return_exceptions=True)

    async def _ask(
        self, send: Callable[..., object], oids: Sequence[Oid], *how: int
    ) -> List[Tuple[Oid, Raw]]:
        if self._ends is None:
            self._ends = time.monotonic() + self._seconds
        if self._engine is not None:
            return await self._next(self._engine, send, oids, *how)
        tried: Dict[Address, str] = {}
        addresses = await self._resolve()
        for address in addresses:
            try:
                # a refusal by the last is no end: snmpd may be restarting
                refused = None if address == addresses[-1] else self._refused
                self._engine = opened(address, self.credentials, self._loop, refused)
                self._address = address
                return await self._question(send, oids, *how)
            except (_NoAnswer, OSError) as error:
                tried[address] = (
                    (error.strerror or "") if isinstance(error, OSError) else str(error)
                )
            finally:
                if self._engine is not None and not self._answers:
                    await self._close(self._engine)
                    self._engine = None
        raise self._unanswered(tried)

    async def _next(
        self, engine: SnmpEngine, send: Callable[..., object], oids: Sequence[Oid], *how: int
    ) -> List[Tuple[Oid, Raw]]:
        try:
            return await self._question(send, oids, *how)
        except _Unreadable as error:
            raise self.error(str(error)) from None
        except _NoAnswer:
            pass
        said = f"no answer from UDP port {self._port} within {self._patience:g} s"
        lost = self.error(f"{said}, after {self._answers} answers")
        if self.credentials.version != "3" or self._address is None:
            raise lost
        # a director that restarted with another engine ID drops what it is sent until it is met
        await self._close(engine)
        self._engine = opened(self._address, self.credentials, self._loop, None)
        try:
            return await self._question(send, oids, *how)
        except _NoAnswer:
            raise lost from None

    async def _question(
        self, send: Callable[..., object], oids: Sequence[Oid], *how: int
    ) -> List[Tuple[Oid, Raw]]:
        assert self._ends is not None
        assert self._engine is not None
        answered: asyncio.Future[Tuple[Any, ...]] = self._loop.create_future()
        self._answered = answered
        self._unread = unreadable(self._engine)

        def done(_engine: object, _handle: object, *answer: Any) -> None:
            if not answered.done():
                answered.set_result(answer)

        nulls = [(oid, Null("")) for oid in oids]
        send(self._engine, TARGET, None, "", *how, nulls, done)
        try:
            answer = await asyncio.wait_for(answered, self._ends - time.monotonic())
        except asyncio.TimeoutError:
            said = f"not finished within {self._seconds:g} s, after {self._answers} answers"
            raise self.error(said) from None
        indication, status, _index, varbinds, _context = answer
        if indication:
            raise self._failure(indication)
        self._answers += 1
        self._check(int(status))
        found = [(tuple(oid), _plain(value)) for oid, value in varbinds]
        if any(len(oid) > _MAX_SUBIDS or max(oid, default=0) > _MAX_SUBID for oid, _ in found):
            raise self.error("snmpd answers with an invalid OID")
        return found

    def _unreadable(self, _loop: object, context: Dict[str, Any]) -> None:
        """Handle what pysnmp raises in a callback: it could not read a datagram."""
        if self._answered is not None and not self._answered.done():
            # not its text, which Python may write about the program that reads, not the answer
            said = type(context.get("exception")).__name__
            self._answered.set_exception(_Unreadable(f"{_UNREADABLE}: {said}"))

    def _check(self, status: int) -> None:
        if status == _TOO_BIG:
            raise TooBig
        if status == _AUTHORIZATION_ERROR:
            raise self.unserved()
        if not 0 <= status < 2**31:  # Python refuses to write a number of more than 4300 digits
            raise self.error(f"{_UNREADABLE}: its error-status is out of range")
        if status:
            name = "genErr" if status == _GEN_ERR else f"error {status}"
            raise self.error(f"snmpd answers with {name}; see its log")

    def _unanswered(self, tried: Dict[Address, str]) -> DirectorError:
        asked = self.credentials
        reasons = ["the host is down", "snmpd is not running or cannot be reached"]
        if asked.encrypts:  # snmpd drops what it can't decrypt
            reasons.append("defPrivPassphrase or defPrivType is wrong")
        elif asked.version != "3":
            reasons.append("the community is wrong")
        several = [f"at {address} ({why})" for address, why in tried.items()]
        said = ", ".join(several) if several[1:] else "".join(tried.values())
        if said.startswith(_UNREADABLE):
            return self.error(said)
        said = f"no answer from UDP port {self._port} {said}"
        return self.error(f"{said}: {', or '.join(reasons)}")

    def _failure(self, indication: Any) -> Union[DirectorError, _NoAnswer]:
        asked = self.credentials
        if isinstance(indication, errind.RequestTimedOut):
            if self._engine is not None and unreadable(self._engine) > self._unread:
                return _Unreadable(f"{_UNREADABLE}: it is not valid SNMP")
            return _NoAnswer(f"within {self._patience:g} s")
        for kind, text in REFUSALS.items():
            if isinstance(indication, kind):
                user = asked.user.decode("utf-8", "backslashreplace")
                return self.error(text.format(user=user, level=asked.level))
        # pysnmp has no words for some reports, only the OID, of any length
        said = str(SnmpAdminString.fit(str(indication)))
        return self.error(f"snmpd reports {said}" if said[:1].isdigit() else said)

    def _refused(self, error: OSError) -> None:
        if self._answered is not None and not self._answered.done() and not self._answers:
            self._answered.set_exception(_NoAnswer(error.strerror))

    async def _resolve(self) -> List[Address]:
        assert self._ends is not None
        looking = looked_up(self.director.host, self._port)
        try:
            return await asyncio.wait_for(looking, self._ends - time.monotonic())
        except asyncio.TimeoutError:
            said = f"no reply within {self._seconds:g} s"
        except UnicodeError as error:  # a label is empty or too long
            said = str(error)
        except OSError as error:
            said = error.strerror or str(error)
        raise self.error(f"cannot resolve this name: {said}")


def _plain(value: Any) -> Raw:
    if isinstance(value, (NoSuchInstance, NoSuchObject, EndOfMibView)):
        return None
    if isinstance(value, OctetString):
        return bytes(value)
    return int(value) if isinstance(value, Integer) else str(value)
