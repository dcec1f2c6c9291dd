//! Data connections: listeners that the visitor connects to and, where the operator wants it, connections to the
//! visitor's own address. Nobody else is ever dialled.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

use super::config::Config;
use crate::prelude::*;
use crate::session::Stream;
use crate::session::tls::{Handshake, Inside};

/// Ports that are tried before giving up.
const TRIES: u16 = 64;
/// Ports that vsftpd chooses from: not those of the kernel, whose search is slow beside thousands in TIME-WAIT.
const ANY: (u16, u16) = (1024, u16::MAX);

/// The most that is sent or read at once.
pub const PIECE: usize = 64 << 10;

/// A listener for one transfer.
pub struct Passive {
    listener: TcpListener,
}

/// Who came.
pub enum Arrival {
    /// The visitor.
    Data(Data),
    /// Somebody from another address: vsftpd takes one connection, whosever it is.
    Stranger,
    /// Nobody in time.
    Nobody,
}

impl Passive {
    /// Listens at our address, at a port of the range or, without one, of those that vsftpd 3.0.3 chooses from itself.
    ///
    /// # Errors
    /// No port is free.
    pub async fn open(local: IpAddr, ports: Option<(u16, u16)>) -> io::Result<(Self, u16)> {
        let (low, high) = ports.unwrap_or(ANY);
        let listener = in_range(local, low, high).await?;
        let port = listener.local_addr()?.port();
        Ok((Self { listener }, port))
    }

    /// The first that connects.
    ///
    /// # Errors
    /// The sensor stops, or the visit is over.
    pub async fn accept(self, session: &Session, config: &Config) -> Result<Arrival, CloseReason> {
        let accepted = within(session, Duration::from_secs(config.accept_seconds), self.listener.accept()).await;
        match accepted {
            Ok((stream, from)) if from.ip().to_canonical() == visitor(session) => Ok(Data::of(stream, config)),
            Ok(_) => Ok(Arrival::Stranger),
            Err(Broken::Visit(reason)) => Err(reason),
            Err(_) => Ok(Arrival::Nobody),
        }
    }
}

fn visitor(session: &Session) -> IpAddr {
    session.log().visit().src_ip.to_canonical()
}

async fn in_range(local: IpAddr, low: u16, high: u16) -> io::Result<TcpListener> {
    let span = high.saturating_sub(low);
    let first = u16::try_from(crate::base::rng::fresh_seed() % (u64::from(span) + 1)).unwrap_or(0);
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for step in 0..TRIES.min(span.saturating_add(1)) {
        let offset = (u32::from(first) + u32::from(step)) % (u32::from(span) + 1);
        let port = low.saturating_add(u16::try_from(offset).unwrap_or(0));
        match TcpListener::bind(SocketAddr::new(local, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// How a transfer went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Only the data connection: the visit goes on.
    Connection,
    /// Nothing moved for too long.
    Silent,
    /// The visit is over.
    Visit(CloseReason),
}

/// One open data connection.
pub struct Data {
    stream: Box<dyn Stream>,
    silence: Duration,
}

impl Data {
    fn of(stream: TcpStream, config: &Config) -> Arrival {
        Arrival::Data(Self { stream: Box::new(stream), silence: Duration::from_secs(config.data_seconds) })
    }

    /// Connects to the visitor at a port of theirs that is not privileged; the address is compared once more.
    ///
    /// # Errors
    /// The sensor stops, or the visit is over.
    pub async fn dial(at: SocketAddr, session: &Session, config: &Config) -> Result<Arrival, CloseReason> {
        if at.ip().to_canonical() != visitor(session) || at.port() < 1024 {
            return Ok(Arrival::Nobody);
        }
        #[expect(clippy::disallowed_methods, reason = "[ftp] active: the visitor's own address, which they asked for")]
        let connecting = TcpStream::connect(at);
        match within(session, Duration::from_secs(config.accept_seconds), connecting).await {
            Ok(stream) => Ok(Self::of(stream, config)),
            Err(Broken::Visit(reason)) => Err(reason),
            Err(_) => Ok(Arrival::Nobody),
        }
    }

    /// Goes on in TLS; whether with a session that we know.
    ///
    /// # Errors
    /// There was no handshake: vsftpd ends with it.
    pub async fn in_tls(self, session: &Session) -> Result<(Self, bool), CloseReason> {
        let Some(tls) = session.tls() else { return Err(CloseReason::Failure) };
        let until = (Instant::now() + self.silence).min(session.deadline());
        let how = Handshake { inside: Inside::Data, ..Handshake::until(until) };
        let secured = Box::pin(tls.accept(self.stream, session, how)).await;
        // An idle visit would be told so.
        let secured =
            secured.map_err(|reason| if reason == CloseReason::Idle { CloseReason::DialogEnded } else { reason })?;
        Ok((Self { stream: secured.stream, silence: self.silence }, secured.resumed))
    }

    /// Sends a piece.
    ///
    /// # Errors
    /// It could not be sent.
    pub async fn send(&mut self, session: &Session, bytes: &[u8]) -> Result<(), Broken> {
        session.sent(bytes.len()).map_err(Broken::Visit)?;
        within(session, self.silence, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await
    }

    /// Receives a piece into `buffer`; 0 at the end.
    ///
    /// # Errors
    /// It could not be received.
    pub async fn receive(&mut self, session: &Session, buffer: &mut [u8]) -> Result<usize, Broken> {
        let read = async {
            match self.stream.read(buffer).await {
                // In TLS: closed without a word, which vsftpd takes for the end (`strict_ssl_read_eof=NO`).
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                result => result,
            }
        };
        let got = within(session, self.silence, read).await?;
        session.received(got).map_err(Broken::Visit)?;
        Ok(got)
    }

    /// Ends our direction so that what was sent arrives.
    pub async fn close(mut self) {
        let _ = tokio::time::timeout(self.silence, self.stream.shutdown()).await;
    }
}

/// Waits for work, but not longer than it may take.
async fn within<T>(session: &Session, time: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Broken> {
    let until = (Instant::now() + time).min(session.deadline());
    let done = tokio::select! {
        done = timeout_at(until, work) => done,
        () = session.stop().cancelled() => return Err(Broken::Visit(CloseReason::Shutdown)),
    };
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err(Broken::Connection),
        Err(_) if session.deadline() <= Instant::now() => Err(Broken::Visit(CloseReason::Overtime)),
        Err(_) => Err(Broken::Silent),
    }
}
