//! What the host's own services answer to the programs of the host.

use super::common::{decode, time};
use crate::base::clock::Timestamp;
use crate::shell::cmd::Cmd;
use crate::world::{Errno, Open, Stat, Who, resolve};
use std::sync::Arc;

/// An answer of the web server.
pub(super) struct Response {
    pub status: u16,
    pub reason: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

const SERVER: &str = "nginx/1.18.0 (Ubuntu)";

/// The program that listens on a port.
pub(super) fn program(c: &Cmd, port: u16) -> Option<String> {
    let sockets = c.host().sockets();
    let found = sockets
        .iter()
        .find(|socket| socket.remote.is_none() && socket.local.port() == port && socket.proto.starts_with("tcp"));
    found.map(|socket| socket.program.clone())
}

fn page(title: &str) -> Vec<u8> {
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>{SERVER}</center>\r\n</body>\r\n</html>\r\n"
    )
    .into_bytes()
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" | "htm" => "text/html",
        "txt" => "text/plain",
        "css" => "text/css",
        "js" => "application/javascript",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "xml" => "text/xml",
        "json" => "application/json",
        "ico" => "image/x-icon",
        _ => "application/octet-stream",
    }
}

/// What nginx answers, under the rules of Ubuntu's default site.
pub(super) fn http(c: &Cmd, method: &str, path: &str) -> Response {
    let date = time(c.now(), "%a, %d %b %Y %H:%M:%S GMT");
    let path = path.split(['?', '#']).next().unwrap_or("/");
    let refused = |status: u16, reason: &'static str| {
        let body = page(&format!("{status} {reason}"));
        let headers = vec![
            ("Server", SERVER.to_string()),
            ("Date", date.clone()),
            ("Content-Type", "text/html".to_string()),
            ("Content-Length", body.len().to_string()),
            ("Connection", "keep-alive".to_string()),
        ];
        Response { status, reason, headers, body: if method == "HEAD" { Vec::new() } else { body } }
    };
    if !matches!(method, "GET" | "HEAD") {
        return refused(405, "Not Allowed");
    }
    match look(c, path) {
        Ok((place, stat, body)) => {
            let modified = Timestamp::from_second(stat.modified.secs).unwrap_or_default();
            let headers = vec![
                ("Server", SERVER.to_string()),
                ("Date", date),
                ("Content-Type", kind_of(&place).to_string()),
                ("Content-Length", body.len().to_string()),
                ("Last-Modified", time(modified, "%a, %d %b %Y %H:%M:%S GMT")),
                ("Connection", "keep-alive".to_string()),
                ("ETag", format!("\"{:x}-{:x}\"", stat.modified.secs, body.len())),
                ("Accept-Ranges", "bytes".to_string()),
            ];
            Response { status: 200, reason: "OK", headers, body: if method == "HEAD" { Vec::new() } else { body } }
        }
        Err(Errno::EACCES) => refused(403, "Forbidden"),
        Err(_) => refused(404, "Not Found"),
    }
}

fn look(c: &Cmd, path: &str) -> Result<(String, Stat, Vec<u8>), Errno> {
    let www = Who { uid: 33, gid: 33, groups: Arc::from([33]), ..Who::root() };
    let host = c.host();
    let whole = resolve(b"/", &crate::shell::text::encode(&format!("/var/www/html{path}")));
    if !whole.starts_with(b"/var/www/html") {
        return Err(Errno::ENOENT);
    }
    let stat = host.stat(&www, &whole, true)?;
    let places: Vec<Vec<u8>> = match stat.is_folder() {
        true => ["index.html", "index.htm", "index.nginx-debian.html"]
            .iter()
            .map(|name| resolve(&whole, name.as_bytes()))
            .collect(),
        false => vec![whole],
    };
    for place in places {
        if let Ok(stat) = host.stat(&www, &place, true)
            && !stat.is_folder()
        {
            let file = host.open(&www, &place, Open::READ)?;
            let body = file.read_at(0, 8 << 20)?;
            return Ok((decode(&place), stat, body));
        }
    }
    Err(Errno::EACCES)
}

impl Response {
    /// Status line and headers as they are sent.
    pub fn head(&self) -> String {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, self.reason);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// What a service says when somebody connects.
pub(super) fn greeting(c: &Cmd, program: &str) -> Vec<u8> {
    let p = c.host().persona();
    match program {
        "sshd" => format!("SSH-2.0-{}\r\n", p.ssh_version).into_bytes(),
        "master" | "smtpd" => format!("220 {} ESMTP Postfix (Ubuntu)\r\n", p.fqdn).into_bytes(),
        "vsftpd" => b"220 (vsFTPd 3.0.3)\r\n".to_vec(),
        "inetd" | "in.telnetd" => b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27".to_vec(),
        _ => Vec::new(),
    }
}

/// What a service says to a line, and whether it hangs up.
pub(super) fn answer(c: &Cmd, program: &str, line: &str) -> (Vec<u8>, bool) {
    let line = line.trim_end_matches(['\r', '\n']);
    let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    let p = c.host().persona();
    match program {
        "nginx" => {
            let mut words = line.split(' ');
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if !path.starts_with('/') {
                let body = page("400 Bad Request");
                let head = format!(
                    "HTTP/1.1 400 Bad Request\r\nServer: {SERVER}\r\nDate: {}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n",
                    time(c.now(), "%a, %d %b %Y %H:%M:%S GMT"),
                    body.len()
                );
                return ([head.into_bytes(), body].concat(), true);
            }
            let response = http(c, method, path);
            let head = response.head().replace("Connection: keep-alive", "Connection: close");
            ([head.into_bytes(), response.body].concat(), true)
        }
        "master" | "smtpd" => match verb.as_str() {
            "QUIT" => (b"221 2.0.0 Bye\r\n".to_vec(), true),
            "HELO" => (format!("250 {}\r\n", p.fqdn).into_bytes(), false),
            "EHLO" => (
                format!(
                    "250-{}\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n\
                     250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n",
                    p.fqdn
                )
                .into_bytes(),
                false,
            ),
            "MAIL" | "RCPT" => (b"250 2.1.0 Ok\r\n".to_vec(), false),
            "DATA" => (b"354 End data with <CR><LF>.<CR><LF>\r\n".to_vec(), false),
            "NOOP" | "RSET" => (b"250 2.0.0 Ok\r\n".to_vec(), false),
            "." => (b"250 2.0.0 Ok: queued as 4B7F13E0A2\r\n".to_vec(), false),
            _ => (b"500 5.5.2 Error: command not recognized\r\n".to_vec(), false),
        },
        "vsftpd" => match verb.as_str() {
            "QUIT" => (b"221 Goodbye.\r\n".to_vec(), true),
            "USER" => (b"331 Please specify the password.\r\n".to_vec(), false),
            "PASS" => (b"530 Login incorrect.\r\n".to_vec(), false),
            _ => (b"530 Please login with USER and PASS.\r\n".to_vec(), false),
        },
        "sshd" => (b"Invalid SSH identification string.\r\n".to_vec(), true),
        _ => (Vec::new(), false),
    }
}
