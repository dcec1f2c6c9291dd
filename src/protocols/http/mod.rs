//! Placeholder.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::Protocol;
use crate::prelude::*;
use crate::respond::Responder;
use crate::session::Stream;

/// `[http]` of `Config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}

/// The engine.
pub struct Http {}

impl Http {
    /// An engine of the configured kind.
    pub fn new(_config: &Config) -> Self {
        Self {}
    }
}

#[async_trait]
impl Protocol for Http {
    async fn serve(&self, _session: Arc<Session>, _responder: Arc<Responder>, _stream: Box<dyn Stream>) -> CloseReason {
        CloseReason::DialogEnded
    }
}

/// nginx's page for an error.
pub(super) fn error_page(status: &str) -> String {
    format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
         <hr><center>nginx/1.18.0 (Ubuntu)</center>\r\n</body>\r\n</html>\r\n"
    )
}

/// A date as HTTP has it (RFC 9110, IMF-fixdate).
pub(super) fn date(unix: i64) -> String {
    let at = crate::base::clock::Timestamp::from_second(unix).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
