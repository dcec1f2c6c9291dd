//! What waits for a channel. The window bounds its bytes, not in how many messages they come, nor what comes beside them:
//! neighbouring bytes are put together, and of all else only the newest few are kept. All channels of all visitors hold
//! a bounded sum.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::Sig;
use tokio::sync::Notify;

/// What comes for a channel.
#[derive(Debug)]
pub(super) enum Input {
    /// Bytes.
    Data(Piece),
    /// No more of them.
    End,
    /// The window has these columns and rows.
    Resize(usize, usize),
    /// A signal for what runs.
    Signal(Sig),
}

/// Bytes that wait, counted as long as they do.
#[derive(Debug)]
pub(super) struct Piece(Vec<u8>);

/// Bytes that wait in all channels together, and the most of them.
static WAITING: AtomicUsize = AtomicUsize::new(0);
const MOST: usize = 128 << 20;
/// Bytes of neighbouring messages that are put together.
const TOGETHER: usize = 32 << 10;
/// Resizes, signals and ends that wait.
const OTHERS: usize = 64;

impl Piece {
    /// Counts bytes; `None` when all channels together hold as many as they may.
    fn new(bytes: &[u8]) -> Option<Self> {
        count(bytes.len()).then(|| Self(bytes.to_vec()))
    }

    fn extend(&mut self, bytes: &[u8]) -> bool {
        let counted = count(bytes.len());
        if counted {
            self.0.extend_from_slice(bytes);
        }
        counted
    }

    /// The first bytes, at most so many; they don't wait any more.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        let rest = self.0.split_off(most.min(self.0.len()));
        let first = std::mem::replace(&mut self.0, rest);
        WAITING.fetch_sub(first.len(), Ordering::Relaxed);
        first
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn count(bytes: usize) -> bool {
    let before = WAITING.fetch_add(bytes, Ordering::Relaxed);
    let room = before.saturating_add(bytes) <= MOST;
    if !room {
        WAITING.fetch_sub(bytes, Ordering::Relaxed);
    }
    room
}

impl Drop for Piece {
    fn drop(&mut self) {
        WAITING.fetch_sub(self.0.len(), Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Mailbox {
    queue: Mutex<VecDeque<Input>>,
    came: Notify,
    /// One of the two sides is gone.
    closed: AtomicBool,
}

impl Mailbox {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Input>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The side that the connection fills.
pub(super) struct Sender(Arc<Mailbox>);

/// The side of what runs on the channel.
pub(super) struct Receiver(Arc<Mailbox>);

/// The two sides of a channel's mailbox.
pub(super) fn mailbox() -> (Sender, Receiver) {
    let mailbox = Arc::<Mailbox>::default();
    (Sender(Arc::clone(&mailbox)), Receiver(mailbox))
}

impl Sender {
    /// Adds bytes; false when there is no room in all channels together.
    pub fn data(&self, bytes: &[u8]) -> bool {
        let mut queue = self.0.queue();
        let kept = match queue.back_mut() {
            Some(Input::Data(last)) if last.0.len() + bytes.len() <= TOGETHER => last.extend(bytes),
            _ => Piece::new(bytes).map(|piece| queue.push_back(Input::Data(piece))).is_some(),
        };
        drop(queue);
        self.0.came.notify_one();
        kept
    }

    /// Adds what is no bytes; of a crowd of them the latest are not heard.
    pub fn send(&self, input: Input) {
        let mut queue = self.0.queue();
        match (queue.back_mut(), input) {
            (Some(Input::Resize(columns, rows)), Input::Resize(wide, high)) => (*columns, *rows) = (wide, high),
            (_, input) => {
                let others = queue.iter().filter(|input| !matches!(input, Input::Data(_))).count();
                // The end of the input is said once, and must not be lost.
                let ends = |input: &Input| matches!(input, Input::End);
                if others < OTHERS || (ends(&input) && !queue.iter().any(ends)) {
                    queue.push_back(input);
                }
            }
        }
        drop(queue);
        self.0.came.notify_one();
    }

    /// Whether what ran there has ended.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }
}

impl Receiver {
    /// What came, if anything did; an error when nothing more can come.
    pub fn try_next(&self) -> Result<Option<Input>, ()> {
        let next = self.0.queue().pop_front();
        if next.is_none() && self.0.closed.load(Ordering::Acquire) { Err(()) } else { Ok(next) }
    }

    /// Waits for what comes; `None` when nothing more can.
    pub async fn next(&self) -> Option<Input> {
        loop {
            match self.try_next() {
                Ok(Some(input)) => return Some(input),
                Ok(None) => self.0.came.notified().await,
                Err(()) => return None,
            }
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.came.notify_one();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_small_messages_are_few_entries() {
        let (sender, receiver) = mailbox();
        for _ in 0..100_000 {
            assert!(sender.data(b"x"));
            sender.send(Input::Signal(Sig::INT));
            sender.send(Input::Resize(80, 24));
        }
        sender.send(Input::End);
        let entries = receiver.0.queue().len();
        assert!(entries <= 2 * OTHERS + 100_000 / TOGETHER + 4, "{entries}");
        let (mut bytes, mut ended) = (0, false);
        while let Ok(Some(input)) = receiver.try_next() {
            match input {
                Input::Data(mut piece) => bytes += piece.take(usize::MAX).len(),
                Input::End => ended = true,
                _ => {}
            }
        }
        assert_eq!((bytes, ended), (100_000, true));
        drop(sender);
        assert!(receiver.next().await.is_none());
    }

    #[tokio::test]
    async fn what_waits_is_counted_until_it_is_taken_or_gone() {
        let (sender, receiver) = mailbox();
        let megabyte = vec![0; 1 << 20];
        let kept = (0..200).filter(|_| sender.data(&megabyte)).count();
        assert!((1..=128).contains(&kept), "{kept}");
        assert!(!sender.data(&megabyte));
        let Ok(Some(Input::Data(mut piece))) = receiver.try_next() else { panic!("no bytes") };
        assert_eq!(piece.take(10).len(), 10);
        drop(piece);
        assert!(sender.data(&megabyte));
        drop((sender, receiver));
        assert!(WAITING.load(Ordering::Relaxed) < 1 << 20);
    }
}
