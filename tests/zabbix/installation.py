# SPDX-License-Identifier: GPL-3.0-or-later
"""A Zabbix of Debian's packages with its files in a folder: its database, server and frontend.

It needs no service of the machine and no network. PostgreSQL listens at a socket in the folder;
the server and the frontend listen on loopback.
"""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, TypeVar

from tests.zabbix.api import Api, ZabbixError

SCHEMA = Path("/usr/share/zabbix-server-pgsql")
FRONTEND = "/usr/share/zabbix"
# the frontend of Debian's package reads its configuration from here and nowhere else
CONFIGURATION = "/etc/zabbix"
SITE_ADDRESS = "127.0.0.1:8080"
DATABASE_USER = "postgres"  # PostgreSQL refuses to run as root

# A host that does not answer is asked every second. Only reload() reads the configuration: read
# during an outage, it can make Zabbix before 6.0.24 repeat a request for ever (docs/design.md).
SERVER = """
ListenIP=127.0.0.1
LogFile={folder}/server.log
PidFile={folder}/server.pid
SocketDir={folder}
DBHost={folder}/database
DBName=zabbix
DBUser=zabbix
AllowRoot=1
CacheSize=128M
CacheUpdateFrequency=3600
Timeout=2
UnreachablePeriod=1
UnreachableDelay=1
UnavailableDelay=1
HousekeepingFrequency=0
ExternalScripts={folder}
AlertScriptsPath={folder}
"""

SITE = """<?php
$DB['TYPE'] = 'POSTGRESQL'; $DB['SERVER'] = '{folder}/database'; $DB['PORT'] = '0';
$DB['DATABASE'] = 'zabbix'; $DB['USER'] = 'zabbix'; $DB['PASSWORD'] = ''; $DB['SCHEMA'] = '';
$DB['ENCRYPTION'] = false; $DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER = '127.0.0.1'; $ZBX_SERVER_PORT = '10051';
$ZBX_SERVER_NAME = 'lvs-agent'; $IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
"""

Found = TypeVar("Found")


class TooLateError(ZabbixError):
    """What was awaited has not come."""


