//! Finding and starting programs: what execve(2) does with a path of the simulated host.

use std::sync::Arc;

use super::cmd::{Cmd, Run};
use super::commands;
use super::interp;
use super::io::Fds;
use super::kernel::{Boxed, Kernel, Status, Stop};
use super::note::Note;
use super::text;
use crate::world::{Errno, File, FileKind, NewProcess, Open as How, Who, environ};

/// All that a process is made of.
pub(crate) struct Spec {
    pub kernel: Arc<Kernel>,
    /// Name and arguments.
    pub argv: Vec<String>,
    /// Exported variables, in order.
    pub env: Vec<(String, String)>,
    pub fds: Fds,
    pub who: Who,
    pub cwd: Vec<u8>,
    /// Process group; 0 for one of its own.
    pub group: u32,
    /// pts number of its terminal.
    pub tty: Option<u32>,
    /// Processes between this one and the login.
    pub depth: u32,
}

/// Depth of processes that run processes; above, fork(2) fails.
const DEPTH: u32 = 48;

impl Spec {
    /// A child of this process with other arguments.
    pub fn child(&self, argv: Vec<String>) -> Self {
        Self {
            kernel: Arc::clone(&self.kernel),
            argv,
            env: self.env.clone(),
            fds: self.fds.clone(),
            who: self.who.clone(),
            cwd: self.cwd.clone(),
            group: self.group,
            tty: self.tty,
            depth: self.depth + 1,
        }
    }

