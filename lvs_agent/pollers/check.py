# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent check: a plugin for Nagios and its descendants, based on the library nagiosplugin.

Output, ranges and exit status follow the Monitoring Plugins Development Guidelines.
"""

from __future__ import annotations

import argparse
import os
from typing import Dict, Iterator, List, Optional

from nagiosplugin import (
    Check,
    CheckError,
    Critical,
    Metric,
    Ok,
    Resource,
    Results,
    ScalarContext,
    Summary,
    Unknown,
    Warn,
    guarded,
)

from lvs_agent.codes import Status
from lvs_agent.errors import CommandError, UsageError
from lvs_agent.netsnmp import snmpconf
from lvs_agent.pollers import limit, parsing, wording
from lvs_agent.pollers.client import Client
from lvs_agent.pollers.director import DirectorError, parse_director
from lvs_agent.pollers.judging import Agent, Counts, Said, Statistics, Up, is_vip, threshold
from lvs_agent.pollers.naming import AddressRow, Service
from lvs_agent.pollers.services import Agent as State
from lvs_agent.pollers.services import Gone, Name, Subject, address_row, agent, lost, services

NAME = "LVS"
SHOWN = 5  # services in the first line
SECONDS = 55.0  # for all, with name lookups; client.SECONDS is for requests

# columns, without the prefix of their table: labels and units
PERFORMANCE = {
    "ActiveConns": ("active", ""),
    "InactConns": ("inactive", ""),
    "Conns": ("conns", "c"),
    "InBytes": ("in_bytes", "c"),
    "OutBytes": ("out_bytes", "c"),
}
# columns of services whose sums are performance data of a director
SUMS = {
    "RealServers": ("real_servers", ""),
    "RealServersUp": ("up", ""),
    "RealServersLost": ("lost", ""),
}


def run(args: argparse.Namespace) -> int:
    """Check, print, and return the exit status or raise SystemExit with it; unknown on errors."""
    late = f"{args.director}: not finished within {SECONDS:g} s"
    with limit.within(SECONDS, lambda: refuse(late), int(Unknown)):
        status: int = guarded(verbose=0)(_run)(args)
    return status


def _run(args: argparse.Namespace) -> int:
    try:
        wanted = _wanted(args)
        resource = Services(args, wanted)
        check = (Unrecorded if args.perfdata == "none" else Check)(resource, name=NAME)
        critical = args.critical or ("100%:" if is_vip(wanted) else "1:")
        recorded = args.perfdata == "all" or isinstance(wanted, AddressRow)
        check.add(
            Counts(),
            Agent(args.standby),
            Statistics(),
            Said("missing", Critical),
            Said("standby", Ok),
            Said("odd", Warn),  # unknown would hide a critical service
            Up(threshold(args.warning), threshold(critical), recorded),
            ScalarContext("age", f"{args.age:.15g}", "", "snapshot is {value:.0f} s old"),
            Lines(resource),
        )
    except ValueError as error:
        return refuse(str(error))
    # no time-out here, since the client has one: the library's is a signal, whose exception is lost
    # when it is raised in a callback of asyncio
    check.main(verbose=args.verbose, timeout=0)
    return 0


def _wanted(args: argparse.Namespace) -> Optional[Name]:
    """Return the service, VIP or RIP that the arguments name. Raises UsageError."""
    if not (args.service or args.options):
        return None
    row = parsing.parse_named([*args.service, *args.options])
    if isinstance(row, AddressRow):
        return row
    if row.server:
        raise UsageError(f"{row}: name a service only; all its real servers are checked")
    return row.service


def refuse(text: str) -> int:
    """Print the reason nothing could be checked, and return the exit status."""
    print(f"{NAME} UNKNOWN - {text}")
    return int(Unknown)


class Unrecorded(Check):  # type: ignore[misc]
    """A check that prints no performance data."""

    def __call__(self) -> None:
        """Run the check."""
        super().__call__()
        self.perfdata: List[str] = []


class Services(Resource):  # type: ignore[misc]
    """The services of a director that are checked, or a VIP or a RIP."""

    def __init__(self, args: argparse.Namespace, wanted: Optional[Name]) -> None:
        self.subjects: Dict[str, Subject] = {}
        self.lost: List[Gone] = []  # services
        self.text = ""  # the agent's status text
        self._args = args
        self._wanted = wanted

    def probe(self) -> List[Metric]:
        """Query the director. Raises CheckError, whose message is the reason."""
        args = self._args
        try:
            director = parse_director(args.director)
            asked = snmpconf.read(director.host, args.snmp_conf, os.environ)
            with Client(director, asked) as client:
                # complete the list first: a CheckError raised later would be taken for a metric's
                found = agent(client)
                return [*self._agent(client, found), *self._look(client, found)]
        except CommandError as error:
            raise CheckError(str(error)) from error

    def _agent(self, client: Client, found: State) -> Iterator[Metric]:
        self.text = found.text.replace("|", "/")  # performance data begins at the first |
        yield Metric("status", found.status, context="agent")
        if found.status != Status.COUNTERS_FROZEN:
            yield Metric("estimation", found.estimation, context="statistics")
        if not found.known:
            raise CheckError(f"{client.director}: services unknown: {self.text}")
        if found.age is not None:
            yield Metric("snapshot_age", found.age, "s", min=0, context="age")

    def _look(self, client: Client, found: State) -> Iterator[Metric]:
        wanted = self._wanted
        if isinstance(wanted, AddressRow):
            yield from self._look_at_address(client, found, wanted)
            return
        alone = wanted is not None and wanted.port is not None
        columns = list(PERFORMANCE) if alone else list(PERFORMANCE)[:2]
        # first, so that a service that returns meanwhile is not taken for lost
        gone = lost(client, wanted) if found.lost_services or found.lost_servers else None
        odd = []
        for service in services(client, wanted, columns):
            if isinstance(service, DirectorError):
                odd.append(Metric("odd", str(service), context="odd"))
                continue
            if gone:
                service.gone = gone.servers.get(service.name, [])
            self.subjects[str(service.name)] = service
        back = 0
        if gone:
            self.lost = [row for row in gone.services if str(row.name) not in self.subjects]
            back = len(gone.services) - len(self.lost)
        # of a director, more may be lost than are listed
        count = len(self.lost) if wanted else max(len(self.lost), (found.lost_services or 0) - back)
        yield from self._missing(len(self.subjects) + len(odd), count, found)
        yield from odd
        for name, service in self.subjects.items():
            yield Metric(name, service.up, context="up")
        if self._args.perfdata == "all":
            yield from self._counts(columns)
        else:
            yield from self._sums(columns, None if found.lost_services is None else count)

    def _look_at_address(
        self, client: Client, found: State, wanted: AddressRow
    ) -> Iterator[Metric]:
        # the servers that a RIP has lost may be anywhere in the table
        gone = lost(client, wanted).services if is_vip(wanted) and found.lost_services else []
        subject = address_row(client, wanted, list(PERFORMANCE))
        if subject is None:
            self.lost = gone
            yield from self._missing(0, len(gone), found)
            return
        subject.gone = gone
        self.subjects[str(wanted)] = subject
        yield Metric(str(wanted), subject.up, context="up")
        yield from self._counts(list(PERFORMANCE))

    def _missing(self, present: int, count: int, found: State) -> Iterator[Metric]:
        """Yield the problem of services that are lost or missing; all together are one."""
        wanted = self._wanted
        prefix = f"{wanted}: " if wanted else ""
        if self._args.standby and not present and found.services == 0:
            text = "no services, as on a standby director"
            if count:
                text += f"; {wording.lost_services(self.lost, count, 0)}"
            yield Metric("standby", f"{prefix}{text}", context="standby")
        elif count and isinstance(wanted, Service) and wanted.port is not None:
            text = f"{wording.named(self.lost[0])}: lost{wording.since(self.lost[0].age)}"
            yield Metric("missing", text, context="missing")
        elif count:
            text = prefix + wording.lost_services(self.lost, count, present)
            yield Metric("missing", text, context="missing")
        elif not present and (wanted or found.status != Status.NO_IPVS):  # which is critical
            kind = wanted.kind if isinstance(wanted, AddressRow) else "service"
            text = f"{prefix}no such {kind}" if wanted else "no services"
            yield Metric("missing", f"{text} on the director", context="missing")

    def _counts(self, columns: List[str]) -> Iterator[Metric]:
        for name, subject in self.subjects.items():
            for column in columns:
                label, unit = PERFORMANCE[column]
                value = subject.value(column)
                if value is not None:
                    yield Metric(f"{name} {label}", value, unit, 0, context="count")

    def _sums(self, columns: List[str], lost_services: Optional[int]) -> Iterator[Metric]:
        """Yield the sums over the services, without those that are unknown."""
        yield Metric("services", len(self.subjects), min=0, context="count")
        if lost_services is not None:
            yield Metric("services_lost", lost_services, min=0, context="count")
        summed = {**SUMS, **{column: PERFORMANCE[column] for column in columns}}
        for column, (label, unit) in summed.items():
            values = [each.value(column) for each in self.subjects.values()]
            numbers = [value for value in values if isinstance(value, int)]
            if len(numbers) == len(values):
                yield Metric(label, sum(numbers), unit, 0, context="count")


class Lines(Summary):  # type: ignore[misc]
    """The first line of output, and the lines of -v."""

    def __init__(self, resource: Services) -> None:
        self._resource = resource

    def ok(self, results: Results) -> str:
        """Return the first line if all is ok: the number of real servers up."""
        standby = [str(each.hint) for each in results if each.metric.context == "standby"]
        if standby:
            return "; ".join(standby)
        found = list(self._resource.subjects.values())
        if len(found) == 1:
            return "; ".join(self._ups(results))
        up = sum(each.up or 0 for each in found)
        total = sum(each.total for each in found)
        lost = sum(each.lost for each in found)
        text = f"{len(found)} services, {up} of {total} real servers up"
        return f"{text}, {lost} lost" if lost else text

    def problem(self, results: Results) -> str:
        """Return the first line if not all is ok: the worst results, at most SHOWN of them."""
        state = results.most_significant_state
        worst = [each for each in results if each.state == state]
        texts = [str(each) for each in worst[:SHOWN]]
        ups = [each for each in worst if each.metric and each.metric.context == "up"]
        if len(ups) > 1:  # they are the last
            count = f"{len(ups)} of {len(self._resource.subjects)} services {state}"
            texts.insert(len(worst) - len(ups), count)
        more = f"; and {len(worst) - SHOWN} more" if len(worst) > SHOWN else ""
        return "; ".join(texts) + more

    def verbose(self, results: Results) -> List[str]:
        """Return all results that are not ok, the services that are, and those that are lost."""
        lines = [f"{each.state}: {each}" for each in results if each.state != Ok]
        lost = [
            f"{wording.named(each)}: lost{wording.since(each.age)}" for each in self._resource.lost
        ]
        return lines + self._ups(results) + (lost if len(lost) > 1 else [])

    def _ups(self, results: Results) -> List[str]:
        well = [each for each in results if each.state == Ok and each.metric]
        return [str(each.hint) for each in well if each.metric.context == "up"]
