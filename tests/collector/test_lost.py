# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of what is lost, by hand: looks at a director, and the rows that must be listed."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

from lvs_agent.codes import Source, Status
from lvs_agent.collector.limit import missing
from lvs_agent.collector.statefile import MAX_MISSING
from tests.support.statefiles import lines
from tests.support.watched import DAY, START, Watched, letters, lost, lost_services, only

Make = Callable[..., Watched]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Return a director whose service 443 has had four servers for two minutes."""
    return steady(Watched(monkeypatch))


def steady(one: Watched) -> Watched:
    for _ in range(3):
        one.look({443: "abcd"})
    return one


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watched:
    """Return the same director, whose history is in a folder."""
    return steady(Watched(monkeypatch, tmp_path))


# Servers


def test_a_server_that_is_gone_is_lost_until_it_is_back(watched: Watched) -> None:
    look = watched.look({443: "abd"})
    assert (lost(look), letters(look, 443)) == ({443: 1}, "c")
    assert (look.lost_services, look.lost_servers) == (0, 1)
    look = watched.look({443: "abcd"})
    assert (lost(look), look.lost, look.lost_servers) == ({}, [], 0)


def test_three_of_four_servers_are_lost_the_last_first(watched: Watched) -> None:
    watched.look({443: "abd"})
    look = watched.look({443: "d"})
    assert (lost(look), letters(look, 443)) == ({443: 3}, "bac")
    look = watched.look({443: ""})
    assert (lost(look), letters(look, 443)) == ({443: 4}, "dbac")


def test_a_lost_server_was_last_seen_at_one_look_and_missing_at_the_next(watched: Watched) -> None:
    row = only(watched.look({443: "abd"}, after=300))
    assert (row.service, row.server) == ("TCP 192.0.2.10:443", "192.168.0.3:80")
    assert (row.last_seen, row.since) == (START + 180, START + 480)
    assert only(watched.look({443: "abd"})) == row


def test_a_server_that_another_replaces_is_not_lost(watched: Watched) -> None:
    assert lost(watched.look({443: "abce"})) == {}
    for _ in range(2):
        assert lost(watched.look({443: "fghi"})) == {}
    look = watched.look({443: "fgh"})
    assert (lost(look), letters(look, 443)) == ({443: 1}, "i")


def test_a_server_that_is_added_later_counts_once_it_was_held_for_a_minute(
    watched: Watched,
) -> None:
    watched.look({443: "abcde"})
    assert lost(watched.look({443: "abcd"}, after=30)) == {}
    watched.look({443: "abcde"})
    watched.look({443: "abcde"}, after=60)
    assert letters(watched.look({443: "abcd"}), 443) == "e"


def test_a_server_that_was_there_for_less_than_a_minute_is_not_lost(watched: Watched) -> None:
    watched.look({443: "abcx"})
    watched.look({443: "abcx"}, after=59)
    look = watched.look({443: "abc"}, after=1)
    assert (lost(look), letters(look, 443)) == ({443: 1}, "d")


def test_a_server_that_flaps_is_lost_whenever_it_is_gone(watched: Watched) -> None:
    for _ in range(3):
        assert letters(watched.look({443: "abc"}, after=10), 443) == "d"
        assert letters(watched.look({443: "abcd"}, after=10), 443) == ""
    assert letters(watched.look({443: "abc"}, after=10), 443) == "d"


def test_weight_0_is_not_lost(watched: Watched) -> None:
    assert lost(watched.look({443: "ABCD"})) == {}


def test_a_sorry_server_that_goes_after_an_outage_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """keepalived with inhibit_on_failure, and ldirectord with quiescent, add it to dead servers."""
    one = Watched(monkeypatch)
    for farm in ("ab", "ab", "ABs", "ABs", "ABs"):
        assert lost(one.look({443: farm})) == {}
    assert lost(one.look({443: "ab"})) == {}
    assert letters(one.look({443: "a"}), 443) == "b"


def test_each_service_has_its_own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Watched(monkeypatch)
    for _ in range(3):
        one.look({443: "abcd", 80: "ab"})
    look = one.look({443: "abc", 80: "a"})
    assert (lost(look), look.lost_servers) == ({443: 1, 80: 1}, 2)
    assert (letters(look, 443), letters(look, 80)) == ("d", "b")


# The baseline


def test_a_baseline_is_held_in_two_looks_a_minute_apart(watched: Watched) -> None:
    """Eight servers for less than a minute, as while a service is exchanged: no baseline."""
    watched.look({443: "abcdefgh"}, after=10)
    watched.look({443: "abcdefgh"}, after=40)
    look = watched.look({443: "efgh"}, after=10)
    assert (lost(look), look.lost) == ({}, [])


def test_a_scale_down_is_a_loss_for_the_lost_time(watched: Watched) -> None:
    for hours in range(7 * 24):
        look = watched.look({443: "ab"}, after=3600)
        assert lost(look) == {443: 2}, hours
    look = watched.look({443: "ab"}, after=3600)
    assert (lost(look), look.lost) == ({}, [])


def test_the_lost_time_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    one = steady(Watched(monkeypatch, lost_days=0.5))
    assert lost(one.look({443: "abc"})) == {443: 1}
    assert lost(one.look({443: "abc"}, after=0.5 * DAY - 60)) == {443: 1}
    assert lost(one.look({443: "abc"}, after=61)) == {}


def test_a_step_down_after_another_counts_from_what_was_held_lately(watched: Watched) -> None:
    """Six servers until day 0, four until day 5, three from then on."""
    for _ in range(2):
        watched.look({443: "abcdef"})
    for _ in range(5):
        watched.look({443: "abcd"}, after=DAY)
    assert letters(watched.look({443: "abc"}), 443) == "dfe"
    look = watched.look({443: "abc"}, after=2 * DAY)
    assert (lost(look), letters(look, 443)) == ({443: 1}, "d")


def test_a_service_that_falls_in_many_steps_keeps_its_baseline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch)
    for count in range(40, 0, -1):
        for _ in range(2):
            look = one.look({443: range(count)})
    assert lost(look) == {443: 39}


# Services


def test_a_service_that_is_gone_is_one_lost_row(watched: Watched) -> None:
    look = watched.look({})
    assert (look.lost_services, look.lost_servers) == (1, 0)
    row = only(look)
    assert (row.service, row.server) == ("TCP 192.0.2.10:443", "")
    assert (row.last_seen, row.since) == (START + 180, START + 240)
    look = watched.look({443: "abcd"})
    assert (look.lost_services, look.lost_servers, look.lost) == (0, 0, [])


def test_a_service_that_comes_back_with_fewer_servers_lacks_the_others(watched: Watched) -> None:
    watched.look({})
    look = watched.look({443: "ab"}, unsettled=[443])
    assert lost(look) == {}
    look = watched.look({443: "ab"})
    assert (lost(look), letters(look, 443)) == ({443: 2}, "dc")


def test_a_service_that_was_there_for_less_than_a_minute_is_not_lost(watched: Watched) -> None:
    watched.look({443: "abcd", 80: "a"})
    watched.look({443: "abcd", 80: "a"}, after=59)
    assert watched.look({443: "abcd"}).lost_services == 0


def test_all_services_gone_are_all_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Watched(monkeypatch)
    farm = dict.fromkeys(range(1, 41), "ab")
    for _ in range(3):
        one.look(farm)
    look = one.look({})
    assert (look.lost_services, look.lost_servers, len(look.lost)) == (40, 0, 40)
    assert one.look(farm).lost == []


def test_a_service_is_forgotten_after_the_lost_time(watched: Watched) -> None:
    watched.look({})
    assert watched.look({}, after=7 * DAY).lost_services == 1
    look = watched.look({}, after=1)
    assert (look.lost_services, look.lost) == (0, [])


# Evidence


def test_the_view_of_proc_is_no_evidence(watched: Watched) -> None:
    for _ in range(3):
        look = watched.look({443: "a"}, source=Source.PROCFS, status=Status.NO_STATISTICS)
        assert (lost(look), look.lost) == ({443: None}, [])
        assert (look.lost_services, look.lost_servers) == (None, None)
    look = watched.look({443: "abcd"})
    assert (lost(look), look.lost) == ({}, [])


def test_what_the_view_of_proc_lacked_was_last_seen_before(watched: Watched) -> None:
    watched.look({443: "abc"}, source=Source.PROCFS)
    row = only(watched.look({443: "abc"}))
    assert (row.last_seen, row.since) == (START + 180, START + 300)


def test_without_ip_vs_nothing_is_lost(watched: Watched) -> None:
    look = watched.look({}, source=Source.NONE, status=Status.NO_IPVS)
    assert (look.lost_services, look.lost_servers, look.lost) == (None, None, [])


def test_an_unsettled_server_is_present(watched: Watched) -> None:
    for _ in range(3):
        look = watched.look({443: "abc"}, unsettled=[443], status=Status.DEGRADED)
        assert (lost(look), look.lost) == ({}, [])
    assert lost(watched.look({443: "abcd"})) == {}
    assert lost(watched.look({443: "abc"})) == {443: 1}


def test_a_loss_stays_while_another_server_is_unsettled(watched: Watched) -> None:
    watched.look({443: "abc"})
    look = watched.look({443: "ab"}, unsettled=[443])
    assert (lost(look), letters(look, 443)) == ({443: 1}, "d")
    look = watched.look({443: "abd"}, unsettled=[443])
    assert (lost(look), letters(look, 443)) == ({}, "")


def test_an_unsettled_service_is_present(watched: Watched) -> None:
    for _ in range(3):
        look = watched.look({}, complete=False, status=Status.DEGRADED)
        assert (look.lost_services, look.lost) == (0, [])


def test_complete_tables_are_evidence_whatever_is_unsettled_beside_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch)
    for _ in range(3):
        one.look({443: "abcd", 80: "ab"})
    look = one.look({443: "abc", 80: "a"}, complete=False, unsettled=[80], status=Status.DEGRADED)
    assert (lost(look), look.lost_servers) == ({443: 1}, 1)


@pytest.mark.parametrize("status", [Status.COUNTERS_FROZEN, Status.DEGRADED])
def test_frozen_counters_and_unrelated_faults_do_not_matter(
    watched: Watched, status: Status
) -> None:
    assert lost(watched.look({443: "abc"}, status=status)) == {443: 1}


# Boots and loads of the module


def test_nothing_is_lost_for_5_minutes_after_a_boot(saved: Watched) -> None:
    saved.look({443: "abc"})
    saved.now += 600
    saved.reboot()
    look = saved.look({}, after=30)
    assert (look.lost_services, look.lost, look.lost_servers) == (0, [], 0)
    assert look.text.startswith("rows that are missing: 1;")
    look = saved.look({443: "a"}, after=30)
    # d was lost before
    assert (lost(look), letters(look, 443)) == ({443: 1}, "d")
    assert "are missing: 2;" in look.text
    look = saved.look({443: "abc"}, after=239.9)
    assert (lost(look), look.text) == ({443: 1}, "")
    look = saved.look({443: "ab"}, after=0.2)
    assert (lost(look), letters(look, 443), look.text) == ({443: 2}, "cd", "")


def test_what_is_still_missing_5_minutes_after_a_boot_is_lost(saved: Watched) -> None:
    saved.reboot()
    for _ in range(4):
        assert lost(saved.look({443: "abc"}, after=60)) == {}
    row = only(saved.look({443: "abc"}, after=61))
    assert (row.last_seen, row.since) == (START + 180, START + 180 + 301)


def test_nothing_is_lost_for_5_minutes_after_the_module_was_loaded(watched: Watched) -> None:
    watched.look({}, source=Source.NONE, status=Status.NO_IPVS)
    watched.load_module()
    look = watched.look({443: "ab"}, after=0)
    assert (lost(look), look.lost_services) == ({}, 0)
    assert "are missing: 2;" in look.text
    assert lost(watched.look({443: "ab"}, after=299)) == {}
    assert lost(watched.look({443: "ab"}, after=1)) == {443: 2}


def test_a_text_about_something_else_stays(watched: Watched) -> None:
    watched.load_module()
    assert watched.look({443: "abcd"}).text == ""
    look = watched.look({443: "abc"}, status=Status.OK)
    assert look.status == Status.OK
    assert look.text.endswith("5 minutes after the boot or the load of ip_vs")
    assert len(look.text.encode()) < 255


def test_what_another_server_replaces_after_a_boot_is_not_announced(saved: Watched) -> None:
    saved.reboot()
    assert saved.look({443: "abce"}).text == ""


# Limits


def test_a_hundred_servers_of_a_service_are_listed_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch)
    for _ in range(3):
        one.look({443: range(300)})
    one.look({443: range(150, 300)})
    look = one.look({443: range(250, 300)})
    assert (lost(look), look.lost_servers, len(look.lost)) == ({443: 250}, 250, 100)
    assert {row.since for row in look.lost} == {one.now}


def test_a_thousand_rows_of_a_director_are_listed_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch)
    whole = {port: range(30) for port in range(1, 101)}
    for _ in range(3):
        one.look(whole)
    one.look({port: range(10, 30) for port in range(1, 101)})
    look = one.look({port: range(15, 30) for port in range(1, 101) if port % 2})
    assert (look.lost_services, look.lost_servers, len(look.lost)) == (50, 750, 800)
    look = one.look({port: range(25, 30) for port in range(1, 101) if port % 2})
    assert (look.lost_services, look.lost_servers, len(look.lost)) == (50, 1250, 1000)
    assert [row.since for row in look.lost] == sorted(row.since for row in look.lost)[::-1]
    assert len(lost_services(look)) == 50


def test_rows_that_are_lost_are_not_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two services whose servers come and go, 80,000 of them, after others were lost."""
    one = Watched(monkeypatch)
    for _ in range(3):
        one.look({443: "abcd", 25: "a"})
    before = one.look({443: "abc"})
    assert len(before.lost) == 2
    count, batch = 40000, 2000
    for first in range(0, count, batch):
        for _ in range(2):
            rows = range(first, first + batch)
            look = one.look({443: "abc", 80: rows, 81: rows})
    assert missing(one.services) < MAX_MISSING + MAX_MISSING // 16 + 2 * batch
    assert len(one.services.rows["TCP 192.0.2.10:80"].servers.rows) < count
    assert look.lost == before.lost
    assert list(one.services.rows["TCP 192.0.2.10:443"].servers.names) == [1, 2, 3, 4]


