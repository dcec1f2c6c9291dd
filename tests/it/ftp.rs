//! FTP with real clients and hostile ones: TLS, active data connections, time-outs, strangers, full disks. One fragment of
//! configuration for each profile in `tests/config/ftp`.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use socket2::{Domain, SockRef, Socket, Type};

use crate::clients::{program, run};
use crate::sensor::{PATIENCE, Sensor, Setup, Talk};

const TLS: &str = include_str!("../config/ftp/tls.toml");
const REQUIRED: &str = include_str!("../config/ftp/required.toml");
const ANONYMOUS_WRITE: &str = include_str!("../config/ftp/anonw.toml");
const IDLE: &str = include_str!("../config/ftp/idle.toml");
const ACTIVE: &str = include_str!("../config/ftp/active.toml");

fn sensor(extra: &str) -> Sensor {
    Sensor::start(&Setup { extra, ..Setup::default() })
}

/// A control connection of a user who is in.
fn login(sensor: &Sensor) -> Talk {
    let mut talk = sensor.connect("ftp");
    talk.until("220 (vsFTPd 3.0.3)\r\n");
    talk.ask("USER ubuntu", "331 Please specify the password.\r\n");
    talk.ask("PASS ubuntu", "230 Login successful.\r\n");
    talk
}

/// Where PASV says that we are awaited.
fn passive(talk: &mut Talk) -> SocketAddr {
    let said = talk.ask("PASV", ").\r\n");
    let numbers: Vec<u16> =
        said.split(['(', ')']).nth(1).unwrap().split(',').map(|number| number.parse().unwrap()).collect();
    SocketAddr::from(([127, 0, 0, 1], numbers[4] * 256 + numbers[5]))
}

