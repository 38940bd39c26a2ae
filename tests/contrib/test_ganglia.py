# SPDX-License-Identifier: GPL-3.0-or-later
"""The script for Ganglia, with a real gmetric and a gmond on loopback."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.support import directors, files, forger, ganglia
from tests.support.directors import SimulatedDirector
from tests.support.ganglia import Gmond
from tests.support.paths import CONTRIB

SCRIPT = CONTRIB / "ganglia" / "lvs-gmetric"
CRON = "#   * * * * * ganglia /usr/local/bin/"

# in the order of directors.farm
SERVICES = {
    "tcp_192.0.2.10_80": "TCP 192.0.2.10:80",
    "tcp_192.0.2.10_443": "TCP 192.0.2.10:443",
    "udp_192.0.2.53_53": "UDP 192.0.2.53:53",
    "fwm_5": "FWM 5",
    "tcp__2001_db8__10__443": "TCP [2001:db8::10]:443",
}
# the places of their services in directors.farm
VIPS = {
    "vip_192.0.2.10": (1, 2),
    "vip_192.0.2.53": (3,),
    "vip_2001_0db8_0000_0000_0000_0000_0000_0010": (5,),
}
METRICS = 6 * (len(SERVICES) + len(VIPS))


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director")) as running:
        running.serve(*directors.farm())
        yield running


@pytest.fixture
def gmond(tmp_path: Path) -> Iterator[Gmond]:
    with ganglia.running(tmp_path) as running:
        yield running


def cron_lines() -> List[List[str]]:
    """Return the commands of the crontab lines in the script's comment."""
    lines = SCRIPT.read_text().splitlines()
    return [shlex.split(line[len(CRON) :]) for line in lines if line.startswith(CRON)]


