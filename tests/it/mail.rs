//! Mail with real clients: STARTTLS, AUTH, the three ports, what stays of a mail.

use std::process::Command;

use serde_json::Value;

use crate::clients::{program, run, script};
use crate::sensor::Sensor;

/// A sensor that offers AUTH on its first port and has the two others.
fn mail_server() -> (Sensor, u16, u16) {
    let (sensor, [smtps, submission]) = Sensor::start_with(|[smtps, submission]| {
        format!(
            "smtps = {{ enabled = true, port = {smtps} }}\nsubmission = {{ enabled = true, port = {submission} }}\n\
             [smtp]\nauth = \"always\"\n"
        )
    });
    (sensor, smtps, submission)
}

#[test]
fn swaks_logs_in_and_leaves_a_file() {
    let (sensor, smtps, submission) = mail_server();
    let file = sensor.dir().join("invoice.zip");
    std::fs::write(&file, b"PK\x03\x04 not a zip").unwrap();
    let attach = format!("@{}", file.display());
    let ways: [(&str, u16, &str); 3] =
        [("--tls", sensor.port("smtp"), "PLAIN"), ("--tls", submission, "LOGIN"), ("--tls-on-connect", smtps, "PLAIN")];
    for (tls, port, mechanism) in ways {
        let server = format!("127.0.0.1:{port}");
        let arguments = [
            "--server",
            &server,
            tls,
            "--auth",
            mechanism,
            "--auth-user",
            "ubuntu",
            "--auth-password",
            "ubuntu",
            "--from",
            "a@example.org",
            "--to",
            "x@elsewhere.example",
            "--helo",
            "client.example.org",
            "--header",
            "Subject: the invoice",
            "--body",
            "see http://evil.example/pay",
            "--attach",
            &attach,
            "--timeout",
            "20",
        ];
        let Some((text, output)) = run("swaks", &arguments) else { return };
        assert!(output.status.success() && text.contains("235 2.7.0 Authentication successful"), "{port}: {text}");
        let of_port = |event: &Value, kind: &str| event["kind"] == kind && event["dst_port"] == port;
        let login = sensor.wait_for_event(|event| of_port(event, "login_tried"));
        assert_eq!((&login["username"], &login["accepted"]), (&"ubuntu".into(), &true.into()));
        let hello = sensor.wait_for_event(|event| of_port(event, "tls_hello"));
        assert_eq!((&hello["version"], hello["ja3"].as_str().unwrap().len()), (&"TLSv1.3".into(), 32));
        assert!(hello["ja4"].as_str().unwrap().starts_with("t13"), "{hello}");
        let parsed = sensor.wait_for_event(|event| of_port(event, "mail_parsed"));
        assert_eq!(parsed["subject"], "the invoice");
        assert_eq!(parsed["urls"][0], "http://evil.example/pay");
        let attachment = &parsed["attachments"][0];
        assert_eq!((&attachment["name"], &attachment["bytes"]), (&"invoice.zip".into(), &14.into()));
        let kept = sensor.dir().join("state/captures").join(attachment["stored"].as_str().unwrap());
        assert_eq!(std::fs::read(kept).unwrap(), b"PK\x03\x04 not a zip");
    }
}

#[test]
fn curl_sends_mail_in_tls() {
    let (sensor, smtps, submission) = mail_server();
    let mail = sensor.dir().join("mail.txt");
    std::fs::write(&mail, "Subject: by curl\r\n\r\nhello\r\n").unwrap();
    let plain = sensor.port("smtp");
    let urls = [
        format!("smtp://127.0.0.1:{plain}"),
        format!("smtp://127.0.0.1:{submission}"),
        format!("smtps://127.0.0.1:{smtps}"),
    ];
    for url in urls {
        let arguments = [
            "-sSk",
            "--ssl-reqd",
            "--max-time",
            "20",
            "--url",
            &url,
            "--user",
            "ubuntu:ubuntu",
            "--mail-from",
            "a@example.org",
            "--mail-rcpt",
            "root@mail.example.com",
            "--upload-file",
            mail.to_str().unwrap(),
        ];
        let Some((text, output)) = run("curl", &arguments) else { return };
        assert!(output.status.success(), "{url}: {text}");
    }
    sensor.wait_for_event(|event| event["kind"] == "mail_parsed" && event["subject"] == "by curl");
}

