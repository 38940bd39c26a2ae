# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders to forget lost rows: their file, and what is lost afterwards."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any, List

import pytest

from lvs_agent.collector import forgetting
from lvs_agent.collector.forgetting import MAX_FILE_BYTES, ForgetFile, Order, append
from lvs_agent.collector.remembered import ServiceState
from tests.support.watched import DAY, START, Watched, letters, lost

SERVICE = "TCP 192.0.2.10:443"
ALL = ""
LINE = b'[5.0,"TCP 192.0.2.10:443",""]\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return forgetting.beside(tmp_path / "collector.sock")


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: Path) -> Watched:
    """Return a director whose service 443 has had six servers, and has lost d, then e and f."""
    one = Watched(monkeypatch, tmp_path / "state", files=[ForgetFile(path)])
    for _ in range(3):
        one.look({443: "abcdef"})
    one.look({443: "abcef"})
    look = one.look({443: "abc"})
    assert (lost(look), letters(look, 443)) == ({443: 3}, "fed")
    return one


def server(letter: str) -> str:
    return f"192.168.0.{ord(letter) - ord('a') + 1}:80"


def forget(one: Watched, path: Path, service: str, servers: str = "", ago: float = 0.0) -> None:
    """Order to forget these servers of a service, or the service."""
    names = [server(letter) for letter in servers] or [""]
    append(path, [Order(one.now - ago, service, name) for name in names])


# What is forgotten


def test_a_server_that_is_forgotten_leaves_the_list_and_the_baseline(
    watched: Watched, path: Path
) -> None:
    forget(watched, path, SERVICE, "e")
    look = watched.look({443: "abc"})
    assert (lost(look), letters(look, 443)) == ({443: 2}, "fd")
    look = watched.look({443: "ab"})
    assert (lost(look), letters(look, 443)) == ({443: 3}, "cfd")


def test_a_scale_down_is_forgotten_server_by_server(watched: Watched, path: Path) -> None:
    forget(watched, path, SERVICE, "def")
    for _ in range(3):
        assert lost(watched.look({443: "abc"})) == {}
    assert letters(watched.look({443: "ab"}), 443) == "c"


def test_a_service_stands_for_its_servers(watched: Watched, path: Path) -> None:
    forget(watched, path, SERVICE)
    assert lost(watched.look({443: "abc"})) == {}
    assert letters(watched.look({443: "ab"}), 443) == "c"


def test_all_rows_are_forgotten(watched: Watched, path: Path) -> None:
    for _ in range(3):
        watched.look({443: "abc", 80: "xyz", 25: "x"})
    watched.look({443: "abc", 80: "xy"})
    forget(watched, path, ALL)
    look = watched.look({443: "abc", 80: "xy"})
    assert (lost(look), look.lost_services, look.lost) == ({}, 0, [])


def test_a_lost_service_is_forgotten_with_its_servers(watched: Watched, path: Path) -> None:
    look = watched.look({})
    assert look.lost_services == 1
    forget(watched, path, SERVICE)
    look = watched.look({})
    assert (look.lost_services, look.lost) == (0, [])
    for _ in range(2):
        assert lost(watched.look({443: "a"})) == {}
    for _ in range(2):
        watched.look({443: "ab"})
    assert letters(watched.look({443: "a"}), 443) == "b"


def test_what_went_after_the_order_is_not_forgotten(watched: Watched, path: Path) -> None:
    forget(watched, path, ALL, ago=1)  # e and f are gone since now
    forget(watched, path, SERVICE, "a")
    look = watched.look({443: "bc"})
    assert (lost(look), letters(look, 443)) == ({443: 3}, "afe")


def test_a_row_that_was_back_and_is_gone_again_is_lost_again(watched: Watched, path: Path) -> None:
    forget(watched, path, SERVICE, "f")
    watched.look({443: "abc"})
    for _ in range(2):
        watched.look({443: "abcf"})
    assert letters(watched.look({443: "abc"}), 443) == "fe"


def test_servers_that_were_replaced_do_not_lower_the_baseline(watched: Watched, path: Path) -> None:
    for _ in range(2):
        watched.look({443: "uvwxyz"})
    assert letters(watched.look({443: "uvwx"}), 443) == "zy"
    forget(watched, path, SERVICE, "abcdef")
    assert letters(watched.look({443: "uvwx"}), 443) == "zy"


def test_an_order_holds_over_restarts_and_is_not_repeated(watched: Watched, path: Path) -> None:
    forget(watched, path, SERVICE, "f")
    watched.look({443: "abc"})
    for _ in range(2):
        watched.restart()
        look = watched.look({443: "abc"})
        assert (lost(look), letters(look, 443)) == ({443: 2}, "ed")


def test_rows_that_went_before_the_clock_was_set_back_can_be_forgotten(
    watched: Watched, path: Path
) -> None:
    watched.now -= 30 * DAY
    assert lost(watched.look({443: "abc"})) == {443: 3}
    forget(watched, path, SERVICE)
    assert lost(watched.look({443: "abc"})) == {}


def test_an_old_order_does_not_forget_what_went_before_the_clock_was_set_back(
    watched: Watched, path: Path
) -> None:
    forget(watched, path, ALL)
    assert lost(watched.look({443: "abc"})) == {}
    watched.now += DAY
    assert lost(watched.look({443: "ab"})) == {443: 1}
    watched.now -= DAY
    for _ in range(2):
        watched.close()
        watched._files = [ForgetFile(path)]
        watched.restart()
        assert lost(watched.look({443: "ab"})) == {443: 1}