def run(
    folder: Path, *command: str, community: str = "public", timeout: int = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command; timeout is the time in seconds that the director has for each answer."""
    (folder / "snmp.conf").write_text(
        f"defVersion 2c\ndefCommunity {community}\nretries 0\ntimeout {timeout}\n"
    )
    (folder / "persistent" / "cert_indexes").mkdir(parents=True, exist_ok=True)
    return files.run(
        *command,
        **ganglia.ENVIRONMENT,
        MIBS="",
        SNMPCONFPATH=str(folder),
        SNMP_PERSISTENT_DIR=str(folder / "persistent"),
    )


def test_gmond_has_the_metrics_of_each_service(
    director: SimulatedDirector, gmond: Gmond, tmp_path: Path
) -> None:
    local, _other = cron_lines()
    program, where = local
    assert (program, where) == ("lvs-gmetric", "localhost")
    done = run(tmp_path, str(SCRIPT), director.address, "-c", str(gmond.config))
    assert (done.returncode, done.stderr) == (0, "")
    ((_host, metrics),) = gmond.with_metrics(METRICS).items()
    expected = {}
    for place, service in enumerate(SERVICES, 1):
        values = {
            "servers_up": 2,
            "active": 20 * place + 1,
            "inactive": 40 * place + 1,
            "new": place,
            "in": 1000 * place,
            "out": 2000 * place,
        }
        expected.update({f"lvs_{service}_{name}": str(value) for name, value in values.items()})
    for vip, places in VIPS.items():
        values = {
            "services_up": len(places),
            "active": sum(20 * place + 1 for place in places),
            "inactive": sum(40 * place + 1 for place in places),
            "new": sum(places),
            "in": 1000 * sum(places),
            "out": 2000 * sum(places),
        }
        expected.update({f"lvs_{vip}_{name}": str(value) for name, value in values.items()})
    assert {name: metric.attrib["VAL"] for name, metric in metrics.items()} == expected


def test_a_metric_says_what_it_is(
    director: SimulatedDirector, gmond: Gmond, tmp_path: Path
) -> None:
    run(tmp_path, str(SCRIPT), director.address, "-c", str(gmond.config))
    ((_host, metrics),) = gmond.with_metrics(METRICS).items()
    for service, name in SERVICES.items():
        metric = metrics[f"lvs_{service}_in"]
        assert metric.attrib["UNITS"] == "bytes/s"
        extra = {each.attrib["NAME"]: each.attrib["VAL"] for each in metric.iter("EXTRA_ELEMENT")}
        assert extra["TITLE"] == f"{name} in"
        assert extra["GROUP"] == "lvs"


def test_an_alias_is_in_the_title_alone(
    director: SimulatedDirector, gmond: Gmond, tmp_path: Path
) -> None:
    director.aliases.write_text("TCP 192.0.2.10:80 shop, (plain) | é\n192.0.2.53 names\n")
    run(tmp_path, str(SCRIPT), director.address, "-c", str(gmond.config))
    director.aliases.unlink()
    ((_host, metrics),) = gmond.with_metrics(METRICS).items()
    for service, title in (
        ("tcp_192.0.2.10_80", "shop, (plain) ? .. (TCP 192.0.2.10:80)"),
        ("udp_192.0.2.53_53", "UDP 192.0.2.53:53"),
        ("vip_192.0.2.53", "names (VIP 192.0.2.53)"),
        ("vip_192.0.2.10", "VIP 192.0.2.10"),
    ):
        extras = metrics[f"lvs_{service}_in"].iter("EXTRA_ELEMENT")
        assert {each.attrib["NAME"]: each.attrib["VAL"] for each in extras}[
            "TITLE"
        ] == f"{title} in"


def test_another_directors_metrics_are_under_its_name(
    director: SimulatedDirector, gmond: Gmond, tmp_path: Path
) -> None:
    _local, (_program, where, *options) = cron_lines()
    assert where == "director1"
    done = run(tmp_path, str(SCRIPT), director.address, *options, "-c", str(gmond.config))
    assert done.returncode == 0
    assert len(gmond.with_metrics(METRICS)["director1"]) == METRICS


@pytest.mark.parametrize(
    ("name", "metric", "title"),
    [
        (b"x\n<b> a|b 1.4.192.0.2.10.6.80 7", "x", "x (x)"),
        (
            b"<script>|\\c'$(id)`id`",
            "_script____c___id__id_",
            "?script????c??(id)?id? (?script????c???id??id?)",
        ),
        (b"\x1b[2J", "1b_5b_32_4a_", ".[2J (1B 5B 32 4A )"),  # as net-snmp prints them
    ],
)
def test_a_name_and_an_alias_are_text_in_a_metric(
    gmond: Gmond, tmp_path: Path, name: bytes, metric: str, title: str
) -> None:
    with forger.running(tmp_path / "director", name) as address:
        done = run(tmp_path, str(SCRIPT), address, "-c", str(gmond.config))
    assert (done.returncode, done.stderr) == (0, "")
    ((_host, metrics),) = gmond.with_metrics(METRICS).items()
    names = [f"tcp_192.0.2.10_80_{kind}" for kind in ("in", "out")]
    assert not set(names) & set(metrics)
    assert len(metrics) == METRICS
    found = metrics[f"lvs_{metric}_in"]
    extra = {each.attrib["NAME"]: each.attrib["VAL"] for each in found.iter("EXTRA_ELEMENT")}
    assert (found.attrib["UNITS"], extra["TITLE"]) == ("bytes/s", f"{title} in")


@pytest.mark.parametrize(
    ("community", "timeout", "message"),
    [
        ("public", 60, "lvs-gmetric: {address} shows no virtual services\n"),
        ("wrong", 1, "Timeout: No Response from {address}\n"),
    ],
)
def test_no_services_or_no_answer_is_one_line_and_nothing_is_sent(
    director: SimulatedDirector,
    gmond: Gmond,
    tmp_path: Path,
    community: str,
    timeout: int,
    message: str,
) -> None:
    director.serve()
    arguments = [director.address, "-c", str(gmond.config)]
    done = run(tmp_path, str(SCRIPT), *arguments, community=community, timeout=timeout)
    director.serve(*directors.farm())
    assert done.returncode == 1
    assert done.stderr == message.format(address=director.address)
    assert gmond.hosts() == {}
