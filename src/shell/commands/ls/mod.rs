//! `ls`, `dir`, `vdir` (coreutils 8.30).

mod color;
mod layout;

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::accounts::Names;
use super::times::Moment;
use super::{mode, options, version};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{FileKind, Stat, Time};

const OPTIONS: &str = "a,all A,almost-all author b,escape block-size= B,ignore-backups c C color? d,directory \
                       D,dired f F,classify? file-type format= full-time g group-directories-first G,no-group \
                       h,human-readable si H,dereference-command-line dereference-command-line-symlink-to-dir hide= \
                       hyperlink? indicator-style= i,inode I,ignore= k,kibibytes l L,dereference m n,numeric-uid-gid \
                       N,literal o p q,hide-control-chars show-control-chars Q,quote-name quoting-style= r,reverse \
                       R,recursive s,size S sort= time= time-style= t T,tabsize= u U v w,width= x X Z,context 1 zero";

/// Rows of all listings together; folders listed by `-R`.
const ROWS: usize = 200_000;
const FOLDERS: usize = 20_000;
/// Half a year, after which the year is shown for the time.
const RECENT: i64 = 31_556_952 / 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Long,
    Single,
    Columns,
    Across,
    Commas,
}

/// How names are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Literal,
    Hidden,
    Shell,
    Escape,
    C,
}

struct Settings {
    format: Format,
    all: bool,
    almost: bool,
    backups: bool,
    ignore: Vec<Vec<u8>>,
    sort: char,
    reverse: bool,
    folders_first: bool,
    time: char,
    style: String,
    human: Option<u64>,
    block: u64,
    owner: bool,
    group: bool,
    author: bool,
    numeric: bool,
    inode: bool,
    blocks: bool,
    indicator: char,
    follow: bool,
    quoting: Quoting,
    width: usize,
    color: Option<color::Colors>,
    now: i64,
    /// Width of tab stops; 0 = only blanks.
    tab: usize,
}

