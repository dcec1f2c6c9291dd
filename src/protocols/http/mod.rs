//! HTTP as nginx/1.18.0 (Ubuntu) serves it: the files below `/var/www/html` of the simulated host, nothing else.
//! [`dialog`] and its helpers know what is answered; this loop reads, asks the world, writes and records.

mod body;
mod dialog;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod mime;
mod request;
mod select;
mod site;
mod target;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::Instant;

use super::Protocol;
use crate::base::clock;
use crate::prelude::*;
use crate::respond::Responder;
use crate::session::{Stream, Wire};
use body::Body;
use dialog::{Response, Setting};
use request::{Head, Progress, Refusal, Request};
use select::Part;

/// The server's name as the package of Ubuntu 20.04 gives it.
const SERVER: &str = "nginx/1.18.0 (Ubuntu)";
/// `client_header_timeout`
const HEAD_TIME: Duration = Duration::from_secs(60);
/// `keepalive_timeout` of Ubuntu's `nginx.conf`
const KEEP_TIME: Duration = Duration::from_secs(65);
/// `keepalive_requests`
const KEEP_REQUESTS: u32 = 100;
/// Bytes of a file that are in memory at once.
const PIECE: usize = 64 << 10;
/// Bytes of a body, or of what is no HTTP, that an event keeps.
const KEPT: usize = 4096;

/// `[http]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The `Server` header (RFC 9110, section 10.2.4), also at the foot of error pages.
    pub server: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { server: SERVER.into() }
    }
}

/// The engine.
pub struct Http {
    server: Arc<str>,
}

impl Http {
    /// An engine of the configured kind.
    pub fn new(config: &Config) -> Self {
        // A line end in the name would end the header.
        Self { server: config.server.replace(['\r', '\n'], " ").into() }
    }
}

#[async_trait]
impl Protocol for Http {
    async fn serve(&self, session: Arc<Session>, _responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason {
        let mut wire = Wire::new(stream, Arc::clone(&session));
        wire.set_idle(HEAD_TIME);
        // What a silent visitor costs is this future: the conversation's own is made when there is something to say.
        match wire.fill().await {
            Err(reason) => reason,
            Ok(_) => Box::pin(converse(&session, &mut wire, &self.server)).await.unwrap_or_else(|reason| reason),
        }
    }
}

/// nginx's page for an error.
pub(super) fn error_page(status: &str) -> String {
    dialog::page(status, SERVER)
}

/// A date as HTTP has it (RFC 9110, IMF-fixdate).
pub(super) fn date(unix: i64) -> String {
    let at = clock::Timestamp::from_second(unix).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

async fn converse(session: &Session, wire: &mut Wire, server: &str) -> Result<CloseReason, CloseReason> {
    let host = session.host();
    for count in 1_u32.. {
        let (request, refusal) = head(session, wire, count > 1).await?;
        let arrived = Instant::now();
        let setting = Setting {
            server,
            now: clock::unix_seconds(),
            address: &host.persona().address,
            port: session.log().visit().dst_port,
            last: count >= KEEP_REQUESTS,
        };
        let response = match refusal {
            Some(refusal) => dialog::refuse(&request, refusal, &setting),
            None => dialog::answer(&request, site::look(&host, &request.target.path), &setting),
        };
        if refusal == Some(Refusal::NotHttp) {
            let bytes = Raw::cut(wire.unread(), KEPT);
            session.log().record(Kind::Malformed { what: looks_like(&bytes.0).into(), bytes });
        }
        let (status, close) = (response.status, response.close);
        let sent = send(wire, response).await;
        let took = arrived.elapsed();
        // As nginx does: the answer first, then the body is read and thrown away.
        let bodied = matches!(refusal, None | Some(Refusal::BodyTooLarge | Refusal::NotAllowed));
        let mut body = Body::new(request.framing, KEPT);
        let read = if bodied && sent.is_ok() { body.read(wire).await } else { Ok(true) };
        record(session, request, &body, status, took);
        sent?;
        if close || !read? {
            wire.finish().await?;
            return Ok(CloseReason::DialogEnded);
        }
    }
    Ok(CloseReason::DialogEnded)
}

/// Reads one head; the second value says why it is none.
async fn head(session: &Session, wire: &mut Wire, again: bool) -> Result<(Request, Option<Refusal>), CloseReason> {
    let mut head = Head::new();
    let mut until = Instant::now() + if again { KEEP_TIME } else { HEAD_TIME };
    let mut counts_down = !again;
    // The beginning of a head that never ends is evidence as well.
    let mut seen = Vec::new();
    loop {
        let (used, progress) = head.advance(wire.unread());
        let taken = wire.take(used);
        seen.extend(taken.into_iter().take(4096_usize.saturating_sub(seen.len())));
        match progress {
            Progress::Done => return Ok((head.into_request(), None)),
            Progress::Refused(refusal) => return Ok((head.into_request(), Some(refusal))),
            Progress::More => {}
        }
        if head.started() && !counts_down {
            counts_down = true;
            until = Instant::now() + HEAD_TIME;
        }
        wire.set_idle(until.saturating_duration_since(Instant::now()));
        if let Err(reason) = wire.fill().await {
            seen.extend_from_slice(wire.unread());
            if !seen.is_empty() {
                session.log().record(Kind::malformed("a request without an end", &seen));
            }
            return Err(reason);
        }
    }
}

async fn send(wire: &mut Wire, response: Response) -> Result<(), CloseReason> {
    wire.set_idle(HEAD_TIME);
    let Some((file, parts)) = response.file else { return wire.send(&response.start).await };
    // Head and a small file leave in one packet, as they do from nginx.
    let mut out = response.start;
    for part in parts {
        match part {
            Part::Bytes(bytes) => out.extend_from_slice(&bytes),
            Part::File { mut from, mut len } => {
                while len > 0 {
                    let wanted = usize::try_from(len).unwrap_or(PIECE).min(PIECE);
                    let piece = file.content.read_at(from, wanted).unwrap_or_default();
                    if piece.is_empty() {
                        return Err(CloseReason::Failure);
                    }
                    from += piece.len() as u64;
                    len = len.saturating_sub(piece.len() as u64);
                    out.extend_from_slice(&piece);
                    wire.send(&out).await?;
                    out.clear();
                }
            }
        }
    }
    wire.send(&out).await
}

fn record(session: &Session, request: Request, body: &Body, status: u16, took: Duration) {
    session.log().record(Kind::HttpRequest {
        method: request.method.into(),
        target: request.raw_target.into(),
        version: request.version.into(),
        headers: request.headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        body: body.kept().into(),
        body_bytes: body.bytes(),
        status,
        answered_by: AnsweredBy::Emulator,
        duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    });
}

/// A name for bytes that are no HTTP.
fn looks_like(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x16, 0x03, ..] => "TLS hello",
        [0x03, 0x00, ..] => "RDP connection request",
        [b'S', b'S', b'H', b'-', ..] => "SSH identification",
        [first, ..] if !first.is_ascii_graphic() => "binary",
        _ => "no HTTP request line",
    }
}
