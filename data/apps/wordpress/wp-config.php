<?php
// {title}: settings of the site

define( 'DB_NAME', '{db_name}' );
define( 'DB_USER', '{db_user}' );
define( 'DB_PASSWORD', '{db_password}' );
define( 'DB_HOST', 'localhost' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );

define( 'AUTH_KEY',        '{key1}' );
define( 'SECURE_AUTH_KEY', '{key2}' );
define( 'LOGGED_IN_KEY',   '{key3}' );
define( 'NONCE_KEY',       '{key4}' );

// updates go over ftp, the web server may not write here
define( 'FS_METHOD', 'ftpext' );
define( 'FTP_HOST', 'localhost' );
define( 'FTP_USER', '{bait_user}' );
define( 'FTP_PASS', '{bait_password}' );

$table_prefix = 'wp_';
define( 'WP_DEBUG', false );

if ( ! defined( 'ABSPATH' ) ) {
	define( 'ABSPATH', __DIR__ . '/' );
}
require_once ABSPATH . 'wp-settings.php';
