# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on the processes called snmpd and on snmpd's version."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

import pytest

from lvs_agent.doctor import report, snmpd
from lvs_agent.doctor.finding import State
from lvs_agent.doctor.machine import Done
from lvs_agent.doctor.snmpd import Running
from tests.support import doctors


def printed(version: str) -> Done:
    return Done(0, f"\nNET-SNMP version:  {version}\nWeb:               http://www\n", "")


@pytest.fixture
def machine(tmp_path: Path) -> doctors.Picture:
    drawn = doctors.Picture(tmp_path, {"/run/systemd/system/x": ""})
    drawn.prints["snmpd"] = printed("5.9.3")
    return drawn


def test_the_real_one_tells_its_version(tmp_path: Path) -> None:
    with doctors.daemon(tmp_path, "") as daemon:
        machine = doctors.Beside(daemon.pid)
        running = snmpd.find(machine)
        assert running.chosen is not None
        assert running.chosen.pid == daemon.pid
        (first, *_rest) = snmpd.look(machine, running)
    assert first.state == State.OK
    assert first.text.startswith("snmpd 5.")
    assert first.text.endswith(f"runs as root (pid {daemon.pid})")


@pytest.mark.parametrize("program", ["/usr/sbin/snmpd (deleted)", "/tmp/snmpd", None])
def test_another_program_is_not_asked_for_its_version(
    machine: doctors.Picture, program: Optional[str]
) -> None:
    process = machine.runs(doctors.process(), program)
    (finding,) = snmpd.look(machine, Running(process))
    assert finding.text == "snmpd runs as root (pid 7)"


def test_none_runs(machine: doctors.Picture) -> None:
    (finding,) = snmpd.look(machine, Running())
    assert (finding.state, finding.remedy) == (State.WRONG, "systemctl enable --now snmpd")


@pytest.mark.parametrize(
    ("file", "remedy"), [(None, "apt install snmpd"), ("/usr/bin/dnf", "dnf install net-snmp")]
)
def test_none_is_installed(tmp_path: Path, file: Optional[str], remedy: str) -> None:
    machine = doctors.Picture(tmp_path, {file: ""} if file else {})
    (finding,) = snmpd.look(machine, Running())
    assert (finding.text, finding.remedy) == ("snmpd is not installed", remedy)


PROGRAM = "/usr/sbin/snmpd"
UID = pwd.getpwnam("Debian-snmp").pw_uid


def chosen(machine: doctors.Picture) -> Optional[int]:
    found = snmpd.find(machine).chosen
    return None if found is None else found.pid


def test_systemds_comes_first(machine: doctors.Picture) -> None:
    machine.draw(PROGRAM)
    machine.draw("/run/snmpd.pid", "3\n")
    machine.runs(doctors.process(pid=3, started=1.0), PROGRAM)
    machine.runs(doctors.process("python3", pid=9, uid=4242))
    for said, expected in (("9", 9), ("0", 3), ("99", 3), ("", 3)):
        machine.prints["systemctl"] = Done(0, f"MainPID={said}\n", "")
        assert chosen(machine) == expected


@pytest.mark.parametrize("file", ["/run/snmpd.pid", "/var/run/snmpd.pid"])
def test_a_pid_file_of_roots_comes_next(tmp_path: Path, file: str) -> None:
    machine = doctors.Picture(tmp_path, {file: "9\n", PROGRAM: ""})
    machine.runs(doctors.process(pid=3, started=1.0), PROGRAM)
    machine.runs(doctors.process("python3", pid=9, uid=4242, started=2.0))
    assert chosen(machine) == 9
    for mode, uid in ((0o666, 0), (0o644, 4242)):
        machine.path(file).chmod(mode)
        os.chown(machine.path(file), uid, 0)
        assert chosen(machine) == 3
    os.chown(machine.path(file), 0, 0)
    assert chosen(machine) == 9
    machine.path(file).parent.chmod(0o777)
    assert chosen(machine) == 3


def test_a_pid_file_that_is_no_longer_true(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path, {"/run/snmpd.pid": "9"})
    machine.runs(doctors.process(pid=9, uid=4242, started=time.time() + 60))
    assert chosen(machine) is None
    for text in ("", "9 9", "snmpd", "99"):
        machine.draw("/run/snmpd.pid", text)
        assert chosen(machine) is None


@pytest.mark.parametrize(
    ("uid", "program", "mode", "is_it"),
    [
        (0, PROGRAM, 0o755, True),
        (UID, PROGRAM, 0o755, True),
        (0, PROGRAM + " (deleted)", 0o755, True),
        (65534, PROGRAM, 0o755, False),
        (0, PROGRAM, 0o775, False),
        (0, PROGRAM, 0o757, False),
        (0, "/usr/bin/python3", 0o755, False),
        (0, "/none/snmpd", 0o755, False),
        (0, None, 0o755, False),
    ],
)
def test_else_the_program_and_the_user_tell(
    tmp_path: Path, uid: int, program: Optional[str], mode: int, is_it: bool
) -> None:
    machine = doctors.Picture(tmp_path)
    machine.draw(PROGRAM, "", mode)
    machine.runs(doctors.process(uid=uid), program)
    assert (chosen(machine) == 7) is is_it


