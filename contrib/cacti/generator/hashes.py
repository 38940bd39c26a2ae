# SPDX-License-Identifier: GPL-3.0-or-later
"""The hashes that identify objects in Cacti's database.

Each hash is the MD5 sum of a name that never changes, so importing a newer template updates the
objects in place, and the graphs that users have created from them stay. Cacti's own objects are
referred to by their hashes in Cacti.
"""

from __future__ import annotations

import hashlib

from .graphs import Numbers

# lib/import.php: hash_, the kind of object, a version, MD5. Cacti 1.2.3 and later read version
# 0102. Cacti silently ignores versions that it does not know.
VERSION = "0102"
CODES = {
    "graph template": "00",
    "data template": "01",
    "host template": "02",
    "data input": "03",
    "data query": "04",
    "cdef": "05",
    "numbers": "06",
    "data input field": "07",
    "data template item": "08",
    "graph template input": "09",
    "graph template item": "10",
    "data query graph": "11",
    "graph title": "12",
    "data source title": "13",
    "cdef item": "14",
}

# conf_templates/cacti.sql
BUILT_IN = {
    ("data input", "scalar"): "3eb92bb845b9660a7445cf9740726522",
    ("data input field", "oid"): "4276a5ec6e3fe33995129041b1909762",
    ("data input", "indexed"): "bf566c869ac6443b0c75d1c32b5a350e",
    ("data input field", "index_type"): "6027a919c7c7731fbe095b6f53ab127b",
    ("data input field", "index_value"): "cbbe5c1ddfb264a6e5d509ce1c78c95f",
    ("data input field", "output_type"): "e6deda7be0f391399c5130e7c4a48b28",
    ("cdef", "bits of bytes"): "73f95f8b77b5508157d64047342c421e",
    ("numbers", Numbers.SI.value): "e9c43831e54eca8069317a2ce8c6f751",
    ("numbers", Numbers.WHOLE.value): "19414480d6897c8731c7dc6c5310653e",
    ("numbers", Numbers.PLACES.value): "304a778405392f878a6db435afffc1e9",
}


def hashed(kind: str, name: str) -> str:
    """Return the hash of an object. MD5 suffices because nothing is secret."""
    own = hashlib.md5(f"lvs-agent/cacti/{kind}/{name}".encode(), usedforsecurity=False)
    return f"hash_{CODES[kind]}{VERSION}{BUILT_IN.get((kind, name), own.hexdigest())}"
