//! What a visit costs, in one run of one machine: `cargo bench --bench visits`.
//!
//! Everything that depends on the machine is a ratio to something measured in the same run: to a bare tokio banner
//! server (this program again, as `--bare PORT`), or to one start of `/bin/true`. CPU time is the sum of the first
//! field of `/proc/PID/task/*/schedstat`, or the ticks of `/proc/PID/stat` where threads ended in between.
//! Nothing asserts on time; the table says what was measured, what the goal is and how it was taken.
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

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use common::{Cpu, PATIENCE, Server, Table, median, resident};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, SockRef, Socket, Type};

const BANNER: &[u8] = b"220 (vsFTPd 3.0.3)\r\n";
/// How long one load may take, all threads together.
const LOAD_TIME: Duration = Duration::from_secs(60);

const VISITS: usize = 20_000;
const CLIENTS: usize = 32;
/// Odd, for the median; single rounds scatter with what else the machine does.
const ROUNDS: usize = 9;
const SILENT: usize = 8_000;
const CROWD: usize = 500;
const STARTS: usize = 10;
const FLOOD_BYTES: usize = 1 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--bare") {
        bare(arguments[at + 1].parse().unwrap());
        return;
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    assert!(hard >= 10_000, "10,000 descriptors are needed, the hard limit is {hard}");

    let mut table = Table::default();
    visits(&mut table);
    silence(&mut table);
    crowd(&mut table);
    starts(&mut table);
    table.print();
}

/// Accept, banner, close: CPU time of the bare server and of the sensor, in turns.
fn visits(table: &mut Table) {
    let (bare, sensor) = (bare_server(), sensor());
    let mut spent: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let mut failed = 0;
    for server in [&bare, &sensor] {
        load(server.ports[0], VISITS / 10);
    }
    for round in 1..=ROUNDS {
        for (server, spent) in [&bare, &sensor].into_iter().zip(&mut spent) {
            eprintln!("visits: round {round} of {ROUNDS}, {}", server.name);
            let before = Cpu::of(server.child.id());
            let done = load(server.ports[0], VISITS);
            // What is done after the close, such as writing events, belongs to the visit.
            thread::sleep(Duration::from_millis(200));
            spent.push(Cpu::of(server.child.id()).since(&before) / done as f64);
            failed += VISITS - done;
        }
    }
    let rounds: Vec<String> =
        spent[0].iter().zip(&spent[1]).map(|(bare, sensor)| format!("{:.2}", sensor / bare)).collect();
    let [bare, sensor] = spent.map(median);
    let how = format!("{VISITS} visits from {CLIENTS} threads, median of {ROUNDS} rounds, {failed} visits failed");
    table.row("bare server, CPU per visit", format!("{bare:.1} us"), "-", &how);
    table.row("sensor, CPU per visit", format!("{sensor:.1} us"), "-", "FTP port, events written to files");
    table.row(
        "ratio of the two",
        format!("{:.2}", sensor / bare),
        "<= 1.2",
        &format!("of the medians; by round {}", rounds.join(", ")),
    );
}

/// Memory of silent visitors, and a flood while they are in.
fn silence(table: &mut Table) {
    let mut each = Vec::new();
    for (server, what) in [(bare_server(), "bare server"), (sensor(), "sensor")] {
        eprintln!("silent visitors: {}", server.name);
        load(server.ports[0], 64);
        thread::sleep(Duration::from_millis(300));
        let before = resident(server.child.id());
        let held = hold(server.ports[0]);
        thread::sleep(Duration::from_millis(500));
        let with = resident(server.child.id());
        let per_visitor = (with as f64 - before as f64) / held.len() as f64;
        each.push(per_visitor);
        let how = format!("{} held, VmRSS {before} KiB before, {with} KiB with them", held.len());
        table.row(&format!("{what}, memory per silent visitor"), format!("{per_visitor:.2} KiB"), "-", &how);
        if what == "sensor" {
            let [bare, sensor] = each[..] else { unreachable!("two servers") };
            table.row("sensor over bare server", format!("{:.2} KiB", sensor - bare), "<= 2 KiB", "difference");
            flood(table, &server, held.len());
        }
        held.into_iter().for_each(abort);
        thread::sleep(Duration::from_secs(1));
        let after = resident(server.child.id());
        table.row(&format!("{what}, VmRSS after they left"), format!("{after} KiB"), "-", "1 s later");
    }
}

