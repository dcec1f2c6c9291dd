//! Starts the real binary in a folder of its own and reads what it recorded.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub const PROTOCOLS: [&str; 4] = ["ftp", "telnet", "smtp", "http"];

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running sensor; it is killed when dropped.
pub struct Sensor {
    child: Child,
    dir: tempfile::TempDir,
    ports: BTreeMap<&'static str, u16>,
    said: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

/// Ports that nobody uses at the moment.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let held: Vec<TcpListener> = (0..N).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    std::array::from_fn(|at| held[at].local_addr().unwrap().port())
}

/// Sections of a configuration that a test wants beside the ports; `mode` is that of all ports.
pub struct Setup<'a> {
    pub mode: &'a str,
    pub extra: &'a str,
    pub env: &'a [(&'a str, &'a str)],
    /// Files of the log folder, by their beginning (the day is added), that lead to a device which is always full.
    pub full: &'a [&'a str],
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { mode: "hybrid", extra: "", env: &[], full: &[] }
    }
}

impl Sensor {
    pub fn start(setup: &Setup<'_>) -> Self {
        // Somebody else may take a free port before the sensor does; then other ones are tried.
        (0..5).find_map(|_| Self::try_start(setup)).expect("the sensor starts")
    }

    /// The same with `N` ports more, for which `extra` gives the configuration.
    pub fn start_with<const N: usize>(extra: impl Fn([u16; N]) -> String) -> (Self, [u16; N]) {
        let started = (0..5).find_map(|_| {
            let ports = free_ports();
            Some((Self::try_start(&Setup { extra: &extra(ports), ..Setup::default() })?, ports))
        });
        started.expect("the sensor starts")
    }

    fn try_start(setup: &Setup<'_>) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let numbers: [u16; 5] = free_ports();
        let ports: BTreeMap<&'static str, u16> = PROTOCOLS.into_iter().chain(["ssh"]).zip(numbers).collect();
        let mode = setup.mode;
        let lines = ports.iter().map(|(name, port)| format!("{name} = {{ port = {port}, mode = \"{mode}\" }}\n"));
        let persona = "[persona]\nhostname = \"mail\"\ndomain = \"example.com\"\n";
        // No programs in the web root unless a test wants some: which there are depends on the seed.
        let web = if setup.extra.contains("[http]") { "" } else { "[http]\napps = []\n" };
        let config = format!("{persona}[ports]\n{}\n{}\n{web}", lines.collect::<String>(), setup.extra);
        std::fs::write(dir.path().join("Config.toml"), config).unwrap();
        for name in setup.full {
            let logs = dir.path().join("logs");
            std::fs::create_dir_all(&logs).unwrap();
            let day = rustbucket::base::clock::day(rustbucket::base::clock::now());
            let file = if *name == "events-" { format!("{name}{day}.jsonl") } else { format!("{name}{day}") };
            std::os::unix::fs::symlink("/dev/full", logs.join(file)).unwrap();
        }
        let mut sensor = Self::spawn(dir, ports, setup.env);
        let listening = sensor.wait_for_line("listening on").is_some();
        if !listening {
            eprintln!("no start: {:#?}", sensor.said());
        }
        listening.then_some(sensor)
    }

    fn spawn(dir: tempfile::TempDir, ports: BTreeMap<&'static str, u16>, env: &[(&str, &str)]) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let (child, reader) = run(dir.path(), env, &said);
        Self { child, dir, ports, said, reader: Some(reader) }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn port(&self, protocol: &str) -> u16 {
        self.ports[protocol]
    }

    /// What it has said on standard error so far.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Waits for a line on standard error; `None` when the process ended without it.
    pub fn wait_for_line(&mut self, text: &str) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.child.try_wait().unwrap().is_some();
            if let Some(line) = self.said().into_iter().find(|line| line.contains(text)) {
                return Some(line);
            }
            if ended {
                return None;
            }
            assert!(Instant::now() < deadline, "no line with {text:?} in {:#?}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn connect(&self, protocol: &str) -> Talk {
        Talk::to(self.port(protocol))
    }

    /// Sends SIGKILL, and starts the binary again over what it left.
    pub fn kill_and_restart(mut self) -> Self {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL).unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.said.lock().unwrap().clear();
        let (child, reader) = run(self.dir.path(), &[], &self.said);
        (self.child, self.reader) = (child, Some(reader));
        self.wait_for_line("listening on").expect("the sensor starts again");
        self
    }

