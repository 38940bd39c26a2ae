# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of a real kernel with one attribute altered."""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

import pytest

from lvs_agent.codes import Family
from lvs_agent.kernel.messages import Decoder
from lvs_agent.kernel.netlink import NetlinkError
from lvs_agent.services import RealServer
from tests.support import recorded
from tests.support.recorded import DAEMON, DEST, SERVICE, altered, join, long, missing, short, split


def real_server(decoder: Decoder, body: bytes) -> RealServer:
    return decoder.real_server(body, Family.INET)


class Whole(NamedTuple):
    """An intact message, the path to its attributes, and the types of those with a fixed size."""

    decode: Callable[[Decoder, bytes], object]
    body: bytes
    path: Tuple[int, ...]
    sized: Dict[str, int]


PLAIN, _, MARK, _ = recorded.replies(recorded.SMALL, recorded.GET_SERVICE)
SERVER = recorded.replies(recorded.SMALL, recorded.GET_DEST)[0]
(INFO,) = recorded.replies(recorded.SMALL, recorded.GET_INFO)
(CONFIG,) = recorded.replies(recorded.SMALL, recorded.GET_CONFIG)

# linux/ip_vs.h
DAEMON_SIZED = {"STATE": 1, "SYNC_ID": 3, "SYNC_MAXLEN": 4, "MCAST_PORT": 7, "MCAST_TTL": 8}
INFO_SIZED = {"VERSION": 1, "CONN_TAB_SIZE": 2}
CONFIG_SIZED = {"TIMEOUT_TCP": 4, "TIMEOUT_TCP_FIN": 5, "TIMEOUT_UDP": 6}
MAY_BE_ABSENT = {"FWMARK", "ADDR_FAMILY", "TUN_TYPE", "TUN_PORT", "TUN_FLAGS", "SYNC_MAXLEN"}
MAY_BE_ABSENT |= {"MCAST_GROUP", "MCAST_GROUP6", "MCAST_PORT", "MCAST_TTL"}

WHOLE = {
    "service": Whole(Decoder.service, PLAIN, (SERVICE,), recorded.SERVICE_SIZED),
    "mark": Whole(Decoder.service, MARK, (SERVICE,), recorded.MARK_SIZED),
    "server": Whole(real_server, SERVER, (DEST,), recorded.DEST_SIZED),
    "master": Whole(
        Decoder.daemon, recorded.MASTER_DAEMON, (DAEMON,), {**DAEMON_SIZED, "MCAST_GROUP": 5}
    ),
    "backup": Whole(
        Decoder.daemon, recorded.BACKUP_DAEMON, (DAEMON,), {**DAEMON_SIZED, "MCAST_GROUP6": 6}
    ),
    "info": Whole(recorded.info, INFO, (), INFO_SIZED),
    "config": Whole(recorded.timeouts, CONFIG, (), CONFIG_SIZED),
}
NESTED = ["service", "mark", "server", "master", "backup"]
COUNTING = ["service", "mark", "server"]
STATS, STATS64 = 10, 12  # attributes of services and of real servers
# IPVS_STATS_ATTR_*, numbered from 1
COUNTED = [
    "CONNS",
    "INPKTS",
    "OUTPKTS",
    "INBYTES",
    "OUTBYTES",
    "CPS",
    "INPPS",
    "OUTPPS",
    "INBPS",
    "OUTBPS",
]

Change = Callable[[bytes], Optional[bytes]]


def refused(whole: Whole, damaged: bytes, words: str) -> None:
    """Check that a new decoder and one that has read the intact message both raise an error."""
    experienced = Decoder()
    assert whole.decode(experienced, whole.body)
    for decoder in (Decoder(), experienced):
        with pytest.raises(NetlinkError, match=words):
            whole.decode(decoder, damaged)


