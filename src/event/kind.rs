//! Every kind of event. A new one is a variant here, its golden line, and a row in `docs/events.md`;
//! a test compares the three.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::raw::Raw;
use crate::base::clock::Timestamp;

/// What happened. In JSON the variant's name is the field `kind`, in snake case, beside its own fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// The sensor began to listen.
    SensorStarted {
        /// Version of Rustbucket.
        version: String,
        /// `protocol:port` of every listener.
        listeners: Vec<String>,
    },
    /// The sensor stopped accepting and has let its visits end.
    SensorStopped {
        /// Visits that did not end within the deadline and were cut.
        cut: u64,
    },
    /// Connections that were closed at once because a limit was reached; counted, not one event each.
    ConnectionsRefused {
        /// Which limit.
        reason: Refused,
        /// How many since the last event of this kind.
        count: u64,
        /// The last source that was refused.
        last: SocketAddr,
    },
    /// Events that could not be kept because the disk stayed full for too long.
    EventsLost {
        /// How many.
        count: u64,
    },
    /// A visitor connected.
    ConnectionOpened {
        /// The load balancer that handed the visitor on by PROXY protocol.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        via: Option<SocketAddr>,
    },
    /// The visit ended.
    ConnectionClosed {
        /// Why.
        reason: CloseReason,
        /// How long it lasted, in milliseconds.
        duration_ms: u64,
        /// Bytes that came from the visitor.
        bytes_in: u64,
        /// Bytes that were sent to the visitor.
        bytes_out: u64,
    },
    /// Somebody tried to log in.
    LoginTried {
        /// The name given.
        username: Raw,
        /// The password given.
        password: Raw,
        /// Whether the host let them in.
        accepted: bool,
    },
    /// Somebody tried to log in with a key.
    KeyTried {
        /// The name given.
        username: Raw,
        /// Algorithm named in the request.
        algorithm: String,
        /// Fingerprint as OpenSSH shows it: `SHA256:` and base64.
        fingerprint: String,
        /// The public key in base64.
        key: String,
        /// The account knows the key.
        known: bool,
        /// Whether the host let them in: they have proved that the key is theirs.
        accepted: bool,
    },
    /// An SSH client said what it can.
    SshClient {
        /// Its identification line.
        version: Raw,
        /// HASSH fingerprint; absent when no list came.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        hassh: Option<String>,
        /// Key exchanges, host keys, then ciphers, MACs and compressions of either direction, client's first: the ten
        /// lists of its KEXINIT with those of languages left out, as they came.
        lists: Vec<Raw>,
    },
    /// Somebody logged in, or tried to, with what stands in a file of the host.
    BaitUsed {
        /// The file.
        path: String,
        /// The name given.
        username: Raw,
        /// Whether the host let them in.
        accepted: bool,
        /// Who had read the file before, the first reader first; empty: nobody through us.
        read_by: Vec<BaitReader>,
    },
    /// A line was answered: a shell command, an FTP or SMTP verb, a line to a free service.
    Command {
        /// The line as it came, without its end.
        input: Raw,
        /// The answer, at most 4 KiB of it.
        output: Raw,
        /// Length of the whole answer in bytes.
        output_bytes: u64,
        /// Exit status, for shell commands.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        exit_code: Option<i32>,
        /// Who answered.
        answered_by: AnsweredBy,
        /// From the line's arrival to the answer, in microseconds.
        duration_us: u64,
    },
    /// A file was put on the host.
    FileUploaded {
        /// Where the visitor thinks it lies.
        path: Raw,
        /// Its whole size in bytes.
        bytes: u64,
        /// SHA-256 of what was kept, in hexadecimal.
        sha256: String,
        /// Name below `captures/` of the state folder; absent when it could not be kept.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        stored: Option<String>,
        /// The visitor sent more than is kept.
        truncated: bool,
    },
    /// A file was fetched from the host.
    FileDownloaded {
        /// Which.
        path: Raw,
        /// Bytes that were sent.
        bytes: u64,
    },
    /// A shell command wrote a file.
    FileWritten {
        /// Where it lies.
        path: Raw,
        /// Its size in bytes when it was captured.
        bytes: u64,
        /// SHA-256 of what was kept, in hexadecimal.
        sha256: String,
        /// Name below `captures/` of the state folder; absent when it could not be kept.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        stored: Option<String>,
    },
    /// A script that the attacker brought was run by the emulated shell.
    ScriptRun {
        /// Where it lies, or the shell that read it from its input.
        path: Raw,
        /// Its size in bytes, at most 256 KiB of it.
        bytes: u64,
        /// SHA-256 of it, in hexadecimal.
        sha256: String,
        /// Name below `captures/` of the state folder; absent when it could not be kept.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        stored: Option<String>,
    },
    /// The recording of an interactive session has ended.
    RecordingStored {
        /// Name below `recordings/` of the state folder; absent when it could not be kept.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        file: Option<String>,
        /// Length of the file in bytes.
        bytes: u64,
        /// SHA-256 of the file, in hexadecimal; absent when there is none.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sha256: Option<String>,
        /// From its first byte to its end, in milliseconds.
        duration_ms: u64,
        /// A bound or the disk cut it: more was shown or typed than is kept.
        truncated: bool,
    },
    /// A URL stood in a command or a script; each once per visit.
    UrlSeen {
        /// As it was written.
        url: Raw,
    },
    /// A command tried to reach a peer; nothing was dialled. Each peer once per visit.
    ConnectionTried {
        /// Name or address as it was written.
        host: Raw,
        /// Port.
        port: u16,
    },
    /// An SSH client asked for forwarding; nothing was dialled, and nothing listens.
    ForwardAsked {
        /// `direct-tcpip`, `tcpip-forward`, and the others of RFC 4254, section 7, and OpenSSH's PROTOCOL.
        how: String,
        /// Where to, or where to listen: name, address, or path of a socket.
        host: Raw,
        /// Port; 0 for a socket's path, or for any that is free.
        port: u16,
        /// `opened`, `listening`, `cancelled`, or the words of the refusal.
        answer: String,
    },
    /// The first bytes that a client sent over a forwarded connection.
    ForwardBegan {
        /// Where to.
        host: Raw,
        /// Port.
        port: u16,
        /// What they are: `tls`, `http`, `smtp`, `ssh`, `socks`, `other`.
        what: String,
        /// Host name that TLS asks for.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sni: Option<Raw>,
        /// JA3 fingerprint, for TLS.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ja3: Option<String>,
        /// JA4 fingerprint, for TLS.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ja4: Option<String>,
        /// Method of the request, for HTTP.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        method: Option<Raw>,
        /// Its target as it came.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        target: Option<Raw>,
        /// Its `Host` header.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        http_host: Option<Raw>,
        /// The bytes, at most 4 KiB of them.
        bytes: Raw,
    },
    /// A forwarded connection ended.
    ForwardEnded {
        /// Where to.
        host: Raw,
        /// Port.
        port: u16,
        /// Bytes that came from the client.
        bytes_in: u64,
        /// Bytes that the client got.
        bytes_out: u64,
        /// How long it was open, in milliseconds.
        duration_ms: u64,
    },
    /// A mail came. One that was too large or broke off is kept as well; it has no queue id.
    MailReceived {
        /// Name given in HELO or EHLO.
        helo: Raw,
        /// Envelope sender.
        mail_from: Raw,
        /// Envelope recipients.
        rcpt_to: Vec<Raw>,
        /// Queue id that the visitor was told; empty when the mail was not accepted.
        queue_id: String,
        /// What the visitor sent of it, in bytes.
        bytes: u64,
        /// SHA-256 of the kept file (with our Return-Path and Received headers), in hexadecimal.
        sha256: String,
        /// Name below `captures/` of the state folder; absent when it could not be kept.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        stored: Option<String>,
    },
    /// What is in a mail that came; follows its [`Kind::MailReceived`].
    MailParsed {
        /// Queue id of the mail; empty when it was not accepted.
        queue_id: String,
        /// Its subject, decoded, at most 2 KiB of it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        subject: Option<Raw>,
        /// Addresses of `From`, at most 100.
        from: Vec<Raw>,
        /// Addresses of `To`, at most 100.
        to: Vec<Raw>,
        /// Attachments, at most 100, those of mails in the mail among them.
        attachments: Vec<Attachment>,
        /// URLs in its texts, each once, at most 200.
        urls: Vec<Raw>,
        /// False when the mail was too deeply nested, or too odd, to read more than its headers.
        whole: bool,
    },
    /// An HTTP request was answered.
    HttpRequest {
        /// The method as it came.
        method: Raw,
        /// The request target as it came.
        target: Raw,
        /// `HTTP/1.1` and the like, as it came; empty for HTTP/0.9.
        version: Raw,
        /// Header names and values in the order and case in which they came.
        headers: Vec<(Raw, Raw)>,
        /// The body, at most 4 KiB of it.
        body: Raw,
        /// Length of the whole body in bytes.
        body_bytes: u64,
        /// Status code of the answer.
        status: u16,
        /// Who answered.
        answered_by: AnsweredBy,
        /// From the request's arrival to the answer, in microseconds.
        duration_us: u64,
    },
    /// Bytes that are not of the protocol: another protocol's, binary, or too long.
    Malformed {
        /// What is wrong with them, or what they look like.
        what: String,
        /// The bytes, at most 4 KiB of them.
        bytes: Raw,
    },
    /// Telnet option bytes that the visitor sent, in order (RFC 854).
    TelnetOptions {
        /// IAC sequences as they came, at most 1 KiB of them.
        bytes: Raw,
    },
    /// A variable of the environment that a Telnet client sent (RFC 1572).
    TelnetEnvironment {
        /// Its name.
        name: Raw,
        /// Its value.
        value: Raw,
        /// The known attack that it is part of.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        attack: Option<String>,
    },
    /// A client began TLS; also when the handshake failed.
    TlsHello {
        /// Host name that the client asked for.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sni: Option<Raw>,
        /// Application protocols that it offered.
        alpn: Vec<Raw>,
        /// Versions that it offered, its favourite first.
        versions: Vec<String>,
        /// JA3 fingerprint; absent when the bytes are no ClientHello.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ja3: Option<String>,
        /// JA4 fingerprint; absent when the bytes are no ClientHello.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ja4: Option<String>,
        /// Version that was agreed on; absent when the handshake failed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        version: Option<String>,
        /// Cipher suite that was agreed on; absent when the handshake failed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        cipher: Option<String>,
        /// Why the handshake failed; absent when it did not.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        error: Option<String>,
        /// What the client sent before we answered, at most 16 KiB of it.
        bytes: Raw,
    },
    /// The model was asked.
    ModelCalled {
        /// Name of the model as configured.
        model: String,
        /// `ok`, or what failed.
        outcome: String,
        /// Tokens of the prompt, as the server counted them, else estimated.
        prompt_tokens: u64,
        /// Tokens of the answer, as the server counted them, else estimated.
        completion_tokens: u64,
        /// What that costs by the price list, in millionths of a US dollar.
        micro_usd: u64,
        /// How long it took, in milliseconds.
        latency_ms: u64,
    },
    /// The model's answer was not let through; the visitor got the fallback.
    ModelAnswerRefused {
        /// Which rule of the guard.
        rule: String,
    },
    /// The model's answer broke a rule of the guard and could be mended.
    ModelAnswerRepaired {
        /// Which rule: `wrapping` when taking off what stood around it was enough, else the one for which it was asked again.
        rule: String,
    },
    /// What the model has cost on a day; said when the day is over and when the sensor stops.
    ModelSpent {
        /// The day, UTC: `2026-11-23`.
        day: String,
        /// Calls.
        calls: u64,
        /// Tokens of prompts and answers.
        tokens: u64,
        /// Millionths of a US dollar by the price list.
        micro_usd: u64,
    },
    /// The model wrote a file of the host, which is a fact from here on.
    FileInvented {
        /// Its path.
        path: String,
        /// Its length in bytes.
        bytes: u64,
        /// SHA-256 in hexadecimal.
        sha256: String,
    },
    /// Words that are meant for a model behind the host; no model saw them.
    InjectionAttempted {
        /// Which family: `override`, `reveal`, `role`, `question`, `markup`, `encoded`.
        rule: String,
        /// Where they stood: the kind of the event before this one.
        place: String,
        /// The text, at most 512 bytes of it.
        text: Raw,
    },
}