struct Row {
    name: String,
    stat: Stat,
    /// Where a link points to, and what is there.
    target: Option<(String, Option<Stat>)>,
    broken: bool,
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, OPTIONS, 2) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let tty = c.is_tty(1);
    let dir = c.base() != "ls" && !c.applet();
    let mut format = match c.base() {
        "dir" => Format::Columns,
        "vdir" => Format::Long,
        _ if tty => Format::Columns,
        _ => Format::Single,
    };
    let mut s = Settings {
        format,
        all: false,
        almost: false,
        backups: found.has("B"),
        ignore: Vec::new(),
        sort: 'n',
        reverse: found.has("r"),
        folders_first: found.has("group-directories-first"),
        time: 'm',
        style: found
            .value("time-style")
            .map(str::to_string)
            .or(c.env("TIME_STYLE").map(str::to_string))
            .unwrap_or_default(),
        human: None,
        block: 1,
        owner: true,
        group: true,
        author: found.has("author"),
        numeric: false,
        inode: found.has("i"),
        blocks: found.has("s"),
        indicator: ' ',
        follow: found.has("L"),
        quoting: if dir {
            Quoting::Escape
        } else if tty {
            Quoting::Shell
        } else {
            Quoting::Literal
        },
        width: c.columns(),
        color: None,
        now: c.now().as_second(),
        tab: found.value("T").and_then(|tab| tab.parse().ok()).unwrap_or(8),
    };
    let (mut sort_given, mut color) = (false, false);
    for (key, value) in &found.list {
        let value = value.as_deref();
        match *key {
            "a" => s.all = true,
            "A" => s.almost = true,
            "f" => {
                s.all = true;
                s.sort = 'U';
                sort_given = true;
            }
            "1" if format != Format::Long => format = Format::Single,
            "l" | "g" | "n" | "o" | "full-time" => format = Format::Long,
            "C" => format = Format::Columns,
            "x" => format = Format::Across,
            "m" => format = Format::Commas,
            "format" => {
                format = match value.unwrap_or_default() {
                    "long" | "verbose" => Format::Long,
                    "commas" => Format::Commas,
                    "horizontal" | "across" => Format::Across,
                    "vertical" => Format::Columns,
                    _ => Format::Single,
                }
            }
            "S" | "t" | "U" | "v" | "X" => {
                s.sort = key.chars().next().unwrap_or('n');
                sort_given = true;
            }
            "sort" => {
                s.sort = match value.unwrap_or_default() {
                    "size" => 'S',
                    "time" => 't',
                    "none" => 'U',
                    "version" => 'v',
                    "extension" => 'X',
                    other => return Ok(invalid(c, other, "--sort", &["none", "time", "size", "extension", "version"])),
                };
                sort_given = true;
            }
            "c" | "u" => s.time = key.chars().next().unwrap_or('m'),
            "time" => {
                s.time = match value.unwrap_or_default() {
                    "atime" | "access" | "use" => 'u',
                    "ctime" | "status" => 'c',
                    _ => 'm',
                }
            }
            "h" => s.human = Some(1024),
            "si" => s.human = Some(1000),
            "k" => s.block = 1,
            "block-size" => {
                s.block = super::head::count(value.unwrap_or_default()).map_or(1, |size| (size / 1024).max(1))
            }
            "F" => {
                s.indicator =
                    if matches!(value, Some("never" | "no")) || value == Some("auto") && !tty { ' ' } else { 'F' }
            }
            "file-type" => s.indicator = 't',
            "p" => s.indicator = 'p',
            "indicator-style" => {
                s.indicator = match value.unwrap_or_default() {
                    "classify" => 'F',
                    "file-type" => 't',
                    "slash" => 'p',
                    _ => ' ',
                }
            }
            "b" => s.quoting = Quoting::Escape,
            "N" => s.quoting = Quoting::Literal,
            "Q" => s.quoting = Quoting::C,
            "q" if s.quoting == Quoting::Literal => s.quoting = Quoting::Hidden,
            "quoting-style" => {
                s.quoting = match value.unwrap_or_default() {
                    "literal" => Quoting::Literal,
                    "escape" => Quoting::Escape,
                    "c" => Quoting::C,
                    _ => Quoting::Shell,
                }
            }
            "I" | "hide" => s.ignore.push(text::encode(value.unwrap_or_default())),
            "w" => s.width = value.and_then(|v| v.parse().ok()).unwrap_or(80),
            "color" => {
                color = match value {
                    None | Some("always" | "yes" | "force") => true,
                    Some("auto" | "tty" | "if-tty") => tty,
                    Some("never" | "no" | "none") => false,
                    Some(other) => {
                        return Ok(invalid(
                            c,
                            other,
                            "--color",
                            &["always|yes|force", "never|no|none", "auto|tty|if-tty"],
                        ));
                    }
                }
            }
            _ => {}
        }
    }
    s.owner = !found.has("g");
    s.group = !found.has("o") && !found.has("G");
    s.numeric = found.has("n");
    if found.has("full-time") {
        s.style = "full-iso".into();
    }
    // -c and -u without -l also sort.
    if !sort_given && matches!(s.time, 'c' | 'u') && format != Format::Long {
        s.sort = 't';
    }
    s.format = format;
    if s.width == 0 {
        s.width = usize::MAX / 4;
    }
    if color {
        s.color = color::Colors::new(c.env("LS_COLORS"), c.env("TERM"), c.env("COLORTERM"));
        // Tabs and colours on one line confuse some terminals.
        if s.color.is_some() {
            s.tab = 0;
        }
    }
    list(c, &s, &found).await
}

/// Whether a terminal type has colours, as dircolors knows it.
pub(super) fn knows_terminal(name: Option<&str>) -> bool {
    color::knows(name)
}

/// `invalid argument` with the arguments that are valid.
fn invalid(c: &mut Cmd, value: &str, option: &str, valid: &[&str]) -> i32 {
    let mut text = format!("invalid argument {} for {}\nValid arguments are:", c.quote(value), c.quote(option));
    for name in valid {
        let synonyms: Vec<String> = name.split('|').map(|name| c.quote(name)).collect();
        text += &format!("\n  - {}", synonyms.join(", "));
    }
    options::misuse(c, &text, 1)
}

