//! Calls into modules.

use super::*;

pub(in crate::shell::commands::system) fn os_error<T>(errno: crate::world::Errno, path: &str) -> Run<T> {
    use crate::world::Errno;
    let (kind, number) = match errno {
        Errno::ENOENT => ("FileNotFoundError", 2),
        Errno::EACCES => ("PermissionError", 13),
        Errno::EPERM => ("PermissionError", 1),
        Errno::EISDIR => ("IsADirectoryError", 21),
        Errno::ENOTDIR => ("NotADirectoryError", 20),
        Errno::EEXIST => ("FileExistsError", 17),
        _ => ("OSError", 5),
    };
    let message = format!("[Errno {number}] {}: {}", errno.text(), text(path).repr(0));
    Err(Halt::Raise(V::Raised(kind.into(), Rc::new(vec![text(message)])), Vec::new()))
}

pub(in crate::shell::commands::system) fn open(vm: &mut Vm<'_>, path: &str, mode: &str) -> Run<V> {
    let write = mode.contains(['w', 'a', 'x', '+']);
    let binary = mode.contains('b');
    let old = vm.facts.read(path, &vm.writes);
    let content = match (&old, write) {
        (Ok(bytes), false) => crate::shell::commands::system::common::decode(bytes),
        (Err(errno), false) => return os_error(*errno, path),
        (Ok(bytes), true) if mode.contains('a') => crate::shell::commands::system::common::decode(bytes),
        _ => String::new(),
    };
    if write && let Err(errno) = vm.facts.may_write(path) {
        return os_error(errno, path);
    }
    let file = OpenFile { path: path.into(), text: content, at: 0, write, closed: false, bytes: binary };
    Ok(V::File(Rc::new(std::cell::RefCell::new(file))))
}

