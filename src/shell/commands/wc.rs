//! `wc` (coreutils 8.30).

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::quote;
use crate::world::{Errno, FileKind};

/// Lines, words, characters, bytes, longest line.
type Counts = [u64; 5];

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "c,bytes m,chars l,lines w,words L,max-line-length files0-from= total=";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut shown: Vec<usize> = [("l", 0), ("w", 1), ("m", 2), ("c", 3), ("L", 4)]
        .iter()
        .filter(|(key, _)| found.has(key))
        .map(|(_, at)| *at)
        .collect();
    if shown.is_empty() {
        shown = vec![0, 1, 3];
    }
    let inputs = found.inputs();
    let width = width(c, &inputs, &shown);
    let mut total: Counts = [0; 5];
    let mut status = 0;
    for operand in &inputs {
        let mut counts: Counts = [0; 5];
        match c.source(operand).await? {
            Ok(mut source) => {
                let mut state = State::default();
                loop {
                    let piece = source.read(c, 65536).await?;
                    if piece.is_empty() {
                        break;
                    }
                    c.spend(piece.len() as u64 / 12).await?;
                    state.count(&piece, &mut counts);
                }
                state.end(&mut counts);
            }
            Err(error) => {
                c.complain(&format!("{}: {}", quote::if_needed(operand), error.text()));
                status = 1;
                if error != Errno::EISDIR {
                    continue;
                }
            }
        }
        for (sum, count) in total.iter_mut().zip(counts) {
            *sum += count;
        }
        if let (Some(longest), Some(own)) = (total.get_mut(4), counts.get(4)) {
            *longest = (*longest - own).max(*own);
        }
        let name = if found.rest.is_empty() { "" } else { operand };
        row(c, &counts, &shown, width, name);
    }
    if inputs.len() > 1 {
        row(c, &total, &shown, width, "total");
    }
    Ok(status)
}

fn row(c: &mut Cmd, counts: &Counts, shown: &[usize], width: usize, name: &str) {
    let numbers: Vec<String> =
        shown.iter().filter_map(|at| counts.get(*at)).map(|count| format!("{count:width$}")).collect();
    let gap = if name.is_empty() { "" } else { " " };
    c.out(&format!("{}{gap}{name}\n", numbers.join(" ")));
}

/// Digits of the largest possible number, as wc guesses it from the sizes before reading.
fn width(c: &Cmd, inputs: &[String], shown: &[usize]) -> usize {
    if inputs.len() == 1 && shown.len() == 1 {
        return 1;
    }
    let (mut least, mut sum) = (1, 0);
    for operand in inputs {
        let stat = if operand == "-" { c.stdin_stat().ok_or(Errno::ENOENT) } else { c.stat(operand) };
        match stat {
            Ok(stat) if stat.kind == FileKind::File => sum += stat.size,
            Ok(_) => least = 7,
            Err(_) if operand == "-" => least = 7,
            Err(_) => {}
        }
    }
    sum.to_string().len().max(least)
}

#[derive(Default)]
struct State {
    word: bool,
    column: u64,
}

impl State {
    fn count(&mut self, piece: &[u8], counts: &mut Counts) {
        let [lines, words, chars, bytes, longest] = counts;
        *bytes += piece.len() as u64;
        for &byte in piece {
            if byte & 0xc0 != 0x80 {
                *chars += 1;
            }
            match byte {
                b'\n' | b'\r' | 12 => {
                    *lines += u64::from(byte == b'\n');
                    *longest = (*longest).max(self.column);
                    self.column = 0;
                    self.word = false;
                }
                b'\t' => {
                    self.column += 8 - self.column % 8;
                    self.word = false;
                }
                b' ' | 11 => {
                    self.column += u64::from(byte == b' ');
                    self.word = false;
                }
                byte => {
                    if byte >= 0x20 && byte != 0x7f && byte & 0xc0 != 0x80 {
                        self.column += 1;
                    }
                    // Only what can be printed makes a word.
                    if byte >= 0x20 && byte != 0x7f && !self.word {
                        *words += 1;
                        self.word = true;
                    }
                }
            }
        }
    }

    fn end(self, counts: &mut Counts) {
        let [.., longest] = counts;
        *longest = (*longest).max(self.column);
    }
}
