# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers in pictures, which rrdtool prints while drawing, and the rows they include."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import re
from pathlib import Path
from typing import Dict, List

import pytest

from lvs_agent.arguments import parser
from lvs_agent.errors import CommandError, UsageError
from lvs_agent.pollers.graph import beside, elements, files, picture, texts
from lvs_agent.pollers.graph.files import File
from lvs_agent.pollers.graph.kinds import KINDS, kind_of
from lvs_agent.pollers.graph.picture import MOST_GROUPS, Look
from lvs_agent.pollers.graph.rrdtool import Rrdtool
from lvs_agent.pollers.graph.selection import Group, grouped, look_at, selection, title
from lvs_agent.pollers.naming import NamingError
from lvs_agent.pollers.parsing import parse_named
from tests.support import rounds
from tests.support.rounds import STEP

END = 1_800_000_000
LOOK = Look(str(END - 3600), str(END))
HTTP, HTTPS, DNS = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443", "UDP [2001:db8::53]:53"

# values by row; every sum of rows is different
LB1 = {
    HTTP: 1,
    HTTPS: 10,
    DNS: 100,
    "FWM 5": 1000,
    f"{HTTP} -> 192.168.0.1:8080": 2,
    f"{HTTP} -> 192.168.0.2:8080": 20,
    f"{HTTPS} -> 192.168.0.1:8443": 200,
    f"{DNS} -> [2001:db8:1::1]:53": 2000,
    "VIP 192.0.2.10": 30000,
    "VIP [2001:db8::53]": 300000,
    "RIP 192.168.0.1": 3000000,
}
LB2 = {HTTP: 5, "FWM 5": 5000, "VIP 192.0.2.10": 50000}

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rounds.folder(tmp_path_factory.mktemp("rounds"), {"lb1": LB1, "lb2": LB2}, END)


def options(*words: str) -> argparse.Namespace:
    """Return parsed options of graph draw."""
    return parser().parse_args(["graph", "draw", "--from", "F", "-o", "O", *words])


def drawn(
    folder: Path, *words: str, look: Look = LOOK, polls: int = rounds.HOUR
) -> Dict[str, List[float]]:
    """Draw; return the last, average and maximum of each line of the legend, for both sources."""
    args = options(*words)
    chosen = selection(args)
    with Rrdtool(folder) as rrdtool:
        every = list(look_at(rrdtool, folder, chosen.takes).last)
        kind, groups = kind_of(args.kind, every), grouped(every, chosen.stack)
        command = picture.words(str(folder / "out.png"), "PNG", kind, groups, "title", look)
        names = [word.split(":")[1] for word in command if word.startswith("GPRINT:")]
        _size, *printed = rrdtool.run(*command, *(f"PRINT:{name}:%.3lf" for name in names))
    assert (folder / "out.png").read_bytes().startswith(PNG)
    found: Dict[str, List[float]] = {}
    for name, number in zip(names, printed):
        group, source = re.fullmatch(r"[vt](\d+_)?(\d)(?:last|average|maximum)", name).groups()  # type: ignore[union-attr]
        line = groups[int(group[:-1])].name if group else "total"
        line = kind.sources[int(source)][1] if len(groups) == 1 else line
        found.setdefault(line, []).append(float(number))
    return found


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("active", {"active": [1] * 3, "inactive": [2] * 3}),
        ("conns", {"new": [3] * 3}),
        ("packets", {"in": [4] * 3, "out": [5] * 3}),
        ("bits", {"in": [48] * 3, "out": [56] * 3}),
        ("packet-size", {"in": [1.5] * 3, "out": [1.4] * 3}),
        ("bits-per-conn", {"in": [16] * 3, "out": [18.667] * 3}),
        ("packets-per-conn", {"in": [1.333] * 3, "out": [1.667] * 3}),
        ("servers", {"up": [7] * 3, "at weight 0": [8] * 3, "lost": [9] * 3}),
    ],
)
def test_a_picture_has_the_numbers_of_its_kind(
    folder: Path, kind: str, expected: Dict[str, List[float]]
) -> None:
    assert drawn(folder, kind, "--service", HTTP, "--director", "lb1") == expected


