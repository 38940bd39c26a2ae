# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what has been reported, and its file, reported.json, which outlives restarts.

It is saved after an event is in the journal and before snmpd gets the notification, which the file
contains until then. So a process that is killed repeats at most its last events, and loses none.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Optional, Set

from lvs_agent import regular
from lvs_agent.codes import Status
from lvs_agent.errors import CommandError, reason
from lvs_agent.watch.events import ENDS, Change, Kind

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 1 << 26  # a director with 500,000 rows that are down
MAX_WAITING = 1000  # notifications
FORMAT = 1
_OID = re.compile(r"(\.\d{1,10}){2,128}", re.ASCII)
_VALUE = re.compile(r"[^\0]{0,1000}", re.DOTALL)
_TYPES = frozenset("iusx")


@dataclass
class Told:
    """The record of what has been reported about a director.

    conditions are the events at the beginning of conditions whose end has not been reported.
    waiting has the arguments of agentxtrap for each notification that snmpd has not accepted yet,
    the oldest first. left_out is the number of further ones, for which there was no room.
    """

    status: Status = Status.OK
    conditions: Set[Change] = field(default_factory=set)
    waiting: List[List[str]] = field(default_factory=list)
    left_out: int = 0


class ToldFile:
    """reported.json in a folder, which one process at a time may use."""

    def __init__(self, folder: Path) -> None:
        """Lock the folder, and make it if needed. Raises CommandError, or OSError naming it."""
        self._path = folder / "reported.json"
        self._saved = b""
        self._trouble = ""
        # no other user may open it: that is enough for a lock
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if os.fstat(self._lock).st_uid != os.geteuid():
            raise CommandError(f"{folder}: belongs to another user; name a folder with --state")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"{folder}: in use by another lvs-agent watch") from None

    def load(self) -> Told:
        """Return what was saved, or an empty record. A damaged file is moved away.

        With an empty record, current problems are reported again, so nothing is missed.
        """
        try:
            data = regular.read(self._path, MAX_FILE_BYTES)
            told = decode(data)
        except FileNotFoundError:
            return Told()
        except (OSError, ValueError, RecursionError) as error:
            said = reason(error) if isinstance(error, OSError) else f"{self._path}: {error}"
            log.error("%s; current problems are reported again", said)
            with suppress(OSError):  # of a file system that is read-only now
                os.replace(self._path, self._path.with_suffix(".damaged"))
            return Told()
        self._saved = data
        return told

    def save(self, told: Told) -> None:
        """Save what has changed since the last call. Failures are logged once."""
        data = encode(told)
        if data == self._saved:
            return
        try:
            regular.replace(self._path, [data])
        except OSError as error:
            self._say(f"cannot save what was reported, so a restart repeats it: {reason(error)}")
        else:
            self._saved = data
            self._say("")

    def __enter__(self) -> ToldFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.error("%s", trouble)
        self._trouble = trouble


def encode(told: Told) -> bytes:
    """Return the content of the file."""
    rows = [[each.kind.value, each.service, each.server] for each in told.conditions]
    content = {
        "lvs-agent reported": FORMAT,
        "status": told.status,
        "conditions": sorted(rows),
        "waiting": told.waiting,
        "left out": told.left_out,
    }
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def decode(data: bytes) -> Told:
    """Return the record in a file. Raises ValueError or RecursionError for any other content."""
    content = json.loads(data)
    if not isinstance(content, dict) or content.get("lvs-agent reported") != FORMAT:
        raise ValueError("not a file of this version of lvs-agent watch")
    rows, waiting = content.get("conditions"), content.get("waiting")
    status, left_out = content.get("status"), content.get("left out")
    if type(status) is not int or type(left_out) is not int:
        raise ValueError("wrong numbers")
    if not isinstance(rows, list) or not isinstance(waiting, list):
        raise ValueError("wrong lists")
    if len(waiting) > MAX_WAITING or not all(map(_is_notification, waiting)):
        raise ValueError("wrong notifications")
    return Told(Status(status), set(map(_condition, rows)), waiting, left_out)


def _condition(row: Any) -> Change:
    if not isinstance(row, list) or len(row) != 3 or not all(type(each) is str for each in row):
        raise ValueError("wrong conditions")
    change = Change(Kind(row[0]), *row[1:])
    if change.kind not in ENDS:
        raise ValueError("wrong conditions")
    return change


def _is_notification(words: Optional[List[Any]]) -> bool:
    """Return whether words are an OID, and then the OID, type and value of each object."""
    if not isinstance(words, list) or not all(type(each) is str for each in words):
        return False
    objects = words[1:]
    return (
        len(words) % 3 == 1
        and all(map(_OID.fullmatch, [words[0], *objects[::3]]))
        and _TYPES.issuperset(objects[1::3])
        and all(map(_VALUE.fullmatch, objects[2::3]))
    )
