# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifications of LVS-MIB, each declared in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from lvs_agent.mib.smi import Oid

PATH: Oid = (0,)  # of lvsNotifications
TEXT: Oid = (32,)  # of lvsNotifyText, which only notifications have

_VS = ("lvsVsName", "lvsVsAlias", "lvsVsRealServers", "lvsVsRealServersUp")
_RS = ("lvsRsFullName", "lvsRsAlias", "lvsVsRealServersUp", "lvsVsRealServers")
_LOST_VS = ("lvsLostVsName", "lvsLostVsAlias", "lvsLostVsSince")
_LOST_RS = ("lvsLostRsName", "lvsLostRsAlias", "lvsLostRsSince", "lvsVsRealServersUp")


@dataclass(frozen=True)
class Notification:
    """A notification, with the names of its objects in order."""

    number: int
    name: str
    objects: Sequence[str]


NOTIFICATIONS = [
    Notification(1, "lvsNotifyVsDown", _VS),
    Notification(2, "lvsNotifyVsUp", _VS),
    Notification(3, "lvsNotifyVsLost", _LOST_VS),
    Notification(4, "lvsNotifyVsFound", _VS),
    Notification(5, "lvsNotifyRsDown", _RS),
    Notification(6, "lvsNotifyRsUp", _RS),
    Notification(7, "lvsNotifyRsLost", _LOST_RS),
    Notification(8, "lvsNotifyRsFound", _RS),
    Notification(9, "lvsNotifyAgentStatus", ("lvsAgentStatus", "lvsAgentStatusText")),
    Notification(10, "lvsNotifySummary", ("lvsAgentStatus", "lvsNotifyText")),
]