@pytest.mark.parametrize("named", ["f", "fedabcghijklmnop"])
def test_servers_named_at_once_are_looked_for_at_once(
    watched: Watched, path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    looks = []

    def counted(self: ServiceState, *args: Any, **options: Any) -> List[str]:
        looks.append(len(self.servers.rows))
        return find(self, *args, **options)

    find = ServiceState.lost_servers
    monkeypatch.setattr(ServiceState, "lost_servers", counted)
    forget(watched, path, SERVICE, named)
    watched.look({443: "abc"})
    # of all servers, for the orders and for the snapshot
    assert looks == [6, 6]


def test_what_is_not_known_is_ignored(watched: Watched, path: Path) -> None:
    forget(watched, path, "TCP 192.0.2.99:80")
    forget(watched, path, "TCP 192.0.2.99:80", "a")
    forget(watched, path, "nonsense", "z")
    forget(watched, path, SERVICE, "az")
    assert lost(watched.look({443: "abc"})) == {443: 3}


# The file


def orders(file: ForgetFile) -> List[Order]:
    return file.take(START)


def test_an_order_is_a_line_of_json_that_others_can_read_and_not_write(path: Path) -> None:
    before = os.umask(0)
    try:
        append(path, [Order(5.5, SERVICE, "192.168.0.1:80"), Order(6, "", "")])
    finally:
        os.umask(before)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        [5.5, SERVICE, "192.168.0.1:80"],
        [6, "", ""],
    ]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("umask", [0, 0o077])
def test_a_folder_that_is_made_can_be_entered_by_others_and_written_by_one_user(
    tmp_path: Path, umask: int
) -> None:
    folder = tmp_path / "run"
    before = os.umask(umask)
    try:
        append(forgetting.beside(folder / "collector.sock"), [Order(START, ALL, "")])
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o755


def test_each_line_is_taken_once(path: Path) -> None:
    file = ForgetFile(path)
    assert orders(file) == []
    append(path, [Order(5.0, SERVICE, "")])
    assert orders(file) == [Order(5.0, SERVICE, "")]
    append(path, [Order(6.0, "", "")])
    assert orders(file) == [Order(6.0, "", "")]
    assert orders(file) == []


def test_a_line_is_taken_when_it_is_whole(path: Path) -> None:
    file = ForgetFile(path)
    path.write_bytes(LINE[:9])
    assert orders(file) == []
    path.write_bytes(LINE)
    assert orders(file) == [Order(5.0, SERVICE, "")]


def test_a_file_that_was_replaced_is_read_from_its_beginning(path: Path) -> None:
    file = ForgetFile(path)
    path.write_bytes(LINE * 2)
    orders(file)
    path.write_bytes(LINE)
    assert orders(file) == [Order(5.0, SERVICE, "")]


BAD = [
    b"\n",
    b"nonsense\n",
    b"{}\n",
    b"[]\n",
    b'["5.0","",""]\n',
    b'[null,"",""]\n',
    b"[5.0,null,null]\n",
    b'[5.0,"",""]]\n',
    b'[5.0,"","",""]\n',
    b'[NaN,"",""]\n',
    b'[1e999,"",""]\n',
    b'[1795914000.1,"",""]\n',  # in the future
    b"9" * 5000 + b"\n",
    b"[" * 100000 + b"\n",
    b"\xff\n",
    b"\0\n",
]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_line_costs_itself_and_is_logged_once(
    path: Path, bad: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(bad + LINE + bad)
    file = ForgetFile(path)
    with caplog.at_level(logging.ERROR):
        assert orders(file) == [Order(5.0, SERVICE, "")]
        orders(file)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"{path}: invalid lines: 2, the first: ")


def link(path: Path) -> None:
    path.with_name("target").write_bytes(LINE)
    path.symlink_to(path.with_name("target"))


def too_long(path: Path) -> None:
    path.write_bytes(LINE.rjust(MAX_FILE_BYTES + 1))


def of_another_user(path: Path) -> None:
    path.write_bytes(LINE)
    os.chown(path, 65534, 0)


def writable_by_group(path: Path) -> None:
    path.write_bytes(LINE)
    path.chmod(0o664)


def writable_by_all(path: Path) -> None:
    path.write_bytes(LINE)
    path.chmod(0o646)


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, os.mkdir, link, too_long, of_another_user, writable_by_group, writable_by_all],
)
def test_another_file_in_its_place_is_left_alone_and_logged_once(
    path: Path, make: object, caplog: pytest.LogCaptureFixture
) -> None:
    make(path)  # type: ignore[operator]
    file = ForgetFile(path)
    with caplog.at_level(logging.ERROR):
        assert [orders(file), orders(file)] == [[], []]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"{path}: ")


def test_a_file_of_root_is_read_by_another_user(path: Path) -> None:
    path.write_bytes(LINE)
    path.parent.chmod(0o755)
    opened = os.open(path.parent, os.O_RDONLY)  # the folders above are not for other users
    child = os.fork()
    if not child:
        os.fchdir(opened)
        os.setresuid(65534, 65534, 65534)
        os._exit(len(orders(ForgetFile(Path(path.name)))))
    os.close(opened)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_a_file_that_has_become_too_long_is_an_error_of_the_command(path: Path) -> None:
    path.write_bytes(b"\n" * MAX_FILE_BYTES)
    with pytest.raises(OSError, match="too long; remove it"):
        append(path, [Order(5.0, "", "")])
    assert path.stat().st_size == MAX_FILE_BYTES


def test_a_fifo_does_not_block_the_command(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        append(path, [Order(5.0, "", "")])


def test_of_many_orders_for_the_same_rows_the_last_counts(path: Path) -> None:
    append(path, [Order(float(n), "", "") for n in range(20000)])
    assert orders(ForgetFile(path)) == [Order(19999.0, "", "")]
