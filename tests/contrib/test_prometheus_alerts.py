# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules in contrib/prometheus in promtool's unit tests: which alerts fire, and which do not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import pytest

from tests.support import files
from tests.support.paths import CONTRIB

FOLDER = CONTRIB / "prometheus"
RULES = FOLDER / "lvs-rules.yml"
PROMTOOL = str(files.BOOKWORM / "usr" / "bin" / "promtool")

WEB, MAIL = "TCP 192.0.2.10:80", "TCP [2001:db8::10]:25"
# the minutes of a scenario: all is well, there is trouble, all is well again
BEFORE, DURING, AFTER = 10, 30, 20
GONE = "stale"

FIRING = 'count by (alertname, severity, lvsVsName) (ALERTS{alertstate="firing"})'


@dataclass
class Scenario:
    """Changes for a time, and the alerts that fire then, after a number of minutes.

    changes has, by series, the value before and afterwards, and the value meanwhile. An alert is
    its name, its severity, and the name of its service.
    """

    name: str
    changes: Dict[str, Tuple[object, object]]
    alerts: Sequence[Tuple[str, ...]] = ()
    minutes: int = 1


def of(name: str, service: str = "", job: str = "lvs", **labels: str) -> str:
    """Return a series of the director d1."""
    if service:
        labels["lvsVsName"] = service
    text = ",".join(f'{key}="{value}"' for key, value in {"job": job, **labels}.items())
    return f'{name}{{instance="d1",{text}}}'


def status(value: str) -> str:
    return of("lvsAgentStatus", lvsAgentStatus=value)


def servers(service: str, present: int, up: int, lost: int) -> Dict[str, Tuple[object, object]]:
    """Return the changes of a service that has two real servers otherwise."""
    return {
        of("lvsVsRealServers", service): (2, present),
        of("lvsVsRealServersUp", service): (2, up),
        of("lvsVsRealServersLost", service): (0, lost),
    }


WELL = {
    of("up"): (1, 1),
    of("up", job="lvs-servers"): (1, 1),
    status("ok"): (1, 1),
    **{status(each): (0, 0) for each in ("countersFrozen", "noIpvs", "degraded", "noCollector")},
    of("lvsAgentSnapshotAge"): (4000, 4000),
    of("lvsAgentLostServices"): (0, 0),
    **servers(WEB, 2, 2, 0),
    **servers(MAIL, 2, 2, 0),
}
# a director that does not answer: no series except up
SILENT: Dict[str, Tuple[object, object]] = {
    **{series: (value, GONE) for series, (value, _) in WELL.items()},
    of("up"): (1, 0),
    of("up", job="lvs-servers"): (1, 0),
}
BLIND: Dict[str, Tuple[object, object]] = {
    **{series: (value, GONE) for series, (value, _) in WELL.items() if "lvsVs" in series},
    status("ok"): (1, 0),
}
UP, LOST = of("lvsVsRealServersUp", WEB), of("lvsVsRealServersLost", WEB)

SCENARIOS = [
    Scenario("a healthy director", {}),
    Scenario(
        "a director that does not answer", SILENT, [("LvsAgentAbsent", "critical")], minutes=5
    ),
    Scenario(
        "an agent without LVS-MIB",
        {**SILENT, of("up"): (1, 1)},
        [("LvsAgentAbsent", "critical")],
        minutes=5,
    ),
    Scenario(
        "the scrape of real servers fails",
        {of("up", job="lvs-servers"): (1, 0)},
        [("LvsServersAbsent", "warning")],
        minutes=15,
    ),
    *(
        Scenario(
            f"no values: {each}",
            {**BLIND, status(each): (0, 1), of("lvsAgentSnapshotAge"): (4000, 90_000)},
            [("LvsAgentNotOk", "critical")],
            minutes=5,
        )
        for each in ("noIpvs", "noCollector", "expired")
    ),
    *(
        Scenario(
            f"incomplete values: {each}",
            {status("ok"): (1, 0), status(each): (0, 1)},
            [("LvsAgentNotOk", "warning")],
            minutes=5,
        )
        for each in ("noStatistics", "degraded")
    ),
    Scenario(
        "frozen counters",
        {status("ok"): (1, 0), status("countersFrozen"): (0, 1)},
        [("LvsCountersFrozen", "warning")],
        minutes=5,
    ),
    Scenario(
        "an old snapshot",
        {of("lvsAgentSnapshotAge"): (4000, 30_001)},
        [("LvsSnapshotOld", "warning")],
        minutes=5,
    ),
    Scenario("a snapshot that is not too old", {of("lvsAgentSnapshotAge"): (4000, 30_000)}),
    Scenario(
        "a lost service",
        {
            of("lvsAgentLostServices"): (0, 1),
            **{series: (value, GONE) for series, (value, _) in servers(WEB, 0, 0, 0).items()},
        },
        [("LvsServicesLost", "critical")],
    ),
    Scenario("a lost server", servers(WEB, 1, 1, 1), [("LvsRealServersLost", "warning", WEB)]),
    Scenario(
        "a lost server, and one of weight 0",
        servers(WEB, 2, 1, 1),
        [("LvsRealServersLost", "warning", WEB)],
    ),
    Scenario(
        "a server of weight 0",
        servers(WEB, 2, 1, 0),
        [("LvsRealServersWeightZero", "warning", WEB)],
        minutes=10,
    ),
    Scenario(
        "a service whose servers are lost",
        servers(WEB, 0, 0, 2),
        [("LvsServiceDown", "critical", WEB)],
    ),
    Scenario(
        "a service whose servers have weight 0",
        servers(WEB, 2, 0, 0),
        [("LvsServiceDown", "critical", WEB)],
    ),
    Scenario(
        "one service down, and another that lost a server",
        {**servers(WEB, 0, 0, 2), **servers(MAIL, 1, 1, 1)},
        [("LvsServiceDown", "critical", WEB), ("LvsRealServersLost", "warning", MAIL)],
    ),
    Scenario(
        "all services down",
        {**servers(WEB, 0, 0, 2), **servers(MAIL, 2, 0, 0)},
        [("LvsAllServicesDown", "critical")],
    ),
    Scenario(
        "the only service down",
        {
            **servers(WEB, 0, 0, 2),
            **dict.fromkeys(servers(MAIL, 0, 0, 0), (GONE, GONE)),
        },
        [("LvsServiceDown", "critical", WEB)],
    ),
]


