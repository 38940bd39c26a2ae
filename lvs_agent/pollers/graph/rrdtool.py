# SPDX-License-Identifier: GPL-3.0-or-later
"""One rrdtool process that executes one command after another; rrdtool(1), remote control.

Starting a process for each of 1000 files would take most of a run's time.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from pathlib import Path
from types import TracebackType
from typing import List, Optional, Type

from lvs_agent.errors import CommandError
from lvs_agent.stopping import uninterrupted

PROGRAM = "rrdtool"


class RrdError(Exception):
    """An error of rrdtool in one command; the next may succeed."""


class NoRrdtoolError(CommandError):
    """The error that rrdtool is not installed."""


class Rrdtool:
    """rrdtool running in a folder, to which file names are relative. Use it in a with statement."""

    def __init__(self, folder: Path) -> None:
        """Start rrdtool. Raises NoRrdtoolError, and OSError for the folder."""
        self.folder = folder
        self._process = self._start()

    def run(self, *words: str) -> List[str]:
        """Run a command and return the lines it prints. Raises RrdError.

        If a file makes rrdtool crash, this command fails and a new process is started.
        """
        # for rrdtool, a command ends at a newline, and after a NUL it waits for the rest
        if any(char in word for word in words for char in "\n\0"):
            raise RrdError("newline or NUL in an argument")
        lines: List[str] = []
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            # rrdtool accepts both kinds of quotes, as a shell does, but no backslash
            self._process.stdin.write(" ".join(map(shlex.quote, words)) + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("OK u:"):
                return lines
            if line.startswith("ERROR: "):
                raise RrdError(line[len("ERROR: ") :].strip())
            lines.append(line.rstrip("\n"))
        self._stop()
        status = self._process.returncode
        self._process = self._start()
        raise RrdError(f"{PROGRAM} exited with status {status}")

    def _start(self) -> subprocess.Popen[str]:
        os.stat(self.folder)  # so that FileNotFoundError below can only mean the program
        try:
            # when a signal ends this command, rrdtool completes the file that it writes, and exits
            # at the end of its input
            with uninterrupted():
                return subprocess.Popen(
                    [PROGRAM, "-"],
                    cwd=self.folder,
                    # the language of pictures and errors
                    env={**os.environ, "LC_ALL": "C.UTF-8"},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    encoding="utf-8",
                    errors="replace",
                )
        except FileNotFoundError:
            message = f"{PROGRAM}: not installed; install the package {PROGRAM}"
            raise NoRrdtoolError(message) from None

    def _stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def __enter__(self) -> Rrdtool:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._stop()
