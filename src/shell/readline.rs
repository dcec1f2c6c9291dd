//! The line editor of an interactive shell: what GNU readline does with the keys that people use, and the plain
//! cooked line that dash and ash have.

use super::interp::{Dialect, Exec, Interp};
use super::kernel::Stop;
use super::tty::Mode;
use super::{program, text};
use crate::world::{FileKind, name};

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
    shell.kernel().set_mode(Mode::Raw);
    let dumb = shell.vars.scalar("TERM").is_none_or(|term| {
        !["xterm", "linux", "vt", "screen", "tmux", "ansi", "rxvt"].iter().any(|known| term.starts_with(known))
    });
    let result = Editor::new(prompt, dumb).run(shell).await;
    shell.kernel().set_mode(Mode::Cooked { echo: true });
    result
}

struct Editor {
    prompt: String,
    line: Vec<char>,
    at: usize,
    /// Position in the history: 0 is the line being typed.
    back: usize,
    typed: Vec<char>,
    killed: Vec<char>,
    pending: Vec<u8>,
    last_tab: bool,
    /// The terminal type is unknown: what goes is overwritten with blanks.
    dumb: bool,
}

/// A key, as readline's default (emacs) bindings see it.
enum Key {
    Char(char),
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
    None,
}

impl Editor {
    fn new(prompt: &str, dumb: bool) -> Self {
        let last = prompt.rsplit('\n').next().unwrap_or_default();
        Self {
            prompt: last.to_string(),
            line: Vec::new(),
            at: 0,
            back: 0,
            typed: Vec::new(),
            killed: Vec::new(),
            pending: Vec::new(),
            last_tab: false,
            dumb,
        }
    }

