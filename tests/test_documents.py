# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents: each relative link leads to a file, and each anchor to a heading."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, Set

import pytest

from tests.support.paths import CHECKOUT

DOCUMENTS = sorted(
    path for name in (".", "docs", "contrib") for path in (CHECKOUT / name).glob("*.md")
)


def anchors(text: str) -> Set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    found: Set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = name = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        count = 0
        while anchor in found:
            count += 1
            anchor = f"{name}-{count}"
        found.add(anchor)
    return found


def broken(document: Path) -> Iterator[str]:
    """Yield each relative link of a document whose file or anchor does not exist."""
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if ":" not in name and not (
            target.exists() and (not anchor or anchor in anchors(target.read_text("utf-8")))
        ):
            yield link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_link_leads_somewhere(document: Path) -> None:
    assert [*broken(document)] == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# What `ipvsadm -Z` does, in_short\n## Twice\n## Twice\n"
        "[a](#what-ipvsadm--z-does-in_short) [b](page.md#twice-1) [c](https://example.org/#x)\n"
        "[d](#twice-2) [e](page.md#once) [over two\nlines](none.md)\n"
    )
    assert [*broken(page)] == ["#twice-2", "page.md#once", "none.md"]
