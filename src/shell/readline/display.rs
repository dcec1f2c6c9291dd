//! What GNU readline sends to a terminal when the line changes: the cheapest difference between what is shown and what
//! should be. Measured at bash 5.2 on terminals of several types and widths; `tests/transcripts/readline.txt` has them.

/// What a terminal can do, by its type (`TERM`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminal {
    /// Unknown type: one row that scrolls sideways, nothing but printing, backspace and carriage return.
    Dumb,
    /// Moves and erases, with NULs while it does; can't insert or delete.
    Vt100,
    /// Inserts and deletes characters too: `xterm`, `linux`, `screen`.
    Full,
    /// The line editor of BusyBox, which asks no terminal type.
    BusyBox,
}

impl Terminal {
    /// By the value of `TERM`.
    pub fn of(term: &str) -> Self {
        let full = ["xterm", "linux", "screen", "tmux", "rxvt", "vt2", "vt3", "vt4", "vt5", "ansi", "cygwin", "putty"];
        if term.starts_with("vt1") {
            Self::Vt100
        } else if full.iter().any(|known| term.starts_with(known)) {
            Self::Full
        } else {
            Self::Dumb
        }
    }

    /// A capability with the NULs that give the terminal that many milliseconds, at 38,400 bit/s.
    fn padded(self, text: &str, milliseconds: usize) -> String {
        let nulls = if self == Self::Vt100 { milliseconds * 4 } else { 0 };
        text.to_owned() + &"\0".repeat(nulls)
    }
}

/// The rows of the terminal that the line takes, as they are shown.
pub(super) struct Display {
    terminal: Terminal,
    /// Columns that are used: one less where the cursor does not wrap.
    width: usize,
    /// The prompt's last line as it is sent, and what can be seen of it.
    prompt: String,
    prompt_cells: Vec<char>,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// First cell that is shown where the row scrolls sideways.
    margin: usize,
    out: String,
}

impl Display {
    /// The display after the prompt was printed; `columns` 0 means 80.
    pub fn new(terminal: Terminal, columns: usize, prompt: &str) -> Self {
        let columns = if columns < 2 { 80 } else { columns };
        let width = match terminal {
            Terminal::Dumb => columns - 1,
            Terminal::Vt100 | Terminal::Full => columns,
            Terminal::BusyBox => usize::MAX,
        };
        let last = prompt.rsplit('\n').next().unwrap_or_default();
        let cells = visible(last);
        let mut display = Self {
            terminal,
            width,
            prompt: last.to_owned(),
            prompt_cells: cells,
            rows: Vec::new(),
            row: 0,
            column: 0,
            margin: 0,
            out: String::new(),
        };
        display.fresh();
        display
    }

    /// Everything below the prompt is blank, and the cursor behind it.
    fn fresh(&mut self) {
        self.margin = 0;
        self.rows = self.wrapped(&self.prompt_cells.clone());
        self.row = self.rows.len() - 1;
        self.column = self.rows.last().map_or(0, Vec::len);
    }

    /// Replaces the prompt, as a search does.
    pub fn set_prompt(&mut self, prompt: &str) {
        prompt.clone_into(&mut self.prompt);
        self.prompt_cells = visible(prompt);
    }

    /// What shows the line with the cursor before character `at`.
    pub fn update(&mut self, line: &[char], at: usize) -> String {
        let mut cells = self.prompt_cells.clone();
        let mut cursor = cells.len();
        for (index, &c) in line.iter().enumerate() {
            match c {
                '\0'..='\x1f' => cells.extend(['^', char::from(c as u8 + 64)]),
                '\x7f' => cells.extend(['^', '?']),
                _ => cells.push(c),
            }
            if index < at {
                cursor = cells.len();
            }
        }
        if self.terminal == Terminal::Dumb {
            self.scroll(cells, cursor);
        } else {
            self.wrap(&cells, cursor);
        }
        std::mem::take(&mut self.out)
    }