fn data(talk: &mut Talk) -> TcpStream {
    let stream = TcpStream::connect(passive(talk)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn all(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Bytes that no compression and no line ends leave as they are.
fn noise(len: u32) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn lftp_mirrors_both_ways() {
    for (extra, tls) in [("", "no"), (TLS, "yes")] {
        let sensor = sensor(extra);
        let (from, back) = (sensor.dir().join("from"), sensor.dir().join("back"));
        std::fs::create_dir_all(from.join("a/b")).unwrap();
        let files: [(&str, Vec<u8>); 3] = [("one", noise(70_000)), ("a/two", noise(9)), ("a/b/empty", Vec::new())];
        for (name, bytes) in &files {
            std::fs::write(from.join(name), bytes).unwrap();
        }
        let commands = format!(
            "set net:max-retries 1; set net:timeout 20; set ssl:verify-certificate no; set ftp:ssl-allow {tls}; \
             set ftp:ssl-force {tls}; set ftp:ssl-protect-data {tls}; set cmd:fail-exit yes; mirror -R {} kept; \
             mirror kept {}; bye",
            from.display(),
            back.display()
        );
        let port = sensor.port("ftp").to_string();
        let arguments = ["-p", &port, "-u", "ubuntu,ubuntu", "-e", &commands, "127.0.0.1"];
        let Some((text, output)) = run("lftp", &arguments) else { return };
        assert!(output.status.success(), "tls {tls}: {text}");
        for (name, bytes) in &files {
            assert_eq!(&std::fs::read(back.join(name)).unwrap(), bytes, "tls {tls}: {name}");
        }
        let hellos = sensor.events().iter().filter(|event| event["kind"] == "tls_hello").count();
        assert_eq!(hellos > 1, tls == "yes");
    }
}

#[test]
fn curl_and_wget_fetch_and_put() {
    for (extra, more) in
        [("", &["--disable-epsv"][..]), (REQUIRED, &["--ssl-reqd", "-k"]), (TLS, &["--ssl-reqd", "-k"])]
    {
        let sensor = sensor(extra);
        let (up, down) = (sensor.dir().join("up"), sensor.dir().join("down"));
        std::fs::write(&up, noise(150_000)).unwrap();
        let url = format!("ftp://ubuntu:ubuntu@127.0.0.1:{}/x.bin", sensor.port("ftp"));
        let (sent, got) = (up.display().to_string(), down.display().to_string());
        let put = [&["-sS", "--max-time", "30", "-T", &sent, &url], more].concat();
        let Some((text, output)) = run("curl", &put) else { return };
        assert!(output.status.success(), "{more:?}: {text}");
        let get = [&["-sS", "--max-time", "30", "-o", &got, &url], more].concat();
        let (text, output) = run("curl", &get).unwrap();
        assert!(output.status.success(), "{more:?}: {text}");
        assert_eq!(std::fs::read(&down).unwrap(), noise(150_000), "{more:?}");
        if extra.is_empty()
            && let Some((text, output)) = run("wget", &["-nv", "-T", "20", "-t", "1", "-O", &got, &url])
        {
            assert!(output.status.success(), "{text}");
            assert_eq!(std::fs::read(&down).unwrap(), noise(150_000));
        }
    }
}

#[test]
fn ftplib_speaks_in_clear_and_in_tls() {
    let Some(python) = program("python3") else { return };
    let (plain, secure, anonymous) = (sensor(ACTIVE), sensor(TLS), sensor(ANONYMOUS_WRITE));
    let lines = format!(
        "import ftplib, io, ssl\n\
         def talk(f):\n\
         \x20   f.storbinary('STOR x', io.BytesIO(b'one\\ntwo\\n')); print(f.size('x'), f.nlst('x'))\n\
         \x20   f.storbinary('APPE x', io.BytesIO(b'!')); out = []; f.retrlines('RETR x', out.append); print(out)\n\
         \x20   f.mkd('d'); f.rename('x', 'd/y'); f.cwd('d'); print(f.pwd(), [n for n in f.nlst()]); f.delete('y')\n\
         \x20   f.cwd('..'); f.rmd('d'); print(f.quit())\n\
         f = ftplib.FTP(timeout=30); f.connect('127.0.0.1', {}); f.login('ubuntu', 'ubuntu'); talk(f)\n\
         f = ftplib.FTP(timeout=30); f.connect('127.0.0.1', {}); f.login('ubuntu', 'ubuntu'); f.set_pasv(False); talk(f)\n\
         c = ssl._create_unverified_context()\n\
         f = ftplib.FTP_TLS(timeout=30, context=c); f.connect('127.0.0.1', {}); f.login('ubuntu', 'ubuntu'); f.prot_p(); talk(f)\n\
         f = ftplib.FTP(timeout=30); f.connect('127.0.0.1', {}); f.login()\n\
         try: f.storbinary('STOR x', io.BytesIO(b'1')); print('written')\n\
         except ftplib.error_perm as e: print(e)\n",
        plain.port("ftp"),
        plain.port("ftp"),
        secure.port("ftp"),
        anonymous.port("ftp"),
    );
    let output = Command::new(python).args(["-c", &lines]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let one = "8 ['x']\n['one', 'two', '!']\n/home/ubuntu/d ['y']\n221 Goodbye.\n";
    assert_eq!(text, format!("{one}{one}{one}553 Could not create file.\n"));
}

#[test]
fn active_data_connections_go_to_the_visitor_alone() {
    let port_of = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let command = |ip: &str, port: u16| format!("PORT {ip},{},{}", port >> 8, port & 255);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let bystander = TcpListener::bind("127.0.0.5:0").unwrap();
    bystander.set_nonblocking(true).unwrap();
    let sensor = sensor(ACTIVE);
    let mut talk = login(&sensor);
    for line in [command("127,0,0,1", port_of(&listener)), format!("EPRT |1|127.0.0.1|{}|", port_of(&listener))] {
        talk.ask(&line, "command successful.");
        talk.until("\r\n");
        talk.send("NLST /etc/hostname\r\n");
        let (stream, from) = listener.accept().unwrap();
        assert_eq!((from.ip().to_string(), all(stream)), ("127.0.0.1".into(), b"/etc/hostname\r\n".to_vec()));
        talk.until("150 Here comes the directory listing.\r\n226 Directory send OK.\r\n");
    }
    for line in [command("127,0,0,5", port_of(&bystander)), command("127,0,0,1", 22), command("8,8,8,8", 4000)] {
        talk.ask(&line, "500 Illegal PORT command.\r\n");
        talk.ask("LIST", "425 Use PORT or PASV first.\r\n");
    }
    assert!(bystander.accept().is_err());
    let closed = TcpListener::bind("127.0.0.1:0").map(|listener| port_of(&listener)).unwrap();
    talk.ask(&command("127,0,0,1", closed), "200 ");
    talk.ask("LIST", "425 Failed to establish connection.\r\n");

    // As it is shipped, nobody is dialled.
    let quiet = self::sensor("");
    listener.set_nonblocking(true).unwrap();
    let mut talk = login(&quiet);
    talk.ask(&command("127,0,0,1", port_of(&listener)), "200 ");
    talk.ask("LIST", "425 Failed to establish connection.\r\n");
    assert!(listener.accept().is_err());
}

#[test]
fn silence_ends_as_it_does_with_the_daemon() {
    let sensor = sensor(IDLE);
    let mut talk = login(&sensor);
    let _silent = data(&mut talk);
    talk.ask("STOR x", "150 Ok to send data.\r\n421 Data timeout. Reconnect. Sorry.\r\n");
    assert_eq!(talk.rest(), b"");
    let mut talk = login(&sensor);
    passive(&mut talk);
    talk.ask("LIST", "425 Failed to establish connection.\r\n");
    talk.until("421 Timeout.\r\n");
    assert_eq!(talk.rest(), b"");
    let mut talk = sensor.connect("ftp");
    talk.until("220 (vsFTPd 3.0.3)\r\n421 Timeout.\r\n");
    assert_eq!(talk.rest(), b"");
}

#[test]
fn a_data_connection_from_elsewhere_is_refused() {
    let sensor = sensor("");
    let mut talk = login(&sensor);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 9], 0)).into()).unwrap();
    socket.connect(&passive(&mut talk).into()).unwrap();
    talk.ask("LIST", "425 Security: Bad IP connecting.\r\n");
    talk.ask("LIST", "425 Use PORT or PASV first.\r\n");
}

