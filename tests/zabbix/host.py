# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of an administrator in Zabbix, as contrib/README.md describes them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Dict, List, Sequence, Set, Tuple

from tests.support.paths import CONTRIB
from tests.zabbix import values
from tests.zabbix.api import Record
from tests.zabbix.installation import TooLateError, Zabbix
from tests.zabbix.values import Walk

TEMPLATES = CONTRIB / "zabbix"
# the details of an SNMP interface
V2C: Record = {"version": 2, "bulk": 1, "community": "{$SNMP_COMMUNITY}"}
V3: Record = {
    "version": 3,
    "bulk": 1,
    "securityname": "zabbix",
    "securitylevel": 2,  # authPriv
    "authprotocol": 1,  # SHA1
    "authpassphrase": "authsecret",
    "privprotocol": 1,  # AES128
    "privpassphrase": "privsecret",
}


@dataclass
class Host:
    """A host of Zabbix; its methods ask the API."""

    zabbix: Zabbix
    id: str

    def items(self) -> List[Record]:
        """Return the host's items, without prototypes."""
        output = [
            "itemid",
            "name",
            "key_",
            "snmp_oid",
            "history",
            "lastvalue",
            "lastclock",
            "error",
        ]
        given = {"hostids": self.id, "output": output, "selectPreprocessing": "extend"}
        found: List[Record] = self.zabbix.api.call("item.get", given)
        return found

    def ids(self) -> Dict[str, str]:
        """Return the ids of the host's items by their keys."""
        return {each["key_"]: each["itemid"] for each in self.items()}

    def names(self) -> Dict[str, str]:
        """Return the names of the host's items by their keys."""
        return {each["key_"]: each["name"] for each in self.items()}

    def wait_for_items(self, rows: Set[str], walk: Walk, seconds: float = 120) -> None:
        """Wait until there are items for all rows of these names, with values or errors.

        Not for the values of objects that had no instance in a walk. The server reads its
        configuration meanwhile, since discovery adds items.
        """
        waiting: List[str] = []

        def is_complete() -> bool:
            self.zabbix.reload()
            items = self.items()
            names = " ".join(each["name"] for each in items)
            waiting[:] = [row for row in rows if row not in names]
            waiting.extend(each["name"] for each in items if not values.has_value(each, walk))
            return not waiting

        try:
            self.zabbix.wait("values of all items", is_complete, seconds)
        except TooLateError as error:
            raise TooLateError(f"no items or values: {waiting[:20]}") from error

    def events(self, after: str) -> List[Record]:
        """Return the problems that began after an event, the oldest first."""
        given = {
            "hostids": self.id,
            "value": 1,
            "eventid_from": str(int(after) + 1),
            "output": ["eventid", "name", "r_eventid"],
            "sortfield": "eventid",
        }
        found: List[Record] = self.zabbix.api.call("event.get", given)
        return found

    def means(self, items: Sequence[Record], since: float) -> Dict[str, float]:
        """Return the mean rates of items since a time, by itemid; of those that have some."""
        given = {
            "itemids": [each["itemid"] for each in items],
            "history": 0,  # of numbers with a fraction
            "time_from": int(since),
            "sortfield": "clock",
        }
        found: Dict[str, List[Record]] = {}
        for each in self.zabbix.api.call("history.get", given):
            found.setdefault(each["itemid"], []).append(each)
        return {item: values.mean(rows) for item, rows in found.items() if len(rows) > 2}

    def last_event(self) -> str:
        """Return the id of the latest event of all hosts."""
        given = {"output": ["eventid"], "sortfield": "eventid", "sortorder": "DESC", "limit": 1}
        found = self.zabbix.api.call("event.get", given)
        return str(found[0]["eventid"]) if found else "0"

    def wait_for_values(self, seconds: float) -> None:
        """Wait until a value was taken some seconds from now.

        It is that of the only item that has values also when the director does not answer.
        """
        until = time.time() + seconds

        def is_later() -> bool:
            given = {"hostids": self.id, "search": {"key_": "zabbix[host"}, "output": ["lastclock"]}
            (item,) = self.zabbix.api.call("item.get", given)
            return int(item["lastclock"]) >= until

        self.zabbix.wait("values of the availability", is_later, seconds + 30)

    def delete(self) -> None:
        """Delete the host with its items and problems."""
        self.zabbix.api.call("host.delete", [self.id])
        self.zabbix.reload()


