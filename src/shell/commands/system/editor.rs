//! `vi` and `nano`: enough of an editor to open, look, type, save, leave.

use super::common::decode;
use super::screen::Screen;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;

/// The text being edited.
struct Buffer {
    name: String,
    lines: Vec<String>,
    row: usize,
    column: usize,
    top: usize,
    changed: bool,
    new: bool,
}

/// Most characters of a line and lines of a text.
const MOST: usize = 100_000;

impl Buffer {
    fn load(c: &Cmd, name: &str) -> Result<Self, &'static str> {
        let read = if name.is_empty() { Err(crate::world::Errno::ENOENT) } else { c.read_file(name) };
        let (content, new) = match read {
            Ok(bytes) => (decode(&bytes), false),
            Err(crate::world::Errno::ENOENT) => (String::new(), true),
            Err(errno) => return Err(errno.text()),
        };
        let mut lines: Vec<String> = content.lines().take(MOST).map(str::to_string).collect();
        if lines.is_empty() {
            lines.push(String::new());
        }
        Ok(Self { name: name.into(), lines, row: 0, column: 0, top: 0, changed: false, new })
    }

    fn text(&self) -> String {
        if self.lines.len() == 1 && self.lines.first().is_some_and(String::is_empty) {
            return String::new();
        }
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn save(&mut self, c: &mut Cmd, name: &str) -> Result<String, &'static str> {
        let content = text::encode(&self.text());
        c.write_file(name, &content).map_err(crate::world::Errno::text)?;
        let new = if self.new { " [New]" } else { "" };
        self.changed = false;
        self.new = false;
        let lines = if content.is_empty() { 0 } else { self.lines.len() };
        Ok(format!("\"{name}\"{new} {lines}L, {}C written", content.len()))
    }

    fn line(&self) -> &str {
        self.lines.get(self.row).map_or("", String::as_str)
    }

    fn len(&self) -> usize {
        self.line().chars().count()
    }

    fn byte(&self, column: usize) -> usize {
        self.line().char_indices().nth(column).map_or(self.line().len(), |(at, _)| at)
    }

    fn insert(&mut self, c: char) {
        let at = self.byte(self.column);
        if let Some(line) = self.lines.get_mut(self.row).filter(|line| line.len() < MOST) {
            line.insert(at, c);
            self.column += 1;
            self.changed = true;
        }
    }

    fn split(&mut self) {
        let at = self.byte(self.column);
        if self.lines.len() >= MOST {
            return;
        }
        let rest = self.lines.get_mut(self.row).map(|line| line.split_off(at)).unwrap_or_default();
        self.lines.insert((self.row + 1).min(self.lines.len()), rest);
        self.row += 1;
        self.column = 0;
        self.changed = true;
    }

    fn rub_out(&mut self) {
        self.changed = true;
        if self.column > 0 {
            self.column -= 1;
            self.delete();
        } else if self.row > 0 {
            let line = self.lines.remove(self.row.min(self.lines.len().saturating_sub(1)));
            self.row -= 1;
            self.column = self.len();
            if let Some(above) = self.lines.get_mut(self.row) {
                above.push_str(&line);
            }
        }
    }

    fn delete(&mut self) {
        let at = self.byte(self.column);
        if let Some(line) = self.lines.get_mut(self.row).filter(|line| at < line.len()) {
            line.remove(at);
            self.changed = true;
        }
    }

    fn delete_line(&mut self) {
        if self.row < self.lines.len() {
            self.lines.remove(self.row);
        }
        if self.lines.is_empty() {
            self.lines.push(String::new());
        }
        self.row = self.row.min(self.lines.len() - 1);
        self.column = 0;
        self.changed = true;
    }

    fn step(&mut self, down: i64, right: i64) {
        let clamp = |at: usize, by: i64, most: usize| {
            usize::try_from((i64::try_from(at).unwrap_or(0) + by).max(0)).unwrap_or(0).min(most)
        };
        self.row = clamp(self.row, down, self.lines.len().saturating_sub(1));
        self.column = clamp(self.column, right, self.len());
    }

    /// The lines on the screen.
    fn view(&mut self, rows: usize, columns: usize, filler: &str) -> String {
        if self.row < self.top {
            self.top = self.row;
        } else if self.row >= self.top + rows {
            self.top = self.row + 1 - rows;
        }
        let mut shown = String::new();
        for at in self.top..self.top + rows {
            let line: String = self.lines.get(at).map_or(filler, String::as_str).chars().take(columns).collect();
            shown.push_str(&format!("{}\x1b[K\r\n", line.replace('\t', "        ").replace('\x1b', "^[")));
        }
        shown
    }
}

