//! sftp-server(8): one packet in, one packet out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::lists::Release;
use super::wire::{Attributes, Code, Reader, Writer};
use crate::base::clock::{self, Timestamp};
use crate::prelude::*;
use crate::world::{Account, Errno, File, Host, Open, Stat, Time, Who, resolve};

/// Most bytes of one read or write (`SFTP_MAX_READ_LENGTH`).
const MOST: usize = 256 * 1024 - 1024;
/// Handles at once: the limit of open files that `limits@openssh.com` tells.
const HANDLES: usize = 1019;
/// Entries of a folder in one answer.
const ENTRIES: usize = 100;

/// An open handle.
enum Handle {
    File { file: File, path: Vec<u8>, append: bool, read: u64, written: bool },
    Folder { path: Vec<u8>, entries: Vec<(Vec<u8>, Stat)> },
}

/// One session of SFTP. When it is dropped, what is still open counts as closed.
pub(in crate::protocols::ssh) struct Server {
    session: Arc<Session>,
    host: Arc<Host>,
    who: Who,
    home: Vec<u8>,
    release: Release,
    handles: BTreeMap<u32, Handle>,
}

type Answer = Result<Writer, Code>;

impl Server {
    pub fn new(session: &Arc<Session>, account: &Account, host: Arc<Host>, release: Release) -> Self {
        let who = Who { umask: 0o022, ..Who::of(account) };
        let home = resolve(b"/", account.home.as_bytes());
        let home = if host.stat(&who, &home, true).is_ok_and(|stat| stat.is_folder()) { home } else { b"/".to_vec() };
        Self { session: Arc::clone(session), host, who, home, release, handles: BTreeMap::new() }
    }

    /// The answer to a packet; `None` for one that makes sftp-server give up.
    pub fn answer(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut r = Reader(packet);
        let kind = r.byte()?;
        if kind == 1 {
            r.u32()?;
            return Some(self.version().done());
        }
        let id = r.u32()?;
        let answer = self.request(kind, id, &mut r)?;
        Some(answer.unwrap_or_else(|code| Writer::status(id, code)).done())
    }

    fn version(&self) -> Writer {
        let mut all = vec![
            ("posix-rename@openssh.com", "1"),
            ("statvfs@openssh.com", "2"),
            ("fstatvfs@openssh.com", "2"),
            ("hardlink@openssh.com", "1"),
            ("fsync@openssh.com", "1"),
            ("lsetstat@openssh.com", "1"),
        ];
        if self.release == Release::V9_2 {
            all.extend([
                ("limits@openssh.com", "1"),
                ("expand-path@openssh.com", "1"),
                ("copy-data", "1"),
                ("home-directory", "1"),
                ("users-groups-by-id@openssh.com", "1"),
            ]);
        }
        all.into_iter()
            .fold(Writer::version(3), |w, (name, revision)| w.string(name.as_bytes()).string(revision.as_bytes()))
    }

    fn path(&self, path: &[u8]) -> Vec<u8> {
        // `..` behind a link is for the host to walk: only the start is made absolute.
        if path.starts_with(b"/") { path.to_vec() } else { [&self.home, b"/".as_slice(), path].concat() }
    }

