//! The line editor of an interactive shell: what GNU readline does with the keys that people use, and the plain
//! cooked line that dash and ash have.

mod complete;
mod display;
mod prompt;

pub(super) use complete::{commands, files};
use display::{Display, Terminal};

use super::interp::{Dialect, Exec, Interp};
use super::kernel::Stop;
use super::text;
use super::tty::{Mode, Tty};

/// What came of asking for a line.
pub(super) enum Read {
    Line(String),
    /// ^C: the line is thrown away.
    Interrupted,
    /// ^D on an empty line, or nobody types any more.
    End,
}

/// Longest line that can be typed.
const LINE: usize = 64 * 1024;

/// Prompts and reads a line, without its newline.
pub(super) async fn read(shell: &mut Interp, prompt: &str) -> Exec<Read> {
    let terminal = shell.fds.get(&0).is_some_and(|open| open.is_tty());
    shell.print_error(prompt).await?;
    if !terminal {
        return Ok(match shell.read_line_of(0).await? {
            Some(line) => Read::Line(line.trim_end_matches('\n').to_string()),
            None => Read::End,
        });
    }
    if shell.dialect == Dialect::Dash {
        return Ok(match shell.read_line_of(0).await {
            Ok(Some(line)) => Read::Line(line.trim_end_matches('\n').to_string()),
            Ok(None) => Read::End,
            Err(super::interp::Flow::Stop(Stop::Interrupt)) => {
                shell.print_error("\n").await?;
                Read::Interrupted
            }
            Err(flow) => return Err(flow),
        });
    }
    shell.kernel().set_mode(Mode::Editing);
    let terminal = match shell.dialect {
        Dialect::Ash => Terminal::BusyBox,
        _ => Terminal::of(shell.vars.scalar("TERM").unwrap_or_default()),
    };
    let columns = shell.kernel().tty(|tty| tty.columns).unwrap_or_default();
    // readline shows nothing on a terminal that does not echo.
    let silent = shell.dialect == Dialect::Bash && shell.kernel().tty(|tty| tty.echoes()) == Some(false);
    let mut editor = Editor::new(Display::new(terminal, columns, prompt), prompt);
    editor.silent = silent;
    let result = editor.run(shell).await;
    shell.kernel().set_mode(Mode::Cooked { echo: true });
    result
}

struct Editor {
    display: Display,
    prompt: String,
    line: Vec<char>,
    at: usize,
    /// Position in the history: 0 is the line being typed.
    back: usize,
    typed: Vec<char>,
    killed: Vec<char>,
    pending: Vec<u8>,
    last_tab: bool,
    /// Nothing is shown of what is typed.
    silent: bool,
}

/// A key, as readline's default (emacs) bindings see it.
enum Key {
    Enter,
    Interrupt,
    EndOfFile,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    Delete,
    Rubout,
    KillLine,
    KillStart,
    KillWord,
    Yank,
    Clear,
    Tab,
    WordLeft,
    WordRight,
    Search,
    Swap,
    LastWord,
    KillForward,
    KillBack,
    None,
}

impl Editor {
    fn new(display: Display, prompt: &str) -> Self {
        Self {
            display,
            prompt: prompt.rsplit('\n').next().unwrap_or_default().to_owned(),
            line: Vec::new(),
            at: 0,
            back: 0,
            typed: Vec::new(),
            killed: Vec::new(),
            pending: Vec::new(),
            last_tab: false,
            silent: false,
        }
    }

    async fn run(mut self, shell: &mut Interp) -> Exec<Read> {
        loop {
            let Some(key) = self.key(shell).await? else { return Ok(Read::End) };
            let tab = matches!(key, Key::Tab);
            match key {
                Key::Enter => return self.accept(shell).await,
                Key::Interrupt => {
                    self.show(shell, "^C\n").await?;
                    return Ok(Read::Interrupted);
                }
                Key::EndOfFile if self.line.is_empty() => return Ok(Read::End),
                Key::Clear => {
                    let shown = self.display.redraw(&self.line, self.at);
                    self.show(shell, &shown).await?;
                }
                Key::Tab => self.complete(shell).await?,
                Key::Search => {
                    if let Some(read) = self.search(shell).await? {
                        return Ok(read);
                    }
                }
                key => {
                    if !self.edit(shell, &key) {
                        self.show(shell, "\x07").await?;
                    }
                }
            }
            self.refresh(shell).await?;
            self.last_tab = tab;
        }
    }

    async fn accept(&mut self, shell: &Interp) -> Exec<Read> {
        self.refresh(shell).await?;
        let shown = self.display.finish();
        self.show(shell, &(shown + "\n")).await?;
        Ok(Read::Line(self.line.iter().collect()))
    }

