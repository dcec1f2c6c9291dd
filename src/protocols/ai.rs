//! `mode = "ai"`: the original design in its pure form. The static banner of the protocol, then every line to the
//! `ChatService`, through [`handle_client`]; what the guard refuses is answered with the daemon's own plain word.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::Protocol;
use crate::handler::{Framing, History, Manner, handle_client};
use crate::prelude::*;
use crate::respond::{LineShell, Responder};
use crate::session::Stream;

/// One port in AI mode.
pub struct Ai {
    protocol: &'static str,
}

impl Ai {
    /// The AI mode of a protocol of the table.
    pub fn new(protocol: &'static str) -> Self {
        Self { protocol }
    }
}

#[async_trait]
impl Protocol for Ai {
    async fn serve(&self, session: Arc<Session>, responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason {
        let history = History::default();
        let service = responder.chat(&session, self.protocol, &history);
        let manner = manner(self.protocol, &session, history);
        handle_client(stream, service.as_ref(), &session, &manner).await
    }
}

const LONGEST: usize = 2048;
const LONGEST_REQUEST: usize = 16 << 10;

fn manner(protocol: &str, session: &Arc<Session>, history: History) -> Manner {
    let persona = session.world().persona();
    let plain = Manner {
        banner: Vec::new(),
        framing: Framing::Line,
        longest: LONGEST,
        render: crlf,
        fallback: Box::new(|_| Vec::new()),
        farewell: |_| None,
        prompt: Vec::new(),
        history,
    };
    match protocol {
        "ftp" => Manner {
            banner: b"220 (vsFTPd 3.0.3)\r\n".to_vec(),
            fallback: Box::new(|line| ftp(line).to_vec()),
            farewell: |line| is(line, b"QUIT").then(|| b"221 Goodbye.\r\n".to_vec()),
            ..plain
        },
        "smtp" => {
            let name = persona.fqdn.clone();
            Manner {
                banner: format!("220 {name} ESMTP Postfix (Ubuntu)\r\n").into_bytes(),
                fallback: Box::new(move |line| smtp(line, &name)),
                farewell: |line| is(line, b"QUIT").then(|| b"221 2.0.0 Bye\r\n".to_vec()),
                ..plain
            }
        }
        "http" => Manner {
            framing: Framing::HttpRequest,
            longest: LONGEST_REQUEST,
            render: http,
            fallback: Box::new(|_| page("404 Not Found", &super::http::error_page("404 Not Found"))),
            ..plain
        },
        "telnet" => {
            let shell = session.host().account(b"root").map(|root| LineShell::new(session.host(), &root));
            let prompt = format!("root@{}:~# ", persona.hostname).into_bytes();
            let shell = Mutex::new(shell);
            Manner {
                fallback: Box::new(move |line| emulated(&shell, line)),
                farewell: |line| matches!(line.trim_ascii(), b"exit" | b"logout").then(|| b"logout\r\n".to_vec()),
                prompt,
                ..plain
            }
        }
        _ => plain,
    }
}

/// Lines of a model for the wire: CRLF, one at the end.
pub(super) fn crlf(answer: &str) -> Vec<u8> {
    answer.lines().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect()
}

fn is(line: &[u8], verb: &[u8]) -> bool {
    line.split(|b| b.is_ascii_whitespace()).next().is_some_and(|first| first.eq_ignore_ascii_case(verb))
}

/// vsftpd before a login.
fn ftp(line: &[u8]) -> &'static [u8] {
    if is(line, b"USER") {
        b"331 Please specify the password.\r\n"
    } else if is(line, b"PASS") {
        b"530 Login incorrect.\r\n"
    } else {
        b"530 Please login with USER and PASS.\r\n"
    }
}

/// Postfix to a client that nobody relays for.
fn smtp(line: &[u8], name: &str) -> Vec<u8> {
    let reply = if is(line, b"HELO") || is(line, b"EHLO") {
        format!("250 {name}")
    } else if is(line, b"MAIL") || is(line, b"NOOP") || is(line, b"RSET") {
        "250 2.0.0 Ok".into()
    } else if is(line, b"RCPT") {
        "454 4.7.1 Relay access denied".into()
    } else if is(line, b"DATA") {
        "554 5.5.1 Error: no valid recipients".into()
    } else {
        "500 5.5.2 Error: command not recognized".into()
    };
    [reply.as_bytes(), b"\r\n"].concat()
}

/// The model gives a whole response, or a page that gets a head.
fn http(answer: &str) -> Vec<u8> {
    let unified = answer.replace('\r', "");
    let Some((head, body)) = unified.split_once("\n\n").filter(|_| unified.starts_with("HTTP/1.")) else {
        return page("200 OK", &unified);
    };
    // Length and connection are ours to say: the model's would be wrong, and the visitor would wait for ever.
    let own = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection" | "content-encoding")
    };
    let mut response = crlf(&head.lines().filter(own).collect::<Vec<_>>().join("\n"));
    response.extend(format!("Content-Length: {}\r\nConnection: keep-alive\r\n\r\n{body}", body.len()).into_bytes());
    response
}

fn page(status_line: &str, body: &str) -> Vec<u8> {
    let date = super::http::date(crate::base::clock::unix_seconds());
    format!(
        "HTTP/1.1 {status_line}\r\nServer: nginx/1.18.0 (Ubuntu)\r\nDate: {date}\r\nContent-Type: text/html\r\n\
         Content-Length: {}\r\nConnection: keep-alive\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What the emulated shell says; a program that it can't act prints nothing.
fn emulated(shell: &Mutex<Option<LineShell>>, line: &[u8]) -> Vec<u8> {
    let mut shell = shell.lock().unwrap_or_else(PoisonError::into_inner);
    let output = shell.as_mut().map(|shell| shell.line(line)).unwrap_or_default();
    crlf(&String::from_utf8_lossy(&output))
}
