//! How ls arranges what it lists.

use super::{Format, Names, Quoting, Row, Settings, human, mode, names, when};
use crate::shell::cmd::Cmd;
use crate::shell::quote;
use crate::shell::text;
use crate::world::FileKind;

/// The least width of a column with its gap.
const LEAST: usize = 3;

pub(super) struct Out<'a> {
    s: &'a Settings,
    names: Names,
    out: String,
    colored: bool,
}

/// Columns that a name takes.
fn width(name: &str) -> usize {
    name.chars().filter(|c| !c.is_control()).map(|c| if wide(c) { 2 } else { 1 }).sum()
}

fn wide(c: char) -> bool {
    matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd)
}

impl<'a> Out<'a> {
    pub fn new(c: &Cmd, s: &'a Settings) -> Self {
        Self { s, names: names(c), out: String::new(), colored: false }
    }

    pub fn plain(&mut self, text: &str) {
        self.out.push_str(text);
    }

    pub fn take(&mut self) -> Vec<u8> {
        text::encode(&std::mem::take(&mut self.out))
    }

    /// The rest; colours are switched off at the end.
    pub fn end(mut self) -> Vec<u8> {
        self.take()
    }

    pub fn quoted(&self, name: &str) -> String {
        match self.s.quoting {
            Quoting::Literal => name.to_string(),
            Quoting::Hidden => name.chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
            Quoting::Shell => quote::if_needed(name),
            Quoting::Escape => escaped(name, true),
            Quoting::C => format!("\"{}\"", escaped(name, false).replace('"', "\\\"")),
        }
    }

    pub fn blocks(&self, kib: u64) -> String {
        match self.s.human {
            Some(base) => human(kib * 1024, base),
            None => kib.div_ceil(self.s.block).to_string(),
        }
    }

    pub fn show(&mut self, rows: &[Row]) {
        match self.s.format {
            Format::Long => self.long(rows),
            Format::Single => {
                for row in rows {
                    self.cell(row, rows);
                    self.plain("\n");
                }
            }
            Format::Commas => self.commas(rows),
            Format::Columns | Format::Across => self.columns(rows),
        }
    }

    /// Whether unquoted names get a blank so that they stand in line with quoted ones.
    fn shifted(&self, rows: &[Row]) -> bool {
        self.s.quoting == Quoting::Shell
            && !matches!(self.s.format, Format::Commas | Format::Single)
            && rows.iter().any(|row| self.quoted(&row.name).starts_with(['\'', '"']))
    }