    /// Changes the line; `false` when there is nothing to change, which rings the bell.
    fn edit(&mut self, shell: &Interp, key: &Key) -> bool {
        let (at, len) = (self.at, self.line.len());
        match key {
            Key::EndOfFile | Key::Delete if at < len => {
                self.line.remove(at);
            }
            Key::Rubout if at > 0 => {
                self.at -= 1;
                self.line.remove(self.at);
            }
            Key::Left if at > 0 => self.at -= 1,
            Key::Right if at < len => self.at += 1,
            Key::Home => self.at = 0,
            Key::End => self.at = len,
            Key::WordLeft => self.at = self.word_start(),
            Key::WordRight => self.at = self.word_end(),
            Key::Up => return self.history(shell, self.back + 1),
            Key::Down if self.back > 0 => return self.history(shell, self.back - 1),
            Key::KillLine => self.kill(at, len),
            Key::KillStart => self.kill(0, at),
            Key::KillWord => self.kill(self.blank_word_start(), at),
            Key::KillBack => self.kill(self.word_start(), at),
            Key::KillForward => self.kill(at, self.word_end()),
            Key::Yank => {
                let killed = self.killed.clone();
                self.insert(&killed);
            }
            Key::Swap if at > 0 && len > 1 => {
                let second = at.min(len - 1);
                self.line.swap(second - 1, second);
                self.at = second + 1;
            }
            Key::LastWord => {
                let last = shell.history.all().next_back().map(|(_, line)| line.to_owned());
                let Some(word) = last.as_deref().and_then(|line| line.split_whitespace().last()) else { return false };
                self.insert(&word.chars().collect::<Vec<char>>());
            }
            Key::None => {}
            _ => return false,
        }
        true
    }

    fn kill(&mut self, from: usize, to: usize) {
        let killed: Vec<char> = self.line.drain(from..to).collect();
        if !killed.is_empty() {
            self.killed = killed;
        }
        self.at = from;
    }

    fn insert(&mut self, chars: &[char]) {
        let room = LINE.saturating_sub(self.line.len());
        let chars = chars.get(..room.min(chars.len())).unwrap_or_default();
        self.line.splice(self.at..self.at, chars.iter().copied());
        self.at += chars.len();
    }

    fn history(&mut self, shell: &Interp, back: usize) -> bool {
        let line = match back {
            0 => Some(self.typed.clone()),
            back => shell.history.all().rev().nth(back - 1).map(|(_, line)| line.chars().collect()),
        };
        let Some(line) = line else { return shell.history.len() == 0 };
        if self.back == 0 {
            self.typed.clone_from(&self.line);
        }
        self.back = back;
        self.line = line;
        self.at = self.line.len();
        true
    }

    /// ^R: looks for what is typed in earlier lines, backwards. `Some` when the line was accepted or given up.
    async fn search(&mut self, shell: &mut Interp) -> Exec<Option<Read>> {
        let kept = (self.line.clone(), self.at);
        let (mut wanted, mut from, mut failed) = (String::new(), 0, false);
        loop {
            let how = if failed { "failed reverse-i-search" } else { "reverse-i-search" };
            self.display.set_prompt(&format!("({how})`{wanted}': "));
            self.refresh(shell).await?;
            let Some(byte) = self.byte(shell).await? else { return Ok(Some(Read::End)) };
            let next = match byte {
                18 => from + 1,
                8 | 127 => {
                    wanted.pop();
                    0
                }
                b' '..=b'~' if wanted.len() < 256 => {
                    wanted.push(char::from(byte));
                    from
                }
                3 | 7 => {
                    self.display.set_prompt(&self.prompt);
                    (self.line, self.at) = kept;
                    if byte == 3 {
                        self.show(shell, "^C\n").await?;
                        return Ok(Some(Read::Interrupted));
                    }
                    return Ok(None);
                }
                _ => {
                    self.display.set_prompt(&self.prompt);
                    if byte == b'\r' || byte == b'\n' {
                        return self.accept(shell).await.map(Some);
                    }
                    // The key that ends the search does what it does elsewhere.
                    if byte != 27 {
                        self.pending.insert(0, byte);
                    }
                    return Ok(None);
                }
            };
            let found = shell.history.all().rev().enumerate().skip(next).find(|(_, (_, line))| line.contains(&wanted));
            failed = !wanted.is_empty() && found.is_none();
            if let (Some((back, (_, line))), false) = (found, wanted.is_empty()) {
                from = back;
                self.at = line.find(&wanted).map_or(0, |byte| line.get(..byte).unwrap_or_default().chars().count());
                self.line = line.chars().collect();
            } else if failed {
                self.show(shell, "\x07").await?;
            }
        }
    }

    async fn show(&self, shell: &Interp, text: &str) -> Result<(), Stop> {
        if text.is_empty() || self.silent && text != "^C\n" {
            return Ok(());
        }
        shell.kernel().write_console(&text::encode(text), true).await
    }

