//! Runs sed scripts.

use std::collections::VecDeque;

use super::super::regexp::{Regexp, Spans};
use super::script::{Action, Address, Command, Part, Substitute, Until};
use crate::shell::cmd::{Cmd, Source};
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{File, FileKind, Open};

pub(super) struct Settings {
    pub quiet: bool,
    pub separate: bool,
    /// `-i`: the suffix of the copy that is kept, if any.
    pub in_place: Option<String>,
    /// What ends lines.
    pub end: u8,
}

/// What was queued for the end of the cycle.
enum Later {
    Text(Vec<u8>),
    File(String),
}

pub(super) struct Machine {
    commands: Vec<Command>,
    /// For each command with a range: the line where it ends, if inside.
    ranges: Vec<Option<End>>,
    settings: Settings,
    files: VecDeque<String>,
    source: Option<Source>,
    /// The line that comes next.
    ahead: Option<Vec<u8>>,
    space: Vec<u8>,
    hold: Vec<u8>,
    line: u64,
    /// The current line had no line end.
    unended: bool,
    /// Output so far has no line end.
    owed: bool,
    last_pattern: Option<Regexp>,
    later: Vec<Later>,
    written: Vec<(String, File)>,
    lines_of: Vec<(String, Vec<u8>, usize)>,
    edited: Option<(String, Vec<u8>)>,
    name: String,
    replaced: bool,
    status: i32,
    failed: bool,
}

#[derive(Clone, Copy)]
enum End {
    /// At that line.
    At(u64),
    /// When the pattern matches.
    Open,
}

enum Next {
    Go(usize),
    EndCycle,
    Delete,
    Restart,
    Quit(i32, bool),
}

impl Machine {
    pub fn new(commands: Vec<Command>, settings: Settings, files: Vec<String>) -> Self {
        Self {
            ranges: vec![None; commands.len()],
            commands,
            settings,
            files: files.into(),
            source: None,
            ahead: None,
            space: Vec::new(),
            hold: Vec::new(),
            line: 0,
            unended: false,
            owed: false,
            last_pattern: None,
            later: Vec::new(),
            written: Vec::new(),
            lines_of: Vec::new(),
            edited: None,
            name: "-".into(),
            replaced: false,
            status: 0,
            failed: false,
        }
    }

    pub async fn run(mut self, c: &mut Cmd) -> Result<i32, Stop> {
        if !self.open_written(c) {
            return Ok(4);
        }
        let commands = std::mem::take(&mut self.commands);
        let mut restart = false;
        loop {
            if !restart {
                if !self.read_line(c).await? {
                    break;
                }
                self.replaced = false;
            }
            restart = false;
            let mut at = 0;
            let end = loop {
                let Some(command) = commands.get(at) else { break Next::EndCycle };
                c.spend(3 + self.space.len() as u64 / 64).await?;
                let selected = self.selected(c, at, command).await?;
                if self.failed {
                    return Ok(1);
                }
                if !selected {
                    at = if let Action::Open(end) = command.action { end } else { at + 1 };
                    continue;
                }
                match self.act(c, at, command).await? {
                    Next::Go(next) => at = next,
                    other => break other,
                }
            };
            match end {
                Next::EndCycle | Next::Go(_) => self.finish_cycle(c, !self.settings.quiet),
                Next::Delete => self.finish_cycle(c, false),
                Next::Restart => {
                    self.finish_cycle(c, false);
                    restart = true;
                }
                Next::Quit(code, print) => {
                    self.finish_cycle(c, print && !self.settings.quiet);
                    self.rest_of_file(c).await?;
                    self.close_edited(c);
                    return Ok(code);
                }
            }
            c.tick().await?;
        }
        self.close_edited(c);
        Ok(self.status)
    }