def template(release: Tuple[int, int]) -> str:
    """Return the template for a release of Zabbix."""
    major, minor = release
    (found,) = (TEMPLATES / f"{major}.{minor}").glob("*.yaml")
    return found.read_text()


def independent(text: str) -> str:
    """Return a template whose triggers depend neither on each other nor on the agent's status."""
    text = re.sub(r"^( *)dependencies:\n(\1[ -] .*\n)*", "", text, flags=re.M)
    return re.sub(r" and max\(/[^(]*/lvs\.agent\.status,[^)]*\)<=2", "", text)


def import_template(zabbix: Zabbix, text: str) -> str:
    """Import a template and return its id."""
    zabbix.api.call("configuration.import", _source(zabbix, text))
    zabbix.reload()
    (template,) = zabbix.api.call("template.get", {"search": {"name": "LVS"}, "output": ["name"]})
    return str(template["templateid"])


def import_changes(zabbix: Zabbix, text: str) -> List[str]:
    """Return what the import of a template would change."""
    return _changes(zabbix.api.call("configuration.importcompare", _source(zabbix, text)))


def _source(zabbix: Zabbix, text: str) -> Record:
    rules = {
        name: {"createMissing": True, "updateExisting": True}
        for name in ("templates", "items", "discoveryRules", "triggers", "graphs", "valueMaps")
    }
    rules["templateDashboards"] = {"createMissing": True, "updateExisting": True}
    groups = "groups" if zabbix.api.release < (6, 2) else "template_groups"
    rules[groups] = {"createMissing": True, "updateExisting": True}
    return {"format": "yaml", "source": text, "rules": rules}


def _changes(record: Record, path: str = "") -> List[str]:
    """Return the values that configuration.importcompare found to be different."""
    found: List[str] = []
    for kind, changes in record.items():
        if kind in ("before", "after"):
            continue
        for change in changes.get("updated", []):
            before, after = change["before"], change["after"]
            here = f"{path}/{after.get('key', after.get('name'))}"
            found += [
                f"{here}: {name}: {before.get(name)!r} -> {after.get(name)!r}"
                for name in sorted({*before, *after})
                if before.get(name) != after.get(name)
            ]
            found += _changes(change, here)
        for action in ("added", "removed"):
            found += [f"{path}: {kind} {action}: {each}" for each in changes.get(action, [])]
    return found


def short_intervals(zabbix: Zabbix, template: str, interval: int) -> Dict[str, str]:
    """Return the macros with which a template polls every few seconds.

    The time without values is longer than Zabbix takes to find an interface unavailable.
    """
    given = {"templateids": template, "output": ["templateid"], "selectMacros": "extend"}
    (found,) = zabbix.api.call("template.get", given)
    intervals = [each["macro"] for each in found["macros"] if "INTERVAL" in each["macro"]]
    return {
        **dict.fromkeys(intervals, f"{interval}s"),
        "{$SNMP.TIMEOUT}": f"{5 * interval}s",
        "{$LVS.NODATA.TIMEOUT}": f"{30 * interval}s",
        "{$SNMP_COMMUNITY}": "public",
    }


def add(
    zabbix: Zabbix,
    name: str,
    template: str,
    port: int,
    details: Record,
    given: Dict[str, str],
    address: str = "127.0.0.1",
) -> Host:
    """Add a director at a port of an address, with its macros."""
    (group,) = zabbix.api.call("hostgroup.get", {"filter": {"name": "Linux servers"}})
    interface = {
        "type": 2,
        "main": 1,
        "useip": 1,
        "ip": address,
        "dns": "",
        "port": str(port),
        "details": details,
    }
    host = {
        "host": name,
        "groups": [{"groupid": group["groupid"]}],
        "templates": [{"templateid": template}],
        "interfaces": [interface],
        "macros": [{"macro": macro, "value": value} for macro, value in given.items()],
    }
    (created,) = zabbix.api.call("host.create", host)["hostids"]
    return Host(zabbix, str(created))
