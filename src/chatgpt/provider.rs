//! One server of a model, by `genai`: its wire format, its answer as a stream, its deadlines. The only file that dials
//! out to a model.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatResponseFormat, ChatStreamEvent, JsonSpec, Usage};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::breaker::Breaker;
use super::price::Price;
use crate::base::Secret;
use crate::handler::ChatError;

/// Whose wire format a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// OpenAI's chat completions, and every server that speaks them: llama.cpp, vLLM, LM Studio, gateways.
    #[default]
    OpenAI,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// Ollama's own.
    Ollama,
}

impl Wire {
    /// Where its own servers are.
    pub fn home(self) -> &'static str {
        match self {
            Self::OpenAI => super::OPENAI,
            Self::Anthropic => "https://api.anthropic.com/v1",
            Self::Gemini => "https://generativelanguage.googleapis.com/v1beta",
            Self::Ollama => "http://127.0.0.1:11434",
        }
    }

    fn adapter(self) -> AdapterKind {
        match self {
            Self::OpenAI => AdapterKind::OpenAI,
            Self::Anthropic => AdapterKind::Anthropic,
            Self::Gemini => AdapterKind::Gemini,
            Self::Ollama => AdapterKind::Ollama,
        }
    }
}

/// What is asked, in no provider's format.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// What goes before everything.
    pub system: Vec<String>,
    /// The conversation: the visitor's turns, and what they got.
    pub turns: Vec<Turn>,
    /// JSON schema that the answer should satisfy; a hint, nothing relies on it.
    pub schema: Option<Value>,
    /// How long the visitor can wait.
    pub patience: Option<Patience>,
}

/// One turn of a conversation.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Said by the visitor; else by the host.
    pub visitor: bool,
    /// What was said.
    pub text: String,
}

/// How long an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until its first byte.
    pub first: Duration,
    /// Until its last.
    pub whole: Duration,
}

/// An answer, and what the server says it took.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub text: String,
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct Fault {
    pub error: ChatError,
    /// Whether the same server may answer if it is asked again soon.
    pub again: bool,
    /// How long it wants to be left alone.
    pub after: Option<Duration>,
}

impl Fault {
    fn of(error: ChatError) -> Self {
        use ChatError::{BadAnswer, Status, Unreachable};
        let again = matches!(error, Unreachable(_) | Status(429 | 500..) | BadAnswer(_));
        Self { error, again, after: None }
    }
}

/// Bytes of an answer per token that was allowed, above which the server does not keep its word.
const BYTES_PER_TOKEN: usize = 16;
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// One server.
pub(super) struct Provider {
    pub name: String,
    pub wire: Wire,
    pub base_url: String,
    pub key: Secret,
    pub model: String,
    pub max_tokens: u32,
    pub patience: Patience,
    pub price: Price,
    pub breaker: Breaker,
    client: OnceLock<Client>,
}

impl Provider {
    pub fn new(config: &super::ModelConfig) -> Self {
        let base_url = if config.base_url.is_empty() { config.provider.home() } else { &config.base_url };
        let whole = Duration::from_millis(config.timeout_ms);
        Self {
            name: if config.name.is_empty() { config.model.clone() } else { config.name.clone() },
            wire: config.provider,
            base_url: base_url.trim_end_matches('/').to_string(),
            key: config.api_key.clone(),
            model: config.model.clone(),
            max_tokens: config.max_tokens,
            patience: Patience { first: Duration::from_millis(config.first_byte_ms).min(whole), whole },
            price: Price::of(config),
            breaker: Breaker::default(),
            client: OnceLock::new(),
        }
    }

