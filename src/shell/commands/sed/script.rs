//! Reads sed scripts (GNU sed 4.7).

use super::super::regexp::{Flags, Regexp, Syntax};

/// Which lines a command is for.
#[derive(Clone, Debug)]
pub(super) enum Address {
    Line(u64),
    Last,
    /// `first~step`
    Step(u64, u64),
    /// `None`: the last one that was used.
    Pattern(Option<Regexp>),
}

/// The end of a range.
#[derive(Clone, Debug)]
pub(super) enum Until {
    Address(Address),
    /// `+N`
    Plus(u64),
    /// `~N`
    Multiple(u64),
}

/// A command with its addresses.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub first: Option<Address>,
    pub until: Option<Until>,
    pub negated: bool,
    pub action: Action,
}

/// What a command does; jumps are indexes into the list of commands.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// `{`: where its `}` is.
    Open(usize),
    Nothing,
    Append(Vec<u8>),
    Insert(Vec<u8>),
    Change(Vec<u8>),
    Jump(char, String, usize),
    Quit(char, i32),
    /// `r`, `R`, `w`, `W` and the file.
    File(char, String),
    List(usize),
    Substitute(Box<Substitute>),
    Translate(Vec<(char, char)>),
    /// Commands of one letter: `= d D g G h H n N p P x z F`.
    Simple(char),
}

/// `s/…/…/…`
#[derive(Clone, Debug)]
pub(super) struct Substitute {
    pub pattern: Option<Regexp>,
    pub parts: Vec<Part>,
    pub global: bool,
    pub print: bool,
    pub number: usize,
    pub file: Option<String>,
}

/// A piece of a replacement.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(Vec<u8>),
    Group(usize),
    /// `\U`, `\L`, `\u`, `\l`, `\E`
    Case(char),
}

/// Commands and blocks of a script.
const MOST: usize = 20_000;

pub(super) struct Parser {
    text: Vec<char>,
    at: usize,
    extended: bool,
    commands: Vec<Command>,
    open: Vec<usize>,
}

type Result<T> = std::result::Result<T, String>;

/// Reads a script; the error is `CHAR: MESSAGE`'s two parts.
pub(super) fn parse(script: &str, extended: bool) -> std::result::Result<Vec<Command>, (Option<usize>, String)> {
    let mut parser = Parser { text: script.chars().collect(), at: 0, extended, commands: Vec::new(), open: Vec::new() };
    parser.script().map_err(|error| (Some(parser.at), error))?;
    if !parser.open.is_empty() {
        return Err((Some(0), "unmatched `{'".into()));
    }
    let mut commands = parser.commands;
    let labels: Vec<(String, usize)> = commands
        .iter()
        .enumerate()
        .filter_map(|(at, command)| match &command.action {
            Action::Jump(':', label, _) => Some((label.clone(), at)),
            _ => None,
        })
        .collect();
    let end = commands.len();
    for command in &mut commands {
        if let Action::Jump(letter, label, target) = &mut command.action {
            *target = if label.is_empty() {
                end
            } else {
                let found = labels.iter().find(|(known, _)| known == label).map(|(_, at)| *at);
                found.ok_or_else(|| (None, format!("can't find label for jump to `{label}'")))?
            };
            let _ = letter;
        }
    }
    Ok(commands)
}

