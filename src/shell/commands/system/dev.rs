//! `gcc`, `cc`, `make`, `git`, `openssl`: what visitors do with them. A compiled program is an ELF file that does nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

use super::common::decode;
use super::url::{Url, reach};
use super::{recorded, screen};
use crate::base::rng::noise;
use crate::shell::cmd::{Child, Cmd};
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::shell::net::NetError;
use crate::world::hash_of;

/// `gcc: fatal error: …`, coloured on a terminal.
fn fatal(c: &mut Cmd, who: &str, text: &str) -> i32 {
    let line = match c.is_tty(2) {
        true => format!("\x1b[01m\x1b[K{who}:\x1b[m\x1b[K \x1b[01;31m\x1b[Kfatal error: \x1b[m\x1b[K{text}\n"),
        false => format!("{who}: fatal error: {text}\n"),
    };
    c.err(&line);
    c.err("compilation terminated.\n");
    1
}

pub(super) async fn gcc(c: &mut Cmd) -> Result<i32, Stop> {
    let base = c.base().to_string();
    let mut sources = Vec::new();
    let (mut output, mut only_object) = (None, false);
    let args = c.args.clone();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--version" => {
                c.out(recorded::text(c.host(), "gcc", "--version"));
                return Ok(0);
            }
            "--help" => {
                c.out(recorded::text(c.host(), "gcc", "--help"));
                return Ok(0);
            }
            "-v" => {
                c.err("Using built-in specs.\nCOLLECT_GCC=gcc\nTarget: x86_64-linux-gnu\nThread model: posix\ngcc version 9.4.0 (Ubuntu 9.4.0-1ubuntu1~20.04.2) \n");
                return Ok(0);
            }
            "-dumpversion" => {
                c.out("9\n");
                return Ok(0);
            }
            "-dumpmachine" => {
                c.out("x86_64-linux-gnu\n");
                return Ok(0);
            }
            "-o" => output = words.next().cloned(),
            "-c" | "-S" | "-E" => only_object = true,
            "-I" | "-L" | "-D" | "-x" | "-include" | "-l" | "-isystem" | "-MF" | "-MT" => {
                words.next();
            }
            word if word.starts_with('-') && word.len() > 1 => {}
            _ => sources.push(word.clone()),
        }
    }
    if sources.is_empty() {
        return Ok(fatal(c, &base, "no input files"));
    }
    for source in &sources {
        let text = match c.slurp(source).await? {
            Ok(bytes) => decode(&bytes),
            Err(errno) => {
                let who = if source.ends_with(".c") || source == "-" { "cc1" } else { &base };
                return Ok(fatal(c, who, &format!("{source}: {}", errno.text())));
            }
        };
        c.sleep(std::time::Duration::from_millis(120)).await?;
        if !source.ends_with(".c") && source != "-" {
            continue;
        }
        // Headers that are not on the host.
        for (number, line) in text.lines().enumerate() {
            let Some(header) = line
                .trim()
                .strip_prefix("#include")
                .map(str::trim)
                .and_then(|rest| rest.strip_prefix('<'))
                .and_then(|rest| rest.split('>').next())
            else {
                continue;
            };
            let known = ["/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/lib/gcc/x86_64-linux-gnu/12/include"];
            let standard = [
                "stdio.h",
                "stdlib.h",
                "string.h",
                "unistd.h",
                "sys/types.h",
                "sys/socket.h",
                "netinet/in.h",
                "arpa/inet.h",
                "errno.h",
                "fcntl.h",
                "pthread.h",
                "signal.h",
                "time.h",
                "math.h",
                "stdint.h",
            ];
            let there = standard.contains(&header)
                || header.starts_with("sys/")
                || header.starts_with("net")
                || header.starts_with("linux/")
                || known.iter().any(|folder| c.stat(&format!("{folder}/{header}")).is_ok());
            if !there && header.contains('/') {
                c.err(&format!("{source}:{}:10: fatal error: {header}: No such file or directory\n{:5} | {line}\n      |          ^{}\ncompilation terminated.\n", number + 1, number + 1, "~".repeat(header.len() + 1)));
                return Ok(1);
            }
        }
        if !only_object && !text.contains("main") {
            c.err("/usr/bin/ld: /usr/lib/gcc/x86_64-linux-gnu/12/../../../x86_64-linux-gnu/Scrt1.o: in function `_start':\n(.text+0x17): undefined reference to `main'\ncollect2: error: ld returned 1 exit status\n");
            return Ok(1);
        }
    }
    let first = sources.first().cloned().unwrap_or_default();
    let stem = first.rsplit('/').next().unwrap_or_default().trim_end_matches(".c").to_string();
    let name = output.unwrap_or_else(|| if only_object { format!("{stem}.o") } else { "a.out".into() });
    if let Err(errno) = c.write_file(&name, &elf(only_object)) {
        c.err(&format!(
            "/usr/bin/ld: cannot open output file {name}: {}\ncollect2: error: ld returned 1 exit status\n",
            errno.text()
        ));
        return Ok(1);
    }
    if !only_object {
        let path = c.path(&name);
        let _ = c.host().set_mode(c.who(), &path, 0o755);
    }
    Ok(0)
}

