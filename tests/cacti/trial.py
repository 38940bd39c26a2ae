# SPDX-License-Identifier: GPL-3.0-or-later
"""The trial of one Cacti with one director, and the checks of its graphs."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from tests.cacti import device, farm, samples
from tests.cacti.installation import INTERVAL, Cacti, CactiError
from tests.cacti.samples import Moment, Span
from tests.support.directors import SimulatedDirector

POLLS = 5
FORMER_POLLS = 2
WATCHED = "director - LVS Director - New Connections"
# The service that is deleted, and one with a reset and a constant number. Both have the same VIP.
GONE, ZEROED = 1, 0

# The negative controls: the mark in their graphs' names, and the field that identifies a row.
CONTROLS = {"NUMBER": "lvsVsIndex", "PORT": "lvsVsName"}

ALIAS = "shop"  # of the service that is deleted

DRAWN = {
    "service-traffic": "director - shop ({0}) - Traffic",
    "service-packets": "director - shop ({0}) - Packets",
    "service-new-connections": "director - shop ({0}) - New Connections",
    "service-connections": "director - shop ({0}) - Connections",
    "service-real-server-states": "director - shop ({0}) - Real Server States",
    "former-real-servers": "former - {0} - Real Servers",
    "server-traffic": "director - {0} - Server {1} - Traffic",
    "server-weight": "director - {0} - Server {1} - Weight",
    "vip-traffic": "director - VIP 192.0.2.10 - Traffic",
    "vip-services": "director - VIP 192.0.2.10 - Services",
    "rip-connections": "director - RIP 10.0.2.2 - Connections",
    "director-traffic": "director - LVS Traffic",
}

_STARTED = time.monotonic()


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"[{time.monotonic() - _STARTED:4.0f} s] {text}", flush=True)


class Trial:
    """The events on the director and the checks after them."""

    def __init__(self, cacti: Cacti, director: SimulatedDirector, pictures: Optional[Path]) -> None:
        self._cacti = cacti
        self._director = director
        self._pictures = pictures
        self._clock = farm.Clock()
        self._services = farm.services(self._clock)
        self._gone = self._services[GONE]
        self._zeroed = self._services[ZEROED]
        self._of_vip = [self._zeroed, self._gone]
        self._files: Dict[str, Path] = {}
        self._failures: List[str] = []

    def run(self) -> None:
        """Run the trial, about two minutes; raise CactiError with all failures."""
        self._serve(self._services)
        self._update()
        self._set_up()
        with self._cacti.polling():
            self._poll()  # the first poll creates the files
            before = self._polls("before")
            identity = self._identity()

            self._serve([each for each in self._services if each is not self._gone])
            self._cacti.cli("poller_reindex_hosts.php", f"--id={self._device}", "--qid=All")
            say(f"{self._gone.name} deleted, the director re-indexed")
            self._poll()  # this poll may have begun before the deletion
            during = self._polls("during")
            self._check_indexed(4)

            # take a snapshot before the reset, which loses what was counted since the last one
            self._serve([each for each in self._services if each is not self._gone])
            for service in (self._gone, self._zeroed):
                service.zero()
            self._serve(self._services)
            say(f"{self._gone.name} added again, the counters of {self._zeroed.name} reset")
            self._poll()
            after = self._polls("after")
            self._check_indexed(5)

        self._check_rates(before, during, after)
        self._check_reset(Span(during.end, after.end))
        if self._identity() != identity:
            self._failures.append("the rows or files of data sources have changed")
        self._failures += self._cacti.errors()
        self._show(before, during, after)
        self._check_controls(before, during, after)
        self._draw(Span(before.start, after.end))
        if self._failures:
            more = [f"and {len(self._failures) - 20} more"] if len(self._failures) > 20 else []
            raise CactiError("\n  ".join(["", *self._failures[:20], *more]))
        within = f"within {samples.TOLERANCE:.0%}"
        say(f"Cacti {self._cacti.version}: all rates match the director's {within}")

    # The events.

    def _update(self) -> None:
        """Poll graphs of the former template, and update it."""
        device.add_former(self._cacti, self._director.port)
        self._files = self._cacti.round_robin_files()
        former = self._identity()
        with self._cacti.polling():
            self._poll()
            (watched,) = farm.former_graphs_of(self._zeroed)
            span = self._polls("former", watched, FORMER_POLLS)
        self._compare("former", span, *map(farm.former_graphs_of, self._services))
        device.imports(self._cacti)
        say(f"Cacti {self._cacti.version}: the template is updated")
        if self._identity() != former:
            self._failures.append("the update has changed the rows or files of data sources")

    def _set_up(self) -> None:
        self._director.aliases.write_text(f"{self._gone.name} {ALIAS}\n")
        self._device = device.add(self._cacti, self._director.port)
        self._check_titles()
        for mark, identified_by in CONTROLS.items():
            device.add_control(self._cacti, self._device, mark, identified_by)
        self._files = self._cacti.round_robin_files()
        wanted = [
            farm.graphs_of_all(self._services),
            farm.graphs_of_vip(self._of_vip),
            *map(farm.graphs_of, self._services),
            *map(farm.former_graphs_of, self._services),
        ]
        missing = [title for graphs in wanted for title in graphs if title not in self._files]
        if missing:
            raise CactiError(f"no data sources {missing} among {sorted(self._files)}")
        graphs = self._cacti.one("SELECT count(*) FROM graph_local")
        say(f"the director has {graphs} graphs and {len(self._files)} round-robin files")

    def _check_titles(self) -> None:
        """Check that the titles of a service's graphs have its alias, if it has one."""
        for name in (f"{ALIAS} ({self._gone.name})", self._zeroed.name):
            title = f"director - {name} - Traffic"
            if title not in self._cacti.titles():
                raise CactiError(f"no graph {title} among {sorted(self._cacti.titles())}")

    def _serve(self, services: List[farm.Service]) -> None:
        self._director.follow(lambda: [service.now() for service in services])

    def _poll(self) -> None:
        self._cacti.polled()
        self._clock.seconds += INTERVAL

    def _polls(self, when: str, watched: str = WATCHED, count: int = POLLS) -> Span:
        """Wait for polls; return the span from the first to the last.

        watched is the title of the data source whose samples give the polls' times.
        """
        moments = []
        for number in range(1, count + 1):
            clock = self._clock.seconds
            self._poll()
            noted = samples.last(self._files[watched])
            moments.append(Moment(noted, clock))
            say(f"{when}: poll {number} of {count}")
        if len({moment.noted for moment in moments}) < count:
            raise CactiError(f"the poller did not note a time for each poll: {moments}")
        return Span(moments[0], moments[-1])

    # The checks.

    def _check_rates(self, before: Span, during: Span, after: Span) -> None:
        """Check that there is no gap and no spike, except for the deleted service.

        Its files have a gap while it is deleted, and correct values before and after.
        """
        rest = [each for each in self._services if each is not self._gone]
        gone, former = farm.graphs_of(self._gone), farm.former_graphs_of(self._gone)
        whole = Span(before.start, after.end)
        self._compare("before", before, farm.graphs_of_all(self._services))
        vip = farm.graphs_of_vip(self._of_vip)
        self._compare("before", before, vip)
        self._compare("during", during, farm.graphs_of_vip([self._zeroed]))
        self._compare("after", after, vip)
        self._compare("all the time", whole, *map(farm.graphs_of, rest))
        self._compare("all the time", whole.inner, *map(farm.former_graphs_of, rest))
        self._compare("before", before, gone)
        self._compare("before", before.inner, former)
        self._compare("after", after, gone)
        self._compare("after", after.inner, former)
        for title in (*gone, *former):
            span = during.inner if title in former else during
            of = samples.there(self._files[title], title, span)
            self._failures += [f"during: {text}" for text in of]

    def _check_reset(self, span: Span) -> None:
        """Check that a reset of the legacy tables' counters is a gap and no spike."""
        path = self._file(f"NUMBER {self._zeroed.port} - Traffic")
        values = samples.fetched(path, span)["in_bytes"]
        known = [value for value in values if not math.isnan(value)]
        rate = self._zeroed.rates.in_bytes
        if len(known) == len(values) or not known or max(known) > rate * samples.SPIKE:
            self._failures.append(
                f"a counter reset at {rate} bytes/s: {len(values) - len(known)} seconds of"
                f" gap, up to {max(known, default=math.nan):g} bytes/s"
            )

    def _check_controls(self, before: Span, during: Span, after: Span) -> None:
        """Check that both controls are right at first and fail the checks after the deletion."""
        rest = Span(during.start, after.end)
        for mark in CONTROLS:
            said: List[str] = []
            for service in self._services:
                title, values = self._by_number(mark, service)
                self._compare("before", before, {title: values})
                path = self._files[title]
                if service is self._gone:
                    said += samples.there(path, title, during)
                elif service is not self._zeroed:
                    said += samples.wrong(path, title, rest, values)
            if not said:
                self._failures.append(f"the data query by {mark.lower()} passed the same checks")
                continue
            say(f"the data query by {mark.lower()} fails the same checks, as expected:")
            for text in said:
                print(f"           {text}")

    def _check_indexed(self, count: int) -> None:
        """Wait until the poller has re-indexed in the background and knows all services."""
        query = (
            "SELECT count(DISTINCT c.snmp_index) FROM host_snmp_cache c"
            " JOIN snmp_query q ON q.id = c.snmp_query_id WHERE q.name = 'LVS - Virtual Services'"
            f" AND c.host_id = {self._device}"
        )
        deadline = time.monotonic() + 10
        while self._cacti.one(query) != str(count):
            if time.monotonic() > deadline:
                raise CactiError(f"Cacti knows {self._cacti.one(query)} services, not {count}")
            time.sleep(0.1)

    def _compare(self, when: str, span: Span, *graphs: Dict[str, farm.Values]) -> None:
        for title, values in (item for each in graphs for item in each.items()):
            said = samples.wrong(self._files[title], title, span, values)
            self._failures += [f"{when}: {text}" for text in said]

    def _by_number(self, mark: str, service: farm.Service) -> Tuple[str, farm.Values]:
        """Return the title of a control's graph, and the values that it should have."""
        rates = service.rates
        values: farm.Values = {"in_bytes": rates.in_bytes, "out_bytes": rates.out_bytes}
        return f"director - {mark} {service.port} - Traffic", values

    def _identity(self) -> List[List[str]]:
        """Return the row and the file of each data source."""
        return self._cacti.sql(
            "SELECT l.id, l.snmp_index, l.orphan, d.data_source_path FROM data_local l"
            " JOIN data_template_data d ON d.local_data_id = l.id"
            " JOIN snmp_query q ON q.id = l.snmp_query_id"
            " WHERE q.name LIKE 'LVS - %' ORDER BY l.id"
        )

    def _file(self, title: str) -> Path:
        return self._files[f"director - {title}"]

    # The output.

    def _show(self, *spans: Span) -> None:
        """Print the services' rates before, during and after, by the director's clock."""
        line = "{:<42}" + "{:>12}" * 4
        print("\n" + line.format("bytes/s from clients", "director", "before", "during", "after"))
        for mark in ("", *CONTROLS):
            for service in self._services:
                path = self._file(f"{f'{mark} {service.port}' if mark else service.name} - Traffic")
                rates = [samples.mean(samples.fetched(path, s)["in_bytes"]) / s.pace for s in spans]
                name = f"by {mark.lower()}: {service.name}" if mark else service.name
                columns = [f"{rate:.0f}" for rate in (service.rates.in_bytes, *rates)]
                print(line.format(name, *columns).replace("nan", "gap"))
        print(flush=True)

    def _draw(self, span: Span) -> None:
        if self._pictures is None:
            return
        self._pictures.mkdir(parents=True, exist_ok=True)
        server = self._gone.servers()[1]
        for name, title in DRAWN.items():
            picture = self._pictures / f"{name}.png"
            self._cacti.draw(
                title.format(self._gone.name, server), picture, span.start.noted, span.end.noted
            )
