//! The grammar, by `brush-parser`, behind a guard: bounded input, deep nesting on a stack of its own, and the words
//! in which bash, dash and ash report what they cannot parse.

mod budget;
mod ends;
mod settle;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use brush_parser::ast::Program;
use brush_parser::{ParseError, ParserOptions, Token, TokenizerError};

use budget::Failed;
pub(super) use budget::guarded;

/// Longest text that is parsed in one piece.
pub(super) const TEXT: usize = 64 * 1024;
/// Nested constructs that the session's own stack is good for.
const SHALLOW: usize = 24;
/// Constructs in one piece of text, above which it is refused.
const DEEP: usize = 1_000;
/// Stack for what is not shallow; only touched pages cost anything.
const STACK: usize = 256 * 1024 * 1024;

/// The marker in front of the variable of `select`, which the library does not know.
pub(super) const SELECT: &str = "__select_";

/// What became of a text.
pub(super) enum Parsed {
    Program(Arc<Program>),
    /// More lines are needed; the error to give when none come.
    Incomplete(Missing),
    /// Cannot be parsed: at that token, in that line.
    Unexpected {
        token: String,
        line: usize,
    },
    /// Refused by the guard.
    TooDeep,
}

/// What an unfinished text lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The closing quote or bracket.
    Quote(char),
    /// A here-document's end; bash goes on without it. Its word.
    HereDocument(String),
    /// The rest of a command.
    Command,
}

impl Missing {
    /// Whether one more line may bring what lacks, so that it is worth parsing all of them again; `whole` is what came
    /// before it. Otherwise ten thousand lines of a here-document would be parsed ten thousand times.
    pub fn may_end_with(&self, line: &str, whole: &str) -> bool {
        match self {
            Self::Quote(quote) => line.contains(*quote),
            Self::HereDocument(word) if word.is_empty() => line.trim_start_matches('\t').is_empty(),
            Self::HereDocument(_) => {
                let line = line.trim_start_matches('\t');
                here_words(whole).iter().any(|word| line.starts_with(word.as_str()))
            }
            Self::Command => true,
        }
    }
}

/// Parses a text; `aliases` are put in where bash does.
pub(super) fn parse(text: &str, aliases: &HashMap<String, String>) -> Parsed {
    if text.len() > TEXT {
        return Parsed::TooDeep;
    }
    let openers = openers(text);
    if openers > DEEP {
        return Parsed::TooDeep;
    }
    if openers <= SHALLOW {
        return parse_here(text, aliases);
    }
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("grammar".into()).stack_size(STACK);
        builder
            .spawn_scoped(scope, || parse_here(text, aliases))
            .ok()
            .and_then(|handle| handle.join().ok())
            .unwrap_or(Parsed::TooDeep)
    })
}

/// The texts that were parsed last, and what they mean: every login reads the same `/etc/profile` and `~/.bashrc`.
static RECENT: Mutex<VecDeque<(String, Arc<Program>)>> = Mutex::new(VecDeque::new());
/// How many of them are kept, and the longest, in bytes.
const KEPT: usize = 16;
const KEPT_TEXT: usize = 8 * 1024;

/// Parses the text of a whole script, or finds what it was parsed to before.
pub(super) fn parse_script(text: &str, aliases: &HashMap<String, String>) -> Parsed {
    if !aliases.is_empty() || text.len() > KEPT_TEXT {
        return parse(text, aliases);
    }
    let keep = |recent: &mut VecDeque<_>, text: String, program: &Arc<Program>| {
        recent.truncate(KEPT - 1);
        recent.push_front((text, Arc::clone(program)));
    };
    let recent = || RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    {
        let mut recent = recent();
        let known = recent.iter().position(|(known, _)| known == text).and_then(|at| recent.remove(at));
        if let Some((known, program)) = known {
            keep(&mut recent, known, &program);
            return Parsed::Program(program);
        }
    }
    let parsed = parse(text, aliases);
    if let Parsed::Program(program) = &parsed {
        keep(&mut recent(), text.to_owned(), program);
    }
    parsed
}

/// Constructs that may nest, counted without regard to quotes.
fn openers(text: &str) -> usize {
    let marks = text.bytes().filter(|byte| b"({`".contains(byte)).count();
    let words = text
        .split(|c: char| c.is_whitespace() || ";&|(){}".contains(c))
        .filter(|word| matches!(*word, "if" | "while" | "until" | "for" | "case" | "select" | "!"))
        .count();
    marks + words
}

fn parse_here(text: &str, aliases: &HashMap<String, String>) -> Parsed {
    let parsed = match guarded(text, || parse_unguarded(&ends::named(text), aliases)) {
        Ok(parsed) => parsed,
        Err(Failed::Panicked) => Parsed::Incomplete(Missing::Quote(')')),
        Err(Failed::Spent) => Parsed::TooDeep,
    };
    match parsed {
        Parsed::Incomplete(Missing::HereDocument(word)) if word == ends::EMPTY => {
            Parsed::Incomplete(Missing::HereDocument(String::new()))
        }
        other => other,
    }
}

