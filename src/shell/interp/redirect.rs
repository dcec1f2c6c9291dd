//! Redirections, in the order in which they stand.

use std::sync::Arc;

use brush_parser::ast::{CompoundList, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, ProcessSubstitutionKind};

use super::{Dialect, Exec, Flow, Interp};
use crate::shell::io::{Fds, Open};
use crate::shell::kernel::{Boxed, Status};
use crate::shell::note::Note;
use crate::shell::{net, program, text};
use crate::world::{Errno, FileKind, Open as How};

impl Interp {
    /// Changes the open files and gives those of before, to be put back. A redirection that fails is said: nothing is
    /// changed, the status is 1.
    pub(super) async fn begin_redirects(&mut self, redirects: &[IoRedirect]) -> Exec<Option<Fds>> {
        let before = self.fds.clone();
        if !redirects.is_empty() && !self.redirect(redirects).await? {
            self.fds = before;
            self.status = 1;
            return Ok(None);
        }
        Ok(Some(before))
    }

    /// Changes the open files; `false` when one could not be opened, which has been said.
    pub(super) async fn redirect(&mut self, redirects: &[IoRedirect]) -> Exec<bool> {
        for redirect in redirects {
            if !self.one(redirect).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn one(&mut self, redirect: &IoRedirect) -> Exec<bool> {
        match redirect {
            IoRedirect::HereDocument(fd, document) => {
                let body = if document.requires_expansion {
                    self.here_document(&document.doc.value).await?
                } else {
                    document.doc.value.clone()
                };
                self.fds.insert(fd.unwrap_or(0), Open::filled(self.kernel(), &text::encode(&body)));
                Ok(true)
            }
            IoRedirect::HereString(fd, word) => {
                let body = self.single(&word.value).await? + "\n";
                self.fds.insert(fd.unwrap_or(0), Open::filled(self.kernel(), &text::encode(&body)));
                Ok(true)
            }
            IoRedirect::OutputAndError(word, append) => {
                let how = if *append { IoFileRedirectKind::Append } else { IoFileRedirectKind::Write };
                let Some(open) = self.open_word(&word.value, &how).await? else { return Ok(false) };
                self.fds.insert(1, Arc::clone(&open));
                self.fds.insert(2, open);
                Ok(true)
            }
            IoRedirect::File(fd, kind, target) => self.file(*fd, kind, target).await,
        }
    }

    async fn file(&mut self, fd: Option<i32>, kind: &IoFileRedirectKind, target: &IoFileRedirectTarget) -> Exec<bool> {
        use IoFileRedirectKind as K;
        let default = match kind {
            K::Read | K::ReadAndWrite | K::DuplicateInput => 0,
            K::Write | K::Append | K::Clobber | K::DuplicateOutput => 1,
        };
        let fd = fd.unwrap_or(default);
        let open = match target {
            IoFileRedirectTarget::Filename(word) => {
                let Some(open) = self.open_word(&word.value, kind).await? else { return Ok(false) };
                open
            }
            IoFileRedirectTarget::Fd(other) => {
                let Some(open) = self.fds.get(other).cloned() else { return self.bad_fd(&other.to_string()).await };
                open
            }
            IoFileRedirectTarget::ProcessSubstitution(kind, subshell) => self.process_end(kind, &subshell.list).await?,
            IoFileRedirectTarget::Duplicate(word) => {
                let target = self.single(&word.value).await?;
                if target == "-" {
                    self.fds.remove(&fd);
                    return Ok(true);
                }
                let number = target.strip_suffix('-').unwrap_or(&target);
                match number.parse::<i32>() {
                    Ok(other) => {
                        let Some(open) = self.fds.get(&other).cloned() else { return self.bad_fd(number).await };
                        if target.ends_with('-') {
                            self.fds.remove(&other);
                        }
                        open
                    }
                    // `>&file` is `&>file`.
                    Err(_) if matches!(kind, K::DuplicateOutput) => {
                        let Some(open) = self.open_path(&target, &K::Write).await? else { return Ok(false) };
                        self.fds.insert(2, Arc::clone(&open));
                        open
                    }
                    Err(_) => {
                        self.complain(&format!("{target}: ambiguous redirect")).await?;
                        return Ok(false);
                    }
                }
            }
        };
        self.fds.insert(fd, open);
        Ok(true)
    }

    async fn bad_fd(&mut self, fd: &str) -> Exec<bool> {
        self.complain(&format!("{fd}: Bad file descriptor")).await?;
        Ok(false)
    }

    async fn open_word(&mut self, word: &str, kind: &IoFileRedirectKind) -> Exec<Option<Arc<Open>>> {
        let mut names = self.words(&[word]).await?;
        let name = match (names.pop(), names.is_empty()) {
            (Some(name), true) => name,
            (None, _) if self.dialect != Dialect::Bash => String::new(),
            _ => {
                self.complain(&format!("{word}: ambiguous redirect")).await?;
                return Ok(None);
            }
        };
        self.open_path(&name, kind).await
    }

    async fn open_path(&mut self, name: &str, kind: &IoFileRedirectKind) -> Exec<Option<Arc<Open>>> {
        use IoFileRedirectKind as K;
        if self.dialect == Dialect::Bash
            && let Some(rest) = name.strip_prefix("/dev/tcp/").or_else(|| name.strip_prefix("/dev/udp/"))
            && let Some((host, port)) = rest.split_once('/')
        {
            let (host, port, name) = (host.to_string(), port.to_string(), name.to_string());
            return self.dev_tcp(&host, &port, &name).await;
        }
        let path = program::join(&self.cwd, name);
        let (read, write, append) = match kind {
            K::Read | K::DuplicateInput => (true, false, false),
            K::Write | K::Clobber | K::DuplicateOutput => (false, true, false),
            K::Append => (false, true, true),
            K::ReadAndWrite => (true, true, false),
        };
        let host = Arc::clone(&self.kernel().host);
        if let Some(fd) = self.own_fd(&path) {
            return match self.fds.get(&fd).cloned() {
                Some(open) => Ok(Some(open)),
                None => self.cannot_open(name, Errno::ENOENT, write).await,
            };
        }
        if self.options.noclobber
            && matches!(kind, K::Write)
            && host.stat(self.who(), &path, true).is_ok_and(|stat| stat.kind == FileKind::File)
        {
            let message = match self.dialect {
                Dialect::Bash => format!("{name}: cannot overwrite existing file"),
                _ => format!("cannot create {name}: File exists"),
            };
            self.complain(&message).await?;
            return Ok(None);
        }
        let how = How {
            read,
            write,
            append,
            create: write.then_some(0o666),
            truncate: write && !append && !read,
            ..How::default()
        };
        match host.open(self.who(), &path, how) {
            Ok(file) if !write && file.stat().kind == FileKind::Folder => {
                // Opening a folder works; reading it does not.
                Ok(Some(Open::file(file, false, false, false)))
            }
            Ok(file) => {
                if write && file.device().is_none() {
                    let path = crate::world::resolve(&self.cwd, &text::encode(name));
                    self.kernel().note(Note::Written { path, file: file.clone() });
                }
                Ok(Some(Open::file(file, read, write, append)))
            }
            Err(errno) => self.cannot_open(name, errno, write).await,
        }
    }

    /// `/dev/stdin`, `/dev/fd/N`, `/proc/self/fd/N` are the shell's own open files.
    fn own_fd(&self, path: &[u8]) -> Option<i32> {
        match path {
            b"/dev/stdin" => Some(0),
            b"/dev/stdout" => Some(1),
            b"/dev/stderr" => Some(2),
            _ => {
                let rest = path.strip_prefix(b"/dev/fd/").or_else(|| path.strip_prefix(b"/proc/self/fd/"))?;
                std::str::from_utf8(rest).ok()?.parse().ok()
            }
        }
    }

    async fn cannot_open(&mut self, name: &str, errno: Errno, write: bool) -> Exec<Option<Arc<Open>>> {
        let message = match self.dialect {
            Dialect::Bash => format!("{name}: {}", errno.text()),
            Dialect::Dash | Dialect::Ash => {
                let text = match errno {
                    Errno::ENOENT if write => "Directory nonexistent",
                    Errno::ENOENT => "No such file",
                    other => other.text(),
                };
                let text = if self.dialect == Dialect::Ash && !write && errno == Errno::ENOENT {
                    "no such file"
                } else if self.dialect == Dialect::Ash && errno == Errno::ENOENT {
                    "nonexistent directory"
                } else {
                    text
                };
                let verb = match (self.dialect, write) {
                    (Dialect::Ash, true) => "can't create",
                    (Dialect::Ash, false) => "can't open",
                    (_, true) => "cannot create",
                    (_, false) => "cannot open",
                };
                format!("{verb} {name}: {text}")
            }
        };
        self.complain(&message).await?;
        Ok(None)
    }

    /// `/dev/tcp/HOST/PORT`: recorded, and answered like a network that does not.
    async fn dev_tcp(&mut self, host: &str, port: &str, name: &str) -> Exec<Option<Arc<Open>>> {
        let Ok(number) = port.parse::<u16>() else {
            self.complain(&format!("{port}: invalid service name")).await?;
            self.complain(&format!("{name}: Invalid argument")).await?;
            return Ok(None);
        };
        let kernel = Arc::clone(self.kernel());
        let error = match net::connect(&kernel, host, number).await? {
            Ok(_) => return Ok(Some(Open::nothing())),
            Err(net::NetError::NoName) => {
                self.complain(&format!("{host}: Temporary failure in name resolution")).await?;
                self.complain(&format!("{name}: Invalid argument")).await?;
                return Ok(None);
            }
            Err(net::NetError::Refused) => "Connection refused",
            Err(net::NetError::TimedOut) => "Connection timed out",
            Err(net::NetError::Unreachable) => "Network is unreachable",
        };
        self.complain(&format!("connect: {error}")).await?;
        self.complain(&format!("{name}: {error}")).await?;
        Ok(None)
    }

    /// The end of `<( … )` or `>( … )` that this shell holds.
    pub(super) async fn process_end(&mut self, kind: &ProcessSubstitutionKind, list: &CompoundList) -> Exec<Arc<Open>> {
        let (read, write) = Open::pipe(self.kernel());
        let mut stage = self.fork();
        let mine = match kind {
            ProcessSubstitutionKind::Read => {
                stage.fds.insert(1, write);
                read
            }
            ProcessSubstitutionKind::Write => {
                stage.fds.insert(0, read);
                write
            }
        };
        let list = list.clone();
        let body =
            move |mut shell: Self| -> Boxed<'static, Exec<Status>> { Box::pin(async move { shell.list(&list).await }) };
        if self.start(stage, self.spec.group, body).is_none() {
            self.fork_failed().await?;
            return Err(Flow::Abort(254));
        }
        Ok(mine)
    }

    /// A free descriptor from 63 downwards, as bash uses for `<( )`.
    pub(super) fn free_fd(&self, fds: &Fds) -> i32 {
        (10..=63).rev().find(|fd| !fds.contains_key(fd)).unwrap_or(63)
    }
}