    /// `None` when a field is missing.
    fn request(&mut self, kind: u8, id: u32, r: &mut Reader<'_>) -> Option<Answer> {
        let done = |result: Result<(), Errno>| result.map(|()| Writer::status(id, Code::Ok)).map_err(code);
        Some(match kind {
            3 => {
                let (path, flags, attributes) = (r.string()?, r.u32()?, r.attributes()?);
                self.open(id, path, flags, attributes)
            }
            4 => self.close(id, r.string()?),
            5 => {
                let (handle, offset, length) = (r.string()?, r.u64()?, r.u32()?);
                self.read(id, handle, offset, length)
            }
            6 => {
                let (handle, offset, bytes) = (r.string()?, r.u64()?, r.string()?);
                self.write(id, handle, offset, bytes)
            }
            7 => self.stat(id, r.string()?, false),
            17 => self.stat(id, r.string()?, true),
            8 => match self.handle(r.string()?) {
                Some(Handle::File { file, .. }) => Ok(Writer::stat(id, &file.stat())),
                Some(Handle::Folder { path, .. }) => {
                    self.host.stat(&self.who, path, true).map(|stat| Writer::stat(id, &stat)).map_err(code)
                }
                None => Err(Code::Failure),
            },
            9 => {
                let (path, attributes) = (self.path(r.string()?), r.attributes()?);
                done(self.change(&path, attributes, true))
            }
            10 => {
                let (handle, attributes) = (r.string()?, r.attributes()?);
                match self.handle(handle).map(Handle::path) {
                    Some(path) => done(self.change(&path, attributes, true)),
                    None => Err(Code::Failure),
                }
            }
            11 => self.open_folder(id, r.string()?),
            12 => self.read_folder(id, r.string()?),
            13 => done(self.host.remove_file(&self.who, &self.path(r.string()?))),
            14 => {
                let (path, attributes) = (self.path(r.string()?), r.attributes()?);
                done(self.host.make_folder(&self.who, &path, attributes.mode.map_or(0o777, |mode| mode & 0o7777)))
            }
            15 => done(self.host.remove_folder(&self.who, &self.path(r.string()?))),
            16 => self.real_path(id, r.string()?),
            18 => {
                let (from, to) = (self.path(r.string()?), self.path(r.string()?));
                self.rename(&from, &to).map(|()| Writer::status(id, Code::Ok))
            }
            19 => {
                let path = self.path(r.string()?);
                self.host.read_link(&self.who, &path).map(|target| named(id, &target)).map_err(code)
            }
            20 => {
                // OpenSSH has the two the other way round than the draft.
                let (target, link) = (r.string()?, self.path(r.string()?));
                done(self.host.symlink(&self.who, target, &link))
            }
            200 => self.extended(id, r)?,
            _ => Err(Code::Unsupported),
        })
    }

    fn extended(&mut self, id: u32, r: &mut Reader<'_>) -> Option<Answer> {
        let done = |result: Result<(), Errno>| result.map(|()| Writer::status(id, Code::Ok)).map_err(code);
        let name = r.string()?;
        let new = self.release == Release::V9_2;
        Some(match name {
            b"posix-rename@openssh.com" => {
                let (from, to) = (self.path(r.string()?), self.path(r.string()?));
                done(self.host.rename(&self.who, &from, &to))
            }
            b"hardlink@openssh.com" => {
                let (old, new) = (self.path(r.string()?), self.path(r.string()?));
                done(self.host.link(&self.who, &old, &new))
            }
            b"fsync@openssh.com" => match self.handle(r.string()?) {
                Some(Handle::File { .. }) => Ok(Writer::status(id, Code::Ok)),
                _ => Err(Code::NoSuchFile),
            },
            b"lsetstat@openssh.com" => {
                let (path, attributes) = (self.path(r.string()?), r.attributes()?);
                done(self.change(&path, attributes, false))
            }
            b"statvfs@openssh.com" => self.space(id, &self.path(r.string()?)),
            b"fstatvfs@openssh.com" => match self.handle(r.string()?).map(Handle::path) {
                Some(path) => self.space(id, &path),
                None => Err(Code::Failure),
            },
            b"limits@openssh.com" if new => {
                let most = MOST as u64;
                Ok(Writer::new(201, id).u64(256 * 1024).u64(most).u64(most).u64(HANDLES as u64))
            }
            b"expand-path@openssh.com" if new => {
                let path = r.string()?;
                match path.strip_prefix(b"~") {
                    Some(rest) if rest.is_empty() || rest.starts_with(b"/") => {
                        self.real_path(id, &[&self.home, rest].concat())
                    }
                    Some(rest) => {
                        let name = rest.split(|&byte| byte == b'/').next().unwrap_or_default();
                        match self.host.user_named(name) {
                            Some(user) => {
                                let rest = rest.get(name.len()..).unwrap_or_default();
                                self.real_path(id, &[user.home.as_bytes(), rest].concat())
                            }
                            None => Err(Code::NoSuchFile),
                        }
                    }
                    None => self.real_path(id, path),
                }
            }
            b"home-directory" if new => match self.host.user_named(r.string()?) {
                Some(user) => Ok(named(id, user.home.as_bytes())),
                None => Err(Code::Failure),
            },
            b"users-groups-by-id@openssh.com" if new => {
                let (users, groups) = (r.string()?, r.string()?);
                Ok(self.names(id, users, groups))
            }
            b"copy-data" if new => {
                let (from, offset, length, to, at) = (r.string()?, r.u64()?, r.u64()?, r.string()?, r.u64()?);
                self.copy(id, (from, offset, length), (to, at))
            }
            _ => Err(Code::Unsupported),
        })
    }

