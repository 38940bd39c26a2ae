# SPDX-License-Identifier: GPL-3.0-or-later
"""The template that Cacti imports: host template, data queries, graph and data templates.

Its layout follows Cacti's own export (lib/export.php).
"""

from __future__ import annotations

from typing import Dict, List, Tuple

from lvs_agent.mib.smi import Counter64
from lvs_agent.pollers.objects import named

from .data_query import oid
from .graphs import QUERIES, TOTAL_GRAPHS, TOTALS, Graph, Kind, Node, Query, Series
from .hashes import hashed

FILE = "cacti_host_template_lvs_director.xml"

# include/global_constants.php
AVERAGE, MAXIMUM, LAST = 1, 3, 4
GPRINT = 9
OPERATOR, SPECIAL_DATA_SOURCE, CUSTOM_STRING = 2, 4, 6
GAUGE, DERIVE = 1, 3

PLACES = {
    "lvsVs": "LVS Service",
    "lvsRs": "LVS Real Server",
    "lvsVip": "LVS VIP",
    "lvsRip": "LVS RIP",
    TOTALS: "LVS Director",
}
DEVICE = "|host_description|"

# Types and values of a CDEF's items. Cacti calls the data sources of a graph a, b, c; the operator
# is the number of "-" in include/global_arrays.php.
COMPLEMENT = [(CUSTOM_STRING, "a"), (SPECIAL_DATA_SOURCE, "CURRENT_DATA_SOURCE"), (OPERATOR, 2)]

GRAPH: Node = {
    "title": "",
    "vertical_label": "",
    "image_format_id": 1,
    "height": 200,
    "width": 700,
    "base_value": 1000,
    "slope_mode": "on",
    "auto_scale": "",
    "auto_scale_opts": 2,
    "auto_scale_log": "",
    "scale_log_units": "",
    "auto_scale_rigid": "",
    "upper_limit": "",
    "lower_limit": 0,
    "unit_value": "",
    "unit_exponent_value": "",
    "unit_length": "",
    "no_gridfit": "",
    "alt_y_grid": "",
    "right_axis": "",
    "right_axis_label": "",
    "right_axis_format": 0,
    "right_axis_formatter": 0,
    "left_axis_formatter": 0,
    "auto_padding": "on",
    "dynamic_labels": "",
    "force_rules_legend": "",
    "tab_width": 40,
    "legend_position": 0,
    "legend_direction": 0,
}


def document() -> Node:
    """Return the whole template."""
    host = {
        "name": "LVS Director",
        "graph_templates": "|".join(
            hashed("graph template", f"{TOTALS}/{graph.key}") for graph in TOTAL_GRAPHS
        ),
        "data_queries": "|".join(hashed("data query", query.key) for query in QUERIES),
    }
    made: Node = {hashed("host template", "director"): host}
    for query in QUERIES:
        made[hashed("data query", query.key)] = _data_query(query)
    made[hashed("cdef", "complement")] = {
        "name": "LVS - First Data Source Less This",
        "items": {
            hashed("cdef item", f"complement/{number}"): {
                "sequence": number,
                "type": kind,
                "value": value,
            }
            for number, (kind, value) in enumerate(COMPLEMENT, 1)
        },
    }
    drawn = [(query.prefix, graph) for query in QUERIES for graph in query.graphs]
    for prefix, graph in [*drawn, *((TOTALS, graph) for graph in TOTAL_GRAPHS)]:
        made[hashed("graph template", f"{prefix}/{graph.key}")] = _graph_template(prefix, graph)
        for key, series in _data_sources(prefix, graph).items():
            made[hashed("data template", key)] = _data_template(key, prefix, graph, series)
    return made


def _data_sources(prefix: str, graph: Graph) -> Dict[str, List[Series]]:
    """Return the series of each data template: those of a row together, each scalar alone."""
    key = f"{prefix}/{graph.key}"
    if prefix != TOTALS:
        return {key: list(graph.stored)}
    return {f"{key}/{series.data_source}": [series] for series in graph.stored}


def _item_key(prefix: str, graph: Graph, series: Series) -> str:
    return f"{prefix}/{graph.key}/{series.data_source}"


def _data_query(query: Query) -> Node:
    return {
        "name": query.title,
        "description": query.about,
        "xml_path": f"<path_cacti>/resource/snmp_queries/{query.file}",
        "data_input_id": hashed("data input", "indexed"),
        "graphs": {
            hashed("data query graph", f"{query.key}/{graph.key}"): _query_graph(query, graph)
            for graph in query.graphs
        },
    }


def _query_graph(query: Query, graph: Graph) -> Node:
    prefix = query.prefix
    key = f"{prefix}/{graph.key}"
    title = f"{DEVICE} - {query.label} - {graph.title}"
    with_alias = f"{DEVICE} - |query_{prefix}Alias| ({query.label}) - {graph.title}"
    data_template = hashed("data template", key)
    return {
        "graph_template_id": hashed("graph template", key),
        "name": graph.title,
        "rrd": {
            f"item_{number:03}": {
                "snmp_field_name": prefix + series.object,
                "data_template_id": data_template,
                "data_template_rrd_id": hashed(
                    "data template item", _item_key(prefix, graph, series)
                ),
            }
            for number, series in enumerate(graph.stored)
        },
        # Cacti uses the first title in which each field has a value that is not empty
        "sv_graph": {
            hashed("graph title", name): {"field_name": "title", "sequence": number, "text": text}
            for number, (name, text) in enumerate([(f"{key}/alias", with_alias), (key, title)], 1)
        },
        "sv_data_source": {
            hashed("data source title", key): {
                "field_name": "name",
                "data_template_id": data_template,
                "sequence": 1,
                "text": title,
            }
        },
    }


