//! Data connections. The only sockets of the FTP engine: listeners that the visitor connects to. Nothing is ever
//! dialled: what `PORT` asks for is answered as if the visitor's firewall were in the way.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

use crate::prelude::*;

/// `accept_timeout` of vsftpd.
const ACCEPT: Duration = Duration::from_secs(60);
/// `data_connection_timeout` of vsftpd.
const SILENCE: Duration = Duration::from_secs(300);
/// Ports of a configured range that are tried before giving up.
const TRIES: u16 = 64;

/// The most that is sent or read at once.
pub const PIECE: usize = 64 << 10;

/// A listener for one transfer.
pub struct Passive {
    listener: TcpListener,
}

impl Passive {
    /// Listens at our address, at any port or within a range.
    ///
    /// # Errors
    /// No port is free.
    pub async fn open(local: IpAddr, ports: Option<(u16, u16)>) -> io::Result<(Self, u16)> {
        let listener = match ports {
            None => TcpListener::bind(SocketAddr::new(local, 0)).await?,
            Some((low, high)) => in_range(local, low, high).await?,
        };
        let port = listener.local_addr()?.port();
        Ok((Self { listener }, port))
    }

    /// The visitor's connection; others are dropped. `None` when it does not come in time.
    ///
    /// # Errors
    /// The sensor stops, or the visit is over.
    pub async fn accept(self, session: &Session) -> Result<Option<Data>, CloseReason> {
        let until = (Instant::now() + ACCEPT).min(session.deadline());
        let visitor = session.log().visit().src_ip.to_canonical();
        loop {
            let accepted = tokio::select! {
                accepted = timeout_at(until, self.listener.accept()) => accepted,
                () = session.stop().cancelled() => return Err(CloseReason::Shutdown),
            };
            match accepted {
                Ok(Ok((stream, from))) if from.ip().to_canonical() == visitor => return Ok(Some(Data { stream })),
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return Ok(None),
                Err(_) if session.deadline() <= Instant::now() => return Err(CloseReason::Overtime),
                Err(_) => return Ok(None),
            }
        }
    }
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
    /// The visit is over.
    Visit(CloseReason),
}

/// One open data connection.
pub struct Data {
    stream: TcpStream,
}

impl Data {
    /// Sends a piece.
    ///
    /// # Errors
    /// It could not be sent.
    pub async fn send(&mut self, session: &Session, bytes: &[u8]) -> Result<(), Broken> {
        session.sent(bytes.len()).map_err(Broken::Visit)?;
        bounded(session, self.stream.write_all(bytes)).await
    }

    /// Receives a piece into `buffer`; 0 at the end.
    ///
    /// # Errors
    /// It could not be received.
    pub async fn receive(&mut self, session: &Session, buffer: &mut [u8]) -> Result<usize, Broken> {
        let got = bounded(session, self.stream.read(buffer)).await?;
        session.received(got).map_err(Broken::Visit)?;
        Ok(got)
    }

    /// Ends our direction so that what was sent arrives.
    pub async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }
}

async fn bounded<T>(session: &Session, work: impl Future<Output = io::Result<T>>) -> Result<T, Broken> {
    let until = (Instant::now() + SILENCE).min(session.deadline());
    let done = tokio::select! {
        done = timeout_at(until, work) => done,
        () = session.stop().cancelled() => return Err(Broken::Visit(CloseReason::Shutdown)),
    };
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err(Broken::Connection),
        Err(_) if session.deadline() <= Instant::now() => Err(Broken::Visit(CloseReason::Overtime)),
        Err(_) => Err(Broken::Connection),
    }
}
