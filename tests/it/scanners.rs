//! What attackers run against a host they have found, as programs: hydra, nikto, nmap with its scripts; and the small
//! client of devices.

use crate::clients::{run, script};
use crate::sensor::{Sensor, Setup};

/// A sensor with everything that a web and mail server has open.
fn whole_server() -> (Sensor, [u16; 3]) {
    Sensor::start_with(|[https, smtps, submission]| {
        format!(
            "https = {{ enabled = true, port = {https} }}\nsmtps = {{ enabled = true, port = {smtps} }}\n\
             submission = {{ enabled = true, port = {submission} }}\n\
             [smtp]\nauth = \"always\"\n[http]\napps = [\"dotenv\", \"wordpress\"]\n"
        )
    })
}

/// What hydra says that it has found for this name with these passwords, of which each gets a connection of its own: its
/// second attempt on one of Telnet sends no name.
fn hydra(sensor: &Sensor, protocol: &str, module: &[&str], name: &str, passwords: &[&str]) -> Option<Vec<String>> {
    let list = sensor.dir().join("passwords");
    std::fs::write(&list, passwords.join("\n") + "\n").unwrap();
    let (port, list) = (sensor.port(protocol).to_string(), list.display().to_string());
    let mut arguments = vec!["60", "hydra", "-I", "-t", "2", "-l", name, "-P", &list, "-s", &port, "127.0.0.1"];
    arguments.extend(module);
    crate::clients::program("hydra")?;
    let (text, _) = run("timeout", &arguments)?;
    eprintln!("{text}");
    let found =
        text.lines().filter_map(|line| line.split_once("password: ")).map(|(_, password)| password.trim().into());
    Some(found.collect())
}

#[test]
fn hydra_finds_the_granted_account_and_no_other() {
    let (sensor, _) = whole_server();
    let passwords = ["letmein", "ubuntu"];
    for (protocol, module) in [("ftp", "ftp"), ("telnet", "telnet"), ("smtp", "smtp")] {
        let Some(found) = hydra(&sensor, protocol, &[module], "ubuntu", &passwords) else { return };
        assert_eq!(found, ["ubuntu"], "{protocol}");
        let login = sensor.wait_for_event(|event| {
            event["kind"] == "login_tried" && event["protocol"] == protocol && event["password"] == "ubuntu"
        });
        assert_eq!(login["accepted"], true);
    }
    // The form of a program opens for who read what lies around.
    let mut http = sensor.connect("http");
    http.send("GET /.env HTTP/1.1\r\nHost: x\r\n\r\n");
    let text = http.until("FTP_ROOT=");
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_string();
    let (name, password) = (value("FTP_USERNAME="), value("FTP_PASSWORD="));
    let form = ["http-post-form", "/wp-login.php:log=^USER^&pwd=^PASS^:F=login_error"];
    let found = hydra(&sensor, "http", &form, &name, &["123456", &password]).unwrap();
    assert_eq!(found, [password]);
}

#[test]
fn nikto_runs_through() {
    for (server, banner) in [("nginx", "nginx/1.18.0 (Ubuntu)"), ("apache", "Apache/2.4.41 (Ubuntu)")] {
        let extra = format!("[http]\nserver = \"{server}\"\napps = []\n");
        let sensor = Sensor::start(&Setup { extra: &extra, ..Setup::default() });
        let line = format!("timeout 200 nikto -host 127.0.0.1 -port {} -nointeractive -ask no", sensor.port("http"));
        let Some(text) = script("nikto", &line) else { return };
        assert!(text.contains(&format!("+ Server: {banner}\n")), "{text}");
        assert!(text.contains("+ 1 host(s) tested") && text.contains(": 0 error(s) and "), "{text}");
        // A host where every path that a scanner knows is there is no host.
        let reported: u32 = text.split(": 0 error(s) and ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(reported < 12, "{text}");
        let page = run("curl", &["-si", "--max-time", "20", &format!("http://127.0.0.1:{}/", sensor.port("http"))]);
        assert!(page.is_none_or(|(text, _)| text.starts_with("HTTP/1.1 200 OK")));
    }
}

#[test]
fn nmap_and_its_scripts_name_every_port() {
    let (sensor, [https, smtps, submission]) = whole_server();
    let [ftp, telnet, smtp, http] = crate::sensor::PROTOCOLS.map(|name| sensor.port(name));
    let ports = [ftp, telnet, smtp, http, https, smtps, submission].map(|port| port.to_string()).join(",");
    let Some((text, _)) = run("nmap", &["-Pn", "-n", "-sV", "-sC", "-p", &ports, "127.0.0.1"]) else { return };
    for (port, service) in [
        (ftp, "vsftpd 3.0.3"),
        (telnet, "Linux telnetd"),
        (smtp, "Postfix smtpd"),
        (http, "nginx 1.18.0 (Ubuntu)"),
        (https, "nginx 1.18.0"),
        (smtps, "Postfix smtpd"),
        (submission, "Postfix smtpd"),
    ] {
        let line = text.lines().find(|line| line.starts_with(&format!("{port}/tcp"))).unwrap_or_default();
        assert!(line.contains(" open ") && line.ends_with(service), "{service}: {text}");
    }
    for script in [
        "ftp-anon: Anonymous FTP login allowed (FTP code 230)",
        "vsFTPd 3.0.3 - secure, fast, stable",
        "smtp-commands: mail.example.com, PIPELINING, SIZE 10240000, VRFY, ETRN, STARTTLS, AUTH PLAIN LOGIN, \
         ENHANCEDSTATUSCODES, 8BITMIME, DSN, SMTPUTF8, CHUNKING",
        "http-server-header: nginx/1.18.0 (Ubuntu)",
        "http-generator: WordPress",
        "ssl-cert: Subject: commonName=mail.example.com",
        "Service Info: Host:  mail.example.com; OSs: ",
    ] {
        assert!(text.contains(script), "{script}: {text}");
    }
}

/// The client of BusyBox, against each of the daemons: it negotiates other options than the one of Debian.
#[test]
fn the_telnet_of_busybox_logs_in_everywhere() {
    for server in ["netkit", "inetutils", "busybox"] {
        let sensor = Sensor::start(&Setup { extra: &format!("[telnet]\nserver = \"{server}\"\n"), ..Setup::default() });
        let line = format!(
            "cd {}; mkfifo in; timeout 25 busybox telnet 127.0.0.1 {} < in > out 2>&1 & exec 3> in; \
             expect() {{ n=0; while ! grep -q \"$1\" out && [ $n -lt 200 ]; do n=$((n+1)); sleep 0.05; done; }}; \
             expect 'login: '; printf 'root\\r\\n' >&3; expect 'assword: '; printf 'toor\\r\\n' >&3; expect '# '; \
             printf 'uname -a\\r\\n' >&3; expect x86_64; printf 'exit\\r\\n' >&3; expect 'closed by'; exec 3>&-; wait; cat out",
            sensor.dir().display(),
            sensor.port("telnet")
        );
        let Some(text) = script("busybox", &line) else { return };
        assert!(text.contains("Linux mail 5.4.0-169-generic"), "{server}: {text}");
    }
}
