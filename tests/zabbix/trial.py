# SPDX-License-Identifier: GPL-3.0-or-later
"""The trial of a Zabbix with a director: its items, its values, and the problems of outages."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import Dict, List, Optional, Set

from tests.support.directors import SimulatedDirector
from tests.zabbix import host, values
from tests.zabbix.api import Record, ZabbixError
from tests.zabbix.director import Farm
from tests.zabbix.host import Host
from tests.zabbix.installation import TooLateError, Zabbix
from tests.zabbix.outages import HTTP, OUTAGES, Outage, unloaded
from tests.zabbix.values import Walk

INTERVAL = 2  # seconds between two polls
# polls after which every trigger has been calculated: the periods of their functions, and one more
POLLS = 4
RATE_POLLS = 12  # polls over which rates are averaged, since a snapshot may be older than its poll

FIRST = (6, 0)  # the first release with a template
SHOP, STORE = "shop", "store"  # aliases, the former and the latter

_STARTED = time.monotonic()


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"[{time.monotonic() - _STARTED:4.0f} s] {text}", flush=True)


class Trial:
    """The steps with one director, and the checks after them."""

    def __init__(self, zabbix: Zabbix, director: SimulatedDirector, farm: Farm) -> None:
        self._zabbix = zabbix
        self._director = director
        self._farm = farm
        self._failures: List[str] = []
        self.template = ""
        self._updated: Optional[Host] = None  # a host with an earlier template
        self._before: Dict[str, str] = {}  # its items

    def run(self) -> None:
        """Run the trial; raise ZabbixError with all failures."""
        try:
            self.add()
            self._check_values()
            self._check_update()
            self._check_alias()
            ids, names = self._host.ids(), self._host.names()
            for outage in OUTAGES:
                self._check_outage(outage)
            if self._host.ids() != ids:
                self._failures.append("the items are not those from before the outages")
            if self._host.names() != names:
                self._failures.append("the items' names are not those from before the outages")
            self._check_items("after the outages", self._host)
            self._check_control()
            self._check_v3()
        except ZabbixError as error:
            self._failures.append(str(error))
        if self._failures:
            raise ZabbixError("\n  ".join(["", *self._failures]))

    def add(self) -> None:
        """Import the template and add the director."""
        zabbix, text = self._zabbix, host.template(self._zabbix.api.release)
        self._director.aliases.write_text(f"{HTTP} {SHOP}\n")
        if zabbix.api.release > FIRST:
            self.template = host.import_template(zabbix, host.template(FIRST))
            self._updated = self._add_host("updated", host.V2C)
            self._updated.wait_for_items(self._farm.names(), values.walk(self._director.snmpd))
            self._before = self._updated.ids()
            say("items of a host have values with the template for 6.0")
        self.template = host.import_template(zabbix, text)
        changes = host.import_changes(zabbix, text)
        self._failures += [f"a second import would change {each}" for each in changes]
        say(f"Zabbix {zabbix.version}: the template is imported")
        self._host = self._add_host("director", host.V2C)

    def _add_host(
        self, name: str, details: Record, macros: Optional[Dict[str, str]] = None
    ) -> Host:
        given = {**host.short_intervals(self._zabbix, self.template, INTERVAL), **(macros or {})}
        port = self._director.port
        return host.add(self._zabbix, name, self.template, port, details, given)

    def _check_update(self) -> None:
        """Check that the items made by the template for 6.0 are the same, and have values."""
        if self._updated is None:
            return
        ids = self._updated.ids()
        if not self._before.items() <= ids.items() or ids.keys() != self._host.ids().keys():
            self._failures.append("the items made by the template for 6.0 are not the same")
        self._check_items("after the update from 6.0", self._updated)
        self._updated.delete()
        say("the items made by the template for 6.0 continue")

    # Items and values.

    def _check_values(self) -> None:
        snmpd = self._director.snmpd
        self._host.wait_for_items(self._farm.names(), values.walk(snmpd))
        since, first = time.time(), self._walk()
        self._host.wait_for_values(RATE_POLLS * INTERVAL)
        items, last = self._host.items(), self._walk()
        means = self._host.means([each for each in items if values.is_rate(each)], since)
        found = values.compared(items, means, first, last)
        self._failures += found.wrong
        say(f"{len(items)} items, {found.count} of them compared with a walk")
        other = values.compared(items, means, first.changed(), last.changed())
        if len(other.wrong) != other.count:
            self._failures.append("values are accepted that differ from a walk")
        self._check_items("when healthy", self._host)
        for its in (self._host, self._updated):
            if its is not None:
                self._failures += [f"when healthy: {each['name']}" for each in its.events("0")]

    def _walk(self) -> Walk:
        """Walk the director while its counters stand still, so that their time is known."""
        self._farm.stopped = time.monotonic()
        self._director.follow(self._farm.services)
        walk = values.walk(self._director.snmpd, self._farm.stopped)
        self._farm.stopped = 0.0
        return walk

    def _check_items(self, when: str, its: Host) -> None:
        """Check that all items have values of the last polls, and none is unsupported."""
        walk, since = values.walk(self._director.snmpd), time.time() - POLLS * INTERVAL
        for each in its.items():
            said = values.trouble(each, walk, since)
            if said:
                self._failures.append(f"{when}: {each['name']}: {said}")

    def _check_alias(self) -> None:
        """Check that the names of items follow an alias, and that they stay the same items."""
        ids = self._host.ids()
        if self._aliased() != {SHOP}:
            self._failures.append(f"the alias {SHOP} is not in the items' names")
        self._director.aliases.write_text(f"{HTTP} {STORE}\n")
        self._zabbix.wait("another alias in names", lambda: self._aliased() == {STORE})
        if self._host.ids() != ids:
            self._failures.append("an alias has changed the items")
        say("the names of items follow an alias")

    def _aliased(self) -> Set[str]:
        """Return the aliases in the names of the items of a service."""
        names = [each["name"] for each in self._host.items()]
        own = [name for name in names if f"[{HTTP}" in name and "->" not in name]
        return {"".join(re.findall(r" \((\w+)\)\]", name)) for name in own}

    def _check_v3(self) -> None:
        """Add the director by SNMPv3, and with items for the balance of loads."""
        balanced = {"{$LVS.BALANCE.MATCHES}": ".*"}
        other = self._add_host("director by SNMPv3", host.V3, balanced)
        other.wait_for_items(self._farm.names(), values.walk(self._director.snmpd))
        self._check_items("by SNMPv3", other)
        found = {key.partition("[")[0] for key in other.ids().keys() - self._host.ids().keys()}
        if found != {"lvs.server.load", "lvs.service.balance"}:
            self._failures.append(f"for the balance there are items {found}")
        say("the same by SNMPv3, with items for the balance of loads")
        other.delete()

    # Outages.

    def _check_outage(self, outage: Outage) -> None:
        say(outage.title)
        before = self._host.last_event()
        with outage.context(self._farm, self._director):
            with suppress(TooLateError):  # _expect() reports what did not come
                expected = len(outage.problems)
                self._zabbix.wait("", lambda: len(self._host.events(before)) >= expected, 90)
            self._settle()
            self._expect(outage, before)
            for event in self._host.events(before):
                print(f"           {event['name']}", flush=True)
        with suppress(TooLateError):
            self._zabbix.wait("", lambda: not self._open_problems(before), 90)
        self._settle()
        self._expect(outage, before, "after")
        for problem in self._open_problems(before):
            self._failures.append(f"after {outage.title}: not resolved: {problem}")

    def _check_control(self) -> None:
        """Check that an outage is more than one problem if triggers do not regard each other."""
        changed = host.independent(host.template(self._zabbix.api.release))
        host.import_template(self._zabbix, changed)
        before = self._host.last_event()
        (outage,) = (each for each in OUTAGES if each.context is unloaded)
        with outage.context(self._farm, self._director):
            self._zabbix.wait(
                "more than one problem of a template with independent triggers",
                lambda: len(self._host.events(before)) > 1,
            )
        say("with independent triggers, an outage is more than one problem, as expected")

    def _expect(self, outage: Outage, before: str, when: str = "during") -> None:
        """Check that each problem of the outage began once since an event, and no other."""
        events = [each["name"] for each in self._host.events(before)]
        for expression in outage.problems:
            found = [each for each in events if re.search(expression, each)]
            if len(found) != 1:
                self._failures.append(f"{when} {outage.title}: {len(found)} of {expression}")
            events = [each for each in events if each not in found]
        self._failures += [f"{when} {outage.title}: {each}" for each in events]

    def _open_problems(self, before: str) -> List[str]:
        events = self._host.events(before)
        return [each["name"] for each in events if each["r_eventid"] == "0"]

    def _settle(self) -> None:
        """Wait until each trigger has been calculated from values that are taken from now on."""
        self._host.wait_for_values(POLLS * INTERVAL)
