# SPDX-License-Identifier: GPL-3.0-or-later
"""How the package is laid out: imports point one way, and what each module must keep to."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Set

import pytest

PACKAGE = Path(__file__).parent.parent / "lvs_agent"

# A module imports only from those before it.
ORDER = [
    "__init__",
    "netlink",
    "layout",
    "snapshot",
    "kernel",
    "ipvs_messages",
    "ipvs",
    "procfs",
    "survey",
    "rows",
    "wire",
    "regular",
    "statefile",
    "history",
    "connections",
    "collector",
    "feed",
    "smi",
    "view",
    "mib_original",
    "mib",
    "snmpwalk",
    "passpersist",
    "responder",
    "log",
    "pollers.__init__",
    "pollers.errors",
    "pollers.arguments",
    "pollers.graph.__init__",
    "pollers.graph.arguments",
    "arguments",
    "doctor.__init__",
    "doctor.machine",
    "doctor.remedy",
    "doctor.finding",
    "doctor.oids",
    "doctor.snmpdconf",
    "doctor.access",
    "doctor.director",
    "doctor.units",
    "doctor.collector",
    "doctor.statedir",
    "doctor.snmpd",
    "doctor.passline",
    "doctor.views",
    "doctor.query",
    "doctor.asking",
    "doctor.mibs",
    "doctor.report",
    "pollers.objects",
    "pollers.naming",
    "pollers.director",
    "pollers.credentials",
    "pollers.addresses",
    "pollers.session",
    "pollers.client",
    "pollers.services",
    "pollers.oid",
    "pollers.mrtg",
    "pollers.check",
    "pollers.graph.rrdtool",
    "pollers.graph.files",
    "pollers.graph.selection",
    "pollers.graph.picture",
    "pollers.graph.progress",
    "pollers.graph.drawing",
    "pollers.graph.page",
    "pollers.graph.album",
    "pollers.graph.update",
    "pollers.graph.commands",
    "cli",
    "__main__",
]

# pysnmp's values are of pyasn1's types
FOREIGN = {
    "passpersist": {"snmp_passpersist"},
    "pollers.session": {"pysnmp", "pyasn1"},
    "pollers.check": {"nagiosplugin"},
}

# what snmpd and systemd run
DIRECTOR = ["passpersist", "responder", "collector", "survey", "arguments"]

FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {module: ast.parse(path.read_text("utf-8")) for module, path in FILES.items()}


def imported(tree: ast.AST) -> Iterator[str]:
    """The dotted name of everything imported, at the top or within a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, ["lvs_agent" if node.level else "", node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def own(tree: ast.AST) -> Set[str]:
    """The modules of the package among them."""
    found = set()
    for name in imported(tree):
        package, _, rest = name.partition(".")
        if package == "lvs_agent":
            found.add(module_of(rest))
    return found


def module_of(name: str) -> str:
    """The module that a dotted name within the package is, or is in."""
    while name and name not in ORDER:
        if f"{name}.__init__" in ORDER:
            return f"{name}.__init__"
        name = name.rpartition(".")[0]
    return name or "__init__"


def reached(module: str) -> Set[str]:
    """The modules that come with one, itself among them."""
    found: Set[str] = set()
    left = [module]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left.extend(own(TREES[one]))
    return found


def blanket_handlers(tree: ast.AST) -> List[int]:
    """The lines that catch everything."""
    lines = []
    caught: Iterable[ast.AST]
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.walk(node.type) if node.type is not None else [ast.Name("Exception")]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            caught = [part for argument in node.args for part in ast.walk(argument)]
        else:
            continue
        if any(isinstance(n, ast.Name) and n.id in ("Exception", "BaseException") for n in caught):
            lines.append(node.lineno)
    return lines


def undocumented(tree: ast.AST) -> List[str]:
    """The public functions, classes and methods without a docstring."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                found.append(node.name)
            if isinstance(node, ast.ClassDef):
                found += [f"{node.name}.{method}" for method in undocumented(node)]
    return found


def test_every_module_has_its_place_in_the_order() -> None:
    assert sorted(TREES) == sorted(ORDER)


@pytest.mark.parametrize("module", TREES)
def test_imports_point_one_way(module: str) -> None:
    later = [name for name in own(TREES[module]) if ORDER.index(name) >= ORDER.index(module)]
    assert later == []


@pytest.mark.parametrize("module", ["netlink", "smi", "snapshot", "log"])
def test_what_knows_nothing_of_the_others_imports_none(module: str) -> None:
    assert own(TREES[module]) == set()


@pytest.mark.parametrize("module", ["responder", "passpersist", "mib", "feed"])
def test_what_answers_snmpd_reaches_no_netlink(module: str) -> None:
    assert not reached(module) & {"netlink", "kernel", "ipvs", "procfs", "survey", "history"}


@pytest.mark.parametrize("module", ["collector", "history", "survey"])
def test_what_reads_the_kernel_knows_nothing_of_snmp(module: str) -> None:
    assert not reached(module) & {"smi", "mib", "mib_original", "passpersist", "responder"}


@pytest.mark.parametrize("module", TREES)
def test_a_package_that_is_not_the_standard_librarys_is_imported_in_one_place(module: str) -> None:
    packages = {name.partition(".")[0] for name in imported(TREES[module])} - {"lvs_agent"}
    foreign = packages - set(sys.stdlib_module_names)
    assert foreign == FOREIGN.get(module, set())


@pytest.mark.parametrize("module", DIRECTOR)
def test_what_runs_on_a_director_needs_no_package_of_the_poll_side(module: str) -> None:
    assert not any(FOREIGN.get(each, set()) - {"snmp_passpersist"} for each in reached(module))


@pytest.mark.parametrize("module", TREES)
def test_a_module_is_no_longer_than_300_lines(module: str) -> None:
    assert len(FILES[module].read_text("utf-8").splitlines()) <= 300


@pytest.mark.parametrize("module", TREES)
def test_what_is_public_is_documented(module: str) -> None:
    assert ast.get_docstring(TREES[module])
    assert undocumented(TREES[module]) == []


@pytest.mark.parametrize("module", TREES)
def test_nothing_catches_everything(module: str) -> None:
    assert blanket_handlers(TREES[module]) == []


@pytest.mark.parametrize("module", TREES)
def test_each_module_states_its_licence_first(module: str) -> None:
    first = FILES[module].read_text("utf-8").splitlines()[0]
    assert first == "# SPDX-License-Identifier: GPL-3.0-or-later"


SOURCES: Dict[str, Set[str]] = {
    "from lvs_agent import wire, __version__": {"wire", "__init__"},
    "from lvs_agent.wire import Reader": {"wire"},
    "import lvs_agent.wire": {"wire"},
    "from . import wire": {"wire"},
    "from .wire import Reader": {"wire"},
    "from lvs_agent.doctor import oids": {"doctor.oids"},
    "from lvs_agent.doctor.oids import parse": {"doctor.oids"},
    "import lvs_agent.doctor": {"doctor.__init__"},
    "def f():\n    from lvs_agent.mib import view": {"mib"},
    "import os, json": set(),
}


@pytest.mark.parametrize("source", SOURCES)
def test_an_import_is_found_however_it_is_written(source: str) -> None:
    assert own(ast.parse(source)) == SOURCES[source]


@pytest.mark.parametrize(
    "clause",
    ["except:", "except Exception:", "except (OSError, BaseException) as e:"],
)
def test_a_blanket_handler_is_found(clause: str) -> None:
    assert blanket_handlers(ast.parse(f"try:\n    pass\n{clause}\n    pass")) == [3]
    assert blanket_handlers(ast.parse("with contextlib.suppress(Exception):\n    pass")) == [1]
    assert blanket_handlers(ast.parse("try:\n    pass\nexcept OSError:\n    pass")) == []


def test_a_missing_docstring_is_found() -> None:
    source = 'class A:\n    "doc"\n    def b(self): ...\n    def _c(self): ...\ndef d(): ...\n'
    assert undocumented(ast.parse(source)) == ["A.b", "d"]
