//! A host whose web server is Apache: nginx and all that it brought is away, and Apache's files are there.

use super::instance::{Put, Writer};
use super::{FileKind, Host, Who};

/// Files and folders of nginx, with all that is in them.
const AWAY: &[&str] = &[
    "/etc/default/nginx",
    "/etc/init.d/nginx",
    "/etc/logrotate.d/nginx",
    "/etc/nginx",
    "/etc/rc0.d/K01nginx",
    "/etc/rc1.d/K01nginx",
    "/etc/rc2.d/S01nginx",
    "/etc/rc3.d/S01nginx",
    "/etc/rc4.d/S01nginx",
    "/etc/rc5.d/S01nginx",
    "/etc/rc6.d/K01nginx",
    "/etc/systemd/system/multi-user.target.wants/nginx.service",
    "/etc/ufw/applications.d/nginx",
    "/run/nginx.pid",
    "/usr/lib/nginx",
    "/usr/lib/systemd/system/nginx.service",
    "/usr/sbin/nginx",
    "/usr/share/doc/nginx",
    "/usr/share/doc/nginx-common",
    "/usr/share/doc/nginx-core",
    "/usr/share/nginx",
    "/var/lib/nginx",
    "/var/log/nginx",
    "/var/www/html/index.nginx-debian.html",
];
/// Folders with one file for each package, whose names begin with it.
const LISTS: &[&str] = &["/var/lib/dpkg/info", "/var/lib/dpkg/triggers"];
/// Files and links that one of them may have.
const MOST: usize = 4096;
/// Bytes of the server's program.
const PROGRAM: usize = 757_736;

/// Texts of Apache's files.
const FILES: &[(&str, &str)] = &[
    ("/etc/apache2/apache2.conf", include_str!("../../data/files/apache/apache2.conf")),
    ("/etc/apache2/envvars", include_str!("../../data/files/apache/envvars")),
    ("/etc/apache2/ports.conf", include_str!("../../data/files/apache/ports.conf")),
    ("/etc/apache2/sites-available/000-default.conf", include_str!("../../data/files/apache/000-default.conf")),
    ("/etc/logrotate.d/apache2", include_str!("../../data/files/apache/logrotate")),
    ("/usr/lib/systemd/system/apache2.service", include_str!("../../data/files/apache/apache2.service")),
    ("/var/log/apache2/error.log", ""),
    ("/var/log/apache2/other_vhosts_access.log", ""),
];
/// Modules that the package switches on.
const MODULES: &[&str] = &[
    "access_compat",
    "alias",
    "auth_basic",
    "authn_core",
    "authn_file",
    "authz_core",
    "authz_host",
    "authz_user",
    "autoindex",
    "deflate",
    "dir",
    "env",
    "filter",
    "mime",
    "mpm_event",
    "negotiation",
    "reqtimeout",
    "setenvif",
    "status",
];
/// Links and what they lead to.
const LINKS: &[(&str, &str)] = &[
    ("/etc/apache2/sites-enabled/000-default.conf", "../sites-available/000-default.conf"),
    ("/etc/systemd/system/multi-user.target.wants/apache2.service", "/lib/systemd/system/apache2.service"),
    ("/usr/sbin/apachectl", "apache2ctl"),
];

/// Puts Apache in the place of nginx.
pub(super) fn install(writer: &Writer<'_>, page: &str) {
    let (host, root) = (writer.host, Who::root());
    let at = host.persona().installed;
    let put = |mode| Put { mode, owner: ("root", "root"), at };
    let program = host.read_file(&root, b"/usr/sbin/nginx", PROGRAM).unwrap_or_default();
    for path in AWAY {
        remove(host, path.as_bytes());
    }
    for folder in LISTS {
        for (name, _) in host.list(&root, folder.as_bytes()).unwrap_or_default() {
            if name.starts_with(b"nginx") || name.starts_with(b"libnginx") {
                remove(host, &[folder.as_bytes(), b"/", &name].concat());
            }
        }
    }
    for (path, text) in FILES {
        writer.file(path, text.as_bytes(), put(0o644));
    }
    for module in MODULES {
        let load = format!("LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so\n");
        writer.file(&format!("/etc/apache2/mods-available/{module}.load"), load.as_bytes(), put(0o644));
        let enabled = format!("/etc/apache2/mods-enabled/{module}.load");
        writer.folder("/etc/apache2/mods-enabled", put(0o755));
        let _ = host.symlink(&root, format!("../mods-available/{module}.load").as_bytes(), enabled.as_bytes());
    }
    for folder in ["/etc/apache2/conf-available", "/etc/apache2/conf-enabled", "/etc/apache2/sites-enabled"] {
        writer.folder(folder, put(0o755));
    }
    writer.file("/usr/sbin/apache2", &program, put(0o755));
    let control = "#!/bin/sh\n. /etc/apache2/envvars\nexec /usr/sbin/apache2 \"$@\"\n";
    writer.file("/usr/sbin/apache2ctl", control.as_bytes(), put(0o755));
    for (path, target) in LINKS {
        let _ = host.symlink(&root, target.as_bytes(), path.as_bytes());
    }
    writer.file("/var/www/html/index.html", page.as_bytes(), put(0o644));
}

/// Removes a file, or a folder with what is in it.
fn remove(host: &Host, path: &[u8]) {
    let root = Who::root();
    let mut found = vec![path.to_vec()];
    let mut at = 0;
    while let Some(path) = found.get(at).cloned() {
        at += 1;
        let is_folder = host.stat(&root, &path, false).is_ok_and(|stat| stat.kind == FileKind::Folder);
        if is_folder && found.len() < MOST {
            let inside = host.list(&root, &path).unwrap_or_default().into_iter();
            let names = inside.filter(|(name, _)| name != b"." && name != b"..");
            found.extend(names.map(|(name, _)| [path.as_slice(), b"/", &name].concat()));
        }
    }
    for path in found.iter().rev() {
        let _ = host.remove_file(&root, path).or_else(|_| host.remove_folder(&root, path));
    }
}
