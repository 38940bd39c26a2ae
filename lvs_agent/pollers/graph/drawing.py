# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture of what is selected in a folder of round-robin files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List

from lvs_agent.errors import PollerError, UsageError
from lvs_agent.pollers.graph import files
from lvs_agent.pollers.graph.files import File, FileError, Last
from lvs_agent.pollers.graph.picture import KINDS, MOST_GROUPS, Look, words
from lvs_agent.pollers.graph.rrdtool import RrdError, Rrdtool
from lvs_agent.pollers.graph.selection import Selection, grouped, title
from lvs_agent.pollers.naming import Service


@dataclass
class Files:
    """Files that can be used, with the last update of each; and the errors of the others."""

    last: Dict[File, Last] = field(default_factory=dict)
    errors: List[str] = field(default_factory=list)

    def by_service(self) -> Dict[Service, List[File]]:
        """Those of each service, in their order."""
        found: Dict[Service, List[File]] = {}
        for file in self.last:
            found.setdefault(file.row.service, []).append(file)
        return found


def look_at(rrdtool: Rrdtool, folder: Path, selection: Selection) -> Files:
    """What is selected of a folder. Raises OSError."""
    found = Files()
    for file in filter(selection.takes, files.listed(folder)):
        try:
            found.last[file] = files.last(rrdtool, file)
        except FileError as error:
            found.errors.append(f"{folder}/{error}")
    return found


def needed(found: Files, folder: Path) -> Files:
    """The same. Raises PollerError if nothing was selected, or nothing of that can be used."""
    if not found.last:
        raise PollerError("; ".join(found.errors) or f"{folder}: no file of what is selected")
    return found


def draw(
    folder: Path, selection: Selection, kind: str, look: Look, name: str, out: Path
) -> List[str]:
    """One picture of what is selected; the errors of files, a line each.

    name is its title, if not empty. Raises OSError, PollerError, and UsageError for too much.
    """
    with Rrdtool(folder) as rrdtool:
        found = needed(look_at(rrdtool, folder, selection), folder)
        groups = grouped(list(found.last), selection.stack)
        if len(groups) > MOST_GROUPS:
            raise UsageError(
                f"{len(groups)} are too many for a colour each: select {MOST_GROUPS} or fewer, or"
                " leave out --stack for their sum"
            )
        name = name or f"{title(list(found.last))} - {KINDS[kind].title}"
        # rrdtool runs in the folder of the files
        path = os.path.abspath(out)
        try:
            rrdtool.run(*words(path, KINDS[kind], groups, name, look))
        except RrdError as error:
            raise PollerError(f"{out}: not drawn: {error}") from None
        return found.errors
