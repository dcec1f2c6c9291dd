//! `xargs` (GNU findutils 4.7), `tee`, `yes` (coreutils 8.30).

use super::options;
use crate::shell::cmd::{Child, Cmd};
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::Open;

const OPTIONS: &str = "+0,null a,arg-file= d,delimiter= E= e,eof? I= i,replace? L= l,max-lines? n,max-args= P,max-procs= \
                       p,interactive r,no-run-if-empty s,max-chars= t,verbose x,exit show-limits process-slot-var= o,open-tty";
/// Bytes of one command line.
const LINE: usize = 128 * 1024;

pub(super) async fn xargs(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, OPTIONS, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let input = match found.value("a") {
        Some(file) => match c.slurp(file).await? {
            Ok(bytes) => bytes,
            Err(error) => {
                let text = format!("Cannot open input file {}: {}", c.quote(file), error.text());
                c.complain(&text);
                return Ok(1);
            }
        },
        None => c.read_all().await?,
    };
    let replace = found.value("I").or(found.has("i").then(|| found.value("i").unwrap_or("{}"))).map(str::to_string);
    let delimiter = if found.has("0") {
        Some(0)
    } else {
        found.value("d").map(|d| {
            let (bytes, _) = crate::shell::format::unescape(&text::encode(d), crate::shell::format::Escapes::Format);
            bytes.first().copied().unwrap_or(0)
        })
    };
    let lines = found.value("L").or(found.has("l").then(|| found.value("l").unwrap_or("1"))).map(str::to_string);
    let mut items = match delimiter {
        Some(delimiter) => {
            let parts = input.split_inclusive(|&b| b == delimiter);
            parts.map(|part| vec![part.strip_suffix(&[delimiter]).unwrap_or(part).to_vec()]).collect()
        }
        None => match words(&input, replace.is_some()) {
            Ok(items) => items,
            Err(quote) => {
                let kind = if quote == b'\'' { "single" } else { "double" };
                c.complain(&format!(
                    "unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
                ));
                return Ok(1);
            }
        },
    };
    if let Some(end) = found.value("E").or(found.value("e")).filter(|end| !end.is_empty()) {
        let end = text::encode(end);
        let mut kept: Vec<Vec<Vec<u8>>> = Vec::new();
        'all: for line in items {
            let mut row = Vec::new();
            for word in line {
                if word == end {
                    if !row.is_empty() {
                        kept.push(row);
                    }
                    break 'all;
                }
                row.push(word);
            }
            kept.push(row);
        }
        items = kept;
    }
    let mut command = found.rest.clone();
    if command.is_empty() {
        command.push("echo".into());
    }
    let number = |c: &mut Cmd, key: &str| -> Result<Option<usize>, i32> {
        let Some(value) = found.value(key) else { return Ok(None) };
        match value.parse::<usize>() {
            Ok(0) if key == "n" => Err(options::misuse(c, &format!("value 0 for -{key} option should be >= 1"), 1)),
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(options::misuse(c, &format!("invalid number \"{value}\" for -{key} option"), 1)),
        }
    };
    let most = match number(c, "n") {
        Ok(most) => most,
        Err(status) => return Ok(status),
    };
    let size = match number(c, "s") {
        Ok(size) => size.unwrap_or(LINE).min(LINE),
        Err(status) => return Ok(status),
    };
    let mut calls: Vec<Vec<String>> = Vec::new();
    if let Some(mark) = &replace {
        for line in items {
            let value = text::decode(&line.concat());
            calls.push(command.iter().map(|arg| arg.replace(mark.as_str(), &value)).collect());
        }
    } else if let Some(lines) = lines.and_then(|lines| lines.parse::<usize>().ok()) {
        for group in items.chunks(lines.max(1)) {
            calls.push(command.iter().cloned().chain(group.iter().flatten().map(|word| text::decode(word))).collect());
        }
    } else {
        let base: usize = command.iter().map(|arg| arg.len() + 1).sum();
        let mut call = command.clone();
        let (mut count, mut len) = (0, base);
        for word in items.into_iter().flatten() {
            if count > 0 && (most.is_some_and(|most| count >= most) || len + word.len() + 1 > size) {
                calls.push(std::mem::replace(&mut call, command.clone()));
                (count, len) = (0, base);
            }
            len += word.len() + 1;
            count += 1;
            call.push(text::decode(&word));
        }
        if count > 0 || !found.has("r") {
            calls.push(call);
        }
    }
    let mut status = 0;
    for argv in calls {
        c.spend(10).await?;
        if found.has("t") || found.has("p") {
            let line: Vec<String> = argv.iter().map(|arg| crate::shell::quote::if_needed(arg)).collect();
            c.err(&format!("{}{}", line.join(" "), if found.has("p") { " ?..." } else { "\n" }));
        }
        let result = c.exec_with(&argv, Child { stdin: Some(Vec::new()), ..Child::default() }).await?;
        if matches!(result, 126 | 127) && !c.exec_error().is_empty() {
            let error = c.exec_error().to_string();
            let error = if error.contains("not found") { "No such file or directory".to_string() } else { error };
            let name = argv.first().cloned().unwrap_or_default();
            c.complain(&format!("{name}: {error}"));
            return Ok(result);
        }
        match result {
            0 => {}
            255 => {
                let name = argv.first().cloned().unwrap_or_default();
                c.complain(&format!("{name}: exited with status 255; aborting"));
                return Ok(124);
            }
            128.. => {
                let name = argv.first().cloned().unwrap_or_default();
                c.complain(&format!("{name}: terminated by signal {}", result - 128));
                return Ok(125);
            }
            _ => status = 123,
        }
    }
    Ok(status)
}