@pytest.mark.parametrize("of", WHOLE)
def test_the_messages_to_be_damaged_have_all_attributes(of: str) -> None:
    whole = WHOLE[of]
    inside = dict(split(whole.body))
    if whole.path:
        inside = dict(split(inside[whole.path[0]]))
    assert set(whole.sized.values()) <= set(inside)


@pytest.mark.parametrize(
    ("of", "name", "change"),
    [
        pytest.param(of, name, change, id=f"{of}-{name}-{change.__name__}")
        for of, whole in WHOLE.items()
        for name in whole.sized
        for change in (missing, short, long)
        if not (change is missing and name in MAY_BE_ABSENT)
    ],
)
def test_an_attribute_missing_or_of_another_size_is_an_error_naming_it(
    of: str, name: str, change: Change
) -> None:
    whole = WHOLE[of]
    path = (*whole.path, whole.sized[name])
    refused(whole, altered(whole.body, path, change), rf"\b{name}\b")


@pytest.mark.parametrize(
    ("of", "number", "name"), [("service", 6, "SCHED_NAME"), ("master", 2, "MCAST_IFN")]
)
def test_a_missing_text_is_an_error_naming_it(of: str, number: int, name: str) -> None:
    whole = WHOLE[of]
    refused(whole, altered(whole.body, (*whole.path, number), missing), rf"\b{name}\b")


def test_a_service_with_neither_mark_nor_protocol_is_an_error() -> None:
    whole = WHOLE["mark"]
    refused(whole, altered(whole.body, (SERVICE, 5), missing), r"\bPROTOCOL\b")


@pytest.mark.parametrize("change", [missing, short, long], ids=lambda change: change.__name__)
@pytest.mark.parametrize("number", range(1, 11))
@pytest.mark.parametrize("of", COUNTING)
@pytest.mark.parametrize("stats", [STATS, STATS64], ids=["STATS", "STATS64"])
def test_a_counter_or_rate_missing_or_of_another_size_is_an_error_naming_it(
    of: str, stats: int, number: int, change: Change
) -> None:
    whole = counting(of, stats)
    damaged = altered(whole.body, (*whole.path, stats, number), change)
    refused(whole, damaged, rf"\bSTATS.*\b{COUNTED[number - 1]}\b")


@pytest.mark.parametrize("change", [short, long], ids=lambda change: change.__name__)
@pytest.mark.parametrize("of", COUNTING)
@pytest.mark.parametrize("stats", [STATS, STATS64], ids=["STATS", "STATS64"])
def test_statistics_of_another_size_are_an_error(of: str, stats: int, change: Change) -> None:
    whole = counting(of, stats)
    refused(whole, altered(whole.body, (*whole.path, stats), change), r"invalid length|extra bytes")


@pytest.mark.parametrize("of", COUNTING)
def test_no_statistics_at_all_are_an_error(of: str) -> None:
    whole = counting(of, STATS)
    refused(whole, altered(whole.body, (*whole.path, STATS), missing), r"\bSTATS\b")


@pytest.mark.parametrize("of", NESTED)
def test_an_attribute_that_runs_out_of_the_one_around_it_is_an_error(of: str) -> None:
    whole = WHOLE[of]
    (kind,) = whole.path
    inside = dict(split(whole.body))[kind]
    for cut in _cuts(inside):
        refused(whole, join([(kind, inside[:cut])]), r"invalid length|extra bytes")


def counting(of: str, stats: int) -> Whole:
    """Return a message with its counters in STATS only, or, for STATS64, in both attributes."""
    whole = WHOLE[of]
    if stats == STATS64:
        return whole
    return whole._replace(body=altered(whole.body, (*whole.path, STATS64), missing))


def _cuts(data: bytes) -> List[int]:
    """Return the lengths of data that cut an attribute, not counting its padding."""
    found: List[int] = []
    start = 0
    for _, payload in split(data):
        found += range(start + 1, start + 4 + len(payload))
        start += 4 + len(payload) + -len(payload) % 4
    assert start == len(data)
    return found
