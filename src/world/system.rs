//! Processes and services that run without any attacker: the kernel threads and daemons of the profile, with numbers,
//! times and sizes that follow from the instance's seed.

use std::collections::HashMap;
use std::net::IpAddr;

use super::persona::{Persona, Service};
use super::processes::{self, Process};
use super::profile::Daemon;
use super::texts;
use crate::base::clock::Timestamp;
use crate::base::rng::Rng;

fn words(text: &str) -> Vec<Vec<u8>> {
    // Titles that a daemon writes over its command line are one word.
    if text.contains(": ") { vec![text.into()] } else { text.split(' ').map(|word| word.as_bytes().to_vec()).collect() }
}

fn comm(text: &str) -> Vec<u8> {
    text.bytes().take(15).collect()
}

/// Names, times and numbers for both tables.
struct Table<'a> {
    persona: &'a Persona,
    rng: Rng,
    pid: u32,
    made: Vec<Process>,
    /// Numbers of user and group, by name.
    ids: HashMap<&'static str, (u32, u32)>,
}

impl Table<'_> {
    fn at(&self, seconds: u64) -> Timestamp {
        let at = self.persona.booted.saturating_add(i64::try_from(seconds).unwrap_or(0));
        Timestamp::from_second(at).unwrap_or_default()
    }

    fn thread(&mut self, name: &str, seconds: u64) {
        let started = self.at(seconds);
        let cpu_ms = if self.rng.between(0, 3) == 0 { self.rng.between(0, 40_000) } else { 0 };
        let idle = name.starts_with("kworker") || name.starts_with("rcu") || name.contains("_wq");
        let process = Process {
            pid: self.pid,
            ppid: if self.pid == 2 { 0 } else { 2 },
            started,
            comm: comm(name),
            state: if idle { 'I' } else { 'S' },
            cpu_ms,
            kernel: true,
            threads: 1,
            ..Process::default()
        };
        self.made.push(process);
    }

    fn process(&mut self, daemon: &Daemon, ppid: u32) {
        let mut argv = words(&daemon.argv);
        if let Some(first) = argv.first_mut().filter(|_| daemon.unit.starts_with("getty")) {
            *first = b"/sbin/agetty".to_vec();
        }
        let name = daemon.program.rsplit('/').next().unwrap_or_default();
        let name = if daemon.comm.is_empty() { name } else { &daemon.comm };
        let [vsz, rss] = daemon.memory;
        let jitter = self.rng.between(0, rss / 8);
        let (uid, gid) = self.ids.get(daemon.user.as_str()).copied().unwrap_or((0, 0));
        let process = Process {
            pid: self.pid,
            ppid,
            uid,
            gid,
            started: self.at(daemon.after),
            argv,
            comm: comm(name),
            exe: daemon.program.as_bytes().to_vec(),
            cwd: b"/".to_vec(),
            state: 'S',
            cpu_ms: self.rng.between(30, 90_000),
            vsz_kib: vsz,
            rss_kib: rss - rss / 16 + jitter,
            threads: daemon.threads,
            session: self.pid,
            group: self.pid,
            environ: processes::environ([
                format!("LANG={}", self.persona.locale).as_str(),
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ]),
            ..Process::default()
        };
        self.made.push(process);
    }
}

/// The table of processes and the services that some of them belong to.
pub(super) fn table(persona: &Persona) -> (Vec<Process>, Vec<Service>) {
    let profile = persona.profile;
    let ids = texts::text(&profile.sets, "/etc/passwd").lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, ..] = fields.as_slice() else { return None };
        Some((*name, (uid.parse().ok()?, gid.parse().ok()?)))
    });
    let rng = Rng::new(persona.seed, "processes");
    let mut table = Table { persona, rng, pid: 1, made: Vec::new(), ids: ids.collect() };
    table.process(&profile.init, 0);
    table.pid = 2;
    table.thread("kthreadd", 0);
    for name in &profile.threads.first {
        table.pid += 1;
        table.thread(name, 0);
    }
    for cpu in 0..persona.cpus.min(16) {
        for name in &profile.threads.each_cpu {
            table.pid += 1;
            table.thread(&name.replace('N', &cpu.to_string()), 0);
            if cpu == 0 && name.starts_with("ksoftirqd") {
                table.pid += 1;
                table.thread("rcu_sched", 0);
            }
        }
        table.pid += u32::from(!profile.threads.each_cpu.is_empty());
    }
    for name in &profile.threads.later {
        table.pid += 1 + u32::try_from(table.rng.between(0, 9) / 8).unwrap_or(0);
        table.thread(name, 1);
    }
    let mut services = Vec::new();
    table.pid += if profile.is_server() { 100 } else { 30 };
    for daemon in &profile.daemons {
        let daemon = match &profile.apache {
            Some(apache) if persona.apache && daemon.unit == "nginx.service" => apache,
            _ => daemon,
        };
        table.pid += u32::try_from(table.rng.between(1, 34)).unwrap_or(1);
        table.process(daemon, 1);
        services.push(service(daemon, table.pid));
        children(&mut table, daemon);
    }
    // What a host that has run for some time started since.
    let up = u64::try_from(crate::base::clock::unix_seconds() - persona.booted).unwrap_or(0);
    for name in &profile.threads.recent {
        let ago = table.rng.between(120, 40_000).min(up);
        table.pid = super::processes::pid_at(persona, up - ago);
        if table.made.iter().all(|process| process.pid != table.pid) {
            table.thread(name, up - ago);
        }
    }
    let mut made = table.made;
    made.sort_by_key(|process| process.pid);
    (made, services)
}

/// The worker processes of a daemon.
fn children(table: &mut Table<'_>, parent: &Daemon) {
    let above = table.pid;
    let cpus = table.persona.cpus;
    let many = |worker: &Daemon| usize::try_from(worker.per_cpu.min(cpus).max(1)).unwrap_or(1);
    let rows = parent.workers.iter().flat_map(|worker| std::iter::repeat_n(worker, many(worker)));
    for row in rows {
        table.pid += 1;
        table.process(row, above);
        if let Some(made) = table.made.last_mut() {
            made.session = above;
            made.group = above;
        }
    }
}

fn service(daemon: &Daemon, pid: u32) -> Service {
    let port = |text: &String| {
        let mut words = text.split(' ');
        let protocol = match words.next()? {
            "tcp" => "tcp",
            "tcp6" => "tcp6",
            "udp" => "udp",
            _ => "udp6",
        };
        Some((protocol, words.next()?.parse::<IpAddr>().ok()?, words.next()?.parse().ok()?))
    };
    Service {
        unit: daemon.unit.clone(),
        description: daemon.about.clone(),
        program: daemon.program.clone(),
        argv: daemon.argv.split(' ').map(str::to_owned).collect(),
        user: daemon.user.clone(),
        pid,
        ports: daemon.ports.iter().filter_map(port).collect(),
        enabled: true,
        active: true,
    }
}
