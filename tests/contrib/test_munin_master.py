# SPDX-License-Identifier: GPL-3.0-or-later
"""A Munin master with the file in contrib/munin polls a node, and draws a director's graphs."""

from __future__ import annotations

import re
from typing import Iterator, Set

import pytest

from tests.support import directors, files, munin
from tests.support.directors import SimulatedDirector
from tests.support.munin import Master

DAY = "2026-01-01"
POLLS = ("00:00", "00:05", "00:10", "00:15")
GRAPHS = {f"lvs_{name}" for name in ("traffic", "conns", "active", "servers", "lost")} | {
    f"lvs_{by}_{name}" for by in ("vip", "rip") for name in ("traffic", "conns", "active")
}

# of directors.farm; a step takes five minutes here
AVERAGES = {
    "lvs_traffic-UDP_192_0_2_53_53_in-d": 3000,
    "lvs_traffic-UDP_192_0_2_53_53_out-d": 6000,
    "lvs_conns-FWM_5_conns-d": 4,
    "lvs_active-TCP__2001_db8__10__443_active-g": 101,
    "lvs_active-TCP__2001_db8__10__443_inactive-g": 201,
    "lvs_servers-TCP_192_0_2_10_80_up-g": 2,
    "lvs_servers-TCP_192_0_2_10_80_lost-g": 0,
    "lvs_lost-services-g": 0,
    "lvs_vip_traffic-VIP_192_0_2_10_out-d": 2000 + 4000,
    "lvs_vip_active-VIP_192_0_2_10_active-g": 21 + 41,
    "lvs_rip_traffic-RIP_10_0_2_1_in-d": 2000,
    "lvs_rip_conns-RIP_2001_db8_1__2_conns-d": 5,
}


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director")) as running:
        running.serve(*directors.farm())
        yield running


@pytest.fixture(scope="module")
def node(director: SimulatedDirector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the Munin node that queries the director."""
    with munin.node(tmp_path_factory.mktemp("node"), director.port) as port:
        yield port


def kept(master: Master) -> Set[str]:
    """Return the names of the graphs of which the master has round-robin files."""
    return {path.name.split("-")[1] for path in master.folder.rglob("director1-*.rrd")}


def average(master: Master, name: str) -> float:
    """Return the average from the second to the third poll."""
    begin, end = (f"{time} {DAY.replace('-', '')}" for time in POLLS[1:3])
    path = master.folder / "LVS" / f"director1-{name}.rrd"
    done = files.run("rrdtool", "fetch", str(path), "AVERAGE", "-s", begin, "-e", end)
    return float(done.stdout.splitlines()[2].split()[1])


def test_the_directors_graphs_are_drawn(director: SimulatedDirector, node: int) -> None:
    with munin.master(node) as master:
        for step, time in enumerate(POLLS):
            director.serve(*directors.farm(step))
            last = time == POLLS[-1]
            master.run("munin-cron" if last else "munin-update", at=f"{DAY} {time}:00")
        assert kept(master) == GRAPHS
        for name, value in AVERAGES.items():
            assert average(master, name) == pytest.approx(value), name
        page = master.folder / "html" / "LVS" / "director1" / "index.html"
        pictures = re.findall(r'src="([^"]*/lvs_\w+-day\.png)"', page.read_text())
        assert len(pictures) == len(GRAPHS)
        for picture in pictures:
            assert (page.parent / picture).read_bytes().startswith(b"\x89PNG")


def test_by_the_name_of_the_node_the_master_gets_no_graphs(node: int) -> None:
    with munin.master(node, {"use_node_name no": "use_node_name yes"}) as master:
        master.run("munin-update")
        assert kept(master) == set()
