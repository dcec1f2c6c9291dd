//! What would run for ever, or eat everything: bombs made by rules, random bytes, soup of the grammar's tokens. Nothing
//! panics, every line ends or gives way to ^C, memory stays bounded, and another visitor is answered in between.
//!
//! A part of them by default; all 1,000 bombs and 10,000 lines of each kind of noise with `BOMBS=all`.

mod made;
mod noise;

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use rustbucket::shell::{Shell, Step};
use rustbucket::world::{Config, Host, Login, Overlay, Per, Setup, World};

use super::bench::{Bench, End, session};
use made::{FAMILIES, bomb};
use noise::{bytes, soup};

/// Simulated time that a line may run before ^C is pressed.
const PATIENCE: Duration = Duration::from_secs(20);
/// Calls of `step` that a line may take in that time: its budget of work, and waits of a millisecond.
const STEPS: u32 = 40_000;
/// Calls of `step` after which a key that interrupts must have had its effect.
const AFTER_KEY: u32 = 4_000;
/// Output of one line that is looked at.
const OUTPUT: usize = 256 << 20;
/// How much the memory of the process may grow, in MiB.
const MEMORY: u64 = 1_500;

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}
/// Panics of threads that the grammar started.
static ELSEWHERE: AtomicU32 = AtomicU32::new(0);

/// Counts panics of this thread, also those that the shell catches.
fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // The grammar's library fails on some texts; that is caught where it is asked.
            if info.location().is_some_and(|place| place.file().contains("brush-parser")) {
                return;
            }
            PANICS.set(PANICS.get() + 1);
            if std::thread::current().name() == Some("grammar") {
                ELSEWHERE.fetch_add(1, Ordering::Relaxed);
            }
            before(info);
        }));
    });
}

fn panics() -> u32 {
    PANICS.get() + ELSEWHERE.load(Ordering::Relaxed)
}

/// Resident memory of this process, in MiB.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() / 256
}

/// A host whose changes are forgotten with it, as the default configuration bounds it.
fn world() -> Arc<World> {
    World::build(Setup {
        persona: &Config::default(),
        login: &Login::default(),
        overlay: &Overlay { per: Per::Visit, ..Overlay::default() },
        state: None,
        image: None,
        seed: 7,
        overlay_bytes: 16 << 20,
        total_bytes: 256 << 20,
    })
}

/// One visitor's session, and another's beside it on the same thread.
struct Range {
    host: Arc<Host>,
    shell: Shell,
    now: Instant,
    bystander: Bench,
    /// The most that was seen so far: calls of `step` for one line, memory, the longest call.
    steps: (u32, String),
    memory: (u64, String),
    slice: (Duration, String),
    answers: u32,
    hung: Vec<String>,
    /// Slices of work that a line gets before ^C.
    slices: u32,
}

impl Range {
    fn new(world: &World) -> Self {
        let host = world.host_of_visit().unwrap();
        let neighbour = world.host_of_visit().unwrap();
        let shell = session(&host, &host.account(b"root").unwrap());
        let mut range = Self {
            host,
            shell,
            now: Instant::now(),
            bystander: Bench::login(&neighbour),
            steps: Default::default(),
            memory: Default::default(),
            slice: Default::default(),
            answers: 0,
            hung: Vec::new(),
            slices: if everything() { u32::MAX } else { 40 },
        };
        range.settle("login");
        range
    }

    /// Another host and a new login.
    fn renew(&mut self, world: &World) {
        self.host = world.host_of_visit().unwrap();
        self.shell = session(&self.host, &self.host.account(b"root").unwrap());
        self.settle("login");
    }

    fn neighbour(&mut self, what: &str) {
        let said = self.bystander.line("echo still here");
        assert_eq!(said, "still here", "beside {what:?}");
        self.answers += 1;
    }

    /// Lets the line run until somebody waits for keys, for as long as a visitor has patience; `None` when it still
    /// runs then.
    fn run(&mut self, what: &str, most: u32) -> Option<End> {
        let until = self.now + PATIENCE;
        let (mut printed, mut busy) = (0, 0);
        for step in 1..=most {
            let begun = Instant::now();
            let waits = self.shell.step(self.now);
            let took = begun.elapsed();
            busy += u32::from(waits == Step::Busy);
            if took > self.slice.0 {
                self.slice = (took, what.into());
            }
            if step > self.steps.0 {
                self.steps = (step, what.into());
            }
            printed += self.shell.take_output().out.len();
            drop(self.shell.take_notes());
            if step % 64 == 1 {
                self.neighbour(what);
                let resident = resident();
                if resident > self.memory.0 {
                    self.memory = (resident, what.into());
                }
            }
            assert!(printed < OUTPUT, "{printed} bytes of {what:?}");
            match waits {
                Step::Ended(status) => return Some(End::Over(status)),
                Step::Wait(_) if self.shell.wants_input() => return Some(End::Waits),
                Step::Wait(None) => return Some(End::Waits),
                Step::Wait(Some(moment)) if moment > until => {
                    self.now = until;
                    return None;
                }
                Step::Wait(Some(moment)) => self.now = self.now.max(moment),
                Step::Ask(_) => self.shell.answer(None),
                Step::Busy => {}
            }
            // A slice takes real time, which is the session's time too.
            self.now += Duration::from_micros(300);
            if self.now > until || busy > self.slices {
                // What is in the background may run on; the prompt is there.
                return self.shell.wants_input().then_some(End::Waits);
            }
        }
        panic!("{most} steps in {PATIENCE:?}: {what:?}");
    }

