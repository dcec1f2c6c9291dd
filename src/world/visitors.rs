//! Sessions on the host as `who`, `last`, `ps` and `ss` see them: a visitor gets the processes that a daemon makes for
//! them, a terminal, and a connection.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::processes::{NewProcess, Process, environ};
use super::{Host, Open, Persona, Who};
use crate::base::clock::{self, Timestamp};
use crate::base::rng::Rng;

/// Who comes in.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Login name.
    pub user: String,
    /// `ssh`, `telnet`; others get no terminal.
    pub protocol: &'static str,
    /// They asked for a terminal.
    pub terminal: bool,
    /// What runs instead of a login shell, as its command line.
    pub command: Option<Vec<Vec<u8>>>,
    /// Where they come from.
    pub from: SocketAddr,
    /// Where they were let in.
    pub local: SocketAddr,
}

/// A session that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Login name.
    pub user: String,
    /// Number of the terminal `pts/N`; none without a shell.
    pub tty: Option<u32>,
    /// Where they come from.
    pub from: SocketAddr,
    /// The host's end of the connection.
    pub local: SocketAddr,
    /// Since when.
    pub since: Timestamp,
    /// `ssh`, `telnet`, …
    pub protocol: &'static str,
    /// The login shell; without one the daemon's process.
    pub pid: u32,
}

/// One line of `last(1)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLogin {
    /// Login name, or `reboot`.
    pub user: String,
    /// `pts/0`, or `system boot`.
    pub tty: String,
    /// Address, or the kernel's release for a boot.
    pub from: String,
    /// When it began.
    pub since: Timestamp,
    /// When it ended; `None` while it lasts.
    pub until: Option<Timestamp>,
}

/// One line of `ss` or `netstat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// `tcp`, `tcp6`, `udp`, `udp6`
    pub proto: &'static str,
    /// The host's end.
    pub local: SocketAddr,
    /// The other end; none for a socket that listens.
    pub remote: Option<SocketAddr>,
    /// `LISTEN`, `ESTABLISHED`, `UNCONN`
    pub state: &'static str,
    /// User.
    pub uid: u32,
    /// Number of the socket.
    pub inode: u64,
    /// Process that has it.
    pub pid: u32,
    /// Name of its program.
    pub program: String,
}

/// A visitor's place on the host; they leave when it is dropped.
pub struct Presence {
    host: Arc<Host>,
    tty: Option<u32>,
    shell: u32,
    parent: u32,
    pids: Vec<u32>,
    since: Timestamp,
}

/// Past logins of an attacker that are remembered.
const PAST: usize = 64;

impl Presence {
    /// Number of the terminal.
    pub fn tty(&self) -> u32 {
        self.tty.unwrap_or(0)
    }

    /// Process of the login shell.
    pub fn shell_pid(&self) -> u32 {
        self.shell
    }

    /// Its parent: `login`, or the process of sshd.
    pub fn parent_pid(&self) -> u32 {
        self.parent
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        for pid in &self.pids {
            self.host.end_process(*pid);
        }
        let mut own = self.host.state.processes();
        let Some(at) = own.seen.iter().position(|seen| seen.pid == self.shell && seen.since == self.since) else {
            return;
        };
        let seen = own.seen.remove(at);
        let Some(tty) = seen.tty else { return };
        let from = seen.from.ip().to_canonical().to_string();
        let (user, tty, until) = (seen.user, format!("pts/{tty}"), Some(clock::now()));
        let login = PastLogin { user, tty, from, since: seen.since, until };
        own.past.push(login.clone());
        if own.past.len() > PAST {
            own.past.remove(0);
        }
        drop(own);
        self.host.state.own().log.login(&login);
    }
}

