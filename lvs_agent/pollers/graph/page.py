# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: draws the pictures that are due, for a limited time, and writes the HTML."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Dict, List

from lvs_agent.pollers.graph import documents
from lvs_agent.pollers.graph.due import Picture, drawn, due
from lvs_agent.pollers.graph.files import FileError
from lvs_agent.pollers.graph.numbers import Numbers, read
from lvs_agent.pollers.graph.picture import PERIODS, Look, save
from lvs_agent.pollers.graph.plans import Farm, farm, planned
from lvs_agent.pollers.graph.progress import Progress
from lvs_agent.pollers.graph.rrdtool import RrdError, Rrdtool
from lvs_agent.pollers.graph.selection import SERVER, Files, Selection, look_at, nothing
from lvs_agent.pollers.naming import Named

# two pictures beside each other on a screen of 1280 pixels, and readable on one of 400
WIDTH, HEIGHT = 490, 140


def draw(
    folder: Path,
    selection: Selection,
    inactive_below: bool,
    redraw: bool,
    seconds: float,
    out: Path,
    now: float,
) -> List[str]:
    """Write the page and draw its pictures; return errors, a line each.

    Draws the due pictures of the index, and then others for at most so many seconds; if redraw,
    draws all pictures. Each period ends now, in seconds since 1970. Raises OSError and
    CommandError.
    """
    servers = replace(selection, stack=SERVER)
    choices = (selection.takes, selection.takes_address, servers.takes)
    with Rrdtool(folder) as rrdtool:
        found = look_at(rrdtool, folder, lambda file: any(takes(file) for takes in choices))
        shown = farm(found.last, selection, servers)
        if not shown.files:
            raise nothing(folder, found.errors)
        errors = found.errors
        plans = planned(shown, found.last, _numbers(rrdtool, shown, found, now), now)
        out.mkdir(parents=True, exist_ok=True)
        first = set(documents.on_index(plans))
        pictures = due(plans, out, first, WIDTH, redraw)
        progress = Progress("pictures drawn:", len(pictures))
        end = math.inf if redraw else time.monotonic() + seconds
        for picture in pictures:
            if picture.name not in first and time.monotonic() >= end:
                break
            try:
                _draw(rrdtool, picture, out, inactive_below, int(now))
            except RrdError as error:
                errors.append(f"{out / picture.name}: cannot draw: {error}")
            progress.count()
        progress.end()
    directors = sorted({file.director for files in shown.files.values() for file in files})
    documents.write(out, directors, plans, drawn(out), now)
    return errors


def _numbers(rrdtool: Rrdtool, farm: Farm, found: Files, now: float) -> Dict[Named, Numbers]:
    """Return the numbers of each subject; errors are added to those of found."""
    numbers = {}
    for row, files in farm.files.items():
        try:
            numbers[row] = read(rrdtool, files, found.last, now)
        except FileError as error:
            found.errors.append(str(error))
            numbers[row] = Numbers()
    return numbers


def _draw(rrdtool: Rrdtool, picture: Picture, out: Path, inactive_below: bool, now: int) -> None:
    """Draw a picture whose period ends now. Raises RrdError and OSError."""
    plan, kind = picture.plan, picture.plan.kind(picture.kind)
    groups = plan.groups[picture.period, picture.kind]
    name = f"{plan.name} - {kind.title}, {picture.period}"
    start = now - PERIODS[picture.period]
    look = Look(str(start), str(now), inactive_below, WIDTH, HEIGHT)
    save(rrdtool, out / picture.name, kind, groups, name, look)
