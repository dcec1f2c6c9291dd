//! `ChatGPT`, the model client: OpenAI's chat API and every server that speaks it. One of the few files that dial out.
//!
//! Nothing here reaches a visitor: errors are [`ChatError`]s for the operator. One try per message, a deadline, a
//! bound on the answer, and a rest after a failure, so that neither a dead server nor a flood of questions hurts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::base::Secret;
use crate::handler::{ChatError, ChatService, History, ModelCall};

/// `[openai]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// API key; servers of one's own may need none.
    pub api_key: Secret,
    /// Address of the API, up to and with `/v1`.
    pub base_url: String,
    /// Model to ask for.
    pub model: String,
    /// Milliseconds that an answer may take.
    pub timeout_ms: u64,
    /// Tokens that an answer may have.
    pub max_tokens: u32,
    /// Questions that may be under way at once; what comes on top gets the fallback.
    pub concurrent_calls: usize,
    /// Questions that one visit may cost.
    pub calls_per_visit: usize,
    /// Prompts that go before every conversation: `message1`, `message2`, ….
    pub static_messages: BTreeMap<String, String>,
}

/// Where OpenAI's own API is.
pub const OPENAI: &str = "https://api.openai.com/v1";

/// What the sample configuration has in place of a key.
const PLACEHOLDER: &str = "your-openai-api-key";

impl Default for Config {
    fn default() -> Self {
        Self {
            api_key: Secret::default(),
            base_url: OPENAI.into(),
            model: "gpt-4o-mini".into(),
            timeout_ms: 8000,
            max_tokens: 512,
            concurrent_calls: 8,
            calls_per_visit: 200,
            static_messages: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Whether there is a model to ask: a real key, or a server other than OpenAI's.
    pub fn usable(&self) -> bool {
        let key = !self.api_key.is_empty() && self.api_key.expose() != PLACEHOLDER;
        key || self.base_url.trim_end_matches('/') != OPENAI
    }

    /// The static messages in the order of their numbers.
    fn prompts(&self) -> Vec<String> {
        let number = |name: &str| name.trim_start_matches("message").parse::<u32>().unwrap_or(u32::MAX);
        let mut messages: Vec<_> = self.static_messages.iter().collect();
        messages.sort_by_key(|(name, _)| number(name));
        messages.into_iter().map(|(_, text)| text.clone()).collect()
    }
}

/// The client; one for all conversations.
pub struct ChatGPT {
    config: Config,
    http: OnceLock<reqwest::Client>,
    calls: Semaphore,
    health: Mutex<Health>,
}

/// How the server has been lately.
#[derive(Default)]
struct Health {
    failures: u32,
    rest_until: Option<Instant>,
    said: Option<Instant>,
    unsaid: u32,
}

/// The largest answer of a server that is read, in bytes.
const ANSWER_LIMIT: usize = 1 << 20;

/// The longest message of a visitor that is passed on, in bytes.
const MESSAGE_LIMIT: usize = 2048;

/// How often the operator hears of failures.
const SAY_EVERY: Duration = Duration::from_secs(60);

impl ChatGPT {
    /// A client for the configured server. Nothing is dialled before the first question.
    pub fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self {
            calls: Semaphore::new(config.concurrent_calls.max(1)),
            config: config.clone(),
            http: OnceLock::new(),
            health: Mutex::default(),
        })
    }

    /// One conversation: the static messages, then `prompt`, then `opening` as the visitor's first turn, then what
    /// `history` holds. Whoever answers the visitor adds to the history; `on_call` hears of every call.
    pub fn conversation(
        self: &Arc<Self>,
        prompt: String,
        opening: Option<String>,
        history: History,
        on_call: impl Fn(ModelCall) + Send + Sync + 'static,
    ) -> Chat {
        let mut system = self.config.prompts();
        system.push(prompt);
        let left = Mutex::new(self.config.calls_per_visit);
        Chat { model: Arc::clone(self), system, opening, history, left, on_call: Box::new(on_call) }
    }

    async fn ask(&self, messages: &[Value]) -> Result<Completion, ChatError> {
        let body = json!({ "model": self.config.model, "messages": messages, "max_tokens": self.config.max_tokens });
        let deadline = Duration::from_millis(self.config.timeout_ms);
        match tokio::time::timeout(deadline, self.post(&body)).await {
            Ok(answer) => answer,
            Err(_) => Err(ChatError::TimedOut),
        }
    }

