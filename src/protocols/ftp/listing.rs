//! Directory listings as vsftpd 3.0.3 prints them: numeric owners, no total line, sorted by byte.

use super::filter::{BUDGET, fits};
use crate::base::clock::Timestamp;
use crate::world::{FileKind, Host, Stat, Who, resolve};

/// What a listing shows beside the plain names: the letters after `-`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `a`: names that begin with a dot, `.` and `..` too.
    pub all: bool,
    /// `l`: whole lines, not just names.
    pub long: bool,
    /// `r`: last first.
    pub reverse: bool,
    /// `t`: newest first.
    pub by_time: bool,
    /// `F`: `/` after folders, `@` after links.
    pub classify: bool,
}

impl Options {
    /// Takes the options off the front of an argument.
    pub fn split(mut self, argument: &[u8]) -> (Self, &[u8]) {
        let Some(rest) = argument.strip_prefix(b"-") else { return (self, argument) };
        let end = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
        let (letters, path) = rest.split_at(end);
        self.all |= letters.contains(&b'a');
        self.long |= letters.contains(&b'l');
        self.reverse |= letters.contains(&b'r');
        self.by_time |= letters.contains(&b't');
        self.classify |= letters.contains(&b'F');
        (self, path.strip_prefix(b" ").unwrap_or(path))
    }
}

/// Where a listing looks and which names it wants.
pub struct Request<'a> {
    /// Real path of the folder.
    pub folder: &'a [u8],
    /// The folder as the visitor named it, put before names that are not whole lines; empty for none.
    pub prefix: &'a [u8],
    /// Pattern of names, if any.
    pub filter: Option<&'a [u8]>,
    /// The letters.
    pub options: Options,
    /// Seconds since 1970, for the form of the dates.
    pub now: i64,
    /// Nothing is above the folder: it is the root of who is locked in.
    pub top: bool,
}

/// The lines; `None` when the folder can't be opened.
pub fn lines(host: &Host, who: &Who, request: &Request<'_>) -> Option<Vec<u8>> {
    let Request { folder, prefix, filter, options, now, top } = *request;
    let mut entries = host.list(who, folder).ok()?;
    if options.all {
        for dots in [b"..".as_slice(), b"."] {
            let place = if top { folder.to_vec() } else { resolve(folder, dots) };
            if let Ok(meta) = host.stat(who, &place, true) {
                entries.insert(0, (dots.to_vec(), meta));
            }
        }
    }
    let dotted = options.all || filter.is_some_and(|filter| filter.starts_with(b"."));
    let mut budget = BUDGET;
    entries.retain(|(name, _)| {
        (dotted || !name.starts_with(b".")) && filter.is_none_or(|filter| fits(name, filter, &mut budget))
    });
    if options.by_time {
        entries.sort_by_key(|(_, meta)| std::cmp::Reverse(meta.modified));
    }
    if options.reverse {
        entries.reverse();
    }
    let mut out = Vec::new();
    for (name, meta) in entries {
        if options.long {
            line(&mut out, &name, &meta, now);
            if meta.is_link() {
                out.extend_from_slice(b" -> ");
                out.extend(host.read_link(who, &resolve(folder, &name)).unwrap_or_default());
            }
        } else {
            if !prefix.is_empty() {
                out.extend_from_slice(prefix);
                if !prefix.ends_with(b"/") {
                    out.push(b'/');
                }
            }
            out.extend_from_slice(&name);
        }
        if options.classify {
            match meta.kind {
                FileKind::Folder => out.push(b'/'),
                FileKind::Link if !options.long => out.push(b'@'),
                _ => {}
            }
        }
        out.extend_from_slice(b"\r\n");
    }
    Some(out)
}

fn line(out: &mut Vec<u8>, name: &[u8], meta: &Stat, now: i64) {
    let fixed = format!(
        "{} {:>4} {:<8} {:<8} {:>8} {} ",
        meta.permissions(),
        meta.nlink,
        meta.uid,
        meta.gid,
        meta.size,
        date(meta.modified.secs, now)
    );
    out.extend_from_slice(fixed.as_bytes());
    out.extend_from_slice(name);
}

/// `Jan 15  2024` for what is older than half a year or in the future, else `Nov 23 07:48`.
fn date(at: i64, now: i64) -> String {
    let recent = at <= now && now - at < 182 * 86_400;
    let form = if recent { "%b %d %H:%M" } else { "%b %d  %Y" };
    Timestamp::from_second(at).unwrap_or_default().strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_columns_of_the_recording() {
        let at = crate::world::Time::at(1_705_314_600);
        let meta = Stat {
            ino: 12,
            kind: FileKind::File,
            mode: 0o644,
            nlink: 1,
            uid: 1001,
            gid: 1001,
            size: 14,
            rdev: (0, 0),
            accessed: at,
            modified: at,
            changed: at,
            flags: 0,
            dev: 0,
        };
        let mut out = Vec::new();
        line(&mut out, b"backup.tar.gz", &meta, 1_795_000_000);
        let wanted = b"-rw-r--r--    1 1001     1001           14 Jan 15  2024 backup.tar.gz";
        assert_eq!(out, wanted);
    }
}
