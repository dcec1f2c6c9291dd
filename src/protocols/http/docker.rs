//! The API of Docker Engine 20.10 as an open port 2375 shows it (API 1.41): what an attacker pulls, makes and starts is
//! remembered for them and never run. Paths, fields and messages are those of Docker's API reference.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::date;
use super::dialog::{Response, code};
use super::request::{Minor, Request};
use crate::base::clock::Timestamp;
use crate::base::rng::{self, Rng};
use crate::world::{Persona, fill};

/// The engine that the packages of late 2022 have.
const VERSION: &str = "20.10.21";
const SERVER: &str = "Docker/20.10.21 (linux)";
const VERSION_TEXT: &str = include_str!("../../../data/apps/docker/version.json");
const INFO_TEXT: &str = include_str!("../../../data/apps/docker/info.json");
/// Newest and oldest version of the API.
const API: (u32, u32) = (41, 12);
/// Images and containers of all attackers that are remembered; the oldest go first.
const REMEMBERED: usize = 512;
/// Letters of an image's name or a container's that are kept.
const NAME: usize = 128;

/// What attackers brought.
#[derive(Default)]
pub(super) struct Docker {
    images: Mutex<VecDeque<(IpAddr, String)>>,
    containers: Mutex<VecDeque<Container>>,
}

#[derive(Clone)]
struct Container {
    of: IpAddr,
    id: String,
    name: String,
    image: String,
    command: String,
    made: i64,
    running: bool,
}

/// An answer: status, content type, body.
type Answer = (&'static str, &'static str, String);

const JSON: &str = "application/json";
const STREAM: &str = "application/vnd.docker.raw-stream";

fn say(value: &Value) -> Answer {
    ("200 OK", JSON, format!("{value}\n"))
}

fn fault(status: &'static str, message: &str) -> Answer {
    (status, JSON, format!("{}\n", json!({ "message": message })))
}

fn nothing() -> Answer {
    ("204 No Content", "", String::new())
}

impl Docker {
    /// Answers a request of an attacker; `body` is what was kept of its body.
    pub fn answer(&self, of: IpAddr, persona: &Persona, request: &Request, body: &[u8], now: i64) -> Response {
        let path = String::from_utf8_lossy(&request.target.path).into_owned();
        let ping = path.ends_with("/_ping");
        let (status, kind, text) = match versioned(&path) {
            Ok(path) => self.route(of, persona, request, path, body, now),
            Err(answer) => answer,
        };
        let close = !request.keep_alive || request.spoiled;
        let mut start = format!("HTTP/1.1 {status}\r\nApi-Version: 1.{}\r\n", API.0);
        let mut line = |name: &str, value: &str| start.push_str(&format!("{name}: {value}\r\n"));
        if ping {
            line("Cache-Control", "no-cache, no-store, must-revalidate");
        }
        if close && request.minor == Minor::One {
            line("Connection", "close");
        }
        if !kind.is_empty() {
            line("Content-Type", kind);
        }
        line("Docker-Experimental", "false");
        line("Ostype", "linux");
        if ping {
            line("Pragma", "no-cache");
        }
        line("Server", SERVER);
        line("Date", &date(now));
        if !kind.is_empty() {
            line("Content-Length", &text.len().to_string());
        }
        start.push_str("\r\n");
        if request.method != b"HEAD" {
            start.push_str(&text);
        }
        Response { status: code(status), start: start.into_bytes(), file: None, close }
    }

