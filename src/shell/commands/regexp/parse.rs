//! Reads POSIX patterns and writes them as the `regex` crate has them.

use super::{Syntax, bytes_of};
use crate::shell::text;

/// A piece of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Char(char),
    Any,
    Set(Set),
    Group(usize, Box<Node>),
    Cat(Vec<Node>),
    Alt(Vec<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
    Reference(usize),
    Start,
    End,
    /// `\b`, `\B`, `\<`, `\>`, `` \` ``, `\'` by their letter.
    Edge(char),
}

/// A bracket expression.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    pub negated: bool,
    pub ranges: Vec<(char, char)>,
    pub classes: Vec<&'static str>,
}

/// A pattern that was read.
pub(super) struct Parsed {
    pub node: Node,
    pub groups: usize,
    pub references: bool,
}

/// Groups within groups.
const DEPTH: usize = 100;
/// Most repetitions in braces (RE_DUP_MAX).
const REPEATS: u32 = 32767;

const CLASSES: [&str; 12] =
    ["alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"];

struct Parser {
    text: Vec<char>,
    at: usize,
    basic: bool,
    awk: bool,
    escapes: bool,
    groups: usize,
    closed: usize,
    references: bool,
}

type Result<T> = std::result::Result<T, String>;

pub(super) fn parse(pattern: &str, syntax: Syntax, escapes: bool) -> Result<Parsed> {
    let mut parser = Parser {
        text: pattern.chars().collect(),
        at: 0,
        basic: syntax == Syntax::Basic,
        awk: syntax == Syntax::Awk,
        escapes: escapes || syntax == Syntax::Awk,
        groups: 0,
        closed: 0,
        references: false,
    };
    let node = parser.alternatives(0)?;
    if parser.at < parser.text.len() {
        return Err("Unmatched ) or \\)".into());
    }
    Ok(Parsed { node, groups: parser.groups, references: parser.references })
}

impl Parser {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    /// Whether the operator is next: with a backslash in basic syntax, bare in extended.
    fn operator(&self, c: char) -> bool {
        if self.basic { self.peek(0) == Some('\\') && self.peek(1) == Some(c) } else { self.peek(0) == Some(c) }
    }

    fn skip_operator(&mut self) {
        self.at += if self.basic { 2 } else { 1 };
    }

