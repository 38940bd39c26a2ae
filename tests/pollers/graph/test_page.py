# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages' content and links, read with an HTML parser, and the pictures that a run draws."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

import pytest

from lvs_agent.arguments import parser
from lvs_agent.errors import CommandError
from lvs_agent.pollers.graph import beside, documents, markup, page
from lvs_agent.pollers.graph.due import due
from lvs_agent.pollers.graph.files import File, update
from lvs_agent.pollers.graph.numbers import Numbers, State, read
from lvs_agent.pollers.graph.picture import WIDTH
from lvs_agent.pollers.graph.plans import Plan, farm, planned
from lvs_agent.pollers.graph.rrdtool import Rrdtool
from lvs_agent.pollers.graph.selection import SERVER, look_at, selection
from lvs_agent.pollers.parsing import parse_named
from tests.support import rounds
from tests.support.rounds import STEP

END = 1_800_000_000
DAY = 86400
HTTP, HTTPS, DNS = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443", "UDP [2001:db8::53]:53"
ROWS = {
    HTTP: 1,
    HTTPS: 2,
    DNS: 3,
    f"{HTTP} -> 192.168.0.1:8080": 1,
    f"{HTTP} -> 192.168.0.2:8080": 1,
    f"{HTTPS} -> 192.168.0.1:8443": 1,
    "VIP 192.0.2.10": 3,
    "RIP 192.168.0.1": 2,
}
PAGES = {
    "all.html",
    "TCP_192.0.2.10_80.html",
    "TCP_192.0.2.10_443.html",
    "UDP_2001-db8--53_53.html",
    "VIP_192.0.2.10.html",
    "RIP_192.168.0.1.html",
}
FOREVER = 3600
# all services, and three of them; a VIP and a RIP
PICTURES = 4 * (4 * 8 + 2 * 4)