    fn open_written(&mut self, c: &mut Cmd) -> bool {
        let names: Vec<String> = self
            .commands
            .iter()
            .filter_map(|command| match &command.action {
                Action::File('w' | 'W', name) => Some(name.clone()),
                Action::Substitute(s) => s.file.clone(),
                _ => None,
            })
            .collect();
        for name in names {
            if name == "/dev/stdout" || name == "/dev/stderr" || self.written.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let how = Open { write: true, create: Some(0o666), truncate: true, ..Open::default() };
            match c.host().open(c.who(), &c.path(&name), how) {
                Ok(file) => {
                    c.note_written(&name);
                    self.written.push((name, file));
                }
                Err(error) => {
                    c.complain(&format!("couldn't open file {name}: {}", error.text()));
                    return false;
                }
            }
        }
        true
    }

    // ---- input ---------------------------------------------------------------------------------------------------

    /// The next line of the input, from whichever file.
    async fn fetch(&mut self, c: &mut Cmd) -> Result<Option<Vec<u8>>, Stop> {
        loop {
            if let Some(source) = &mut self.source {
                let line =
                    if self.settings.end == b'\n' { source.line(c).await? } else { zero_line(source, c).await? };
                if line.is_some() {
                    return Ok(line);
                }
                self.source = None;
                if self.settings.separate {
                    return Ok(None);
                }
            }
            if !self.open_next(c).await? {
                return Ok(None);
            }
        }
    }

    async fn open_next(&mut self, c: &mut Cmd) -> Result<bool, Stop> {
        while let Some(name) = self.files.pop_front() {
            if self.settings.in_place.is_some() {
                match c.lstat(&name) {
                    Ok(stat) if stat.kind != FileKind::File && stat.kind != FileKind::Link => {
                        c.complain(&format!("couldn't edit {name}: not a regular file"));
                        self.status = 4;
                        continue;
                    }
                    _ => {}
                }
            }
            match c.source(&name).await? {
                Ok(source) => {
                    self.source = Some(source);
                    if self.settings.in_place.is_some() {
                        self.edited = Some((name.clone(), Vec::new()));
                    }
                    self.name = name;
                    return Ok(true);
                }
                Err(crate::world::Errno::EISDIR) if self.settings.in_place.is_none() => {
                    self.status = 4;
                    self.files.clear();
                    c.complain(&format!("read error on {name}: Is a directory"));
                    return Ok(false);
                }
                Err(error) => c.complain(&format!("can't read {name}: {}", error.text())),
            }
            self.status = 2;
        }
        Ok(false)
    }

    /// Makes sure that the next line is known, if there is one.
    async fn look_ahead(&mut self, c: &mut Cmd) -> Result<bool, Stop> {
        if self.ahead.is_none() {
            self.ahead = self.fetch(c).await?;
        }
        Ok(self.ahead.is_some())
    }

    async fn is_last(&mut self, c: &mut Cmd) -> Result<bool, Stop> {
        Ok(!self.look_ahead(c).await?)
    }

    /// The next line into the pattern space, behind what is there if `append`.
    async fn next_line(&mut self, c: &mut Cmd, append: bool) -> Result<bool, Stop> {
        if !self.look_ahead(c).await? {
            return Ok(false);
        }
        let mut line = self.ahead.take().unwrap_or_default();
        self.unended = line.last() != Some(&self.settings.end);
        if !self.unended {
            line.pop();
        }
        self.line += 1;
        if append {
            self.space.push(self.settings.end);
            if self.space.len() < c.bound() {
                self.space.extend(line);
            }
        } else {
            self.space = line;
        }
        Ok(true)
    }

    async fn read_line(&mut self, c: &mut Cmd) -> Result<bool, Stop> {
        loop {
            if self.next_line(c, false).await? {
                return Ok(true);
            }
            self.close_edited(c);
            if !self.settings.separate || self.files.is_empty() {
                return Ok(false);
            }
            if self.settings.in_place.is_some() {
                self.line = 0;
            }
            if !self.open_next(c).await? {
                return Ok(false);
            }
        }
    }

