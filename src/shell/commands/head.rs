//! `head` and `tail` (coreutils 8.30).

use std::collections::VecDeque;
use std::time::Duration;

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;

/// A count with its suffix: `10`, `2k`, `1M`, `5b`.
pub(super) fn count(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, suffix) = text.split_at(digits);
    let factor: u64 = match suffix {
        "" => 1,
        "b" => 512,
        "k" | "K" | "KiB" => 1 << 10,
        "kB" | "KB" => 1000,
        "m" | "M" | "MiB" => 1 << 20,
        "MB" => 1_000_000,
        "G" | "GiB" => 1 << 30,
        "GB" => 1_000_000_000,
        "T" | "TiB" => 1 << 40,
        "TB" => 1_000_000_000_000,
        "P" => 1 << 50,
        "E" => 1 << 60,
        _ => return None,
    };
    if number.is_empty() {
        return (factor != 1).then_some(factor);
    }
    let value = number.parse::<u64>().unwrap_or(u64::MAX);
    Some(value.saturating_mul(factor))
}

#[derive(Clone, Copy)]
struct Amount {
    count: u64,
    bytes: bool,
    /// `-n -5` of head, `-n +5` of tail.
    other_end: bool,
}

/// `-5`, `-5c`, `+5` as the first argument.
fn old_style(c: &mut Cmd, tail: bool) {
    let Some(first) = c.args.first().cloned() else { return };
    let plus = tail && first.starts_with('+');
    let Some(rest) = first.strip_prefix('-').or(first.strip_prefix('+').filter(|_| plus)) else { return };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, letters) = rest.split_at(digits);
    if number.is_empty() || !letters.chars().all(|c| "cblkmqvfz".contains(c)) {
        return;
    }
    let unit = if letters.contains('c') { "-c" } else { "-n" };
    let mut new = vec![unit.to_string(), format!("{}{number}", if plus { "+" } else { "" })];
    new.extend(letters.chars().filter(|c| "qvfz".contains(*c)).map(|c| format!("-{c}")));
    c.args.splice(0..1, new);
}

fn amount(c: &mut Cmd, key: &str, text: &str, tail: bool) -> Result<Amount, i32> {
    let (other_end, digits) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(rest), _) => (!tail, rest),
        (_, Some(rest)) => (tail, rest),
        _ => (false, text),
    };
    match count(digits) {
        Some(count) => Ok(Amount { count, bytes: key == "c", other_end }),
        None => {
            let what = if key == "c" { "bytes" } else { "lines" };
            let text = format!("invalid number of {what}: {}", c.quote(digits));
            c.complain(&text);
            Err(1)
        }
    }
}

fn heading(c: &mut Cmd, operand: &str, first: &mut bool) {
    let name = if operand == "-" { "standard input" } else { operand };
    c.out(&format!("{}==> {name} <==\n", if *first { "" } else { "\n" }));
    *first = false;
}

