//! What the model may cost: by question, visit, source, network, hour, day, month. At a bound nobody is asked any more,
//! and visitors get what they would get without a model. Sums survive a restart.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

use super::memory::{Memory, Spent};
use crate::base::clock::{self, Timestamp};
use crate::chatgpt::Cost;
use crate::handler::ChatError;

/// `[budget]` of `Config.toml`; 0 is no bound.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// US dollars that may be spent in an hour (UTC), a day, a month.
    pub hour_usd: f64,
    /// See `hour_usd`.
    pub day_usd: f64,
    /// See `hour_usd`.
    pub month_usd: f64,
    /// Tokens of an hour, a day, a month.
    pub hour_tokens: u64,
    /// See `hour_tokens`.
    pub day_tokens: u64,
    /// See `hour_tokens`.
    pub month_tokens: u64,
    /// Tokens of a day for one address.
    pub source_day_tokens: u64,
    /// Tokens of a day for one network: /24 of IPv4, /64 of IPv6.
    pub network_day_tokens: u64,
    /// Tokens of one visit.
    pub visit_tokens: u64,
    /// Tokens of one question with its answer.
    pub question_tokens: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hour_usd: 0.50,
            day_usd: 3.0,
            month_usd: 30.0,
            hour_tokens: 1_000_000,
            day_tokens: 5_000_000,
            month_tokens: 0,
            source_day_tokens: 150_000,
            network_day_tokens: 400_000,
            visit_tokens: 100_000,
            question_tokens: 8_000,
        }
    }
}

impl Config {
    /// What is wrong with a value: its key and the reason.
    ///
    /// # Errors
    /// A sum of money that is negative or no number.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let sums = [("hour_usd", self.hour_usd), ("day_usd", self.day_usd), ("month_usd", self.month_usd)];
        match sums.into_iter().find(|(_, sum)| !sum.is_finite() || *sum < 0.0) {
            Some((key, _)) => Err((key, "a sum of money is 0 (no bound) or more".into())),
            None => Ok(()),
        }
    }
}

/// What one visit has spent.
#[derive(Debug, Default)]
pub struct Visit {
    calls: AtomicU64,
    tokens: AtomicU64,
}

/// Addresses and networks that are counted at once; when there are more, those that spent least are forgotten.
const COUNTED: usize = 20_000;

/// All sums.
pub struct Budget {
    config: Config,
    /// Calls of one visit.
    visit_calls: u64,
    memory: Memory,
    sums: Mutex<Sums>,
}

#[derive(Default)]
struct Sums {
    /// By name: `hour 2026-11-23T19`, `day 2026-11-23`, `month 2026-11`, `from 2026-11-23 192.0.2.1`.
    windows: HashMap<String, Spent>,
    /// What questions that are under way may cost.
    reserved: HashMap<String, Cost>,
}

/// The names of the windows that a question of this source counts in.
struct Windows([String; 5]);

impl Windows {
    fn at(now: Timestamp, source: IpAddr) -> Self {
        let text = now.to_string();
        let part = |len: usize| text.get(..len).unwrap_or_default().to_string();
        let (month, day, hour) = (part(7), part(10), part(13));
        Self([
            format!("hour {hour}"),
            format!("day {day}"),
            format!("month {month}"),
            format!("from {day} {source}"),
            format!("from {day} {}", network(source)),
        ])
    }
}