    fn handle(&self, name: &[u8]) -> Option<&Handle> {
        self.handles.get(&u32::from_be_bytes(name.try_into().ok()?))
    }

    /// The lowest number that is free.
    fn keep(&mut self, id: u32, handle: Handle) -> Answer {
        let number = (0..).zip(self.handles.keys()).find(|(free, taken)| free != *taken).map(|(free, _)| free);
        let number = number.unwrap_or_else(|| u32::try_from(self.handles.len()).unwrap_or(u32::MAX));
        self.handles.insert(number, handle);
        Ok(Writer::handle(id, number))
    }

    fn open(&mut self, id: u32, path: &[u8], flags: u32, attributes: Attributes) -> Answer {
        let path = self.path(path);
        let (write, append) = (flags & 2 != 0, flags & 4 != 0);
        let how = Open {
            read: flags & 1 != 0 || !write,
            write,
            append,
            create: (flags & 8 != 0).then(|| attributes.mode.map_or(0o666, |mode| mode & 0o7777)),
            truncate: flags & 16 != 0,
            exclusive: flags & 32 != 0,
            ..Open::default()
        };
        if self.handles.len() >= HANDLES {
            return Err(Code::Failure);
        }
        let file = self.host.open(&self.who, &path, how).map_err(code)?;
        let written = write && flags & 24 != 0;
        self.keep(id, Handle::File { file, path: resolve(b"/", &path), append, read: 0, written })
    }

    fn close(&mut self, id: u32, name: &[u8]) -> Answer {
        let number = name.try_into().ok().map(u32::from_be_bytes);
        let handle = number.and_then(|number| self.handles.remove(&number)).ok_or(Code::Failure)?;
        self.closed(handle);
        Ok(Writer::status(id, Code::Ok))
    }

    /// Records what went through a handle; an upload becomes a capture, which holds the file's content from then on.
    fn closed(&self, handle: Handle) {
        let Handle::File { file, path, read, written, .. } = handle else { return };
        if read > 0 {
            self.session.log().record(Kind::FileDownloaded { path: Raw::from(&*path), bytes: read });
        }
        if !written {
            return;
        }
        let size = file.len();
        let mut capture = self.session.captures().begin(self.session.limits().capture_bytes);
        let mut at = 0;
        while at < size {
            let piece = file.content_at(at, MOST);
            if piece.is_empty() || !capture.push(&piece) {
                break;
            }
            at += piece.len() as u64;
        }
        let stored = capture.store();
        self.session.log().record(Kind::FileUploaded {
            path: Raw::from(path),
            bytes: size,
            truncated: stored.kept < size,
            sha256: stored.sha256,
            stored: stored.name,
        });
    }

    fn read(&mut self, id: u32, name: &[u8], offset: u64, length: u32) -> Answer {
        let number = u32::from_be_bytes(name.try_into().map_err(|_| Code::Failure)?);
        let Some(Handle::File { file, read, .. }) = self.handles.get_mut(&number) else { return Err(Code::Failure) };
        let most = usize::try_from(length).unwrap_or(MOST).min(MOST);
        let bytes = file.read_at(offset, most).map_err(code)?;
        if bytes.is_empty() && length > 0 {
            return Err(Code::Eof);
        }
        *read += bytes.len() as u64;
        Ok(Writer::data(id, &bytes))
    }

    fn write(&mut self, id: u32, name: &[u8], offset: u64, bytes: &[u8]) -> Answer {
        let number = u32::from_be_bytes(name.try_into().map_err(|_| Code::Failure)?);
        let Some(Handle::File { file, written, append, .. }) = self.handles.get_mut(&number) else {
            return Err(Code::Failure);
        };
        let count = if *append {
            file.append(bytes).map(|_| bytes.len()).map_err(code)?
        } else {
            file.write_at(offset, bytes).map_err(code)?
        };
        *written = true;
        if count == bytes.len() { Ok(Writer::status(id, Code::Ok)) } else { Err(Code::Failure) }
    }

    fn stat(&self, id: u32, path: &[u8], follow: bool) -> Answer {
        let stat = self.host.stat(&self.who, &self.path(path), follow).map_err(code)?;
        Ok(Writer::stat(id, &stat))
    }

