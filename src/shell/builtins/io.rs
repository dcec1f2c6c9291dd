//! `echo`, `read`, `mapfile`.

use crate::shell::interp::{Dialect, Exec, Interp};
use crate::shell::io::Fail;
use crate::shell::kernel::Status;
use crate::shell::vars::{Key, Value};
use crate::shell::{escape, text};

pub(super) async fn echo(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut newline = true;
    let mut escapes = s.dialect == Dialect::Dash;
    let mut rest = args;
    while let Some((arg, after)) = rest.split_first() {
        let letters = arg.strip_prefix('-').unwrap_or_default();
        let known = if s.dialect == Dialect::Dash { "n" } else { "neE" };
        if letters.is_empty() || !letters.chars().all(|letter| known.contains(letter)) {
            break;
        }
        if s.dialect == Dialect::Dash && arg != "-n" {
            break;
        }
        for letter in letters.chars() {
            match letter {
                'n' => newline = false,
                'e' => escapes = true,
                _ => escapes = false,
            }
        }
        rest = after;
    }
    let line = rest.join(" ");
    let mut bytes = if escapes {
        let (bytes, ended) = escape::echo(&line);
        newline &= !ended;
        bytes
    } else {
        text::encode(&line)
    };
    if newline {
        bytes.push(b'\n');
    }
    s.kernel().spend(bytes.len() as u64 / 256).await?;
    s.print_bytes("echo", &bytes).await
}

/// What `read` was asked for.
struct Wish {
    raw: bool,
    prompt: String,
    delimiter: char,
    count: Option<usize>,
    exact: bool,
    array: Option<String>,
    silent: bool,
    fd: i32,
    time: Option<f64>,
    names: Vec<String>,
}

const READ: &str =
    "read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]";

pub(super) async fn read(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut wish = Wish {
        raw: false,
        prompt: String::new(),
        delimiter: '\n',
        count: None,
        exact: false,
        array: None,
        silent: false,
        fd: 0,
        time: None,
        names: Vec::new(),
    };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            wish.names.push(arg.clone());
            wish.names.extend(rest.cloned());
            break;
        };
        if letters == "-" {
            wish.names.extend(rest.cloned());
            break;
        }
        let mut chars = letters.chars();
        while let Some(letter) = chars.next() {
            match letter {
                'r' => wish.raw = true,
                's' => wish.silent = true,
                'e' | 'E' => {}
                'a' | 'd' | 'i' | 'n' | 'N' | 'p' | 't' | 'u' => {
                    let attached: String = chars.by_ref().collect();
                    let value = if attached.is_empty() { rest.next().cloned().unwrap_or_default() } else { attached };
                    match letter {
                        'a' => wish.array = Some(value),
                        'd' => wish.delimiter = value.chars().next().unwrap_or('\0'),
                        'n' | 'N' => {
                            wish.count = value.parse().ok();
                            wish.exact = letter == 'N';
                            if wish.count.is_none() {
                                return s.fail("read", &format!("{value}: invalid number")).await;
                            }
                        }
                        'p' => wish.prompt = value,
                        't' => match value.parse::<f64>() {
                            Ok(time) if time >= 0.0 => wish.time = Some(time),
                            _ => return s.fail("read", &format!("{value}: invalid timeout specification")).await,
                        },
                        'u' => wish.fd = value.parse().unwrap_or(-1),
                        _ => {}
                    }
                }
                other => return s.bad_option("read", &format!("-{other}"), READ).await,
            }
        }
    }
    if let Some(bad) = wish.names.iter().find(|name| !is_place(name)) {
        let bad = bad.clone();
        return s.fail("read", &format!("`{bad}': not a valid identifier")).await;
    }
    if wish.names.is_empty() && wish.array.is_none() && s.dialect == Dialect::Dash {
        s.complain("read: arg count").await?;
        return Ok(2);
    }
    perform(s, wish).await
}

fn is_place(name: &str) -> bool {
    crate::shell::grammar::is_name(name.split('[').next().unwrap_or_default())
}

