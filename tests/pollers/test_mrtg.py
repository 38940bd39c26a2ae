# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent mrtg with directors in snmpsim, with a real snmpd, and run by mrtg itself."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from lvs_agent.codes import Source, Status
from lvs_agent.mib import lvs
from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import dotted
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Director, Snapshot
from tests.support import builders, directors, fakes, files
from tests.support.directors import counted
from tests.support.lvsmib import place
from tests.support.snmpd import AGENT
from tests.support.words import words

SIMULATOR = AGENT.with_name("snmpsim-command-responder")
PORT = 20161  # on loopback addresses that no other test uses
HTTPS, WWW = "TCP 192.0.2.10:443", "TCP 192.0.2.10:80"

# snmpsim's types by pass_persist's
TAGS = {
    **{"integer": "2", "gauge": "66", "counter": "65", "counter64": "70"},
    **{"timeticks": "67", "ipaddress": "64", "string": "4", "octet": "4x"},
}

Lines = Tuple[str, str, str, str]


def snmprec(snapshot: Snapshot, name: str) -> str:
    """Return the data of a director for snmpsim, with an uptime of one day."""
    lines = [f"1.3.6.1.2.1.1.3.0|67|{24 * 3600 * 100}", f"1.3.6.1.2.1.1.5.0|4|{name}"]
    for varbind in lvs.tree(snapshot, 0).walk():
        keyword, value = words(varbind)
        value = value.replace(" ", "") if keyword == "octet" else value
        oid = f"{dotted(LVS)}.{varbind.oid}"
        lines.append(f"{oid}|{TAGS[keyword]}|{value}")
    return "\n".join(lines) + "\n"


def taken(*services: VirtualService, **values: object) -> Snapshot:
    return builders.snapshot(
        *services, **{"source": Source.NETLINK, "director": Director(estimation=True), **values}
    )


def https(times: int) -> VirtualService:
    """Return a service whose counters and connections all differ, multiplied by times."""
    server = builders.server(
        active_conns=30 * times, inact_conns=40 * times, counters=counted(100 * times)
    )
    counters = counted(1000 * times, 2000 * times, 10 * times, 500 * times)
    return builders.service("192.0.2.10", 443, server, counters=counters)


def www() -> VirtualService:
    """Return another service of the same VIP, with the same server, and an alias."""
    server = builders.server(port=80, active_conns=3, inact_conns=4, counters=counted(1))
    counters = counted(7, 8, 5, 6)
    return builders.service("192.0.2.10", 80, server, counters=counters, alias="R&D's shop")


# snapshots by the community that selects them
FARMS = {
    "one": taken(https(1)),
    "other": taken(https(2)),
    "odd": taken(builders.service("192.0.2.10", 443, protocol=99, counters=counted(1, 2))),
    "big": taken(builders.service("192.0.2.10", 443, counters=counted(2**64 - 1, 2**64 - 1))),
    "two": taken(https(1), www()),
    "none": taken(),
    "noipvs": taken(source=Source.NONE, status=Status.NO_IPVS, text="ip_vs is not loaded"),
    "nothing": taken(source=Source.NONE, status=Status.NO_COLLECTOR, text="no snapshot has come"),
    "frozen": taken(builders.service("192.0.2.10", 443), status=Status.NO_STATISTICS, text="why"),
}
ADDRESSES = {community: f"127.0.9.{host}" for host, community in enumerate(FARMS, 1)}


