//! `ChatGPT`, the model client: OpenAI's chat API and every other one that a provider speaks, several servers in order.
//!
//! Nothing here reaches a visitor: errors are [`ChatError`]s for the operator. A deadline, a bound on the answer, one more
//! try where it may help, and a rest after a failure, so that neither a dead server nor a flood of questions hurts.

mod breaker;
mod mask;
mod price;
mod provider;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::base::{Secret, rng};
use crate::handler::{ChatError, ChatService, History, ModelCall};
use mask::Mask;
pub use price::{Price, tokens_of};
use provider::{Fault, Provider};
pub use provider::{Patience, Request, Turn, Wire};

/// `[openai]` of `Config.toml`: the first model, and what holds for all of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// API key; servers of one's own may need none.
    pub api_key: Secret,
    /// Address of the API, up to and with `/v1`.
    pub base_url: String,
    /// Model to ask for.
    pub model: String,
    /// Milliseconds that an answer may take, and its first byte.
    pub timeout_ms: u64,
    /// See `timeout_ms`.
    pub first_byte_ms: u64,
    /// Tokens that an answer may have.
    pub max_tokens: u32,
    /// US dollars for a million tokens of the prompt; the list price when it is not said.
    pub price_in: Option<f64>,
    /// The same for tokens of the answer.
    pub price_out: Option<f64>,
    /// Folder of templates that count instead of the built-in ones (`program.txt`, `file.txt`, …); empty: none.
    pub prompts: PathBuf,
    /// Questions that may be under way at once; what comes on top gets the fallback.
    pub concurrent_calls: usize,
    /// Questions that one visit may cost.
    pub calls_per_visit: usize,
    /// Prompts that go before every conversation: `message1`, `message2`, ….
    pub static_messages: BTreeMap<String, String>,
}

/// `[[models]]` of `Config.toml`: servers that are asked when those before them fail.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Name in events; empty: that of the model.
    pub name: String,
    /// Wire format: `openai`, `anthropic`, `gemini`, `ollama`.
    pub provider: Wire,
    /// Address of the API; empty: the provider's own.
    pub base_url: String,
    /// API key.
    pub api_key: Secret,
    /// Model to ask for.
    pub model: String,
    /// Milliseconds that an answer may take, and its first byte.
    pub timeout_ms: u64,
    /// See `timeout_ms`.
    pub first_byte_ms: u64,
    /// Tokens that an answer may have.
    pub max_tokens: u32,
    /// US dollars for a million tokens of the prompt; the list price when it is not said.
    pub price_in: Option<f64>,
    /// The same for tokens of the answer.
    pub price_out: Option<f64>,
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
            first_byte_ms: 5000,
            max_tokens: 512,
            price_in: None,
            price_out: None,
            prompts: PathBuf::new(),
            concurrent_calls: 8,
            calls_per_visit: 200,
            static_messages: BTreeMap::new(),
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        let Config { timeout_ms, first_byte_ms, max_tokens, .. } = Config::default();
        Self {
            name: String::new(),
            provider: Wire::default(),
            base_url: String::new(),
            api_key: Secret::default(),
            model: String::new(),
            timeout_ms,
            first_byte_ms,
            max_tokens,
            price_in: None,
            price_out: None,
        }
    }
}

impl ModelConfig {
    /// Where it is.
    pub fn address(&self) -> &str {
        if self.base_url.is_empty() { self.provider.home() } else { &self.base_url }
    }

    /// What is wrong with a value: its key and the reason.
    ///
    /// # Errors
    /// No model, or an address that is none.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.model.is_empty() {
            return Err(("model", "name the model to ask for".into()));
        }
        if !self.base_url.is_empty() && !self.base_url.starts_with("http://") && !self.base_url.starts_with("https://")
        {
            return Err(("base_url", "an address begins with http:// or https://".into()));
        }
        Ok(())
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

    /// The model of this section, as one of the list.
    fn first(&self) -> ModelConfig {
        ModelConfig {
            name: self.model.clone(),
            provider: Wire::OpenAI,
            base_url: self.base_url.clone(),
            api_key: if self.api_key.expose() == PLACEHOLDER { Secret::default() } else { self.api_key.clone() },
            model: self.model.clone(),
            timeout_ms: self.timeout_ms,
            first_byte_ms: self.first_byte_ms,
            max_tokens: self.max_tokens,
            price_in: self.price_in,
            price_out: self.price_out,
        }
    }
}

/// The client; one for all conversations.
pub struct ChatGPT {
    providers: Vec<Provider>,
    prompts: Vec<String>,
    calls: Semaphore,
}

/// The longest message of a visitor that is passed on, in bytes.
const MESSAGE_LIMIT: usize = 6 << 10;
/// Tries of one server for one question.
const TRIES: u32 = 2;

/// What a question may cost at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Tokens of prompt and answer.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub micro_usd: u64,
}

impl ChatGPT {
    /// A client for the configured servers; `None` when there is none. Nothing is dialled before the first question.
    pub fn new(config: &Config, more: &[ModelConfig]) -> Option<Arc<Self>> {
        let first = config.usable().then(|| config.first());
        let providers: Vec<Provider> = first.iter().chain(more).map(Provider::new).collect();
        let calls = Semaphore::new(config.concurrent_calls.max(1));
        (!providers.is_empty()).then(|| Arc::new(Self { providers, prompts: config.prompts(), calls }))
    }

    /// The longest that an answer may take.
    pub fn patience(&self) -> Duration {
        self.providers.iter().map(|provider| provider.patience.whole).max().unwrap_or_default()
    }