def test_lost_rows_are_evicted_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Watched(monkeypatch)
    for first in range(0, 80000, 16000):
        for _ in range(2):
            look = one.look(dict.fromkeys(range(first, first + 16000), ""))
    assert missing(one.services) < MAX_MISSING + MAX_MISSING // 16 + 16000
    assert look.lost_services == missing(one.services)


# Off


def test_with_a_lost_time_of_0_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    one = steady(Watched(monkeypatch, lost_days=0))
    look = one.look({443: "a"})
    assert (lost(look), look.lost) == ({443: None}, [])
    assert (look.lost_services, look.lost_servers) == (None, None)
    one.load_module()
    look = one.look({})
    assert (look.lost_services, look.lost, look.text) == (None, [], "")


# Clocks


@pytest.mark.parametrize("back", [1.0, 3600.0, 400 * DAY])
def test_a_clock_that_is_set_back_loses_and_finds_nothing(watched: Watched, back: float) -> None:
    look = watched.look({443: "abc"})
    watched.now -= back
    assert watched.look({443: "abc"}).lost == look.lost
    assert lost(watched.look({443: "abcd"})) == {}
    for _ in range(2):
        watched.look({443: "abcd"})
    assert letters(watched.look({443: "abd"}), 443) == "c"


def test_what_is_lost_is_lost_again_after_the_clock_was_ahead(saved: Watched) -> None:
    saved.look({443: "ab"})
    saved.now += 30 * DAY
    for _ in range(3):
        assert lost(saved.look({443: "ab"})) == {}
    saved.now -= 30 * DAY
    assert lost(saved.look({443: "ab"})) == {443: 2}
    saved.restart()
    assert lost(saved.look({443: "ab"})) == {443: 2}