SELECTIONS = {
    (): 6116,
    ("--director", "lb1"): 1111,
    ("--director", "lb2"): 5005,
    ("--vip", "192.0.2.10"): 16,
    ("--vip", "2001:db8:0::53"): 100,
    ("--port", "80"): 6,
    ("--port", "http", "--director", "lb1"): 1,
    ("--vip", "192.0.2.10", "--port", "443"): 10,
    ("--vip", "192.0.2.10", "--vip", "[2001:db8::53]"): 116,
    ("--service", "TCP 192.0.2.10"): 16,
    ("--service", "FWM 5"): 6000,
    ("--service", "-t 192.0.2.10:https", "--service", "FWM 5"): 6010,
    ("--real-server", "192.168.0.1"): 202,
    ("--real-server", "192.168.0.1", "--port", "80"): 2,
    ("--real-port", "8080"): 22,
    ("--real-server", "192.168.0.1", "--real-server", "2001:db8:1::1"): 2202,
    ("--service", HTTP, "--stack", "server", "--real-server", "192.168.0.2"): 20,
    ("--service", "VIP 192.0.2.10"): 80000,
    ("--service", "192.0.2.10"): 80000,
    ("--service", "vip 192.0.2.10", "--director", "lb2"): 50000,
    ("--service", "RIP 192.168.0.1"): 3000000,
    ("--service", "VIP 2001:db8::53", "--service", "VIP 192.0.2.10"): 380000,
}


@pytest.mark.parametrize("words", SELECTIONS)
def test_what_is_selected_is_summed(folder: Path, words: List[str]) -> None:
    assert drawn(folder, "active", *words)["active"] == [SELECTIONS[tuple(words)]] * 3


@pytest.mark.parametrize(
    ("stack", "words", "expected"),
    [
        ("service", ["--vip", "192.0.2.10"], {HTTP: 6, HTTPS: 10, "total": 16}),
        ("server", ["--service", HTTP], {"192.168.0.1:8080": 2, "192.168.0.2:8080": 20}),
        (
            "server",
            ["--real-server", "192.168.0.1"],
            {f"{HTTP} -> 192.168.0.1:8080": 2, f"{HTTPS} -> 192.168.0.1:8443": 200},
        ),
        (
            "service",
            ["--service", "VIP 192.0.2.10", "--service", "RIP 192.168.0.1"],
            {"VIP 192.0.2.10": 80000, "RIP 192.168.0.1": 3000000},
        ),
        ("director", ["--service", "VIP 192.0.2.10"], {"lb1": 30000, "lb2": 50000}),
        ("director", ["--service", "FWM 5"], {"lb1": 1000, "lb2": 5000, "total": 6000}),
    ],
)
def test_a_stack_has_a_line_for_each(
    folder: Path, stack: str, words: List[str], expected: Dict[str, int]
) -> None:
    found = drawn(folder, "conns", "--stack", stack, *words)
    total = found.pop("total")
    expected.setdefault("total", sum(expected.values()))
    assert total == [3 * expected.pop("total")] * 3
    assert found == {name: [3 * amount] * 3 for name, amount in expected.items()}


def ratios(tmp_path: Path, rates: Dict[str, List[List[int]]]) -> Dict[str, List[float]]:
    """Draw bytes per packet for services' bytes and packets per second in each interval."""
    (tmp_path / "lb1").mkdir()
    begin = END - STEP * len(next(iter(rates.values())))
    with Rrdtool(tmp_path) as rrdtool:
        for name, its in rates.items():
            file = File("lb1", parse_named([name]))
            files.create(rrdtool, file, begin - 1, STEP)
            size = packets = 0
            files.update(rrdtool, file, begin, [0] * 7)
            for poll, (per_second, packets_per_second) in enumerate(its, 1):
                size, packets = size + STEP * per_second, packets + STEP * packets_per_second
                values = [0, 0, 0, packets, packets, size, size]
                files.update(rrdtool, file, begin + poll * STEP, values)
    return drawn(tmp_path, "packet-size", "--stack", "service", look=Look(str(begin), str(END)))


