//! TLS 1.2 and 1.3 for all protocols: one certificate, one configuration. [`super::Wire::start_tls`] upgrades a dialog,
//! [`Tls::accept`] any other stream; both record the ClientHello as it came, also when the handshake fails.

mod hello;
mod snakeoil;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::Acceptor;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::{Session, Stream};
use crate::event::{CloseReason, Kind, Raw};
pub use hello::ClientHello;
pub use snakeoil::Snakeoil;

/// `[tls]` of `Config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// PEM file with the certificate and those that lead to its root. Empty: a self-signed one of the instance.
    pub certificate: PathBuf,
    /// PEM file with the key of the certificate.
    pub key: PathBuf,
}

impl Config {
    /// What is wrong with a value: its key and the reason.
    ///
    /// # Errors
    /// One of the two files without the other.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        match (self.certificate.as_os_str().is_empty(), self.key.as_os_str().is_empty()) {
            (false, true) => Err(("certificate", "a certificate needs its key: set `key` too".into())),
            (true, false) => Err(("key", "a key needs its certificate: set `certificate` too".into())),
            _ => Ok(()),
        }
    }
}

/// A certificate or a key that can't be used: which file, why, what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct TlsError(String);

impl TlsError {
    fn new(path: &Path, reason: &str, advice: &str) -> Self {
        Self(format!("{}: {reason}; {advice}", path.display()))
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// What a server needs for handshakes.
pub struct Tls {
    plain: Arc<ServerConfig>,
    /// The same, for clients that offer `http/1.1` (RFC 7301) to a web server.
    http: Arc<ServerConfig>,
    /// The same for the data connections of FTP.
    data: Arc<ServerConfig>,
}

/// What is spoken in TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// A dialog without a name of its own in TLS.
    Dialog,
    /// HTTP: `http/1.1` is agreed on with who offers it. Who offers other things only gets no protocol, as from nginx
    /// 1.18.
    Http,
    /// A data connection of FTP.
    Data,
}

/// What one handshake needs beside the stream.
pub struct Handshake {
    /// The moment at which it has taken too long.
    pub until: Instant,
    /// What was read already: its beginning.
    pub head: Vec<u8>,
    /// What comes after it.
    pub inside: Inside,
    /// The last words, in clear, for who begins with something else than TLS; these are the first bytes.
    pub otherwise: fn(&[u8]) -> Vec<u8>,
}

impl Handshake {
    /// The usual one: nothing read, no application protocol, silence towards strangers.
    pub fn until(until: Instant) -> Self {
        Self { until, head: Vec::new(), inside: Inside::Dialog, otherwise: |_| Vec::new() }
    }
}

/// A stream in TLS.
pub struct Secured {
    /// What is said inside.
    pub stream: Box<dyn Stream>,
    /// The client went on with a session that we know.
    pub resumed: bool,
}

/// How much of a ClientHello is kept.
const HELLO: usize = 16 << 10;
/// Type, version and length of a TLS record.
const HEADER: usize = 5;
const HTTP: &[u8] = b"http/1.1";

impl Tls {
    /// With the operator's certificate, else with the instance's own.
    ///
    /// # Errors
    /// A file can't be read, holds no certificate or key, or the two don't belong together.
    pub fn open(config: &Config, snakeoil: &Snakeoil) -> Result<Arc<Self>, TlsError> {
        if config.certificate.as_os_str().is_empty() {
            let state = Path::new("snakeoil.pem");
            let wrong = |error: String| TlsError::new(state, &error, "remove it from the state folder");
            let chain = CertificateDer::pem_slice_iter(snakeoil.certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
            let key = PrivateKeyDer::from_pem_slice(snakeoil.key.as_bytes());
            let (chain, key) = chain.and_then(|chain| Ok((chain, key?))).map_err(|error| wrong(error.to_string()))?;
            return Self::with(chain, key).map_err(|error| wrong(error.to_string()));
        }
        let (file, key_file) = (&config.certificate, &config.key);
        let reason = |error: pem::Error, what: &str| match error {
            pem::Error::NoItemsFound => format!("holds no {what} in PEM form"),
            pem::Error::Io(error) => format!("can't be read: {error}"),
            error => format!("is no PEM file: {error}"),
        };
        let advice = "correct [tls] certificate, or leave it empty";
        let chain = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
            .map_err(|error| TlsError::new(file, &reason(error, "certificate"), advice))?;
        let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| {
            TlsError::new(key_file, &reason(error, "private key"), "correct [tls] key, or leave it empty")
        })?;
        Self::with(chain, key).map_err(|error| {
            let why = match error {
                rustls::Error::InconsistentKeys(_) => "is not the key of the certificate".into(),
                error => format!("can't be used: {error}"),
            };
            TlsError::new(key_file, &why, "name a certificate and its own key in [tls]")
        })
    }