    /// Whether questions may go to somebody else's machine.
    pub fn is_remote(&self) -> bool {
        self.providers.iter().any(Provider::is_remote)
    }

    /// One conversation: the static messages, then what `request` has, then what `history` holds, then the message.
    /// Whoever answers the visitor adds to the history; `on_call` hears of every call.
    pub fn conversation(
        self: &Arc<Self>,
        request: Request,
        history: History,
        on_call: impl Fn(ModelCall) + Send + Sync + 'static,
    ) -> Chat {
        let system = self.prompts.iter().cloned().chain(request.system.iter().cloned()).collect();
        let request = Request { system, ..request };
        Chat { model: Arc::clone(self), request, history, on_call: Box::new(on_call) }
    }

    /// What a question of that many bytes may cost at most, with the dearest of the models.
    pub fn estimate(&self, bytes: usize) -> Cost {
        let prompt = tokens_of(bytes);
        let of = |provider: &Provider| {
            let answer = u64::from(provider.max_tokens);
            Cost { tokens: prompt + answer, micro_usd: provider.price.of_tokens(prompt, answer) }
        };
        let most = |one: Cost, other: Cost| Cost {
            tokens: one.tokens.max(other.tokens),
            micro_usd: one.micro_usd.max(other.micro_usd),
        };
        self.providers.iter().map(of).fold(Cost::default(), most)
    }

    /// Asks one server after the other until one answers or there is no time left.
    async fn ask(&self, request: &Request, on_call: &(dyn Fn(ModelCall) + Send + Sync)) -> Result<String, ChatError> {
        let Ok(_call) = self.calls.try_acquire() else { return Err(ChatError::Resting) };
        let longest = self.patience();
        let until = Instant::now() + request.patience.map_or(longest, |patience| patience.whole.min(longest));
        let mut last = ChatError::Resting;
        for provider in &self.providers {
            let Some(permit) = provider.breaker.permit() else { continue };
            match self.ask_one(provider, request, until, on_call).await {
                Ok(text) => {
                    permit.answered(&provider.name);
                    return Ok(text);
                }
                Err(fault) => {
                    permit.failed(&provider.name, &fault.error, fault.after);
                    last = fault.error;
                }
            }
            if Instant::now() >= until {
                break;
            }
        }
        Err(last)
    }

    async fn ask_one(
        &self,
        provider: &Provider,
        request: &Request,
        until: Instant,
        on_call: &(dyn Fn(ModelCall) + Send + Sync),
    ) -> Result<String, Fault> {
        let mut tried = 0;
        loop {
            tried += 1;
            let begun = Instant::now();
            let result = provider.once(request, until).await;
            on_call(call(provider, request, result.as_ref(), begun.elapsed()));
            let fault = match result {
                Ok(answer) => return Ok(answer.text),
                Err(fault) => fault,
            };
            let pause =
                fault.after.unwrap_or_else(|| rng::spread(Duration::from_millis(100), Duration::from_millis(400)));
            if !fault.again || tried >= TRIES || begun + pause >= until {
                return Err(fault);
            }
            sleep(pause).await;
        }
    }
}

/// A call as its event records it. What nobody counted is estimated.
fn call(
    provider: &Provider,
    request: &Request,
    result: Result<&provider::Answer, &Fault>,
    latency: Duration,
) -> ModelCall {
    let prompt = tokens_of(request.bytes());
    let (prompt_tokens, completion_tokens) = match result {
        Ok(answer) => (
            answer.prompt_tokens.unwrap_or(prompt),
            answer.completion_tokens.unwrap_or_else(|| tokens_of(answer.text.len())),
        ),
        // It may have worked on it, and then that is paid for.
        Err(Fault { error: ChatError::TimedOut | ChatError::BadAnswer(_), .. }) => (prompt, 0),
        Err(_) => (0, 0),
    };
    ModelCall {
        model: provider.name.clone(),
        error: result.err().map(|fault| fault.error.clone()),
        prompt_tokens,
        completion_tokens,
        micro_usd: provider.price.of_tokens(prompt_tokens, completion_tokens),
        latency,
    }
}

impl Request {
    /// Bytes of all that is said.
    pub fn bytes(&self) -> usize {
        self.system.iter().map(String::len).sum::<usize>()
            + self.turns.iter().map(|turn| turn.text.len()).sum::<usize>()
    }
}

/// One conversation with the model, a [`ChatService`].
pub struct Chat {
    model: Arc<ChatGPT>,
    request: Request,
    history: History,
    on_call: Box<dyn Fn(ModelCall) + Send + Sync>,
}

impl Chat {
    /// All that is said when this message is asked.
    pub fn request(&self, message: &str) -> Request {
        let mut request = self.request.clone();
        let turn = |visitor: bool, text: &str| Turn { visitor, text: clip(text).to_string() };
        for (sent, got) in self.history.turns() {
            request.turns.push(turn(true, &sent));
            request.turns.push(turn(false, &got));
        }
        request.turns.push(turn(true, message));
        request
    }
}

#[async_trait]
impl ChatService for Chat {
    async fn send_message(&self, message: &str) -> Result<String, ChatError> {
        let request = self.request(message);
        if !self.model.is_remote() {
            return self.model.ask(&request, &*self.on_call).await;
        }
        let mut mask = Mask::default();
        let turns = request.turns.iter().map(|turn| Turn { text: mask.hide(&turn.text), ..*turn }).collect();
        let answer = self.model.ask(&Request { turns, ..request }, &*self.on_call).await?;
        Ok(mask.restore(&answer))
    }
}

fn clip(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MESSAGE_LIMIT)).unwrap_or(text)
}