    async fn post(&self, body: &Value) -> Result<Completion, ChatError> {
        let url = format!("{}/chat/completions", self.config.base_url.trim_end_matches('/'));
        let mut request = self.client()?.post(url).json(body);
        if !self.config.api_key.is_empty() {
            request = request.bearer_auth(self.config.api_key.expose());
        }
        #[expect(clippy::disallowed_methods, reason = "this file owns the calls to the model")]
        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        if !response.status().is_success() {
            return Err(ChatError::Status(response.status().as_u16()));
        }
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if answer.len() + piece.len() > ANSWER_LIMIT {
                return Err(ChatError::BadAnswer("it is larger than 1 MiB"));
            }
            answer.extend_from_slice(&piece);
        }
        serde_json::from_slice(&answer).map_err(|_| ChatError::BadAnswer("it is not the JSON of a chat completion"))
    }

    /// Built at the first question: it reads the certificates of the system.
    fn client(&self) -> Result<&reqwest::Client, ChatError> {
        if self.http.get().is_none() {
            let built = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
            let _ = self.http.set(built.map_err(|error| unreachable(&error))?);
        }
        self.http.get().ok_or(ChatError::Absent)
    }

    fn resting(&self) -> bool {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.rest_until.is_some_and(|until| Instant::now() < until)
    }

    /// After a failure the server rests: 1 s, 2 s, 4 s, … up to a minute; five minutes when the key is wrong.
    fn note(&self, error: Option<&ChatError>) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Some(error) = error else {
            if health.failures > 0 {
                tracing::info!("the model answers again");
            }
            *health = Health::default();
            return;
        };
        health.failures = health.failures.saturating_add(1);
        let rest = match error {
            ChatError::Status(401 | 403) => Duration::from_secs(300),
            _ => Duration::from_secs(1 << health.failures.saturating_sub(1).min(6)).min(Duration::from_secs(60)),
        };
        health.rest_until = Some(now + rest);
        if health.said.is_some_and(|said| now < said + SAY_EVERY) {
            health.unsaid += 1;
            return;
        }
        let unsaid = std::mem::take(&mut health.unsaid);
        health.said = Some(now);
        tracing::warn!(%error, failures_not_shown = unsaid, "visitors get the fallback; check [openai] if this goes on");
    }
}

fn unreachable(error: &reqwest::Error) -> ChatError {
    // The innermost cause says it best ("Connection refused"); the outer ones repeat the address.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    ChatError::Unreachable(cause.to_string())
}

/// The part of an answer that is used.
#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// One conversation with the model, a [`ChatService`].
pub struct Chat {
    model: Arc<ChatGPT>,
    system: Vec<String>,
    opening: Option<String>,
    history: History,
    left: Mutex<usize>,
    on_call: Box<dyn Fn(ModelCall) + Send + Sync>,
}

impl Chat {
    fn messages(&self, message: &str) -> Vec<Value> {
        let turn = |role: &str, text: &str| json!({ "role": role, "content": text });
        let mut messages: Vec<Value> = self.system.iter().map(|text| turn("system", text)).collect();
        messages.extend(self.opening.iter().map(|text| turn("user", text)));
        for (sent, got) in self.history.turns() {
            messages.push(turn("user", clip(&sent)));
            messages.push(turn("assistant", clip(&got)));
        }
        messages.push(turn("user", clip(message)));
        messages
    }

    fn spend(&self) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let some = *left > 0;
        *left = left.saturating_sub(1);
        some
    }
}

#[async_trait]
impl ChatService for Chat {
    async fn send_message(&self, message: &str) -> Result<String, ChatError> {
        let Ok(_call) = self.model.calls.try_acquire() else { return Err(ChatError::Resting) };
        if self.model.resting() || !self.spend() {
            return Err(ChatError::Resting);
        }
        let begun = Instant::now();
        let result = self.model.ask(&self.messages(message)).await;
        let usage = result.as_ref().ok().and_then(|completion| completion.usage.as_ref());
        let (prompt_tokens, completion_tokens) =
            usage.map_or((None, None), |usage| (usage.prompt_tokens, usage.completion_tokens));
        let answer = result.and_then(|completion| {
            let choice = completion.choices.into_iter().next();
            choice.and_then(|choice| choice.message.content).ok_or(ChatError::BadAnswer("it has no choices"))
        });
        self.model.note(answer.as_ref().err());
        (self.on_call)(ModelCall {
            model: self.model.config.model.clone(),
            error: answer.as_ref().err().cloned(),
            prompt_tokens,
            completion_tokens,
            latency: begun.elapsed(),
        });
        answer
    }
}

fn clip(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MESSAGE_LIMIT)).unwrap_or(text)
}