    fn indicator(&self, kind: FileKind, mode: u32) -> &'static str {
        if self.s.indicator == ' ' {
            return "";
        }
        match (kind, self.s.indicator) {
            (FileKind::Folder, _) => "/",
            (_, 'p') => "",
            (FileKind::Link, _) => "@",
            (FileKind::Fifo, _) => "|",
            (FileKind::Socket, _) => "=",
            (FileKind::File, 'F') if mode & 0o111 != 0 => "*",
            _ => "",
        }
    }

    /// Inode and blocks before the name.
    fn prefix(&self, row: &Row, rows: &[Row]) -> String {
        let mut prefix = String::new();
        let single = self.s.format == Format::Commas;
        let pad = |text: String, all: Vec<usize>| {
            let width = if single { 0 } else { all.into_iter().max().unwrap_or(0) };
            format!("{text:>width$} ")
        };
        if self.s.inode {
            prefix += &pad(row.stat.ino.to_string(), rows.iter().map(|row| row.stat.ino.to_string().len()).collect());
        }
        if self.s.blocks {
            let own = self.blocks(mode::kib(&row.stat));
            prefix += &pad(own, rows.iter().map(|row| self.blocks(mode::kib(&row.stat)).len()).collect());
        }
        prefix
    }

    fn painted(&mut self, name: &str, color: Option<String>) {
        match color {
            Some(color) => {
                if !self.colored {
                    self.out.push_str("\x1b[0m");
                    self.colored = true;
                }
                self.out.push_str(&format!("\x1b[{color}m{name}\x1b[0m"));
            }
            None => self.out.push_str(name),
        }
    }

    fn name(&mut self, row: &Row, shifted: bool) {
        let name = self.quoted(&row.name);
        let color = self.s.color.as_ref().and_then(|colors| colors.of(row, false)).map(str::to_string);
        if shifted && !name.starts_with(['\'', '"']) {
            self.out.push(' ');
        }
        self.painted(&name, color);
    }

    fn cell(&mut self, row: &Row, rows: &[Row]) {
        let prefix = self.prefix(row, rows);
        self.plain(&prefix);
        let shifted = self.shifted(rows);
        self.name(row, shifted);
        self.plain(self.indicator(row.stat.kind, row.stat.mode));
    }

    fn cell_width(&self, row: &Row, rows: &[Row], shifted: bool) -> usize {
        let name = self.quoted(&row.name);
        width(&name)
            + usize::from(shifted && !name.starts_with(['\'', '"']))
            + self.prefix(row, rows).len()
            + self.indicator(row.stat.kind, row.stat.mode).len()
    }

    fn commas(&mut self, rows: &[Row]) {
        let mut at = 0;
        for (number, row) in rows.iter().enumerate() {
            let len = self.cell_width(row, rows, false);
            if number > 0 {
                if at + len + 2 < self.s.width {
                    self.plain(", ");
                    at += 2;
                } else {
                    self.plain(",\n");
                    at = 0;
                }
            }
            self.cell(row, rows);
            at += len;
        }
        if !rows.is_empty() {
            self.plain("\n");
        }
    }

    fn columns(&mut self, rows: &[Row]) {
        let shifted = self.shifted(rows);
        let widths: Vec<usize> = if self.s.inode || self.s.blocks {
            // The prefix is equally wide in all rows.
            let prefix = rows.first().map_or(0, |row| self.prefix(row, rows).len());
            let bare = |row: &Row| {
                let name = self.quoted(&row.name);
                width(&name)
                    + usize::from(shifted && !name.starts_with(['\'', '"']))
                    + prefix
                    + self.indicator(row.stat.kind, row.stat.mode).len()
            };
            rows.iter().map(bare).collect()
        } else {
            rows.iter().map(|row| self.cell_width(row, &[], shifted)).collect()
        };
        let count = widths.len();
        if count == 0 {
            return;
        }
        let across = self.s.format == Format::Across;
        let most = (self.s.width / LEAST).clamp(1, count);
        let height = |columns: usize| count.div_ceil(columns);
        let column_of = |at: usize, columns: usize| if across { at % columns } else { at / height(columns) };
        let mut chosen = vec![widths.iter().copied().max().unwrap_or(0)];
        for columns in (2..=most).rev() {
            let mut cells = vec![LEAST; columns];
            for (at, width) in widths.iter().enumerate() {
                let column = column_of(at, columns);
                let gap = if column + 1 == columns { 0 } else { 2 };
                if let Some(cell) = cells.get_mut(column) {
                    *cell = (*cell).max(width + gap);
                }
            }
            if cells.iter().sum::<usize>() < self.s.width {
                chosen = cells;
                break;
            }
        }
        let columns = chosen.len();
        let lines = height(columns);
        for line in 0..lines {
            let (mut at, mut from) = (0, 0);
            for column in 0..columns {
                let index = if across { line * columns + column } else { column * lines + line };
                let (Some(row), Some(width)) = (rows.get(index), widths.get(index)) else { continue };
                if !across && column_of(index, columns) != column {
                    continue;
                }
                self.indent(at, from);
                at = from;
                let prefix = self.prefix(row, rows);
                self.plain(&prefix);
                self.name(row, shifted);
                self.plain(self.indicator(row.stat.kind, row.stat.mode));
                at += width;
                from += chosen.get(column).copied().unwrap_or(0);
            }
            self.plain("\n");
        }
    }

    /// Goes on to a column, with tabs where they reach.
    fn indent(&mut self, mut from: usize, to: usize) {
        while from < to {
            let tab = self.s.tab;
            if tab > 0 && to / tab > (from + 1) / tab {
                self.out.push('\t');
                from += tab - from % tab;
            } else {
                self.out.push(' ');
                from += 1;
            }
        }
    }

    fn long(&mut self, rows: &[Row]) {
        let user = |this: &Self, id: u32| {
            let name = if this.s.numeric { None } else { this.names.user(id) };
            name.map_or_else(|| id.to_string(), str::to_string)
        };
        let group = |this: &Self, id: u32| {
            let name = if this.s.numeric { None } else { this.names.group(id) };
            name.map_or_else(|| id.to_string(), str::to_string)
        };
        let widest = |text: &dyn Fn(&Row) -> String| rows.iter().map(|row| width(&text(row))).max().unwrap_or(0);
        let links = widest(&|row| row.stat.nlink.to_string());
        let users = widest(&|row| user(self, row.stat.uid));
        let groups = widest(&|row| group(self, row.stat.gid));
        let device = |row: &Row| matches!(row.stat.kind, FileKind::CharDevice | FileKind::BlockDevice);
        let size = |row: &Row| match self.s.human {
            Some(base) => human(row.stat.size, base),
            None => row.stat.size.to_string(),
        };
        let major = widest(&|row| if device(row) { row.stat.rdev.0.to_string() } else { String::new() });
        let minor = widest(&|row| if device(row) { row.stat.rdev.1.to_string() } else { String::new() });
        let pair = if rows.iter().any(device) { major + 2 + minor } else { 0 };
        let sizes = widest(&|row| if device(row) { String::new() } else { size(row) }).max(pair);
        let shifted = self.shifted(rows);
        let numeric = self.s.numeric;
        let align = move |text: String, width: usize| {
            if numeric { format!("{text:>width$} ") } else { format!("{text:width$} ") }
        };
        for row in rows {
            let mut line = self.prefix(row, rows);
            line += &format!("{} {:>links$} ", row.stat.permissions(), row.stat.nlink);
            if self.s.owner {
                line += &align(user(self, row.stat.uid), users);
            }
            if self.s.group {
                line += &align(group(self, row.stat.gid), groups);
            }
            if self.s.author {
                line += &align(user(self, row.stat.uid), users);
            }
            if device(row) {
                let left = sizes.saturating_sub(minor + 2);
                line += &format!("{:>left$}, {:>minor$} ", row.stat.rdev.0, row.stat.rdev.1);
            } else {
                line += &format!("{:>sizes$} ", size(row));
            }
            line += &when(self.s, super::time_of(self.s, &row.stat));
            line.push(' ');
            self.plain(&line);
            self.name(row, shifted);
            match &row.target {
                Some((target, behind)) if row.stat.kind == FileKind::Link => {
                    let target = self.quoted(target);
                    self.plain(" -> ");
                    let color = self.s.color.as_ref().and_then(|colors| colors.of(row, true)).map(str::to_string);
                    self.painted(&target, color);
                    if let Some(behind) = behind {
                        self.plain(self.indicator(behind.kind, behind.mode));
                    }
                }
                _ => self.plain(self.indicator(row.stat.kind, row.stat.mode)),
            }
            self.plain("\n");
        }
    }
}

/// Backslash escapes of `-b`; blanks too if `blank`.
fn escaped(name: &str, blank: bool) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            '\\' => out.push_str("\\\\"),
            ' ' if blank => out.push_str("\\ "),
            c if c.is_control() || text::carried(c).is_some() => {
                for byte in text::encode(&c.to_string()) {
                    out.push_str(&format!("\\{byte:03o}"));
                }
            }
            c => out.push(c),
        }
    }
    out
}
