# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# 1000 services of 10 real servers each, no traffic.

awk 'BEGIN {
    for (n = 0; n < 1000; n++) {
        end = int(n / 250) "." n % 250 + 1 ":80"
        print "service 10.8." end " wrr"
        for (server = 101; server <= 110; server++)
            print "server 10.8." end " 10." server "." end " masq " n % 100
    }
}' | rules
