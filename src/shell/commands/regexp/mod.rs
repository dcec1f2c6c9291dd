//! POSIX regular expressions (basic, extended, awk's) with GNU's additions, over the `regex` crate; those with back
//! references over a small matcher of our own ([`backtrack`]).

mod backtrack;
mod parse;

use crate::shell::text;
use parse::Node;
pub(super) use parse::in_class;

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// grep, sed, expr.
    Basic,
    /// grep -E, sed -E, bash.
    Extended,
    /// Extended, with C's backslash sequences everywhere.
    Awk,
    /// grep -F.
    Fixed,
    /// grep -P, as far as the `regex` crate goes.
    Perl,
}

/// How it is matched.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub ignore_case: bool,
    /// `^` and `$` match at lines within the text (sed's `M`).
    pub multiline: bool,
    /// `\n`, `\t`, `\xHH`, … stand for characters (sed).
    pub escapes: bool,
    /// Only whole words (grep -w) or whole lines (grep -x) match.
    pub word: bool,
    pub line: bool,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Regexp {
    engine: Engine,
    /// Number of parenthesised groups.
    pub groups: usize,
    word: bool,
}

#[derive(Clone, Debug)]
enum Engine {
    Crate(regex::bytes::Regex),
    Own(std::sync::Arc<backtrack::Program>),
}

/// Begin and end of a match and its groups, in bytes.
pub(super) type Spans = Vec<Option<(usize, usize)>>;

/// Memory of a compiled pattern.
const SIZE: usize = 4 << 20;
/// Longest pattern.
const LONGEST: usize = 256 << 10;

impl Regexp {
    /// Compiles; the error is what regerror(3) says.
    pub fn new(pattern: &str, syntax: Syntax, flags: Flags) -> Result<Self, String> {
        if pattern.len() > LONGEST {
            return Err("Regular expression too big".into());
        }
        let (source, groups) = match syntax {
            Syntax::Perl => (pattern.to_string(), None),
            Syntax::Fixed => (pattern.chars().map(parse::literal).collect(), Some(0)),
            _ => {
                let parsed = parse::parse(pattern, syntax, flags.escapes)?;
                if parsed.references {
                    let node =
                        if flags.line { Node::Cat(vec![Node::Start, parsed.node, Node::End]) } else { parsed.node };
                    let program = backtrack::Program::new(node, parsed.groups, flags.ignore_case, flags.multiline);
                    let engine = Engine::Own(std::sync::Arc::new(program));
                    return Ok(Self { engine, groups: parsed.groups, word: flags.word });
                }
                let mut source = String::new();
                parse::emit(&parsed.node, &mut source);
                (source, Some(parsed.groups))
            }
        };
        let source = if flags.line { format!("^(?:{source})$") } else { source };
        let compiled = regex::bytes::RegexBuilder::new(&source)
            .case_insensitive(flags.ignore_case)
            .multi_line(flags.multiline)
            .dot_matches_new_line(syntax != Syntax::Perl)
            .size_limit(SIZE)
            .dfa_size_limit(SIZE)
            .nest_limit(250)
            .build();
        let compiled = compiled.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "Regular expression too big".to_string(),
            _ => "Invalid regular expression".to_string(),
        })?;
        let groups = groups.unwrap_or(compiled.captures_len() - 1);
        Ok(Self { engine: Engine::Crate(compiled), groups, word: flags.word })
    }

    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.engine {
            Engine::Crate(regex) if !self.word => regex.is_match(text),
            _ => self.find_at(text, 0).is_some(),
        }
    }

    /// The leftmost match that begins at `from` or behind.
    pub fn find_at(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        if from > text.len() {
            return None;
        }
        let mut from = from;
        loop {
            let found = match &self.engine {
                Engine::Crate(regex) => regex.find_at(text, from).map(|found| (found.start(), found.end())),
                Engine::Own(program) => program.run(text, from).and_then(|spans| spans.first().copied().flatten()),
            }?;
            if !self.word {
                return Some(found);
            }
            if let Some(word) = self.shrink(text, found) {
                return Some(word);
            }
            from = found.0 + 1;
            if from > text.len() {
                return None;
            }
        }
    }

    /// As grep -w tries it: the match, then shorter ones from the same place, must have no word character beside it.
    fn shrink(&self, text: &[u8], (start, mut end): (usize, usize)) -> Option<(usize, usize)> {
        let word = |at: usize| text.get(at).is_some_and(|&b| b == b'_' || b.is_ascii_alphanumeric() || b >= 0x80);
        if start > 0 && word(start - 1) {
            return None;
        }
        loop {
            if !word(end) {
                return Some((start, end));
            }
            let shorter = text.get(..end.checked_sub(1)?)?;
            let again = match &self.engine {
                Engine::Crate(regex) => regex.find_at(shorter, start).map(|found| (found.start(), found.end())),
                Engine::Own(program) => program.run(shorter, start).and_then(|spans| spans.first().copied().flatten()),
            };
            match again {
                Some((at, shorter)) if at == start && shorter > start => end = shorter,
                _ => return None,
            }
        }
    }

    /// The match with its groups.
    pub fn captures_at(&self, text: &[u8], from: usize) -> Option<Spans> {
        if from > text.len() {
            return None;
        }
        match &self.engine {
            Engine::Crate(regex) => {
                let found = regex.captures_at(text, from)?;
                Some(found.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect())
            }
            Engine::Own(program) => program.run(text, from),
        }
    }
}

