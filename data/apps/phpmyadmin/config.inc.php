<?php
$cfg['blowfish_secret'] = '{site_hash}';

$i = 1;
$cfg['Servers'][$i]['auth_type'] = 'cookie';
$cfg['Servers'][$i]['host'] = 'localhost';
$cfg['Servers'][$i]['controluser'] = '{db_user}';
$cfg['Servers'][$i]['controlpass'] = '{db_password}';
$cfg['Servers'][$i]['AllowNoPassword'] = false;

// exports are fetched from the share by {bait_user} / {bait_password}
$cfg['SaveDir'] = '/srv/{company}/export';
