# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded messages as pyroute2 reads them, compared field by field with lvs_agent's records.

Its message classes are used unchanged. Known differences: it has tunnel ports in the machine's
byte order, netmasks always as IPv4 addresses, daemons and time-outs as hexadecimal text.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path
from typing import Any, Dict, Optional

import pytest
from pyroute2.netlink import genlmsg, nla
from pyroute2.netlink.generic.ipvs import ipvsmsg

from lvs_agent.codes import AF, Family, Forwarding, IpProtocol
from lvs_agent.kernel.messages import Decoder
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Director
from tests.support import recorded

QUANTITIES = ["CONNS", "INPKTS", "OUTPKTS", "INBYTES", "OUTBYTES"]
RATES = ["CPS", "INPPS", "OUTPPS", "INBPS", "OUTBPS"]


class infomsg(genlmsg):  # type: ignore[misc]  # noqa: N801
    """The reply to IPVS_CMD_GET_INFO, whose attribute numbers pyroute2 does not have."""

    nla_map = (("UNSPEC", "none"), ("VERSION", "uint32"), ("CONN_TAB_SIZE", "uint32"))


class daemonnla(nla):  # type: ignore[misc]  # noqa: N801
    """The attributes of a daemon, in pyroute2's notation."""

    nla_map = (
        ("UNSPEC", "none"),
        ("STATE", "uint32"),
        ("MCAST_IFN", "asciiz"),
        ("SYNC_ID", "uint32"),
        ("SYNC_MAXLEN", "uint16"),
        ("MCAST_GROUP", "ip4addr"),
        ("MCAST_GROUP6", "ip6addr"),
        ("MCAST_PORT", "uint16"),
        ("MCAST_TTL", "uint8"),
    )


def read(message: bytes, kind: Any = ipvsmsg) -> Any:
    """Decode a message with pyroute2."""
    decoded = kind(message)
    decoded.decode()
    return decoded


def attributes(decoded: Any, prefix: str) -> Dict[str, Any]:
    """Return attributes by name without prefix, leaving out those that pyroute2 does not know."""
    return {
        name[len(prefix) :]: value
        for name, value in decoded["attrs"]
        if name.startswith(prefix) and name != "UNKNOWN"
    }


def same_traffic(theirs: Dict[str, Any], ours: Any) -> None:
    """Compare counters and rates, and check that the kernel's 32-bit values are copies."""
    wide = attributes(theirs["STATS64"], "IPVS_STATS_ATTR_")
    assert ours.counters == Traffic(*(wide[name] for name in QUANTITIES))
    assert ours.rates == Traffic(*(wide[name] for name in RATES))
    narrow = attributes(theirs["STATS"], "IPVS_STATS_ATTR_")
    assert narrow == {
        name: value if name.endswith("BYTES") else value % 2**32 for name, value in wide.items()
    }


def same_service(theirs: Dict[str, Any], ours: VirtualService) -> None:
    assert theirs["AF"] == AF[ours.family]
    if "FWMARK" in theirs:
        assert (ours.protocol, ours.fwmark, ours.port) == (IpProtocol.FWMARK, theirs["FWMARK"], 0)
        assert not {"PROTOCOL", "ADDR", "PORT"} & set(theirs)
    else:
        endpoint = (theirs["PROTOCOL"], theirs["ADDR"], theirs["PORT"], 0)
        assert endpoint == (ours.protocol, ours.address, ours.port, ours.fwmark)
    assert theirs["SCHED_NAME"] == ours.scheduler
    assert theirs["FLAGS"]["flags"] == ours.flags
    assert theirs["TIMEOUT"] == ours.persist_timeout
    if ours.family == Family.INET:
        assert theirs["NETMASK"] == ours.netmask
    else:
        prefix = int.from_bytes(socket.inet_aton(theirs["NETMASK"]), sys.byteorder)
        assert str(prefix) == ours.netmask
    assert theirs.get("PE_NAME", "") == ours.persistence_engine
    same_traffic(theirs, ours)


