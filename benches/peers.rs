//! What a visit costs beside the same visit to others, in one run of one machine: `cargo bench --bench peers`.
//!
//! The peers are asked for by environment variables, each the folder of a Python environment that has them:
//! `COWRIE`. Who is not there is left out. CPU time is that of the server's process, visits come one after another.
//! Nothing asserts on time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark may fail loudly, start programs and dial the sensor that it started"
)]

mod common;

use std::thread;
use std::time::Duration;

use common::telnet::Visitor;
use common::{Cpu, Server, Table, median, resident};

/// Odd, for the median.
const ROUNDS: usize = 5;
const VISITS: usize = 40;
const IDLE: usize = 200;

/// What the visitor of a shell types: the lines that most of them begin with.
const LINES: [&str; 10] = [
    "uname -a",
    "id",
    "cat /proc/cpuinfo | grep name | wc -l",
    "free -m | grep Mem | awk '{print $2 ,$3, $4, $5, $6, $7}'",
    "ls -lh $(which ls)",
    "cd /tmp; echo 321 > .x; cat .x; rm -rf .x",
    "crontab -l",
    "w",
    "lscpu | grep Model",
    "echo done",
];

fn main() {
    let mut table = Table::default();
    telnet(&mut table);
    table.print();
}

/// Login and ten commands over Telnet, and what a visitor who stays costs.
fn telnet(table: &mut Table) {
    let config = "[persona]\naccounts = [{ name = \"root\", passwords = [\"rootpass\"] }]\n";
    let answers = |ports: [u16; 4]| Visitor::connect(ports[1]).is_some();
    let mut servers = vec![Server::start("sensor", |dir, ports| common::sensor(dir, ports, config), answers)];
    servers.extend(common::daemons::cowrie("telnet", 1));
    for server in &servers {
        // What is made once is made.
        visit(server.ports[1], &LINES);
        let before = resident(server.child.id());
        let held: Vec<Visitor> = (0..IDLE).map(|_| Visitor::logged_in(server.ports[1])).collect();
        thread::sleep(Duration::from_millis(200));
        let each = (resident(server.child.id()) as f64 - before as f64) / held.len() as f64;
        let how = format!("growth of VmRSS with {IDLE} logins of one source at their prompt");
        table.row(&format!("{}, idle Telnet session", server.name), format!("{each:.1} KiB"), "-", &how);
    }
    let mut spent = vec![Vec::new(); servers.len()];
    for round in 1..=ROUNDS {
        for (server, spent) in servers.iter().zip(&mut spent) {
            eprintln!("telnet: round {round} of {ROUNDS}, {}", server.name);
            let before = Cpu::of(server.child.id());
            for _ in 0..VISITS {
                visit(server.ports[1], &LINES);
            }
            // What is done after the close, such as writing events, belongs to the visit.
            thread::sleep(Duration::from_millis(200));
            spent.push(Cpu::of(server.child.id()).since(&before) / VISITS as f64);
        }
    }
    let how = format!("root logs in, {} lines, exit; {VISITS} visits a round, median of {ROUNDS}", LINES.len());
    let spent: Vec<f64> = spent.into_iter().map(median).collect();
    for (server, spent) in servers.iter().zip(&spent) {
        table.row(&format!("{}, CPU per Telnet visit", server.name), format!("{:.2} ms", spent / 1e3), "-", &how);
    }
    if let [ours, theirs] = spent[..] {
        table.row("ratio of the two", format!("1/{:.1}", theirs / ours), "1/50", "of the medians");
    }
}

/// One visit from login to logout.
fn visit(port: u16, lines: &[&str]) {
    let mut visitor = Visitor::logged_in(port);
    for line in lines {
        visitor.say(line);
        visitor.until("# ");
    }
    visitor.say("exit");
    visitor.rest();
}
