//! `less` and `more`, as less 551 and 590 and util-linux' more talk to terminals of known and of unknown types.

use super::common::decode;
use super::screen::Screen;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::world::Errno;

/// What is shown, and how far.
struct Pager {
    more: bool,
    /// The terminal type is unknown.
    dumb: bool,
    /// Rows of the terminal's width.
    rows: Vec<String>,
    /// The row below the last one that is shown.
    next: usize,
    /// Name in the first prompt.
    name: Option<String>,
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let more = c.base() == "more";
    let names: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with(['-', '+'])).cloned().collect();
    if names.is_empty() && c.is_tty(0) {
        let text = match more {
            true => "more: bad usage\nTry 'more --help' for more information.\n",
            false => "Missing filename (\"less --help\" for help)\n",
        };
        c.err(text);
        return Ok(1);
    }
    let name = names.first().filter(|name| *name != "-" && !more).cloned();
    let (content, status) = gather(c, names, more).await?;
    if !c.is_tty(1) {
        c.out_bytes(&content);
        return Ok(status);
    }
    if content.is_empty() && status != 0 {
        return Ok(status);
    }
    let mut screen = Screen::open(c).await?;
    let (height, width) = screen.size(c);
    let dumb = c.env("TERM").is_none_or(|term| matches!(term, "" | "dumb" | "network" | "unknown" | "su"));
    let rows = rows_of(&decode(&content), width);
    let mut pager = Pager { more, dumb, rows, next: 0, name };
    let result = pager.show(c, &mut screen, height - 1).await;
    screen.close(c);
    result.map(|()| status)
}

/// The content of all operands, and the status that the ones that can't be read leave.
async fn gather(c: &mut Cmd, names: Vec<String>, more: bool) -> Result<(Vec<u8>, i32), Stop> {
    let (mut content, mut status) = (Vec::new(), 0);
    for name in if names.is_empty() { vec!["-".to_string()] } else { names } {
        match c.slurp(&name).await? {
            Ok(bytes) => content.extend(bytes),
            Err(errno) => {
                c.err(&match (errno, more) {
                    (Errno::EISDIR, true) => format!("\n*** {name}: directory ***\n\n"),
                    (Errno::EISDIR, false) => format!("{name} is a directory\n"),
                    (_, true) => format!("more: cannot open {name}: {}\n", errno.text()),
                    (_, false) => format!("{name}: {}\n", errno.text()),
                });
                status = 1;
            }
        }
    }
    Ok((content, status))
}

/// The text in rows of the terminal; control characters as less shows them.
fn rows_of(text: &str, width: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let mut row = String::new();
        let mut cells = 0;
        for c in line.chars() {
            let shown = match c {
                '\t' => " ".repeat(8 - cells % 8),
                '\0'..='\x1f' => format!("^{}", char::from(c as u8 + 64)),
                c => c.to_string(),
            };
            let wide = shown.chars().count();
            if cells + wide > width {
                rows.push(std::mem::take(&mut row));
                cells = 0;
            }
            row.push_str(&shown);
            cells += wide;
        }
        rows.push(row);
    }
    rows
}

impl Pager {
    async fn show(&mut self, c: &mut Cmd, screen: &mut Screen, page: usize) -> Result<(), Stop> {
        let start = match (self.more, self.dumb) {
            (true, _) => String::new(),
            (false, false) => "\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\r".into(),
            (false, true) => {
                let wait = match c.host().persona().debian_userland {
                    true => "Press RETURN to continue ".to_string(),
                    false => format!("{}  (press RETURN)", self.name.as_deref().unwrap_or("-")),
                };
                screen.print(c, &format!("WARNING: terminal is not fully functional\n{wait}")).await?;
                if matches!(screen.key(c).await?, None | Some(b'q' | b'Q' | 3)) {
                    return screen.print(c, "\n\r\r").await;
                }
                "\n\r".into()
            }
        };
        let first = self.forward(page);
        screen.print(c, &(start + &first)).await?;
        if self.more && self.next >= self.rows.len() {
            return Ok(());
        }
        let mut before_end = true;
        loop {
            let prompt = self.prompt(&mut before_end);
            screen.print(c, &prompt).await?;
            let Some(key) = screen.key(c).await? else { break };
            let shown = match key {
                b'q' | b'Q' | 3 => break,
                b' ' | b'f' | 6 => self.on(page),
                b'\r' | b'\n' | b'j' => self.on(1),
                b'd' | 4 => self.on(page.div_ceil(2)),
                b'b' | 2 => self.again(self.next.saturating_sub(2 * page), page),
                b'k' | b'y' => self.again(self.next.saturating_sub(page + 1), page),
                b'g' | b'<' => self.again(0, page),
                b'G' | b'>' => self.again(self.rows.len().saturating_sub(page), page),
                _ => self.erase(),
            };
            screen.print(c, &shown).await?;
            if self.more && self.next >= self.rows.len() {
                return Ok(());
            }
        }
        let end = match (self.more, self.dumb) {
            (false, true) => "\r",
            (true, true) => "\r        \r",
            (true, false) => "\r\x1b[K",
            (false, false) => "\r\x1b[K\x1b[?1l\x1b>\x1b[?1049l\x1b[23;0;0t",
        };
        screen.print(c, end).await
    }

