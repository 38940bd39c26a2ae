# SPDX-License-Identifier: GPL-3.0-or-later
"""Text files in folders that may belong to another user, and texts of limited length."""

from __future__ import annotations

import os
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Replace a file as a whole by one with a text in UTF-8. Raises OSError."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with new.open("x", encoding="utf-8") as file:  # follows no link that another user has put there
        file.write(text)
    os.replace(new, path)


def elided(text: str, most: int) -> str:
    """Return a text, with an ellipsis for its middle if it has more than most characters."""
    if len(text) <= most:
        return text
    kept = most - 1
    return f"{text[: kept - kept // 2]}\u2026{text[-(kept // 2) :]}"
