//! A question outside of any visit, with all that happens to it laid open: for whoever tunes prompts.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::budget::Visit;
use super::gateway::Gateway;
use super::guard;
use super::layers::{Asker, Guarded, Topic, Wait};
use super::prompt::Voice;
use crate::chatgpt::Turn;
use crate::handler::{ChatError, ChatService, History, ModelCall};
use crate::session::injection;
use crate::world::Persona;

/// What came of a question.
pub struct Trial {
    /// What was said to the model before the conversation.
    pub system: Vec<String>,
    /// The conversation with the question.
    pub turns: Vec<Turn>,
    /// Each answer of the model as it came, and the rule that it breaks.
    pub answers: Vec<(String, Option<&'static str>)>,
    /// What a visitor would get; the fallback when it is an error.
    pub result: Result<String, ChatError>,
    /// What it took.
    pub calls: Vec<ModelCall>,
}

/// Keeps the answers that pass.
struct Listening {
    inner: Box<dyn ChatService>,
    heard: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl ChatService for Listening {
    async fn send_message(&self, message: &str) -> Result<String, ChatError> {
        let answer = self.inner.send_message(message).await?;
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(answer.clone());
        Ok(answer)
    }
}

/// Asks as a visitor of this host would.
pub async fn trial(gateway: &Arc<Gateway>, persona: &Persona, voice: Voice, question: &str) -> Trial {
    let topic = Topic {
        voice,
        scope: String::new(),
        state: String::new(),
        data: data(voice),
        history: History::default(),
        wait: Wait::Now,
        longest: guard::LONGEST,
    };
    let asker = Asker {
        source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        visit: Arc::new(Visit::default()),
        session: Weak::new(),
        gateway: Arc::clone(gateway),
    };
    let calls: Arc<Mutex<Vec<ModelCall>>> = Arc::default();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let keep = Arc::clone(&calls);
    let on_call = move |call: ModelCall| keep.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    let rules = topic.rules(gateway, persona);
    let chat = topic.chat(gateway, persona, on_call);
    let data = topic.data;
    let request = chat.request(&Guarded::framed_with(data.as_ref(), question));
    let inner = Box::new(Listening { inner: Box::new(chat), heard: Arc::clone(&heard) });
    let guarded = Guarded::new(inner, rules, data, asker);
    let result = match injection::family(question) {
        Some(family) => Err(ChatError::Kept(family)),
        None => guarded.send_message(question).await,
    };
    let answers = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
    let answers = answers.into_iter().map(|answer| {
        let rule = guarded.verdict(&answer, question).err();
        (answer, rule)
    });
    let answers = answers.collect();
    let calls = std::mem::take(&mut *calls.lock().unwrap_or_else(PoisonError::into_inner));
    Trial { system: request.system, turns: request.turns, answers, result, calls }
}

/// What a question of this kind comes with.
fn data(voice: Voice) -> Option<Value> {
    match voice {
        Voice::Program => Some(json!({ "user": "root", "directory": "/root", "names in it": [], "lines before": [] })),
        Voice::File => Some(json!({ "owner": "root", "about": "", "bytes": 0, "people": [], "domain": "" })),
        Voice::Page => Some(json!({ "port": 80 })),
        _ => None,
    }
}
