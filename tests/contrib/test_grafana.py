# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards in contrib/grafana: Grafana's schema, and their queries in Prometheus.

Grafana itself is not run.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set

import pytest

from lvs_agent.codes import Status
from lvs_agent.snapshot import LostRow, Snapshot
from tests.support import directors, exporters, files, prometheus
from tests.support.directors import SimulatedDirector
from tests.support.paths import CHECKOUT, CONTRIB
from tests.support.prometheus import Labels, Prometheus

FOLDER = CONTRIB / "grafana"
DASHBOARDS = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
# where make test-pollers installs TypeScript, and the schema of dashboards that Grafana publishes
NODE = CHECKOUT / "build" / "test" / "node" / "node_modules"
TSC = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext"]

HTTP, HTTPS = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443"
LOST_SERVICE, LOST_SERVER = "TCP 192.0.2.99:443", "TCP 192.0.2.10:80 -> 10.0.1.3:80"

Json = Dict[str, Any]

# The type of a dashboard with our kinds of panels. @grafana/schema has their options, and no types
# of Prometheus' queries and annotations. Enumerations become the strings that they are in JSON.
SCHEMA = """
import type {
  AnnotationQuery, Dashboard, FieldConfigSource, Panel, RowPanel,
} from "@grafana/schema";
import type * as stat from "PANELS/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "PANELS/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as graph from "PANELS/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
type Json<T> = T extends string ? `${T}` : T extends (infer Item)[] ? Json<Item>[]
  : T extends object ? { [Key in keyof T]: Json<T[Key]> } : T;
type Target = {
  refId: string; datasource: Panel["datasource"]; editorMode: "code"; expr: string;
  instant: boolean; range: boolean; legendFormat?: string; format?: "table";
};
type Of<Kind, Options, Custom> =
  Omit<Panel, "type" | "options" | "fieldConfig" | "targets"> & {
    type: Kind; options: Partial<Options>; targets: Target[];
    fieldConfig: Omit<FieldConfigSource, "defaults"> & {
      defaults: Omit<FieldConfigSource["defaults"], "custom"> & { custom?: Partial<Custom> };
    };
  };
type Alerts = AnnotationQuery & {
  target: { expr: string; refId: string }; titleFormat: string; textFormat: string;
};
type Ours = Omit<Dashboard, "panels" | "annotations"> & {
  annotations: { list: Alerts[] };
  panels: (RowPanel | Of<"stat", stat.Options, {}> | Of<"table", table.Options, table.FieldConfig>
    | Of<"timeseries", graph.Options, graph.FieldConfig>)[];
};
export const dashboard: Json<Ours> =
""".replace("PANELS", "@grafana/schema/dist/esm/raw/composable")


def faults(folder: Path, dashboards: Dict[str, str]) -> Set[str]:
    """Return the names of the dashboards in which TypeScript's compiler finds an error."""
    (folder / "node_modules").symlink_to(NODE)
    for name, text in dashboards.items():
        (folder / f"{name}.ts").write_text(SCHEMA + text)
    sources = [f"{name}.ts" for name in dashboards]
    command = ["node", str(NODE / ".bin" / "tsc"), *TSC, "--moduleResolution", "bundler"]
    done = files.run("env", "-C", str(folder), *command, *sources)
    assert done.stderr == ""
    return set(re.findall(r"^(.+)\.ts\(.*: error TS", done.stdout, flags=re.M))


def test_the_dashboards_are_what_the_generator_makes(tmp_path: Path) -> None:
    assert files.run(str(FOLDER / "generate"), str(tmp_path)).stderr == ""
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_text() for path in DASHBOARDS.values()}