/// A file with the header of a program of this machine.
fn elf(object: bool) -> Vec<u8> {
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend([if object { 1 } else { 3 }, 0, 62, 0, 1, 0, 0, 0]);
    bytes.extend(0x1060_u64.to_le_bytes());
    bytes.extend(64_u64.to_le_bytes());
    bytes.extend(13_992_u64.to_le_bytes());
    bytes.extend([0, 0, 0, 0, 64, 0, 56, 0, 13, 0, 64, 0, 31, 0, 30, 0]);
    bytes.resize(if object { 1496 } else { 15_976 }, 0);
    bytes
}

pub(super) async fn make(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse(
        "B,always-make C,directory= d e f,file=,makefile= i,ignore-errors I= j,jobs? k,keep-going l= n,just-print,dry-run o= p q r R s,silent,quiet S t v,version w,print-directory W= h,help",
        &c.args,
    ) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            c.err(recorded::text(c.host(), "make", "--help"));
            return Ok(2);
        }
    };
    if found.has("v") {
        c.out(recorded::text(c.host(), "make", "--version"));
        return Ok(0);
    }
    if let Some(folder) = found.value("C").map(str::to_string) {
        if let Err(errno) = c.stat(&folder) {
            c.err(&format!("make: *** {folder}: {}.  Stop.\n", errno.text()));
            return Ok(2);
        }
        let path = c.path(&folder);
        c.spec.cwd = crate::world::resolve(b"/", &path);
    }
    let file = match found.value("f") {
        Some(name) => Some(name.to_string()),
        None => {
            ["GNUmakefile", "makefile", "Makefile"].into_iter().find(|name| c.stat(name).is_ok()).map(str::to_string)
        }
    };
    let goals: Vec<String> = found.rest.iter().filter(|word| !word.contains('=')).cloned().collect();
    let Some(file) = file else {
        let text = match goals.first() {
            Some(goal) => format!("make: *** No rule to make target '{goal}'.  Stop.\n"),
            None => "make: *** No targets specified and no makefile found.  Stop.\n".into(),
        };
        c.err(&text);
        return Ok(2);
    };
    let source = match c.read_file(&file) {
        Ok(bytes) => decode(&bytes),
        Err(errno) => {
            c.err(&format!("make: {file}: {}\nmake: *** No rule to make target '{file}'.  Stop.\n", errno.text()));
            return Ok(2);
        }
    };
    // Targets, what they need, what they run.
    let mut rules: Vec<(String, Vec<String>, Vec<String>)> = Vec::new();
    let mut variables: Vec<(String, String)> =
        vec![("CC".into(), "cc".into()), ("RM".into(), "rm -f".into()), ("MAKE".into(), "make".into())];
    let expand = |text: &str, variables: &[(String, String)]| {
        let mut text = text.to_string();
        for _ in 0..4 {
            for (name, value) in variables {
                text = text.replace(&format!("$({name})"), value).replace(&format!("${{{name}}}"), value);
            }
        }
        text.chars().take(1 << 16).collect::<String>()
    };
    for (number, line) in source.lines().enumerate().take(5000) {
        if let Some(command) = line.strip_prefix('\t') {
            match rules.last_mut() {
                Some((_, _, commands)) => commands.push(command.to_string()),
                None => {
                    c.err(&format!("{file}:{}: *** recipe commences before first target.  Stop.\n", number + 1));
                    return Ok(2);
                }
            }
            continue;
        }
        let line = line.split('#').next().unwrap_or_default();
        if line.trim().is_empty() {
            continue;
        }
        if let Some((name, value)) =
            line.split_once('=').filter(|(name, _)| !name.trim_end_matches([':', '?', '+', ' ']).contains([':', ' ']))
        {
            variables.retain(|(known, _)| known != name.trim_end_matches([':', '?', '+', ' ']));
            variables.push((name.trim_end_matches([':', '?', '+', ' ']).to_string(), value.trim().to_string()));
        } else if let Some((target, needs)) = line.split_once(':') {
            let needs = expand(needs, &variables).split_whitespace().map(str::to_string).collect::<Vec<_>>();
            for target in expand(target, &variables).split_whitespace() {
                rules.push((target.to_string(), needs.clone(), Vec::new()));
            }
        } else {
            c.err(&format!("{file}:{}: *** missing separator.  Stop.\n", number + 1));
            return Ok(2);
        }
    }
    let default = rules.iter().map(|(target, ..)| target.clone()).find(|target| !target.starts_with('.'));
    let goals = if goals.is_empty() { default.into_iter().collect() } else { goals };
    if goals.is_empty() {
        c.err("make: *** No targets.  Stop.\n");
        return Ok(2);
    }
    let mut todo: Vec<(String, bool)> = goals.into_iter().rev().map(|goal| (goal, false)).collect();
    let mut done: Vec<String> = Vec::new();
    let mut ran = false;
    while let Some((target, ready)) = todo.pop() {
        c.spend(200).await?;
        if done.contains(&target) || todo.len() > 1000 {
            continue;
        }
        let Some((_, needs, commands)) = rules.iter().find(|(known, ..)| *known == target).cloned() else {
            if c.stat(&target).is_err() {
                c.err(&format!("make: *** No rule to make target '{target}'.  Stop.\n"));
                return Ok(2);
            }
            done.push(target);
            continue;
        };
        if !ready {
            todo.push((target.clone(), true));
            todo.extend(needs.iter().rev().filter(|need| !done.contains(need)).map(|need| (need.clone(), false)));
            continue;
        }
        done.push(target.clone());
        let newest = needs.iter().filter_map(|need| c.stat(need).ok()).map(|stat| stat.modified).max();
        if c.stat(&target).is_ok_and(|stat| newest.is_none_or(|newest| newest <= stat.modified)) && !found.has("B") {
            continue;
        }
        for command in commands {
            let command = expand(&command, &variables)
                .replace("$@", &target)
                .replace("$<", needs.first().map_or("", String::as_str))
                .replace("$^", &needs.join(" "))
                .replace("$$", "$");
            let bare = command.trim_start_matches(['@', '-', '+']).to_string();
            if !command.starts_with('@') && !found.has("s") {
                c.out(&format!("{bare}\n"));
            }
            ran = true;
            if found.has("n") {
                continue;
            }
            let status = c.exec_with(&["/bin/sh".into(), "-c".into(), bare], Child::default()).await?;
            if status != 0 && !command.starts_with('-') && !found.has("i") {
                c.err(&format!("make: *** [{file}: {target}] Error {status}\n"));
                return Ok(2);
            }
        }
        if !ran && todo.is_empty() {
            c.out(&format!("make: Nothing to be done for '{target}'.\n"));
            return Ok(0);
        }
    }
    if !ran {
        let target = done.last().cloned().unwrap_or_default();
        c.out(&format!("make: '{target}' is up to date.\n"));
    }
    Ok(0)
}