impl Kind {
    /// What a visitor said in it, in words of their own: name of the kind, and the texts.
    pub fn said(&self) -> Option<(&'static str, Vec<&[u8]>)> {
        Some(match self {
            Self::LoginTried { username, password, .. } => ("login_tried", vec![&username.0, &password.0]),
            Self::KeyTried { username, .. } => ("key_tried", vec![&username.0]),
            Self::SshClient { version, .. } => ("ssh_client", vec![&version.0]),
            Self::Command { input, .. } => ("command", vec![&input.0]),
            Self::FileUploaded { path, .. } => ("file_uploaded", vec![&path.0]),
            Self::FileWritten { path, .. } => ("file_written", vec![&path.0]),
            Self::MailReceived { helo, mail_from, rcpt_to, .. } => {
                ("mail_received", [helo, mail_from].into_iter().chain(rcpt_to).map(|raw| raw.0.as_slice()).collect())
            }
            Self::MailParsed { subject, from, to, .. } => {
                ("mail_parsed", subject.iter().chain(from).chain(to).map(|raw| raw.0.as_slice()).collect())
            }
            Self::HttpRequest { target, headers, body, .. } => {
                let values = headers.iter().map(|(_, value)| value);
                ("http_request", [target, body].into_iter().chain(values).map(|raw| raw.0.as_slice()).collect())
            }
            Self::Malformed { bytes, .. } => ("malformed", vec![&bytes.0]),
            Self::ForwardAsked { host, .. } => ("forward_asked", vec![&host.0]),
            Self::ForwardBegan { bytes, .. } => ("forward_began", vec![&bytes.0]),
            Self::TelnetOptions { bytes } => ("telnet_options", vec![&bytes.0]),
            _ => return None,
        })
    }

