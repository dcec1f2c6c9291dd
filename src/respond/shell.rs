//! A shell conversation: emulator first, the model for programs that are on the host but have no emulation, and
//! silence with success as the fallback, which is what most programs print.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::evidence::Evidence;
use super::{Asked, Responder};
use crate::event::{AnsweredBy, Kind};
use crate::session::Session;
use crate::shell::{Key, Login, Note, Output, Question, Shell, Step, Terminal, text};
use crate::world::{Account, Host, Presence, Visitor};

/// One login's shell and who stands behind it.
pub struct ShellTalk {
    shell: Shell,
    responder: Arc<Responder>,
    asked: Asked,
    /// The last lines, for whoever is asked about the next one.
    recent: VecDeque<String>,
    evidence: Evidence,
    questions: usize,
    /// What is asked in the next turn.
    question: Option<Question>,
    /// Who waits for the model's answer; dropped, it asks no more.
    asking: Option<AbortOnDropHandle<Answer>>,
    answered_by: AnsweredBy,
    session: Arc<Session>,
    /// The beginning of what was typed since the last end of a line, and its length.
    typed: Vec<u8>,
    typed_bytes: usize,
}

/// What the program prints, `None` when nobody knows, and who says so.
type Answer = (Option<Vec<u8>>, AnsweredBy);

/// How the conversation stands after a turn.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// It waits for the client, or for that moment.
    Wait(Option<Instant>),
    /// It has more to do: send what it printed, let others run, and come back.
    Busy,
    /// The shell has ended with that status.
    Ended(i32),
}

/// Programs of one session that may be asked of the model between two inputs; what comes on top gets the fallback.
const QUESTIONS: usize = 4;
/// How long it waits for the model before it looks again whether the client has sent something.
const PATIENCE: Duration = Duration::from_millis(15);
/// Lines that the model is told, and bytes of each.
const RECENT: usize = 6;
const RECENT_BYTES: usize = 160;
/// Longest line that the shell's editor takes, and the beginning of a longer one that is recorded, in bytes.
const LONGEST: usize = 64 * 1024;
const BEGINNING: usize = 4096;

impl ShellTalk {
    /// The shell of a login over `protocol` on the host as this attacker left it.
    pub fn new(
        responder: &Arc<Responder>,
        session: &Arc<Session>,
        host: Arc<Host>,
        account: &Account,
        protocol: &'static str,
        terminal: Terminal,
    ) -> Self {
        let (from, local) = ends(session);
        let user = account.name.clone();
        let presence = host.enter(Visitor { user, protocol, terminal: true, command: None, from, local });
        let environment = environment(&host, account, &terminal, from);
        Self::begin(responder, session, host, account, presence, (Some(terminal), None), environment)
    }

    /// What sshd starts: a login shell or a command, with a terminal or without one; `sent` are the variables that the
    /// client may set.
    pub fn over_ssh(
        responder: &Arc<Responder>,
        session: &Arc<Session>,
        host: Arc<Host>,
        account: &Account,
        (terminal, command): (Option<Terminal>, Option<String>),
        sent: Vec<(String, String)>,
    ) -> Self {
        let (from, local) = ends(session);
        let shell = account.shell.rsplit('/').next().unwrap_or_default();
        let argv = command.as_ref().map(|command| vec![shell.into(), b"-c".to_vec(), text::encode(command)]);
        let presence = host.enter(Visitor {
            user: account.name.clone(),
            protocol: "ssh",
            terminal: terminal.is_some(),
            command: argv,
            from,
            local,
        });
        let tty = presence.tty();
        let environment = ssh_environment(&host, account, terminal.as_ref().map(|is| (is, tty)), (from, local), sent);
        Self::begin(responder, session, host, account, presence, (terminal, command), environment)
    }

    fn begin(
        responder: &Arc<Responder>,
        session: &Arc<Session>,
        host: Arc<Host>,
        account: &Account,
        presence: Presence,
        (terminal, command): (Option<Terminal>, Option<String>),
        environment: Vec<(String, String)>,
    ) -> Self {
        let login = Login { host, account: account.clone(), presence: Some(presence), terminal, command, environment };
        let evidence = Evidence::new(Arc::clone(session));
        let (typed, session) = (Vec::new(), Arc::clone(session));
        Self {
            shell: Shell::new(login),
            responder: Arc::clone(responder),
            asked: Asked::default(),
            recent: VecDeque::new(),
            evidence,
            questions: 0,
            question: None,
            asking: None,
            answered_by: AnsweredBy::Emulator,
            session,
            typed,
            typed_bytes: 0,
        }
    }