    fn route(&self, of: IpAddr, persona: &Persona, request: &Request, path: &str, body: &[u8], now: i64) -> Answer {
        let query = request.target.query.clone().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method.as_slice(), parts.as_slice()) {
            (b"GET" | b"HEAD", ["_ping"]) => ("200 OK", "text/plain; charset=utf-8", "OK".into()),
            (b"GET", ["version"]) => ("200 OK", JSON, self.text(VERSION_TEXT, of, persona, now)),
            (b"GET", ["info"]) => ("200 OK", JSON, self.text(INFO_TEXT, of, persona, now)),
            (b"GET", ["containers", "json"]) => {
                let all = matches!(parameter(&query, "all").as_str(), "1" | "true" | "True");
                let shown = self.of(of).into_iter().filter(|container| all || container.running);
                say(&shown.rev().map(|container| container.row(now)).collect::<Vec<_>>().into())
            }
            (b"GET", ["images", "json"]) => {
                say(&self.images(of).iter().map(|name| image(name, persona)).collect::<Vec<_>>().into())
            }
            (b"POST", ["images", "create"]) => self.pull(of, &query),
            (b"POST", ["containers", "create"]) => self.create(of, request, &query, body, now),
            (method, ["containers", id, rest @ ..]) => self.container(of, method, id, rest),
            (b"POST", ["exec", _, "start"]) => ("200 OK", STREAM, String::new()),
            (b"GET", ["services" | "nodes" | "swarm"]) => {
                let message = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to \
                               connect this node to swarm and try again.";
                fault("503 Service Unavailable", message)
            }
            (b"GET", ["volumes"]) => say(&json!({ "Volumes": [], "Warnings": null })),
            _ => fault("404 Not Found", "page not found"),
        }
    }

    /// A pull, as far as the client sees it.
    fn pull(&self, of: IpAddr, query: &[u8]) -> Answer {
        let (from, tag) = (parameter(query, "fromImage"), parameter(query, "tag"));
        if from.is_empty() {
            return fault("400 Bad Request", "invalid reference format");
        }
        let name = tagged(&if tag.is_empty() { from } else { format!("{from}:{tag}") });
        let (repository, tag) = name.rsplit_once(':').unwrap_or((&name, "latest"));
        let whole = if repository.contains('/') { repository.to_string() } else { format!("library/{repository}") };
        let digest = hex(32);
        let lines = [
            json!({ "status": format!("Pulling from {whole}"), "id": tag }),
            json!({ "status": format!("Digest: sha256:{digest}") }),
            json!({ "status": format!("Status: Downloaded newer image for {name}") }),
        ];
        if !self.images(of).contains(&name) {
            remember(&self.images, (of, name));
        }
        ("200 OK", JSON, lines.iter().map(|line| format!("{line}\r\n")).collect())
    }

    fn create(&self, of: IpAddr, request: &Request, query: &[u8], body: &[u8], now: i64) -> Answer {
        let kind = String::from_utf8_lossy(request.header("Content-Type").unwrap_or_default()).into_owned();
        if !kind.starts_with(JSON) {
            let message = format!("Content-Type specified ({kind}) must be 'application/json'");
            return fault("400 Bad Request", &message);
        }
        let wanted: Value = match serde_json::from_slice(body) {
            Ok(wanted @ Value::Object(_)) => wanted,
            _ if body.is_empty() => return fault("400 Bad Request", "EOF"),
            _ => {
                let first = char::from(body.iter().copied().find(|byte| !byte.is_ascii_whitespace()).unwrap_or(b' '));
                let message = format!("invalid character '{first}' looking for beginning of value");
                return fault("400 Bad Request", &message);
            }
        };
        let image = wanted.get("Image").and_then(Value::as_str).unwrap_or_default();
        if image.is_empty() {
            return fault("400 Bad Request", "Config cannot be empty in order to create a container");
        }
        let image = tagged(image);
        if !self.images(of).contains(&image) {
            return fault("404 Not Found", &format!("No such image: {image}"));
        }
        let words = |key: &str| -> Vec<String> {
            let all = wanted.get(key).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(Value::as_str).take(16).map(str::to_owned).collect()
        };
        let command: String = [words("Entrypoint"), words("Cmd")].concat().join(" ").chars().take(256).collect();
        let id = hex(32);
        let name: String = parameter(query, "name").chars().take(NAME).collect();
        if !name.is_empty()
            && let Some(other) = self.of(of).into_iter().find(|container| container.name == name)
        {
            let message = format!(
                "Conflict. The container name \"/{name}\" is already in use by container \"{}\". You have to remove \
                 (or rename) that container to be able to reuse that name.",
                other.id
            );
            return fault("409 Conflict", &message);
        }
        let name = if name.is_empty() { random_name() } else { name };
        remember(&self.containers, Container { of, id: id.clone(), name, image, command, made: now, running: false });
        let (_, kind, text) = say(&json!({ "Id": id, "Warnings": [] }));
        ("201 Created", kind, text)
    }

    /// What is asked of one container.
    fn container(&self, of: IpAddr, method: &[u8], id: &str, rest: &[&str]) -> Answer {
        let mut all = self.containers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |container: &Container| {
            container.of == of && (container.name == id || (!id.is_empty() && container.id.starts_with(id)))
        };
        let Some(at) = all.iter().position(known) else {
            let id: String = id.chars().take(NAME).collect();
            return match (method, rest) {
                (b"GET", ["json" | "logs" | "top" | "stats"])
                | (b"POST", ["start" | "stop" | "kill" | "wait" | "exec" | "restart" | "attach"])
                | (b"DELETE", []) => fault("404 Not Found", &format!("No such container: {id}")),
                _ => fault("404 Not Found", "page not found"),
            };
        };
        let Some(container) = all.get_mut(at) else { return fault("404 Not Found", "page not found") };
        match (method, rest) {
            (b"POST", ["start"]) if container.running => ("304 Not Modified", "", String::new()),
            (b"POST", ["start" | "restart"]) => {
                container.running = true;
                nothing()
            }
            (b"POST", ["stop"]) if !container.running => ("304 Not Modified", "", String::new()),
            (b"POST", ["kill"]) if !container.running => {
                let message = format!("Cannot kill container: {id}: Container {} is not running", container.id);
                fault("409 Conflict", &message)
            }
            (b"POST", ["stop" | "kill"]) => {
                container.running = false;
                nothing()
            }
            (b"POST", ["wait"]) => {
                container.running = false;
                say(&json!({ "Error": null, "StatusCode": 0 }))
            }
            (b"POST", ["attach"]) | (b"GET", ["logs"]) => ("200 OK", STREAM, String::new()),
            (b"POST", ["exec"]) if !container.running => {
                fault("409 Conflict", &format!("Container {} is not running", container.id))
            }
            (b"POST", ["exec"]) => {
                let (_, kind, text) = say(&json!({ "Id": hex(32) }));
                ("201 Created", kind, text)
            }
            (b"GET", ["json"]) => say(&container.whole()),
            (b"DELETE", []) if container.running => {
                let message = format!(
                    "You cannot remove a running container {}. Stop the container before attempting removal or force \
                     remove",
                    container.id
                );
                fault("409 Conflict", &message)
            }
            (b"DELETE", []) => {
                all.remove(at);
                nothing()
            }
            _ => fault("404 Not Found", "page not found"),
        }
    }

    fn of(&self, of: IpAddr) -> Vec<Container> {
        let all = self.containers.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|container| container.of == of).cloned().collect()
    }

    fn images(&self, of: IpAddr) -> Vec<String> {
        let all = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(owner, _)| *owner == of).map(|(_, name)| name.clone()).collect()
    }

    /// A text of the pack with this host's facts.
    fn text(&self, text: &str, of: IpAddr, persona: &Persona, now: i64) -> String {
        let containers = self.of(of);
        let running = containers.iter().filter(|container| container.running).count();
        let mut rng = Rng::new(persona.seed, "docker");
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut letter =
            || letters.get(usize::try_from(rng.between(0, 31)).unwrap_or(0)).map_or('A', |byte| char::from(*byte));
        let id: Vec<String> = (0..12).map(|_| (0..4).map(|_| letter()).collect()).collect();
        let words = [
            ("docker_version", VERSION.into()),
            ("docker_id", id.join(":")),
            ("kernel", persona.kernel.clone()),
            ("os", persona.os_pretty.clone()),
            ("os_version", persona.version_id.clone()),
            ("machine", persona.machine.clone()),
            ("hostname", persona.hostname.clone()),
            ("cpus", persona.cpus.to_string()),
            ("memory", (persona.memory_kib * 1024).to_string()),
            ("containers", containers.len().to_string()),
            ("running", running.to_string()),
            ("stopped", (containers.len() - running).to_string()),
            ("images", self.images(of).len().to_string()),
            ("now", stamp(now)),
        ];
        fill(text, &words)
    }
}

