# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: keepalived and ldirectord, each with its configuration."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import List, Optional, Sequence

from tests.lab.controllers.director import Director
from tests.lab.controllers.edits import rules
from tests.lab.controllers.plan import table
from tests.lab.controllers.step import Table

CHILDREN = "/proc/{0}/task/{0}/children"


# The guests' processors are shared, so time-outs are long. A server that is killed refuses
# connections, which is noticed at the next check.


def virtual_servers(
    wanted: Table, inhibit: bool = False, sorry: Sequence[str] = (), checked: bool = True
) -> str:
    """Return keepalived's configuration for a table whose servers are all up.

    sorry are services with the sorry server of the plan. Servers that are not checked stay up.
    """
    lines: List[str] = []
    for service, servers in wanted.items():
        lines.append(f"virtual_server {_place(service)} {{")
        lines.append(" delay_loop 2\n lvs_sched rr\n lvs_method NAT\n protocol TCP")
        if service in sorry:
            lines.append(" sorry_server 10.1.9.9 80")
        for server in servers:
            lines.append(f" real_server {_place(server)} {{")
            lines.append("  weight 1")
            if inhibit:
                lines.append("  inhibit_on_failure")
            if checked:
                lines.append("  TCP_CHECK {\n   connect_timeout 20\n   retry 1")
                lines.append("   delay_before_retry 1\n  }")
            lines.append(" }")
        lines.append("}")
    return "\n".join(lines) + "\n"


def _place(name: str) -> str:
    return name.split()[-1].replace(":", " ")


def vrrp(director: Director, priority: int) -> str:
    """Return keepalived's configuration for VRRP, whose scripts edit the table.

    The master has the plan's table of the director "master" at first, a standby none.
    """
    fill, clear = director.folder / "fill", director.folder / "clear"
    lines = "".join(f"{line}\n" for line in rules(table("master", "start") or {}))
    fill.write_text(f"#!/bin/sh\nipvsadm -C\nipvsadm -R <<END\n{lines}END\n")
    clear.write_text("#!/bin/sh\nipvsadm -C\n")
    for script in (fill, clear):
        script.chmod(0o755)
    return f"""global_defs {{
 script_user root
}}
vrrp_instance web {{
 state BACKUP
 interface eth0
 virtual_router_id 1
 priority {priority}
 advert_int 5
 virtual_ipaddress {{
  10.2.0.1/32
 }}
 notify_master {fill}
 notify_backup {clear}
 notify_fault {clear}
 notify_stop {clear}
}}
"""


class Keepalived:
    """A keepalived in a director's namespace."""

    def __init__(self, director: Director, configuration: str, options: Sequence[str]) -> None:
        self._director = director
        self._options = options
        self._process: Optional[subprocess.Popen[bytes]] = None
        self.configure(configuration)

    def configure(self, text: str) -> None:
        """Write the configuration."""
        (self._director.folder / "keepalived.conf").write_text(text)

    def start(self) -> None:
        """Start it."""
        folder = self._director.folder
        self._process = self._director.start(
            *("keepalived", "--dont-fork", "--log-console", f"--use-file={folder}/keepalived.conf"),
            *(f"--pid={folder}/k.pid", f"--checkers_pid={folder}/c.pid"),
            *(f"--vrrp_pid={folder}/v.pid", f"--snmp-agent-socket={folder}/agentx"),
            *self._options,
        )

    def reload(self, text: str) -> None:
        """Read another configuration."""
        self.configure(text)
        self._signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop it, and wait until it has ended."""
        assert self._process is not None
        self._signal(signal.SIGTERM)
        self._process.wait()
        self._process = None

    def kill(self) -> None:
        """Kill all its processes at once: none of them has time to clear the table."""
        assert self._process is not None
        children = Path(CHILDREN.format(self._process.pid)).read_text().split()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in (self._process.pid, *map(int, children)):
                os.kill(pid, number)
        self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


class Ldirectord:
    """An ldirectord in a director's namespace, for a table whose servers are all up."""

    def __init__(self, director: Director, wanted: Table, options: Sequence[str]) -> None:
        self._director = director
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._file = director.folder / "ldirectord.cf"
        log = director.result("ldirectord")
        lines = ["supervised = yes", f'logfile = "{log}"', "checkinterval = 2"]
        lines += ["checktimeout = 20", "negotiatetimeout = 20", *options]
        for service, servers in wanted.items():
            lines.append(f"virtual = {service.split()[1]}")
            lines += [f"\treal = {server} masq" for server in servers]
            lines += ["\tservice = http", '\trequest = "/"', '\treceive = "ok"', "\tscheduler = rr"]
            lines += ["\tprotocol = tcp", "\tchecktype = negotiate"]
        self._file.write_text("".join(f"{line}\n" for line in lines))

    def start(self) -> None:
        """Start it."""
        self._process = self._director.start("ldirectord", str(self._file), "start")

    def stop(self) -> None:
        """Stop it, and wait until it has ended."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
