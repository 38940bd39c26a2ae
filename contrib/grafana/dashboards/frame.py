# SPDX-License-Identifier: GPL-3.0-or-later
"""Dashboards in Grafana's JSON model, with variables, and annotations for alerts."""

from __future__ import annotations

from typing import List, Sequence

from dashboards.panels import BAD, COLUMNS, SOURCE, Json, selected

# the version of the JSON model in Grafana 10.4, which later versions convert
SCHEMA_VERSION = 39


def placed(panels: Sequence[Json]) -> List[Json]:
    """Return panels with ids and positions: from left to right, then in the next line."""
    x = y = tallest = 0
    found = []
    for number, each in enumerate(panels, 1):
        width, height = each["gridPos"]["w"], each["gridPos"]["h"]
        if x + width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        position = {"h": height, "w": width, "x": x, "y": y}
        found.append({"id": number, **each, "gridPos": position})
        x, tallest = x + width, max(tallest, height)
    return found


def variable(name: str, title: str, expr: str, *, several: bool = False, regex: str = "") -> Json:
    """Return a variable with the values of an expression, or with what regex captures of them."""
    return {
        "type": "query",
        "name": name,
        "label": title,
        "datasource": SOURCE,
        "query": {"query": selected(expr), "refId": name},
        "regex": regex,
        "refresh": 2,
        "sort": 7,
        "multi": several,
        "includeAll": False,
    }


DATASOURCE: Json = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "query": "prometheus",
    "refresh": 1,
}
ALL: Json = {"includeAll": True, "current": {"text": ["All"], "value": ["$__all"]}}
JOB: Json = {
    **variable(
        "job", "Job", 'label_values({__name__=~"lvsAgentStatus|lvsRsWeight"}, job)', several=True
    ),
    **ALL,
}
# All includes directors that have not answered for long, so it is no list of values
DIRECTOR: Json = {
    **variable(
        "instance", "Director", 'label_values(lvsAgentStatus{job=~"$job"}, instance)', several=True
    ),
    **ALL,
    "allValue": ".+",
}
ALERTS: Json = {
    "name": "Alerts",
    "datasource": SOURCE,
    "enable": True,
    "iconColor": BAD,
    "target": {
        "expr": 'ALERTS{alertname=~"Lvs.+",alertstate="firing",instance=~"$instance"}',
        "refId": "Alerts",
    },
    "titleFormat": "{{alertname}}",
    "textFormat": "{{instance}} {{lvsVsName}}",
}


def dashboard(
    uid: str, title: str, description: str, variables: Sequence[Json], panels: Sequence[Json]
) -> Json:
    """Return a dashboard with its own variables after those of the directors."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["lvs"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": [ALERTS]},
        "links": [
            {
                "title": "LVS",
                "type": "dashboards",
                "tags": ["lvs"],
                "asDropdown": False,
                "icon": "external link",
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "tooltip": "",
            }
        ],
        "templating": {"list": [DATASOURCE, JOB, DIRECTOR, *variables]},
        "panels": placed(panels),
    }
