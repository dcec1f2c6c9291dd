//! `rustbucket replay`: plays the recording of a session in the terminal, lists what there is, or exports one.

mod filter;
mod list;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::base::text::carried;
use crate::config::Config;
use crate::session::recording::FOLDER;
use crate::session::recording::cast::{Event, Header};
use crate::shell::text::encode;
use filter::Filter;

/// What is played, and how.
#[derive(Args, Clone)]
pub(super) struct Replay {
    /// Session id of an event or the beginning of one, or the path of a recording
    #[arg(required_unless_present = "list", value_name = "SESSION")]
    session: Option<String>,
    /// So many times as fast
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive)]
    speed: f64,
    /// The longest pause in seconds; 0: none at all
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    idle_limit: f64,
    /// Show also what was typed: in reverse video where it came, before the host's echo, control keys as ^X
    #[arg(long)]
    input: bool,
    /// Let everything through to your terminal, also what sets its title or clipboard or has it answer
    #[arg(long)]
    raw: bool,
    /// List the recordings
    #[arg(long, conflicts_with_all = ["session", "export"])]
    list: bool,
    /// Write the recording as asciicast v2, as `asciinema play` takes it; `-` is standard output
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

fn positive(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0).ok_or("not a number above 0".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| (0.0..=1e9).contains(number)).ok_or("not a number of seconds".into())
}

/// Does what the command line says; what went wrong is a sentence for the operator.
pub(super) fn run(config: &Config, wanted: &Replay) -> Result<(), String> {
    let folder = config.general.state_directory.join(FOLDER);
    let done = match (&wanted.session, &wanted.export) {
        (Some(name), Some(target)) => export(&find(&folder, name)?, target),
        (Some(name), None) => play(&find(&folder, name)?, wanted),
        (None, _) => list::print(&folder),
    };
    match done {
        // Whoever read our output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Failure::Output(error)) => Err(format!("standard output: {error}")),
        Err(Failure::Said(reason)) => Err(reason),
        Ok(()) => Ok(()),
    }
}

/// What can go wrong.
enum Failure {
    Output(io::Error),
    Said(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// A recording by its path, by its session, or by the beginning of its session.
fn find(folder: &Path, wanted: &str) -> Result<PathBuf, String> {
    let path = Path::new(wanted);
    if wanted.contains('/') || path.is_file() {
        return Ok(path.into());
    }
    let wanted = wanted.strip_suffix(".cast").unwrap_or(wanted).to_ascii_lowercase();
    let names = names(folder)?;
    // The first recording of a visit is the beginning of the names of its others.
    let exact = names.contains(&wanted);
    let fitting: Vec<&String> =
        names.iter().filter(|name| if exact { **name == wanted } else { name.starts_with(&wanted) }).collect();
    match fitting.as_slice() {
        [name] => Ok(folder.join(format!("{name}.cast"))),
        [] => Err(format!(
            "there is no recording of {wanted:?} in {}; `rustbucket replay --list` shows those that there are",
            folder.display()
        )),
        [first, second, ..] => Err(format!(
            "{} recordings begin with {wanted:?}, such as {first} and {second}; say more of it",
            fitting.len()
        )),
    }
}

/// The recordings of a folder by time, without the ending of their names.
fn names(folder: &Path) -> Result<Vec<String>, String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", folder.display())),
    };
    let name = |entry: fs::DirEntry| Some(entry.file_name().to_str()?.strip_suffix(".cast")?.to_string());
    let mut names: Vec<String> = entries.flatten().filter_map(name).collect();
    names.sort();
    Ok(names)
}

/// The lines of a recording, read as they are needed.
struct Cast {
    path: PathBuf,
    reader: BufReader<File>,
    header: Header,
    number: u64,
}

impl Cast {
    fn open(path: &Path) -> Result<Self, String> {
        let wrong = |error: io::Error| format!("{}: {error}", path.display());
        let mut reader = BufReader::new(File::open(path).map_err(wrong)?);
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).map_err(wrong)?;
        let header = serde_json::from_slice::<Header>(&line).map_err(|error| error.to_string());
        let header = match header {
            Ok(header) if header.version == 2 => header,
            Ok(header) => return Err(format!("{}: asciicast of version {}, not 2", path.display(), header.version)),
            Err(error) => return Err(format!("{}:1: this is no asciicast v2: {error}", path.display())),
        };
        Ok(Self { path: path.into(), reader, header, number: 1 })
    }

    /// The next event; `None` at the end, also of a file whose last line was cut off when the sensor was killed.
    fn next(&mut self) -> Result<Option<Event>, String> {
        let mut line = Vec::new();
        loop {
            self.number += 1;
            line.clear();
            self.reader.read_until(b'\n', &mut line).map_err(|error| format!("{}: {error}", self.path.display()))?;
            if line.is_empty() {
                return Ok(None);
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return match serde_json::from_slice::<Event>(&line) {
                Ok(event) => Ok(Some(event)),
                Err(_) if !line.ends_with(b"\n") => Ok(None),
                Err(error) => {
                    Err(format!("{}:{}: this is no event of asciicast v2: {error}", self.path.display(), self.number))
                }
            };
        }
    }
}

