//! `grep`, `egrep`, `fgrep` (GNU grep 3.4).

use std::collections::VecDeque;

use super::options;
use super::regexp::{Flags, Regexp, Syntax};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::FileKind;

const OPTIONS: &str = "E,extended-regexp F,fixed-strings G,basic-regexp P,perl-regexp e,regexp= f,file= \
                       i,ignore-case,y no-ignore-case w,word-regexp x,line-regexp z,null-data s,no-messages \
                       v,invert-match m,max-count= b,byte-offset n,line-number line-buffered H,with-filename \
                       h,no-filename label= o,only-matching q,quiet,silent binary-files= a,text I d,directories= \
                       D,devices= r,recursive R,dereference-recursive include= exclude= exclude-from= exclude-dir= \
                       L,files-without-match l,files-with-matches c,count T,initial-tab Z,null A,after-context= \
                       B,before-context= C,context= color,colour? U,binary u V,version";

struct Settings {
    patterns: Vec<Regexp>,
    invert: bool,
    most: u64,
    number: bool,
    offset: bool,
    names: bool,
    only: bool,
    quiet: bool,
    binary: char,
    list: char,
    count: bool,
    null: bool,
    tab: bool,
    before: usize,
    after: usize,
    context: bool,
    color: bool,
    end: u8,
}

