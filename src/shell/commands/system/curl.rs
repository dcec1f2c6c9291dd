//! `curl` (7.68.0).

use std::time::Duration;

use super::common::decode;
use super::url::{Url, reach};
use super::{local, recorded};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::net::NetError;
use crate::shell::text;

const HINT: &str = "curl: try 'curl --help' or 'curl --manual' for more information\n";

/// Long options that take a value.
const VALUES: &[&str] = &[
    "abstract-unix-socket",
    "cacert",
    "capath",
    "cert",
    "cert-type",
    "ciphers",
    "config",
    "connect-timeout",
    "connect-to",
    "continue-at",
    "cookie",
    "cookie-jar",
    "crlfile",
    "data",
    "data-ascii",
    "data-binary",
    "data-raw",
    "data-urlencode",
    "delegation",
    "dns-interface",
    "dns-servers",
    "doh-url",
    "dump-header",
    "egd-file",
    "engine",
    "expect100-timeout",
    "form",
    "form-string",
    "ftp-account",
    "ftp-method",
    "ftp-port",
    "header",
    "hostpubmd5",
    "interface",
    "keepalive-time",
    "key",
    "key-type",
    "limit-rate",
    "local-port",
    "login-options",
    "mail-from",
    "mail-rcpt",
    "max-filesize",
    "max-redirs",
    "max-time",
    "netrc-file",
    "noproxy",
    "output",
    "pass",
    "pinnedpubkey",
    "postquote",
    "preproxy",
    "proto",
    "proto-default",
    "proxy",
    "proxy-header",
    "proxy-user",
    "proxy1.0",
    "pubkey",
    "quote",
    "random-file",
    "range",
    "referer",
    "request",
    "request-target",
    "resolve",
    "retry",
    "retry-delay",
    "retry-max-time",
    "socks4",
    "socks4a",
    "socks5",
    "socks5-hostname",
    "speed-limit",
    "speed-time",
    "stderr",
    "telnet-option",
    "tftp-blksize",
    "time-cond",
    "tls-max",
    "tlsuser",
    "trace",
    "trace-ascii",
    "unix-socket",
    "upload-file",
    "url",
    "user",
    "user-agent",
    "write-out",
    "oauth2-bearer",
    "proxy-cacert",
    "tls13-ciphers",
];

/// Long options without one.
const FLAGS: &[&str] = &[
    "anyauth",
    "append",
    "basic",
    "compressed",
    "create-dirs",
    "crlf",
    "digest",
    "disable",
    "disable-eprt",
    "disable-epsv",
    "fail",
    "fail-early",
    "false-start",
    "ftp-create-dirs",
    "ftp-pasv",
    "ftp-skip-pasv-ip",
    "ftp-ssl-ccc",
    "get",
    "globoff",
    "head",
    "http0.9",
    "http1.0",
    "http1.1",
    "http2",
    "http2-prior-knowledge",
    "http3",
    "ignore-content-length",
    "include",
    "insecure",
    "ipv4",
    "ipv6",
    "junk-session-cookies",
    "list-only",
    "location",
    "location-trusted",
    "metalink",
    "negotiate",
    "netrc",
    "netrc-optional",
    "next",
    "no-alpn",
    "no-buffer",
    "no-keepalive",
    "no-npn",
    "no-progress-meter",
    "no-sessionid",
    "ntlm",
    "parallel",
    "path-as-is",
    "post301",
    "post302",
    "progress-bar",
    "proxy-insecure",
    "proxytunnel",
    "raw",
    "remote-header-name",
    "remote-name",
    "remote-name-all",
    "remote-time",
    "retry-connrefused",
    "retry-all-errors",
    "show-error",
    "silent",
    "ssl",
    "ssl-reqd",
    "sslv2",
    "sslv3",
    "styled-output",
    "suppress-connect-headers",
    "tcp-fastopen",
    "tcp-nodelay",
    "tftp-no-options",
    "tlsv1",
    "tlsv1.0",
    "tlsv1.1",
    "tlsv1.2",
    "tlsv1.3",
    "tr-encoding",
    "trace-time",
    "use-ascii",
    "verbose",
    "xattr",
    "no-silent",
];