def test_a_clock_that_is_set_back_before_a_minute_is_over_starts_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch)
    one.look({443: "ab"})
    one.now -= DAY
    for after in (0, 30, 30):
        one.look({443: "ab"}, after=after)
    assert letters(one.look({443: "a"}), 443) == "b"


# Restarts


@pytest.mark.parametrize("closed", [True, False])
def test_what_is_lost_stays_lost_over_a_restart(saved: Watched, closed: bool) -> None:
    before = saved.look({443: "abc"})
    if closed:
        saved.close()
    saved.restart()
    look = saved.look({443: "abc"}, unsettled=[443], complete=False)
    assert (lost(look), look.lost) == ({443: 1}, before.lost)


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("days", [0.1, 6.9])
def test_what_goes_while_no_collector_runs_is_lost(
    saved: Watched, closed: bool, days: float
) -> None:
    if closed:
        saved.close()
    saved.restart()
    assert lost(saved.look({443: "abc"}, days * DAY, complete=False, unsettled=[443])) == {}
    row = only(saved.look({443: "abc"}))
    assert row.since == saved.now
    # the time was saved with the last change, and is saved at the end
    assert row.last_seen == START + (180 if closed else 120)


def test_an_idle_director_keeps_its_baseline_for_longer_than_the_lost_time(
    saved: Watched,
) -> None:
    for _ in range(10 * 24):
        saved.look({443: "abcd"}, after=3600)
    saved.restart()
    saved.look({443: "abc"}, complete=False, unsettled=[443])
    assert lost(saved.look({443: "abc"})) == {443: 1}


