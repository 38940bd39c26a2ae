# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent check: a plugin for Nagios and its descendants, based on the library nagiosplugin.

Output, ranges and exit status follow the Monitoring Plugins Development Guidelines.
"""

from __future__ import annotations

import argparse
import math
import os
from typing import Callable, Dict, Iterator, List, Optional

from nagiosplugin import (
    Check,
    CheckError,
    Context,
    Critical,
    Metric,
    Ok,
    Performance,
    Range,
    Resource,
    Result,
    Results,
    ScalarContext,
    Summary,
    Unknown,
    Warn,
    guarded,
)
from nagiosplugin.state import ServiceState

from lvs_agent.codes import Status
from lvs_agent.errors import CommandError, UsageError
from lvs_agent.netsnmp import snmpconf
from lvs_agent.pollers import limit, naming
from lvs_agent.pollers.client import Client
from lvs_agent.pollers.director import DirectorError, parse_director
from lvs_agent.pollers.services import Service, agent, services

NAME = "LVS"
SHOWN = 5  # services in the first line
SECONDS = 55.0  # for all, with name lookups; client.SECONDS is for requests

# columns of a service: labels and units
PERFORMANCE = {
    "lvsVsActiveConns": ("active", ""),
    "lvsVsInactConns": ("inactive", ""),
    "lvsVsConns": ("conns", "c"),
    "lvsVsInBytes": ("in_bytes", "c"),
    "lvsVsOutBytes": ("out_bytes", "c"),
}

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


def run(args: argparse.Namespace) -> int:
    """Check, print, and return the exit status or raise SystemExit with it; unknown on errors."""
    late = f"{args.director}: not finished within {SECONDS:g} s"
    with limit.within(SECONDS, lambda: refuse(late), int(Unknown)):
        status: int = guarded(verbose=0)(_run)(args)
    return status


def _run(args: argparse.Namespace) -> int:
    resource = Services(args)
    check = Check(resource, Counts(), Agent(), Statistics(), name=NAME)
    try:
        check.add(
            Said("missing", Critical),
            Said("odd", Warn),  # unknown would hide a critical service
            Up(threshold(args.warning), threshold(args.critical)),
            ScalarContext("age", f"{args.age:g}", "", "snapshot is {value:.0f} s old"),
            Lines(resource),
        )
    except ValueError as error:
        return refuse(str(error))
    # no time-out here, since the client has one: the library's is a signal, whose exception is lost
    # when it is raised in a callback of asyncio
    check.main(verbose=args.verbose, timeout=0)
    return 0


def refuse(text: str) -> int:
    """Print the reason nothing could be checked, and return the exit status."""
    print(f"{NAME} UNKNOWN - {text}")
    return int(Unknown)


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


class Services(Resource):  # type: ignore[misc]
    """The services of a director that are checked."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.services: Dict[str, Service] = {}
        self.text = ""  # the agent's status text
        self._args = args

    def probe(self) -> List[Metric]:
        """Query the director. Raises CheckError, whose message is the reason."""
        args = self._args
        try:
            wanted = None
            if args.service or args.options:
                row = naming.parse([*args.service, *args.options])
                if row.server:
                    raise UsageError(
                        f"{row}: name a service only; all its real servers are checked"
                    )
                wanted = row.service
            director = parse_director(args.director)
            asked = snmpconf.read(director.host, args.snmp_conf, os.environ)
            with Client(director, asked) as client:
                # complete the list first: a CheckError raised later would be taken for a metric's
                return [*self._agent(client), *self._look(client, wanted)]
        except CommandError as error:
            raise CheckError(str(error)) from error

    def _agent(self, client: Client) -> Iterator[Metric]:
        found = agent(client)
        self.text = found.text.replace("|", "/")  # performance data begins at the first |
        yield Metric("status", found.status, context="agent")
        if found.status != Status.COUNTERS_FROZEN:
            yield Metric("estimation", found.estimation, context="statistics")
        if not found.known:
            raise CheckError(f"{client.director}: services unknown: {self.text}")
        if found.age is not None:
            yield Metric("snapshot_age", found.age, "s", min=0, context="age")

    def _look(self, client: Client, wanted: Optional[naming.Service]) -> Iterator[Metric]:
        alone = wanted is not None and wanted.port is not None
        columns = list(PERFORMANCE) if alone else list(PERFORMANCE)[:2]
        nothing = True
        for service in services(client, wanted, columns):
            nothing = False
            if isinstance(service, DirectorError):
                yield Metric("odd", str(service), context="odd")
                continue
            name = str(service.name)
            self.services[name] = service
            yield Metric(name, service.up, context="up")
            for column in columns:
                label, unit = PERFORMANCE[column]
                if service.values[column] is not None:
                    value = service.values[column]
                    yield Metric(f"{name} {label}", value, unit, 0, context="count")
        if nothing:
            text = f"{wanted}: no such service" if wanted else "no services"
            yield Metric("missing", f"{text} on the director", context="missing")