pub(super) async fn vi(c: &mut Cmd) -> Result<i32, Stop> {
    let name = c.args.iter().find(|arg| !arg.starts_with(['-', '+'])).cloned().unwrap_or_default();
    if !c.is_tty(1) {
        c.err("Vim: Warning: Output is not to a terminal\n");
    }
    if !c.is_tty(0) {
        c.err("Vim: Warning: Input is not from a terminal\n");
        let _ = c.read_all().await?;
        c.err("Vim: Error reading input, exiting...\nVim: Finished.\n");
        return Ok(1);
    }
    let mut buffer = match Buffer::load(c, &name) {
        Ok(buffer) => buffer,
        Err(error) => {
            c.err(&format!("\"{name}\" [{error}]\n"));
            return Ok(1);
        }
    };
    let mut screen = Screen::open(c).await?;
    let mut message = match (name.is_empty(), buffer.new) {
        (true, _) => String::new(),
        (_, true) => format!("\"{name}\" [New File]"),
        _ => format!("\"{name}\" {}L, {}C", buffer.lines.len(), buffer.text().len()),
    };
    screen.print(c, "\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\x1b[H\x1b[2J").await?;
    let mut inserting = false;
    let mut pending = ' ';
    let mut command: Option<String> = None;
    let status = loop {
        let (rows, columns) = screen.size(c);
        let body = buffer.view(rows - 1, columns, "~");
        let foot = match (&command, inserting) {
            (Some(command), _) => command.clone(),
            (None, true) => "-- INSERT --".into(),
            _ => message.clone(),
        };
        let foot: String = foot.chars().take(columns - 1).collect();
        let (row, column) = match &command {
            Some(command) => (rows, command.chars().count() + 1),
            None => (buffer.row - buffer.top + 1, buffer.column + 1),
        };
        screen.print(c, &format!("\x1b[?25l\x1b[H{body}{foot}\x1b[K\x1b[{row};{column}H\x1b[?25h")).await?;
        let Some(key) = screen.key(c).await? else { break 1 };
        if let Some(mut line) = command.take() {
            match key {
                27 => {}
                b'\r' | b'\n' => match vi_command(c, &mut buffer, &line) {
                    Ok(Some(status)) => break status,
                    Ok(None) => message = String::new(),
                    Err(text) => message = text,
                },
                8 | 127 => {
                    line.pop();
                    if !line.is_empty() {
                        command = Some(line);
                    }
                }
                key if key >= 32 && line.len() < 1000 => {
                    line.push(char::from(key));
                    command = Some(line);
                }
                _ => command = Some(line),
            }
            continue;
        }
        if key == 27 {
            // Arrow keys begin so too.
            match screen.key_within(c, std::time::Duration::from_millis(40)).await? {
                Some(b'[' | b'O') => match screen.key(c).await? {
                    Some(b'A') => buffer.step(-1, 0),
                    Some(b'B') => buffer.step(1, 0),
                    Some(b'C') => buffer.step(0, 1),
                    Some(b'D') => buffer.step(0, -1),
                    _ => {}
                },
                Some(b':') => {
                    inserting = false;
                    command = Some(":".into());
                }
                _ => inserting = false,
            }
            message = String::new();
            continue;
        }
        if inserting {
            match key {
                b'\r' | b'\n' => buffer.split(),
                8 | 127 => buffer.rub_out(),
                3 => inserting = false,
                9 => buffer.insert('\t'),
                key if key >= 32 => buffer.insert(letter(c, &mut screen, key).await?),
                _ => {}
            }
            continue;
        }
        let before = std::mem::replace(&mut pending, ' ');
        match (before, key) {
            ('d', b'd') => buffer.delete_line(),
            ('Z', b'Z') => match buffer.changed {
                true => match vi_command(c, &mut buffer, ":wq") {
                    Ok(Some(status)) => break status,
                    Ok(None) => {}
                    Err(text) => message = text,
                },
                false => break 0,
            },
            ('Z', b'Q') => break 0,
            ('g', b'g') => (buffer.row, buffer.column) = (0, 0),
            (_, b'd' | b'Z' | b'g' | b'y') => pending = char::from(key),
            (_, b':' | b'/') => command = Some(char::from(key).to_string()),
            (_, b'i') => inserting = true,
            (_, b'a') => {
                buffer.step(0, 1);
                inserting = true;
            }
            (_, b'A') => {
                buffer.column = buffer.len();
                inserting = true;
            }
            (_, b'I') => {
                buffer.column = 0;
                inserting = true;
            }
            (_, b'o') => {
                buffer.column = buffer.len();
                buffer.split();
                inserting = true;
            }
            (_, b'O') => {
                buffer.column = 0;
                buffer.split();
                buffer.step(-1, 0);
                inserting = true;
            }
            (_, b'x') => buffer.delete(),
            (_, b'h' | 8 | 127) => buffer.step(0, -1),
            (_, b'l' | b' ') => buffer.step(0, 1),
            (_, b'j' | b'\r' | b'\n') => buffer.step(1, 0),
            (_, b'k') => buffer.step(-1, 0),
            (_, b'0' | b'^') => buffer.column = 0,
            (_, b'$') => buffer.column = buffer.len().saturating_sub(1),
            (_, b'G') => buffer.step(i64::MAX / 4, 0),
            (_, 6) => buffer.step(i64::try_from(rows).unwrap_or(20) - 2, 0),
            (_, 2) => buffer.step(2 - i64::try_from(rows).unwrap_or(20), 0),
            (_, 3) => message = "Type  :qa  and press <Enter> to exit Vim".into(),
            _ => {}
        }
    };
    let (rows, _) = screen.size(c);
    screen.print(c, &format!("\x1b[{rows};1H\x1b[K\x1b[?1l\x1b>\x1b[?1049l\x1b[23;0;0t")).await?;
    screen.close(c);
    Ok(status)
}

