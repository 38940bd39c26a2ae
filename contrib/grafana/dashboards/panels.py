# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels of a dashboard in Grafana's JSON model.

In expressions, {*} selects the series of the directors that are chosen in the dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, Sequence, Tuple

Json = Dict[str, Any]

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24  # of a dashboard

GOOD, WARNING, BAD = "green", "orange", "red"

# a value from which on a number has a colour
Step = Tuple[float, str]


@dataclass(frozen=True)
class Line:
    """An expression with the legend of its series."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Column:
    """An expression with the title of its column in a table, its unit and its colours."""

    title: str
    expr: str
    unit: str = "short"
    steps: Tuple[Step, ...] = ()


def selected(expr: str) -> str:
    """Return an expression with the selectors in place of {*}."""
    return expr.replace("{*", '{job=~"$job",instance=~"$instance"')


def rate(column: str, rows: str = "{*}") -> str:
    """Return the rates of a counter in rows, a selector."""
    return f"rate({column}{rows}[$__rate_interval])"


def bits(column: str, rows: str = "{*}") -> str:
    """Return the rates of a counter of bytes in rows, in bits."""
    return f"8 * {rate(column, rows)}"


def thresholds(steps: Sequence[Step]) -> Json:
    """Return the colours of numbers; those below the first step are green."""
    found: List[Json] = [{"color": GOOD if steps else "text", "value": None}]
    found += [{"color": color, "value": value} for value, color in steps]
    return {"mode": "absolute", "steps": found}


def panel(
    kind: str, title: str, width: int, height: int, exprs: Sequence[str], legends: Sequence[str]
) -> Json:
    """Return a panel without a position. Without legends, it shows current values only."""
    targets = []
    for place, expr in enumerate(exprs):
        target: Json = {
            "refId": chr(ord("A") + place),
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": selected(expr),
            "instant": not legends,
            "range": bool(legends),
        }
        target.update({"legendFormat": legends[place]} if legends else {"format": "table"})
        targets.append(target)
    return {
        "type": kind,
        "title": title,
        "datasource": SOURCE,
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
        "targets": targets,
    }


def stat(
    title: str, expr: str, *steps: Step, unit: str = "short", width: int = 4, help: str = ""
) -> Json:
    """Return a panel with one number."""
    defaults = {"unit": unit, "noValue": "none", "thresholds": thresholds(steps)}
    return {
        **panel("stat", title, width, 4, [expr], []),
        "description": help,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "colorMode": "background" if steps else "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "showPercentChange": False,
            "textMode": "auto",
            "wideLayout": True,
        },
    }


def words(title: str, expr: str, label: str, width: int = 4) -> Json:
    """Return a panel with the text of a label."""
    found = stat(title, expr, width=width)
    found["options"]["reduceOptions"]["fields"] = f"/^{label}$/"
    return found


def graph(
    title: str,
    unit: str,
    *lines: Line,
    width: int = 12,
    stacked: bool = False,
    stepped: bool = False,
    colours: Mapping[str, str] = MappingProxyType({}),
    help: str = "",
) -> Json:
    """Return a panel with lines over time, or stacked areas.

    Series whose legends begin with "out" are drawn below the axis. colours are by legend.
    """
    overrides = [
        override(name, {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}})
        for name, colour in colours.items()
    ]
    below = {
        "matcher": {"id": "byRegexp", "options": "/^out/"},
        "properties": [{"id": "custom.transform", "value": "negative-Y"}],
    }
    both_ways = any(line.legend.startswith("out") for line in lines)
    defaults: Json = {
        "unit": unit,
        "custom": {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 40 if stacked else 10,
            "lineInterpolation": "stepAfter" if stepped else "linear",
            "showPoints": "never",
            "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        },
    }
    exprs, legends = [line.expr for line in lines], [line.legend for line in lines]
    return {
        **panel("timeseries", title, width, 9, exprs, legends),
        "description": help,
        "fieldConfig": {
            "defaults": defaults if both_ways else {**defaults, "min": 0},
            "overrides": [below] if both_ways else overrides,
        },
        "options": {
            "legend": {
                "calcs": ["lastNotNull", "mean", "max"],
                "displayMode": "table",
                "placement": "bottom",
                "showLegend": True,
                "sortBy": "Last *",
                "sortDesc": True,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def table(
    title: str,
    labels: Mapping[str, str],
    *columns: Column,
    sort: str = "",
    width: int = 24,
    height: int = 8,
    help: str = "",
) -> Json:
    """Return a table with a row for each combination of labels; labels maps them to titles.

    It is sorted by the column whose title is sort, the highest value first.
    """
    titles = dict(labels)
    overrides = []
    for place, column in enumerate(columns):
        name = f"Value #{chr(ord('A') + place)}" if columns[1:] else "Value"
        titles[name] = column.title
        properties: List[Json] = [{"id": "unit", "value": column.unit}]
        if column.steps:
            properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
            properties.append({"id": "thresholds", "value": thresholds(column.steps)})
        overrides.append(override(name, *properties))
    return {
        **panel("table", title, width, height, [column.expr for column in columns], []),
        "description": help,
        "fieldConfig": {"defaults": {"custom": {"filterable": True}}, "overrides": overrides},
        "options": {
            "cellHeight": "sm",
            "enablePagination": True,
            "frameIndex": 0,
            "showHeader": True,
            "sortBy": [{"desc": True, "displayName": sort}] if sort else [],
        },
        "transformations": [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {name: place for place, name in enumerate(titles)},
                    "renameByName": titles,
                },
            },
        ],
    }


def override(field: str, *properties: Json) -> Json:
    """Return the properties of a field, by its name."""
    return {"matcher": {"id": "byName", "options": field}, "properties": [*properties]}


def linked(table: Json, field: str, title: str, uid: str, **variables: str) -> Json:
    """Return a table in which a column is a link to a dashboard, with variables from fields."""
    url = f"/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}&${{job:queryparam}}"
    for name, column in variables.items():
        url += f"&var-{name}=${{__data.fields.{column}:percentencode}}"
    links = override(field, {"id": "links", "value": [{"title": title, "url": url}]})
    config = table["fieldConfig"]
    return {**table, "fieldConfig": {**config, "overrides": [*config["overrides"], links]}}


def to_service(table: Json) -> Json:
    """Return a table in which services are links."""
    return linked(
        table, "lvsVsName", "Service", "lvs-service", instance="instance", service="lvsVsName"
    )


def row(title: str) -> Json:
    """Return the title of the panels that follow."""
    return {
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": 0},
        "panels": [],
    }