async fn perform(s: &mut Interp, wish: Wish) -> Exec<Status> {
    let Some(open) = s.fds.get(&wish.fd).cloned() else {
        let message = format!("{}: invalid file descriptor: Bad file descriptor", wish.fd);
        return s.fail("read", &message).await;
    };
    let terminal = open.is_tty();
    if terminal && !wish.prompt.is_empty() {
        s.print_error(&wish.prompt).await?;
    }
    if wish.time == Some(0.0) {
        return Ok(i32::from(terminal));
    }
    if terminal {
        let mode = match (wish.silent, wish.count.is_some()) {
            (_, true) => crate::shell::tty::Mode::Raw,
            (silent, false) => crate::shell::tty::Mode::Cooked { echo: !silent },
        };
        s.kernel().set_mode(mode);
    }
    let deadline = wish.time.map(|time| s.kernel().now() + std::time::Duration::from_secs_f64(time.min(1e6)));
    let result = gather(s, &open, &wish, deadline).await;
    if terminal {
        s.kernel().set_mode(crate::shell::tty::Mode::Cooked { echo: true });
    }
    let (line, mut status) = result?;
    if line.timed_out {
        status = 142;
    }
    distribute(s, &wish, &line).await?;
    Ok(status)
}

/// A line and which of its characters were escaped.
struct Line {
    chars: Vec<(char, bool)>,
    timed_out: bool,
}

async fn gather(
    s: &Interp,
    open: &crate::shell::io::Open,
    wish: &Wish,
    deadline: Option<std::time::Instant>,
) -> Exec<(Line, Status)> {
    let mut line = Line { chars: Vec::new(), timed_out: false };
    let mut pending: Vec<u8> = Vec::new();
    let mut escaped = false;
    loop {
        if wish.count.is_some_and(|count| line.chars.len() >= count) {
            return Ok((line, 0));
        }
        let kernel = s.kernel();
        let read = open.read(kernel, 1);
        let piece = match deadline {
            None => read.await,
            Some(deadline) => match kernel.before(deadline, read).await? {
                Some(piece) => piece,
                None => {
                    line.timed_out = true;
                    return Ok((line, 142));
                }
            },
        };
        let byte = match piece {
            Ok(piece) => piece.first().copied(),
            Err(Fail::Stop(stop)) => return Err(stop.into()),
            Err(Fail::Errno(_)) => None,
        };
        let Some(byte) = byte else {
            line.chars.extend(text::decode(&pending).chars().map(|c| (c, false)));
            return Ok((line, 1));
        };
        pending.push(byte);
        // Characters of several bytes are taken as a whole.
        let needed = match pending.first() {
            Some(0xC2..=0xDF) => 2,
            Some(0xE0..=0xEF) => 3,
            Some(0xF0..=0xF4) => 4,
            _ => 1,
        };
        if pending.len() < needed && (pending.len() == 1 || byte & 0xC0 == 0x80) {
            continue;
        }
        for c in text::decode(&std::mem::take(&mut pending)).chars() {
            if escaped {
                escaped = false;
                if c != '\n' {
                    line.chars.push((c, true));
                }
            } else if c == wish.delimiter && !wish.exact {
                return Ok((line, 0));
            } else if c == '\\' && !wish.raw {
                escaped = true;
            } else if c != '\0' {
                line.chars.push((c, false));
            }
        }
        if line.chars.len() > 1 << 20 {
            return Ok((line, 0));
        }
    }
}

