//! Walks the tree and judges each file.

use super::super::accounts::Names;
use super::super::glob;
use super::super::mode;
use super::super::times::Moment;
use super::parse::{Node, Plan};
use crate::shell::cmd::{Child, Cmd};
use crate::shell::format::{Escapes, Spec, escape};
use crate::shell::kernel::{Boxed, Stop};
use crate::shell::text;
use crate::world::{Errno, FileKind, Stat};

/// Files that one call looks at.
const FILES: u64 = 2_000_000;
/// Arguments that `-exec … +` gathers.
const BATCH: usize = 2000;

struct Found {
    path: String,
    stat: Stat,
    depth: usize,
    /// The operand it was found under.
    start: String,
}

struct Finder {
    names: Names,
    batches: Vec<Vec<String>>,
    commands: Vec<(Vec<String>, bool)>,
    status: i32,
    quit: bool,
    prune: bool,
    now: i64,
}

enum Todo {
    Look(String, Option<Stat>, usize),
    After(Box<Found>),
}

pub(super) async fn run(c: &mut Cmd, plan: Plan, paths: Vec<String>, follow: bool) -> Result<i32, Stop> {
    let mut finder = Finder {
        names: Names::read(c),
        batches: vec![Vec::new(); plan.batches],
        commands: vec![(Vec::new(), false); plan.batches],
        status: 0,
        quit: false,
        prune: false,
        now: c.now().as_second(),
    };
    let mut looked = 0u64;
    for start in paths {
        let mut todo = vec![Todo::Look(start.clone(), None, 0)];
        let mut device = None;
        while let Some(next) = todo.pop() {
            if finder.quit {
                break;
            }
            c.spend(20).await?;
            c.tick().await?;
            looked += 1;
            if looked > FILES {
                break;
            }
            let (path, known, depth) = match next {
                Todo::Look(path, known, depth) => (path, known, depth),
                Todo::After(found) => {
                    finder.judge(c, &plan.node, &found).await?;
                    continue;
                }
            };
            let stat = match known {
                Some(stat) if !follow || !stat.is_link() => Ok(stat),
                _ if follow => c.stat(&path).or_else(|_| c.lstat(&path)),
                _ => c.lstat(&path),
            };
            let stat = match stat {
                Ok(stat) => stat,
                Err(error) => {
                    finder.complain(c, &path, error);
                    continue;
                }
            };
            let other = *device.get_or_insert(stat.dev) != stat.dev && plan.same_device;
            let found = Box::new(Found { path: path.clone(), stat: stat.clone(), depth, start: start.clone() });
            finder.prune = false;
            if !plan.depth_first && depth >= plan.least {
                finder.judge(c, &plan.node, &found).await?;
            }
            let enter = stat.is_folder() && depth < plan.most && !other && (plan.depth_first || !finder.prune);
            if plan.depth_first && depth >= plan.least {
                todo.push(Todo::After(found));
            }
            if !enter || finder.quit {
                continue;
            }
            match c.list(&path) {
                Ok(entries) => {
                    let base = if path.ends_with('/') { path } else { format!("{path}/") };
                    for (name, stat) in entries.into_iter().rev() {
                        todo.push(Todo::Look(format!("{base}{}", text::decode(&name)), Some(stat), depth + 1));
                    }
                }
                Err(error) => finder.complain(c, &path, error),
            }
        }
    }
    for number in 0..finder.batches.len() {
        finder.run_batch(c, number).await?;
    }
    Ok(finder.status)
}

impl Finder {
    fn complain(&mut self, c: &mut Cmd, path: &str, error: Errno) {
        let text = if c.applet() {
            format!("{path}: {}", error.text())
        } else {
            format!("{}: {}", c.quote(path), error.text())
        };
        c.complain(&text);
        self.status = 1;
    }