def test_a_folder_that_others_write_to_tells_nothing(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path, {"/home/u/sbin/snmpd": ""})
    machine.runs(doctors.process(), "/home/u/sbin/snmpd")
    assert chosen(machine) == 7
    os.chown(machine.path("/home/u"), 4242, 4242)
    assert chosen(machine) is None


def test_of_several_it_is_about_the_oldest(machine: doctors.Picture) -> None:
    machine.draw(PROGRAM)
    machine.runs(doctors.process(pid=3, started=9.0), PROGRAM)
    machine.runs(doctors.process(pid=8, started=5.0), PROGRAM)
    machine.runs(doctors.process("sshd", pid=9, started=1.0), "/usr/sbin/sshd")
    machine.runs(doctors.process(pid=4, started=2.0, uid=65534), PROGRAM)
    found = snmpd.find(machine)
    assert (chosen(machine), [each.pid for each in found.others]) == (8, [4, 3])
    finding = snmpd.look(machine, found)[1]
    assert finding.state == State.NOTE
    assert finding.text == "other processes named snmpd, not checked: pid 4 (nobody), 3 (root)"


def test_one_of_a_users_is_none(machine: doctors.Picture) -> None:
    machine.draw(PROGRAM)
    machine.runs(doctors.process(uid=65534), PROGRAM)
    findings = snmpd.look(machine, snmpd.find(machine))
    assert doctors.states(findings) == [State.WRONG, State.NOTE]
    assert findings[0].text == "snmpd is not running"


def test_who_may_not_see_programs_is_told_so(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path)
    machine.runs(doctors.process())
    finding = snmpd.look(machine, snmpd.find(machine))[0]
    assert (finding.state, finding.remedy) == (State.UNSEEN, "sudo lvs-agent doctor")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def impostor(*arguments: str) -> Iterator[int]:
    """Run a process of user 65534 that is called snmpd; yield its PID."""
    process = subprocess.Popen(arguments, user=65534, group=65534, extra_groups=[])
    try:
        while Path(f"/proc/{process.pid}/comm").read_text() != "snmpd\n":
            assert process.poll() is None
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(60)
def test_a_users_program_is_not_run_nor_are_its_files_opened(
    tmp_path: Path, open_folder: Path
) -> None:
    """The program is a copy of Python, which runs this user's run.pth before it looks at -v."""
    program, mark, fifo = (open_folder / name for name in ("bin/snmpd", "mark", "fifo"))
    program.parent.mkdir()
    shutil.copy(os.path.realpath(sys.executable), program)
    home = Path(os.path.realpath(sys.executable)).parent
    (open_folder / "pyvenv.cfg").write_text(f"home = {home}\n")
    site = open_folder / "lib/python{}.{}/site-packages".format(*sys.version_info)
    site.mkdir(parents=True)
    (site / "run.pth").write_text(f"import os; os.getuid() or open({str(mark)!r}, 'w')\n")
    os.mkfifo(fifo, 0o666)
    subprocess.run([program, "-v"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    mark.unlink()  # this run has shown that the copy would write it
    wait = open_folder / "wait.py"
    wait.write_text("import signal; signal.pause()\n")
    with impostor(str(program), str(wait), "-c", str(fifo), "udp:127.0.0.1:9") as pid:
        with doctors.daemon(tmp_path, "") as daemon:
            machine = doctors.Beside(pid, daemon.pid)
            texts = [each.text for each in report.examine(machine)]
        assert any(each.endswith(f"runs as root (pid {daemon.pid})") for each in texts)
        assert f"other processes named snmpd, not checked: pid {pid} (nobody)" in texts
        alone = report.examine(doctors.Beside(pid))
        assert "snmpd is not running" in [each.text for each in alone]
        assert not mark.exists()


@pytest.mark.timeout(60)
def test_snmpd_itself_with_a_users_files_is_not_believed(tmp_path: Path, open_folder: Path) -> None:
    conf = open_folder / "snmpd.conf"
    conf.write_text("agentaddress udp:127.0.0.1:0\n")
    arguments = (PROGRAM, "-f", "-Lf", "/dev/null", "-r", "-C", "-c", str(conf))
    with impostor(*arguments) as pid, doctors.daemon(tmp_path, "") as daemon:
        found = snmpd.find(doctors.Beside(pid, daemon.pid))
        assert found.chosen is not None
        assert found.chosen.pid == daemon.pid
        assert [each.pid for each in found.others] == [pid]
        assert snmpd.find(doctors.Beside(pid)).chosen is None


def test_restart_where_there_is_no_systemd(tmp_path: Path) -> None:
    assert snmpd.restart(doctors.Picture(tmp_path)) == "service snmpd restart"