def promtool(folder: Path, rules: Path, test: Dict[str, object]) -> str:
    """Run one of promtool's unit tests with a file of rules; return what differs, or nothing."""
    content = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", **test}],
    }
    path = folder / "test.json"
    path.write_text(json.dumps(content))
    done = files.run(PROMTOOL, "test", "rules", str(path))
    return done.stdout + done.stderr if done.returncode else ""


def firing(minute: int, alerts: Sequence[Tuple[str, ...]]) -> Dict[str, object]:
    """Return promtool's check that these alerts fire in a minute, and no others."""
    names = ("alertname", "severity", "lvsVsName")
    samples = []
    for alert in alerts:
        labels = ",".join(f'{name}="{value}"' for name, value in zip(names, alert))
        samples.append({"labels": f"{{{labels}}}", "value": 1})
    return {"expr": FIRING, "eval_time": f"{minute}m", "exp_samples": samples}


def series(changes: Dict[str, Tuple[object, object]]) -> List[Dict[str, str]]:
    """Return promtool's input for the series of a scenario."""
    found = []
    for name, (well, meanwhile) in changes.items():
        values = [well] * BEFORE + [meanwhile] * DURING + [well] * AFTER
        found.append({"series": name, "values": " ".join(map(str, values))})
    return found


def course(scenario: Scenario) -> Dict[str, object]:
    """Return promtool's test of a scenario: the alerts before it, at its start, and after it."""
    return {
        "input_series": series({**WELL, **scenario.changes}),
        "promql_expr_test": [
            firing(BEFORE - 1, []),
            firing(BEFORE + scenario.minutes - 1, []),
            firing(BEFORE + scenario.minutes, scenario.alerts),
            firing(BEFORE + DURING - 1, scenario.alerts),
            firing(BEFORE + DURING + AFTER - 1, []),
        ],
    }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_an_outage_is_one_alert_while_it_lasts(scenario: Scenario, tmp_path: Path) -> None:
    assert promtool(tmp_path, RULES, course(scenario)) == ""


def test_an_outage_would_be_two_alerts_without_an_exclusion(tmp_path: Path) -> None:
    changed = tmp_path / "rules.yml"
    changed.write_text(files.put(RULES.read_text(), {"unless lvsVsRealServersUp == 0": ""}))
    (down,) = (each for each in SCENARIOS if each.name == "a service whose servers are lost")
    assert "LvsRealServersLost" in promtool(tmp_path, changed, course(down))


def test_alerts_name_what_is_lost(tmp_path: Path) -> None:
    lost = [f"{WEB} -> 10.0.0.1:80", f"{WEB} -> 10.0.0.2:80"]
    gone = "TCP 192.0.2.11:80"
    other = f"{MAIL} -> 10.0.0.3:25"
    changes = {
        **WELL,
        **servers(WEB, 1, 1, 2),
        of("lvsAgentLostServices"): (0, 1),
        of("lvsLostVsName", gone, lvsLostVsName=gone): (GONE, 1),
        of("lvsLostRsName", MAIL, lvsLostRsName=other): (GONE, 1),
        **{of("lvsLostRsName", WEB, lvsLostRsName=each): (GONE, 1) for each in lost},
    }
    advice = 'On the director, "lvs-agent forget" forgets {} that were removed on purpose.\n'
    test = {
        "input_series": series(changes),
        "alert_rule_test": [
            described(
                "LvsRealServersLost",
                {"severity": "warning", "lvsVsName": WEB},
                f"d1: {WEB} has lost 2 real servers",
                f"Lost: {' '.join(lost)}. {advice.format('servers')}",
            ),
            described(
                "LvsServicesLost",
                {"severity": "critical"},
                "d1: 1 services are lost",
                f"Lost: {gone}. {advice.format('services')}",
            ),
        ],
    }
    assert promtool(tmp_path, RULES, test) == ""