/// The tokens of a text, by the library. Where a text ends in the line of a here-document whose word is empty, however it
/// came to that, the library adds tokens without end; two more newlines bring it out of every such line.
fn tokenize(text: &str) -> Result<Vec<Token>, TokenizerError> {
    let options = options().tokenizer_options();
    if !text.contains("<<") {
        return brush_parser::uncached_tokenize_str(text, &options);
    }
    let mut tokens = brush_parser::uncached_tokenize_str(&format!("{text}\n\n"), &options)?;
    let end = text.chars().count();
    while tokens.last().is_some_and(|last| last.to_str() == "\n" && last.location().end.index > end) {
        tokens.pop();
    }
    Ok(tokens)
}

fn parse_unguarded(text: &str, aliases: &HashMap<String, String>) -> Parsed {
    let options = options();
    let tokens = match tokenize(text) {
        Ok(tokens) => tokens,
        Err(error) => return untokenized(text, &error),
    };
    let prepared = prepare(tokens, aliases, 0);
    if let Some(token) = prepared.misplaced {
        return unexpected(&token);
    }
    let tokens = match settle::settle(prepared.tokens, &prepared.shape) {
        Ok(tokens) => tokens,
        Err(parsed) => return parsed,
    };
    match brush_parser::parse_tokens(&tokens, &options) {
        Ok(program) => Parsed::Program(Arc::new(program)),
        Err(ParseError::ParsingNear(position)) => {
            let at = tokens.iter().find(|token| token.location().start.index >= position.index);
            at.map_or(Parsed::Incomplete(Missing::Command), unexpected)
        }
        Err(ParseError::ParsingAtEndOfInput) => match tokens.last() {
            Some(Token::Operator(operator, span)) if is_redirection(operator) => {
                Parsed::Unexpected { token: "newline".into(), line: span.start.line }
            }
            Some(Token::Word(word, span)) if matches!(word.as_str(), "for" | "case" | "select" | "function") => {
                Parsed::Unexpected { token: "newline".into(), line: span.start.line }
            }
            _ => Parsed::Incomplete(Missing::Command),
        },
        Err(ParseError::Tokenizing { .. }) => Parsed::Incomplete(Missing::Command),
    }
}

fn options() -> ParserOptions {
    ParserOptions { tilde_expansion_after_colon: true, ..ParserOptions::default() }
}

fn is_redirection(operator: &str) -> bool {
    operator.contains(['<', '>'])
}

fn unexpected(token: &Token) -> Parsed {
    let text = token.to_str();
    let text = if text.starts_with('\n') { "newline" } else { text };
    let text = text.strip_prefix(SELECT).unwrap_or(text);
    Parsed::Unexpected { token: text.into(), line: token.location().start.line }
}

fn untokenized(text: &str, error: &TokenizerError) -> Parsed {
    use TokenizerError as E;
    let missing = match error {
        E::UnterminatedSingleQuote(_) | E::UnterminatedAnsiCQuote(_) => Missing::Quote('\''),
        E::UnterminatedDoubleQuote(_) => Missing::Quote('"'),
        E::UnterminatedBackquote(_) => Missing::Quote('`'),
        E::UnterminatedCommandSubstitution | E::UnterminatedExpansion | E::UnterminatedExtendedGlob(_) => {
            Missing::Quote(')')
        }
        E::UnterminatedVariable => Missing::Quote('}'),
        E::UnterminatedHereDocuments(..) | E::MissingHereTagForDocumentBody | E::MissingHereTag(_) => {
            match here_words(text).pop() {
                Some(word) => Missing::HereDocument(word),
                None => return Parsed::Unexpected { token: "newline".into(), line: 1 },
            }
        }
        E::UnterminatedEscapeSequence => Missing::Command,
        E::FailedDecoding | E::ReadError(_) => Missing::Command,
    };
    Parsed::Incomplete(missing)
}

/// The words after `<<`, without their quotes.
fn here_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("<<") {
        rest = rest.get(at + 2..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix('<') {
            rest = after;
            continue;
        }
        let word = rest.trim_start_matches('-').trim_start_matches([' ', '\t']);
        let end = word.find(|c: char| c.is_whitespace() || ";&|<>()".contains(c)).unwrap_or(word.len());
        let word: String = word.get(..end).unwrap_or_default().chars().filter(|c| !"'\"\\".contains(*c)).collect();
        if !word.is_empty() {
            words.push(word);
        }
    }
    words
}

