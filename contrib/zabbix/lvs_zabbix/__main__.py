# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the files of contrib/zabbix into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from .document import document
from .readme import readme
from .zabbix60 import ZABBIX_6_0
from .zabbix70 import ZABBIX_7_0

FILE = "template_net_lvs_director_snmp.yaml"


class Dumper(yaml.SafeDumper):
    """Writes YAML as Zabbix does: lists indented, scripts as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below the key that has them."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        """Write equal parts again instead of references."""
        return True


def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    """Return a text, as a block if it has several lines."""
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Dumper.add_representer(str, text)


def main() -> None:
    """Write the files of each version in its folder."""
    folder = Path(sys.argv[1])
    documents = {version.number: document(version) for version in (ZABBIX_6_0, ZABBIX_7_0)}
    for number, export in documents.items():
        inside = folder / number
        inside.mkdir(exist_ok=True)
        written = yaml.dump(export, Dumper=Dumper, sort_keys=False, width=1000, allow_unicode=True)
        (inside / FILE).write_text(
            f"# SPDX-License-Identifier: GPL-3.0-or-later\n{written}", "utf-8"
        )
    (folder / "README.md").write_text(readme(FILE, list(documents.values())), "utf-8")


if __name__ == "__main__":
    main()
