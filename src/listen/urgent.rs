//! Streams on which urgent bytes come in line (`SO_OOBINLINE`). A read ends before them, as if nothing more were there;
//! the runtime takes that for an empty socket and waits, so what is left is fetched here.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A socket whose urgent bytes are read like others.
pub(super) struct Urgent(TcpStream);

impl Urgent {
    /// Urgent bytes are in line from here on.
    pub fn new(stream: TcpStream) -> Self {
        // Without it they are lost, which is no reason to hang up.
        let _ = SockRef::from(&stream).set_out_of_band_inline(true);
        Self(stream)
    }
}

impl AsyncRead for Urgent {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(result) = Pin::new(&mut self.0).poll_read(cx, buffer) {
            return Poll::Ready(result);
        }
        // Whoever comes next wakes us: that is arranged already.
        let mut rest = io::Result::Err(io::ErrorKind::WouldBlock.into());
        if buffer.remaining() > 0 {
            rest = (&*SockRef::from(&self.0)).read(buffer.initialize_unfilled());
        }
        match rest {
            Ok(bytes) => {
                buffer.advance(bytes);
                Poll::Ready(Ok(()))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Urgent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
