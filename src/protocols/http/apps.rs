//! Programs of the web root: the routes of the packs in `data/apps` that a host has. A login that its words open makes
//! a session, which sees the next page.

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use md5::{Digest, Md5};
use serde::Deserialize;

use super::date;
use super::request::Request;
use crate::base::rng;
use crate::prelude::*;
use crate::world::{APPS, App, Host, World, fill};

/// Logins and form tokens that are remembered; the oldest go first.
const REMEMBERED: usize = 1024;
/// Letters of a field that a page repeats.
const REPEATED: usize = 64;

/// The part of a pack that is answered.
#[derive(Debug, Default, Deserialize)]
struct Pack {
    #[serde(default)]
    routes: Vec<Route>,
}

/// `[[routes]]`; the first that fits answers.
#[derive(Debug, Deserialize)]
pub(super) struct Route {
    /// `*` is any; GET is HEAD as well.
    #[serde(default = "get")]
    method: String,
    /// A path, or the beginning of one before `*`.
    path: String,
    /// Only for who sends this cookie with a value that a login gave them.
    #[serde(default)]
    member: String,
    #[serde(default)]
    login: Option<Login>,
    #[serde(default = "ok")]
    status: String,
    #[serde(default = "page", rename = "type")]
    kind: String,
    /// Name of a text of the pack; empty: an empty page.
    #[serde(default)]
    text: String,
    /// What stands for `{error}` in the text when a login has failed.
    #[serde(default)]
    error: String,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    cookies: Vec<String>,
    /// The body is a script of PHP that would be run: what it prints of constants is the page.
    #[serde(default)]
    php: bool,
    /// A redirect, 302 unless `status` says otherwise.
    #[serde(default)]
    to: String,
}

/// A form, or a call of XML-RPC, with a name and a password in it.
#[derive(Debug, Deserialize)]
struct Login {
    user: String,
    password: String,
    /// Name of the field with the token of the page before.
    #[serde(default)]
    token: String,
    /// An account of the host opens it.
    #[serde(default)]
    account: bool,
    /// The database's login opens it, else the host's that lies around.
    #[serde(default)]
    database: bool,
    cookie: String,
    to: String,
}

fn get() -> String {
    "GET".into()
}

fn ok() -> String {
    "200 OK".into()
}

fn page() -> String {
    "text/html; charset=UTF-8".into()
}

static PACKS: LazyLock<Vec<Pack>> =
    LazyLock::new(|| APPS.iter().map(|app| toml::from_str(app.toml).unwrap_or_default()).collect());

/// What an app answers, for the server to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Made {
    /// Number and words.
    pub status: String,
    /// Content type.
    pub kind: String,
    /// Headers beside those of the server.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A login that was tried.
pub(super) type Tried = (Vec<u8>, Vec<u8>, bool);

/// What was given out: values of cookies with their users, tokens of forms.
#[derive(Default)]
pub(super) struct Apps {
    members: Mutex<VecDeque<(String, String)>>,
    tokens: Mutex<VecDeque<String>>,
}

impl Apps {
    /// The route that answers a request, when the host has such a program.
    pub fn find(&self, host: &Host, request: &Request) -> Option<(&'static App, &'static Route)> {
        let chosen = host.apps();
        if chosen.is_empty() {
            return None;
        }
        let packs = APPS.iter().zip(PACKS.iter()).filter(|(app, _)| chosen.contains(&app.name));
        let mut routes = packs.flat_map(|(app, pack)| pack.routes.iter().map(move |route| (app, route)));
        routes.find(|(_, route)| {
            route.takes(request)
                && (route.member.is_empty() || self.member(request, &fill(&route.member, &host.app_words())).is_some())
        })
    }

