# SPDX-License-Identifier: GPL-3.0-or-later
"""A real collectd with the file in contrib/collectd, which polls a recorded director."""

from __future__ import annotations

import os
import re
import select
import subprocess
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

import pytest

from tests.support import files, snmpd
from tests.support.lvsmib import oid
from tests.support.paths import CONTRIB, DATA
from tests.support.snmpd import AGENT, Snmpd

FILE = "collectd/lvs.conf"
V3 = ('createUser lvs SHA "a secret for signing" AES "a secret for encryption"', "rouser lvs priv")

# StoreRates false stores counters unchanged; one thread writes values in the order of reading
COLLECTD = """\
Hostname "poller"
BaseDir "{folder}"
PIDFile "{folder}/pid"
WriteThreads 1
LoadPlugin logfile
<Plugin logfile>
  File "{folder}/log"
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "{folder}/csv"
  StoreRates false
</Plugin>
LoadPlugin rrdtool
<Plugin rrdtool>
  DataDir "{folder}/rrd"
</Plugin>
Include "{folder}/lvs.conf"
"""

Values = Dict[str, List[float]]


class Block(NamedTuple):
    """A Data block of the file. names is the column of its rows' names, "" if they have none."""

    type: str
    instance: str
    names: str
    prefix: str
    values: List[str]


def blocks(text: str) -> List[Block]:
    """Return the Data blocks in the order of the Host's Collect lines."""
    found = {}
    for name, body in re.findall(r'<Data "(\w+)">(.*?)</Data>', text, re.DOTALL):
        lines = re.findall(r"^ *(\w+) (.*)$", body, re.MULTILINE)
        options = {option: re.findall('"([^"]*)"', rest) for option, rest in lines}
        found[name] = Block(
            options["Type"][0],
            options["PluginInstance"][0],
            options.get("TypeInstanceOID", [""])[0],
            options.get("TypeInstancePrefix", [""])[0],
            options["Values"],
        )
    collected = re.findall(r'"(\w+)"', "".join(re.findall(r"^ *Collect (.*)$", text, re.MULTILINE)))
    assert [*found] == collected
    return [*found.values()]


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    folder = tmp_path_factory.mktemp("director")
    agent = f"{AGENT} pass-persist --replay {DATA / 'directors' / 'options'}"
    with snmpd.running(folder, agent, *V3) as running:
        yield running


def expected(director: Snmpd, text: str) -> Values:
    """Return the values of each expected file: one for each row of each block."""
    found: Values = {}
    for block in blocks(text):
        names = director.column(block.names) if block.names else {}
        columns = [director.column(value) for value in block.values]
        for instance in columns[0]:
            name = names[instance] if names else instance
            file = f"director1/lvs-{block.instance}/{block.type}-{block.prefix}{name}"
            assert file not in found
            found[file] = [float(values[instance]) for values in columns]
    return found


def collected(folder: Path, text: str) -> Values:
    """Run collectd until it has polled three times; return the first values of each file."""
    (folder / "lvs.conf").write_text(text)
    (folder / "collectd.conf").write_text(COLLECTD.format(folder=folder))
    command = ["collectd", "-f", "-C", str(folder / "collectd.conf")]
    environment = {**os.environ, "MIBS": "", "SNMPCONFPATH": str(folder)}
    last = blocks(text)[-1]
    with subprocess.Popen(command, env=environment) as running:
        try:
            while not polled(folder / "csv" / "director1" / f"lvs-{last.instance}", last.type):
                assert running.poll() is None
                select.select([], [], [], 0.05)
        finally:
            running.terminate()
    assert "error" not in (folder / "log").read_text().lower()
    found = {}
    for path in (folder / "csv").rglob("*-[0-9]*-[0-9]*-[0-9]*"):
        name = str(path.relative_to(folder / "csv"))[: -len("-2026-01-01")]
        found[name] = [float(value) for value in path.read_text().splitlines()[1].split(",")[1:]]
    return found


def polled(folder: Path, type_: str) -> bool:
    """Return True if a file of the type has values of three polls."""
    lines = [path.read_text().count("\n") for path in folder.glob(f"{type_}-*")]
    return max(lines, default=0) > 3


def configuration(director: Snmpd) -> str:
    text = (CONTRIB / FILE).read_text()
    return files.put(text, {"director1:161": director.address, "Interval 60": "Interval 1"})


def test_each_row_has_files_of_its_own_with_the_directors_values(
    director: Snmpd, tmp_path: Path
) -> None:
    text = configuration(director)
    wanted = expected(director, text)
    assert len([name for name in wanted if "-services/if_octets-" in name]) == 23
    assert len([name for name in wanted if "-servers/if_octets-" in name]) == 24
    assert len([name for name in wanted if "-vips/if_octets-" in name]) == 7
    assert collected(tmp_path, text) == wanted
    rrds = {str(path.relative_to(tmp_path / "rrd")) for path in (tmp_path / "rrd").rglob("*.rrd")}
    assert rrds == {f"{name}.rrd" for name in wanted}


def test_by_the_name_of_a_server_alone_servers_would_share_files(
    director: Snmpd, tmp_path: Path
) -> None:
    text = configuration(director)
    wanted = expected(director, text)
    text = files.put(text, {f'"{oid("lvsRsFullName")}"': f'"{oid("lvsRsName")}"'})
    assert len(collected(tmp_path, text)) < len(wanted)


def test_snmpv3_by_the_lines_of_the_comment(director: Snmpd, tmp_path: Path) -> None:
    text = configuration(director)
    wanted = expected(director, text)
    text = re.sub(r'^ *(Version 2|Community "public")\n', "", text, flags=re.MULTILINE)
    text = re.sub(r"^( *)# (?=[A-Z]\w+ [\"3])", r"\1", text, flags=re.MULTILINE)
    assert text.count("Passphrase") == 2
    assert "# Auth" not in text
    assert collected(tmp_path, text) == wanted
