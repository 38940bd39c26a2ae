# SPDX-License-Identifier: GPL-3.0-or-later
"""MRTG's own cfgmaker and mrtg with the files in contrib/mrtg, at times set by faketime."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from lvs_agent.services import VirtualService
from tests.support import builders, directors, files, forger
from tests.support.directors import SimulatedDirector, counted
from tests.support.paths import CONTRIB

TEMPLATE, CONFIG = "mrtg/lvs.htp", "mrtg/mrtg.cfg"
WEB = "/var/www/html/mrtg"
INTERVAL_MINUTES = 5
MANY = 2**42  # bytes: more than the link in mrtg.cfg can carry in an interval

# in the order of directors.farm
SERVICES = (
    "tcp-192.0.2.10-80",
    "tcp-192.0.2.10-443",
    "udp-192.0.2.53-53",
    "fwm-5",
    "tcp--2001-db8--10--443",
)

VIPS = ("vip-192.0.2.10", "vip-192.0.2.53", "vip-2001-db8--10")

Rates = Tuple[int, int]


@pytest.fixture
def director(tmp_path: Path) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path / "director") as running:
        yield running


@pytest.fixture
def second(tmp_path: Path) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path / "second") as running:
        yield running


class Mrtg:
    """A configuration that is run every five minutes of a simulated clock."""

    def __init__(self, folder: Path, config: str) -> None:
        self._folder = folder
        self._config = folder / "mrtg.cfg"
        self._config.write_text(config)
        self._minute = 0

    def run(self) -> str:
        """Return mrtg's complaints, except those about new graphs."""
        at = f"2026-01-01 00:{self._minute:02}:00"
        self._minute += INTERVAL_MINUTES
        done = files.run("faketime", "-f", at, "mrtg", str(self._config))
        lines = (done.stdout + done.stderr).splitlines()
        return "\n".join(line for line in lines if line and "Rateup WARNING" not in line)

    def targets(self) -> List[str]:
        return sorted(log.stem for log in self._folder.glob("*.log"))

    def latest(self, target: str) -> Rates:
        """Return the last sample: bytes per second, or a gauge; see mrtg-logfile(1)."""
        last = (self._folder / f"{target}.log").read_text().splitlines()[1].split()
        return int(last[1]), int(last[2])


@pytest.fixture
def generated(director: SimulatedDirector, tmp_path: Path) -> Mrtg:
    """The configuration that the command in the template makes for a director."""
    director.serve(*directors.farm())
    return Mrtg(
        tmp_path, files.put(configuration(tmp_path, director.address), {WEB: str(tmp_path)})
    )


def configuration(folder: Path, address: str) -> str:
    """Return the output of the command in the template."""
    shutil.copy(CONTRIB / TEMPLATE, folder)
    *command, redirection, _name = files.command(
        TEMPLATE,
        "cfgmaker",
        {"lvs.htp": str(folder / "lvs.htp"), "director1:161": address},
    )
    assert redirection == ">"
    made = files.run(*command)
    assert [line for line in made.stderr.split("\n") if not line.startswith("--base:")] == [""]
    return made.stdout


@pytest.mark.parametrize(
    ("name", "title"),
    [
        (b"x\nTarget: `id`", "x?Target: `id`"),
        (b"x\r\n\x1b[2J", "x???[2J"),
        (b"<script>'&\"</script>", "&lt;script&gt;'&amp;\"&lt;/script&gt;"),
    ],
)
def test_a_name_and_an_alias_are_text_and_no_line_of_the_configuration(
    tmp_path: Path, name: bytes, title: str
) -> None:
    with forger.running(tmp_path / "director", name) as address:
        config = configuration(tmp_path, address)
    assert len([line for line in config.splitlines() if line.startswith("Target[")]) == 29
    assert "]: `" not in config
    (line,) = [
        line for line in config.splitlines() if f"]: Traffic of {title} ({title}) on " in line
    ]
    assert line.startswith("Title[")


def test_an_alias_is_in_titles_alone(director: SimulatedDirector, tmp_path: Path) -> None:
    director.serve(*directors.farm())
    before = configuration(tmp_path, director.address).splitlines()
    director.aliases.write_text("TCP 192.0.2.10:80 Café: №1\n192.0.2.10 shop\n", "utf-8")
    after = configuration(tmp_path, director.address).splitlines()
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    titles = {
        "TCP 192.0.2.10:80": "Caf&#233;: &#8470;1 (TCP 192.0.2.10:80)",
        "VIP 192.0.2.10": "shop (VIP 192.0.2.10)",
    }
    for old, new in changed:
        assert old.startswith(("Title[", "PageTop["))
        (name,) = (name for name in titles if f"of {name} on" in old)
        assert new == old.replace(name, titles[name])
    assert len(changed) == 2 * (4 + 3)


def pair(folder: Path, one: SimulatedDirector, other: SimulatedDirector) -> Mrtg:
    config = files.put(
        (CONTRIB / CONFIG).read_text(),
        {
            "director1:161": one.address,
            "director2:161": other.address,
            WEB: str(folder),
            "/var/lib/mrtg": str(folder),
        },
    )
    return Mrtg(folder, config)


