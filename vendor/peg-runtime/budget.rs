//! A bound on how often a parser may fail to match while it looks for a way through its input.

use std::cell::Cell;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// What unwinds when nothing is left.
struct Spent;

/// Runs `f`; `None` when its parsers failed to match more than `steps` times. Other panics go on. Not to be nested.
pub fn within<T>(steps: u64, f: impl FnOnce() -> T) -> Option<T> {
    LEFT.set(steps);
    let result = catch_unwind(AssertUnwindSafe(f));
    LEFT.set(u64::MAX);
    match result {
        Ok(value) => Some(value),
        Err(panic) if panic.is::<Spent>() => None,
        Err(panic) => resume_unwind(panic),
    }
}

/// Counts one failure.
#[inline(always)]
pub(crate) fn spend() {
    let left = LEFT.get();
    if left == 0 {
        // Past the panic hook: this is no fault.
        resume_unwind(Box::new(Spent));
    }
    LEFT.set(left - 1);
}