    fn alternatives(&mut self, depth: usize) -> Result<Node> {
        if depth > DEPTH {
            return Err("Regular expression too big".into());
        }
        let mut branches = vec![self.branch(depth)?];
        while self.operator('|') {
            self.skip_operator();
            branches.push(self.branch(depth)?);
        }
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Alt(branches) })
    }

    fn branch(&mut self, depth: usize) -> Result<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut fresh = true;
        while self.at < self.text.len() && !self.operator('|') {
            if self.operator(')') {
                if depth > 0 {
                    break;
                }
                return Err("Unmatched ) or \\)".into());
            }
            let atom = self.atom(fresh, depth)?;
            let anchor = matches!(atom, Node::Start);
            let atom = self.repeats(atom, fresh && self.basic)?;
            fresh = anchor;
            nodes.push(atom);
        }
        Ok(Node::Cat(nodes))
    }

    fn atom(&mut self, fresh: bool, depth: usize) -> Result<Node> {
        if self.operator('(') {
            self.skip_operator();
            self.groups += 1;
            let number = self.groups;
            let inner = self.alternatives(depth + 1)?;
            if !self.operator(')') {
                return Err("Unmatched ( or \\(".into());
            }
            self.skip_operator();
            self.closed = self.closed.max(number);
            return Ok(Node::Group(number, Box::new(inner)));
        }
        let c = self.peek(0).unwrap_or_default();
        self.at += 1;
        Ok(match c {
            '.' => Node::Any,
            '[' => Node::Set(self.set()?),
            '^' if !self.basic || fresh => Node::Start,
            '$' if !self.basic => Node::End,
            '$' if self.at >= self.text.len() || self.operator(')') || self.operator('|') => Node::End,
            '\\' => return self.escape(),
            '*' | '+' | '?' if !self.basic && !fresh => return Err("Invalid preceding regular expression".into()),
            other => Node::Char(other),
        })
    }

    fn escape(&mut self) -> Result<Node> {
        let Some(c) = self.peek(0) else { return Err("Trailing backslash".into()) };
        self.at += 1;
        if self.escapes
            && let Some(c) = self.c_escape(c)
        {
            return Ok(Node::Char(c));
        }
        Ok(match c {
            '1'..='9' if !self.awk => {
                let number = usize::try_from(u32::from(c) - u32::from('0')).unwrap_or(0);
                if number > self.groups || number > self.closed {
                    return Err("Invalid back reference".into());
                }
                self.references = true;
                Node::Reference(number)
            }
            'w' | 'W' | 's' | 'S' if !self.awk || c != 'W' => {
                let mut set = Set { negated: c.is_ascii_uppercase(), ..Set::default() };
                if c.eq_ignore_ascii_case(&'w') {
                    set.classes.push("alnum");
                    set.ranges.push(('_', '_'));
                } else {
                    set.classes.push("space");
                }
                Node::Set(set)
            }
            'b' | 'B' | '<' | '>' | '`' | '\'' if !self.awk => Node::Edge(c),
            'y' | '<' | '>' | 'B' if self.awk => Node::Edge(if c == 'y' { 'b' } else { c }),
            other => Node::Char(other),
        })
    }

    /// `\n`, `\t`, `\x41`, `\o101`, `\d065` (sed), `\101` (awk).
    fn c_escape(&mut self, c: char) -> Option<char> {
        let number = |parser: &mut Self, base: u32, most: usize| {
            let (mut value, mut len) = (0, 0);
            while let Some(digit) = parser.peek(0).and_then(|c| c.to_digit(base)).filter(|_| len < most) {
                value = value * base + digit;
                parser.at += 1;
                len += 1;
            }
            (len > 0).then(|| text::carrier(u8::try_from(value & 0xff).unwrap_or(0)))
        };
        match c {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'f' => Some('\x0c'),
            'v' => Some('\x0b'),
            'a' => Some('\x07'),
            'b' if self.awk => Some('\x08'),
            'x' => number(self, 16, 2),
            'o' if !self.awk => number(self, 8, 3),
            'd' if !self.awk => number(self, 10, 3),
            '0'..='7' if self.awk => {
                self.at -= 1;
                number(self, 8, 3)
            }
            _ => None,
        }
    }

    fn repeats(&mut self, mut node: Node, literal_star: bool) -> Result<Node> {
        // A `*` at the beginning of a basic pattern is itself.
        if literal_star && matches!(node, Node::Start) && self.peek(0) == Some('*') {
            self.at += 1;
            let star = self.repeats(Node::Char('*'), false)?;
            return Ok(Node::Cat(vec![node, star]));
        }
        for _ in 0..DEPTH {
            let (least, most) = if self.peek(0) == Some('*') {
                self.at += 1;
                (0, None)
            } else if self.operator('+') {
                self.skip_operator();
                (1, None)
            } else if self.operator('?') {
                self.skip_operator();
                (0, Some(1))
            } else if self.operator('{') {
                match self.interval()? {
                    Some(interval) => interval,
                    None => return Ok(node),
                }
            } else {
                return Ok(node);
            };
            if matches!(node, Node::Start | Node::End) {
                continue;
            }
            node = Node::Repeat(Box::new(node), least, most);
        }
        Err("Regular expression too big".into())
    }

    /// `{m,n}`; `None` if it is none in extended syntax, where it stands for itself.
    fn interval(&mut self) -> Result<Option<(u32, Option<u32>)>> {
        let back = self.at;
        self.skip_operator();
        let number = |parser: &mut Self| {
            let mut value = None;
            while let Some(digit) = parser.peek(0).and_then(|c| c.to_digit(10)) {
                value = Some(value.unwrap_or(0u32).saturating_mul(10).saturating_add(digit));
                parser.at += 1;
            }
            value
        };
        let least = number(self);
        let most = if self.peek(0) == Some(',') {
            self.at += 1;
            number(self)
        } else {
            least
        };
        let empty = least.is_none() && most.is_none();
        if !self.operator('}') || empty && self.text.get(self.at.wrapping_sub(1)) != Some(&',') {
            if !self.basic {
                self.at = back;
                return Ok(None);
            }
            let open = self.at >= self.text.len();
            return Err(if open { "Unmatched \\{" } else { "Invalid content of \\{\\}" }.into());
        }
        self.skip_operator();
        let least = least.unwrap_or(0);
        if most.is_some_and(|most| most < least) {
            return Err("Invalid content of \\{\\}".into());
        }
        if least > REPEATS || most.unwrap_or(0) > REPEATS {
            return Err("Regular expression too big".into());
        }
        Ok(Some((least, most)))
    }

    fn set(&mut self) -> Result<Set> {
        let unmatched = || "Unmatched [, [^, [:, [., or [=".to_string();
        let mut set = Set::default();
        if self.peek(0) == Some('^') {
            set.negated = true;
            self.at += 1;
        }
        let first = self.at;
        loop {
            let c = self.peek(0).ok_or_else(unmatched)?;
            if c == ']' && self.at > first {
                self.at += 1;
                return Ok(set);
            }
            if c == '[' && self.peek(1) == Some(':') {
                let rest: String = self.text.get(self.at + 2..).unwrap_or_default().iter().take(10).collect();
                let (name, _) = rest.split_once(":]").ok_or_else(unmatched)?;
                let class = CLASSES.iter().find(|class| **class == name).ok_or("Invalid character class name")?;
                set.classes.push(class);
                self.at += name.len() + 4;
                continue;
            }
            let low = self.element()?;
            let high = if self.peek(0) == Some('-') && self.peek(1).is_some_and(|c| c != ']') {
                self.at += 1;
                self.element()?
            } else {
                low
            };
            if high < low {
                return Err("Invalid range end".into());
            }
            set.ranges.push((low, high));
        }
    }

    fn element(&mut self) -> Result<char> {
        let unmatched = || "Unmatched [, [^, [:, [., or [=".to_string();
        let c = self.peek(0).ok_or_else(unmatched)?;
        self.at += 1;
        if c == '[' && matches!(self.peek(0), Some('.' | '=')) {
            let element = self.peek(1).ok_or_else(unmatched)?;
            if self.peek(2) != self.peek(0) || self.peek(3) != Some(']') {
                return Err("Invalid collation character".into());
            }
            self.at += 4;
            return Ok(element);
        }
        if c == '\\'
            && self.escapes
            && let Some(next) = self.peek(0)
        {
            let back = self.at;
            self.at += 1;
            if let Some(c) = self.c_escape(next) {
                return Ok(c);
            }
            if self.awk {
                return Ok(next);
            }
            self.at = back;
        }
        Ok(c)
    }
}

