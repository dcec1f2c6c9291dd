//! `python3`: short programs, as visitors send them to see whether there is a real one (Python 3.11 in wording).

mod builtins;
mod eval;
mod methods;
mod parse;
mod value;

use std::sync::Arc;
use std::time::Duration;

use super::common::{Names, decode, time};
use super::url::{Url, reach};
use crate::shell::cmd::{Child, Cmd};
use crate::shell::kernel::Stop;
use crate::shell::net::NetError;
use crate::world::{Errno, Host, Stat, Who};
use eval::{Answer, Halt, Need, Vm};
use parse::Fault;
pub(super) use value::general;

/// What a program may ask about the host without waiting.
struct Facts {
    host: Arc<Host>,
    who: Who,
    cwd: String,
    env: Vec<(String, String)>,
    argv: Vec<String>,
    script: String,
    pid: u32,
    ppid: u32,
    uid: u32,
    gid: u32,
    user: String,
    home: String,
    cpus: u32,
    uname: Vec<String>,
    now: f64,
    at: crate::base::clock::Timestamp,
    seed: u64,
}

impl Facts {
    fn path(&self, path: &str) -> Vec<u8> {
        crate::shell::program::join(self.cwd.as_bytes(), path)
    }

    fn read(&self, path: &str, writes: &[(String, Vec<u8>, bool)]) -> Result<Vec<u8>, Errno> {
        match writes.iter().find(|(known, ..)| known == path) {
            Some((_, bytes, _)) => Ok(bytes.clone()),
            None => self.host.read_file(&self.who, &self.path(path), 1 << 20),
        }
    }

    fn stat(&self, path: &str) -> Result<Stat, Errno> {
        self.host.stat(&self.who, &self.path(path), true)
    }

    fn may_write(&self, path: &str) -> Result<(), Errno> {
        match self.stat(path) {
            Ok(stat) if stat.is_folder() => Err(Errno::EISDIR),
            Ok(_) => self.host.access(&self.who, &self.path(path), 2),
            Err(Errno::ENOENT) => {
                let whole = self.path(path);
                self.host.access(&self.who, crate::world::parent(&whole), 2)
            }
            Err(errno) => Err(errno),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Errno> {
        let entries = self.host.list(&self.who, &self.path(path))?;
        Ok(entries.iter().map(|(name, _)| decode(name)).collect())
    }

    fn date(&self, format: &str) -> String {
        if format.contains("%Z") || format.contains("%s") { time(self.at, "%Y-%m-%d") } else { time(self.at, format) }
    }
}

/// What the command line asks for.
struct Job {
    source: Vec<u8>,
    /// `<string>`, `<stdin>`, or the script's name.
    name: String,
    argv: Vec<String>,
}

const HINT: &str =
    "usage: python3 [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `python -h' for more information.\n";

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let Some(job) = job(c).await? else { return Ok(c.spec_status()) };
    let source = decode(&job.source);
    let block = match parse::parse(&source) {
        Ok(block) => block,
        Err(fault) => {
            c.err(&syntax_error(&job.name, &source, &fault));
            return Ok(1);
        }
    };
    let facts = facts(c, &job);
    let mut answers: Vec<Answer> = Vec::new();
    let mut shown = 0;
    loop {
        c.spend(20_000).await?;
        let (end, out, writes) = {
            let mut vm = Vm::new(&facts, &answers);
            let result = vm.block(&block);
            let end = match result {
                Ok(()) | Err(Halt::Return(_) | Halt::Break | Halt::Continue) => End::Status(0),
                Err(Halt::Silent) => End::Silent,
                Err(Halt::Exit(status)) => End::Status(status),
                Err(Halt::Endless) => End::Endless,
                Err(Halt::Need(need)) => End::Need(need),
                Err(Halt::Raise(value, trace)) => {
                    let exit = matches!(&value, value::V::Raised(name, _) if name == "SystemExit");
                    let status = match &value {
                        value::V::Raised(_, args) if exit => args.first().and_then(value::V::int).unwrap_or(0),
                        _ => 1,
                    };
                    if !exit {
                        let text = traceback(&job.name, &source, &value, &trace);
                        let _ = vm.print(true, &text);
                    }
                    End::Status(i32::try_from(status).unwrap_or(1))
                }
            };
            (end, vm.out, vm.writes)
        };
        // As long as nothing is to be seen of it, somebody else may do the whole of it.
        if matches!(end, End::Silent) && shown == 0 && answers.is_empty() {
            return c.ask_elsewhere().await;
        }
        let count = out.len();
        for (error, text) in out.into_iter().skip(shown) {
            if error { c.err(&text) } else { c.out(&text) }
        }
        shown = count;
        for (path, bytes, _) in writes {
            if c.read_file(&path).is_ok_and(|old| old == bytes) {
                continue;
            }
            let _ = c.write_file(&path, &bytes);
        }
        match end {
            End::Status(status) => return Ok(status),
            End::Silent => return Ok(0),
            End::Endless => loop {
                c.sleep(Duration::from_secs(3600)).await?;
            },
            End::Need(need) => {
                let answer = answer(c, need).await?;
                answers.push(answer);
                if answers.len() > 200 {
                    loop {
                        c.sleep(Duration::from_secs(3600)).await?;
                    }
                }
            }
        }
    }
}

/// `3.8.10`, as the recorded answer has it.
fn version(host: &Host) -> &'static str {
    let line = super::recorded::text(host, "python3", "--version").trim();
    line.strip_prefix("Python ").unwrap_or("3.11.2")
}

