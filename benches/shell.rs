//! What the emulated shell costs: `cargo bench --bench shell`.
//!
//! CPU time is that of the measuring thread; everything is shown beside one start of `/bin/true` in the same run. With
//! `COWRIE=FOLDER` (a Python environment that has Cowrie) the same Telnet visit is made to Cowrie and to Rustbucket,
//! and both processes' CPU time is compared. Nothing asserts on time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark may fail loudly and start programs"
)]

use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustbucket::shell::{Login, Shell, Step, Terminal};
use rustbucket::world::{Config, Host, Visitor, World};

const RUNS: u32 = 5_000;
const IDLE: usize = 4_000;
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
    let mut rows: Vec<(String, String, String)> = Vec::new();
    let mut row = |name: &str, value: String, how: &str| rows.push((name.into(), value, how.into()));

    let mut spawns = Vec::new();
    for _ in 0..50 {
        let begun = Instant::now();
        let status = Command::new("/bin/true").stdin(Stdio::null()).status().unwrap();
        spawns.push(begun.elapsed().as_secs_f64() * 1e6);
        assert!(status.success());
    }
    spawns.sort_by(f64::total_cmp);
    let spawn = spawns[spawns.len() / 2];
    row("start of /bin/true", format!("{spawn:.0} us"), "wall time, median of 50");

    let world = World::new(&Config::default(), 7, 1 << 24, 1 << 30);
    let host = world.host_for(Ipv4Addr::new(10, 0, 0, 1).into());
    let mut session = Session::login(&host);
    for line in [":", "echo hello", "id", "cat /etc/passwd | grep root | wc -l", "ls -la /usr/bin", "nosuchcommand"] {
        eprintln!("{line}");
        session.line(line);
        let (mut runs, mut printed) = (0, 0);
        let (before, begun) = (own_cpu(), Instant::now());
        while runs < RUNS && begun.elapsed() < PATIENCE {
            printed = session.line(line);
            runs += 1;
        }
        let each = (own_cpu() - before) / f64::from(runs);
        row(
            &format!("`{line}`"),
            format!("{each:.1} us, 1/{:.0}", spawn / each),
            &format!("thread CPU time over {runs} lines typed at a terminal, {printed} bytes printed"),
        );
    }

    eprintln!("visits");
    let (before, begun, mut visits) = (own_cpu(), Instant::now(), 0_u32);
    while visits < 500 && begun.elapsed() < PATIENCE {
        let host = world.host_for(Ipv4Addr::from(0x0a01_0000 + visits).into());
        let mut session = Session::login(&host);
        for line in VISIT {
            session.line(line);
        }
        visits += 1;
    }
    let each = (own_cpu() - before) / f64::from(visits);
    row(
        "login + 10 commands, in process",
        format!("{:.2} ms", each / 1e3),
        &format!("{visits} visitors, each a new host"),
    );

    eprintln!("idle shells");
    let before = resident();
    let idle: Vec<Session> = (0..IDLE)
        .map(|at| Session::login(&world.host_for(Ipv4Addr::from(0x0b00_0000 + u32::try_from(at % 4).unwrap()).into())))
        .collect();
    let each = (resident() - before) / IDLE as f64;
    row(
        "an idle shell at its prompt",
        format!("{each:.1} KiB"),
        &format!("growth of VmRSS with {IDLE} logins, goal 8 KiB"),
    );
    drop(idle);

    eprintln!("many sessions");
    let before = resident();
    let world = World::new(&Config::default(), 8, 1 << 24, 1 << 30);
    let mut many = Vec::with_capacity(MANY);
    let begun = Instant::now();
    while many.len() < MANY && begun.elapsed() < Duration::from_secs(120) {
        let source = u32::try_from(many.len() % 2_000).unwrap();
        many.push(Session::login(&world.host_for(Ipv4Addr::from(0x0c00_0000 + source).into())));
    }
    let each = (resident() - before) / many.len() as f64;
    row(
        "an idle shell among many",
        format!("{each:.1} KiB"),
        &format!(
            "{} logins at once from 2,000 sources, {:.1} s to make them",
            many.len(),
            begun.elapsed().as_secs_f64()
        ),
    );
    drop(many);

    println!("\n| what | value | how |\n|---|---|---|");
    for (name, value, how) in rows {
        println!("| {name} | {value} | {how} |");
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
            terminal: Some(Terminal { name: "vt100".into(), columns: 80, rows: 24 }),
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
