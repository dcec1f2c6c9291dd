//! The web server's port in TLS, with real clients.

use crate::clients::{run, script};
use crate::sensor::{Sensor, Talk};

fn web_server(http: &str) -> (Sensor, u16) {
    let (sensor, [https]) =
        Sensor::start_with(|[https]| format!("https = {{ enabled = true, port = {https} }}\n[http]\n{http}\n"));
    (sensor, https)
}

#[test]
fn clients_read_the_same_site_in_tls() {
    for (server, banner) in [("nginx", "nginx/1.18.0 (Ubuntu)"), ("apache", "Apache/2.4.41 (Ubuntu)")] {
        let (sensor, https) = web_server(&format!("server = \"{server}\"\napps = [\"dotenv\", \"wordpress\"]"));
        let url = |path: &str| format!("https://127.0.0.1:{https}{path}");
        let Some((text, output)) = run("curl", &["-sSik", "--max-time", "20", &url("/readme.html")]) else { return };
        assert!(output.status.success() && text.contains(&format!("Server: {banner}\r\n")), "{text}");
        let hello = sensor.wait_for_event(|event| event["kind"] == "tls_hello");
        assert_eq!(hello["protocol"], "https");
        assert_eq!(hello["ja3"].as_str().unwrap().len(), 32);
        assert!(hello["ja4"].as_str().unwrap().starts_with("t13"), "{hello}");
        let request = sensor.wait_for_event(|event| event["kind"] == "http_request");
        assert_eq!((&request["dst_port"], &request["target"]), (&https.into(), &"/readme.html".into()));
        // Redirects and programs say https, and cookies are for it alone.
        let (text, _) = run("curl", &["-sik", "--max-time", "20", &url("/wp-admin/")]).unwrap();
        let place = format!("Location: https://127.0.0.1:{https}/wp-login.php?redirect_to=https%3A%2F%2F");
        assert!(text.contains(&place), "{text}");
        let (text, _) = run("curl", &["-sik", "--max-time", "20", &url("/wp-login.php")]).unwrap();
        assert!(text.contains("Set-Cookie: wordpress_test_cookie=WP%20Cookie%20check; path=/; secure\r\n"), "{text}");
        assert!(text.contains(&format!("action=\"https://127.0.0.1:{https}/wp-login.php\"")), "{text}");
        let (text, _) = run("curl", &["-sik", "--max-time", "20", &url("/wp-content")]).unwrap();
        assert!(text.contains(&format!("Location: https://127.0.0.1:{https}/wp-content/\r\n")), "{text}");
        let got = sensor.dir().join("got").display().to_string();
        if let Some((text, output)) =
            run("wget", &["-q", "--no-check-certificate", "-T", "20", "-t", "1", "-O", &got, &url("/.env")])
        {
            assert!(output.status.success(), "{text}");
            assert!(std::fs::read_to_string(&got).unwrap().contains("DB_PASSWORD="));
        }
        // A kept connection goes on in TLS.
        let (text, _) = run("curl", &["-sk", "--max-time", "20", &url("/.env"), &url("/.env")]).unwrap();
        assert_eq!(text.matches("DB_PASSWORD=").count(), 2, "{text}");
    }
}

#[test]
fn application_protocols_are_agreed_as_by_nginx_1_18() {
    let (_sensor, https) = web_server("server = \"nginx\"\napps = []");
    for (offered, agreed) in
        [("h2,http/1.1", "ALPN protocol: http/1.1"), ("h2", "No ALPN negotiated"), ("http/1.0", "No ALPN negotiated")]
    {
        let line = format!(
            "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 20 openssl s_client -ign_eof -alpn {offered} \
             -servername www.example.com -connect 127.0.0.1:{https}"
        );
        let Some(text) = script("openssl", &line) else { return };
        assert!(text.contains(agreed) && text.contains("HTTP/1.1 200 OK\r\n"), "{offered}: {text}");
        let event = _sensor.wait_for_event(|event| {
            event["kind"] == "tls_hello" && event["alpn"][0] == offered.split(',').next().unwrap()
        });
        assert_eq!(event["sni"], "www.example.com");
    }
}

#[test]
fn plain_http_where_tls_belongs_and_the_other_way_round() {
    let said = |port: u16, bytes: &[u8]| {
        let mut talk = Talk::to(port);
        talk.send(bytes);
        String::from_utf8_lossy(&talk.rest()).into_owned()
    };
    let hello = [&[0x16, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3][..], b"\n\n"].concat();
    let (sensor, https) = web_server("server = \"nginx\"\napps = [\"wordpress\"]");
    for path in ["/", "/wp-login.php"] {
        let text = said(https, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\nServer: nginx/1.18.0 (Ubuntu)\r\n"), "{text}");
        assert!(text.contains("Content-Length: 264\r\nConnection: close\r\n"), "{text}");
        assert!(text.contains("<center>The plain HTTP request was sent to HTTPS port</center>\r\n"), "{text}");
    }
    let text = said(https, b"GET / HTTP/1.1\r\n\r\n");
    assert!(text.contains("Content-Length: 166\r\n"), "{text}");
    let text = said(sensor.port("http"), &hello);
    assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\nServer: nginx/1.18.0 (Ubuntu)\r\n"), "{text}");

    let (sensor, https) = web_server("server = \"apache\"\napps = []");
    let text = said(https, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\nDate: "), "{text}");
    assert!(
        text.contains("Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n Instead use"),
        "{text}"
    );
    assert_eq!(said(https, b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n"), "");
    let text = said(sensor.port("http"), &hello);
    assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\nDate: "), "{text}");
}