/// How many files one call looks into.
const FILES: usize = 100_000;

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    // -NUM is -C NUM.
    let mut letters_done = false;
    for arg in &mut c.args {
        letters_done |= arg == "--";
        let digits = arg.strip_prefix('-').filter(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()));
        if let (false, Some(digits)) = (letters_done, digits) {
            *arg = format!("-C{digits}");
        }
    }
    let mut found = match options::parse(OPTIONS, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return Ok(usage(c));
        }
    };
    let mut patterns: Vec<String> = Vec::new();
    for (key, value) in &found.list {
        let value = value.clone().unwrap_or_default();
        match *key {
            "e" => patterns.extend(value.split('\n').map(str::to_string)),
            "f" => match c.slurp(&value).await? {
                Ok(bytes) => {
                    let text = text::decode(&bytes);
                    patterns.extend(text.strip_suffix('\n').unwrap_or(&text).split('\n').map(str::to_string));
                    if bytes.is_empty() {
                        patterns.pop();
                    }
                }
                Err(error) => {
                    c.complain(&format!("{value}: {}", error.text()));
                    return Ok(2);
                }
            },
            _ => {}
        }
    }
    if !found.has("e") && !found.has("f") {
        if found.rest.is_empty() {
            return Ok(usage(c));
        }
        patterns = found.rest.remove(0).split('\n').map(str::to_string).collect();
    }
    let syntax = match found.last(&["E", "F", "G", "P"]) {
        Some("E") => Syntax::Extended,
        Some("F") => Syntax::Fixed,
        Some("P") => Syntax::Perl,
        Some(_) => Syntax::Basic,
        None if c.base() == "egrep" => Syntax::Extended,
        None if c.base() == "fgrep" => Syntax::Fixed,
        None => Syntax::Basic,
    };
    let flags = Flags {
        ignore_case: found.last(&["i", "no-ignore-case"]) == Some("i"),
        word: found.has("w"),
        line: found.has("x"),
        ..Flags::default()
    };
    let mut compiled = Vec::new();
    for pattern in &patterns {
        match Regexp::new(pattern, syntax, flags) {
            Ok(regexp) => compiled.push(regexp),
            Err(error) => {
                c.complain(&error);
                return Ok(2);
            }
        }
    }
    let mut sizes = [0usize, 0];
    for (key, value) in &found.list {
        if let "A" | "B" | "C" = *key {
            let value = value.as_deref().unwrap_or_default();
            let Ok(size) = value.parse::<usize>() else {
                c.complain(&format!("{value}: invalid context length argument"));
                return Ok(2);
            };
            let [before, after] = &mut sizes;
            if *key != "A" {
                *before = size;
            }
            if *key != "B" {
                *after = size;
            }
        }
    }
    let [before, after] = sizes;
    let most = match found.value("m").map(str::parse::<i64>) {
        None => u64::MAX,
        Some(Ok(most)) => u64::try_from(most).unwrap_or(u64::MAX),
        Some(Err(_)) => {
            c.complain("invalid max count");
            return Ok(2);
        }
    };
    let color = match found.value("color") {
        Some("always" | "yes" | "force") => true,
        Some("never" | "no" | "none") => false,
        Some("auto" | "tty" | "if-tty") => c.is_tty(1),
        Some(_) => return Ok(usage(c)),
        None => found.has("color") && c.is_tty(1),
    };
    let recursive = found.has("r") || found.has("R") || found.value("d") == Some("recurse");
    let inputs = match found.rest.as_slice() {
        [] if recursive => vec![".".to_string()],
        [] => vec!["-".to_string()],
        rest => rest.to_vec(),
    };
    let bare = recursive && found.rest.is_empty();
    let binary = if found.has("a") || found.value("binary-files") == Some("text") {
        'a'
    } else if found.has("I") || found.value("binary-files") == Some("without-match") {
        'I'
    } else {
        ' '
    };
    let s = Settings {
        patterns: compiled,
        invert: found.has("v"),
        most,
        number: found.has("n"),
        offset: found.has("b"),
        names: found.last(&["H", "h"]).map_or(inputs.len() > 1 || recursive, |last| last == "H"),
        only: found.has("o"),
        quiet: found.has("q"),
        binary,
        list: found.last(&["l", "L"]).and_then(|last| last.chars().next()).unwrap_or(' '),
        count: found.has("c"),
        null: found.has("Z"),
        tab: found.has("T"),
        before,
        after,
        context: before > 0 || after > 0,
        color,
        end: if found.has("z") { 0 } else { b'\n' },
    };
    let silent = found.has("s");
    let globs = |key: &str| -> Vec<Vec<u8>> {
        let values = found.list.iter().filter(|(known, _)| *known == key);
        values.filter_map(|(_, value)| value.as_deref().map(text::encode)).collect()
    };
    let (include, exclude, exclude_dir) = (globs("include"), globs("exclude"), globs("exclude-dir"));
    let wanted = |path: &str| {
        let path = text::encode(path);
        let name = crate::world::name(&path);
        let any = |list: &[Vec<u8>]| list.iter().any(|glob| super::glob::matches(glob, name, false));
        (include.is_empty() || any(&include)) && !any(&exclude)
    };
    let (mut matched, mut failed, mut started) = (false, false, false);
    let mut queue: VecDeque<(String, bool)> = inputs.into_iter().map(|input| (input, true)).collect();
    let mut looked = 0;
    while let Some((operand, named)) = queue.pop_front() {
        looked += 1;
        if looked > FILES {
            break;
        }
        c.spend(50).await?;
        if operand != "-" {
            let stat = if named || found.has("R") { c.stat(&operand) } else { c.lstat(&operand) };
            let kind = stat.as_ref().map(|stat| stat.kind);
            if kind == Ok(FileKind::Folder) {
                if !recursive {
                    if !silent && found.value("d") != Some("skip") {
                        c.complain(&format!("{operand}: Is a directory"));
                    }
                    failed |= found.value("d") != Some("skip");
                    continue;
                }
                let name = text::encode(&operand);
                let name = crate::world::name(&name);
                if !named && exclude_dir.iter().any(|glob| super::glob::matches(glob, name, false)) {
                    continue;
                }
                match c.list(&operand) {
                    Ok(entries) => {
                        let base = operand.trim_end_matches('/');
                        for (name, _) in entries.into_iter().rev() {
                            let name = text::decode(&name);
                            let path = if bare && operand == "." { name } else { format!("{base}/{name}") };
                            queue.push_front((path, false));
                        }
                    }
                    Err(error) => {
                        if !silent {
                            c.complain(&format!("{operand}: {}", error.text()));
                        }
                        failed = true;
                    }
                }
                continue;
            }
            if !named && !matches!(kind, Ok(FileKind::File)) || !wanted(&operand) && (recursive || !named) {
                continue;
            }
        }
        let source = match c.source(&operand).await? {
            Ok(source) => source,
            Err(error) => {
                if !silent {
                    c.complain(&format!("{operand}: {}", error.text()));
                }
                failed = true;
                continue;
            }
        };
        let label = if operand == "-" { found.value("label").unwrap_or("(standard input)") } else { &operand };
        let mut search = Search { s: &s, label: label.to_string(), started: &mut started, offset: 0 };
        if search.file(c, source).await? {
            matched = true;
            if s.quiet {
                return Ok(0);
            }
        }
    }
    if s.list == 'L' {
        return Ok(if failed { 2 } else { i32::from(!matched) });
    }
    Ok(if failed { 2 } else { i32::from(!matched) })
}

