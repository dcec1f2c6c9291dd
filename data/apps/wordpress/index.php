<?php
// Compiled from the package; see the changelog of the release.
require __DIR__ . '/wp-load.php';
