//! What a session did that its record should tell beside its lines.

use std::time::Duration;

use crate::world::File;

/// Notes that may wait to be taken.
pub(super) const MOST: usize = 4096;

/// One thing worth recording.
#[derive(Clone)]
pub enum Note {
    /// A line of an interactive shell, or the command of a session without terminal, has ended.
    Line {
        /// As it was typed.
        line: Vec<u8>,
        /// The beginning of what it printed.
        output: Vec<u8>,
        /// Length of all that it printed.
        bytes: u64,
        /// Exit status.
        status: i32,
        /// From Enter to the next prompt.
        took: Duration,
        /// A model's answer was part of it.
        asked: bool,
    },
    /// A file was opened for writing.
    Written {
        /// Absolute path.
        path: Vec<u8>,
        /// The file; its content can be read from it even when it has been removed.
        file: File,
    },
    /// A script that the attacker wrote was run.
    Script {
        /// Where it lies, or the interpreter that got it on its input.
        path: Vec<u8>,
        /// Its text.
        text: Vec<u8>,
    },
    /// A URL in a command, or made from its arguments.
    Url {
        /// As it was written.
        url: String,
    },
    /// A connection that a command tried to make.
    Connect {
        /// Host as it was written.
        host: String,
        /// TCP port.
        port: u16,
    },
}
