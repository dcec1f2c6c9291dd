//! Files that the model writes, in the background: nobody waits for them. What it wrote is a fact of the host, kept beside
//! the answers.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::budget::Visit;
use super::gateway::Gateway;
use super::layers::{Asker, Topic, Wait};
use super::prompt::Voice;
use crate::event::{Bus, Kind};
use crate::handler::{ChatError, ChatService, History};
use crate::world::{Wish, World};

/// How often it looks for wishes.
const LOOK: Duration = Duration::from_millis(250);
/// How long it waits when the model does not answer.
const REST: Duration = Duration::from_secs(30);
/// The longest file, in bytes.
const LONGEST: usize = 8 << 10;
/// People whose names the model is told.
const PEOPLE: usize = 8;

/// Gives the world what was written before.
pub fn remember(gateway: &Gateway, world: &World) {
    for (path, bytes) in gateway.memory.files() {
        world.invent(&path, bytes);
    }
}

/// Writes files that wait for their content, until it is dropped.
pub async fn invent(gateway: Arc<Gateway>, world: Arc<World>, bus: Arc<Bus>) {
    // The world names each file once, and not too many.
    let mut waiting: VecDeque<Wish> = VecDeque::new();
    loop {
        waiting.extend(world.wishes());
        let Some(wish) = waiting.pop_back() else {
            tokio::time::sleep(LOOK).await;
            continue;
        };
        match write(&gateway, &world, &wish).await {
            Ok(bytes) => {
                if let Some(event) = settle(&gateway, &world, &wish, bytes).await {
                    bus.sensor_event(event);
                }
            }
            // It would be refused again.
            Err(ChatError::Refused(rule)) => tracing::debug!(path = wish.path, rule, "the model can't write this file"),
            Err(error) => {
                tracing::debug!(path = wish.path, %error, "a file waits for the model");
                waiting.push_front(wish);
                tokio::time::sleep(REST).await;
            }
        }
    }
}

async fn write(gateway: &Arc<Gateway>, world: &World, wish: &Wish) -> Result<Vec<u8>, ChatError> {
    let visit = Arc::new(Visit::default());
    let asker =
        Asker { source: IpAddr::V4(Ipv4Addr::UNSPECIFIED), visit, session: Weak::new(), gateway: Arc::clone(gateway) };
    let topic = Topic {
        voice: Voice::File,
        scope: "file".into(),
        state: wish.about.clone(),
        data: Some(data(world, wish)),
        history: History::default(),
        wait: Wait::Now,
        longest: LONGEST,
    };
    let text = topic.service(gateway, world.persona(), asker).send_message(&wish.path).await?;
    Ok(format!("{}\n", text.trim_end().replace('\r', "")).into_bytes())
}

fn data(world: &World, wish: &Wish) -> Value {
    let (people, domain) = world.people();
    let people: Vec<&String> = people.iter().take(PEOPLE).collect();
    json!({ "owner": wish.owner, "about": wish.about, "bytes": wish.size, "people": people, "domain": domain })
}

/// Makes it a fact: for the world, for the next start, for the record.
async fn settle(gateway: &Arc<Gateway>, world: &World, wish: &Wish, bytes: Vec<u8>) -> Option<Kind> {
    if !world.invent(&wish.path, bytes) {
        return None;
    }
    let bytes = world.invented(&wish.path)?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let event = Kind::FileInvented { path: wish.path.clone(), bytes: bytes.len() as u64, sha256 };
    let (memory, path) = (gateway.memory.clone(), wish.path.clone());
    let _ = tokio::task::spawn_blocking(move || memory.keep_file(&path, &bytes)).await;
    Some(event)
}
