# SPDX-License-Identifier: GPL-3.0-or-later
"""The items, triggers and graphs of the director itself. See model for what must not change."""

from __future__ import annotations

from . import graphs, kinds
from .model import Calculated, Graph, Item, Series, Trigger

# a tag's value, and the items that have it
ITEMS = {
    "agent": [
        Item("agent.version", "lvsAgentVersion", kinds.TEXT, "Version of lvs-agent"),
        Item("agent.status", "lvsAgentStatus", kinds.NAME, "Status of the agent"),
        Item("agent.status.text", "lvsAgentStatusText", kinds.TEXT, "Reason for the status"),
        Item("agent.source", "lvsAgentSource", kinds.NAME, "Source of the values"),
        Item("agent.errors", "lvsAgentErrors", kinds.COUNT, "Unreadable rows and messages"),
        Item("snapshot.age", "lvsAgentSnapshotAge", kinds.MILLISECONDS, "Age of the snapshot"),
        Item("snapshot.time", "lvsAgentCollectionTime", kinds.MILLISECONDS, "Collection time"),
    ],
    "director": [
        Item("ipvs.version", "lvsVersion", kinds.TEXT, "Version of IPVS"),
        Item("services", "lvsAgentServices", kinds.COUNT, "Services"),
        Item("services.lost", "lvsAgentLostServices", kinds.COUNT, "Services lost"),
        Item("servers", "lvsAgentRealServers", kinds.COUNT, "Real servers"),
        Item("servers.lost", "lvsAgentLostRealServers", kinds.COUNT, "Real servers lost"),
        Item("estimation", "lvsDirectorEstimation", kinds.NAME, "Estimation"),
        Item("defence.entry", "lvsDirectorDropEntry", kinds.NAME, "Defence: drop entries"),
        Item("defence.packet", "lvsDirectorDropPacket", kinds.NAME, "Defence: drop packets"),
        Item("defence.tcp", "lvsDirectorSecureTcp", kinds.NAME, "Defence: secure TCP"),
        Item("table.size", "lvsDirectorConnTableSize", kinds.COUNT, "Connection table size"),
    ],
    "traffic": [
        Item("conns.rate", "lvsTotalConns", kinds.CONNECTIONS, "New connections per second"),
        Item("packets.in", "lvsTotalInPkts", kinds.PACKETS, "Packets received per second"),
        Item("packets.out", "lvsTotalOutPkts", kinds.PACKETS, "Packets sent per second"),
        Item("bits.in", "lvsTotalInBytes", kinds.BITS, "Bits received per second"),
        Item("bits.out", "lvsTotalOutBytes", kinds.BITS, "Bits sent per second"),
    ],
}

CALCULATED = [
    Calculated(
        "conns.active",
        "sum(last_foreach(//lvs.service.conns.active[*,*,*]))",
        "Active connections",
        "The sum of lvsVsActiveConns of the services that are discovered.",
    ),
    Calculated(
        "conns.inactive",
        "sum(last_foreach(//lvs.service.conns.inactive[*,*,*]))",
        "Inactive connections",
        "The sum of lvsVsInactConns of the services that are discovered.",
    ),
]

# the text of lvsLostVsTable
LOST_NAMES_KEY = "services.lost.names"
LOST_NAMES = "Names of the services lost"

# quoted, so that the key differs from that of other templates that the host may have
AVAILABLE_KEY = 'zabbix[host,"snmp",available]'