/// Many visitors at once who send without a line end.
fn flood(table: &mut Table, server: &Server, silent: usize) {
    eprintln!("flood: {CROWD} visitors, {FLOOD_BYTES} bytes each");
    let (port, pid) = (server.ports[0], server.child.id());
    let before = resident(pid);
    let over = Arc::new(AtomicBool::new(false));
    let sampler = {
        let over = Arc::clone(&over);
        thread::spawn(move || {
            let (mut peak, started) = (0, Instant::now());
            while !over.load(Ordering::Relaxed) && started.elapsed() < LOAD_TIME {
                peak = peak.max(resident(pid));
                thread::sleep(Duration::from_millis(5));
            }
            peak
        })
    };
    let visitor = {
        let over = Arc::clone(&over);
        thread::spawn(move || {
            let (mut waits, started) = (Vec::new(), Instant::now());
            while !over.load(Ordering::Relaxed) && started.elapsed() < LOAD_TIME {
                let came = Instant::now();
                if let Ok(stream) = greeted(port) {
                    waits.push(came.elapsed().as_secs_f64() * 1e3);
                    abort(stream);
                }
                thread::sleep(Duration::from_millis(20));
            }
            waits
        })
    };
    let started = Instant::now();
    let whole = Arc::new(AtomicUsize::new(0));
    let sent = Arc::clone(&whole);
    let ended = together(CROWD, move || {
        let Ok(mut stream) = greeted(port) else { return false };
        if stream.write_all(&vec![b'A'; FLOOD_BYTES]).is_ok() && stream.shutdown(Shutdown::Write).is_ok() {
            sent.fetch_add(1, Ordering::Relaxed);
        }
        // They end the visit, also with a reset when they have read enough; only silence is a failure.
        let end = stream.read_to_end(&mut Vec::new());
        !end.is_err_and(|error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    });
    let took = started.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    let (peak, waits) = (sampler.join().unwrap(), visitor.join().unwrap());
    let whole = whole.load(Ordering::Relaxed);
    let how = format!(
        "1 MiB without LF from {CROWD} at once beside {silent} silent ones: {ended} ended by the sensor, {whole} of \
         them after all was sent, in {took:.1} s"
    );
    table.row("flood, peak VmRSS", format!("{peak} KiB"), "-", &format!("{how}; {before} KiB before"));
    let (worst, count) = (waits.iter().copied().fold(0.0, f64::max), waits.len());
    let value = format!("{:.1} ms, worst {worst:.1} ms", median(waits));
    table.row("flood, new visitor's wait for the banner", value, "-", &format!("{count} visitors, one after another"));
}

/// Connects in the same moment.
fn crowd(table: &mut Table) {
    eprintln!("crowd: {CROWD} at once");
    let server = sensor();
    let port = server.ports[0];
    let greeted = together(CROWD, move || greeted(port).map(abort).is_ok());
    table.row("connects at once that got the banner", greeted.to_string(), "500", "a thread each, behind one barrier");
}

/// From the start of the process to the first byte of a banner.
fn starts(table: &mut Table) {
    let (mut times, mut rest) = (Vec::new(), 0);
    for round in 1..=STARTS {
        eprintln!("start: {round} of {STARTS}");
        let server = sensor();
        times.push(server.ready_after.as_secs_f64() * 1e3);
        thread::sleep(Duration::from_millis(200));
        rest = rest.max(resident(server.child.id()));
    }
    let worst = times.iter().copied().fold(0.0, f64::max);
    let value = format!("{:.1} ms, worst {worst:.1} ms", median(times));
    let how = format!("{STARTS} starts in fresh folders, four protocols, connecting every 0.2 ms");
    table.row("start to first banner byte", value, "<= 50 ms", &how);
    table.row("VmRSS at rest", format!("{:.1} MiB", rest as f64 / 1024.0), "<= 10 MiB", "largest, 0.2 s after that");
}

/// Connects, takes the banner, and closes with a reset, so that no port is left waiting. How many worked.
fn load(port: u16, visits: usize) -> usize {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < visits && started.elapsed() < LOAD_TIME {
                    if greeted(port).map(abort).is_ok() {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    done.into_inner()
}

/// Visitors who have the banner and say nothing.
fn hold(port: u16) -> Vec<TcpStream> {
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            thread::spawn(move || {
                let each = (0..SILENT / CLIENTS).take_while(|_| started.elapsed() < LOAD_TIME);
                each.filter_map(|_| greeted(port).ok()).collect::<Vec<_>>()
            })
        })
        .collect();
    clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
}

/// Does the same in many threads in the same moment; how often it worked.
fn together(count: usize, what: impl Fn() -> bool + Send + Sync + 'static) -> usize {
    let (what, barrier) = (Arc::new(what), Arc::new(Barrier::new(count)));
    let threads: Vec<_> = (0..count)
        .map(|_| {
            let (what, barrier) = (Arc::clone(&what), Arc::clone(&barrier));
            let work = move || {
                barrier.wait();
                what()
            };
            thread::Builder::new().stack_size(128 << 10).spawn(work).unwrap()
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).filter(|worked| *worked).count()
}

/// A connection whose banner was read.
fn greeted(port: u16) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut banner = [0; BANNER.len()];
    stream.read_exact(&mut banner)?;
    if banner == BANNER { Ok(stream) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn abort(stream: TcpStream) {
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

fn bare_server() -> Server {
    let command = |_: &std::path::Path, [port, ..]: [u16; 4]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        // It ends with us, however we end: its standard input does.
        command.args(["--bare", &port.to_string()]).stdin(Stdio::piped());
        command
    };
    Server::start("bare server", command, |ports| greeted(ports[0]).map(abort).is_ok())
}

fn sensor() -> Server {
    Server::start("sensor", |dir, ports| common::sensor(dir, ports, ""), |ports| greeted(ports[0]).map(abort).is_ok())
}

/// The least that a tokio server with a banner can do.
fn bare(port: u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
    socket.listen(4096).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(socket.into()).unwrap();
        // As in the sensor: the loop is a task of the workers, not of the thread that waits here.
        let _ = tokio::spawn(async move {
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(bare_visit(stream));
                }
            }
        })
        .await;
    });
}

async fn bare_visit(mut stream: tokio::net::TcpStream) {
    use tokio::io::AsyncWriteExt;
    if stream.write_all(BANNER).await.is_err() {
        return;
    }
    while stream.readable().await.is_ok() {
        // The buffer is not kept over an await: it costs a silent visitor nothing.
        match stream.try_read(&mut [0; 4096]) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}
