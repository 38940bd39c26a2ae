# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages, installed, upgraded and removed on clean machines with systemd and real IPVS.

make test-packages builds what is needed: build/packages, and an image for each Debian.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List

import pytest

import lvs_agent
from tests.support import guests, ipvsadm, walked
from tests.support.expected import read_expected
from tests.support.paths import CHECKOUT, TESTS
from tests.support.repository import git

BUILD = CHECKOUT / "build"
PACKAGING = CHECKOUT / "packaging"
SCRIPTS = TESTS / "packages"
VERSION = lvs_agent.__version__
OLD_VERSION = "0.0.9"

pytestmark = guests.NO_TIMEOUT


class Packages:
    """Paths of the packages of one version."""

    def __init__(self, folder: Path, version: str) -> None:
        self.deb = folder / f"lvs-agent_{version}-1_all.deb"
        self.rpm = folder / f"lvs-agent-{version}-1.noarch.rpm"
        self.selinux = folder / f"lvs-agent-selinux-{version}-1.noarch.rpm"


@pytest.fixture(scope="module")
def packages() -> Packages:
    return Packages(BUILD / "packages", VERSION)


def build(kind: str, stage: Path, folder: Path) -> None:
    subprocess.run([PACKAGING / f"build-{kind}", stage, folder], check=True)


def restaged(folder: Path, change: Callable[[Path], None]) -> Path:
    """Return a copy of the staged tree, with a change."""
    stage = folder / "stage"
    shutil.copytree(BUILD / "stage", stage, symlinks=True)
    change(stage)
    return stage


