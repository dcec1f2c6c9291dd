//! Whether a model behind the host can be seen from how long answers take: instant things with the model off, answering,
//! and hanging, while it is being asked by others. A rank test says whether two of the distributions differ. And what a
//! call costs us beside the same call by an HTTP client alone.
//!
//! `cargo bench --bench model`
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

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, Server, Table, median, sensor};
use rustbucket::chatgpt::{ChatGPT, Config, Request};
use rustbucket::handler::{ChatService as _, History};
use serde_json::{Value, json};

/// Rounds; in each every class is asked once of each server, one after the other.
const ROUNDS: usize = 400;

/// How the model behaves: off, or what its server does with a question.
#[derive(Clone, Copy, PartialEq)]
enum Model {
    Off,
    /// At once: for what the client takes.
    Instant,
    /// After half a second.
    Answers,
    Hangs,
}

/// A model's server.
fn model(kind: Model) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer(stream, kind));
        }
    });
    port
}

fn answer(mut stream: TcpStream, kind: Model) {
    let mut bytes = [0; 16 << 10];
    let _ = stream.read(&mut bytes);
    if kind == Model::Hangs {
        thread::sleep(Duration::from_secs(600));
        return;
    }
    if kind == Model::Answers {
        thread::sleep(Duration::from_millis(500));
    }
    let delta = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"sda"}}]}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(format!("{head}data: {delta}\n\ndata: [DONE]\n\n").as_bytes());
}

fn start(name: &'static str, kind: Model) -> Server {
    let more = match kind {
        Model::Off => String::new(),
        _ => format!(
            "[openai]\nbase_url = \"http://127.0.0.1:{}/v1\"\ntimeout_ms = 4000\ncalls_per_visit = 100000\n\
             [budget]\nvisit_tokens = 0\nsource_day_tokens = 0\nnetwork_day_tokens = 0\nhour_tokens = 0\nday_tokens = 0\n",
            model(kind)
        ),
    };
    let up = |ports: [u16; 4]| TcpStream::connect(("127.0.0.1", ports[1])).is_ok();
    Server::start(name, |dir, ports| sensor(dir, ports, &more), up)
}

/// A visitor who is let in, and asks line by line.
struct Talk(TcpStream);

impl Talk {
    fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// After the first line of who speaks first.
    fn greeted(port: u16) -> Self {
        let mut talk = Self::to(port);
        talk.until(b"\n");
        talk
    }

