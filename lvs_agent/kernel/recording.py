# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of a kernel's replies, and their replay in place of a kernel.

A recording is a folder: recording.json describes it, netlink.jsonl has a line for each request with
the datagrams that answered it (hexadecimal), proc/ has the files that were read. It can be replayed
on a machine of either byte order.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, Iterator, List

from lvs_agent import __version__, regular
from lvs_agent.kernel import byteorder, netlink
from lvs_agent.kernel.netlink import Request
from lvs_agent.kernel.source import LiveKernel

FORMAT = 1


REQUEST_BYTES = 20  # the headers of a request, which is never shorter


class RecordingError(Exception):
    """A recording that can't be used; the text names the file and the line."""


class RecordingKernel(LiveKernel):
    """The running kernel, whose replies are kept for save()."""

    def __init__(self) -> None:
        super().__init__()
        self._files: Dict[str, str] = {}
        self._exchanges: List[Dict[str, object]] = []

    def ask(self, request: Request) -> Iterator[bytes]:
        """See Kernel.ask. Keeps the datagrams as they were received."""
        request = self._next(request)
        datagrams: List[str] = []
        self._exchanges.append({"request": request.encode().hex(), "replies": datagrams})

        def receive() -> bytes:
            datagram = self._receive()
            datagrams.append(datagram.hex())
            return datagram

        return self._exchange(request, receive)

    def read(self, path: str) -> str:
        """See Kernel.read. Keeps the text."""
        text = super().read(path)
        self._files[path] = text
        return text

    def save(self, folder: Path) -> None:
        """Write the recording to a new folder, which other users cannot enter.

        Raises OSError, also if anything exists at that path.
        """
        folder.mkdir(mode=0o700)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            about = os.fstat(opened)
            if about.st_uid != os.geteuid() or about.st_mode & 0o077:
                raise PermissionError(errno.EPERM, "other users have access to it", str(folder))
            if os.listdir(opened):  # another folder, by a link above that was exchanged since
                raise FileExistsError(errno.EEXIST, "not the new folder", str(folder))
            # The path may lead elsewhere by now: whoever owns a folder above can rename this one.
            self._write(Path(f"/proc/self/fd/{opened}"))
        finally:
            os.close(opened)

    def _write(self, folder: Path) -> None:
        about = {
            "lvs-agent recording": FORMAT,
            "agent": __version__,
            "kernel": platform.release(),
            "byteorder": sys.byteorder,
            "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        _create(folder / "recording.json", json.dumps(about, indent=1) + "\n")
        lines = [json.dumps(exchange) + "\n" for exchange in self._exchanges]
        _create(folder / "netlink.jsonl", "".join(lines))
        for path, text in self._files.items():
            file = folder / "proc" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            _create(file, text)


class ReplayedKernel:
    """A recording that answers as its kernel did. Raises RecordingError if it can't be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers: Dict[bytes, List[bytes]] = {}
        self._sequences: Dict[bytes, int] = {}
        order = self._load_about()
        self._load_netlink(byteorder.converter(order))

    def ask(self, request: Request) -> Iterator[bytes]:
        """See Kernel.ask. Raises NetlinkError if the recording has no answer to this request."""
        key = replace(request, sequence=0).encode()
        if key not in self._answers:
            raise netlink.NetlinkError(
                f"{self._folder}/netlink.jsonl: no answer to command {request.command}"
                f" of type {request.family} with {request.body.hex() or 'no attributes'}"
            )
        request = replace(request, sequence=self._sequences[key])
        datagrams = iter(self._answers[key])

        def receive() -> bytes:
            for datagram in datagrams:
                return datagram
            raise netlink.NetlinkError("the kernel's answer is truncated in the recording")

        return netlink.replies(request, receive)

    def read(self, path: str) -> str:
        """See Kernel.read."""
        return regular.read(self._folder / "proc" / path).decode("utf-8", "replace")

    def close(self) -> None:
        """Do nothing, since nothing is open."""

    def _load_about(self) -> str:
        """Return the byte order of the recorded machine."""
        file = self._folder / "recording.json"
        try:
            about = json.loads(regular.read(file).decode())
        except OSError as error:
            raise RecordingError(
                f"{self._folder}: not a recording: {file.name}: {error.strerror}"
            ) from error
        except (ValueError, RecursionError) as error:
            raise RecordingError(f"{file}: {error}") from error
        version = about.get("lvs-agent recording") if isinstance(about, dict) else None
        if version != FORMAT:
            raise RecordingError(f"{file}: unsupported format {version!r}, expected {FORMAT}")
        order = about.get("byteorder")
        if order not in ("little", "big"):
            raise RecordingError(f"{file}: unknown byte order {order!r}")
        return str(order)

    def _load_netlink(self, native: Callable[[bytes], bytes]) -> None:
        file = self._folder / "netlink.jsonl"
        try:
            lines = regular.read(file).decode().splitlines()
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise RecordingError(f"{file}: {error}") from error
        for number, line in enumerate(lines, 1):
            try:
                exchange = json.loads(line)
                request = bytearray(native(bytes.fromhex(exchange["request"])))
                answers = [native(bytes.fromhex(reply)) for reply in exchange["replies"]]
                if len(request) < REQUEST_BYTES:
                    raise ValueError(f"request too short: {len(request)} bytes")
                sequence = int.from_bytes(request[8:12], sys.byteorder)
            except KeyError as error:
                raise RecordingError(f"{file}:{number}: missing {error}") from error
            except (ValueError, TypeError, RecursionError) as error:
                raise RecordingError(f"{file}:{number}: {error}") from error
            request[8:16] = bytes(8)
            self._answers[bytes(request)] = answers
            self._sequences[bytes(request)] = sequence


def _create(file: Path, text: str) -> None:
    with file.open("x", encoding="utf-8") as created:
        created.write(text)
