//! Whose turn it is when more is to be done than the machine can do.
//!
//! A visitor who takes little is served at once. A source that has taken more processor time than [`BURST`], which
//! is forgiven at [`FORGIVEN`], waits for a place among the workers before each piece of work; there is one fewer of them
//! than threads, and a source has at most one of its visits in that queue. Thus a thousand who send as fast as they
//! can wait for each other, and nobody else for them. Engines do their part by [`breathe`] wherever a visitor
//! decides how often something is done.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Processor time that a source may take before it has to queue.
const BURST: Duration = Duration::from_millis(10);
/// Of the time that passes, the part that is taken off a source's account: two cores for a thousand sources.
const FORGIVEN: u32 = 500;
/// The most that is held against a source: half a minute later it is forgiven.
const MOST: Duration = Duration::from_millis(60);
/// Processor time after which a visit lets others have their turn.
const SLICE: Duration = Duration::from_micros(500);

/// Places for those who take much.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Semaphore>);

impl Turns {
    /// For a runtime of that many threads.
    pub fn new(threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads.saturating_sub(1).max(1))))
    }

    /// The account of a source; all its visits share it.
    pub fn source(&self) -> Arc<Source> {
        let spent = Mutex::new(Spent { time: Duration::ZERO, at: Instant::now() });
        Arc::new(Source { turns: self.clone(), spent, one: Semaphore::new(1) })
    }
}

/// What the visits of one source have taken.
#[derive(Debug)]
pub struct Source {
    turns: Turns,
    spent: Mutex<Spent>,
    /// Held by the visit that queues, or works, for the source.
    one: Semaphore,
}

#[derive(Debug)]
struct Spent {
    time: Duration,
    at: Instant,
}

impl Source {
    /// Notes work; the time since the last is forgiven in part.
    fn note(&self, begun: Instant, ended: Instant) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let time = spent.left(ended) + ended.saturating_duration_since(begun);
        *spent = Spent { time: time.min(MOST), at: ended };
    }

    /// Whether it has to queue.
    pub fn takes_much(&self, now: Instant) -> bool {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).left(now) > BURST
    }
}

impl Spent {
    fn left(&self, now: Instant) -> Duration {
        self.time.saturating_sub(now.saturating_duration_since(self.at) / FORGIVEN)
    }
}

thread_local! {
    /// When the piece of work began that this thread is doing.
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
    /// For whom.
    static WORKS_FOR: RefCell<Option<Arc<Source>>> = const { RefCell::new(None) };
}

/// Lets others have their turn when this visit has worked for long enough.
pub async fn breathe() {
    if BEGAN.get().is_some_and(|began| began.elapsed() > SLICE) {
        tokio::task::yield_now().await;
    }
}

/// Starts a task that works for the same source as the one that starts it.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    match WORKS_FOR.with_borrow(Option::clone) {
        Some(source) => tokio::spawn(in_turn(source, Box::pin(work))),
        None => tokio::spawn(work),
    }
}

/// Works for a source, in its turns.
pub async fn in_turn(source: Arc<Source>, mut work: Pin<Box<dyn Future<Output = ()> + Send>>) {
    loop {
        // Errors can't be: nobody closes the semaphores.
        let places = if source.takes_much(Instant::now()) {
            (source.one.acquire().await.ok(), source.turns.0.acquire().await.ok())
        } else {
            (None, None)
        };
        let ended = poll_fn(|cx| {
            let begun = Instant::now();
            BEGAN.set(Some(begun));
            WORKS_FOR.set(Some(Arc::clone(&source)));
            let ended = work.as_mut().poll(cx).is_ready();
            WORKS_FOR.set(None);
            BEGAN.set(None);
            source.note(begun, Instant::now());
            Poll::Ready(ended)
        })
        .await;
        drop(places);
        if ended {
            return;
        }
        woken().await;
    }
}

/// Until the task is woken; what the work waits for has its waker already.
async fn woken() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    fn burn(time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_waits_for_those_who_take_much() {
        let turns = Turns::new(2);
        let (over, pieces) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let crowd: Vec<_> = (0..200)
            .map(|_| {
                let (over, pieces) = (Arc::clone(&over), Arc::clone(&pieces));
                let work = async move {
                    while !over.load(Ordering::Relaxed) {
                        burn(Duration::from_micros(700));
                        pieces.fetch_add(1, Ordering::Relaxed);
                        breathe().await;
                    }
                };
                tokio::spawn(in_turn(turns.source(), Box::pin(work)))
            })
            .collect();
        while pieces.load(Ordering::Relaxed) < 3000 {
            tokio::task::yield_now().await;
        }
        // Two hundred are in the queue now; who comes needs not one turn of each of them.
        let (before, turns_of_one) = (pieces.load(Ordering::Relaxed), 20);
        let calm = async {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        };
        tokio::spawn(in_turn(turns.source(), Box::pin(calm))).await.unwrap();
        let meanwhile = pieces.load(Ordering::Relaxed) - before;
        over.store(true, Ordering::Relaxed);
        for task in crowd {
            task.await.unwrap();
        }
        assert!(meanwhile < 200 * turns_of_one / 4, "{meanwhile}");
    }

    #[tokio::test]
    async fn tasks_work_for_the_source_of_who_starts_them() {
        let source = Turns::new(1).source();
        let (sent, received) = tokio::sync::oneshot::channel();
        let work = async move {
            spawn(async move {
                burn(BURST * 2);
                let _ = sent.send(());
            });
        };
        in_turn(Arc::clone(&source), Box::pin(work)).await;
        received.await.unwrap();
        tokio::task::yield_now().await;
        assert!(source.takes_much(Instant::now()));
    }

    #[test]
    fn time_forgives() {
        let source = Turns::new(1).source();
        let begun = Instant::now();
        source.note(begun, begun + BURST * 3);
        assert!(source.takes_much(begun + BURST * 3));
        assert!(!source.takes_much(begun + BURST * 3 * FORGIVEN));
    }
}