    /// Makes the answer of a route. `body` is what came of the request's.
    pub fn answer(
        &self,
        (app, route): (&'static App, &'static Route),
        (world, host): (&World, &Host),
        request: &Request,
        body: &[u8],
        now: i64,
        https: bool,
    ) -> (Made, Option<Tried>) {
        let fill = |text: &str, words: &[(&'static str, String)]| fill(&schemed(text, https), words);
        let mut words = host.app_words();
        let staff = world.baits().iter().find(|bait| bait.opens.contains(&"ftp"));
        let (session, token) = (hex(16), hex(16));
        words.push(("staff", staff.map_or("admin", |bait| &bait.user).into()));
        words.push(("host", host_of(request, &host.persona().address)));
        words.push(("nonce", hex(5)));
        words.push(("date", date(now)));
        let mut made =
            Made { status: route.status.clone(), kind: route.kind.clone(), headers: Vec::new(), body: Vec::new() };
        let mut user = self.member(request, &fill(&route.member, &words)).unwrap_or_default();
        let (mut to, mut tried) = (route.to.clone(), None);
        if let Some(login) = &route.login {
            let (name, password) = login.read(body);
            let fresh = login.token.is_empty() || self.issued(&text(&field(body, &login.token)));
            let opens = |bait: &&crate::world::Bait| {
                (bait.opens == ["http"]) == login.database
                    && bait.user.as_bytes() == name
                    && bait.password.as_bytes() == password
            };
            let opened = if login.account {
                host.login(&name, &password).is_some()
            } else {
                world.baits().iter().any(|bait| opens(&bait))
            };
            let accepted = fresh && !login.to.is_empty() && opened;
            user = text(&name).chars().take(REPEATED).collect();
            if accepted {
                to.clone_from(&login.to);
                let cookie = fill(&login.cookie, &words);
                let cookie = guarded(&format!("{cookie}={session}; path=/; HttpOnly"), https);
                made.headers.push(("Set-Cookie".into(), cookie));
                remember(&mut lock(&self.members), (session.clone(), user.clone()));
            }
            if !name.is_empty() || !password.is_empty() {
                tried = Some((name, password, accepted));
            }
        }
        let failed = tried.as_ref().is_none_or(|(_, _, accepted)| !accepted);
        words.push(("error", if failed { route.error.clone() } else { String::new() }));
        words.push(("session", session));
        words.push(("token", token.clone()));
        // Last, so that nothing that the visitor wrote is taken for a word.
        words.push(("user", escaped(&user)));
        let headers = route.headers.iter().filter_map(|line| line.split_once(": "));
        made.headers.extend(headers.map(|(name, value)| (name.to_string(), fill(value, &words))));
        if to.is_empty() {
            let cookie = |cookie: &String| ("Set-Cookie".to_string(), guarded(&fill(cookie, &words), https));
            let cookies = route.cookies.iter().map(cookie);
            made.headers.extend(cookies);
            let text = app.texts.iter().find(|(name, _)| *name == route.text).map_or("", |(_, text)| text);
            if text.contains("{token}") {
                remember(&mut lock(&self.tokens), token);
            }
            made.body = if route.php { printed(body) } else { fill(text, &words).into_bytes() };
        } else {
            if route.status == ok() {
                made.status = "302 Found".into();
            }
            made.headers.push(("Location".into(), fill(&to, &words)));
        }
        (made, tried)
    }

    /// The user to whom a login gave the value of that cookie.
    fn member(&self, request: &Request, cookie: &str) -> Option<String> {
        if cookie.is_empty() {
            return None;
        }
        let sent = text(request.header("Cookie")?);
        let value = sent.split(';').find_map(|pair| {
            let rest = pair.trim().strip_prefix(cookie)?;
            rest.strip_prefix(SECURE_NAME).unwrap_or(rest).strip_prefix('=')
        })?;
        lock(&self.members).iter().find(|(known, _)| known == value).map(|(_, user)| user.clone())
    }

    fn issued(&self, token: &str) -> bool {
        lock(&self.tokens).iter().any(|known| known == token)
    }
}

/// What phpMyAdmin adds to the names of its cookies over HTTPS.
const SECURE_NAME: &str = "_https";

/// Links of a program to itself, in plain text, in JSON, in a query.
fn schemed(text: &str, https: bool) -> String {
    const LINKS: [(&str, &str); 3] = [
        ("http://{host}", "https://{host}"),
        ("http:\\/\\/{host}", "https:\\/\\/{host}"),
        ("http%3A%2F%2F{host}", "https%3A%2F%2F{host}"),
    ];
    if !https {
        return text.into();
    }
    LINKS.iter().fold(text.to_string(), |text, (plain, secure)| text.replace(plain, secure))
}

/// A cookie as PHP's programs set it over HTTPS: for HTTPS alone.
fn guarded(cookie: &str, https: bool) -> String {
    if !https {
        return cookie.into();
    }
    let (value, only) = match cookie.strip_suffix("; HttpOnly") {
        Some(value) => (value, "; HttpOnly"),
        None => (cookie, ""),
    };
    match value.split_once('=') {
        Some((name, rest)) if name.starts_with("phpMyAdmin") || name.starts_with("pma") => {
            format!("{name}{SECURE_NAME}={rest}; secure{only}")
        }
        _ => format!("{value}; secure{only}"),
    }
}

impl Route {
    fn takes(&self, request: &Request) -> bool {
        let method = match request.method.as_slice() {
            b"HEAD" => b"GET",
            method => method,
        };
        let path = request.target.path.as_slice();
        let fits = match self.path.strip_suffix('*') {
            Some(start) => path.starts_with(start.as_bytes()),
            None => path == self.path.as_bytes(),
        };
        fits && (self.method == "*" || self.method.as_bytes() == method)
    }
}

impl Login {
    /// Name and password in a body.
    fn read(&self, body: &[u8]) -> (Vec<u8>, Vec<u8>) {
        if !self.user.starts_with('<') {
            return (field(body, &self.user), field(body, &self.password));
        }
        let whole = text(body);
        let mut strings =
            whole.split(self.user.as_str()).skip(1).map(|rest| rest.split('<').next().unwrap_or_default());
        let mut next = || strings.next().unwrap_or_default().as_bytes().to_vec();
        (next(), next())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember<T>(queue: &mut VecDeque<T>, new: T) {
    if queue.len() >= REMEMBERED {
        queue.pop_front();
    }
    queue.push_back(new);
}

fn hex(bytes: usize) -> String {
    rng::noise(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The host as the visitor calls it; what is no name is not repeated.
fn host_of(request: &Request, address: &str) -> String {
    let named = text(request.header("Host").unwrap_or_default());
    let plain = !named.is_empty() && named.len() < 256;
    let plain = plain && named.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_[]".contains(&b));
    if plain { named } else { address.into() }
}

fn escaped(text: &str) -> String {
    let pairs = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#039;")];
    pairs.iter().fold(text.to_string(), |text, (from, to)| text.replace(from, to))
}

/// A field of a form (`application/x-www-form-urlencoded`).
pub(super) fn field(body: &[u8], name: &str) -> Vec<u8> {
    let found = body.split(|&b| b == b'&').find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let mut bytes = found.unwrap_or_default().iter();
    let mut out = Vec::new();
    while let Some(&byte) = bytes.next() {
        let digit = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
        out.push(match byte {
            b'+' => b' ',
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => u8::try_from(high << 4 | low).unwrap_or(b'?'),
                _ => b'?',
            },
            plain => plain,
        });
    }
    out
}

/// What a script of PHP prints with `echo`, `print` or `die` of a constant or of its MD5, by which scanners tell that
/// theirs was run. Nothing else of it is understood, nothing is run.
fn printed(script: &[u8]) -> Vec<u8> {
    const WORDS: &[&str] = &["echo", "print", "die"];
    let script = text(script);
    let mut out = String::new();
    for statement in script.split([';', '?', '{', '}']) {
        let statement = statement.trim_start_matches(|c: char| c == '<' || c.is_whitespace());
        let statement = statement.strip_prefix("php").unwrap_or(statement).trim_start();
        let Some(mut value) = WORDS.iter().find_map(|word| statement.strip_prefix(word)) else { continue };
        let trimmed = |text: &str| text.trim().trim_start_matches('(').trim().to_string();
        let plain = trimmed(value);
        value = &plain;
        let digest = value.strip_prefix("md5");
        let argument = trimmed(digest.unwrap_or(value));
        let quote = argument.chars().next().filter(|c| matches!(c, '"' | '\''));
        let constant = quote.and_then(|quote| argument.get(1..)?.split(quote).next().map(str::to_owned));
        let number: String = argument.chars().take_while(char::is_ascii_digit).collect();
        let Some(constant) = constant.or((!number.is_empty()).then_some(number)) else { continue };
        match digest {
            Some(_) => out.extend(Md5::digest(constant.as_bytes()).iter().map(|byte| format!("{byte:02x}"))),
            None => out.push_str(&constant),
        }
    }
    out.into_bytes()
}

/// The event of a login that was tried.
pub(super) fn login_event((username, password, accepted): Tried) -> Kind {
    Kind::LoginTried { username: username.into(), password: password.into(), accepted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_its_text_and_reads() {
        for (app, pack) in APPS.iter().zip(PACKS.iter()) {
            assert!(toml::from_str::<Pack>(app.toml).is_ok(), "{}", app.name);
            for route in &pack.routes {
                let known = route.text.is_empty() || app.texts.iter().any(|(name, _)| *name == route.text);
                assert!(known, "{} {}", app.name, route.path);
                assert!(route.headers.iter().all(|line| line.contains(": ")), "{} {}", app.name, route.path);
            }
        }
    }

    #[test]
    fn constants_are_printed_and_nothing_is_run() {
        let md5 = "5d41402abc4b2a76b9719d911017c592";
        for (script, out) in [
            ("<?php echo(md5(\"hello\"));", md5),
            ("<?=1?><?php print md5('hello'); system('id'); die(7);", &format!("{md5}7")),
            ("<?php echo shell_exec('id');", ""),
            ("<?php eval(base64_decode('ZWNobyAx'));", ""),
        ] {
            assert_eq!(text(&printed(script.as_bytes())), out, "{script}");
        }
    }

    #[test]
    fn fields_are_decoded() {
        assert_eq!(field(b"a=1&log=x%40y+z&pwd=%zz", "log"), b"x@y z");
        assert_eq!(field(b"a=1&log=x%40y+z&pwd=%zz", "pwd"), b"?");
        let login = Login {
            user: "<string>".into(),
            password: String::new(),
            token: String::new(),
            account: false,
            database: false,
            cookie: String::new(),
            to: String::new(),
        };
        let call = b"<value><string>admin</string></value><value><string>pw</string></value>";
        assert_eq!(login.read(call), (b"admin".to_vec(), b"pw".to_vec()));
    }
}
