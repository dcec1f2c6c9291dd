//! `cut`, `paste`, `tr` (coreutils 8.30).

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::quote;
use crate::shell::text;

/// `1,3-5,7-` as ranges from 1; the error is cut's.
fn ranges(c: &Cmd, list: &str, fields: bool) -> Result<Vec<(usize, usize)>, String> {
    let what = if fields { "field" } else { "byte/character" };
    let mut found = Vec::new();
    let number = |text: &str| -> Result<usize, String> {
        if !text.chars().all(|c| c.is_ascii_digit()) {
            let stray: String = text.chars().skip_while(char::is_ascii_digit).collect();
            return Err(if fields {
                format!("invalid field value {}", c.quote(&stray))
            } else {
                format!("invalid byte/character position {}", c.quote(&stray))
            });
        }
        Ok(text.parse().unwrap_or(usize::MAX))
    };
    let zero = || if fields { "fields are numbered from 1" } else { "byte/character positions are numbered from 1" };
    for part in list.split([',', ' ', '\t']) {
        let (from, to) = match part.split_once('-') {
            Some(("", "")) => return Err("invalid range with no endpoint: -".into()),
            Some(("", to)) => (1, number(to)?),
            Some((from, "")) => (number(from)?, usize::MAX),
            Some((from, to)) => (number(from)?, number(to)?),
            None if part.is_empty() => return Err(zero().into()),
            None => {
                let at = number(part)?;
                (at, at)
            }
        };
        if from == 0 {
            return Err(zero().into());
        }
        if to < from {
            return Err("invalid decreasing range".into());
        }
        found.push((from, to));
    }
    let _ = what;
    found.sort_unstable();
    Ok(found)
}

pub(super) async fn cut(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "b,bytes= c,characters= d,delimiter= f,fields= n s,only-delimited z,zero-terminated complement \
                 output-delimiter=";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let lists: Vec<(&str, &str)> = found
        .list
        .iter()
        .filter(|(key, _)| matches!(*key, "b" | "c" | "f"))
        .map(|(key, value)| (*key, value.as_deref().unwrap_or_default()))
        .collect();
    let (kind, list) = match lists.as_slice() {
        [] => return Ok(options::misuse(c, "you must specify a list of bytes, characters, or fields", 1)),
        [one] => *one,
        _ => return Ok(options::misuse(c, "only one list may be specified", 1)),
    };
    let fields = kind == "f";
    let ranges = match ranges(c, list, fields) {
        Ok(ranges) => ranges,
        Err(error) => return Ok(options::misuse(c, &error, 1)),
    };
    let delimiter = text::encode(found.value("d").unwrap_or("\t"));
    if delimiter.len() > 1 {
        return Ok(options::misuse(c, "the delimiter must be a single character", 1));
    }
    if !fields && found.has("d") {
        return Ok(options::misuse(c, "an input delimiter may be specified only when operating on fields", 1));
    }
    if !fields && found.has("s") {
        let text = "suppressing non-delimited lines makes sense\n\tonly when operating on fields";
        return Ok(options::misuse(c, text, 1));
    }
    let delimiter = delimiter.first().copied().unwrap_or(0);
    let gap = found.value("output-delimiter").map_or(vec![delimiter], text::encode);
    let own_gap = found.has("output-delimiter");
    let end = if found.has("z") { 0 } else { b'\n' };
    let complement = found.has("complement");
    let chosen = |at: usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&at)) != complement;
    let mut status = 0;
    for operand in found.inputs() {
        let mut source = match c.source(&operand).await? {
            Ok(source) => source,
            Err(error) => {
                super::cat::cannot_open(c, &operand, error);
                status = 1;
                continue;
            }
        };
        while let Some(line) = line_to(&mut source, c, end).await? {
            c.spend(1 + line.len() as u64 / 16).await?;
            if fields {
                if !line.contains(&delimiter) {
                    if !found.has("s") {
                        c.out_bytes(&line);
                        c.out_bytes(&[end]);
                    }
                    continue;
                }
                let parts: Vec<&[u8]> = line.split(|&b| b == delimiter).collect();
                let kept: Vec<&[u8]> =
                    parts.iter().enumerate().filter(|(at, _)| chosen(at + 1)).map(|(_, part)| *part).collect();
                c.out_bytes(&kept.join(&gap[..]));
            } else {
                let mut out = Vec::new();
                let mut before = None;
                for (at, &byte) in line.iter().enumerate().filter(|(at, _)| chosen(at + 1)) {
                    if own_gap && before.is_some_and(|before| before + 1 != at) {
                        out.extend_from_slice(&gap);
                    }
                    before = Some(at);
                    out.push(byte);
                }
                c.out_bytes(&out);
            }
            c.out_bytes(&[end]);
            c.tick().await?;
        }
    }
    Ok(status)
}

