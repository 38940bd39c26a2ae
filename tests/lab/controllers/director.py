# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: a director in a network namespace, and what is seen of it.

Each director has a collector, an snmpd, and from the start of its table on lvs-agent watch. It has
a record in $RESULT: events, and polls with what ipvsadm, a walk and lvs-agent check show. Beside it
are the events that watch printed, and the notifications that snmptrapd received. Times are in
seconds of CLOCK_BOOTTIME; boot is the time of the boot in seconds since 1970.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

from lvs_agent.collector.server import SHARE_SECONDS
from tests.lab.controllers import reported, watcher
from tests.lab.controllers.plan import DIRECTORS, table
from tests.lab.controllers.step import Table

BASE = ".1.3.6.1.4.1.8225.4711"
# vrrpInstanceState and realServerStatus of KEEPALIVED-MIB
VRRP_STATE = ".1.3.6.1.4.1.9586.100.5.2.3.1.4"
SERVER_STATUS = ".1.3.6.1.4.1.9586.100.5.3.4.1.6"
# The values that check depends on, besides times: it runs when one of them has changed. These are
# lvsVsRealServers, -Up and -Lost, lvsRsWeight, the names of what is lost, and the agent's status.
SAID = re.compile(
    re.escape(BASE) + r"\.(21\.1\.(11|12|30)|22\.1\.6|28\.1\.1|31\.1\.1|26\.(2|3|10|11))\."
)
# from one poll to the next; longer than --max-age, so that each has a new snapshot
POLL_SECONDS = 10.0
# a minute with polls: rows that were present for so long can be lost
LASTING = 65.0
STANDBY = ("", "--standby")  # the options of check
LIMIT = 120.0  # seconds in which a controller must have done what it does


def now() -> float:
    """Return the time since the boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def sleep_until(time_since_boot: float) -> None:
    """Wait without polls."""
    time.sleep(max(0.0, time_since_boot - now()))


def until(what: str, condition: Callable[[], object]) -> None:
    """Wait for a condition, or raise TimeoutError with what was waited for."""
    end = now() + LIMIT
    while not condition():
        if now() > end:
            raise TimeoutError(what)
        time.sleep(0.2)


def addressed(name: str = "") -> None:
    """Make a namespace's addresses local, of this process or of the named one."""
    for words in ("link set lo up", "route add local 10.1.0.0/16 dev lo"):
        ip(name, words)
    ip(name, "route add local 10.2.0.0/16 dev lo")


def ip(name: str, words: str) -> None:
    """Run ip for this process's namespace, or for the named one."""
    subprocess.run(["ip", *(["-n", name] if name else []), *words.split()], check=True)


def parsed(listing: str) -> Table:
    """Return the table that ipvsadm -Ln lists."""
    found: Table = {}
    service = ""
    for line in listing.splitlines()[3:]:
        words = line.split()
        if words[0] == "->":
            found[service][words[1]] = int(words[3])
        else:
            service = f"{words[0]} {words[1]}"
            found[service] = {}
    return found


