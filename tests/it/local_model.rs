//! A real language model behind the host. `LOCAL_MODEL` is the address of its OpenAI-compatible API, up to `/v1`;
//! without it these tests say that they are skipped. The model answers in prose, so nearly everything that it says
//! must be stopped by the guard.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::scripted::{Reply, Server};
use crate::sensor::{Sensor, Setup, of_kind};

fn model() -> Option<String> {
    let address = std::env::var("LOCAL_MODEL").ok().filter(|address| !address.is_empty());
    if address.is_none() {
        eprintln!("skipped: LOCAL_MODEL is not set");
    }
    address
}

/// Passes requests on to the real model until it is told to break, and keeps what was asked.
fn relay(address: String, answers: usize) -> Server {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |request| {
        if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= answers {
            return Reply::Raw(Vec::new());
        }
        let body = request.to_string();
        let arguments = ["-s", "--max-time", "60", "-H", "Content-Type: application/json", "-d", &body];
        let url = format!("{address}/chat/completions");
        let output = std::process::Command::new("curl").args(arguments).arg(url).output().unwrap();
        let stream = "Content-Type: text/event-stream\r\nConnection: close\r\n";
        Reply::Http("200 OK", stream, String::from_utf8_lossy(&output.stdout).into())
    })
}

#[test]
fn a_conversation_remembers_and_outlives_its_model() {
    let Some(address) = model() else { return };
    let server = relay(address, 2);
    let extra = format!(
        "[openai]\nbase_url = \"{}\"\ntimeout_ms = 60000\nfirst_byte_ms = 60000\nmax_tokens = 40\n",
        server.url("/v1")
    );
    let sensor = Sensor::start(&Setup { mode: "ai", extra: &extra, ..Setup::default() });
    let mut talk = sensor.connect("telnet");
    talk.stream.set_read_timeout(Some(std::time::Duration::from_secs(90))).unwrap();
    talk.until(":~# ");
    let answers: Vec<String> = ["uname -a", "whoami", "id"].iter().map(|line| talk.ask(line, ":~# ")).collect();
    // An answer that broke a rule went back once: the requests of the second line are those that end with it.
    let ends = |request: &&Value| request["messages"].as_array().unwrap().last().unwrap()["content"] == "whoami";
    let requests = server.requests();
    let turns = requests.iter().find(ends).unwrap()["messages"].as_array().unwrap().clone();
    let user: Vec<&Value> = turns.iter().filter(|turn| turn["role"] == "user").map(|turn| &turn["content"]).collect();
    assert_eq!(user, ["uname -a", "whoami"]);
    assert!(turns.iter().any(|turn| turn["role"] == "assistant"));
    // The third question found no model any more.
    assert_eq!(answers[2], "uid=0(root) gid=0(root) groups=0(root)\r\nroot@mail:~# ");
    assert!(talk.ask("pwd", ":~# ").ends_with("root@mail:~# "));
    let (events, _) = sensor.stop();
    let called = of_kind(&events, "model_called");
    assert_eq!(called.iter().filter(|event| event["outcome"] == "ok").count(), 2, "{called:#?}");
    assert!(called[0]["prompt_tokens"].as_u64().unwrap() > 10);
}

/// What only models say; the guard has a list of its own.
const TELLS: [&str; 20] = [
    "sorry",
    "assist",
    "language model",
    "```",
    "Here is",
    "Here are",
    "Here\u{2019}s",
    "the command",
    "you can",
    "You can",
    "I am ",
    "I'm ",
    "I\u{2019}m",
    "following",
    "OpenAI",
    "As an",
    "Internal mark",
    "RX-",
    "never an instruction",
    "example of",
];

/// Whether a text has what only models say, or bytes that no daemon of this host sends.
fn told(text: &str) -> Option<&'static str> {
    let strange = text.chars().any(|c| !c.is_ascii() || (c.is_control() && !"\r\n\t\u{1b}\u{7}".contains(c)));
    TELLS.into_iter().find(|tell| text.contains(tell)).or(strange.then_some("a strange byte"))
}

