//! `nl`, `fold`, `fmt`, `split`, `iconv` (coreutils 8.30), `column` (util-linux 2.34).

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::quote;
use crate::shell::text;

/// All operands one behind the other, with coreutils' complaints.
async fn inputs(c: &mut Cmd, operands: &[String]) -> Result<(Vec<u8>, i32), Stop> {
    let (mut all, mut status) = (Vec::new(), 0);
    for operand in operands {
        match c.slurp(operand).await? {
            Ok(bytes) => {
                // 64 KiB at a time: the work is done by whoever asked, all at once.
                for piece in bytes.chunks(1 << 16) {
                    c.spend(piece.len() as u64 / 12).await?;
                }
                all.extend(bytes);
            }
            Err(error) => {
                c.complain(&format!("{}: {}", quote::if_needed(operand), error.text()));
                status = 1;
            }
        }
    }
    Ok((all, status))
}

pub(super) async fn nl(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "b,body-numbering= d,section-delimiter= f,footer-numbering= h,header-numbering= i,line-increment= \
                 l,join-blank-lines= n,number-format= p,no-renumber s,number-separator= v,starting-line-number= \
                 w,number-width=";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let number = |key: &str, default: i64| found.value(key).and_then(|v| v.parse().ok()).unwrap_or(default);
    let (mut line, step) = (number("v", 1), number("i", 1));
    let width = usize::try_from(number("w", 6)).unwrap_or(6).min(1000);
    let gap = found.value("s").unwrap_or("\t");
    let body = found.value("b").unwrap_or("t");
    let pattern = body.strip_prefix('p').and_then(|source| {
        super::regexp::Regexp::new(source, super::regexp::Syntax::Basic, super::regexp::Flags::default()).ok()
    });
    let (all, status) = inputs(c, &found.inputs()).await?;
    for row in all.split_inclusive(|&b| b == b'\n') {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        let numbered = match body.chars().next() {
            Some('a') => true,
            Some('n') => false,
            Some('p') => pattern.as_ref().is_some_and(|pattern| pattern.is_match(row)),
            _ => !row.is_empty(),
        };
        if numbered {
            let text = match found.value("n") {
                Some("ln") => format!("{line:<width$}"),
                Some("rz") => format!("{line:0width$}"),
                _ => format!("{line:>width$}"),
            };
            c.out(&format!("{text}{gap}"));
            line = line.saturating_add(step);
        } else {
            c.out(&" ".repeat(width + gap.len()));
        }
        c.out_bytes(row);
        c.out("\n");
        c.tick().await?;
    }
    Ok(status)
}

pub(super) async fn fold(c: &mut Cmd) -> Result<i32, Stop> {
    for arg in &mut c.args {
        if arg.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit())) {
            *arg = format!("-w{}", arg.trim_start_matches('-'));
        }
    }
    let found = match options::take(c, "b,bytes s,spaces w,width=", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let width = match found.value("w").map(str::parse::<usize>) {
        None => 80,
        Some(Ok(width)) if width > 0 => width,
        Some(_) => {
            let text = format!("invalid number of columns: {}", c.quote(found.value("w").unwrap_or_default()));
            c.complain(&text);
            return Ok(1);
        }
    };
    let (all, status) = inputs(c, &found.inputs()).await?;
    let mut out = Vec::new();
    for line in all.split_inclusive(|&b| b == b'\n') {
        let (body, end) = line.strip_suffix(b"\n").map_or((line, false), |body| (body, true));
        let mut row: Vec<u8> = Vec::new();
        let mut column = 0usize;
        for &byte in body {
            let next = match byte {
                _ if found.has("b") => column + 1,
                b'\t' => column + 8 - column % 8,
                8 => column.saturating_sub(1),
                b'\r' => 0,
                _ => column + 1,
            };
            if next > width && !row.is_empty() {
                let cut = if found.has("s") { row.iter().rposition(|b| matches!(b, b' ' | b'\t')) } else { None };
                let rest = cut.map_or(Vec::new(), |cut| row.split_off(cut + 1));
                out.extend_from_slice(&row);
                out.push(b'\n');
                row = rest;
                column = row.len();
                column += if byte == b'\t' { 8 - column % 8 } else { 1 };
            } else {
                column = next;
            }
            row.push(byte);
        }
        out.extend_from_slice(&row);
        if end {
            out.push(b'\n');
        }
    }
    c.out_bytes(&out);
    Ok(status)
}

/// Words of a paragraph that are broken into lines together, as fmt's own bound is.
const WORDS: usize = 1000;