/// A line without its end.
pub(super) async fn line_to(
    source: &mut crate::shell::cmd::Source,
    c: &mut Cmd,
    end: u8,
) -> Result<Option<Vec<u8>>, Stop> {
    if end == b'\n' {
        let line = source.line(c).await?;
        return Ok(line.map(|mut line| {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            line
        }));
    }
    let mut line = Vec::new();
    loop {
        let byte = source.read(c, 1).await?;
        match byte.first() {
            None => return Ok((!line.is_empty()).then_some(line)),
            Some(&byte) if byte == end || line.len() > c.bound() => return Ok(Some(line)),
            Some(&byte) => line.push(byte),
        }
    }
}

pub(super) async fn paste(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "d,delimiters= s,serial z,zero-terminated", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let delimiters: Vec<Vec<u8>> = {
        let (list, _) = crate::shell::format::unescape(
            &text::encode(found.value("d").unwrap_or("\t")),
            crate::shell::format::Escapes::Format,
        );
        if list.is_empty() { vec![Vec::new()] } else { list.iter().map(|byte| vec![*byte]).collect() }
    };
    let end = if found.has("z") { 0 } else { b'\n' };
    let delimiter = |at: usize| delimiters.get(at % delimiters.len().max(1)).cloned().unwrap_or_default();
    let mut sources = Vec::new();
    for operand in found.inputs() {
        if operand == "-" {
            sources.push((None, false));
            continue;
        }
        match c.source(&operand).await? {
            Ok(source) => sources.push((Some(source), false)),
            Err(error) => {
                c.complain(&format!("{}: {}", quote::if_needed(&operand), error.text()));
                if !found.has("s") {
                    return Ok(1);
                }
            }
        }
    }
    if found.has("s") {
        for (source, _) in &mut sources {
            let mut at = 0;
            while let Some(line) = pasted(source, c, end).await? {
                if at > 0 {
                    c.out_bytes(&delimiter(at - 1));
                }
                c.out_bytes(&line);
                at += 1;
                c.tick().await?;
            }
            c.out_bytes(&[end]);
        }
        return Ok(0);
    }
    loop {
        let mut row = Vec::new();
        let mut any = false;
        for (at, (source, ended)) in sources.iter_mut().enumerate() {
            if at > 0 {
                row.extend(delimiter(at - 1));
            }
            if *ended {
                continue;
            }
            match pasted(source, c, end).await? {
                Some(line) => {
                    any = true;
                    row.extend(line);
                }
                None => *ended = true,
            }
        }
        if !any {
            return Ok(0);
        }
        row.push(end);
        c.out_bytes(&row);
        c.spend(2).await?;
        c.tick().await?;
    }
}

/// A line of a file, or of standard input, which several operands may share.
async fn pasted(source: &mut Option<crate::shell::cmd::Source>, c: &mut Cmd, end: u8) -> Result<Option<Vec<u8>>, Stop> {
    match source {
        Some(source) => line_to(source, c, end).await,
        None => Ok(c.read_line().await?.map(|mut line| {
            if line.last() == Some(&end) {
                line.pop();
            }
            line
        })),
    }
}

