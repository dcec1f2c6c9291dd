//! Pages of a program behind the server that is not there: below one or two prefixes of an instance, a model may say what
//! it answers. A host that had an answer to everything would give itself away, so all other paths are the server's own 404.

use std::sync::Arc;

use super::apps::Made;
use super::request::Request;
use crate::base::rng::Rng;
use crate::event::AnsweredBy;
use crate::respond::{Asked, Responder};
use crate::session::Session;
use crate::world::{Host, Who};

/// Where programs of small firms are found behind a web server.
const PREFIXES: [&str; 6] = ["/api/", "/internal/", "/intranet/", "/backend/", "/rest/", "/service/"];
/// Headers of a request that its answer may depend on.
const HEADERS: [&str; 4] = ["authorization", "content-type", "cookie", "x-requested-with"];
/// Bytes of a body that are told.
const BODY: usize = 1024;

/// Whether a program behind the server would answer: it is asked for below a prefix, and no file lies there.
pub(super) fn is_wanted(prefixes: Option<&[String]>, host: &Host, request: &Request) -> bool {
    let path = &request.target.path;
    let below = |prefix: &str| path.starts_with(prefix.as_bytes()) && path.len() > prefix.len();
    let mut rng = Rng::new(host.persona().seed, "program behind the server");
    let wanted = match prefixes {
        Some(prefixes) => prefixes.iter().any(|prefix| below(prefix)),
        None => usize::try_from(rng.next_u64() % PREFIXES.len() as u64)
            .ok()
            .and_then(|at| PREFIXES.get(at))
            .is_some_and(|prefix| below(prefix)),
    };
    wanted && host.stat(&Who::root(), &[b"/var/www/html", path.as_slice()].concat(), true).is_err()
}

/// What it answers; `None` when nobody knows.
pub(super) async fn page(
    responder: &Responder,
    session: &Arc<Session>,
    asked: &Asked,
    request: &Request,
    body: &[u8],
) -> Option<(Made, AnsweredBy)> {
    let (page, by) = responder.page(session, asked, &told(request, body)).await.ok()?;
    let is_kind = |name: &str| name.eq_ignore_ascii_case("content-type");
    let kind = page.headers.iter().find(|(name, _)| is_kind(name)).map(|(_, value)| value.clone());
    let json = page.body.trim_start().starts_with(['{', '[']);
    let kind = kind.unwrap_or_else(|| if json { "application/json" } else { "text/html; charset=UTF-8" }.into());
    let headers =
        page.headers.into_iter().filter(|(name, _)| !is_kind(name)).map(|(name, value)| (canonical(&name), value));
    let status = format!("{} {}", page.status, reason(page.status));
    Some((Made { status, kind, headers: headers.collect(), body: page.body.into_bytes() }, by))
}

/// The words of a status (RFC 9110, section 15).
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        422 => "Unprocessable Entity",
        _ => "Internal Server Error",
    }
}

/// The request in a few lines, without what does not matter to a program.
fn told(request: &Request, body: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut lines = vec![format!("{} {}", text(&request.method), text(&request.raw_target))];
    for (name, value) in &request.headers {
        let name = text(name).to_ascii_lowercase();
        if HEADERS.contains(&name.as_str()) {
            lines.push(format!("{name}: {}", text(value)));
        }
    }
    if !body.is_empty() {
        lines.push(String::new());
        lines.push(text(body.get(..BODY).unwrap_or(body)));
    }
    lines.join("\n")
}

/// `content-type` as programs write it: `Content-Type`.
fn canonical(name: &str) -> String {
    let part = |part: &str| {
        let mut chars = part.chars();
        chars.next().map(|first| first.to_ascii_uppercase().to_string() + &chars.as_str().to_ascii_lowercase())
    };
    let parts: Vec<String> = name.split('-').map(|word| part(word).unwrap_or_default()).collect();
    if name.eq_ignore_ascii_case("www-authenticate") { "WWW-Authenticate".into() } else { parts.join("-") }
}
