# SPDX-License-Identifier: GPL-3.0-or-later
"""Varbinds as snmpwalk -On prints them without a MIB."""

from __future__ import annotations

from lvs_agent.mib import smi
from lvs_agent.mib.smi import Oid, Varbind, dotted


def line(base: Oid, varbind: Varbind) -> str:
    """Return the line for one varbind, with its full OID."""
    return f".{dotted(base)}.{varbind.oid} = {_value(varbind)}"


def _value(varbind: Varbind) -> str:
    value = varbind.value
    if isinstance(value, bytes):
        return _octets(value)
    if isinstance(value, int):
        name = "INTEGER" if varbind.type is smi.Integer else varbind.type.name
        return _timeticks(value) if varbind.type is smi.Ticks else f"{name}: {value:d}"
    return _octets(value.encode()) if varbind.type is smi.Text else f"IpAddress: {value}"


def _octets(data: bytes) -> str:
    if not data:
        return '""'
    # printable ASCII or white space
    if all(0x20 <= byte < 0x7F or 0x09 <= byte <= 0x0D for byte in data):
        text = data.decode("ascii").replace("\\", "\\\\").replace('"', '\\"')
        return f'STRING: "{text}"'
    rows = [data[start : start + 16] for start in range(0, len(data), 16)]
    return "Hex-STRING: " + "\n".join(f"{row.hex(' ').upper()} " for row in rows)


def _timeticks(ticks: int) -> str:
    seconds, hundredths = divmod(ticks, 100)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    day_text = f"{days} day{'s' if days > 1 else ''}, " if days else ""
    return f"Timeticks: ({ticks}) {day_text}{hours}:{minutes:02}:{seconds:02}.{hundredths:02}"
