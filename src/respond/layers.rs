//! What stands between a question and its answer, each a [`ChatService`] around the next: words that are meant for the
//! model are kept from it; what was answered is answered again; what breaks a rule goes back once; what costs too much is
//! not asked. [`Topic::service`] puts them together.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use serde_json::Value;

use super::budget::{Budget, Visit};
use super::gateway::{Flight, Gateway};
use super::guard::{self, Facts, Grammar, Rules};
use super::memory::{Kept, Key};
use super::prompt::Voice;
use crate::base::clock;
use crate::chatgpt::{Chat, Cost, Request, Turn};
use crate::event::{AnsweredBy, Kind};
use crate::handler::{ChatError, ChatService, History, ModelCall};
use crate::session::{Session, injection};
use crate::world::Persona;

/// What a conversation, or one question, is about.
pub(super) struct Topic {
    pub voice: Voice,
    /// Whose question it is: a protocol, or the name of a service.
    pub scope: String,
    /// What the answer depends on beside the question.
    pub state: String,
    /// What the model is told about it; nothing for a conversation that is held in the visitor's own words.
    pub data: Option<Value>,
    /// What was said before.
    pub history: History,
    pub wait: Wait,
    /// The longest answer, in bytes.
    pub longest: usize,
}

/// Whether the visitor waits for the model.
#[derive(Clone)]
pub(super) enum Wait {
    /// The real thing would be slow too.
    Now,
    /// The real thing would not: this visit gets the fallback, the next one what the model says.
    Later(Told),
}

/// The questions that a visit got the fallback for: what was answered one way in a visit stays that way in it.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<HashSet<Key>>>);

impl Told {
    pub fn has(&self, key: Key) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&key)
    }

    fn note(&self, key: Key) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD {
            told.insert(key);
        }
    }
}

/// Who asks.
#[derive(Clone)]
pub(super) struct Asker {
    pub source: IpAddr,
    pub visit: Arc<Visit>,
    /// Where events go while the visit lasts.
    pub session: Weak<Session>,
    /// Where they go then.
    pub gateway: Arc<Gateway>,
}

impl Asker {
    fn record(&self, kind: Kind) {
        match self.session.upgrade() {
            Some(session) => session.log().record(kind),
            None => self.gateway.record(kind),
        }
    }
}

impl Topic {
    /// All layers, outermost first: words for the model, answers given before, guard, budget, model.
    pub fn service(self, gateway: &Arc<Gateway>, persona: &Persona, asker: Asker) -> Layers {
        let rules = self.rules(gateway, persona);
        let counted = (Arc::clone(&gateway.budget), asker.clone());
        let on_call = move |call: ModelCall| count(&counted.0, &counted.1, &call);
        let chat = self.chat(gateway, persona, on_call);
        let metered = Metered { inner: chat, gateway: Arc::clone(gateway), asker: asker.clone() };
        let guarded = Guarded::new(Box::new(metered), rules, self.data, asker);
        let recalled = Recalled {
            inner: Arc::new(guarded),
            gateway: Arc::clone(gateway),
            scope: self.scope,
            state: self.state,
            history: self.history,
            wait: self.wait,
            recalled: AtomicBool::new(false),
        };
        Layers(Screened { inner: recalled })
    }

    /// What answers are held against.
    pub fn rules(&self, gateway: &Gateway, persona: &Persona) -> Rules {
        let system = gateway.prompts.system(self.voice, persona, &gateway.canary);
        Rules {
            grammar: self.voice.grammar(),
            longest: self.longest,
            told: system.lines().map(Into::into).collect(),
            canary: gateway.canary.clone(),
            host: facts(persona),
        }
    }

    /// The model, with what it is told before the question.
    pub fn chat(
        &self,
        gateway: &Gateway,
        persona: &Persona,
        on_call: impl Fn(ModelCall) + Send + Sync + 'static,
    ) -> Chat {
        let system = gateway.prompts.system(self.voice, persona, &gateway.canary);
        let opening = self.voice.opening().map(|text| Turn { visitor: true, text: text.into() });
        let schema = (self.voice.grammar() == Grammar::Page).then(guard::page::Page::schema);
        let request = Request { system: vec![system], turns: opening.into_iter().collect(), schema, patience: None };
        gateway.model.conversation(request, self.history.clone(), on_call)
    }
}

