//! A shell conversation: emulator first, the model for programs that are on the host but have no emulation, and
//! silence with success as the fallback, which is what most programs print.

use std::sync::Arc;
use std::time::Instant;

use super::Responder;
use crate::event::{AnsweredBy, Kind};
use crate::handler::{ChatService, History};
use crate::session::Session;
use crate::shell::{Outcome, Ran, Shell};
use crate::world::{Account, Host};

/// One login's shell and who stands behind it.
pub struct ShellTalk {
    shell: Shell,
    session: Arc<Session>,
    chat: Box<dyn ChatService>,
    history: History,
}

/// What the visitor sees of a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Output; lines end with `\n`, the terminal adds its `\r`.
    pub output: Vec<u8>,
    /// The shell has ended.
    pub ended: bool,
}

/// Programs of one line that may be asked of the model; what comes on top gets the fallback.
const QUESTIONS_PER_LINE: usize = 4;

impl ShellTalk {
    /// The shell of a login on the host as this attacker left it.
    pub fn new(responder: &Responder, session: &Arc<Session>, host: Arc<Host>, account: &Account) -> Self {
        let history = History::default();
        let chat = responder.chat(session, "telnet", &history);
        Self { shell: Shell::new(host, account), session: Arc::clone(session), chat, history }
    }

    /// The prompt before the next line.
    pub fn prompt(&self) -> Vec<u8> {
        self.shell.prompt()
    }

    /// Answers a line and records it.
    pub async fn line(&mut self, line: &[u8]) -> Answer {
        let came = Instant::now();
        let mut output = Vec::new();
        let mut answered_by = AnsweredBy::Emulator;
        let mut outcome = self.shell.run(line);
        let mut questions = 0;
        let last = loop {
            let (before, question, rest) = match outcome {
                Outcome::Done(ran) => break ran,
                Outcome::NotMine { before, question, rest } => (before, question, rest),
            };
            output.extend(before.output);
            questions += 1;
            let (text, by) = self.ask(&question, questions > QUESTIONS_PER_LINE).await;
            answered_by = by;
            outcome = self.shell.resume(rest, text, 0);
        };
        let Ran { output: tail, status, ended } = last;
        output.extend(tail);
        if !line.trim_ascii().is_empty() {
            self.session.log().record(Kind::command(line, &output, Some(status), answered_by, came.elapsed()));
        }
        Answer { output, ended }
    }

    async fn ask(&self, question: &[u8], enough: bool) -> (Vec<u8>, AnsweredBy) {
        let question = String::from_utf8_lossy(question);
        let answer = if enough { None } else { self.chat.send_message(&question).await.ok() };
        match answer {
            Some(mut text) => {
                self.history.push(&question, &text);
                if !text.is_empty() {
                    text.push('\n');
                }
                (text.replace('\r', "").into_bytes(), AnsweredBy::Model)
            }
            None => (Vec::new(), AnsweredBy::Fallback),
        }
    }
}
