//! The colours of ls: `LS_COLORS` or the built-in ones.

use super::Row;
use crate::shell::text;
use crate::world::FileKind;

/// Escape sequences by kind of file and by ending.
pub(super) struct Colors {
    kinds: Vec<(String, String)>,
    endings: Vec<(Vec<u8>, String)>,
}

const DEFAULTS: &str = "di=01;34:ln=01;36:pi=33:so=01;35:bd=01;33:cd=01;33:ex=01;32:do=01;35:su=37;41:sg=30;43:\
                        st=37;44:ow=34;42:tw=30;42:ca=30;41";
/// Terminals that dircolors knows to have colours.
const TERMINALS: [&str; 24] = [
    "Eterm",
    "ansi",
    "*color*",
    "con[0-9]*x[0-9]*",
    "cons25",
    "console",
    "cygwin",
    "*direct*",
    "dtterm",
    "gnome",
    "hurd",
    "jfbterm",
    "konsole",
    "kterm",
    "linux*",
    "mlterm",
    "putty*",
    "rxvt*",
    "screen*",
    "st",
    "terminator",
    "tmux*",
    "vt100",
    "xterm*",
];

/// Whether the terminal type is one with colours.
pub(super) fn knows(terminal: Option<&str>) -> bool {
    let name = terminal.unwrap_or_default().as_bytes();
    TERMINALS.iter().any(|known| super::super::glob::matches(known.as_bytes(), name, false))
}

impl Colors {
    /// None if nothing says that the terminal has colours.
    pub fn new(own: Option<&str>, terminal: Option<&str>, colorterm: Option<&str>) -> Option<Self> {
        let own = own.filter(|own| !own.is_empty());
        if own.is_none() && colorterm.is_none_or(str::is_empty) {
            knows(terminal).then_some(())?;
        }
        let mut colors = Self { kinds: Vec::new(), endings: Vec::new() };
        for item in DEFAULTS.split(':').chain(own.unwrap_or_default().split(':')) {
            let Some((key, value)) = item.split_once('=') else { continue };
            match key.strip_prefix('*') {
                Some(ending) => colors.endings.push((text::encode(ending), value.to_string())),
                None => {
                    colors.kinds.retain(|(known, _)| known != key);
                    colors.kinds.push((key.to_string(), value.to_string()));
                }
            }
        }
        Some(colors)
    }

    fn kind(&self, key: &str) -> Option<&str> {
        let value = self.kinds.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())?;
        Some(value).filter(|value| !value.is_empty() && *value != "0" && *value != "00")
    }

    /// The sequence for a row, or for what its link points to.
    pub fn of(&self, row: &Row, behind: bool) -> Option<&str> {
        let stat = if behind { row.target.as_ref().and_then(|(_, stat)| stat.as_ref()) } else { Some(&row.stat) };
        let Some(stat) = stat else { return self.kind("mi").or(self.kind("or")) };
        let mode = stat.mode;
        match stat.kind {
            FileKind::File => {
                let special = if mode & 0o4000 != 0 {
                    self.kind("su")
                } else if mode & 0o2000 != 0 {
                    self.kind("sg")
                } else if mode & 0o111 != 0 {
                    self.kind("ex")
                } else {
                    None
                };
                let name = match (&row.target, behind) {
                    (Some((target, _)), true) => text::encode(target),
                    _ => text::encode(&row.name),
                };
                let by_ending =
                    || self.endings.iter().rev().find(|(end, _)| name.ends_with(end)).map(|(_, v)| v.as_str());
                special.or_else(by_ending).or_else(|| self.kind("fi"))
            }
            FileKind::Folder => match (mode & 0o1000 != 0, mode & 0o002 != 0) {
                (true, true) => self.kind("tw"),
                (false, true) => self.kind("ow"),
                (true, false) => self.kind("st"),
                _ => self.kind("di"),
            },
            FileKind::Link if row.broken => self.kind("or").or(self.kind("ln")),
            FileKind::Link => self.kind("ln"),
            FileKind::Fifo => self.kind("pi"),
            FileKind::Socket => self.kind("so"),
            FileKind::BlockDevice => self.kind("bd"),
            FileKind::CharDevice => self.kind("cd"),
        }
    }
}