/// Where in the grammar a token stands.
#[derive(PartialEq)]
enum Open {
    /// With the number of its token.
    Paren(usize),
    /// `[[`
    Test,
    If,
    Then,
    Loop,
    Do,
    Case,
    Brace,
}

/// What [`prepare`] made of the tokens.
struct Prepared {
    tokens: Vec<Token>,
    /// A closing word that nothing opened.
    misplaced: Option<Token>,
    shape: settle::Shape,
}

impl Prepared {
    fn misplaced(token: Token) -> Self {
        Self { tokens: Vec::new(), misplaced: Some(token), shape: settle::Shape::default() }
    }
}

/// Puts aliases in, marks `select`, ends the last item of each `case`, and finds a closing word that nothing opened and
/// which parentheses belong together.
fn prepare(tokens: Vec<Token>, aliases: &HashMap<String, String>, depth: u32) -> Prepared {
    let mut shape = settle::Shape::default();
    // `case WORD`, before its `in`.
    let mut awaits_in = false;
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut open: Vec<Open> = Vec::new();
    let mut command = true;
    let mut select = false;
    let mut function = false;
    let mut in_pattern = false;
    let mut after_redirect = false;
    for token in tokens {
        let (text, span) = match &token {
            Token::Operator(operator, _) => {
                let in_test = open.iter().rfind(|open| !matches!(open, Open::Paren(_))) == Some(&Open::Test);
                match (operator.as_str(), open.last()) {
                    ("(", Some(Open::Case)) if in_pattern => {}
                    ("(", _) => open.push(Open::Paren(out.len())),
                    (")", Some(Open::Paren(at))) => {
                        shape.pairs.push((*at, out.len()));
                        open.pop();
                    }
                    (")", Some(Open::Case)) => {}
                    (")", _) if depth == 0 => return Prepared::misplaced(token),
                    _ => {}
                }
                if in_test {
                    shape.in_test.push(out.len());
                    out.push(token);
                    continue;
                }
                after_redirect = is_redirection(operator);
                let before_in = awaits_in && operator == "\n";
                if !after_redirect && !before_in {
                    command = true;
                    let goes_on = matches!(operator.as_str(), "\n" | "|" | "(") && in_pattern;
                    let ends = matches!(operator.as_str(), ";;" | ";&" | ";;&");
                    in_pattern = (ends || goes_on) && open.last() == Some(&Open::Case);
                }
                out.push(token);
                continue;
            }
            Token::Word(text, span) => (text.as_str(), span),
        };
        if std::mem::take(&mut after_redirect) {
            out.push(token);
            continue;
        }
        // The name after `function`; its body is a command again.
        if std::mem::take(&mut function) {
            out.push(token);
            continue;
        }
        if std::mem::take(&mut select) {
            out.push(Token::Word(format!("{SELECT}{text}"), span.clone()));
            continue;
        }
        if !command {
            // `in` after `case WORD` begins the patterns.
            if text == "in" && open.last() == Some(&Open::Case) && std::mem::take(&mut awaits_in) {
                in_pattern = true;
            }
            if text == "]]"
                && let Some(at) = open.iter().rposition(|open| *open == Open::Test)
            {
                open.truncate(at);
            }
            if text == "do" && open.last() == Some(&Open::Loop) {
                open.pop();
                open.push(Open::Do);
                command = true;
            }
            out.push(token);
            continue;
        }
        if in_pattern && text != "esac" {
            command = false;
            out.push(token);
            continue;
        }
        let mut misplaced = false;
        match text {
            "if" => open.push(Open::If),
            "then" => {
                misplaced = !matches!(open.pop(), Some(Open::If)) || {
                    open.push(Open::Then);
                    false
                }
            }
            "elif" => {
                misplaced = !matches!(open.pop(), Some(Open::Then)) || {
                    open.push(Open::If);
                    false
                }
            }
            "else" => misplaced = !matches!(open.last(), Some(Open::Then)),
            "fi" => misplaced = !matches!(open.pop(), Some(Open::Then)),
            "while" | "until" => open.push(Open::Loop),
            "for" | "select" => {
                open.push(Open::Loop);
                command = false;
                select = text == "select";
                let word = if select { "for".into() } else { text.to_string() };
                out.push(Token::Word(word, span.clone()));
                continue;
            }
            "do" => {
                misplaced = !matches!(open.pop(), Some(Open::Loop)) || {
                    open.push(Open::Do);
                    false
                }
            }
            "done" => misplaced = !matches!(open.pop(), Some(Open::Do)),
            "[[" => {
                open.push(Open::Test);
                command = false;
            }
            "case" => {
                open.push(Open::Case);
                shape.cases = shape.cases.max(open.iter().filter(|open| **open == Open::Case).count());
                awaits_in = true;
                command = false;
            }
            "esac" => {
                misplaced = !matches!(open.pop(), Some(Open::Case));
                if !std::mem::take(&mut in_pattern) && !misplaced {
                    settle::end_item(&mut out);
                }
                shape.esacs.push(out.len());
            }
            "{" => open.push(Open::Brace),
            "}" => misplaced = !matches!(open.pop(), Some(Open::Brace)),
            "!" | "time" => {}
            "function" => function = true,
            _ => {
                if let Some(value) = aliases.get(text).filter(|_| depth < 8) {
                    let mut others = aliases.clone();
                    others.remove(text);
                    let inner = prepare(tokenize(value).unwrap_or_default(), &others, depth + 1).tokens;
                    let words = inner.into_iter().map(|token| match token {
                        Token::Word(text, _) => Token::Word(text, span.clone()),
                        Token::Operator(text, _) => Token::Operator(text, span.clone()),
                    });
                    out.extend(words);
                    // A value that ends with a blank makes the next word a candidate too.
                    command = value.ends_with([' ', '\t']);
                    continue;
                }
                // Assignments before the command leave the place open.
                command = is_assignment(text);
            }
        }
        if misplaced && depth == 0 {
            return Prepared::misplaced(token);
        }
        out.push(token);
    }
    shape.open_test = open.iter().position(|open| *open == Open::Test).is_some_and(|at| at + 1 < open.len());
    Prepared { tokens: out, misplaced: None, shape }
}

