# SPDX-License-Identifier: GPL-3.0-or-later
"""The user macros of the templates: every interval, threshold and filter."""

from __future__ import annotations

from typing import List

from .model import Macro
from .tables import RULES

CONTEXT = 'For one service: {{${}:"TCP 192.0.2.10:443"}}.'

_OWN = [
    Macro("{$SNMP.TIMEOUT}", "5m", "The time without an SNMP answer after which a problem begins."),
    Macro(
        "{$LVS.NODATA.TIMEOUT}",
        "10m",
        "The time without values from lvs-agent after which a problem begins, although there are"
        " SNMP answers. Longer than Zabbix takes to notice that there are none.",
    ),
    Macro("{$LVS.INTERVAL}", "1m", "The interval of all items but those of real servers."),
    Macro("{$LVS.SERVER.INTERVAL}", "1m", "The interval of the items of real servers and RIPs."),
    Macro("{$LVS.LLD.INTERVAL}", "5m", "The interval of discovery."),
    Macro(
        "{$LVS.HEARTBEAT}",
        "1h",
        "The time after which a text, or a list of rows to discover, is processed again although it"
        " is the same. Changed filters take effect after this time.",
    ),
    Macro(
        "{$LVS.LLD.LIFETIME}",
        "30d",
        "The time that the items of a deleted service or server are kept, with their history. If it"
        " is added again, they continue. Longer than the agent's lost time, 7 days by default.",
    ),
    Macro(
        "{$LVS.PERIOD}",
        "#2",
        "The number of values (#2), or the time (5m), after which a problem begins. At least #2, or"
        " one outage can be several problems.",
    ),
    Macro(
        "{$LVS.LATE.PERIOD}",
        "#3",
        "The same for few services and an old snapshot. More than {$LVS.PERIOD}, so that these do"
        " not begin before a problem that would hide them.",
    ),
    Macro("{$LVS.SNAPSHOT.AGE.MAX.WARN}", "30", "The maximum age of the snapshot, in seconds."),
    Macro(
        "{$LVS.SERVICES.MIN.CRIT}",
        "1",
        "The minimum number of services. 0 for a standby director without services.",
    ),
    Macro("{$LVS.SERVICES.LOST.MAX.CRIT}", "0", "The number of lost services that is accepted."),
    Macro(
        "{$LVS.SERVICE.UP.MIN.CRIT}",
        "1",
        "The minimum number of real servers of a service that are up. 0 silences. "
        + CONTEXT.format("LVS.SERVICE.UP.MIN.CRIT"),
    ),
    Macro(
        "{$LVS.SERVICE.LOST.MAX.WARN}",
        "0",
        "The number of lost real servers of a service that is accepted. "
        + CONTEXT.format("LVS.SERVICE.LOST.MAX.WARN"),
    ),
    Macro(
        "{$LVS.SERVICE.WEIGHT0.MAX.WARN}",
        "0",
        "The number of real servers of a service at weight 0 that is accepted. "
        + CONTEXT.format("LVS.SERVICE.WEIGHT0.MAX.WARN"),
    ),
    Macro(
        "{$LVS.BALANCE.MATCHES}",
        "^$",
        "A regular expression of the names of services whose balance is checked: .* for all.",
    ),
    Macro("{$LVS.BALANCE.PERIOD}", "15m", "The time over which loads are averaged."),
    Macro(
        "{$LVS.BALANCE.RATIO.MAX.WARN}",
        "2",
        "The maximum of a server's load by the average. "
        + CONTEXT.format("LVS.BALANCE.RATIO.MAX.WARN"),
    ),
    Macro(
        "{$LVS.BALANCE.CONNS.MIN}",
        "100",
        "The number of active connections of a service below which balance does not matter. "
        + CONTEXT.format("LVS.BALANCE.CONNS.MIN"),
    ),
]


def macros(used: str) -> List[Macro]:
    """Return the macros that occur in the text used."""
    filters = [
        macro
        for rule in RULES
        for macro in (
            Macro(
                f"{{$LVS.LLD.FILTER.{rule.filter}.MATCHES}}",
                ".*",
                f"{rule.name} discovery includes what has a name, with its alias, that this regular"
                " expression matches.",
            ),
            Macro(
                f"{{$LVS.LLD.FILTER.{rule.filter}.NOT_MATCHES}}",
                "CHANGE_IF_NEEDED",
                f"{rule.name} discovery excludes what has a name, with its alias, that this regular"
                " expression matches.",
            ),
        )
    ]
    return [each for each in (*_OWN, *filters) if each.name[:-1] in used]
