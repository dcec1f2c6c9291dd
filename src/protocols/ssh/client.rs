//! What goes over the line below the library: bytes are counted, and the client's first packet, which is in clear, is
//! read for the record: its lists and their HASSH.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use md5::{Digest, Md5};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::prelude::*;
use crate::session::Stream;

/// Most bytes of the beginning that are looked at.
const HEAD: usize = 64 << 10;
/// Most bytes of one list that are recorded.
const LIST: usize = 4096;

/// A visitor's stream, watched.
pub(super) struct Watched {
    inner: Box<dyn Stream>,
    session: Arc<Session>,
    version: Vec<u8>,
    /// What came, until the lists are found or are no longer looked for.
    head: Option<Vec<u8>>,
    /// Too much was sent or fetched.
    spent: Arc<AtomicBool>,
}

impl Watched {
    pub fn new(inner: Box<dyn Stream>, session: Arc<Session>, version: Vec<u8>, spent: Arc<AtomicBool>) -> Self {
        Self { inner, session, version, head: Some(Vec::new()), spent }
    }

    fn arrived(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(head) = &mut self.head {
            head.extend_from_slice(bytes.get(..HEAD.saturating_sub(head.len())).unwrap_or(bytes));
            if let Found::Lists(lists) = find(head) {
                self.record(&lists);
            } else if head.len() >= HEAD || find(head) == Found::Nothing {
                self.record(&[]);
            }
        }
        self.session.received(bytes.len()).map_err(|_| self.over())
    }

    fn record(&mut self, lists: &[Vec<u8>]) {
        self.head = None;
        let version = Raw::cut(&std::mem::take(&mut self.version), LIST);
        let hassh = (!lists.is_empty()).then(|| hassh(lists));
        let lists = lists.iter().take(8).map(|list| Raw::cut(list, LIST)).collect();
        self.session.log().record(Kind::SshClient { version, hassh, lists });
    }

    fn over(&self) -> io::Error {
        self.spent.store(true, Ordering::Relaxed);
        io::Error::other("a visit's bytes are spent")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.head.is_some() {
            self.record(&[]);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                let new = buf.filled().get(before..).unwrap_or_default();
                Poll::Ready(self.arrived(new))
            }
            other => other,
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.inner).poll_write(cx, bytes) {
            Poll::Ready(Ok(sent)) => Poll::Ready(self.session.sent(sent).map(|()| sent).map_err(|_| self.over())),
            other => other,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What the beginning of a stream holds.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// More is needed.
    More,
    /// The lists of a KEXINIT.
    Lists(Vec<Vec<u8>>),
    /// It is no SSH.
    Nothing,
}

/// Looks for KEXINIT (RFC 4253, 7.1) among the first packets, which are in clear.
fn find(mut bytes: &[u8]) -> Found {
    for _ in 0..4 {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Found::More };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if !(5..=HEAD).contains(&length) {
            return Found::Nothing;
        }
        let Some((packet, rest)) = rest.split_at_checked(length) else { return Found::More };
        if packet.get(1) == Some(&20) {
            let mut lists = Vec::new();
            let mut fields = packet.get(18..).unwrap_or_default();
            while lists.len() < 10 {
                let Some((length, rest)) = fields.split_first_chunk::<4>() else { return Found::Nothing };
                let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                let Some((list, rest)) = rest.split_at_checked(length) else { return Found::Nothing };
                lists.push(list.to_vec());
                fields = rest;
            }
            return Found::Lists(lists);
        }
        bytes = rest;
    }
    Found::Nothing
}

/// For `fuzz/`.
#[cfg(any(test, fuzzing))]
pub(super) fn look(bytes: &[u8]) {
    if let Found::Lists(lists) = find(bytes) {
        hassh(&lists);
    }
}

/// MD5 of the lists for key exchange, and of those for the way to the server.
fn hassh(lists: &[Vec<u8>]) -> String {
    let chosen: Vec<&[u8]> = [0, 2, 4, 6].iter().filter_map(|&at| lists.get(at).map(Vec::as_slice)).collect();
    Md5::digest(chosen.join(&b';')).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + 1 + 4).unwrap();
        [&length.to_be_bytes()[..], &[4], payload, &[0; 4]].concat()
    }

    #[test]
    fn lists_are_found_behind_other_packets() {
        let mut payload = vec![20];
        payload.extend([7; 16]);
        let names = ["k", "h", "c1", "c2", "m1", "m2", "z", "z", "", ""];
        for name in names {
            payload.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
            payload.extend(name.bytes());
        }
        payload.extend([0; 5]);
        let bytes = [packet(&[2, 0, 0, 0, 0]), packet(&payload)].concat();
        let lists: Vec<Vec<u8>> = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        assert_eq!(find(&bytes), Found::Lists(lists.clone()));
        for cut in 0..bytes.len() {
            assert_eq!(find(&bytes[..cut]), Found::More, "{cut}");
        }
        assert_eq!(hassh(&lists), "476971af5f3161bff4fef8a513155a5e");
        assert_eq!(find(b"GET / HTTP/1.0\r\n"), Found::Nothing);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            find(&bytes);
            find(&packet(&[&[20_u8; 17][..], &bytes].concat()));
        }
    }
}
