//! `cat`, `tac`, `rev` (coreutils 8.30, util-linux 2.34).

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::quote;
use crate::world::Errno;

const OPTIONS: &str = "A,show-all b,number-nonblank e E,show-ends n,number s,squeeze-blank t T,show-tabs u \
                       v,show-nonprinting";

/// Reports an operand that cannot be opened, as GNU and as busybox tools do.
pub(super) fn cannot_open(c: &mut Cmd, operand: &str, error: Errno) {
    if c.applet() && error != Errno::EISDIR {
        c.complain(&format!("can't open '{operand}': {}", error.text()));
    } else if c.applet() {
        c.complain("read error: Is a directory");
    } else {
        c.complain(&format!("{}: {}", quote::if_needed(operand), error.text()));
    }
}

#[derive(Default)]
struct Shown {
    number: bool,
    number_filled: bool,
    ends: bool,
    squeeze: bool,
    tabs: bool,
    control: bool,
    line: u64,
    empty: u32,
    /// At the beginning of a line.
    fresh: bool,
}

pub(super) async fn cat(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, OPTIONS, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let any = |keys: &[&str]| keys.iter().any(|key| found.has(key));
    let mut shown = Shown {
        number_filled: any(&["b"]),
        number: any(&["n"]) && !any(&["b"]),
        ends: any(&["A", "e", "E"]),
        squeeze: any(&["s"]),
        tabs: any(&["A", "t", "T"]),
        control: any(&["A", "e", "t", "v"]),
        fresh: true,
        ..Shown::default()
    };
    let plain = !(shown.number_filled || shown.number || shown.ends || shown.squeeze || shown.tabs || shown.control);
    let mut status = 0;
    for operand in found.inputs() {
        let mut source = match c.source(&operand).await? {
            Ok(source) => source,
            Err(error) => {
                cannot_open(c, &operand, error);
                status = 1;
                continue;
            }
        };
        loop {
            let piece = source.read(c, 65536).await?;
            if piece.is_empty() {
                break;
            }
            c.spend(piece.len() as u64 / if plain { 512 } else { 8 }).await?;
            if plain {
                c.out_bytes(&piece);
            } else {
                let out = shown.piece(&piece);
                c.out_bytes(&out);
            }
            c.tick().await?;
        }
    }
    Ok(status)
}

impl Shown {
    fn piece(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len());
        for &byte in piece {
            if self.fresh {
                let blank = byte == b'\n';
                self.empty = if blank { self.empty + 1 } else { 0 };
                if self.squeeze && self.empty > 1 {
                    continue;
                }
                if self.number || self.number_filled && !blank {
                    self.line += 1;
                    out.extend_from_slice(format!("{:6}\t", self.line).as_bytes());
                }
            }
            self.fresh = byte == b'\n';
            match byte {
                b'\n' => out.extend_from_slice(if self.ends { b"$\n" } else { b"\n" }),
                b'\t' => out.extend_from_slice(if self.tabs { b"^I" } else { b"\t" }),
                byte if self.control => visible(byte, &mut out),
                byte => out.push(byte),
            }
        }
        out
    }
}

/// `^A` and `M-x` notation.
pub(super) fn visible(byte: u8, out: &mut Vec<u8>) {
    let low = byte & 0x7f;
    if byte >= 0x80 {
        out.extend_from_slice(b"M-");
    }
    match low {
        127 => out.extend_from_slice(b"^?"),
        0..=31 => out.extend_from_slice(&[b'^', low + 64]),
        low => out.push(low),
    }
}

pub(super) async fn tac(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "b,before r,regex s,separator=", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let separator = found.value("s").map_or(b"\n".to_vec(), crate::shell::text::encode);
    let mut status = 0;
    for operand in found.inputs() {
        let bytes = match c.slurp(&operand).await? {
            Ok(bytes) => bytes,
            Err(error) => {
                let text = format!("failed to open {} for reading: {}", c.quote(&operand), error.text());
                let text = if error == Errno::EISDIR { format!("{operand}: read error: Is a directory") } else { text };
                c.complain(&text);
                status = 1;
                continue;
            }
        };
        let mut pieces = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some(at) = rest.windows(separator.len().max(1)).position(|window| window == separator) {
            let (piece, after) = rest.split_at(at + separator.len());
            pieces.push(piece);
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(rest);
        }
        for piece in pieces.into_iter().rev() {
            c.out_bytes(piece);
        }
        c.tick().await?;
    }
    Ok(status)
}

pub(super) async fn rev(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "h,help V,version", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut status = 0;
    for operand in found.inputs() {
        let bytes = match c.slurp(&operand).await? {
            Ok(bytes) => bytes,
            Err(error) => {
                c.complain(&format!("cannot open {operand}: {}", error.text()));
                status = 1;
                continue;
            }
        };
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            let (text, end) = line.strip_suffix(b"\n").map_or((line, false), |text| (text, true));
            let reversed: String = crate::shell::text::decode(text).chars().rev().collect();
            c.out(&reversed);
            if end {
                c.out("\n");
            }
        }
        c.tick().await?;
    }
    Ok(status)
}