def edit(file: Path, pattern: str, replacement: str) -> None:
    text, edits = re.subn(pattern, replacement, file.read_text(), flags=re.MULTILINE)
    assert edits, f"{file} has no {pattern}"
    file.write_text(text)


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Build the packages of an older version."""

    def older(stage: Path) -> None:
        edit(
            stage / "usr/share/lvs-agent/lvs_agent/__init__.py",
            "^__version__ = .*",
            f'__version__ = "{OLD_VERSION}"',
        )

    folder = tmp_path_factory.mktemp("previous")
    stage = restaged(folder, older)
    build("deb", stage, folder)
    build("rpm", stage, folder)
    return Packages(folder, OLD_VERSION)


def run(folder: Path, script: str, *arguments: Path, image: str = "bookworm") -> str:
    """Return what a script prints in a guest; it is also printed here, to show what was checked."""
    disk = BUILD / "test" / f"{image}.img"
    printed = guests.run(folder, SCRIPTS / script, *arguments, image=disk)
    print(f"\n{printed}", end="")
    assert "\nok " in printed
    return printed


def test_a_second_build_gives_the_same_bytes(packages: Packages, tmp_path: Path) -> None:
    """Built from a new stage, with other settings of the machine."""
    environment = dict(os.environ, TZ="Asia/Kathmandu", LC_ALL="C", TMPDIR=str(tmp_path))
    stage = tmp_path / "stage"
    python = CHECKOUT / ".venv" / "bin" / "python"
    before = os.umask(0o077)
    try:
        subprocess.run([PACKAGING / "stage", python, stage], check=True, env=environment)
        for kind in ("deb", "rpm"):
            command = [PACKAGING / f"build-{kind}", stage, tmp_path / "packages"]
            subprocess.run(command, check=True, env=environment)
    finally:
        os.umask(before)
    second = Packages(tmp_path / "packages", VERSION)
    for name in ("deb", "rpm", "selinux"):
        assert getattr(second, name).read_bytes() == getattr(packages, name).read_bytes(), name


def test_a_release_of_the_same_commit_has_the_same_bytes(tmp_path: Path) -> None:
    """Of the files of this checkout, as a commit of its own."""
    one, other = tmp_path / "one", tmp_path / "other"
    made = shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "__pycache__", ".*_cache")
    shutil.copytree(CHECKOUT, one, ignore=made)
    edit(one / "CHANGELOG.md", r"^## \[Unreleased\]$", f"## [{VERSION}] - 2026-02-03")
    git(one, "init", "--quiet")
    git(one, "add", "--all")
    git(one, "commit", "--quiet", "--message", "Release")
    git(one, "tag", f"v{VERSION}")
    git(tmp_path, "clone", "--quiet", str(one), str(other))
    python = CHECKOUT / ".venv" / "bin" / "python"
    releases = []
    for folder, mask in ((one, 0o022), (other, 0o077)):
        to = folder / "build" / "release"
        subprocess.run([folder / "tools" / "release", python, to], check=True, umask=mask)
        releases.append({file.name: file.read_bytes() for file in to.iterdir()})
    assert releases[0] == releases[1]
    kinds = Counter(Path(name).suffix for name in releases[0])
    assert kinds == {".gz": 1, ".whl": 1, ".deb": 1, ".rpm": 2, "": 1}
    sums = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(sums, cwd=one / "build" / "release", check=True)


def test_they_have_the_documents_the_files_for_pollers_and_the_completion(
    packages: Packages,
) -> None:
    tar = subprocess.check_output(["dpkg-deb", "--fsys-tarfile", packages.deb])
    deb = subprocess.check_output(["tar", "-t"], input=tar).decode().replace(".md.gz\n", ".md\n")
    rpm = subprocess.check_output(["rpm", "-qpl", packages.rpm], text=True)
    pages = {f"docs/{page.name}" for page in (CHECKOUT / "docs").glob("*.md")}
    for files in (deb, rpm):
        names = {name.lstrip("./") for name in files.splitlines()}
        assert "usr/share/bash-completion/completions/lvs-agent" in names
        doc = "usr/share/doc/lvs-agent/"
        below = {name[len(doc) :] for name in names if name.startswith(doc)}
        assert {*pages, "contrib", "examples/README.md", "examples/recipes/vip-rate"} <= below
        assert not {name for name in below if name.endswith(("/generate", ".py"))}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(suite, marks=pytest.mark.xdist_group(suite))
        for suite in ("bookworm", "trixie")
    ],
)
def installed(
    packages: Packages, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    run(folder, "install.sh", packages.deb, image=request.param)
    return folder


def test_one_command_installs_it_and_snmpwalk_shows_the_director(installed: Path) -> None:
    said = ipvsadm.without_rates(ipvsadm.read(installed / "ipvsadm"))
    *walk, end = (installed / "snmpwalk").read_text().splitlines()
    assert end.endswith("(It is past the end of the MIB tree)"), "part of the subtree is hidden"
    served = ipvsadm.without_rates(walked.director(walked.tables(walk)))
    assert served == said
    for key, sent in read_expected(installed / "expected.json").items():
        assert served.services[key].stats == sent.stats


def test_snmpds_own_traps_come_once(installed: Path) -> None:
    """The recipes' comments are followed, in Debian's service. Without the drop-in, none comes."""
    printed = (installed / "traps").read_text()
    traps = re.findall(r'STRING: "([^"]*)"\t.*STRING: "([^"]*)"', printed)
    print(printed, end="")
    assert Counter(traps) == {
        ("no real server", "TCP 10.2.0.2:0"): 1,
        ("real servers again", "TCP 10.2.0.2:0"): 1,
        ("no real server", "SCTP 10.2.0.4:36412"): 1,
        ("real servers again", "SCTP 10.2.0.4:36412"): 1,
    }


def test_a_package_whose_collector_lacks_the_capability_is_found_out(tmp_path: Path) -> None:
    def without_capability(stage: Path) -> None:
        unit = stage / "usr/lib/systemd/system/lvs-agent.service"
        edit(unit, "^(AmbientCapabilities|CapabilityBoundingSet)=.*", r"\1=")

    stage = restaged(tmp_path, without_capability)
    build("deb", stage, tmp_path)
    deb = Packages(tmp_path, VERSION).deb
    with pytest.raises(guests.GuestError) as failed:
        run(tmp_path / "guest", "install.sh", deb)
    assert "FAILED  lvsAgentStatus is ok(1)\n  expected 1\n  found    3\n" in str(failed.value)
    assert "FAILED  capabilities of the collector" in str(failed.value)


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_each_network_namespace_has_a_collector_of_its_own(
    packages: Packages, tmp_path: Path, suite: str
) -> None:
    run(tmp_path, "namespaces.sh", packages.deb, image=suite)
    conns = {}
    for name in ("lb", "web"):
        *walk, _end = (tmp_path / name / "snmpwalk").read_text().splitlines()
        served = ipvsadm.without_rates(walked.director(walked.tables(walk)))
        assert served == ipvsadm.without_rates(ipvsadm.read(tmp_path / name / "ipvsadm"))
        conns[name] = sum(row.stats.conns for row in served.services.values() if row.stats)
    assert conns == {"lb": 5, "web": 3}


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_the_watch_tells_the_journal_and_a_receiver_once_it_is_enabled(
    packages: Packages, tmp_path: Path, suite: str
) -> None:
    run(tmp_path, "watch.sh", packages.deb, image=suite)


def test_upgrade_remove_and_purge_of_the_deb(
    previous: Packages, packages: Packages, tmp_path: Path
) -> None:
    run(tmp_path, "life.sh", previous.deb, packages.deb)


def test_the_deb_on_machines_set_up_in_other_ways(packages: Packages, tmp_path: Path) -> None:
    run(tmp_path, "machines.sh", packages.deb)


def test_the_deb_recovers_when_dpkg_is_killed(packages: Packages, tmp_path: Path) -> None:
    run(tmp_path, "interrupted.sh", packages.deb)


def test_the_rpm_where_snmpd_is_that_of_enterprise_linux(
    previous: Packages, packages: Packages, tmp_path: Path
) -> None:
    spec = SCRIPTS / "distribution.spec"
    top = f"_topdir {tmp_path}/rpmbuild"
    subprocess.run(["rpmbuild", "-bb", "--quiet", "--define", top, str(spec)], check=True)
    distribution = next((tmp_path / "rpmbuild" / "RPMS").glob("*/*.rpm"))
    run(tmp_path, "el.sh", previous.rpm, packages.rpm, packages.selinux, distribution)


def test_the_rules_for_selinux_are_needed_and_suffice(packages: Packages, tmp_path: Path) -> None:
    """Under Debian's policy, since that of Enterprise Linux is not available here."""
    rules = PACKAGING / "selinux" / "lvs-agent.cil"
    run(tmp_path, "selinux.sh", packages.deb, rules, image="selinux")


