# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: a case, which is what happens to directors while they are polled and watched."""

from __future__ import annotations

import time
from typing import Callable, Optional

from tests.lab.controllers.director import LIMIT, POLL_SECONDS, Director, now
from tests.lab.controllers.plan import table
from tests.lab.controllers.step import Table


class Case:
    """Directors that are polled together while things happen to them."""

    def __init__(self, *directors: Director) -> None:
        self.directors = directors
        self._due = now() + POLL_SECONDS

    def poll_until(self, time_since_boot: float) -> None:
        """Poll until a time."""
        while now() < time_since_boot:
            self._pause()

    def on(self, event: str, action: Callable[[], object]) -> None:
        """Do something, and wait for the tables that the plan has after this event."""
        self._step(event, action, *(table(each.name, event) for each in self.directors))
        for director in self.directors:
            if event == "start":
                director.watch()
        # a look at a busy guest makes the next one later
        end = now() + LIMIT
        while now() < end and not all(each.has_reported(event) for each in self.directors):
            self._pause()

    def _step(self, name: str, action: Callable[[], object], *tables: Optional[Table]) -> None:
        """Do something, wait until each director has its table, and poll at least twice more."""
        events = [each.event(name) for each in self.directors]
        end = now() + LIMIT
        action()
        left = 2
        # ipvsadm takes longer than a read of the kernel's text
        shown = ["never read" for _ in events]
        while left:
            for place, director in enumerate(self.directors):
                before, shown[place] = shown[place], director.shown()
                waiting = events[place]["done"] is None and shown[place] != before
                if waiting and director.table() == tables[place]:
                    events[place]["done"] = now()
            ready = all(event["done"] is not None for event in events)
            if not ready and now() > end:
                raise TimeoutError(f"{name}: not {tables}:\n{''.join(shown)}")
            if self._pause(0.5, again=ready and left == 1) and ready:
                left -= 1

    def close(self) -> None:
        """Save the records."""
        for director in self.directors:
            director.close()

    def _pause(self, seconds: float = POLL_SECONDS, again: bool = False) -> bool:
        """Poll if it is due within some seconds, else wait so long. Return True after a poll."""
        if now() + seconds < self._due:
            time.sleep(seconds)
            return False
        time.sleep(max(0.0, self._due - now()))
        for director in self.directors:
            director.poll(again)
        self._due = now() + POLL_SECONDS
        return True
