//! Connections that SSH clients have forwarded, by OpenSSH's ssh and by curl: none is made, all are answered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::clients::program;
use crate::sensor::{Sensor, Setup, free_ports, of_kind};
use crate::ssh::{client, text};

fn ssh(sensor: &Sensor, extra: &[&str]) -> Command {
    let mut command = client(sensor, "ssh", "toor");
    command.args(extra).arg("root@127.0.0.1");
    command
}

/// A client that stays; ended when it is dropped.
struct Tunnel(Child);

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A client that forwards, when its port `ready` is open.
fn tunnel(sensor: &Sensor, extra: &[&str], ready: u16) -> Tunnel {
    let mut all = vec!["-N"];
    all.extend(extra);
    // Not below `timeout`, which would outlive its end.
    let command = ssh(sensor, &all);
    let mut alone = Command::new("ssh");
    alone.args(command.get_args().skip(2)).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = alone.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).spawn().unwrap();
    let tunnel = Tunnel(child);
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", ready)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no port {ready}");
        std::thread::sleep(Duration::from_millis(100));
    }
    tunnel
}

fn curl(arguments: &[&str]) -> Output {
    Command::new("curl").args(["-sS", "--max-time", "20"]).args(arguments).output().unwrap()
}

#[test]
fn the_hosts_own_services_are_behind_its_loopback() {
    if program("ssh").is_none() || program("curl").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup::default());
    let [web, mail, telnet] = free_ports();
    let ways = [format!("{web}:localhost:80"), format!("{mail}:127.0.0.1:25"), format!("{telnet}:mail:23")];
    let _tunnel = tunnel(&sensor, &["-L", &ways[0], "-L", &ways[1], "-L", &ways[2]], telnet);
    let direct = curl(&[&format!("http://127.0.0.1:{}/", sensor.port("http"))]);
    let through = curl(&[&format!("http://127.0.0.1:{web}/")]);
    assert!(through.status.success() && through.stdout == direct.stdout, "{through:?}");
    let mut stream = TcpStream::connect(("127.0.0.1", mail)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"QUIT\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("220 mail.example.com ESMTP Postfix") && said.contains("\n221 "), "{said}");
    let mut stream = TcpStream::connect(("127.0.0.1", telnet)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut first = [0];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(first, [255]);
    drop(stream);
    let began = sensor.wait_for_event(|event| event["kind"] == "forward_began" && event["port"] == 80);
    assert_eq!((&began["what"], &began["method"], &began["target"]), (&"http".into(), &"GET".into(), &"/".into()));
    let request = sensor.wait_for_event(|event| event["kind"] == "http_request" && event["protocol"] == "ssh");
    assert_eq!(request["session"], began["session"]);
    let ended = sensor.wait_for_event(|event| event["kind"] == "forward_ended" && event["port"] == 80);
    assert!(ended["bytes_out"].as_u64().unwrap() > direct.stdout.len() as u64, "{ended}");
}

#[test]
fn others_are_played_or_fail_in_the_words_of_sshd() {
    if program("ssh").is_none() || program("curl").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup::default());
    let [socks] = free_ports();
    let proxy = format!("127.0.0.1:{socks}");
    let running = tunnel(&sensor, &["-D", &proxy], socks);
    let moved = curl(&["-i", "--socks5-hostname", &proxy, "http://ya.ru/x"]);
    let said = text(&moved.stdout);
    assert!(said.starts_with("HTTP/1.1 301 ") && said.contains("\r\nLocation: https://ya.ru/x\r\n"), "{said}");
    let secret = curl(&["--socks5-hostname", &proxy, "https://ya.ru/"]);
    assert_eq!(secret.status.code(), Some(35), "{secret:?}");
    let mail = sensor.dir().join("mail");
    std::fs::write(&mail, "Subject: test\n\nhello\n").unwrap();
    let sent = curl(&[
        "--socks5-hostname",
        &proxy,
        "smtp://mx.ya.ru:25",
        "--mail-from",
        "a@x.org",
        "--mail-rcpt",
        "b@ya.ru",
        "-T",
        mail.to_str().unwrap(),
    ]);
    assert!(sent.status.success(), "{sent:?}");
    drop(running);
    let tls = sensor.wait_for_event(|event| event["kind"] == "forward_began" && event["port"] == 443);
    assert_eq!((&tls["what"], &tls["sni"]), (&"tls".into(), &"ya.ru".into()));
    assert!(tls["ja4"].as_str().unwrap().starts_with("t13d"), "{tls}");
    let kept = sensor.wait_for_event(|event| event["kind"] == "mail_received");
    assert_eq!((&kept["mail_from"], &kept["rcpt_to"][0]), (&"a@x.org".into(), &"b@ya.ru".into()));

    for (to, words) in [
        ("localhost:9", "Connection refused"),
        ("nosuch.invalid:80", "Name or service not known"),
        ("[2001:db8::1]:80", "open failed"),
    ] {
        let mut command = Command::new("timeout");
        let whole = ssh(&sensor, &["-W", to]);
        let arguments =
            whole.get_args().map(|part| if part == "LogLevel=ERROR" { "LogLevel=INFO".as_ref() } else { part });
        command.args(arguments).envs(whole.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).output().unwrap();
        let said = text(&output.stderr);
        let expected = format!("open failed: connect failed: {words}");
        assert!(output.status.code() == Some(255) && said.contains(&expected), "{to}: {said}");
    }
    let events = sensor.events();
    let asked = of_kind(&events, "forward_asked");
    assert!(
        asked.iter().any(|event| event["host"] == "localhost" && event["answer"] == "Connection refused"),
        "{asked:?}"
    );
}

