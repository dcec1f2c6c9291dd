//! Words and marks of Python.

use super::*;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(i128),
    Float(f64),
    /// Text, and whether it is an f-string.
    Str(String, bool),
    Bytes(Vec<u8>),
    Op(&'static str),
    Newline,
    Indent,
    Dedent,
    End,
}

pub(super) struct Spot {
    pub token: Token,
    pub line: usize,
    pub column: usize,
}

pub(super) const OPS: &[&str] = &[
    "**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "<=", ">=", "==", "!=", "->", "+=", "-=", "*=", "/=",
    "%=", "&=", "|=", "^=", ":=", "+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{",
    "}", ",", ":", ".", ";", "=",
];

pub(super) fn fault<T>(text: &str, line: usize, column: usize) -> Result<T, Fault> {
    Err(Fault { text: text.into(), line, column, kind: "SyntaxError" })
}

pub(super) fn lex(source: &str) -> Result<Vec<Spot>, Fault> {
    let chars: Vec<char> = source.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut spots: Vec<Spot> = Vec::new();
    let mut indents = vec![0_usize];
    let (mut i, mut line, mut start) = (0, 1, 0);
    let mut depth: Vec<(char, usize, usize)> = Vec::new();
    let mut fresh = true;
    while i < chars.len() {
        if fresh && depth.is_empty() {
            let mut width = 0;
            while matches!(at(i), ' ' | '\t') {
                width += if at(i) == '\t' { 8 - width % 8 } else { 1 };
                i += 1;
            }
            if matches!(at(i), '\n' | '\r' | '#') || i >= chars.len() {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
                i += 1;
                line += 1;
                start = i;
                continue;
            }
            fresh = false;
            let last = indents.last().copied().unwrap_or(0);
            if width > last {
                indents.push(width);
                spots.push(Spot { token: Token::Indent, line, column: width });
                if indents.len() > 60 {
                    return fault("too many levels of indentation", line, 0);
                }
            }
            while width < indents.last().copied().unwrap_or(0) {
                indents.pop();
                spots.push(Spot { token: Token::Dedent, line, column: width });
                if width > indents.last().copied().unwrap_or(0) {
                    let text = "unindent does not match any outer indentation level".to_string();
                    return Err(Fault { text, line, column: width, kind: "IndentationError" });
                }
            }
        }
        let c = at(i);
        let column = i - start;
        match c {
            ' ' | '\t' | '\r' | '\x0c' => i += 1,
            '\n' => {
                if depth.is_empty() {
                    spots.push(Spot { token: Token::Newline, line, column });
                    fresh = true;
                }
                i += 1;
                line += 1;
                start = i;
            }
            '#' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '\\' if at(i + 1) == '\n' => {
                i += 2;
                line += 1;
                start = i;
            }
            _ if c.is_ascii_digit() || (c == '.' && at(i + 1).is_ascii_digit()) => {
                let from = i;
                let radix = match at(i + 1) {
                    'x' | 'X' if c == '0' => 16,
                    'o' | 'O' if c == '0' => 8,
                    'b' | 'B' if c == '0' => 2,
                    _ => 10,
                };
                if radix != 10 {
                    i += 2;
                    while at(i).is_ascii_alphanumeric() || at(i) == '_' {
                        i += 1;
                    }
                    let digits: String = chars.iter().take(i).skip(from + 2).filter(|c| **c != '_').collect();
                    let Ok(number) = i128::from_str_radix(&digits, radix) else {
                        return fault("invalid decimal literal", line, column);
                    };
                    spots.push(Spot { token: Token::Int(number), line, column });
                    continue;
                }
                let mut float = false;
                while at(i).is_ascii_digit()
                    || at(i) == '_'
                    || at(i) == '.'
                    || matches!(at(i), 'e' | 'E')
                    || (matches!(at(i), '+' | '-') && matches!(at(i.saturating_sub(1)), 'e' | 'E'))
                {
                    float |= matches!(at(i), '.' | 'e' | 'E');
                    i += 1;
                }
                let text: String = chars.iter().take(i).skip(from).filter(|c| **c != '_').collect();
                let token = if float { text.parse().ok().map(Token::Float) } else { text.parse().ok().map(Token::Int) };
                match token {
                    Some(token) => spots.push(Spot { token, line, column }),
                    None => return fault("invalid decimal literal", line, column),
                }
            }
            _ if c.is_alphabetic() || c == '_' || c == '"' || c == '\'' => {
                let from = i;
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                let word: String = chars.iter().take(i).skip(from).collect();
                let prefix = word.to_ascii_lowercase();
                if matches!(at(i), '"' | '\'')
                    && matches!(prefix.as_str(), "" | "r" | "b" | "f" | "u" | "rb" | "br" | "fr" | "rf")
                {
                    let (text, next, lines) = string(&chars, i, &prefix, line, column)?;
                    if lines > 0 {
                        start = chars.iter().take(next).rposition(|c| *c == '\n').map_or(0, |at| at + 1);
                    }
                    let token = match prefix.contains('b') {
                        true => {
                            Token::Bytes(text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect())
                        }
                        false => Token::Str(text, prefix.contains('f')),
                    };
                    spots.push(Spot { token, line, column });
                    i = next;
                    line += lines;
                } else {
                    spots.push(Spot { token: Token::Name(word), line, column });
                }
            }
            _ => {
                let rest: String = chars.iter().skip(i).take(3).collect();
                let Some(op) = OPS.iter().find(|op| rest.starts_with(**op)) else {
                    return fault(&format!("invalid character '{c}' (U+{:04X})", u32::from(c)), line, column);
                };
                match *op {
                    "(" | "[" | "{" => depth.push((c, line, column)),
                    ")" | "]" | "}" => {
                        let open = depth.pop();
                        let want = match open {
                            Some(('(', ..)) => ')',
                            Some(('[', ..)) => ']',
                            Some(_) => '}',
                            None => return fault(&format!("unmatched '{c}'"), line, column),
                        };
                        if want != c {
                            let open = open.map_or('(', |(open, ..)| open);
                            return fault(
                                &format!("closing parenthesis '{c}' does not match opening parenthesis '{open}'"),
                                line,
                                column,
                            );
                        }
                    }
                    _ => {}
                }
                spots.push(Spot { token: Token::Op(op), line, column });
                i += op.len();
            }
        }
        if spots.len() > 100_000 {
            return fault("program too long", line, column);
        }
    }
    if let Some((open, line, column)) = depth.first() {
        return fault(&format!("'{open}' was never closed"), *line, *column);
    }
    let column = i.saturating_sub(start);
    spots.push(Spot { token: Token::Newline, line, column });
    for _ in 1..indents.len() {
        spots.push(Spot { token: Token::Dedent, line, column });
    }
    spots.push(Spot { token: Token::End, line, column });
    Ok(spots)
}