/// What `sys.version` says.
fn long_version(host: &Host) -> String {
    let version = version(host);
    if version.starts_with("3.8") {
        format!("{version} (default, Nov 22 2023, 10:22:35) \n[GCC 9.4.0]")
    } else {
        format!("{version} (main, Nov 25 2024, 19:45:53) [GCC 12.2.0]")
    }
}

enum End {
    Status(i32),
    /// Something that is not acted.
    Silent,
    Endless,
    Need(Need),
}

impl Cmd {
    /// The status of a program that had nothing to do.
    fn spec_status(&self) -> i32 {
        let first = self.args.first().map_or("", String::as_str);
        match first {
            "" | "-V" | "-VV" | "--version" | "-h" | "--help" | "-" | "-i" => 0,
            "-m" => 1,
            first if first.starts_with('-') => 2,
            _ => 2,
        }
    }
}

async fn job(c: &mut Cmd) -> Result<Option<Job>, Stop> {
    let args = c.args.clone();
    let mut at = 0;
    while let Some(word) = args.get(at) {
        let rest = |from: usize| args.get(from..).unwrap_or_default().to_vec();
        match word.as_str() {
            "-V" | "--version" | "-VV" => {
                let line = format!("Python {}\n", version(c.host()));
                c.out(&line);
                return Ok(None);
            }
            "-h" | "--help" | "-?" => {
                c.out(super::recorded::text(c.host(), "python3", "--help"));
                return Ok(None);
            }
            "-m" => {
                let module = args.get(at + 1).cloned().unwrap_or_default();
                if module == "http.server" || module == "SimpleHTTPServer" {
                    let port = args.get(at + 2).and_then(|text| text.parse::<u16>().ok()).unwrap_or(8000);
                    c.out(&format!("Serving HTTP on 0.0.0.0 port {port} (http://0.0.0.0:{port}/) ...\n"));
                    loop {
                        c.sleep(Duration::from_secs(3600)).await?;
                    }
                }
                c.err(&format!("/usr/bin/python3: No module named {module}\n"));
                return Ok(None);
            }
            "-" => return Ok(Some(Job { source: c.read_all().await?, name: "<stdin>".into(), argv: rest(at) })),
            word if word.starts_with("-") && word.ends_with('c') && !word.starts_with("--") => {
                let Some(code) = args.get(at + 1) else {
                    c.err(
                        &format!("Argument expected for the -c option\n{HINT}")
                            .replace("python3 ", &format!("{} ", c.name)),
                    );
                    return Ok(None);
                };
                let mut argv = vec!["-c".to_string()];
                argv.extend(rest(at + 2));
                return Ok(Some(Job { source: crate::shell::text::encode(code), name: "<string>".into(), argv }));
            }
            word if word.starts_with('-') && word.chars().skip(1).all(|c| "bBdEhiIOqsSuvxX".contains(c)) => at += 1,
            "-W" | "-X" => at += 2,
            word if word.starts_with('-') => {
                let letter = word.chars().nth(1).unwrap_or('-');
                let what =
                    if letter == '-' { format!("unknown option {word}") } else { format!("Unknown option: -{letter}") };
                c.err(&format!("{what}\n{HINT}").replace("usage: python3", &format!("usage: {}", c.name)));
                return Ok(None);
            }
            script => {
                let script = script.to_string();
                return Ok(match c.read_file(&script) {
                    Ok(source) => Some(Job { source, name: script, argv: rest(at) }),
                    Err(errno) => {
                        let number = match errno {
                            Errno::ENOENT => 2,
                            Errno::EACCES => 13,
                            _ => 21,
                        };
                        let shown = decode(&crate::world::resolve(c.cwd(), &crate::shell::text::encode(&script)));
                        let text = match errno {
                            Errno::EISDIR => format!("/usr/bin/python3: can't find '__main__' module in '{shown}'\n"),
                            _ => format!("{}: can't open file '{shown}': [Errno {number}] {}\n", c.name, errno.text()),
                        };
                        c.err(&text);
                        None
                    }
                });
            }
        }
    }
    if c.is_tty(0) {
        prompt(c).await?;
        return Ok(None);
    }
    let mut argv = vec![String::new()];
    argv.extend(args.get(at..).unwrap_or_default().to_vec());
    Ok(Some(Job { source: c.read_all().await?, name: "<stdin>".into(), argv }))
}

