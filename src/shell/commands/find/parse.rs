//! Reads find's expression.

use super::super::accounts::Names;
use super::super::regexp::{Flags, Regexp, Syntax};
use super::super::{date_text, mode};
use crate::shell::cmd::Cmd;
use crate::shell::text;
use crate::world::{File, FileKind, Open, Time};

/// `+N`, `-N`, `N`
#[derive(Clone, Copy, Debug)]
pub(super) enum Than {
    More(u64),
    Less(u64),
    Just(u64),
}

impl Than {
    pub fn fits(self, value: u64) -> bool {
        match self {
            Self::More(limit) => value > limit,
            Self::Less(limit) => value < limit,
            Self::Just(limit) => value == limit,
        }
    }
}

/// Where output of an action goes.
pub(super) type Sink = Option<File>;

pub(super) enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Comma(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Always(bool),
    Name(Vec<u8>, bool),
    Path(Vec<u8>, bool),
    LinkName(Vec<u8>, bool),
    Regex(Box<Regexp>),
    Type(Vec<FileKind>, bool),
    Size(Than, u64),
    /// Which time (`m`, `a`, `c`), in units of so many seconds.
    Age(char, Than, i64),
    Newer(char, Time),
    User(u32),
    Group(u32),
    UserId(Than),
    GroupId(Than),
    NoUser,
    NoGroup,
    /// `=`, `-` or `/` and the bits.
    Perm(char, u32),
    Empty,
    Access(u32),
    Links(Than),
    Inode(Than),
    SameFile(u64, u32),
    Prune,
    Quit,
    Delete,
    Print(&'static str, Sink),
    Printf(Vec<u8>, Sink),
    List(Sink),
    /// Arguments, whether `+`, whether from the file's folder, whether to ask; the number is its place in the batches.
    Exec(Vec<String>, bool, bool, bool, usize),
}

pub(super) struct Plan {
    pub node: Node,
    pub most: usize,
    pub least: usize,
    pub depth_first: bool,
    pub same_device: bool,
    pub batches: usize,
}

const DEPTH: usize = 100;
const TERMS: usize = 5000;

struct Parser<'a> {
    c: &'a mut Cmd,
    args: &'a [String],
    at: usize,
    acts: bool,
    plan: Plan,
    regex: Syntax,
    daystart: bool,
    names: Names,
}

type Result<T> = std::result::Result<T, String>;