/// A literal from its opening quote on: its text, where it ends, newlines in it.
pub(super) fn string(
    chars: &[char],
    from: usize,
    prefix: &str,
    line: usize,
    column: usize,
) -> Result<(String, usize, usize), Fault> {
    let at = |index: usize| chars.get(index).copied();
    let quote = at(from).unwrap_or('"');
    let triple = at(from + 1) == Some(quote) && at(from + 2) == Some(quote);
    let raw = prefix.contains('r');
    let mut i = from + if triple { 3 } else { 1 };
    let mut text = String::new();
    let mut lines = 0;
    loop {
        let Some(c) = at(i) else {
            let what = if triple { "unterminated triple-quoted string literal" } else { "unterminated string literal" };
            return fault(&format!("{what} (detected at line {})", line + lines), line, column);
        };
        if c == quote && (!triple || (at(i + 1) == Some(quote) && at(i + 2) == Some(quote))) {
            return Ok((text, i + if triple { 3 } else { 1 }, lines));
        }
        if c == '\n' {
            if !triple {
                return fault(&format!("unterminated string literal (detected at line {line})"), line, column);
            }
            lines += 1;
        }
        if c != '\\' {
            text.push(c);
            i += 1;
            continue;
        }
        let next = at(i + 1).unwrap_or('\\');
        if raw {
            text.push('\\');
            text.push(next);
            i += 2;
            continue;
        }
        i += 2;
        let hex = |count: usize, i: &mut usize| {
            let digits: String = chars.iter().skip(*i).take(count).collect();
            *i += count;
            u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
        };
        match next {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            '0'..='7' => {
                let mut value = next.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    if let Some(digit) = at(i).and_then(|c| c.to_digit(8)) {
                        value = value * 8 + digit;
                        i += 1;
                    }
                }
                text.push(char::from_u32(value).unwrap_or('\0'));
            }
            'a' => text.push('\x07'),
            'b' => text.push('\x08'),
            'f' => text.push('\x0c'),
            'v' => text.push('\x0b'),
            'x' => text.push(hex(2, &mut i)),
            'u' => text.push(hex(4, &mut i)),
            'U' => text.push(hex(8, &mut i)),
            '\n' => lines += 1,
            '\\' | '\'' | '"' => text.push(next),
            other => {
                text.push('\\');
                text.push(other);
            }
        }
    }
}