fn plain(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

impl Host {
    /// Lets a visitor in: the processes of their daemon and login shell, a terminal, an entry in utmp and wtmp.
    pub fn enter(self: &Arc<Self>, visitor: Visitor) -> Presence {
        let Visitor { user, protocol, terminal, command, from, local } = visitor;
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        // Behind whatever forwards to it the host knows only its own address.
        let own_address: IpAddr = self.persona().address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let local =
            SocketAddr::new(if from.is_ipv4() { own_address } else { local.ip() }, standard_port(protocol, local));
        let account = self.account(user.as_bytes());
        let (uid, gid) = account.as_ref().map_or((65_534, 65_534), |account| (account.uid, account.gid));
        let with_shell = terminal && matches!(protocol, "ssh" | "telnet");
        let tty = with_shell.then(|| self.free_tty());
        let daemon = |name: &[u8]| self.state.daemon(name);
        let variables = self.session_environ(account.as_ref(), tty, protocol, from, local);
        let mut pids = Vec::new();
        let mut start =
            |ppid: u32, (uid, gid): (u32, u32), tty: Option<u32>, argv: Vec<Vec<u8>>, exe: &str, cwd: &str| {
                let new = NewProcess {
                    ppid,
                    uid,
                    gid,
                    tty,
                    argv,
                    exe: plain(exe),
                    cwd: plain(cwd),
                    environ: Arc::clone(&variables),
                };
                let pid = self.start_process(new).unwrap_or_else(|_| self.next_pid());
                pids.push(pid);
                pid
            };
        let home = account.as_ref().map_or("/", |account| account.home.as_str());
        let shell = account.as_ref().map_or("/bin/bash", |account| account.shell.as_str());
        let shell_exe = self.real_path(&Who::root(), shell.as_bytes());
        let shell_exe = shell_exe.map_or_else(|_| shell.into(), |path| String::from_utf8_lossy(&path).into_owned());
        let shell_name = format!("-{}", shell.rsplit('/').next().unwrap_or("bash"));
        let root = (0, 0);
        let (parent, pid) = match protocol {
            "ssh" => {
                let title = tty.map_or_else(|| format!("sshd: {user}@notty"), |tty| format!("sshd: {user}@pts/{tty}"));
                let (exe, listener) = ("/usr/sbin/sshd", daemon(b"sshd"));
                let parent = if uid == 0 {
                    start(listener, root, None, vec![title.into_bytes()], exe, "/")
                } else {
                    let monitor = vec![format!("sshd: {user} [priv]").into_bytes()];
                    let monitor = start(listener, root, None, monitor, exe, "/");
                    start(monitor, (uid, gid), None, vec![title.into_bytes()], exe, "/")
                };
                let argv = command.unwrap_or_else(|| vec![plain(&shell_name)]);
                (parent, start(parent, (uid, gid), tty, argv, &shell_exe, home))
            }
            "telnet" => {
                let (address, telnet) = (from.ip(), &self.persona().profile.telnet);
                let listener = daemon(telnet.listener.as_bytes());
                if telnet.program.is_empty() {
                    // The login of BusyBox becomes the shell.
                    (listener, start(listener, (uid, gid), tty, vec![plain(&shell_name)], &shell_exe, home))
                } else {
                    let own = self.user_named(telnet.user.as_bytes());
                    let own = own.map_or(root, |user| (user.uid, user.gid));
                    let name = telnet.program.rsplit('/').next().unwrap_or_default();
                    let telnetd = vec![format!("{name}: {address}").into_bytes()];
                    let telnetd = start(listener, own, None, telnetd, &telnet.program, "/");
                    let login = ["login", "-h", &address.to_string(), "-p"].map(plain).to_vec();
                    let login = start(telnetd, root, tty, login, "/usr/bin/login", home);
                    (login, start(login, (uid, gid), tty, vec![plain(&shell_name)], &shell_exe, home))
                }
            }
            other => {
                let (name, exe): (&[u8], _) = match other {
                    "ftp" => (b"vsftpd", "/usr/sbin/vsftpd"),
                    "smtp" => (b"master", "/usr/lib/postfix/sbin/smtpd"),
                    _ if self.persona().apache => (b"apache2", "/usr/sbin/apache2"),
                    _ => (b"nginx", "/usr/sbin/nginx"),
                };
                let listener = daemon(name);
                if other == "http" {
                    (1, listener)
                } else {
                    let argv = if other == "ftp" {
                        vec![plain(exe), plain("/etc/vsftpd.conf")]
                    } else {
                        ["smtpd", "-n", "smtp", "-t", "inet", "-u", "-c"].map(plain).to_vec()
                    };
                    (listener, start(listener, (uid, gid), None, argv, exe, home))
                }
            }
        };
        let since = clock::now();
        let seen = Seen { user, tty, from, local, since, protocol, pid };
        if tty.is_some() {
            self.write_wtmp(&seen);
        }
        let mut own = self.state.processes();
        if own.seen.is_empty() {
            // Most are alone.
            own.seen.reserve_exact(1);
        }
        own.seen.push(seen);
        drop(own);
        Presence { host: Arc::clone(self), tty, shell: pid, parent, pids, since }
    }

    fn session_environ(
        &self,
        account: Option<&super::Account>,
        tty: Option<u32>,
        protocol: &str,
        from: SocketAddr,
        local: SocketAddr,
    ) -> Arc<[u8]> {
        let Some(account) = account.filter(|_| tty.is_some() || protocol == "ssh") else { return Arc::default() };
        let mut lines = vec![
            format!("USER={}", account.name),
            format!("LOGNAME={}", account.name),
            format!("HOME={}", account.home),
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games:/snap/bin"
                .into(),
            format!("MAIL=/var/mail/{}", account.name),
            format!("SHELL={}", account.shell),
            format!("LANG={}", self.persona().locale),
        ];
        if protocol == "ssh" {
            let (ip, port) = (from.ip(), from.port());
            lines.push(format!("SSH_CLIENT={ip} {port} {}", local.port()));
            lines.push(format!("SSH_CONNECTION={ip} {port} {} {}", local.ip(), local.port()));
            lines.extend(tty.map(|tty| format!("SSH_TTY=/dev/pts/{tty}")));
        }
        environ(lines)
    }

    /// Number of the terminal that the next session gets.
    pub fn free_tty(&self) -> u32 {
        let own = self.state.processes();
        let taken: HashSet<u32> = own.seen.iter().filter_map(|seen| seen.tty).collect();
        (0..).find(|tty| !taken.contains(tty)).unwrap_or(0)
    }

    /// A record of `utmp(5)` at the end of `/var/log/wtmp`.
    fn write_wtmp(&self, seen: &Seen) {
        let mut record = vec![0_u8; 384];
        let mut put = |at: usize, bytes: &[u8], most: usize| {
            let bytes = bytes.get(..bytes.len().min(most)).unwrap_or_default();
            if let Some(room) = record.get_mut(at..at + bytes.len()) {
                room.copy_from_slice(bytes);
            }
        };
        let line = format!("pts/{}", seen.tty.unwrap_or(0));
        put(0, &7_u16.to_le_bytes(), 2);
        put(4, &seen.pid.to_le_bytes(), 4);
        put(8, line.as_bytes(), 32);
        put(40, line.strip_prefix("pt").unwrap_or_default().as_bytes(), 4);
        put(44, seen.user.as_bytes(), 32);
        put(76, seen.from.ip().to_string().as_bytes(), 256);
        put(336, &seen.pid.to_le_bytes(), 4);
        let seconds = i32::try_from(seen.since.as_second()).unwrap_or(0);
        put(340, &seconds.to_le_bytes(), 4);
        match seen.from.ip() {
            IpAddr::V4(ip) => put(348, &ip.octets(), 4),
            IpAddr::V6(ip) => put(348, &ip.octets(), 16),
        }
        let how = Open { write: true, append: true, ..Open::default() };
        if let Ok(file) = self.open(&Who::root(), b"/var/log/wtmp", how) {
            let _ = file.append(&record);
        }
    }

    /// Who is logged in, in the order in which they came.
    pub fn visitors(&self) -> Vec<Seen> {
        self.state.processes().seen.clone()
    }

    /// Logins and boots, newest first: this attacker's, then those that the host had before.
    pub fn logins(&self) -> Vec<PastLogin> {
        let own = self.state.processes();
        let now = own.seen.iter().filter_map(|seen| {
            let tty = format!("pts/{}", seen.tty?);
            let from = seen.from.ip().to_string();
            Some(PastLogin { user: seen.user.clone(), tty, from, since: seen.since, until: None })
        });
        let mut all: Vec<PastLogin> = now.chain(own.past.iter().cloned()).chain(self.history()).collect();
        all.sort_by_key(|login| std::cmp::Reverse(login.since));
        all
    }

    /// Logins of the host's own people, and its starts.
    fn history(&self) -> Vec<PastLogin> {
        past_logins(self.persona(), &self.state.base.people)
    }
    /// Sockets of the services, and of the sessions that are on.
    pub fn sockets(&self) -> Vec<Socket> {
        let mut all = Vec::new();
        let processes = self.processes();
        let gone = |pid: u32| processes.iter().all(|process| process.pid != pid);
        for service in self.persona().services.iter().filter(|service| !gone(service.pid)) {
            let program = service.program.rsplit('/').next().unwrap_or_default();
            for (at, (proto, address, port)) in service.ports.iter().enumerate() {
                let state = if proto.starts_with("udp") { "UNCONN" } else { "LISTEN" };
                let uid = processes.iter().find(|process| process.pid == service.pid).map_or(0, |process| process.uid);
                all.push(Socket {
                    proto,
                    local: SocketAddr::new(*address, *port),
                    remote: None,
                    state,
                    uid,
                    inode: 14_000 + u64::from(service.pid) * 7 + at as u64,
                    pid: service.pid,
                    program: program.into(),
                });
            }
        }
        for seen in self.visitors() {
            let telnet = &self.persona().profile.telnet;
            let started = telnet.program.rsplit('/').next().unwrap_or_default();
            let program = match seen.protocol {
                "ssh" => "sshd",
                "telnet" if started.is_empty() => telnet.listener.as_str(),
                "telnet" => started,
                "ftp" => "vsftpd",
                "smtp" => "smtpd",
                _ if self.persona().apache => "apache2",
                _ => "nginx",
            };
            // The daemon's process has the connection, not the shell.
            let chain = |process: &&Process| process.comm == program.as_bytes();
            let mut pid = seen.pid;
            for _ in 0..4 {
                let Some(process) = processes.iter().find(|process| process.pid == pid) else { break };
                if chain(&process) {
                    break;
                }
                pid = process.ppid;
            }
            all.push(Socket {
                proto: if seen.from.is_ipv4() { "tcp" } else { "tcp6" },
                local: seen.local,
                remote: Some(seen.from),
                state: "ESTABLISHED",
                uid: 0,
                inode: 14_000 + u64::from(pid) * 7,
                pid,
                program: program.into(),
            });
        }
        all
    }
}

/// Logins of the host's own people, and its starts, as far as they lie in the past.
pub(super) fn past_logins(persona: &Persona, users: &[String]) -> Vec<PastLogin> {
    let mut rng = Rng::new(persona.seed, "logins");
    let at = |secs: i64| Timestamp::from_second(secs).unwrap_or_default();
    let boot = |since: i64, until: Option<i64>| PastLogin {
        user: "reboot".into(),
        tty: "system boot".into(),
        from: persona.kernel.clone(),
        since: at(since),
        until: until.map(at),
    };
    let mut all = vec![boot(persona.booted, None)];
    let before = persona.booted - i64::try_from(rng.between(30, 60)).unwrap_or(30) * 86_400;
    if before > persona.installed {
        all.push(boot(before, Some(persona.booted - 40)));
    }
    let network = format!("{}.{}.{}", rng.between(80, 94), rng.between(1, 250), rng.between(1, 250));
    let office = (network, rng.between(2, 250));
    let up = u64::try_from(clock::unix_seconds() - persona.booted).unwrap_or(0) / 86_400;
    for day in 0..up.min(90) {
        if rng.between(0, 4) > 0 {
            continue;
        }
        let from = format!("{}.{}", office.0, office.1);
        let user = users.get(usize::try_from(day).unwrap_or(0) % users.len().max(1)).cloned();
        let start = i64::try_from(day * 86_400 + rng.between(3_600, 70_000)).unwrap_or(0) + persona.booted;
        let until = start + i64::try_from(rng.between(60, 9_000)).unwrap_or(60);
        if until < clock::unix_seconds() {
            let (since, until) = (at(start), Some(at(until)));
            // People log in as themselves; where there are some, root is whom they become.
            let others = users.iter().any(|user| user != "root");
            let Some(user) = user.filter(|user| !others || user != "root").or((!others).then(|| "root".into())) else {
                continue;
            };
            all.push(PastLogin { user, tty: "pts/0".into(), from, since, until });
        }
    }
    all
}

/// Ports on which the host believes its services to be, whatever stands before it.
fn standard_port(protocol: &str, local: SocketAddr) -> u16 {
    match protocol {
        "ssh" => 22,
        "telnet" => 23,
        "ftp" => 21,
        "smtp" => 25,
        "http" => 80,
        _ => local.port(),
    }
}
