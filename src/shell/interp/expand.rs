//! Expansion of words: tilde, parameters, command substitution, arithmetic, splitting, globs, quotes.

use brush_parser::word::{self, TildeExpr, WordPiece, WordPieceWithSource};
use brush_parser::{ParserOptions, ast};

use super::{Exec, Flow, Interp, brace, glob};
use crate::shell::kernel::Boxed;
use crate::shell::{grammar, pattern, text};

/// Bytes that the words of one command may have together.
pub(super) const WORDS: usize = 4 * 1024 * 1024;

/// What a word becomes.
#[derive(Default)]
pub(super) struct Fields {
    done: Vec<Field>,
    now: Field,
    /// The field exists even when it is empty.
    open: bool,
    size: usize,
}

/// One word after splitting: its text, and the same as a pattern in which quoted characters are escaped.
#[derive(Clone, Default)]
struct Field {
    plain: String,
    pattern: String,
}

impl Fields {
    fn quoted(&mut self, text: &str) {
        self.open = true;
        self.size += text.len();
        self.now.plain.push_str(text);
        self.now.pattern.push_str(&pattern::escape(text));
    }

    fn literal(&mut self, text: &str) {
        self.open |= !text.is_empty();
        self.size += text.len();
        self.now.plain.push_str(text);
        self.now.pattern.push_str(text);
    }

    /// The result of an expansion outside quotes: split where `ifs` says.
    fn split(&mut self, text: &str, ifs: &str) {
        self.size += text.len();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if !ifs.contains(c) {
                self.open = true;
                self.now.plain.push(c);
                if c == '\\' {
                    self.now.pattern.push('\\');
                }
                self.now.pattern.push(c);
                continue;
            }
            let mut hard = !c.is_whitespace();
            while let Some(&next) = chars.peek()
                && ifs.contains(next)
                && (next.is_whitespace() || !hard)
            {
                hard |= !next.is_whitespace();
                chars.next();
            }
            if self.open || hard {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.done.push(std::mem::take(&mut self.now));
        self.open = false;
    }

    fn finish(mut self) -> Vec<Field> {
        if self.open {
            self.end();
        }
        self.done
    }
}

/// How a word is expanded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Into any number of words.
    Split,
    /// Into exactly one, as in assignments and here-strings.
    Single,
}

impl Interp {
    /// The words of a command after all expansions.
    pub(super) async fn words(&mut self, words: &[&str]) -> Exec<Vec<String>> {
        let mut all = Vec::new();
        let mut size = 0;
        for word in words {
            self.kernel().checkpoint().await?;
            if is_literal(word) {
                size += word.len();
                all.push(word.to_string());
            } else {
                for word in self.brace(word).await? {
                    let before = all.len();
                    self.word(&word, &mut all).await?;
                    let added = all.iter().skip(before).map(|word| word.len() + 8).sum::<usize>();
                    size += added;
                    self.kernel().spend(added as u64 / 64).await?;
                }
            }
            if size > WORDS {
                return Err(self.out_of_memory().await);
            }
        }
        Ok(all)
    }

    async fn brace(&mut self, word: &str) -> Exec<Vec<String>> {
        if !self.dialect.has_braces() || self.options.braces_off {
            return Ok(vec![word.to_string()]);
        }
        let Some(found) = brace::expand(word) else { return Err(self.out_of_memory().await) };
        self.kernel().spend(found.words.len() as u64 / 8).await?;
        if let Some(count) = found.excess {
            self.complain(&format!("brace expansion: failed to allocate memory for {count} elements")).await?;
        }
        Ok(found.words)
    }

    async fn word(&mut self, word: &str, all: &mut Vec<String>) -> Exec<()> {
        let mut fields = Fields::default();
        self.pieces_of(word, How::Split, &mut fields).await?;
        for field in fields.finish() {
            let globs = !self.options.noglob && pattern::is_pattern(&field.pattern, self.options.extglob);
            if !globs {
                all.push(field.plain);
                continue;
            }
            let found = glob::expand(self, &field.pattern).await?;
            if !found.is_empty() {
                all.extend(found);
            } else if self.options.failglob {
                self.complain(&format!("no match: {}", field.plain)).await?;
                return Err(Flow::Abort(1));
            } else if !self.options.nullglob {
                all.push(field.plain);
            }
        }
        Ok(())
    }

    /// A word that stays one word.
    pub(super) async fn single(&mut self, word: &str) -> Exec<String> {
        if is_literal(word) {
            return Ok(word.to_string());
        }
        let mut fields = Fields::default();
        self.pieces_of(word, How::Single, &mut fields).await?;
        let mut texts = fields.finish().into_iter().map(|field| field.plain);
        let first = texts.next().unwrap_or_default();
        Ok(texts.fold(first, |joined, next| joined + " " + &next))
    }

