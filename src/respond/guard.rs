//! No sentence of a model reaches a visitor unless the real thing could have said it. Plain rules, no second model;
//! whatever breaks one is replaced by the fallback.

/// What an answer must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grammar {
    /// `NNN text`, or `NNN-text` lines that end with `NNN text` of the same code (RFC 959, RFC 5321).
    Codes,
    /// A whole HTTP/1 response, or an HTML page.
    Http,
    /// What a program prints on a terminal.
    Terminal,
    /// Lines of a text protocol.
    Text,
}

/// The longest answer in bytes.
const LONGEST: usize = 8192;

/// Words that only a model says; compared without case.
const MODEL_TALK: &[&str] = &[
    "as an ai",
    "language model",
    "openai",
    "chatgpt",
    "i'm sorry",
    "i am sorry",
    "i apologize",
    "i cannot",
    "i can't",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "as a virtual",
    "assistant",
    "honeypot",
    "here is the",
    "here's",
    "here are",
    "you can use",
    "please note",
    "note that",
    "feel free",
    "certainly",
    "of course",
    "sure,",
    "sure!",
    "this command",
    "the command",
    "the output",
    "would you like",
    "let me",
    "i'll ",
    "i will ",
    "hello!",
    "how can i",
    "happy to",
    "in this example",
    "step 1",
    "guidelines",
    "ethical",
    "system prompt",
    "instructions",
];

/// The answer, trimmed, if it may be sent; else the name of the rule that it breaks.
pub(super) fn check(answer: &str, question: &str, grammar: Grammar) -> Result<String, &'static str> {
    let answer = answer.trim();
    if answer.is_empty() && grammar != Grammar::Terminal {
        return Err("empty");
    }
    if answer.len() > LONGEST {
        return Err("too long");
    }
    if !answer.bytes().all(|b| matches!(b, b'\n' | b'\r' | b'\t' | 0x20..=0x7e)) {
        return Err("charset");
    }
    if answer.contains("```")
        || answer.contains("**")
        || answer.lines().any(|line| line.starts_with("# ") || line.starts_with("## "))
    {
        return Err("markdown");
    }
    let lower = answer.to_ascii_lowercase();
    if MODEL_TALK.iter().any(|talk| lower.contains(talk)) {
        return Err("model talk");
    }
    let question = question.trim();
    if question.len() > 3
        && answer.lines().next().is_some_and(|first| first.trim_start_matches(['$', '#', ' ']) == question)
    {
        return Err("echo of the question");
    }
    let shaped = match grammar {
        Grammar::Codes => codes(answer),
        Grammar::Http => http(answer),
        Grammar::Terminal => !prose(answer) && !answer.contains('`') && !prompt(answer),
        Grammar::Text => !prose(answer) && !answer.contains('`'),
    };
    if shaped { Ok(answer.into()) } else { Err("grammar") }
}

fn codes(answer: &str) -> bool {
    let code_of = |line: &str| -> Option<(u16, char)> {
        let (code, rest) = line.split_at_checked(3)?;
        let code: u16 = code.parse().ok()?;
        let mark = rest.chars().next()?;
        ((100..600).contains(&code) && matches!(mark, ' ' | '-') && line.len() <= 512).then_some((code, mark))
    };
    let marks: Option<Vec<(u16, char)>> = answer.lines().map(code_of).collect();
    let Some((last, before)) = marks.as_deref().and_then(<[_]>::split_last) else { return false };
    last.1 == ' ' && before.iter().all(|mark| *mark == (last.0, '-'))
}

fn http(answer: &str) -> bool {
    let lower = answer.get(..15).unwrap_or(answer).to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        return lower.len() < answer.len() && answer.trim_end().to_ascii_lowercase().ends_with("</html>");
    }
    let unified = answer.replace('\r', "");
    let Some(head) = unified.split("\n\n").next() else { return false };
    let mut lines = head.lines();
    let status =
        lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 ")));
    let code = status.and_then(|status| status.get(..3)).and_then(|code| code.parse::<u16>().ok());
    let named = |line: &str| line.split_once(':').is_some_and(|(name, _)| !name.is_empty() && !name.contains(' '));
    code.is_some_and(|code| (200..600).contains(&code)) && lines.all(named)
}

/// A sentence: six words or more, a capital first, a full stop, colon or the like last. Programs print such lines too,
/// but seldom; losing one costs nothing.
fn prose(answer: &str) -> bool {
    let sentence = |line: &str| {
        let line = line.trim();
        let words = line.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count();
        let capital = line.chars().next().is_some_and(|first| first.is_ascii_uppercase() || first == '"');
        words >= 6 && capital && line.ends_with(['.', ':', '!', '?', '"']) && !line.starts_with("Try '")
    };
    let wordy = |line: &str| line.split_whitespace().count() >= 18 && line.contains(". ");
    answer.lines().any(|line| sentence(line) || wordy(line))
}

/// A made-up shell prompt inside the answer.
fn prompt(answer: &str) -> bool {
    answer.lines().any(|line| {
        let head = line.split_whitespace().next().unwrap_or_default();
        head.contains('@') && (head.ends_with('$') || head.ends_with('#'))
    })
}

#[cfg(test)]
mod tests {
    use super::Grammar::{Codes, Http, Terminal, Text};
    use super::check;

    #[test]
    fn what_programs_print_passes() {
        for (answer, grammar) in [
            ("250 2.1.0 Ok", Codes),
            ("211-Features:\n211-PASV\n211 End", Codes),
            ("NAME   MAJ:MIN RM SIZE RO TYPE MOUNTPOINT\nsda      8:0    0  20G  0 disk", Terminal),
            ("lsblk: invalid option -- 'y'\nTry 'lsblk --help' for more information.", Terminal),
            ("", Terminal),
            ("HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\nhello", Http),
            ("<html><body>ok</body></html>", Http),
            ("+OK ready", Text),
        ] {
            assert_eq!(check(answer, "question", grammar), Ok(answer.to_string()), "{answer}");
        }
    }

    #[test]
    fn what_models_say_does_not() {
        for (answer, grammar, rule) in [
            ("I'm sorry, but I can't help with that.", Terminal, "model talk"),
            ("```\nroot\n```", Terminal, "markdown"),
            ("Linux is an operating system that many people use.", Terminal, "grammar"),
            ("root@mail:~# ls\nfile", Terminal, "grammar"),
            ("lsblk -f\nsda", Terminal, "echo of the question"),
            ("Welcome to the server", Codes, "grammar"),
            ("250-a\n500 b", Codes, "grammar"),
            ("250-a", Codes, "grammar"),
            ("Hello world", Http, "grammar"),
            ("HTTP/1.1 200 OK\nThis is a page", Http, "grammar"),
            ("caf\u{e9}", Text, "charset"),
            ("", Text, "empty"),
        ] {
            assert_eq!(check(answer, "lsblk -f", grammar), Err(rule), "{answer}");
        }
        assert_eq!(check(&"x".repeat(9000), "q", Text), Err("too long"));
    }
}
