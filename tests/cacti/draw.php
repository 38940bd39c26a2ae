<?php
// SPDX-License-Identifier: GPL-3.0-or-later
// draw.php SITE GRAPH START END FILE: draw one graph by its id, as on the web pages
chdir($argv[1]);
require './include/cli_check.php';
require_once $config['base_path'] . '/lib/rrd.php';
// not earlier: Cacti's files set many global variables
[, , $graph, $start, $end, $file] = $_SERVER['argv'];
$wanted = array(
	'graph_start' => intval($start), 'graph_end' => intval($end), 'image_format' => 'png',
	'output_flag' => RRDTOOL_OUTPUT_STDOUT, 'disable_cache' => true,
);
$xport = array();
file_put_contents($file, rrdtool_function_graph($graph, 0, $wanted, null, $xport, 1));
