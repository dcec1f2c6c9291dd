//! What the model is told: one template per kind of question, filled with facts of the host. No secret, no name of the
//! operator, nothing of what this really is.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use super::guard::Grammar;
use crate::world::Persona;

/// A kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Voice {
    /// What a program without emulation prints.
    Program,
    /// The content of a file.
    File,
    /// A page of a program behind the web server.
    Page,
    /// A line of FTP in AI mode.
    Ftp,
    /// A line of SMTP in AI mode.
    Smtp,
    /// A request of HTTP in AI mode.
    Http,
    /// A line of a shell in AI mode.
    Telnet,
    /// A line of a free service.
    Tcp,
}

/// Name of the template's file, its text, what an answer must look like, the first turn of the conversation.
type Row = (Voice, &'static str, &'static str, Grammar, Option<&'static str>);

const TABLE: &[Row] = &[
    (Voice::Program, "program.txt", include_str!("../../data/prompts/program.txt"), Grammar::Terminal, None),
    (Voice::File, "file.txt", include_str!("../../data/prompts/file.txt"), Grammar::File, None),
    (Voice::Page, "page.txt", include_str!("../../data/prompts/page.txt"), Grammar::Page, None),
    (Voice::Ftp, "ftp.txt", include_str!("../../data/prompts/ftp.txt"), Grammar::Codes, None),
    (Voice::Smtp, "smtp.txt", include_str!("../../data/prompts/smtp.txt"), Grammar::Codes, None),
    // The original design's text for port 80. It is a request, so it opens the model's conversation; a server does not
    // send it.
    (
        Voice::Http,
        "http.txt",
        include_str!("../../data/prompts/http.txt"),
        Grammar::Http,
        Some("GET / HTTP/1.1\nHost: example.com"),
    ),
    (Voice::Telnet, "telnet.txt", include_str!("../../data/prompts/telnet.txt"), Grammar::Terminal, None),
    (Voice::Tcp, "tcp.txt", include_str!("../../data/prompts/tcp.txt"), Grammar::Text, None),
];

impl Voice {
    /// The voice of a protocol's AI mode; any unknown name is a free TCP service.
    pub fn of(protocol: &str) -> Self {
        match protocol {
            "ftp" => Self::Ftp,
            "smtp" => Self::Smtp,
            "http" => Self::Http,
            "telnet" => Self::Telnet,
            _ => Self::Tcp,
        }
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.0 == self)
    }

    /// What an answer must look like.
    pub(super) fn grammar(self) -> Grammar {
        self.row().map_or(Grammar::Text, |row| row.3)
    }

    /// The first turn of the conversation, before anything the visitor says.
    pub(super) fn opening(self) -> Option<&'static str> {
        self.row().and_then(|row| row.4)
    }
}

/// A template of the operator that can't be used.
#[derive(Debug)]
pub struct PromptError(String);

impl fmt::Display for PromptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PromptError {}

/// The templates.
#[derive(Clone, Debug, Default)]
pub struct Prompts {
    /// Those of the operator, by voice.
    own: HashMap<Voice, String>,
}

/// The longest template, in bytes.
const LONGEST: u64 = 16 << 10;

impl Prompts {
    /// The built-in ones; those that lie in the folder under the same names (`program.txt`, `file.txt`, …) count instead.
    ///
    /// # Errors
    /// A file that can't be read, is too long, or has a placeholder that nobody fills.
    pub fn open(folder: &Path) -> Result<Self, PromptError> {
        let mut own = HashMap::new();
        if folder.as_os_str().is_empty() {
            return Ok(Self { own });
        }
        for (voice, name, ..) in TABLE {
            let path = folder.join(name);
            let wrong = |why: String| PromptError(format!("{}: {why}; correct or remove it", path.display()));
            let meta = match std::fs::metadata(&path) {
                Ok(meta) => meta,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(wrong(error.to_string())),
            };
            if meta.len() > LONGEST {
                return Err(wrong(format!("it is longer than {LONGEST} bytes")));
            }
            let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
            if let Some(unknown) = unfilled(&text) {
                let known: Vec<String> = NAMES.iter().map(|name| format!("{{{name}}}")).collect();
                return Err(wrong(format!("nobody fills {{{unknown}}}; there are {}", known.join(", "))));
            }
            own.insert(*voice, text);
        }
        Ok(Self { own })
    }

    /// The system prompt of a voice on this host.
    pub fn system(&self, voice: Voice, persona: &Persona, canary: &str) -> String {
        let built_in = voice.row().map_or("", |row| row.2);
        let text = self.own.get(&voice).map_or(built_in, String::as_str);
        let values = [&persona.fqdn, &persona.os_pretty, &persona.kernel, &persona.machine, canary];
        NAMES
            .iter()
            .zip(values)
            .fold(text.trim().to_string(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}

/// What templates may have in braces.
const NAMES: [&str; 5] = ["fqdn", "os", "kernel", "machine", "canary"];

/// A word in braces that is none of the names.
fn unfilled(text: &str) -> Option<String> {
    text.split('{').skip(1).find_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase());
        (word && !NAMES.contains(&name)).then(|| name.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Config;

    #[test]
    fn all_that_stands_in_braces_is_filled() {
        let persona = Persona::new(&Config::default(), 7);
        for (voice, name, ..) in TABLE {
            let text = Prompts::default().system(*voice, &persona, "RX-1");
            assert!(!text.contains('{') && text.contains("RX-1") && text.contains(&persona.fqdn), "{name}: {text}");
            assert!(!text.to_ascii_lowercase().contains("honeypot") && !text.contains("ustbucket"), "{name}");
        }
    }

    #[test]
    fn the_operator_s_templates_count() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("program.txt"), "on {fqdn}").unwrap();
        let persona = Persona::new(&Config::default(), 7);
        let prompts = Prompts::open(folder.path()).unwrap();
        assert_eq!(prompts.system(Voice::Program, &persona, ""), format!("on {}", persona.fqdn));
        assert!(prompts.system(Voice::File, &persona, "").contains("content of one text file"));
        std::fs::write(folder.path().join("file.txt"), "of {user}").unwrap();
        let error = Prompts::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("file.txt: nobody fills {user}; there are {fqdn}, {os}"), "{error}");
    }
}
