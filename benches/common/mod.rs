//! What the benchmarks share: servers under test, their CPU time and memory, and the table at the end.
#![allow(dead_code, reason = "each benchmark is a program of its own and uses a part of it")]

pub mod daemons;
pub mod telnet;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// How long any single step may take.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A server under test; killed when dropped.
pub struct Server {
    pub name: &'static str,
    pub child: Child,
    /// FTP, Telnet, SMTP, HTTP: those that it has.
    pub ports: [u16; 4],
    /// From the start until it was ready.
    pub ready_after: Duration,
    pub dir: tempfile::TempDir,
}

impl Server {
    /// Starts what `command` gives for a fresh folder and four free ports, and waits until `ready` says so.
    pub fn start(
        name: &'static str,
        command: impl Fn(&Path, [u16; 4]) -> Command,
        ready: impl Fn([u16; 4]) -> bool,
    ) -> Self {
        // Somebody else may take a free port first; then other ones are tried.
        (0..3).find_map(|_| Self::try_start(name, &command, &ready)).expect("the server answers")
    }

    fn try_start(
        name: &'static str,
        command: &impl Fn(&Path, [u16; 4]) -> Command,
        ready: &impl Fn([u16; 4]) -> bool,
    ) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let ports = free_ports();
        let mut command = command(dir.path(), ports);
        command.current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let child = command.spawn().unwrap();
        let mut server = Self { name, child, ports, ready_after: Duration::ZERO, dir };
        while started.elapsed() < PATIENCE {
            if ready(ports) {
                server.ready_after = started.elapsed();
                return Some(server);
            }
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            thread::sleep(Duration::from_micros(200));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Daemons end their own children when they are asked to end.
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.child.id().cast_signed()),
            nix::sys::signal::Signal::SIGTERM,
        );
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(2) && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The sensor's command in a folder, which gets a configuration: its four ports and `more`.
pub fn sensor(dir: &Path, [ftp, telnet, smtp, http]: [u16; 4], more: &str) -> Command {
    let config = format!(
        "[general]\naddress = \"127.0.0.1\"\n[ports]\nftp = {{ port = {ftp} }}\ntelnet = {{ port = {telnet} }}\n\
         smtp = {{ port = {smtp} }}\nhttp = {{ port = {http} }}\n\
         [limits]\nconnections = 20000\nper_source = 20000\nper_network = 20000\n{more}"
    );
    fs::write(dir.join("Config.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rustbucket"));
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if name.starts_with("RUSTBUCKET_") || name.ends_with("_API_KEY") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

pub fn free_ports() -> [u16; 4] {
    let held: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    std::array::from_fn(|at| held[at].local_addr().unwrap().port())
}

/// CPU time of a process so far.
pub struct Cpu {
    threads: BTreeMap<String, u64>,
    ticks: u64,
}

impl Cpu {
    pub fn of(pid: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().filter_map(Result::ok);
        let threads = tasks.filter_map(|task| {
            let nanoseconds = first_number(&fs::read_to_string(task.path().join("schedstat")).ok()?)?;
            Some((task.file_name().to_string_lossy().into_owned(), nanoseconds))
        });
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let after_name = stat.rsplit_once(')').unwrap().1;
        let ticks = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
        Self { threads: threads.collect(), ticks }
    }

    /// Microseconds since then.
    pub fn since(&self, before: &Self) -> f64 {
        let whole = !before.threads.is_empty() && before.threads.keys().all(|id| self.threads.contains_key(id));
        let sum = |cpu: &Self| cpu.threads.values().sum::<u64>() as f64;
        // A tick is 1/100 s on every Linux that matters.
        if whole { (sum(self) - sum(before)) / 1e3 } else { (self.ticks - before.ticks) as f64 * 1e4 }
    }
}

/// Microseconds of CPU time that all processes took which this program has started, and theirs in turn: the living ones
/// from `/proc/PID/stat`, those that ended from what their parents waited for. Call [`adopt`] first, so that processes
/// whose parents are gone are counted too.
pub fn spent_by_all() -> f64 {
    let own = std::process::id();
    let mut parents = BTreeMap::new();
    let mut ticks = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let parent: u32 = fields[1].parse().unwrap();
        if fields[0] == "Z" && parent == own {
            // Of a parent that is gone: it counts among the children that were waited for.
            let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
            let _ = nix::sys::wait::waitpid(pid, Some(nix::sys::wait::WaitPidFlag::WNOHANG));
            continue;
        }
        parents.insert(pid, parent);
        ticks.insert(pid, fields[11..15].iter().map(|field| field.parse::<u64>().unwrap()).sum::<u64>());
    }
    let ours = |pid: u32| {
        std::iter::successors(Some(pid), |pid| parents.get(pid).copied()).skip(1).any(|parent| parent == own)
    };
    let living: u64 = ticks.iter().filter(|(pid, _)| ours(**pid)).map(|(_, ticks)| ticks).sum();
    let ended = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let us = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    // A tick is 1/100 s on every Linux that matters.
    living as f64 * 1e4 + us(ended.user_time()) + us(ended.system_time())
}

/// Makes this program the parent of what its children leave behind.
pub fn adopt() {
    nix::sys::prctl::set_child_subreaper(true).unwrap();
}

/// Resident memory in KiB.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    first_number(status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap()).unwrap()
}

pub fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What is printed at the end.
#[derive(Default)]
pub struct Table(Vec<[String; 4]>);

impl Table {
    pub fn row(&mut self, measure: &str, value: String, goal: &str, how: &str) {
        eprintln!("  {measure}: {value}");
        self.0.push([measure.into(), value, goal.into(), how.into()]);
    }

    pub fn print(&self) {
        let head = ["measure", "value", "goal", "how"].map(String::from);
        let width = |at: usize| self.0.iter().chain([&head]).map(|row| row[at].chars().count()).max().unwrap_or(0);
        let [measure, value, goal] = [0, 1, 2].map(width);
        for row in [&head].into_iter().chain(&self.0) {
            println!("{:measure$} | {:value$} | {:goal$} | {}", row[0], row[1], row[2], row[3]);
        }
    }
}