/// The network that an address is counted with.
fn network(source: IpAddr) -> String {
    match source.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Room for one question; it is given back when this is dropped, and what was really spent is counted apart.
pub struct Reserved {
    budget: Arc<Budget>,
    windows: Windows,
    cost: Cost,
}

impl Budget {
    /// With the sums that the memory holds.
    pub fn new(config: Config, visit_calls: usize, memory: Memory) -> Arc<Self> {
        let windows = memory.spent("").into_iter().collect();
        let sums = Mutex::new(Sums { windows, reserved: HashMap::new() });
        Arc::new(Self { config, visit_calls: visit_calls as u64, memory, sums })
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for a question that may cost so much.
    ///
    /// # Errors
    /// [`ChatError::Spent`] with the bound that is reached.
    pub fn reserve(self: &Arc<Self>, source: IpAddr, visit: &Visit, cost: Cost) -> Result<Reserved, ChatError> {
        let Config { question_tokens, visit_tokens, .. } = self.config;
        let over = |bound: u64, sum: u64| bound > 0 && sum > bound;
        if over(question_tokens, cost.tokens) {
            return Err(ChatError::Spent("question"));
        }
        if visit.calls.load(Ordering::Relaxed) >= self.visit_calls {
            return Err(ChatError::Spent("calls of the visit"));
        }
        if over(visit_tokens, visit.tokens.load(Ordering::Relaxed).saturating_add(cost.tokens)) {
            return Err(ChatError::Spent("visit"));
        }
        let windows = Windows::at(clock::now(), source);
        let mut sums = self.sums();
        for ((name, window), (tokens, usd)) in
            ["hour", "day", "month", "source", "network"].into_iter().zip(&windows.0).zip(self.bounds())
        {
            let spent = sums.windows.get(window).copied().unwrap_or_default();
            let reserved = sums.reserved.get(window).copied().unwrap_or_default();
            let all = |spent: u64, reserved: u64, more: u64| spent.saturating_add(reserved).saturating_add(more);
            if over(tokens, all(spent.tokens, reserved.tokens, cost.tokens))
                || over(usd, all(spent.micro_usd, reserved.micro_usd, cost.micro_usd))
            {
                return Err(ChatError::Spent(name));
            }
        }
        for window in &windows.0 {
            let reserved = sums.reserved.entry(window.clone()).or_default();
            reserved.tokens += cost.tokens;
            reserved.micro_usd += cost.micro_usd;
        }
        visit.calls.fetch_add(1, Ordering::Relaxed);
        Ok(Reserved { budget: Arc::clone(self), windows, cost })
    }

    /// Tokens and millionths of a dollar, in the order of [`Windows`].
    fn bounds(&self) -> [(u64, u64); 5] {
        let config = &self.config;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let micro = |usd: f64| (usd * 1e6) as u64;
        [
            (config.hour_tokens, micro(config.hour_usd)),
            (config.day_tokens, micro(config.day_usd)),
            (config.month_tokens, micro(config.month_usd)),
            (config.source_day_tokens, 0),
            (config.network_day_tokens, 0),
        ]
    }

    /// Counts a call. What is to be written down is written by whoever calls the result, which blocks for the disk.
    pub fn spend(&self, source: IpAddr, visit: &Visit, cost: Cost) -> impl FnOnce() + Send + 'static {
        visit.tokens.fetch_add(cost.tokens, Ordering::Relaxed);
        let windows = Windows::at(clock::now(), source);
        let mut sums = self.sums();
        sums.forget(&windows);
        let changed: Vec<(String, Spent)> = windows
            .0
            .iter()
            .map(|window| {
                let spent = sums.windows.entry(window.clone()).or_default();
                spent.calls += 1;
                spent.tokens += cost.tokens;
                spent.micro_usd += cost.micro_usd;
                (window.clone(), *spent)
            })
            .collect();
        let memory = self.memory.clone();
        move || memory.keep_spent(&changed, |name| is_old(name, &windows))
    }

    /// What a day, `2026-11-23`, has cost.
    pub fn day(&self, day: &str) -> Spent {
        self.sums().windows.get(&format!("day {day}")).copied().unwrap_or_default()
    }
}

impl Sums {
    /// Forgets windows that are over, and sources when there are too many of them.
    fn forget(&mut self, now: &Windows) {
        if self.windows.len() < COUNTED && !self.windows.len().is_multiple_of(64) {
            return;
        }
        self.windows.retain(|name, _| !is_old(name, now));
        if self.windows.len() >= COUNTED {
            let mut spent: Vec<u64> = self.windows.values().map(|spent| spent.tokens).collect();
            let middle = spent.len() / 2;
            let (_, median, _) = spent.select_nth_unstable(middle);
            let median = *median;
            self.windows.retain(|name, spent| !name.starts_with("from ") || spent.tokens > median);
        }
    }
}

/// Whether a window is over: another hour than this, a source of another day. Days and months stay for the record.
fn is_old(name: &str, now: &Windows) -> bool {
    let [hour, day, ..] = &now.0;
    let day = day.trim_start_matches("day ");
    match name.split_once(' ') {
        Some(("hour", _)) => name != hour,
        Some(("from", rest)) => !rest.starts_with(day),
        _ => false,
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut sums = self.budget.sums();
        for window in &self.windows.0 {
            let Some(reserved) = sums.reserved.get_mut(window) else { continue };
            reserved.tokens = reserved.tokens.saturating_sub(self.cost.tokens);
            reserved.micro_usd = reserved.micro_usd.saturating_sub(self.cost.micro_usd);
            if *reserved == Cost::default() {
                sums.reserved.remove(window);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const COST: Cost = Cost { tokens: 1000, micro_usd: 1000 };

    fn budget(config: Config) -> (Arc<Budget>, Memory) {
        let memory = Memory::volatile().unwrap();
        (Budget::new(config, 100, memory.clone()), memory)
    }

    fn whose(result: Result<Reserved, ChatError>) -> &'static str {
        match result {
            Err(ChatError::Spent(whose)) => whose,
            other => panic!("{:?}", other.map(|_| ())),
        }
    }

    #[test]
    fn each_bound_holds_also_for_what_is_under_way() {
        let visit = Visit::default();
        let (money, _) = budget(Config { day_usd: 0.003, ..Config::default() });
        let held: Vec<Reserved> = (0..3).map(|_| money.reserve(ME, &visit, COST).unwrap()).collect();
        assert_eq!(whose(money.reserve(ME, &visit, COST)), "day");
        drop(held);
        for _ in 0..3 {
            money.spend(ME, &visit, COST)();
        }
        assert_eq!(whose(money.reserve(ME, &visit, COST)), "day");

        let (tokens, _) = budget(Config { source_day_tokens: 1500, ..Config::default() });
        tokens.spend(ME, &visit, COST)();
        assert_eq!(whose(tokens.reserve(ME, &visit, COST)), "source");
        assert!(tokens.reserve("192.0.2.2".parse().unwrap(), &visit, COST).is_ok());

        let (network, _) = budget(Config { network_day_tokens: 1500, ..Config::default() });
        network.spend(ME, &visit, COST)();
        assert_eq!(whose(network.reserve("192.0.2.200".parse().unwrap(), &visit, COST)), "network");
        assert!(network.reserve("192.0.3.1".parse().unwrap(), &visit, COST).is_ok());

        let (visits, _) = budget(Config { visit_tokens: 1500, question_tokens: 1000, ..Config::default() });
        let fresh = Visit::default();
        visits.spend(ME, &fresh, COST)();
        assert_eq!(whose(visits.reserve(ME, &fresh, COST)), "visit");
        assert_eq!(whose(visits.reserve(ME, &Visit::default(), Cost { tokens: 1001, micro_usd: 0 })), "question");
    }

    #[test]
    fn calls_of_a_visit_are_counted() {
        let memory = Memory::volatile().unwrap();
        let budget = Budget::new(Config::default(), 2, memory);
        let visit = Visit::default();
        drop(budget.reserve(ME, &visit, COST).unwrap());
        drop(budget.reserve(ME, &visit, COST).unwrap());
        assert_eq!(whose(budget.reserve(ME, &visit, COST)), "calls of the visit");
    }

    #[test]
    fn sums_are_there_after_a_restart() {
        let (first, memory) = budget(Config::default());
        first.spend(ME, &Visit::default(), COST)();
        let day = clock::day(clock::now());
        let again = Budget::new(Config { day_tokens: 1500, ..Config::default() }, 100, memory.clone());
        assert_eq!(again.day(&day), Spent { calls: 1, tokens: 1000, micro_usd: 1000 });
        assert_eq!(whose(again.reserve(ME, &Visit::default(), COST)), "day");
        memory.keep_spent(&[("hour 2020-01-01T00".into(), Spent::default())], |_| false);
        again.spend(ME, &Visit::default(), COST)();
        assert!(!memory.spent("hour").iter().any(|(name, _)| name.contains("2020")));
    }

    #[test]
    fn networks() {
        assert_eq!(network("192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1:2::/64");
    }

    #[test]
    fn a_flood_of_sources_is_forgotten_but_not_the_sum() {
        let (budget, _) = budget(Config { day_tokens: 0, hour_tokens: 0, ..Config::default() });
        let visit = Visit::default();
        for number in 0..30_000_u32 {
            drop(budget.spend(IpAddr::V4(number.into()), &visit, Cost { tokens: 1, micro_usd: 1 }));
        }
        assert!(budget.sums().windows.len() <= COUNTED + 64);
        assert_eq!(budget.day(&clock::day(clock::now())).calls, 30_000);
    }
}