@dataclass
class Page(HTMLParser):
    """A page's links, pictures, anchors, text and table rows.

    Raises AssertionError for unmatched tags.
    """

    path: Path
    links: List[str] = field(default_factory=list)
    pictures: List[str] = field(default_factory=list)
    anchors: Set[str] = field(default_factory=set)
    text: str = ""
    rows: List[str] = field(default_factory=list)
    _open: List[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text("utf-8"))
        self.rows = [row for row in self.rows if row]
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        values: Dict[str, str] = {name: value or "" for name, value in attrs}
        assert tag not in ("script", "link", "base")
        assert len(values.get("href", "")) < 300
        if tag not in ("meta", "img"):
            self._open.append(tag)
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "tr":
            self.rows.append("")
        if tag == "td" and self.rows[-1:] != [""]:
            self.rows[-1] += "|"
        if tag == "a":
            self.links.append(values["href"])
        if tag == "img":
            self.pictures.append(values["src"])
            assert values["alt"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "td" in self._open:
            self.rows[-1] += data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return rounds.folder(tmp_path / "files", {"lb1": ROWS, "lb2": {HTTP: 1}}, END)


def options(*words: str) -> argparse.Namespace:
    return parser().parse_args(["graph", "page", "--from", "F", "--into", "I", *words])


def made(folder: Path, *words: str, now: float = END, seconds: float = FOREVER) -> Path:
    """Draw the pages of all services, or of those that options select; return their folder."""
    out = folder.parent / "page"
    args = options(*words)
    errors = page.draw(folder, selection(args), args.inactive_below, args.redraw, seconds, out, now)
    assert errors == []
    return out


def parsed(out: Path) -> Dict[str, Page]:
    return {path.name: Page(path) for path in out.glob("*.html")}


def test_every_reference_is_relative_and_there(folder: Path) -> None:
    out = made(folder)
    every = parsed(out)
    assert set(every) == {"index.html", *PAGES}
    used = set()
    for name, each in every.items():
        for link in each.links:
            target, _, anchor = link.partition("#")
            assert "/" not in link
            assert ":" not in link
            assert not anchor or anchor in every[target or name].anchors
            assert target in ("", *every, *each.pictures)
        used |= set(each.pictures)
        assert "http" not in each.path.read_text().replace("http-equiv", "")
    assert used == {path.name for path in out.glob("*.png")}
    assert len(used) == PICTURES
    assert {path.suffix for path in out.iterdir()} == {".html", ".png"}


def test_the_index_leads_to_every_subject(folder: Path) -> None:
    index = parsed(made(folder, seconds=0))["index.html"]
    assert {link.partition("#")[0] for link in index.links} >= PAGES
    assert all(name in index.text for name in ROWS if "->" not in name)
    assert "lb1, lb2" in index.text
    assert index.anchors == {"services", "pictures", "VIP", "RIP"}
    # four kinds for the sum; active and bits for each of the busiest
    assert len(index.pictures) == 4 + 3 * 2


def test_a_subject_has_day_week_month_and_year(folder: Path) -> None:
    every = parsed(made(folder))
    for name, kinds in (("TCP_192.0.2.10_443.html", 8), ("VIP_192.0.2.10.html", 4)):
        assert every[name].anchors == {"day", "week", "month", "year"}
        assert len(every[name].pictures) == 4 * kinds
        assert "index.html" in every[name].links


def test_a_service_and_its_addresses_lead_to_each_other(folder: Path) -> None:
    every = parsed(made(folder, seconds=0))
    http, https, vip, rip = (
        f"{name}.html"
        for name in ("TCP_192.0.2.10_80", "TCP_192.0.2.10_443", "VIP_192.0.2.10", "RIP_192.168.0.1")
    )
    led = {name: {link for link in page.links if link in PAGES} for name, page in every.items()}
    assert led[http] == led[https] == {vip, rip}
    assert led[vip] == led[rip] == {http, https}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--port", "443"), {"TCP_192.0.2.10_443.html"}),
        (
            ("--vip", "192.0.2.10"),
            {"TCP_192.0.2.10_80.html", "TCP_192.0.2.10_443.html", "VIP_192.0.2.10.html"},
        ),
        (("--director", "lb2"), {"TCP_192.0.2.10_80.html"}),
        (("--real-port", "8443"), {"TCP_192.0.2.10_443.html"}),
        (("--real-server", "192.168.0.2"), {"TCP_192.0.2.10_80.html"}),
        (
            ("--real-server", "192.168.0.1"),
            {"TCP_192.0.2.10_80.html", "TCP_192.0.2.10_443.html", "RIP_192.168.0.1.html"},
        ),
        (("--service", "VIP 192.0.2.10"), {"VIP_192.0.2.10.html"}),
    ],
)
def test_a_page_is_of_what_is_selected(
    folder: Path, words: Tuple[str, ...], expected: Set[str]
) -> None:
    assert set(parsed(made(folder, *words, seconds=0))) == {"index.html", "all.html", *expected}


def plans(folder: Path, *words: str) -> Dict[str, Plan]:
    """Return the plans of what options select, by the names of their subjects."""
    chosen = selection(options(*words))
    servers = dataclasses.replace(chosen, stack=SERVER)
    with Rrdtool(folder) as rrdtool:
        found = look_at(rrdtool, folder, lambda file: True)
        shown = farm(found.last, chosen, servers)
        numbers = {row: read(rrdtool, files, found.last, END) for row, files in shown.files.items()}
    return {plan.name: plan for plan in planned(shown, found.last, numbers, END)}


def test_parts_have_a_colour_each(folder: Path) -> None:
    found = {
        name: [group.name for group in plan.groups["day", "active"]]
        for name, plan in plans(folder).items()
    }
    assert found == {
        "3 virtual services": [HTTP, HTTPS, DNS],
        HTTP: ["192.168.0.1:8080", "192.168.0.2:8080"],
        HTTPS: ["192.168.0.1:8443"],
        DNS: ["sum"],
        "VIP 192.0.2.10": [HTTP, HTTPS],
        "RIP 192.168.0.1": [HTTP, HTTPS],
    }
    for plan in plans(folder).values():
        (group,) = plan.groups["day", "servers"]
        assert group.name == "sum"