def _graph_template(prefix: str, graph: Graph) -> Node:
    title = f"{DEVICE} - LVS {graph.title}" if prefix == TOTALS else f"{DEVICE} - {graph.title}"
    settings = {**GRAPH, "title": title, "vertical_label": graph.axis}
    drawn: Node = {}
    for name, value in settings.items():
        drawn.update({f"t_{name}": "", name: value})
    items: Node = {}
    fed: Dict[str, List[str]] = {}
    for series in graph.series:
        its = dict(_items(prefix, graph, series))
        items.update(its)
        fed.setdefault(series.data_source, []).extend(its)
    inputs: Node = {
        hashed("graph template input", f"{prefix}/{graph.key}/{source}"): {
            "name": f"Data Source [{source}]",
            "description": "",
            "column_name": "task_item_id",
            "items": "|".join(its),
        }
        for source, its in fed.items()
    }
    for number, item in enumerate(items.values(), 1):
        item["sequence"] = number
    return {
        "name": f"{PLACES[prefix]} - {graph.title}",
        "multiple": "",
        "test_source": "",
        "graph": drawn,
        "items": items,
        "inputs": inputs,
    }


def _items(prefix: str, graph: Graph, series: Series) -> List[Tuple[str, Node]]:
    """Return the items of a series, with its three numbers in the legend."""
    key = _item_key(prefix, graph, series)
    common: Node = {
        "task_item_id": hashed("data template item", key),
        "cdef_id": _cdef(graph, series),
        "vdef_id": 0,
        "shift": "",
        "value": "",
        "gprint_id": hashed("numbers", graph.numbers.value),
        "textalign": "",
        "dashes": "",
        "dash_offset": 0,
    }
    key += "/complement" if series.complement else ""
    line = series.kind == Kind.LINE
    drawn: Node = {
        "graph_type_id": int(series.kind),
        "color_id": series.color,
        "alpha": "FF" if line else "7F",
        "consolidation_function_id": AVERAGE,
        "text_format": series.label,
        "hard_return": "",
        "line_width": "2.00" if line else "0.00",
    }
    items = [(hashed("graph template item", f"{key}/drawn"), {**common, **drawn})]
    for label, function in (("Current:", LAST), ("Average:", AVERAGE), ("Maximum:", MAXIMUM)):
        printed: Node = {
            "graph_type_id": GPRINT,
            "color_id": 0,
            "alpha": "FF",
            "consolidation_function_id": function,
            "text_format": label,
            "hard_return": "on" if function == MAXIMUM else "",
            "line_width": "0.00",
        }
        name = f"{key}/{label.rstrip(':').lower()}"
        items.append((hashed("graph template item", name), {**common, **printed}))
    return items


def _cdef(graph: Graph, series: Series) -> object:
    if series.complement:
        return hashed("cdef", "complement")
    return hashed("cdef", "bits of bytes") if graph.bits else 0


def _data_template(key: str, prefix: str, graph: Graph, series: List[Series]) -> Node:
    name = f"{PLACES[prefix]} - {graph.title}"
    if prefix == TOTALS:
        (only,) = series
        name = f"{name}: {only.label}" if len(graph.series) > 1 else name
        source, fields = "scalar", {"oid": ("", oid(prefix + only.object))}
    else:
        indexed = ("index_type", "index_value", "output_type")
        source, fields = "indexed", dict.fromkeys(indexed, ("on", ""))
    title = f"{DEVICE} - {name}"
    return {
        "name": name,
        "ds": {
            "t_name": "" if prefix == TOTALS else "on",
            "name": title,
            "data_source_path": "",
            "data_input_id": hashed("data input", source),
            "t_data_source_profile_id": "",
            "data_source_profile_id": 0,
            "t_rrd_step": "",
            "rrd_step": 300,
            "t_active": "",
            "active": "on",
        },
        "items": {
            hashed("data template item", _item_key(prefix, graph, each)): _data_item(prefix, each)
            for each in series
        },
        "data": {
            f"item_{number:03}": {
                "data_input_field_id": hashed("data input field", field),
                "t_value": asked,
                "value": value,
            }
            for number, (field, (asked, value)) in enumerate(fields.items())
        },
    }


def _data_item(prefix: str, series: Series) -> Node:
    # a reset makes a counter fall: DERIVE with a minimum draws a gap, COUNTER would draw a spike
    counter = named(prefix + series.object).syntax is Counter64
    values: Node = {
        "data_source_name": series.data_source,
        "rrd_minimum": 0,
        "rrd_maximum": "U",
        "data_source_type_id": DERIVE if counter else GAUGE,
        "rrd_heartbeat": 600,
        "data_input_field_id": 0,
    }
    item: Node = {}
    for name, value in values.items():
        item.update({f"t_{name}": "", name: value})
    return item
