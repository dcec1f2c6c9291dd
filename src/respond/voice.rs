//! What the model is told about each protocol, and which grammar its answers must have.

use super::guard::Grammar;
use crate::world::Persona;

/// How the model speaks one protocol.
pub(super) struct Voice {
    task: &'static str,
    /// What its answers must look like.
    pub grammar: Grammar,
    /// The first turn of the conversation, before anything the visitor says.
    pub opening: Option<&'static str>,
}

impl Voice {
    /// The voice of a protocol; any unknown name is a free TCP service.
    pub fn of(protocol: &str) -> Self {
        let (task, grammar, opening) = match protocol {
            "ftp" => (
                "You write the replies of an FTP server (vsftpd 3.0.3). Each message is one command line of the client. \
                 Answer with the reply only: a three-digit code, a space and a short text.",
                Grammar::Codes,
                None,
            ),
            "smtp" => (
                "You write the replies of an SMTP server (Postfix). Each message is one command line of the client. \
                 Answer with the reply only: a three-digit code, a space and a short text.",
                Grammar::Codes,
                None,
            ),
            // The original design's text for port 80. It is a request, so it opens the model's conversation;
            // a server does not send it.
            "http" => (
                "You write the responses of a web server (nginx/1.18.0 on Ubuntu). Each message is one HTTP request. \
                 Answer with the response only: status line, headers, an empty line and the body, or the HTML body alone.",
                Grammar::Http,
                Some("GET / HTTP/1.1\nHost: example.com"),
            ),
            "telnet" => (
                "You write what a bash shell prints, logged in as root. Each message is one command line. \
                 Answer with the exact output of the command and nothing else: no explanation, no prompt, no markdown. \
                 An unknown command prints: -bash: NAME: command not found",
                Grammar::Terminal,
                None,
            ),
            _ => (
                "You write the replies of a text-based network service. Each message is one line of the client. \
                 Answer with the reply only: no explanation, no markdown.",
                Grammar::Text,
                None,
            ),
        };
        Self { task, grammar, opening }
    }

    /// The system prompt: the task and the facts of the host.
    pub fn prompt(&self, persona: &Persona) -> String {
        let Persona { fqdn, os_pretty: os, kernel, machine, .. } = persona;
        format!("{} The machine is called {fqdn}; it runs {os}, kernel {kernel}, {machine}.", self.task)
    }
}