def test_a_quotient_of_a_sum_is_that_of_the_sums(tmp_path: Path) -> None:
    found = ratios(tmp_path, {HTTP: [[1000, 1]] * 4, HTTPS: [[10_000, 100]] * 4})
    assert found[HTTP] == [1000] * 6
    assert found[HTTPS] == [100] * 6
    # neither 550, the mean of both, nor 1100, their sum
    assert found["total"] == [pytest.approx(11_000 / 101, abs=0.001)] * 6


def test_the_average_of_a_quotient_is_that_of_the_averages(tmp_path: Path) -> None:
    found = ratios(
        tmp_path, {HTTP: [[300, 1], [300, 1], [1000, 100], [1000, 100]], HTTPS: [[1, 1]] * 4}
    )
    assert found[HTTP] == [10, pytest.approx(2600 / 202, abs=0.001), 300] * 2


def test_a_quotient_by_zero_is_unknown(tmp_path: Path) -> None:
    found = ratios(tmp_path, {HTTP: [[0, 0]] * 4, HTTPS: [[200, 2], [200, 2], [0, 0], [200, 2]]})
    assert [math.isnan(number) for number in found[HTTP]] == [True] * 6
    assert found[HTTPS] == [100] * 6
    assert found["total"] == [100] * 6


def test_servers_are_in_the_words_for_the_row(tmp_path: Path) -> None:
    rows = {HTTP: 1, "VIP 192.0.2.10": 1, "RIP 192.168.0.1": 1}
    rounds.folder(tmp_path, {"lb1": rows}, END)
    words = {name: drawn(tmp_path, "servers", "--service", name) for name in rows}
    weights = {"up": [7] * 3, "at weight 0": [8] * 3, "lost": [9] * 3}
    assert words[HTTP] == words["RIP 192.168.0.1"] == weights
    assert words["VIP 192.0.2.10"] == {"up": [7] * 3, "down": [8] * 3, "lost": [9] * 3}


def test_servers_are_drawn_of_the_files_that_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = selection(options("servers"))
    out = tmp_path / "out.png"
    with monkeypatch.context() as earlier:
        earlier.setattr(files, "PARTS", {})
        rounds.folder(tmp_path, {"lb1": {HTTP: 1}}, END)
    with pytest.raises(CommandError, match="no real servers yet; graph update stores them"):
        picture.draw(tmp_path, chosen, "servers", LOOK, "", out)
    rounds.folder(tmp_path, {"lb1": {HTTPS: 1}}, END)
    assert picture.draw(tmp_path, chosen, "servers", LOOK, "", out) == []
    assert out.exists()


@pytest.mark.parametrize("words", [("--stack", "service"), ("--real-port", "8080")])
def test_servers_have_no_parts(folder: Path, tmp_path: Path, words: List[str]) -> None:
    chosen = selection(options("servers", *words))
    with pytest.raises(UsageError, match="servers: only for services"):
        picture.draw(folder, chosen, "servers", LOOK, "", tmp_path / "out.png")


def test_a_long_name_does_not_leave_the_picture(tmp_path: Path) -> None:
    rounds.folder(tmp_path, {"lb1": {HTTP: 1, HTTPS: 2}}, END)
    names = {HTTP: "long " * 200, HTTPS: "\N{GRINNING FACE}" * 60 + ":\\%s"}
    beside.save(tmp_path / "lb1", beside.ALIASES, str, names)
    chosen = selection(options("bits", "--stack", "service"))
    out = tmp_path / "out.png"
    assert picture.draw(tmp_path, chosen, "bits", LOOK, "title " * 200, out) == []
    assert out.read_bytes().startswith(PNG)
    assert texts.elided("a" * 20 + "b" * 20, 11) == "aaaaa\u2026bbbbb"
    assert texts.elided("a" * 11, 11) == "a" * 11


