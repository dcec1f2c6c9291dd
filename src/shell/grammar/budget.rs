//! The bound on what the grammar's library may try. It goes back over what it has read, and for some short texts it would
//! do so for hours.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Steps for any text, and more for each of its bytes: a failure to match is one. Real scripts take 5 to 12 a byte.
const STEPS: u64 = 20_000;
const STEPS_PER_BYTE: u64 = 60;

/// Why the library gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shell) enum Failed {
    /// It would take too long.
    Spent,
    /// It failed: its unwraps can be reached from outside.
    Panicked,
}

/// What the library makes of `text`.
pub(in crate::shell) fn guarded<T>(text: &str, read: impl FnOnce() -> T) -> Result<T, Failed> {
    let steps = STEPS + STEPS_PER_BYTE * text.len() as u64;
    let read = AssertUnwindSafe(|| peg_runtime::budget::within(steps, read));
    catch_unwind(read).map_err(|_| Failed::Panicked)?.ok_or(Failed::Spent)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::{Parsed, options, parse};
    use super::*;

    /// Each of these would take the library longer than anyone waits; without a bound this test never ends.
    #[test]
    fn what_would_take_for_ever_is_given_up() {
        for text in ["x[${x[", "case x in x) coproc ", "x[@("] {
            let text = format!("{}({}", text.repeat(60), "]}]=".repeat(60));
            assert!(matches!(parse(&text, &HashMap::new()), Parsed::TooDeep | Parsed::Incomplete(_)), "{text}");
        }
        for word in ["$((", "$(", "${x:-"] {
            let word = word.repeat(60);
            let read = guarded(&word, || brush_parser::word::parse(&word, &options()).is_ok());
            assert_eq!(read, Err(Failed::Spent), "{word}");
        }
    }

    #[test]
    fn what_ends_has_budget_enough() {
        for (open, close) in [("\"$(a ", ")\""), ("$(a ", ")"), ("${x:-", "}"), ("$((1+", "))")] {
            let word = format!("{}x{}", open.repeat(400), close.repeat(400));
            let read = guarded(&word, || brush_parser::word::parse(&word, &options()).is_ok());
            assert_eq!(read, Ok(true), "{open}");
        }
        let lines = "if [ \"$a\" = 'b' ]; then echo \"${c:-$(d e)}\" >> /tmp/f; fi\n".repeat(300);
        assert!(matches!(parse(&lines, &HashMap::new()), Parsed::Program(_)));
    }

    #[test]
    fn a_panic_is_not_a_spent_budget() {
        assert_eq!(guarded("", || panic!()), Err(Failed::Panicked));
        assert_eq!(guarded("", || 1), Ok(1));
    }
}
