# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of JSON with a value, a line or some bytes altered."""

from __future__ import annotations

import json
import re
from typing import Any, List, Sequence

from tests.fuzz.choices import Choices


def altered(
    choices: Choices, lines: Sequence[bytes], values: Sequence[Any], texts: Sequence[bytes]
) -> List[bytes]:
    """Return lines with one change: another of these values, or one of these texts among them."""
    lines = list(lines)
    if not lines:
        return lines
    place = choices.below(len(lines))
    change = choices.below(10)
    if change < 4:
        lines[place] = _value_altered(choices, lines[place], values)
    elif change == 4:
        del lines[place]
    elif change == 5:
        lines.insert(choices.below(len(lines) + 1), lines[place])
    elif change == 6:
        lines[place] = choices.splice(lines[place])
    elif change == 7:
        lines[place:] = [lines[place][: choices.below(len(lines[place]) + 1)]]
    elif change == 8:
        start = choices.below(len(lines[place]) + 1)
        stop = start + choices.below(9)
        lines[place] = lines[place][:start] + choices.pick(texts) + lines[place][stop:]
    else:
        parts = re.split(rb"([,\[\]:])", lines[place])
        parts[choices.below(len(parts))] = choices.pick(texts)
        lines[place] = b"".join(parts)
    return lines


def _value_altered(choices: Choices, line: bytes, values: Sequence[Any]) -> bytes:
    try:
        at = value = json.loads(line)
    except (ValueError, RecursionError):
        return choices.splice(line)
    while isinstance(at, (list, dict)) and at:
        key = choices.pick(list(at) if isinstance(at, dict) else list(range(len(at))))
        if not isinstance(at[key], (list, dict)) or choices.below(4) == 3:
            if choices.below(8) == 7:
                del at[key]
            else:
                at[key] = choices.pick([*values, choices.number()])
            try:
                return json.dumps(value).encode() + b"\n"
            except ValueError:  # an integer too long to convert to text
                return line
        at = at[key]
    return choices.splice(line)