    /// The next rows.
    fn forward(&mut self, count: usize) -> String {
        let rows = self.rows.iter().skip(self.next).take(count);
        let text: String = rows.map(|row| format!("{row}\n")).collect();
        self.next = (self.next + count).min(self.rows.len());
        text
    }

    /// Goes on: over the prompt, and with the bell at the end.
    fn on(&mut self, count: usize) -> String {
        if self.next >= self.rows.len() {
            return if self.dumb { "\r\x07\r".into() } else { "\r\x1b[K\x07\r\x1b[K".into() };
        }
        let text = self.forward(count);
        if !self.more {
            return self.erase() + &text;
        }
        // more writes over its prompt and rubs out what is left of it.
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let rub = if self.dumb { " ".repeat(8_usize.saturating_sub(first.chars().count())) } else { "\x1b[K".into() };
        format!("\r{first}{rub}\n{rest}")
    }

    /// A page from that row on.
    fn again(&mut self, from: usize, page: usize) -> String {
        self.next = from;
        let text = self.forward(page);
        if self.dumb { format!("\r{text}") } else { format!("\x1b[H\x1b[J{text}") }
    }

    fn erase(&self) -> String {
        if self.dumb { "\r".into() } else { "\r\x1b[K".into() }
    }

    fn prompt(&mut self, first: &mut bool) -> String {
        let end = self.next >= self.rows.len();
        let name = self.name.as_deref().filter(|_| std::mem::take(first)).unwrap_or_default();
        let (text, stands_out) = match (self.more, end, name) {
            (true, _, _) => ("--More--".to_string(), true),
            (false, true, "") => ("(END)".to_string(), true),
            (false, true, name) => (format!("{name} (END)"), true),
            (false, false, "") => (":".to_string(), false),
            (false, false, name) => (name.to_string(), true),
        };
        match (self.dumb, stands_out) {
            (true, _) => text,
            (false, false) => format!("{text}\x1b[K"),
            (false, true) if self.more => format!("\x1b[7m{text}\x1b[27m"),
            (false, true) => format!("\x1b[7m{text}\x1b[27m\x1b[K"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_wide_as_the_terminal() {
        assert_eq!(rows_of("abcdef\n\na\tb\x01", 4), ["abcd", "ef", "", "a", "       ", "b^A"].map(String::from));
        let rows = |count: usize| (0..count).map(|at| at.to_string()).collect();
        let mut pager = Pager { more: false, dumb: false, rows: rows(5), next: 0, name: Some("/f".into()) };
        let mut first = true;
        assert_eq!(pager.forward(3), "0\n1\n2\n");
        assert_eq!(pager.prompt(&mut first), "\x1b[7m/f\x1b[27m\x1b[K");
        assert_eq!(pager.on(1) + &pager.prompt(&mut first), "\r\x1b[K3\n:\x1b[K");
        assert_eq!(pager.on(3) + &pager.prompt(&mut first), "\r\x1b[K4\n\x1b[7m(END)\x1b[27m\x1b[K");
        assert_eq!(pager.on(1), "\r\x1b[K\x07\r\x1b[K");
    }
}