async fn list(c: &mut Cmd, s: &Settings, found: &options::Options) -> Result<i32, Stop> {
    let operands = if found.rest.is_empty() { vec![".".to_string()] } else { found.rest.clone() };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let mut status = 0;
    let itself = found.has("d");
    // Links among the operands are followed to folders unless they are to be described.
    let through = found.has("L") || found.has("H") || !itself && s.format != Format::Long && s.indicator != 'F';
    for operand in &operands {
        let looked = c.lstat(operand).and_then(|stat| {
            if stat.kind != FileKind::Link {
                return Ok(stat);
            }
            if found.has("L") || found.has("H") {
                return c.stat(operand);
            }
            Ok(match c.stat(operand) {
                Ok(behind) if through && behind.is_folder() => behind,
                _ => stat,
            })
        });
        match looked {
            Ok(stat) if stat.is_folder() && !itself => folders.push((operand.clone(), stat)),
            Ok(stat) => {
                let row = row(c, s, operand.clone(), operand, stat);
                files.push(row);
            }
            Err(error) => {
                let text =
                    if c.applet() { operand.clone() } else { format!("cannot access {}", c.shell_quote(operand)) };
                c.complain(&format!("{text}: {}", error.text()));
                status = if c.applet() { 1 } else { 2 };
            }
        }
    }
    let mut out = layout::Out::new(c, s);
    sort(s, &mut files);
    if !files.is_empty() {
        out.show(&files);
    }
    folders.sort_by(|a, b| order(s, (&a.0, &a.1), (&b.0, &b.1)));
    let headed = operands.len() > 1 || found.has("R");
    let mut queue: VecDeque<(String, bool)> = folders.into_iter().map(|(name, _)| (name, true)).collect();
    let mut first = files.is_empty();
    let (mut rows, mut shown) = (files.len(), 0);
    while let Some((folder, named)) = queue.pop_front() {
        shown += 1;
        if rows > ROWS || shown > FOLDERS {
            break;
        }
        let entries = match c.list(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                let piece = out.take();
                c.out_bytes(&piece);
                c.complain(&format!("cannot open directory {}: {}", c.shell_quote(&folder), error.text()));
                status = status.max(if named { 2 } else { 1 });
                continue;
            }
        };
        c.spend(entries.len() as u64 * 4 + 10).await?;
        let mut listed: Vec<Row> = Vec::new();
        if s.all {
            for name in [".", ".."] {
                let path = format!("{folder}/{name}");
                if let Ok(stat) = c.stat(&path) {
                    listed.push(row(c, s, name.to_string(), &path, stat));
                }
            }
        }
        for (name, stat) in entries {
            let hidden = name.starts_with(b".");
            let ignored = s.ignore.iter().any(|glob| super::glob::matches(glob, &name, false));
            if hidden && !s.all && !s.almost || ignored || s.backups && name.ends_with(b"~") {
                continue;
            }
            let name = text::decode(&name);
            let path = if folder.ends_with('/') { format!("{folder}{name}") } else { format!("{folder}/{name}") };
            let stat = if s.follow { c.stat(&path).unwrap_or(stat) } else { stat };
            listed.push(row(c, s, name, &path, stat));
        }
        sort(s, &mut listed);
        rows += listed.len();
        if headed {
            let name = out.quoted(&folder);
            out.plain(&format!("{}{name}:\n", if first { "" } else { "\n" }));
        }
        first = false;
        if s.format == Format::Long || s.blocks {
            let total: u64 = listed.iter().map(|row| mode::kib(&row.stat)).sum();
            let total = out.blocks(total);
            out.plain(&format!("total {total}\n"));
        }
        out.show(&listed);
        if found.has("R") {
            let inner = listed.iter().filter(|row| row.stat.is_folder() && row.name != "." && row.name != "..");
            let base = folder.trim_end_matches('/');
            let base = if base.is_empty() && folder.starts_with('/') { "" } else { base };
            let names: Vec<String> = inner.map(|row| format!("{base}/{}", row.name)).collect();
            for name in names.into_iter().rev() {
                queue.push_front((name, false));
            }
        }
        let piece = out.take();
        c.out_bytes(&piece);
        c.tick().await?;
    }
    let piece = out.end();
    c.out_bytes(&piece);
    Ok(status)
}