    // ---- output --------------------------------------------------------------------------------------------------

    fn put(&mut self, c: &mut Cmd, bytes: &[u8]) {
        let end = self.settings.end;
        let owed = std::mem::take(&mut self.owed);
        if let Some((_, out)) = &mut self.edited {
            if owed {
                out.push(end);
            }
            if out.len() < c.bound() {
                out.extend_from_slice(bytes);
            }
            return;
        }
        if owed {
            c.out_bytes(&[end]);
        }
        c.out_bytes(bytes);
    }

    fn put_line(&mut self, c: &mut Cmd, line: &[u8]) {
        self.put(c, line);
        if self.unended && self.ahead.is_none() {
            self.owed = true;
        } else {
            self.put(c, &[self.settings.end]);
        }
    }

    fn put_file(&mut self, c: &mut Cmd, name: &str, line: &[u8]) {
        let whole = [line, &[self.settings.end]].concat();
        match name {
            "/dev/stdout" => self.put_line(c, line),
            "/dev/stderr" => c.err(&text::decode(&whole)),
            _ => {
                if let Some((_, file)) = self.written.iter().find(|(known, _)| known == name) {
                    let _ = file.append(&whole);
                }
            }
        }
    }

    fn finish_cycle(&mut self, c: &mut Cmd, print: bool) {
        if print {
            let space = std::mem::take(&mut self.space);
            self.put_line(c, &space);
            self.space = space;
        }
        for later in std::mem::take(&mut self.later) {
            match later {
                Later::Text(text) => self.put(c, &text),
                Later::File(name) => {
                    if let Ok(bytes) = c.read_file(&name)
                        && !bytes.is_empty()
                    {
                        self.put(c, &bytes);
                    }
                }
            }
        }
    }

    fn close_edited(&mut self, c: &mut Cmd) {
        let Some((name, bytes)) = self.edited.take() else { return };
        self.owed = false;
        let suffix = self.settings.in_place.clone().unwrap_or_default();
        if !suffix.is_empty() {
            let copy = if suffix.contains('*') { suffix.replace('*', &name) } else { format!("{name}{suffix}") };
            if let Ok(old) = c.read_file(&name) {
                let _ = c.write_file(&copy, &old);
            }
        }
        if let Err(error) = c.write_file(&name, &bytes) {
            c.complain(&format!("couldn't open file {name}: {}", error.text()));
            self.status = 4;
        }
    }

    /// After `q` with `-i`, the rest of the file is kept.
    async fn rest_of_file(&mut self, c: &mut Cmd) -> Result<(), Stop> {
        if self.edited.is_none() {
            return Ok(());
        }
        if let Some(line) = self.ahead.take() {
            self.put(c, &line);
        }
        while let Some(source) = &mut self.source {
            let piece = source.read(c, 65536).await?;
            if piece.is_empty() {
                break;
            }
            self.put(c, &piece);
        }
        Ok(())
    }

    // ---- addresses -----------------------------------------------------------------------------------------------

    async fn at_address(&mut self, c: &mut Cmd, address: &Address) -> Result<bool, Stop> {
        Ok(match address {
            Address::Line(line) => self.line == *line,
            Address::Last => self.is_last(c).await?,
            Address::Step(first, 0) => self.line == *first,
            Address::Step(first, step) => self.line >= *first && (self.line - first).is_multiple_of(*step),
            Address::Pattern(pattern) => self.matches(c, pattern.as_ref()),
        })
    }

    fn matches(&mut self, c: &mut Cmd, pattern: Option<&Regexp>) -> bool {
        if let Some(pattern) = pattern {
            self.last_pattern = Some(pattern.clone());
        } else if self.last_pattern.is_none() {
            self.lost(c);
        }
        self.last_pattern.as_ref().is_some_and(|pattern| pattern.is_match(&self.space))
    }

