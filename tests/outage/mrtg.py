# SPDX-License-Identifier: GPL-3.0-or-later
"""MRTG with the configuration that cfgmaker makes by the template in contrib/mrtg."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from tests.outage.plan import Outage
from tests.outage.system import Numbers, System, every, numbers, run
from tests.support import files
from tests.support.paths import CONTRIB


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Run mrtg at each interval."""
    shutil.copy(CONTRIB / "mrtg" / "lvs.htp", folder)
    *command, _redirection, _file = files.command(
        "mrtg/lvs.htp",
        "cfgmaker",
        {"lvs.htp": f"{folder}/lvs.htp", "/var/www/html/mrtg": str(folder)},
    )
    config = folder / "lvs.cfg"
    config.write_text(files.run(*command).stdout)

    def read(outage: Outage) -> Numbers:
        """Return the last values in a log; see mrtg-logfile(1)."""
        name = re.sub("[^a-z0-9.]", "-", f"director1-{outage.service}".lower())
        log = folder / f"{name}-servers.log"
        if not log.exists():
            return ()
        return tuple(map(float, log.read_text().splitlines()[1].split()[1:3]))

    with every(lambda: run(folder / "log", "mrtg", config, LANG="C")):
        yield [System("MRTG", "log files", numbers(read))]
