# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's view of a machine, compared with the machine that runs the tests."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lvs_agent.doctor import machine as module
from lvs_agent.doctor.machine import EXECUTE, READ, WRITE, Machine
from lvs_agent.regular import LIMIT
from tests.support import doctors
from tests.support.users import as_user

STATUS = "Name:\tsnmpd\nUid:\t1\t{uid}\t1\t1\nGid:\t1\t{uid}\t1\t1\nGroups:\t4 5\nCapEff:\t{caps}\n"


def test_this_process_is_seen_as_it_is() -> None:
    (here,) = [each for each in Machine().processes() if each.pid == os.getpid()]
    assert (here.uid, here.gid) == (os.geteuid(), os.getegid())
    assert set(here.groups) == set(os.getgroups())
    assert Machine().arguments(here.pid)[1:] == sys.orig_argv[1:]
    assert Machine().namespace(here.pid, "net") == os.readlink("/proc/self/ns/net")
    assert Machine().program(here.pid) == os.readlink("/proc/self/exe")


def test_a_start_is_known_to_the_second() -> None:
    before = time.time()
    process = subprocess.Popen(["sleep", "60"])
    try:
        (found,) = [each for each in Machine().processes() if each.pid == process.pid]
        assert before - 1.1 < found.started < time.time() + 1.1
        environment = Machine().environment(process.pid)
        assert environment is not None
        assert environment["PATH"] == os.environ["PATH"]
    finally:
        process.kill()
        process.wait()


def test_a_container_s_processes_are_not_ours(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path, {"/proc/stat": "btime 100\n"})
    stat = "7 (a) b) S " + " ".join(["0"] * 18) + " 250 0\n"
    for pid, more in ((7, ""), (8, "NSpid:\t8\t1\n"), (9, "NSpid:\t9\n")):
        machine.draw(f"/proc/{pid}/status", STATUS.format(uid=3, caps="0000000000001000") + more)
        machine.draw(f"/proc/{pid}/stat", stat)
        machine.draw(f"/proc/{pid}/cmdline", "snmpd\0-f\0")
    machine.draw("/proc/10/status", "Name:\tgone\n")
    found = Machine(tmp_path).processes()
    assert [each.pid for each in found] == [7, 9]
    assert Machine(tmp_path).arguments(7) == ["snmpd", "-f"]
    assert (found[0].uid, found[0].groups, found[0].capabilities) == (3, (4, 5), 0x1000)
    assert found[0].started == pytest.approx(100 + 250 / os.sysconf("SC_CLK_TCK"))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o604, 0o066, 0o777, 0o000])
@pytest.mark.parametrize("uid", [0, 65534])
def test_the_verdict_on_a_file_is_the_kernels(tmp_path: Path, mode: int, uid: int) -> None:
    """A child of that user connects to a socket, the kind of file that the verdict is for."""
    tmp_path.chmod(0o755)
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        path.chmod(mode)
        listening.listen()
        # reach the folder by a descriptor, as this user may not enter the folders above it
        at = os.open(tmp_path, os.O_RDONLY)

        def connected() -> str:
            with socket.socket(socket.AF_UNIX) as asking:
                return os.strerror(asking.connect_ex(f"/proc/self/fd/{at}/sock"))

        try:
            said = as_user(uid, connected)
        finally:
            os.close(at)
    assert said in (os.strerror(0), os.strerror(errno.EACCES))
    machine = Machine(tmp_path)
    who = doctors.process(uid=uid)
    assert machine.may(who, "/sock", WRITE) == (said == os.strerror(0))


