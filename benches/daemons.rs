//! What a unit of FTP, SMTP, HTTP and HTTPS costs beside the real daemons and other honeypots, in one run of one machine:
//! `cargo bench --bench daemons`.
//!
//! vsftpd, Postfix and nginx are Debian's; they are started on loopback where they are installed. `HONEYPOTS` and
//! `OPENCANARY` name Python environments with these packages. Who is not there is left out with a word. CPU time is that
//! of all processes of a server, the ended ones too ([`common::spent_by_all`]). Nothing asserts on time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark may fail loudly, start programs and dial the servers that it started"
)]

mod common;

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::daemons::{self, FILE};
use common::{PATIENCE, Server, Table, median, spent_by_all};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

/// Odd, for the median.
const ROUNDS: usize = 5;
/// Visitors at once: logins wait, and more than one visit is under way at a real server.
const CLIENTS: usize = 8;
/// `keepalive_requests` of nginx 1.18
const KEPT: usize = 100;
const MAIL: usize = 2048;

/// Somebody who is measured.
struct Contender<'a> {
    name: String,
    /// Units of one round: enough for half a second of CPU time or so.
    units: usize,
    /// Does that many units.
    work: Box<dyn Fn(usize) + Sync + 'a>,
}

fn main() {
    common::adopt();
    let mut table = Table::default();
    let sensor = Server::start("sensor", sensor, |ports| TcpStream::connect(("127.0.0.1", ports[0])).is_ok());
    ftp(&mut table, &sensor);
    smtp(&mut table, &sensor);
    http(&mut table, &sensor);
    table.print();
}

fn sensor(dir: &Path, [ftp, https, smtp, http]: [u16; 4]) -> std::process::Command {
    let telnet = common::free_ports()[0];
    let text = "x".repeat(FILE);
    let page = page();
    let more = format!(
        "[ports.https]\nenabled = true\nport = {https}\n\
         [persona]\nhostname = \"mail\"\ndomain = \"example.com\"\n\
         accounts = [{{ name = \"ubuntu\", passwords = [\"ubuntu\"] }}]\n\
         files = [{{ path = \"/srv/ftp/file.bin\", content = \"{text}\" }},\n\
         {{ path = \"/srv/ftp/incoming/\", owner = \"ftp\", mode = \"0777\" }},\n\
         {{ path = \"/home/ubuntu/file.bin\", content = \"{text}\", owner = \"ubuntu\" }},\n\
         {{ path = \"/home/ubuntu/incoming/\", owner = \"ubuntu\" }},\n\
         {{ path = \"/var/www/html/page.html\", content = '''{page}''' }}]\n\
         [ftp]\nanonymous_write = true\n[http]\nserver = \"nginx\"\napps = []\n"
    );
    common::sensor(dir, [ftp, telnet, smtp, http], &more)
}

/// A page of the size of nginx's own.
fn page() -> String {
    format!("<!DOCTYPE html>\n<html>\n<body>\n{}\n</body>\n</html>\n", "<p>hello</p>\n".repeat(43))
}

/// Measures in turns and writes the rows; the goals are for what the first contender costs, and for its ratios to others.
fn measure(table: &mut Table, unit: &str, how: &str, [own, ratio]: [&str; 2], contenders: &[Contender<'_>]) {
    let mut spent = vec![Vec::new(); contenders.len()];
    // What is made once is made.
    contenders.iter().for_each(|contender| (contender.work)(contender.units / 10 + 1));
    for round in 1..=ROUNDS {
        for (contender, spent) in contenders.iter().zip(&mut spent) {
            eprintln!("{unit}: round {round} of {ROUNDS}, {}", contender.name);
            let before = spent_by_all();
            (contender.work)(contender.units);
            // What is done after the close, such as writing events or delivering, belongs to the unit.
            thread::sleep(Duration::from_millis(700));
            spent.push((spent_by_all() - before) / contender.units as f64);
        }
    }
    let spent: Vec<f64> = spent.into_iter().map(median).collect();
    for (at, (contender, spent)) in contenders.iter().zip(&spent).enumerate() {
        let goal = if at == 0 { own } else { "-" };
        let how = format!("{how}; {} a round, median of {ROUNDS}", contender.units);
        table.row(&format!("{unit}, {}", contender.name), format!("{spent:.1} us"), goal, &how);
    }
    for (contender, other) in contenders.iter().zip(&spent).skip(1) {
        let value = format!("{:.3}", spent[0] / other);
        table.row(&format!("{unit}, sensor / {}", contender.name), value, ratio, "of the medians");
    }
}

/// Runs the units on some threads.
fn shared(units: usize, work: impl Fn() + Sync) {
    let left = AtomicU64::new(units as u64);
    let next = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while next() {
                    work();
                }
            });
        }
    });
}