class Up(Context):  # type: ignore[misc]
    """The number of real servers up, out of all."""

    def __init__(self, warning: Threshold, critical: Threshold) -> None:
        super().__init__("up")
        self._warning = warning
        self._critical = critical

    def evaluate(self, metric: Metric, resource: Services) -> Result:
        """Return critical if none is up, else the state by the thresholds."""
        service = resource.services[metric.name]
        if metric.value is None:
            text = f"{service.name}: weights unknown: {resource.text}"
            return Result(Unknown, text, metric)
        text = f"{service.name}: {metric.value} of {service.total} real servers up"
        if service.down:
            text += f", weight 0: {', '.join(map(str, service.down))}"
        if metric.value == 0:  # 0 of 0 would be 100%: a health checker may have deleted all servers
            return Result(Critical, text, metric)
        for state, limits in ((Critical, self._critical), (Warn, self._warning)):
            if not limits(service.total).match(metric.value):
                return Result(state, text, metric)
        return Result(Ok, text, metric)

    def performance(self, metric: Metric, resource: Services) -> Optional[Performance]:
        """Return the count, with the thresholds as counts, too."""
        if metric.value is None:
            return None
        total = resource.services[metric.name].total
        warning, critical = self._warning(total), self._critical(total)
        return Performance(f"{metric.name} up", metric.value, "", warning, critical, 0, total)


class Counts(Context):  # type: ignore[misc]
    """Performance data without a state."""

    def __init__(self) -> None:
        super().__init__("count")

    def performance(self, metric: Metric, resource: Services) -> Performance:
        """Return the value with its unit."""
        return Performance(metric.name, metric.value, metric.uom, min=metric.min)


class Said(Context):  # type: ignore[misc]
    """A text, the metric's value, with this state always."""

    def __init__(self, name: str, state: ServiceState) -> None:
        super().__init__(name)
        self._state = state

    def evaluate(self, metric: Metric, resource: Services) -> Result:
        """Return the state."""
        return Result(self._state, metric.value, metric)


class Agent(Context):  # type: ignore[misc]
    """The state by lvsAgentStatus."""

    def __init__(self) -> None:
        super().__init__("agent")

    def evaluate(self, metric: Metric, resource: Services) -> Result:
        """Return the state for a status, with its text."""
        text = resource.text or f"status {metric.value}"
        return Result(STATES.get(metric.value, Unknown), text, metric)


class Statistics(Context):  # type: ignore[misc]
    """The state by lvsDirectorEstimation, in case another lvsAgentStatus hides it."""

    def __init__(self) -> None:
        super().__init__("statistics")

    def evaluate(self, metric: Metric, resource: Services) -> Result:
        """Return a warning while counters are frozen."""
        text = "statistics are frozen: the director's estimation is off"
        return Result(Ok if metric.value else Warn, None if metric.value else text, metric)


class Lines(Summary):  # type: ignore[misc]
    """The first line of output, and the lines of -v."""

    def __init__(self, resource: Services) -> None:
        self._resource = resource

    def ok(self, results: Results) -> str:
        """Return the first line if all is ok: the number of real servers up."""
        found = list(self._resource.services.values())
        if len(found) == 1:
            return "; ".join(self._ups(results))
        up = sum(each.up or 0 for each in found)
        total = sum(each.total for each in found)
        return f"{len(found)} services, {up} of {total} real servers up"

    def problem(self, results: Results) -> str:
        """Return the first line if not all is ok: the worst results, at most SHOWN of them."""
        state = results.most_significant_state
        worst = [str(each) for each in results if each.state == state]
        more = f"; and {len(worst) - SHOWN} more" if len(worst) > SHOWN else ""
        return "; ".join(worst[:SHOWN]) + more

    def verbose(self, results: Results) -> List[str]:
        """Return all results that are not ok, then the services that are."""
        lines = [f"{each.state}: {each}" for each in results if each.state != Ok]
        return lines + self._ups(results)

    def _ups(self, results: Results) -> List[str]:
        well = [each for each in results if each.state == Ok and each.metric]
        return [str(each.hint) for each in well if each.metric.context == "up"]
