//! The seam of the original design: [`ChatService`], and [`handle_client`], one conversation over any stream and any
//! `ChatService`. `mode = "ai"` and the free `tcp` services are this function; the emulated protocols have engines of
//! their own. Knows no model, no protocol.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::event::{AnsweredBy, CloseReason, Kind};
use crate::session::{Session, Stream, Wire};

/// Something that can be talked to: text in, text out.
#[async_trait]
pub trait ChatService: Send + Sync {
    /// Answers one message.
    ///
    /// # Errors
    /// [`ChatError`] names the culprit. Its text is for the operator; callers never send it to a visitor.
    async fn send_message(&self, message: &str) -> Result<String, ChatError>;

    /// Who gave the last answer.
    fn answered_by(&self) -> AnsweredBy {
        AnsweredBy::Model
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatError {
    /// No model is configured.
    Absent,
    /// The server can't be reached, or the connection broke.
    Unreachable(String),
    /// No answer within the deadline.
    TimedOut,
    /// The server refused: its HTTP status. 401 and 403 are a wrong key, 429 a spent quota.
    Status(u16),
    /// The server's answer can't be used.
    BadAnswer(&'static str),
    /// The guard did not let the answer through: its rule.
    Refused(&'static str),
    /// The model failed lately and is not asked again yet.
    Resting,
    /// The answer is for the next visit that asks.
    Later,
    /// What may be spent is spent: whose budget.
    Spent(&'static str),
    /// The message is not put to a model: the rule.
    Kept(&'static str),
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no model is configured"),
            Self::Unreachable(why) => write!(f, "the model's server can't be reached: {why}"),
            Self::TimedOut => f.write_str("the model did not answer in time"),
            Self::Status(status @ (401 | 403)) => write!(f, "the model's server refused the API key (HTTP {status})"),
            Self::Status(429) => f.write_str("the model's server says that the quota is spent (HTTP 429)"),
            Self::Status(status) => write!(f, "the model's server answered HTTP {status}"),
            Self::BadAnswer(what) => write!(f, "the model's server sent an answer that can't be used: {what}"),
            Self::Refused(rule) => write!(f, "the guard refused the model's answer: {rule}"),
            Self::Later => f.write_str("the answer is for the next visit"),
            Self::Spent(whose) => write!(f, "the budget is spent: {whose}"),
            Self::Kept(rule) => write!(f, "the message is not put to a model: {rule}"),
            Self::Resting => f.write_str("the model failed lately and is left alone for a moment"),
        }
    }
}

impl std::error::Error for ChatError {}

/// One call of a model, as the event `model_called` records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCall {
    /// Name of the model as configured.
    pub model: String,
    /// What failed; `None` when it answered.
    pub error: Option<ChatError>,
    /// Tokens of the prompt, as the server counted them, else estimated.
    pub prompt_tokens: u64,
    /// Tokens of the answer, as the server counted them, else estimated.
    pub completion_tokens: u64,
    /// What that costs, in millionths of a US dollar.
    pub micro_usd: u64,
    /// How long it took.
    pub latency: Duration,
}

impl ModelCall {
    /// The event of this call.
    pub fn event(&self) -> Kind {
        Kind::ModelCalled {
            model: self.model.clone(),
            outcome: self.error.as_ref().map_or_else(|| "ok".into(), ToString::to_string),
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
            micro_usd: self.micro_usd,
            latency_ms: u64::try_from(self.latency.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What was said in one conversation: what the visitor sent and what they really got, oldest turns dropped first.
#[derive(Clone, Debug, Default)]
pub struct History(Arc<Mutex<Vec<(String, String)>>>);

/// Bounds of a history: turns, and bytes of all turns together.
const HISTORY_TURNS: usize = 20;
const HISTORY_BYTES: usize = 8 << 10;

impl History {
    /// Adds a turn.
    pub fn push(&self, sent: &str, got: &str) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.push((sent.into(), got.into()));
        let size = |turns: &[(String, String)]| turns.iter().map(|(sent, got)| sent.len() + got.len()).sum::<usize>();
        while turns.len() > HISTORY_TURNS || (turns.len() > 1 && size(&turns) > HISTORY_BYTES) {
            turns.remove(0);
        }
    }

    /// All turns, oldest first.
    pub fn turns(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How a conversation is held: what differs between protocols when a `ChatService` answers every line.
pub struct Manner {
    /// Sent at once; may be empty.
    pub banner: Vec<u8>,
    /// What is one message of the visitor.
    pub framing: Framing,
    /// The longest message in bytes; what is longer is cut, its rest is thrown away.
    pub longest: usize,
    /// The bytes for an answer of the service: line ends, status line.
    pub render: fn(&str) -> Vec<u8>,
    /// What the visitor gets when there is no answer; the real daemon's word for what it does not know.
    pub fallback: Fallback,
    /// Whether a message ends the conversation (`QUIT`, `exit`), and what is said to it.
    pub farewell: fn(&[u8]) -> Option<Vec<u8>>,
    /// Sent after every answer: a shell's prompt.
    pub prompt: Vec<u8>,
    /// What was said so far, shared with the service that answers.
    pub history: History,
}

/// What is said to a message that nobody answered.
pub type Fallback = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// What is one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A line.
    Line,
    /// The head of an HTTP request and as much of its body as `Content-Length` says, within the longest message.
    HttpRequest,
}

/// Holds one conversation: reads a message, asks, writes, records, until the end. Returns why it ended.
///
/// A failing service never shows: the visitor gets [`Manner::fallback`].
pub async fn handle_client<S, C>(stream: S, service: &C, session: &Arc<Session>, manner: &Manner) -> CloseReason
where
    S: Stream + 'static,
    C: ChatService + ?Sized,
{
    let mut wire = Wire::new(Box::new(stream), Arc::clone(session));
    match converse(&mut wire, service, session, manner).await {
        Ok(()) => CloseReason::DialogEnded,
        Err(reason) => {
            if !wire.unread().is_empty() {
                session.log().record(Kind::malformed("a message without an end", wire.unread()));
            }
            reason
        }
    }
}

async fn converse<C>(wire: &mut Wire, service: &C, session: &Session, manner: &Manner) -> Result<(), CloseReason>
where
    C: ChatService + ?Sized,
{
    wire.send(&manner.banner).await?;
    wire.send(&manner.prompt).await?;
    loop {
        let message = match manner.framing {
            Framing::Line => wire.line(manner.longest).await?.into_bytes(),
            Framing::HttpRequest => wire.http_request(manner.longest).await?,
        };
        let came = Instant::now();
        let (output, answered_by, end) = if let Some(farewell) = (manner.farewell)(&message) {
            (farewell, AnsweredBy::Emulator, true)
        } else if message.is_empty() {
            (Vec::new(), AnsweredBy::Emulator, false)
        } else {
            let text = String::from_utf8_lossy(&message);
            match service.send_message(&text).await {
                Ok(answer) => {
                    manner.history.push(&text, &answer);
                    ((manner.render)(&answer), service.answered_by(), false)
                }
                Err(_) => {
                    let fallback = (manner.fallback)(&message);
                    manner.history.push(&text, String::from_utf8_lossy(&fallback).trim_end());
                    (fallback, AnsweredBy::Fallback, false)
                }
            }
        };
        session.log().record(Kind::command(&message, &output, None, answered_by, came.elapsed()));
        wire.send(&output).await?;
        if end {
            return wire.finish().await;
        }
        wire.send(&manner.prompt).await?;
    }
}