    /// A word as a pattern: what was quoted in it is escaped.
    pub(super) async fn pattern(&mut self, word: &str) -> Exec<String> {
        let mut fields = Fields::default();
        self.pieces_of(word, How::Single, &mut fields).await?;
        Ok(fields.finish().into_iter().map(|field| field.pattern).collect::<Vec<_>>().join(" "))
    }

    /// The body of a here-document.
    pub(super) async fn here_document(&mut self, body: &str) -> Exec<String> {
        self.kernel().spend(body.len() as u64).await?;
        let Ok(Ok(pieces)) = grammar::guarded(body, || word::parse_heredoc(body, &ParserOptions::default())) else {
            return Ok(body.to_string());
        };
        let mut fields = Fields::default();
        self.pieces(&pieces, true, How::Single, &mut fields).await?;
        Ok(fields.finish().into_iter().map(|field| field.plain).collect())
    }

    async fn pieces_of(&mut self, word: &str, how: How, out: &mut Fields) -> Exec<()> {
        let options = ParserOptions { tilde_expansion_after_colon: how == How::Single, ..ParserOptions::default() };
        let Ok(Ok(pieces)) = grammar::guarded(word, || word::parse(word, &options)) else {
            return self.bad_substitution(word).await;
        };
        self.pieces(&pieces, false, how, out).await
    }

    pub(super) async fn bad_substitution<T>(&mut self, word: &str) -> Exec<T> {
        let message = match self.dialect {
            super::Dialect::Dash => "Bad substitution".to_string(),
            super::Dialect::Ash => "syntax error: bad substitution".to_string(),
            super::Dialect::Bash => format!("{word}: bad substitution"),
        };
        self.complain(&message).await?;
        Err(Flow::Abort(1))
    }

