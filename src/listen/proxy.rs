//! PROXY protocol, versions 1 and 2: who a load balancer speaks for.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ppp::{HeaderResult, PartialResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::session::Stream;

/// The longest header: version 2 with its type-length-values, within reason.
const LONGEST: usize = 2048;
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads the header: the stream behind it, and the source that it names (`None` for health checks of the balancer
/// itself, `LOCAL` and `UNKNOWN`). `None` when no valid header came in time.
pub(super) async fn read_header(mut stream: TcpStream) -> Option<(Box<dyn Stream>, Option<SocketAddr>)> {
    let mut read = Vec::new();
    let (len, source) = timeout(PATIENCE, async {
        loop {
            stream.read_buf(&mut read).await.ok().filter(|bytes| *bytes > 0)?;
            let result = HeaderResult::parse(&read);
            if !result.is_incomplete() {
                return named(&result);
            }
            if read.len() >= LONGEST {
                return None;
            }
        }
    })
    .await
    .ok()??;
    let rest = read.split_off(len);
    let stream: Box<dyn Stream> = if rest.is_empty() { Box::new(stream) } else { Box::new(Prefixed { rest, stream }) };
    Some((stream, source))
}

/// Length of the header, and the source in it.
fn named(result: &HeaderResult<'_>) -> Option<(usize, Option<SocketAddr>)> {
    match result {
        HeaderResult::V1(Ok(header)) => {
            let source = match header.addresses {
                v1::Addresses::Tcp4(ip) => Some(SocketAddr::new(IpAddr::V4(ip.source_address), ip.source_port)),
                v1::Addresses::Tcp6(ip) => Some(SocketAddr::new(IpAddr::V6(ip.source_address), ip.source_port)),
                v1::Addresses::Unknown => None,
            };
            Some((header.header.len(), source))
        }
        HeaderResult::V2(Ok(header)) => {
            let source = match header.addresses {
                _ if header.command == v2::Command::Local => None,
                v2::Addresses::IPv4(ip) => Some(SocketAddr::new(IpAddr::V4(ip.source_address), ip.source_port)),
                v2::Addresses::IPv6(ip) => Some(SocketAddr::new(IpAddr::V6(ip.source_address), ip.source_port)),
                _ => None,
            };
            Some((header.len(), source))
        }
        _ => None,
    }
}

/// A stream of which the first bytes were read already.
struct Prefixed {
    rest: Vec<u8>,
    stream: TcpStream,
}

impl AsyncRead for Prefixed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let len = self.rest.len().min(buf.remaining());
        let later = self.rest.split_off(len);
        let now = std::mem::replace(&mut self.rest, later);
        buf.put_slice(&now);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