    fn judge<'a>(&'a mut self, c: &'a mut Cmd, node: &'a Node, f: &'a Found) -> Boxed<'a, Result<bool, Stop>> {
        Box::pin(async move {
            Ok(match node {
                Node::And(a, b) => self.judge(c, a, f).await? && !self.quit && self.judge(c, b, f).await?,
                Node::Or(a, b) => self.judge(c, a, f).await? || !self.quit && self.judge(c, b, f).await?,
                Node::Comma(a, b) => {
                    self.judge(c, a, f).await?;
                    self.judge(c, b, f).await?
                }
                Node::Not(inner) => !self.judge(c, inner, f).await?,
                Node::Exec(command, plus, folder, ask, number) => {
                    self.exec(c, f, command, (*plus, *folder, *ask, *number)).await?
                }
                Node::Delete => self.delete(c, f),
                Node::Quit => {
                    self.quit = true;
                    true
                }
                Node::Prune => {
                    self.prune = true;
                    true
                }
                other => self.test(c, other, f),
            })
        })
    }

    fn test(&mut self, c: &mut Cmd, node: &Node, f: &Found) -> bool {
        let stat = &f.stat;
        match node {
            Node::Always(value) => *value,
            Node::Name(pattern, ignore_case) => {
                let path = text::encode(&f.path);
                let bare = path.strip_suffix(b"/").filter(|bare| !bare.is_empty()).unwrap_or(&path);
                glob::matches(pattern, crate::world::name(bare), *ignore_case)
            }
            Node::Path(pattern, ignore_case) => glob::matches(pattern, &text::encode(&f.path), *ignore_case),
            Node::LinkName(pattern, ignore_case) => {
                let link = c.host().read_link(c.who(), &c.path(&f.path));
                stat.is_link() && link.is_ok_and(|link| glob::matches(pattern, &link, *ignore_case))
            }
            Node::Regex(regexp) => regexp.is_match(&text::encode(&f.path)),
            Node::Type(kinds, behind) => {
                let kind = if *behind { c.stat(&f.path).map_or(stat.kind, |stat| stat.kind) } else { stat.kind };
                kinds.contains(&kind)
            }
            Node::Size(than, unit) => than.fits(stat.size.div_ceil(*unit)),
            Node::Age(which, than, unit) => {
                let time = match which {
                    'a' => stat.accessed,
                    'c' => stat.changed,
                    _ => stat.modified,
                };
                let age = self.now - time.secs;
                // Minutes are rounded up when compared with less.
                let age = if *unit == 60 && age > 0 { (age + 59) / 60 } else { age.max(0) / unit };
                than.fits(u64::try_from(age).unwrap_or(0))
            }
            Node::Newer(which, time) => {
                let own = match which {
                    'a' => stat.accessed,
                    'c' => stat.changed,
                    _ => stat.modified,
                };
                own > *time
            }
            Node::User(uid) => stat.uid == *uid,
            Node::Group(gid) => stat.gid == *gid,
            Node::UserId(than) => than.fits(u64::from(stat.uid)),
            Node::GroupId(than) => than.fits(u64::from(stat.gid)),
            Node::NoUser => self.names.user(stat.uid).is_none(),
            Node::NoGroup => self.names.group(stat.gid).is_none(),
            Node::Perm('-', bits) => stat.mode & bits == *bits,
            Node::Perm('/', bits) => *bits == 0 || stat.mode & bits != 0,
            Node::Perm(_, bits) => stat.mode == *bits,
            Node::Empty => match stat.kind {
                FileKind::File => stat.size == 0,
                FileKind::Folder => c.list(&f.path).is_ok_and(|entries| entries.is_empty()),
                _ => false,
            },
            Node::Access(mask) => c.host().access(c.who(), &c.path(&f.path), *mask).is_ok(),
            Node::Links(than) => than.fits(u64::from(stat.nlink)),
            Node::Inode(than) => than.fits(stat.ino),
            Node::SameFile(ino, dev) => stat.ino == *ino && stat.dev == *dev,
            Node::Print(end, sink) => {
                let line = text::encode(&format!("{}{end}", f.path));
                put(c, sink.as_ref(), &line);
                true
            }
            Node::Printf(format, sink) => {
                let line = self.printed(c, format, f);
                put(c, sink.as_ref(), &line);
                true
            }
            Node::List(sink) => {
                let line = self.listed(c, f);
                put(c, sink.as_ref(), &text::encode(&line));
                true
            }
            _ => false,
        }
    }

