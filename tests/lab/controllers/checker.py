# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: checker ADDRESS runs lvs-agent check for each line of options that it reads.

It prints the exit status and the first line, as JSON. Each check is a process of its own, which is
forked after the imports: these take a second of the guest's processor, the check a tenth.
"""

from __future__ import annotations

import json
import os
import sys

import lvs_agent.pollers.check  # noqa: F401
from lvs_agent.cli import main


def check(words: list[str]) -> int:
    """Run a check, and return its exit status."""
    try:
        return main(["check", *words])
    except SystemExit as ended:
        return int(ended.code or 0)


for line in sys.stdin:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(theirs, 1)
        os.close(theirs)
        status = check([*line.split(), sys.argv[1]])
        sys.stdout.flush()
        os._exit(status)
    os.close(theirs)
    with open(ours) as printed:
        text = printed.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps([status, text.splitlines()[0]]), flush=True)