pub(super) async fn head(c: &mut Cmd) -> Result<i32, Stop> {
    old_style(c, false);
    let found = match options::take(c, "c,bytes= n,lines= q,quiet,silent v,verbose z,zero-terminated", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut wanted = Amount { count: 10, bytes: false, other_end: false };
    for (key, value) in &found.list {
        if matches!(*key, "c" | "n") {
            wanted = match amount(c, key, value.as_deref().unwrap_or_default(), false) {
                Ok(wanted) => wanted,
                Err(status) => return Ok(status),
            };
        }
    }
    let end = if found.has("z") { 0 } else { b'\n' };
    let inputs = found.inputs();
    let headed = found.last(&["q", "v"]).map_or(inputs.len() > 1, |last| last == "v");
    let (mut status, mut first) = (0, true);
    for operand in &inputs {
        let mut source = match c.source(operand).await? {
            Ok(source) => source,
            Err(crate::world::Errno::EISDIR) => {
                if headed {
                    heading(c, operand, &mut first);
                }
                let text = format!("error reading '{operand}': Is a directory");
                c.complain(&text);
                status = 1;
                continue;
            }
            Err(error) => {
                c.complain(&format!("cannot open {} for reading: {}", c.shell_quote(operand), error.text()));
                status = 1;
                continue;
            }
        };
        if headed {
            heading(c, operand, &mut first);
        }
        if wanted.other_end {
            let mut all = Vec::new();
            loop {
                let piece = source.read(c, 65536).await?;
                if piece.is_empty() || all.len() > c.bound() {
                    break;
                }
                all.extend(piece);
            }
            let keep = if wanted.bytes {
                all.len().saturating_sub(usize::try_from(wanted.count).unwrap_or(usize::MAX))
            } else {
                let lines: Vec<&[u8]> = all.split_inclusive(|&b| b == end).collect();
                let kept = lines.len().saturating_sub(usize::try_from(wanted.count).unwrap_or(usize::MAX));
                lines.iter().take(kept).map(|line| line.len()).sum()
            };
            c.out_bytes(all.get(..keep).unwrap_or_default());
            continue;
        }
        let mut left = wanted.count;
        while left > 0 {
            let want = if wanted.bytes { usize::try_from(left).unwrap_or(8192).min(8192) } else { 8192 };
            let piece = source.read(c, want).await?;
            if piece.is_empty() {
                break;
            }
            let mut taken = piece.len();
            if wanted.bytes {
                left -= piece.len() as u64;
            } else {
                for (at, _) in piece.iter().enumerate().filter(|(_, byte)| **byte == end) {
                    left -= 1;
                    if left == 0 {
                        taken = at + 1;
                        break;
                    }
                }
            }
            c.out_bytes(piece.get(..taken).unwrap_or_default());
            c.spend(piece.len() as u64 / 64).await?;
            c.tick().await?;
        }
    }
    Ok(status)
}

const TAIL: &str = "c,bytes= f,follow? F n,lines= q,quiet,silent v,verbose z,zero-terminated s,sleep-interval= pid= \
                    retry max-unchanged-stats=";

pub(super) async fn tail(c: &mut Cmd) -> Result<i32, Stop> {
    old_style(c, true);
    // `-f` takes no value, `--follow` may.
    for arg in &mut c.args {
        if arg == "-f" {
            *arg = "--follow".into();
        }
    }
    let found = match options::take(c, TAIL, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut wanted = Amount { count: 10, bytes: false, other_end: false };
    for (key, value) in &found.list {
        if matches!(*key, "c" | "n") {
            wanted = match amount(c, key, value.as_deref().unwrap_or_default(), true) {
                Ok(wanted) => wanted,
                Err(status) => return Ok(status),
            };
        }
    }
    let end = if found.has("z") { 0 } else { b'\n' };
    let inputs = found.inputs();
    let headed = found.last(&["q", "v"]).map_or(inputs.len() > 1, |last| last == "v");
    let (mut status, mut first) = (0, true);
    let mut followed = Vec::new();
    for operand in &inputs {
        let mut source = match c.source(operand).await? {
            Ok(source) => source,
            Err(crate::world::Errno::EISDIR) => {
                if headed {
                    heading(c, operand, &mut first);
                }
                c.complain(&format!("error reading '{operand}': Is a directory"));
                status = 1;
                continue;
            }
            Err(error) => {
                c.complain(&format!("cannot open {} for reading: {}", c.shell_quote(operand), error.text()));
                status = 1;
                continue;
            }
        };
        if headed {
            heading(c, operand, &mut first);
        }
        if wanted.other_end {
            let mut skip = wanted.count.saturating_sub(1);
            loop {
                let piece = source.read(c, 65536).await?;
                if piece.is_empty() {
                    break;
                }
                let mut from = 0;
                if wanted.bytes {
                    from = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
                    skip -= from as u64;
                } else {
                    while skip > 0 && from < piece.len() {
                        let rest = piece.get(from..).unwrap_or_default();
                        match rest.iter().position(|&b| b == end) {
                            Some(at) => {
                                from += at + 1;
                                skip -= 1;
                            }
                            None => from = piece.len(),
                        }
                    }
                }
                c.out_bytes(piece.get(from..).unwrap_or_default());
                c.spend(piece.len() as u64 / 64).await?;
                c.tick().await?;
            }
        } else {
            let count = usize::try_from(wanted.count).unwrap_or(usize::MAX);
            let mut kept: VecDeque<u8> = VecDeque::new();
            loop {
                let piece = source.read(c, 65536).await?;
                if piece.is_empty() {
                    break;
                }
                c.spend(piece.len() as u64 / 64).await?;
                kept.extend(piece);
                let over =
                    if wanted.bytes { kept.len().saturating_sub(count) } else { kept.len().saturating_sub(c.bound()) };
                kept.drain(..over);
            }
            let kept = kept.make_contiguous();
            let from = if wanted.bytes {
                kept.len().saturating_sub(count)
            } else {
                let lines: Vec<&[u8]> = kept.split_inclusive(|&b| b == end).collect();
                lines.iter().take(lines.len().saturating_sub(count)).map(|line| line.len()).sum()
            };
            c.out_bytes(kept.get(from..).unwrap_or_default());
        }
        followed.push((operand.clone(), source));
    }
    if !found.has("f") && !found.has("F") || followed.is_empty() {
        return Ok(status);
    }
    if followed.iter().all(|(operand, _)| operand == "-") {
        return Ok(status);
    }
    let mut last = followed.len();
    loop {
        c.flush().await?;
        c.sleep(Duration::from_secs(1)).await?;
        for (at, (operand, source)) in followed.iter_mut().enumerate() {
            loop {
                let piece = source.read(c, 65536).await?;
                if piece.is_empty() {
                    break;
                }
                if headed && last != at {
                    heading(c, operand, &mut first);
                }
                last = at;
                c.out_bytes(&piece);
            }
        }
    }
}
