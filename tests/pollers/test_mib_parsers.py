# SPDX-License-Identifier: GPL-3.0-or-later
"""mibs/LVS-MIB.txt in the MIB parsers of other languages' SNMP libraries.

Each must give every node the OID that net-snmp gives it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, Dict

import pytest

from lvs_agent.mib.notifications import NOTIFICATIONS
from tests.support import files, mibs
from tests.support.paths import CHECKOUT

# where make test-pollers installs the library net-snmp of npm
NODE = CHECKOUT / "build" / "test" / "node" / "node_modules"

# prints each node of LVS-MIB with its OID; the arguments are MIB files
NET_SNMP_OF_NODE = """
const store = require("net-snmp").createModuleStore();
for (const file of process.argv.slice(1)) store.loadFromFile(file);
for (const {ObjectName, OID} of Object.values(store.getModule("LVS-MIB")))
    if (OID) console.log(ObjectName, OID);
"""

# the same for Erlang; the argument is a folder with the file
SNMPC = """%% escript
-include_lib("snmp/include/snmp_types.hrl").
main([Folder]) ->
    Imported = code:priv_dir(snmp) ++ "/mibs/",
    File = filename:join(Folder, "LVS-MIB"),
    {ok, _} = snmpc:compile(File, [{outdir, Folder}, {i, [Imported]}, {warnings, false}]),
    {ok, Mib} = snmp:read_mib(File ++ ".bin"),
    [io:format("~s ~w~n", [Me#me.aliasname, Me#me.oid]) || Me <- Mib#mib.mes],
    [io:format("~s ~w~n", [N#notification.trapname, N#notification.oid]) || N <- Mib#mib.traps].
"""

# the same for Perl; the arguments are a folder for output, and folders of MIB files
SNMP_MIB_COMPILER = """
use SNMP::MIB::Compiler;
my ($output, @folders) = @ARGV;
my $mib = SNMP::MIB::Compiler->new();
$mib->add_path(@folders);
$mib->add_extension(".txt", ".mib");
$mib->repository($output);
$mib->{accept_smiv2} = $mib->{do_imports} = $mib->{make_dump} = 1;
$mib->compile("LVS-MIB") or die;
print "$_ ", $mib->resolve_oid($_), "\\n" for keys %{$mib->{nodes}};
"""

Oids = Dict[str, str]


def net_snmp(mib: Path, folder: Path) -> Oids:
    """Return the OIDs that net-snmp's tools give to the nodes of a file."""
    tree, _errors = mibs.translated(folder, [mibs.IETF, mib.parent], "-Tl")
    paths = [re.findall(r"([\w-]+)\((\d+)\)", line) for line in tree.splitlines()]
    oids = {path[-1][0]: ".".join(number for _name, number in path) for path in paths}
    return below_lvs(oids)


def node(mib: Path, _folder: Path) -> Oids:
    imported = [mibs.IETF / f"{name}.mib" for name in ("SNMP-FRAMEWORK-MIB", "INET-ADDRESS-MIB")]
    command = ["node", "-e", NET_SNMP_OF_NODE, *map(str, imported), str(mib)]
    return dict(line.split() for line in output(*command, NODE_PATH=str(NODE)).splitlines())


def erlang(mib: Path, folder: Path) -> Oids:
    (folder / "LVS-MIB.mib").write_text(mib.read_text())
    program = folder / "program"
    program.write_text(SNMPC)
    found = re.findall(r"(\w+) \[([0-9,]+)\]", output("escript", str(program), str(folder)))
    return {name: oid.replace(",", ".") for name, oid in found}


def python(mib: Path, folder: Path) -> Oids:
    nodes = mibs.compiled(mib, folder)
    return {name: part["oid"] for name, part in nodes.items() if "oid" in part}


def perl(mib: Path, folder: Path) -> Oids:
    command = ["perl", "-e", SNMP_MIB_COMPILER, str(folder), str(mib.parent), str(mibs.IETF)]
    return below_lvs(dict(line.split() for line in output(*command).splitlines()))


def output(*command: str, **environment: str) -> str:
    done = files.run(*command, **environment)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def below_lvs(oids: Oids) -> Oids:
    lvs = oids["lvs"]
    return {name: oid for name, oid in oids.items() if f"{oid}.".startswith(f"{lvs}.")}


def test_net_snmp_knows_every_node(tmp_path: Path) -> None:
    oids = net_snmp(mibs.MIB, tmp_path)
    declared = re.findall(
        r"^(lvs\w*)\s+(?:MODULE-|OBJECT|NOTIFICATION-)", mibs.MIB.read_text(), re.MULTILINE
    )
    assert sorted(oids) == sorted(declared)
    assert oids["lvs"] == "1.3.6.1.4.1.8225.4711"
    assert oids["lvsLostRsAge"] == "1.3.6.1.4.1.8225.4711.31.1.5"


@pytest.mark.parametrize("parser", [node, python])
def test_a_parser_gives_the_same_oids(parser: Callable[[Path, Path], Oids], tmp_path: Path) -> None:
    assert parser(mibs.MIB, tmp_path) == net_snmp(mibs.MIB, tmp_path)


def test_perl_gives_the_same_oids_except_to_notifications(tmp_path: Path) -> None:
    expected = net_snmp(mibs.MIB, tmp_path)
    for each in NOTIFICATIONS:
        del expected[each.name]
    assert perl(mibs.MIB, tmp_path) == expected


def test_erlang_gives_the_same_oids_except_to_compliances(tmp_path: Path) -> None:
    expected = net_snmp(mibs.MIB, tmp_path)
    del expected["lvsCompliance"], expected["lvsCompliance2"]
    assert erlang(mibs.MIB, tmp_path) == expected


def test_node_cuts_the_modules_oid_at_the_end_of_a_line(tmp_path: Path) -> None:
    """So LVS-MIB has it on one line, though net-snmp accepts two."""
    text = files.put(mibs.MIB.read_text(), {"dod(6) internet(1)": "dod(6)\n    internet(1)"})
    broken = tmp_path / mibs.MIB.name
    broken.write_text(text)
    assert net_snmp(broken, tmp_path) == net_snmp(mibs.MIB, tmp_path)
    assert node(broken, tmp_path)["lvsVersion"] == "1.3.6.1"