/// A character as itself.
pub(super) fn literal(c: char) -> String {
    match text::carried(c) {
        Some(byte) => format!("(?-u:\\x{byte:02X})"),
        None => regex::escape(c.encode_utf8(&mut [0; 4])),
    }
}

/// Writes the pattern for the `regex` crate.
pub(super) fn emit(node: &Node, out: &mut String) {
    match node {
        Node::Char(c) => out.push_str(&literal(*c)),
        Node::Any => out.push('.'),
        Node::Set(set) => emit_set(set, out),
        Node::Group(_, inner) => {
            out.push('(');
            emit(inner, out);
            out.push(')');
        }
        Node::Cat(nodes) => nodes.iter().for_each(|node| emit(node, out)),
        Node::Alt(branches) => {
            // POSIX takes the longest alternative, the crate the first.
            let mut branches: Vec<&Node> = branches.iter().collect();
            if branches.iter().all(|branch| plain_len(branch).is_some()) {
                branches.sort_by_key(|branch| std::cmp::Reverse(plain_len(branch)));
            }
            out.push_str("(?:");
            for (at, branch) in branches.into_iter().enumerate() {
                out.push_str(if at > 0 { "|" } else { "" });
                emit(branch, out);
            }
            out.push(')');
        }
        Node::Repeat(inner, least, most) => {
            out.push_str("(?:");
            emit(inner, out);
            out.push(')');
            match (least, most) {
                (0, None) => out.push('*'),
                (1, None) => out.push('+'),
                (0, Some(1)) => out.push('?'),
                (least, None) => out.push_str(&format!("{{{least},}}")),
                (least, Some(most)) => out.push_str(&format!("{{{least},{most}}}")),
            }
        }
        Node::Start => out.push('^'),
        Node::End => out.push('$'),
        Node::Edge(c) => out.push_str(match c {
            'b' => "(?-u:\\b)",
            'B' => "\\B",
            '<' => "(?-u:\\b{start})",
            '>' => "(?-u:\\b{end})",
            '`' => "\\A",
            _ => "\\z",
        }),
        Node::Reference(_) => {}
    }
}