/// The bytes of a pattern's character, which may carry a byte that is no UTF-8.
fn bytes_of(c: char) -> Vec<u8> {
    text::carried(c).map_or_else(|| c.to_string().into_bytes(), |byte| vec![byte])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(pattern: &str, syntax: Syntax, text: &str) -> Option<(usize, usize)> {
        Regexp::new(pattern, syntax, Flags::default()).unwrap().find_at(text.as_bytes(), 0)
    }

    #[test]
    fn basic_and_extended() {
        use Syntax::{Basic, Extended};
        assert_eq!(spans("a\\+b", Basic, "xaab"), Some((1, 4)));
        assert_eq!(spans("a+b", Basic, "a+b aab"), Some((0, 3)));
        assert_eq!(spans("a+b", Extended, "aab"), Some((0, 3)));
        assert_eq!(spans("*a", Basic, "x*a"), Some((1, 3)));
        assert_eq!(spans("[]a]*", Basic, "]a]b"), Some((0, 3)));
        assert_eq!(spans("[^[:space:]]\\{2,3\\}", Basic, " abcd"), Some((1, 4)));
        assert_eq!(spans("^\\(a\\|b\\)$", Basic, "b"), Some((0, 1)));
        assert_eq!(spans("\\<foo\\>", Basic, "xfoo foo"), Some((5, 8)));
        assert_eq!(spans("foo|foobar", Extended, "foobar"), Some((0, 6)));
        assert_eq!(spans("a{2}", Extended, "caab"), Some((1, 3)));
        assert_eq!(spans("a^b$c", Basic, "a^b$c"), Some((0, 5)));
        assert_eq!(spans("[a\\]]", Basic, "\\]"), Some((0, 2)));
    }

    #[test]
    fn back_references() {
        assert_eq!(spans("\\(.\\)\\1", Syntax::Basic, "abccd"), Some((2, 4)));
        assert_eq!(spans("(a*)b\\1$", Syntax::Extended, "aabaa"), Some((0, 5)));
        assert_eq!(spans("^\\(.*\\)\\n*\\1$", Syntax::Basic, "abab"), Some((0, 4)));
    }

    #[test]
    fn errors() {
        let error = |pattern, syntax| Regexp::new(pattern, syntax, Flags::default()).unwrap_err();
        assert_eq!(error("\\(a", Syntax::Basic), "Unmatched ( or \\(");
        assert_eq!(error("a)", Syntax::Extended), "Unmatched ) or \\)");
        assert_eq!(error("[a", Syntax::Basic), "Unmatched [, [^, [:, [., or [=");
        assert_eq!(error("a\\", Syntax::Basic), "Trailing backslash");
        assert_eq!(error("[z-a]", Syntax::Basic), "Invalid range end");
        assert_eq!(error("a\\{1", Syntax::Basic), "Unmatched \\{");
        assert_eq!(error("\\(a\\)\\2", Syntax::Basic), "Invalid back reference");
    }
}
