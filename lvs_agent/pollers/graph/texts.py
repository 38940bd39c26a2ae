# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in folders that may belong to another user, and texts of limited length."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from lvs_agent.stopping import uninterrupted


def replace_text(path: Path, text: str) -> None:
    """Replace a file as a whole by one with a text in UTF-8. Raises OSError."""
    replace(path, text.encode())


def replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole. Raises OSError.

    No signal leaves an incomplete file, and several processes may replace the same file.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    with uninterrupted():
        try:
            new.unlink(missing_ok=True)
            with new.open("xb") as file:  # follows no link that another user has put there
                file.write(content)
            os.replace(new, path)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            raise OSError(error.errno, error.strerror, str(path)) from None


def elided(text: str, most: int) -> str:
    """Return a text, with an ellipsis for its middle if it has more than most characters."""
    if len(text) <= most:
        return text
    kept = most - 1
    return f"{text[: kept - kept // 2]}\u2026{text[-(kept // 2) :]}"
