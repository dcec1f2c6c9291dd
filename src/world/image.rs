//! The base image: the files that every host of this persona has, and those that the operator adds.

use std::fmt::Write as _;

use super::accounts::Account;
use super::fs::{Content, Kind, Node, Tree, parent, resolve};
use super::persona::{Config, Persona};

/// Folders of an Ubuntu 20.04 server. `/bin`, `/lib` and `/sbin` are links there (usr-merge).
const FOLDERS: &[(&str, u32)] = &[
    ("/", 0o755),
    ("/boot", 0o755),
    ("/dev", 0o755),
    ("/dev/shm", 0o1777),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/media", 0o755),
    ("/mnt", 0o755),
    ("/opt", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/srv/ftp", 0o755),
    ("/srv/ftp/pub", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/usr/bin", 0o755),
    ("/usr/lib", 0o755),
    ("/usr/local", 0o755),
    ("/usr/local/bin", 0o755),
    ("/usr/sbin", 0o755),
    ("/usr/share", 0o755),
    ("/var", 0o755),
    ("/var/log", 0o755),
    ("/var/mail", 0o2775),
    ("/var/spool", 0o755),
    ("/var/tmp", 0o1777),
    ("/var/www", 0o755),
    ("/var/www/html", 0o755),
];

const LINKS: &[(&str, &str)] = &[
    ("/bin", "usr/bin"),
    ("/lib", "usr/lib"),
    ("/sbin", "usr/sbin"),
    ("/var/run", "/run"),
    ("/etc/os-release", "../usr/lib/os-release"),
];

/// Programs that are there, whether or not the shell can act as them; what it can't goes to the model.
const PROGRAMS: &[&str] = &[
    "awk",
    "base64",
    "basename",
    "bash",
    "cat",
    "chmod",
    "chown",
    "cp",
    "crontab",
    "curl",
    "cut",
    "date",
    "dd",
    "df",
    "dig",
    "dirname",
    "dmesg",
    "dpkg",
    "du",
    "env",
    "expr",
    "file",
    "find",
    "free",
    "git",
    "grep",
    "groups",
    "gzip",
    "head",
    "hostname",
    "hostnamectl",
    "id",
    "kill",
    "last",
    "less",
    "ln",
    "ls",
    "lsb_release",
    "lsblk",
    "lscpu",
    "lsof",
    "lspci",
    "md5sum",
    "mkdir",
    "more",
    "mount",
    "mv",
    "nano",
    "nc",
    "netstat",
    "nohup",
    "nproc",
    "passwd",
    "perl",
    "pgrep",
    "ping",
    "pkill",
    "printf",
    "ps",
    "pwd",
    "python3",
    "rm",
    "rmdir",
    "scp",
    "screen",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "ss",
    "ssh",
    "stat",
    "sudo",
    "systemctl",
    "tail",
    "tar",
    "tee",
    "test",
    "timeout",
    "tmux",
    "top",
    "touch",
    "tr",
    "uname",
    "uniq",
    "uptime",
    "vim",
    "w",
    "wc",
    "wget",
    "which",
    "who",
    "whoami",
    "xargs",
    "zcat",
];

const ADMIN_PROGRAMS: &[&str] = &[
    "chpasswd", "fdisk", "groupadd", "ifconfig", "ip", "iptables", "lsmod", "reboot", "shutdown", "sysctl", "useradd",
    "userdel", "usermod",
];

pub(super) fn build(persona: &Persona, accounts: &[Account], config: &Config) -> Tree {
    let mut tree = Tree::new();
    let at = persona.installed;
    for &(path, mode) in FOLDERS {
        tree.insert(path.into(), Node { kind: Kind::Folder, mode, uid: 0, modified: at });
    }
    for &(path, target) in LINKS {
        tree.insert(path.into(), Node { kind: Kind::Link(target.into()), mode: 0o777, uid: 0, modified: at });
    }
    for (folder, names) in [("/usr/bin", PROGRAMS), ("/usr/sbin", ADMIN_PROGRAMS)] {
        for name in names {
            tree.insert(format!("{folder}/{name}").into(), file(ELF_HEAD, 0o755, at));
        }
    }
    for (path, mode, text) in texts(persona, accounts) {
        tree.insert(path.into(), file(text.as_bytes(), mode, at));
    }
    for account in accounts.iter().filter(|account| account.shell == "/bin/bash") {
        home(&mut tree, account, at);
    }
    for wanted in &config.files {
        add(&mut tree, wanted, accounts, at);
    }
    tree
}

/// The first bytes of a 64-bit x86 executable: ELF header of a position-independent program.
const ELF_HEAD: &[u8] =
    b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0\x40\x50\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\
\x40\x81\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0\x0d\0\x40\0\x1e\0\x1d\0";

fn file(content: &[u8], mode: u32, modified: i64) -> Node {
    Node { kind: Kind::File(Content::of(content)), mode, uid: 0, modified }
}

fn texts(persona: &Persona, accounts: &[Account]) -> Vec<(&'static str, u32, String)> {
    let Persona { hostname, fqdn, os, kernel, kernel_version, address, .. } = persona;
    let mut passwd = String::new();
    let mut group = String::new();
    for Account { name, uid, home, shell, .. } in accounts {
        let _ = writeln!(passwd, "{name}:x:{uid}:{uid}:{name}:{home}:{shell}");
        let _ = writeln!(group, "{name}:x:{uid}:");
    }
    let version = os.strip_prefix("Ubuntu ").unwrap_or(os);
    vec![
        ("/etc/hostname", 0o644, format!("{hostname}\n")),
        (
            "/etc/hosts",
            0o644,
            format!(
                "127.0.0.1 localhost\n127.0.1.1 {fqdn} {hostname}\n{address} {fqdn}\n\n::1 ip6-localhost ip6-loopback\n"
            ),
        ),
        ("/etc/issue", 0o644, format!("{os} \\n \\l\n\n")),
        ("/etc/issue.net", 0o644, format!("{os}\n")),
        ("/etc/passwd", 0o644, passwd),
        ("/etc/group", 0o644, group),
        ("/etc/resolv.conf", 0o644, "nameserver 127.0.0.53\noptions edns0 trust-ad\n".into()),
        ("/etc/mailname", 0o644, format!("{fqdn}\n")),
        (
            "/etc/lsb-release",
            0o644,
            format!("DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=20.04\nDISTRIB_CODENAME=focal\nDISTRIB_DESCRIPTION=\"{os}\"\n"),
        ),
        (
            "/usr/lib/os-release",
            0o644,
            format!(
                "NAME=\"Ubuntu\"\nVERSION=\"{version} (Focal Fossa)\"\nID=ubuntu\nID_LIKE=debian\nPRETTY_NAME=\"{os}\"\n\
                 VERSION_ID=\"20.04\"\nHOME_URL=\"https://www.ubuntu.com/\"\nSUPPORT_URL=\"https://help.ubuntu.com/\"\n\
                 BUG_REPORT_URL=\"https://bugs.launchpad.net/ubuntu/\"\n\
                 PRIVACY_POLICY_URL=\"https://www.ubuntu.com/legal/terms-and-policies/privacy-policy\"\n\
                 VERSION_CODENAME=focal\nUBUNTU_CODENAME=focal\n"
            ),
        ),
        (
            "/proc/version",
            0o444,
            format!(
                "Linux version {kernel} (buildd@lcy02-amd64-102) \
                 (gcc version 9.4.0 (Ubuntu 9.4.0-1ubuntu1~20.04.2)) {kernel_version}\n"
            ),
        ),
        ("/var/www/html/index.nginx-debian.html", 0o644, WELCOME.into()),
    ]
}

fn home(tree: &mut Tree, account: &Account, at: i64) {
    let mode = if account.uid == 0 { 0o700 } else { 0o755 };
    tree.insert(account.home.clone().into(), Node { kind: Kind::Folder, mode, uid: account.uid, modified: at });
    let profile = "# ~/.profile: executed by Bourne-compatible login shells.\n\nif [ \"$BASH\" ]; then\n  if [ -f ~/.bashrc ]; then\n    . ~/.bashrc\n  fi\nfi\n\nmesg n 2> /dev/null || true\n";
    let node = Node { uid: account.uid, ..file(profile.as_bytes(), 0o644, at) };
    tree.insert(format!("{}/.profile", account.home).into(), node);
}

/// Adds an operator's file, and the folders on the way that are not there yet.
fn add(tree: &mut Tree, wanted: &super::FileConfig, accounts: &[Account], at: i64) {
    let owner = accounts.iter().find(|account| account.name == wanted.owner);
    let uid = owner.map_or(0, |account| account.uid);
    let modified = wanted.modified.parse::<crate::base::clock::Timestamp>().map_or(at, |stamp| stamp.as_second());
    let mode = u32::from_str_radix(&wanted.mode, 8).ok();
    let path = resolve(b"/", wanted.path.as_bytes());
    let mut folder = parent(&path).to_vec();
    while !tree.contains_key(&folder) {
        tree.insert(folder.clone(), Node { kind: Kind::Folder, mode: 0o755, uid, modified });
        folder = parent(&folder).to_vec();
    }
    let node = if wanted.path.ends_with('/') {
        Node { kind: Kind::Folder, mode: mode.unwrap_or(0o755), uid, modified }
    } else {
        Node { uid, ..file(wanted.content.as_bytes(), mode.unwrap_or(0o644), modified) }
    };
    tree.insert(path, node);
}

/// The page that nginx shows on a fresh Ubuntu: 612 bytes, as the package ships it.
const WELCOME: &str = r#"<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
    body {
        width: 35em;
        margin: 0 auto;
        font-family: Tahoma, Verdana, Arial, sans-serif;
    }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href="http://nginx.org/">nginx.org</a>.<br/>
Commercial support is available at
<a href="http://nginx.com/">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
"#;

#[cfg(test)]
mod tests {
    #[test]
    fn the_welcome_page_has_its_known_size() {
        assert_eq!(super::WELCOME.len(), 612);
    }
}
