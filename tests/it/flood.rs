//! A flood of questions for the model: it costs no more than the budget says, and others are served meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::scripted::{Reply, Server};
use crate::sensor::{Sensor, Setup, Talk, of_kind};

/// Millionths of a dollar that a day may cost in these tests.
const CAP: u64 = 20_000;

fn start(server: &Server) -> Sensor {
    let extra = format!(
        "[openai]\nbase_url = \"{}\"\nprice_in = 10.0\nprice_out = 10.0\nmax_tokens = 50\ntimeout_ms = 3000\n\
         [budget]\nday_usd = 0.02\n[limits]\nper_source = 600\nper_network = 600\nconnections = 1000\n",
        server.url("/v1")
    );
    Sensor::start(&Setup { extra: &extra, ..Setup::default() })
}

/// What `id` said to another visitor while `flood` ran: how often, and always the same.
fn beside(sensor: &Sensor, flood: impl FnOnce()) -> u64 {
    let (over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut talk = Talk::from("127.0.9.9", sensor.port("telnet"));
            talk.telnet_login("root", "toor");
            while !over.load(Ordering::Relaxed) {
                let said = talk.ask("sleep 0.02; id", "# ");
                assert_eq!(said, "sleep 0.02; id\r\nuid=0(root) gid=0(root) groups=0(root)\r\nroot@mail:~# ");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        flood();
        over.store(true, Ordering::Relaxed);
    });
    answered.load(Ordering::Relaxed)
}

fn spent(sensor: Sensor, server: &Server) -> u64 {
    let (events, _) = sensor.stop();
    let spent = of_kind(&events, "model_spent").first().map_or(0, |event| event["micro_usd"].as_u64().unwrap());
    assert!(spent <= CAP, "{spent}");
    assert!(!server.requests().is_empty());
    spent
}

#[test]
fn ten_thousand_questions_of_one_source_cost_no_more_than_the_budget() {
    let server = Server::start(|_| Reply::says("sda"));
    let sensor = start(&server);
    let lines = 10_000;
    let answered = beside(&sensor, || {
        let mut talk = sensor.connect("telnet");
        talk.telnet_login("root", "toor");
        for batch in 0..lines / 50 {
            let text: String = (0..50).map(|number| format!("gpg -k {batch}x{number}\r")).collect();
            talk.send(text);
            talk.ask(&format!("echo end{batch}"), &format!("\nend{batch}\r\n"));
        }
    });
    let calls = server.requests().len();
    println!(
        "{lines} lines, {calls} calls, {} micro-dollars of {CAP}; the neighbour got {answered} answers",
        spent(sensor, &server)
    );
    assert!(answered > 0);
}

#[test]
fn nor_do_questions_of_five_hundred_sources() {
    let server = Server::start(|_| Reply::says("sda"));
    let sensor = start(&server);
    let answered = beside(&sensor, || {
        for batch in 0..20 {
            let mut talks: Vec<Talk> = (0..25)
                .map(|number| Talk::from(&format!("127.0.{}.{}", batch + 10, number + 1), sensor.port("telnet")))
                .collect();
            for (number, talk) in talks.iter_mut().enumerate() {
                talk.telnet_login("root", "toor");
                talk.send((0..20).map(|line| format!("gpg -k {batch}x{number}x{line}\r")).collect::<String>());
            }
            for talk in &mut talks {
                talk.ask("echo e''nd", "\nend\r\n");
            }
        }
    });
    let calls = server.requests().len();
    println!(
        "500 sources, 10000 lines, {calls} calls, {} micro-dollars of {CAP}; the neighbour got {answered} answers",
        spent(sensor, &server)
    );
    assert!(answered > 0);
}