/// A set of tr: characters, or a repeat that fills up (`[x*]`).
#[derive(Clone, Copy)]
enum Item {
    Byte(u8),
    Fill(u8),
    Case(bool),
}

fn set(c: &Cmd, source: &str, second: bool) -> Result<Vec<Item>, String> {
    // (byte, was escaped)
    let mut bytes: Vec<(u8, bool)> = Vec::new();
    let raw = text::encode(source);
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        if byte != b'\\' {
            bytes.push((byte, false));
            continue;
        }
        let Some(&next) = raw.get(at) else {
            bytes.push((b'\\', true));
            break;
        };
        at += 1;
        let value = match next {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'0'..=b'7' => {
                let mut value = u32::from(next - b'0');
                for _ in 0..2 {
                    match raw.get(at).and_then(|&b| char::from(b).to_digit(8)) {
                        Some(digit) if value * 8 + digit < 256 => {
                            value = value * 8 + digit;
                            at += 1;
                        }
                        _ => break,
                    }
                }
                u8::try_from(value).unwrap_or(0)
            }
            other => other,
        };
        bytes.push((value, true));
    }
    let mut items = Vec::new();
    let plain = |at: usize, wanted: u8| bytes.get(at) == Some(&(wanted, false));
    let mut at = 0;
    while let Some(&(byte, escaped)) = bytes.get(at) {
        if byte == b'[' && !escaped {
            if plain(at + 1, b':')
                && let Some(len) = (at + 2..bytes.len()).find(|&end| plain(end, b':') && plain(end + 1, b']'))
            {
                let name: Vec<u8> = bytes.get(at + 2..len).unwrap_or_default().iter().map(|(b, _)| *b).collect();
                let name = String::from_utf8_lossy(&name).into_owned();
                if ![
                    "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
                    "xdigit",
                ]
                .contains(&name.as_str())
                {
                    return Err(format!("invalid character class {}", c.quote(&name)));
                }
                if second && (name == "upper" || name == "lower") {
                    items.push(Item::Case(name == "upper"));
                } else {
                    let members = (0u8..128).filter(|&b| super::regexp::in_class(&name, char::from(b)));
                    items.extend(members.map(Item::Byte));
                }
                at = len + 2;
                continue;
            }
            if plain(at + 1, b'=') && plain(at + 3, b'=') && plain(at + 4, b']') {
                items.extend(bytes.get(at + 2).map(|(b, _)| Item::Byte(*b)));
                at += 5;
                continue;
            }
            if plain(at + 2, b'*')
                && let Some(close) = (at + 3..bytes.len()).find(|&end| plain(end, b']'))
            {
                let digits: String =
                    bytes.get(at + 3..close).unwrap_or_default().iter().map(|(b, _)| char::from(*b)).collect();
                let value = bytes.get(at + 1).map_or(0, |(b, _)| *b);
                let count = if digits.starts_with('0') {
                    usize::from_str_radix(&digits, 8).ok()
                } else if digits.is_empty() {
                    Some(0)
                } else {
                    digits.parse().ok()
                };
                if let Some(count) = count {
                    if count == 0 {
                        items.push(Item::Fill(value));
                    } else {
                        items.extend(std::iter::repeat_n(Item::Byte(value), count.min(65536)));
                    }
                    at = close + 1;
                    continue;
                }
            }
        }
        if plain(at + 1, b'-')
            && let Some(&(high, _)) = bytes.get(at + 2)
        {
            if high < byte {
                let range = format!("{}-{}", text::decode(&[byte]), text::decode(&[high]));
                return Err(format!("range-endpoints of '{range}' are in reverse collating sequence order"));
            }
            items.extend((byte..=high).map(Item::Byte));
            at += 3;
            continue;
        }
        items.push(Item::Byte(byte));
        at += 1;
    }
    Ok(items)
}

