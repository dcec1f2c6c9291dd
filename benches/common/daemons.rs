//! Real daemons and other honeypots, each started on loopback from a configuration in a folder of its own.
//! `None`: it is not there, and a line says so.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Server;

/// Bytes of the file that visitors fetch and of the page that they see.
pub const FILE: usize = 4096;

/// The program, if it is there.
fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/lib/postfix/sbin", "/usr/local/sbin", "/usr/local/bin"];
    let found = folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// A Python environment that a variable names.
fn python(variable: &str) -> Option<PathBuf> {
    let Ok(folder) = std::env::var(variable) else {
        eprintln!("skipped: {variable} names no Python environment");
        return None;
    };
    Some(Path::new(&folder).join("bin/python"))
}

fn open_for_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

fn user(name: &str) -> Option<nix::unistd::User> {
    nix::unistd::User::from_name(name).unwrap()
}

fn answers(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// vsftpd with anonymous visitors who may write into `incoming`: local users would need accounts of this machine. Its
/// seccomp filter is older than many kernels.
pub fn vsftpd() -> Option<Server> {
    let vsftpd = program("vsftpd")?;
    let (uid, gid) = user("ftp").map(|user| (user.uid.as_raw(), user.gid.as_raw()))?;
    let start = |dir: &Path, [ftp, ..]: [u16; 4]| {
        open_for_all(dir);
        for folder in ["empty", "root", "root/incoming"] {
            fs::create_dir(dir.join(folder)).unwrap();
        }
        fs::write(dir.join("root/file.bin"), vec![b'f'; FILE]).unwrap();
        chown(dir.join("root/incoming"), Some(uid), Some(gid)).unwrap();
        let config = format!(
            "listen=YES\nlisten_address=127.0.0.1\nlisten_port={ftp}\nbackground=NO\nanonymous_enable=YES\n\
             local_enable=NO\nwrite_enable=YES\nanon_upload_enable=YES\nanon_other_write_enable=YES\nanon_umask=022\n\
             anon_root={root}\nsecure_chroot_dir={empty}\nxferlog_enable=YES\nvsftpd_log_file={log}\nseccomp_sandbox=NO\n",
            root = dir.join("root").display(),
            empty = dir.join("empty").display(),
            log = dir.join("log").display(),
        );
        fs::write(dir.join("vsftpd.conf"), config).unwrap();
        let mut command = Command::new(&vsftpd);
        command.arg(dir.join("vsftpd.conf")).stdin(Stdio::null());
        command
    };
    Some(Server::start("vsftpd", start, |ports| answers(ports[0])))
}

/// Postfix with smtpd, cleanup, qmgr and virtual(8), which delivers to one mailbox: what a mail costs it as a whole.
pub fn postfix() -> Option<Server> {
    let (master, postfix) = (program("master")?, program("postfix")?);
    let (uid, gid) = user("postfix").map(|user| (user.uid.as_raw(), user.gid.as_raw()))?;
    let start = |dir: &Path, [_, _, smtp, _]: [u16; 4]| {
        open_for_all(dir);
        for folder in ["etc", "queue", "data", "mail"] {
            fs::create_dir(dir.join(folder)).unwrap();
        }
        chown(dir.join("data"), Some(uid), Some(gid)).unwrap();
        chown(dir.join("mail"), Some(uid), Some(gid)).unwrap();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {dir}/queue\ndata_directory = {dir}/data\n\
             command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\n\
             myhostname = mail.example.com\nmydestination = localhost\ninet_interfaces = 127.0.0.1\n\
             inet_protocols = ipv4\nalias_maps =\nalias_database =\nlocal_recipient_maps =\nsmtpd_tls_security_level = none\n\
             virtual_mailbox_domains = mail.example.com\nvirtual_mailbox_base = {dir}/mail\n\
             virtual_mailbox_maps = static:box\nvirtual_mailbox_limit = 0\nvirtual_uid_maps = static:{uid}\n\
             virtual_gid_maps = static:{gid}\nsmtpd_client_connection_count_limit = 0\n",
            dir = dir.display(),
        );
        let services = format!(
            "127.0.0.1:{smtp} inet n - n - - smtpd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
             rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\n\
             virtual unix - n n - - virtual\nproxymap unix - - n - - proxymap\nanvil unix - - n - 1 anvil\n\
             error unix - - n - - error\nlocal unix - n n - - local\ntlsmgr unix - - n 1000? 1 tlsmgr\n"
        );
        fs::write(dir.join("etc/main.cf"), main).unwrap();
        fs::write(dir.join("etc/master.cf"), services).unwrap();
        let (config, quiet) = (dir.join("etc"), Stdio::null);
        let _ = Command::new(&postfix).arg("-c").arg(&config).arg("check").stderr(quiet()).stdout(quiet()).status();
        let mut command = Command::new(&master);
        command.arg("-c").arg(&config).arg("-s").stdin(Stdio::null());
        command
    };
    Some(Server::start("Postfix", start, |ports| answers(ports[2])))
}

