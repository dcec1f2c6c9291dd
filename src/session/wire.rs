//! Bounded reading and writing. Engines see a stream, never a socket: tests use pipes, TLS is a wrapper.
//!
//! Every wait ends: at the idle time, at the end of the visit, or when the sensor stops. A buffer is taken when there
//! is something to read and given back when it is empty, so a silent visitor holds none.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout_at};

use super::Session;
use super::tls::{Handshake, Tls};
use super::turns::breathe;
use crate::event::CloseReason;

/// What an engine talks over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A whole line; a CR before the LF is taken off.
    Whole(Vec<u8>),
    /// The visitor sent more than the longest line without an end: its beginning. The rest of it is thrown away as
    /// it comes, up to the next LF.
    TooLong(Vec<u8>),
}

impl Line {
    /// The line, whole or cut.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Whole(bytes) | Self::TooLong(bytes) => bytes,
        }
    }
}

/// A visitor's stream with the session's bounds around it.
pub struct Wire {
    stream: Box<dyn Stream>,
    session: Arc<Session>,
    unread: Vec<u8>,
    idle: Duration,
    skip: bool,
}

/// The most that is read at once.
const PIECE: usize = 4096;

impl Wire {
    /// Wraps a stream; the idle time is the session's until [`Wire::set_idle`].
    pub fn new(stream: Box<dyn Stream>, session: Arc<Session>) -> Self {
        let idle = Duration::from_secs(session.limits().idle_seconds);
        Self { stream, session, unread: Vec::new(), idle, skip: false }
    }

