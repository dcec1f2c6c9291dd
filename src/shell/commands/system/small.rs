//! Small ones: `uuidgen`, `mcookie`, `ldd`, `ldconfig`, `logger`, `mesg`, `wall`, `write`, mail, `clear`, `reset`, `tput`,
//! `man`, `whatis`, `script`, `update-rc.d`, `screen`, `tmux`.

use super::common::{decode, file, is_root, own_name, time};
use super::recorded;
use crate::shell::cmd::{Child, Cmd};
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{Open, Who};

/// A random UUID (version 4).
pub(super) fn uuid() -> String {
    let mut bytes = crate::base::rng::noise(16);
    if let Some(byte) = bytes.get_mut(6) {
        *byte = *byte & 0x0f | 0x40;
    }
    if let Some(byte) = bytes.get_mut(8) {
        *byte = *byte & 0x3f | 0x80;
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_string();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

pub(super) fn uuidgen(c: &mut Cmd) -> i32 {
    let line = format!("{}\n", uuid());
    c.out(&line);
    0
}

pub(super) fn mcookie(c: &mut Cmd) -> i32 {
    let line = format!("{}\n", uuid().replace('-', ""));
    c.out(&line);
    0
}

pub(super) fn ldd(c: &mut Cmd) -> i32 {
    let names: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    if names.is_empty() {
        c.err("ldd: missing file arguments\nTry `ldd --help' for more information.\n");
        return 1;
    }
    let mut status = 0;
    for name in &names {
        if names.len() > 1 {
            c.out(&format!("{name}:\n"));
        }
        let path = if name.contains('/') { name.clone() } else { format!("./{name}") };
        match c.read_file(&path) {
            Err(errno) => {
                c.err(&format!("ldd: {path}: {}\n", errno.text()));
                status = 1;
            }
            Ok(bytes) if !bytes.starts_with(b"\x7fELF") || !c.host().is_original(&c.path(&path)) => {
                c.out("\tnot a dynamic executable\n");
                status = 1;
            }
            Ok(_) => c.out(
                "\tlinux-vdso.so.1 (0x00007ffd6e9f2000)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2c1b3a1000)\n\t/lib64/ld-linux-x86-64.so.2 \
                 (0x00007f2c1b5b8000)\n",
            ),
        }
    }
    status
}

pub(super) fn ldconfig(c: &mut Cmd) -> i32 {
    if c.args.iter().any(|arg| arg == "-p") {
        c.out("3 libs found in cache `/etc/ld.so.cache'\n\tlibm.so.6 (libc6,x86-64, OS ABI: Linux 3.2.0) => /lib/x86_64-linux-gnu/libm.so.6\n\tlibc.so.6 (libc6,x86-64, OS ABI: Linux 3.2.0) => /lib/x86_64-linux-gnu/libc.so.6\n\tld-linux-x86-64.so.2 (libc6,x86-64) => /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n");
        return 0;
    }
    if is_root(c) {
        return 0;
    }
    c.err("ldconfig: Can't create temporary cache file /etc/ld.so.cache~: Permission denied\n");
    1
}

pub(super) async fn logger(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(
        c,
        "d,udp e,skip-empty f,file= h,help i id? msgid= n,server= no-act p,priority= P,port= prio-prefix s,stderr S,size= T,tcp t,tag= u,socket= V,version journald?",
        1,
    ) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let words = if found.rest.is_empty() { decode(&c.read_all().await?) } else { found.rest.join(" ") };
    let me = own_name(c);
    let tag = found.value("t").map_or(me, str::to_string);
    let tag = if found.has("i") { format!("{tag}[{}]", c.pid()) } else { tag };
    for line in words.lines() {
        let row = format!("{} {} {tag}: {line}\n", time(c.now(), "%b %e %H:%M:%S"), c.host().hostname());
        let how = Open { write: true, append: true, create: Some(0o640), ..Open::default() };
        if let Ok(file) = c.host().open(&Who::root(), b"/var/log/syslog", how) {
            let _ = file.append(&text::encode(&row));
        }
        if found.has("s") {
            c.err(&format!("<13>{row}"));
        }
    }
    Ok(0)
}

pub(super) fn mesg(c: &mut Cmd) -> i32 {
    let Some(tty) = c.spec.tty.filter(|_| c.is_tty(0) || c.is_tty(1) || c.is_tty(2)) else {
        return 2;
    };
    let path = format!("/dev/pts/{tty}");
    match c.args.first().map(String::as_str) {
        None => {
            let open = c.stat(&path).is_ok_and(|stat| stat.mode & 0o020 != 0);
            c.out(if open { "is y\n" } else { "is n\n" });
            i32::from(!open)
        }
        Some("y") => {
            let _ = c.host().set_mode(c.who(), path.as_bytes(), 0o620);
            0
        }
        Some("n") => {
            let _ = c.host().set_mode(c.who(), path.as_bytes(), 0o600);
            1
        }
        Some(other) => {
            let text = format!("mesg: invalid argument: {other}\n");
            c.err(&text);
            2
        }
    }
}

pub(super) async fn wall(c: &mut Cmd) -> Result<i32, Stop> {
    let words: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let message = if words.is_empty() { decode(&c.read_all().await?) } else { format!("{}\n", words.join(" ")) };
    if c.spec.tty.is_some() {
        let place = c.spec.tty.map_or_else(|| "somewhere".to_string(), |tty| format!("pts/{tty}"));
        let head = format!(
            "\nBroadcast message from {}@{} ({place}) ({}):\n\n",
            own_name(c),
            c.host().hostname(),
            time(c.now(), "%a %b %e %H:%M:%S %Y")
        );
        c.out(&format!("{head}{message}\n"));
    }
    Ok(0)
}

pub(super) fn write(c: &mut Cmd) -> i32 {
    let Some(name) = c.args.first().cloned() else {
        c.err(
            "write: bad usage\nTry 'write --help' for more information.\n"
                .split_once('\n')
                .map_or("", |(_, rest)| rest),
        );
        return 1;
    };
    let on = c.host().visitors().iter().any(|seen| seen.user == name && seen.tty.is_some());
    if !on {
        c.err(&format!("write: {name} is not logged in\n"));
        return 1;
    }
    c.err(&format!("write: {name} has messages disabled\n"));
    1
}

/// `mailq`, `postqueue -p`, `sendmail`, `newaliases`: an empty queue.
pub(super) async fn mail(c: &mut Cmd) -> Result<i32, Stop> {
    let base = c.base().to_string();
    let listing = base == "mailq" || c.args.iter().any(|arg| arg == "-bp" || arg == "-p");
    if listing {
        let running = c.host().sockets().iter().any(|socket| socket.local.port() == 25 && socket.remote.is_none());
        if !running {
            c.err("postqueue: warning: Mail system is down -- accessing queue directly (Connect to the Postfix showq service: Connection refused)\n");
        }
        c.out("Mail queue is empty\n");
        return Ok(0);
    }
    if matches!(base.as_str(), "newaliases" | "postqueue" | "postsuper")
        || c.args.iter().any(|arg| arg == "-bi" || arg == "-bv")
    {
        return Ok(0);
    }
    let to: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    if to.is_empty() && !c.args.iter().any(|arg| arg.starts_with("-t")) {
        c.err("sendmail: fatal: Recipient addresses must be specified on the command line or via the -t option\n");
        return Ok(64);
    }
    for address in to {
        c.note_url(&format!("mailto:{address}"));
    }
    let _ = c.read_all().await?;
    Ok(0)
}

pub(super) fn clear(c: &mut Cmd) -> i32 {
    let term = c.env("TERM").unwrap_or_default().to_string();
    if term.is_empty() {
        c.err(if c.base() == "reset" {
            "reset: unknown terminal type unknown\n"
        } else {
            "TERM environment variable not set.\n"
        });
        return 1;
    }
    if c.base() == "reset" {
        c.out("\x1bc\x1b[!p\x1b[?3;4l\x1b[4l\x1b>\r");
    } else {
        c.out(if c.args.iter().any(|arg| arg == "-x") || term == "dumb" {
            "\x1b[H\x1b[2J"
        } else {
            "\x1b[H\x1b[2J\x1b[3J"
        });
    }
    0
}

pub(super) fn tput(c: &mut Cmd) -> i32 {
    let mut args = c.args.clone();
    let mut term = c.env("TERM").unwrap_or_default().to_string();
    if let Some(word) = args.first().cloned() {
        if word == "-T" {
            args.remove(0);
            term = if args.is_empty() { term } else { args.remove(0) };
        } else if let Some(kind) = word.strip_prefix("-T") {
            term = kind.to_string();
            args.remove(0);
        }
    }
    if term.is_empty() {
        c.err("tput: No value for $TERM and no -T specified\n");
        return 2;
    }
    let Some((name, numbers)) = args.split_first() else {
        c.err("usage: tput [-V] [-S] [-T term] capname\n");
        return 2;
    };
    let number = |at: usize| numbers.get(at).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let size = c.kernel().tty(|tty| (tty.rows, tty.columns)).unwrap_or((24, 80));
    let many = term.contains("256color");
    let color = |base: u32, n: u32| match n {
        0..8 => format!("\x1b[{}m", base + n),
        8..16 if many => format!("\x1b[{}m", base + 52 + n),
        n if many => format!("\x1b[{};5;{n}m", base + 8),
        n => format!("\x1b[{}m", base + n),
    };
    let text = match name.as_str() {
        "cols" => format!("{}\n", size.1),
        "lines" => format!("{}\n", size.0),
        "colors" => format!(
            "{}\n",
            if many {
                256
            } else if matches!(term.as_str(), "dumb" | "vt100") {
                return dumb(c);
            } else {
                8
            }
        ),
        "longname" => term.clone(),
        "setaf" => color(30, number(0)),
        "setab" => color(40, number(0)),
        "bold" => "\x1b[1m".into(),
        "dim" => "\x1b[2m".into(),
        "rev" | "smso" => "\x1b[7m".into(),
        "smul" => "\x1b[4m".into(),
        "rmul" => "\x1b[24m".into(),
        "rmso" => "\x1b[27m".into(),
        "sgr0" => "\x1b(B\x1b[m".into(),
        "clear" | "reset" => "\x1b[H\x1b[2J".into(),
        "cup" => format!("\x1b[{};{}H", number(0) + 1, number(1) + 1),
        "civis" => "\x1b[?25l".into(),
        "cnorm" => "\x1b[?12l\x1b[?25h".into(),
        "el" => "\x1b[K".into(),
        "ed" => "\x1b[J".into(),
        "home" => "\x1b[H".into(),
        "smcup" => "\x1b[?1049h\x1b[22;0;0t".into(),
        "rmcup" => "\x1b[?1049l\x1b[23;0;0t".into(),
        "bel" => "\x07".into(),
        "cuu1" => "\x1b[A".into(),
        "init" | "sc" | "rc" | "blink" => String::new(),
        other => {
            let text = format!("tput: unknown terminfo capability '{other}'\n");
            c.err(&text);
            return 4;
        }
    };
    c.out(&text);
    0
}

fn dumb(c: &mut Cmd) -> i32 {
    c.out("-1\n");
    0
}

pub(super) fn man(c: &mut Cmd) -> i32 {
    let words: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let base = c.base().to_string();
    let Some(name) = words.last().cloned() else {
        c.err(match base.as_str() {
            "man" => "What manual page do you want?\nFor example, try 'man man'.\n",
            "whatis" => "whatis what?\n",
            _ => "apropos what?\n",
        });
        return 1;
    };
    if matches!(base.as_str(), "whatis" | "apropos") || c.args.iter().any(|arg| arg == "-k" || arg == "-f") {
        c.err(&format!("{name}: nothing appropriate.\n"));
        return 16;
    }
    let section = words
        .first()
        .filter(|_| words.len() > 1 && words.first().is_some_and(|word| word.parse::<u32>().is_ok()))
        .cloned();
    match section {
        Some(section) => c.err(&format!("No manual entry for {name} in section {section}\n")),
        None => c.err(&format!("No manual entry for {name}\n")),
    }
    16
}

pub(super) async fn script(c: &mut Cmd) -> Result<i32, Stop> {
    let found =
        match options::take(c, "a,append c,command= e,return f,flush? force q,quiet t,timing? I= O= B= m= T= E= o=", 1)
        {
            Ok(found) => found,
            Err(status) => return Ok(status),
        };
    let path = found.rest.first().cloned().unwrap_or_else(|| "typescript".into());
    let quiet = found.has("q");
    if !quiet {
        c.out(&format!("Script started, file is {path}\n"));
    }
    let shell = c.env("SHELL").unwrap_or("/bin/bash").to_string();
    let mut argv = vec![shell];
    if let Some(command) = found.value("c") {
        argv.push("-c".into());
        argv.push(command.to_string());
    }
    let head = format!("Script started on {}+00:00\n", time(c.now(), "%Y-%m-%d %H:%M:%S"));
    let _ = c.write_file(&path, head.as_bytes());
    let status = c.exec_with(&argv, Child::default()).await?;
    if !quiet {
        c.out(&format!("Script done, file is {path}\n"));
    }
    Ok(if found.has("e") { status } else { 0 })
}

pub(super) fn update_rc(c: &mut Cmd) -> i32 {
    let words: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let (Some(name), Some(verb)) = (words.first().cloned(), words.get(1).cloned()) else {
        c.err("update-rc.d: error: not enough arguments\n");
        c.err(recorded::text(c.host(), "update-rc.d", "--help"));
        return 1;
    };
    if c.stat(&format!("/etc/init.d/{name}")).is_err() {
        if verb == "remove" {
            return 0;
        }
        c.err(&format!("update-rc.d: error: unable to read /etc/init.d/{name}\n"));
        return 1;
    }
    if !is_root(c) {
        c.err("update-rc.d: error: Permission denied\n");
        return 1;
    }
    0
}

/// `screen` and `tmux`: a window is a shell.
pub(super) async fn multiplexer(c: &mut Cmd) -> Result<i32, Stop> {
    let tmux = c.base() == "tmux";
    let args = c.args.clone();
    let first = args.first().map(String::as_str);
    match (tmux, first) {
        (true, Some("-V")) => {
            c.out("tmux 3.0a\n");
            return Ok(0);
        }
        (
            true,
            Some(
                "ls" | "list-sessions" | "attach" | "a" | "attach-session" | "kill-session" | "kill-server"
                | "has-session",
            ),
        ) => {
            let uid = c.who().uid;
            c.err(&format!("no server running on /tmp/tmux-{uid}/default\n"));
            return Ok(1);
        }
        (false, Some("-v" | "--version")) => {
            c.out("Screen version 4.08.00 (GNU) 05-Feb-20\n");
            return Ok(0);
        }
        (false, Some("-ls" | "-list")) => {
            let me = own_name(c);
            c.out(&format!("No Sockets found in /run/screen/S-{me}.\n\n"));
            return Ok(1);
        }
        (false, Some("-r" | "-x" | "-rd" | "-d")) if !args.iter().any(|arg| arg == "-m") => {
            c.out("There is no screen to be resumed.\n");
            return Ok(1);
        }
        _ => {}
    }
    let detached = args.iter().any(|arg| matches!(arg.as_str(), "-dm" | "-dmS" | "-d" | "-Dm" | "-dmLS"));
    // Words behind the options are the command of the window.
    let mut command: Vec<String> = Vec::new();
    let mut words = args.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-S" | "-dmS" | "-t" | "-s" | "-c" | "-n" | "-p" | "-X" | "-dmLS" | "-T" => {
                words.next();
            }
            "new" | "new-session" if tmux => {}
            word if word.starts_with('-') && command.is_empty() => {}
            _ => command.push(word),
        }
    }
    if !c.is_tty(0) && !detached {
        c.err(if tmux { "open terminal failed: not a terminal\n" } else { "Must be connected to a terminal.\n" });
        return Ok(1);
    }
    let mut argv = vec![c.env("SHELL").unwrap_or("/bin/bash").to_string()];
    match (command.is_empty(), tmux) {
        (true, _) => {}
        (false, true) => argv = vec!["/bin/sh".into(), "-c".into(), command.join(" ")],
        (false, false) => argv = command,
    }
    if detached {
        c.flush().await?;
        let mut spec = c.spec.child(argv);
        spec.group = 0;
        let _ = crate::shell::program::launch(spec);
        return Ok(0);
    }
    c.out("\x1b[?1049h\x1b[H\x1b[2J");
    let status = c.exec_with(&argv, Child::default()).await?;
    c.out(if tmux { "\x1b[?1049l[exited]\n" } else { "\x1b[?1049l[screen is terminating]\n" });
    Ok(if tmux { 0 } else { status.min(0) })
}

