//! `PS1` and `PS2`: what their backslashes stand for.

use crate::shell::interp::{Dialect, Exec, Interp};
use crate::shell::text;
use crate::world::name;

impl Interp {
    /// `PS1`: backslash escapes, then expansions.
    pub(in crate::shell) async fn prompt(&mut self, source: &str) -> Exec<String> {
        if self.dialect == Dialect::Dash {
            return self.prompt_expand(source).await;
        }
        let mut out = String::new();
        let mut chars = source.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            let host = self.hostname.clone();
            match chars.next() {
                Some('u') => {
                    let user = self.kernel().host.user(self.who().uid);
                    out.push_str(&user.map_or_else(|| "I have no name!".to_string(), |user| user.name));
                }
                Some('h') => out.push_str(host.split('.').next().unwrap_or_default()),
                Some('H') => out.push_str(&host),
                Some(which @ ('w' | 'W')) => {
                    let cwd = text::decode(&self.cwd);
                    let home = self.vars.scalar("HOME").unwrap_or_default();
                    let shown = match cwd.strip_prefix(home) {
                        Some(rest) if !home.is_empty() && (rest.is_empty() || rest.starts_with('/')) => {
                            format!("~{rest}")
                        }
                        _ => cwd.clone(),
                    };
                    if which == 'w' || shown == "~" || shown == "/" {
                        out.push_str(&shown);
                    } else {
                        out.push_str(&text::decode(name(&self.cwd)));
                    }
                }
                Some('$') => out.push_str(if self.who().uid == 0 { "#" } else { "\\$" }),
                Some('s') => out.push_str(self.name0.rsplit('/').next().unwrap_or_default()),
                Some(which @ ('v' | 'V')) => {
                    let version = &self.kernel().host.persona().bash_version;
                    let short = version.rsplit_once('.').map_or(version.as_str(), |(short, _)| short);
                    out.push_str(if which == 'v' { short } else { version });
                }
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('a') => out.push('\x07'),
                Some('e') => out.push('\x1b'),
                Some('[' | ']') => {}
                Some('!') => out.push_str(&(self.history.len() + 1).to_string()),
                Some('#') => out.push_str(&(self.history.len() + 1).to_string()),
                Some('j') => out.push_str(&self.jobs.all().len().to_string()),
                Some('l') => out.push_str(&self.spec.tty.map(|tty| tty.to_string()).unwrap_or_default()),
                Some('t') => out.push_str(&crate::base::clock::now().strftime("%H:%M:%S").to_string()),
                Some('T') => out.push_str(&crate::base::clock::now().strftime("%I:%M:%S").to_string()),
                Some('@') => out.push_str(&crate::base::clock::now().strftime("%I:%M %p").to_string()),
                Some('A') => out.push_str(&crate::base::clock::now().strftime("%H:%M").to_string()),
                Some('d') => out.push_str(&crate::base::clock::now().strftime("%a %b %d").to_string()),
                Some('0') => {
                    let digits: String = chars.clone().take_while(char::is_ascii_digit).take(2).collect();
                    for _ in 0..digits.len() {
                        chars.next();
                    }
                    out.extend(u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32));
                }
                Some('\\') => out.push_str("\\\\"),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            }
        }
        self.prompt_expand(&out).await
    }
}