    /// Shows the line as it is now.
    async fn refresh(&mut self, shell: &Interp) -> Exec<()> {
        let shown = self.display.update(&self.line, self.at);
        self.show(shell, &shown).await?;
        Ok(())
    }

    async fn key(&mut self, shell: &Interp) -> Exec<Option<Key>> {
        let Some(byte) = self.byte(shell).await? else { return Ok(None) };
        Ok(Some(match byte {
            b'\r' | b'\n' => Key::Enter,
            1 => Key::Home,
            2 => Key::Left,
            3 => Key::Interrupt,
            4 => Key::EndOfFile,
            5 => Key::End,
            6 => Key::Right,
            8 | 127 => Key::Rubout,
            9 => Key::Tab,
            11 => Key::KillLine,
            12 => Key::Clear,
            14 => Key::Down,
            16 => Key::Up,
            18 => Key::Search,
            20 => Key::Swap,
            21 => Key::KillStart,
            23 => Key::KillWord,
            25 => Key::Yank,
            27 => self.escape(shell).await?,
            0..=31 => Key::None,
            32..=126 => {
                // What was typed at once is shown at once.
                let more = shell.kernel().tty(Tty::take_plain).unwrap_or_default();
                let chars: Vec<char> = [byte].into_iter().chain(more).map(char::from).collect();
                self.insert(&chars);
                Key::None
            }
            _ => {
                let needed = match byte {
                    0xC2..=0xDF => 2,
                    0xE0..=0xEF => 3,
                    0xF0..=0xF4 => 4,
                    _ => 1,
                };
                let mut bytes = vec![byte];
                while bytes.len() < needed && self.pending.first().is_some_and(|next| next & 0xC0 == 0x80) {
                    bytes.extend(self.byte(shell).await?);
                }
                let decoded = text::decode(&bytes);
                let mut chars = decoded.chars();
                let first = chars.next().unwrap_or('?');
                let rest: Vec<char> = chars.collect();
                self.insert(&[&[first], rest.as_slice()].concat());
                Key::None
            }
        }))
    }

    async fn escape(&mut self, shell: &Interp) -> Exec<Key> {
        let Some(next) = self.byte(shell).await? else { return Ok(Key::None) };
        if next != b'[' && next != b'O' {
            return Ok(match next {
                b'b' => Key::WordLeft,
                b'f' => Key::WordRight,
                b'd' => Key::KillForward,
                b'.' | b'_' => Key::LastWord,
                8 | 127 => Key::KillBack,
                _ => Key::None,
            });
        }
        let mut digits = String::new();
        loop {
            let Some(byte) = self.byte(shell).await? else { return Ok(Key::None) };
            match byte {
                b'0'..=b'9' | b';' if digits.len() < 16 => digits.push(char::from(byte)),
                b'A' => return Ok(Key::Up),
                b'B' => return Ok(Key::Down),
                b'C' if digits.is_empty() => return Ok(Key::Right),
                b'D' if digits.is_empty() => return Ok(Key::Left),
                b'C' => return Ok(Key::WordRight),
                b'D' => return Ok(Key::WordLeft),
                b'H' => return Ok(Key::Home),
                b'F' => return Ok(Key::End),
                b'~' => {
                    return Ok(match digits.as_str() {
                        "1" | "7" => Key::Home,
                        "4" | "8" => Key::End,
                        "3" => Key::Delete,
                        _ => Key::None,
                    });
                }
                _ => return Ok(Key::None),
            }
        }
    }

    async fn byte(&mut self, shell: &Interp) -> Exec<Option<u8>> {
        if self.pending.is_empty() {
            // One line at a time: what follows is for whoever reads next.
            self.pending = shell.kernel().read_console(1).await?;
        }
        if self.pending.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.pending.remove(0)))
    }

    fn word_start(&self) -> usize {
        let mut at = self.at;
        while at > 0 && self.line.get(at - 1).is_some_and(|c| !c.is_alphanumeric()) {
            at -= 1;
        }
        while at > 0 && self.line.get(at - 1).is_some_and(|c| c.is_alphanumeric()) {
            at -= 1;
        }
        at
    }

    fn word_end(&self) -> usize {
        let mut at = self.at;
        while self.line.get(at).is_some_and(|c| !c.is_alphanumeric()) {
            at += 1;
        }
        while self.line.get(at).is_some_and(|c| c.is_alphanumeric()) {
            at += 1;
        }
        at
    }

    fn blank_word_start(&self) -> usize {
        let mut at = self.at;
        while at > 0 && self.line.get(at - 1) == Some(&' ') {
            at -= 1;
        }
        while at > 0 && self.line.get(at - 1).is_some_and(|c| *c != ' ') {
            at -= 1;
        }
        at
    }
}