    /// What the client typed.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.questions = 0;
        self.watch(bytes);
        self.shell.feed(bytes);
    }

    /// How many bytes may be fed now.
    pub fn input_room(&self) -> usize {
        self.shell.input_room()
    }

    /// The client sends nothing more.
    pub fn end_input(&mut self) {
        self.shell.end_input();
    }

    /// A signal of the client's terminal that comes without a key.
    pub fn signal(&mut self, key: Key) {
        self.shell.signal(key);
    }

    /// Notes a line that is longer than any shell takes, once.
    fn watch(&mut self, bytes: &[u8]) {
        let last = bytes.iter().rposition(|byte| matches!(byte, b'\r' | b'\n' | 3 | 4));
        if let Some(end) = last {
            self.typed.clear();
            self.typed_bytes = 0;
            return self.watch(bytes.get(end + 1..).unwrap_or_default());
        }
        let room = BEGINNING.saturating_sub(self.typed.len()).min(bytes.len());
        self.typed.extend_from_slice(bytes.get(..room).unwrap_or_default());
        let before = self.typed_bytes;
        self.typed_bytes = before.saturating_add(bytes.len());
        if before <= LONGEST && self.typed_bytes > LONGEST {
            self.session.log().record(Kind::malformed("a line that is too long", &self.typed));
        }
    }

    /// The name of the signal that has ended the shell, without `SIG`, where one has.
    pub fn killed_by(&self) -> Option<String> {
        self.shell.killed_by()
    }

    /// The client's window has this size now; 0 is unknown.
    pub fn resize(&mut self, columns: usize, rows: usize) {
        self.shell.resize(columns, rows);
    }

    /// Runs the shell until it waits or has had its share; asks the model where it must.
    pub async fn turn(&mut self, now: Instant) -> (Vec<u8>, Turn) {
        let (output, turn) = self.turn_apart(now).await;
        (output.out, turn)
    }

    /// The same, with standard error apart where there is no terminal.
    pub async fn turn_apart(&mut self, now: Instant) -> (Output, Turn) {
        if let Some(question) = self.question.take() {
            self.ask(question);
        }
        if let Some(asking) = &mut self.asking
            && let Ok(answer) = timeout(PATIENCE, asking).await
        {
            self.asking = None;
            let (answer, by) = answer.unwrap_or((None, AnsweredBy::Fallback));
            self.answered_by = by;
            self.shell.answer(answer);
        }
        let step = self.shell.step(now);
        let notes = self.shell.take_notes();
        self.remember(&notes);
        self.evidence.take(notes, self.answered_by);
        let turn = match step {
            // What was printed so far, the echo of the line at least, is not kept back meanwhile.
            Step::Ask(question) => {
                self.question = Some(question);
                Turn::Busy
            }
            // The client may interrupt a program that the model answers for.
            Step::Wait(_) if self.asking.is_some() => Turn::Busy,
            Step::Wait(until) => Turn::Wait(until),
            Step::Busy => Turn::Busy,
            Step::Ended(status) => {
                self.evidence.finish();
                Turn::Ended(status)
            }
        };
        (self.shell.take_output(), turn)
    }

    /// Keeps the beginning of the last lines.
    fn remember(&mut self, notes: &[Note]) {
        for note in notes {
            let Note::Line { line, .. } = note else { continue };
            let text = String::from_utf8_lossy(line);
            let begin = text.get(..text.floor_char_boundary(RECENT_BYTES)).unwrap_or_default();
            self.recent.push_back(begin.to_string());
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
        }
    }

    /// Begins to ask. Whoever asked before has been interrupted.
    fn ask(&mut self, question: Question) {
        self.questions += 1;
        let many = self.questions > QUESTIONS;
        let recent: Vec<String> = self.recent.iter().cloned().collect();
        let (responder, session, asked) = (Arc::clone(&self.responder), Arc::clone(&self.session), self.asked.clone());
        let answer = async move {
            if many {
                return (None, AnsweredBy::Fallback);
            }
            match responder.program(&session, &asked, &question, &recent).await {
                Ok((text, by)) => (Some(lines(text)), by),
                Err(_) => (None, AnsweredBy::Fallback),
            }
        };
        self.asking = Some(AbortOnDropHandle::new(tokio::spawn(answer)));
    }
}

/// What a program prints ends with a line.
fn lines(mut text: String) -> Vec<u8> {
    if !text.is_empty() {
        text.push('\n');
    }
    text.replace('\r', "").into_bytes()
}

impl Drop for ShellTalk {
    fn drop(&mut self) {
        self.evidence.take(self.shell.take_notes(), self.answered_by);
        self.evidence.finish();
        if !self.typed.is_empty() && self.typed_bytes <= LONGEST {
            self.session.log().record(Kind::malformed("a line without an end", &self.typed));
        }
    }
}