pub(super) async fn tr(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "+c,C,complement d,delete s,squeeze-repeats t,truncate-set1", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let (delete, squeeze) = (found.has("d"), found.has("s"));
    let translate = !delete && (!squeeze || found.rest.len() == 2);
    let least = if delete == squeeze { 2 } else { 1 };
    let most = if delete && !squeeze { 1 } else { 2 };
    if found.rest.len() < least {
        let mut text = match found.rest.last() {
            None => "missing operand".to_string(),
            Some(last) => format!("missing operand after {}", c.quote(last)),
        };
        if found.rest.len() == 1 {
            text += "\n";
            text += if squeeze {
                "Two strings must be given when both deleting and squeezing repeats."
            } else {
                "Two strings must be given when translating."
            };
        }
        return Ok(options::misuse(c, &text, 1));
    }
    if let Some(extra) = found.rest.get(most) {
        let mut text = format!("extra operand {}", c.quote(extra));
        if found.rest.len() == 2 {
            text += "\nOnly one string may be given when deleting without squeezing repeats.";
        }
        return Ok(options::misuse(c, &text, 1));
    }
    let bytes_of = |items: &[Item]| -> Vec<u8> {
        items.iter().filter_map(|item| if let Item::Byte(b) | Item::Fill(b) = item { Some(*b) } else { None }).collect()
    };
    let first_source = found.rest.first().map_or("", |x| x);
    let first = match set(c, first_source, false) {
        Ok(items) => bytes_of(&items),
        Err(error) => {
            c.complain(&error);
            return Ok(1);
        }
    };
    let mut first = first;
    if found.has("c") {
        first = (0..=255u8).filter(|b| !first.contains(b)).collect();
    }
    let mut second: Vec<u8> = Vec::new();
    if let Some(source) = found.rest.get(1) {
        let items = match set(c, source, translate) {
            Ok(items) => items,
            Err(error) => {
                c.complain(&error);
                return Ok(1);
            }
        };
        let fixed = items.iter().filter(|item| matches!(item, Item::Byte(_))).count();
        for item in items {
            match item {
                Item::Byte(byte) => second.push(byte),
                Item::Fill(byte) => {
                    second.extend(std::iter::repeat_n(byte, first.len().saturating_sub(fixed)));
                }
                Item::Case(upper) => {
                    // [:lower:] [:upper:] in step: those of the first set from here on.
                    let from = second.len();
                    let run = first.iter().skip(from).take(26);
                    second.extend(run.map(|b| if upper { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() }));
                }
            }
        }
    }
    if translate {
        if found.has("t") {
            first.truncate(second.len());
        } else if second.is_empty() && !first.is_empty() {
            c.complain("when not truncating set1, string2 must be non-empty");
            return Ok(1);
        }
        while second.len() < first.len() {
            let last = second.last().copied().unwrap_or(0);
            second.push(last);
        }
    }
    let mut table: [u8; 256] = std::array::from_fn(|at| u8::try_from(at).unwrap_or(0));
    if translate {
        for (from, to) in first.iter().zip(&second) {
            if let Some(slot) = table.get_mut(usize::from(*from)) {
                *slot = *to;
            }
        }
    }
    let deleted: Vec<bool> = (0..=255u8).map(|b| delete && first.contains(&b)).collect();
    let squeezed_set = if squeeze { if found.rest.len() == 2 { &second } else { &first } } else { &Vec::new() };
    let squeezed: Vec<bool> = (0..=255u8).map(|b| squeezed_set.contains(&b)).collect();
    let has = |list: &[bool], byte: u8| list.get(usize::from(byte)).copied().unwrap_or(false);
    let mut last = None;
    loop {
        let piece = c.read(65536).await?;
        if piece.is_empty() {
            return Ok(0);
        }
        c.spend(piece.len() as u64 / 16).await?;
        let mut out = Vec::with_capacity(piece.len());
        for byte in piece {
            if has(&deleted, byte) {
                continue;
            }
            let byte = table.get(usize::from(byte)).copied().unwrap_or(byte);
            if last == Some(byte) && has(&squeezed, byte) {
                continue;
            }
            last = Some(byte);
            out.push(byte);
        }
        c.out_bytes(&out);
        c.tick().await?;
    }
}
