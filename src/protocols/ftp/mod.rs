//! Placeholder.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::Protocol;
use crate::prelude::*;
use crate::respond::Responder;
use crate::session::Stream;

/// `[ftp]` of `Config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}

/// The engine.
pub struct Ftp {}

impl Ftp {
    /// An engine of the configured kind.
    pub fn new(_config: &Config) -> Self {
        Self {}
    }
}

#[async_trait]
impl Protocol for Ftp {
    async fn serve(&self, _session: Arc<Session>, _responder: Arc<Responder>, _stream: Box<dyn Stream>) -> CloseReason {
        CloseReason::DialogEnded
    }
}
