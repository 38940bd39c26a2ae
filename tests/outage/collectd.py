# SPDX-License-Identifier: GPL-3.0-or-later
"""collectd with the file in contrib/collectd, and its plugin rrdtool."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from tests.outage.plan import Outage
from tests.outage.system import INTERVAL, Numbers, System, file_numbers, numbers, program
from tests.support import files
from tests.support.paths import CONTRIB

CONFIG = """\
Hostname "poller"
BaseDir "{folder}"
PIDFile "{folder}/pid"
LoadPlugin logfile
LoadPlugin rrdtool
<Plugin rrdtool>
  DataDir "{folder}/rrd"
</Plugin>
Include "{folder}/lvs.conf"
"""


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Run it."""
    text = (CONTRIB / "collectd" / "lvs.conf").read_text()
    (folder / "lvs.conf").write_text(files.put(text, {"Interval 60": f"Interval {INTERVAL}"}))
    config = folder / "collectd.conf"
    config.write_text(CONFIG.format(folder=folder))

    def read(outage: Outage) -> Numbers:
        services = folder / "rrd" / "director1" / "lvs-services"
        return tuple(
            value
            for kind in ("up", "lost")
            for value in file_numbers(services / f"count-{kind} {outage.service}.rrd", ["value"])
        )

    with program(folder / "log", "collectd", "-f", "-C", config, MIBS=""):
        yield [System("collectd", "round-robin files", numbers(read))]