fn row(c: &Cmd, s: &Settings, name: String, path: &str, stat: Stat) -> Row {
    let mut target = None;
    let mut broken = false;
    if stat.kind == FileKind::Link && (s.format == Format::Long || s.color.is_some() || s.indicator != ' ') {
        let behind = c.stat(path).ok();
        broken = behind.is_none();
        let link = c.host().read_link(c.who(), &c.path(path)).unwrap_or_default();
        target = Some((text::decode(&link), behind));
    }
    Row { name, stat, target, broken }
}

fn time_of(s: &Settings, stat: &Stat) -> Time {
    match s.time {
        'c' => stat.changed,
        'u' => stat.accessed,
        _ => stat.modified,
    }
}

fn order(s: &Settings, a: (&str, &Stat), b: (&str, &Stat)) -> Ordering {
    let names = || text::encode(a.0).cmp(&text::encode(b.0));
    let extension = |name: &str| name.rfind('.').map(|at| name.get(at..).unwrap_or_default().to_string());
    let order = match s.sort {
        'S' => b.1.size.cmp(&a.1.size).then_with(names),
        't' => time_of(s, b.1).cmp(&time_of(s, a.1)).then_with(names),
        'v' => version::compare(&text::encode(a.0), &text::encode(b.0)),
        'X' => extension(a.0).cmp(&extension(b.0)).then_with(names),
        'U' => return Ordering::Equal,
        _ => names(),
    };
    let order = if s.reverse { order.reverse() } else { order };
    if s.folders_first { b.1.is_folder().cmp(&a.1.is_folder()).then(order) } else { order }
}

fn sort(s: &Settings, rows: &mut [Row]) {
    rows.sort_by(|a, b| order(s, (&a.name, &a.stat), (&b.name, &b.stat)));
}

/// A size as `-h` shows it: rounded up, one decimal below ten.
pub(super) fn human(size: u64, base: u64) -> String {
    if size < base {
        return size.to_string();
    }
    let units = if base == 1000 { "kMGTPE" } else { "KMGTPE" };
    let (size, base) = (u128::from(size), u128::from(base));
    let mut scale = base;
    for unit in units.chars() {
        let tenths = (size * 10).div_ceil(scale);
        if tenths < 100 {
            return format!("{}.{}{unit}", tenths / 10, tenths % 10);
        }
        let whole = size.div_ceil(scale);
        if whole < base || unit == 'E' {
            return format!("{whole}{unit}");
        }
        scale *= base;
    }
    size.to_string()
}

/// The time column.
fn when(s: &Settings, time: Time) -> String {
    let moment = Moment::of(time);
    let recent = time.secs > s.now - RECENT && time.secs <= s.now;
    let style = s.style.strip_prefix("posix-").unwrap_or(&s.style);
    if let Some(format) = style.strip_prefix('+') {
        let (old, new) = format.split_once('\n').unwrap_or((format, format));
        return moment.format(if recent { new } else { old });
    }
    moment.format(match (style, recent) {
        ("full-iso", _) => "%Y-%m-%d %H:%M:%S.%N %z",
        ("long-iso", _) => "%Y-%m-%d %H:%M",
        ("iso", true) => "%m-%d %H:%M",
        ("iso", false) => "%Y-%m-%d ",
        (_, true) => "%b %e %H:%M",
        (_, false) => "%b %e  %Y",
    })
}

pub(super) fn names(c: &Cmd) -> Names {
    Names::read(c)
}
