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

# Zabbix 6.0 calculates a trigger with the values before the moment of each of its items' values,
# and not in the order of these moments: a trigger with several items flaps. The state is one item.
# Of two values of it, the second is made of values from after a change.
_KEY = "[{#VIP},{#PROTO},{#PORT}]"
_MINIMUM = '{$LVS.SERVICE.UP.MIN.CRIT:"{#NAME}"}'
_UP = f"last(//lvs.service.servers.up{_KEY})"
# count() also has a value while the agent does not know what is lost
_IS_LOST = (
    f'count(//lvs.service.servers.lost{_KEY},#1,"gt",{{$LVS.SERVICE.LOST.MAX.WARN:"{{#NAME}}"}})'
)
_AT_0 = f'last(//lvs.service.servers{_KEY})-{_UP}>{{$LVS.SERVICE.WEIGHT0.MAX.WARN:"{{#NAME}}"}}'
_STATE = Calculated(
    "state",
    f"(last(//lvs.service.present{_KEY})=0)*4+(last(//lvs.service.present{_KEY})=1)*("
    f"({_UP}<{_MINIMUM})*3+({_UP}>={_MINIMUM})*({_IS_LOST}*2+(1-{_IS_LOST})*({_AT_0})))",
    "State",
    "The worst that is true. Triggers are based on it.",
    names=("ok", "at weight 0", "lost", "too few up", "absent"),
)


def _in_state(number: int) -> str:
    return f"min(/state,{{$LVS.PERIOD}})={number} and max(/state,{{$LVS.PERIOD}})={number}"


_DOWN = Trigger(
    "Too few real servers are up",
    "Too few real servers are up: {?last(/servers.up)}"
    ' (fewer than {$LVS.SERVICE.UP.MIN.CRIT:"{#NAME}"}), lost: {?last(/servers.lost)}',
    _in_state(3),
    "HIGH",
    "availability",
    "A real server is up if its weight is above 0. By default, one that is up suffices. Set"
    ' {$LVS.SERVICE.UP.MIN.CRIT:"{#NAME}"} to another number, or to 0 to silence this service.',
)
_LOST = Trigger(
    "Real servers are lost",
    "Real servers are lost: {?last(/servers.lost)}, up: {?last(/servers.up)}",
    _in_state(2),
    "WARNING",
    "availability",
    "Real servers that were there are gone, as after the removal of a failed server by a health"
    " checker. If they were removed on purpose, 'lvs-agent forget' on the director forgets them.",
    depends=[_DOWN.name],
)
_WEIGHT_0 = Trigger(
    "Real servers have weight 0",
    "Real servers have weight 0: {?last(/servers.up)} of {?last(/servers)} are up",
    _in_state(1),
    "WARNING",
    "availability",
    "A health checker, or an administrator, has set the weight of real servers to 0, so that they"
    " get no new connections.",
    depends=[_DOWN.name, _LOST.name],
)
_UNBALANCED = Trigger(
    "The load is not balanced",
    "The load is not balanced (that of a real server is over"
    ' {$LVS.BALANCE.RATIO.MAX.WARN:"{#NAME}"} times the average for {$LVS.BALANCE.PERIOD})',
    'last(/balance)>{$LVS.BALANCE.RATIO.MAX.WARN:"{#NAME}"}',
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
        _STATE,
        Calculated(
            "balance",
            f"max({_LOADS})/avg({_LOADS})*(avg(//lvs.service.conns.active{_KEY},"
            '{$LVS.BALANCE.PERIOD})>{$LVS.BALANCE.CONNS.MIN:"{#NAME}"})',
            "Highest load by average load",
            "The highest load of a real server divided by the average load of all. 0 while there"
            " are few connections.",
            optional=True,
        ),
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