    /// An empty pattern without one before it ends everything.
    fn lost(&mut self, c: &mut Cmd) {
        if !self.failed {
            c.complain("-e expression #1, char 0: no previous regular expression");
        }
        self.failed = true;
    }

    async fn selected(&mut self, c: &mut Cmd, at: usize, command: &Command) -> Result<bool, Stop> {
        let inside = self.inside(c, at, command).await?;
        Ok(inside != command.negated)
    }

    async fn inside(&mut self, c: &mut Cmd, at: usize, command: &Command) -> Result<bool, Stop> {
        let Some(first) = &command.first else { return Ok(true) };
        let Some(until) = &command.until else { return self.at_address(c, first).await };
        let state = self.ranges.get(at).copied().flatten();
        if let Some(end) = state {
            let (inside, ended) = match (end, until) {
                (End::At(line), _) => (self.line <= line, self.line >= line),
                (End::Open, Until::Address(address)) => (true, self.at_address(c, address).await?),
                (End::Open, _) => (true, false),
            };
            if ended {
                self.set_range(at, None);
            }
            if inside {
                return Ok(true);
            }
        }
        let from_zero = matches!(first, Address::Line(0));
        if from_zero {
            if self.line != 1 {
                return Ok(false);
            }
        } else if !self.at_address(c, first).await? {
            return Ok(false);
        }
        let line = self.line;
        let end = match until {
            Until::Plus(count) => End::At(line.saturating_add(*count)),
            Until::Multiple(0) => End::At(line),
            Until::Multiple(step) => End::At(line.div_ceil(*step).saturating_mul(*step)),
            Until::Address(Address::Line(end)) => End::At(*end),
            Until::Address(address @ Address::Pattern(_)) if from_zero => {
                if self.at_address(c, address).await? {
                    return Ok(true);
                }
                End::Open
            }
            Until::Address(Address::Pattern(_)) => End::Open,
            Until::Address(address) => {
                if self.at_address(c, address).await? {
                    return Ok(true);
                }
                End::Open
            }
        };
        if !matches!(end, End::At(end) if end <= line) {
            self.set_range(at, Some(end));
        }
        Ok(true)
    }

    fn set_range(&mut self, at: usize, end: Option<End>) {
        if let Some(slot) = self.ranges.get_mut(at) {
            *slot = end;
        }
    }

    // ---- commands ------------------------------------------------------------------------------------------------