@dataclass
class Zabbix:
    """A running Zabbix with its files in folder, and its API."""

    folder: Path
    api: Api
    _running: Dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The version, such as 6.0.14."""
        return self.api.version

    def wait(self, what: str, condition: Callable[[], Found], seconds: float = 60) -> Found:
        """Wait until condition() is true and return what it returned.

        Raise TooLateError after some seconds, and ZabbixError if a process has ended.
        """
        deadline = time.monotonic() + seconds
        while True:
            began = time.monotonic()
            found = condition()
            if found:
                return found
            self._check()
            if began > deadline:
                raise TooLateError(f"not within {seconds:g} s: {what}\n{self._tail('server')}")
            time.sleep(max(0.2, time.monotonic() - began))

    def reload(self) -> None:
        """Let the server read its configuration again, if it has started."""
        command = [*_server(self.folder), "--runtime-control", "config_cache_reload"]
        subprocess.run(command, capture_output=True, check=False)

    def processor_seconds(self) -> float:
        """Return the processor time of the server's processes so far."""
        server = self._running["server"].pid
        found = 0.0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                values = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            if int(values[2]) == server:  # its group
                found += (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
        return found

    @contextmanager
    def process(
        self, name: str, command: Sequence[str], user: Optional[str] = None
    ) -> Iterator[None]:
        """Run a program with its output in a file; end it afterwards, with its children."""
        output = (self.folder / f"{name}.output").open("w")
        with output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PHP_CLI_SERVER_WORKERS": "4"},
                start_new_session=True,  # Ctrl-C reaches only this process, which ends the others
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        self._running[name] = process
        try:
            yield
        finally:
            del self._running[name]
            _end(process)

    def _check(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ZabbixError(f"{name} has ended: {process.returncode}\n{self._tail(name)}")

    def _tail(self, name: str) -> str:
        texts = [
            path.read_text(errors="replace")[-2000:]
            for path in (self.folder / f"{name}.log", self.folder / f"{name}.output")
            if path.exists()
        ]
        return "\n".join(text for text in texts if text)


def _server(folder: Path) -> List[str]:
    return ["zabbix_server", "--config", str(folder / "server.conf")]


def _end(process: subprocess.Popen[bytes]) -> None:
    # SIGINT, since PostgreSQL takes SIGTERM as an order to wait for its clients
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
            break
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the children that it left


@contextmanager
def running(folder: Path) -> Iterator[Zabbix]:
    """Run a new Zabbix, without its host for the server itself."""
    folder.mkdir()
    folder.chmod(0o711)  # for the user of the database
    zabbix = Zabbix(folder, Api(f"http://{SITE_ADDRESS}"))
    with ExitStack() as stack:
        stack.enter_context(_database(zabbix))
        (folder / "server.conf").write_text(SERVER.format(folder=folder))
        stack.enter_context(zabbix.process("server", [*_server(folder), "--foreground"]))
        stack.enter_context(_site(zabbix))
        zabbix.wait("the frontend answers", lambda: _answers(zabbix.api))
        zabbix.api.login()
        hosts = zabbix.api.call("host.get", {"output": ["hostid"]})
        zabbix.api.call("host.delete", [each["hostid"] for each in hosts])
        yield zabbix


@contextmanager
def _database(zabbix: Zabbix) -> Iterator[None]:
    folder = zabbix.folder / "database"
    folder.mkdir(mode=0o700)
    shutil.chown(folder, DATABASE_USER, DATABASE_USER)
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    data = str(folder / "data")
    # whoever reaches the socket is accepted: the folder is closed to others
    initdb = [str(programs / "initdb"), "-D", data, "-U", "zabbix", "-A", "trust", "-E", "UTF8"]
    done = subprocess.run(
        [*initdb, "--locale=C.UTF-8", "--no-sync"],
        user=DATABASE_USER,
        group=DATABASE_USER,
        extra_groups=[],
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ZabbixError(f"initdb: {done.stdout}")
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
    options = [word for each in settings.items() for word in ("-c", "=".join(each))]
    command = [str(programs / "postgres"), "-D", data, *options]
    with zabbix.process("database", command, DATABASE_USER):
        zabbix.wait("the database accepts connections", lambda: _is_ready(folder))
        _sql(folder, "postgres", b"CREATE DATABASE zabbix")
        for name in ("schema", "images", "data"):
            _sql(folder, "zabbix", gzip.decompress((SCHEMA / f"{name}.sql.gz").read_bytes()))
        _sql(folder, "zabbix", b"ANALYZE")  # or some queries take minutes
        yield


def _is_ready(folder: Path) -> bool:
    command = ["pg_isready", "-q", "-h", str(folder), "-d", "postgres", "-U", "zabbix"]
    return not subprocess.run(command, check=False).returncode


def _sql(folder: Path, database: str, text: bytes) -> None:
    command = ["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", str(folder), "-U", "zabbix", database]
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    if done.returncode:
        raise ZabbixError(f"psql: {done.stderr.decode()[-2000:]}")


@contextmanager
def _site(zabbix: Zabbix) -> Iterator[None]:
    configuration = zabbix.folder / "site"
    configuration.mkdir()
    (configuration / "zabbix.conf.php").write_text(SITE.format(folder=zabbix.folder))
    mounted = f'mount --bind "$1" {CONFIGURATION}; exec php -S "$2" -t {FRONTEND}'
    command = ["unshare", "--mount", "sh", "-ec", mounted, "-", str(configuration), SITE_ADDRESS]
    with zabbix.process("site", command):
        yield


def _answers(api: Api) -> bool:
    try:
        return bool(api.version)
    except ZabbixError:
        return False