pub(super) async fn visudo(c: &mut Cmd) -> Result<i32, Stop> {
    if !is_root(c) {
        c.err("visudo: /etc/sudoers: Permission denied\n");
        return Ok(1);
    }
    if c.args.iter().any(|arg| arg == "-c" || arg == "--check") {
        c.out("/etc/sudoers: parsed OK\n");
        return Ok(0);
    }
    let editor = c.env("EDITOR").unwrap_or("/usr/bin/editor").to_string();
    c.exec(&[editor, "/etc/sudoers".into()]).await
}

/// `last -1`'s companion for records that are empty here: `faillog`.
pub(super) fn faillog(c: &mut Cmd) -> i32 {
    let _ = file(c.host(), "/var/log/faillog");
    c.out("Login       Failures Maximum Latest                   On\n");
    0
}

pub(super) fn nologin(c: &mut Cmd) -> i32 {
    c.out("This account is currently not available.\n");
    1
}

pub(super) fn hostid(c: &mut Cmd) -> i32 {
    c.out("007f0101\n");
    0
}

pub(super) fn pwdx(c: &mut Cmd) -> i32 {
    let mut status = 0;
    if c.args.is_empty() {
        return super::common::usage(c, "pwdx", 1);
    }
    for word in c.args.clone() {
        let pid = word.trim_start_matches("/proc/").parse::<u32>().ok();
        match pid.map(|pid| c.host().process(pid)) {
            Some(Some(process)) => c.out(&format!("{word}: {}\n", decode(&process.cwd))),
            Some(None) => {
                c.err(&format!("{word}: No such process\n"));
                status = 1;
            }
            None => {
                c.err(&format!("pwdx: invalid process id: {word}\n"));
                status = 1;
            }
        }
    }
    status
}

/// `which` (debianutils).
pub(super) fn which(c: &mut Cmd) -> i32 {
    let found = match options::parse("a s", &c.args) {
        Ok(found) => found,
        Err(error) => {
            let letter = error.rsplit(' ').next().unwrap_or_default().trim_matches('\'').to_string();
            c.err(&format!("Illegal option -{letter}\nUsage: /usr/bin/which [-a] args\n"));
            return 2;
        }
    };
    let path = c.env("PATH").unwrap_or_default().to_string();
    let mut missing = found.rest.is_empty();
    for name in &found.rest {
        let places: Vec<String> = match name.contains('/') {
            true => vec![name.clone()],
            false => path
                .split(':')
                .map(|folder| format!("{}/{name}", if folder.is_empty() { "." } else { folder }))
                .collect(),
        };
        let mut any = false;
        for place in places {
            let runs = c.stat(&place).is_ok_and(|stat| stat.kind == crate::world::FileKind::File)
                && c.host().access(c.who(), &c.path(&place), 1).is_ok();
            if !runs {
                continue;
            }
            any = true;
            if !found.has("s") {
                c.out(&format!("{place}\n"));
            }
            if !found.has("a") {
                break;
            }
        }
        missing |= !any;
    }
    i32::from(missing)
}