pub(super) async fn fmt(c: &mut Cmd) -> Result<i32, Stop> {
    for arg in &mut c.args {
        if arg.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit())) {
            *arg = format!("-w{}", arg.trim_start_matches('-'));
        }
    }
    let found = match options::take(
        c,
        "c,crown-margin p,prefix= s,split-only t,tagged-paragraph u,uniform-spacing w,width= g,goal=",
        1,
    ) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let most: usize = found.value("w").and_then(|w| w.parse().ok()).unwrap_or(75).clamp(1, 2500);
    let goal = found.value("g").and_then(|g| g.parse().ok()).unwrap_or(most * 187 / 200);
    let (all, status) = inputs(c, &found.inputs()).await?;
    let text = text::decode(&all);
    let mut paragraph: Vec<String> = Vec::new();
    let mut indent = String::new();
    let mut out = String::new();
    for line in text.lines().chain(std::iter::once("")) {
        c.spend(2 + line.len() as u64).await?;
        let blank = line.trim().is_empty();
        let lead: String = line.chars().take_while(|c| c.is_whitespace()).collect();
        let ends = blank || found.has("s") || lead != indent || paragraph.len() >= WORDS;
        if ends && !paragraph.is_empty() {
            out += &filled(&paragraph, &indent, most, goal);
            paragraph.clear();
        }
        if blank {
            out.push('\n');
            continue;
        }
        if paragraph.is_empty() {
            indent = lead;
        }
        paragraph.extend(line.split_whitespace().map(str::to_string));
    }
    out.pop();
    c.out(&out);
    Ok(status)
}

/// Lines of a paragraph, broken where the sum of squared distances from the goal is least.
fn filled(words: &[String], indent: &str, most: usize, goal: usize) -> String {
    let lens: Vec<usize> = words.iter().map(|word| word.chars().count()).collect();
    let count = words.len();
    let mut best: Vec<(u64, usize)> = vec![(0, count); count + 1];
    for from in (0..count).rev() {
        let mut len = indent.chars().count();
        let mut choice = (u64::MAX, from + 1);
        for to in from..count {
            len += lens.get(to).copied().unwrap_or(0) + usize::from(to > from);
            if len >= most && to > from {
                break;
            }
            let miss = goal.abs_diff(len) as u64;
            let last = to + 1 == count;
            let ends = words.get(to).is_some_and(|word| word.ends_with(['.', '!', '?']));
            let cost = if last { 0 } else { miss * miss * 100 + if ends { 0 } else { 4900 } };
            let total = cost.saturating_add(best.get(to + 1).map_or(0, |(cost, _)| *cost));
            if total < choice.0 {
                choice = (total, to + 1);
            }
        }
        if let Some(slot) = best.get_mut(from) {
            *slot = choice;
        }
    }
    let mut out = String::new();
    let mut from = 0;
    while from < count {
        let to = best.get(from).map_or(count, |(_, to)| *to).max(from + 1);
        out += indent;
        out += &words.get(from..to).unwrap_or_default().join(" ");
        out.push('\n');
        from = to;
    }
    out
}

pub(super) async fn column(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "c,output-width,columns= t,table s,separator= o,output-separator= x,fillrows n e L N,table-columns= \
                 R,table-right= J";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let (all, status) = inputs(c, &found.inputs()).await?;
    let text = text::decode(&all);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let width = |text: &str| text.chars().count();
    if found.has("t") {
        let rows: Vec<Vec<&str>> = lines
            .iter()
            .map(|line| match found.value("s") {
                Some(set) => line.split(|c| set.contains(c)).collect(),
                None => line.split_whitespace().collect(),
            })
            .collect();
        let gap = found.value("o").unwrap_or("  ");
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell)).max().unwrap_or(0))
            .collect();
        for row in rows {
            let mut line = String::new();
            for (at, widest) in widths.iter().enumerate() {
                let cell = row.get(at).copied().unwrap_or_default();
                line += if at > 0 { gap } else { "" };
                line += cell;
                if at + 1 < columns {
                    line += &" ".repeat(widest - width(cell).min(*widest));
                }
            }
            c.out(&(line + "\n"));
        }
        return Ok(status);
    }
    let total = found.value("c").and_then(|v| v.parse().ok()).unwrap_or_else(|| c.columns());
    let widest = lines.iter().map(|line| width(line)).max().unwrap_or(0);
    let cell = (widest + 8) & !7;
    let columns = (total / cell.max(1)).max(1);
    let rows = lines.len().div_ceil(columns);
    for row in 0..rows {
        let mut out = String::new();
        let mut at = 0;
        for column in 0..columns {
            let index = if found.has("x") { row * columns + column } else { column * rows + row };
            let Some(line) = lines.get(index) else { break };
            while at < column * cell {
                out.push('\t');
                at = (at + 8) & !7;
            }
            out += line;
            at += width(line);
        }
        c.out(&(out + "\n"));
    }
    Ok(status)
}