def test_a_collector_that_was_away_for_longer_than_the_lost_time_knows_no_baseline(
    saved: Watched,
) -> None:
    saved.close()
    saved.restart()
    saved.look({443: "abc"}, after=8 * DAY, complete=False, unsettled=[443])
    assert lost(saved.look({443: "abc"})) == {}


def test_the_lost_time_may_be_changed_at_a_restart(saved: Watched) -> None:
    saved.look({443: "abc"})
    saved.close()
    saved.restart(lost_days=0)
    assert lost(saved.look({443: "abc"})) == {443: None}
    saved.close()
    saved.restart(lost_days=7)
    assert lost(saved.look({443: "abc"})) == {443: 1}


def test_a_state_without_these_columns_loses_nothing(saved: Watched, tmp_path: Path) -> None:
    """Of an earlier version, with rows that were there and rows that were missing then."""
    saved.look({443: "abc", 80: "a"})
    saved.look({443: "abc"})
    saved.close()
    (tmp_path / "history.jsonl").write_text(
        '{"lvs-agent history":2,"columns":{"service":["number","continuous_since","missing_since",'
        '"counters","counter_offset","next_server_number"],"server":["number","continuous_since",'
        '"missing_since","counters","counter_offset"]},"rows":5,"boot":"x","next":3}\n'
        '["service","TCP 192.0.2.10:443",[1,0.0,null,null,null,4]]\n'
        '["server","192.168.0.1:80",[1,0.0,null,null,null]]\n'
        '["server","192.168.0.2:80",[2,0.0,null,null,null]]\n'
        '["server","192.168.0.3:80",[3,0.0,1700000000.0,null,null]]\n'
        '["service","TCP 192.0.2.10:80",[2,0.0,1700000000.0,null,null,1]]\n'
    )
    saved.restart()
    for _ in range(3):
        look = saved.look({443: "ab"})
        assert (lost(look), look.lost) == ({}, [])
    look = saved.look({443: "a"})
    assert (lost(look), letters(look, 443)) == ({443: 1}, "b")