    fn with(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<Self>, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut plain = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        // As OpenSSL: what a client may come back with is in its ticket, as often as it likes.
        plain.ticketer = aws_lc_rs::Ticketer::new()?;
        // Who only sends on a data connection never reads a ticket, and what is unread makes their close a reset.
        let mut data = plain.clone();
        data.send_tls13_tickets = 0;
        let mut http = plain.clone();
        http.alpn_protocols = vec![HTTP.to_vec()];
        Ok(Arc::new(Self { plain: Arc::new(plain), http: Arc::new(http), data: Arc::new(data) }))
    }

    async fn agree(&self, tee: Tee, inside: Inside) -> io::Result<TlsStream<Tee>> {
        match inside {
            Inside::Dialog => return TlsAcceptor::from(Arc::clone(&self.plain)).accept(tee).await,
            Inside::Data => return TlsAcceptor::from(Arc::clone(&self.data)).accept(tee).await,
            Inside::Http => {}
        }
        let hello = LazyConfigAcceptor::new(Acceptor::default(), tee).await?;
        let offered = hello.client_hello().alpn().is_some_and(|mut names| names.any(|name| name == HTTP));
        hello.into_stream(Arc::clone(if offered { &self.http } else { &self.plain })).await
    }

    /// Waits for the client's handshake until a moment, and records it. What does not begin as TLS gets no alert, as from
    /// OpenSSL; it reads no further than the first header.
    ///
    /// # Errors
    /// Why the visit is over: there is nothing more to say to this client.
    pub async fn accept(
        &self,
        mut stream: Box<dyn Stream>,
        session: &Session,
        how: Handshake,
    ) -> Result<Secured, CloseReason> {
        let Handshake { until, mut head, inside, otherwise } = how;
        let heard: Heard = Arc::default();
        keep(&heard, &head);
        let handshake = async {
            read_header(&mut stream, &mut head, &heard).await?;
            // The version of SSL 3 and of TLS, in the middle of the header.
            if head.get(1) != Some(&3) {
                let words = otherwise(&head);
                stream.write_all(&words).await?;
                stream.shutdown().await?;
                return Err(io::Error::new(io::ErrorKind::InvalidData, "not TLS"));
            }
            let tee = Tee { stream, head, heard: Some(Arc::clone(&heard)) };
            Box::pin(self.agree(tee, inside)).await
        };
        let result = tokio::select! {
            biased;
            result = timeout_at(until, handshake) => result,
            () = session.stop().cancelled() => return Err(CloseReason::Shutdown),
        };
        let bytes = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
        match result {
            Ok(Ok(mut stream)) => {
                let (tee, connection) = stream.get_mut();
                tee.heard = None;
                let agreed = Agreed::of(connection);
                let resumed = connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
                session.log().record(event(bytes, Ok(&agreed)));
                Ok(Secured { stream: Box::new(stream), resumed })
            }
            Ok(Err(error)) => {
                let reason = match error.kind() {
                    io::ErrorKind::UnexpectedEof => CloseReason::PeerClosed,
                    io::ErrorKind::InvalidData => CloseReason::DialogEnded,
                    _ => CloseReason::PeerReset,
                };
                session.log().record(event(bytes, Err(&error.to_string())));
                Err(reason)
            }
            Err(_) => {
                session.log().record(event(bytes, Err("no handshake in time")));
                Err(CloseReason::Idle)
            }
        }
    }
}

/// What a handshake agreed on, in the words of OpenSSL.
struct Agreed {
    /// `TLSv1.3`
    version: String,
    /// `TLS_AES_256_GCM_SHA384`, `ECDHE-RSA-AES256-GCM-SHA384`
    cipher: String,
}

impl Agreed {
    fn of(connection: &rustls::ServerConnection) -> Self {
        let version = connection.protocol_version().and_then(|version| version.as_str()).unwrap_or_default();
        let suite = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
        let suite = suite.unwrap_or_default();
        Self { version: version.replace("TLSv1_", "TLSv1."), cipher: openssl_name(&suite) }
    }
}

fn openssl_name(suite: &str) -> String {
    if let Some(rest) = suite.strip_prefix("TLS13_") {
        return format!("TLS_{rest}");
    }
    let name = suite.trim_start_matches("TLS_").replace("_WITH_", "_").replace("AES_", "AES").replace('_', "-");
    if name.contains("CHACHA20") { name.trim_end_matches("-SHA256").into() } else { name }
}

fn event(bytes: Vec<u8>, outcome: Result<&Agreed, &str>) -> Kind {
    let hello = ClientHello::read(&bytes);
    Kind::TlsHello {
        sni: hello.as_ref().and_then(|hello| hello.sni.clone()).map(Raw::from),
        alpn: hello.iter().flat_map(|hello| hello.alpn.iter().cloned().map(Raw::from)).collect(),
        versions: hello.as_ref().map(ClientHello::version_names).unwrap_or_default(),
        ja3: hello.as_ref().map(ClientHello::ja3),
        ja4: hello.as_ref().map(ClientHello::ja4),
        version: outcome.ok().map(|agreed| agreed.version.clone()),
        cipher: outcome.ok().map(|agreed| agreed.cipher.clone()),
        error: outcome.err().map(Into::into),
        bytes: Raw::from(bytes),
    }
}

/// What the client said before we spoke.
type Heard = Arc<Mutex<Vec<u8>>>;

fn keep(heard: &Heard, bytes: &[u8]) {
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let room = HELLO.saturating_sub(heard.len());
    heard.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}

/// Reads up to the end of the first header.
async fn read_header(stream: &mut Box<dyn Stream>, head: &mut Vec<u8>, heard: &Heard) -> io::Result<()> {
    while head.len() < HEADER {
        let mut piece = [0; HEADER];
        let rest = piece.get_mut(head.len()..).unwrap_or_default();
        let got = stream.read(rest).await?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let came = rest.get(..got).unwrap_or_default();
        keep(heard, came);
        head.extend_from_slice(came);
    }
    Ok(())
}

/// Keeps what is read until something is written: the ClientHello.
struct Tee {
    stream: Box<dyn Stream>,
    /// Read already, not handed on yet.
    head: Vec<u8>,
    heard: Option<Heard>,
}

impl AsyncRead for Tee {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.head.is_empty() {
            let len = self.head.len().min(buffer.remaining());
            let rest = self.head.split_off(len);
            buffer.put_slice(&std::mem::replace(&mut self.head, rest));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Some(heard) = &self.heard {
            keep(heard, buffer.filled().get(before..).unwrap_or_default());
        }
        result
    }
}

impl AsyncWrite for Tee {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.heard = None;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(certificate: &Path, key: &Path) -> String {
        let config = Config { certificate: certificate.into(), key: key.into() };
        let snakeoil = Snakeoil { certificate: String::new(), key: String::new() };
        Tls::open(&config, &snakeoil).err().unwrap().to_string()
    }