    fn delete(&mut self, c: &mut Cmd, f: &Found) -> bool {
        if f.path == "." {
            return true;
        }
        let path = c.path(&f.path);
        let gone = if f.stat.is_folder() {
            c.host().remove_folder(c.who(), &path)
        } else {
            c.host().remove_file(c.who(), &path)
        };
        if let Err(error) = gone {
            c.complain(&format!("cannot delete {}: {}", c.quote(&f.path), error.text()));
            self.status = 1;
        }
        gone.is_ok()
    }

    async fn exec(
        &mut self,
        c: &mut Cmd,
        f: &Found,
        command: &[String],
        (plus, folder, ask, number): (bool, bool, bool, usize),
    ) -> Result<bool, Stop> {
        let (name, cwd) = if folder {
            let (parent, name) = f.path.trim_end_matches('/').rsplit_once('/').unwrap_or((".", &f.path));
            let parent = if parent.is_empty() { "/" } else { parent };
            (format!("./{name}"), Some(crate::world::resolve(c.cwd(), &text::encode(parent))))
        } else {
            (f.path.clone(), None)
        };
        if plus {
            if let Some(slot) = self.commands.get_mut(number).filter(|slot| slot.0.is_empty()) {
                *slot = (command.to_vec(), folder);
            }
            let full = self.batches.get_mut(number).is_some_and(|batch| {
                batch.push(if folder { f.path.clone() } else { name });
                batch.len() >= BATCH
            });
            if full {
                self.run_batch(c, number).await?;
            }
            return Ok(true);
        }
        let argv: Vec<String> = command.iter().map(|arg| arg.replace("{}", &name)).collect();
        if ask {
            let question = format!("< {} ... {} > ? ", argv.first().map_or("", |x| x), f.path);
            c.err(&question);
            c.flush().await?;
            let answer = c.read_line().await?.unwrap_or_default();
            if !matches!(answer.first(), Some(b'y' | b'Y')) {
                return Ok(false);
            }
        }
        let status = self.start(c, &argv, cwd).await?;
        Ok(status == 0)
    }

    async fn start(&mut self, c: &mut Cmd, argv: &[String], cwd: Option<Vec<u8>>) -> Result<i32, Stop> {
        let status = c.exec_with(argv, Child { cwd, ..Child::default() }).await?;
        if (status == 127 || status == 126) && !c.exec_error().is_empty() {
            let error = c.exec_error().to_string();
            let error = if error.contains("not found") { Errno::ENOENT.text().to_string() } else { error };
            let name = c.quote(argv.first().map_or("", |x| x));
            c.complain(&format!("{name}: {error}"));
        }
        Ok(status)
    }

    async fn run_batch(&mut self, c: &mut Cmd, number: usize) -> Result<(), Stop> {
        let Some(batch) = self.batches.get_mut(number).map(std::mem::take) else { return Ok(()) };
        let Some((mut argv, _)) = self.commands.get(number).cloned() else { return Ok(()) };
        if batch.is_empty() {
            return Ok(());
        }
        argv.pop();
        argv.extend(batch);
        if self.start(c, &argv, None).await? != 0 {
            self.status = 1;
        }
        Ok(())
    }

    fn user(&self, uid: u32) -> String {
        self.names.user(uid).map_or_else(|| uid.to_string(), str::to_string)
    }

    fn group(&self, gid: u32) -> String {
        self.names.group(gid).map_or_else(|| gid.to_string(), str::to_string)
    }

    fn listed(&self, c: &Cmd, f: &Found) -> String {
        let stat = &f.stat;
        let recent = stat.modified.secs > self.now - 31_556_952 / 2 && stat.modified.secs <= self.now;
        let when = Moment::of(stat.modified).format(if recent { "%b %e %H:%M" } else { "%b %e  %Y" });
        let mut name = f.path.replace(' ', "\\ ");
        if stat.is_link() {
            let link = c.host().read_link(c.who(), &c.path(&f.path)).unwrap_or_default();
            name += &format!(" -> {}", text::decode(&link));
        }
        let size = match stat.kind {
            FileKind::CharDevice | FileKind::BlockDevice => format!("{:>3}, {:>3}", stat.rdev.0, stat.rdev.1),
            _ => format!("{:>8}", stat.size),
        };
        format!(
            "{:>9} {:>6} {} {:>3} {:<8} {:<8} {size} {when} {name}\n",
            stat.ino,
            mode::kib(stat),
            stat.permissions(),
            stat.nlink,
            self.user(stat.uid),
            self.group(stat.gid)
        )
    }