def test_an_idle_director_writes_nothing_but_a_line_an_hour(saved: Watched, tmp_path: Path) -> None:
    saved.look({443: "abc"})
    saved.look({443: "abc"})
    before = lines(tmp_path)
    for _ in range(58):
        saved.look({443: "abc"})
    assert lines(tmp_path) == before
    saved.look({443: "abc"}, after=120)
    after = lines(tmp_path)
    assert after[:-1] == before
    assert b'"looked":%.1f' % saved.now in after[-1]


# Changes


def changes(one: Watched, farm: dict[int, str], **how: object) -> tuple[object, dict[str, object]]:
    """Return when the service changed, and when its servers did, in seconds after START."""
    look = one.look(farm, **how)  # type: ignore[arg-type]
    (vs,) = look.services

    def after(changed: object) -> object:
        return None if changed is None else float(str(changed)) - START

    return after(vs.changed), {rs.address[-1]: after(rs.changed) for rs in vs.real_servers}


def test_a_server_changes_when_it_appears_and_goes_to_0_or_from_0(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch)
    assert changes(one, {443: "ab"}) == (None, {"1": 60, "2": 60})
    assert changes(one, {443: "aB"}) == (None, {"1": 60, "2": 120})
    assert changes(one, {443: "aB"}) == (None, {"1": 60, "2": 120})
    assert changes(one, {443: "abc"}) == (None, {"1": 60, "2": 240, "3": 240})
    assert changes(one, {443: "bc"}) == (None, {"2": 240, "3": 240})
    assert changes(one, {443: "abc"}) == (None, {"1": 360, "2": 240, "3": 240})


