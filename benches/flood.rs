//! What a normal visitor waits, and what memory it takes, while a thousand hostile connections work: `cargo bench --bench
//! flood`.
//!
//! Normal visitors, each from another address, come one after another for [`TIME`] on each protocol, first alone, then
//! beside the crowd of [`SOURCES`]; what counts is the ratio of their 99th percentiles. The crowd is on the same machine and takes its share of the processor, so the
//! ratio is worse than from outside. Nothing asserts on time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark may fail loudly, start programs and dial the sensor that it started"
)]

mod common;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::telnet::Visitor;
use common::{Cpu, PATIENCE, Server, Table, median, resident};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream as Stream};
use tokio::time::{sleep, timeout};

/// How long normal visitors come, each time.
const TIME: Duration = Duration::from_secs(20);
const HOSTILE: usize = 1000;
/// Addresses that they come from.
const SOURCES: usize = 250;
/// Commands that are sent at once.
const PIPELINED: usize = 10_000;
/// Between two pieces, or two connections, of one hostile visitor.
const PAUSE: Duration = Duration::from_millis(250);
/// Threads of normal visitors for each protocol.
const NORMAL: usize = 2;

#[derive(Clone)]
enum Act {
    /// These bytes, a byte in each pause.
    Slow(&'static [u8]),
    /// Pieces without a line end.
    Endless,
    /// This line many times, at once; the answers are read.
    Pipeline(&'static str),
    /// This, then the end of what we say; the rest is read.
    Half(Vec<u8>),
    /// An upload on a data connection that says nothing.
    SilentData,
    /// Bytes of that seed, again and again on new connections.
    Noise(u64),
}

fn main() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let config = "[persona]\naccounts = [{ name = \"root\", passwords = [\"rootpass\"] }]\n\
                  files = [{ path = \"/srv/ftp/incoming/\", owner = \"ftp\", mode = \"0777\" }]\n\
                  [ftp]\nanonymous_write = true\n[http]\napps = []\n";
    let start = |dir: &std::path::Path, ports| common::sensor(dir, ports, config);
    let server = Server::start("sensor", start, |ports| Visitor::connect(ports[1]).is_some());
    let (ports, pid) = (server.ports, server.child.id());
    let mut table = Table::default();

    normal(ports, Duration::from_secs(2));
    let before = resident(pid);
    eprintln!("quiet");
    let (quiet, busy) = watched(pid, || normal(ports, TIME));
    let before = before.max(busy.peak);
    let hostile = Hostile::start(ports);
    eprintln!("flood");
    thread::sleep(Duration::from_secs(3));
    let (flooded, busy) = watched(pid, || normal(ports, TIME));
    let (done, held) = hostile.end();
    thread::sleep(Duration::from_secs(5));
    let after = resident(pid);

    let names = ["FTP login + PWD", "Telnet login + id", "SMTP mail", "HTTP GET"];
    for (name, (quiet, flooded)) in names.iter().zip(quiet.iter().zip(&flooded)) {
        let how = |times: &[f64]| format!("{} visits, median {:.1} ms", times.len(), median(times.to_vec()));
        let (calm, crowded) = (percentile(quiet), percentile(flooded));
        table.row(&format!("{name}, p99 quiet"), format!("{calm:.1} ms"), "-", &how(quiet));
        table.row(&format!("{name}, p99 beside {HOSTILE}"), format!("{crowded:.1} ms"), "-", &how(flooded));
        table.row(&format!("{name}, ratio"), format!("{:.2}", crowded / calm), "-", "of the two");
    }
    let what =
        format!("{held} hostile connections at once at the end, {done} begun; the sensor took {:.2} cores", busy.cores);
    table.row("VmRSS before", format!("{before} KiB"), "-", "the most with normal visitors alone");
    table.row("VmRSS, peak", format!("{} KiB", busy.peak), "-", &what);
    table.row("VmRSS after", format!("{after} KiB"), "-", "5 s after the last hostile one left");
    table.print();
}

fn percentile(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[(times.len() * 99 / 100).min(times.len() - 1)]
}

/// What the sensor took meanwhile.
struct Busy {
    peak: u64,
    cores: f64,
}

fn watched<T>(pid: u32, work: impl FnOnce() -> T) -> (T, Busy) {
    let over = AtomicBool::new(false);
    let (started, cpu) = (Instant::now(), Cpu::of(pid));
    thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut peak = 0;
            while !over.load(Ordering::Relaxed) {
                peak = peak.max(resident(pid));
                thread::sleep(Duration::from_millis(10));
            }
            peak
        });
        let made = work();
        over.store(true, Ordering::Relaxed);
        let cores = Cpu::of(pid).since(&cpu) / started.elapsed().as_micros() as f64;
        (made, Busy { peak: sampler.join().unwrap(), cores })
    })
}

