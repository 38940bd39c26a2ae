# SPDX-License-Identifier: GPL-3.0-or-later
"""The discovery rules of the four tables, with their prototypes.

See model for what must not change.
"""

from __future__ import annotations

from typing import List, Sequence

from . import graphs, kinds
from .model import Calculated, Graph, Item, Rule, Series, Trigger


def _traffic(prefix: str) -> List[Item]:
    """Return the items that every table has, of the columns with this prefix."""
    return [
        Item("conns.active", f"{prefix}ActiveConns", kinds.COUNT, "Active connections"),
        Item("conns.inactive", f"{prefix}InactConns", kinds.COUNT, "Inactive connections"),
        Item("conns.rate", f"{prefix}Conns", kinds.CONNECTIONS, "New connections per second"),
        Item("packets.in", f"{prefix}InPkts", kinds.PACKETS, "Packets received per second"),
        Item("packets.out", f"{prefix}OutPkts", kinds.PACKETS, "Packets sent per second"),
        Item("bits.in", f"{prefix}InBytes", kinds.BITS, "Bits received per second"),
        Item("bits.out", f"{prefix}OutBytes", kinds.BITS, "Bits sent per second"),
    ]


_STATES = Graph(
    "Real servers",
    [
        Series("servers.up", "1A7C11", "GRADIENT_LINE"),
        Series("servers", "2774A4", "BOLD_LINE"),
        Series("servers.lost", "F63100", "BOLD_LINE"),
    ],
)

# See _SERVED in director: a service that is gone, or has too few servers up, has no other problem.
_PRESENT = " and min(/present,{$LVS.PERIOD})=1"
_ENOUGH = ' and min(/servers.up,{$LVS.PERIOD})>={$LVS.SERVICE.UP.MIN.CRIT:"{#NAME}"}'

_DOWN = Trigger(
    "Too few real servers are up",
    "Too few real servers are up: {ITEM.LASTVALUE1}"
    ' (fewer than {$LVS.SERVICE.UP.MIN.CRIT:"{#NAME}"}), lost: {?last(/servers.lost)}',
    'max(/servers.up,{$LVS.PERIOD})<{$LVS.SERVICE.UP.MIN.CRIT:"{#NAME}"}' + _PRESENT,
    "HIGH",
    "availability",
    "A real server is up if its weight is above 0. By default, one that is up suffices. Set"
    ' {$LVS.SERVICE.UP.MIN.CRIT:"{#NAME}"} to another number, or to 0 to silence this service.',
    opdata="Up: {ITEM.LASTVALUE1}",
)
_LOST = Trigger(
    "Real servers are lost",
    "Real servers are lost: {ITEM.LASTVALUE1}, up: {?last(/servers.up)}",
    'min(/servers.lost,{$LVS.PERIOD})>{$LVS.SERVICE.LOST.MAX.WARN:"{#NAME}"}' + _ENOUGH + _PRESENT,
    "WARNING",
    "availability",
    "Real servers that were there are gone, as after the removal of a failed server by a health"
    " checker. If they were removed on purpose, 'lvs-agent forget' on the director forgets them.",
    opdata="Lost: {ITEM.LASTVALUE1}",
    depends=[_DOWN.name],
)
_WEIGHT_0 = Trigger(
    "Real servers have weight 0",
    "Real servers have weight 0: {ITEM.LASTVALUE2} of {ITEM.LASTVALUE1} are up",
    "min(/servers,{$LVS.PERIOD})-max(/servers.up,{$LVS.PERIOD})"
    '>{$LVS.SERVICE.WEIGHT0.MAX.WARN:"{#NAME}"}' + _ENOUGH + _PRESENT,
    "WARNING",
    "availability",
    "A health checker, or an administrator, has set the weight of real servers to 0, so that they"
    " get no new connections.",
    opdata="Real servers: {ITEM.LASTVALUE1}, up: {ITEM.LASTVALUE2}",
    depends=[_DOWN.name, _LOST.name],
)
_UNBALANCED = Trigger(
    "The load is not balanced",
    "The load is not balanced (that of a real server is over"
    ' {$LVS.BALANCE.RATIO.MAX.WARN:"{#NAME}"} times the average for {$LVS.BALANCE.PERIOD})',
    'last(/balance)>{$LVS.BALANCE.RATIO.MAX.WARN:"{#NAME}"} and'
    ' avg(/conns.active,{$LVS.BALANCE.PERIOD})>{$LVS.BALANCE.CONNS.MIN:"{#NAME}"}',
    "INFO",
    "performance",
    "The load of a real server is the number of its active connections by its weight. Only for"
    " services that {$LVS.BALANCE.MATCHES} matches.",
    opdata="Ratio: {ITEM.LASTVALUE1}",
    depends=[_DOWN.name, _LOST.name, _WEIGHT_0.name],
    optional=True,
)
_LOADS = "avg_foreach(//lvs.server.load[{#VIP},{#PROTO},{#PORT},*,*],{$LVS.BALANCE.PERIOD})"