/// A character of several bytes.
async fn letter(c: &mut Cmd, screen: &mut Screen, first: u8) -> Result<char, Stop> {
    let more = match first {
        0xC2..=0xDF => 1,
        0xE0..=0xEF => 2,
        0xF0..=0xF4 => 3,
        _ => 0,
    };
    let mut bytes = vec![first];
    for _ in 0..more {
        bytes.extend(screen.key(c).await?);
    }
    Ok(decode(&bytes).chars().next().unwrap_or('?'))
}

/// `:wq` and its kin; `Some` ends the editor.
fn vi_command(c: &mut Cmd, buffer: &mut Buffer, line: &str) -> Result<Option<i32>, String> {
    let Some(line) = line.strip_prefix(':') else {
        let pattern = line.trim_start_matches('/');
        let after = buffer.lines.iter().enumerate().skip(buffer.row + 1).find(|(_, line)| line.contains(pattern));
        let found = after
            .or_else(|| buffer.lines.iter().enumerate().find(|(_, line)| line.contains(pattern)))
            .map(|(at, _)| at);
        return match found {
            Some(at) => {
                (buffer.row, buffer.column) = (at, 0);
                Ok(None)
            }
            None => Err(format!("E486: Pattern not found: {pattern}")),
        };
    };
    if let Ok(number) = line.parse::<usize>() {
        buffer.row = number.saturating_sub(1).min(buffer.lines.len() - 1);
        return Ok(None);
    }
    let (verb, name) = line.split_once(' ').map_or((line, ""), |(verb, name)| (verb, name.trim()));
    let name = if name.is_empty() { buffer.name.clone() } else { name.to_string() };
    let save = |c: &mut Cmd, buffer: &mut Buffer| {
        if name.is_empty() {
            return Err("E32: No file name".to_string());
        }
        buffer.save(c, &name).map_err(|_| format!("\"{name}\" E212: Can't open file for writing"))
    };
    match verb {
        "" => Ok(None),
        "w" | "w!" | "write" => save(c, buffer).and_then(Err),
        "wq" | "wq!" | "x" | "x!" | "wqa" | "xa" => {
            if !verb.starts_with('x') || buffer.changed {
                save(c, buffer)?;
            }
            Ok(Some(0))
        }
        "q" | "quit" | "qa" if buffer.changed => Err("E37: No write since last change (add ! to override)".into()),
        "q" | "quit" | "q!" | "qa" | "qa!" | "quit!" => Ok(Some(0)),
        "cq" => Ok(Some(1)),
        "set" | "syntax" | "noh" => Ok(None),
        "d" => {
            buffer.delete_line();
            Ok(None)
        }
        "%d" => {
            buffer.lines = vec![String::new()];
            (buffer.row, buffer.column, buffer.changed) = (0, 0, true);
            Ok(None)
        }
        other => Err(format!("E492: Not an editor command: {other}")),
    }
}