def test_a_service_changes_when_no_server_is_up_and_when_one_is_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch)
    assert changes(one, {443: "ab"})[0] is None
    assert changes(one, {443: "aB"})[0] is None
    assert changes(one, {443: "AB"})[0] == 180
    assert changes(one, {443: ""})[0] == 180
    assert changes(one, {443: "b"})[0] == 300
    assert changes(one, {443: ""})[0] == 360


def test_a_service_is_not_down_by_a_look_that_is_not_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch)
    one.look({443: "ab"})
    assert changes(one, {443: ""}, unsettled=[443])[0] is None
    assert changes(one, {443: ""}, source=Source.PROCFS)[0] is None
    assert changes(one, {443: "AB"})[0] == 240
    assert changes(one, {443: "aB"}, unsettled=[443])[0] == 300


def test_a_server_that_a_look_lacked_that_was_not_complete_did_not_appear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch)
    one.look({443: "ab"})
    one.look({443: "a"}, source=Source.PROCFS)
    assert changes(one, {443: "ab"})[1] == {"1": 60, "2": 60}


def test_changes_stay_over_a_restart_and_a_boot(saved: Watched) -> None:
    saved.look({443: "ABCD"})
    saved.look({443: "aBCD"})
    expected = (300, {"1": 300, "2": 240, "3": 240, "4": 240})
    assert changes(saved, {443: "aBCD"}) == expected
    saved.restart()
    assert changes(saved, {443: "aBCD"}) == expected
    saved.reboot()
    assert changes(saved, {443: "aBCD"}) == expected