def https(in_bytes: int) -> VirtualService:
    """Return mrtg.cfg's service: twice as much out as in, 3 active and 4 inactive connections."""
    server = builders.server(active_conns=3, inact_conns=4)
    return builders.service(
        "192.0.2.10", 443, server, counters=counted(in_bytes, out_bytes=2 * in_bytes)
    )


def test_cfgmaker_makes_graphs_of_each_service_and_vip(generated: Mrtg) -> None:
    assert generated.run() == ""
    kinds = ("active", "conns", "traffic")
    expected = [f"127.0.0.1-{name}-{kind}" for name in SERVICES + VIPS for kind in kinds]
    expected += [f"127.0.0.1-{name}-servers" for name in SERVICES]
    assert generated.targets() == sorted(expected)


@pytest.mark.parametrize(("place", "service"), list(enumerate(SERVICES, 1)))
def test_rates_of_a_generated_configuration_are_the_directors(
    director: SimulatedDirector, generated: Mrtg, place: int, service: str
) -> None:
    generated.run()
    director.serve(*directors.farm(1))
    assert generated.run() == ""
    name = f"127.0.0.1-{service}"
    assert generated.latest(f"{name}-traffic") == (1000 * place, 2000 * place)
    assert generated.latest(f"{name}-conns") == (place, place)
    assert generated.latest(f"{name}-active") == (20 * place + 1, 40 * place + 1)
    assert generated.latest(f"{name}-servers") == (2, 0)


def test_a_vips_rates_are_the_sums_of_its_services(
    director: SimulatedDirector, generated: Mrtg
) -> None:
    generated.run()
    director.serve(*directors.farm(1))
    assert generated.run() == ""
    assert generated.latest("127.0.0.1-vip-192.0.2.10-traffic") == (1000 + 2000, 2000 + 4000)
    assert generated.latest("127.0.0.1-vip-192.0.2.10-conns") == (1 + 2, 1 + 2)
    assert generated.latest("127.0.0.1-vip-192.0.2.10-active") == (21 + 41, 41 + 81)
    assert generated.latest("127.0.0.1-vip-2001-db8--10-traffic") == (5000, 10000)


def test_a_director_without_services_has_no_targets(
    director: SimulatedDirector, tmp_path: Path
) -> None:
    director.serve()
    assert "Target[" not in configuration(tmp_path, director.address)


def test_a_service_that_is_gone_is_drawn_as_zero_and_the_others_go_on(
    director: SimulatedDirector, generated: Mrtg
) -> None:
    generated.run()
    director.serve(*directors.farm(1))
    generated.run()
    director.serve(*directors.farm(2)[1:])
    generated.run()
    assert generated.latest("127.0.0.1-tcp-192.0.2.10-80-traffic") == (0, 0)
    assert generated.latest("127.0.0.1-tcp-192.0.2.10-443-traffic") == (2000, 4000)


def test_a_zeroed_counter_makes_no_spike(director: SimulatedDirector, generated: Mrtg) -> None:
    generated.run()
    director.serve(*directors.farm(1))
    generated.run()
    director.serve(*(zeroed(service) for service in directors.farm()))
    assert generated.run() == ""
    assert generated.latest("127.0.0.1-tcp-192.0.2.10-80-traffic") == (0, 0)


def zeroed(service: VirtualService) -> VirtualService:
    service.counters = counted(0)
    return service


def test_a_pair_is_summed(
    director: SimulatedDirector, second: SimulatedDirector, tmp_path: Path
) -> None:
    mrtg = pair(tmp_path, director, second)
    for step in (0, 1):
        director.serve(https(MANY + step * 300_000))
        second.serve(https(MANY + step * 900_000))
        assert mrtg.run() == ""
    assert mrtg.latest("director1-traffic") == (1000, 2000)
    assert mrtg.latest("director1-vip") == (1000, 2000)
    assert mrtg.latest("pair-traffic") == (4000, 8000)
    assert mrtg.latest("pair-active") == (6, 8)


@pytest.mark.parametrize(
    ("others", "meanwhile"), [(2 * MANY, (1000, 2000)), (MANY // 2, (0, 0))], ids=["up", "down"]
)
def test_a_fail_over_makes_no_spike_and_the_sum_goes_on(
    director: SimulatedDirector,
    second: SimulatedDirector,
    tmp_path: Path,
    others: int,
    meanwhile: Rates,
) -> None:
    mrtg = pair(tmp_path, director, second)
    for step in range(3):
        director.serve(https(MANY + step * 300_000))
        mrtg.run()
    assert mrtg.latest("pair-traffic") == (1000, 2000)
    director.serve()
    for step, expected in enumerate([meanwhile, (3000, 6000)]):
        second.serve(https(others + step * 900_000))
        mrtg.run()
        assert mrtg.latest("pair-traffic") == expected
        assert mrtg.latest("director1-traffic") == (0, 0)
        assert mrtg.latest("pair-active") == (3, 4)