/// Copies a recording as it is.
fn export(path: &Path, target: &Path) -> Result<(), Failure> {
    Cast::open(path).map_err(Failure::Said)?;
    let read = |error: io::Error| Failure::Said(format!("{}: {error}", path.display()));
    let mut source = File::open(path).map_err(read)?;
    if target == Path::new("-") {
        let mut out = io::stdout().lock();
        io::copy(&mut source, &mut out)?;
        return Ok(out.flush()?);
    }
    let wrong = |error: io::Error| Failure::Said(format!("{}: {error}", target.display()));
    let same = |one: &Path| fs::canonicalize(one).ok();
    if same(target).is_some_and(|target| Some(target) == same(path)) {
        return Err(Failure::Said(format!("{}: this is the recording itself", target.display())));
    }
    let mut file = File::create(target).map_err(wrong)?;
    io::copy(&mut source, &mut file).map(|_| ()).map_err(wrong)
}

/// Plays a recording, until it ends or Ctrl-C.
fn play(path: &Path, wanted: &Replay) -> Result<(), Failure> {
    let mut cast = Cast::open(path).map_err(Failure::Said)?;
    let mut filter = Filter::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let played = runtime.block_on(async {
        tokio::select! {
            played = show(&mut cast, &mut filter, wanted) => played,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    });
    let mut out = io::stdout();
    if out.is_terminal() {
        let put_right = put_right(&filter, wanted.raw);
        out.write_all(put_right.as_bytes())?;
        out.flush()?;
    }
    if filter.left_out > 0 {
        eprintln!("{} control sequences were left out; --raw lets them act on your terminal", filter.left_out);
    }
    played
}

async fn show(cast: &mut Cast, filter: &mut Filter, wanted: &Replay) -> Result<(), Failure> {
    let mut out = io::stdout();
    let mut before = 0.0;
    while let Some(Event(at, code, text)) = cast.next().map_err(Failure::Said)? {
        let shown = match code.as_str() {
            "o" if wanted.raw => encode(&text),
            "o" => filter.feed(&text).into_bytes(),
            "i" if wanted.input => keys(&text).into_bytes(),
            _ => continue,
        };
        // No pause is negative, whatever the file says.
        let pause = (at - before).min(wanted.idle_limit).max(0.0) / wanted.speed;
        before = at;
        if let Ok(pause) = Duration::try_from_secs_f64(pause)
            && !pause.is_zero()
        {
            tokio::time::sleep(pause).await;
        }
        out.write_all(&shown)?;
        out.flush()?;
    }
    Ok(())
}

/// What was typed, in reverse video: control characters as `^X`, bytes that are no UTF-8 as `\xNN`.
fn keys(text: &str) -> String {
    let mut shown = String::from("\u{1b}[7m");
    for c in text.chars() {
        let _ = match (c, carried(c)) {
            (_, Some(byte)) => write!(shown, "\\x{byte:02x}"),
            ('\0'..='\u{1f}' | '\u{7f}', _) => write!(shown, "^{}", char::from((c as u8) ^ 64)),
            ('\u{80}'..='\u{9f}', _) => write!(shown, "\\u{{{:x}}}", u32::from(c)),
            _ => write!(shown, "{c}"),
        };
    }
    shown.push_str("\u{1b}[27m");
    shown
}

/// What brings a terminal back to what it was.
fn put_right(filter: &Filter, raw: bool) -> String {
    let mut text = String::from("\r\n\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[4l\u{1b}(B");
    if filter.touched.second_screen {
        text.push_str("\u{1b}[?1049l");
    }
    if filter.touched.region {
        text.push_str("\u{1b}7\u{1b}[r\u{1b}8");
    }
    if raw {
        text.push_str(
            "\u{1b}[?1000l\u{1b}[?1002l\u{1b}[?1003l\u{1b}[?1004l\u{1b}[?1006l\u{1b}[?2004l\u{1b}[?1l\u{1b}>",
        );
    }
    text
}
