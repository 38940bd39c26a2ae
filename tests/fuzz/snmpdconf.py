# SPDX-License-Identifier: GPL-3.0-or-later
"""snmpd.conf: the lines that an snmpd reads, from generated files and arguments."""

from __future__ import annotations

from typing import List

from lvs_agent.netsnmp import snmpdconf
from tests.fuzz import configs
from tests.fuzz.choices import Choices

NAMES = [
    *(f"{folder}/{name}.conf" for folder in configs.FOLDERS for name in ("snmpd", "snmp")),
    *("/etc/snmp/snmpd.conf", "/etc/snmp/snmpd.local.conf", "/etc/snmp/snmpd.conf.d/lvs.conf"),
    *("/etc/snmp/snmpd.conf.d/.hidden.conf", "/kept/snmpd.0.conf", "/a/one", "/b/two.conf"),
]
SETTINGS = (
    *("pass_persist .1.3.6.1.4.1.8225.4711 /usr/bin/lvs-agent pass-persist", "agentXSocket tcp:1"),
    *("pass -p 3 .1.3.6.1.4.1.8225 /bin/false", "view systemonly included .1.3.6.1.4.1.8225.4711"),
    *("view all excluded iso.org.dod fe.80", "rocommunity public default -V systemonly"),
    *('com2sec local 127.0.0.1/8 "a b"', "group g v2c local", "rouser 'a b' noauth"),
    *('access g "" any noauth exact all none none', "agentaddress udp:161,[::1]:161"),
    *("agentuser nobody", "[snmp] persistentDir /b", "includeDir /etc/snmp/snmpd.conf.d", "master"),
    *("# rocommunity no", "view x included .1.4294967296", "view x included SNMPv2-SMI::ip.-1"),
)
WORDS = ["-c", "-C", "-f", "-Lf", "-LS0-6d", "-Ls", "d", "-I", "smux", "-I-x", "-u", "snmp", "-"]
WORDS += ["/a/one", "-c/b/two.conf,/a/one", "-c-/a/one,,/none", "udp:161", "--", "-p", "-x", ""]


def check(data: bytes) -> None:
    """Check the arguments of an snmpd, and the configuration that it reads."""
    choices = Choices(data)
    environment = configs.environment(choices)
    told = snmpdconf.invocation(_arguments(choices))
    assert all(told.files)
    files = configs.made(choices, NAMES, SETTINGS)
    config = snmpdconf.read(files, told, environment)
    configs.check(config, files, "snmpd", snmpdconf._SECTIONS)
    for name in config.files[:2]:
        alone = snmpdconf.lines_of(files, name)
        assert all(line.file == name for line in alone)


def _arguments(choices: Choices) -> List[str]:
    words = ["snmpd"][: choices.below(8)]
    for _ in range(choices.below(6)):
        word = choices.pick(WORDS)
        if choices.below(8) == 7:
            word = choices.splice(word.encode()).decode("utf-8", "surrogateescape")
        words.append(word)
    return words
