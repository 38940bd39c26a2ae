# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m tests.zabbix [--serve]: test contrib/zabbix in the installed Zabbix, 6.0 or 7.0.

Imports the template for its version, adds a simulated director, compares the values of all items
with a walk, and lets servers, services, the agent and snmpd fail: each outage must be one problem.
It uses ports 8080 and 10051 of loopback, so make test-zabbix, which installs the requirements,
runs it in a network namespace. With --serve, and in no namespace, a browser can look at the
director.
"""

import argparse
import math
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from tests.zabbix import director, installation, size
from tests.zabbix.api import ZabbixError
from tests.zabbix.director import Farm
from tests.zabbix.trial import Trial, say


def main() -> int:
    """Return 0 if every check passed, 1 if one failed, 130 if interrupted."""
    parser = argparse.ArgumentParser(
        "python -m tests.zabbix",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--serve", action="store_true", help="do not test; run until Ctrl-C")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, _ended)
    with tempfile.TemporaryDirectory(prefix="lvs-agent-zabbix-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the database has a user of its own
        farm = Farm()
        try:
            with (
                installation.running(folder / "zabbix") as zabbix,
                director.running(folder / "director", farm) as simulated,
            ):
                trial = Trial(zabbix, simulated, farm)
                if given.serve:
                    trial.add()
                    say(f"{zabbix.api.site} has the director, for Admin with the password zabbix")
                    zabbix.wait("Ctrl-C", zabbix.reload, math.inf)
                trial.run()
                size.measure(zabbix, folder / "big", trial.template)
        except ZabbixError as error:
            say(f"FAILED: {error}")
            return 1
        except KeyboardInterrupt:
            say("interrupted")
            return 130
    return 0


def _ended(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
