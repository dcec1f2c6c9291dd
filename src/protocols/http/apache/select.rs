//! Conditional and range requests (RFC 9110, sections 13 and 14) as `ap_meets_conditions` and the byte range filter of
//! Apache 2.4 judge them.

use super::super::request::{Minor, Request};
use super::super::select::{names, time};

/// Ranges above which the whole file is sent (`MaxRanges`), and how often they may overlap or go backwards.
const MOST: usize = 200;
const MOST_ODD: usize = 20;

/// What of a file is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Whole,
    /// 304
    Same,
    /// 412
    Failed,
    /// 416
    Unsatisfiable,
    /// 206: first bytes and lengths.
    Ranges(Vec<(u64, u64)>),
}

/// Judges the conditions of a request for a file.
pub(super) fn conditions(request: &Request, now: i64, modified: i64, tag: &str) -> Option<Verdict> {
    let read = matches!(request.method.as_slice(), b"GET" | b"HEAD");
    if request.header("If-Match").is_some_and(|tags| !names(tags, tag, false))
        || request.header("If-Unmodified-Since").and_then(time).is_some_and(|at| modified > at)
    {
        return Some(Verdict::Failed);
    }
    if let Some(tags) = request.header("If-None-Match") {
        let same = names(tags, tag, true);
        return same.then_some(if read { Verdict::Same } else { Verdict::Failed });
    }
    let since = request.header("If-Modified-Since").and_then(time).filter(|_| read);
    since.filter(|&at| at >= modified && at <= now).map(|_| Verdict::Same)
}

/// Which part of a body of `size` bytes a request wants.
pub(super) fn ranges(request: &Request, modified: &str, tag: &str, size: u64) -> Verdict {
    let Some(wanted) = request.header("Range").filter(|_| request.minor != Minor::Simple) else {
        return Verdict::Whole;
    };
    let current =
        request.header("If-Range").is_none_or(|value| value == tag.as_bytes() || value == modified.as_bytes());
    let list = wanted.split_at_checked(6).filter(|(unit, _)| current && unit.eq_ignore_ascii_case(b"bytes="));
    let Some((_, list)) = list else { return Verdict::Whole };
    let Some(found) = std::str::from_utf8(list).ok().and_then(|list| parse(list, size)) else { return Verdict::Whole };
    match found.iter().try_fold(0_u64, |sum, (_, len)| sum.checked_add(*len)) {
        _ if found.is_empty() => Verdict::Unsatisfiable,
        Some(sum) if sum <= size => Verdict::Ranges(found),
        _ => Verdict::Whole,
    }
}

/// Ranges that overlap or touch become one; those beyond the end are left out. `None` when the list can't be read.
fn parse(list: &str, size: u64) -> Option<Vec<(u64, u64)>> {
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let (mut found, mut odd): (Vec<(u64, u64)>, usize) = (Vec::new(), 0);
    for (count, range) in list.split(',').enumerate() {
        let (first, last) = range.trim().split_once('-')?;
        let (from, end) = if first.is_empty() {
            (size.saturating_sub(number(last)?), size)
        } else if last.is_empty() {
            (number(first)?, size)
        } else {
            let (from, last) = (number(first)?, number(last)?);
            if from > last {
                return None;
            }
            (from, last.saturating_add(1).min(size))
        };
        if count >= MOST || odd > MOST_ODD {
            return None;
        }
        if from >= end {
            continue;
        }
        match found.last_mut() {
            Some((before, len)) if from <= before.saturating_add(*len) && end >= *before => {
                odd += usize::from(from < before.saturating_add(*len));
                let last = end.max(before.saturating_add(*len));
                *before = from.min(*before);
                *len = last - *before;
            }
            Some((before, _)) => {
                odd += usize::from(from < *before);
                found.push((from, end - from));
            }
            None => found.push((from, end - from)),
        }
    }
    Some(found)
}