impl Container {
    /// A row of `docker ps`.
    fn row(&self, now: i64) -> Value {
        let (state, status) = match (self.running, now - self.made) {
            (false, _) => ("created", "Created".to_string()),
            (true, ..60) => ("running", "Up Less than a minute".into()),
            (true, seconds) => ("running", format!("Up {} minutes", seconds / 60)),
        };
        json!({
            "Id": self.id, "Names": [format!("/{}", self.name)], "Image": self.image, "ImageID": self.image_id(),
            "Command": self.command, "Created": self.made, "Ports": [], "Labels": {}, "State": state,
            "Status": status, "HostConfig": { "NetworkMode": "default" }, "NetworkSettings": { "Networks": {} },
            "Mounts": [],
        })
    }

    fn whole(&self) -> Value {
        let mut words = self.command.split(' ').map(str::to_owned);
        let path = words.next().unwrap_or_default();
        let status = if self.running { "running" } else { "created" };
        json!({
            "Id": self.id, "Created": stamp(self.made), "Path": path, "Args": words.collect::<Vec<_>>(),
            "State": { "Status": status, "Running": self.running, "Paused": false, "Restarting": false,
                "OOMKilled": false, "Dead": false, "Pid": 0, "ExitCode": 0, "Error": "" },
            "Image": self.image_id(), "Name": format!("/{}", self.name), "RestartCount": 0, "Driver": "overlay2",
            "Platform": "linux", "Config": { "Image": self.image },
        })
    }