/// A path's functions, the system's, the network's.
pub(in crate::shell::commands::system) fn call_member(
    vm: &mut Vm<'_>,
    module: &str,
    name: &str,
    args: Vec<V>,
    named: Vec<(String, V)>,
) -> Run<V> {
    let first = arg(&args, 0);
    let word = first.show();
    let f = vm.facts;
    let option = |key: &str| named.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    let command = |value: &V| match value {
        V::List(l) => {
            l.borrow().iter().map(|word| crate::shell::quote::if_needed(&word.show())).collect::<Vec<_>>().join(" ")
        }
        value => value.show(),
    };
    let math = |value: f64| V::Float(value);
    let x = number(args.first());
    Ok(match (module, name) {
        ("re", name) => return patterns::call(vm, name, &args, &named),
        ("sys", "exit") | ("os", "_exit") => return exit(vm, &args),
        ("sys.stdout" | "sys.stderr", "write") => {
            vm.print(module == "sys.stderr", &word)?;
            V::Int(i128::try_from(word.chars().count()).unwrap_or(0))
        }
        ("sys.stdout" | "sys.stderr", "flush") => V::None,
        ("sys.stdin", "read") => text(crate::shell::commands::system::common::decode(&vm.need(Need::All)?.bytes)),
        ("sys.stdin", "readline") => text(crate::shell::commands::system::common::decode(&vm.need(Need::Line)?.bytes)),
        ("sys.stdin", "readlines") => {
            let all = crate::shell::commands::system::common::decode(&vm.need(Need::All)?.bytes);
            list(all.split_inclusive('\n').map(text).collect())
        }
        ("os", "getcwd") => text(f.cwd.clone()),
        ("os", "getpid") => V::Int(i128::from(f.pid)),
        ("os", "getppid") => V::Int(i128::from(f.ppid)),
        ("os", "getuid" | "geteuid") => V::Int(i128::from(f.uid)),
        ("os", "getgid" | "getegid") => V::Int(i128::from(f.gid)),
        ("os", "getlogin") | ("getpass", "getuser") => text(f.user.clone()),
        ("os", "cpu_count") | ("multiprocessing", "cpu_count") => V::Int(i128::from(f.cpus)),
        ("os", "uname") | ("platform", "uname") => {
            let names = if module == "os" {
                ["sysname", "nodename", "release", "version", "machine"]
            } else {
                ["system", "node", "release", "version", "machine"]
            };
            let parts =
                names.iter().zip(&f.uname).map(|(name, value)| ((*name).to_string(), text(value.clone()))).collect();
            V::Record(Rc::new((
                if module == "os" { "posix.uname_result".into() } else { "uname_result".into() },
                parts,
            )))
        }
        ("platform", "system") => text("Linux"),
        ("platform", "node") | ("socket", "gethostname" | "getfqdn") => {
            text(f.uname.get(1).cloned().unwrap_or_default())
        }
        ("platform", "release") => text(f.uname.get(2).cloned().unwrap_or_default()),
        ("platform", "machine" | "processor") => text(f.uname.get(4).cloned().unwrap_or_default()),
        ("platform", "python_version") => text(crate::shell::commands::system::python::version(&f.host)),
        ("platform", "platform") => {
            text(format!("Linux-{}-x86_64-with-glibc2.31", f.uname.get(2).cloned().unwrap_or_default()))
        }
        ("os", "getenv") => f
            .env
            .iter()
            .find(|(known, _)| *known == word)
            .map_or_else(|| arg(&args, 1), |(_, value)| text(value.clone())),
        ("os.environ", "get") => f
            .env
            .iter()
            .find(|(known, _)| *known == word)
            .map_or_else(|| arg(&args, 1), |(_, value)| text(value.clone())),
        ("os", "listdir") => {
            let path = if args.is_empty() { ".".to_string() } else { word };
            match f.list(&path) {
                Ok(names) => list(names.into_iter().map(text).collect()),
                Err(errno) => return os_error(errno, &path),
            }
        }
        ("os.path", "exists" | "isfile" | "isdir" | "lexists") => V::Bool(match (f.stat(&word), name) {
            (Ok(stat), "isfile") => !stat.is_folder(),
            (Ok(stat), "isdir") => stat.is_folder(),
            (Ok(_), _) => true,
            (Err(_), _) => vm.writes.iter().any(|(path, ..)| *path == word) && name != "isdir",
        }),
        ("os.path", "getsize") => match f.stat(&word) {
            Ok(stat) => V::Int(i128::from(stat.size)),
            Err(errno) => return os_error(errno, &word),
        },
        ("os.path", "join") => {
            let mut path = String::new();
            for part in args.iter().map(V::show) {
                if part.starts_with('/') || path.is_empty() {
                    path = part;
                } else {
                    path = format!("{}/{part}", path.trim_end_matches('/'));
                }
            }
            text(path)
        }
        ("os.path", "basename") => text(word.rsplit('/').next().unwrap_or_default().to_string()),
        ("os.path", "dirname") => text(word.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_string())),
        ("os.path", "abspath" | "realpath") => text(crate::shell::commands::system::common::decode(
            &crate::world::resolve(f.cwd.as_bytes(), &crate::shell::text::encode(&word)),
        )),
        ("os.path", "expanduser") => text(word.replacen('~', &f.home, 1)),
        ("os.path", "splitext") => {
            let at =
                word.rfind('.').filter(|at| *at > word.rfind('/').map_or(0, |slash| slash + 1)).unwrap_or(word.len());
            tuple(vec![
                text(word.get(..at).unwrap_or_default().to_string()),
                text(word.get(at..).unwrap_or_default().to_string()),
            ])
        }
        ("os", "system") => {
            let answer = vm.need(Need::Run(word, false))?;
            V::Int(i128::from(answer.status) * 256)
        }
        ("pty", "spawn") => {
            let answer = vm.need(Need::Run(command(&first), false))?;
            V::Int(i128::from(answer.status) * 256)
        }
        ("os", "popen") => {
            let answer = vm.need(Need::Run(word.clone(), true))?;
            let content = crate::shell::commands::system::common::decode(&answer.bytes);
            V::File(Rc::new(std::cell::RefCell::new(OpenFile {
                path: word,
                text: content,
                at: 0,
                write: false,
                closed: false,
                bytes: false,
            })))
        }
        ("os", "execl" | "execlp" | "execv" | "execvp" | "execve") => {
            let words = if name.starts_with("execl") {
                args.iter().skip(1).map(V::show).collect::<Vec<_>>()
            } else {
                vm.items(&arg(&args, 1))?.iter().map(V::show).collect()
            };
            let line = words.iter().map(|word| crate::shell::quote::if_needed(word)).collect::<Vec<_>>().join(" ");
            let answer = vm.need(Need::Run(line, false))?;
            return Err(Halt::Exit(answer.status));
        }
        ("subprocess", "call" | "check_call") => V::Int(i128::from(vm.need(Need::Run(command(&first), false))?.status)),
        ("subprocess", "check_output" | "getoutput" | "getstatusoutput") => {
            let answer = vm.need(Need::Run(command(&first), true))?;
            if name == "check_output" && answer.status != 0 {
                return raise(
                    "CalledProcessError",
                    format!("Command '{}' returned non-zero exit status {}.", command(&first), answer.status),
                );
            }
            let shown =
                text(crate::shell::commands::system::common::decode(&answer.bytes).trim_end_matches('\n').to_string());
            match name {
                "getoutput" => shown,
                "getstatusoutput" => tuple(vec![V::Int(i128::from(answer.status)), shown]),
                _ if option("text").or(option("universal_newlines")).is_some_and(|v| v.truth()) => {
                    text(crate::shell::commands::system::common::decode(&answer.bytes))
                }
                _ => V::Bytes(Rc::new(answer.bytes)),
            }
        }
        ("subprocess", "run" | "Popen") => {
            let wanted = option("capture_output").is_some_and(|v| v.truth())
                || option("stdout").is_some_and(|v| v.int() == Some(-1));
            let answer = vm.need(Need::Run(command(&first), wanted))?;
            let as_text = option("text").or(option("universal_newlines")).is_some_and(|v| v.truth());
            let out = match (wanted, as_text) {
                (false, _) => V::None,
                (true, true) => text(crate::shell::commands::system::common::decode(&answer.bytes)),
                (true, false) => V::Bytes(Rc::new(answer.bytes)),
            };
            let err = if wanted { if as_text { text("") } else { V::Bytes(Rc::new(Vec::new())) } } else { V::None };
            let parts = vec![
                ("args".to_string(), first),
                ("returncode".to_string(), V::Int(i128::from(answer.status))),
                ("stdout".to_string(), out),
                ("stderr".to_string(), err),
            ];
            V::Record(Rc::new(("CompletedProcess".into(), parts)))
        }
        ("time", "sleep") => {
            vm.need(Need::Sleep(x))?;
            V::None
        }
        ("time", "time") => V::Float(f.now),
        ("time", "strftime") => text(f.date(&word)),
        ("time", "perf_counter" | "monotonic") => V::Float(f.now - 1_600_000_000.0),
        ("math", "sqrt") if x < 0.0 => return raise("ValueError", "math domain error"),
        ("math", "sqrt") => math(x.sqrt()),
        ("math", "floor") => V::Int(x.floor() as i128),
        ("math", "ceil") => V::Int(x.ceil() as i128),
        ("math", "sin") => math(x.sin()),
        ("math", "cos") => math(x.cos()),
        ("math", "tan") => math(x.tan()),
        ("math", "exp") => math(x.exp()),
        ("math", "log") => math(if args.len() > 1 { x.log(number(args.get(1))) } else { x.ln() }),
        ("math", "log2") => math(x.log2()),
        ("math", "log10") => math(x.log10()),
        ("math", "pow") => math(x.powf(number(args.get(1)))),
        ("math", "fabs") => math(x.abs()),
        ("math", "factorial") => {
            let mut product: i128 = 1;
            for n in 2..=first.int().unwrap_or(0) {
                product = match product.checked_mul(n) {
                    Some(product) => product,
                    None => return Err(Halt::Silent),
                };
            }
            V::Int(product)
        }
        ("math", "gcd") => {
            let (mut a, mut b) = (first.int().unwrap_or(0).abs(), arg(&args, 1).int().unwrap_or(0).abs());
            while b != 0 {
                (a, b) = (b, a % b);
            }
            V::Int(a)
        }
        ("random", "random") => V::Float(vm.random.between(0, 1 << 52) as f64 / (1_u64 << 52) as f64),
        ("random", "randint" | "randrange") => {
            let (low, high) = if args.len() > 1 {
                (first.int().unwrap_or(0), arg(&args, 1).int().unwrap_or(0))
            } else {
                (0, first.int().unwrap_or(1))
            };
            let high = if name == "randrange" { high - 1 } else { high };
            let span = u64::try_from((high - low).max(0)).unwrap_or(u64::MAX - 1);
            V::Int(low + i128::from(vm.random.between(0, span)))
        }
        ("random", "choice") => {
            let items = vm.items(&first)?;
            let at = vm.random.between(0, (items.len() as u64).saturating_sub(1));
            match items.get(usize::try_from(at).unwrap_or(0)) {
                Some(item) => item.clone(),
                None => return raise("IndexError", "Cannot choose from an empty sequence"),
            }
        }
        ("random", "seed") => V::None,
        ("base64", "b64encode" | "encodebytes") => {
            use base64::Engine as _;
            match &first {
                V::Bytes(bytes) => {
                    V::Bytes(Rc::new(base64::engine::general_purpose::STANDARD.encode(bytes.as_slice()).into_bytes()))
                }
                other => return raise("TypeError", format!("a bytes-like object is required, not '{}'", other.kind())),
            }
        }
        ("base64", "b64decode" | "decodebytes") => {
            use base64::Engine as _;
            let source = match &first {
                V::Bytes(bytes) => bytes.to_vec(),
                other => other.show().into_bytes(),
            };
            match base64::engine::general_purpose::STANDARD.decode(source) {
                Ok(bytes) => V::Bytes(Rc::new(bytes)),
                Err(_) => return raise("ValueError", "Incorrect padding"),
            }
        }
        ("binascii", "hexlify") => match &first {
            V::Bytes(bytes) => {
                V::Bytes(Rc::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes()))
            }
            _ => return Err(Halt::Silent),
        },
        ("json", "dumps") => text(json(&first, 0)),
        ("os", "chdir") => V::None,
        ("os", "urandom") => V::Bytes(Rc::new(
            (0..first.int().unwrap_or(0).clamp(0, 4096))
                .map(|_| u8::try_from(vm.random.between(0, 255)).unwrap_or(0))
                .collect(),
        )),
        ("os", "remove" | "unlink" | "mkdir" | "makedirs" | "rename" | "chmod" | "rmdir") => {
            let tool = match name {
                "remove" | "unlink" => "rm -f --",
                "mkdir" => "mkdir --",
                "makedirs" => "mkdir -p --",
                "rename" => "mv --",
                "rmdir" => "rmdir --",
                _ => "",
            };
            if matches!(name, "remove" | "unlink" | "rmdir" | "rename" | "chmod")
                && let Err(errno) = f.stat(&word)
                && !vm.writes.iter().any(|(path, ..)| *path == word)
            {
                return os_error(errno, &word);
            }
            let quoted = crate::shell::quote::always(&word);
            let line = match name {
                "chmod" => format!("chmod {:o} -- {quoted}", arg(&args, 1).int().unwrap_or(0o644) & 0o7777),
                "rename" => format!("{tool} {quoted} {}", crate::shell::quote::always(&arg(&args, 1).show())),
                _ => format!("{tool} {quoted}"),
            };
            vm.need(Need::Run(line, true))?;
            V::None
        }
        ("os", "fork" | "setsid" | "dup2" | "umask" | "kill" | "close") => V::Int(0),
        ("socket", "socket" | "create_connection" | "gethostbyname") => {
            let (host, port) = match &first {
                V::Tuple(pair) => (arg(pair, 0).show(), u16::try_from(arg(pair, 1).int().unwrap_or(0)).unwrap_or(0)),
                V::Str(host) => (host.to_string(), 0),
                _ => return Ok(V::Record(Rc::new(("socket".into(), Vec::new())))),
            };
            return connect(vm, &host, port);
        }
        ("urllib.request", "urlopen" | "urlretrieve") => {
            let answer = vm.need(Need::Url(word))?;
            let why = if answer.status == 6 {
                "<urlopen error [Errno -3] Temporary failure in name resolution>"
            } else if answer.status == 7 {
                "<urlopen error [Errno 111] Connection refused>"
            } else {
                "<urlopen error [Errno 110] Connection timed out>"
            };
            return raise("URLError", why);
        }
        _ => return Err(Halt::Silent),
    })
}

