//! A real language model behind the host. `LOCAL_MODEL` is the address of its OpenAI-compatible API, up to `/v1`;
//! without it these tests say that they are skipped. The model answers in prose, so nearly everything that it says
//! must be stopped by the guard.

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
    let extra = format!("[openai]\nbase_url = \"{}\"\ntimeout_ms = 60000\nmax_tokens = 40\n", server.url("/v1"));
    let sensor = Sensor::start(&Setup { mode: "ai", extra: &extra, ..Setup::default() });
    let mut talk = sensor.connect("telnet");
    talk.stream.set_read_timeout(Some(std::time::Duration::from_secs(90))).unwrap();
    talk.until(":~# ");
    let answers: Vec<String> = ["uname -a", "whoami", "id"].iter().map(|line| talk.ask(line, ":~# ")).collect();
    let turns = server.requests()[1]["messages"].as_array().unwrap().clone();
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

#[test]
fn no_sentence_of_the_model_reaches_a_visitor() {
    let Some(address) = model() else { return };
    let extra = format!("[openai]\nbase_url = \"{address}\"\ntimeout_ms = 60000\nmax_tokens = 40\n");
    let sensor = Sensor::start(&Setup { extra: &extra, ..Setup::default() });
    let mut talk = sensor.connect("telnet");
    talk.stream.set_read_timeout(Some(std::time::Duration::from_secs(90))).unwrap();
    talk.telnet_login("root", "toor");
    for line in ["localectl", "dumpe2fs x", "setfacl -b x", "busctl list", "pldd 1", "filefrag x"] {
        let answer = talk.ask(line, "# ");
        for word in ["sorry", "assist", "language model", "```", "Here", "command is", "you can", "I am", "I'm"] {
            assert!(!answer.contains(word), "{line}: {answer}");
        }
    }
    let (events, _) = sensor.stop();
    assert_eq!(of_kind(&events, "model_called").len(), 6);
}