fn facts(persona: &Persona) -> Facts {
    Facts {
        kernel: persona.kernel.clone(),
        system: persona.os_pretty.clone(),
        names: vec![persona.fqdn.clone(), persona.hostname.clone(), persona.domain.clone()],
    }
}

/// Counts a call: what it cost, and the event.
fn count(budget: &Arc<Budget>, asker: &Asker, call: &ModelCall) {
    asker.record(call.event());
    let cost = Cost { tokens: call.prompt_tokens + call.completion_tokens, micro_usd: call.micro_usd };
    let write = budget.spend(asker.source, &asker.visit, cost);
    tokio::task::spawn_blocking(write);
}

/// The layers of one topic.
pub(super) struct Layers(Screened<Recalled>);

#[async_trait]
impl ChatService for Layers {
    async fn send_message(&self, message: &str) -> Result<String, ChatError> {
        self.0.send_message(message).await
    }

    fn answered_by(&self) -> AnsweredBy {
        self.0.inner.answered_by()
    }
}

/// No model gets to see what is meant for it.
struct Screened<C> {
    inner: C,
}

#[async_trait]
impl<C: ChatService> ChatService for Screened<C> {
    async fn send_message(&self, message: &str) -> Result<String, ChatError> {
        match injection::family(message) {
            Some(family) => Err(ChatError::Kept(family)),
            None => self.inner.send_message(message).await,
        }
    }
}

/// The same question costs one call, ever; also when many ask it at once.
struct Recalled {
    inner: Arc<dyn ChatService>,
    gateway: Arc<Gateway>,
    scope: String,
    state: String,
    history: History,
    wait: Wait,
    /// Whether the last answer was known already.
    recalled: AtomicBool,
}

/// Bytes of a question that are kept beside its answer.
const SHOWN: usize = 400;
/// Questions of one visit that got the fallback and are remembered.
const TOLD: usize = 4096;

/// Under what the answer to a message is kept: blanks make no difference.
pub(super) fn key(scope: &str, state: &str, history: &History, message: &str) -> Key {
    let turns = history.turns();
    let mut parts = vec![scope, state];
    parts.extend(turns.iter().flat_map(|(sent, got)| [sent.as_str(), got.as_str()]));
    let question = message.split_whitespace().collect::<Vec<_>>().join(" ");
    parts.push(&question);
    Key::of(&parts)
}

/// One question on its way. It goes on when the visitor leaves: it is paid for, and the next one may ask it.
struct Plan {
    key: Key,
    message: String,
    inner: Arc<dyn ChatService>,
    gateway: Arc<Gateway>,
}

impl Plan {
    /// Asks, or waits for whoever asks the same.
    async fn fly(self) -> Result<String, ChatError> {
        let flights = || self.gateway.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let flight: Flight = Arc::clone(flights().entry(self.key).or_default());
        let result = flight.get_or_init(|| self.ask()).await.clone();
        let mut flights = flights();
        if flights.get(&self.key).is_some_and(|known| Arc::ptr_eq(known, &flight)) {
            flights.remove(&self.key);
        }
        result
    }

    async fn ask(&self) -> Result<String, ChatError> {
        // Somebody may have had it answered since we looked.
        if let Some(kept) = self.gateway.memory.answer(self.key) {
            return kept.text.ok_or(ChatError::Refused("before"));
        }
        let result = self.inner.send_message(&self.message).await;
        let text = match &result {
            Ok(text) => Some(text.clone()),
            // It would be refused again.
            Err(ChatError::Refused(_)) => None,
            Err(_) => return result,
        };
        let shown = self.message.get(..self.message.floor_char_boundary(SHOWN)).unwrap_or_default();
        let kept = Kept { text, question: shown.to_string(), at: clock::unix_seconds() };
        let (memory, key) = (self.gateway.memory.clone(), self.key);
        let _ = tokio::task::spawn_blocking(move || memory.keep(key, kept)).await;
        result
    }
}

