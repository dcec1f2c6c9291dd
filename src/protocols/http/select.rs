//! Conditional and range requests (RFC 9110, sections 13 and 14) as nginx's filters judge them:
//! `If-Modified-Since` must name the very second, ranges that ask for more than the file are ignored.

use super::request::{Minor, Request};
use crate::base::clock::Timestamp;

/// A piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Given bytes.
    Bytes(Vec<u8>),
    /// Bytes of the file.
    File {
        /// The first.
        from: u64,
        /// How many.
        len: u64,
    },
}

impl Part {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }
}

/// What of a file is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 200
    Whole,
    /// 304
    Same,
    /// 412
    Failed,
    /// 416
    Unsatisfiable,
    /// 206
    One {
        /// The first byte.
        from: u64,
        /// How many.
        len: u64,
    },
    /// 206 as `multipart/byteranges`
    Many {
        /// The content type with its boundary.
        kind: String,
        /// All of the body.
        parts: Vec<Part>,
    },
}

/// Judges a GET or HEAD for a file.
pub(super) fn judge(request: &Request, modified: i64, tag: &str, size: u64, kind: &str) -> Verdict {
    if request.header("If-Unmodified-Since").and_then(time).is_some_and(|at| modified > at)
        || request.header("If-Match").is_some_and(|tags| !names(tags, tag, false))
    {
        return Verdict::Failed;
    }
    let since = request.header("If-Modified-Since");
    let none = request.header("If-None-Match");
    let changed = since.is_some_and(|value| time(value) != Some(modified));
    let unknown = none.is_some_and(|tags| !names(tags, tag, true));
    if (since.is_some() || none.is_some()) && !changed && !unknown {
        return Verdict::Same;
    }
    let Some(wanted) = request.header("Range").filter(|_| request.minor != Minor::Simple) else {
        return Verdict::Whole;
    };
    let current = request.header("If-Range").is_none_or(|value| {
        if value.ends_with(b"\"") { value == tag.as_bytes() } else { time(value) == Some(modified) }
    });
    let Some(list) = wanted.split_at_checked(6).filter(|(unit, _)| current && unit.eq_ignore_ascii_case(b"bytes="))
    else {
        return Verdict::Whole;
    };
    let Some(ranges) = ranges(list.1, size) else { return Verdict::Unsatisfiable };
    if ranges.iter().map(|(_, len)| len).sum::<u64>() > size {
        return Verdict::Whole;
    }
    match ranges.as_slice() {
        [] => Verdict::Unsatisfiable,
        [(from, len)] => Verdict::One { from: *from, len: *len },
        many => multipart(many, modified, size, kind),
    }
}

fn multipart(ranges: &[(u64, u64)], modified: i64, size: u64, kind: &str) -> Verdict {
    let boundary = format!("{:020}", modified.unsigned_abs() % 10_000_000);
    let mut parts = Vec::new();
    for (from, len) in ranges {
        let last = (from + len).saturating_sub(1);
        let head =
            format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: bytes {from}-{last}/{size}\r\n\r\n");
        parts.push(Part::Bytes(head.into_bytes()));
        parts.push(Part::File { from: *from, len: *len });
    }
    parts.push(Part::Bytes(format!("\r\n--{boundary}--\r\n").into_bytes()));
    Verdict::Many { kind: format!("multipart/byteranges; boundary={boundary}"), parts }
}

/// First bytes and lengths; those beyond the end are left out. `None` when the list can't be read.
fn ranges(list: &[u8], size: u64) -> Option<Vec<(u64, u64)>> {
    let text = std::str::from_utf8(list).ok()?;
    let mut found = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.trim_matches(' ').split_once('-')?;
        let (first, last) = (first.trim_matches(' '), last.trim_matches(' '));
        let (from, end) = if first.is_empty() {
            (size.saturating_sub(number(last)?), size)
        } else if last.is_empty() {
            (number(first)?, size)
        } else {
            (number(first)?, number(last)?.saturating_add(1).min(size))
        };
        if from < end {
            found.push((from, end - from));
        }
    }
    Some(found)
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Whether a list of entity tags names this one.
pub(super) fn names(list: &[u8], tag: &str, weak: bool) -> bool {
    list == b"*"
        || list.split(|&b| b == b',').any(|item| {
            let item = item.trim_ascii();
            let item = if weak { item.strip_prefix(b"W/").unwrap_or(item) } else { item };
            item == tag.as_bytes()
        })
}

/// One of the three date forms (RFC 9110, section 5.6.7); the weekday is not looked at.
pub(super) fn time(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let (rest, form) = match text.split_once(", ") {
        Some((_, rest)) if rest.contains('-') => (rest, "%d-%b-%y %H:%M:%S GMT %z"),
        Some((_, rest)) => (rest, "%d %b %Y %H:%M:%S GMT %z"),
        None => (text.split_once(' ')?.1, "%b %e %H:%M:%S %Y %z"),
    };
    Timestamp::strptime(form, format!("{rest} +0000")).ok().map(Timestamp::as_second)
}