/// A connection with answers in lines that begin with a number.
struct Talk(BufReader<TcpStream>);

impl Talk {
    fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// The last line of the next answer.
    fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the server hung up");
            if line.as_bytes().get(3) == Some(&b' ') && line[..3].bytes().all(|byte| byte.is_ascii_digit()) {
                return line;
            }
        }
    }

    fn ask(&mut self, line: &str, code: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        let answer = self.answer();
        assert!(answer.starts_with(code), "{line:?}: {answer}");
        answer
    }

    /// Opens a passive data connection and gives the command that uses it.
    fn data(&mut self, line: &str) -> TcpStream {
        let answer = self.ask("PASV", "227");
        let numbers = answer.split(['(', ')']).nth(1).unwrap();
        let numbers: Vec<u16> = numbers.split(',').map(|number| number.trim().parse().unwrap()).collect();
        let data = TcpStream::connect(("127.0.0.1", numbers[4] << 8 | numbers[5])).unwrap();
        self.ask(line, "1");
        data
    }

    fn end(mut self) {
        let _ = self.0.read_to_end(&mut Vec::new());
    }
}

/// Login, LIST, RETR, and STOR where there is a folder for it.
fn ftp_visit(port: u16, user: &str, folder: Option<&str>) {
    static UPLOADS: AtomicU64 = AtomicU64::new(0);
    let mut talk = Talk::to(port);
    talk.answer();
    talk.ask(&format!("USER {user}"), "331");
    talk.ask("PASS ubuntu", "230");
    talk.ask("TYPE I", "200");
    let mut bytes = Vec::new();
    talk.data("LIST").read_to_end(&mut bytes).unwrap();
    assert!(talk.answer().starts_with("226") && bytes.windows(8).any(|part| part == b"file.bin"));
    bytes.clear();
    talk.data("RETR file.bin").read_to_end(&mut bytes).unwrap();
    assert!(talk.answer().starts_with("226") && bytes.len() == FILE);
    if let Some(folder) = folder {
        // No two uploads are the same, as captures are kept once.
        let number = UPLOADS.fetch_add(1, Ordering::Relaxed);
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        let mut data = talk.data(&format!("STOR {folder}/{}.bin", number % 16));
        data.write_all(&bytes).unwrap();
        drop(data);
        assert!(talk.answer().starts_with("226"));
    }
    talk.ask("QUIT", "221");
    talk.end();
}

fn ftp(table: &mut Table, sensor: &Server) {
    let (real, peer) = (daemons::vsftpd(), daemons::honeypots("QFTPServer", 0));
    fn contender<'a>(server: &'a Server, units: usize, user: &'a str, folder: Option<&'a str>) -> Contender<'a> {
        let work = move |units: usize| shared(units, || ftp_visit(server.ports[0], user, folder));
        Contender { name: server.name.into(), units, work: Box::new(work) }
    }
    let goals = ["-", "<= 0.25"];
    let unit = "FTP login + LIST + RETR + STOR";
    let mut all = vec![contender(sensor, 1000, "ftp", Some("incoming"))];
    all.extend(real.as_ref().map(|server| contender(server, 200, "ftp", Some("incoming"))));
    measure(table, unit, "anonymous, 4 KiB both ways", goals, &all);
    let all = [contender(sensor, 600, "ubuntu", Some("incoming"))];
    measure(table, unit, "a user with password, 4 KiB both ways", goals, &all);
    let mut all = vec![contender(sensor, 600, "ubuntu", None)];
    all.extend(peer.as_ref().map(|server| contender(server, 200, "ubuntu", None)));
    measure(table, "FTP login + LIST + RETR", "a user with password, 4 KiB", goals, &all);
}

/// One mail on a connection of its own.
fn mail(port: u16) {
    thread_local!(static BODY: RefCell<Vec<u8>> = RefCell::new(letter()));
    static MAILS: AtomicU64 = AtomicU64::new(0);
    let number = MAILS.fetch_add(1, Ordering::Relaxed);
    let mut talk = Talk::to(port);
    talk.answer();
    talk.ask("EHLO client.example.org", "250");
    talk.ask("MAIL FROM:<a@example.org>", "250");
    talk.ask("RCPT TO:<ubuntu@mail.example.com>", "250");
    talk.ask("DATA", "354");
    BODY.with_borrow_mut(|body| {
        let at = body.len() - 25;
        body[at..at + 20].copy_from_slice(format!("{number:020}").as_bytes());
        talk.send(body);
    });
    let answer = talk.answer();
    assert!(answer.starts_with("250"), "{answer}");
    talk.ask("QUIT", "221");
    talk.end();
}