    fn until(&mut self, end: &[u8]) {
        let (mut read, mut piece) = (Vec::new(), [0; 4096]);
        while !read.windows(end.len()).any(|window| window == end) {
            let bytes = self.0.read(&mut piece).unwrap();
            assert!(bytes > 0, "closed after {:?}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&piece[..bytes]);
        }
    }

    fn ask(&mut self, line: &str, end: &[u8]) -> Duration {
        let begun = Instant::now();
        self.0.write_all(line.as_bytes()).unwrap();
        self.until(end);
        begun.elapsed()
    }

    fn shell(port: u16) -> Self {
        let mut talk = Self::to(port);
        talk.0.write_all(b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27").unwrap();
        // DO NAWS is among the last things that netkit asks before it shows its prompt.
        talk.until(b"\xff\xfd\x21");
        talk.0.write_all(b"\xff\xfc\x01\xff\xfc\x1f\xff\xfc\x21").unwrap();
        talk.until(b"login: ");
        talk.ask("root\r\n", b"Password: ");
        talk.ask("toor\r\n", b"# ");
        talk.ask("PS1='@@@ '\r\n", b"\n@@@ ");
        talk
    }
}

/// Instant classes: name, protocol (index of its port), line, end of the answer.
const CLASSES: &[(&str, usize, &str, &[u8])] = &[
    ("built-in", 1, "cd /tmp\r\n", b"\n@@@ "),
    ("program", 1, "id\r\n", b"\n@@@ "),
    ("not found", 1, "nosuchprogram\r\n", b"\n@@@ "),
    ("not mine, fast", 1, "localectl\r\n", b"\n@@@ "),
    ("FTP NOOP", 0, "NOOP\r\n", b"\n"),
    ("SMTP EHLO", 2, "EHLO x\r\n", b"CHUNKING\r\n"),
];

/// How likely two samples are of one distribution, by Mann and Whitney's U with its normal approximation, two-sided.
fn rank_test(one: &[f64], other: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = one.iter().map(|x| (*x, true)).chain(other.iter().map(|x| (*x, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranks: f64 = all.iter().enumerate().filter(|(_, (_, first))| *first).map(|(at, _)| at as f64 + 1.0).sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    let u = ranks - n * (n + 1.0) / 2.0;
    let z = (u - n * m / 2.0).abs() / (n * m * (n + m + 1.0) / 12.0).sqrt();
    // Abramowitz and Stegun 7.1.26 for the tail of the normal distribution.
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    series * (-x * x).exp()
}

fn main() {
    latency();
    calls();
}

/// CPU time of this thread per call: ours, with deadlines, breaker and count, and a request that is written and read by
/// hand over the same HTTP client.
fn calls() {
    const CALLS: usize = 300;
    let url = format!("http://127.0.0.1:{}/v1", model(Model::Instant));
    let config = Config { base_url: url.clone(), ..Config::default() };
    let ours = ChatGPT::new(&config, &[]).unwrap().conversation(Request::default(), History::default(), |_| {});
    let plain = reqwest::Client::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let spent = || common::first_number(&std::fs::read_to_string("/proc/thread-self/schedstat").unwrap()).unwrap();
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        let before = spent();
        (0..CALLS).for_each(|_| assert_eq!(runtime.block_on(ours.send_message("lsblk")).unwrap(), "sda"));
        let between = spent();
        (0..CALLS).for_each(|_| assert_eq!(runtime.block_on(by_hand(&plain, &url)), "sda"));
        rounds[0].push((between - before) as f64 / 1e3 / CALLS as f64);
        rounds[1].push((spent() - between) as f64 / 1e3 / CALLS as f64);
    }
    let mut table = Table::default();
    let [ours, plain] = rounds.map(median);
    let how = format!("CPU time of the client, {CALLS} calls a round on connections of their own, median of 5");
    table.row("a call by genai, in our client", format!("{ours:.0} us"), "-", &how);
    table.row("a call by reqwest and serde_json", format!("{plain:.0} us"), "-", &how);
    table.row("ratio of the two", format!("{:.2}", ours / plain), "-", "of the medians");
    table.print();
}

/// The same question without our client.
async fn by_hand(client: &reqwest::Client, url: &str) -> String {
    let body = json!({ "model": "gpt-4o-mini", "max_tokens": 512, "stream": true,
        "messages": [{ "role": "user", "content": "lsblk" }] });
    let mut response = client.post(format!("{url}/chat/completions")).json(&body).send().await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.unwrap() {
        bytes.extend_from_slice(&piece);
    }
    let text = String::from_utf8(bytes).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let delta = |data: &str| {
        let value: Value = serde_json::from_str(data).unwrap();
        value["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_string()
    };
    data.map(delta).collect()
}

fn latency() {
    let servers = [start("off", Model::Off), start("answers", Model::Answers), start("hangs", Model::Hangs)];
    // Somebody keeps each model busy meanwhile.
    for server in &servers {
        let port = server.ports[1];
        thread::spawn(move || {
            let mut talk = Talk::shell(port);
            for number in 0..100_000 {
                if talk.0.write_all(format!("gpg -k {number}\r\n").as_bytes()).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(200));
            }
        });
    }
    let mut talks: Vec<[Talk; 3]> = servers
        .iter()
        .map(|server| [Talk::greeted(server.ports[0]), Talk::shell(server.ports[1]), Talk::greeted(server.ports[2])])
        .collect();
    let mut times = vec![vec![Vec::new(); servers.len()]; CLASSES.len()];
    for round in 0..ROUNDS {
        for (class, (_, protocol, line, end)) in CLASSES.iter().enumerate() {
            for at in 0..servers.len() {
                let server = (at + round) % servers.len();
                let took = talks[server][*protocol].ask(line, end);
                times[class][server].push(took.as_secs_f64() * 1e6);
            }
        }
        if round % 50 == 0 {
            eprint!("\r{round} of {ROUNDS} rounds");
            // Postfix answers more slowly to who says EHLO for the hundredth time (`smtpd_junk_command_limit`).
            for (talks, server) in talks.iter_mut().zip(&servers) {
                talks[2] = Talk::greeted(server.ports[2]);
            }
        }
    }
    eprintln!("\r{:24}", "");
    println!(
        "{:16} {:>22} {:>22} {:>22}   p, off and answers / off and hangs",
        "median, p95 in us", "off", "answers", "hangs"
    );
    for ((name, ..), times) in CLASSES.iter().zip(&times) {
        let shown = times.iter().map(|times| {
            let mut sorted = times.clone();
            sorted.sort_by(f64::total_cmp);
            format!("{:>12.0} {:>9.0}", sorted[sorted.len() / 2], sorted[sorted.len() * 95 / 100])
        });
        let shown: Vec<String> = shown.collect();
        println!(
            "{name:16} {}   {:.3} / {:.3}",
            shown.join(" "),
            rank_test(&times[0], &times[1]),
            rank_test(&times[0], &times[2])
        );
    }
}