    async fn act(&mut self, c: &mut Cmd, at: usize, command: &Command) -> Result<Next, Stop> {
        let go = Next::Go(at + 1);
        Ok(match &command.action {
            Action::Open(_) | Action::Nothing | Action::Jump(':', _, _) => go,
            Action::Append(text) => {
                self.later.push(Later::Text(text.clone()));
                go
            }
            Action::Insert(text) => {
                self.put(c, text);
                go
            }
            Action::Change(text) => {
                let in_range = command.until.is_some() && !command.negated;
                if !in_range || self.ranges.get(at).copied().flatten().is_none() || self.is_last(c).await? {
                    self.put(c, text);
                }
                Next::Delete
            }
            Action::Jump(letter, _, target) => {
                let replaced = self.replaced;
                if *letter != 'b' {
                    self.replaced = false;
                }
                let jump = match letter {
                    't' => replaced,
                    'T' => !replaced,
                    _ => true,
                };
                if jump { Next::Go(*target) } else { go }
            }
            Action::Quit(letter, code) => Next::Quit(*code, *letter == 'q'),
            Action::File('r', name) => {
                self.later.push(Later::File(name.clone()));
                go
            }
            Action::File('R', name) => {
                if let Some(line) = self.line_of(c, name) {
                    self.later.push(Later::Text(line));
                }
                go
            }
            Action::File(letter, name) => {
                let space = self.space.clone();
                let first = space.split(|&b| b == b'\n').next().unwrap_or_default();
                self.put_file(c, name, if *letter == 'W' { first } else { &space });
                go
            }
            Action::List(width) => {
                let line = listed(&self.space, *width);
                self.put(c, &line);
                go
            }
            Action::Substitute(s) => {
                self.substitute(c, s).await?;
                go
            }
            Action::Translate(pairs) => {
                let text = text::decode(&self.space);
                let changed: String =
                    text.chars().map(|c| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to)).collect();
                self.space = text::encode(&changed);
                go
            }
            Action::Simple(letter) => self.simple(c, *letter, at).await?,
        })
    }

    async fn simple(&mut self, c: &mut Cmd, letter: char, at: usize) -> Result<Next, Stop> {
        let end = self.settings.end;
        match letter {
            '=' => {
                let line = format!("{}\n", self.line);
                self.put(c, line.as_bytes());
            }
            'd' => return Ok(Next::Delete),
            'D' => {
                let Some(cut) = self.space.iter().position(|&b| b == end) else { return Ok(Next::Delete) };
                self.space.drain(..=cut);
                return Ok(Next::Restart);
            }
            'g' => self.space = self.hold.clone(),
            'G' | 'H' => {
                let (to, from) =
                    if letter == 'G' { (&mut self.space, &self.hold) } else { (&mut self.hold, &self.space) };
                to.push(end);
                if to.len() + from.len() <= c.bound() {
                    to.extend_from_slice(from);
                }
            }
            'h' => self.hold = self.space.clone(),
            'x' => std::mem::swap(&mut self.space, &mut self.hold),
            'z' => self.space.clear(),
            'F' => {
                let line = format!("{}\n", self.name);
                self.put(c, line.as_bytes());
            }
            'p' => {
                let space = self.space.clone();
                self.put_line(c, &space);
            }
            'P' => {
                let first = self.space.split(|&b| b == end).next().unwrap_or_default().to_vec();
                if first.len() == self.space.len() {
                    self.put_line(c, &first);
                } else {
                    self.put(c, &[first.as_slice(), &[end]].concat());
                }
            }
            _ => {
                if self.is_last(c).await? && (!self.settings.separate || self.files.is_empty()) {
                    return Ok(Next::Quit(0, true));
                }
                if letter == 'n' {
                    self.finish_cycle(c, !self.settings.quiet);
                } else {
                    self.finish_cycle(c, false);
                }
                if !self.next_line(c, letter == 'N').await? {
                    return Ok(Next::Quit(0, true));
                }
            }
        }
        Ok(Next::Go(at + 1))
    }

    async fn substitute(&mut self, c: &mut Cmd, s: &Substitute) -> Result<(), Stop> {
        let pattern = match (&s.pattern, &self.last_pattern) {
            (Some(pattern), _) => pattern.clone(),
            (None, Some(last)) => last.clone(),
            (None, None) => {
                self.lost(c);
                return Ok(());
            }
        };
        self.last_pattern = Some(pattern.clone());
        let space = std::mem::take(&mut self.space);
        let mut out = Vec::new();
        let (mut from, mut count, mut done) = (0, 0, false);
        let mut before = None;
        while let Some(spans) = pattern.captures_at(&space, from) {
            let Some((start, end)) = spans.first().copied().flatten() else { break };
            c.spend(1 + (end - from) as u64 / 64).await?;
            out.extend_from_slice(space.get(from..start).unwrap_or_default());
            // An empty match right behind a match is none.
            if start != end || before != Some(start) {
                count += 1;
                if count >= s.number.max(1) {
                    fill(&s.parts, &space, &spans, &mut out);
                    done = true;
                } else {
                    out.extend_from_slice(space.get(start..end).unwrap_or_default());
                }
            }
            before = Some(end);
            from = end;
            if done && !s.global || out.len() > c.bound() {
                break;
            }
            if start == end {
                let next = end + char_len(&space, end);
                if end >= space.len() {
                    break;
                }
                out.extend_from_slice(space.get(end..next).unwrap_or_default());
                from = next;
            }
        }
        out.extend_from_slice(space.get(from..).unwrap_or_default());
        if !done {
            self.space = space;
            return Ok(());
        }
        self.space = out;
        self.replaced = true;
        if s.print {
            let space = self.space.clone();
            self.put_line(c, &space);
        }
        if let Some(name) = &s.file {
            let space = self.space.clone();
            self.put_file(c, name, &space);
        }
        Ok(())
    }

    fn line_of(&mut self, c: &mut Cmd, name: &str) -> Option<Vec<u8>> {
        if !self.lines_of.iter().any(|(known, _, _)| known == name) {
            let bytes = c.read_file(name).unwrap_or_default();
            self.lines_of.push((name.to_string(), bytes, 0));
        }
        let (_, bytes, at) = self.lines_of.iter_mut().find(|(known, _, _)| known == name)?;
        let rest = bytes.get(*at..).filter(|rest| !rest.is_empty())?;
        let line = rest.split(|&b| b == b'\n').next().unwrap_or_default();
        *at += line.len() + 1;
        Some([line, b"\n"].concat())
    }
}