    fn env(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why a program could not be run.
pub(crate) struct Refusal {
    /// 126 or 127.
    pub status: i32,
    /// `No such file or directory`, `Permission denied`, …
    pub text: String,
    pub errno: Errno,
    /// The name was looked for along `PATH`.
    pub searched: bool,
}

/// What lies behind a path that may be run.
pub(super) enum Program {
    /// One that is acted here.
    Ours(Run),
    /// A shell, by the name that decides on its dialect.
    Shell,
    /// A busybox.
    Busybox,
    /// A script and its first line's interpreter and argument.
    Script { interpreter: String, argument: Option<String> },
    /// Text without a first line that says how: shells run it themselves.
    Text,
    /// On the host, but not acted here.
    NotMine,
    /// A binary that the attacker brought.
    Foreign { runs: bool },
}

/// `operand` as seen from `cwd`, not normalised.
pub(super) fn join(cwd: &[u8], operand: &str) -> Vec<u8> {
    let operand = text::encode(operand);
    if operand.starts_with(b"/") {
        return operand;
    }
    if operand.is_empty() {
        return operand;
    }
    let mut path = cwd.to_vec();
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend(operand);
    path
}

/// Where a command name leads: along `PATH`, or the path itself.
pub(super) fn find(kernel: &Kernel, who: &Who, cwd: &[u8], path: Option<&str>, name: &str) -> Result<Vec<u8>, Refusal> {
    if name.contains('/') {
        return Ok(join(cwd, name));
    }
    let mut denied = false;
    for folder in path.unwrap_or("/bin:/usr/bin").split(':') {
        let place = join(cwd, &format!("{}/{name}", if folder.is_empty() { "." } else { folder }));
        if let Ok(stat) = kernel.host.stat(who, &place, true)
            && stat.kind == FileKind::File
        {
            if kernel.host.access(who, &place, 1).is_ok() {
                return Ok(place);
            }
            denied = true;
        }
    }
    let errno = if denied { Errno::EACCES } else { Errno::ENOENT };
    Err(Refusal { status: if denied { 126 } else { 127 }, text: errno.text().into(), errno, searched: true })
}

/// Opens what is to be run and tells what it is.
pub(super) fn load(kernel: &Kernel, who: &Who, place: &[u8]) -> Result<(Program, File), Refusal> {
    let refuse = |errno: Errno| Refusal {
        status: if errno == Errno::ENOENT { 127 } else { 126 },
        text: errno.text().into(),
        errno,
        searched: false,
    };
    let host = &kernel.host;
    let stat = host.stat(who, place, true).map_err(refuse)?;
    if stat.kind != FileKind::File {
        return Err(refuse(if stat.kind == FileKind::Folder { Errno::EISDIR } else { Errno::EACCES }));
    }
    host.access(who, place, 1).map_err(refuse)?;
    // Running needs no permission to read.
    let file =
        host.open(&Who { uid: 0, ..who.clone() }, place, How { read: true, ..How::default() }).map_err(refuse)?;
    if let Some(original) = host.program_of(&file) {
        let name = |path: &[u8]| String::from_utf8_lossy(crate::world::name(path)).into_owned();
        // A link of the image says by its own name what is wanted of the program behind it.
        let called = name(place);
        let applet = name(&original) == "busybox" && commands::busybox::is_applet(host, &called);
        if host.is_original(place)
            && !applet
            && let Some(run) = commands::program(&called)
        {
            return Ok((Program::Ours(run), file));
        }
        let program = named(&name(&original));
        // A script of the image whose text is known runs as any other.
        let script = || file.known() && file.read_at(0, 2).is_ok_and(|head| head == b"#!");
        if !matches!(program, Program::NotMine) || !script() {
            return Ok((program, file));
        }
    }
    let head = file.read_at(0, 256).unwrap_or_default();
    let program = if head.starts_with(b"#!") {
        let line = head.get(2..).unwrap_or_default().split(|&b| b == b'\n').next().unwrap_or_default();
        let line = text::decode(line);
        let line = line.trim_matches([' ', '\t']);
        let (interpreter, argument) = line.split_once([' ', '\t']).map_or((line, None), |(a, b)| (a, Some(b.trim())));
        Program::Script { interpreter: interpreter.into(), argument: argument.map(str::to_string) }
    } else if head.starts_with(b"\x7fELF") {
        let own: &[u8] = match kernel.host.persona().machine.as_str() {
            "x86_64" => &[2, 1, 62],
            "aarch64" => &[2, 1, 183],
            "mips" => &[1, 2, 8],
            "mipsel" => &[1, 1, 8],
            _ => &[1, 1, 40],
        };
        let at = |index: usize| head.get(index).copied().unwrap_or_default();
        let machine = if at(5) == 2 { at(19) } else { at(18) };
        let also = own == [2, 1, 62] && (at(4), at(5), machine) == (1, 1, 3);
        Program::Foreign { runs: also || [at(4), at(5), machine] == *own }
    } else {
        Program::Text
    };
    Ok((program, file))
}

/// The program of the image by that file name.
fn named(name: &str) -> Program {
    match name {
        "bash" | "dash" | "sh" | "ash" | "rbash" => Program::Shell,
        "busybox" => Program::Busybox,
        name => commands::program(name).map_or(Program::NotMine, Program::Ours),
    }
}

/// Starts a program as a process of its own and gives its pid; its status is left for [`Kernel::reap`].
pub(crate) fn launch(spec: Spec) -> Result<u32, Refusal> {
    let path = spec.env("PATH").map(str::to_string);
    let name = spec.argv.first().cloned().unwrap_or_default();
    let place = find(&spec.kernel, &spec.who, &spec.cwd, path.as_deref(), &name)?;
    launch_at(spec, &place)
}

/// The same, when it is known where it lies.
pub(crate) fn launch_at(mut spec: Spec, place: &[u8]) -> Result<u32, Refusal> {
    let program = load(&spec.kernel, &spec.who, place)?;
    let (program, file) = interpret(&mut spec, program, place)?;
    let kernel = Arc::clone(&spec.kernel);
    if kernel.is_full() || spec.depth > DEPTH {
        return Err(fork_failed());
    }
    let exe = file.path();
    let pid = begin(&mut spec, &exe).map_err(|_| fork_failed())?;
    let group = if spec.group == 0 { pid } else { spec.group };
    spec.group = group;
    let inner = Arc::clone(&kernel);
    if matches!(program, Program::Ours(_) | Program::Busybox) {
        kernel.host.change_process(pid, |process| process.state = 'R');
    }
    let future = Box::pin(async move {
        let status = match run(spec, program, &file).await {
            Ok(status) => status,
            Err(Stop::Signal(signal)) => 128 + signal,
            Err(Stop::Interrupt) => 130,
        };
        inner.host.end_process(pid);
        status
    });
    kernel.start(pid, group, future);
    Ok(pid)
}

/// The process `pid` goes on as another program.
pub(super) fn continue_as(
    mut spec: Spec,
    pid: u32,
    place: &[u8],
) -> Result<Boxed<'static, Result<Status, Stop>>, Refusal> {
    let program = load(&spec.kernel, &spec.who, place)?;
    let (program, file) = interpret(&mut spec, program, place)?;
    spec.who.pid = pid;
    let argv: Vec<Vec<u8>> = spec.argv.iter().map(|arg| text::encode(arg)).collect();
    let exe = file.path();
    spec.kernel.host.change_process(pid, |process| {
        process.comm = crate::world::name(&exe).iter().copied().take(15).collect();
        process.argv = argv;
        process.exe = exe;
        process.state = 'R';
    });
    Ok(Box::pin(async move { run(spec, program, &file).await }))
}

fn fork_failed() -> Refusal {
    Refusal { status: 254, text: Errno::EAGAIN.text().into(), errno: Errno::EAGAIN, searched: false }
}

/// Makes the process known to the host.
pub(super) fn begin(spec: &mut Spec, exe: &[u8]) -> Result<u32, Errno> {
    let argv: Vec<Vec<u8>> = spec.argv.iter().map(|arg| text::encode(arg)).collect();
    let pid = spec.kernel.host.start_process(NewProcess {
        ppid: spec.who.pid,
        uid: spec.who.uid,
        gid: spec.who.gid,
        tty: spec.tty,
        argv,
        exe: exe.to_vec(),
        cwd: spec.cwd.clone(),
        environ: environ(spec.env.iter().map(|(name, value)| text::encode(&format!("{name}={value}")))),
    })?;
    spec.who.pid = pid;
    Ok(pid)
}

/// Follows the first lines of scripts, at most four deep, as the kernel does.
fn interpret(spec: &mut Spec, found: (Program, File), place: &[u8]) -> Result<(Program, File), Refusal> {
    let mut found = found;
    let mut place = place.to_vec();
    for _ in 0..5 {
        let Program::Script { interpreter, argument } = &found.0 else { return Ok(found) };
        note_script(&spec.kernel, &found.1.path(), &found.1);
        let mut argv = vec![interpreter.clone()];
        argv.extend(argument.clone());
        argv.push(spec.argv.first().filter(|name| name.contains('/')).cloned().unwrap_or_else(|| text::decode(&place)));
        argv.extend(spec.argv.iter().skip(1).cloned());
        let at = join(&spec.cwd, interpreter);
        let next = load(&spec.kernel, &spec.who, &at).map_err(|refusal| Refusal {
            status: 126,
            text: format!("{interpreter}: bad interpreter: {}", refusal.text),
            ..refusal
        })?;
        spec.argv = argv;
        place = at;
        found = next;
    }
    let errno = Errno::ELOOP;
    Err(Refusal { status: 126, text: errno.text().into(), errno, searched: false })
}

/// Tells the record of a script that is about to run.
pub(super) fn note_script(kernel: &Kernel, place: &[u8], file: &File) {
    let text = file.read_at(0, 256 * 1024).unwrap_or_default();
    kernel.note(Note::Script { path: place.to_vec(), text });
}

async fn run(spec: Spec, program: Program, file: &File) -> Result<Status, Stop> {
    if spec.kernel.is_deep() {
        // Programs that become each other without an end.
        return Err(Stop::Signal(9));
    }
    match program {
        Program::Ours(run) => {
            if let Some((status, error, help)) = commands::help::answer(&spec) {
                return print(&spec, error, &help).await.map(|()| status);
            }
            Cmd::new(spec, false).main(run).await
        }
        Program::Shell => interp::run_shell(spec).await,
        Program::Busybox => commands::busybox::main(spec).await,
        Program::Text => {
            note_script(&spec.kernel, &file.path(), file);
            interp::run_text(spec, file).await
        }
        Program::Script { .. } => Ok(126),
        Program::NotMine => not_mine(spec).await,
        Program::Foreign { runs } => commands::foreign::main(spec, runs).await,
    }
}

async fn print(spec: &Spec, error: bool, bytes: &[u8]) -> Result<(), Stop> {
    let fd = if error { 2 } else { 1 };
    if let Some(open) = spec.fds.get(&fd)
        && let Err(super::io::Fail::Stop(stop)) = open.write(&spec.kernel, bytes).await
    {
        return Err(stop);
    }
    Ok(())
}

/// A program of the image without emulation: somebody else is asked; when nobody answers, it says nothing.
async fn not_mine(spec: Spec) -> Result<Status, Stop> {
    if let Some(answer) = spec.kernel.ask(super::Question::of(&spec).await?).await? {
        print(&spec, false, &answer).await?;
    }
    Ok(0)
}