    fn pieces<'a>(
        &'a mut self,
        pieces: &'a [WordPieceWithSource],
        quoted: bool,
        how: How,
        out: &'a mut Fields,
    ) -> Boxed<'a, Exec<()>> {
        Box::pin(async move {
            self.enter()?;
            let mut after_dollar = false;
            for piece in pieces {
                if let WordPiece::Text(text) = &piece.piece
                    && after_dollar
                    && text.starts_with('{')
                {
                    return self.bad_substitution(&format!("${text}")).await;
                }
                after_dollar = matches!(&piece.piece, WordPiece::Text(text) if text == "$");
                self.piece(&piece.piece, quoted, how, out).await?;
                if out.size > WORDS {
                    return Err(self.out_of_memory().await);
                }
            }
            self.exit_depth();
            Ok(())
        })
    }

    /// A piece outside quotes.
    pub(super) async fn piece_in(&mut self, piece: &WordPiece, how: How, out: &mut Fields) -> Exec<()> {
        self.piece(piece, false, how, out).await
    }

    async fn piece(&mut self, piece: &WordPiece, quoted: bool, how: How, out: &mut Fields) -> Exec<()> {
        match piece {
            WordPiece::Text(text) if quoted => out.quoted(text),
            WordPiece::Text(text) => out.literal(text),
            WordPiece::SingleQuotedText(text) => out.quoted(text),
            WordPiece::AnsiCQuotedText(text) if self.dialect == super::Dialect::Dash => {
                out.literal("$");
                out.quoted(text);
            }
            WordPiece::AnsiCQuotedText(escaped) => {
                let bytes = crate::shell::escape::ansi_c(escaped);
                out.quoted(&text::decode(&bytes));
            }
            WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
                let only_at = matches!(inner.as_slice(), [one] if is_at(&one.piece));
                out.open |= !only_at;
                self.pieces(inner, true, how, out).await?;
            }
            WordPiece::EscapeSequence(sequence) => {
                let c = sequence.strip_prefix('\\').unwrap_or(sequence);
                if c != "\n" {
                    out.quoted(c);
                }
            }
            WordPiece::TildeExpansion(tilde) if quoted => out.quoted(&tilde_source(tilde)),
            WordPiece::TildeExpansion(tilde) => {
                let home = self.tilde(tilde);
                out.quoted(&home);
            }
            WordPiece::ParameterExpansion(expression) => {
                self.parameter(expression, quoted, how, out).await?;
            }
            WordPiece::CommandSubstitution(command) | WordPiece::BackquotedCommandSubstitution(command) => {
                let output = self.substitute(command).await?;
                self.put(&output, quoted, how, out);
            }
            WordPiece::ArithmeticExpression(expression) => {
                let value = self.arithmetic(expression).await?;
                self.put(&value.to_string(), quoted, how, out);
            }
        }
        Ok(())
    }

    /// The result of an expansion.
    pub(super) fn put(&self, value: &str, quoted: bool, how: How, out: &mut Fields) {
        if quoted {
            out.quoted(value);
        } else if how == How::Single {
            // Not split, but wildcards in it count where it becomes a pattern.
            out.literal(value);
        } else {
            let ifs = self.vars.scalar("IFS").unwrap_or(" \t\n").to_string();
            out.split(value, &ifs);
        }
    }

    /// `"$@"` and its kin: each value a word of its own.
    pub(super) fn put_each(&self, values: &[String], star: bool, quoted: bool, how: How, out: &mut Fields) {
        let ifs = self.vars.scalar("IFS").unwrap_or(" \t\n");
        if (star && quoted) || how == How::Single {
            let joint: String =
                if star { ifs.chars().next().map(String::from).unwrap_or_default() } else { " ".into() };
            self.put(&values.join(&joint), quoted, how, out);
            if star && quoted {
                out.open = true;
            }
            return;
        }
        for (at, value) in values.iter().enumerate() {
            if at > 0 && out.open {
                out.end();
            }
            self.put(value, quoted, how, out);
        }
    }

    fn tilde(&self, tilde: &TildeExpr) -> String {
        match tilde {
            TildeExpr::Home => match self.vars.scalar("HOME") {
                Some(home) => home.to_string(),
                None => self.home_of(None).unwrap_or_else(|| "~".into()),
            },
            TildeExpr::UserHome(name) => self.home_of(Some(name)).unwrap_or_else(|| format!("~{name}")),
            TildeExpr::WorkingDir => text::decode(&self.cwd),
            TildeExpr::OldWorkingDir => self.vars.scalar("OLDPWD").unwrap_or("~-").to_string(),
            other => tilde_source(other),
        }
    }

    /// Expands `$` in an arithmetic expression and computes it.
    pub(super) async fn arithmetic(&mut self, expression: &ast::UnexpandedArithmeticExpr) -> Exec<i64> {
        self.arithmetic_text(&expression.value).await
    }

    /// The same from text.
    pub(super) async fn arithmetic_text(&mut self, expression: &str) -> Exec<i64> {
        let expanded = if expression.contains(['$', '`', '"', '\'', '\\']) {
            let unquoted = expression.replace('"', "");
            self.here_document(&unquoted).await?
        } else {
            expression.to_string()
        };
        match crate::shell::arith::evaluate(&expanded, self) {
            Ok(value) => Ok(value),
            Err(error) => {
                let error = match self.dialect {
                    super::Dialect::Bash => error,
                    _ if error.contains("division by 0") && self.dialect == super::Dialect::Dash => {
                        format!("arithmetic expression: division by zero: \"{expanded}\"")
                    }
                    super::Dialect::Dash => format!("arithmetic expression: expecting primary: \"{expanded}\""),
                    super::Dialect::Ash if error.contains("division by 0") => "divide by zero".into(),
                    super::Dialect::Ash => "arithmetic syntax error".into(),
                };
                self.complain(&error).await?;
                Err(Flow::Abort(1))
            }
        }
    }
}

/// Nothing in it that is expanded or quoted.
fn is_literal(word: &str) -> bool {
    !word.starts_with('~') && !word.contains(['$', '`', '\\', '\'', '"', '*', '?', '[', '{', '(', '~'])
}

fn is_at(piece: &WordPiece) -> bool {
    use brush_parser::word::{Parameter, ParameterExpr, SpecialParameter};
    matches!(
        piece,
        WordPiece::ParameterExpansion(
            ParameterExpr::Parameter {
                parameter: Parameter::Special(SpecialParameter::AllPositionalParameters { concatenate: false })
                    | Parameter::NamedWithAllIndices { concatenate: false, .. },
                ..
            } | ParameterExpr::MemberKeys { concatenate: false, .. }
                | ParameterExpr::Substring {
                    parameter: Parameter::Special(SpecialParameter::AllPositionalParameters { concatenate: false })
                        | Parameter::NamedWithAllIndices { concatenate: false, .. },
                    ..
                }
        )
    )
}

fn tilde_source(tilde: &TildeExpr) -> String {
    match tilde {
        TildeExpr::Home => "~".into(),
        TildeExpr::UserHome(name) => format!("~{name}"),
        TildeExpr::WorkingDir => "~+".into(),
        TildeExpr::OldWorkingDir => "~-".into(),
        TildeExpr::NthDirFromTopOfDirStack { n, plus_used } => format!("~{}{n}", if *plus_used { "+" } else { "" }),
        TildeExpr::NthDirFromBottomOfDirStack { n } => format!("~-{n}"),
    }
}