#[test]
fn a_file_without_end_finds_the_disk_full() {
    let sensor = sensor("[limits]\ncapture_bytes = 100000\n");
    let mut talk = login(&sensor);
    let mut stream = data(&mut talk);
    talk.ask("STOR endless", "150 Ok to send data.\r\n");
    let piece = noise(65_536);
    // 10 GB, had somebody taken them.
    let sent = (0..160_000).take_while(|_| stream.write_all(&piece).is_ok()).count();
    assert!(sent < 160_000);
    talk.until("451 Failure writing to local file.\r\n");
    talk.ask("SIZE endless", "213 100000\r\n");
    let event = sensor.wait_for_event(|event| event["kind"] == "file_uploaded");
    assert_eq!(event["truncated"], true);
    let kept = std::fs::read(sensor.dir().join("state/captures").join(event["stored"].as_str().unwrap())).unwrap();
    assert_eq!(kept, noise(65_536).into_iter().cycle().take(100_000).collect::<Vec<u8>>());
    talk.ask("NOOP", "200 NOOP ok.\r\n");
}

#[test]
fn ten_thousand_commands_at_once_are_answered_in_order() {
    let sensor = sensor("");
    let mut talk = login(&sensor);
    let mut writer = talk.stream.try_clone().unwrap();
    let lines: String = (0..10_000).map(|number| format!("REST {number}\r\n")).collect();
    let sending = std::thread::spawn(move || {
        writer.write_all(lines.as_bytes()).unwrap();
        // Nothing more comes from us: what was said is answered all the same.
        writer.shutdown(Shutdown::Write).unwrap();
    });
    for number in 0..10_000 {
        let wanted = format!("350 Restart position accepted ({number}).\r\n");
        assert_eq!(talk.until("\r\n"), wanted);
    }
    sending.join().unwrap();
    assert_eq!(talk.rest(), b"");
}

#[test]
fn abor_with_urgent_bytes_waits_for_the_transfer() {
    let sensor = sensor("");
    let mut talk = login(&sensor);
    let mut stream = data(&mut talk);
    talk.ask("STOR big", "150 Ok to send data.\r\n");
    stream.write_all(&noise(4_000_000)).unwrap();
    drop(stream);
    talk.until("226 Transfer complete.\r\n");
    let stream = data(&mut talk);
    talk.ask("RETR big", "150 Opening BINARY mode data connection for big (4000000 bytes).\r\n");
    talk.send(b"\xff\xf4\xff");
    SockRef::from(&talk.stream).send_out_of_band(b"\xf2").unwrap();
    talk.send("ABOR\r\n");
    assert_eq!(all(stream), noise(4_000_000));
    talk.until("226 Transfer complete.\r\n225 No transfer to ABOR.\r\n");
    // The same when nothing runs, and when the visitor hangs up on the data first.
    talk.send(b"\xff\xf4");
    SockRef::from(&talk.stream).send_out_of_band(b"\xff\xf2").unwrap();
    talk.ask("ABOR", "225 No transfer to ABOR.\r\n");
    let stream = data(&mut talk);
    talk.ask("RETR big", "bytes).\r\n");
    drop(stream);
    talk.ask("ABOR", "426 Failure writing network stream.\r\n225 No transfer to ABOR.\r\n");
}

#[test]
fn tls_is_offered_required_and_refused_in_the_daemon_s_words() {
    let sensor = sensor(REQUIRED);
    let mut talk = sensor.connect("ftp");
    talk.ask("FEAT", " AUTH TLS\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n PBSZ\r\n PROT\r\n REST STREAM\r\n");
    talk.until("211 End\r\n");
    talk.ask("PBSZ 0", "503 PBSZ needs a secure connection.\r\n");
    talk.ask("AUTH GSSAPI", "504 Unknown AUTH type.\r\n");
    talk.ask("USER ubuntu", "530 Non-anonymous sessions must use encryption.\r\n");
    assert_eq!(talk.rest(), b"");
    let mut talk = sensor.connect("ftp");
    // What is said in clear behind AUTH is never taken for said in TLS.
    talk.ask("AUTH TLS\r\nUSER ubuntu", "234 Proceed with negotiation.\r\n");
    let rest = talk.rest();
    assert_eq!(rest, b"500 OOPS: error:1408F10B:SSL routines:ssl3_get_record:wrong version number\r\n");
    let event = sensor.wait_for_event(|event| event["kind"] == "tls_hello");
    assert_eq!(event["error"], "not TLS");
}
