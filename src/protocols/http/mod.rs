//! HTTP as nginx or Apache serve it: the files below `/var/www/html` of the simulated host.
//! [`dialog`] and its helpers know what is answered; this loop reads, asks the world, writes and records.

mod apache;
mod apps;
mod body;
mod busybox;
mod dialog;
mod docker;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gzip;
mod https;
mod invented;
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
use crate::base::rng::Rng;
use crate::prelude::*;
use crate::respond::{Asked as Questions, Responder};
use crate::session::{Stream, Wire};
use crate::world::{APPS, Host, Web};
use apps::Apps;
use body::Body;
use dialog::{Response, Setting};
use docker::Docker;
use request::{Framing, Head, Progress, Refusal, Request};
use select::Part;

/// The server's name as the package of Ubuntu 20.04 gives it.
const SERVER: &str = "nginx/1.18.0 (Ubuntu)";
/// `RequestReadTimeout header=20-40`, `KeepAliveTimeout` of Debian's Apache
const APACHE_HEAD_TIME: Duration = Duration::from_secs(20);
const APACHE_KEEP_TIME: Duration = Duration::from_secs(5);
/// `client_header_timeout`
const HEAD_TIME: Duration = Duration::from_secs(60);
/// `keepalive_timeout` of Ubuntu's `nginx.conf`
const KEEP_TIME: Duration = Duration::from_secs(65);
/// Bytes of a file that are in memory at once.
const PIECE: usize = 64 << 10;
/// Bytes of a body, or of what is no HTTP, that an event keeps.
const KEPT: usize = 4096;

/// `[http]` of `Config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which server: `nginx` or `apache`, in the version of the persona's distribution, or the whole `Server` header
    /// (RFC 9110, section 10.2.4), which also stands at the foot of error pages. Empty: the one that the persona runs.
    pub server: String,
    /// Programs of the web root: names of `data/apps`. Absent: at most two that the instance's seed chooses.
    pub apps: Option<Vec<String>>,
    /// Prefixes of paths below which a model may say what a program behind the server answers. Absent: one that the
    /// instance's seed chooses.
    pub invent: Option<Vec<String>>,
}

impl Config {
    /// What no single value shows.
    ///
    /// # Errors
    /// The key below `[http]` and the reason.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if let Some(wrong) = self.invent.iter().flatten().find(|prefix| !prefix.starts_with('/') || prefix.len() < 3) {
            return Err(("invent", format!("{wrong:?} is no prefix below the root, such as \"/api/\"")));
        }
        let known = |name: &&String| APPS.iter().any(|app| app.name == name.as_str());
        match self.apps.iter().flatten().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => {
                let names: Vec<&str> = APPS.iter().map(|app| app.name).collect();
                Err(("apps", format!("there is no app {name:?}; there are {}", names.join(", "))))
            }
        }
    }

    /// What the host itself has to know.
    pub fn web(&self) -> Web {
        Web {
            apache: self.server.to_ascii_lowercase().starts_with("apache"),
            by_seed: self.apps.is_none(),
            apps: self.apps.clone().unwrap_or_default(),
        }
    }
}

/// The engine.
pub struct Http {
    server: Arc<str>,
    apps: Apps,
    /// The port begins with TLS.
    tls: bool,
    /// The port is that of Docker's API.
    docker: Option<Docker>,
    /// Prefixes of programs behind the server.
    invent: Option<Vec<String>>,
}

/// What somebody speaks on a port, and is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// Plain HTTP where it belongs.
    Http,
    /// TLS.
    Https,
    /// Plain HTTP where TLS belongs.
    Mistaken,
}

impl Http {
    /// An engine of the configured kind.
    pub fn new(config: &Config) -> Self {
        // A line end in the name would end the header.
        let server = config.server.replace(['\r', '\n'], " ").into();
        Self { server, apps: Apps::default(), tls: false, docker: None, invent: config.invent.clone() }
    }

    /// The same for a port that begins with TLS.
    pub fn over_tls(config: &Config) -> Self {
        Self { tls: true, ..Self::new(config) }
    }

    /// The API of a Docker engine that listens for everybody.
    pub fn docker() -> Self {
        Self {
            server: SERVER.into(),
            apps: Apps::default(),
            tls: false,
            docker: Some(Docker::default()),
            invent: Some(Vec::new()),
        }
    }

