# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms of the package: what each folder may import, and rules for every module."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from typing import Iterator, Set

from tests.support.paths import CHECKOUT, TESTS

PACKAGE = CHECKOUT / "lvs_agent"

# Each room may import from itself and from these. This is the privilege boundary: the code that
# answers snmpd never imports code that reads the kernel or runs with CAP_NET_ADMIN.
ROOMS = {
    "names": {"codes"},
    "services": {"codes", "names"},
    "snapshot": {"codes", "names", "services"},
    "aliases": {"codes", "names", "regular", "services", "snapshot"},
    "log": {"errors", "regular"},
    "extra": set(),
    "kernel": {"codes", "services", "snapshot", "regular"},
    "boundary": {"codes", "services", "snapshot"},
    "collector": {
        *("codes", "services", "snapshot", "regular", "stopping"),
        *("kernel", "boundary"),
    },
    "mib": {"codes", "services", "snapshot"},
    "responder": {"codes", "aliases", "services", "snapshot", "boundary", "mib"},
    "watch": {
        *("aliases", "codes", "errors", "names", "services", "snapshot", "regular", "stopping"),
        *("boundary", "mib"),
    },
    "netsnmp": {"errors", "regular", "mib"},
    "doctor": {
        *("codes", "errors", "services", "snapshot", "regular", "aliases"),
        *("kernel", "boundary", "collector", "mib", "responder", "netsnmp"),
    },
    "pollers": {
        *("codes", "errors", "log", "names", "regular", "services", "snapshot", "stopping"),
        *("mib", "netsnmp"),
    },
}
# outside the rooms, and importing nothing of the package; the remaining modules connect the rooms
ALONE = {"__init__", "codes", "errors", "regular", "stopping"}

# the third-party packages, and the modules that import them; pysnmp's values have pyasn1's types
FOREIGN = {
    "responder.passpersist": {"snmp_passpersist"},
    "pollers.engine": {"pysnmp"},
    "pollers.session": {"pysnmp", "pyasn1"},
    "pollers.check": {"nagiosplugin"},
    "pollers.judging": {"nagiosplugin"},
}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path.read_text("utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}


def imported(text: str) -> Iterator[str]:
    """Yield the dotted name of every import, at the top level or within a function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(text: str) -> Set[str]:
    """Return the modules of the package that are imported."""
    names = [name.split(".")[1:] for name in imported(text) if name.startswith("lvs_agent.")]
    parts = [name[:end] for name in names for end in range(1, len(name) + 1)]
    return {".".join(part) for part in parts} & MODULES.keys()


def trespassing(module: str, text: str) -> Set[str]:
    """Return the modules that a module imports but may not import."""
    room = module.partition(".")[0]
    allowed = {room, *ROOMS[room]} if room in ROOMS else set() if room in ALONE else None
    found = own(text)
    return {each for each in found if allowed is not None and each.split(".")[0] not in allowed}


def test_each_room_imports_from_the_rooms_it_may() -> None:
    found = {name: trespassing(name, text) for name, text in MODULES.items()}
    assert {name: modules for name, modules in found.items() if modules} == {}


def test_an_import_across_the_privilege_boundary_is_found() -> None:
    for line in (
        "from lvs_agent.kernel import netlink",
        "def f():\n    from lvs_agent.kernel.netlink import Request",
        "import lvs_agent.kernel.netlink",
    ):
        assert trespassing("responder.feed", line) == {"kernel.netlink"}


def test_no_circle() -> None:
    graphlib.TopologicalSorter({name: own(text) for name, text in MODULES.items()}).prepare()


def test_a_package_of_others_is_imported_in_one_place() -> None:
    found = {}
    for name, text in MODULES.items():
        packages = {each.partition(".")[0] for each in imported(text)}
        found[name] = packages - {"lvs_agent", *sys.stdlib_module_names}
    assert {name: packages for name, packages in found.items() if packages} == FOREIGN


def test_a_director_needs_no_package_of_the_poll_side() -> None:
    code = "import sys, lvs_agent.cli; print({'pysnmp', 'nagiosplugin'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_no_test_module_is_imported() -> None:
    imports = {path: [*imported(path.read_text("utf-8"))] for path in sorted(TESTS.rglob("*.py"))}
    assert len(imports) > 100
    for path, names in imports.items():
        assert not [name for name in names if ".test_" in name], path


def test_a_module_is_no_longer_than_300_lines() -> None:
    assert {name for name, text in MODULES.items() if len(text.splitlines()) > 300} == set()


def test_each_module_states_its_licence_first() -> None:
    licence = "# SPDX-License-Identifier: GPL-3.0-or-later\n"
    assert {name for name, text in MODULES.items() if not text.startswith(licence)} == set()