    fn printed(&self, c: &Cmd, format: &[u8], f: &Found) -> Vec<u8> {
        let stat = &f.stat;
        let mut out = Vec::new();
        let mut rest = format;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if byte == b'\\' {
                let (taken, more) = escape(rest, Escapes::Format, &mut out);
                if !more {
                    return out;
                }
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
            if byte != b'%' {
                out.push(byte);
                continue;
            }
            let (mut spec, taken) = Spec::read_bare(rest);
            let raw = rest.get(..taken).unwrap_or_default().to_vec();
            rest = rest.get(taken..).unwrap_or_default();
            let time = |letter: char| match letter {
                'a' | 'A' => stat.accessed,
                'c' | 'C' => stat.changed,
                _ => stat.modified,
            };
            let path = text::encode(&f.path);
            let value = match spec.letter {
                '%' => b"%".to_vec(),
                'p' => path,
                'f' => {
                    let bare = path.strip_suffix(b"/").filter(|bare| !bare.is_empty()).unwrap_or(&path);
                    crate::world::name(bare).to_vec()
                }
                'h' => match f.path.rsplit_once('/') {
                    Some((folder, _)) => text::encode(folder),
                    None => b".".to_vec(),
                },
                'P' => {
                    let below = f.path.strip_prefix(&f.start).unwrap_or(&f.path).trim_start_matches('/');
                    text::encode(below)
                }
                'H' => text::encode(&f.start),
                'd' => f.depth.to_string().into_bytes(),
                's' => stat.size.to_string().into_bytes(),
                'k' => mode::kib(stat).to_string().into_bytes(),
                'b' => (mode::kib(stat) * 2).to_string().into_bytes(),
                'm' => format!("{:o}", stat.mode).into_bytes(),
                'M' => stat.permissions().into_bytes(),
                'u' => self.user(stat.uid).into_bytes(),
                'U' => stat.uid.to_string().into_bytes(),
                'g' => self.group(stat.gid).into_bytes(),
                'G' => stat.gid.to_string().into_bytes(),
                'i' => stat.ino.to_string().into_bytes(),
                'n' => stat.nlink.to_string().into_bytes(),
                'D' => stat.dev.to_string().into_bytes(),
                'l' if stat.is_link() => c.host().read_link(c.who(), &c.path(&f.path)).unwrap_or_default(),
                'l' => Vec::new(),
                'y' => kind_letter(stat.kind).to_string().into_bytes(),
                'Y' => match c.stat(&f.path) {
                    Ok(stat) => kind_letter(stat.kind).to_string().into_bytes(),
                    Err(_) => b"N".to_vec(),
                },
                letter @ ('t' | 'a' | 'c') => {
                    let format = "%a %b %e %H:%M:%S.%N0 %Y";
                    Moment::of(time(if letter == 't' { 'm' } else { letter })).format(format).into_bytes()
                }
                letter @ ('T' | 'A' | 'C') => {
                    let Some((&which, after)) = rest.split_first() else { return out };
                    rest = after;
                    let at = time(if letter == 'T' { 'm' } else { letter });
                    let moment = Moment::of(at);
                    match which {
                        b'@' => format!("{}.{:09}0", at.secs, at.nanos).into_bytes(),
                        b'+' => moment.format("%Y-%m-%d+%H:%M:%S.%N0").into_bytes(),
                        b'S' => moment.format("%S.%N0").into_bytes(),
                        b'T' | b'X' => moment.format("%H:%M:%S.%N0").into_bytes(),
                        which => moment.format(&format!("%{}", char::from(which))).into_bytes(),
                    }
                }
                _ => [b"%", raw.as_slice()].concat(),
            };
            spec.letter = 's';
            spec.string(&value, &mut out);
        }
        out
    }
}

fn kind_letter(kind: FileKind) -> char {
    match kind {
        FileKind::File => 'f',
        other => other.letter(),
    }
}

fn put(c: &mut Cmd, sink: Option<&crate::world::File>, bytes: &[u8]) {
    match sink {
        Some(file) => {
            let _ = file.append(bytes);
        }
        None => c.out_bytes(bytes),
    }
}