def test_numbers_are_the_last_values_over_all_directors(folder: Path) -> None:
    found = {name: plan.numbers.values for name, plan in plans(folder).items()}
    # 1 on each of two directors
    assert found[HTTP] == pytest.approx(
        {
            **{"active": 2, "inactive": 4, "conns": 6, "in_pkts": 8, "out_pkts": 10},
            **{"in_bytes": 12, "out_bytes": 14, "up": 14, "idle": 16, "lost": 18},
        }
    )
    assert found["VIP 192.0.2.10"]["conns"] == pytest.approx(9)
    assert found["3 virtual services"]["conns"] == pytest.approx(6 + 6 + 9)


def test_of_many_services_the_busiest_have_a_colour(tmp_path: Path) -> None:
    rows = {f"FWM {mark}": mark for mark in range(1, 31)}
    rounds.folder(tmp_path, {"lb1": rows}, END, polls=2)
    groups = plans(tmp_path)["30 virtual services"].groups["day", "bits"]
    assert [group.name for group in groups] == [
        *(f"FWM {mark}" for mark in range(22, 31)),
        "other services",
    ]
    assert len(groups[-1].files) == 21


def test_a_service_that_is_gone_says_so_and_leaves_period_by_period(folder: Path) -> None:
    with Rrdtool(folder) as rrdtool:
        # the other services continue for two days
        for row in (name for name in ROWS if not name.startswith(HTTPS)):
            file = File("lb1", parse_named([row]))
            rounds.fill(rrdtool, file, 1, range(END + STEP, END + 2 * DAY + 1, 1800))
    every = parsed(made(folder, now=END + 2 * DAY))
    gone = every["TCP_192.0.2.10_443.html"]
    assert gone.anchors == {"week", "month", "year"}
    assert "no values" in gone.text
    assert "no values in this day" in every["index.html"].text
    rows = re.findall("TCP 192.0.2.10:443.*", every["index.html"].text)
    assert [row for row in rows if "no values" in row]
    assert "no values" not in every["TCP_192.0.2.10_80.html"].text
    year_later = parsed(made(folder, now=END + 367 * DAY, seconds=0))["index.html"]
    assert HTTPS not in year_later.text
    assert HTTP in year_later.text


def test_pictures_that_are_fresh_are_not_drawn_again(folder: Path) -> None:
    out = made(folder)
    day, week = out / "all-bits-day.png", out / "all-bits-week.png"
    for picture in (day, week):
        picture.write_bytes(b"drawn before")
        old = picture.stat().st_mtime - 300
        os.utime(picture, (old, old))
    made(folder)
    assert [path.read_bytes() == b"drawn before" for path in (day, week)] == [False, True]
    made(folder, "--redraw")
    assert week.read_bytes() != b"drawn before"


def test_without_time_only_the_index_has_pictures(folder: Path) -> None:
    every = parsed(made(folder, seconds=0))
    drawn = {path.name for path in (folder.parent / "page").glob("*.png")}
    assert drawn == set(every["index.html"].pictures)
    assert len(drawn) == 10
    assert {picture for page in every.values() for picture in page.pictures} == drawn
    assert "8 pictures will be drawn by one of the next runs" in every["all.html"].text
    every = parsed(made(folder))
    assert len({picture for page in every.values() for picture in page.pictures}) == PICTURES
    assert "will be drawn" not in every["all.html"].text


def test_the_pictures_that_are_most_out_of_date_are_drawn_first(folder: Path) -> None:
    every, out = list(plans(folder).values()), made(folder)
    ages = {
        "RIP_192.168.0.1-bits-year.png": 10 * DAY,  # 16 pixels
        "RIP_192.168.0.1-bits-week.png": DAY,  # 85 pixels
        "RIP_192.168.0.1-bits-day.png": 3600,  # 25 pixels
        "all-bits-day.png": 400,  # 3 pixels, but on the index
        "all-bits-week.png": 400,  # none
    }
    for name, age in ages.items():
        os.utime(out / name, (time.time() - age,) * 2)
    for name in ("VIP_192.0.2.10-active-year.png", "VIP_192.0.2.10-active-day.png"):
        (out / name).unlink()
    found = due(every, out, set(documents.on_index(every)), WIDTH, False)
    assert [picture.name for picture in found] == [
        "all-bits-day.png",
        "VIP_192.0.2.10-active-day.png",
        "VIP_192.0.2.10-active-year.png",
        "RIP_192.168.0.1-bits-week.png",
        "RIP_192.168.0.1-bits-day.png",
        "RIP_192.168.0.1-bits-year.png",
    ]