    /// SETSTAT in the order of sftp-server; the last error counts.
    fn change(&self, path: &[u8], wanted: Attributes, follow: bool) -> Result<(), Errno> {
        let mut result = Ok(());
        let mut note = |done: Result<(), Errno>| {
            if done.is_err() {
                result = done;
            }
        };
        if let Some(size) = wanted.size.filter(|_| follow) {
            note(self.host.set_size(&self.who, path, size));
        }
        if let Some(mode) = wanted.mode.filter(|_| follow) {
            note(self.host.set_mode(&self.who, path, mode & 0o7777));
        }
        if let Some((accessed, modified)) = wanted.times {
            let time = |seconds: u32| Some(Time::at(i64::from(seconds)));
            note(self.host.set_times(&self.who, path, time(accessed), time(modified), follow));
        }
        if let Some((uid, gid)) = wanted.owner {
            note(self.host.set_owner(&self.who, path, Some(uid), Some(gid), follow));
        }
        result
    }

    fn open_folder(&mut self, id: u32, path: &[u8]) -> Answer {
        let path = self.path(path);
        if self.handles.len() >= HANDLES {
            return Err(Code::Failure);
        }
        let mut entries = self.host.list(&self.who, &path).map_err(code)?;
        for dots in [b"..".as_slice(), b"."] {
            let place = [path.as_slice(), b"/", dots].concat();
            if let Ok(stat) = self.host.stat(&self.who, &place, true) {
                entries.insert(0, (dots.to_vec(), stat));
            }
        }
        entries.reverse();
        self.keep(id, Handle::Folder { path, entries })
    }

    fn read_folder(&mut self, id: u32, name: &[u8]) -> Answer {
        let number = u32::from_be_bytes(name.try_into().map_err(|_| Code::Failure)?);
        let now = clock::now().as_second();
        let Some(Handle::Folder { entries, .. }) = self.handles.get_mut(&number) else { return Err(Code::Failure) };
        let rest = entries.len().saturating_sub(ENTRIES);
        let some: Vec<(Vec<u8>, Stat)> = entries.drain(rest..).rev().collect();
        if some.is_empty() {
            return Err(Code::Eof);
        }
        let (users, groups) = (self.host.users(), self.host.groups());
        let mut w = Writer::new(104, id).u32(u32::try_from(some.len()).unwrap_or(0));
        for (name, stat) in some {
            let user = users.iter().find(|user| user.uid == stat.uid).map(|user| user.name.clone());
            let group = groups.iter().find(|group| group.gid == stat.gid).map(|group| group.name.clone());
            let user = user.unwrap_or_else(|| stat.uid.to_string());
            let group = group.unwrap_or_else(|| stat.gid.to_string());
            let long = [long_name(&stat, &user, &group, now).as_bytes(), &name].concat();
            w = w.string(&name).string(&long).attributes(&stat);
        }
        Ok(w)
    }

    /// The last part of a path need not be there.
    fn real_path(&self, id: u32, path: &[u8]) -> Answer {
        let path = self.path(if path.is_empty() { b"." } else { path });
        match self.host.real_path(&self.who, &path) {
            Ok(path) => Ok(named(id, &path)),
            Err(Errno::ENOENT) => {
                let plain = resolve(b"/", &path);
                let above = crate::world::parent(&plain);
                let above = self.host.real_path(&self.who, above).map_err(code)?;
                Ok(named(id, &resolve(&above, crate::world::name(&plain))))
            }
            Err(errno) => Err(code(errno)),
        }
    }

    /// RENAME of version 3: what is there already stays.
    fn rename(&self, from: &[u8], to: &[u8]) -> Result<(), Code> {
        self.host.stat(&self.who, from, false).map_err(code)?;
        if self.host.stat(&self.who, to, false).is_ok() {
            return Err(Code::Failure);
        }
        self.host.rename(&self.who, from, to).map_err(code)
    }

    fn space(&self, id: u32, path: &[u8]) -> Answer {
        let space = self.host.statfs(path).map_err(code)?;
        let free = space.total.saturating_sub(space.used);
        let inodes = space.inodes.saturating_sub(space.inodes_used);
        // Blocks of 4 KiB; the file system's number; ST_RELATIME; 255 bytes a name.
        let w = Writer::new(201, id).u64(4096).u64(4096).u64(space.total / 4).u64(free / 4).u64(space.available / 4);
        Ok(w.u64(space.inodes).u64(inodes).u64(inodes).u64(0xfd00).u64(0).u64(255))
    }

