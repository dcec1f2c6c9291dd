//! The table of recordings.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::{Cast, Failure, names};
use crate::base::clock::Timestamp;
use crate::base::text::Printable;
use crate::session::recording::cast::Event;

/// Cells of one recording.
type Row = [String; 8];

const HEAD: [&str; 8] = ["SESSION", "WHEN", "FROM", "PROTOCOL", "USER", "DURATION", "LINES", "BYTES"];

/// Prints the recordings of a folder, the oldest first: when it began (UTC), who was it, how long it took, how many lines
/// were typed, how long the file is. What a file does not say is `-`.
pub(super) fn print(folder: &Path) -> Result<(), Failure> {
    let names = names(folder).map_err(Failure::Said)?;
    let rows: Vec<Row> = names.iter().map(|name| row(folder, name)).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    for row in std::iter::once(HEAD.map(String::from)).chain(rows) {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Numbers stand on the right.
            line += &if at < 5 { format!("{cell:width$}  ") } else { format!("{cell:>width$}  ") };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(out.flush()?)
}

fn row(folder: &Path, name: &str) -> Row {
    let path = folder.join(format!("{name}.cast"));
    let unknown = || "-".to_string();
    let bytes = fs::metadata(&path).map_or_else(|_| unknown(), |data| data.len().to_string());
    let named = Printable(name.as_bytes()).to_string();
    let Ok(mut cast) = Cast::open(&path) else {
        return [named, unknown(), unknown(), unknown(), unknown(), unknown(), unknown(), bytes];
    };
    let began = cast.header.timestamp.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let about = cast.header.rustbucket.take();
    let (mut duration, mut lines, mut typed) = (0.0, 0_u64, false);
    while let Ok(Some(Event(at, code, text))) = cast.next() {
        duration = at;
        if code == "i" {
            typed = true;
            // Enter is CR, or CR and LF.
            lines += text.replace("\r\n", "\r").chars().filter(|c| matches!(c, '\r' | '\n')).count() as u64;
        }
    }
    let shown = |text: String| Printable(text.as_bytes()).to_string();
    [
        named,
        began.map_or_else(unknown, |at| at.to_string()),
        about.as_ref().map_or_else(unknown, |about| about.src_ip.to_string()),
        about.as_ref().map_or_else(unknown, |about| shown(about.protocol.clone())),
        about.and_then(|about| about.user).map_or_else(unknown, shown),
        format!("{duration:.1} s"),
        if typed { lines.to_string() } else { unknown() },
        bytes,
    ]
}