async fn distribute(s: &mut Interp, wish: &Wish, line: &Line) -> Exec<()> {
    let ifs = s.vars.scalar("IFS").unwrap_or(" \t\n").to_string();
    let is_separator = |&(c, escaped): &(char, bool)| !escaped && ifs.contains(c);
    let is_blank = |&(c, escaped): &(char, bool)| !escaped && ifs.contains(c) && c.is_whitespace();
    let whole: String = line.chars.iter().map(|(c, _)| c).collect();
    if wish.array.is_none() && wish.names.is_empty() {
        return s.assign("REPLY", &whole).await;
    }
    if wish.exact {
        if let Some(name) = wish.names.first() {
            s.assign(name, &whole).await?;
        }
        for name in wish.names.iter().skip(1) {
            s.assign(name, "").await?;
        }
        return Ok(());
    }
    let mut rest: &[(char, bool)] = &line.chars;
    let skip = |rest: &mut &[(char, bool)]| {
        let blanks = rest.iter().take_while(|c| is_blank(c)).count();
        *rest = rest.get(blanks..).unwrap_or_default();
    };
    let mut fields: Vec<String> = Vec::new();
    let most = wish.array.as_ref().map_or(wish.names.len(), |_| usize::MAX);
    skip(&mut rest);
    while !rest.is_empty() && fields.len() < most {
        if fields.len() + 1 == most {
            // The last name gets all the rest, without the blanks at its end.
            let mut end = rest.len();
            while end > 0 && rest.get(end - 1).is_some_and(&is_blank) {
                end -= 1;
            }
            // One separator at the very end closes the last field.
            let body = rest.get(..end).unwrap_or_default();
            let separators = body.iter().filter(|c| is_separator(c)).count();
            let body = match body.split_last() {
                Some((last, head)) if separators == 1 && is_separator(last) => head,
                _ => body,
            };
            fields.push(body.iter().map(|(c, _)| c).collect());
            break;
        }
        let len = rest.iter().take_while(|c| !is_separator(c)).count();
        fields.push(rest.get(..len).unwrap_or_default().iter().map(|(c, _)| c).collect());
        rest = rest.get(len..).unwrap_or_default();
        skip(&mut rest);
        if rest.first().is_some_and(|c| is_separator(c) && !is_blank(c)) {
            rest = rest.get(1..).unwrap_or_default();
            skip(&mut rest);
        }
    }
    if let Some(name) = &wish.array {
        let all = fields.into_iter().enumerate().map(|(at, text)| (i64::try_from(at).unwrap_or_default(), text));
        let all = all.collect();
        if let Err(refused) = s.vars.change(name, |var| var.value = Value::Array(all)) {
            return s.refused(name, refused).await;
        }
        return Ok(());
    }
    for (at, name) in wish.names.iter().enumerate() {
        let value = fields.get(at).map_or("", String::as_str);
        match name.split_once('[') {
            Some((base, index)) => {
                let key = s.key_of(base, index.trim_end_matches(']')).await?;
                s.assign_element(base, &key, value).await?;
            }
            None => s.assign(name, value).await?,
        }
    }
    Ok(())
}

/// Bytes that `mapfile` reads into an array.
const MAPPED: usize = 4 << 20;

pub(super) async fn mapfile(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut trim = false;
    let mut most = usize::MAX;
    let mut origin = 0_i64;
    let mut name = "MAPFILE".to_string();
    let mut fd = 0;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-t" => trim = true,
            "-n" => {
                most = rest.next().and_then(|text| text.parse().ok()).filter(|most| *most > 0).unwrap_or(usize::MAX)
            }
            "-O" => origin = rest.next().and_then(|text| text.parse().ok()).unwrap_or(0),
            "-u" => fd = rest.next().and_then(|text| text.parse().ok()).unwrap_or(0),
            "-d" | "-s" | "-C" | "-c" => {
                rest.next();
            }
            other => name = other.to_string(),
        }
    }
    let _ = s.vars.change(&name, |var| var.value = Value::Array(Default::default()));
    let mut lines = std::collections::BTreeMap::new();
    let mut held = 0_usize;
    while lines.len() < most.min(100_000) && held < MAPPED {
        let Some(line) = s.read_line_of(fd).await? else { break };
        s.kernel().spend(5 + line.len() as u64 / 16).await?;
        let line = if trim { line.trim_end_matches('\n') } else { &line };
        held = held.saturating_add(line.len() + 24);
        let at = origin.saturating_add(i64::try_from(lines.len()).unwrap_or_default());
        lines.insert(at, line.to_string());
    }
    // The last one is assigned as any element is, so that the bounds of variables hold for all of them.
    let last = lines.pop_last();
    let _ = s.vars.change(&name, |var| var.value = Value::Array(lines));
    if let Some((at, line)) = last {
        s.assign_element(&name, &Key::Index(at), &line).await?;
    }
    Ok(0)
}