#[async_trait]
impl ChatService for Recalled {
    async fn send_message(&self, message: &str) -> Result<String, ChatError> {
        let key = key(&self.scope, &self.state, &self.history, message);
        let kept = self.gateway.memory.answer(key);
        self.recalled.store(kept.is_some(), Ordering::Relaxed);
        if let Some(kept) = kept {
            return kept.text.ok_or(ChatError::Refused("before"));
        }
        let (inner, gateway) = (Arc::clone(&self.inner), Arc::clone(&self.gateway));
        let flight = tokio::spawn(Plan { key, message: message.to_string(), inner, gateway }.fly());
        if let Wait::Later(told) = &self.wait {
            told.note(key);
            return Err(ChatError::Later);
        }
        // It keeps its own time; this is for when it is kept from it, such as by an answer of many megabytes.
        let longest = self.gateway.model.patience();
        match tokio::time::timeout(longest, flight).await {
            Ok(result) => result.unwrap_or(Err(ChatError::Resting)),
            Err(_) => Err(ChatError::TimedOut),
        }
    }

    fn answered_by(&self) -> AnsweredBy {
        if self.recalled.load(Ordering::Relaxed) { AnsweredBy::Recall } else { AnsweredBy::Model }
    }
}

/// Lets only those answers through that the protocol, the program, the file could have; one that breaks a rule goes back
/// once.
pub(super) struct Guarded {
    inner: Box<dyn ChatService>,
    rules: Rules,
    data: Option<Value>,
    asker: Asker,
}

/// How a program says that it prints nothing.
const NOTHING: &str = ".";

impl Guarded {
    pub fn new(inner: Box<dyn ChatService>, rules: Rules, data: Option<Value>, asker: Asker) -> Self {
        Self { inner, rules, data, asker }
    }

    /// The message as the model gets it: in a conversation as it is, else as data among data.
    pub fn framed_with(data: Option<&Value>, message: &str) -> String {
        match data {
            None => message.to_string(),
            Some(data) => format!("data: {data}\ninput: {}", Value::from(message)),
        }
    }

    /// What is sent of an answer, and whether something was taken off it; or the rule that it breaks.
    pub fn verdict(&self, answer: &str, question: &str) -> Result<(String, bool), &'static str> {
        let tidy = guard::tidy(answer, question);
        let tidied = tidy.trim() != answer.trim();
        let tidy = if self.data.is_some() && tidy.trim() == NOTHING { "" } else { &tidy };
        guard::check(tidy, question, &self.rules).map(|text| (text, tidied))
    }
}

#[async_trait]
impl ChatService for Guarded {
    async fn send_message(&self, message: &str) -> Result<String, ChatError> {
        let framed = Self::framed_with(self.data.as_ref(), message);
        let answer = self.inner.send_message(&framed).await?;
        let rule = match self.verdict(&answer, message) {
            Ok((text, tidied)) => {
                if tidied {
                    self.asker.record(Kind::ModelAnswerRepaired { rule: "wrapping".into() });
                }
                return Ok(text);
            }
            Err(rule) => rule,
        };
        // It obeyed somebody, or has a mind to do harm: asking again makes nothing better.
        if matches!(rule, "canary" | "echo of the prompt" | "harm") {
            self.asker.record(Kind::ModelAnswerRefused { rule: rule.into() });
            return Err(ChatError::Refused(rule));
        }
        let again = format!("{framed}\nThe last answer can't be used ({rule}). Only the bare answer, as described.");
        let second = self.inner.send_message(&again).await;
        let verdict = second.ok().map(|answer| self.verdict(&answer, message));
        if let Some(Ok((text, _))) = verdict {
            self.asker.record(Kind::ModelAnswerRepaired { rule: rule.into() });
            return Ok(text);
        }
        let rule = verdict.and_then(Result::err).unwrap_or(rule);
        self.asker.record(Kind::ModelAnswerRefused { rule: rule.into() });
        Err(ChatError::Refused(rule))
    }
}

/// Asks only what the budget has room for.
struct Metered {
    inner: Chat,
    gateway: Arc<Gateway>,
    asker: Asker,
}

#[async_trait]
impl ChatService for Metered {
    async fn send_message(&self, message: &str) -> Result<String, ChatError> {
        let cost = self.gateway.model.estimate(self.inner.request(message).bytes());
        let _reserved = self.gateway.budget.reserve(self.asker.source, &self.asker.visit, cost)?;
        self.inner.send_message(message).await
    }
}
