//! From a line to pipelines: words with quotes and variables, `;` `&` `&&` `||` `|`, redirections, comments.

use super::Shell;

/// When a pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    Always,
    And,
    Or,
}

/// Commands joined by `|`, and their text as typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pipeline {
    pub commands: Vec<Simple>,
    pub text: Vec<u8>,
}

/// One command: words and redirections.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    words: Vec<Word>,
    pub redirects: Vec<Redirect>,
}

/// `<`, `>`, `>>`, `2>`, `&>`, `2>&1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    /// 0 input, 1 output, 2 errors, 3 output and errors.
    pub fd: usize,
    pub append: bool,
    /// `2>&1`: no file, but where output goes.
    pub join: bool,
    pub target: Vec<u8>,
}

/// A word: pieces that are text, or variables to be looked up.
type Word = Vec<Piece>;

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Variable { name: Vec<u8>, quoted: bool },
    Home,
}

impl Simple {
    /// The words with their variables put in; unquoted ones are split at blanks. Assignments before a command are
    /// left out, and a command that is nothing but assignments has no words. `room` is what all variables of a line
    /// may still put in, in bytes; what is over it is cut.
    pub fn expand(&self, shell: &Shell, room: &mut usize) -> Vec<Vec<u8>> {
        let words = self.words.iter().skip_while(|word| assignment(word).is_some());
        words.flat_map(|word| expand(word, shell, room)).collect()
    }

    /// `NAME=value` words, with their variables put in.
    pub fn assignments(&self, shell: &Shell) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut room = VARIABLES;
        let assigned = self.words.iter().map_while(|word| {
            let name = assignment(word)?;
            let whole = expand(word, shell, &mut room).join(b" ".as_slice());
            Some((name.clone(), whole.get(name.len() + 1..).unwrap_or_default().to_vec()))
        });
        assigned.collect()
    }
}

fn assignment(word: &Word) -> Option<Vec<u8>> {
    let Some(Piece::Text(text)) = word.first() else { return None };
    let name = text.split(|&b| b == b'=').next().filter(|name| name.len() < text.len())?;
    let shaped = name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    (shaped && name.iter().all(|&b| is_name(b))).then(|| name.to_vec())
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Bytes that variables may put into one pipeline: about what Linux takes as one argument.
pub(super) const VARIABLES: usize = 128 << 10;

/// The value of a variable, within the room that is left.
fn value(name: &[u8], shell: &Shell, room: &mut usize) -> Vec<u8> {
    let mut value = shell.variable(name);
    value.truncate(*room);
    *room -= value.len();
    value
}

fn expand(word: &Word, shell: &Shell, room: &mut usize) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut current: Option<Vec<u8>> = None;
    for piece in word {
        match piece {
            Piece::Text(text) => current.get_or_insert_default().extend_from_slice(text),
            Piece::Home => current.get_or_insert_default().extend(value(b"HOME", shell, room)),
            Piece::Variable { name, quoted: true } => current.get_or_insert_default().extend(value(name, shell, room)),
            Piece::Variable { name, quoted: false } => {
                let value = value(name, shell, room);
                let mut parts = value.split(|b| b.is_ascii_whitespace()).filter(|part| !part.is_empty()).peekable();
                while let Some(part) = parts.next() {
                    current.get_or_insert_default().extend_from_slice(part);
                    if parts.peek().is_some() {
                        words.extend(current.take());
                    }
                }
            }
        }
    }
    words.extend(current);
    words
}

/// Parses a line; the error is the token that bash would complain about.
pub(super) fn line(line: &[u8]) -> Result<Vec<(Joint, Pipeline)>, Vec<u8>> {
    let mut parser = Parser {
        rest: line,
        todo: Vec::new(),
        joint: Joint::Always,
        pipeline: Pipeline::default(),
        command: Simple::default(),
    };
    parser.parse(line)?;
    Ok(parser.todo)
}

struct Parser<'a> {
    rest: &'a [u8],
    todo: Vec<(Joint, Pipeline)>,
    joint: Joint,
    pipeline: Pipeline,
    command: Simple,
}

const NEWLINE: &[u8] = b"newline";