def test_where_one_director_has_a_gap_the_sum_is_the_others(tmp_path: Path) -> None:
    rounds.folder(tmp_path, {"lb1": {HTTP: 1}}, END - 1800)
    rounds.folder(tmp_path, {"lb2": {HTTP: 5}}, END, polls=3)
    last, average, maximum = drawn(tmp_path, "active", "--service", HTTP)["active"]
    assert (last, maximum) == (5, 5)
    assert 1 < average < 5


def test_the_maximum_of_one_row_is_of_polls_and_that_of_a_sum_is_drawn(tmp_path: Path) -> None:
    """The picture shows a week, where a pixel is half an hour, with a peak of one poll."""
    rounds.folder(tmp_path, {"lb1": {HTTP: 10, HTTPS: 10}}, END, polls=24)
    with Rrdtool(tmp_path) as rrdtool:
        for file in look_at(rrdtool, tmp_path, selection(options("active")).takes).last:
            rounds.fill(rrdtool, file, 70, [END + STEP])
            rounds.fill(rrdtool, file, 10, range(END + 2 * STEP, END + 12 * STEP, STEP))
    week = Look(str(END - 7 * 86400), str(END + 7200))
    assert drawn(tmp_path, "active", "--service", HTTP, look=week)["active"][2] == 70
    assert drawn(tmp_path, "active", look=week)["active"][2] == 40


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (kind, words)
        for kind in KINDS
        for words in ([], ["--stack", "service"], ["--inactive-below"])
        if kind != "servers" or "--stack" not in words
    ],
)
def test_every_kind_is_drawn_every_way(
    folder: Path, tmp_path: Path, kind: str, words: List[str]
) -> None:
    args = options(kind, *words)
    look = Look(LOOK.start, LOOK.end, args.inactive_below, 300, 100)
    for name in ("a.png", "b b.svg"):
        out = tmp_path / name
        assert picture.draw(folder, selection(args), kind, look, "it's \\ 100%: *", out) == []
        assert out.read_bytes().startswith(PNG if name == "a.png" else b"<?xml")


def test_inactive_connections_go_below_the_axis_on_request(folder: Path) -> None:
    chosen = selection(options("active"))
    with Rrdtool(folder) as rrdtool:
        groups = grouped(list(look_at(rrdtool, folder, chosen.takes).last), None)
        limits = []
        for below in (False, True):
            look = Look(LOOK.start, LOOK.end, below)
            words = picture.words(str(folder / "o.png"), "PNG", KINDS["active"], groups, "", look)
            info = rrdtool.run("graphv", *words[1:])
            values = dict(line.split(" = ", 1) for line in info)
            limits.append((float(values["value_min"]), float(values["value_max"])))
    (least, most), (least_below, most_below) = limits
    assert least == 0
    assert most >= 3 * 6116
    assert least_below <= -2 * 6116
    assert 6116 <= most_below < 3 * 6116


@pytest.mark.parametrize("name", ["out.png", ".new.out.png", ".out.png.{pid}.new"])
def test_links_in_a_folder_of_pictures_are_not_followed(
    folder: Path, tmp_path: Path, name: str
) -> None:
    """A folder of pictures may belong to a web server's user."""
    target, out = tmp_path / "target", tmp_path / "out.png"
    target.write_text("kept")
    (tmp_path / name.format(pid=os.getpid())).symlink_to(target)
    chosen = selection(options("active"))
    assert picture.draw(folder, chosen, "active", LOOK, "", out) == []
    assert (out.is_symlink(), target.read_text()) == (False, "kept")
    assert out.read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    "alias",
    [
        *("shop\\l", "shop\\x", "a:b\\:", "C:\\x\\", "100 %s %n", "x" * 255),
        *("\u6f22" * 85, "\U0001f469" * 63),
    ],
)
@pytest.mark.parametrize("width", [50, 490, 10_000])
def test_any_alias_is_in_the_legend(
    folder: Path, tmp_path: Path, alias: str, width: int, capfd: pytest.CaptureFixture[str]
) -> None:
    its = [File("lb1", parse_named([name])) for name in (HTTP, HTTPS, DNS)]
    groups = [Group(f"{file.row} ({alias}", [file]) for file in its]
    out = tmp_path / "out.png"
    with Rrdtool(folder) as rrdtool:
        for below in (False, True):
            look = dataclasses.replace(LOOK, width=width, inactive_below=below)
            picture.save(rrdtool, out, KINDS["active"], groups, alias, look)
    assert out.read_bytes().startswith(PNG)
    assert capfd.readouterr().err == ""  # of Pango, if rrdtool cuts within a character


