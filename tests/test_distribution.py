# SPDX-License-Identifier: GPL-3.0-or-later
"""The source distribution, the wheel built from it, and that wheel in a virtual environment.

Nothing is downloaded: they are built by the setuptools of this environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Set

import pytest

import lvs_agent
from tests.support import snmpd
from tests.support.mibs import MIB
from tests.support.paths import CHECKOUT, DATA

NAME = f"lvs_agent-{lvs_agent.__version__}"
# what is in a checkout and was not written by anybody; an old egg-info would add its list of files
MADE = (".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache")
OF_SETUPTOOLS = {"PKG-INFO", "setup.cfg"}
MADE_BELOW = re.compile(r"\.egg-info/|__pycache__/")

WITHOUT_LICENCE = {"LICENSE", "packaging/debian/copyright", "packaging/debian/source/format"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, as fresh as from git."""
    copy = tmp_path_factory.mktemp("checkout") / "lvs-agent"
    shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(*MADE))
    return copy


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions; build makes the wheel from the other one."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, checkout], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def source(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        archive.extractall(folder)
    return folder / NAME


@pytest.fixture(scope="module")
def prefix(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and no other package."""
    folder = tmp_path_factory.mktemp("prefix")
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    wheel = built / f"{NAME}-py3-none-any.whl"
    subprocess.run([*pip, "--no-index", "--no-deps", wheel], check=True)
    return folder


def written(folder: Path) -> Set[str]:
    """The files below a folder, without those of setuptools and Python."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in names - OF_SETUPTOOLS if not MADE_BELOW.search(name)}


def run(prefix: Path, *arguments: object) -> str:
    """Return what the installed command prints, away from the checkout."""
    command = [str(prefix / "bin" / "lvs-agent"), *map(str, arguments)]
    printed: str = subprocess.check_output(command, cwd=prefix, text=True)
    return printed


def test_the_source_distribution_has_every_file(checkout: Path, source: Path) -> None:
    assert written(source) == written(checkout)


def test_every_file_states_its_licence_at_the_top(checkout: Path) -> None:
    """Except prose, pictures, recordings, the licence itself, and files that take no comment."""
    silent = set()
    for name in written(checkout):
        if (
            name.endswith((".json", ".md", ".png"))
            or name.startswith("tests/data/")
            or name in WITHOUT_LICENCE
        ):
            continue
        lines = (checkout / name).read_text("utf-8").splitlines()[:4]
        if not any("SPDX-License-Identifier: GPL-3.0-or-later" in line for line in lines):
            silent.add(name)
    assert silent == set()


def test_its_tests_run(source: Path) -> None:
    """One module for all: none of the files that another needs is missing."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "tests/kernel/test_recording.py"],
        cwd=source,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_make_dates_what_it_builds_without_git(source: Path) -> None:
    """By the CHANGELOG: the folders above may be under git, so git is not let out of this one."""
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(source.parent)}
    environment.pop("SOURCE_DATE_EPOCH", None)
    command = ["make", "-s", "--eval", "epoch: ; @echo $$SOURCE_DATE_EPOCH", "epoch"]
    printed = subprocess.check_output(command, cwd=source, env=environment, text=True)
    assert int(printed) == int((source / "CHANGELOG.md").stat().st_mtime)


def test_the_wheel_has_the_package_and_what_goes_beside_it(checkout: Path, built: Path) -> None:
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
    package = {name for name in written(checkout) if name.startswith("lvs_agent/")}
    beside = {
        "share/doc/lvs-agent/snmpd.conf.example",
        "share/man/man8/lvs-agent.8",
        "share/snmp/mibs/LVS-MIB.txt",
    }
    about = {name for name in names if name.startswith(f"{NAME}.dist-info/")}
    assert f"{NAME}.dist-info/licenses/LICENSE" in about
    assert names - about == package | {f"{NAME}.data/data/{name}" for name in beside}


def test_the_wheel_names_the_licence_by_its_identifier(built: Path) -> None:
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as wheel:
        metadata = wheel.read(f"{NAME}.dist-info/METADATA").decode()
    assert "\nLicense-Expression: GPL-3.0-or-later\n" in metadata


def test_an_installed_agent_shows_a_recorded_director(prefix: Path) -> None:
    golden = (DATA / "walks" / "small").read_text().splitlines()
    walk = run(prefix, "walk", "--replay", DATA / "directors" / "small")
    assert snmpd.steady(walk.splitlines()) == golden


def test_an_installed_agent_knows_where_the_mib_is(prefix: Path) -> None:
    path = Path(run(prefix, "mib").rstrip("\n"))
    assert path == prefix / "share" / "snmp" / "mibs" / "LVS-MIB.txt"
    assert path.read_bytes() == MIB.read_bytes()


def test_an_installed_agent_has_its_page_where_man_looks(prefix: Path) -> None:
    """Beside the folder of programs, as man(1) goes by PATH."""
    page = prefix / "share" / "man" / "man8" / "lvs-agent.8"
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Werror", page], stdout=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