/// The visitor's end of the connection, and ours.
fn ends(session: &Session) -> (SocketAddr, SocketAddr) {
    (session.peer(), SocketAddr::new(session.local_ip(), session.called_port()))
}

/// What sshd and PAM leave in the environment, in the order of a real session.
fn ssh_environment(
    host: &Host,
    account: &Account,
    terminal: Option<(&Terminal, u32)>,
    (from, local): (SocketAddr, SocketAddr),
    sent: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let own = host.visitors().into_iter().rev().find(|seen| seen.from.port() == from.port()).map(|seen| seen.local);
    let local = own.unwrap_or(local);
    let session = (u64::from(from.port()) % 977 + 3).to_string();
    let mut all = vec![
        ("SHELL", account.shell.clone()),
        ("PWD", account.home.clone()),
        ("LOGNAME", account.name.clone()),
        ("XDG_SESSION_TYPE", "tty".into()),
        ("MOTD_SHOWN", "pam".into()),
        ("HOME", account.home.clone()),
        ("LANG", host.persona().locale.clone()),
        ("SSH_CONNECTION", format!("{} {} {} {}", from.ip(), from.port(), local.ip(), local.port())),
        ("XDG_SESSION_CLASS", "user".into()),
    ];
    all.extend(terminal.map(|(terminal, _)| ("TERM", terminal.name.clone())));
    all.extend([
        ("USER", account.name.clone()),
        ("XDG_SESSION_ID", session),
        ("XDG_RUNTIME_DIR", format!("/run/user/{}", account.uid)),
        ("SSH_CLIENT", format!("{} {} {}", from.ip(), from.port(), local.port())),
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games:/snap/bin".into(),
        ),
    ]);
    all.extend(terminal.map(|(_, tty)| ("SSH_TTY", format!("/dev/pts/{tty}"))));
    let mut all: Vec<(String, String)> = all.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    for (name, value) in sent {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1 = value,
            None => all.push((name, value)),
        }
    }
    all
}

/// What `login(1)` and PAM leave in the environment, in the order of a real session.
fn environment(host: &Host, account: &Account, terminal: &Terminal, from: SocketAddr) -> Vec<(String, String)> {
    let path = if account.uid == 0 {
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    } else {
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games"
    };
    let session = (u64::from(from.port()) % 977 + 3).to_string();
    let remote = if from.ip().is_loopback() { "localhost".to_string() } else { from.ip().to_string() };
    [
        ("SHELL", account.shell.as_str()),
        ("PWD", &account.home),
        ("LOGNAME", &account.name),
        ("XDG_SESSION_TYPE", "tty"),
        ("MOTD_SHOWN", "pam"),
        ("HOME", &account.home),
        ("LANG", &host.persona().locale),
        ("XDG_SESSION_CLASS", "user"),
        ("TERM", &terminal.name),
        ("USER", &account.name),
        ("XDG_SESSION_ID", &session),
        ("XDG_RUNTIME_DIR", &format!("/run/user/{}", account.uid)),
        ("HUSHLOGIN", "FALSE"),
        ("PATH", path),
        ("MAIL", &format!("/var/mail/{}", account.name)),
        ("REMOTEHOST", &remote),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .collect()
}

/// A shell that is asked line by line and never waits: the fallback of a port in AI mode.
pub struct LineShell {
    shell: Shell,
}

impl LineShell {
    /// The shell of an account, without a terminal and without a place among the host's logins.
    pub fn new(host: Arc<Host>, account: &Account) -> Self {
        let terminal = Terminal::new("network".into(), 80, 24);
        let nobody = SocketAddr::from(([127, 0, 0, 1], 0));
        let environment = environment(&host, account, &terminal, nobody);
        let login =
            Login { host, account: account.clone(), presence: None, terminal: None, command: None, environment };
        Self { shell: Shell::new(login) }
    }

    /// What a line prints; what is slow prints nothing.
    pub fn line(&mut self, line: &[u8]) -> Vec<u8> {
        const SHARES: usize = 200;
        self.shell.feed(&[line, b"\n"].concat());
        let begun = Instant::now();
        for _ in 0..SHARES {
            match self.shell.step(begun + Duration::from_millis(1)) {
                Step::Busy => {}
                Step::Ask(_) => self.shell.answer(None),
                Step::Wait(_) | Step::Ended(_) => break,
            }
        }
        self.shell.take_notes();
        let Output { out, err } = self.shell.take_output();
        [out, err].concat()
    }
}