/// Lines of words with quotes and backslashes taken away; `whole` keeps each line as one word.
fn words(input: &[u8], whole: bool) -> Result<Vec<Vec<Vec<u8>>>, u8> {
    let mut lines = Vec::new();
    let (mut line, mut word, mut started): (Vec<Vec<u8>>, Vec<u8>, bool) = (Vec::new(), Vec::new(), false);
    let mut quote = 0;
    let mut bytes = input.iter();
    while let Some(&byte) = bytes.next() {
        if quote != 0 {
            if byte == b'\n' {
                return Err(quote);
            }
            if byte == quote {
                quote = 0
            } else {
                word.push(byte)
            }
            continue;
        }
        match byte {
            b'\'' | b'"' => {
                quote = byte;
                started = true;
            }
            b'\\' => {
                started = true;
                word.extend(bytes.next());
            }
            b'\n' => {
                if started {
                    line.push(std::mem::take(&mut word));
                    started = false;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
            }
            b' ' | b'\t' if !whole || !started => {
                if started {
                    line.push(std::mem::take(&mut word));
                    started = false;
                }
            }
            byte => {
                started = true;
                word.push(byte);
            }
        }
    }
    if quote != 0 {
        return Err(quote);
    }
    if started {
        line.push(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    Ok(lines)
}

pub(super) async fn tee(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "a,append i,ignore-interrupts p output-error?", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut status = 0;
    let mut files = Vec::new();
    for operand in &found.rest {
        let how = Open { write: true, create: Some(0o666), truncate: !found.has("a"), ..Open::default() };
        match c.host().open(c.who(), &c.path(operand), how) {
            Ok(file) => {
                c.note_written(operand);
                files.push(file);
            }
            Err(error) => {
                c.complain(&format!("{}: {}", crate::shell::quote::if_needed(operand), error.text()));
                status = 1;
            }
        }
    }
    loop {
        let piece = c.read(65536).await?;
        if piece.is_empty() {
            return Ok(status);
        }
        c.spend(piece.len() as u64 / 64).await?;
        for file in &files {
            let _ = file.append(&piece);
        }
        c.out_bytes(&piece);
        c.flush().await?;
    }
}

pub(super) async fn yes(c: &mut Cmd) -> Result<i32, Stop> {
    let line = if c.args.is_empty() { "y".to_string() } else { c.args.join(" ") };
    let line = text::encode(&(line + "\n"));
    let block = line.repeat((4096 / line.len().max(1)).max(1));
    loop {
        c.out_bytes(&block);
        c.spend(block.len() as u64 / 64).await?;
        c.flush().await?;
    }
}