#[test]
fn listening_is_granted_and_nobody_comes() {
    if program("ssh").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup::default());
    let whole = ssh(&sensor, &["-R", "0:localhost:1", "-R", "22:localhost:1"]);
    let mut command = Command::new("timeout");
    let arguments = whole.get_args().map(|part| if part == "LogLevel=ERROR" { "LogLevel=INFO".as_ref() } else { part });
    command.args(arguments).envs(whole.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.env_remove("SSH_AUTH_SOCK").args(["sleep", "1"]).stdin(Stdio::null()).output().unwrap();
    let said = text(&output.stderr);
    assert!(
        said.contains("Allocated port ") && said.contains("remote port forwarding failed for listen port 22"),
        "{said}"
    );
    sensor.wait_for_event(|event| event["kind"] == "forward_asked" && event["answer"] == "listening");
}

#[test]
fn nothing_is_forwarded_where_the_operator_wants_none() {
    if program("ssh").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup { extra: "[ssh]\nforwarding = \"refuse\"\n", ..Setup::default() });
    for to in ["localhost:80", "ya.ru:80"] {
        let output = ssh(&sensor, &["-W", to]).output().unwrap();
        assert_eq!(output.status.code(), Some(255), "{to}");
    }
    let asked = sensor.wait_for_event(|event| event["kind"] == "forward_asked" && event["host"] == "ya.ru");
    assert_eq!(asked["answer"], "administratively prohibited");
}

/// A line of authorized_keys takes forwarding away, or leaves some of it.
#[test]
fn options_of_a_key_are_respected() {
    if program("ssh").is_none() || program("ssh-keygen").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup::default());
    let key = sensor.dir().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    for (options, may_web, may_mail) in [
        ("no-port-forwarding", false, false),
        ("restrict", false, false),
        ("permitopen=\"localhost:80\"", true, false),
        ("restrict,port-forwarding", true, true),
    ] {
        let line = format!("mkdir -p .ssh; chmod 700 .ssh; echo '{options} {}' > .ssh/authorized_keys", public.trim());
        assert!(ssh(&sensor, &[]).arg(&line).output().unwrap().status.success());
        for (port, may) in [(80, may_web), (25, may_mail)] {
            let identity = format!("IdentityFile={}", key.display());
            let to = format!("localhost:{port}");
            let mut command = ssh(&sensor, &["-o", &identity, "-o", "PasswordAuthentication=no", "-W", &to]);
            let output = command.output().unwrap();
            assert_eq!(output.status.success(), may, "{options} {port}: {}", text(&output.stderr));
        }
    }
}

#[test]
fn a_signal_that_ends_a_command_is_told() {
    if program("ssh").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup::default());
    for (line, status) in [("kill -9 $$", 255), ("exit 137", 137), ("sleep 0; kill $$; sleep 1", 255)] {
        assert_eq!(ssh(&sensor, &[]).arg(line).output().unwrap().status.code(), Some(status), "{line}");
    }
}

/// A session whose output nobody reads holds up no other one of its connection.
#[test]
fn a_stalled_session_leaves_the_others_alone() {
    if program("ssh").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup::default());
    let socket = sensor.dir().join("control");
    let control = ["-S", socket.to_str().unwrap()];
    let whole = ssh(&sensor, &[control[0], control[1], "-M"]);
    let mut first = Command::new("ssh");
    first.args(whole.get_args().skip(2)).envs(whole.get_envs().filter_map(|(name, value)| Some((name, value?))));
    first.env_remove("SSH_AUTH_SOCK").arg("head -c 30000000 /dev/zero").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut stalled = Tunnel(first.spawn().unwrap());
    let begun = Instant::now();
    while !socket.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no connection");
        std::thread::sleep(Duration::from_millis(100));
    }
    // Time enough for its window to be full.
    std::thread::sleep(Duration::from_secs(2));
    let begun = Instant::now();
    let output = ssh(&sensor, &control).args(["echo", "alive"]).output().unwrap();
    assert_eq!(text(&output.stdout), "alive\n", "{output:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let mut rest = Vec::new();
    stalled.0.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), 30_000_000);
}