impl Parser {
    fn next(&mut self) -> Option<char> {
        let c = self.text.get(self.at).copied();
        self.at += 1;
        c
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_whitespace() && c != '\n') {
            self.at += 1;
        }
    }

    fn script(&mut self) -> Result<()> {
        if self.text.starts_with(&['#', 'n', '\n']) || self.text == ['#', 'n'] {
            self.at = 0;
        }
        loop {
            while self.peek().is_some_and(|c| c.is_ascii_whitespace() || c == ';') {
                self.at += 1;
            }
            if self.peek().is_none() {
                return Ok(());
            }
            if self.commands.len() > MOST {
                return Err("script too long".into());
            }
            self.command()?;
        }
    }

    fn command(&mut self) -> Result<()> {
        let first = self.address()?;
        let mut until = None;
        self.blanks();
        if self.peek() == Some(',') {
            if first.is_none() {
                self.at += 1;
                return Err("unexpected `,'".into());
            }
            self.at += 1;
            self.blanks();
            until = match self.peek() {
                Some('+') => {
                    self.at += 1;
                    Some(Until::Plus(self.number().ok_or("expected newer version of sed")?))
                }
                Some('~') => {
                    self.at += 1;
                    Some(Until::Multiple(self.number().ok_or("expected newer version of sed")?))
                }
                _ => self.address()?.map(Until::Address),
            };
            if until.is_none() {
                self.at += 1;
                return Err("unexpected `,'".into());
            }
            self.blanks();
        }
        if matches!(first, Some(Address::Line(0))) && !matches!(until, Some(Until::Address(Address::Pattern(_)))) {
            self.at += 1;
            return Err("invalid usage of line address 0".into());
        }
        let mut negated = false;
        while self.peek() == Some('!') {
            self.at += 1;
            if negated {
                return Err("multiple `!'s".into());
            }
            negated = true;
            self.blanks();
        }
        let Some(letter) = self.next() else { return Err("missing command".into()) };
        if letter == '\n' || letter == ';' {
            return Err("missing command".into());
        }
        if letter == '#' {
            if first.is_some() {
                return Err("comments don't accept any addresses".into());
            }
            while self.peek().is_some_and(|c| c != '\n') {
                self.at += 1;
            }
            return Ok(());
        }
        let place = self.commands.len();
        let action = match letter {
            '{' => {
                self.open.push(place);
                Action::Open(0)
            }
            '}' => {
                let Some(open) = self.open.pop() else { return Err("unexpected `}'".into()) };
                if first.is_some() {
                    return Err("} doesn't want any addresses".into());
                }
                if let Some(Command { action: Action::Open(end), .. }) = self.commands.get_mut(open) {
                    *end = place;
                }
                self.end()?;
                Action::Nothing
            }
            '=' | 'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'p' | 'P' | 'x' | 'z' | 'F' => {
                self.end()?;
                Action::Simple(letter)
            }
            'a' | 'i' | 'c' => {
                let text = self.text_argument()?;
                match letter {
                    'a' => Action::Append(text),
                    'i' => Action::Insert(text),
                    _ => Action::Change(text),
                }
            }
            ':' => {
                if first.is_some() {
                    return Err(": doesn't want any addresses".into());
                }
                let label = self.label(false);
                if label.is_empty() {
                    return Err("\":\" lacks a label".into());
                }
                Action::Jump(':', label, 0)
            }
            'b' | 't' | 'T' => Action::Jump(letter, self.label(true), 0),
            'q' | 'Q' => {
                if until.is_some() {
                    return Err("command only uses one address".into());
                }
                self.blanks();
                let code = self.number().unwrap_or(0);
                self.end()?;
                Action::Quit(letter, i32::try_from(code & 0xff).unwrap_or(0))
            }
            'l' | 'L' => {
                self.blanks();
                let width = self.number();
                self.end()?;
                Action::List(width.and_then(|width| usize::try_from(width).ok()).unwrap_or(70))
            }
            'r' | 'R' | 'w' | 'W' => {
                self.blanks();
                let name = self.line();
                if name.is_empty() {
                    return Err("missing filename in r/R/w/W commands".into());
                }
                Action::File(letter, name)
            }
            's' => Action::Substitute(Box::new(self.substitute()?)),
            'y' => self.translate()?,
            other => return Err(format!("unknown command: `{other}'")),
        };
        self.commands.push(Command { first, until, negated, action });
        Ok(())
    }

    /// What must follow a command.
    fn end(&mut self) -> Result<()> {
        self.blanks();
        match self.peek() {
            None | Some('\n' | ';' | '}' | '#') => {
                if matches!(self.peek(), Some('\n' | ';')) {
                    self.at += 1;
                }
                Ok(())
            }
            Some(_) => {
                self.at += 1;
                Err("extra characters after command".into())
            }
        }
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            value = Some(value.unwrap_or(0u64).saturating_mul(10).saturating_add(u64::from(digit)));
            self.at += 1;
        }
        value
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        while let Some(c) = self.peek().filter(|&c| c != '\n') {
            line.push(c);
            self.at += 1;
        }
        line
    }

    fn label(&mut self, jump: bool) -> String {
        self.blanks();
        let mut label = String::new();
        while let Some(c) = self.peek().filter(|&c| !c.is_ascii_whitespace() && c != ';' && !(jump && c == '}')) {
            label.push(c);
            self.at += 1;
        }
        label
    }

    fn address(&mut self) -> Result<Option<Address>> {
        let Some(c) = self.peek() else { return Ok(None) };
        if let Some(line) = self.number() {
            self.blanks();
            if self.peek() == Some('~') {
                self.at += 1;
                let step = self.number().unwrap_or(0);
                return Ok(Some(Address::Step(line, step)));
            }
            return Ok(Some(Address::Line(line)));
        }
        if c == '$' {
            self.at += 1;
            return Ok(Some(Address::Last));
        }
        if c != '/' && c != '\\' {
            return Ok(None);
        }
        self.at += 1;
        let delimiter = if c == '\\' { self.next().ok_or("unexpected `,'")? } else { '/' };
        let source = self.until(delimiter, true).ok_or("unterminated address regex")?;
        let mut flags = Flags { escapes: true, ..Flags::default() };
        loop {
            match self.peek() {
                Some('I') => flags.ignore_case = true,
                Some('M') => flags.multiline = true,
                _ => break,
            }
            self.at += 1;
        }
        if source.is_empty() {
            return Ok(Some(Address::Pattern(None)));
        }
        Ok(Some(Address::Pattern(Some(self.compile(&source, flags)?))))
    }

    fn compile(&self, source: &str, flags: Flags) -> Result<Regexp> {
        let syntax = if self.extended { Syntax::Extended } else { Syntax::Basic };
        Regexp::new(source, syntax, flags)
    }

    /// Text up to the delimiter; `\DELIMITER` loses its backslash, and in a pattern brackets don't hide it.
    fn until(&mut self, delimiter: char, pattern: bool) -> Option<String> {
        let mut text = String::new();
        loop {
            let c = self.peek()?;
            self.at += 1;
            if c == delimiter {
                return Some(text);
            }
            if c == '\n' && pattern {
                self.at -= 1;
                return None;
            }
            if c == '[' && pattern {
                text.push(c);
                self.bracket(&mut text)?;
                continue;
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            let next = self.peek()?;
            self.at += 1;
            if next == delimiter {
                // A delimiter that means something special stays escaped in neither case.
                if !pattern && next == '&' {
                    text.push('\\');
                }
                text.push(next);
            } else if next == '\n' && pattern {
                text.push('\n');
            } else {
                text.push('\\');
                text.push(next);
            }
        }
    }

    /// A bracket expression behind its `[`; the delimiter within is nothing special.
    fn bracket(&mut self, text: &mut String) -> Option<()> {
        let mut first = true;
        loop {
            let c = self.peek()?;
            self.at += 1;
            text.push(c);
            if c == '[' && matches!(self.peek(), Some(':' | '.' | '=')) {
                let kind = self.peek()?;
                self.at += 1;
                text.push(kind);
                loop {
                    let c = self.peek()?;
                    self.at += 1;
                    text.push(c);
                    if c == kind && self.peek() == Some(']') {
                        self.at += 1;
                        text.push(']');
                        break;
                    }
                }
            } else if c == ']' && !first {
                return Some(());
            }
            first = first && c == '^';
        }
    }

    fn substitute(&mut self) -> Result<Substitute> {
        let unterminated = || "unterminated `s' command".to_string();
        let delimiter = self.next().ok_or_else(|| {
            self.at -= 1;
            unterminated()
        })?;
        if delimiter == '\n' || delimiter == '\\' {
            return Err(unterminated());
        }
        let source = self.until(delimiter, true).ok_or_else(unterminated)?;
        let replacement = self.until(delimiter, false).ok_or_else(unterminated)?;
        let mut s = Substitute { pattern: None, parts: Vec::new(), global: false, print: false, number: 0, file: None };
        let mut flags = Flags { escapes: true, ..Flags::default() };
        loop {
            let c = self.peek();
            match c {
                Some('g') => {
                    if s.global {
                        self.at += 1;
                        return Err("multiple `g' options to `s' command".into());
                    }
                    s.global = true;
                }
                Some('p') => {
                    if s.print {
                        self.at += 1;
                        return Err("multiple `p' options to `s' command".into());
                    }
                    s.print = true;
                }
                Some('i' | 'I') => flags.ignore_case = true,
                Some('m' | 'M') => flags.multiline = true,
                Some('e') => {}
                Some('0'..='9') => {
                    let number = self.number().unwrap_or(0);
                    if number == 0 {
                        return Err("number option to `s' command may not be zero".into());
                    }
                    s.number = usize::try_from(number).unwrap_or(usize::MAX);
                    continue;
                }
                Some('w') => {
                    self.at += 1;
                    self.blanks();
                    let name = self.line();
                    if name.is_empty() {
                        return Err("missing filename in r/R/w/W commands".into());
                    }
                    s.file = Some(name);
                    break;
                }
                None | Some('}' | '#') => break,
                Some('\n' | ';') => {
                    self.at += 1;
                    break;
                }
                Some(c) if c.is_ascii_whitespace() => {}
                Some(_) => {
                    self.at += 1;
                    return Err("unknown option to `s'".into());
                }
            }
            self.at += 1;
        }
        if !source.is_empty() {
            s.pattern = Some(self.compile(&source, flags)?);
        }
        s.parts = parts(&replacement);
        let most =
            s.parts.iter().filter_map(|part| if let Part::Group(group) = part { Some(*group) } else { None }).max();
        if let (Some(most), Some(pattern)) = (most, &s.pattern)
            && most > pattern.groups
        {
            return Err(format!("invalid reference \\{most} on `s' command's RHS"));
        }
        Ok(s)
    }

    fn translate(&mut self) -> Result<Action> {
        let unterminated = || "unterminated `y' command".to_string();
        let delimiter = self.next().ok_or_else(unterminated)?;
        let from = self.until(delimiter, false).ok_or_else(unterminated)?;
        let to = self.until(delimiter, false).ok_or_else(unterminated)?;
        let plain = |text: &str| {
            let mut out = Vec::new();
            let mut chars = text.chars();
            while let Some(c) = chars.next() {
                out.push(match c {
                    '\\' => match chars.next() {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some('r') => '\r',
                        Some(other) => other,
                        None => '\\',
                    },
                    c => c,
                });
            }
            out
        };
        let (from, to) = (plain(&from), plain(&to));
        if from.len() != to.len() {
            return Err("strings for `y' command are different lengths".into());
        }
        self.end()?;
        Ok(Action::Translate(from.into_iter().zip(to).collect()))
    }

    /// The text of `a`, `i`, `c`, with its newline.
    fn text_argument(&mut self) -> Result<Vec<u8>> {
        self.blanks();
        match self.peek() {
            None => return Err("expected \\ after `a', `c' or `i'".into()),
            Some('\\') => {
                self.at += 1;
                let back = self.at;
                self.blanks();
                if self.peek() == Some('\n') {
                    self.at += 1;
                } else if self.peek().is_none() {
                    return Ok(Vec::new());
                } else {
                    // One line: `a\text`; blanks behind the backslash are kept.
                    self.at = back;
                }
            }
            Some('\n') => {
                self.at += 1;
                return Err("expected \\ after `a', `c' or `i'".into());
            }
            Some(_) => {}
        }
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '\n' => break,
                '\\' => match self.next() {
                    Some(next) => text.push(next),
                    None => break,
                },
                c => text.push(c),
            }
        }
        self.at = self.at.min(self.text.len());
        text.push('\n');
        Ok(crate::shell::text::encode(&text))
    }
}

