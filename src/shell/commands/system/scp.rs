//! `scp -t` and `scp -f`: the far end of the old protocol of scp (OpenSSH 8.2p1), which sshd starts for a client.

use super::common::decode;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options::Options;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{Errno, FileKind, Open, Stat, Time};

/// Longest line of the protocol.
const LINE: usize = 4096;
/// Folders in folders that are followed.
const DEPTH: usize = 64;
/// Bytes that are read at once.
const PIECE: usize = 16 * 1024;

/// What the options say.
#[derive(Clone, Copy)]
struct How {
    recursive: bool,
    times: bool,
    folder: bool,
}

/// The other side has gone, or said something that ends everything.
enum End {
    Gone,
    Stop(Stop),
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Runs the far end; `found` are the options with `t` or `f` among them.
pub(super) async fn far(c: &mut Cmd, found: &Options) -> Result<i32, Stop> {
    let how = How { recursive: found.has("r"), times: found.has("p"), folder: found.has("d") };
    let mut errors = 0;
    let result = if found.has("f") {
        let mut result = response(c, &mut errors).await;
        for operand in &found.rest {
            if result.is_ok() {
                result = give(c, operand, how, 0, &mut errors).await;
            }
        }
        result
    } else {
        match found.rest.as_slice() {
            [target] => take(c, target, how, &mut errors).await,
            _ => fatal(c, "ambiguous target").await,
        }
    };
    match result {
        Err(End::Stop(stop)) => Err(stop),
        Err(End::Gone) => Ok(1),
        Ok(()) => Ok(i32::from(errors > 0)),
    }
}

/// `\x01scp: TEXT`, which the client shows; the transfer goes on.
async fn complain(c: &mut Cmd, text: &str, errors: &mut u32) -> Result<(), Stop> {
    *errors += 1;
    c.out(&format!("\u{1}scp: {text}\n"));
    c.flush().await
}

async fn fatal(c: &mut Cmd, text: &str) -> Result<(), End> {
    c.out(&format!("\u{1}scp: {text}\n"));
    c.flush().await?;
    Err(End::Gone)
}

async fn good(c: &mut Cmd) -> Result<(), Stop> {
    c.out_bytes(&[0]);
    c.flush().await
}

async fn byte(c: &mut Cmd) -> Result<Option<u8>, Stop> {
    Ok(c.read(1).await?.first().copied())
}

/// A line without its end, and its first byte apart; none at the end of the input.
async fn line(c: &mut Cmd) -> Result<Option<(u8, Vec<u8>)>, Stop> {
    let Some(first) = byte(c).await? else { return Ok(None) };
    let mut rest = Vec::new();
    if first == b'\n' {
        return Ok(Some((first, rest)));
    }
    loop {
        match byte(c).await? {
            Some(b'\n') => break,
            Some(next) if rest.len() < LINE => rest.push(next),
            _ => return Ok(None),
        }
    }
    Ok(Some((first, rest)))
}

/// What the client says of what was sent last: fine, or an error; `false` for one that it can live with.
async fn response(c: &mut Cmd, errors: &mut u32) -> Result<(), End> {
    match byte(c).await? {
        Some(0) => Ok(()),
        Some(kind) => {
            let rest = line(c).await?;
            *errors += 1;
            if kind == 1 && rest.is_some() { Ok(()) } else { Err(End::Gone) }
        }
        None => Err(End::Gone),
    }
}

// ---- receiving ---------------------------------------------------------------------------------------------------

/// A folder that is being filled: its path, and what it is to have when it is done.
struct Folder {
    path: String,
    mode: Option<u32>,
    times: Option<(i64, i64)>,
}

async fn take(c: &mut Cmd, target: &str, how: How, errors: &mut u32) -> Result<(), End> {
    let is_folder = c.stat(target).is_ok_and(|stat| stat.is_folder());
    if how.folder && !is_folder {
        return fatal(
            c,
            &format!("{target}: {}", if c.stat(target).is_ok() { Errno::ENOTDIR } else { Errno::ENOENT }.text()),
        )
        .await;
    }
    good(c).await?;
    let mut stack = vec![Folder { path: target.to_string(), mode: None, times: None }];
    let mut times: Option<(i64, i64)> = None;
    while let Some((kind, rest)) = line(c).await? {
        let words = decode(&rest);
        match kind {
            1 => *errors += 1,
            2 => return Err(End::Gone),
            b'E' => {
                let done = stack.pop().unwrap_or(Folder { path: String::new(), mode: None, times: None });
                if stack.is_empty() {
                    return fatal(c, "unexpected <newline>").await;
                }
                finish(c, &done);
                good(c).await?;
            }
            b'T' => {
                let mut numbers = words.split(' ').map(|word| word.parse::<i64>().ok());
                let (Some(Some(modified)), _, Some(Some(accessed))) = (numbers.next(), numbers.next(), numbers.next())
                else {
                    return fatal(c, "mtime.sec not delimited").await;
                };
                times = Some((accessed, modified));
                good(c).await?;
            }
            b'C' | b'D' => {
                let mut parts = words.splitn(3, ' ');
                let mode = parts.next().and_then(|word| u32::from_str_radix(word, 8).ok());
                let size = parts.next().and_then(|word| word.parse::<u64>().ok());
                let (Some(mode), Some(size), Some(name)) = (mode, size, parts.next()) else {
                    return fatal(c, if mode.is_none() { "bad mode" } else { "size not delimited" }).await;
                };
                if name.is_empty() || name.contains('/') || name == "." || name == ".." {
                    return fatal(c, &format!("error: unexpected filename: {name}")).await;
                }
                let Some(above) = stack.last() else { return Err(End::Gone) };
                let inside = stack.len() > 1 || c.stat(&above.path).is_ok_and(|stat| stat.is_folder());
                let path = match (inside, above.path.as_str()) {
                    (false, path) => path.to_string(),
                    (true, "/") => format!("/{name}"),
                    (true, path) => format!("{path}/{name}"),
                };
                let times = times.take();
                if kind == b'C' {
                    file(c, &path, mode & 0o7777, size, times.filter(|_| how.times), errors).await?;
                } else if !how.recursive {
                    return fatal(c, "received directory without -r").await;
                } else if stack.len() >= DEPTH {
                    return fatal(c, &format!("{path}: {}", Errno::ENAMETOOLONG.text())).await;
                } else {
                    match folder(c, &path, mode & 0o7777, how) {
                        Ok(mode) => {
                            stack.push(Folder { path, mode, times });
                            good(c).await?;
                        }
                        Err(errno) => complain(c, &format!("{path}: {}", errno.text()), errors).await?,
                    }
                }
            }
            b'\n' => return fatal(c, "unexpected <newline>").await,
            _ => {
                // A message of the client's shell, most often.
                if stack.len() == 1 {
                    let first = char::from(kind);
                    return fatal(c, &format!("protocol error: {first}{words}")).await.or(Err(End::Gone));
                }
                return fatal(c, "expected control record").await;
            }
        }
        c.spend(20).await?;
    }
    Ok(())
}

/// Makes a folder, or takes the one that is there; the mode that it gets when it is done.
fn folder(c: &mut Cmd, path: &str, mode: u32, how: How) -> Result<Option<u32>, Errno> {
    let place = c.path(path);
    match c.stat(path) {
        Ok(stat) if !stat.is_folder() => Err(Errno::ENOTDIR),
        Ok(_) => Ok(how.times.then_some(mode)),
        Err(_) => {
            c.host().make_folder(c.who(), &place, mode | 0o700)?;
            Ok(Some(mode).filter(|mode| *mode != mode | 0o700 || how.times))
        }
    }
}

fn finish(c: &mut Cmd, folder: &Folder) {
    let place = c.path(&folder.path);
    if let Some((accessed, modified)) = folder.times {
        let (accessed, modified) = (Some(Time::at(accessed)), Some(Time::at(modified)));
        let _ = c.host().set_times(c.who(), &place, accessed, modified, true);
    }
    if let Some(mode) = folder.mode {
        let _ = c.host().set_mode(c.who(), &place, mode);
    }
}

async fn file(
    c: &mut Cmd,
    path: &str,
    mode: u32,
    size: u64,
    times: Option<(i64, i64)>,
    errors: &mut u32,
) -> Result<(), End> {
    let place = c.path(path);
    let fresh = c.lstat(path).is_err();
    let how = Open { write: true, create: Some(mode), ..Open::default() };
    let opened = c.host().open(c.who(), &place, how);
    let target = match opened {
        Ok(target) => target,
        Err(errno) => {
            complain(c, &format!("{path}: {}", errno.text()), errors).await?;
            return Ok(());
        }
    };
    good(c).await?;
    let (mut at, mut failed) = (0, None);
    while at < size {
        let most = usize::try_from(size - at).unwrap_or(PIECE).min(PIECE);
        let piece = c.read(most).await?;
        if piece.is_empty() {
            c.note_written(path);
            return Err(End::Gone);
        }
        if failed.is_none() {
            match target.write_at(at, &piece) {
                Ok(written) if written == piece.len() => {}
                Ok(_) => failed = Some(Errno::ENOSPC),
                Err(errno) => failed = Some(errno),
            }
        }
        at += piece.len() as u64;
        c.spend(piece.len() as u64 / 64).await?;
    }
    if failed.is_none() && target.len() > size {
        failed = target.set_len(size).err();
    }
    c.note_written(path);
    // The end of the file is told by a zero byte, or by an error of the sender.
    response(c, errors).await?;
    if !fresh && times.is_some() {
        let _ = c.host().set_mode(c.who(), &place, mode);
    }
    if let Some((accessed, modified)) = times {
        let _ = c.host().set_times(c.who(), &place, Some(Time::at(accessed)), Some(Time::at(modified)), true);
    }
    match failed {
        Some(errno) => complain(c, &format!("{path}: {}", errno.text()), errors).await?,
        None => good(c).await?,
    }
    Ok(())
}

// ---- sending -----------------------------------------------------------------------------------------------------

/// Sends what an operand names, folders with what is in them.
async fn give(c: &mut Cmd, operand: &str, how: How, depth: usize, errors: &mut u32) -> Result<(), End> {
    c.spend(50).await?;
    let stat = match c.stat(operand) {
        Ok(stat) => stat,
        Err(errno) => return Ok(complain(c, &format!("{operand}: {}", errno.text()), errors).await?),
    };
    match stat.kind {
        FileKind::File => give_file(c, operand, &stat, how, errors).await,
        FileKind::Folder if how.recursive && depth < DEPTH => {
            Box::pin(give_folder(c, operand, &stat, how, depth, errors)).await
        }
        _ => Ok(complain(c, &format!("{operand}: not a regular file"), errors).await?),
    }
}

fn last(operand: &str) -> &str {
    operand.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

async fn say_times(c: &mut Cmd, stat: &Stat, how: How, errors: &mut u32) -> Result<(), End> {
    if how.times {
        c.out(&format!("T{} 0 {} 0\n", stat.modified.secs.max(0), stat.accessed.secs.max(0)));
        c.flush().await?;
        response(c, errors).await?;
    }
    Ok(())
}

async fn give_file(c: &mut Cmd, operand: &str, stat: &Stat, how: How, errors: &mut u32) -> Result<(), End> {
    let place = c.path(operand);
    let opened = c.host().open(c.who(), &place, Open::READ);
    let source = match opened {
        Ok(source) => source,
        Err(errno) => return Ok(complain(c, &format!("{operand}: {}", errno.text()), errors).await?),
    };
    say_times(c, stat, how, errors).await?;
    let size = source.len();
    c.out(&format!("C{:04o} {size} {}\n", stat.mode & 0o7777, last(operand)));
    c.flush().await?;
    let before = *errors;
    response(c, errors).await?;
    if *errors > before {
        return Ok(());
    }
    let (mut at, mut missing) = (0, false);
    while at < size {
        let most = PIECE.min(usize::try_from(size - at).unwrap_or(PIECE));
        let mut piece = source.read_at(at, most).unwrap_or_default();
        // What can't be read is made up for: the length has been said.
        missing |= piece.is_empty();
        if missing {
            piece = vec![0; most];
        }
        at += piece.len() as u64;
        c.out_bytes(&piece);
        c.flush().await?;
        c.spend(piece.len() as u64 / 64).await?;
    }
    if missing {
        complain(c, &format!("{operand}: {}", Errno::EIO.text()), errors).await?;
    } else {
        good(c).await?;
    }
    response(c, errors).await
}

async fn give_folder(
    c: &mut Cmd,
    operand: &str,
    stat: &Stat,
    how: How,
    depth: usize,
    errors: &mut u32,
) -> Result<(), End> {
    let entries = match c.list(operand) {
        Ok(entries) => entries,
        Err(errno) => return Ok(complain(c, &format!("{operand}: {}", errno.text()), errors).await?),
    };
    say_times(c, stat, how, errors).await?;
    c.out(&format!("D{:04o} 0 {}\n", stat.mode & 0o7777, last(operand)));
    c.flush().await?;
    response(c, errors).await?;
    let above = operand.trim_end_matches('/');
    for (name, _) in entries {
        give(c, &format!("{above}/{}", text::decode(&name)), how, depth + 1, errors).await?;
    }
    c.out("E\n");
    c.flush().await?;
    response(c, errors).await
}