/// 2 KiB, with the dot at its end.
fn letter() -> Vec<u8> {
    let mut letter = b"From: a@example.org\r\nTo: ubuntu@mail.example.com\r\nSubject: an offer\r\n\r\n".to_vec();
    while letter.len() < MAIL - 30 {
        letter.extend_from_slice(b"The quick brown fox jumps over the lazy dog.\r\n");
    }
    letter.extend_from_slice(format!("{:020}\r\n.\r\n", 0).as_bytes());
    letter
}

fn smtp(table: &mut Table, sensor: &Server) {
    let real = daemons::postfix();
    let mut all = vec![(sensor, 3000)];
    all.extend(real.as_ref().map(|server| (server, 400)));
    let contender = |(server, units): (&'static str, usize), port: u16| Contender {
        name: server.into(),
        units,
        work: Box::new(move |units| shared(units, || mail(port))),
    };
    let all: Vec<Contender<'_>> =
        all.into_iter().map(|(server, units)| contender((server.name, units), server.ports[2])).collect();
    let how = "2 KiB from the greeting to QUIT, to a user; written to disk, by Postfix synced and delivered too";
    measure(table, "SMTP mail", how, ["<= 150 us", "-"], &all);
    eprintln!("`honeypots` has an SMTP server that takes no recipients, Cowrie and OpenCanary have none");
}

/// Requests on connections that last for a hundred.
fn requests(port: u16, path: &str, units: usize) {
    for first in (0..units).step_by(KEPT) {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
        stream.get_ref().set_nodelay(true).unwrap();
        for _ in first..units.min(first + KEPT) {
            get(&mut stream, path).unwrap();
        }
    }
}

/// Asks and reads the whole answer.
fn get<S: Read + Write>(stream: &mut BufReader<S>, path: &str) -> io::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes())?;
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().map_err(io::Error::other)?;
            }
        } else if line.trim_end().is_empty() {
            break;
        }
    }
    assert!(length > 0, "no page");
    io::copy(&mut stream.take(length), &mut io::sink())?;
    Ok(())
}

fn http(table: &mut Table, sensor: &Server) {
    // The same certificate for both.
    let real = daemons::nginx(page().as_bytes(), &sensor.dir.path().join("state/snakeoil.pem"));
    let peers = [daemons::honeypots("QHTTPServer", 3), daemons::opencanary()];
    let contender = |server: &Server, path: &'static str, units| {
        let port = server.ports[3];
        Contender { name: server.name.into(), units, work: Box::new(move |units| requests(port, path, units)) }
    };
    let mut all = vec![contender(sensor, "/page.html", 30_000)];
    all.extend(real.as_ref().map(|server| contender(server, "/", 30_000)));
    all.extend(peers.iter().flatten().map(|server| contender(server, "/index.html", 3_000)));
    measure(
        table,
        "HTTP GET",
        "kept connections of 100 requests, 612 bytes; peers: their own page",
        ["<= 24 us", "-"],
        &all,
    );

    let trust = Arc::new(trusting());
    let handshake = |port: u16, path: &str| {
        let name = ServerName::try_from("mail.example.com").unwrap();
        let connection = ClientConnection::new(Arc::clone(&trust), name).unwrap();
        let stream = StreamOwned::new(connection, TcpStream::connect(("127.0.0.1", port)).unwrap());
        get(&mut BufReader::new(stream), path).unwrap();
    };
    let handshake = &handshake;
    let mut all = Vec::new();
    for (server, path) in [(Some(sensor), "/page.html"), (real.as_ref(), "/")] {
        let Some(server) = server else { continue };
        let port = server.ports[1];
        let work = Box::new(move |units| shared(units, || handshake(port, path)));
        all.push(Contender { name: server.name.into(), units: 300, work });
    }
    measure(table, "HTTPS handshake + GET", "TLS 1.3, RSA 2048, no resumption", ["-", "-"], &all);
}

fn trusting() -> ClientConfig {
    let mut config =
        ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

/// A client that looks at no certificate: it costs the server nothing.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PSS_SHA384, SignatureScheme::RSA_PKCS1_SHA256]
    }
}