def test_groups_and_folders_count(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path)
    file = machine.draw("/folder/file", "", 0o640)
    gid = file.stat().st_gid
    tmp_path.chmod(0o711)
    file.parent.chmod(0o711)
    assert machine.may(doctors.process(uid=4242, groups=(gid,)), "/folder/file", READ)
    assert not machine.may(doctors.process(uid=4242, groups=(gid,)), "/folder/file", EXECUTE)
    assert not machine.may(doctors.process(uid=4242), "/folder/file", READ)
    file.parent.chmod(0o700)
    assert not machine.may(doctors.process(uid=4242, gid=gid + 1), "/folder/file", READ)
    assert not machine.may(doctors.process(uid=4242), "/none", READ)
    assert not machine.may(doctors.process(uid=0), "/none", READ)


@pytest.mark.parametrize("mode", [0o644, 0o100, 0o001, 0o666])
def test_root_runs_only_what_somebody_may_run(tmp_path: Path, mode: int) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(mode)
    ran = os.access(program, os.X_OK)
    assert ran is bool(mode & 0o111)
    (tmp_path / "closed").mkdir(mode=0o000)
    machine = Machine(tmp_path)
    assert machine.may(doctors.process(uid=0), "/program", READ | EXECUTE) is ran
    (tmp_path / "closed/file").touch(mode)
    assert machine.may(doctors.process(uid=0), "/closed/file", EXECUTE) is ran


def test_a_path_relative_to_another_process_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "snmpd.conf").write_text("rocommunity public\n")
    with pytest.raises(OSError, match="not an absolute path"):
        Machine(tmp_path).read("snmpd.conf")


def test_programs_run_without_a_shell_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    done = machine.run(["sh", "-c", "echo $LC_ALL$MORE; echo bad >&2; exit 3"], {"MORE": "more"})
    assert done == module.Done(3, "Cmore\n", "bad\n")
    assert machine.run(["no-such-program"]) is None
    monkeypatch.setattr(module, "RUN_SECONDS", 0.1)
    late = machine.run(["sleep", "60"])
    assert late is not None
    assert late.status == -1
    assert "sleep" in late.err


def test_administrators_programs_are_found_by_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert Machine().find("snmpd") == "/usr/sbin/snmpd"


def test_a_program_comes_from_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "snmpd"
    own.write_text("#!/bin/sh\necho own")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in (str(own), "./snmpd", "../snmpd"):
        assert Machine().run([name]) is None
    done = Machine().run(["snmpd", "-v"])
    assert done is not None
    assert "NET-SNMP" in done.out
    done = Machine().run(["sh", "-c", "echo $PATH"], {"PATH": str(tmp_path)})
    assert done == module.Done(0, f"{module.PATH}\n", "")


def test_an_argument_that_no_program_can_get(tmp_path: Path) -> None:
    done = Machine().run(["echo", "a\0b"])
    assert done is not None
    assert (done.status, done.out) == (126, "")


def test_names_of_users_and_groups_else_numbers() -> None:
    assert (module.user_name(0), module.group_name(0)) == ("root", "root")
    assert (module.user_name(987654), module.group_name(987654)) == ("987654", "987654")


def test_what_is_not_there(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.processes() == []
    assert machine.names("/none") == []
    assert machine.changed("/none") == 0
    assert machine.namespace(1, "net") is None
    assert machine.environment(1) is None
    assert machine.arguments(1) == []
    assert not machine.systemd


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["/fifo", "/link", "/large", "/a\0b", "/folder"])
def test_what_is_no_file_to_read_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", LIMIT + 1)
    (tmp_path / "folder").mkdir()
    machine = Machine(tmp_path)
    with pytest.raises(OSError, match=r"not a regular file|longer than|a NUL"):
        machine.read(name)
    assert machine.exists(name) is ("\0" not in name)
    assert machine.names(name) == []


def test_a_name_of_any_bytes_in_a_file_finds_its_file(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff\x1b"
    Path(os.fsdecode(odd)).write_bytes(b"found")
    (tmp_path / "names").write_bytes(b"/\xff\x1b\r\n")
    machine = Machine(tmp_path)
    (name,) = machine.read("/names").splitlines()
    assert machine.read(name) == "found"
