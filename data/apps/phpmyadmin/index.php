<?php
// Starts the application.
require __DIR__ . '/libraries/common.inc.php';