/// Milliseconds of each visit of each protocol.
fn normal(ports: [u16; 4], time: Duration) -> [Vec<f64>; 4] {
    let visits: [fn(u16); 4] = [ftp, telnet, smtp, http];
    thread::scope(|scope| {
        let threads: [Vec<_>; 4] = std::array::from_fn(|at| {
            let (visit, port) = (visits[at], ports[at]);
            let one = move || {
                let (started, mut times) = (Instant::now(), Vec::new());
                while started.elapsed() < time {
                    let came = Instant::now();
                    // Who is turned away has waited as well.
                    let _ = std::panic::catch_unwind(|| visit(port));
                    times.push(came.elapsed().as_secs_f64() * 1e3);
                    thread::sleep(Duration::from_millis(10));
                }
                times
            };
            (0..NORMAL).map(|_| scope.spawn(one)).collect()
        });
        threads.map(|threads| threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect())
    })
}

/// A connection of somebody who was not there before.
fn arrive(port: u16) -> TcpStream {
    static VISITORS: AtomicU32 = AtomicU32::new(0);
    let number = VISITORS.fetch_add(1, Ordering::Relaxed);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 2, (number / 250 % 250) as u8, (number % 250) as u8 + 1], 0)).into()).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn telnet(port: u16) {
    let mut visitor = Visitor::on(arrive(port)).unwrap();
    visitor.log_in();
    visitor.say("id");
    visitor.until("# ");
    visitor.say("exit");
    visitor.rest();
}

/// Says lines; each answer is awaited.
fn lines(port: u16, lines: &[&str]) {
    let mut stream = BufReader::new(arrive(port));
    let mut line = String::new();
    for said in [None].into_iter().chain(lines.iter().map(Some)) {
        if let Some(said) = said {
            stream.get_mut().write_all(format!("{said}\r\n").as_bytes()).unwrap();
        }
        line.clear();
        while line.as_bytes().get(3) != Some(&b' ') {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0, "hung up after {said:?}");
        }
        assert!(matches!(line.as_bytes()[0], b'2' | b'3'), "{said:?}: {line}");
    }
}

fn ftp(port: u16) {
    lines(port, &["USER anonymous", "PASS x", "PWD", "QUIT"]);
}

fn smtp(port: u16) {
    let mail = "Subject: x\r\n\r\nhello\r\n.";
    lines(port, &["EHLO a.example.org", "MAIL FROM:<a@example.org>", "RCPT TO:<root@localhost>", "DATA", mail, "QUIT"]);
}

fn http(port: u16) {
    let mut stream = arrive(port);
    stream.write_all(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
    let mut page = Vec::new();
    stream.read_to_end(&mut page).unwrap();
    assert!(page.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&page));
}

/// The crowd, on a runtime of its own.
struct Hostile {
    runtime: tokio::runtime::Runtime,
    begun: Arc<AtomicU64>,
    held: Arc<AtomicU64>,
}

impl Hostile {
    fn start(ports: [u16; 4]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (begun, held) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        for number in 0..HOSTILE {
            let (port, act) = act(number, ports);
            let (begun, held) = (Arc::clone(&begun), Arc::clone(&held));
            runtime.spawn(async move {
                sleep(Duration::from_millis(number as u64)).await;
                loop {
                    if let Ok(stream) = dial(number, port).await {
                        begun.fetch_add(1, Ordering::Relaxed);
                        held.fetch_add(1, Ordering::Relaxed);
                        let _ = perform(number, stream, act.clone()).await;
                        held.fetch_sub(1, Ordering::Relaxed);
                    }
                    sleep(PAUSE).await;
                }
            });
        }
        Self { runtime, begun, held }
    }

