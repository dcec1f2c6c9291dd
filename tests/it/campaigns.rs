//! Campaigns of attackers, replayed over Telnet against the real binary to their last step: `tests/transcripts/campaigns`.
//! `cargo test --test it campaigns -- --nocapture` prints what was typed and answered.
//!
//! In the files: `C:` a line that is typed. What is asked of its answer: `S:` the answer, each line of it; `R:` a regular
//! expression that it matches; `N:` one that it does not match; `B: OFFSET HEX` bytes of it; `V: NAME REGEX` keeps the
//! first group as `{NAME}`. `L: NAME PASSWORD` logs in anew. `E: KIND FIELD=VALUE…` an event of the visit. `#` a comment.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::sensor::{Sensor, Setup, Talk};

/// A campaign under way.
struct Replay {
    sensor: Sensor,
    talk: Option<Talk>,
    known: BTreeMap<String, String>,
    answer: String,
    typed: String,
    lines: u32,
    checks: u32,
    wrong: Vec<String>,
    events: Vec<(String, BTreeMap<String, String>)>,
}

impl Replay {
    fn new(profile: &str) -> Self {
        let env = [("RUSTBUCKET__PERSONA__PROFILE", profile)];
        Self {
            sensor: Sensor::start(&Setup { env: &env, ..Setup::default() }),
            talk: None,
            known: BTreeMap::new(),
            answer: String::new(),
            typed: String::new(),
            lines: 0,
            checks: 0,
            wrong: Vec::new(),
            events: Vec::new(),
        }
    }

    fn login(&mut self, name: &str, password: &str) {
        println!("--- login as {name}");
        let mut talk = self.sensor.connect("telnet");
        talk.refuse_options();
        talk.until("login: ");
        talk.ask(name, "Password: ");
        talk.ask(password, "# ");
        self.talk = Some(talk);
    }

    fn fill(&self, text: &str) -> String {
        self.known.iter().fold(text.to_string(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// Types a line, and then one that says where its answer ends.
    fn line(&mut self, line: &str) {
        self.lines += 1;
        self.typed = line.to_string();
        let end = format!("END{}", self.lines);
        let mark = format!("echo E''ND{}", self.lines);
        let talk = self.talk.as_mut().expect("a login first");
        let said = talk.ask(line, "# ") + &talk.ask(&mark, &format!("{end}\r\n"));
        talk.until("# ");
        let body = said.split_once('\n').map_or("", |(_, body)| body);
        let body = body.rfind(&mark).map_or(body, |at| &body[..at]);
        let body = body.rfind('\n').map_or("", |at| &body[..at]);
        self.answer = body.replace("\r\n", "\n").trim_end_matches('\r').to_string();
        println!("> {line}\n{}", self.answer.chars().take(2000).collect::<String>());
    }

    fn check(&mut self, right: bool, wanted: &str) {
        self.checks += 1;
        if !right {
            let answer: String = self.answer.chars().take(600).collect();
            self.wrong.push(format!("{}\n   wanted {wanted}\n   got    {answer:?}", self.typed));
        }
    }

    fn play(&mut self, text: &str) {
        let mut exact: Option<Vec<String>> = None;
        for line in text.lines().chain(["#"]) {
            let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
            let rest = self.fill(rest.strip_prefix(' ').unwrap_or(rest));
            if mark == "S:" {
                exact.get_or_insert_default().push(rest);
                continue;
            }
            if let Some(wanted) = exact.take() {
                let wanted = wanted.join("\n");
                self.check(self.answer == wanted, &format!("{wanted:?}"));
            }
            match mark {
                "C:" => self.line(&rest),
                "L:" => {
                    let (name, password) = rest.split_once(' ').unwrap();
                    self.login(name, password);
                }
                "R:" => self.check(Regex::new(&rest).unwrap().is_match(&self.answer), &rest),
                "N:" => self.check(!Regex::new(&rest).unwrap().is_match(&self.answer), &format!("nothing like {rest}")),
                "B:" => {
                    let (at, hex) = rest.split_once(' ').unwrap();
                    let at: usize = at.parse().unwrap();
                    let bytes: Vec<u8> =
                        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
                    let right = self.answer.as_bytes().get(at..).is_some_and(|rest| rest.starts_with(&bytes));
                    self.check(right, &format!("bytes {hex} at {at}"));
                }
                "V:" => {
                    let (name, pattern) = rest.split_once(' ').unwrap();
                    let found = Regex::new(pattern).unwrap().captures(&self.answer).map(|groups| groups[1].to_string());
                    self.check(found.is_some(), pattern);
                    self.known.insert(name.into(), found.unwrap_or_default());
                }
                "E:" => {
                    let (kind, fields) = rest.split_once(' ').unwrap();
                    let fields = fields.split(' ').filter_map(|field| field.split_once('='));
                    let fields = fields.map(|(name, value)| (name.to_string(), value.to_string())).collect();
                    self.events.push((kind.into(), fields));
                }
                _ if line.is_empty() || line.starts_with('#') => {}
                other => panic!("{other:?} in a campaign"),
            }
        }
    }

    /// Ends the visit and looks at what was recorded of it.
    fn finish(mut self, name: &str) {
        drop(self.talk.take());
        let captures = self.sensor.dir().join("state/captures");
        self.sensor.wait_for_event(|event| event["kind"] == "connection_closed");
        let kept = |event: &Value| {
            let bytes = std::fs::read(captures.join(event["stored"].as_str()?)).ok()?;
            Some(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        };
        let recorded = self.sensor.events();
        for event in recorded.iter().filter(|event| event["stored"].is_string()) {
            self.checks += 1;
            if kept(event).as_deref() != event["sha256"].as_str() {
                self.wrong.push(format!("the capture of {event}"));
            }
        }
        let (events, status) = self.sensor.stop();
        assert!(status.success());
        crate::shutdown::whole(&events);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
        for (kind, fields) in &self.events {
            self.checks += 1;
            let fits = |event: &&Value| fields.iter().all(|(name, value)| text(&event[name.as_str()]) == *value);
            if !events.iter().filter(|event| event["kind"] == kind.as_str()).any(|event| fits(&event)) {
                let all: Vec<&Value> = events.iter().filter(|event| event["kind"] == kind.as_str()).collect();
                self.wrong.push(format!("no event {kind} {fields:?} among {all:#?}"));
            }
        }
        println!("{name}: {} lines to the last step, {} checks, {} wrong", self.lines, self.checks, self.wrong.len());
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

fn replay(name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/transcripts/campaigns/{name}.txt"));
    let text = std::fs::read_to_string(file).unwrap();
    let profile = text.lines().find_map(|line| line.strip_prefix("# profile: ")).unwrap_or("ubuntu-20.04");
    let mut replay = Replay::new(profile);
    replay.play(&text);
    replay.finish(name);
}

#[test]
fn mirai_on_a_server() {
    replay("mirai-server");
}

#[test]
fn mirai_on_a_router() {
    replay("mirai-router");
}

#[test]
fn a_key_and_a_new_password() {
    replay("key-and-password");
}

#[test]
fn reconnaissance_with_execution_test() {
    replay("reconnaissance");
}

#[test]
fn killer_of_rivals() {
    replay("rival-killer");
}
