//! Free services: `[[services]]` of type `tcp`. A banner, then every line to the model; without one, the line is
//! answered by the configured fallback. This is the original design's [`handle_client`] on a port of one's choice.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::{Protocol, ai};
use crate::handler::{Framing, History, Manner, handle_client};
use crate::prelude::*;
use crate::respond::{Mode, Responder};
use crate::session::Stream;

/// One `[[services]]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the service in events and logs.
    pub name: String,
    /// `tcp`, the only type there is.
    #[serde(rename = "type")]
    pub kind: ServiceKind,
    /// Port to listen on.
    pub port: u16,
    /// Sent at once; `\r\n` is yours to write.
    #[serde(default)]
    pub banner: String,
    /// What a line gets when no model answers.
    #[serde(default)]
    pub fallback: String,
    /// `hybrid` and `ai` are the same here: there is no emulator to come first. `emulator` is the fallback alone.
    #[serde(default)]
    pub mode: Mode,
    /// A load balancer in front sends PROXY headers.
    #[serde(default)]
    pub proxy_protocol: bool,
}

/// Types of free services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceKind {
    /// Lines over TCP.
    Tcp,
}

/// The engine of one free service.
pub struct Tcp {
    name: String,
    banner: Vec<u8>,
    fallback: Vec<u8>,
}

impl Tcp {
    /// The engine of a configured service.
    pub fn new(config: &Config) -> Self {
        Self {
            name: config.name.clone(),
            banner: config.banner.clone().into(),
            fallback: config.fallback.clone().into(),
        }
    }
}

/// The longest line in bytes.
const LONGEST: usize = 4096;

#[async_trait]
impl Protocol for Tcp {
    async fn serve(&self, session: Arc<Session>, responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason {
        let history = History::default();
        let service = responder.chat(&session, &self.name, &history);
        let fallback = self.fallback.clone();
        let manner = Manner {
            banner: self.banner.clone(),
            framing: Framing::Line,
            longest: LONGEST,
            render: ai::crlf,
            fallback: Box::new(move |_| fallback.clone()),
            farewell: |_| None,
            prompt: Vec::new(),
            history,
        };
        handle_client(stream, service.as_ref(), &session, &manner).await
    }
}
