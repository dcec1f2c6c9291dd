//! Here-documents that end at an empty line (`<<''`), which the library does not know: they get a word.

use std::borrow::Cow;

/// The word that stands for an empty one; nobody types it, and it is taken out of messages.
pub(super) const EMPTY: &str = "\u{f7fe}empty";

/// A `<<` with an empty word, outside of quotes.
struct Mark {
    /// Where its word begins and ends.
    word: (usize, usize),
    /// `<<-`
    tabs: bool,
}

/// The text with words for empty ones, where they stand outside of quotes.
pub(super) fn named(text: &str) -> Cow<'_, str> {
    if !text.contains("<<") {
        return Cow::Borrowed(text);
    }
    let (mut out, mut done) = (String::new(), false);
    let mut waiting: Vec<bool> = Vec::new();
    let mut quote = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if let Some(tabs) = waiting.first() {
            if (if *tabs { bare.trim_start_matches('\t') } else { bare }).is_empty() {
                waiting.remove(0);
                out.push_str(bare);
                out.push_str(EMPTY);
                out.push_str(line.get(bare.len()..).unwrap_or_default());
            } else {
                out.push_str(line);
            }
            continue;
        }
        let mut from = 0;
        for Mark { word: (begin, end), tabs } in marks(line, &mut quote) {
            done = true;
            waiting.push(tabs);
            out.push_str(line.get(from..begin).unwrap_or_default());
            out.push('\'');
            out.push_str(EMPTY);
            out.push('\'');
            from = end;
        }
        out.push_str(line.get(from..).unwrap_or_default());
    }
    if done { Cow::Owned(out) } else { Cow::Borrowed(text) }
}

/// The marks of a line; `quote` is the quote that is open where it begins.
fn marks(line: &str, quote: &mut Option<char>) -> Vec<Mark> {
    let mut found = Vec::new();
    let mut chars = line.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, c)) = chars.next() {
        let last = std::mem::replace(&mut before, c);
        match (*quote, c) {
            (Some('\''), '\'') => *quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => *quote = None,
            (None, '\'' | '"' | '`') => *quote = Some(c),
            (None, '#') if last.is_whitespace() || ";&|(".contains(last) => break,
            (None, '<') if line.get(at..).is_some_and(|rest| rest.starts_with("<<")) => {
                chars.next();
                if chars.next_if(|(_, c)| *c == '<').is_some() {
                    continue;
                }
                let Some(mark) = empty_word(line, at + 2) else { continue };
                while chars.next_if(|(at, _)| *at < mark.word.1).is_some() {}
                found.push(mark);
            }
            _ => {}
        }
    }
    found
}

/// The empty word behind a `<<`, if it has one.
fn empty_word(line: &str, from: usize) -> Option<Mark> {
    let rest = line.get(from..)?;
    let tabs = rest.starts_with('-');
    let word = rest.trim_start_matches('-').trim_start_matches([' ', '\t']);
    let begin = line.len() - word.len();
    let len = word.find(|c: char| !"'\"\\".contains(c)).unwrap_or(word.len());
    let ends = word.get(len..)?.chars().next().is_none_or(|c| c.is_whitespace() || ";&|<>()".contains(c));
    (len > 0 && ends).then_some(Mark { word: (begin, begin + len), tabs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_words_get_one() {
        let shown = |text: &str| named(text).replace(EMPTY, "E");
        for (text, wanted) in [
            ("cat <<''\na\n\necho\n", "cat <<'E'\na\nE\necho\n"),
            ("cat <<- \"\"; id\n\tb\n\t\n", "cat <<- 'E'; id\n\tb\n\tE\n"),
            ("cat << x\n\n", "cat << x\n\n"),
            ("echo '<<'''; cat <<<''", "echo '<<'''; cat <<<''"),
            ("# <<''\n\n", "# <<''\n\n"),
            ("<<'' ", "<<'E' "),
        ] {
            assert_eq!(shown(text), wanted, "{text:?}");
        }
    }
}
