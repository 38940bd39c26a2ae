# SPDX-License-Identifier: GPL-3.0-or-later
"""pysnmp's engine for one address of a director. Independent of LVS-MIB."""

from __future__ import annotations

import asyncio
import functools
import socket
from typing import Callable, Optional

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine

from lvs_agent.netsnmp.snmpconf import Credentials
from lvs_agent.pollers.addresses import Address, forget_errors, hearing

AUTH = {
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA": config.USM_AUTH_HMAC96_SHA,
    "SHA224": config.USM_AUTH_HMAC128_SHA224,
    "SHA256": config.USM_AUTH_HMAC192_SHA256,
    "SHA384": config.USM_AUTH_HMAC256_SHA384,
    "SHA512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV = {
    "DES": config.USM_PRIV_CBC56_DES,
    "AES": config.USM_PRIV_CFB128_AES,
    # net-snmp's names: keys are extended as Cisco does with C, as in Blumenthal's draft without
    "AES192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES192C": config.USM_PRIV_CFB192_AES,
    "AES256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES256C": config.USM_PRIV_CFB256_AES,
}

TARGET = "director"
_PARAMETERS = "parameters"


def opened(
    address: Address,
    asked: Credentials,
    loop: asyncio.AbstractEventLoop,
    refused: Optional[Callable[[OSError], None]],
) -> SnmpEngine:
    """Return an engine for an address; refused is called when it refuses. Raises OSError."""
    engine = SnmpEngine()
    if asked.version == "3":
        config.add_v3_user(
            engine,
            asked.user,
            AUTH[asked.auth_type] if asked.authenticates else config.USM_AUTH_NONE,
            asked.auth_passphrase if asked.authenticates else None,
            PRIV[asked.priv_type] if asked.encrypts else config.USM_PRIV_NONE,
            asked.priv_passphrase if asked.encrypts else None,
        )
        config.add_target_parameters(engine, _PARAMETERS, asked.user, asked.level, 3)
    else:
        config.add_v1_system(engine, "community", asked.community)
        config.add_target_parameters(engine, _PARAMETERS, "community", "noAuthNoPriv", 1)
    six = address.family == socket.AF_INET6
    domain = udp6.SNMP_UDP6_DOMAIN if six else udp.SNMP_UDP_DOMAIN
    transport = (udp6.Udp6Transport if six else udp.UdpTransport)(loop=loop)
    if refused is None:  # retry after a refusal: snmpd may be restarting
        config.add_transport(engine, domain, transport.open_client_mode())
    else:
        sock = hearing(address)
        transport.error_received = functools.partial(_refused, sock, refused)
        config.add_transport(engine, domain, transport.open_server_mode(sock=sock))
    hundredths = int(asked.timeout * 100)
    config.add_target_address(
        engine, TARGET, domain, address.place, _PARAMETERS, hundredths, asked.retries
    )
    return engine


def unreadable(engine: SnmpEngine) -> int:
    """Return the number of datagrams received that were not SNMP, or had a value out of range."""
    builder = engine.get_mib_builder()
    (count,) = builder.import_symbols("__SNMPv2-MIB", "snmpInASNParseErrs")
    return int(count.syntax)


def _refused(sock: socket.socket, refused: Callable[[OSError], None], error: OSError) -> None:
    forget_errors(sock)
    refused(error)