@contextmanager
def simulated(folder: Path) -> Iterator[None]:
    """Run snmpsim, which serves every farm at each address."""
    data = folder / "data"
    data.mkdir()
    for community, snapshot in FARMS.items():
        (data / f"{community}.snmprec").write_text(snmprec(snapshot, f"lb-{community}"))
    user = files.run("id", "-un").stdout.strip()
    command = [str(SIMULATOR), f"--data-dir={data}", f"--cache-dir={folder / 'cache'}"]
    command += [f"--agent-udpv4-endpoint={address}:{PORT}" for address in ADDRESSES.values()]
    if user == "root":
        command += ["--process-user=root", "--process-group=root"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as it:
        probe = (
            "snmpget",
            "-v2c",
            "-t0.2",
            "-r0",
            "-cone",
            f"127.0.9.1:{PORT}",
            "1.3.6.1.2.1.1.5.0",
        )
        try:
            while files.run(*probe, MIBS="").returncode:
                assert it.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)  # snmpsim does not report that it is ready
            yield
        finally:
            it.terminate()


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of net-snmp's configuration with each director's community, while snmpsim runs."""
    folder = tmp_path_factory.mktemp("snmpsim")
    (folder / "hosts").mkdir()
    (folder / "snmp.conf").write_text(f"timeout 1\nretries 0\ndefaultPort {PORT}\n")
    for community, address in ADDRESSES.items():
        (folder / "hosts" / f"{address}.conf").write_text(f"defCommunity {community}\n")
    with simulated(folder):
        yield folder


def asked(conf: Path, communities: str, *words: str) -> Lines:
    """Run lvs-agent mrtg for the directors with these communities; return its four lines."""
    names = ",".join(ADDRESSES[each] for each in communities.split(","))
    done = files.run(str(AGENT), "mrtg", names, *words, SNMPCONFPATH=str(conf))
    assert (done.returncode, done.stderr) == (0, "")
    return lines(done.stdout)


def lines(text: str) -> Lines:
    one, other, uptime, name, *rest = text.split("\n")
    assert rest == [""]
    return one, other, uptime, name


KINDS = {
    "conns": ("10", "10"),
    "packets": ("500", "500"),
    "bytes": ("1000", "2000"),
    "active": ("30", "40"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_two_values(conf: Path, kind: str) -> None:
    expected = (*KINDS[kind], "1 days, 0:00:00", "lb-one")
    assert asked(conf, "one", *HTTPS.split(), kind) == expected
    assert asked(conf, "one", HTTPS, kind) == expected
    assert asked(conf, "one", kind, "-t", "192.0.2.10:443") == expected


@pytest.mark.parametrize("kind", KINDS)
def test_directors_are_summed(conf: Path, kind: str) -> None:
    one, other, uptime, name = asked(conf, "one,other", HTTPS, kind)
    assert [one, other] == [str(3 * int(value)) for value in KINDS[kind]]
    assert (uptime, name) == ("1 days, 0:00:00 + 1 days, 0:00:00", "lb-one + lb-other")


def test_a_protocol_without_a_name_has_its_number(conf: Path) -> None:
    assert asked(conf, "odd", "IP99 192.0.2.10:443", "bytes")[:2] == ("1", "2")
    assert asked(conf, "odd", HTTPS, "bytes")[:2] == ("0", "0")


def test_a_sum_may_be_larger_than_a_counter(conf: Path) -> None:
    assert asked(conf, "big,one", HTTPS, "bytes")[:2] == (str(2**64 + 999), str(2**64 + 1999))


@pytest.mark.parametrize("lacking", ["none", "noipvs"])
def test_a_service_that_a_director_lacks_counts_as_zero(conf: Path, lacking: str) -> None:
    assert asked(conf, f"one,{lacking}", HTTPS, "bytes")[:2] == ("1000", "2000")
    assert asked(conf, lacking, HTTPS, "bytes")[:2] == ("0", "0")
    assert asked(conf, "one", WWW, "active")[:2] == ("0", "0")


def test_a_real_server_has_values_of_its_own(conf: Path) -> None:
    words = ("-r", "192.168.0.1:8080")
    assert asked(conf, "one,other", "bytes", *words, *("-t", "192.0.2.10:443"))[0] == "300"
    assert asked(conf, "one", f"{HTTPS} -> 192.168.0.1:8080", "active")[:2] == ("30", "40")
    assert asked(conf, "one", f"{HTTPS} -> 192.168.0.1:80", "active")[:2] == ("0", "0")


def test_a_vip_and_a_rip_are_sums(conf: Path) -> None:
    found = {kind: asked(conf, "two", "VIP 192.0.2.10", kind)[:2] for kind in KINDS}
    assert found == {
        "conns": ("15", "15"),
        "packets": ("506", "506"),
        "bytes": ("1007", "2008"),
        "active": ("33", "44"),
    }
    assert asked(conf, "two", "192.0.2.10", "bytes")[:2] == ("1007", "2008")
    assert asked(conf, "two", "rip", "192.168.0.1", "active")[:2] == ("33", "44")
    assert asked(conf, "two,other", "RIP 192.168.0.1", "bytes")[:2] == ("301", "0")
    assert asked(conf, "one,none", "VIP 192.0.2.11", "bytes")[:2] == ("0", "0")


def test_the_alias_follows_the_directors_names(conf: Path) -> None:
    assert asked(conf, "two", WWW, "bytes")[3] == "lb-two (R&amp;D&#x27;s shop)"
    assert asked(conf, "one,two", WWW, "bytes")[3] == "lb-one + lb-two (R&amp;D&#x27;s shop)"
    assert asked(conf, "two", HTTPS, "bytes")[3] == "lb-two"


def test_an_agent_without_vips_is_named(tmp_path: Path) -> None:
    def older(request: fakes.Request) -> List[bytes]:
        gone = [place(name)[:1] for name in ("lvsVipServices", "lvsRipServices")]
        for oid in list(request.values):
            if oid[8:9] in gone or oid[8:11] == place("lvsVsAlias"):
                del request.values[oid]
        return [*fakes.honest(request)]

    file = tmp_path / "snmp.conf"
    file.write_text("defCommunity public\n")
    with fakes.running(FARMS["one"], older) as fake:
        words = ("mrtg", fake.address, "VIP 192.0.2.10", "bytes", "--snmp-conf", str(file))
        done = files.run(str(AGENT), *words)
        service = files.run(str(AGENT), "mrtg", fake.address, HTTPS, *words[3:])
    assert (done.returncode, done.stdout) == (1, "UNKNOWN\nUNKNOWN\n\n\n")
    said = "the agent has no lvsVipTable; update lvs-agent on the director"
    assert done.stderr == f"lvs-agent: {fake.address}: {said}\n"
    assert service.stdout == "1000\n2000\n1 days, 0:00:00\nfake\n"


UNKNOWN = {
    "one,wrong": "127.0.9.99: no answer from UDP port 20161 within 1 s",
    "wrong": "127.0.9.99: no answer from UDP port 20161 within 1 s",
    "frozen": f"{ADDRESSES['frozen']}: lvsVsInBytes unknown: why",
    "one,nothing": f"{ADDRESSES['nothing']}: lvsVsInBytes unknown: no snapshot has come",
}


@pytest.mark.parametrize("communities", UNKNOWN)
def test_what_is_not_known_is_unknown(conf: Path, communities: str) -> None:
    names = [ADDRESSES.get(each, "127.0.9.99") for each in communities.split(",")]
    done = files.run(*(str(AGENT), "mrtg", ",".join(names), HTTPS, "bytes"), SNMPCONFPATH=str(conf))
    assert done.returncode == 1
    assert lines(done.stdout)[:2] == ("UNKNOWN", "UNKNOWN")
    assert lines(done.stdout)[3] == ("lb-one" if "one" in communities.split(",") else "")
    assert UNKNOWN[communities] in done.stderr
    assert done.stderr.count("\n") == 1


WRONG: List[Tuple[str, str]] = [
    ("director1 TCP 192.0.2.10:443 rate", "invalid choice: 'rate'"),
    ("director1", "the following arguments are required: conns|packets|bytes|active"),
    ("director1, TCP 192.0.2.10:443 bytes", "not a director: ''; write HOST"),
    ("director1:x TCP 192.0.2.10:443 bytes", "not a director: 'director1:x'; write HOST"),
    ("director1 TCP 192.0.2.10 bytes", "TCP 192.0.2.10: port missing"),
    ("director1 bytes", "not a service: ''; write TCP"),
    ("director1 TCP 192.0.2.10:443 bytes --community public", "unknown option: --community"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_wrong_arguments_are_said_in_one_line(words: str, said: str) -> None:
    done = files.run(str(AGENT), "mrtg", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    file = str(tmp_path / "none")
    done = files.run(str(AGENT), "mrtg", "director1", HTTPS, "bytes", "--snmp-conf", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"lvs-agent: {file}: No such file or directory\n"


# LD_PRELOAD= is for the agent: faketime stops the clock for mrtg only
CONFIG = """\
WorkDir: {folder}
Options[_]: growright
Target[pair]: `LD_PRELOAD= {agent} mrtg {directors} {service} bytes --snmp-conf {folder}/lvs.conf`
MaxBytes[pair]: 12500000
Title[pair]: pair
PageTop[pair]: <h1>pair</h1>
"""
USER = (
    'createUser monitor SHA "says who it is" AES "lets nobody else know"',
    "rouser monitor priv",
)
SECRET = (
    "defVersion 3\ndefSecurityName monitor\ndefSecurityLevel authPriv\n"
    "defAuthType SHA\ndefAuthPassphrase says who it is\n"
    "defPrivType AES\ndefPrivPassphrase lets nobody else know\n"
)


def run_mrtg(folder: Path, minute: int) -> str:
    """Run mrtg at a minute of its simulated time; return complaints not about new graphs."""
    config = str(folder / "mrtg.cfg")
    done = files.run("faketime", "-f", f"2026-01-01 00:{minute:02}:00", "mrtg", config)
    said = (done.stdout + done.stderr).splitlines()
    return "\n".join(line for line in said if line and "Rateup WARNING" not in line)


def test_mrtg_draws_the_sum_that_it_gets_by_snmpv3(tmp_path: Path) -> None:
    (tmp_path / "lvs.conf").write_text(SECRET)
    with directors.running(tmp_path / "1", *USER) as one:
        with directors.running(tmp_path / "2", *USER) as other:
            pair = [one, other]
            names = ",".join(each.address for each in pair)
            config = CONFIG.format(folder=tmp_path, agent=AGENT, directors=names, service=HTTPS)
            (tmp_path / "mrtg.cfg").write_text(config)
            for step in (0, 1):
                for number, each in enumerate(pair, 1):
                    each.serve(moved(2**42 + step * number * 300_000))
                assert run_mrtg(tmp_path, 5 * step) == ""
            assert drawn(tmp_path) == ["3000", "6000"]
        said = run_mrtg(tmp_path, 10)
        assert f"{other.address}: no answer from UDP port" in said


def drawn(folder: Path) -> List[str]:
    """Return the last sample in bytes per second; see mrtg-logfile(1)."""
    return (folder / "pair.log").read_text().splitlines()[1].split()[1:3]


def moved(in_bytes: int) -> VirtualService:
    return builders.service("192.0.2.10", 443, counters=counted(in_bytes, 2 * in_bytes))