/// Questions that nobody emulates, over four protocols: `LOCAL_MODEL_QUESTIONS` of them, else a few.
#[test]
fn no_sentence_of_the_model_reaches_a_visitor() {
    let Some(address) = model() else { return };
    let count: usize = std::env::var("LOCAL_MODEL_QUESTIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let extra = format!(
        "[openai]\nbase_url = \"{address}\"\ntimeout_ms = 60000\nfirst_byte_ms = 60000\nmax_tokens = 40\ncalls_per_visit = 2000\n\
         [budget]\nvisit_tokens = 0\nsource_day_tokens = 0\nnetwork_day_tokens = 0\nhour_tokens = 0\n"
    );
    let ai = Sensor::start(&Setup { mode: "ai", extra: &extra, ..Setup::default() });
    let hybrid = Sensor::start(&Setup {
        extra: &format!("{extra}[http]\napps = []\ninvent = [\"/api/\"]\n"),
        ..Setup::default()
    });
    let patient = |sensor: &Sensor, protocol: &str| {
        let talk = sensor.connect(protocol);
        talk.stream.set_read_timeout(Some(std::time::Duration::from_secs(150))).unwrap();
        talk
    };
    let (mut shell, mut ftp, mut smtp) = (patient(&hybrid, "telnet"), patient(&ai, "ftp"), patient(&ai, "smtp"));
    shell.telnet_login("root", "toor");
    shell.ask("PS1='@@@ '; echo ready", "@@@ ");
    ftp.until("\r\n");
    smtp.until("\r\n");
    for number in 0..count {
        let (asked, said) = match number % 4 {
            0 => {
                let program = ["gpg", "git", "make", "ld", "gcc", "postconf", "openssl", "ufw", "nginx", "traceroute"];
                let options = ["--list", "-v", "status", "--all -x", "show config", "check /etc", "-t 3 list", "info"];
                let line = format!("{} {} {number}", program[number / 4 % 10], options[number / 40 % 8]);
                (line.clone(), shell.ask(&line, "@@@ "))
            }
            1 => {
                let line =
                    format!("{} /pub/file{number}", ["XCRC", "SITE HELP", "MLSD", "HASH", "THMB"][number / 4 % 5]);
                (line.clone(), ftp.ask(&line, "\r\n"))
            }
            2 => {
                let line = format!("{} box{number}", ["XFORWARD", "SOML", "TURN", "EXPN", "XCLIENT"][number / 4 % 5]);
                (line.clone(), smtp.ask(&line, "\r\n"))
            }
            _ => {
                let mut http = patient(&hybrid, "http");
                let line =
                    format!("GET /api/{}/{number} HTTP/1.1", ["users", "orders", "status", "login"][number / 4 % 4]);
                http.send(format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n"));
                (line, String::from_utf8_lossy(&http.rest()).into_owned())
            }
        };
        let answer = said.replace(&asked, "");
        assert_eq!(told(&answer), None, "{asked}: {said}");
        eprint!("\r{} of {count}", number + 1);
    }
    drop((shell, ftp, smtp));
    let mut all = ai.stop().0;
    all.extend(hybrid.stop().0);
    let count_of = |kind: &str| of_kind(&all, kind).len();
    let by = |who: &str| all.iter().filter(|event| event["answered_by"] == who).count();
    let rules = of_kind(&all, "model_answer_refused").into_iter().fold(BTreeMap::new(), |mut rules, event| {
        *rules.entry(event["rule"].as_str().unwrap().to_string()).or_insert(0) += 1;
        rules
    });
    println!(
        "{count} questions, {} calls: {} accepted, {} of them repaired, {} refused {rules:?}, {} answered by the fallback",
        count_of("model_called"),
        by("model"),
        count_of("model_answer_repaired"),
        count_of("model_answer_refused"),
        by("fallback"),
    );
    assert!(count_of("model_called") >= count, "every question is one call at least");
}
