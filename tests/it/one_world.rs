//! One host behind all protocols: what came in by one is there in the others, also after the process was killed.

use crate::sensor::{Sensor, Setup, Talk};
use crate::state::{fetched, ftp, line, login, passive};

/// Stores a file over FTP.
fn store(talk: &mut Talk, path: &str, bytes: &str) -> String {
    let mut data = passive(talk);
    let said = talk.ask(&format!("STOR {path}"), "\r\n");
    assert!(said.starts_with("150"), "{said}");
    data.send(bytes);
    drop(data);
    talk.until("\r\n")
}

/// Head and body of what a path gives.
fn get(sensor: &Sensor, path: &str) -> (String, String) {
    let mut http = sensor.connect("http");
    http.send(format!("GET {path} HTTP/1.1\r\nHost: mail.example.com\r\nConnection: close\r\n\r\n"));
    let said = String::from_utf8(http.rest()).unwrap();
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    (head.to_string(), body.to_string())
}

#[test]
fn a_file_put_over_ftp_is_everywhere_and_stays() {
    let extra = "[[persona.files]]\npath = \"/var/www/html/files/\"\nowner = \"ubuntu\"\n";
    let sensor = Sensor::start(&Setup { extra, ..Setup::default() });
    let text = "<b>put by ftp</b>\n";
    let (mut talk, _) = ftp(&sensor, "ubuntu", "ubuntu");
    talk.ask("TYPE I", "\r\n");
    assert_eq!(store(&mut talk, "/var/www/html/files/a.html", text), "226 Transfer complete.\r\n");
    let everywhere = |sensor: &Sensor| {
        let mut shell = login(sensor, "root", "toor");
        assert_eq!(line(&mut shell, "cat /var/www/html/files/a.html"), text);
        assert_eq!(line(&mut shell, "stat -c '%U %a %s' /var/www/html/files/a.html"), "ubuntu 600 18\n");
        // vsftpd's mask keeps the web server out, as on a real host.
        assert!(get(sensor, "/files/a.html").0.starts_with("HTTP/1.1 403 Forbidden\r\n"));
        let (mut talk, _) = ftp(sensor, "ubuntu", "ubuntu");
        assert_eq!(talk.ask("SITE CHMOD 644 /var/www/html/files/a.html", "\r\n"), "200 SITE CHMOD command ok.\r\n");
        let (head, body) = get(sensor, "/files/a.html");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body == text, "{head}\n{body}");
        // The three say the same of its time.
        let changed = line(&mut shell, "stat -c %Y /var/www/html/files/a.html");
        let shown = line(&mut shell, &format!("TZ=UTC date -d @{} '+%a, %d %b %Y %T GMT'", changed.trim()));
        assert!(head.contains(&format!("Last-Modified: {}\r\n", shown.trim())), "{shown} {head}");
        assert!(
            head.contains(&format!("ETag: \"{:x}-12\"", changed.trim().parse::<u64>().unwrap())),
            "{changed} {head}"
        );
        let stamp = line(&mut shell, &format!("TZ=UTC date -d @{} +%Y%m%d%H%M%S", changed.trim()));
        assert_eq!(talk.ask("MDTM /var/www/html/files/a.html", "\r\n"), format!("213 {}\r\n", stamp.trim()));
        line(&mut shell, "chmod 600 /var/www/html/files/a.html");
    };
    everywhere(&sensor);
    everywhere(&sensor.kill_and_restart());
}

#[test]
fn a_script_of_the_shell_is_a_page_and_a_file() {
    let sensor = Sensor::start(&Setup::default());
    let mut shell = login(&sensor, "root", "toor");
    line(
        &mut shell,
        "echo owned > /var/www/html/index.html; mkdir -p /home/ubuntu/loot; cp /etc/passwd /home/ubuntu/loot/",
    );
    assert_eq!(get(&sensor, "/").1, "owned\n");
    let passwd = line(&mut shell, "cat /etc/passwd");
    let (mut talk, _) = ftp(&sensor, "ubuntu", "ubuntu");
    talk.ask("TYPE I", "\r\n");
    assert_eq!(fetched(&mut talk, "RETR loot/passwd").0, passwd);
    let sensor = sensor.kill_and_restart();
    assert_eq!(get(&sensor, "/").1, "owned\n");
}

#[test]
fn mail_lands_in_the_shell_and_passwords_hold_everywhere() {
    let extra = "[smtp]\nauth = \"always\"\n";
    let sensor = Sensor::start(&Setup { extra, ..Setup::default() });
    let mut mail = sensor.connect("smtp");
    mail.until("220 mail.example.com ESMTP Postfix (Ubuntu)\r\n");
    for (said, answer) in [
        ("HELO client.example.org", "250 mail.example.com\r\n"),
        ("MAIL FROM:<boss@example.org>", "250 2.1.0 Ok\r\n"),
        ("RCPT TO:<root@mail.example.com>", "250 2.1.5 Ok\r\n"),
        ("DATA", "354 End data with <CR><LF>.<CR><LF>\r\n"),
    ] {
        assert!(mail.ask(said, "\r\n").ends_with(answer), "{said}");
    }
    let queued = mail.ask("Subject: the new key\r\n\r\nis under the mat\r\n.", "\r\n");
    let id = queued.trim_end().rsplit(' ').next().unwrap().to_string();
    let read = |sensor: &Sensor, password: &str| {
        let mut shell = login(sensor, "root", password);
        let text = line(&mut shell, "tail -n 12 /var/mail/root");
        for wanted in
            ["From boss@example.org ", &format!("with SMTP id {id}"), "Subject: the new key\n", "is under the mat\n"]
        {
            assert!(text.contains(wanted), "{wanted:?} in {text}");
        }
        shell
    };
    let mut shell = read(&sensor, "toor");
    line(&mut shell, "echo 'root:kH7-new' | chpasswd; echo ubuntu:u8-new | chpasswd");
    let doors = |sensor: &Sensor| {
        assert_eq!(ftp(sensor, "ubuntu", "ubuntu").1, "530 Login incorrect.\r\n");
        assert_eq!(ftp(sensor, "ubuntu", "u8-new").1, "230 Login successful.\r\n");
        // "\0ubuntu\0ubuntu" and "\0ubuntu\0u8-new"
        for (plain, answer) in [("AHVidW50dQB1YnVudHU=", "535 5.7.8"), ("AHVidW50dQB1OC1uZXc=", "235 2.7.0")] {
            let mut mail = sensor.connect("smtp");
            mail.until("\r\n");
            mail.ask("EHLO x", "250 CHUNKING\r\n");
            let said = mail.ask(&format!("AUTH PLAIN {plain}"), "\r\n");
            assert!(said.starts_with(answer), "{said}");
        }
    };
    doors(&sensor);
    let sensor = sensor.kill_and_restart();
    doors(&sensor);
    read(&sensor, "kH7-new");
}