    /// Ends what runs as a visitor would.
    fn settle(&mut self, what: &str) -> End {
        if let Some(end) = self.run(what, STEPS) {
            return end;
        }
        for key in [b"\x03", b"\x1c"] {
            self.shell.feed(key);
            if let Some(end) = self.run(what, AFTER_KEY * 10) {
                return end;
            }
        }
        // They hang up.
        self.hung.push(what.chars().take(200).collect());
        End::Runs
    }

    /// Types a line; a session that has ended or hangs is followed by another.
    fn line(&mut self, world: &World, line: &[u8]) {
        let what: String = String::from_utf8_lossy(line).chars().take(300).collect();
        let before = panics();
        self.shell.feed(line);
        self.shell.feed(b"\r");
        let end = self.settle(&what);
        if end == End::Waits {
            // Whatever reads, a quote that is open or a program: the prompt comes back.
            self.shell.feed(b"\x03");
            self.settle(&what);
        } else {
            self.renew(world);
        }
        self.neighbour(&what);
        assert_eq!(panics(), before, "a panic: {:?}", String::from_utf8_lossy(line));
    }

    fn report(&self, what: &str, lines: u64, begun: Instant, before: u64) {
        let short = |text: &str| text.chars().take(120).collect::<String>();
        println!(
            "{what}: {lines} lines in {:.1} s, {} answers to the neighbour, no panic",
            begun.elapsed().as_secs_f64(),
            self.answers
        );
        println!("  most steps {}: {}", self.steps.0, short(&self.steps.1));
        println!("  longest slice {:.3} s: {}", self.slice.0.as_secs_f64(), short(&self.slice.1));
        println!("  memory {} MiB, {before} before: {}", self.memory.0, short(&self.memory.1));
        for line in &self.hung {
            println!("  neither ^C nor ^\\ ends: {}", short(line));
        }
        assert!(self.memory.0.saturating_sub(before) < MEMORY, "{} MiB: {}", self.memory.0, self.memory.1);
        // A real shell that ignores these signals, or runs the same at every prompt, does not end either.
        let ends = |line: &&String| !line.contains("trap") && !line.contains("PROMPT_COMMAND");
        let stubborn: Vec<&String> = self.hung.iter().filter(ends).collect();
        assert!(stubborn.is_empty(), "{stubborn:#?}");
    }
}

/// Shells run on threads with a deep stack, as in the sensor.
fn on_a_deep_stack(act: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(act).unwrap();
    if let Err(cause) = thread.join() {
        std::panic::resume_unwind(cause);
    }
}

/// Whether all of them are asked for, each with all the work that a session may do.
fn everything() -> bool {
    std::env::var("BOMBS").is_ok_and(|value| value == "all")
}

fn share(all: u64, part: u64) -> u64 {
    if everything() { all } else { part }
}

#[test]
fn bombs_end_and_harm_nobody() {
    on_a_deep_stack(|| {
        count_panics();
        let (world, before, begun) = (world(), resident(), Instant::now());
        let mut range = Range::new(&world);
        let lines = share(1000, 2 * FAMILIES.len() as u64);
        let first = std::env::var("BOMBS_FROM").map_or(0, |number| number.parse().unwrap());
        for number in first..lines {
            let (family, text) = bomb(number);
            if std::env::var("BOMBS").is_ok() {
                eprintln!("{number} {family}: {:?}", text.chars().take(100).collect::<String>());
            }
            let began = Instant::now();
            range.line(&world, text.replace('\n', "\r").as_bytes());
            // What runs at every prompt or signal would be counted against the next line.
            if number % 8 == 7 || text.contains("PROMPT_COMMAND") || text.contains("trap") {
                range.renew(&world);
            }
            if began.elapsed().as_secs() >= 5 {
                let text: String = text.chars().take(160).collect();
                eprintln!("{number} {family}: {:.1} s: {text:?}", began.elapsed().as_secs_f64());
            }
        }
        range.report("bombs", lines, begun, before);
    });
}

#[test]
fn noise_is_answered() {
    on_a_deep_stack(|| {
        count_panics();
        let (world, before) = (world(), resident());
        for (what, make) in [("random bytes", bytes as fn(u64) -> Vec<u8>), ("random tokens", soup)] {
            let begun = Instant::now();
            let mut range = Range::new(&world);
            let lines = share(10_000, 1000);
            for number in 0..lines {
                range.line(&world, &make(number));
                if number % 50 == 49 {
                    range.renew(&world);
                }
            }
            range.report(what, lines, begun, before);
        }
    });
}
