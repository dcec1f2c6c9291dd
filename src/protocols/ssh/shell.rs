//! A channel with a shell or a command on it: what the client sends goes to the shell as it has room, what it prints
//! goes out as the client has room, and the end is told in OpenSSH's order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use russh::server::{Handle, Msg};
use russh::{ChannelId, ChannelWriteHalf, Sig};
use tokio::time::Instant;

use super::lists::WINDOW;
use super::mailbox::{Input, Piece, Receiver};
use crate::base::clock::Timestamp;
use crate::base::rng::spread;
use crate::prelude::*;
use crate::protocols::motd::motd;
use crate::respond::{Responder, ShellTalk, Turn};
use crate::shell::{Key, Terminal};
use crate::world::{Account, Host, Who, resolve};

/// What a task of a channel needs.
pub(super) struct Job {
    pub id: ChannelId,
    pub handle: Handle,
    /// Sends as the client has opened the window of this channel; the others go on meanwhile.
    pub out: ChannelWriteHalf<Msg>,
    pub input: Receiver,
    pub session: Arc<Session>,
    pub responder: Arc<Responder>,
    pub account: Account,
    /// The client is OpenSSH.
    pub openssh: bool,
}

/// Most bytes of one message.
const PIECE: usize = 32 * 1024;
/// How long sshd takes to start what runs.
const START: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(9));

impl Job {
    /// Sends bytes of standard output or standard error; false when nobody is there any more.
    pub async fn send(&self, bytes: &[u8], error: bool) -> bool {
        for piece in bytes.chunks(PIECE) {
            let sent = if error {
                self.out.extended_data_bytes(1, piece.to_vec()).await
            } else {
                self.out.data_bytes(piece.to_vec()).await
            };
            if sent.is_err() {
                return false;
            }
        }
        true
    }

    /// Tells the end.
    pub async fn finish(&self, end: End, heard_all: bool) {
        let _ = self.handle.eof(self.id).await;
        let _ = match end {
            End::Status(status) => self.handle.exit_status_request(self.id, u32::from(status.to_le_bytes()[0])).await,
            End::Signal(signal) => {
                self.handle.exit_signal_request(self.id, signal, false, String::new(), String::new()).await
            }
        };
        if self.openssh && !heard_all {
            let _ = self.handle.end_of_write(self.id).await;
        }
        let _ = self.handle.close(self.id).await;
    }
}

/// How something ended.
pub(super) enum End {
    Status(i32),
    Signal(Sig),
}

/// What has come and was not taken yet, and the window that it holds.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: VecDeque<Piece>,
    ended: bool,
    told: bool,
    taken: u32,
}

impl Inbox {
    pub fn push(&mut self, bytes: Piece) {
        self.waiting.push_back(bytes);
    }

    pub fn end(&mut self) {
        self.ended = true;
    }

    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next bytes, at most so many.
    pub fn take(&mut self, most: usize) -> Option<Vec<u8>> {
        let first = self.waiting.front_mut().filter(|_| most > 0)?;
        let bytes = first.take(most);
        if first.is_empty() {
            self.waiting.pop_front();
        }
        self.taken = self.taken.saturating_add(u32::try_from(bytes.len()).unwrap_or(0));
        Some(bytes)
    }

    /// The end, once, when all before it was taken.
    fn take_end(&mut self) -> bool {
        let now = self.ended && !self.told && self.waiting.is_empty();
        self.told |= now;
        now
    }

    /// By how much the window is to be opened: when three packets were taken, as OpenSSH does.
    pub fn adjustment(&mut self) -> Option<u32> {
        (self.taken > 3 * super::lists::PACKET || self.taken > WINDOW / 2).then(|| std::mem::take(&mut self.taken))
    }
}

