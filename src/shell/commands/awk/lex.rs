//! Tokens of awk programs.

use crate::shell::format::leading_float;
use crate::shell::text;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(Vec<u8>),
    Pattern(String),
    /// A name; one with `(` right behind it is a call.
    Name(String),
    Call(String),
    Builtin(&'static str),
    Word(&'static str),
    Op(&'static str),
    Newline,
    End,
}

const WORDS: [&str; 18] = [
    "BEGIN", "END", "function", "if", "else", "while", "for", "do", "break", "continue", "next", "nextfile", "exit",
    "return", "delete", "in", "getline", "print",
];
pub(super) const BUILTINS: [&str; 23] = [
    "length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "sin", "cos", "atan2", "exp", "log",
    "sqrt", "int", "rand", "srand", "tolower", "toupper", "system", "close", "fflush", "systime",
];
const OPS: [&str; 41] = [
    "&&", "||", "==", "!=", "<=", ">=", ">>", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "!~", "{", "}", "(", ")",
    "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", "<", ">", "|", "?", ":", "~", "$", "=", "&", "@",
];

/// A token with its line.
pub(super) type Placed = (Token, usize);

/// Splits a program into tokens; the error is a message with its line.
pub(super) fn tokens(source: &str) -> Result<Vec<Placed>, (usize, String)> {
    let chars: Vec<char> = source.chars().collect();
    let mut at = 0;
    let mut line = 1;
    let mut found: Vec<Placed> = Vec::new();
    let peek = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let c = peek(at);
        match c {
            '\n' => {
                found.push((Token::Newline, line));
                line += 1;
                at += 1;
            }
            ' ' | '\t' | '\r' => at += 1,
            '\\' if peek(at + 1) == '\n' => {
                at += 2;
                line += 1;
            }
            '\\' if peek(at + 1) == '\r' && peek(at + 2) == '\n' => {
                at += 3;
                line += 1;
            }
            '#' => {
                while at < chars.len() && peek(at) != '\n' {
                    at += 1;
                }
            }
            '"' => {
                at += 1;
                let mut value = String::new();
                loop {
                    match peek(at) {
                        '"' => break,
                        '\0' if at >= chars.len() => {
                            return Err((line, format!("runaway string constant \"{} ...", head(&value))));
                        }
                        '\n' => return Err((line, format!("runaway string constant \"{} ...", head(&value)))),
                        '\\' => {
                            value.push('\\');
                            value.push(peek(at + 1));
                            at += 2;
                        }
                        c => {
                            value.push(c);
                            at += 1;
                        }
                    }
                }
                at += 1;
                found.push((Token::Text(unescape(&value)), line));
            }
            '/' if pattern_may_follow(found.last().map(|(token, _)| token)) => {
                at += 1;
                let mut value = String::new();
                let mut set = false;
                loop {
                    let c = peek(at);
                    if at >= chars.len() || c == '\n' {
                        return Err((line, format!("runaway regular expression /{} ...", head(&value))));
                    }
                    at += 1;
                    match c {
                        '/' if !set => break,
                        '\\' if peek(at) == '/' => {
                            value.push('/');
                            at += 1;
                        }
                        '\\' => {
                            value.push('\\');
                            value.push(peek(at));
                            at += 1;
                        }
                        c => {
                            set = match c {
                                '[' => true,
                                ']' => value.ends_with('[') || value.ends_with("[^") && set,
                                _ => set,
                            };
                            value.push(c);
                        }
                    }
                }
                found.push((Token::Pattern(value), line));
            }
            '0'..='9' | '.' if c != '.' || peek(at + 1).is_ascii_digit() => {
                let rest: Vec<u8> = chars.iter().skip(at).take(400).map_while(|c| u8::try_from(*c).ok()).collect();
                let (value, len) = leading_float(&rest, false);
                found.push((Token::Number(value), line));
                at += len.max(1);
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let from = at;
                while peek(at).is_ascii_alphanumeric() || peek(at) == '_' {
                    at += 1;
                }
                let name: String = chars.get(from..at).unwrap_or_default().iter().collect();
                let token = if let Some(word) = WORDS.iter().find(|word| **word == name) {
                    Token::Word(word)
                } else if name == "printf" {
                    Token::Word("printf")
                } else if name == "func" {
                    Token::Word("function")
                } else if let Some(builtin) = BUILTINS.iter().find(|builtin| **builtin == name) {
                    Token::Builtin(builtin)
                } else if peek(at) == '(' {
                    Token::Call(name)
                } else {
                    Token::Name(name)
                };
                found.push((token, line));
            }
            _ => {
                let matches = |op: &&&str| op.chars().enumerate().all(|(ahead, c)| peek(at + ahead) == c);
                let Some(op) = OPS.iter().find(matches) else {
                    return Err((0, format!("{line}: unexpected character '{c}'")));
                };
                at += op.len();
                found.push((Token::Op(op), line));
            }
        }
    }
    found.push((Token::End, line + 1));
    Ok(found)
}

/// What of a text is shown in messages.
fn head(text: &str) -> String {
    text.chars().take(10).collect()
}

fn pattern_may_follow(last: Option<&Token>) -> bool {
    !matches!(
        last,
        Some(Token::Number(_) | Token::Text(_) | Token::Pattern(_) | Token::Name(_) | Token::Builtin(_))
            | Some(Token::Op(")" | "]" | "$" | "++" | "--"))
    )
}

/// The backslash sequences of a string.
pub(super) fn unescape(value: &str) -> Vec<u8> {
    let bytes = text::encode(value);
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(&next) = bytes.get(at) else {
            out.push(b'\\');
            break;
        };
        at += 1;
        match next {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'v' => out.push(11),
            b'\\' | b'"' => out.push(next),
            b'\n' => {}
            b'0'..=b'7' => {
                let mut value = u32::from(next - b'0');
                let mut len = 1;
                while let Some(digit) = bytes.get(at).filter(|_| len < 3).and_then(|&b| char::from(b).to_digit(8)) {
                    value = value * 8 + digit;
                    at += 1;
                    len += 1;
                }
                out.push(u8::try_from(value & 0xff).unwrap_or(0));
            }
            b'x' => {
                let mut value = None;
                let mut len = 0;
                while let Some(digit) = bytes.get(at).filter(|_| len < 2).and_then(|&b| char::from(b).to_digit(16)) {
                    value = Some(value.unwrap_or(0) * 16 + digit);
                    at += 1;
                    len += 1;
                }
                match value {
                    Some(value) => out.push(u8::try_from(value & 0xff).unwrap_or(0)),
                    None => out.extend_from_slice(b"\\x"),
                }
            }
            other => out.extend_from_slice(&[b'\\', other]),
        }
    }
    out
}
