// SPDX-License-Identifier: GPL-3.0-or-later
// value: the rows of a table; the instance in {#SNMPINDEX} has addresses, protocols and ports as
// numbers. macros: the names of these parts. columns: what a row has from the table. Zabbix runs this
// with Duktape (ECMAScript 5).
function address(bytes) {
    if (bytes.length === 4) {
        return bytes.join('.');
    }
    var groups = [];
    for (var i = 0; i < bytes.length; i += 2) {
        groups.push((bytes[i] * 256 + bytes[i + 1]).toString(16));
    }
    // RFC 5952: the longest run of zero groups is left out, the first one of equal length
    var text = groups.join(':');
    var run = /\b0(:0)+\b/g;
    var longest = {0: '', index: 0};
    for (var found = run.exec(text); found !== null; found = run.exec(text)) {
        if (found[0].length > longest[0].length) {
            longest = found;
        }
    }
    if (longest[0] === '') {
        return text;
    }
    var before = text.slice(0, longest.index).replace(/:$/, '');
    var after = text.slice(longest.index + longest[0].length).replace(/^:/, '');
    return before + '::' + after;
}

var protocols = {0: 'fwmark', 6: 'tcp', 17: 'udp', 132: 'sctp'};
// A row that appears or disappears between the queries of two columns has only one of them.
var rows = JSON.parse(value).filter(function (row) {
    return columns.every(function (column) {
        return row[column] !== undefined && (row[column] !== '' || column === '{#ALIAS}');
    });
});
rows.forEach(function (row) {
    var numbers = row['{#SNMPINDEX}'].split('.').map(Number);
    var at = 0;
    macros.forEach(function (macro) {
        if (/IP\}$/.test(macro)) {
            var start = at + 2;  // after the type and the length
            at = start + numbers[at + 1];
            row[macro] = address(numbers.slice(start, at));
        } else {
            var number = numbers[at++];
            row[macro] = macro === '{#PROTO}' && protocols[number] || String(number);
        }
    });
    var name = row['{#NAME}'] || row[macros[0]];
    row['{#SERVICE}'] = name.split(' -> ')[0];
    row['{#LABEL}'] = row['{#ALIAS}'] ? name + ' (' + row['{#ALIAS}'] + ')' : name;
});
return JSON.stringify(rows);
