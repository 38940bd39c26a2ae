# SPDX-License-Identifier: GPL-3.0-or-later
"""Nagios with commands and services of contrib/nagios/lvs.cfg."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, Sequence, Tuple

from tests.outage import namespace
from tests.outage.plan import OUTAGES, Outage, State
from tests.outage.system import INTERVAL, System, missing, program
from tests.support.paths import CONTRIB

OBJECTS = ("commands", "contacts", "timeperiods", "templates")
# services of lvs.cfg for one virtual service, which all get
WEB = OUTAGES[0].service
CHECK, LOST = WEB, f"{WEB} lost real servers"

# an interval of the templates, 10 minutes, takes 10 seconds
CONFIG = """\
{files}
log_file={folder}/nagios.log
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
status_file={folder}/status
status_update_interval=1
state_retention_file={folder}/retention
temp_file={folder}/temp
temp_path={folder}
lock_file={folder}/lock
check_result_path={folder}
command_file={folder}/command
query_socket={folder}/query
check_external_commands=0
nagios_user=root
nagios_group=root
interval_length={second}
illegal_macro_output_chars=`~$&|'"<>
"""


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Run Nagios."""
    namespace.install("nagios/lvs.ini", "/etc/nagios-plugins/lvs.ini")
    namespace.install("nagios/lvs-snmp.conf", "/etc/nagios-plugins/lvs-snmp.conf")
    objects = folder / "lvs.cfg"
    objects.write_text(_objects((CONTRIB / "nagios" / "lvs.cfg").read_text()))
    places = [f"/etc/nagios4/objects/{name}.cfg" for name in OBJECTS]
    lines = "\n".join(f"cfg_file={path}" for path in (*places, objects))
    lines += "\ncfg_dir=/etc/nagios-plugins/config"
    config = folder / "nagios.cfg"
    config.write_text(CONFIG.format(files=lines, folder=folder, second=INTERVAL // 10))
    status = folder / "status"

    def told(service: str, outage: Outage) -> Tuple[str, str]:
        """Return the state of a service of Nagios, 0 for OK, and its output."""
        found = _services(status).get(service.replace(WEB, outage.service), {})
        return found.get("current_state", ""), found.get("plugin_output", "")

    def check(outage: Outage, state: State) -> bool:
        level, output = told(CHECK, outage)
        known = state.present + state.lost
        return (level == "0") is state.healthy and f" {state.up} of {known} real" in output

    def plain(outage: Outage, state: State) -> bool:
        level, output = told(LOST, outage)
        return (level == "0") is state.healthy and f"lost {state.lost}" in output.replace("*", "")

    with program(folder / "log", "nagios4", config):
        yield [
            System("Nagios", "lvs-agent check", check),
            System("Nagios", "check_snmp", plain, missing),
        ]


def _objects(text: str) -> str:
    """Return the commands and the host of director1, with two services for each virtual service."""
    blocks = re.findall(r"^define .*?^}\n", text, re.M | re.S)
    chosen = [
        block
        for block in blocks
        if block.startswith("define command")
        or re.search(r"^define host {.*director1$", block, re.M | re.S)
    ]
    for service in (CHECK, LOST):
        (block,) = (each for each in blocks if f"service_description  {service}\n" in each)
        for outage in OUTAGES:
            text = block.replace(WEB, outage.service)
            chosen.append(text.replace(_instance(WEB), _instance(outage.service)))
    return "".join(chosen)


def _instance(service: str) -> str:
    """Return the instance of a TCP service, as lvs.cfg explains it."""
    address, _, port = service.split()[1].rpartition(":")
    return f"1.4.{address}.6.{port}"


def _services(status: Path) -> Dict[str, Dict[str, str]]:
    """Return the states of services by their names."""
    if not status.exists():
        return {}
    found = {}
    for block in re.findall(r"^servicestatus {\n(.*?)^\t}", status.read_text(), re.M | re.S):
        values = dict(line.strip().split("=", 1) for line in block.splitlines())
        found[values["service_description"]] = values
    return found