def test_titles_say_what_is_drawn(folder: Path) -> None:
    titles = {
        (): "4 virtual services",
        ("--port", "80"): HTTP,
        ("--real-port", "8443"): f"{HTTPS} -> 192.168.0.1:8443",
        ("--real-port", "8080"): f"2 real servers of {HTTP}",
        ("--stack", "server"): "4 real servers of 3 virtual services",
        ("--service", "VIP 192.0.2.10"): "VIP 192.0.2.10",
        ("--service", "VIP 192.0.2.10", "--service", "RIP 192.168.0.1"): "2 addresses",
    }
    with Rrdtool(folder) as rrdtool:
        for words, expected in titles.items():
            chosen = selection(options("active", *words))
            assert title(list(look_at(rrdtool, folder, chosen.takes).last)) == expected


def test_too_many_for_a_colour_each_is_said(tmp_path: Path) -> None:
    rows = {f"FWM {mark}": 1 for mark in range(1, MOST_GROUPS + 2)}
    rounds.folder(tmp_path, {"lb1": rows}, END, polls=1)
    stacked = selection(options("active", "--stack", "service"))
    with pytest.raises(UsageError, match=r"too many for a colour each: 41;.*omit --stack"):
        picture.draw(tmp_path, stacked, "active", LOOK, "", tmp_path / "out.png")
    summed = selection(options("active"))
    assert picture.draw(tmp_path, summed, "active", LOOK, "", tmp_path / "out.png") == []


def test_colours_differ() -> None:
    colours = [elements.colour(place) for place in range(MOST_GROUPS)]
    assert len(set(colours)) == MOST_GROUPS
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)


def test_a_file_that_is_damaged_costs_only_itself(tmp_path: Path) -> None:
    rounds.folder(tmp_path, {"lb1": {HTTP: 1, HTTPS: 2}}, END)
    (tmp_path / "lb1" / "TCP_192.0.2.10_443.rrd").write_bytes(b"RRD")
    out = tmp_path / "out.png"
    (error,) = picture.draw(tmp_path, selection(options("active")), "active", LOOK, "", out)
    assert error.startswith(f"{tmp_path}/lb1/TCP_192.0.2.10_443.rrd: not a file of lvs-agent graph")
    assert out.exists()
    https = selection(options("active", "--port", "443"))
    with pytest.raises(CommandError, match="not a file of"):
        picture.draw(tmp_path, https, "active", LOOK, "", out)


@pytest.mark.parametrize(
    "words",
    [
        ("--vip", "nowhere.invalid"),
        ("--vip", "192.0.2.300"),
        ("--port", "nonsense"),
        ("--port", "70000"),
        ("--service", "192.0.2.10:80"),
        ("--service", "TCP 192.0.2.10:80 -> 192.168.0.1:80"),
        ("--service", "VIP 192.0.2.10:80"),
        ("--service", "VIP 192.0.2.10", "--service", "TCP 192.0.2.10:80"),
        ("--service", "VIP 192.0.2.10", "--port", "80"),
        ("--service", "RIP 192.168.0.1", "--real-port", "80"),
        ("--service", "RIP 192.168.0.1", "--stack", "server"),
    ],
)
def test_what_names_nothing_is_said(words: List[str]) -> None:
    with pytest.raises(NamingError):
        selection(options("active", *words))
