//! `rm`, `rmdir`, `mkdir`, `shred` (coreutils 8.30).

use super::{mode, options};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{Errno, FileKind, Stat};

/// What a kind of file is called in questions and messages.
pub(super) fn kind_name(stat: &Stat) -> &'static str {
    match stat.kind {
        FileKind::File if stat.size == 0 => "regular empty file",
        FileKind::File => "regular file",
        FileKind::Folder => "directory",
        FileKind::Link => "symbolic link",
        FileKind::CharDevice => "character special file",
        FileKind::BlockDevice => "block special file",
        FileKind::Fifo => "fifo",
        FileKind::Socket => "socket",
    }
}

/// Asks on standard error and reads the answer.
pub(super) async fn ask(c: &mut Cmd, question: &str) -> Result<bool, Stop> {
    let name = c.name.clone();
    c.err(&format!("{name}: {question}"));
    c.flush().await?;
    let answer = c.read_line().await?.unwrap_or_default();
    Ok(matches!(answer.first(), Some(b'y' | b'Y')))
}

/// Folders in folders that are gone through.
const DEPTH: usize = 512;

enum Todo {
    Look(String, bool),
    Leave(String, Stat),
}

struct Rm {
    force: bool,
    ask: bool,
    recursive: bool,
    folders: bool,
    verbose: bool,
}

pub(super) async fn rm(c: &mut Cmd) -> Result<i32, Stop> {
    let table =
        "f,force i I interactive? one-file-system no-preserve-root preserve-root? r,R,recursive d,dir v,verbose";
    let found = match options::parse(table, &c.args) {
        Ok(found) => found,
        Err(error) => return Ok(options::misuse(c, &error, 1)),
    };
    let ask_key = found.last(&["f", "i", "I", "interactive"]);
    let rm = Rm {
        force: found.has("f"),
        ask: ask_key == Some("i")
            || ask_key == Some("interactive") && !matches!(found.value("interactive"), Some("never" | "once")),
        recursive: found.has("r"),
        folders: found.has("d"),
        verbose: found.has("v"),
    };
    if found.rest.is_empty() {
        return Ok(if rm.force { 0 } else { options::misuse(c, "missing operand", 1) });
    }
    if ask_key == Some("I") && (rm.recursive || found.rest.len() > 3) {
        let what = if found.rest.len() == 1 { "argument" } else { "arguments" };
        let how = if rm.recursive { " recursively" } else { "" };
        let question = format!("remove {} {what}{how}? ", found.rest.len());
        if !ask(c, &question).await? {
            return Ok(0);
        }
    }
    let mut status = 0;
    for operand in &found.rest {
        let bare = operand.trim_end_matches('/');
        let last = bare.rsplit('/').next().unwrap_or_default();
        if rm.recursive && (last == "." || last == "..") {
            let quoted = c.shell_quote(operand);
            if c.applet() {
                c.complain("can't remove '.' or '..'");
            } else {
                c.complain(&format!("refusing to remove '.' or '..' directory: skipping {quoted}"));
            }
            status = 1;
            continue;
        }
        let root = c.host().real_path(c.who(), &c.path(operand)).is_ok_and(|path| path == b"/");
        if rm.recursive && root && !found.has("no-preserve-root") && !c.applet() {
            let same = if bare.is_empty() { String::new() } else { " (same as '/')".to_string() };
            let name = c.name.clone();
            let quoted = c.shell_quote(operand);
            c.err(&format!("{name}: it is dangerous to operate recursively on {quoted}{same}\n"));
            c.err(&format!("{name}: use --no-preserve-root to override this failsafe\n"));
            status = 1;
            continue;
        }
        if !rm.tree(c, operand).await? {
            status = 1;
        }
    }
    Ok(status)
}