/// Letters and the long names they stand for.
const LETTERS: &[(char, &str)] = &[
    ('0', "http1.0"),
    ('1', "tlsv1"),
    ('2', "sslv2"),
    ('3', "sslv3"),
    ('4', "ipv4"),
    ('6', "ipv6"),
    ('a', "append"),
    ('A', "user-agent"),
    ('b', "cookie"),
    ('B', "use-ascii"),
    ('c', "cookie-jar"),
    ('C', "continue-at"),
    ('d', "data"),
    ('D', "dump-header"),
    ('e', "referer"),
    ('E', "cert"),
    ('f', "fail"),
    ('F', "form"),
    ('g', "globoff"),
    ('G', "get"),
    ('H', "header"),
    ('i', "include"),
    ('I', "head"),
    ('j', "junk-session-cookies"),
    ('J', "remote-header-name"),
    ('k', "insecure"),
    ('K', "config"),
    ('l', "list-only"),
    ('L', "location"),
    ('m', "max-time"),
    ('n', "netrc"),
    ('N', "no-buffer"),
    ('o', "output"),
    ('O', "remote-name"),
    ('p', "proxytunnel"),
    ('P', "ftp-port"),
    ('q', "disable"),
    ('Q', "quote"),
    ('r', "range"),
    ('R', "remote-time"),
    ('s', "silent"),
    ('S', "show-error"),
    ('t', "telnet-option"),
    ('T', "upload-file"),
    ('u', "user"),
    ('U', "proxy-user"),
    ('v', "verbose"),
    ('w', "write-out"),
    ('x', "proxy"),
    ('X', "request"),
    ('y', "speed-time"),
    ('Y', "speed-limit"),
    ('z', "time-cond"),
    ('Z', "parallel"),
    ('#', "progress-bar"),
    (':', "next"),
];

#[derive(Default)]
struct Wish {
    given: Vec<(String, String)>,
    urls: Vec<String>,
}

impl Wish {
    fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(known, _)| known == name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn seconds(&self, name: &str) -> Option<f64> {
        self.value(name).and_then(|text| text.parse::<f64>().ok()).filter(|time| *time > 0.0).map(|time| time.min(1e6))
    }
}

/// Takes the arguments apart; the error is what curl says.
fn parse(args: &[String]) -> Result<Wish, String> {
    let mut wish = Wish::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
            let bare = long.strip_prefix("no-").filter(|_| !FLAGS.contains(&long)).unwrap_or(long);
            let all = VALUES.iter().chain(FLAGS);
            let exact = all.clone().find(|known| **known == bare);
            let near: Vec<&&str> = all.filter(|known| known.starts_with(bare)).collect();
            let name = match (exact, near.as_slice()) {
                (Some(name), _) => name,
                (None, [only]) => *only,
                (None, []) => return Err(format!("option {word}: is unknown")),
                _ => return Err(format!("option {word}: is ambiguous")),
            };
            let value = if VALUES.contains(name) {
                words.next().cloned().ok_or_else(|| format!("option {word}: requires parameter"))?
            } else {
                String::new()
            };
            wish.given.push((name.to_string(), value));
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut letters = letters.chars();
            while let Some(letter) = letters.next() {
                let Some((_, name)) = LETTERS.iter().find(|(known, _)| *known == letter) else {
                    return Err(format!("option -{letter}: is unknown"));
                };
                if !VALUES.contains(name) {
                    wish.given.push((name.to_string(), String::new()));
                    continue;
                }
                let rest: String = letters.by_ref().collect();
                let value = if rest.is_empty() { words.next().cloned() } else { Some(rest) };
                wish.given
                    .push((name.to_string(), value.ok_or_else(|| format!("option -{letter}: requires parameter"))?));
            }
        } else {
            wish.urls.push(word.clone());
        }
    }
    wish.urls.extend(wish.given.iter().filter(|(name, _)| name == "url").map(|(_, value)| value.clone()));
    Ok(wish)
}

const METER: &str = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 \
                     Dload  Upload   Total   Spent    Left  Speed\n";
const NOTHING: &str = "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0";

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    match c.args.first().map(String::as_str) {
        Some("-V" | "--version") => {
            c.out(recorded::text(c.host(), "curl", "--version"));
            return Ok(0);
        }
        Some("-h" | "--help") => {
            c.out(recorded::text(c.host(), "curl", "--help"));
            return Ok(0);
        }
        Some("-M" | "--manual") => {
            c.err("curl: built-in manual was disabled at build-time!\n");
            return Ok(2);
        }
        None => {
            c.err(HINT);
            return Ok(2);
        }
        _ => {}
    }
    let wish = match parse(&c.args) {
        Ok(wish) => wish,
        Err(text) => {
            c.err(&format!("curl: {text}\n{HINT}"));
            return Ok(2);
        }
    };
    if wish.urls.is_empty() {
        c.err(&format!("curl: no URL specified!\n{HINT}"));
        return Ok(2);
    }
    let mut status = 0;
    let outputs: Vec<String> =
        wish.given.iter().filter(|(name, _)| name == "output").map(|(_, value)| value.clone()).collect();
    for (at, url) in wish.urls.iter().enumerate() {
        status = fetch(c, &wish, url, outputs.get(at).map(String::as_str)).await?;
    }
    Ok(status)
}

/// Says what went wrong, as the options want it.
fn fail(c: &mut Cmd, wish: &Wish, code: i32, text: &str) -> i32 {
    if !wish.has("silent") || wish.has("show-error") {
        c.err(&format!("curl: ({code}) {text}\n"));
    }
    code
}

