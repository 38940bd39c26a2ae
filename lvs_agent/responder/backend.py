# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that answer snmpd: LVS-MIB for the current snapshot, with aliases."""

from __future__ import annotations

from typing import Optional

from lvs_agent.aliases import AliasFile
from lvs_agent.mib import lvs
from lvs_agent.mib.lookup import MibTree
from lvs_agent.responder.feed import Feed
from lvs_agent.snapshot import Snapshot


class LvsBackend:
    """A feed's snapshots as trees; see lvs.tree for started and with_legacy."""

    def __init__(
        self, feed: Feed, aliases: Optional[AliasFile], started: float, with_legacy: bool
    ) -> None:
        self._feed = feed
        self._aliases = aliases
        self._started = started
        self._with_legacy = with_legacy
        # the snapshot and its tree; both are changed only in tree()
        self._snapshot: Optional[Snapshot] = None
        self._tree: Optional[MibTree] = None
        self.waiting = feed.waiting
        self.due = feed.due
        self.advance = feed.advance

    def tree(self) -> MibTree:
        """Return the objects to answer the present request from."""
        snapshot = self._feed.current()
        if self._tree is None or snapshot is not self._snapshot:
            self._tree = None  # frees the old rows before the new ones are sorted
            self._snapshot = snapshot
            if self._aliases is not None:
                self._aliases.fill_in(snapshot)
            self._tree = lvs.tree(snapshot, self._started, self._with_legacy)
        return self._tree
