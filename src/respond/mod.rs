//! Who answers what a dialog can't: the emulator (a shell over the simulated host), then the model under its guard,
//! then a plain believable fallback. It always answers. This file is the one place that decides the order.

mod evidence;
mod guard;
mod shell;
mod voice;

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::chatgpt::ChatGPT;
use crate::event::Kind;
use crate::handler::{ChatError, ChatService, History};
use crate::session::Session;
pub use shell::{LineShell, ShellTalk, Turn};
use voice::Voice;

/// Who may answer on a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Dialog and emulator first, the model for the rest.
    #[default]
    Hybrid,
    /// Dialog and emulator only.
    Emulator,
    /// Banner, then every line to the model: the original design in its pure form.
    Ai,
}

/// What a port asks when its dialog does not know; shared by all visits of the port.
pub struct Responder {
    mode: Mode,
    model: Option<Arc<ChatGPT>>,
}

impl Responder {
    /// Answers in `mode`; without a model nobody is asked.
    pub fn new(mode: Mode, model: Option<Arc<ChatGPT>>) -> Arc<Self> {
        Arc::new(Self { mode, model })
    }

    /// Who may answer here.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// One conversation with the model about `protocol`, under that protocol's guard. It remembers `history`.
    /// Without a model every message fails with [`ChatError::Absent`].
    pub fn chat(&self, session: &Arc<Session>, protocol: &str, history: &History) -> Box<dyn ChatService> {
        let Some(model) = self.model.as_ref().filter(|_| self.mode != Mode::Emulator) else {
            return Box::new(Nobody);
        };
        let voice = Voice::of(protocol);
        let record = Arc::clone(session);
        let prompt = voice.prompt(session.world().persona());
        let opening = voice.opening.map(Into::into);
        let chat = model.conversation(prompt, opening, history.clone(), move |call| record.log().record(call.event()));
        Box::new(Guarded { inner: chat, voice, session: Arc::clone(session) })
    }
}

/// For ports that have no model.
struct Nobody;

#[async_trait]
impl ChatService for Nobody {
    async fn send_message(&self, _message: &str) -> Result<String, ChatError> {
        Err(ChatError::Absent)
    }
}

/// Lets only those answers through that the protocol could have given.
struct Guarded<C> {
    inner: C,
    voice: Voice,
    session: Arc<Session>,
}

#[async_trait]
impl<C: ChatService> ChatService for Guarded<C> {
    async fn send_message(&self, message: &str) -> Result<String, ChatError> {
        let answer = self.inner.send_message(message).await?;
        guard::check(&answer, message, self.voice.grammar).map_err(|rule| {
            self.session.log().record(Kind::ModelAnswerRefused { rule: rule.into() });
            ChatError::Refused(rule)
        })
    }
}