    /// What is sent before the newline that ends the line.
    pub fn finish(&mut self) -> String {
        let mut last = self.rows.len() - 1;
        if last > 0 && self.column == 0 && self.row == last && self.rows.get(last).is_some_and(Vec::is_empty) {
            last -= 1;
            self.go_row(last);
            let row = self.rows.get(last).cloned().unwrap_or_default();
            self.go_column(self.width - 1, &row);
            self.clear(1);
            self.out.extend(row.last());
        } else {
            self.go_row(last);
        }
        std::mem::take(&mut self.out)
    }

    /// Clears the screen and shows the line again.
    pub fn redraw(&mut self, line: &[char], at: usize) -> String {
        let start = match self.terminal {
            Terminal::Dumb => "\n".to_owned(),
            terminal => {
                terminal.padded("\x1b[H\x1b[J", 50).replace("[J", if terminal == Terminal::Full { "[2J" } else { "[J" })
            }
        };
        self.again(&start, line, at)
    }

    /// Prints `start`, the prompt and the line.
    pub fn again(&mut self, start: &str, line: &[char], at: usize) -> String {
        self.fresh();
        let shown = self.update(line, at);
        format!("{start}{}{shown}", self.prompt)
    }

    /// One row that shows a part of the line.
    fn scroll(&mut self, mut cells: Vec<char>, cursor: usize) {
        let (width, third) = (self.width, self.width / 3);
        let from_margin = cursor.saturating_sub(self.margin);
        let margin = if cursor >= self.margin && from_margin > width - 2 {
            cursor.saturating_sub(2 * third)
        } else if cursor < width - 2 {
            0
        } else if cursor <= self.margin {
            (cursor - 1) / third * third
        } else {
            self.margin
        };
        if margin > 0
            && let Some(cell) = cells.get_mut(margin)
        {
            *cell = '<';
        }
        if margin + width < cells.len()
            && let Some(cell) = cells.get_mut(margin + width - 1)
        {
            *cell = '>';
        }
        self.margin = margin;
        let shown: Vec<char> = cells.into_iter().skip(margin).take(width).collect();
        self.update_row(0, &shown, false);
        self.go_column(cursor - margin, &shown);
        self.rows = vec![shown];
    }

    /// As many rows as the line needs.
    fn wrap(&mut self, cells: &[char], cursor: usize) {
        let rows = self.wrapped(cells);
        let (before, now) = (self.rows.len(), rows.len());
        for (at, row) in rows.iter().enumerate() {
            if at >= self.rows.len() {
                self.rows.push(Vec::new());
            }
            let grows = at + 1 >= before && now > before;
            self.update_row(at, row, grows);
        }
        for at in now..before {
            self.go_row(at);
            let old = self.rows.get(at).map_or(0, Vec::len);
            self.go_column(0, &[]);
            self.clear(if at + 1 == before { old } else { self.width });
        }
        self.rows.truncate(now);
        let (row, column) = (cursor / self.width, cursor % self.width);
        let came_up = row == 0 && self.row > 0;
        self.go_row(row);
        let coloured = self.prompt_cells.len() < self.prompt.chars().count();
        if came_up && coloured && (1..self.prompt_cells.len()).contains(&self.column) {
            // The cursor does not move over colours: the whole prompt is printed.
            self.out.push('\r');
            self.out.push_str(&self.prompt);
            self.column = self.prompt_cells.len();
        }
        let shown = self.rows.get(row).cloned().unwrap_or_default();
        self.go_column(column, &shown);
    }

    /// The cells by rows; a full row has an empty one behind it, for the cursor.
    fn wrapped(&self, cells: &[char]) -> Vec<Vec<char>> {
        let mut rows: Vec<Vec<char>> = cells.chunks(self.width).map(<[char]>::to_vec).collect();
        if rows.last().is_none_or(|last| last.len() == self.width) {
            rows.push(Vec::new());
        }
        rows
    }

