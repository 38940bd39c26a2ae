# SPDX-License-Identifier: GPL-3.0-or-later
"""Data queries: the columns of a table that Cacti reads, and the index of its rows."""

from __future__ import annotations

from lvs_agent.mib.smi import dotted
from lvs_agent.pollers.oid import oid_of

from .graphs import Field, Node, Query


def oid(name: str) -> str:
    """Return the OID of a column, or of a scalar's instance, in Cacti's notation."""
    return f".{dotted(oid_of(name, []))}"


# the pair of address type and address (RFC 4001) at the beginning of an instance
ADDRESS = r"(1\.4(\.[0-9]+){4}|2\.16(\.[0-9]+){16})"


def document(query: Query) -> Node:
    """Return the contents of a file for resource/snmp_queries."""
    naming = oid(query.naming)
    outputs = [(graph, series) for graph in query.graphs for series in graph.stored]
    return {
        "name": query.title,
        "description": query.about,
        "oid_index": naming,
        # applied to every column that is walked, so the column's number is left open
        "oid_index_parse": rf"OID/REGEXP:^\.?{_entry(naming)}\.[0-9]+\.([0-9.]+)$",
        **({"oid_num_indexes": oid(query.count)} if query.count else {}),
        "index_order": query.index,
        "index_order_type": "alphabetic",
        # a deleted row may be added again, so Cacti must not treat its graphs as orphans
        "index_transient": "true",
        "index_title_format": query.label,
        "fields": {
            query.index: {
                "name": "Index",
                "method": "walk",
                "source": "index",
                "direction": "input",
            },
            **{field.object: _input(query, field) for field in query.fields},
            **{
                query.prefix + series.object: {
                    "name": f"{graph.title}: {series.label}",
                    "method": "walk",
                    "source": "value",
                    "direction": "output",
                    "oid": oid(query.prefix + series.object),
                }
                for graph, series in outputs
            },
        },
    }


def _input(query: Query, field: Field) -> Node:
    node: Node = {
        "name": field.title,
        "method": "walk",
        "source": "value",
        "direction": "input",
        "oid": oid(query.naming if field.of_index else field.object),
    }
    if field.of_index:
        # what follows type and length; with its dot, since Cacti would take 3.65.66.67 for a text
        pattern = rf"^\.?{_entry(oid(query.naming))}\.[0-9]+\.[0-9]+\.[0-9]+(\.[0-9.]+)$"
        node["source"] = f"OID/REGEXP:{pattern}"
        node["rewrite_value"] = {"address": {"match": r"REGEXPNC:^\.(.+)$", "replace": "$1"}}
    if field.of_service:
        # the instance of a real server begins with its service's instance
        entry = _entry(oid(field.object))
        pattern = rf"^(\.{entry}\.[0-9]+\.{ADDRESS}\.[0-9]+\.[0-9]+)\..*$"
        node["method"] = "get"
        node["oid_rewrite_pattern"] = f"OID/REGEXP:{pattern}"
        node["oid_rewrite_replacement"] = r"\1"
    if field.words:
        node["rewrite_value"] = {
            word: {"match": value, "replace": word} for value, word in enumerate(field.words)
        }
    return node


def _entry(column: str) -> str:
    """Return the OID of a column's row as a regular expression, without the first dot."""
    return column.lstrip(".").rpartition(".")[0].replace(".", r"\.")
