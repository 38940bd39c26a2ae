# SPDX-License-Identifier: GPL-3.0-or-later
"""Zabbix's API, JSON-RPC 2.0 over HTTP."""

from __future__ import annotations

import json
import urllib.request
from functools import cached_property
from typing import Any, Dict, Tuple

SECONDS = 120  # the longest time of an answer

# regardless of http_proxy
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Record = Dict[str, Any]


class ZabbixError(Exception):
    """Zabbix, or one of its programs, did not do what was expected."""


class Api:
    """The API of the frontend at an address. Methods raise ZabbixError if Zabbix refuses them."""

    def __init__(self, site: str) -> None:
        self.site = site
        self._token = ""

    @cached_property
    def version(self) -> str:
        """The version, such as 6.0.14."""
        return str(self.call("apiinfo.version", []))

    @property
    def release(self) -> Tuple[int, int]:
        """The first two numbers of the version."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    def login(self) -> None:
        """Log in as the user of a new installation, for all calls to come."""
        given = {"username": "Admin", "password": "zabbix"}
        self._token = self.call("user.login", given)

    def call(self, method: str, params: object) -> Any:
        """Call a method and return its result."""
        body: Dict[str, object] = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        headers = {"Content-Type": "application/json-rpc"}
        if self._token and self.release >= (6, 4):
            headers["Authorization"] = f"Bearer {self._token}"
        elif self._token:
            body["auth"] = self._token
        request = urllib.request.Request(
            f"{self.site}/api_jsonrpc.php", json.dumps(body).encode(), headers
        )
        try:
            with _DIRECTLY.open(request, timeout=SECONDS) as answer:
                given = json.load(answer)
        except OSError as error:
            raise ZabbixError(f"{method}: {error}") from error
        if "error" in given:
            raise ZabbixError(f"{method}: {given['error']['message']} {given['error']['data']}")
        return given["result"]