    fn names(&self, id: u32, users: &[u8], groups: &[u8]) -> Writer {
        let (known, known_groups) = (self.host.users(), self.host.groups());
        let list = |numbers: &[u8], name: &dyn Fn(u32) -> Option<String>| {
            let numbers = numbers.as_chunks::<4>().0.iter().take(1024).map(|number| u32::from_be_bytes(*number));
            numbers.fold(Vec::new(), |mut all: Vec<u8>, number| {
                let name = name(number).unwrap_or_default();
                all.extend(u32::try_from(name.len()).unwrap_or(0).to_be_bytes());
                all.extend(name.bytes());
                all
            })
        };
        let user = |uid: u32| known.iter().find(|user| user.uid == uid).map(|user| user.name.clone());
        let group = |gid: u32| known_groups.iter().find(|group| group.gid == gid).map(|group| group.name.clone());
        Writer::new(201, id).string(&list(users, &user)).string(&list(groups, &group))
    }

    fn copy(&mut self, id: u32, (from, mut offset, length): (&[u8], u64, u64), (to, mut at): (&[u8], u64)) -> Answer {
        let (Some(Handle::File { file: source, .. }), Some(Handle::File { file: target, .. })) =
            (self.handle(from), self.handle(to))
        else {
            return Err(Code::Failure);
        };
        let mut left = if length == 0 { source.len().saturating_sub(offset) } else { length };
        // One request copies at most what a visitor may keep.
        left = left.min(self.session.limits().overlay_bytes);
        while left > 0 {
            let piece = source.read_at(offset, MOST.min(usize::try_from(left).unwrap_or(MOST))).map_err(code)?;
            if piece.is_empty() {
                break;
            }
            if target.write_at(at, &piece).map_err(code)? < piece.len() {
                return Err(Code::Failure);
            }
            let count = piece.len() as u64;
            (offset, at, left) = (offset + count, at + count, left.saturating_sub(count));
        }
        let number = to.try_into().map(u32::from_be_bytes).map_err(|_| Code::Failure)?;
        if let Some(Handle::File { written, .. }) = self.handles.get_mut(&number) {
            *written = true;
        }
        Ok(Writer::status(id, Code::Ok))
    }
}

impl Handle {
    fn path(&self) -> Vec<u8> {
        match self {
            Self::File { path, .. } | Self::Folder { path, .. } => path.clone(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for (_, handle) in std::mem::take(&mut self.handles) {
            self.closed(handle);
        }
    }
}

/// One name without attributes.
fn named(id: u32, path: &[u8]) -> Writer {
    Writer::new(104, id).u32(1).string(path).string(path).u32(0)
}

/// `errno_to_portable` of sftp-server.
fn code(errno: Errno) -> Code {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR | Errno::EBADF | Errno::ELOOP => Code::NoSuchFile,
        Errno::EPERM | Errno::EACCES => Code::PermissionDenied,
        Errno::ENAMETOOLONG | Errno::EINVAL => Code::BadMessage,
        _ => Code::Failure,
    }
}

/// What stands before the name in a line of `ls -l` (`ls_file` of OpenSSH).
fn long_name(stat: &Stat, user: &str, group: &str, now: i64) -> String {
    let mode = stat.permissions();
    let at = stat.modified.secs;
    let form = if now - at < 365 * 86_400 / 2 && now >= at { "%b %e %H:%M" } else { "%b %e  %Y" };
    let date = Timestamp::from_second(at).unwrap_or_default().strftime(form).to_string();
    format!("{mode}  {:>3} {user:<8} {group:<8} {:>8} {date} ", stat.nlink, stat.size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_those_of_openssh() {
        let stat = Stat {
            ino: 1,
            kind: crate::world::FileKind::File,
            mode: 0o644,
            nlink: 1,
            uid: 0,
            gid: 0,
            size: 89,
            rdev: (0, 0),
            accessed: Time::default(),
            modified: Time::at(1_700_000_000),
            changed: Time::default(),
            flags: 0,
            dev: 0,
        };
        let line = |now| long_name(&stat, "root", "root", now);
        assert_eq!(line(1_700_000_100), "-rw-r--r--    1 root     root           89 Nov 14 22:13 ");
        assert_eq!(line(1_800_000_000), "-rw-r--r--    1 root     root           89 Nov 14  2023 ");
    }
}