    /// Sends SIGTERM and waits; the events of the whole run.
    pub fn stop(mut self) -> (Vec<Value>, ExitStatus) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the sensor does not stop: {:#?}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        };
        self.reader.take().unwrap().join().unwrap();
        assert!(self.written().ends_with('\n'), "the last event is cut off");
        (self.events(), status)
    }

    /// The events that are on the disk now; one that is being written is none yet.
    pub fn events(&self) -> Vec<Value> {
        let text = self.written();
        let whole = text.rfind('\n').map_or("", |at| &text[..at]);
        whole.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    fn written(&self) -> String {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(self.dir().join("logs")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let is_events = |path: &&PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("events-");
        files.iter().filter(is_events).map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// Waits until something holds.
    pub fn wait_for(&self, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "it does not come: {:#?}", self.events());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until an event fits.
    pub fn wait_for_event(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(event) = self.events().into_iter().find(&fits) {
                return event;
            }
            assert!(Instant::now() < deadline, "no such event in {:#?}", self.events());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the binary in a folder; what it says on standard error is collected.
fn run(dir: &Path, env: &[(&str, &str)], said: &Arc<Mutex<Vec<String>>>) -> (Child, JoinHandle<()>) {
    let mut child = command(dir).envs(env.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let keep = Arc::clone(said);
    let reader = std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            keep.lock().unwrap().push(line);
        }
    });
    (child, reader)
}

/// The binary, in a folder, without anything of our own environment that it reads.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rustbucket"));
    command.current_dir(dir).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if name.starts_with("RUSTBUCKET_") || name.ends_with("_API_KEY") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// Events of one kind.
pub fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).collect()
}

/// A plain TCP conversation with time-outs.
pub struct Talk {
    pub stream: TcpStream,
    read: Vec<u8>,
}

impl Talk {
    pub fn to(port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, read: Vec::new() }
    }

    /// The same from another address of this machine: another attacker.
    pub fn from(source: &str, port: u16) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let source: SocketAddr = format!("{source}:0").parse().unwrap();
        socket.bind(&source.into()).unwrap();
        socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, read: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads until `end` has come, and returns everything up to and with it.
    pub fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end.as_bytes()) {
                let rest = self.read.split_off(at + end.len());
                let head = std::mem::replace(&mut self.read, rest);
                return String::from_utf8_lossy(&head).into_owned();
            }
            let mut piece = [0; 4096];
            let got = self.stream.read(&mut piece);
            match got {
                Ok(bytes) if bytes > 0 => self.read.extend_from_slice(&piece[..bytes]),
                other => panic!("{other:?} instead of {end:?} after {:?}", String::from_utf8_lossy(&self.read)),
            }
        }
    }

    pub fn ask(&mut self, line: &str, end: &str) -> String {
        self.send(format!("{line}\r\n"));
        self.until(end)
    }

    /// Everything up to the end of the connection; a reset is an end.
    pub fn rest(mut self) -> Vec<u8> {
        let mut piece = [0; 4096];
        while let Ok(bytes @ 1..) = self.stream.read(&mut piece) {
            self.read.extend_from_slice(&piece[..bytes]);
        }
        self.read
    }

    /// The first bytes that come, or nothing at the end of the connection.
    pub fn rest_or_banner(mut self) -> Vec<u8> {
        let mut piece = [0; 512];
        let bytes = self.stream.read(&mut piece).unwrap_or(0);
        piece[..bytes].to_vec()
    }

    /// Refuses all options of a telnetd, as they are asked for, until it asks who is there.
    pub fn refuse_options(&mut self) {
        let mut seen = 0;
        while !self.read.windows(7).any(|window| window == b"login: ") {
            let mut piece = [0; 4096];
            let bytes = self.stream.read(&mut piece).unwrap();
            assert!(bytes > 0, "closed instead of a login: {:?}", String::from_utf8_lossy(&self.read));
            self.read.extend_from_slice(&piece[..bytes]);
            while let Some([0xff, verb, option]) = self.read.get(seen..seen + 3) {
                // DO is refused with WONT; to what it offers itself nothing is said.
                if *verb == 0xfd {
                    self.stream.write_all(&[0xff, 0xfc, *option]).unwrap();
                }
                seen += 3;
            }
        }
    }

    /// Refuses all options of the Telnet server, and logs in.
    pub fn telnet_login(&mut self, name: &str, password: &str) {
        self.refuse_options();
        self.until("login: ");
        self.ask(name, "Password: ");
        self.ask(password, "# ");
    }
}