def described(
    name: str, labels: Dict[str, str], summary: str, description: str
) -> Dict[str, object]:
    """Return promtool's check that an alert fires with this text, and no other of its name."""
    alert = {
        "exp_labels": {"job": "lvs", "instance": "d1", **labels},
        "exp_annotations": {"summary": summary, "description": description},
    }
    return {"eval_time": f"{BEFORE + 1}m", "alertname": name, "exp_alerts": [alert]}


def test_rates_have_the_units_and_labels_that_their_names_say(tmp_path: Path) -> None:
    six = 'lvsVsAddr="2001:0DB8:0000:0000:0000:0000:0000:0010"'
    of_six = f'job="lvs",instance="d1",{six},lvsVsProtocol="tcp",lvsVsName="{MAIL}"'
    of_four = 'job="lvs",instance="d1",lvsVsAddr="192.0.2.10",lvsVsProtocol="tcp",lvsVsName="{}"'
    mark = 'job="lvs",instance="d1",lvsVsAddr="0.0.0.0",lvsVsProtocol="fwmark",lvsVsName="FWM 5"'
    server = 'job="lvs",instance="d1",lvsRsAddr="{}",lvsRsName="{}",lvsVsName="{}"'
    inputs = {
        f"lvsVsOutBytes{{{of_six}}}": 60,
        f"lvsVsConns{{{of_six}}}": 120,
        f"lvsVsConns{{{of_four.format(WEB)}}}": 60,
        f"lvsVsConns{{{of_four.format('UDP 192.0.2.10:53')}}}": 180,
        f"lvsVsConns{{{mark}}}": 600,
        f"lvsRsInPkts{{{server.format('10.0.0.1', '10.0.0.1:80', WEB)}}}": 60,
        f"lvsRsInPkts{{{server.format('10.0.0.1', '10.0.0.1:25', MAIL)}}}": 240,
        f"lvsRsInPkts{{{server.format('2001:0DB8::', '[2001:db8::]:25', MAIL)}}}": 300,
        'lvsTotalInBytes{job="lvs",instance="d1"}': 600,
    }
    director = 'job="lvs",instance="d1"'
    expected = {
        "lvs_service:out_bits:rate5m": {of_six: 8},
        "lvs_vip:out_bits:rate5m": {f'{director},{six},vip="2001:db8::10"': 8},
        "lvs_vip:conns:rate5m": {
            f'{director},{six},vip="2001:db8::10"': 2,
            f'{director},lvsVsAddr="192.0.2.10",vip="192.0.2.10"': 4,
        },
        "lvs_rip:in_packets:rate5m": {
            f'{director},lvsRsAddr="10.0.0.1",rip="10.0.0.1"': 5,
            f'{director},lvsRsAddr="2001:0DB8::",rip="2001:db8::"': 5,
        },
        "lvs_director:in_bits:rate5m": {director: 80},
    }
    test = {
        "input_series": [
            {"series": name, "values": f"0+{step}x20"} for name, step in inputs.items()
        ],
        "promql_expr_test": [
            {
                "expr": name,
                "eval_time": "15m",
                "exp_samples": [
                    {"labels": f"{name}{{{labels}}}", "value": value}
                    for labels, value in values.items()
                ],
            }
            for name, values in expected.items()
        ],
    }
    assert promtool(tmp_path, RULES, test) == ""


@pytest.mark.parametrize(
    ("connections", "weights", "unbalanced"),
    [
        ((300, 100, 100), (1, 1, 1), True),
        ((300, 100, 100), (3, 1, 1), False),
        ((200, 100, 100), (1, 1, 1), False),
        ((200, 100, 1000), (2, 1, 0), False),
        ((60, 20, 20), (1, 1, 1), False),
    ],
)
def test_a_server_with_more_than_its_share_is_an_alert_of_its_service(
    connections: Tuple[int, ...], weights: Tuple[int, ...], unbalanced: bool, tmp_path: Path
) -> None:
    changes: Dict[str, Tuple[object, object]] = {}
    for place, (count, weight) in enumerate(zip(connections, weights)):
        labels = {"job": "lvs-servers", "lvsRsName": f"10.0.0.{place}:80"}
        changes[of("lvsRsActiveConns", WEB, **labels)] = (100, count)
        changes[of("lvsRsWeight", WEB, **labels)] = (1, weight)
    alerts = [("LvsServiceUnbalanced", "warning", WEB)] if unbalanced else []
    test = course(Scenario("", changes, alerts, minutes=15))
    assert promtool(tmp_path, FOLDER / "lvs-balance-rules.yml", test) == ""


@pytest.mark.parametrize("rules", sorted(FOLDER.glob("*rules.yml")), ids=lambda path: path.name)
def test_promtool_has_nothing_to_say(rules: Path) -> None:
    done = files.run(PROMTOOL, "check", "rules", "--lint-fatal", str(rules))
    assert (done.returncode, done.stderr) == (0, "")