    /// The time of silence after which a read ends with [`CloseReason::Idle`].
    pub fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
    }

    /// Goes on in TLS: waits for the handshake as long as for a line, and records it. What came before the handshake
    /// and was not used yet is thrown away, so that nothing said in clear is taken for said in TLS.
    ///
    /// # Errors
    /// Why the visit is over. Nothing can be sent any more.
    pub async fn start_tls(&mut self, tls: &Tls) -> Result<(), CloseReason> {
        self.unread = Vec::new();
        self.go_on_in_tls(tls, Handshake::until(self.until())).await
    }

    /// The same where what was read and not used yet is the beginning of the handshake, or else what `how` says: its time
    /// and its head are set here.
    ///
    /// # Errors
    /// Why the visit is over. Nothing can be sent any more.
    pub async fn begin_tls(&mut self, tls: &Tls, how: Handshake) -> Result<(), CloseReason> {
        let how = Handshake { until: self.until(), head: std::mem::take(&mut self.unread), ..how };
        self.go_on_in_tls(tls, how).await
    }

    fn until(&self) -> Instant {
        (Instant::now() + self.idle).min(self.session.deadline())
    }

    async fn go_on_in_tls(&mut self, tls: &Tls, how: Handshake) -> Result<(), CloseReason> {
        self.skip = false;
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = Box::pin(tls.accept(plain, &self.session, how)).await?.stream;
        Ok(())
    }

    /// What was read but not used yet.
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Takes the first `len` bytes of what was read.
    pub fn take(&mut self, len: usize) -> Vec<u8> {
        let rest = self.unread.split_off(len.min(self.unread.len()));
        std::mem::replace(&mut self.unread, rest)
    }

    /// Waits for bytes and adds them to [`Wire::unread`]: at most 4096 at once.
    ///
    /// # Errors
    /// Why no byte will come.
    pub async fn fill(&mut self) -> Result<usize, CloseReason> {
        breathe().await;
        let idle = Instant::now() + self.idle;
        let deadline = self.session.deadline();
        let (until, reason) =
            if idle < deadline { (idle, CloseReason::Idle) } else { (deadline, CloseReason::Overtime) };
        let read = read_piece(&mut self.stream, &mut self.unread);
        let result = tokio::select! {
            biased;
            result = timeout_at(until, read) => result,
            () = self.session.stop().cancelled() => return Err(CloseReason::Shutdown),
        };
        match result {
            Err(_) => Err(reason),
            Ok(Ok(0)) => Err(CloseReason::PeerClosed),
            Ok(Ok(bytes)) => self.session.received(bytes).map(|()| bytes),
            Ok(Err(error)) => Err(broken(&error)),
        }
    }

    /// The next line, up to LF, of at most `longest` bytes without its end.
    /// What came before the end of the stream without an LF is not a line: it is dropped, as daemons do.
    ///
    /// # Errors
    /// Why no line will come.
    pub async fn line(&mut self, longest: usize) -> Result<Line, CloseReason> {
        breathe().await;
        let mut searched = 0;
        loop {
            let fresh = self.unread.get(searched..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|&b| b == b'\n') {
                let mut line = self.take(searched + at + 1);
                line.pop();
                if std::mem::take(&mut self.skip) {
                    searched = 0;
                    continue;
                }
                line.pop_if(|last| *last == b'\r');
                if line.len() > longest {
                    line.truncate(longest);
                    return Ok(Line::TooLong(line));
                }
                return Ok(Line::Whole(line));
            }
            if self.skip {
                self.unread.clear();
            } else if self.unread.len() > longest {
                let mut line = std::mem::take(&mut self.unread);
                line.truncate(longest);
                self.skip = true;
                return Ok(Line::TooLong(line));
            }
            searched = self.unread.len();
            self.fill().await?;
        }
    }

    /// One HTTP request: its head, and as much body as `Content-Length` announces; cut at `longest` bytes.
    ///
    /// # Errors
    /// Why none will come.
    pub async fn http_request(&mut self, longest: usize) -> Result<Vec<u8>, CloseReason> {
        loop {
            let head = self.unread.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
            let head = head.or_else(|| self.unread.windows(2).position(|window| window == b"\n\n").map(|at| at + 2));
            let whole =
                head.map(|head| head.saturating_add(content_length(self.unread.get(..head).unwrap_or_default())));
            match whole {
                Some(whole) if whole <= self.unread.len() => return Ok(self.take(whole)),
                _ if self.unread.len() >= longest => return Ok(self.take(longest)),
                _ => self.fill().await?,
            };
        }
    }

    /// Sends bytes, all or an error. A visitor who does not read is idle.
    ///
    /// # Errors
    /// Why they could not be sent.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), CloseReason> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.session.sent(bytes.len())?;
        breathe().await;
        let until = (Instant::now() + self.idle).min(self.session.deadline());
        let write = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout_at(until, write).await {
            Err(_) => Err(CloseReason::Idle),
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(broken(&error)),
        }
    }

    /// Ends our direction and waits a moment for the visitor to end theirs, so that the last words are not lost in a
    /// reset when unread bytes are still coming.
    ///
    /// # Errors
    /// None that matter: the visit is over either way.
    pub async fn finish(&mut self) -> Result<(), CloseReason> {
        let _ = self.stream.shutdown().await;
        self.unread = Vec::new();
        let until = Instant::now() + Duration::from_secs(2);
        let mut drained = 0;
        let mut rest = Vec::new();
        while drained < 64 * PIECE {
            match timeout_at(until, read_piece(&mut self.stream, &mut rest)).await {
                Ok(Ok(bytes)) if bytes > 0 => drained += bytes,
                _ => break,
            }
            rest.clear();
        }
        Ok(())
    }
}

/// Reads at most [`PIECE`] bytes over the stack: nothing is allocated before they are there.
async fn read_piece(stream: &mut Box<dyn Stream>, into: &mut Vec<u8>) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = ReadBuf::uninit(&mut piece);
        match Pin::new(&mut *stream).poll_read(cx, &mut piece) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                into.extend_from_slice(piece.filled());
                Poll::Ready(Ok(piece.filled().len()))
            }
        }
    })
    .await
}

fn broken(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => CloseReason::PeerClosed,
        _ => CloseReason::PeerReset,
    }
}

fn content_length(head: &[u8]) -> usize {
    let header = head.split(|&b| b == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(line.iter().position(|&b| b == b':')?)?;
        name.eq_ignore_ascii_case(b"content-length").then(|| String::from_utf8_lossy(value).into_owned())
    });
    header.and_then(|value| value.trim_start_matches(':').trim().parse().ok()).unwrap_or(0)
}