def test_the_doctors_remedies_mend_what_is_wrong(packages: Packages, tmp_path: Path) -> None:
    run(tmp_path, "doctor.sh", packages.deb)


@pytest.fixture(scope="module")
def faults(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    run(folder, "faults.sh", packages.deb)
    return folder


def test_snmpd_answers_and_the_collector_comes_back_whatever_ends_it(faults: Path) -> None:
    assert (faults / "strace").exists()


# enum in include/uapi/linux/ip_vs.h: IPVS_CMD_GET_…
READ_COMMANDS = {4: "SERVICE", 8: "DEST", 11: "DAEMON", 13: "CONFIG", 15: "INFO"}


def system_calls(faults: Path) -> List[str]:
    """Return the calls without their pids; strace -yy describes each file descriptor."""
    calls = [line.partition(" ")[2].strip() for line in (faults / "strace").open()]
    assert sum(call.startswith("accept4(3<UNIX") for call in calls) > 3
    return calls


def test_the_collector_sends_the_kernel_read_commands_only(faults: Path) -> None:
    sent: Dict[str, int] = Counter()
    for call in system_calls(faults):
        if not re.match(r"(send|write)\w*\(\d+<NETLINK", call):
            continue
        request = re.search(r'nlmsg_type=(\w+), .*?\}, "\\x(..)', call)
        assert request, call
        family, command = request[1], int(request[2], 16)
        name = (
            f"IPVS_CMD_GET_{READ_COMMANDS[command]}" if family == "IPVS" else f"{family} {command}"
        )
        sent[name] += 1
    print("\nsent:", ", ".join(f"{name} ({times})" for name, times in sorted(sent.items())), end="")
    # CTRL_CMD_GETFAMILY is 3 in include/uapi/linux/genetlink.h
    assert set(sent) == {"nlctrl 3", *(f"IPVS_CMD_GET_{name}" for name in READ_COMMANDS.values())}


def test_the_collector_opens_no_other_family_of_sockets(faults: Path) -> None:
    opened = [re.match(r"socket(?:pair)?\((\w+), ", call) for call in system_calls(faults)]
    assert {each[1] for each in opened if each} == {"AF_UNIX", "AF_NETLINK"}


def test_the_collector_reads_nothing_from_its_clients(faults: Path) -> None:
    calls = system_calls(faults)
    assert [call for call in calls if re.match(r"send\w*\(\d+<UNIX", call)]
    assert not [call for call in calls if re.match(r"(read|recv)\w*\(\d+<UNIX", call)]
