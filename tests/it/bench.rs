//! A shell session on a host of its own, driven without a runtime: time is jumped over instead of waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustbucket::shell::{Login, Note, Shell, Step, Terminal};
use rustbucket::world::{Account, Config, Host, Visitor, World};

pub struct Bench {
    shell: Shell,
    now: Instant,
    /// Programs that nobody emulates, in the order in which they were asked for.
    pub asked: Vec<String>,
    pub notes: Vec<Note>,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The shell waits for the next line, or a program for its input.
    Waits,
    /// The session is over.
    Over(i32),
    /// It still runs after the simulated time that one line gets.
    Runs,
}

/// Simulated time that a line gets.
const PATIENCE: Duration = Duration::from_secs(150);

pub fn host(seed: u64) -> Arc<Host> {
    world(seed).host_for([192, 0, 2, 7].into())
}

pub fn world(seed: u64) -> Arc<World> {
    World::new(&Config::default(), seed, 16 << 20, 1 << 30)
}

/// The shell of somebody who has just logged in over Telnet.
pub fn session(host: &Arc<Host>, account: &Account) -> Shell {
    let presence = host.enter(Visitor {
        terminal: true,
        command: None,
        user: account.name.clone(),
        protocol: "telnet",
        from: ([192, 0, 2, 7], 40123).into(),
        local: ([10, 0, 2, 15], 23).into(),
    });
    let pairs = [
        ("SHELL", account.shell.as_str()),
        ("HOME", &account.home),
        ("LANG", "C.UTF-8"),
        ("TERM", "vt100"),
        ("USER", &account.name),
        ("LOGNAME", &account.name),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ];
    let environment = pairs.map(|(name, value)| (name.to_string(), value.to_string())).to_vec();
    Shell::new(Login {
        host: Arc::clone(host),
        account: account.clone(),
        presence: Some(presence),
        terminal: Some(Terminal::new("vt100".into(), 80, 24)),
        command: None,
        environment,
    })
}

impl Bench {
    /// An interactive login of root over Telnet.
    pub fn login(host: &Arc<Host>) -> Self {
        Self::login_as(host, &host.account(b"root").expect("root"))
    }

    pub fn login_as(host: &Arc<Host>, account: &Account) -> Self {
        let shell = session(host, account);
        let mut bench = Self { shell, now: Instant::now(), asked: Vec::new(), notes: Vec::new() };
        bench.settle();
        bench
    }
    /// Types bytes and gives what came back.
    pub fn keys(&mut self, bytes: &[u8]) -> (Vec<u8>, End) {
        self.shell.feed(bytes);
        self.settle()
    }

    /// Types a line and gives what came back, its echo and the prompt taken off.
    pub fn line(&mut self, line: &str) -> String {
        let (out, _) = self.keys(format!("{line}\r").as_bytes());
        let text = String::from_utf8_lossy(&out).replace("\r\n", "\n");
        let body = text.split_once('\n').map_or("", |(_, body)| body);
        body.rsplit_once('\n').map(|(body, _)| body.to_string()).unwrap_or_default()
    }

    fn settle(&mut self) -> (Vec<u8>, End) {
        let mut out = Vec::new();
        let until = self.now + PATIENCE;
        loop {
            let step = self.shell.step(self.now);
            out.extend(self.shell.take_output().out);
            self.notes.extend(self.shell.take_notes());
            if out.len() > 64 << 20 {
                return (out, End::Runs);
            }
            match step {
                Step::Ended(status) => return (out, End::Over(status)),
                // Somebody reads, whatever runs in the background.
                Step::Wait(_) if self.shell.wants_input() => return (out, End::Waits),
                Step::Wait(None) => return (out, End::Waits),
                Step::Wait(Some(moment)) if moment > until => {
                    self.now = until;
                    return (out, End::Runs);
                }
                Step::Wait(Some(moment)) => self.now = self.now.max(moment),
                Step::Ask(question) => {
                    self.asked.push(question.line);
                    self.shell.answer(None);
                }
                Step::Busy => {}
            }
        }
    }
}
