# SPDX-License-Identifier: GPL-3.0-or-later
"""A Cacti from Debian's package, unpacked into a folder: its database, its programs, its files.

It needs no web server and no network: MariaDB listens at a socket in the folder, and Cacti's own
command line programs replace the browser.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Set

HERE = Path(__file__).parent
PROFILE = 99  # a data source profile of our own
INTERVAL = 5  # seconds from poll to poll, unless another is given
KEPT = 600  # seconds of history in a round-robin file, one sample per second

CONFIG = """<?php
$database_type = 'mysql'; $database_default = 'cacti'; $database_hostname = '{socket}';
$database_username = 'root'; $database_password = ''; $database_port = '3306';
$database_retries = 5; $database_ssl = false; $database_ssl_key = ''; $database_ssl_cert = '';
$database_ssl_ca = ''; $database_persist = false; $poller_id = 1; $url_path = '/cacti/';
$cacti_session_name = 'Cacti'; $cacti_db_session = false; $disable_log_rotation = true;
$proxy_headers = null; $path_csrf_secret = '{folder}/csrf-secret.php';
"""


class CactiError(Exception):
    """Cacti, or one of its programs, did not do what was expected."""


@dataclass
class Cacti:
    """An unpacked Cacti with a running database; interval is in seconds, from poll to poll."""

    folder: Path
    interval: int

    @property
    def root(self) -> Path:
        """The folder of the package's architecture-independent files."""
        return self.folder / "deb" / "usr" / "share" / "cacti"

    @property
    def site(self) -> Path:
        """The folder that a web server would serve."""
        return self.root / "site"

    @property
    def log(self) -> Path:
        """The log file."""
        return self.folder / "deb" / "var" / "log" / "cacti" / "cacti.log"

    @property
    def version(self) -> str:
        """The version, such as 1.2.24."""
        return (self.site / "include" / "cacti_version").read_text().strip()

    def sql(self, query: str, database: str = "cacti") -> List[List[str]]:
        """Return the rows of a query's result, as text."""
        client = [
            "mariadb",
            "--no-defaults",
            "-uroot",
            f"-S{self.folder}/db.sock",
            "-N",
            "-B",
            "-r",
        ]
        done = subprocess.run(
            [*client, database], input=query, text=True, capture_output=True, check=False
        )
        if done.returncode:
            raise CactiError(f"{query[:200]}: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def one(self, query: str) -> str:
        """Return the only value of a query's only row."""
        rows = self.sql(query)
        if len(rows) != 1 or len(rows[0]) != 1:
            raise CactiError(f"expected one value from {query}: {rows}")
        return rows[0][0]

    def php(self, program: Path, *arguments: str) -> str:
        """Run one of Cacti's PHP programs and return its output."""
        output = self.folder / "output"
        with self._running(output, program, *arguments) as process:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                raise CactiError(f"{program.name} took more than a minute") from None
        if process.returncode:
            raise CactiError(f"{program.name} {' '.join(arguments)}: {output.read_text()}")
        return output.read_text()

    @contextmanager
    def _running(
        self, output: Path, program: Path, *arguments: str, again: bool = False
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program, again whenever it has ended if again is set.

        At the end, terminate it and its children if it still runs.
        """
        repeated = ["sh", "-c", 'while :; do "$@"; done', "-"] if again else []
        with output.open("w") as file:
            process = subprocess.Popen(
                [*repeated, "php", "-q", str(program), *arguments],
                env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(self.folder / "snmp")},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(timeout=30)

    def cli(self, program: str, *arguments: str) -> str:
        """Run a program in Cacti's cli folder and return its output."""
        return self.php(self.root / "cli" / program, *arguments)

    def import_template(self, path: Path) -> Set[str]:
        """Import a file; return how its objects were imported: new, updated or unchanged.

        Raise CactiError if one was not imported or refers to a missing object.
        """
        output = self.cli("import_template.php", f"--filename={path}", f"--profile-id={PROFILE}")
        took = re.findall(r"^\s*(?:<[^>]*>)*\[(\w+)\]\s*(.*?)\s*\[(\w+)\]", output, re.M)
        if not took or {result for result, _, _ in took} != {"success"} or "[unmet]" in output:
            raise CactiError(f"{self.version} did not import {path.name}: {output}")
        return {kind for _, _, kind in took}

    @contextmanager
    def polling(self) -> Iterator[None]:
        """Run the poller, which polls at each interval for five minutes, again and again."""
        log, program = self.folder / "poller.log", self.site / "poller.php"
        with self._running(log, program, "--force", again=True):
            yield

    def polled(self) -> None:
        """Wait until the next poll is done and in the round-robin files."""
        seen, deadline = self._polls(), time.monotonic() + 12 * self.interval
        while self._polls() == seen:
            if time.monotonic() > deadline:
                raise CactiError(f"the poller does not poll: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def _polls(self) -> int:
        return self.log.read_text(errors="replace").count("SYSTEM STATS:")

    def round_robin_files(self) -> Dict[str, Path]:
        """Return the file of each data source by its title."""
        rows = self.sql(
            "SELECT name_cache, data_source_path FROM data_template_data WHERE local_data_id > 0"
        )
        rra = self.site / "rra"
        return {title: Path(path.replace("<path_rra>", str(rra))) for title, path in rows}

    def titles(self) -> Set[str]:
        """Return the titles of all graphs."""
        rows = self.sql("SELECT title_cache FROM graph_templates_graph WHERE local_graph_id > 0")
        return {title for (title,) in rows}

    def draw(self, title: str, picture: Path, start: int, end: int) -> None:
        """Have Cacti draw a graph as PNG."""
        graph = self.one(
            "SELECT local_graph_id FROM graph_templates_graph"
            f" WHERE local_graph_id > 0 AND title_cache = '{title}'"
        )
        path = str(picture.resolve())  # the program changes to the site folder
        self.php(HERE / "draw.php", str(self.site), graph, str(start), str(end), path)
        if not picture.exists() or not picture.read_bytes().startswith(b"\x89PNG"):
            raise CactiError(f"the graph {title} was not drawn")

    def errors(self) -> List[str]:
        """Return the errors in the log, without PHP's deprecation warnings about an old Cacti."""
        lines = self.log.read_text(errors="replace").splitlines()
        wrong = [line for line in lines if re.search(r"ERROR|FATAL|Error:", line)]
        return [line for line in wrong if not re.search(r"PHP DEPRECATED|Backtrace", line)]


@contextmanager
def unpacked(package: Path, folder: Path, interval: int = INTERVAL) -> Iterator[Cacti]:
    """Unpack and run a Cacti of the package's version, with an empty database."""
    folder.mkdir()
    cacti = Cacti(folder, interval)
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "deb")], check=True)
    for name, inside in {
        "rra": "lib/cacti/rra",
        "log": "log/cacti",
        "cache": "lib/cacti/cache",
    }.items():
        (cacti.site / name).unlink()
        real = folder / "deb" / "var" / inside
        real.mkdir(parents=True, exist_ok=True)
        (cacti.site / name).symlink_to(real)
    cacti.log.touch()
    config = cacti.site / "include" / "config.php"
    config.unlink(missing_ok=True)
    config.write_text(CONFIG.format(socket=folder / "db.sock", folder=folder))
    with _database(cacti):
        _fill(cacti)
        yield cacti


