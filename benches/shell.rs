//! What the emulated shell costs: `cargo bench --bench shell`.
//!
//! CPU time is that of the measuring thread; everything is shown beside one start of `/bin/true` in the same run.
//! Nothing asserts on time. Names of parts (`lines`, `visits`, `idle`, `many`) choose among them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark may fail loudly and start programs"
)]

mod common;

use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Table, median};
use rustbucket::shell::{Login, Shell, Step, Terminal};
use rustbucket::world::{Config, Host, Visitor, World};

const RUNS: u32 = 2_000;
const IDLE: usize = 4_000;
const SOURCES: usize = 5_000;
const MANY: usize = 100_000;
const PATIENCE: Duration = Duration::from_secs(20);

const VISIT: [&str; 10] = [
    "uname -a",
    "id",
    "cat /proc/cpuinfo | grep name | wc -l",
    "free -m | grep Mem | awk '{print $2 ,$3, $4, $5, $6, $7}'",
    "ls -lh $(which ls)",
    "cd /tmp; echo 321 > .x; cat .x; rm -rf .x",
    "crontab -l",
    "w",
    "lscpu | grep Model",
    "for i in 1 2 3; do echo $i; done",
];

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| name == part);
    let mut table = Table::default();
    let spawn = spawn(&mut table);
    if wanted("lines") {
        lines(&mut table, spawn);
    }
    if wanted("visits") {
        visits(&mut table);
    }
    if wanted("idle") {
        idle(&mut table);
    }
    if wanted("many") {
        many(&mut table);
    }
    table.print();
}

/// What the start of a program costs here, in microseconds.
fn spawn(table: &mut Table) -> f64 {
    let times = (0..50).map(|_| {
        let begun = Instant::now();
        let status = Command::new("/bin/true").stdin(Stdio::null()).status().unwrap();
        assert!(status.success());
        begun.elapsed().as_secs_f64() * 1e6
    });
    let spawn = median(times.collect());
    table.row("start of /bin/true", format!("{spawn:.0} us"), "-", "wall time, median of 50");
    spawn
}

fn lines(table: &mut Table, spawn: f64) {
    let world = World::new(&Config::default(), 7, 1 << 24, 1 << 30);
    let mut session = Session::login(&world.host_for(Ipv4Addr::new(10, 0, 0, 1).into()));
    let first = [(":", "<= 50 us"), ("echo hello", "<= 50 us"), ("nosuchcommand", "-")];
    let more = ["cat /etc/passwd | grep root | wc -l", "ls -la /usr/bin"].into_iter().chain(VISIT);
    for (line, goal) in first.into_iter().chain(more.map(|line| (line, "-"))) {
        session.line(line);
        let (mut runs, mut printed) = (0, 0);
        let (before, begun) = (own_cpu(), Instant::now());
        while runs < RUNS && begun.elapsed() < PATIENCE {
            printed = session.line(line);
            runs += 1;
        }
        let each = (own_cpu() - before) / f64::from(runs);
        let how = format!("thread CPU time over {runs} lines typed at a terminal, {printed} bytes printed");
        table.row(&format!("`{line}`"), format!("{each:.1} us, 1/{:.0}", spawn / each), goal, &how);
    }
}

fn visits(table: &mut Table) {
    let world = World::new(&Config::default(), 7, 1 << 24, 1 << 30);
    let (before, begun, mut visits) = (own_cpu(), Instant::now(), 0_u32);
    while visits < 500 && begun.elapsed() < PATIENCE {
        let mut session = Session::login(&world.host_for(Ipv4Addr::from(0x0a01_0000 + visits).into()));
        for line in VISIT {
            session.line(line);
        }
        visits += 1;
    }
    let each = (own_cpu() - before) / f64::from(visits);
    let how = format!("{visits} visitors, each with a host of their own");
    table.row("login + 10 commands, in process", format!("{:.2} ms", each / 1e3), "-", &how);
}

fn idle(table: &mut Table) {
    let world = World::new(&Config::default(), 8, 1 << 24, 1 << 30);
    let login = |at: usize| {
        let source = u32::try_from(at % SOURCES).unwrap();
        Session::login(&world.host_for(Ipv4Addr::from(0x0b00_0000 + source).into()))
    };
    // What is made once is made.
    let first = login(0);
    let before = resident();
    let idle: Vec<Session> = (1..=IDLE).map(login).collect();
    let each = (resident() - before) / IDLE as f64;
    let how = format!("growth of VmRSS with {IDLE} logins, each from a source of its own");
    table.row("an idle shell and its host", format!("{each:.1} KiB"), "<= 8 KiB", &how);
    drop((first, idle));
}

fn many(table: &mut Table) {
    let world = World::new(&Config::default(), 8, 1 << 24, 1 << 31);
    let before = resident();
    let mut many = Vec::with_capacity(MANY);
    let begun = Instant::now();
    while many.len() < MANY && begun.elapsed() < Duration::from_secs(180) {
        if many.len() % 10_000 == 0 {
            eprintln!("  {} of {MANY} sessions", many.len());
        }
        let source = u32::try_from(many.len() % SOURCES).unwrap();
        many.push(Session::login(&world.host_for(Ipv4Addr::from(0x0c00_0000 + source).into())));
    }
    let each = (resident() - before) / many.len() as f64;
    let took = begun.elapsed().as_secs_f64();
    let how = format!("{} logins at once from {SOURCES} sources, {took:.1} s to make them", many.len());
    table.row("an idle shell among many", format!("{each:.1} KiB"), "<= 8 KiB", &how);
    let (at, last) = (many.len() / 2, many.len() - 1);
    for at in [at, last] {
        let printed = many[at].line("id");
        assert!(printed > 10, "session {at} still answers");
    }
}

struct Session {
    shell: Shell,
    now: Instant,
}

impl Session {
    fn login(host: &Arc<Host>) -> Self {
        let account = host.account(b"root").unwrap();
        let presence = host.enter(Visitor {
            terminal: true,
            command: None,
            user: "root".into(),
            protocol: "telnet",
            from: ([192, 0, 2, 7], 40123).into(),
            local: ([10, 0, 2, 15], 23).into(),
        });
        let pairs = [
            ("SHELL", "/bin/bash"),
            ("HOME", "/root"),
            ("LANG", "C.UTF-8"),
            ("TERM", "vt100"),
            ("USER", "root"),
            ("LOGNAME", "root"),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ];
        let environment = pairs.map(|(name, value)| (name.to_string(), value.to_string())).to_vec();
        let shell = Shell::new(Login {
            host: Arc::clone(host),
            account,
            presence: Some(presence),
            terminal: Some(Terminal::new("vt100".into(), 80, 24)),
            command: None,
            environment,
        });
        let mut session = Self { shell, now: Instant::now() };
        session.settle();
        session
    }

    fn line(&mut self, line: &str) -> usize {
        // Somebody types; a session's budget of work comes back with time.
        self.now += Duration::from_secs(2);
        self.shell.feed(line.as_bytes());
        self.shell.feed(b"\r");
        self.settle()
    }

    fn settle(&mut self) -> usize {
        let mut printed = 0;
        loop {
            let step = self.shell.step(self.now);
            printed += self.shell.take_output().out.len();
            self.shell.take_notes();
            match step {
                Step::Ended(_) | Step::Wait(None) => return printed,
                Step::Wait(Some(moment)) => self.now = self.now.max(moment),
                Step::Ask(_) => self.shell.answer(None),
                Step::Busy => {}
            }
        }
    }
}

/// CPU time of this thread in microseconds.
fn own_cpu() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e3
}

/// VmRSS in KiB.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
