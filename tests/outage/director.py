# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: keepalived and its real servers.

The servers that the host names by files in $RESULT/down are killed. $RESULT/table is the table of
IPVS as JSON, a plan.Table; its modification time is that of the change.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Set

from tests.lab.controllers.director import parsed
from tests.lab.controllers.programs import virtual_servers
from tests.lab.controllers.servers import Servers
from tests.outage.plan import OUTAGES

CONFIGURATION = Path("/etc/keepalived/keepalived.conf")
IP_VS = Path("/proc/net/ip_vs")


def main() -> None:
    """Run until the guest is stopped."""
    result = Path(os.environ["RESULT"])
    (result / "down").mkdir()
    servers = Servers(*(server for each in OUTAGES for server in each.servers))
    CONFIGURATION.parent.mkdir(exist_ok=True)
    CONFIGURATION.write_text(
        "".join(
            virtual_servers({each.service: dict.fromkeys(each.servers, 1)}, inhibit=each.inhibit)
            for each in OUTAGES
        )
    )
    with (result / "keepalived.log").open("w") as log:
        command = ["keepalived", "--dont-fork", "--log-console"]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    down: Set[str] = set()
    text = ""
    while True:
        before, down = down, set(os.listdir(result / "down"))
        servers.kill(*(down - before))
        servers.start(*(before - down))
        if text != (text := IP_VS.read_text()):
            done = subprocess.run(["ipvsadm", "-Ln"], stdout=subprocess.PIPE, text=True, check=True)
            (result / "table.new").write_text(json.dumps(parsed(done.stdout)))
            (result / "table.new").rename(result / "table")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