class Director:
    """A director; it is in the network namespace of this process unless one is named."""

    def __init__(
        self,
        name: str,
        agent: str,
        *,
        namespace: str = "",
        port: int = 16161,
        options: Sequence[str] = (),
        checks: Sequence[str] = ("",),
        state: Optional[Path] = None,
        beside: str = "",
    ) -> None:
        self.name = name
        self.folder = Path("/tmp") / name
        self.folder.mkdir()
        self._agent = agent
        self._enter = ["nsenter", f"--net=/run/netns/{namespace}"] if namespace else []
        self._address = f"127.0.0.1:{port}"
        self._trap_port = port + 100
        self._socket = self.folder / "collector.sock"
        self._checks = checks
        # the OID of a column of keepalived's own, which is walked too
        self._beside = beside
        self._said: List[str] = []
        self._events: List[Dict[str, object]] = []
        self._polls: List[Dict[str, object]] = []
        self._watching: List[subprocess.Popen[bytes]] = []
        self._collector = self.start(
            *(agent, "collector", "--listen", str(self._socket)),
            *("--state", str(state or self.folder / "state"), *options),
        )
        until("collector", self._socket.exists)
        (self.folder / "snmpd.conf").write_text(
            f"agentaddress udp:{self._address}\nrocommunity public 127.0.0.1\n"
            f"pass_persist {BASE} {agent} pass-persist --no-legacy --deadline 20"
            f" --collector {self._socket}\n"
            f"master agentx\nagentXSocket {self.folder}/agentx\n"
            f"trap2sink 127.0.0.1:{self._trap_port} public\n"
        )
        self._snmpd = self.start(
            *("env", f"SNMPCONFPATH={self.folder}", f"SNMP_PERSISTENT_DIR={self.folder}", "MIBS="),
            *("snmpd", "-f", "-Lf", str(self.result("snmpd")), "-C"),
            *("-c", f"{self.folder}/snmpd.conf"),
        )
        until("snmpd", lambda: self._walk(f"{BASE}.26"))
        python = str(Path(agent).with_name("python"))
        self._checker = subprocess.Popen(
            [*self._enter, python, "-m", "tests.lab.controllers.checker", self._address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def result(self, kind: str) -> Path:
        """Return the path of one of the director's files that the host sees."""
        return Path(os.environ["RESULT"], f"{self.name}.{kind}")

    def first(self) -> Table:
        """Return the director's first table."""
        found = table(self.name, "start")
        assert found is not None
        return found

    def watch(self) -> None:
        """Start lvs-agent watch, and the receiver of its notifications."""
        traps = self.result("traps")
        receiver = watcher.receiver(self.folder, traps, self._trap_port)
        self._watching = [self.start(*receiver)]
        until("snmptrapd", lambda: traps.exists() and "NET-SNMP version" in traps.read_text())
        self._watching.append(self.start(*watcher.watch(self._agent, self.folder), kind="events"))
        until("watch", (self.folder / "watch" / "reported.json").exists)

    def has_reported(self, event: str) -> bool:
        """Return whether watch has reported all changes of the plan up to an event."""
        steps = DIRECTORS[self.name]
        steps = steps[: [step.event for step in steps].index(event) + 1]
        return reported.complete(reported.received(self.result("traps")), steps)

    def start(self, *command: str, kind: str = "output") -> subprocess.Popen[bytes]:
        """Start a program in the director's namespace; what it prints is in a file of $RESULT."""
        with open(self.result(kind), "ab") as output:
            return subprocess.Popen(
                [*self._enter, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def run(self, *command: str, text: str = "") -> str:
        """Return what a program in the director's namespace prints. Raises CalledProcessError."""
        done = subprocess.run(
            [*self._enter, *command], input=text, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout

    def ipvsadm(self, *lines: str) -> None:
        """Edit the table."""
        self.run("ipvsadm", "-R", text="".join(f"{line}\n" for line in lines))

    def forget(self, row: str) -> None:
        """Forget a row that is lost."""
        self.run(self._agent, "forget", "--collector", str(self._socket), row)

    def table(self) -> Optional[Table]:
        """Return the table as ipvsadm shows it, None without ip_vs, which ipvsadm would load."""
        if not Path("/proc/net/ip_vs").exists():
            return None
        return parsed(self.run("ipvsadm", "-Ln"))

    def shown(self) -> str:
        """Return the kernel's own text of the table, "" without ip_vs."""
        try:
            return Path(f"/proc/{self._snmpd.pid}/net/ip_vs").read_text()
        except FileNotFoundError:
            return ""

    def event(self, name: str) -> Dict[str, object]:
        """Add an event to the record, and return it."""
        event: Dict[str, object] = {"name": name, "at": now(), "done": None}
        self._events.append(event)
        return event

    def poll(self, again: bool = False) -> None:
        """Save what is seen now; what check says, only if something has changed or again is set."""
        before = self.table()
        time.sleep(SHARE_SECONDS)  # the walk may have watch's last snapshot
        began = now()
        walk = self._walk(BASE)
        walked = now()
        steady = self.table() == before
        said = [line for line in walk if SAID.match(line)]
        poll: Dict[str, object] = {
            **{"began": began, "walked": walked, "table": before, "steady": steady, "walk": walk},
            **{"beside": self._walk(self._beside) if self._beside else [], "checks": {}},
        }
        if said != self._said or again:
            poll["checks"] = {option: self._check(option) for option in self._checks}
        poll["checked"] = now()
        # what an unsteady table shows is checked again
        self._said = said if steady else []
        self._polls.append(poll)

    def close(self) -> None:
        """End the programs, and save the record."""
        self._checker.terminate()
        self._checker.wait()
        for process in (*self._watching[::-1], self._snmpd, self._collector):
            process.terminate()
            process.wait()
        record = {"boot": time.time() - now(), "events": self._events, "polls": self._polls}
        self.result("json").write_text(json.dumps(record))

    def _walk(self, oid: str) -> List[str]:
        command = ["snmpbulkwalk", "-v2c", "-cpublic", "-On", "-Cr40", "-t20", "-r0"]
        done = subprocess.run(
            [*self._enter, *command, self._address, oid],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return [line for line in done.stdout.splitlines() if " = No " not in line]

    def _check(self, option: str) -> object:
        assert self._checker.stdin is not None
        assert self._checker.stdout is not None
        self._checker.stdin.write(f"{option}\n")
        self._checker.stdin.flush()
        return json.loads(self._checker.stdout.readline())