fn parts(replacement: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut chars = replacement.chars().peekable();
    let flush = |text: &mut String, parts: &mut Vec<Part>| {
        if !text.is_empty() {
            parts.push(Part::Text(crate::shell::text::encode(text)));
            text.clear();
        }
    };
    while let Some(c) = chars.next() {
        if c == '&' {
            flush(&mut text, &mut parts);
            parts.push(Part::Group(0));
            continue;
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        let Some(next) = chars.next() else {
            text.push('\\');
            break;
        };
        let mut number = |base: u32, most: usize| {
            let (mut value, mut len) = (0, 0);
            while let Some(digit) = chars.peek().and_then(|c| c.to_digit(base)).filter(|_| len < most) {
                value = value * base + digit;
                chars.next();
                len += 1;
            }
            (len > 0).then(|| crate::shell::text::carrier(u8::try_from(value & 0xff).unwrap_or(0)))
        };
        match next {
            '0'..='9' => {
                flush(&mut text, &mut parts);
                parts.push(Part::Group(next.to_digit(10).and_then(|d| usize::try_from(d).ok()).unwrap_or(0)));
            }
            'U' | 'L' | 'u' | 'l' | 'E' => {
                flush(&mut text, &mut parts);
                parts.push(Part::Case(next));
            }
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'f' => text.push('\x0c'),
            'v' => text.push('\x0b'),
            'a' => text.push('\x07'),
            'x' => text.push(number(16, 2).unwrap_or('x')),
            'o' => text.push(number(8, 3).unwrap_or('o')),
            'd' => text.push(number(10, 3).unwrap_or('d')),
            other => text.push(other),
        }
    }
    flush(&mut text, &mut parts);
    parts
}