    fn image_id(&self) -> String {
        image_id(&self.image)
    }
}

/// What Go's server says to what is no request; the connection ends after it.
pub(super) fn refused() -> Response {
    let start = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n\
                  400 Bad Request";
    Response { status: 400, start: start.to_vec(), file: None, close: true }
}

/// The path without its version, which must be one that the engine speaks.
fn versioned(path: &str) -> Result<&str, Answer> {
    let Some((version, rest)) = path.strip_prefix("/v").and_then(|rest| rest.split_once('/')) else { return Ok(path) };
    let number = version.strip_prefix("1.").and_then(|minor| minor.parse::<u32>().ok());
    let shaped = version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let whole = path.get(path.len() - rest.len() - 1..).unwrap_or(path);
    match number {
        _ if !shaped => Ok(path),
        Some(minor) if minor < API.1 => Err(fault(
            "400 Bad Request",
            &format!(
                "client version {version} is too old. Minimum supported API version is 1.{}, please upgrade your client \
                 to a newer version",
                API.1
            ),
        )),
        Some(minor) if minor <= API.0 => Ok(whole),
        _ => Err(fault(
            "400 Bad Request",
            &format!("client version {version} is too new. Maximum supported API version is 1.{}", API.0),
        )),
    }
}

fn image(name: &str, persona: &Persona) -> Value {
    let size = Rng::new(persona.seed, name).between(5_000_000, 180_000_000);
    json!({
        "Containers": -1, "Created": persona.installed, "Id": image_id(name), "Labels": null, "ParentId": "",
        "RepoDigests": null, "RepoTags": [name], "SharedSize": -1, "Size": size, "VirtualSize": size,
    })
}

/// The same for everybody, as the digest of an image is.
fn image_id(name: &str) -> String {
    let mut rng = Rng::new(0, name);
    format!("sha256:{}", (0..4).map(|_| format!("{:016x}", rng.next_u64())).collect::<String>())
}

/// An image's name with its tag.
fn tagged(name: &str) -> String {
    let name: String = name.chars().take(NAME).collect();
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains(':') { name } else { format!("{name}:latest") }
}

/// A parameter of the query.
fn parameter(query: &[u8], name: &str) -> String {
    String::from_utf8_lossy(&super::apps::field(query, name)).into_owned()
}

/// A name as the engine gives one: an adjective and somebody.
fn random_name() -> String {
    const ADJECTIVES: &[&str] = &["brave", "clever", "eager", "gifted", "hopeful", "jolly", "keen", "quirky", "serene"];
    const PEOPLE: &[&str] = &["bell", "curie", "darwin", "euler", "gauss", "hopper", "lovelace", "noether", "turing"];
    let pick = |from: &[&'static str], at: Option<&u8>| {
        from.get(usize::from(at.copied().unwrap_or(0)) % from.len().max(1)).copied().unwrap_or_default()
    };
    let noise = rng::noise(2);
    format!("{}_{}", pick(ADJECTIVES, noise.first()), pick(PEOPLE, noise.get(1)))
}

fn stamp(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

fn hex(bytes: usize) -> String {
    rng::noise(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn remember<T>(queue: &Mutex<VecDeque<T>>, new: T) {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    if queue.len() >= REMEMBERED {
        queue.pop_front();
    }
    queue.push_back(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_api_are_checked() {
        assert_eq!(versioned("/v1.24/containers/json").unwrap(), "/containers/json");
        assert_eq!(versioned("/volumes").unwrap(), "/volumes");
        assert!(versioned("/v1.99/info").unwrap_err().2.contains("too new"));
        assert!(versioned("/v1.5/info").unwrap_err().2.contains("too old"));
        assert_eq!((tagged("a:5000/b"), tagged("alpine:3")), ("a:5000/b:latest".into(), "alpine:3".into()));
    }
}
