//! The four conversations over raw TCP, and that one host stands behind them.

use crate::sensor::{Sensor, Setup, of_kind};

#[test]
fn the_four_conversations_and_their_events() {
    let sensor = Sensor::start(&Setup::default());

    let mut telnet = sensor.connect("telnet");
    telnet.telnet_login("root", "toor");
    let uname = telnet.ask("uname -a", "# ");
    assert!(uname.contains("Linux mail 5.4.0-169-generic #187-Ubuntu SMP") && uname.contains("x86_64"), "{uname}");
    telnet.ask("exit", "logout\r\n");

    let mut ftp = sensor.connect("ftp");
    assert_eq!(ftp.until("\r\n"), "220 (vsFTPd 3.0.3)\r\n");
    assert_eq!(ftp.ask("USER ubuntu", "\r\n"), "331 Please specify the password.\r\n");
    assert_eq!(ftp.ask("PASS ubuntu", "\r\n"), "230 Login successful.\r\n");
    assert_eq!(ftp.ask("PWD", "\r\n"), "257 \"/home/ubuntu\" is the current directory\r\n");
    assert_eq!(ftp.ask("QUIT", "\r\n"), "221 Goodbye.\r\n");

    let mut smtp = sensor.connect("smtp");
    assert_eq!(smtp.until("\r\n"), "220 mail.example.com ESMTP Postfix (Ubuntu)\r\n");
    assert!(smtp.ask("EHLO client", "250 ").starts_with("250-mail.example.com\r\n250-"));
    smtp.until("\r\n");
    assert_eq!(smtp.ask("MAIL FROM:<a@example.org>", "\r\n"), "250 2.1.0 Ok\r\n");
    assert_eq!(smtp.ask("RCPT TO:<root@mail.example.com>", "\r\n"), "250 2.1.5 Ok\r\n");
    assert_eq!(smtp.ask("DATA", "\r\n"), "354 End data with <CR><LF>.<CR><LF>\r\n");
    let queued = smtp.ask("Subject: hello\r\n\r\nbody of the mail\r\n.", "\r\n");
    assert!(queued.starts_with("250 2.0.0 Ok: queued as "), "{queued}");

    let mut http = sensor.connect("http");
    http.send("GET / HTTP/1.1\r\nhOsT: x\r\nUser-Agent: y\r\n\r\n");
    let page = http.until("</html>");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\nServer: nginx/1.18.0 (Ubuntu)\r\nDate: "), "{page}");
    drop((ftp, smtp, http));

    let captures = sensor.dir().join("state/captures");
    let (events, status) = sensor_stop_keeping(&captures, sensor);
    assert!(status);
    crate::shutdown::whole(&events);
    let logins = of_kind(&events, "login_tried");
    assert_eq!(logins.len(), 2);
    assert!(logins.iter().all(|login| login["accepted"] == true));
    let shell = events.iter().find(|event| event["input"] == "uname -a").unwrap();
    assert_eq!((&shell["answered_by"], &shell["exit_code"]), (&"emulator".into(), &0.into()));
    let request = of_kind(&events, "http_request")[0];
    assert_eq!(request["headers"], serde_json::json!([["hOsT", "x"], ["User-Agent", "y"]]));
    let mail = of_kind(&events, "mail_received")[0];
    assert_eq!((&mail["mail_from"], &mail["rcpt_to"][0]), (&"a@example.org".into(), &"root@mail.example.com".into()));
}

/// Stops the sensor after looking at the mail that it keeps.
fn sensor_stop_keeping(captures: &std::path::Path, sensor: Sensor) -> (Vec<serde_json::Value>, bool) {
    let mail = sensor.wait_for_event(|event| event["kind"] == "mail_received");
    let kept = std::fs::read_to_string(captures.join(mail["stored"].as_str().unwrap())).unwrap();
    assert!(kept.contains("Subject: hello") && kept.contains("body of the mail"), "{kept}");
    let (events, status) = sensor.stop();
    (events, status.success())
}

#[test]
fn one_host_stands_behind_all_protocols() {
    let sensor = Sensor::start(&Setup::default());
    let mut telnet = sensor.connect("telnet");
    telnet.telnet_login("root", "toor");
    telnet.ask("echo hello from the shell > /var/www/html/note.txt; echo 12345 > /home/ubuntu/n", "# ");
    let mut http = sensor.connect("http");
    http.send("GET /note.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    http.until("hello from the shell\n");
    let mut ftp = sensor.connect("ftp");
    ftp.until("\r\n");
    ftp.ask("USER ubuntu", "\r\n");
    ftp.ask("PASS ubuntu", "\r\n");
    assert_eq!(ftp.ask("SIZE n", "\r\n"), "213 6\r\n");
}

#[test]
fn without_a_model_a_program_that_is_there_says_nothing_and_one_that_is_not_is_not_found() {
    let sensor = Sensor::start(&Setup::default());
    let mut telnet = sensor.connect("telnet");
    telnet.telnet_login("root", "toor");
    assert_eq!(telnet.ask("localectl", "# "), "localectl\r\nroot@mail:~# ");
    assert_eq!(telnet.ask("nosuch", "# "), "nosuch\r\n-bash: nosuch: command not found\r\nroot@mail:~# ");
}

#[test]
fn ai_mode_without_a_model_still_answers_as_the_daemon_would() {
    let sensor = Sensor::start(&Setup { mode: "ai", ..Setup::default() });
    let mut ftp = sensor.connect("ftp");
    ftp.until("220 (vsFTPd 3.0.3)\r\n");
    assert_eq!(ftp.ask("USER x", "\r\n"), "331 Please specify the password.\r\n");
    assert_eq!(ftp.ask("quit", "\r\n"), "221 Goodbye.\r\n");
    let mut smtp = sensor.connect("smtp");
    smtp.until("220 mail.example.com ESMTP Postfix (Ubuntu)\r\n");
    assert_eq!(smtp.ask("EHLO x", "\r\n"), "250 mail.example.com\r\n");
    let mut telnet = sensor.connect("telnet");
    telnet.until("root@mail:~# ");
    assert_eq!(telnet.ask("id", "# "), "uid=0(root) gid=0(root) groups=0(root)\r\nroot@mail:~# ");
    let mut http = sensor.connect("http");
    http.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(http.until("</html>").starts_with("HTTP/1.1 404 Not Found\r\n"));
}