def test_the_index_has_those_in_trouble_first_then_the_busiest(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    rows = {f"FWM {mark}": mark for mark in range(1, 7)}
    rounds.folder(folder, {"lb1": rows}, END)
    parts = {"FWM 1": [2, 0, 0], "FWM 2": [2, 1, 0], "FWM 3": [0, 1, 1], "FWM 4": [3, 0, 0]}
    with Rrdtool(folder) as rrdtool:
        for name, its in parts.items():
            rounds.fill(rrdtool, File("lb1", parse_named([name])), rows[name], [END + STEP], its)
        gone = File("lb1", parse_named(["FWM 5"]))
        update(rrdtool, gone, END + STEP, [None] * 7)
        update(rrdtool, File("lb1", parse_named(["FWM 6"])), END + STEP, [None] * 7)
    beside.save(folder / "lb1", beside.CHANGED, int, {"FWM 3": END - 3600, "FWM 4": END - 9 * DAY})
    beside.save(folder / "lb1", beside.LOST, int, {"FWM 6": END - 60})
    found = [
        row.split("|") for row in parsed(made(folder, now=END + STEP, seconds=0))["index.html"].rows
    ]
    names = [row[0] for row in found]
    hour = time.strftime("%H:%M", time.localtime(END - 3600))
    assert names == ["FWM 3", "FWM 6", "FWM 2", "FWM 4", "FWM 1", "FWM 5"]
    by_name = {name: rest for name, *rest in found}
    assert by_name["FWM 3"] == ["144", "168", "9", "3", "0 of 2", "1", hour]
    assert by_name["FWM 6"][4:6] == ["lost", ""]
    assert by_name["FWM 2"][4:6] == ["2 of 3", ""]
    assert by_name["FWM 4"][4:] == [
        "3 of 3",
        "",
        time.strftime("%Y-%m-%d", time.localtime(END - 9 * DAY)),
    ]
    assert by_name["FWM 5"][:5] == ["", "", "", "", "no values"]


def test_a_service_that_one_director_has_lost_is_up_in_part(tmp_path: Path) -> None:
    rounds.folder(tmp_path, {"lb1": {HTTP: 1}, "lb2": {HTTPS: 1}}, END - DAY)
    rounds.folder(tmp_path, {"lb2": {HTTP: 1}}, END)
    for name in ("lb1", "lb2"):
        beside.save(tmp_path / name, beside.LOST, int, {HTTP: END - 60, HTTPS: END - 60})
    states = {name: plan.numbers.state for name, plan in plans(tmp_path).items()}
    assert (states[HTTP], states[HTTPS]) == (State.PARTLY, State.DOWN)


def test_a_long_table_is_folded_and_pictures_are_of_the_busiest(tmp_path: Path) -> None:
    rows = {f"FWM {mark}": mark for mark in range(1, 31)}
    rounds.folder(tmp_path / "files", {"lb1": rows}, END, polls=2)
    index = parsed(made(tmp_path / "files", seconds=0))["index.html"]
    assert len(index.rows) == 30
    assert "10 more" in index.text
    assert {name.partition("-")[0] for name in index.pictures} == {
        "all",
        *(f"FWM_{mark}" for mark in range(25, 31)),
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0, "0"),
        (0.004, "0.00"),
        (1.5, "1.50"),
        (12.34, "12.3"),
        (999.4, "999"),
        (999.6, "1.00&nbsp;k"),
        (1234567, "1.23&nbsp;M"),
        (10**12 * 123456, "123456&nbsp;T"),
    ],
)
def test_amounts_have_three_digits(value: Optional[float], text: str) -> None:
    assert markup.amount(value) == text


