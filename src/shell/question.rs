//! What is asked of whoever stands behind the emulator: a command line, and what its answer may depend on.

use sha2::{Digest as _, Sha256};

use super::kernel::Stop;
use super::program::Spec;
use super::text;
use crate::world::{FileKind, Host, Stat, Who, resolve};

/// A program of the host that nobody emulates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The command line, its words quoted where a shell would need it.
    pub line: String,
    /// Name of the program.
    pub program: String,
    /// Where it runs.
    pub cwd: String,
    /// Login name, or number, of who runs it.
    pub user: String,
    /// What the answer depends on beside the command line: two attackers with the same get the same.
    pub state: String,
    /// Names in the folder, at most [`NAMES`].
    pub names: Vec<String>,
}

/// Names of a folder that are told.
pub const NAMES: usize = 30;

/// Bytes of the files on a command line that are looked at, and how many of them are a step of work.
const LOOKED_AT: usize = 256 << 10;
const DIGESTED: u64 = 64;

/// Programs whose output is about the folder that they run in, also when it is not named.
const OF_FOLDER: &[&str] = &[
    "bazel",
    "bundle",
    "cargo",
    "cmake",
    "composer",
    "docker-compose",
    "gcc",
    "git",
    "go",
    "gradle",
    "g++",
    "hg",
    "make",
    "mvn",
    "node",
    "npm",
    "php",
    "rake",
    "ruby",
    "svn",
    "terraform",
    "yarn",
];

impl Question {
    /// That of a process. Looking at the files that it names is work of the session.
    pub(super) async fn of(spec: &Spec) -> Result<Self, Stop> {
        let program = spec.argv.first().map(|first| first.rsplit('/').next().unwrap_or(first)).unwrap_or_default();
        let host = &spec.kernel.host;
        let user = host.user(spec.who.uid).map_or_else(|| spec.who.uid.to_string(), |user| user.name);
        let mut state = format!("{user}\n");
        let (mut relative, mut left) = (OF_FOLDER.contains(&program), LOOKED_AT);
        for word in spec.argv.iter().skip(1).filter(|word| !word.starts_with('-')) {
            let path = resolve(&spec.cwd, &text::encode(word));
            if let Ok(stat) = host.stat(&spec.who, &path, true) {
                relative |= !word.starts_with('/');
                let before = left;
                state.push_str(&format!("{word} {}\n", seen(host, &spec.who, &path, &stat, &mut left)));
                spec.kernel.spend(1 + (before - left) as u64 / DIGESTED).await?;
            }
        }
        let cwd = String::from_utf8_lossy(&spec.cwd).into_owned();
        let listing = host.list(&spec.who, &spec.cwd).unwrap_or_default();
        let names: Vec<String> = listing
            .iter()
            .filter(|(name, _)| !name.starts_with(b"."))
            .take(NAMES)
            .map(|(name, stat)| {
                String::from_utf8_lossy(name).into_owned() + if stat.kind == FileKind::Folder { "/" } else { "" }
            })
            .collect();
        if relative {
            state.push_str(&cwd);
            names.iter().for_each(|name| state.push_str(&format!("\n{name}")));
        }
        // The shell holds bytes beyond ASCII in a form of its own.
        let line = String::from_utf8_lossy(&text::encode(&line(&spec.argv))).into_owned();
        Ok(Self { line, program: program.to_string(), cwd, user, state, names })
    }
}

/// What a file is to a program: its contents where they are short, so that two attackers who made the same file at
/// different times ask the same; else its size and time.
fn seen(host: &Host, who: &Who, path: &[u8], stat: &Stat, left: &mut usize) -> String {
    let short = stat.kind == FileKind::File && usize::try_from(stat.size).is_ok_and(|size| size <= *left);
    match short.then(|| host.read_unseen(who, path, *left)) {
        Some(Ok(bytes)) => {
            *left = left.saturating_sub(bytes.len());
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
        }
        _ => format!("{} {}", stat.size, stat.modified.secs),
    }
}

/// The words of a command line, quoted where a shell would need it.
fn line(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let words = ["dmsetup", "a b", "", "it's", "--x=/y"].map(String::from);
        assert_eq!(line(&words), "dmsetup 'a b' '' 'it'\\''s' --x=/y");
    }
}