impl Rm {
    /// Removes a file or a folder with all in it.
    async fn tree(&self, c: &mut Cmd, operand: &str) -> Result<bool, Stop> {
        let mut good = true;
        let mut todo = vec![Todo::Look(operand.to_string(), true)];
        while let Some(next) = todo.pop() {
            c.spend(4).await?;
            c.tick().await?;
            match next {
                Todo::Leave(path, stat) => good &= self.leave(c, &path, &stat).await?,
                Todo::Look(path, named) => {
                    let stat = match c.lstat(&path) {
                        Ok(stat) => stat,
                        Err(Errno::ENOENT | Errno::ENOTDIR) if self.force => continue,
                        Err(error) => {
                            self.cannot(c, &path, error);
                            good = false;
                            continue;
                        }
                    };
                    if !stat.is_folder() {
                        good &= self.file(c, &path, &stat).await?;
                        continue;
                    }
                    if !self.recursive && !self.folders {
                        let text = if c.applet() {
                            format!("'{path}' is a directory")
                        } else {
                            format!("cannot remove {}: Is a directory", c.shell_quote(&path))
                        };
                        c.complain(&text);
                        good = false;
                        continue;
                    }
                    let _ = named;
                    let entries = match c.list(&path) {
                        Ok(entries) => entries,
                        Err(error) => {
                            self.cannot(c, &path, error);
                            good = false;
                            continue;
                        }
                    };
                    if !self.recursive || todo.len() > DEPTH * 1000 {
                        good &= self.leave(c, &path, &stat).await?;
                        continue;
                    }
                    if self.ask && !entries.is_empty() {
                        let question = format!("descend into directory {}? ", c.shell_quote(&path));
                        if !ask(c, &question).await? {
                            continue;
                        }
                    }
                    todo.push(Todo::Leave(path.clone(), stat));
                    let base = path.trim_end_matches('/');
                    for (name, _) in entries.into_iter().rev() {
                        todo.push(Todo::Look(format!("{base}/{}", text::decode(&name)), false));
                    }
                }
            }
        }
        Ok(good)
    }

    fn cannot(&self, c: &mut Cmd, path: &str, error: Errno) {
        let text = if c.applet() {
            format!("can't remove '{path}': {}", error.text())
        } else {
            format!("cannot remove {}: {}", c.shell_quote(path), error.text())
        };
        c.complain(&text);
    }

    async fn file(&self, c: &mut Cmd, path: &str, stat: &Stat) -> Result<bool, Stop> {
        let guarded = !self.force
            && stat.kind != FileKind::Link
            && c.is_tty(0)
            && c.host().access(c.who(), &c.path(path), 2).is_err();
        if self.ask || guarded {
            let quoted = c.shell_quote(path);
            let protected = if guarded { "write-protected " } else { "" };
            let question = format!("remove {protected}{} {quoted}? ", kind_name(stat));
            if !ask(c, &question).await? {
                return Ok(true);
            }
        }
        if let Err(error) = c.host().remove_file(c.who(), &c.path(path)) {
            self.cannot(c, path, error);
            return Ok(false);
        }
        if self.verbose {
            let line = format!("removed {}\n", c.shell_quote(path));
            c.out(&line);
        }
        Ok(true)
    }

    async fn leave(&self, c: &mut Cmd, path: &str, _stat: &Stat) -> Result<bool, Stop> {
        if self.ask {
            let question = format!("remove directory {}? ", c.shell_quote(path));
            if !ask(c, &question).await? {
                return Ok(true);
            }
        }
        if let Err(error) = c.host().remove_folder(c.who(), &c.path(path)) {
            self.cannot(c, path, error);
            return Ok(false);
        }
        if self.verbose {
            let line = format!("removed directory {}\n", c.shell_quote(path));
            c.out(&line);
        }
        Ok(true)
    }
}

pub(super) fn rmdir(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "ignore-fail-on-non-empty p,parents v,verbose", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() {
        return options::misuse(c, "missing operand", 1);
    }
    let mut status = 0;
    for operand in &found.rest {
        let mut path = operand.trim_end_matches('/').to_string();
        if path.is_empty() {
            path = operand.clone();
        }
        let mut shown = operand.clone();
        loop {
            if found.has("v") {
                let line = format!("{}: removing directory, {}\n", c.name, c.shell_quote(&shown));
                c.out(&line);
            }
            if let Err(error) = c.host().remove_folder(c.who(), &c.path(&path)) {
                if error == Errno::ENOTEMPTY && found.has("ignore-fail-on-non-empty") {
                    break;
                }
                let text = if c.applet() {
                    format!("'{shown}': {}", error.text())
                } else if path == *operand || shown == *operand {
                    format!("failed to remove {}: {}", c.shell_quote(&shown), error.text())
                } else {
                    format!("failed to remove directory {}: {}", c.shell_quote(&shown), error.text())
                };
                c.complain(&text);
                status = 1;
                break;
            }
            match path.rsplit_once('/').filter(|(parent, _)| found.has("p") && !parent.is_empty()) {
                Some((parent, _)) => path = parent.to_string(),
                None => break,
            }
            shown = path.clone();
        }
    }
    status
}

