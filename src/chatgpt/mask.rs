//! What third parties entrusted to us does not go to somebody else's machine: public addresses and credentials get
//! stand-ins before a question leaves, and get them back in the answer.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

use regex::{Captures, Regex};

/// Where credentials stand in what people type: the named part is one.
const CREDENTIALS: &[&str] = &[
    r"://[^\s:/@]+:(?P<secret>[^\s@/]+)@",
    r"(?i)\b(?:pass(?:word|wd|phrase)?|pwd|token|secret|api[_-]?key|access[_-]?key)\b\s*[=:]\s*(?P<secret>[^\s;&|,]{3,})",
    r#"(?i)(?:pass(?:word|wd)?|pwd|token|secret|api[_-]?key)\\?"\s*:\s*\\?"(?P<secret>[^"\\]{3,})"#,
    r"(?i)\bauthorization:\s*(?:basic|bearer|digest|token)\s+(?P<secret>\S+)",
    r"(?i)\b(?:set-)?cookie:\s*(?P<secret>[^\r\n]+)",
    r"\bsshpass\s+-p\s*(?P<secret>\S+)",
    r"\bmysql\w*\s(?:[^|;]*\s)?-p(?P<secret>[^\s-]\S*)",
    r"\b(?:curl|wget|lftp|ftp)\s(?:[^|;]*\s)?(?:-u|--user|--password)[ =]\s*(?:[^\s:]+:)?(?P<secret>\S+)",
];

/// Stand-ins of one question.
#[derive(Debug, Default)]
pub(super) struct Mask {
    /// What was said, and what stands for it.
    pairs: Vec<(String, String)>,
}

/// Things that are masked in one question.
const MOST: usize = 250;

fn credentials() -> &'static [Regex] {
    static PATTERNS: OnceLock<Vec<Regex>> = OnceLock::new();
    PATTERNS.get_or_init(|| CREDENTIALS.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect())
}

fn addresses() -> Option<&'static Regex> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    PATTERN.get_or_init(|| Regex::new(r"\b(?:\d{1,3}\.){3}\d{1,3}\b").ok()).as_ref()
}

impl Mask {
    /// A text as it may leave.
    pub fn hide(&mut self, text: &str) -> String {
        let mut out = text.to_string();
        for pattern in credentials() {
            let hidden = pattern.replace_all(&out, |found: &Captures<'_>| {
                let whole = found.get(0).map(|part| part.as_str()).unwrap_or_default();
                let Some(secret) = found.name("secret") else { return whole.to_string() };
                let begin = secret.start() - found.get(0).map_or(0, |part| part.start());
                let stand_in = self.stand_in(secret.as_str(), |number| format!("zq{number:03}vx"));
                let (before, after) = (whole.get(..begin), whole.get(begin + secret.len()..));
                [before.unwrap_or_default(), &stand_in, after.unwrap_or_default()].concat()
            });
            out = hidden.into_owned();
        }
        let Some(pattern) = addresses() else { return String::new() };
        let hidden = pattern.replace_all(&out, |found: &Captures<'_>| {
            let text = found.get(0).map(|part| part.as_str()).unwrap_or_default();
            if !is_public(text) {
                return text.to_string();
            }
            self.stand_in(text, |number| format!("198.51.100.{}", number % 250 + 1))
        });
        hidden.into_owned()
    }

    fn stand_in(&mut self, said: &str, make: impl FnOnce(usize) -> String) -> String {
        if let Some((_, known)) = self.pairs.iter().find(|(known, stand_in)| known == said || stand_in == said) {
            return known.clone();
        }
        let made = make(self.pairs.len());
        if self.pairs.len() < MOST {
            self.pairs.push((said.to_string(), made.clone()));
        }
        made
    }

    /// An answer with what was said instead of what stood for it.
    pub fn restore(&self, text: &str) -> String {
        // The longest first: `198.51.100.1` is the beginning of `198.51.100.12`.
        let mut pairs: Vec<&(String, String)> = self.pairs.iter().collect();
        pairs.sort_by_key(|(_, stand_in)| std::cmp::Reverse(stand_in.len()));
        pairs.into_iter().fold(text.to_string(), |text, (said, stand_in)| text.replace(stand_in.as_str(), said))
    }
}

/// An address of somebody else: neither private, nor local, nor of documentation.
fn is_public(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok_and(|ip| {
        let [first, ..] = ip.octets();
        !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || ip.is_broadcast())
            && !(ip.is_multicast() || ip.is_documentation() || first == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_has_no_secret_and_what_comes_back_has_it_again() {
        for (said, secret) in [
            ("curl http://bob:hunter22@10.0.0.1/x", "hunter22"),
            ("export API_KEY=abcdef123; run", "abcdef123"),
            ("mysql -u root -pS3cret! -e 'show tables'", "S3cret!"),
            ("sshpass -p letmein9 ssh x", "letmein9"),
            ("Authorization: Basic Ym9iOmh1bnRlcg==", "Ym9iOmh1bnRlcg=="),
            ("{\"password\": \"tr0ub4dor\"}", "tr0ub4dor"),
            ("curl -u bob:hunter22 ftp://x/", "hunter22"),
            ("traceroute 81.2.69.142", "81.2.69.142"),
        ] {
            let mut mask = Mask::default();
            let left = mask.hide(said);
            assert!(!left.contains(secret), "{left}");
            assert_eq!(mask.restore(&left), said);
        }
        let mut mask = Mask::default();
        let many: String = (1..30).map(|number| format!("9.9.9.{number} ")).collect();
        let left = mask.hide(&many);
        assert!(!left.contains("9.9.9."));
        assert_eq!(mask.restore(&left), many);
        assert_eq!(mask.hide("ping 10.0.2.15 192.168.1.1 127.0.0.1"), "ping 10.0.2.15 192.168.1.1 127.0.0.1");
    }
}
