//! Real clients against the real binary. One that is not installed is left out with a word, unless
//! `REQUIRE_CLIENTS` is set, as it is in CI.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::sensor::{Sensor, Setup};

/// The program, if it is there.
pub fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("REQUIRE_CLIENTS").is_none(), "{name} is not installed");
        eprintln!("skipped: {name} is not installed");
    }
    found
}

pub fn run(name: &str, arguments: &[&str]) -> Option<(String, Output)> {
    let output = Command::new(program(name)?).args(arguments).stdin(Stdio::null()).output().unwrap();
    Some((String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr), output))
}

/// A shell line, for clients that are driven by their standard input.
pub fn script(needs: &str, line: &str) -> Option<String> {
    program(needs)?;
    let output = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn curl_gets_a_page_and_a_listing() {
    let sensor = Sensor::start(&Setup::default());
    let page = run("curl", &["-si", "--max-time", "20", &format!("http://127.0.0.1:{}/", sensor.port("http"))]);
    if let Some((text, output)) = page {
        assert!(output.status.success() && text.contains("Welcome to nginx!"), "{text}");
    }
    let url = format!("ftp://ubuntu:ubuntu@127.0.0.1:{}/", sensor.port("ftp"));
    if let Some((text, output)) = run("curl", &["-sS", "-l", "-a", "--max-time", "20", &url]) {
        assert!(output.status.success(), "{text}");
    }
    let anonymous = format!("ftp://127.0.0.1:{}/", sensor.port("ftp"));
    if let Some((text, output)) = run("curl", &["-sS", "--max-time", "20", &anonymous]) {
        assert!(output.status.success(), "{text}");
    }
}

#[test]
fn lftp_puts_and_gets_the_same_bytes() {
    let sensor = Sensor::start(&Setup::default());
    let (up, down) = (sensor.dir().join("up.bin"), sensor.dir().join("down.bin"));
    let bytes: Vec<u8> = (0..300_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(&up, &bytes).unwrap();
    let commands = format!(
        "set net:max-retries 1; set net:timeout 10; set ftp:ssl-allow no; put {} -o x.bin; get x.bin -o {}; ls; rm x.bin; bye",
        up.display(),
        down.display()
    );
    let port = sensor.port("ftp").to_string();
    let Some((text, output)) = run("lftp", &["-p", &port, "-u", "ubuntu,ubuntu", "-e", &commands, "127.0.0.1"]) else {
        return;
    };
    assert!(output.status.success() && text.contains("x.bin"), "{text}");
    assert_eq!(std::fs::read(down).unwrap(), bytes);
    let event = sensor.wait_for_event(|event| event["kind"] == "file_uploaded");
    assert_eq!((&event["bytes"], &event["truncated"]), (&300_000.into(), &false.into()));
    let stored = std::fs::read(sensor.dir().join("state/captures").join(event["stored"].as_str().unwrap())).unwrap();
    assert_eq!(stored, bytes);
}

#[test]
fn the_classic_ftp_client_talks() {
    let sensor = Sensor::start(&Setup::default());
    let port = sensor.port("ftp");
    let line = format!("printf 'user ubuntu ubuntu\\npwd\\nls\\nbye\\n' | timeout 20 tnftp -n -v -p 127.0.0.1 {port}");
    if let Some(text) = script("tnftp", &line) {
        assert!(text.contains("230 Login successful") && text.contains("/home/ubuntu"), "{text}");
        assert!(text.contains("226 Directory send OK"), "{text}");
    }
}

#[test]
fn telnet_logs_in_and_uname_answers() {
    let sensor = Sensor::start(&Setup::default());
    // The client is fed as a person types: the next line when the prompt for it is there, read from its output.
    let line = format!(
        "cd {}; mkfifo in; timeout 25 telnet 127.0.0.1 {} < in > out 2>&1 & exec 3> in; \
         expect() {{ n=0; while ! grep -q \"$1\" out && [ $n -lt 200 ]; do n=$((n+1)); sleep 0.05; done; }}; \
         expect 'login: '; echo root >&3; expect 'Password: '; echo toor >&3; expect '# '; echo 'uname -a' >&3; \
         expect x86_64; echo exit >&3; expect logout; wait; cat out",
        sensor.dir().display(),
        sensor.port("telnet")
    );
    if let Some(text) = script("telnet", &line) {
        assert!(text.contains("Linux mail 5.4.0-169-generic"), "{text}");
        assert!(text.contains("Connection closed by foreign host"), "{text}");
    }
}

#[test]
fn swaks_delivers_a_mail_that_is_kept() {
    let sensor = Sensor::start(&Setup::default());
    let server = format!("127.0.0.1:{}", sensor.port("smtp"));
    let arguments = [
        "--server",
        &server,
        "--from",
        "a@example.org",
        "--to",
        "root@mail.example.com",
        "--helo",
        "client.example.org",
        "--header",
        "Subject: from swaks",
        "--body",
        "the body",
        "--timeout",
        "15",
    ];
    let Some((text, output)) = run("swaks", &arguments) else { return };
    assert!(output.status.success() && text.contains("queued as"), "{text}");
    let mail = sensor.wait_for_event(|event| event["kind"] == "mail_received");
    let kept =
        std::fs::read_to_string(sensor.dir().join("state/captures").join(mail["stored"].as_str().unwrap())).unwrap();
    assert!(kept.contains("Subject: from swaks") && kept.contains("the body"), "{kept}");
}

#[test]
fn nc_sees_the_banners() {
    let sensor = Sensor::start(&Setup::default());
    let line = format!("(sleep 0.2; printf 'QUIT\\r\\n') | timeout 10 nc 127.0.0.1 {}", sensor.port("smtp"));
    if let Some(text) = script("nc", &line) {
        assert!(text.starts_with("220 mail.example.com ESMTP Postfix (Ubuntu)\r\n221 2.0.0 Bye"), "{text}");
    }
}

#[test]
fn nmap_names_the_four_services() {
    let sensor = Sensor::start(&Setup::default());
    let ports: Vec<String> = crate::sensor::PROTOCOLS.iter().map(|name| sensor.port(name).to_string()).collect();
    let Some((text, _)) = run("nmap", &["-Pn", "-n", "-sV", "-p", &ports.join(","), "127.0.0.1"]) else { return };
    for service in ["vsftpd 3.0.3", "Linux telnetd", "Postfix smtpd", "nginx 1.18.0 (Ubuntu)"] {
        assert!(text.contains(service), "{service}: {text}");
    }
}

#[test]
fn web_clients_talk_to_both_servers() {
    for (server, banner) in [("nginx", "nginx/1.18.0 (Ubuntu)"), ("apache", "Apache/2.4.41 (Ubuntu)")] {
        let extra = format!("[http]\nserver = \"{server}\"\napps = [\"dotenv\", \"wordpress\"]\n");
        let sensor = Sensor::start(&Setup { extra: &extra, ..Setup::default() });
        let base = format!("http://127.0.0.1:{}", sensor.port("http"));
        let readme = format!("{base}/readme.html");
        if let Some((text, _)) = run("curl", &["-si", "--compressed", "--max-time", "20", &readme]) {
            assert!(text.contains(&format!("Server: {banner}\r\n")), "{text}");
            assert!(text.contains("Content-Encoding: gzip\r\n") && text.contains("<h2>Installation</h2>"), "{text}");
        }
        if let Some((text, _)) = run("curl", &["-s", "-r", "0-1,4-6", "--max-time", "20", &format!("{base}/.env")]) {
            assert!(text.contains("ontent-") && text.contains("\r\n\r\nAP\r\n"), "{text}");
        }
        let form = format!("{base}/wp-login.php");
        if let Some((text, _)) = run("curl", &["-si", "-d", "log=a&pwd=b", "-H", "Expect: 100-continue", &form]) {
            assert!(text.starts_with("HTTP/1.1 100 Continue\r\n") && text.contains("is not registered"), "{text}");
        }
        let here = sensor.dir().join("got");
        let there = here.display().to_string();
        if let Some((text, output)) = run("wget", &["-q", "-S", "-T", "20", "-O", &there, &format!("{base}/.env")]) {
            assert!(output.status.success(), "{text}");
            let got = std::fs::read_to_string(&here).unwrap();
            assert!(got.contains("DB_PASSWORD="), "{got}");
            assert_eq!(
                run("wget", &["-q", "-c", "-T", "20", "-O", &there, &format!("{base}/.env")]).unwrap().1.status.code(),
                Some(0)
            );
        }
        let port = sensor.port("http").to_string();
        let scripts = "http-server-header,http-methods,http-title,http-enum,http-headers";
        if let Some((text, _)) = run("nmap", &["-Pn", "-n", "-sV", "--script", scripts, "-p", &port, "127.0.0.1"]) {
            let name = if server == "nginx" { "nginx 1.18.0 (Ubuntu)" } else { "Apache httpd 2.4.41 ((Ubuntu))" };
            assert!(text.contains(name), "{text}");
            assert!(server == "nginx" || text.contains("Supported Methods: GET POST OPTIONS HEAD"), "{text}");
        }
    }
}

#[test]
fn what_is_read_in_the_web_root_opens_the_shell_and_is_one_event() {
    let extra = "[http]\napps = [\"dotenv\"]\n";
    let sensor = Sensor::start(&Setup { extra, ..Setup::default() });
    let mut http = sensor.connect("http");
    http.send("GET /.env HTTP/1.1\r\nHost: x\r\n\r\n");
    let text = http.until("FTP_ROOT=");
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_string();
    let mut telnet = sensor.connect("telnet");
    telnet.refuse_options();
    telnet.until("login: ");
    telnet.ask(&value("FTP_USERNAME="), "Password: ");
    telnet.ask(&value("FTP_PASSWORD="), "$ ");
    let seen = telnet.ask("grep ^DB_PASS /var/www/html/.env", "$ ");
    assert!(seen.contains(&value("DB_PASSWORD=")), "{seen}");
    let event = sensor.wait_for_event(|event| event["kind"] == "bait_used");
    assert_eq!((&event["path"], &event["protocol"]), (&"/var/www/html/.env".into(), &"telnet".into()));
    assert_eq!((&event["accepted"], &event["read_by"][0]["uid"]), (&true.into(), &33.into()));
    assert_eq!(event["read_by"][0]["src_ip"], "127.0.0.1");
}

/// Who has read a bait is known after a restart, and their login by another protocol is one event that names both.
#[test]
fn who_read_a_bait_is_known_after_a_restart() {
    let extra = "[http]\napps = [\"dotenv\"]\n";
    let sensor = Sensor::start(&Setup { extra, ..Setup::default() });
    let mut http = sensor.connect("http");
    http.send("GET /.env HTTP/1.1\r\nHost: x\r\n\r\n");
    let text = http.until("FTP_ROOT=");
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_string();
    let sensor = sensor.kill_and_restart();
    let mut telnet = sensor.connect("telnet");
    telnet.refuse_options();
    telnet.until("login: ");
    telnet.ask(&value("FTP_USERNAME="), "Password: ");
    telnet.ask(&value("FTP_PASSWORD="), "$ ");
    let event = sensor.wait_for_event(|event| event["kind"] == "bait_used");
    assert_eq!((&event["path"], &event["protocol"]), (&"/var/www/html/.env".into(), &"telnet".into()));
    assert_eq!((&event["src_ip"], &event["read_by"][0]["src_ip"]), (&"127.0.0.1".into(), &"127.0.0.1".into()));
    assert_eq!(event["read_by"][0]["uid"], 33);
}