pub(super) async fn split(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "a,suffix-length= additional-suffix= b,bytes= C,line-bytes= d,numeric-suffixes? e x filter= l,lines= \
                 n,number= t,separator= u,unbuffered verbose";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let operand = found.rest.first().map_or("-", |x| x).to_string();
    let prefix = found.rest.get(1).map_or("x", |x| x).to_string();
    let input = match c.slurp(&operand).await? {
        Ok(input) => input,
        Err(error) => {
            let text = format!("cannot open {} for reading: {}", c.shell_quote(&operand), error.text());
            c.complain(&text);
            return Ok(1);
        }
    };
    let size = |key: &str| found.value(key).map(|value| super::head::count(value).filter(|size| *size > 0));
    for (key, what) in [("b", "bytes"), ("l", "lines"), ("C", "bytes")] {
        if size(key) == Some(None) {
            let text = format!("invalid number of {what}: {}", c.quote(found.value(key).unwrap_or_default()));
            c.complain(&text);
            return Ok(1);
        }
    }
    let as_size = |size: Option<Option<u64>>| size.flatten().and_then(|size| usize::try_from(size).ok());
    let pieces: Vec<Vec<u8>> = if let Some(bytes) = as_size(size("b")) {
        input.chunks(bytes).map(<[u8]>::to_vec).collect()
    } else if let Some(parts) = found.value("n").and_then(|n| n.parse::<usize>().ok()).filter(|n| *n > 0 && *n < 10_000)
    {
        let each = (input.len() / parts).max(1);
        (0..parts)
            .map(|at| {
                let to = if at + 1 == parts { input.len() } else { ((at + 1) * each).min(input.len()) };
                input.get((at * each).min(to)..to).unwrap_or_default().to_vec()
            })
            .collect()
    } else {
        let lines: Vec<&[u8]> = input.split_inclusive(|&b| b == b'\n').collect();
        lines.chunks(as_size(size("l")).unwrap_or(1000)).map(<[&[u8]]>::concat).collect()
    };
    let length: usize = found.value("a").and_then(|a| a.parse().ok()).unwrap_or(2).clamp(1, 20);
    let base = if found.has("d") {
        10
    } else if found.has("x") {
        16
    } else {
        26
    };
    for (number, piece) in pieces.iter().enumerate() {
        c.spend(10).await?;
        let mut suffix = String::new();
        let mut rest = number;
        for _ in 0..length {
            let digit = u32::try_from(rest % base).unwrap_or(0);
            let letter = if base == 26 { char::from_u32(u32::from('a') + digit) } else { char::from_digit(digit, 16) };
            suffix.insert(0, letter.unwrap_or('a'));
            rest /= base;
        }
        if rest > 0 {
            c.complain("output file suffixes exhausted");
            return Ok(1);
        }
        let name = format!("{prefix}{suffix}{}", found.value("additional-suffix").unwrap_or_default());
        if found.has("verbose") {
            let line = format!("creating file {}\n", c.shell_quote(&name));
            c.out(&line);
        }
        if let Err(error) = c.write_file(&name, piece) {
            c.complain(&format!("{name}: {}", error.text()));
            return Ok(1);
        }
    }
    Ok(0)
}

pub(super) async fn iconv(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "f,from-code= t,to-code= c l,list o,output= s,silent verbose", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut all = Vec::new();
    for operand in found.inputs() {
        match c.slurp(&operand).await? {
            Ok(bytes) => {
                c.spend(bytes.len() as u64 / 8).await?;
                all.extend(bytes);
            }
            Err(error) => {
                let text = format!("cannot open input file `{operand}': {}", error.text());
                c.complain(&text);
                return Ok(1);
            }
        }
    }
    let is = |key: &str, names: &[&str]| {
        found.value(key).is_some_and(|code| {
            names.contains(&code.split('/').next().unwrap_or_default().to_ascii_lowercase().as_str())
        })
    };
    let latin = ["latin1", "iso-8859-1", "iso8859-1", "iso_8859-1"];
    if is("f", &latin) && !is("t", &latin) {
        all = all.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes();
    } else if is("t", &latin) {
        all = String::from_utf8_lossy(&all).chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    }
    match found.value("o") {
        Some(file) => {
            let _ = c.write_file(file, &all);
        }
        None => c.out_bytes(&all),
    }
    Ok(0)
}
