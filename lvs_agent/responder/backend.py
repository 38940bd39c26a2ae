# SPDX-License-Identifier: GPL-3.0-or-later
"""What answers snmpd: the snapshot of the moment, seen through LVS-MIB."""

from __future__ import annotations

from typing import Optional

from lvs_agent.mib import lvs
from lvs_agent.mib.lookup import View
from lvs_agent.responder.feed import Feed
from lvs_agent.snapshot import Snapshot


class Responder:
    """A feed's snapshots as views; see mib.objects for started and original."""

    def __init__(self, feed: Feed, started: float, original: bool) -> None:
        self._feed = feed
        self._started = started
        self._original = original
        self._of: Optional[Snapshot] = None
        self._view: Optional[View] = None
        self.waiting = feed.waiting
        self.advance = feed.advance

    def view(self) -> View:
        """The objects to answer from now."""
        snapshot = self._feed.current()
        if self._view is None or snapshot is not self._of:
            self._view = None  # frees the old rows before the new ones are sorted
            self._of = snapshot
            self._view = lvs.view(snapshot, self._started, self._original)
        return self._view
