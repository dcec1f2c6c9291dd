//! What all conversations share of the model: its servers, what it said before, what may be spent, what it is told.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::OnceCell;

use super::budget::{self, Budget};
use super::memory::{self, Key, Memory, MemoryError};
use super::prompt::{PromptError, Prompts};
use crate::base::rng::Rng;
use crate::chatgpt::{self, ChatGPT, ModelConfig};
use crate::event::{Bus, Kind};
use crate::handler::ChatError;

/// What the gateway is made of.
pub struct Settings<'a> {
    /// `[openai]`
    pub openai: &'a chatgpt::Config,
    /// `[[models]]`
    pub models: &'a [ModelConfig],
    /// `[budget]`
    pub budget: &'a budget::Config,
    /// Folder of the operator's templates; empty: none.
    pub prompts: &'a PathBuf,
    /// The state folder.
    pub state: &'a Path,
    /// The instance's number.
    pub seed: u64,
}

/// Why there is no gateway.
#[derive(Debug)]
pub enum GatewayError {
    /// A template.
    Prompt(PromptError),
    /// The file of answers.
    Memory(MemoryError),
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prompt(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GatewayError {}

/// A question that is under way, and its end.
pub(super) type Flight = Arc<OnceCell<Result<String, ChatError>>>;

/// The model as all conversations see it.
pub struct Gateway {
    pub(super) model: Arc<ChatGPT>,
    pub(super) memory: Memory,
    pub(super) budget: Arc<Budget>,
    pub(super) prompts: Prompts,
    /// A word of the prompts that no answer may have.
    pub(super) canary: String,
    pub(super) flights: Mutex<HashMap<Key, Flight>>,
    /// Where events go whose visit is over.
    bus: OnceLock<Arc<Bus>>,
}

impl Gateway {
    /// `None` without a model.
    ///
    /// # Errors
    /// A template or the file of answers can't be used.
    pub fn open(settings: &Settings<'_>) -> Result<Option<Arc<Self>>, GatewayError> {
        let prompts = Prompts::open(settings.prompts).map_err(GatewayError::Prompt)?;
        let Some(model) = ChatGPT::new(settings.openai, settings.models) else { return Ok(None) };
        let memory = Memory::open(&settings.state.join(memory::FILE)).map_err(GatewayError::Memory)?;
        Ok(Some(Self::with(model, memory, settings, prompts)))
    }

    /// One whose answers and sums are forgotten.
    ///
    /// # Errors
    /// A template can't be used.
    pub fn volatile(settings: &Settings<'_>) -> Result<Option<Arc<Self>>, GatewayError> {
        let prompts = Prompts::open(settings.prompts).map_err(GatewayError::Prompt)?;
        let Some(model) = ChatGPT::new(settings.openai, settings.models) else { return Ok(None) };
        let memory = Memory::volatile().map_err(GatewayError::Memory)?;
        Ok(Some(Self::with(model, memory, settings, prompts)))
    }

    fn with(model: Arc<ChatGPT>, memory: Memory, settings: &Settings<'_>, prompts: Prompts) -> Arc<Self> {
        let budget = Budget::new(settings.budget.clone(), settings.openai.calls_per_visit, memory.clone());
        let canary = format!("RX-{:010x}", Rng::new(settings.seed, "canary").next_u64() & 0xff_ffff_ffff);
        Arc::new(Self { model, memory, budget, prompts, canary, flights: Mutex::default(), bus: OnceLock::new() })
    }

    /// Says where events go whose visit is over.
    pub fn report_to(&self, bus: &Arc<Bus>) {
        let _ = self.bus.set(Arc::clone(bus));
    }

    /// An event that belongs to no visit, or to one that is over.
    pub(super) fn record(&self, kind: Kind) {
        if let Some(bus) = self.bus.get() {
            bus.sensor_event(kind);
        }
    }

    /// What has been spent.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }
}