async fn fetch(c: &mut Cmd, wish: &Wish, written: &str, output: Option<&str>) -> Result<i32, Stop> {
    c.note_url(written);
    let scheme = written.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if let Some(scheme) = &scheme
        && ![
            "http", "https", "ftp", "ftps", "file", "telnet", "tftp", "dict", "gopher", "imap", "pop3", "smtp", "scp",
            "sftp", "ldap", "smb", "rtsp",
        ]
        .contains(&scheme.as_str())
    {
        return Ok(fail(c, wish, 1, &format!("Protocol \"{scheme}\" not supported or disabled in libcurl")));
    }
    let Some(url) = Url::parse(written) else {
        return Ok(fail(c, wish, 3, "URL using bad/illegal format or missing URL"));
    };
    let named = match (output, wish.has("remote-name") || wish.has("remote-name-all")) {
        (Some(name), _) if name != "-" => Some(name.to_string()),
        (None, true) => {
            let name = url.path.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
            if name.is_empty() {
                c.err(&format!("curl: Remote file name has no length!\n{HINT}"));
                return Ok(23);
            }
            Some(name.to_string())
        }
        _ => None,
    };
    if url.scheme == "file" {
        return Ok(match c.read_file(&url.path) {
            Ok(bytes) => deliver(c, wish, named.as_deref(), &bytes),
            Err(_) => fail(c, wish, 37, &format!("Couldn't open file {}", url.path)),
        });
    }
    let meter = !wish.has("silent")
        && !wish.has("no-progress-meter")
        && !wish.has("progress-bar")
        && (named.is_some() || !c.is_tty(1));
    if meter {
        c.err(METER);
        c.err(NOTHING);
        c.flush().await?;
    }
    let verbose = wish.has("verbose");
    if wish.has("proxy")
        && let Some(proxy) = wish.value("proxy").and_then(Url::parse)
    {
        let result = reach(c, &proxy.host, if proxy.has_port { proxy.port } else { 1080 }, None).await?;
        if let Err(error) = result {
            let code = if error == NetError::NoName { 5 } else { 7 };
            let text = if code == 5 {
                format!("Could not resolve proxy: {}", proxy.host)
            } else {
                format!("Failed to connect to {} port {}: Connection refused", proxy.host, proxy.port)
            };
            return Ok(fail(c, wish, code, &text));
        }
    }
    let connect = wish.seconds("connect-timeout");
    let total = wish.seconds("max-time");
    let limit = match (connect, total) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let began = c.kernel().now();
    let retries = wish.value("retry").and_then(|text| text.parse::<u32>().ok()).unwrap_or(0).min(100);
    let mut result = reach(c, &url.host, url.port, limit.map(Duration::from_secs_f64)).await?;
    for round in 0..retries {
        if result != Err(NetError::TimedOut) {
            break;
        }
        c.err(&format!(
            "Warning: Transient problem: timeout Will retry in {} seconds. {} retries left.\n",
            1 << round.min(9),
            retries - round
        ));
        c.sleep(Duration::from_secs(1 << round.min(9))).await?;
        result = reach(c, &url.host, url.port, limit.map(Duration::from_secs_f64)).await?;
    }
    let peer = match result {
        Ok(peer) => peer,
        Err(error) => {
            let waited = c.kernel().now().saturating_duration_since(began).as_millis();
            if error != NetError::NoName && meter {
                c.err(&format!("{NOTHING}\n"));
            }
            if verbose && error == NetError::Refused {
                let address =
                    super::ping::resolve(c, &url.host).map_or_else(|| url.host.clone(), |address| address.to_string());
                c.err(&format!(
                    "*   Trying {address}:{}...\n* TCP_NODELAY set\n* connect to {address} port {} failed: Connection refused\n* Failed to connect to \
                     {} port {}: Connection refused\n* Closing connection 0\n",
                    url.port, url.port, url.host, url.port
                ));
            }
            let (code, text) = match error {
                NetError::NoName => (6, format!("Could not resolve host: {}", url.host)),
                NetError::Refused => {
                    (7, format!("Failed to connect to {} port {}: Connection refused", url.host, url.port))
                }
                NetError::Unreachable => {
                    (7, format!("Failed to connect to {} port {}: Network is unreachable", url.host, url.port))
                }
                NetError::TimedOut if limit.is_some() => {
                    (28, format!("Connection timed out after {} milliseconds", waited.max(1) + 1))
                }
                NetError::TimedOut => {
                    (28, format!("Failed to connect to {} port {}: Connection timed out", url.host, url.port))
                }
            };
            return Ok(fail(c, wish, code, &text));
        }
    };
    let program = local::program(c, peer.port).unwrap_or_default();
    match (url.scheme.as_str(), program.as_str()) {
        ("http", "nginx") => {}
        ("https", _) => {
            return Ok(fail(c, wish, 35, "error:1408F10B:SSL routines:ssl3_get_record:wrong version number"));
        }
        ("ftp", _) => return Ok(fail(c, wish, 67, "Access denied: 530")),
        ("telnet", program) => {
            let banner = local::greeting(c, program);
            c.out_bytes(&banner);
            return Ok(0);
        }
        ("http", "sshd" | "master" | "vsftpd") => {
            return Ok(fail(c, wish, 1, "Received HTTP/0.9 when not allowed\n").max(1));
        }
        _ => {
            c.sleep(Duration::from_secs(5)).await?;
            return Ok(fail(c, wish, 52, "Empty reply from server"));
        }
    }
    let posting =
        ["data", "data-raw", "data-binary", "data-ascii", "data-urlencode", "form"].iter().any(|name| wish.has(name));
    let method = match wish.value("request") {
        Some(method) => method.to_string(),
        None if wish.has("head") => "HEAD".into(),
        None if wish.has("upload-file") => "PUT".into(),
        None if posting && !wish.has("get") => "POST".into(),
        None => "GET".into(),
    };
    let response = local::http(c, &method, &url.path);
    if verbose {
        let place = if url.has_port { format!("{}:{}", url.host, url.port) } else { url.host.clone() };
        let agent = wish.value("user-agent").unwrap_or("curl/7.68.0").to_string();
        let mut talk = format!(
            "*   Trying {}:{}...\n* TCP_NODELAY set\n* Connected to {} ({}) port {} (#0)\n> {method} {} HTTP/1.1\n> Host: {place}\n> User-Agent: \
             {agent}\n> Accept: */*\n",
            peer.address, url.port, url.host, peer.address, url.port, url.path
        );
        for (_, header) in wish.given.iter().filter(|(name, _)| name == "header") {
            talk.push_str(&format!("> {header}\n"));
        }
        talk.push_str("> \n* Mark bundle as not supporting multiuse\n");
        talk.push_str(&response.head().lines().map(|line| format!("< {line}\n")).collect::<String>());
        c.err(&talk);
    }
    if response.status >= 400 && wish.has("fail") {
        return Ok(fail(
            c,
            wish,
            22,
            &format!("The requested URL returned error: {} {}", response.status, response.reason),
        ));
    }
    let mut bytes = Vec::new();
    if wish.has("include") || wish.has("head") {
        bytes.extend(text::encode(&response.head()));
    }
    bytes.extend_from_slice(&response.body);
    let size = response.body.len();
    if meter && method == "HEAD" {
        let length = response.header("Content-Length").unwrap_or("0");
        c.err(&format!("\r  0 {length:>5}    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"));
    } else if meter {
        let rate = format!("{}k", 150 + size % 400);
        c.err(&format!(
            "\r100 {size:>5}  100 {size:>5}    0     0  {rate:>5}      0 --:--:-- --:--:-- --:--:-- {rate:>5}\n"
        ));
    }
    let status = deliver(c, wish, named.as_deref(), &bytes);
    if verbose {
        c.err(&format!("* Connection #0 to host {} left intact\n", url.host));
    }
    if let Some(format) = wish.value("write-out") {
        let shown = format
            .replace("\\n", "\n")
            .replace("\\t", "\t")
            .replace("%{http_code}", &response.status.to_string())
            .replace("%{response_code}", &response.status.to_string())
            .replace("%{size_download}", &size.to_string())
            .replace("%{time_total}", "0.000912")
            .replace("%{remote_ip}", &peer.address.to_string())
            .replace("%{url_effective}", written)
            .replace("%{content_type}", response.header("Content-Type").unwrap_or_default());
        c.out(&shown);
    }
    Ok(status)
}

/// Writes what was fetched to its place.
fn deliver(c: &mut Cmd, wish: &Wish, name: Option<&str>, bytes: &[u8]) -> i32 {
    let Some(name) = name else {
        if c.is_tty(1) && bytes.iter().take(2000).any(|&byte| byte == 0) && wish.value("output").is_none() {
            c.err("Warning: Binary output can mess up your terminal. Use \"--output -\" to tell \nWarning: curl to output it to your terminal anyway, or consider \"--output \nWarning: <FILE>\" to save to a file.\n");
            return 23;
        }
        c.out_bytes(bytes);
        return 0;
    };
    match c.write_file(name, bytes) {
        Ok(()) => 0,
        Err(errno) => {
            if !wish.has("silent") {
                c.err(&format!("Warning: Failed to create the file {name}: {}\n", errno.text()));
            }
            let _ = decode(b"");
            fail(c, wish, 23, &format!("Failed writing body (0 != {})", bytes.len()))
        }
    }
}
