//! `rustbucket ask`: one question to the model, or a day of them, with all that a visitor never sees.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::model;
use crate::config::Config;
use crate::event::{AnsweredBy, Event, Kind};
use crate::handler::{ChatError, ModelCall};
use crate::respond::{Gateway, Trial, Voice, trial};
use crate::world::Persona;

/// What is asked.
#[derive(Args, Clone)]
pub(super) struct Ask {
    /// Kind of question: shell, file, page, or AI mode of ftp, smtp, http, telnet, tcp
    #[arg(long, default_value = "shell", value_name = "KIND")]
    protocol: String,
    /// Ask again what was asked of the model in a file of events, and score the answers
    #[arg(long, value_name = "EVENTS.jsonl", conflicts_with = "text")]
    replay: Option<PathBuf>,
    /// The question: a command line, a path, a request
    #[arg(required_unless_present = "replay")]
    text: Option<String>,
}

/// The kinds of question by their names on the command line.
const KINDS: [(&str, Voice); 8] = [
    ("shell", Voice::Program),
    ("file", Voice::File),
    ("page", Voice::Page),
    ("ftp", Voice::Ftp),
    ("smtp", Voice::Smtp),
    ("http", Voice::Http),
    ("telnet", Voice::Telnet),
    ("tcp", Voice::Tcp),
];

/// Asks; what went wrong is a sentence for the operator.
pub(super) fn run(config: &Config, ask: &Ask) -> Result<(), String> {
    let gateway = Gateway::volatile(&model::settings(config, 0)).map_err(|error| error.to_string())?;
    let gateway =
        gateway.ok_or("there is no model to ask; set CHATGPT_API_KEY, or [openai] base_url in the configuration")?;
    let persona = Persona::new(&config.persona, 0);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    match (&ask.replay, &ask.text) {
        (Some(file), _) => runtime.block_on(replay(&gateway, &persona, file)),
        (None, Some(text)) => {
            let known = KINDS.iter().find(|(name, _)| *name == ask.protocol);
            let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
            let (_, voice) =
                known.ok_or_else(|| format!("there is no kind {:?}; there are {}", ask.protocol, names.join(", ")))?;
            let trial = runtime.block_on(trial(&gateway, &persona, *voice, text));
            show(&trial).map_err(|error| error.to_string())
        }
        (None, None) => Ok(()),
    }
}

/// Prints all of it.
fn show(trial: &Trial) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for text in &trial.system {
        writeln!(out, "--- system\n{text}")?;
    }
    for turn in &trial.turns {
        writeln!(out, "--- {}\n{}", if turn.visitor { "user" } else { "assistant" }, turn.text)?;
    }
    for (answer, rule) in &trial.answers {
        writeln!(out, "--- answer: {}\n{answer}", rule.map_or("passes".into(), |rule| format!("breaks {rule:?}")))?;
    }
    for call in &trial.calls {
        writeln!(out, "--- call\n{}", of_call(call))?;
    }
    match &trial.result {
        Ok(text) => writeln!(out, "--- the visitor gets\n{text}"),
        Err(error) => writeln!(out, "--- the visitor gets the fallback: {error}"),
    }
}

fn of_call(call: &ModelCall) -> String {
    let outcome = call.error.as_ref().map_or_else(|| "ok".into(), ToString::to_string);
    #[expect(clippy::cast_precision_loss)]
    let usd = call.micro_usd as f64 / 1e6;
    format!(
        "{}: {outcome}, {} + {} tokens, {usd:.6} USD, {} ms",
        call.model,
        call.prompt_tokens,
        call.completion_tokens,
        call.latency.as_millis()
    )
}

/// What became of the questions of a file.
#[derive(Default)]
struct Score {
    passed: u64,
    repaired: u64,
    kept: u64,
    refused: BTreeMap<String, u64>,
    failed: u64,
    calls: u64,
    tokens: u64,
    micro_usd: u64,
}

/// Asks again every line that was put to a model once.
async fn replay(gateway: &Arc<Gateway>, persona: &Persona, file: &PathBuf) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", file.display());
    let reader = BufReader::new(fs::File::open(file).map_err(wrong)?);
    let mut questions = Vec::new();
    for (number, line) in reader.lines().enumerate() {
        let line = line.map_err(wrong)?;
        let event: Event = serde_json::from_str(&line)
            .map_err(|error| format!("{}:{}: this is no event: {error}", file.display(), number + 1))?;
        questions.extend(question(&event));
    }
    questions.sort_unstable_by(|one, other| one.1.cmp(&other.1));
    questions.dedup();
    let mut score = Score::default();
    let progress = std::io::stderr().is_terminal();
    for (number, (voice, text)) in questions.iter().enumerate() {
        if progress {
            eprint!("\r{} of {}", number + 1, questions.len());
        }
        let trial = trial(gateway, persona, *voice, text).await;
        let verdict = score.count(&trial);
        println!("{verdict}\t{text:?}");
    }
    if progress {
        eprintln!();
    }
    score.say(questions.len());
    Ok(())
}

/// The question of an event, if a model was asked it.
fn question(event: &Event) -> Option<(Voice, String)> {
    let Kind::Command { input, answered_by, .. } = event.kind() else { return None };
    if *answered_by == AnsweredBy::Emulator {
        return None;
    }
    let protocol = &event.visit()?.protocol;
    // In hybrid mode only programs of a shell are asked for; AI mode speaks in the protocol's own voice.
    let voice = if **protocol == *"telnet" || **protocol == *"ssh" { Voice::Program } else { Voice::of(protocol) };
    Some((voice, String::from_utf8_lossy(&input.0).into_owned()))
}

impl Score {
    fn count(&mut self, trial: &Trial) -> String {
        for call in &trial.calls {
            self.calls += 1;
            self.tokens += call.prompt_tokens + call.completion_tokens;
            self.micro_usd += call.micro_usd;
        }
        match &trial.result {
            Ok(_) if trial.answers.len() > 1 => {
                self.repaired += 1;
                "repaired".into()
            }
            Ok(_) => {
                self.passed += 1;
                "passed".into()
            }
            Err(ChatError::Refused(rule)) => {
                *self.refused.entry((*rule).to_string()).or_default() += 1;
                format!("refused: {rule}")
            }
            Err(ChatError::Kept(rule)) => {
                self.kept += 1;
                format!("not asked: {rule}")
            }
            Err(error) => {
                self.failed += 1;
                format!("failed: {error}")
            }
        }
    }

    fn say(&self, questions: usize) {
        let refused: u64 = self.refused.values().sum();
        #[expect(clippy::cast_precision_loss)]
        let usd = self.micro_usd as f64 / 1e6;
        println!(
            "{questions} questions: {} passed, {} repaired, {refused} refused, {} not asked, {} failed; {} calls, {} tokens, {usd:.4} USD",
            self.passed, self.repaired, self.kept, self.failed, self.calls, self.tokens
        );
        for (rule, count) in &self.refused {
            println!("  {count} {rule}");
        }
    }
}