    fn update_row(&mut self, at: usize, new: &[char], grows: bool) {
        let mut old = self.rows.get(at).cloned().unwrap_or_default();
        if at > 0 && self.column == self.width && self.row == at - 1 {
            // The cursor stands behind the last column: the next character takes it down.
            self.out.push(new.first().copied().unwrap_or(' '));
            self.column = 1;
            self.row = at;
            if let Some(&first) = new.first() {
                if old.is_empty() {
                    old.push(first);
                } else {
                    old.splice(..1, [first]);
                }
            }
        }
        if let Some(row) = self.rows.get_mut(at) {
            *row = new.to_vec();
        }
        if old == new {
            return;
        }
        let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let (old_end, new_end) = ends(&old, new, same);
        self.go_row(at);
        self.go_column(same, new);
        let text = |from: usize, to: usize| new.get(from..to).unwrap_or_default().iter().collect::<String>();
        let changed = new_end - same;
        let rest = new.len() - same;
        let grown = new_end.saturating_sub(old_end);
        if grown > 0 {
            let inserts = self.terminal == Terminal::Full && !grows;
            if inserts && old_end < old.len() {
                self.out.push_str(&format!("\x1b[{grown}@"));
                self.print(&text(same, new_end), changed);
            } else {
                self.print(&text(same, new.len()), rest);
            }
            return;
        }
        let lost = old_end - new_end;
        if self.terminal == Terminal::Full && 2 * rest >= lost {
            if lost > 0 {
                self.out.push_str(&format!("\x1b[{lost}P"));
            }
            self.print(&text(same, new_end), changed);
            return;
        }
        self.print(&text(same, new.len()), rest);
        if old.len() > new.len() {
            self.clear(old.len() - new.len());
        }
    }

    fn print(&mut self, text: &str, cells: usize) {
        self.out.push_str(text);
        self.column += cells;
    }

    /// Erases to the end of the row, where that many characters are.
    fn clear(&mut self, count: usize) {
        match self.terminal {
            Terminal::Dumb => self.print(&" ".repeat(count), count),
            Terminal::BusyBox => self.out.push_str("\x1b[J"),
            terminal => self.out.push_str(&terminal.padded("\x1b[K", 3)),
        }
    }

    fn go_row(&mut self, row: usize) {
        if row > self.row {
            self.out.push_str(&"\n".repeat(row - self.row));
            self.out.push('\r');
            self.column = 0;
        } else {
            let up = self.terminal.padded("\x1b[A", 2);
            self.out.push_str(&up.repeat(self.row - row));
        }
        self.row = row;
    }

    /// Moves the cursor within its row, of which `shown` is what stands there.
    fn go_column(&mut self, column: usize, shown: &[char]) {
        if self.column == column {
            return;
        }
        let wraps = self.terminal != Terminal::Dumb && self.column == self.width;
        if column == 0 || wraps || column + 1 < self.column.saturating_sub(column) {
            self.out.push('\r');
            self.column = 0;
        }
        if self.column < column {
            if self.terminal == Terminal::Dumb {
                self.out.push('\r');
                self.out.extend(shown.iter().take(column));
            } else {
                let right = self.terminal.padded("\x1b[C", 2);
                self.out.push_str(&right.repeat(column - self.column));
            }
        } else {
            self.out.push_str(&"\x08".repeat(self.column - column));
        }
        self.column = column;
    }
}

/// Where the parts that differ end. An end that both have in common counts only when it has a blank: readline takes
/// others for blanks at the end of the row where characters may have several bytes.
fn ends(old: &[char], new: &[char], same: usize) -> (usize, usize) {
    let mut common = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    common = common.min(old.len() - same).min(new.len() - same);
    let blank = old.iter().rev().take(common).any(|&c| c == ' ');
    if blank { (old.len() - common, new.len() - common) } else { (old.len(), new.len()) }
}

/// The characters of a prompt that take a column.
fn visible(prompt: &str) -> Vec<char> {
    let mut cells = Vec::new();
    let mut chars = prompt.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' if chars.peek() == Some(&'[') => {
                chars.next();
                for c in chars.by_ref() {
                    if ('@'..='~').contains(&c) {
                        break;
                    }
                }
            }
            '\x1b' if chars.peek() == Some(&']') => {
                let _ = chars.by_ref().find(|c| *c == '\x07');
            }
            '\0'..='\x1f' => {}
            _ => cells.push(c),
        }
    }
    cells
}