pub(super) async fn nano(c: &mut Cmd) -> Result<i32, Stop> {
    let name = c.args.iter().find(|arg| !arg.starts_with(['-', '+'])).cloned().unwrap_or_default();
    if c.args.iter().any(|arg| arg == "-V" || arg == "--version") {
        c.out(" GNU nano, version 4.8\n (C) 1999-2011, 2013-2020 Free Software Foundation, Inc.\n");
        return Ok(0);
    }
    if !c.is_tty(0) {
        c.err("Standard input is not a terminal\n");
        return Ok(1);
    }
    if c.env("TERM").is_none_or(str::is_empty) {
        c.err("Error opening terminal: unknown.\n");
        return Ok(1);
    }
    let mut buffer = match Buffer::load(c, &name) {
        Ok(buffer) => buffer,
        Err(_) => return Ok(1),
    };
    let mut screen = Screen::open(c).await?;
    screen.print(c, "\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\x1b[H\x1b[2J").await?;
    let mut message = match (name.is_empty(), buffer.new) {
        (false, true) => "[ New File ]".to_string(),
        (false, false) => {
            format!("[ Read {} line{} ]", buffer.lines.len(), if buffer.lines.len() == 1 { "" } else { "s" })
        }
        _ => "[ Welcome to nano.  For basic help, type Ctrl+G. ]".into(),
    };
    let mut question: Option<(&str, String)> = None;
    loop {
        let (rows, columns) = screen.size(c);
        let title = if buffer.name.is_empty() { "New Buffer".to_string() } else { buffer.name.clone() };
        let head = format!(
            "  GNU nano 4.8{title:^width$}{}",
            if buffer.changed { "Modified " } else { "         " },
            width = columns.saturating_sub(22)
        );
        let head: String = head.chars().take(columns).collect();
        let body = buffer.view(rows.saturating_sub(5).max(1), columns, "");
        let foot =
            question.as_ref().map_or_else(|| format!("{message:^columns$}"), |(ask, given)| format!("{ask}{given}"));
        let foot: String = foot.chars().take(columns).collect();
        let (row, column) = match &question {
            Some((ask, given)) => (rows - 2, ask.chars().count() + given.chars().count() + 1),
            None => (buffer.row - buffer.top + 3, buffer.column + 1),
        };
        screen
            .print(
                c,
                &format!(
                    "\x1b[?25l\x1b[H\x1b[7m{head}\x1b(B\x1b[m\x1b[K\r\n\x1b[K\r\n{body}\x1b[{};1H{foot}\x1b[K\r\n\x1b[7m^G\x1b(B\x1b[m Get Help  \x1b[7m^O\x1b(B\x1b[m Write Out \
                     \x1b[7m^W\x1b(B\x1b[m Where Is  \x1b[7m^K\x1b(B\x1b[m Cut Text\x1b[K\r\n\x1b[7m^X\x1b(B\x1b[m Exit      \x1b[7m^R\x1b(B\x1b[m Read File \
                     \x1b[7m^\\\x1b(B\x1b[m Replace   \x1b[7m^U\x1b(B\x1b[m Paste Text\x1b[K\x1b[{row};{column}H\x1b[?25h",
                    rows - 2
                ),
            )
            .await?;
        let Some(key) = screen.key(c).await? else { break };
        message = String::new();
        if let Some((ask, mut given)) = question.take() {
            let saving = ask.starts_with("File");
            match (saving, key) {
                (false, b'y' | b'Y') => question = Some(("File Name to Write: ", buffer.name.clone())),
                (false, b'n' | b'N') => break,
                (_, 3) => message = "[ Cancelled ]".into(),
                (true, b'\r' | b'\n') => match buffer.save(c, &given) {
                    Ok(_) => {
                        message = format!("[ Wrote {} lines ]", buffer.lines.len());
                        let leaving = buffer.name != given || ask.ends_with(": ");
                        buffer.name = given;
                        if leaving && ask == "File Name to Write: " {
                            break;
                        }
                    }
                    Err(error) => message = format!("[ Error writing {given}: {error} ]"),
                },
                (true, 8 | 127) => {
                    given.pop();
                    question = Some((ask, given));
                }
                (true, key) if key >= 32 => {
                    given.push(char::from(key));
                    question = Some((ask, given));
                }
                _ => question = Some((ask, given)),
            }
            continue;
        }
        match key {
            24 if buffer.changed => question = Some(("Save modified buffer? ", String::new())),
            24 => break,
            15 => question = Some(("File Name to Write : ", buffer.name.clone())),
            19 if !buffer.name.is_empty() => {
                let name = buffer.name.clone();
                message = match buffer.save(c, &name) {
                    Ok(_) => format!("[ Wrote {} lines ]", buffer.lines.len()),
                    Err(error) => format!("[ Error writing {name}: {error} ]"),
                };
            }
            11 => buffer.delete_line(),
            b'\r' | b'\n' => buffer.split(),
            8 | 127 => buffer.rub_out(),
            4 => buffer.delete(),
            1 => buffer.column = 0,
            5 => buffer.column = buffer.len(),
            16 => buffer.step(-1, 0),
            14 => buffer.step(1, 0),
            2 => buffer.step(0, -1),
            6 => buffer.step(0, 1),
            22 => buffer.step(i64::try_from(rows).unwrap_or(24) - 6, 0),
            25 => buffer.step(6 - i64::try_from(rows).unwrap_or(24), 0),
            9 => buffer.insert('\t'),
            27 => {
                if matches!(screen.key_within(c, std::time::Duration::from_millis(40)).await?, Some(b'[' | b'O')) {
                    match screen.key(c).await? {
                        Some(b'A') => buffer.step(-1, 0),
                        Some(b'B') => buffer.step(1, 0),
                        Some(b'C') => buffer.step(0, 1),
                        Some(b'D') => buffer.step(0, -1),
                        _ => {}
                    }
                }
            }
            key if key >= 32 => buffer.insert(letter(c, &mut screen, key).await?),
            _ => {}
        }
    }
    let (rows, _) = screen.size(c);
    screen.print(c, &format!("\x1b[{rows};1H\x1b[K\x1b[?1l\x1b>\x1b[?1049l\x1b[23;0;0t")).await?;
    screen.close(c);
    Ok(0)
}