pub(super) async fn git(c: &mut Cmd) -> Result<i32, Stop> {
    let words: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with("--no-pager")).cloned().collect();
    let Some(verb) = words.first().cloned() else {
        c.out("usage: git [--version] [--help] [-C <path>] [-c <name>=<value>]\n           [--exec-path[=<path>]] [--html-path] [--man-path] [--info-path]\n           [-p | --paginate | -P | --no-pager] [--no-replace-objects] [--bare]\n           [--git-dir=<path>] [--work-tree=<path>] [--namespace=<name>]\n           <command> [<args>]\n");
        return Ok(1);
    };
    match verb.as_str() {
        "--version" | "version" | "-v" => {
            c.out("git version 2.25.1\n");
            Ok(0)
        }
        "clone" => {
            let rest: Vec<&String> = words.iter().skip(1).filter(|word| !word.starts_with('-')).collect();
            let Some(url) = rest.first().map(|url| (*url).clone()) else {
                c.err("fatal: You must specify a repository to clone.\n\nusage: git clone [<options>] [--] <repo> [<dir>]\n");
                return Ok(129);
            };
            c.note_url(&url);
            let name = rest.get(1).map(|name| (*name).clone()).unwrap_or_else(|| {
                url.trim_end_matches('/')
                    .rsplit(['/', ':'])
                    .next()
                    .unwrap_or_default()
                    .trim_end_matches(".git")
                    .to_string()
            });
            if !url.contains("://") && !url.contains(':') {
                c.err(&format!("fatal: repository '{url}' does not exist\n"));
                return Ok(128);
            }
            if c.stat(&name).is_ok() && c.list(&name).is_ok_and(|list| !list.is_empty()) {
                c.err(&format!("fatal: destination path '{name}' already exists and is not an empty directory.\n"));
                return Ok(128);
            }
            c.err(&format!("Cloning into '{name}'...\n"));
            c.flush().await?;
            let (host, port, shown) = match Url::parse(&url).filter(|_| url.contains("://")) {
                Some(parsed) => (parsed.host, parsed.port, url.clone()),
                None => (
                    url.split(':').next().unwrap_or_default().rsplit('@').next().unwrap_or_default().to_string(),
                    22,
                    url.clone(),
                ),
            };
            let shown =
                shown.split("://").nth(1).map_or_else(|| shown.clone(), |_| format!("{}/", url.trim_end_matches('/')));
            let error = reach(c, &host, port, None).await?.err();
            let text = match (error, port) {
                (Some(NetError::NoName), 22) => format!(
                    "ssh: Could not resolve hostname {host}: Temporary failure in name resolution\r\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n"
                ),
                (Some(NetError::NoName), _) => {
                    format!("fatal: unable to access '{shown}': Could not resolve host: {host}\n")
                }
                (Some(NetError::Refused), _) => format!(
                    "fatal: unable to access '{shown}': Failed to connect to {host} port {port}: Connection refused\n"
                ),
                (Some(_), _) => format!(
                    "fatal: unable to access '{shown}': Failed to connect to {host} port {port}: Connection timed out\n"
                ),
                (None, _) => format!("fatal: repository '{shown}' not found\n"),
            };
            c.err(&text);
            Ok(128)
        }
        "init" => {
            let folder =
                words.iter().skip(1).find(|word| !word.starts_with('-')).cloned().unwrap_or_else(|| ".".into());
            let path = crate::world::resolve(c.cwd(), &crate::shell::text::encode(&folder));
            let who = c.who().clone();
            let host = std::sync::Arc::clone(c.host());
            for part in [
                "",
                "/.git",
                "/.git/refs",
                "/.git/refs/heads",
                "/.git/refs/tags",
                "/.git/objects",
                "/.git/hooks",
                "/.git/info",
                "/.git/branches",
            ] {
                let _ = host.make_folder(&who, &[path.as_slice(), part.as_bytes()].concat(), 0o755);
            }
            let put = |name: &str, text: &str| {
                let _ = host.write_file(&who, &[path.as_slice(), name.as_bytes()].concat(), text.as_bytes(), 0o644);
            };
            put("/.git/HEAD", "ref: refs/heads/master\n");
            put(
                "/.git/config",
                "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n",
            );
            put("/.git/description", "Unnamed repository; edit this file 'description' to name the repository.\n");
            c.out(&format!("Initialized empty Git repository in {}/.git/\n", decode(&path)));
            Ok(0)
        }
        "config" => Ok(i32::from(words.len() == 2)),
        "help" | "--help" => {
            c.out("usage: git [--version] [--help] [-C <path>] [-c <name>=<value>]\n");
            Ok(0)
        }
        "status" | "log" | "add" | "commit" | "pull" | "push" | "fetch" | "diff" | "branch" | "checkout" | "remote"
        | "show" | "reset" | "stash" | "tag" | "merge" | "rebase" => {
            if c.stat(".git").is_err() {
                c.err("fatal: not a git repository (or any of the parent directories): .git\n");
                return Ok(128);
            }
            match verb.as_str() {
                "status" => c.out("On branch master\n\nNo commits yet\n\nnothing to commit (create/copy files and use \"git add\" to track)\n"),
                "log" => {
                    c.err("fatal: your current branch 'master' does not have any commits yet\n");
                    return Ok(128);
                }
                _ => {}
            }
            Ok(0)
        }
        other => {
            c.err(&format!("git: '{other}' is not a git command. See 'git --help'.\n"));
            Ok(1)
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(name: &str, bytes: &[u8]) -> Option<String> {
    Some(match name {
        "md5" => hex(&md5::Md5::digest(bytes)),
        "sha1" => hex(&sha1::Sha1::digest(bytes)),
        "sha224" => hex(&sha2::Sha224::digest(bytes)),
        "sha256" => hex(&Sha256::digest(bytes)),
        "sha384" => hex(&sha2::Sha384::digest(bytes)),
        "sha512" => hex(&Sha512::digest(bytes)),
        _ => return None,
    })
}

pub(super) async fn openssl(c: &mut Cmd) -> Result<i32, Stop> {
    let args = c.args.clone();
    let Some((verb, rest)) = args.split_first() else {
        c.out("OpenSSL> ");
        return Ok(0);
    };
    let value = |name: &str| rest.iter().position(|word| word == name).and_then(|at| rest.get(at + 1)).cloned();
    let has = |name: &str| rest.iter().any(|word| word == name);
    match verb.as_str() {
        "version" | "--version" | "-v" => {
            c.out("OpenSSL 1.1.1f  31 Mar 2020\n");
            if has("-a") {
                c.out("built on: Wed May 24 17:14:51 2023 UTC\nplatform: debian-amd64\nOPENSSLDIR: \"/usr/lib/ssl\"\n");
            }
            Ok(0)
        }
        "rand" => {
            let count = rest.iter().rev().find_map(|word| word.parse::<usize>().ok()).unwrap_or(0);
            if count == 0 {
                c.err("Usage: rand [flags] num\n");
                return Ok(1);
            }
            let bytes = noise(count.min(1 << 20));
            let out = match (has("-hex"), has("-base64")) {
                (true, _) => format!("{}\n", hex(&bytes)).into_bytes(),
                (_, true) => lines(&STANDARD.encode(&bytes)).into_bytes(),
                _ => bytes,
            };
            match value("-out") {
                Some(path) => drop(c.write_file(&path, &out)),
                None => c.out_bytes(&out),
            }
            Ok(0)
        }
        "passwd" => {
            let method = ["-1", "-apr1", "-5", "-6", "-crypt"].into_iter().find(|name| has(name)).unwrap_or("-crypt");
            let skip = ["-salt", "-in"];
            let mut words: Vec<String> = Vec::new();
            let mut list = rest.iter();
            while let Some(word) = list.next() {
                if skip.contains(&word.as_str()) {
                    list.next();
                } else if !word.starts_with('-') {
                    words.push(word.clone());
                }
            }
            if has("-stdin") {
                words = decode(&c.read_all().await?).lines().map(str::to_string).collect();
            } else if words.is_empty() {
                words.push(screen::ask(c, "Password: ", false).await?.unwrap_or_default());
                let _ = screen::ask(c, "Verifying - Password: ", false).await?;
            }
            for word in words.iter().take(50) {
                let salt = value("-salt").unwrap_or_else(|| STANDARD.encode(noise(6)).replace(['+', '='], "."));
                let hash = match method {
                    "-6" if value("-salt").is_none() => hash_of(word.as_bytes()),
                    "-1" => md5_crypt(word.as_bytes(), &salt, "1"),
                    "-apr1" => md5_crypt(word.as_bytes(), &salt, "apr1"),
                    "-5" | "-6" => hash_of(word.as_bytes()),
                    _ => STANDARD.encode(Sha256::digest(word.as_bytes())).chars().take(13).collect(),
                };
                c.out(&format!("{hash}\n"));
                c.spend(2000).await?;
            }
            Ok(0)
        }
        "dgst" | "md5" | "sha1" | "sha256" | "sha512" | "sha224" | "sha384" => {
            let kind = if verb == "dgst" {
                let given =
                    rest.iter().find_map(|word| word.strip_prefix('-').filter(|name| digest(name, b"").is_some()));
                given.unwrap_or("sha256").to_string()
            } else {
                verb.clone()
            };
            let files: Vec<String> = rest.iter().filter(|word| !word.starts_with('-')).cloned().collect();
            let files = if files.is_empty() { vec!["-".to_string()] } else { files };
            for file in files {
                let bytes = match c.slurp(&file).await? {
                    Ok(bytes) => bytes,
                    Err(errno) => {
                        c.err(&format!("{file}: {}\n", errno.text()));
                        return Ok(1);
                    }
                };
                let sum = digest(&kind, &bytes).unwrap_or_default();
                let name = if file == "-" { "stdin" } else { &file };
                c.out(&if has("-r") {
                    format!("{sum} *{name}\n")
                } else {
                    format!("{}({name})= {sum}\n", kind.to_uppercase())
                });
            }
            Ok(0)
        }
        "base64" | "enc" => {
            let coded = verb == "base64" || has("-base64") || has("-a");
            if !coded {
                c.err("bad decrypt\n");
                return Ok(1);
            }
            let input = value("-in").unwrap_or_else(|| "-".into());
            let bytes = match c.slurp(&input).await? {
                Ok(bytes) => bytes,
                Err(errno) => {
                    c.err(&format!("Can't open {input} for reading, {}\n", errno.text()));
                    return Ok(1);
                }
            };
            let out = match has("-d") {
                true => {
                    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                    STANDARD.decode(text).unwrap_or_default()
                }
                false if has("-A") => STANDARD.encode(&bytes).into_bytes(),
                false => lines(&STANDARD.encode(&bytes)).into_bytes(),
            };
            match value("-out") {
                Some(path) => drop(c.write_file(&path, &out)),
                None => c.out_bytes(&out),
            }
            Ok(0)
        }
        "s_client" => {
            let place = value("-connect").unwrap_or_else(|| "localhost:4433".into());
            let (host, port) = place
                .rsplit_once(':')
                .map_or((place.clone(), 443), |(host, port)| (host.to_string(), port.parse().unwrap_or(443)));
            let text = match reach(c, &host, port, None).await?.err() {
                Some(NetError::NoName) => {
                    "140735:error:2008F002:BIO routines:BIO_lookup_ex:system lib:../crypto/bio/b_addr.c:724:Temporary failure in name resolution\nconnect:errno=22\n"
                }
                Some(NetError::Refused) => {
                    "140735:error:0200206F:system library:connect:Connection refused:../crypto/bio/b_sock2.c:110:\nconnect:errno=111\n"
                }
                Some(_) => {
                    "140735:error:0200206E:system library:connect:Connection timed out:../crypto/bio/b_sock2.c:110:\nconnect:errno=110\n"
                }
                None => {
                    "CONNECTED(00000003)\n140735:error:1408F10B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:331:\n---\nno peer certificate available\n---\n"
                }
            };
            c.err(text);
            Ok(1)
        }
        "genrsa" | "req" | "x509" | "rsa" | "genpkey" | "ecparam" | "list" | "ciphers" | "speed" | "help"
        | "pkcs12" | "verify" => Ok(0),
        other => {
            c.err(&format!("Invalid command '{other}'; type \"help\" for a list.\n"));
            Ok(1)
        }
    }
}

fn lines(text: &str) -> String {
    text.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

/// The hash of FreeBSD's crypt(3) with MD5 (`$1$`), as Poul-Henning Kamp described it.
fn md5_crypt(password: &[u8], salt: &str, magic: &str) -> String {
    let password = password.get(..password.len().min(256)).unwrap_or_default();
    let salt: String = salt.chars().take(8).collect();
    let inner = md5::Md5::digest([password, salt.as_bytes(), password].concat());
    let mut whole = [password, format!("${magic}$").as_bytes(), salt.as_bytes()].concat();
    let mut left = password.len();
    while left > 0 {
        whole.extend(inner.iter().take(left.min(16)));
        left = left.saturating_sub(16);
    }
    let mut bits = password.len();
    while bits > 0 {
        whole.push(if bits & 1 == 1 { 0 } else { password.first().copied().unwrap_or(0) });
        bits >>= 1;
    }
    let mut sum: Vec<u8> = md5::Md5::digest(whole).to_vec();
    for round in 0..1000 {
        let mut next = Vec::new();
        next.extend_from_slice(if round % 2 == 1 { password } else { &sum });
        if round % 3 != 0 {
            next.extend_from_slice(salt.as_bytes());
        }
        if round % 7 != 0 {
            next.extend_from_slice(password);
        }
        next.extend_from_slice(if round % 2 == 1 { &sum } else { password });
        sum = md5::Md5::digest(next).to_vec();
    }
    const LETTERS: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let at = |index: usize| u32::from(sum.get(index).copied().unwrap_or(0));
    let mut text = format!("${magic}${salt}$");
    let mut put = |mut value: u32, count: usize| {
        for _ in 0..count {
            text.push(char::from(LETTERS.get((value & 63) as usize).copied().unwrap_or(b'.')));
            value >>= 6;
        }
    };
    for (a, b, d) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
        put(at(a) << 16 | at(b) << 8 | at(d), 4);
    }
    put(at(11), 2);
    text
}