pub(super) fn mkdir(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "m,mode= p,parents v,verbose Z context?", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() {
        return options::misuse(c, "missing operand", 1);
    }
    let mut wanted = None;
    if let Some(text) = found.value("m") {
        let Some(mode) = mode::apply(text, 0o777, true, c.who().umask) else {
            let text = format!("invalid mode {}", c.quote(text));
            c.complain(&text);
            return 1;
        };
        wanted = Some(mode);
    }
    let mut status = 0;
    for operand in &found.rest {
        if found.has("p") {
            status |= parents(c, operand, wanted, found.has("v"));
            continue;
        }
        match make(c, operand, wanted) {
            Ok(()) if found.has("v") => {
                let line = format!("{}: created directory {}\n", c.name, c.shell_quote(operand));
                c.out(&line);
            }
            Ok(()) => {}
            Err(error) => {
                cannot_make(c, operand, error);
                status = 1;
            }
        }
    }
    status
}

fn cannot_make(c: &mut Cmd, operand: &str, error: Errno) {
    let text = if c.applet() {
        format!("can't create directory '{operand}': {}", error.text())
    } else {
        format!("cannot create directory {}: {}", c.quote(operand), error.text())
    };
    c.complain(&text);
}

fn make(c: &Cmd, operand: &str, wanted: Option<u32>) -> Result<(), Errno> {
    let path = c.path(operand);
    c.host().make_folder(c.who(), &path, wanted.unwrap_or(0o777))?;
    match wanted {
        Some(mode) => c.host().set_mode(c.who(), &path, mode),
        None => Ok(()),
    }
}

fn parents(c: &mut Cmd, operand: &str, wanted: Option<u32>, verbose: bool) -> i32 {
    let mut path = if operand.starts_with('/') { "/".to_string() } else { String::new() };
    let parts: Vec<&str> = operand.split('/').filter(|part| !part.is_empty()).collect();
    for (at, part) in parts.iter().enumerate() {
        path.push_str(part);
        let last = at + 1 == parts.len();
        match make(c, &path, wanted.filter(|_| last)) {
            Ok(()) if verbose => {
                let line = format!("{}: created directory {}\n", c.name, c.shell_quote(&path));
                c.out(&line);
            }
            Ok(()) => {}
            Err(error) => {
                let folder = c.stat(&path).is_ok_and(|stat| stat.is_folder());
                if !folder {
                    let error = if error == Errno::EEXIST && !last { Errno::ENOTDIR } else { error };
                    let shown = path.clone();
                    cannot_make(c, &shown, error);
                    return 1;
                }
            }
        }
        path.push('/');
    }
    0
}

pub(super) async fn shred(c: &mut Cmd) -> Result<i32, Stop> {
    let found =
        match options::take(c, "f,force n,iterations= random-source= s,size= u remove? v,verbose x,exact z,zero", 1) {
            Ok(found) => found,
            Err(status) => return Ok(status),
        };
    if found.rest.is_empty() {
        return Ok(options::misuse(c, "missing file operand", 1));
    }
    let passes: u32 = found.value("n").and_then(|n| n.parse().ok()).unwrap_or(3);
    let mut status = 0;
    for operand in &found.rest {
        let stat = c.stat(operand);
        let open = stat.and_then(|stat| if stat.is_folder() { Err(Errno::EISDIR) } else { Ok(stat) });
        let size = match open {
            Ok(stat) => stat.size,
            Err(error) => {
                c.complain(&format!("{operand}: failed to open for writing: {}", error.text()));
                status = 1;
                continue;
            }
        };
        if found.has("v") {
            for pass in 1..=passes.min(100) {
                c.complain(&format!("{operand}: pass {pass}/{passes} (random)..."));
            }
        }
        c.spend(size / 64).await?;
        if found.has("u") || found.has("remove") {
            if found.has("v") {
                c.complain(&format!("{operand}: removing"));
            }
            let _ = c.host().remove_file(c.who(), &c.path(operand));
            if found.has("v") {
                c.complain(&format!("{operand}: removed"));
            }
        } else {
            let len = usize::try_from(size.div_ceil(4096).saturating_mul(4096)).unwrap_or(0).min(c.bound());
            let mut bytes = vec![0u8; len];
            if !found.has("z") {
                rand::fill(&mut bytes[..]);
            }
            if let Err(error) = c.write_file(operand, &bytes) {
                c.complain(&format!("{operand}: failed to open for writing: {}", error.text()));
                status = 1;
            }
        }
    }
    Ok(status)
}