# In Zabbix 6.0, values of different items are of different moments. A trigger therefore has one
# item that changes, see tables, and begins one value later than those that it depends on.
NO_SNMP = Trigger(
    "No SNMP answer",
    "No SNMP answer (for {$SNMP.TIMEOUT})",
    "max(/SNMP,{$SNMP.TIMEOUT})=0",
    "HIGH",
    "availability",
    "The director does not answer SNMP requests. Check that it runs, that snmpd runs, and the"
    " host's SNMP interface.",
)
NO_AGENT = Trigger(
    "No values from lvs-agent",
    "No values from lvs-agent (for {$LVS.NODATA.TIMEOUT})",
    "nodata(/agent.status,{$LVS.NODATA.TIMEOUT})=1 and min(/SNMP,{$LVS.NODATA.TIMEOUT})=1",
    "HIGH",
    "availability",
    "The director answers SNMP requests, but does not serve LVS-MIB. Run 'lvs-agent doctor' on the"
    " director.",
    depends=[NO_SNMP.name],
)
NOT_OK = Trigger(
    "The agent is not ok",
    "The agent is not ok: {ITEM.LASTVALUE1} {?last(/agent.status.text)}",
    "min(/agent.status,{$LVS.PERIOD})>1 and max(/agent.status,{$LVS.PERIOD})>2",
    "AVERAGE",
    "availability",
    "Values are missing or old. The item 'Reason for the status' says what can be done about it."
    " Values that are served are right, so the triggers of services stay active.",
)
FROZEN = Trigger(
    "Counters are frozen",
    "Counters are frozen (estimation is off)",
    "min(/agent.status,{$LVS.PERIOD})=2 and max(/agent.status,{$LVS.PERIOD})=2",
    "WARNING",
    "performance",
    "The kernel's estimator does not run, so traffic is drawn as 0. Set the sysctl run_estimation"
    " to 1, or est_cpulist to some processors.",
)
OLD = Trigger(
    "The snapshot is old",
    "The snapshot is old (over {$LVS.SNAPSHOT.AGE.MAX.WARN} s)",
    "min(/snapshot.age,{$LVS.LATE.PERIOD})>{$LVS.SNAPSHOT.AGE.MAX.WARN}",
    "WARNING",
    "performance",
    "The agent answers with values from an old snapshot. The director may be too slow to read.",
    opdata="Age: {ITEM.LASTVALUE1}",
    depends=[NO_AGENT.name, NOT_OK.name],
)
LOST = Trigger(
    "Services are lost",
    "Services are lost ({ITEM.LASTVALUE1}): {?last(/services.lost.names)}",
    "min(/services.lost,{$LVS.PERIOD})>{$LVS.SERVICES.LOST.MAX.CRIT}",
    "HIGH",
    "availability",
    "Services that were there are gone. If they were removed on purpose, 'lvs-agent forget' on the"
    " director forgets them. On a director of a pair that has no services after a fail-over, set"
    " {$LVS.SERVICES.LOST.MAX.CRIT} to their number.",
    opdata="Lost: {ITEM.LASTVALUE1}",
)
NO_SERVICES = Trigger(
    "Too few services",
    "Too few services: {ITEM.LASTVALUE1} (fewer than {$LVS.SERVICES.MIN.CRIT}), lost:"
    " {?last(/services.lost.names)}",
    "max(/services,{$LVS.LATE.PERIOD})<{$LVS.SERVICES.MIN.CRIT}",
    "HIGH",
    "availability",
    "The director has no services, or fewer than it should. Set {$LVS.SERVICES.MIN.CRIT} to 0 for"
    " a standby director that has services only after a fail-over.",
    opdata="Services: {ITEM.LASTVALUE1}",
    depends=[NO_AGENT.name, NOT_OK.name, LOST.name],
)
TRIGGERS = [NO_SNMP, NO_AGENT, NOT_OK, FROZEN, OLD, LOST, NO_SERVICES]

GRAPHS = [
    graphs.TRAFFIC,
    Graph(
        "Packets",
        [
            Series("packets.in", "1A7C11", "GRADIENT_LINE"),
            Series("packets.out", "2774A4", "BOLD_LINE"),
        ],
    ),
    graphs.NEW,
    graphs.CONNECTIONS,
    Graph(
        "Services and real servers",
        [
            Series("services", "2774A4", "BOLD_LINE"),
            Series("servers", "1A7C11", "BOLD_LINE"),
            Series("services.lost", "A54F10", "BOLD_LINE"),
            Series("servers.lost", "F63100", "BOLD_LINE"),
        ],
    ),
    Graph("Snapshot", [Series("snapshot.age", "2774A4"), Series("snapshot.time", "F63100")]),
]