    /// One conversation, from its first byte.
    async fn converse(
        &self,
        session: &Arc<Session>,
        responder: &Responder,
        wire: &mut Wire,
    ) -> Result<CloseReason, CloseReason> {
        let scheme = if self.tls { https::begin(session, wire, &self.server).await? } else { Some(Scheme::Http) };
        match scheme {
            Some(scheme) => converse(session, responder, wire, self, scheme).await,
            None => Ok(CloseReason::DialogEnded),
        }
    }
}

/// The `Server` header for a host.
fn server_of(config: &str, host: &Host) -> String {
    let persona = host.persona();
    let apache = match config {
        "" => host.runs_apache(),
        "nginx" => false,
        "apache" => true,
        whole => return whole.into(),
    };
    let ubuntu = persona.os_id == "ubuntu";
    match (apache, ubuntu) {
        (false, true) => SERVER,
        (false, false) => "nginx/1.22.1",
        (true, true) => "Apache/2.4.41 (Ubuntu)",
        (true, false) => "Apache/2.4.68 (Debian)",
    }
    .into()
}

#[async_trait]
impl Protocol for Http {
    async fn serve(&self, session: Arc<Session>, responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason {
        let mut wire = Wire::new(stream, Arc::clone(&session));
        wire.set_idle(HEAD_TIME);
        // What a silent visitor costs is this future: the conversation's own is made when there is something to say.
        match wire.fill().await {
            Err(reason) => reason,
            Ok(_) => Box::pin(self.converse(&session, &responder, &mut wire)).await.unwrap_or_else(|reason| reason),
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

/// A head in the making, of whichever server.
enum Reading {
    Nginx(Head),
    Apache(apache::Head),
}

/// A head that has come, and what is wrong with it.
enum Asked {
    Nginx(Request, Option<Refusal>),
    Apache(Box<apache::Asked>),
}

impl Asked {
    fn request(&self) -> &Request {
        match self {
            Self::Nginx(request, _) => request,
            Self::Apache(asked) => &asked.request,
        }
    }

    fn into_request(self) -> Request {
        match self {
            Self::Nginx(request, _) => request,
            Self::Apache(asked) => asked.request,
        }
    }

    /// What came is another protocol's.
    fn foreign(&self) -> bool {
        match self {
            Self::Nginx(_, refusal) => *refusal == Some(Refusal::NotHttp),
            Self::Apache(asked) => asked.fault == Some(apache::Fault::NotHttp),
        }
    }

    /// A visitor who waits is told to go on before their body is read.
    fn continues(&self) -> bool {
        match self {
            Self::Nginx(request, _) => dialog::waits(request),
            Self::Apache(asked) => apache::continues(asked),
        }
    }

    /// There is a request, not only something to complain about.
    fn is_request(&self) -> bool {
        match self {
            Self::Nginx(_, refusal) => refusal.is_none(),
            Self::Apache(asked) => asked.fault.is_none(),
        }
    }

    /// The body is read, and so recorded: nginx reads it after some of its refusals too.
    fn bodied(&self) -> bool {
        match self {
            Self::Nginx(_, refusal) => matches!(refusal, None | Some(Refusal::BodyTooLarge | Refusal::NotAllowed)),
            Self::Apache(asked) => apache::reads_first(asked),
        }
    }
}

/// The one request of a connection to BusyBox's httpd.
async fn once(session: &Session, wire: &mut Wire, engine: &Http, host: &Host) -> Result<CloseReason, CloseReason> {
    let ends = |bytes: &[u8]| {
        let crlf = bytes.windows(4).position(|part| part == b"\r\n\r\n").map(|at| at + 4);
        let lf = bytes.windows(2).position(|part| part == b"\n\n").map(|at| at + 2);
        crlf.into_iter().chain(lf).min().or((bytes.len() >= busybox::LONGEST).then_some(busybox::LONGEST))
    };
    let end = loop {
        match ends(wire.unread()) {
            Some(end) => break end,
            None => {
                let filled = wire.fill().await;
                if filled.is_err() && !wire.unread().is_empty() {
                    session.log().record(Kind::malformed("a request without an end", wire.unread()));
                }
                filled?;
            }
        }
    };
    let arrived = Instant::now();
    let head = wire.take(end);
    let (request, outcome) = busybox::parse(&head);
    let now = clock::unix_seconds();
    let mut body = Body::new(request.framing, KEPT, session);
    body.read(wire).await?;
    let response = match outcome {
        Err(status) => {
            let bytes = Raw::cut(&head, KEPT);
            if request.version.is_empty() {
                session.log().record(Kind::Malformed { what: looks_like(&bytes.0).into(), bytes });
            }
            busybox::page(&request, status, "", now)
        }
        Ok(()) => match engine.apps.find(host, &request) {
            None => busybox::answer(&request, host, now),
            Some(route) => {
                let visited = (session.world(), host);
                let (made, tried) = engine.apps.answer(route, visited, &request, body.kept(), now, engine.tls);
                if let Some(tried) = tried {
                    session.log().record(apps::login_event(tried));
                }
                busybox::made(&made)
            }
        },
    };
    let status = response.status;
    let sent = send(wire, response).await;
    body.store(session, &request);
    record(session, request, &body, (status, AnsweredBy::Emulator), arrived.elapsed());
    sent?;
    wire.finish().await?;
    Ok(CloseReason::DialogEnded)
}

async fn converse(
    session: &Arc<Session>,
    responder: &Responder,
    wire: &mut Wire,
    engine: &Http,
    scheme: Scheme,
) -> Result<CloseReason, CloseReason> {
    let host = session.host();
    if engine.server.is_empty() && host.persona().os_id == "busybox" {
        return once(session, wire, engine, &host).await;
    }
    let persona = host.persona();
    let server = server_of(&engine.server, &host);
    let apache = server.starts_with("Apache");
    let boundary = format!("{:016x}", Rng::new(persona.seed, "multipart").next_u64());
    let questions = Questions::default();
    for count in 1_u32.. {
        let mut asked = head(session, wire, count > 1, apache).await?;
        if let Asked::Nginx(request, None) = &mut asked {
            request.spoiled = request.framing == Framing::Chunked && body::spoiled(wire.unread());
        }
        let arrived = Instant::now();
        let setting = Setting {
            server: &server,
            now: clock::unix_seconds(),
            address: &persona.address,
            port: session.called_port(),
            count,
            name: &persona.fqdn,
            boundary: &boundary,
            https: engine.tls,
        };
        let mistaken = scheme == Scheme::Mistaken;
        let mut body = Body::new(asked.request().framing, KEPT, session);
        let mut broken = false;
        let docker = engine.docker.as_ref().filter(|_| asked.is_request());
        let own = docker.is_none() && asked.is_request() && !mistaken;
        let app = if own { engine.apps.find(&host, asked.request()) } else { None };
        let invented = own
            && app.is_none()
            && responder.has_model()
            && invented::is_wanted(engine.invent.as_deref(), &host, asked.request());
        let first = (apache && asked.bodied()) || app.is_some() || docker.is_some() || invented;
        if first {
            if asked.continues() {
                wire.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            broken = !body.read(wire).await?;
        }
        let page = match invented && !broken {
            true => invented::page(responder, session, &questions, asked.request(), body.kept()).await,
            false => None,
        };
        let by = page.as_ref().map_or(AnsweredBy::Emulator, |(_, by)| *by);
        let path = &asked.request().target.path;
        let response = match &asked {
            Asked::Apache(asked) if broken => apache::bad_body(asked, &setting),
            asked if docker.is_some() => {
                let Some(docker) = docker else { continue };
                let source = session.log().visit().src_ip;
                docker.answer(source, persona, asked.request(), body.kept(), setting.now)
            }
            asked if app.is_some() => {
                let Some(route) = app else { continue };
                let request = asked.request();
                let visited = (session.world(), &*host);
                let (made, tried) = engine.apps.answer(route, visited, request, body.kept(), setting.now, engine.tls);
                if let Some(tried) = tried {
                    session.log().record(apps::login_event(tried));
                }
                match asked {
                    Asked::Nginx(request, _) => dialog::made(request, &made, &setting),
                    Asked::Apache(asked) => apache::made(asked, &made, &setting),
                }
            }
            asked if page.is_some() => {
                let Some((made, _)) = &page else { continue };
                match asked {
                    Asked::Nginx(request, _) => dialog::made(request, made, &setting),
                    Asked::Apache(asked) => apache::made(asked, made, &setting),
                }
            }
            Asked::Nginx(request, None | Some(Refusal::BodyTooLarge)) if mistaken => {
                dialog::to_https(request, &setting)
            }
            _ if engine.docker.is_some() => docker::refused(),
            Asked::Nginx(request, Some(refusal)) => dialog::refuse(request, *refusal, &setting),
            Asked::Nginx(request, None) => dialog::answer(request, site::look(&host, path), &setting),
            Asked::Apache(asked) => apache::answer(asked, site::look_apache(&host, path), &setting),
        };
        if asked.foreign() {
            let bytes = Raw::cut(wire.unread(), KEPT);
            session.log().record(Kind::Malformed { what: looks_like(&bytes.0).into(), bytes });
        }
        let (status, close) = (response.status, response.close);
        let sent = send(wire, response).await;
        let took = arrived.elapsed();
        // As nginx does: the answer first, then the body is read and thrown away.
        let read = if !first && asked.bodied() && sent.is_ok() { body.read(wire).await } else { Ok(!broken) };
        body.store(session, asked.request());
        record(session, asked.into_request(), &body, (status, by), took);
        sent?;
        if close || !read? {
            wire.finish().await?;
            return Ok(CloseReason::DialogEnded);
        }
    }
    Ok(CloseReason::DialogEnded)
}

/// Reads one head.
async fn head(session: &Session, wire: &mut Wire, again: bool, apache: bool) -> Result<Asked, CloseReason> {
    let mut reading = if apache { Reading::Apache(apache::Head::new()) } else { Reading::Nginx(Head::new()) };
    let (head_time, keep_time) = if apache { (APACHE_HEAD_TIME, APACHE_KEEP_TIME) } else { (HEAD_TIME, KEEP_TIME) };
    let mut until = Instant::now() + if again { keep_time } else { head_time };
    let mut last = until + (APACHE_HEAD_TIME);
    let mut counts_down = !again;
    // The beginning of a head that never ends is evidence as well.
    let mut seen = Vec::new();
    loop {
        let (used, progress, started) = match &mut reading {
            Reading::Nginx(head) => {
                let (used, progress) = head.advance(wire.unread());
                (used, progress, head.started())
            }
            Reading::Apache(head) => {
                let (used, progress) = head.advance(wire.unread());
                (used, progress, head.started())
            }
        };
        let taken = wire.take(used);
        seen.extend(taken.into_iter().take(4096_usize.saturating_sub(seen.len())));
        match (progress, reading) {
            (Progress::More, going_on) => reading = going_on,
            (Progress::Refused(refusal), Reading::Nginx(head)) => {
                return Ok(Asked::Nginx(head.into_request(), Some(refusal)));
            }
            (_, Reading::Nginx(head)) => return Ok(Asked::Nginx(head.into_request(), None)),
            (_, Reading::Apache(head)) => return Ok(Asked::Apache(Box::new(head.into_asked()))),
        }
        if started && !counts_down {
            counts_down = true;
            until = Instant::now() + head_time;
            last = until + APACHE_HEAD_TIME;
        }
        wire.set_idle(until.saturating_duration_since(Instant::now()));
        match wire.fill().await {
            Ok(bytes) if apache && counts_down => {
                // `header=20-40,minrate=500`: 500 bytes buy a second.
                until = (until + Duration::from_micros(bytes as u64 * 2000)).min(last);
            }
            Ok(_) => {}
            Err(reason) => {
                seen.extend_from_slice(wire.unread());
                if !seen.is_empty() {
                    session.log().record(Kind::malformed("a request without an end", &seen));
                }
                return match reading {
                    Reading::Apache(head) if reason == CloseReason::Idle && head.line_known() => {
                        Ok(Asked::Apache(Box::new(head.late())))
                    }
                    _ => Err(reason),
                };
            }
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

fn record(session: &Session, request: Request, body: &Body, answer: (u16, AnsweredBy), took: Duration) {
    session.log().record(Kind::HttpRequest {
        method: request.method.into(),
        target: request.raw_target.into(),
        version: request.version.into(),
        headers: request.headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        body: body.kept().into(),
        body_bytes: body.bytes(),
        status: answer.0,
        answered_by: answer.1,
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
