//! Scripted HTTP servers: a model with faults, a registry.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// What a server does with a request.
#[derive(Clone)]
pub enum Reply {
    /// Answer with a status line, headers beside the length, and a body.
    Http(&'static str, &'static str, String),
    /// Write this and close.
    Raw(Vec<u8>),
    /// A chat completion with this text, as a stream when one was asked for.
    Says(String),
    /// The beginning of a stream, and then nothing.
    Stall(&'static str),
    /// A stream without an end.
    Endless,
    /// Accept and never answer.
    Hang,
}

impl Reply {
    pub fn json(status: &'static str, body: &str) -> Self {
        Self::Http(status, "Content-Type: application/json\r\n", body.into())
    }

    /// A chat completion with this text.
    pub fn says(text: &str) -> Self {
        Self::Says(text.into())
    }
}

/// A server on loopback that ends with the test.
pub struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    /// Answers each request by what `script` says to its body.
    pub fn start(script: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, seen) = (Arc::new(script), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, &*script, &seen));
            }
        });
        Self { port, requests }
    }

    /// Bodies of all requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap().clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn serve(stream: TcpStream, script: &dyn Fn(&Value) -> Reply, seen: &Mutex<Vec<Value>>) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        seen.lock().unwrap().push(body.clone());
        match script(&body) {
            Reply::Http(status, headers, body) => {
                let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
                out.write_all(&[head.as_bytes(), body.as_bytes()].concat()).ok()?;
            }
            Reply::Raw(bytes) => {
                let _ = out.write_all(&bytes);
                return None;
            }
            Reply::Says(text) if body["stream"] == true => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
                out.write_all(head.as_bytes()).ok()?;
                let usage = serde_json::json!({ "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 });
                let end = serde_json::json!({ "choices": [], "usage": usage });
                out.write_all(format!("{}data: {end}\n\ndata: [DONE]\n\n", piece(&text)).as_bytes()).ok()?;
                return None;
            }
            Reply::Says(text) => {
                let body = serde_json::json!({
                    "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text } }],
                    "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 },
                })
                .to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                out.write_all(&[head.as_bytes(), body.as_bytes()].concat()).ok()?;
            }
            Reply::Stall(text) => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
                out.write_all(format!("{head}{}", piece(text)).as_bytes()).ok()?;
                std::thread::sleep(Duration::from_secs(120));
            }
            Reply::Endless => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
                out.write_all(head.as_bytes()).ok()?;
                for _ in 0..1_000_000 {
                    out.write_all(piece("more and more ").as_bytes()).ok()?;
                }
            }
            Reply::Hang => std::thread::sleep(Duration::from_secs(120)),
        }
    }
}

/// One event of a stream.
fn piece(text: &str) -> String {
    let delta = serde_json::json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": text } }] });
    format!("data: {delta}\n\n")
}