    /// The event of bytes that are not of the protocol.
    pub fn malformed(what: &str, bytes: &[u8]) -> Self {
        Self::Malformed { what: what.into(), bytes: Raw::cut(bytes, 4096) }
    }

    /// The event of a line that was answered.
    pub fn command(
        input: &[u8],
        output: &[u8],
        exit_code: Option<i32>,
        answered_by: AnsweredBy,
        took: Duration,
    ) -> Self {
        Self::Command {
            input: Raw::from(input),
            output: Raw::cut(output, 4096),
            output_bytes: output.len() as u64,
            exit_code,
            answered_by,
            duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// The same event, when only the beginning of a longer answer is at hand.
    pub fn of_length(mut self, whole: u64) -> Self {
        if let Self::Command { output_bytes, .. } = &mut self {
            *output_bytes = whole;
        }
        self
    }

    /// Roughly how many bytes the event holds in memory, for queues that are bounded by bytes.
    pub fn weight(&self) -> usize {
        const FIXED: usize = 256;
        FIXED
            + match self {
                Self::LoginTried { username, password, .. } => username.0.len() + password.0.len(),
                Self::KeyTried { username, key, .. } => 256 + username.0.len() + key.len(),
                Self::SshClient { version, lists, .. } => {
                    128 + version.0.len() + lists.iter().map(|list| list.0.len() + 24).sum::<usize>()
                }
                Self::BaitUsed { path, username, read_by, .. } => path.len() + username.0.len() + read_by.len() * 64,
                Self::Command { input, output, .. } => input.0.len() + output.0.len(),
                Self::FileUploaded { path, .. }
                | Self::FileDownloaded { path, .. }
                | Self::FileWritten { path, .. }
                | Self::ScriptRun { path, .. } => path.0.len(),
                Self::UrlSeen { url } => url.0.len(),
                Self::ConnectionTried { host, .. }
                | Self::ForwardAsked { host, .. }
                | Self::ForwardEnded { host, .. } => host.0.len(),
                Self::ForwardBegan { host, target, bytes, .. } => {
                    1024 + host.0.len() + target.as_ref().map_or(0, |target| target.0.len()) + bytes.0.len()
                }
                Self::MailReceived { helo, mail_from, rcpt_to, .. } => {
                    helo.0.len() + mail_from.0.len() + rcpt_to.iter().map(|rcpt| rcpt.0.len() + 24).sum::<usize>()
                }
                Self::MailParsed { from, to, attachments, urls, .. } => {
                    let texts = [from, to, urls].into_iter().flatten().map(|text| text.0.len() + 24);
                    2048 + 256 * attachments.len() + texts.sum::<usize>()
                }
                Self::HttpRequest { target, headers, body, .. } => {
                    let headers = headers.iter().map(|(name, value)| name.0.len() + value.0.len() + 48);
                    target.0.len() + body.0.len() + headers.sum::<usize>()
                }
                Self::Malformed { bytes, .. } | Self::TelnetOptions { bytes } => bytes.0.len(),
                Self::TelnetEnvironment { name, value, .. } => name.0.len() + value.0.len(),
                Self::TlsHello { alpn, bytes, .. } => {
                    512 + 2 * bytes.0.len() + alpn.iter().map(|name| name.0.len() + 24).sum::<usize>()
                }
                _ => 0,
            }
    }
}

/// The names of all kinds, in the order of [`Kind`].
pub const KINDS: &[&str] = &[
    "sensor_started",
    "sensor_stopped",
    "connections_refused",
    "events_lost",
    "connection_opened",
    "connection_closed",
    "login_tried",
    "key_tried",
    "ssh_client",
    "bait_used",
    "command",
    "file_uploaded",
    "file_downloaded",
    "file_written",
    "script_run",
    "recording_stored",
    "url_seen",
    "connection_tried",
    "forward_asked",
    "forward_began",
    "forward_ended",
    "mail_received",
    "mail_parsed",
    "http_request",
    "malformed",
    "telnet_options",
    "telnet_environment",
    "tls_hello",
    "model_called",
    "model_answer_refused",
    "model_answer_repaired",
    "model_spent",
    "file_invented",
    "injection_attempted",
];

/// A file that came with a mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// The name that the mail gives it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Raw>,
    /// Its MIME type.
    pub mime: String,
    /// Its whole size in bytes, decoded.
    pub bytes: u64,
    /// SHA-256 of what was kept, in hexadecimal.
    pub sha256: String,
    /// Name below `captures/` of the state folder; absent when it could not be kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stored: Option<String>,
}

/// Who read a file with a login in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaitReader {
    /// Their address; absent when every visit has a host of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub src_ip: Option<std::net::IpAddr>,
    /// The user as whom: 33 is the web server's.
    pub uid: u32,
    /// When, for the first time.
    pub ts: Timestamp,
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// The protocol's dialog or the simulated host.
    Emulator,
    /// The model, through the guard.
    Model,
    /// What the model said before.
    Recall,
    /// The plain believable answer for when nobody else has one.
    Fallback,
}

/// Why a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The visitor closed the connection.
    PeerClosed,
    /// The visitor reset the connection.
    PeerReset,
    /// The dialog came to its end (QUIT, exit, an error that the real daemon answers by closing).
    DialogEnded,
    /// The visitor was silent for too long.
    Idle,
    /// The visit lasted too long.
    Overtime,
    /// The visitor sent or fetched too much.
    ByteLimit,
    /// The sensor stopped.
    Shutdown,
    /// Our own failure; the diagnostics say which.
    Failure,
}

/// Which limit closed a connection before it became a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// Connections in total.
    Total,
    /// Connections of one source address.
    Source,
    /// Connections of one /24 or /64.
    Network,
    /// No valid PROXY header came in time.
    ProxyHeader,
}