fn usage(c: &mut Cmd) -> i32 {
    let name = c.name.clone();
    c.err(&format!("Usage: {name} [OPTION]... PATTERNS [FILE]...\nTry '{name} --help' for more information.\n"));
    2
}

struct Search<'a> {
    s: &'a Settings,
    label: String,
    /// Something of a context was printed before.
    started: &'a mut bool,
    offset: u64,
}

impl Search<'_> {
    fn matches(&self, line: &[u8]) -> bool {
        self.s.patterns.iter().any(|pattern| pattern.is_match(line)) != self.s.invert
    }

    /// The leftmost, longest match of any pattern.
    fn find(&self, line: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = self.s.patterns.iter().filter_map(|pattern| pattern.find_at(line, from));
        found.min_by_key(|(start, end)| (*start, std::cmp::Reverse(*end)))
    }

    /// Looks through a file; whether a line was selected.
    async fn file(&mut self, c: &mut Cmd, mut source: crate::shell::cmd::Source) -> Result<bool, Stop> {
        let s = self.s;
        let mut kept: VecDeque<(u64, u64, Vec<u8>)> = VecDeque::new();
        let (mut number, mut count, mut left, mut last_shown) = (0u64, 0u64, 0usize, 0u64);
        let shows = !s.quiet && s.list == ' ' && !s.count;
        let mut binary = false;
        let mut head = true;
        let mut told = false;
        while count < s.most || left > 0 {
            let Some(line) = super::cut::line_to(&mut source, c, s.end).await? else { break };
            c.spend(1 + line.len() as u64 / 32).await?;
            if head || !binary {
                binary |= s.binary != 'a'
                    && s.end == b'\n'
                    && (line.contains(&0) || std::str::from_utf8(&line).is_err() && line.len() < 32768);
                if binary && s.binary == 'I' {
                    return Ok(false);
                }
            }
            head = false;
            number += 1;
            let at = self.offset;
            self.offset += line.len() as u64 + 1;
            if count >= s.most {
                // Only what follows the last match.
                if self.matches(&line) {
                    break;
                }
                left -= 1;
                self.line(c, &line, number, at, '-');
                continue;
            }
            if self.matches(&line) {
                count += 1;
                if s.quiet || s.list != ' ' {
                    break;
                }
                if binary && shows {
                    told = true;
                    break;
                }
                if !shows {
                    continue;
                }
                if s.context {
                    let first = kept.front().map_or(number, |(number, _, _)| *number);
                    if *self.started && (last_shown == 0 || first > last_shown + 1) {
                        let gap = if s.color { "\x1b[36m\x1b[K--\x1b[m\x1b[K\n" } else { "--\n" };
                        c.out(gap);
                    }
                    for (number, at, line) in std::mem::take(&mut kept) {
                        self.line(c, &line, number, at, '-');
                    }
                }
                *self.started = true;
                last_shown = number;
                left = s.after;
                self.line(c, &line, number, at, ':');
            } else if shows && left > 0 {
                left -= 1;
                last_shown = number;
                if !binary {
                    self.line(c, &line, number, at, '-');
                }
            } else if shows && s.before > 0 {
                kept.push_back((number, at, line));
                if kept.len() > s.before {
                    kept.pop_front();
                }
            }
            c.tick().await?;
        }
        if told {
            let label = self.label.clone();
            c.complain(&format!("{label}: binary file matches"));
        }
        if s.quiet {
            return Ok(count > 0);
        }
        if s.list != ' ' {
            let listed = (count > 0) == (s.list == 'l');
            if listed {
                self.name(c);
                c.out(if s.null { "\0" } else { "\n" });
            }
            return Ok(if s.list == 'L' { listed } else { count > 0 });
        }
        if s.count {
            if s.names {
                self.name(c);
                if s.null { c.out("\0") } else { self.mark(c, ":") }
            }
            c.out(&format!("{count}\n"));
        }
        Ok(count > 0)
    }

    fn name(&self, c: &mut Cmd) {
        let name = if self.s.color { format!("\x1b[35m\x1b[K{}\x1b[m\x1b[K", self.label) } else { self.label.clone() };
        c.out(&name);
    }

    fn mark(&self, c: &mut Cmd, mark: &str) {
        let mark = if self.s.color { format!("\x1b[36m\x1b[K{mark}\x1b[m\x1b[K") } else { mark.to_string() };
        c.out(&mark);
    }

    fn before(&self, c: &mut Cmd, number: u64, offset: u64, mark: char) {
        let s = self.s;
        let mark = mark.to_string();
        if s.names {
            self.name(c);
            if s.null { c.out("\0") } else { self.mark(c, &mark) }
        }
        for value in [s.number.then_some(number), s.offset.then_some(offset)].into_iter().flatten() {
            let width = if s.tab { 4 } else { 0 };
            let text = format!("{value:width$}");
            c.out(&if s.color { format!("\x1b[32m\x1b[K{text}\x1b[m\x1b[K") } else { text });
            self.mark(c, &mark);
        }
        if s.tab && (s.names || s.number || s.offset) {
            c.out("\t");
        }
    }

    fn line(&self, c: &mut Cmd, line: &[u8], number: u64, offset: u64, mark: char) {
        let s = self.s;
        let selected = mark == ':';
        if s.only {
            if !selected || s.invert {
                return;
            }
            let mut from = 0;
            while let Some((start, end)) = self.find(line, from) {
                if end > start {
                    self.before(c, number, offset + start as u64, mark);
                    let part = line.get(start..end).unwrap_or_default();
                    self.paint(c, part);
                    c.out_bytes(&[s.end]);
                }
                from = end.max(start + 1);
                if end > start {
                    from = end;
                }
                if from > line.len() {
                    break;
                }
            }
            return;
        }
        self.before(c, number, offset, mark);
        if s.color && (selected != s.invert) {
            let (mut from, mut copied) = (0, 0);
            while let Some((start, end)) = self.find(line, from) {
                if end > start {
                    c.out_bytes(line.get(copied..start).unwrap_or_default());
                    self.paint(c, line.get(start..end).unwrap_or_default());
                    copied = end;
                    from = end;
                } else {
                    from = end + 1;
                }
                if from > line.len() {
                    break;
                }
            }
            c.out_bytes(line.get(copied..).unwrap_or_default());
        } else {
            c.out_bytes(line);
        }
        c.out_bytes(&[s.end]);
    }

    fn paint(&self, c: &mut Cmd, part: &[u8]) {
        if self.s.color {
            c.out("\x1b[01;31m\x1b[K");
        }
        c.out_bytes(part);
        if self.s.color {
            c.out("\x1b[m\x1b[K");
        }
    }
}