/// `NAME=…`, `NAME+=…`, `NAME[…]=…`
fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    let name = name.strip_suffix('+').unwrap_or(name);
    let name = name.split('[').next().unwrap_or_default();
    is_name(name)
}

/// Whether it can be a variable.
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> String {
        match parse(text, &HashMap::new()) {
            Parsed::Program(_) => "ok".into(),
            Parsed::Incomplete(missing) => format!("{missing:?}"),
            Parsed::Unexpected { token, line } => format!("{line}:{token}"),
            Parsed::TooDeep => "deep".into(),
        }
    }

    #[test]
    fn errors_are_where_bash_sees_them() {
        let cases = [
            ("if", "Command"),
            ("fi", "1:fi"),
            ("{ echo a }", "Command"),
            ("}", "1:}"),
            ("done", "1:done"),
            ("echo a;; b", "1:;;"),
            ("echo x >", "1:newline"),
            ("| cat", "1:|"),
            ("echo \"x", "Quote('\"')"),
            ("cat <<E", "HereDocument(\"E\")"),
            ("for i in a; do echo; done", "ok"),
            ("case a in a) echo;; if) echo;; esac", "ok"),
            ("echo if then fi done", "ok"),
            ("select x in a b; do echo; done", "ok"),
            ("echo a &&", "Command"),
            ("a=1 b=2", "ok"),
            ("function g { echo; }; g", "ok"),
            ("function g", "Command"),
            ("x=fi; done", "1:done"),
            ("if true; then echo a; fi; }", "1:}"),
        ];
        for (text, wanted) in cases {
            assert_eq!(outcome(text), wanted, "{text}");
        }
    }

    /// Each of these made the library add tokens until no memory was left.
    #[test]
    fn here_documents_end_with_the_text() {
        for (text, wanted) in [
            ("<<'' ", "HereDocument(\"\")"),
            ("$(cat <<", "1:newline"),
            ("$(cat << ", ""),
            ("$(cat <<''\na\n\n)", "ok"),
            ("\"$(cat <<'' )\"", "ok"),
            ("\"$(cat <<'' ", ""),
            ("`cat <<''", "Quote('`')"),
            ("$(cat << #\\", ""),
            ("<<\\\n", ""),
            ("<<'' <<x", ""),
            ("<<\"\"<<''", ""),
            ("$(( 1 ); cat <<'' \\", ""),
            ("cat <<E\nx\nE", "ok"),
            ("cat <<E # c\nx\nE\n# c", "ok"),
            ("cat <<E >", "HereDocument(\"E\")"),
            ("cat <<E\nE\necho >", "3:newline"),
            ("cat <<E\nE\nif", "Command"),
            ("cat <<E\nE\necho \\", ""),
        ] {
            for tail in ["", " ", "\n", " #", "\\", ")", "\")", "'"] {
                let found = outcome(&format!("{text}{tail}"));
                if tail.is_empty() {
                    assert!(found.starts_with(wanted), "{text:?}: {found}");
                }
            }
        }
    }

    #[test]
    fn deep_nesting_is_survived_or_refused() {
        assert_eq!(outcome(&"if true; then ".repeat(500)), "Command");
        assert_eq!(outcome(&format!("{}x{}", "(".repeat(400), ")".repeat(400))), "ok");
        assert_eq!(outcome(&"(".repeat(5000)), "deep");
        assert_eq!(outcome(&"$(".repeat(900)), "Quote(')')");
    }
}