SERVICES = Rule(
    key="service",
    name="Virtual service",
    description="The services of lvsVsTable.",
    prefix="Service [{#LABEL}]",
    filter="SERVICE",
    interval="{$LVS.INTERVAL}",
    object="lvsVsName",
    alias="lvsVsAlias",
    address=["{#VIP}", "{#PROTO}", "{#PORT}"],
    tags=[("service", "{#SERVICE}"), ("alias", "{#ALIAS}"), ("vip", "{#VIP}")],
    items=[
        Item(
            *("present", "lvsVsName", kinds.PRESENT, "Present"),
            "1 while lvsVsTable has the service, otherwise 0.",
            absent="",
        ),
        Item("servers", "lvsVsRealServers", kinds.COUNT, "Real servers"),
        Item("servers.up", "lvsVsRealServersUp", kinds.COUNT, "Real servers up"),
        Item("servers.lost", "lvsVsRealServersLost", kinds.COUNT, "Real servers lost"),
        Item("weight", "lvsVsWeight", kinds.COUNT, "Weight"),
        Item("scheduler", "lvsVsScheduler", kinds.TEXT, "Scheduler"),
        Item("state.age", "lvsVsStateAge", kinds.AGE, "Time since the last change"),
        Item("conns.persistent", "lvsVsPersistConns", kinds.COUNT, "Persistent connections"),
        *_traffic("lvsVs"),
    ],
    calculated=[
        Calculated(
            "balance",
            f"max({_LOADS})/avg({_LOADS})",
            "Highest load by average load",
            "The highest load of a real server divided by the average load of all. No value while"
            " there are no connections.",
            optional=True,
        )
    ],
    triggers=[_DOWN, _LOST, _WEIGHT_0, _UNBALANCED],
    graphs=[graphs.TRAFFIC, graphs.NEW, graphs.CONNECTIONS, _STATES],
)
SERVERS = Rule(
    key="server",
    name="Real server",
    description="The real servers of lvsRsTable: one for each service of a machine.",
    prefix="Server [{#LABEL}]",
    filter="SERVER",
    interval="{$LVS.SERVER.INTERVAL}",
    object="lvsRsFullName",
    alias="lvsRsAlias",
    address=["{#VIP}", "{#PROTO}", "{#PORT}", "{#RIP}", "{#RPORT}"],
    tags=[("service", "{#SERVICE}"), ("alias", "{#ALIAS}"), ("vip", "{#VIP}"), ("rip", "{#RIP}")],
    items=[
        Item("up", "lvsRsUp", kinds.NAME, "Up"),
        Item("weight", "lvsRsWeight", kinds.COUNT, "Weight"),
        Item("forwarding", "lvsRsForwarding", kinds.NAME, "Forwarding method"),
        *_traffic("lvsRs"),
    ],
    calculated=[
        Calculated(
            "load",
            "last(//lvs.server.conns.active[{#VIP},{#PROTO},{#PORT},{#RIP},{#RPORT}])"
            "/last(//lvs.server.weight[{#VIP},{#PROTO},{#PORT},{#RIP},{#RPORT}])",
            "Active connections by weight",
            "The load of the server. No value while its weight is 0.",
            optional=True,
        )
    ],
    triggers=[],
    graphs=[graphs.TRAFFIC, graphs.CONNECTIONS],
)
VIPS = Rule(
    key="vip",
    name="VIP",
    description="The virtual addresses of lvsVipTable, with the sums over their services.",
    prefix="VIP [{#LABEL}]",
    filter="VIP",
    interval="{$LVS.INTERVAL}",
    object="",
    alias="lvsVipAlias",
    address=["{#VIP}"],
    tags=[("alias", "{#ALIAS}"), ("vip", "{#VIP}")],
    items=[
        Item("services", "lvsVipServices", kinds.COUNT, "Services"),
        Item("services.up", "lvsVipServicesUp", kinds.COUNT, "Services up"),
        Item("services.lost", "lvsVipServicesLost", kinds.COUNT, "Services lost"),
        *_traffic("lvsVip"),
    ],
    calculated=[],
    triggers=[],
    graphs=[graphs.TRAFFIC, graphs.CONNECTIONS],
)
RIPS = Rule(
    key="rip",
    name="RIP",
    description="The real addresses of lvsRipTable, with the sums over the real servers at each.",
    prefix="RIP [{#LABEL}]",
    filter="RIP",
    interval="{$LVS.SERVER.INTERVAL}",
    object="",
    alias="lvsRipAlias",
    address=["{#RIP}"],
    tags=[("alias", "{#ALIAS}"), ("rip", "{#RIP}")],
    items=[
        Item("services", "lvsRipServices", kinds.COUNT, "Services"),
        Item("services.up", "lvsRipUp", kinds.COUNT, "Services in which it is up"),
        Item("services.lost", "lvsRipLost", kinds.COUNT, "Services that have lost it"),
        *_traffic("lvsRip"),
    ],
    calculated=[],
    triggers=[],
    graphs=[graphs.TRAFFIC, graphs.CONNECTIONS],
)
RULES: Sequence[Rule] = [SERVICES, SERVERS, VIPS, RIPS]