/// The interactive prompt: each line alone.
async fn prompt(c: &mut Cmd) -> Result<(), Stop> {
    c.out(&format!(
        "Python {} on linux\nType \"help\", \"copyright\", \"credits\" or \"license\" for more information.\n",
        long_version(c.host())
    ));
    let mut program = String::new();
    loop {
        c.out(">>> ");
        c.flush().await?;
        let Some(line) = c.read_line().await? else {
            c.out("\n");
            return Ok(());
        };
        let mut entry = decode(&line);
        if matches!(entry.trim(), "exit()" | "quit()") {
            return Ok(());
        }
        if entry.trim_end().ends_with(':') {
            loop {
                c.out("... ");
                c.flush().await?;
                let Some(more) = c.read_line().await? else { break };
                let more = decode(&more);
                if more.trim().is_empty() {
                    break;
                }
                entry.push_str(&more);
            }
        }
        if program.len() + entry.len() > 1 << 16 {
            return Ok(());
        }
        let job = Job { source: Vec::new(), name: "<stdin>".into(), argv: vec![String::new()] };
        let facts = facts(c, &job);
        let block = match parse::parse(&entry) {
            Ok(block) => block,
            Err(fault) => {
                c.err(&syntax_error("<stdin>", &entry, &fault));
                continue;
            }
        };
        let mut answers: Vec<Answer> = Vec::new();
        let mut before = 0;
        for _ in 0..50 {
            c.spend(20_000).await?;
            let (out, need, ok) = {
                // Everything so far is run again without what it printed.
                let mut vm = Vm::new(&facts, &answers);
                if let Ok(old) = parse::parse(&program) {
                    let _ = vm.block(&old);
                }
                let skip = vm.out.len();
                let result = match block.as_slice() {
                    [parse::Statement { kind: parse::Kind::Expr(expr), .. }] => {
                        vm.eval(expr).and_then(|value| match value {
                            value::V::None => Ok(()),
                            value => vm.print(false, &format!("{}\n", value.repr(0))),
                        })
                    }
                    _ => vm.block(&block),
                };
                let mut need = None;
                let ok = result.is_ok();
                match result {
                    Err(Halt::Need(wanted)) => need = Some(wanted),
                    Err(Halt::Raise(value, trace)) => {
                        let trace = if trace.is_empty() { vec![(1, "<module>".to_string())] } else { trace };
                        let text = traceback("<stdin>", "", &value, &trace);
                        let _ = vm.print(true, &text);
                    }
                    _ => {}
                }
                (vm.out.into_iter().skip(skip).collect::<Vec<_>>(), need, ok)
            };
            let count = out.len();
            for (error, text) in out.into_iter().skip(before) {
                if error { c.err(&text) } else { c.out(&text) }
            }
            before = count;
            match need {
                Some(need) => answers.push(answer(c, need).await?),
                None => {
                    if ok && !matches!(block.as_slice(), [parse::Statement { kind: parse::Kind::Expr(_), .. }]) {
                        program.push_str(&entry);
                    }
                    break;
                }
            }
        }
    }
}

