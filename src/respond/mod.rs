//! Who answers what a dialog can't: the emulator (a shell over the simulated host), then what was answered before, then
//! the model under its guard and its budget, then a plain believable fallback. It always answers.

mod budget;
mod evidence;
mod gateway;
mod guard;
mod invent;
mod layers;
mod memory;
mod pace;
mod prompt;
mod shell;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

pub use budget::{Budget, Config as BudgetConfig, Visit};
pub use gateway::{Gateway, GatewayError, Settings};
pub use guard::page::Page;
pub use invent::{invent, remember};
use layers::{Asker, Told, Topic, Wait};
pub use memory::{Key, Memory, Spent};
pub use prompt::{PromptError, Prompts, Voice};
pub use shell::{LineShell, ShellTalk, Turn};
pub use trial::{Trial, trial};

use crate::event::AnsweredBy;
use crate::handler::{ChatError, ChatService, History};
use crate::session::{Session, injection};
use crate::shell::Question;

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
    gateway: Option<Arc<Gateway>>,
}

/// What one visit has asked.
#[derive(Clone, Default)]
pub struct Asked {
    spent: Arc<Visit>,
    /// Questions that got the fallback while the model was asked for the next visit.
    told: Told,
}

/// What a program behind a web server takes.
const PAGE: (Duration, Duration) = (Duration::from_millis(12), Duration::from_millis(120));
/// The longest answer of a conversation or a program, in bytes.
const LONGEST: usize = guard::LONGEST;

impl Responder {
    /// Answers in `mode`; without a model nobody is asked.
    pub fn new(mode: Mode, gateway: Option<Arc<Gateway>>) -> Arc<Self> {
        Arc::new(Self { mode, gateway })
    }

    /// Who may answer here.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether there is a model that may be asked.
    pub fn has_model(&self) -> bool {
        self.gateway().is_some()
    }

    fn gateway(&self) -> Option<&Arc<Gateway>> {
        self.gateway.as_ref().filter(|_| self.mode != Mode::Emulator)
    }

    /// One conversation with the model about `protocol`, under that protocol's guard. It remembers `history`.
    /// Without a model every message fails with [`ChatError::Absent`].
    pub fn chat(&self, session: &Arc<Session>, protocol: &str, history: &History) -> Box<dyn ChatService> {
        let Some(gateway) = self.gateway() else { return Box::new(Nobody) };
        let topic = Topic {
            voice: Voice::of(protocol),
            scope: protocol.to_string(),
            state: String::new(),
            data: None,
            history: history.clone(),
            wait: Wait::Now,
            longest: LONGEST,
        };
        Box::new(topic.service(gateway, session.world().persona(), asker(gateway, session, &Asked::default())))
    }

    /// What a program without emulation prints, and who says so; `recent` are the lines before. A program that would
    /// answer at once on a real host is not waited for: then the answer is for the next visit.
    pub(crate) async fn program(
        &self,
        session: &Arc<Session>,
        asked: &Asked,
        question: &Question,
        recent: &[String],
    ) -> Result<(String, AnsweredBy), ChatError> {
        let gateway = self.gateway().ok_or(ChatError::Absent)?;
        let slow = pace::of(&question.program);
        let (scope, history) = ("program", History::default());
        // Before anything is made ready: it takes no longer than without a model.
        if slow.is_none() && asked.told.has(layers::key(scope, &question.state, &history, &question.line)) {
            return Err(ChatError::Later);
        }
        let plain = |text: &&String| injection::family(text).is_none();
        let data = json!({
            "user": question.user,
            "directory": question.cwd,
            "names in it": question.names.iter().filter(plain).collect::<Vec<_>>(),
            "lines before": recent.iter().filter(plain).collect::<Vec<_>>(),
        });
        let topic = Topic {
            voice: Voice::Program,
            scope: scope.into(),
            state: question.state.clone(),
            data: Some(data),
            history,
            wait: if slow.is_some() { Wait::Now } else { Wait::Later(asked.told.clone()) },
            longest: LONGEST,
        };
        let service = topic.service(gateway, session.world().persona(), asker(gateway, session, asked));
        let answer = service.send_message(&question.line).await?;
        let by = service.answered_by();
        if let (Some(slow), AnsweredBy::Recall) = (slow, by) {
            tokio::time::sleep(pace::pause(slow)).await;
        }
        Ok((answer, by))
    }
}

impl Responder {
    /// What a program behind the web server answers, and who says so.
    ///
    /// # Errors
    /// Nobody knows; the server's own 404 is the answer then.
    pub async fn page(
        &self,
        session: &Arc<Session>,
        asked: &Asked,
        request: &str,
    ) -> Result<(Page, AnsweredBy), ChatError> {
        let gateway = self.gateway().ok_or(ChatError::Absent)?;
        let topic = Topic {
            voice: Voice::Page,
            scope: "page".into(),
            state: String::new(),
            data: Some(json!({ "port": session.log().visit().dst_port })),
            history: History::default(),
            wait: Wait::Now,
            longest: 2 * LONGEST,
        };
        let service = topic.service(gateway, session.world().persona(), asker(gateway, session, asked));
        let answer = service.send_message(request).await?;
        let by = service.answered_by();
        if by == AnsweredBy::Recall {
            tokio::time::sleep(pace::pause(PAGE)).await;
        }
        Page::parse(&answer).map(|page| (page, by)).ok_or(ChatError::Refused("grammar"))
    }
}

fn asker(gateway: &Arc<Gateway>, session: &Arc<Session>, asked: &Asked) -> Asker {
    Asker {
        source: session.log().visit().src_ip,
        visit: Arc::clone(&asked.spent),
        session: Arc::downgrade(session),
        gateway: Arc::clone(gateway),
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
