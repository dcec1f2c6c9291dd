//! Lines that were typed: `history`, `!!`, the cursor keys.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Lines that are kept (`HISTSIZE` of Debian's and Ubuntu's bash).
const LINES: usize = 1000;
/// Bytes that they hold together.
const BYTES: usize = 512 * 1024;

/// The files that were read last, and how many of them are kept.
static RECENT: Mutex<VecDeque<(String, History)>> = Mutex::new(VecDeque::new());
const KEPT: usize = 4;

/// A shell's history; a clone shares its lines until one of them changes.
#[derive(Clone, Default)]
pub(super) struct History {
    lines: Arc<Vec<String>>,
    first: usize,
    held: usize,
}

impl History {
    pub fn len(&self) -> usize {
        self.first + self.lines.len()
    }

    /// Number and text of each line, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = (usize, &str)> {
        self.lines.iter().enumerate().map(|(at, line)| (self.first + at + 1, line.as_str()))
    }

    /// Adds a line; not an empty one, one that begins with a blank, or the last one again (`ignoreboth`).
    pub fn add(&mut self, line: &str) {
        if line.trim().is_empty() || line.starts_with(' ') || self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        self.push(line);
    }

    fn push(&mut self, line: &str) {
        let lines = Arc::make_mut(&mut self.lines);
        self.held += line.len();
        lines.push(line.to_string());
        while lines.len() > LINES || (self.held > BYTES && lines.len() > 1) {
            self.held -= lines.remove(0).len();
            self.first += 1;
        }
    }

    /// The lines of a `~/.bash_history`; those who come with the same file share them.
    pub fn from_file(text: &str) -> Self {
        let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        let known = recent.iter().position(|(known, _)| known == text).and_then(|at| recent.remove(at));
        let (text, history) = known.unwrap_or_else(|| {
            let mut history = Self::default();
            text.lines().filter(|line| !line.is_empty()).for_each(|line| history.push(line));
            (text.to_owned(), history)
        });
        recent.truncate(KEPT - 1);
        recent.push_front((text, history.clone()));
        history
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Removes line `number`.
    pub fn delete(&mut self, number: usize) -> bool {
        let Some(at) = number.checked_sub(self.first + 1).filter(|at| *at < self.lines.len()) else { return false };
        let gone = Arc::make_mut(&mut self.lines).remove(at);
        self.held -= gone.len();
        true
    }

    /// The line that an event designator means: `!`, `-2`, `12`, `?x?`, `ls`.
    fn event(&self, name: &str) -> Option<&str> {
        let last = |back: usize| self.lines.len().checked_sub(back).and_then(|at| self.lines.get(at));
        let found = if name == "!" {
            last(1)
        } else if let Ok(number) = name.parse::<i64>() {
            match usize::try_from(number) {
                Ok(number) => number.checked_sub(self.first + 1).and_then(|at| self.lines.get(at)),
                Err(_) => last(usize::try_from(number.unsigned_abs()).ok()?),
            }
        } else if let Some(part) = name.strip_prefix('?') {
            let part = part.strip_suffix('?').unwrap_or(part);
            self.lines.iter().rev().find(|line| line.contains(part))
        } else {
            self.lines.iter().rev().find(|line| line.starts_with(name))
        };
        found.map(String::as_str)
    }

    /// History expansion of a line that is about to run: `None` when there was nothing to expand, an error with the
    /// event that was not found.
    pub fn expand(&self, line: &str) -> Option<Result<String, String>> {
        if !line.contains('!') && !line.starts_with('^') {
            return None;
        }
        if let Some(rest) = line.strip_prefix('^') {
            let mut parts = rest.splitn(3, '^');
            let (old, new) = (parts.next()?, parts.next()?);
            let previous = self.event("!")?;
            if !previous.contains(old) {
                return Some(Err(":s".to_string() + line + ": substitution failed"));
            }
            return Some(Ok(previous.replacen(old, new, 1)));
        }
        let chars: Vec<char> = line.chars().collect();
        let mut out = String::new();
        let mut changed = false;
        let mut at = 0;
        let mut double = false;
        while let Some(&c) = chars.get(at) {
            match c {
                '\\' => {
                    out.push(c);
                    out.extend(chars.get(at + 1));
                    at += 2;
                    continue;
                }
                '\'' if !double => {
                    let end = chars.iter().skip(at + 1).position(|&c| c == '\'').map_or(chars.len(), |n| at + n + 2);
                    out.extend(chars.get(at..end).unwrap_or_default());
                    at = end;
                    continue;
                }
                '"' => double = !double,
                '!' => {
                    let next = chars.get(at + 1).copied();
                    let plain = match next {
                        None => true,
                        Some(next) => next.is_whitespace() || "=(;&|)".contains(next) || (double && next == '"'),
                    };
                    let after_dollar = at > 0 && matches!(chars.get(at - 1), Some('$' | '{' | '['));
                    if !plain && !after_dollar {
                        let (name, end) = designator(&chars, at + 1);
                        let (event, words) = match next {
                            Some('$') => (self.event("!"), Some('$')),
                            Some('*') => (self.event("!"), Some('*')),
                            Some('^') => (self.event("!"), Some('^')),
                            _ => (self.event(&name), None),
                        };
                        let Some(event) = event else {
                            return Some(Err(format!("!{name}: event not found")));
                        };
                        let list: Vec<&str> = event.split_whitespace().collect();
                        match words {
                            None => out.push_str(event),
                            Some('$') => out.push_str(list.last().copied().unwrap_or_default()),
                            Some('^') => out.push_str(list.get(1).copied().unwrap_or_default()),
                            Some(_) => out.push_str(&list.get(1..).unwrap_or_default().join(" ")),
                        }
                        changed = true;
                        at = end;
                        continue;
                    }
                }
                _ => {}
            }
            out.push(c);
            at += 1;
        }
        changed.then_some(Ok(out))
    }
}

/// The name of an event, and where the text goes on after it.
fn designator(chars: &[char], from: usize) -> (String, usize) {
    let first = chars.get(from).copied().unwrap_or_default();
    if matches!(first, '!' | '$' | '*' | '^') {
        return (first.to_string(), from + 1);
    }
    let mut end = from;
    let search = first == '?';
    while let Some(&c) = chars.get(end) {
        if c.is_whitespace() || ";&|()<>\"".contains(c) || (c == ':' && end > from) {
            break;
        }
        end += 1;
        if search && c == '?' && end > from + 1 {
            break;
        }
        if first.is_ascii_digit() && chars.get(end).is_some_and(|next| !next.is_ascii_digit()) {
            break;
        }
    }
    (chars.get(from..end).unwrap_or_default().iter().collect(), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expansion() {
        let mut history = History::default();
        for line in ["echo one", "ls -l /tmp", "echo two"] {
            history.add(line);
        }
        let expand = |line: &str| history.expand(line);
        assert_eq!(expand("!!"), Some(Ok("echo two".into())));
        assert_eq!(expand("sudo !l"), Some(Ok("sudo ls -l /tmp".into())));
        assert_eq!(expand("cat !$"), Some(Ok("cat two".into())));
        assert_eq!(expand("!2"), Some(Ok("ls -l /tmp".into())));
        assert_eq!(expand("^two^3"), Some(Ok("echo 3".into())));
        assert_eq!(expand("echo !nosuch"), Some(Err("!nosuch: event not found".into())));
        assert_eq!(expand("echo 'a!b' x! != \"!\""), None);
    }
}