def same_server(theirs: Dict[str, Any], ours: RealServer) -> None:
    assert theirs["ADDR_FAMILY"] == AF[ours.family]
    assert (theirs["ADDR"], theirs["PORT"]) == (ours.address, ours.port)
    assert theirs["FWD_METHOD"] == ours.forwarding
    assert theirs["WEIGHT"] == ours.weight
    assert theirs["U_THRESH"] == ours.upper_threshold
    assert theirs["L_THRESH"] == ours.lower_threshold
    assert theirs["ACTIVE_CONNS"] == ours.active_conns
    assert theirs["INACT_CONNS"] == ours.inact_conns
    assert theirs["PERSIST_CONNS"] == ours.persist_conns
    assert theirs["TUN_TYPE"] == ours.tunnel_type
    assert theirs["TUN_PORT"] == socket.htons(ours.tunnel_port or 0)
    assert theirs["TUN_FLAGS"] == ours.tunnel_flags
    same_traffic(theirs, ours)


@pytest.mark.parametrize("folder", recorded.DIRECTORS, ids=lambda folder: folder.name)
def test_both_decoders_agree_on_every_recorded_message(folder: Path) -> None:
    decoder = Decoder()
    for exchange in recorded.exchanges(folder):
        for message, body in zip(exchange.messages(), exchange.replies()):
            if exchange.command == recorded.GET_SERVICE:
                theirs = attributes(inside(message, "SERVICE"), "IPVS_SVC_ATTR_")
                same_service(theirs, decoder.service(body))
            elif exchange.command == recorded.GET_DEST:
                theirs = attributes(inside(message, "DEST"), "IPVS_DEST_ATTR_")
                same_server(theirs, decoder.real_server(body, family=0))
            elif exchange.command == recorded.GET_DAEMON:
                same_daemon(inside(message, "DAEMON"), body)
            elif exchange.command == recorded.GET_INFO:
                same_info(attributes(read(message, infomsg), ""), recorded.info(decoder, body))
            else:
                assert exchange.command == recorded.GET_CONFIG
                theirs = attributes(read(message), "IPVS_CMD_ATTR_TIMEOUT_")
                same_timeouts(theirs, recorded.timeouts(decoder, body))


def inside(message: bytes, name: str) -> Any:
    ((found, nested),) = read(message)["attrs"]
    assert found == f"IPVS_CMD_ATTR_{name}"
    return nested


def packed(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


@pytest.mark.parametrize("body", [recorded.MASTER_DAEMON, recorded.BACKUP_DAEMON])
def test_both_decoders_agree_on_the_daemons_of_a_running_pair(body: bytes) -> None:
    header = struct.pack("=IHHIIBBH", 20 + len(body), 28, 2, 1, 1, 9, 1, 0)
    same_daemon(inside(header + body, "DAEMON"), body)


def same_daemon(text: str, body: bytes) -> None:
    payload = packed(text)
    decoded = daemonnla(struct.pack("=HH", 4 + len(payload), 3) + payload)
    decoded.decode()
    theirs = attributes(decoded, "")
    ours = Decoder().daemon(body)
    group: Optional[str] = theirs.get("MCAST_GROUP", theirs.get("MCAST_GROUP6"))
    assert theirs["STATE"] == ours.state
    assert theirs["MCAST_IFN"] == ours.interface
    assert theirs["SYNC_ID"] == ours.sync_id
    assert group == ours.group
    assert theirs["SYNC_MAXLEN"] == ours.max_length
    assert theirs["MCAST_PORT"] == ours.port
    assert theirs["MCAST_TTL"] == ours.ttl


def same_info(theirs: Dict[str, Any], ours: Director) -> None:
    parts = [int(part) for part in (ours.version or "").split(".")]
    assert theirs["VERSION"] == parts[0] << 16 | parts[1] << 8 | parts[2]
    assert theirs["CONN_TAB_SIZE"] == ours.conn_table_size


def same_timeouts(theirs: Dict[str, str], ours: Director) -> None:
    seconds = {name: int.from_bytes(packed(text), sys.byteorder) for name, text in theirs.items()}
    assert seconds == {
        "TCP": ours.tcp_timeout,
        "TCP_FIN": ours.tcp_fin_timeout,
        "UDP": ours.udp_timeout,
    }


def test_the_recordings_hold_what_the_comparison_is_for() -> None:
    """Otherwise the decoders might agree without having met these cases."""
    servers = recorded.replies(recorded.SMALL, recorded.GET_DEST)
    assert [Decoder().real_server(body, Family.INET).tunnel_port for body in servers] == [6080, 0]
    assert [Decoder().real_server(body, Family.INET).forwarding for body in servers] == [
        2,
        Forwarding.MASQ,
    ]