#[test]
fn smtplib_logs_in_and_nothing_said_before_tls_counts() {
    let (sensor, smtps, _) = mail_server();
    let lines = format!(
        "import smtplib, socket, ssl\n\
         c = ssl._create_unverified_context()\n\
         s = smtplib.SMTP('127.0.0.1', {plain}, timeout=20); s.starttls(context=c)\n\
         try: s.login('admin', 'wrong'); print('let in')\n\
         except smtplib.SMTPAuthenticationError as e: print(e.smtp_code, e.smtp_error.decode())\n\
         s.login('ubuntu', 'ubuntu'); print(s.sendmail('a@example.org', ['root@mail.example.com'], 'Subject: x\\n\\nfrom python\\n')); s.quit()\n\
         s = smtplib.SMTP_SSL('127.0.0.1', {smtps}, timeout=20, context=c); print(s.ehlo()[0], s.has_extn('auth')); s.quit()\n\
         s = socket.create_connection(('127.0.0.1', {plain})); s.settimeout(20); s.recv(99)\n\
         s.sendall(b'STARTTLS\\r\\nMAIL FROM:<injected@x.y>\\r\\n'); print(s.recv(99).decode().strip())\n\
         s = c.wrap_socket(s); s.sendall(b'RCPT TO:<root>\\r\\n'); print(s.recv(99).decode().strip())\n",
        plain = sensor.port("smtp"),
    );
    let Some(python) = program("python3") else { return };
    let output = Command::new(python).args(["-c", &lines]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let wanted = "535 5.7.8 Error: authentication failed: authentication failure\n{}\n250 True\n\
                  220 2.0.0 Ready to start TLS\n503 5.5.1 Error: need MAIL command\n";
    assert_eq!(text, wanted);

    let mut telnet = sensor.connect("telnet");
    telnet.telnet_login("root", "toor");
    let mailbox = telnet.ask("cat /var/mail/root; echo e\"\"nd", "end\r\n");
    assert!(mailbox.contains("from python") && mailbox.contains("Delivered-To: root@mail.example.com"), "{mailbox}");
    assert!(mailbox.contains("(Postfix) with ESMTPSA id "), "{mailbox}");
}

#[test]
fn openssl_sees_the_host_s_own_certificate() {
    let (sensor, smtps, _) = mail_server();
    let connect = format!("127.0.0.1:{}", sensor.port("smtp"));
    for version in ["-tls1_2", "-tls1_3"] {
        let line = format!(
            "echo quit | timeout 20 openssl s_client -ign_eof -crlf -connect {connect} -starttls smtp {version} -servername mail.example.com"
        );
        let Some(text) = script("openssl", &line) else { return };
        assert!(text.contains("subject=CN = mail.example.com") && text.contains("221 2.0.0 Bye"), "{text}");
        assert!(text.contains("Server public key is 2048 bit"), "{text}");
        let pem = text.split("-----BEGIN").nth(1).unwrap().split("-----END").next().unwrap();
        let kept = std::fs::read_to_string(sensor.dir().join("state/snakeoil.pem")).unwrap();
        assert!(kept.contains(pem), "{text}");
        let mut telnet = sensor.connect("telnet");
        telnet.telnet_login("root", "toor");
        let of_host = telnet.ask("cat /etc/ssl/certs/ssl-cert-snakeoil.pem; echo e\"\"nd", "end\r\n").replace('\r', "");
        assert!(of_host.contains(pem), "{of_host}");
    }
    let hello = sensor.wait_for_event(|event| event["kind"] == "tls_hello");
    assert_eq!((&hello["sni"], &hello["version"]), (&"mail.example.com".into(), &"TLSv1.2".into()));

    let old = format!("echo | timeout 20 openssl s_client -connect 127.0.0.1:{smtps} -tls1_1 -cipher ALL:@SECLEVEL=0");
    script("openssl", &old);
    let failed = sensor.wait_for_event(|event| event["kind"] == "tls_hello" && event["dst_port"] == smtps);
    assert!(failed["error"].is_string() && failed["version"].is_null(), "{failed}");
    assert_eq!(failed["versions"][0], "TLSv1.1");
}