def test_long_names_are_whole_on_the_page(folder: Path) -> None:
    name = "x" * 255
    beside.save(folder / "lb1", beside.ALIASES, str, {HTTPS: name})
    assert f"{HTTPS} ({name})" in parsed(made(folder, seconds=0))["index.html"].text


def test_a_file_that_is_damaged_costs_only_itself(folder: Path) -> None:
    (folder / "lb1" / "TCP_192.0.2.10_443.rrd").write_bytes(b"RRD")
    out = folder.parent / "page"
    (error,) = page.draw(folder, selection(options()), False, False, FOREVER, out, END)
    assert "TCP_192.0.2.10_443.rrd: not a file of lvs-agent graph" in error
    assert set(parsed(out)) == {"index.html", *PAGES} - {"TCP_192.0.2.10_443.html"}


def test_an_empty_folder_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no file matches the selection"):
        page.draw(tmp_path, selection(options()), False, False, 0, tmp_path / "page", END)
    assert not (tmp_path / "page").exists()


def test_names_are_text_and_no_markup(tmp_path: Path) -> None:
    name = '<script>"&'
    every = [Plan(stem, name, None, [], Numbers(), {}) for stem in ("all", "other")]
    documents.write(tmp_path, ["<i>"], every, [], END)
    for found in map(Page, tmp_path.glob("*.html")):
        assert name in found.text
        assert "<i>" in found.text


def test_a_reference_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<p><a href="b.html">b</a>')
    with pytest.raises(AssertionError):
        Page(tmp_path / "a.html")
    (tmp_path / "a.html").write_text("<script>1</script>")
    with pytest.raises(AssertionError):
        Page(tmp_path / "a.html")


@pytest.mark.parametrize("name", ["index.html", ".index.html.{pid}.new"])
def test_a_link_in_place_of_a_page_is_replaced(tmp_path: Path, name: str) -> None:
    """A folder of pages may belong to a web server's user."""
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / name.format(pid=os.getpid())).symlink_to(target)
    documents.write(tmp_path, ["lb1"], [Plan("all", "all", None, [], Numbers(), {})], [], END)
    assert target.read_text() == "kept"
    assert not (tmp_path / "index.html").is_symlink()


@pytest.mark.parametrize("when", [-1, 10**11, 10**18, 10**30])
def test_times_that_are_none_are_left_out(folder: Path, when: int) -> None:
    """The files of facts may belong to another user."""
    for name in (beside.CHANGED, beside.LOST):
        beside.save(folder / "lb1", name, int, {HTTP: when})
    assert HTTP in parsed(made(folder, seconds=0))["index.html"].text


def test_an_alias_is_a_line_of_text(folder: Path) -> None:
    alias = "\udcff\ud800\0\n\x1b[2J"
    (folder / "lb1" / beside.ALIASES).write_text(json.dumps({HTTP: alias, DNS: alias}))
    index = parsed(made(folder, seconds=0))["index.html"]
    assert f"{HTTP} (?????[2J)" in index.text
    assert len(index.pictures) == 4 + 3 * 2


def test_pictures_of_the_future_are_drawn_again(folder: Path) -> None:
    """They were drawn before the clock was set back."""
    out = made(folder)
    for path in out.glob("*.png"):
        os.utime(path, (time.time() + 366 * DAY,) * 2)
    made(folder)
    assert all(path.stat().st_mtime <= time.time() for path in out.glob("*.png"))


def test_links_that_look_like_pictures_are_no_pictures(folder: Path) -> None:
    out = made(folder, seconds=0)
    (out / "all-active-day.png").unlink()
    (out / "all-active-day.png").symlink_to("absent")
    (out / "other.png").symlink_to("absent")
    made(folder, seconds=0)
    assert not (out / "all-active-day.png").is_symlink()


def test_several_runs_may_draw_one_page(folder: Path) -> None:
    out = folder.parent / "page"
    words = f"-m lvs_agent graph page --from {folder} --into {out} --redraw".split()
    runs = [
        subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [(run.communicate()[1], run.returncode) for run in runs] == [("", 0)] * 3
    assert len(list(out.glob("*.png"))) == PICTURES
    assert not list(out.glob(".*"))