def test_the_dashboards_follow_the_schema(tmp_path: Path) -> None:
    ours = {name: path.read_text() for name, path in DASHBOARDS.items()}
    changes = {
        "unknown": ('"showLegend": true', '"showLegends": true'),
        "value": ('"displayMode": "table"', '"displayMode": "tabel"'),
        "kind": ('"fillOpacity": 10', '"fillOpacity": "10"'),
        "missing": ('"schemaVersion": 39,', ""),
    }
    wrong = {
        name: files.put(ours["lvs-director"], {old: new}) for name, (old, new) in changes.items()
    }
    assert faults(tmp_path, {**ours, **wrong}) == wrong.keys()


def dashboard(name: str) -> Json:
    found: Json = json.loads(DASHBOARDS[name].read_text())
    return found


def panels(name: str, kind: str = "") -> List[Json]:
    every = [each for each in dashboard(name)["panels"] if each["type"] != "row"]
    return [each for each in every if kind in ("", each["type"])]


def test_links_lead_to_dashboards_and_set_their_variables() -> None:
    every = "".join(path.read_text() for path in DASHBOARDS.values())
    urls = re.findall(r'"url": "/d/([^?]+)\?([^"]+)"', every)
    assert len(urls) >= 4
    for uid, query in urls:
        known = {each["name"] for each in dashboard(uid)["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=|\{(\w+):queryparam", query)) <= {
            *((name, "") for name in known),
            *(("", name) for name in known),
        }


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    cells = [
        (x, y)
        for position in (each["gridPos"] for each in dashboard(name)["panels"])
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def trouble(snapshot: Snapshot) -> None:
    """Add what is lost while the director is degraded."""
    snapshot.lost_services = snapshot.lost_servers = 0
    for service in snapshot.services:
        service.lost = service.lost or 0
        service.changed = service.changed or time.time() - 60
    if snapshot.status == Status.DEGRADED:
        snapshot.services[0].lost = 1
        since = int(time.time()) - 60
        snapshot.lost = [LostRow(LOST_SERVICE, "", since, since)]
        snapshot.lost.append(LostRow(HTTP, "10.0.1.3:80", since, since))
        snapshot.lost_services = snapshot.lost_servers = 1


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    folder = tmp_path_factory.mktemp("director")
    with directors.running(folder, annotate=directors.after_history(trouble)) as running:
        running.aliases.write_text(f"{HTTP} shop\n10.0.1.1 web1\n192.0.2.10 entrance\n", "utf-8")
        running.follow(lambda: directors.farm(int(time.monotonic() * 10)))
        yield running


@pytest.fixture(scope="module")
def server(
    director: SimulatedDirector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    program, _ = exporters.EXPORTERS["lvs.yml"]
    with (
        exporters.running(program, prometheus.FOLDER / "lvs.yml", folder) as exporter,
        prometheus.running(folder, exporter, [director.address]) as running,
    ):
        for counter in ("lvsVsConns", "lvsRsConns"):  # one of each job
            while not running.rows(f"rate({counter}[1m])"):
                pass
        yield running


MAY_BE_EMPTY = {"lvsVsAlias", "lvsRsAlias", "lvsVipAlias", "lvsAgentStatusText"}
# of variables, as Grafana escapes them in expressions
VALUES = {
    "job": "(lvs|lvs-servers)",
    "instance": ".+",
    "service": HTTP,
    "rip": r"(10\\.0\\.1\\.1|2001:db8:1::1)",
    "__rate_interval": "1m",
    "__range": "5m",
}


def put(expr: str) -> str:
    """Return an expression with values in place of variables."""
    return re.sub(r"\$(\w*[a-z]\w*)", lambda found: VALUES[found[1]], expr)


def results(server: Prometheus, panel: Json) -> List[List[Labels]]:
    return [server.rows(put(target["expr"])) for target in panel["targets"]]


def numbers(server: Prometheus, name: str) -> Dict[str, float]:
    """Return the numbers of the panels with one number."""
    every = {each["title"]: results(server, each)[0] for each in panels(name, "stat")}
    return {title: float(rows[0]["value"]) for title, rows in every.items()}


def empty(server: Prometheus) -> List[str]:
    """Return the titles of panels that have a query without data, with their dashboards."""
    return [
        f"{name}: {panel['title']}"
        for name in DASHBOARDS
        for panel in panels(name)
        if not all(results(server, panel))
    ]


TROUBLE = [
    *("lvs-director: Services in trouble", "lvs-director: Lost services"),
    *("lvs-director: Lost real servers", "lvs-service: Lost real servers"),
]


def test_a_healthy_director_fills_all_panels_but_those_of_trouble(server: Prometheus) -> None:
    while empty(server) != TROUBLE:
        pass
    while any(numbers(server, "lvs-director").values()):
        pass
    (vips,) = (each for each in panels("lvs-director") if each["title"] == "VIPs")
    services, up, *_ = results(server, vips)
    found = {(row["vip"], row.get("lvsVipAlias", ""), float(row["value"])) for row in services}
    assert found == {("192.0.2.10", "entrance", 2), ("192.0.2.53", "", 1), ("2001:db8::10", "", 1)}
    assert sorted(row["value"] for row in up) == ["1", "1", "2"]
    assert numbers(server, "lvs-machine") == {
        **{"Services": 2, "At weight 0": 0, "Lost": 0},
        "Active connections": 10 + 50,
    }


def test_legends_titles_and_links_are_labels_of_the_data(server: Prometheus) -> None:
    for name in DASHBOARDS:
        for panel in panels(name):
            for target, rows in zip(panel["targets"], results(server, panel)):
                wanted = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
                for step in panel.get("transformations", []):
                    titles = step["options"].get("renameByName", {})
                    wanted |= {label for label in titles if not label.startswith("Value")}
                wanted -= MAY_BE_EMPTY
                assert all(wanted <= row.keys() for row in rows), (name, panel["title"])


def test_variables_have_values(server: Prometheus) -> None:
    found = {}
    for name in DASHBOARDS:
        for each in dashboard(name)["templating"]["list"][1:]:
            query = put(each["query"]["query"])
            match, label = re.findall(r"label_values\((.*), (\w+)\)", query)[0]
            values = server.get(f"label/{label}/values", **{"match[]": match})
            pattern = each["regex"].strip("/") or "(.*)"
            found[each["name"]] = {re.findall(pattern, value)[0] for value in values}
    assert found["job"] == {"lvs", "lvs-servers"}
    assert len(found["instance"]) == 1
    assert {HTTP, "TCP [2001:db8::10]:443", "FWM 5"} < found["service"]
    assert {"10.0.1.1", "2001:db8:1::1"} < found["rip"]


def test_trouble_is_counted_and_named(director: SimulatedDirector, server: Prometheus) -> None:
    http, https, *rest = directors.farm()
    for each in https.real_servers:
        each.weight = 0
    director.status = Status.DEGRADED
    director.serve(http, https, *rest)
    expected = {"Failed scrapes": 0, "Agents not ok": 1, "Services down": 1, "At weight 0": 2}
    expected.update({"Lost services": 1, "Lost real servers": 1})
    while numbers(server, "lvs-director") != expected:
        pass
    tables = {
        panel["title"]: results(server, panel)[0] for panel in panels("lvs-director", "table")
    }
    assert {row["lvsVsName"] for row in tables["Services in trouble"]} == {HTTP, HTTPS}
    assert [row["lvsLostVsName"] for row in tables["Lost services"]] == [LOST_SERVICE]
    (server_lost,) = tables["Lost real servers"]
    assert server_lost["lvsLostRsName"] == LOST_SERVER
    assert 60 <= float(server_lost["value"]) < 600
    (agent,) = tables["Agents"]
    assert agent["lvsAgentStatus"] == "degraded"
    assert len(results(server, panels("lvs-service", "table")[1])[0]) == 1
    alerts = dashboard("lvs-director")["annotations"]["list"][0]["target"]["expr"]
    pending = put(alerts.replace("firing", "pending"))
    while "LvsServiceDown" not in {row["alertname"] for row in server.rows(pending)}:
        pass
