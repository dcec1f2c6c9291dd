//! The model of a run: its gateway, and the daily word on what it cost.

use std::sync::Arc;
use std::time::Duration;

use crate::base::clock;
use crate::config::Config;
use crate::event::{Bus, Kind};
use crate::respond::{Gateway, GatewayError, Settings};

/// Everything about the model in the configuration.
pub(super) fn settings(config: &Config, seed: u64) -> Settings<'_> {
    Settings {
        openai: &config.openai,
        models: &config.models,
        budget: &config.budget,
        prompts: &config.openai.prompts,
        state: &config.general.state_directory,
        seed,
    }
}

/// The gateway of a run; `None` without a model.
pub(super) fn gateway(config: &Config, seed: u64) -> Result<Option<Arc<Gateway>>, GatewayError> {
    Gateway::open(&settings(config, seed))
}

/// Addresses of all models.
pub(super) fn addresses(config: &Config) -> impl Iterator<Item = &str> {
    let first = config.openai.usable().then_some(config.openai.base_url.as_str());
    first.into_iter().chain(config.models.iter().map(|model| model.address()))
}

/// Says each midnight (UTC) what the day cost, until it is dropped.
pub(super) async fn account(gateway: Arc<Gateway>, bus: Arc<Bus>) {
    const LOOK: Duration = Duration::from_secs(20);
    let mut today = clock::day(clock::now());
    loop {
        tokio::time::sleep(LOOK).await;
        let now = clock::day(clock::now());
        if now != today {
            spent(&gateway, &bus, &std::mem::replace(&mut today, now));
        }
    }
}

/// Says what a day cost, if it cost anything.
pub(super) fn spent(gateway: &Gateway, bus: &Bus, day: &str) {
    let spent = gateway.budget().day(day);
    if spent.calls == 0 {
        return;
    }
    #[expect(clippy::cast_precision_loss)]
    let usd = spent.micro_usd as f64 / 1e6;
    tracing::info!(day, calls = spent.calls, tokens = spent.tokens, "the model has cost {usd:.4} USD");
    let (calls, tokens, micro_usd) = (spent.calls, spent.tokens, spent.micro_usd);
    bus.sensor_event(Kind::ModelSpent { day: day.into(), calls, tokens, micro_usd });
}
