//! The model behind the host: AI mode, hybrid mode, and every way in which a model's server can fail.

use crate::scripted::{Reply, Server};
use crate::sensor::{Sensor, Setup, of_kind};

fn openai(server: &Server) -> String {
    format!(
        "[openai]\nbase_url = \"{}\"\napi_key = \"sk-secret-of-the-operator\"\ntimeout_ms = 1500\n",
        server.url("/v1")
    )
}

#[test]
fn the_second_question_carries_the_first_turn() {
    let server = Server::start(|request| {
        let last = request["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_string();
        Reply::says(&format!("output of {}", last.split(' ').next().unwrap()))
    });
    let extra = openai(&server) + "[openai.static_messages]\nmessage10 = \"ten\"\nmessage2 = \"two\"\n";
    let sensor = Sensor::start(&Setup { mode: "ai", extra: &extra, ..Setup::default() });
    let mut talk = sensor.connect("telnet");
    talk.until("# ");
    for line in ["alpha one", "beta two", "gamma three"] {
        let word = line.split(' ').next().unwrap();
        assert!(talk.ask(line, "# ").starts_with(&format!("output of {word}\r\n")));
    }
    let requests = server.requests();
    let turns = |at: usize| -> Vec<(String, String)> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
        requests[at]["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|turn| (text(&turn["role"]), text(&turn["content"])))
            .collect()
    };
    let system: Vec<String> = turns(0).into_iter().filter(|turn| turn.0 == "system").map(|turn| turn.1).collect();
    assert_eq!(system[..2], ["two", "ten"]);
    let pair = |role: &str, text: &str| (role.to_string(), text.to_string());
    assert_eq!(
        turns(1)[system.len()..],
        [pair("user", "alpha one"), pair("assistant", "output of alpha"), pair("user", "beta two")]
    );
    let (events, _) = sensor.stop();
    let called = of_kind(&events, "model_called");
    assert_eq!(called.len(), 3);
    assert_eq!((&called[0]["prompt_tokens"], &called[0]["outcome"]), (&11.into(), &"ok".into()));
    assert!(of_kind(&events, "command").iter().all(|event| event["answered_by"] == "model"));
}

#[test]
fn the_text_of_the_original_design_opens_the_conversation_on_port_80() {
    let server = Server::start(|_| Reply::says("<html><body>made up</body></html>"));
    let sensor = Sensor::start(&Setup { mode: "ai", extra: &openai(&server), ..Setup::default() });
    let mut talk = sensor.connect("http");
    talk.send("GET /login HTTP/1.1\r\nHost: x\r\n\r\n");
    let page = talk.until("</html>");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\nServer: nginx/1.18.0 (Ubuntu)\r\n"), "{page}");
    let request = &server.requests()[0];
    let turns = request["messages"].as_array().unwrap();
    let user: Vec<&str> =
        turns.iter().filter(|turn| turn["role"] == "user").map(|turn| turn["content"].as_str().unwrap()).collect();
    assert_eq!(user, ["GET / HTTP/1.1\nHost: example.com", "GET /login HTTP/1.1\r\nHost: x\r\n\r\n"]);
}

#[test]
fn in_hybrid_mode_only_programs_without_emulation_are_asked_for() {
    let server = Server::start(|_| Reply::says("NAME MAJ:MIN\nsda  8:0"));
    let sensor = Sensor::start(&Setup { extra: &openai(&server), ..Setup::default() });
    let mut talk = sensor.connect("telnet");
    talk.telnet_login("root", "toor");
    talk.ask("uname -a; nosuchprogram; list all files please", "# ");
    assert!(server.requests().is_empty());
    assert!(talk.ask("localectl", "# ").contains("NAME MAJ:MIN\r\nsda  8:0\r\n"));
    assert_eq!(server.requests().len(), 1);
    let mut smtp = sensor.connect("smtp");
    smtp.until("\r\n");
    smtp.ask("WHATEVER", "\r\n");
    assert_eq!(server.requests().len(), 1);
}

/// One conversation per fault. The visitor sees the fallback and nothing else, and the conversation goes on.
#[test]
fn a_fault_of_the_model_never_shows() {
    let faults: Vec<(&str, Reply)> = vec![
        ("401", Reply::json("401 Unauthorized", "{\"error\":{\"message\":\"Incorrect API key provided\"}}")),
        ("429", Reply::Http("429 Too Many Requests", "Retry-After: 20\r\n", "{}".into())),
        ("500", Reply::json("500 Internal Server Error", "{\"error\":\"stack trace\"}")),
        ("redirect", Reply::Http("302 Found", "Location: http://127.0.0.1:1/\r\n", String::new())),
        ("empty choices", Reply::json("200 OK", "{\"choices\":[]}")),
        ("null content", Reply::json("200 OK", "{\"choices\":[{\"message\":{\"content\":null}}]}")),
        ("prose", Reply::says("I'm sorry, but as an AI language model I cannot run commands.")),
        ("markdown", Reply::says("```bash\nsda\n```")),
        ("html", Reply::Http("200 OK", "", "<html>login to the portal</html>".into())),
        ("half a JSON", Reply::json("200 OK", "{\"choices\":[{\"mess")),
        ("10 MB", Reply::says(&"x ".repeat(5 << 20))),
        ("hang", Reply::Hang),
        ("closed", Reply::Raw(Vec::new())),
        ("junk", Reply::Raw(b"\x00\x01\x02 not http".to_vec())),
    ];
    std::thread::scope(|scope| {
        for (name, reply) in faults {
            scope.spawn(move || one_fault(name, reply));
        }
    });
}

fn one_fault(name: &str, reply: Reply) {
    let server = Server::start(move |_| reply.clone());
    let mut sensor = Sensor::start(&Setup { extra: &openai(&server), ..Setup::default() });
    let mut talk = sensor.connect("telnet");
    talk.telnet_login("root", "toor");
    for _ in 0..3 {
        assert_eq!(talk.ask("localectl", "# "), "localectl\r\nroot@mail:~# ", "{name}");
    }
    assert!(talk.ask("pwd", "# ").contains("/root"), "{name}");
    let refused = matches!(name, "prose" | "markdown");
    if !refused {
        sensor.wait_for_line("visitors get the fallback").unwrap();
    }
    let said = sensor.said();
    let complaints = said.iter().filter(|line| line.contains("visitors get the fallback")).count();
    assert_eq!(complaints, usize::from(!refused), "{name}: {said:#?}");
    assert!(!said.iter().any(|line| line.contains("sk-secret")), "{name}: {said:#?}");
    let resident = sensor.resident_kib();
    assert!(resident < 100 << 10, "{name}: {resident} KiB");
    let (events, _) = sensor.stop();
    let commands = of_kind(&events, "command");
    let fallbacks = commands.iter().filter(|event| event["answered_by"] == "fallback").count();
    assert_eq!(fallbacks, 3, "{name}: {commands:#?}");
    assert!(!of_kind(&events, "model_called").is_empty(), "{name}");
    assert_eq!(of_kind(&events, "model_answer_refused").len(), if refused { 3 } else { 0 }, "{name}");
    assert!(!format!("{events:?}").contains("sk-secret"), "{name}");
}

#[test]
fn a_free_service_has_its_banner_its_model_and_its_fallback() {
    let server = Server::start(|request| {
        let asked = request["messages"].to_string();
        if asked.contains("PING") { Reply::says("+PONG") } else { Reply::json("500 Oops", "{}") }
    });
    let [port] = crate::sensor::free_ports();
    let service = format!(
        "{}\n[[services]]\nname = \"cache\"\ntype = \"tcp\"\nport = {port}\nbanner = \"+READY\\r\\n\"\nfallback = \"-ERR\\r\\n\"\n",
        openai(&server)
    );
    let sensor = Sensor::start(&Setup { extra: &service, ..Setup::default() });
    let mut talk = crate::sensor::Talk::to(port);
    talk.until("+READY\r\n");
    assert_eq!(talk.ask("PING", "\r\n"), "+PONG\r\n");
    drop(talk);
    let mut other = crate::sensor::Talk::to(port);
    other.until("+READY\r\n");
    assert_eq!(other.ask("EVIL", "\r\n"), "-ERR\r\n");
    let event = sensor.wait_for_event(|event| event["kind"] == "command" && event["input"] == "EVIL");
    assert_eq!((&event["protocol"], &event["answered_by"]), (&"cache".into(), &"fallback".into()));
}