/// What connecting to a peer ends in.
pub(in crate::shell::commands::system) fn connect(vm: &mut Vm<'_>, host: &str, port: u16) -> Run<V> {
    let answer = vm.need(Need::Connect(host.to_string(), port))?;
    match answer.status {
        0 => Ok(V::Record(Rc::new(("socket".into(), Vec::new())))),
        6 => raise("gaierror", "[Errno -3] Temporary failure in name resolution"),
        7 => raise("ConnectionRefusedError", "[Errno 111] Connection refused"),
        _ => raise("TimeoutError", "[Errno 110] Connection timed out"),
    }
}

pub(in crate::shell::commands::system) fn json(value: &V, depth: usize) -> String {
    if depth > 20 {
        return "null".into();
    }
    match value {
        V::None => "null".into(),
        V::Bool(b) => b.to_string(),
        V::Int(n) => n.to_string(),
        V::Float(f) => float(*f),
        V::List(l) => {
            format!("[{}]", l.borrow().iter().map(|item| json(item, depth + 1)).collect::<Vec<_>>().join(", "))
        }
        V::Tuple(l) => format!("[{}]", l.iter().map(|item| json(item, depth + 1)).collect::<Vec<_>>().join(", ")),
        V::Dict(d) => {
            let pairs: Vec<String> = d
                .borrow()
                .iter()
                .map(|(key, value)| format!("{}: {}", json(&text(key.show()), depth + 1), json(value, depth + 1)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => serde_json::to_string(&other.show()).unwrap_or_default(),
    }
}