/// Runs a shell, or a command, until it ends or the channel is closed.
pub(super) async fn run(
    job: Job,
    terminal: Option<Terminal>,
    command: Option<String>,
    environment: Vec<(String, String)>,
) {
    let host = job.session.host_of(&job.account.name);
    tokio::time::sleep(spread(START.0, START.1)).await;
    let size = terminal.as_ref().map(|terminal| (terminal.columns, terminal.rows));
    let mut recording = job.session.recording(size.is_some());
    if let Some(terminal) = &terminal {
        recording.terminal(&terminal.name, terminal.columns, terminal.rows);
        recording.entered(&job.account.name, &job.account.shell, command.as_deref());
    }
    if size.is_some() && command.is_none() {
        let greeting = greeting(&host, &job.account);
        recording.output(&greeting);
        if !job.send(&greeting, false).await {
            return;
        }
    }
    let (session, responder, account) = (Arc::clone(&job.session), Arc::clone(&job.responder), job.account.clone());
    let mut talk = ShellTalk::over_ssh(&responder, &session, host, &account, (terminal, command), environment);
    let mut inbox = Inbox::default();
    let end = loop {
        while let Some(bytes) = inbox.take(if size.is_some() { PIECE } else { talk.input_room() }) {
            talk.feed(&bytes);
            if size.is_some() {
                break;
            }
        }
        if inbox.take_end() && size.is_none() {
            talk.end_input();
        }
        if let Some(by) = inbox.adjustment()
            && job.handle.window_adjust(job.id, by).await.is_err()
        {
            return;
        }
        let (output, turn) = talk.turn_apart(Instant::now().into_std()).await;
        recording.output(&output.out);
        recording.output(&output.err);
        if !job.send(&output.out, false).await || !job.send(&output.err, true).await {
            return;
        }
        let more = !inbox.waiting.is_empty() && (size.is_some() || talk.input_room() > 0);
        let arrived = match turn {
            Turn::Ended(status) => {
                break talk.killed_by().map_or(End::Status(status), |name| End::Signal(signal_of(name)));
            }
            _ if more => job.input.try_next().ok().flatten(),
            Turn::Busy => {
                tokio::task::yield_now().await;
                match job.input.try_next() {
                    Ok(input) => input,
                    Err(()) => return,
                }
            }
            Turn::Wait(until) => {
                let wake = async {
                    match until {
                        Some(moment) => tokio::time::sleep_until(moment.into()).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    input = job.input.next() => match input {
                        Some(input) => Some(input),
                        None => return,
                    },
                    () = wake => None,
                }
            }
        };
        match arrived {
            Some(Input::Data(bytes)) => {
                recording.input(bytes.bytes());
                inbox.push(bytes);
            }
            Some(Input::End) => inbox.end(),
            Some(Input::Resize(columns, rows)) => {
                recording.resize(columns, rows);
                talk.resize(columns, rows);
            }
            Some(Input::Signal(Sig::INT)) => talk.signal(Key::Interrupt),
            Some(Input::Signal(Sig::QUIT)) => talk.signal(Key::Quit),
            // An interactive bash ignores TERM.
            Some(Input::Signal(Sig::TERM)) if size.is_some() => {}
            Some(Input::Signal(
                signal @ (Sig::HUP
                | Sig::KILL
                | Sig::TERM
                | Sig::ABRT
                | Sig::ALRM
                | Sig::FPE
                | Sig::ILL
                | Sig::PIPE
                | Sig::SEGV
                | Sig::USR1
                | Sig::Custom(_)),
            )) => {
                break End::Signal(signal);
            }
            None => {}
        }
    };
    drop(talk);
    job.finish(end, inbox.has_ended()).await;
}

/// A signal as `sig2name` of session.c tells it.
fn signal_of(name: String) -> Sig {
    const KNOWN: [&str; 13] =
        ["ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"];
    Sig::Custom(if KNOWN.contains(&name.as_str()) { name } else { "SIG@openssh.com".into() })
}

/// The message of the day, then the last login (`PrintLastLog`), as the terminal shows them.
fn greeting(host: &Host, account: &Account) -> Vec<u8> {
    let hushed = resolve(account.home.as_bytes(), b".hushlogin");
    if host.stat(&Who::root(), &hushed, true).is_ok() {
        return Vec::new();
    }
    let mut text = motd(host);
    let last = host.logins().into_iter().find(|login| login.user == account.name && login.tty.contains("pts"));
    if let Some(last) = last {
        let from = if last.from.is_empty() { String::new() } else { format!(" from {}", last.from) };
        text.extend(format!("Last login: {}{from}\n", stamp(last.since)).into_bytes());
    }
    let mut shown = Vec::with_capacity(text.len() + 32);
    for byte in text {
        if byte == b'\n' {
            shown.push(b'\r');
        }
        shown.push(byte);
    }
    shown
}

/// `Mon Nov 23 18:38:22 2026`
fn stamp(at: Timestamp) -> String {
    at.strftime("%a %b %e %H:%M:%S %Y").to_string()
}
