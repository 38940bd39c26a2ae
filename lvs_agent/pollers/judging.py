# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of lvs-agent check: the thresholds, and the contexts that judge its metrics."""

from __future__ import annotations

import math
from typing import Callable, Dict, Optional, Protocol

from nagiosplugin import Context, Critical, Metric, Ok, Performance, Range, Result, Unknown, Warn
from nagiosplugin.state import ServiceState

from lvs_agent.codes import Status
from lvs_agent.errors import UsageError
from lvs_agent.pollers import wording
from lvs_agent.pollers.naming import VIP, AddressRow
from lvs_agent.pollers.services import Subject

STATES = {
    Status.OK: Ok,
    Status.COUNTERS_FROZEN: Warn,
    Status.NO_STATISTICS: Warn,
    Status.NO_IPVS: Critical,
    Status.NO_COLLECTOR: Warn,
    Status.EXPIRED: Unknown,
    Status.DEGRADED: Warn,
}

Threshold = Callable[[int], Range]


class Probed(Protocol):
    """The resource that the metrics belong to: what is checked, and the agent's text."""

    subjects: Dict[str, Subject]
    text: str


def threshold(text: str) -> Threshold:
    """Parse a range of servers, in % of all servers if text has a %. Raises UsageError."""
    percent = "%" in text

    def scaled(total: int) -> Range:
        limits = Range(text.replace("%", ""))
        if not percent:
            return limits
        return limits._replace(start=_of(limits.start, total), end=_of(limits.end, total))

    try:
        scaled(1)
    except ValueError as error:
        raise UsageError(f"{text}: not a range such as 2: or 50%:") from error
    return scaled


def _of(percent: float, total: int) -> float:
    if math.isinf(percent):
        return percent
    share = percent * total / 100
    return int(share) if share.is_integer() else share


def is_vip(name: object) -> bool:
    """Return whether a name is that of a VIP."""
    return isinstance(name, AddressRow) and name.kind == VIP


class Up(Context):  # type: ignore[misc]
    """The number of parts up, out of those that are present or lost; see services.Subject.

    recorded is True if each subject has performance data.
    """

    def __init__(self, warning: Threshold, critical: Threshold, recorded: bool) -> None:
        super().__init__("up")
        self._warning = warning
        self._critical = critical
        self._recorded = recorded

    def evaluate(self, metric: Metric, resource: Probed) -> Result:
        """Return critical if none is up or a service is lost, else the state by the thresholds."""
        subject = resource.subjects[metric.name]
        if metric.value is None:
            text = f"{wording.named(subject)}: weights unknown: {resource.text}"
            return Result(Unknown, text, metric)
        text = wording.subject(subject, metric.value)
        # 0 of 0 would be 100%: a health checker may have deleted all servers
        if metric.value == 0 or (is_vip(subject.name) and subject.lost):
            return Result(Critical, text, metric)
        for state, limits in ((Critical, self._critical), (Warn, self._warning)):
            if not limits(subject.total).match(metric.value):
                return Result(state, text, metric)
        return Result(Ok, text, metric)

    def performance(self, metric: Metric, resource: Probed) -> Optional[Performance]:
        """Return the count, with the thresholds as counts, too; None if it is not recorded."""
        if metric.value is None or not self._recorded:
            return None
        total = resource.subjects[metric.name].total
        warning, critical = self._warning(total), self._critical(total)
        return Performance(f"{metric.name} up", metric.value, "", warning, critical, 0, total)


class Counts(Context):  # type: ignore[misc]
    """Performance data without a state."""

    def __init__(self) -> None:
        super().__init__("count")

    def performance(self, metric: Metric, resource: Probed) -> Performance:
        """Return the value with its unit."""
        return Performance(metric.name, metric.value, metric.uom, min=metric.min)


class Said(Context):  # type: ignore[misc]
    """A text, the metric's value, with this state always."""

    def __init__(self, name: str, state: ServiceState) -> None:
        super().__init__(name)
        self._state = state

    def evaluate(self, metric: Metric, resource: Probed) -> Result:
        """Return the state."""
        return Result(self._state, metric.value, metric)


class Agent(Context):  # type: ignore[misc]
    """The state by lvsAgentStatus; a standby director may be without ip_vs."""

    def __init__(self, standby: bool) -> None:
        super().__init__("agent")
        self._states = {**STATES, Status.NO_IPVS: Ok} if standby else STATES

    def evaluate(self, metric: Metric, resource: Probed) -> Result:
        """Return the state for a status, with its text."""
        text = resource.text or f"status {metric.value}"
        return Result(self._states.get(metric.value, Unknown), text, metric)


class Statistics(Context):  # type: ignore[misc]
    """The state by lvsDirectorEstimation, in case another lvsAgentStatus hides it."""

    def __init__(self) -> None:
        super().__init__("statistics")

    def evaluate(self, metric: Metric, resource: Probed) -> Result:
        """Return a warning while counters are frozen."""
        text = "statistics are frozen: the director's estimation is off"
        return Result(Ok if metric.value else Warn, None if metric.value else text, metric)