    /// Connections begun, and how many there were at the end.
    fn end(self) -> (u64, u64) {
        let (begun, held) = (self.begun.load(Ordering::Relaxed), self.held.load(Ordering::Relaxed));
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        (begun, held)
    }
}

/// What the hostile visitor of that number does, and where.
fn act(number: usize, [ftp, telnet, smtp, http]: [u16; 4]) -> (u16, Act) {
    const TLS: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half a hello";
    let any = [ftp, telnet, smtp, http][number / 7 % 4];
    match number % 7 {
        0 => match any {
            port if port == http => {
                (port, Act::Slow(b"GET / HTTP/1.1\r\nHost: a\r\nX-Header: something that goes on and on\r\n"))
            }
            port => (port, Act::Slow(b"NOOP and then a rather long argument that takes its time to come\r\n")),
        },
        1 => (any, Act::Endless),
        2 => match any {
            port if port == http => (port, Act::Pipeline("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")),
            port if port == telnet => (port, Act::Pipeline("root\r\n")),
            port => (port, Act::Pipeline("NOOP\r\n")),
        },
        3 => (any, Act::Half(b"GET / HTTP/1.1\r\nHost:".to_vec())),
        4 => (ftp, Act::SilentData),
        5 => (any, Act::Half(TLS.to_vec())),
        _ => (any, Act::Noise(number as u64)),
    }
}

/// A connection from one of the [`SOURCES`] addresses.
async fn dial(number: usize, port: u16) -> io::Result<Stream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 1, (number % SOURCES) as u8 + 1], 0).into())?;
    socket.connect(([127, 0, 0, 1], port).into()).await
}

async fn perform(number: usize, mut stream: Stream, act: Act) -> io::Result<()> {
    match act {
        Act::Slow(bytes) => {
            for byte in bytes {
                stream.write_all(&[*byte]).await?;
                sleep(PAUSE).await;
            }
        }
        Act::Endless => loop {
            stream.write_all(&[b'A'; 16 << 10]).await?;
            sleep(PAUSE).await;
        },
        Act::Pipeline(line) => {
            let all = line.repeat(PIPELINED);
            let (mut reading, mut writing) = stream.split();
            let send = async {
                let _ = writing.write_all(all.as_bytes()).await;
                writing.shutdown().await
            };
            let mut nowhere = tokio::io::sink();
            let _ = tokio::join!(send, timeout(PATIENCE, tokio::io::copy(&mut reading, &mut nowhere)));
        }
        Act::Half(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            drain(&mut stream, PATIENCE).await;
        }
        Act::SilentData => {
            stream.write_all(b"USER ftp\r\nPASS x\r\nCWD incoming\r\nPASV\r\n").await?;
            let mut said = Vec::new();
            while !said.ends_with(b").\r\n") {
                if stream.read_buf(&mut said).await? == 0 {
                    return Ok(());
                }
            }
            let said = String::from_utf8_lossy(&said).into_owned();
            let numbers = said.rsplit(['(', ')']).nth(1).unwrap_or_default();
            let numbers: Vec<u16> = numbers.split(',').filter_map(|number| number.parse().ok()).collect();
            let [.., high, low] = numbers[..] else { return Ok(()) };
            let _data = dial(number, high << 8 | low).await?;
            stream.write_all(b"STOR silent\r\n").await?;
            drain(&mut stream, TIME).await;
        }
        Act::Noise(mut state) => {
            state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            };
            let bytes: Vec<u8> = (0..4096).map(|_| next()).collect();
            stream.write_all(&bytes).await?;
            drain(&mut stream, PAUSE).await;
        }
    }
    Ok(())
}

/// Reads what comes, for that long at most.
async fn drain(stream: &mut Stream, most: Duration) {
    let _ = timeout(most, tokio::io::copy(stream, &mut tokio::io::sink())).await;
}