@contextmanager
def _database(cacti: Cacti) -> Iterator[None]:
    folder = cacti.folder
    user = [] if os.geteuid() else ["--user=root"]  # MariaDB runs as root only with this
    files = ["--no-defaults", *user, f"--datadir={folder}/db"]
    (folder / "db").mkdir()
    log = folder / "db.log"
    with log.open("w") as output:
        subprocess.run(
            [
                "mariadb-install-db",
                *files,
                "--force",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ],
            stdout=output,
            stderr=output,
            check=True,
        )
        server = subprocess.Popen(
            [
                "mariadbd",
                *files,
                f"--socket={folder}/db.sock",
                f"--pid-file={folder}/db.pid",
                "--skip-networking",
                "--skip-log-bin",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-doublewrite=0",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches only this process, which terminates the server
        )
    try:
        while not (folder / "db.sock").exists():
            if server.poll() is not None:
                raise CactiError(f"mariadbd: {log.read_text()}")
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait(timeout=30)


def _fill(cacti: Cacti) -> None:
    """Create the package's tables and set what the installer in the browser would set."""
    cacti.sql("CREATE DATABASE cacti CHARACTER SET utf8mb4", database="")
    cacti.sql((cacti.root / "conf_templates" / "cacti.sql").read_text())
    settings = {
        "path_php_binary": "/usr/bin/php",
        "path_rrdtool": "/usr/bin/rrdtool",
        "path_snmpget": "/usr/bin/snmpget",
        "path_snmpwalk": "/usr/bin/snmpwalk",
        "path_snmpbulkwalk": "/usr/bin/snmpbulkwalk",
        "path_webroot": str(cacti.site),
        "path_cactilog": str(cacti.log),
        "rrdtool_version": "1.7.2",
        "snmp_version": "net-snmp",
        "poller_type": "1",
        "enable_snmp_agent": "",  # Cacti's own SNMP agent
        "poller_interval": str(cacti.interval),
        "poller_lastrun_1": str(int(time.time())),
        "cron_interval": "300",
        "log_verbosity": "2",
    }
    rows = ", ".join(f"('{name}', '{value}')" for name, value in settings.items())
    cacti.sql(
        "DELETE FROM automation_networks;"  # where Cacti would search for devices
        f"UPDATE version SET cacti = '{cacti.version}';"
        f"REPLACE INTO settings (name, value) VALUES {rows};"
        "INSERT INTO data_source_profiles (id, hash, name, step, heartbeat, x_files_factor)"
        f" VALUES ({PROFILE}, md5('test'), 'Test', 1, {6 * cacti.interval}, 0.5);"
        f"INSERT INTO data_source_profiles_cf VALUES ({PROFILE}, 1), ({PROFILE}, 3);"
        "INSERT INTO data_source_profiles_rra"
        " (data_source_profile_id, name, steps, `rows`, timespan)"
        f" VALUES ({PROFILE}, 'Test', 1, {KEPT}, {KEPT})"
    )