async fn answer(c: &mut Cmd, need: Need) -> Result<Answer, Stop> {
    let plain = |status: i32, bytes: Vec<u8>| Answer { status, bytes, none: false };
    Ok(match need {
        Need::Run(line, capture) => {
            let argv = ["/bin/sh".to_string(), "-c".into(), line];
            let status = c.exec_with(&argv, Child { capture, ..Child::default() }).await?;
            let bytes = if capture { c.captured() } else { Vec::new() };
            plain(status, bytes.into_iter().take(1 << 20).collect())
        }
        Need::Line => match c.read_line().await? {
            Some(line) => plain(0, line),
            None => Answer { status: 0, bytes: Vec::new(), none: true },
        },
        Need::All => plain(0, c.read_all().await?.into_iter().take(1 << 20).collect()),
        Need::Sleep(seconds) => {
            c.sleep(Duration::from_secs_f64(seconds.clamp(0.0, 1e8))).await?;
            plain(0, Vec::new())
        }
        Need::Connect(host, port) => {
            let status = code(c.connect(&host, port).await?.err());
            plain(status, Vec::new())
        }
        Need::Url(url) => {
            c.note_url(&url);
            let status = match Url::parse(&url) {
                Some(url) => code(reach(c, &url.host, url.port, None).await?.err()),
                None => 7,
            };
            plain(status.max(7), Vec::new())
        }
    })
}

fn code(error: Option<NetError>) -> i32 {
    match error {
        None => 0,
        Some(NetError::NoName) => 6,
        Some(NetError::Refused) => 7,
        Some(_) => 28,
    }
}

fn facts(c: &Cmd, job: &Job) -> Facts {
    let host = Arc::clone(c.host());
    let p = host.persona();
    let uname =
        vec!["Linux".to_string(), host.hostname(), p.kernel.clone(), p.kernel_version.clone(), p.machine.clone()];
    let uid = c.who().uid;
    let at = c.now();
    Facts {
        cwd: decode(c.cwd()),
        env: c.environ().to_vec(),
        argv: job.argv.clone(),
        script: job.name.clone(),
        pid: c.pid(),
        ppid: host.process(c.pid()).map_or(1, |process| process.ppid),
        uid,
        gid: c.who().gid,
        user: Names::of(&host).user_or_number(uid),
        home: c.env("HOME").unwrap_or("/root").to_string(),
        cpus: p.cpus,
        uname,
        now: at.as_microsecond() as f64 / 1e6,
        at,
        seed: u64::from(c.pid()) ^ at.as_microsecond().unsigned_abs(),
        who: c.who().clone(),
        host,
    }
}

fn syntax_error(name: &str, source: &str, fault: &Fault) -> String {
    let line = source.lines().nth(fault.line.saturating_sub(1)).unwrap_or_default();
    let bare = line.trim_start();
    let indent = line.chars().count() - bare.chars().count();
    let mark = " ".repeat(fault.column.saturating_sub(indent));
    format!(
        "  File \"{name}\", line {}\n    {}\n    {mark}^\n{}: {}\n",
        fault.line,
        bare.trim_end(),
        fault.kind,
        fault.text
    )
}

fn traceback(name: &str, source: &str, value: &value::V, trace: &[(usize, String)]) -> String {
    let mut text = String::from("Traceback (most recent call last):\n");
    for (line, place) in trace.iter().rev() {
        text.push_str(&format!("  File \"{name}\", line {line}, in {place}\n"));
        // The source of -c and of standard input can't be read again.
        if !name.starts_with('<')
            && let Some(code) = source.lines().nth(line.saturating_sub(1))
        {
            text.push_str(&format!("    {}\n", code.trim()));
        }
    }
    let kind = match value.kind().as_str() {
        "CalledProcessError" => "subprocess.CalledProcessError".to_string(),
        "gaierror" => "socket.gaierror".into(),
        "URLError" => "urllib.error.URLError".into(),
        kind => kind.to_string(),
    };
    let shown = value.show();
    text.push_str(&if shown.is_empty() { format!("{kind}\n") } else { format!("{kind}: {shown}\n") });
    text
}
