# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages' content and links, read with an HTML parser."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

import pytest

from lvs_agent.arguments import parser
from lvs_agent.errors import CommandError
from lvs_agent.pollers.graph import page
from lvs_agent.pollers.graph.files import File
from lvs_agent.pollers.graph.page import Subject
from lvs_agent.pollers.graph.picture import Look
from lvs_agent.pollers.graph.rrdtool import Rrdtool
from lvs_agent.pollers.graph.selection import look_at, selection
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
}


@dataclass
class Page(HTMLParser):
    """A page's links, pictures, anchors and text. Raises AssertionError for unmatched tags."""

    path: Path
    links: List[str] = field(default_factory=list)
    pictures: List[str] = field(default_factory=list)
    anchors: Set[str] = field(default_factory=set)
    text: str = ""
    _open: List[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text("utf-8"))
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        values: Dict[str, str] = {name: value or "" for name, value in attrs}
        assert tag not in ("script", "link", "base")
        if tag not in ("meta", "img"):
            self._open.append(tag)
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        if tag == "img":
            self.pictures.append(values["src"])
            assert values["alt"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return rounds.folder(tmp_path / "files", {"lb1": ROWS, "lb2": {HTTP: 1}}, END)


def options(*words: str) -> argparse.Namespace:
    return parser().parse_args(["graph", "page", "--from", "F", "--into", "I", *words])


def made(folder: Path, *words: str, now: float = END) -> Path:
    """Draw the pages of all services, or of those that options select; return their folder."""
    out = folder.parent / "page"
    args = options(*words)
    look = Look("", "", args.inactive_below)
    assert page.draw(folder, selection(args), look, args.redraw, out, now) == []
    return out


def pages(out: Path) -> Dict[str, Page]:
    return {path.name: Page(path) for path in out.glob("*.html")}


def test_every_reference_is_relative_and_there(folder: Path) -> None:
    out = made(folder)
    every = pages(out)
    assert set(every) == {"index.html", *PAGES}
    used = set()
    for name, each in every.items():
        for link in each.links:
            target, _, anchor = link.partition("#")
            assert "/" not in link
            assert ":" not in link
            assert not anchor or anchor in every[target or name].anchors
            assert target in ("", *every)
        used |= set(each.pictures)
        assert "http" not in each.path.read_text().replace("http-equiv", "")
    assert used == {path.name for path in out.glob("*.png")}
    # three services and their sum, four kinds, four periods
    assert len(used) == 4 * 4 * 4
    assert {path.suffix for path in out.iterdir()} == {".html", ".png"}


def test_the_index_leads_to_every_service(folder: Path) -> None:
    index = pages(made(folder))["index.html"]
    assert {link.partition("#")[0] for link in index.links} >= PAGES
    assert all(name in index.text for name in (HTTP, HTTPS, DNS))
    assert "lb1, lb2" in index.text
    # four kinds for the sum; active and bits for each service
    assert len(index.pictures) == 4 + 3 * 2


def test_a_service_has_day_week_month_and_year(folder: Path) -> None:
    service = pages(made(folder))["TCP_192.0.2.10_443.html"]
    assert service.anchors == {"day", "week", "month", "year"}
    assert len(service.pictures) == 16
    assert "index.html" in service.links


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--port", "443"), {"TCP_192.0.2.10_443.html"}),
        (("--vip", "192.0.2.10"), {"TCP_192.0.2.10_80.html", "TCP_192.0.2.10_443.html"}),
        (("--director", "lb2"), {"TCP_192.0.2.10_80.html"}),
        (("--real-port", "8443"), {"TCP_192.0.2.10_443.html"}),
        (("--real-server", "192.168.0.2"), {"TCP_192.0.2.10_80.html"}),
        (("--service", "VIP 192.0.2.10"), {"VIP_192.0.2.10.html"}),
    ],
)
def test_a_page_is_of_what_is_selected(
    folder: Path, words: Tuple[str, ...], expected: Set[str]
) -> None:
    assert set(pages(made(folder, *words))) == {"index.html", "all.html", *expected}


def test_real_servers_have_a_colour_each(folder: Path) -> None:
    with Rrdtool(folder) as rrdtool:
        chosen = selection(options())
        servers = selection(options("--real-port", "8080", "--real-port", "8443"))
        plans = page.planned(
            look_at(rrdtool, folder, chosen), look_at(rrdtool, folder, servers), END
        )
    groups = {plan.subject.name: [group.name for group in plan.groups["day"]] for plan in plans}
    assert groups == {
        "3 virtual services": [HTTP, HTTPS, DNS],
        HTTP: ["192.168.0.1:8080", "192.168.0.2:8080"],
        HTTPS: ["192.168.0.1:8443"],
        DNS: ["sum"],
    }


def test_a_service_that_is_gone_says_so_and_leaves_period_by_period(folder: Path) -> None:
    with Rrdtool(folder) as rrdtool:
        # the other services continue for two days
        for row in (name for name in ROWS if not name.startswith(HTTPS)):
            file = File("lb1", parse_named([row]))
            rounds.fill(rrdtool, file, 1, range(END + STEP, END + 2 * DAY + 1, 1800))
    every = pages(made(folder, now=END + 2 * DAY))
    gone = every["TCP_192.0.2.10_443.html"]
    assert gone.anchors == {"week", "month", "year"}
    assert "no values since" in gone.text
    assert "no values in this day" in every["index.html"].text
    assert "no values since" not in every["TCP_192.0.2.10_80.html"].text
    year_later = pages(made(folder, now=END + 367 * DAY))["index.html"]
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


def test_a_file_that_is_damaged_costs_only_itself(folder: Path) -> None:
    (folder / "lb1" / "TCP_192.0.2.10_443.rrd").write_bytes(b"RRD")
    out = folder.parent / "page"
    look = Look("", "")
    (error,) = page.draw(folder, selection(options()), look, False, out, END)
    assert "TCP_192.0.2.10_443.rrd: not a file of lvs-agent graph" in error
    assert set(pages(out)) == {"index.html", *PAGES} - {"TCP_192.0.2.10_443.html"}


def test_an_empty_folder_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no file matches the selection"):
        page.draw(tmp_path, selection(options()), Look("", ""), False, tmp_path / "page", END)
    assert not (tmp_path / "page").exists()


def test_names_are_text_and_no_markup(tmp_path: Path) -> None:
    subject = Subject("all", '<script>"&', ["day"], "<b>")
    page.write(tmp_path, ["<i>"], [subject], END)
    found = Page(tmp_path / "index.html")
    assert '<script>"&' in found.text
    assert "<b>" in found.text
    assert "<i>" in found.text


def test_a_reference_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<p><a href="b.html">b</a>')
    with pytest.raises(AssertionError):
        Page(tmp_path / "a.html")
    (tmp_path / "a.html").write_text("<script>1</script>")
    with pytest.raises(AssertionError):
        Page(tmp_path / "a.html")


@pytest.mark.parametrize("name", ["index.html", ".index.html.new"])
def test_a_link_in_place_of_a_page_is_replaced(tmp_path: Path, name: str) -> None:
    """A folder of pages may belong to a web server's user."""
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / name).symlink_to(target)
    page.write(tmp_path, ["lb1"], [Subject("all", "all services", [], "")], END)
    assert target.read_text() == "kept"
    assert not (tmp_path / "index.html").is_symlink()
