//! Words and marks of Perl.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum T {
    Num(f64),
    /// Text; whether variables in it are filled in.
    Str(String, bool),
    Back(String),
    /// `$x`, `@x`, `%x`
    Var(char, String),
    Word(String),
    Words(Vec<String>),
    /// `s///` and `m//`: not acted.
    Pattern,
    Op(&'static str),
    End,
}

pub(super) const OPS: &[&str] = &[
    "**=", "||=", "&&=", "//=", "<=>", "...", "**", "++", "--", "+=", "-=", "*=", "/=", ".=", "%=", "x=", "==", "!=",
    "<=", ">=", "&&", "||", "//", "=>", "->", "..", "::", "=~", "!~", "<<", ">>", "+", "-", "*", "/", "%", ".", "<",
    ">", "=", "!", "?", ":", ";", ",", "(", ")", "{", "}", "[", "]", "\\", "&", "|", "^", "~",
];

pub(super) fn lex(source: &str) -> Option<Vec<T>> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens: Vec<T> = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = at(i);
        if c.is_whitespace() {
            i += 1;
        } else if c == '#' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c.is_ascii_digit() {
            let from = i;
            if c == '0' && at(i + 1) == 'x' {
                i += 2;
                while at(i).is_ascii_hexdigit() {
                    i += 1;
                }
                let digits: String = chars.get(from + 2..i)?.iter().collect();
                tokens.push(T::Num(u64::from_str_radix(&digits, 16).ok()? as f64));
                continue;
            }
            while at(i).is_ascii_digit()
                || at(i) == '_'
                || (at(i) == '.' && at(i + 1).is_ascii_digit())
                || (matches!(at(i), 'e' | 'E') && at(i + 1).is_ascii_digit())
            {
                i += 1;
            }
            let digits: String = chars.get(from..i)?.iter().filter(|c| **c != '_').collect();
            tokens.push(T::Num(digits.parse().ok()?));
        } else if matches!(c, '"' | '\'' | '`') {
            let (text, end) = quoted(&chars, i + 1, c, c)?;
            tokens.push(match c {
                '`' => T::Back(text),
                c => T::Str(text, c == '"'),
            });
            i = end;
        } else if matches!(c, '$' | '@' | '%')
            && (at(i + 1).is_alphabetic()
                || at(i + 1) == '_'
                || (c == '$' && matches!(at(i + 1), '0'..='9' | '!' | '$' | '@' | ',' | '/' | '\\')))
        {
            let mut end = i + 2;
            while at(i + 1).is_alphanumeric() && (at(end).is_alphanumeric() || at(end) == '_') {
                end += 1;
            }
            if at(i + 1) == '_' {
                while at(end).is_alphanumeric() || at(end) == '_' {
                    end += 1;
                }
            }
            tokens.push(T::Var(c, chars.get(i + 1..end)?.iter().collect()));
            i = end;
        } else if c.is_alphabetic() || c == '_' {
            let from = i;
            while at(i).is_alphanumeric()
                || at(i) == '_'
                || (at(i) == ':' && at(i + 1) == ':' && at(i + 2).is_alphabetic())
                || (at(i) == ':' && at(i.saturating_sub(1)) == ':')
            {
                i += 1;
            }
            let word: String = chars.get(from..i)?.iter().collect();
            let open = at(i);
            let close = match open {
                '(' => ')',
                '{' => '}',
                '[' => ']',
                '<' => '>',
                other => other,
            };
            let quoting = !open.is_whitespace() && open != ',' && open != '=' && open != ';' && i < chars.len();
            match word.as_str() {
                "q" | "qq" | "qw" if quoting => {
                    let (text, end) = quoted(&chars, i + 1, open, close)?;
                    i = end;
                    tokens.push(if word == "qw" {
                        T::Words(text.split_whitespace().map(str::to_string).collect())
                    } else {
                        T::Str(text, word == "qq")
                    });
                }
                "s" | "m" | "y" | "tr" | "qr" if quoting && !open.is_alphanumeric() && open != ')' && open != '}' => {
                    tokens.push(T::Pattern)
                }
                _ => tokens.push(T::Word(word)),
            }
            if tokens.last() == Some(&T::Pattern) {
                return None;
            }
        } else {
            let rest: String = chars.iter().skip(i).take(3).collect();
            let op = OPS.iter().find(|op| rest.starts_with(**op))?;
            tokens.push(T::Op(op));
            i += op.len();
        }
        if tokens.len() > 20_000 {
            return None;
        }
    }
    tokens.push(T::End);
    Some(tokens)
}

/// Text up to the closing mark, as written.
pub(super) fn quoted(chars: &[char], from: usize, open: char, close: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut depth = 0;
    let mut i = from;
    loop {
        let c = *chars.get(i)?;
        if c == '\\' {
            let next = *chars.get(i + 1)?;
            if open == '\'' && next != '\'' && next != '\\' {
                text.push('\\');
                text.push(next);
            } else if next == close || open == '\'' {
                text.push(next);
            } else {
                text.push('\\');
                text.push(next);
            }
            i += 2;
            continue;
        }
        if c == open && open != close {
            depth += 1;
        }
        if c == close {
            if depth == 0 {
                return Some((text, i + 1));
            }
            depth -= 1;
        }
        text.push(c);
        i += 1;
    }
}