/// Length of a node that is a plain string.
fn plain_len(node: &Node) -> Option<usize> {
    match node {
        Node::Char(_) => Some(1),
        Node::Cat(nodes) => nodes.iter().map(plain_len).sum(),
        _ => None,
    }
}

fn emit_set(set: &Set, out: &mut String) {
    // Bytes that are no characters are matched as bytes.
    let raw: Vec<(u8, u8)> = set
        .ranges
        .iter()
        .filter_map(|(low, high)| Some((text::carried(*low).or(u8::try_from(*low).ok())?, text::carried(*high)?)))
        .collect();
    if !raw.is_empty() {
        out.push_str(if set.negated { "(?-u:[^" } else { "(?-u:[" });
        raw.iter().for_each(|(low, high)| out.push_str(&format!("\\x{low:02X}-\\x{high:02X}")));
    } else {
        out.push_str(if set.negated { "[^" } else { "[" });
    }
    for (low, high) in set.ranges.iter().filter(|(_, high)| text::carried(*high).is_none()) {
        let hex = |c: &char| format!("\\x{{{:X}}}", u32::from(*c));
        if raw.is_empty() || high.is_ascii() {
            out.push_str(&format!("{}-{}", hex(low), hex(high)));
        }
    }
    set.classes.iter().for_each(|class| out.push_str(&format!("[:{class}:]")));
    out.push_str(if raw.is_empty() { "]" } else { "])" });
}

impl Set {
    /// Whether the character is one of the set.
    pub fn has(&self, c: char, ignore_case: bool) -> bool {
        let one = |c: char| {
            self.ranges.iter().any(|(low, high)| *low <= c && c <= *high)
                || self.classes.iter().any(|class| in_class(class, c))
        };
        let found = one(c) || ignore_case && (one(c.to_ascii_lowercase()) || one(c.to_ascii_uppercase()));
        found != self.negated
    }
}

/// Whether a character is in a POSIX class.
pub(in crate::shell::commands) fn in_class(class: &str, c: char) -> bool {
    match class {
        "alnum" => c.is_ascii_alphanumeric(),
        "alpha" => c.is_ascii_alphabetic(),
        "blank" => c == ' ' || c == '\t',
        "cntrl" => c.is_ascii_control(),
        "digit" => c.is_ascii_digit(),
        "graph" => c.is_ascii_graphic(),
        "lower" => c.is_ascii_lowercase(),
        "print" => c == ' ' || c.is_ascii_graphic(),
        "punct" => c.is_ascii_punctuation(),
        "space" => matches!(c, ' ' | '\t'..='\r'),
        "upper" => c.is_ascii_uppercase(),
        _ => c.is_ascii_hexdigit(),
    }
}

/// The bytes of a literal, for matching.
pub(super) fn literal_bytes(c: char) -> Vec<u8> {
    bytes_of(c)
}