    #[test]
    fn a_certificate_that_can_not_be_used_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (one, other) = (Snakeoil::make("a.example", 0).unwrap(), Snakeoil::make("b.example", 0).unwrap());
        let certificate = file("cert.pem", &one.certificate);
        let (key, wrong, empty) = (file("key.pem", &one.key), file("wrong.pem", &other.key), file("empty.pem", ""));
        let config = Config { certificate: certificate.clone(), key: key.clone() };
        assert!(Tls::open(&config, &other).is_ok());
        assert!(Tls::open(&Config::default(), &other).is_ok());
        let missing = dir.path().join("none.pem");
        for (certificate, key, file, reason) in [
            (&missing, &key, &missing, "can't be read: No such file"),
            (&certificate, &missing, &missing, "can't be read: No such file"),
            (&empty, &key, &empty, "holds no certificate in PEM form"),
            (&certificate, &empty, &empty, "holds no private key in PEM form"),
            (&certificate, &wrong, &wrong, "is not the key of the certificate"),
        ] {
            let said = told(certificate, key);
            assert!(said.starts_with(&format!("{}: ", file.display())) && said.contains(reason), "{said}");
            assert!(said.contains("[tls]"), "{said}");
        }
    }

    #[test]
    fn ciphers_have_the_names_of_openssl() {
        assert_eq!(openssl_name("TLS13_AES_256_GCM_SHA384"), "TLS_AES_256_GCM_SHA384");
        assert_eq!(openssl_name("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), "ECDHE-RSA-AES128-GCM-SHA256");
        assert_eq!(openssl_name("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"), "ECDHE-RSA-CHACHA20-POLY1305");
    }
}