    /// Whether it is somebody else's machine, so that what third parties entrusted to us must not go there.
    pub fn is_remote(&self) -> bool {
        let host = self.base_url.split("://").nth(1).unwrap_or_default();
        let host = host.split(['/', '?']).next().unwrap_or_default();
        let host =
            host.rsplit_once(':').map_or(host, |(name, port)| if port.parse::<u16>().is_ok() { name } else { host });
        match host.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(ip)) => !(ip.is_loopback() || ip.is_private()),
            Ok(std::net::IpAddr::V6(ip)) => !(ip.is_loopback() || ip.is_unique_local()),
            Err(_) => host != "localhost",
        }
    }

    /// Asks once.
    pub async fn once(&self, request: &Request, until: Instant) -> Result<Answer, Fault> {
        let patience = request.patience.unwrap_or(self.patience);
        let begun = Instant::now();
        let whole = until.min(begun + patience.whole.min(self.patience.whole));
        let first = whole.min(begun + patience.first.min(self.patience.first));
        let late = |_| Fault::of(ChatError::TimedOut);
        let client = self.client()?;
        let (chat, options) = (self.chat(request), self.options(request));
        #[expect(clippy::disallowed_methods, reason = "this file owns the calls to the model")]
        let opened = client.exec_chat_stream(self.target(), chat, Some(&options));
        let mut stream = timeout_at(first, opened).await.map_err(late)?.map_err(|error| fault(&error))?.stream;
        let mut answer = Answer::default();
        let most = usize::try_from(self.max_tokens).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_TOKEN);
        let mut ended = false;
        loop {
            let until = if answer.text.is_empty() { first } else { whole };
            let Some(event) = timeout_at(until, stream.next()).await.map_err(late)? else { break };
            match event.map_err(|error| fault(&error))? {
                ChatStreamEvent::Chunk(chunk) => answer.text.push_str(&chunk.content),
                ChatStreamEvent::End(end) => {
                    ended = true;
                    answer.count(end.captured_usage.as_ref());
                    break;
                }
                _ => {}
            }
            if answer.text.len() > most {
                return Err(Fault::of(ChatError::BadAnswer("it is longer than was asked for")));
            }
        }
        if answer.text.is_empty() {
            return Err(Fault::of(ChatError::BadAnswer("it has no choices")));
        }
        if !ended {
            return Err(Fault::of(ChatError::BadAnswer("it broke off")));
        }
        Ok(answer)
    }

    fn target(&self) -> ServiceTarget {
        let key = if self.key.is_empty() { "none" } else { self.key.expose() };
        ServiceTarget {
            // Without the last slash the library takes the last part of the path for a file.
            endpoint: Endpoint::from_owned(format!("{}/", self.base_url)),
            auth: AuthData::from_single(key),
            model: ModelIden::new(self.wire.adapter(), self.model.as_str()),
        }
    }

    fn chat(&self, request: &Request) -> ChatRequest {
        let system = request.system.iter().map(ChatMessage::system);
        let turns = request.turns.iter().map(|turn| match turn.visitor {
            true => ChatMessage::user(turn.text.as_str()),
            false => ChatMessage::assistant(turn.text.as_str()),
        });
        ChatRequest::new(system.chain(turns).collect())
    }

    fn options(&self, request: &Request) -> ChatOptions {
        let options = ChatOptions::default().with_max_tokens(self.max_tokens).with_capture_usage(true);
        match &request.schema {
            Some(schema) if self.wire == Wire::OpenAI => {
                options.with_response_format(ChatResponseFormat::JsonSpec(JsonSpec::new("answer", schema.clone())))
            }
            _ => options,
        }
    }

    /// Built at the first question: it reads the certificates of the system.
    fn client(&self) -> Result<&Client, Fault> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let failed = |error: &dyn std::error::Error| Fault::of(ChatError::Unreachable(innermost(error)));
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| failed(&error))?;
        let client = Client::builder().with_reqwest(http).build().map_err(|error| failed(&error))?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl Answer {
    fn count(&mut self, usage: Option<&Usage>) {
        let count = |tokens: Option<i32>| tokens.and_then(|tokens| u64::try_from(tokens).ok());
        self.prompt_tokens = usage.and_then(|usage| count(usage.prompt_tokens));
        self.completion_tokens = usage.and_then(|usage| count(usage.completion_tokens));
    }
}

/// The library's errors carry whole answers, and requests with them: only what is needed is taken from them.
fn fault(error: &genai::Error) -> Fault {
    // What a stream meets lies in a box.
    if let genai::Error::WebStream { error, .. } = error
        && let Some(inner) = error.downcast_ref::<genai::Error>()
    {
        return fault(inner);
    }
    let Some(status) = error.status() else {
        return match error {
            genai::Error::ChatResponse { .. } => Fault::of(ChatError::BadAnswer("it is an error")),
            genai::Error::StreamParse { .. } | genai::Error::ChatResponseGeneration { .. } => {
                Fault::of(ChatError::BadAnswer("it is not the JSON of a chat completion"))
            }
            other => Fault::of(ChatError::Unreachable(innermost(other))),
        };
    };
    let after = error.headers().and_then(|headers| headers.get("retry-after")).and_then(|value| value.to_str().ok());
    Fault { after: after.and_then(retry_after), ..Fault::of(ChatError::Status(status.as_u16())) }
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(value: &str) -> Option<Duration> {
    let wait = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let then = jiff::fmt::rfc2822::parse(value.trim()).ok()?;
            let now = crate::base::clock::unix_seconds();
            Duration::from_secs(u64::try_from(then.timestamp().as_second() - now).unwrap_or(0))
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// The innermost cause says it best ("Connection refused"); the outer ones repeat address and request.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let mut text = String::new();
    let _ = write!(text, "{cause}");
    // Whatever it is, it is one short line.
    let line = text.lines().next_back().unwrap_or_default();
    line.get(..line.floor_char_boundary(200)).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_machine_it_is() {
        for (url, remote) in [
            ("https://api.openai.com/v1", true),
            ("http://127.0.0.1:8080/v1", false),
            ("http://localhost/v1", false),
            ("http://[::1]:8080/v1", false),
            ("http://192.168.3.4/v1", false),
            ("http://203.0.113.9:11434", true),
        ] {
            let provider = Provider::new(&super::super::ModelConfig { base_url: url.into(), ..Default::default() });
            assert_eq!(provider.is_remote(), remote, "{url}");
        }
    }

    #[test]
    fn how_long_a_server_wants_to_be_left_alone() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("999999999"), Some(LONGEST_WAIT));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
    }
}