impl<'a> Parser<'a> {
    fn parse(&mut self, line: &'a [u8]) -> Result<(), Vec<u8>> {
        let mut start = 0;
        loop {
            self.skip_blanks();
            let at = line.len() - self.rest.len();
            let text = line.get(start..at).unwrap_or_default().trim_ascii();
            match self.rest {
                [] | [b'#', ..] => {
                    let open = !self.pipeline.commands.is_empty() || self.joint != Joint::Always;
                    if open && self.command == Simple::default() {
                        return Err(NEWLINE.into());
                    }
                    return self.end_pipeline(text, NEWLINE, Joint::Always);
                }
                [b'&', b'&', ..] => self.joined(2, text, b"&&", Joint::And)?,
                [b'|', b'|', ..] => self.joined(2, text, b"||", Joint::Or)?,
                [b'&', b'>', ..] => {
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    self.redirect(3)?;
                    continue;
                }
                [b';', ..] => self.joined(1, text, b";", Joint::Always)?,
                [b'&', ..] => self.joined(1, text, b"&", Joint::Always)?,
                [b'|', ..] => {
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    self.end_command(b"|")?;
                    continue;
                }
                [b'2', b'>', ..] => {
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    self.redirect(2)?;
                    continue;
                }
                [b'>' | b'<', ..] => {
                    self.redirect(1)?;
                    continue;
                }
                [b @ (b'(' | b')'), ..] => return Err(vec![*b]),
                _ => {
                    let word = self.word();
                    self.command.words.push(word);
                    continue;
                }
            }
            start = line.len() - self.rest.len();
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn joined(&mut self, len: usize, text: &[u8], token: &[u8], next: Joint) -> Result<(), Vec<u8>> {
        self.rest = self.rest.get(len..).unwrap_or_default();
        if self.command == Simple::default() {
            return Err(token.into());
        }
        self.end_pipeline(text, token, next)
    }

    fn end_command(&mut self, token: &[u8]) -> Result<(), Vec<u8>> {
        if self.command == Simple::default() {
            return Err(token.into());
        }
        self.pipeline.commands.push(std::mem::take(&mut self.command));
        Ok(())
    }

    fn end_pipeline(&mut self, text: &[u8], token: &[u8], next: Joint) -> Result<(), Vec<u8>> {
        if self.command == Simple::default() && self.pipeline.commands.is_empty() {
            return Ok(());
        }
        self.end_command(token)?;
        self.pipeline.text = text.to_vec();
        self.todo.push((self.joint, std::mem::take(&mut self.pipeline)));
        self.joint = next;
        Ok(())
    }

    fn redirect(&mut self, fd: usize) -> Result<(), Vec<u8>> {
        let (fd, len) = match self.rest {
            [b'<', ..] => (0, 1),
            [b'>', b'>', ..] => (fd, 2),
            _ => (fd, 1),
        };
        self.rest = self.rest.get(len..).unwrap_or_default();
        if let [b'&', b'1' | b'2', rest @ ..] = self.rest {
            self.rest = rest;
            self.command.redirects.push(Redirect { fd, append: false, join: true, target: Vec::new() });
            return Ok(());
        }
        self.skip_blanks();
        if matches!(self.rest, [] | [b';' | b'&' | b'|' | b'<' | b'>', ..]) {
            return Err(self.rest.first().map_or(NEWLINE.into(), |&b| vec![b]));
        }
        let target = self.word().into_iter().flat_map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Variable { name, .. } => name,
            Piece::Home => b"~".to_vec(),
        });
        let target = target.collect();
        self.command.redirects.push(Redirect { fd, append: len == 2, join: false, target });
        Ok(())
    }

    /// One word, up to an unquoted blank or operator. A quote that is not closed ends with the line.
    fn word(&mut self) -> Word {
        let mut word = Word::new();
        if let [b'~', next @ ..] = self.rest
            && matches!(next, [] | [b'/' | b' ' | b'\t' | b';' | b'|' | b'&', ..])
        {
            word.push(Piece::Home);
            self.rest = next;
        }
        while let [first, rest @ ..] = self.rest {
            match first {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => break,
                b'\'' => {
                    let end = rest.iter().position(|&b| b == b'\'').unwrap_or(rest.len());
                    text(&mut word, rest.get(..end).unwrap_or_default());
                    self.rest = rest.get(end + 1..).unwrap_or_default();
                }
                b'"' => self.double_quoted(&mut word, rest),
                b'\\' => {
                    text(&mut word, rest.get(..1).unwrap_or_default());
                    self.rest = rest.get(1..).unwrap_or_default();
                }
                b'$' => self.variable(&mut word, rest, false),
                other => {
                    text(&mut word, &[*other]);
                    self.rest = rest;
                }
            }
        }
        word
    }

    fn double_quoted(&mut self, word: &mut Word, rest: &'a [u8]) {
        text(word, b"");
        self.rest = rest;
        while let [first, rest @ ..] = self.rest {
            match (first, rest.first()) {
                (b'"', _) => {
                    self.rest = rest;
                    return;
                }
                (b'\\', Some(next @ (b'"' | b'\\' | b'$' | b'`'))) => {
                    text(word, &[*next]);
                    self.rest = rest.get(1..).unwrap_or_default();
                }
                (b'$', _) => self.variable(word, rest, true),
                (other, _) => {
                    text(word, &[*other]);
                    self.rest = rest;
                }
            }
        }
    }

    fn variable(&mut self, word: &mut Word, rest: &'a [u8], quoted: bool) {
        let (name, after) = match rest {
            [b'?', after @ ..] => (b"?".as_slice(), after),
            [b'{', inner @ ..] => {
                let end = inner.iter().position(|&b| b == b'}').unwrap_or(inner.len());
                (inner.get(..end).unwrap_or_default(), inner.get(end + 1..).unwrap_or_default())
            }
            _ => rest.split_at(rest.iter().position(|&b| !is_name(b)).unwrap_or(rest.len())),
        };
        self.rest = after;
        if name.is_empty() {
            text(word, b"$");
        } else {
            word.push(Piece::Variable { name: name.into(), quoted });
        }
    }
}

fn text(word: &mut Word, bytes: &[u8]) {
    if let Some(Piece::Text(before)) = word.last_mut() {
        before.extend_from_slice(bytes);
    } else {
        word.push(Piece::Text(bytes.into()));
    }
}