/// nginx with one worker, an access log, the page of `web`, and TLS on the port of Telnet with this certificate and key.
pub fn nginx(page: &[u8], certificate: &Path) -> Option<Server> {
    let nginx = program("nginx")?;
    let start = |dir: &Path, [_, https, _, http]: [u16; 4]| {
        open_for_all(dir);
        fs::create_dir(dir.join("web")).unwrap();
        fs::write(dir.join("web/index.html"), page).unwrap();
        let config = format!(
            "daemon off;\nworker_processes 1;\npid {dir}/pid;\nerror_log {dir}/error.log;\nevents {{}}\nhttp {{\n\
             sendfile on;\ntcp_nopush on;\ntypes {{ text/html html; }}\naccess_log {dir}/access.log;\n\
             keepalive_requests 100;\nssl_session_cache off;\nserver {{\nlisten 127.0.0.1:{http};\n\
             listen 127.0.0.1:{https} ssl;\nssl_certificate {pem};\nssl_certificate_key {pem};\nroot {dir}/web;\n}}\n}}\n",
            dir = dir.display(),
            pem = certificate.display(),
        );
        fs::write(dir.join("nginx.conf"), config).unwrap();
        let mut command = Command::new(&nginx);
        command.arg("-c").arg(dir.join("nginx.conf")).stdin(Stdio::null());
        command
    };
    Some(Server::start("nginx", start, |ports| answers(ports[3])))
}

/// One service of the Python package `honeypots`, by the name of its class; `HONEYPOTS` is its environment.
pub fn honeypots(class: &'static str, slot: usize) -> Option<Server> {
    let python = python("HONEYPOTS")?;
    let start = |dir: &Path, ports: [u16; 4]| {
        fs::create_dir(dir.join("data")).unwrap();
        fs::write(dir.join("data/file.bin"), vec![b'f'; FILE]).unwrap();
        let program = format!(
            "from honeypots import {class}\n{class}(ip='127.0.0.1', port={}, username='ubuntu', password='ubuntu', \
             options='').run_server()",
            ports[slot]
        );
        let mut command = Command::new(&python);
        command.args(["-W", "ignore", "-c", &program]).stdin(Stdio::null());
        command
    };
    Some(Server::start("honeypots", start, |ports| answers(ports[slot])))
}

/// Cowrie with one service, `ssh` or `telnet`; `COWRIE` is its environment. It declines to be started by root, which a
/// benchmark may be.
pub fn cowrie(service: &str, slot: usize) -> Option<Server> {
    let python = python("COWRIE")?;
    let start = |dir: &Path, ports: [u16; 4]| {
        for folder in ["etc", "var/log/cowrie", "var/lib/cowrie/tty", "var/lib/cowrie/downloads", "var/run"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let mut config = String::from("[honeypot]\nhostname = svr04\n");
        for name in ["ssh", "telnet"] {
            config += &format!("[{name}]\nenabled = {}\n", name == service);
            config += &format!("listen_endpoints = tcp:{}:interface=127.0.0.1\n", ports[slot]);
        }
        fs::write(dir.join("etc/cowrie.cfg"), config).unwrap();
        let program = "import os, sys\nos.getuid = lambda: 1000\n\
                       sys.argv = ['twistd', '--nodaemon', '--pidfile=', 'cowrie']\n\
                       from twisted.scripts.twistd import run\nrun()";
        let mut command = Command::new(&python);
        command.args(["-c", program]).stdin(Stdio::null());
        command
    };
    Some(Server::start("Cowrie", start, |ports| answers(ports[slot])))
}

/// OpenSSH's daemon, where root logs in with this key. PAM and root's `.bashrc`, which bash skips at this
/// SHLVL, are left out: what they cost is this machine's own affair.
pub fn openssh(public: &str) -> Option<Server> {
    let sshd = program("sshd")?;
    let keygen = program("ssh-keygen")?;
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: sshd has to be started by root");
        return None;
    }
    fs::create_dir_all("/run/sshd").unwrap();
    let start = |dir: &Path, [ssh, ..]: [u16; 4]| {
        open_for_all(dir);
        fs::write(dir.join("keys"), public).unwrap();
        let made = Command::new(&keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join("host")).status();
        assert!(made.unwrap().success(), "a host key");
        let config = format!(
            "Port {ssh}\nListenAddress 127.0.0.1\nHostKey {dir}/host\nAuthorizedKeysFile {dir}/keys\nStrictModes no\n\
             PermitRootLogin yes\nUsePAM no\nSetEnv SHLVL=2\nPidFile none\n",
            dir = dir.display(),
        );
        fs::write(dir.join("sshd_config"), config).unwrap();
        let mut command = Command::new(&sshd);
        command.arg("-D").arg("-f").arg(dir.join("sshd_config")).stdin(Stdio::null());
        command
    };
    Some(Server::start("OpenSSH", start, |ports| answers(ports[0])))
}

/// OpenCanary with HTTP; `OPENCANARY` is its environment.
pub fn opencanary() -> Option<Server> {
    let python = python("OPENCANARY")?;
    let start = |dir: &Path, [.., http]: [u16; 4]| {
        let config = format!(
            "{{\"device.node_id\": \"bench\", \"device.listen_addr\": \"127.0.0.1\", \"http.enabled\": true, \
             \"http.port\": {http}, \"http.banner\": \"Apache/2.2.22 (Ubuntu)\", \"http.skin\": \"nasLogin\", \
             \"logger\": {{\"class\": \"PyLogger\", \"kwargs\": {{\"formatters\": {{\"plain\": {{\"format\": \
             \"%(message)s\"}}}}, \"handlers\": {{\"file\": {{\"class\": \"logging.FileHandler\", \"filename\": \
             \"{}\"}}}}}}}}}}",
            dir.join("opencanary.log").display()
        );
        fs::write(dir.join("opencanary.conf"), config).unwrap();
        let mut command = Command::new(&python);
        let tac = python.with_file_name("opencanary.tac");
        command.arg(python.with_file_name("twistd")).args(["--nodaemon", "--pidfile=", "-y"]).arg(tac);
        command.stdin(Stdio::null());
        command
    };
    Some(Server::start("OpenCanary", start, |ports| answers(ports[3])))
}