pub(super) fn parse(c: &mut Cmd, args: &[String]) -> Result<Plan> {
    let names = Names::read(c);
    let plan = Plan {
        node: Node::Always(true),
        most: usize::MAX,
        least: 0,
        depth_first: false,
        same_device: false,
        batches: 0,
    };
    let mut p = Parser { c, args, at: 0, acts: false, plan, regex: Syntax::Basic, daystart: false, names };
    if args.len() > TERMS {
        return Err("too many arguments".into());
    }
    let node = if args.is_empty() { Node::Always(true) } else { p.comma(0)? };
    if let Some(arg) = p.args.get(p.at) {
        if arg == ")" {
            return Err("you have too many ')'".into());
        }
        return Err(format!("paths must precede expression: `{arg}'"));
    }
    let print = Node::Print("\n", None);
    p.plan.node = if p.acts { node } else { Node::And(Box::new(node), Box::new(print)) };
    Ok(p.plan)
}

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.args.get(self.at).map(String::as_str)
    }

    fn comma(&mut self, depth: usize) -> Result<Node> {
        let mut left = self.or(depth)?;
        while self.peek() == Some(",") {
            self.at += 1;
            left = Node::Comma(Box::new(left), Box::new(self.or(depth)?));
        }
        Ok(left)
    }

    fn or(&mut self, depth: usize) -> Result<Node> {
        let mut left = self.and(depth)?;
        while let Some(op @ ("-o" | "-or")) = self.peek() {
            let op = op.to_string();
            self.at += 1;
            self.operand_follows(&op)?;
            left = Node::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn operand_follows(&self, op: &str) -> Result<()> {
        match self.peek() {
            None => Err(format!("expected an expression after '{op}'")),
            Some(")") => Err(format!("expected an expression between '{op}' and ')'")),
            _ => Ok(()),
        }
    }

    fn and(&mut self, depth: usize) -> Result<Node> {
        let mut left = self.not(depth)?;
        loop {
            match self.peek() {
                None | Some(")" | "," | "-o" | "-or") => return Ok(left),
                Some(op @ ("-a" | "-and")) => {
                    let op = op.to_string();
                    self.at += 1;
                    self.operand_follows(&op)?;
                }
                _ => {}
            }
            left = Node::And(Box::new(left), Box::new(self.not(depth)?));
        }
    }

    fn not(&mut self, depth: usize) -> Result<Node> {
        let mut negated = false;
        while let Some(op @ ("!" | "-not")) = self.peek() {
            let op = op.to_string();
            self.at += 1;
            self.operand_follows(&op)?;
            negated = !negated;
        }
        let node = self.term(depth)?;
        Ok(if negated { Node::Not(Box::new(node)) } else { node })
    }

    fn value(&mut self, name: &str) -> Result<String> {
        let value = self.args.get(self.at).cloned().ok_or_else(|| format!("missing argument to `{name}'"))?;
        self.at += 1;
        Ok(value)
    }

    fn than(&mut self, name: &str) -> Result<Than> {
        let text = self.value(name)?;
        than(&text).ok_or_else(|| format!("invalid argument `{text}' to `{name}'"))
    }

    fn sink(&mut self, name: &str) -> Result<Sink> {
        let file = self.value(name)?;
        let how = Open { write: true, create: Some(0o666), truncate: true, ..Open::default() };
        let opened = self.c.host().open(self.c.who(), &self.c.path(&file), how);
        let opened = opened.map_err(|error| format!("{}: {}", self.c.shell_quote(&file), error.text()))?;
        self.c.note_written(&file);
        Ok(Some(opened))
    }

    fn term(&mut self, depth: usize) -> Result<Node> {
        if depth > DEPTH {
            return Err("expression too deep".into());
        }
        let Some(arg) = self.args.get(self.at).cloned() else {
            return Err("invalid expression".into());
        };
        self.at += 1;
        let name = arg.as_str();
        Ok(match name {
            "(" => {
                if self.peek() == Some(")") {
                    return Err("invalid expression; empty parentheses are not allowed.".into());
                }
                let inner = self.comma(depth + 1)?;
                if self.peek() != Some(")") {
                    return Err(
                        "invalid expression; I was expecting to find a ')' somewhere but did not see one.".into()
                    );
                }
                self.at += 1;
                inner
            }
            ")" => return Err("invalid expression; you have too many ')'".into()),
            "-a" | "-and" | "-o" | "-or" | "," => {
                return Err(format!(
                    "invalid expression; you have used a binary operator '{name}' with nothing before it."
                ));
            }
            "-name" | "-iname" => Node::Name(text::encode(&self.value(name)?), name == "-iname"),
            "-path" | "-ipath" | "-wholename" | "-iwholename" => {
                Node::Path(text::encode(&self.value(name)?), name.starts_with("-i"))
            }
            "-lname" | "-ilname" => Node::LinkName(text::encode(&self.value(name)?), name == "-ilname"),
            "-regextype" => {
                let kind = self.value(name)?;
                self.regex = if kind.contains("extended") || kind.contains("egrep") || kind.contains("awk") {
                    Syntax::Extended
                } else {
                    Syntax::Basic
                };
                Node::Always(true)
            }
            "-regex" | "-iregex" => {
                let source = self.value(name)?;
                let flags = Flags { ignore_case: name == "-iregex", line: true, ..Flags::default() };
                Node::Regex(Box::new(Regexp::new(&source, self.regex, flags)?))
            }
            "-type" | "-xtype" => {
                let value = self.value(name)?;
                let mut kinds = Vec::new();
                for letter in value.split(',') {
                    kinds.push(match letter {
                        "f" => FileKind::File,
                        "d" => FileKind::Folder,
                        "l" => FileKind::Link,
                        "c" => FileKind::CharDevice,
                        "b" => FileKind::BlockDevice,
                        "p" => FileKind::Fifo,
                        "s" => FileKind::Socket,
                        _ => {
                            return Err(format!("Unknown argument to {name}: {}", value.chars().next().unwrap_or(' ')));
                        }
                    });
                }
                Node::Type(kinds, name == "-xtype")
            }
            "-size" => {
                let value = self.value(name)?;
                let last = value.chars().last().unwrap_or(' ');
                let (digits, unit) = match last {
                    'b' => (value.trim_end_matches('b'), 512),
                    'c' => (value.trim_end_matches('c'), 1),
                    'w' => (value.trim_end_matches('w'), 2),
                    'k' => (value.trim_end_matches('k'), 1 << 10),
                    'M' => (value.trim_end_matches('M'), 1 << 20),
                    'G' => (value.trim_end_matches('G'), 1 << 30),
                    '0'..='9' => (value.as_str(), 512),
                    other => return Err(format!("invalid -size type `{other}'")),
                };
                let than = than(digits).ok_or_else(|| format!("Invalid argument `{value}' to -size"))?;
                Node::Size(than, unit)
            }
            "-mtime" | "-atime" | "-ctime" | "-mmin" | "-amin" | "-cmin" => {
                let which = name.chars().nth(1).unwrap_or('m');
                let unit = if name.ends_with("min") { 60 } else { 86400 };
                Node::Age(which, self.than(name)?, unit)
            }
            "-daystart" => {
                self.daystart = true;
                Node::Always(true)
            }
            "-newer" | "-anewer" | "-cnewer" => {
                let file = self.value(name)?;
                let stat = self.c.stat(&file);
                let stat = stat.map_err(|error| format!("{}: {}", self.c.shell_quote(&file), error.text()))?;
                let which = if name == "-newer" { 'm' } else { name.chars().nth(1).unwrap_or('m') };
                Node::Newer(which, stat.modified)
            }
            _ if name.starts_with("-newer") && name.len() == 8 => {
                let mut letters = name.chars().skip(6);
                let (which, reference) = (letters.next().unwrap_or('m'), letters.next().unwrap_or('m'));
                let value = self.value(name)?;
                if reference == 't' {
                    let now = self.c.now();
                    let time = date_text::parse(&value, Time::at(now.as_second()));
                    let time = time.ok_or_else(|| {
                        format!("I cannot figure out how to interpret {} as a date or time", self.c.quote(&value))
                    })?;
                    Node::Newer(which, time)
                } else {
                    let stat = self.c.stat(&value);
                    let stat = stat.map_err(|error| format!("{}: {}", self.c.shell_quote(&value), error.text()))?;
                    let time = match reference {
                        'a' => stat.accessed,
                        'c' => stat.changed,
                        _ => stat.modified,
                    };
                    Node::Newer(which, time)
                }
            }
            "-user" => {
                let user = self.value(name)?;
                let uid = self.names.uid(&user).map(|(uid, _)| uid).or_else(|| user.parse().ok());
                Node::User(uid.ok_or_else(|| format!("{} is not the name of a known user", self.c.quote(&user)))?)
            }
            "-group" => {
                let group = self.value(name)?;
                let gid = self.names.gid(&group).or_else(|| group.parse().ok());
                Node::Group(
                    gid.ok_or_else(|| format!("{} is not the name of an existing group", self.c.quote(&group)))?,
                )
            }
            "-uid" => Node::UserId(self.than(name)?),
            "-gid" => Node::GroupId(self.than(name)?),
            "-nouser" => Node::NoUser,
            "-nogroup" => Node::NoGroup,
            "-perm" => {
                let value = self.value(name)?;
                let how = value.chars().next().filter(|c| matches!(c, '-' | '/'));
                let digits = how.map_or(value.as_str(), |_| value.get(1..).unwrap_or_default());
                let bits =
                    mode::apply(digits, 0, false, 0).ok_or_else(|| format!("invalid mode {}", self.c.quote(&value)))?;
                Node::Perm(how.unwrap_or('='), bits)
            }
            "-empty" => Node::Empty,
            "-executable" => Node::Access(1),
            "-readable" => Node::Access(4),
            "-writable" => Node::Access(2),
            "-links" => Node::Links(self.than(name)?),
            "-inum" => Node::Inode(self.than(name)?),
            "-samefile" => {
                let file = self.value(name)?;
                let stat = self.c.lstat(&file);
                let stat = stat.map_err(|error| format!("{}: {}", self.c.shell_quote(&file), error.text()))?;
                Node::SameFile(stat.ino, stat.dev)
            }
            "-true" => Node::Always(true),
            "-false" => Node::Always(false),
            "-prune" => Node::Prune,
            "-maxdepth" | "-mindepth" => {
                let value = self.value(name)?;
                let depth = value.parse::<usize>().map_err(|_| {
                    let quoted = self.c.quote(&value);
                    format!("Expected a positive decimal integer argument to {name}, but got {quoted}")
                })?;
                if name == "-maxdepth" {
                    self.plan.most = depth
                } else {
                    self.plan.least = depth
                }
                Node::Always(true)
            }
            "-depth" | "-d" => {
                self.plan.depth_first = true;
                Node::Always(true)
            }
            "-xdev" | "-mount" => {
                self.plan.same_device = true;
                Node::Always(true)
            }
            "-noleaf" | "-warn" | "-nowarn" | "-ignore_readdir_race" | "-noignore_readdir_race" | "-follow" => {
                Node::Always(true)
            }
            "-print" | "-print0" => {
                self.acts = true;
                Node::Print(if name == "-print" { "\n" } else { "\0" }, None)
            }
            "-fprint" | "-fprint0" => {
                self.acts = true;
                let sink = self.sink(name)?;
                Node::Print(if name == "-fprint" { "\n" } else { "\0" }, sink)
            }
            "-printf" => {
                self.acts = true;
                Node::Printf(text::encode(&self.value(name)?), None)
            }
            "-fprintf" => {
                self.acts = true;
                let sink = self.sink(name)?;
                Node::Printf(text::encode(&self.value(name)?), sink)
            }
            "-ls" => {
                self.acts = true;
                Node::List(None)
            }
            "-fls" => {
                self.acts = true;
                Node::List(self.sink(name)?)
            }
            "-quit" => Node::Quit,
            "-delete" => {
                self.acts = true;
                self.plan.depth_first = true;
                Node::Delete
            }
            "-exec" | "-execdir" | "-ok" | "-okdir" => {
                self.acts = true;
                let mut command = Vec::new();
                let plus = loop {
                    let Some(arg) = self.args.get(self.at).cloned() else {
                        return Err(format!("missing argument to `{name}'"));
                    };
                    self.at += 1;
                    if arg == ";" {
                        break false;
                    }
                    if arg == "+" && command.last().is_some_and(|last| last == "{}") {
                        break true;
                    }
                    command.push(arg);
                };
                if command.is_empty() {
                    return Err(format!("invalid argument `;' to `{name}'"));
                }
                let number = self.plan.batches;
                self.plan.batches += 1;
                Node::Exec(command, plus, name.ends_with("dir"), name.starts_with("-ok"), number)
            }
            other if other.starts_with('-') => return Err(format!("unknown predicate `{other}'")),
            other => {
                return Err(format!("paths must precede expression: `{other}'"));
            }
        })
    }
}

fn than(text: &str) -> Option<Than> {
    let (make, digits): (fn(u64) -> Than, &str) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (Than::More, rest),
        (_, Some(rest)) => (Than::Less, rest),
        _ => (Than::Just, text),
    };
    digits.parse().ok().map(make)
}