/// Length of the character there; at least 1.
fn char_len(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let head = rest.get(..4).unwrap_or(rest);
    head.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()).map_or(1, char::len_utf8)
}

async fn zero_line(source: &mut Source, c: &mut Cmd) -> Result<Option<Vec<u8>>, Stop> {
    let mut line = Vec::new();
    loop {
        let byte = source.read(c, 1).await?;
        match byte.first() {
            None => return Ok((!line.is_empty()).then_some(line)),
            Some(&byte) => line.push(byte),
        }
        if line.last() == Some(&0) || line.len() > c.bound() {
            return Ok(Some(line));
        }
    }
}

/// The replacement, with groups filled in and case changed.
fn fill(parts: &[Part], text: &[u8], spans: &Spans, out: &mut Vec<u8>) {
    let (mut all, mut one) = (' ', ' ');
    let mut put = |bytes: &[u8], all: char, one: &mut char| {
        if all == ' ' && *one == ' ' {
            return out.extend_from_slice(bytes);
        }
        let text: String = text::decode(bytes)
            .chars()
            .map(|c| {
                let how = if *one == ' ' { all } else { one.to_ascii_uppercase() };
                *one = ' ';
                match how {
                    'U' => c.to_uppercase().next().unwrap_or(c),
                    'L' => c.to_lowercase().next().unwrap_or(c),
                    _ => c,
                }
            })
            .collect();
        out.extend(text::encode(&text));
    };
    for part in parts {
        match part {
            Part::Text(bytes) => put(bytes, all, &mut one),
            Part::Group(group) => {
                if let Some((from, to)) = spans.get(*group).copied().flatten() {
                    put(text.get(from..to).unwrap_or_default(), all, &mut one);
                }
            }
            Part::Case('u') => one = 'u',
            Part::Case('l') => one = 'l',
            Part::Case('E') => all = ' ',
            Part::Case(how) => all = *how,
        }
    }
}

/// The `l` command: unprintable bytes as escapes, long lines wrapped.
fn listed(space: &[u8], width: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut column = 0;
    for &byte in space {
        let piece = match byte {
            b'\\' => "\\\\".to_string(),
            7 => "\\a".to_string(),
            8 => "\\b".to_string(),
            12 => "\\f".to_string(),
            b'\n' => "\\n".to_string(),
            b'\r' => "\\r".to_string(),
            b'\t' => "\\t".to_string(),
            11 => "\\v".to_string(),
            32..=126 => char::from(byte).to_string(),
            other => format!("\\{other:03o}"),
        };
        if width > 1 && column + piece.len() > width - 1 {
            out.extend_from_slice(b"\\\n");
            column = 0;
        }
        column += piece.len();
        out.extend_from_slice(piece.as_bytes());
    }
    out.extend_from_slice(b"$\n");
    out
}