    async fn run(mut self, shell: &mut Interp) -> Exec<Read> {
        loop {
            let key = match self.key(shell).await? {
                Some(key) => key,
                None => return Ok(Read::End),
            };
            let tab = matches!(key, Key::Tab);
            match key {
                Key::Enter => {
                    self.show(shell, "\n").await?;
                    return Ok(Read::Line(self.line.iter().collect()));
                }
                Key::Interrupt => {
                    self.show(shell, "^C\n").await?;
                    return Ok(Read::Interrupted);
                }
                Key::EndOfFile if self.line.is_empty() => return Ok(Read::End),
                Key::EndOfFile | Key::Delete => self.delete(shell).await?,
                Key::Char(c) => self.insert(shell, &[c]).await?,
                Key::Left if self.at > 0 => {
                    self.at -= 1;
                    self.show(shell, "\x08").await?;
                }
                Key::Right if self.at < self.line.len() => {
                    let c: String = self.line.get(self.at).into_iter().collect();
                    self.at += 1;
                    self.show(shell, &c).await?;
                }
                Key::Home => self.move_to(shell, 0).await?,
                Key::End => self.move_to(shell, self.line.len()).await?,
                Key::WordLeft => {
                    let at = self.word_start();
                    self.move_to(shell, at).await?;
                }
                Key::WordRight => {
                    let at = self.word_end();
                    self.move_to(shell, at).await?;
                }
                Key::Up => self.history(shell, self.back + 1).await?,
                Key::Down if self.back > 0 => self.history(shell, self.back - 1).await?,
                Key::Rubout => self.rubout(shell).await?,
                Key::KillLine => {
                    self.killed = self.line.split_off(self.at);
                    let gone = self.clear(self.killed.len());
                    self.show(shell, &gone).await?;
                }
                Key::KillStart => {
                    let rest = self.line.split_off(self.at);
                    self.killed = std::mem::replace(&mut self.line, rest);
                    self.at = 0;
                    self.shrunk(shell, self.killed.len()).await?;
                }
                Key::KillWord => {
                    let from = self.blank_word_start();
                    self.killed = self.line.drain(from..self.at).collect();
                    self.at = from;
                    self.shrunk(shell, self.killed.len()).await?;
                }
                Key::Yank => {
                    let killed = self.killed.clone();
                    self.insert(shell, &killed).await?;
                }
                Key::Clear => {
                    self.raw(shell, "\x1b[H\x1b[2J");
                    self.redraw(shell).await?;
                }
                Key::Tab => self.complete(shell).await?,
                Key::Search | Key::Left | Key::Right | Key::Down | Key::None => {}
            }
            self.last_tab = tab;
        }
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
            21 => Key::KillStart,
            23 => Key::KillWord,
            25 => Key::Yank,
            27 => self.escape(shell).await?,
            0..=31 => Key::None,
            32..=126 => Key::Char(char::from(byte)),
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
                if !rest.is_empty() {
                    self.insert(shell, &[first]).await?;
                    let (last, middle) = rest.split_last().unwrap_or((&'?', &[]));
                    self.insert(shell, middle).await?;
                    return Ok(Some(Key::Char(*last)));
                }
                Key::Char(first)
            }
        }))
    }

    async fn escape(&mut self, shell: &Interp) -> Exec<Key> {
        let Some(next) = self.byte(shell).await? else { return Ok(Key::None) };
        if next != b'[' && next != b'O' {
            return Ok(match next {
                b'b' => Key::WordLeft,
                b'f' => Key::WordRight,
                127 => Key::KillWord,
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

    async fn show(&self, shell: &Interp, text: &str) -> Result<(), Stop> {
        shell.kernel().write_console(&text::encode(text), true).await
    }

    fn raw(&self, shell: &Interp, bytes: &str) {
        shell.kernel().tty(|tty| tty.print_raw(bytes.as_bytes()));
    }

    async fn insert(&mut self, shell: &Interp, chars: &[char]) -> Exec<()> {
        if self.line.len() + chars.len() > LINE {
            return Ok(());
        }
        let tail: Vec<char> = self.line.split_off(self.at);
        self.line.extend(chars);
        self.at = self.line.len();
        self.line.extend(&tail);
        let mut shown: String = chars.iter().collect();
        shown.extend(&tail);
        shown.push_str(&"\x08".repeat(tail.len()));
        self.show(shell, &shown).await?;
        Ok(())
    }

    /// What takes away that many characters from the cursor on; the cursor stays.
    fn clear(&self, count: usize) -> String {
        if count == 0 {
            String::new()
        } else if self.dumb {
            " ".repeat(count) + &"\x08".repeat(count)
        } else {
            "\x1b[K".into()
        }
    }

    /// The line has lost that many characters before the cursor: shows what is left.
    async fn shrunk(&self, shell: &Interp, gone: usize) -> Exec<()> {
        let tail: String = self.line.get(self.at..).unwrap_or_default().iter().collect();
        let back = "\x08".repeat(tail.chars().count());
        let text = format!("{}{tail}{}{back}", "\x08".repeat(gone), self.clear(gone));
        self.show(shell, &text).await?;
        Ok(())
    }

    async fn rubout(&mut self, shell: &Interp) -> Exec<()> {
        if self.at == 0 {
            self.show(shell, "\x07").await?;
            return Ok(());
        }
        self.at -= 1;
        self.line.remove(self.at);
        self.shrunk(shell, 1).await
    }

    async fn delete(&mut self, shell: &Interp) -> Exec<()> {
        if self.at < self.line.len() {
            self.line.remove(self.at);
            self.shrunk_after(shell).await?;
        }
        Ok(())
    }

    /// The line has lost the character at the cursor: shows what is left.
    async fn shrunk_after(&self, shell: &Interp) -> Exec<()> {
        if self.dumb {
            let tail: String = self.line.get(self.at..).unwrap_or_default().iter().collect();
            let back = "\x08".repeat(tail.chars().count() + 1);
            self.show(shell, &format!("{tail} {back}")).await?;
        } else {
            let tail: String = self.line.get(self.at..).unwrap_or_default().iter().collect();
            let back = "\x08".repeat(tail.chars().count());
            self.show(shell, &format!("{tail}\x1b[K{back}")).await?;
        }
        Ok(())
    }

    async fn move_to(&mut self, shell: &Interp, at: usize) -> Exec<()> {
        let text = if at < self.at {
            "\x08".repeat(self.at - at)
        } else {
            self.line.get(self.at..at).unwrap_or_default().iter().collect()
        };
        self.at = at;
        self.show(shell, &text).await?;
        Ok(())
    }

    async fn redraw(&mut self, shell: &Interp) -> Exec<()> {
        let whole: String = self.line.iter().collect();
        let back = "\x08".repeat(self.line.len() - self.at.min(self.line.len()));
        self.show(shell, &format!("\r{}{whole}{back}", self.prompt)).await?;
        Ok(())
    }

    async fn history(&mut self, shell: &Interp, back: usize) -> Exec<()> {
        let line = match back {
            0 => Some(self.typed.clone()),
            back => shell.history.all().rev().nth(back - 1).map(|(_, line)| line.chars().collect()),
        };
        let Some(line) = line else {
            self.show(shell, "\x07").await?;
            return Ok(());
        };
        if self.back == 0 {
            self.typed.clone_from(&self.line);
        }
        self.back = back;
        let old = self.line.len();
        let erase = "\x08".repeat(self.at);
        self.line = line;
        self.at = self.line.len();
        let new: String = self.line.iter().collect();
        let clear = self.clear(old.saturating_sub(self.line.len()));
        self.show(shell, &format!("{erase}{new}{clear}")).await?;
        Ok(())
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

    /// Tab: what the word can become; a second Tab lists it.
    async fn complete(&mut self, shell: &Interp) -> Exec<()> {
        let from = self.blank_word_start();
        let word: String = self.line.get(from..self.at).unwrap_or_default().iter().collect();
        let before: String = self.line.get(..from).unwrap_or_default().iter().collect();
        let first = before.trim().is_empty() || before.trim_end().ends_with(['|', ';', '&', '(']);
        let candidates: Vec<(String, bool)> = if first && !word.contains('/') {
            commands(shell, &word).into_iter().map(|name| (name, false)).collect()
        } else {
            files(shell, &word)
        };
        let Some((shortest, _)) = candidates.first() else {
            self.show(shell, "\x07").await?;
            return Ok(());
        };
        let stem = word.rsplit('/').next().unwrap_or_default().chars().count();
        let mut common: Vec<char> = shortest.chars().collect();
        for (other, _) in &candidates {
            let same = common.iter().zip(other.chars()).take_while(|(a, b)| **a == *b).count();
            common.truncate(same);
        }
        let mut addition: Vec<char> = common.get(stem..).unwrap_or_default().to_vec();
        if let [(_, folder)] = candidates.as_slice() {
            addition.push(if *folder { '/' } else { ' ' });
        }
        if !addition.is_empty() {
            return self.insert(shell, &addition).await;
        }
        if !self.last_tab {
            self.show(shell, "\x07").await?;
            return Ok(());
        }
        let width = candidates.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + 2;
        let columns = shell.kernel().tty(|tty| tty.columns).unwrap_or(80).max(1);
        let per_row = (columns / width).max(1);
        let rows = candidates.len().div_ceil(per_row);
        let mut out = String::from("\n");
        for row in 0..rows.min(200) {
            for column in 0..per_row {
                let Some((name, folder)) = candidates.get(column * rows + row) else { continue };
                let shown = if *folder { format!("{name}/") } else { name.clone() };
                out.push_str(&format!("{shown:<width$}"));
            }
            out.truncate(out.trim_end_matches(' ').len() + 2);
            out.push('\n');
        }
        self.show(shell, &out).await?;
        let whole: String = self.line.iter().collect();
        self.show(shell, &format!("{}{whole}", self.prompt)).await?;
        Ok(())
    }
}

/// Commands that begin like `word`: builtins, functions, aliases, programs along `PATH`.
pub(super) fn commands(shell: &Interp, word: &str) -> Vec<String> {
    let mut found: Vec<String> = shell.functions.keys().chain(shell.aliases.keys()).cloned().collect();
    found.extend(super::builtins::all_names().map(str::to_string));
    let path = shell.vars.scalar("PATH").unwrap_or_default().to_string();
    for folder in path.split(':') {
        let Ok(entries) = shell.kernel().host.list(shell.who(), folder.as_bytes()) else { continue };
        found.extend(entries.into_iter().map(|(name, _)| text::decode(&name)).filter(|name| name.starts_with(word)));
    }
    found.retain(|name| name.starts_with(word));
    found.sort_unstable();
    found.dedup();
    found
}

/// Files that begin like `word`, by their last part, and whether they are folders.
pub(super) fn files(shell: &Interp, word: &str) -> Vec<(String, bool)> {
    let (folder, stem) = match word.rsplit_once('/') {
        Some((folder, stem)) => (format!("{folder}/"), stem),
        None => (".".to_string(), word),
    };
    let home = shell.vars.scalar("HOME").unwrap_or_default();
    let folder = match folder.strip_prefix("~/") {
        Some(rest) => format!("{home}/{rest}"),
        None => folder,
    };
    let place = program::join(&shell.cwd, &folder);
    let Ok(entries) = shell.kernel().host.list(shell.who(), &place) else { return Vec::new() };
    entries
        .into_iter()
        .map(|(name, stat)| (text::decode(&name), stat.kind == FileKind::Folder))
        .filter(|(name, _)| name.starts_with(stem) && (stem.starts_with('.') || !name.starts_with('.')))
        .collect()
}

impl Interp {
    /// `PS1`: backslash escapes, then expansions.
    pub(super) async fn prompt(&mut self, source: &str) -> Exec<String> {
        if self.dialect == Dialect::Dash {
            return self.prompt_expand(source).await;
        }
        let mut out = String::new();
        let mut chars = source.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            let host = self.hostname.clone();
            match chars.next() {
                Some('u') => {
                    let user = self.kernel().host.user(self.who().uid);
                    out.push_str(&user.map_or_else(|| "I have no name!".to_string(), |user| user.name));
                }
                Some('h') => out.push_str(host.split('.').next().unwrap_or_default()),
                Some('H') => out.push_str(&host),
                Some(which @ ('w' | 'W')) => {
                    let cwd = text::decode(&self.cwd);
                    let home = self.vars.scalar("HOME").unwrap_or_default();
                    let shown = match cwd.strip_prefix(home) {
                        Some(rest) if !home.is_empty() && (rest.is_empty() || rest.starts_with('/')) => {
                            format!("~{rest}")
                        }
                        _ => cwd.clone(),
                    };
                    if which == 'w' || shown == "~" || shown == "/" {
                        out.push_str(&shown);
                    } else {
                        out.push_str(&text::decode(name(&self.cwd)));
                    }
                }
                Some('$') => out.push_str(if self.who().uid == 0 { "#" } else { "\\$" }),
                Some('s') => out.push_str(self.name0.rsplit('/').next().unwrap_or_default()),
                Some(which @ ('v' | 'V')) => {
                    let version = &self.kernel().host.persona().bash_version;
                    let short = version.rsplit_once('.').map_or(version.as_str(), |(short, _)| short);
                    out.push_str(if which == 'v' { short } else { version });
                }
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('a') => out.push('\x07'),
                Some('e') => out.push('\x1b'),
                Some('[' | ']') => {}
                Some('!') => out.push_str(&(self.history.len() + 1).to_string()),
                Some('#') => out.push_str(&(self.history.len() + 1).to_string()),
                Some('j') => out.push_str(&self.jobs.all().len().to_string()),
                Some('l') => out.push_str(&self.spec.tty.map(|tty| tty.to_string()).unwrap_or_default()),
                Some('t') => out.push_str(&crate::base::clock::now().strftime("%H:%M:%S").to_string()),
                Some('T') => out.push_str(&crate::base::clock::now().strftime("%I:%M:%S").to_string()),
                Some('@') => out.push_str(&crate::base::clock::now().strftime("%I:%M %p").to_string()),
                Some('A') => out.push_str(&crate::base::clock::now().strftime("%H:%M").to_string()),
                Some('d') => out.push_str(&crate::base::clock::now().strftime("%a %b %d").to_string()),
                Some('0') => {
                    let digits: String = chars.clone().take_while(char::is_ascii_digit).take(2).collect();
                    for _ in 0..digits.len() {
                        chars.next();
                    }
                    out.extend(u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32));
                }
                Some('\\') => out.push_str("\\\\"),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            }
        }
        self.prompt_expand(&out).await
    }
}
