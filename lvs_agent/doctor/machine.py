# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to a machine: files, processes, the names of users, and the output of programs.

Independent of SNMP and IPVS. Files are looked up below a root directory, so that a test can
provide a fake machine; programs always run on this one.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from lvs_agent.regular import Files

RUN_SECONDS = 5.0
# Programs are searched for only here, whatever the environment and other processes say.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

DELETED = " (deleted)"  # proc_pid_exe(5)
_INITIAL = "user:[4026531837]"  # PROC_USER_INIT_INO, include/linux/proc_ns.h
READ, WRITE, EXECUTE = 4, 2, 1  # as in a mode's last digit


@dataclass(frozen=True)
class Process:
    """A process of this machine that is not in a container.

    capabilities is its effective set (include/uapi/linux/capability.h). started is in seconds
    since 1970, accurate to one second.
    """

    pid: int
    name: str
    uid: int
    gid: int
    groups: Tuple[int, ...]
    capabilities: int
    started: float


@dataclass(frozen=True)
class Done:
    """The exit status and the output of a program that has run."""

    status: int
    out: str
    err: str


class Machine(Files):
    """The machine this runs on, or a fake one below root."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Return the path below root of a file named by its absolute path. Raises OSError."""
        if not name.startswith("/"):  # relative to another process's folder
            raise OSError(errno.EINVAL, "not an absolute path", name)
        return self.root / super().path(name.lstrip("/"))

    def read(self, name: str) -> str:
        """Return the text of a regular file of at most LIMIT bytes. Raises OSError.

        Bytes are decoded as in file names, so that a file name in the text opens that file.
        """
        return os.fsdecode(self.content(name)).replace("\r\n", "\n")

    def changed(self, name: str) -> float:
        """Return the time a file was last installed or edited, in seconds since 1970; 0 if unknown.

        This is its ctime, since packages set the mtime to their build time.
        """
        try:
            return self.path(name).stat().st_ctime
        except OSError:
            return 0.0

    @property
    def systemd(self) -> bool:
        """True if systemd runs the machine (sd_booted(3))."""
        return self.exists("/run/systemd/system")

    def processes(self) -> List[Process]:
        """Return the processes of this PID namespace in the order of their pids."""
        try:
            booted = self._booted()
        except OSError:
            return []
        found = [self._process(int(name), booted) for name in self.names("/proc") if name.isdigit()]
        return sorted((each for each in found if each is not None), key=lambda each: each.pid)

    def namespace(self, pid: int, kind: str) -> Optional[str]:
        """Return a process's namespace (net, user) for comparison; None if it may not be seen."""
        return self._link(f"/proc/{pid}/ns/{kind}")

    def apart(self, pid: int, other: int) -> bool:
        """Return whether two processes are known to be in different network namespaces."""
        one, two = (self.namespace(each, "net") for each in (pid, other))
        return None not in (one, two) and one != two

    def confined(self, pid: int) -> bool:
        """Return whether a process is known to be outside the initial user namespace."""
        return self.namespace(pid, "user") not in (None, _INITIAL)

    def arguments(self, pid: int) -> List[str]:
        """Return the arguments of a process, its name first; none if they can't be read."""
        try:
            return self.read(f"/proc/{pid}/cmdline").split("\0")[:-1]
        except OSError:
            return []

    def program(self, pid: int) -> Optional[str]:
        """Return the file a process runs, then DELETED if it is gone; None if it may not be seen.

        The path is for messages and comparisons. Never run the file: it may belong to any user.
        """
        return self._link(f"/proc/{pid}/exe")

    def environment(self, pid: int) -> Optional[Dict[str, str]]:
        """Return the environment a process was started with; None if it may not be seen."""
        try:
            text = self.read(f"/proc/{pid}/environ")
        except OSError:
            return None
        pairs = (each.partition("=") for each in text.split("\0") if each)
        return {name: value for name, _, value in pairs}

    def only_roots(self, name: str) -> bool:
        """Return whether only root can write a file and the folders above, by owner and mode.

        The folders are those that the path names, and those where its links lead.
        """
        try:
            path = self.path(name)
            real = Path(os.path.realpath(path))
            places = (real, *real.parents, *path.parents)
            statuses = [each.stat() for each in places if each.is_relative_to(self.root)]
        except OSError:
            return False
        return not any(each.st_uid or each.st_mode & 0o022 for each in statuses)

    def replaceable(self, name: str) -> bool:
        """Return whether another user may be able to put another file in the place of one."""
        return not self.only_roots(os.path.dirname(name))

    def may(self, process: Process, name: str, mode: int) -> bool:
        """Return whether a process may access a file, by the modes of it and of the folders above.

        False if the file does not exist. Access control lists are ignored.
        """
        try:
            real = Path(os.path.realpath(self.path(name)))
            folders = [each for each in real.parents if each.is_relative_to(self.root)]
            steps = [(real, mode), *((each, EXECUTE) for each in folders)]
            return all(_grants(at.stat(), process, bits) for at, bits in steps)
        except OSError:
            return False

    def run(
        self, command: Sequence[str], environment: Optional[Mapping[str, str]] = None
    ) -> Optional[Done]:
        """Run a program of PATH without a shell, adding environment; None if it is not installed.

        A program that takes longer than RUN_SECONDS is killed, and the status is -1. If it can't
        be started, the status is 126.
        """
        variables = {**os.environ, "LC_ALL": "C", **(environment or {}), "PATH": PATH}
        program = self.find(command[0])
        if program is None:
            return None
        try:
            done = subprocess.run(
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=RUN_SECONDS,
                env=variables,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Done(-1, "", f"{command[0]} did not end within {RUN_SECONDS:.0f} s")
        except (OSError, ValueError) as error:  # ValueError: an argument has a NUL
            return Done(126, "", str(error))
        return Done(done.returncode, done.stdout, done.stderr)

    def find(self, program: str) -> Optional[str]:
        """Return the path of a program in PATH, given its name alone; None if there is none."""
        return None if "/" in program else shutil.which(program, path=PATH)

    def _link(self, name: str) -> Optional[str]:
        try:
            return os.readlink(self.path(name))
        except OSError:
            return None

    def _process(self, pid: int, booted: float) -> Optional[Process]:
        # proc_pid_status(5), proc_pid_stat(5); a process may end while its files are read
        try:
            pairs = (line.partition(":") for line in self.read(f"/proc/{pid}/status").split("\n"))
            status = {name: value.split() for name, _, value in pairs}
            line = self.read(f"/proc/{pid}/stat")
            if len(status.get("NSpid", "1")) > 1:
                return None  # in a container
            ticks = int(line.rpartition(")")[2].split()[19])
            return Process(
                pid,
                " ".join(status["Name"]),
                int(status["Uid"][1]),
                int(status["Gid"][1]),
                tuple(map(int, status.get("Groups", []))),
                int(status["CapEff"][0], 16),
                booted + ticks / os.sysconf("SC_CLK_TCK"),
            )
        except (OSError, KeyError, IndexError, ValueError):
            return None

    def _booted(self) -> float:
        for line in self.read("/proc/stat").splitlines():
            if line.startswith("btime "):
                return float(line.split()[1])
        return 0.0


def user_name(uid: int) -> str:
    """Return a user's name, or the number if there is no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Return a group's name, or the number if there is no name."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _grants(status: os.stat_result, process: Process, bits: int) -> bool:
    mode = stat.S_IMODE(status.st_mode)
    if process.uid == 0:
        # CAP_DAC_OVERRIDE, capabilities(7)
        return not bits & EXECUTE or bool(mode & 0o111) or stat.S_ISDIR(status.st_mode)
    if status.st_uid == process.uid:
        mode >>= 6
    elif status.st_gid in (process.gid, *process.groups):
        mode >>= 3
    return mode & bits == bits
