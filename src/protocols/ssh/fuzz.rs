//! For `fuzz/`: any bytes of a visitor, before a login and behind one.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::lists::Release;
use super::sftp::Server;
use super::{Ssh, client, ident};
use crate::event::{Bus, EventLog, Visit};
use crate::protocols::Protocol;
use crate::respond::{Mode, Responder};
use crate::session::{Captures, Limits, Session, Shared};
use crate::world::{Config, Login, Overlay, Per, Setup, World};

struct Bench {
    runtime: Runtime,
    engine: Ssh,
    shared: Arc<Shared>,
    _state: Scratch,
}

/// A folder that goes away.
struct Scratch(std::path::PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn bench() -> Option<&'static Bench> {
    static BENCH: OnceLock<Option<Bench>> = OnceLock::new();
    BENCH
        .get_or_init(|| {
            let state =
                Scratch(std::env::temp_dir().join(format!("rustbucket-fuzz-{}", crate::base::ids::alphanumeric(12))));
            std::fs::create_dir_all(&state.0).ok()?;
            let world = World::build(Setup {
                persona: &Config { userland: "debian-12".into(), ..Config::default() },
                login: &Login::default(),
                overlay: &Overlay { per: Per::Visit, ..Overlay::default() },
                state: None,
                image: None,
                seed: 7,
                overlay_bytes: 1 << 20,
                total_bytes: 1 << 30,
            });
            let shared = Shared {
                world,
                captures: Captures::open(&state.0, 1 << 20).ok()?,
                recordings: None,
                tls: None,
                limits: Limits::default(),
                stop: CancellationToken::new(),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            Some(Bench {
                runtime,
                engine: Ssh::new(&crate::protocols::Config::default()),
                shared: Arc::new(shared),
                _state: state,
            })
        })
        .as_ref()
}

fn session(bench: &Bench) -> Arc<Session> {
    let here = IpAddr::from([192, 0, 2, 1]);
    let visit =
        Visit { session: crate::base::ids::session(), protocol: "ssh".into(), src_ip: here, src_port: 9, dst_port: 22 };
    Session::new(EventLog::new(Bus::new("fuzz", Vec::new()), visit), Arc::clone(&bench.shared), here)
}

/// An even first byte: what follows is a connection. An odd one: what follows are packets of SFTP. Panics when something
/// does, or when far more comes back than went in.
pub fn talk(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let mut reader = ident::Identification::default();
    for &byte in rest {
        if reader.take(byte) != ident::Verdict::More {
            break;
        }
    }
    client::look(rest);
    let Some(bench) = bench() else { return };
    if first.is_multiple_of(2) { connection(bench, rest) } else { files(bench, rest) }
}

fn connection(bench: &Bench, bytes: &[u8]) {
    let (mut near, far) = tokio::io::duplex(1 << 20);
    let responder = Responder::new(Mode::Emulator, None);
    let session = session(bench);
    let said = bench.runtime.block_on(async {
        let visit = bench.engine.serve(session, responder, Box::new(far));
        let client = async {
            let _ = near.write_all(bytes).await;
            let _ = near.shutdown().await;
            let mut said = Vec::new();
            let _ = near.read_to_end(&mut said).await;
            said
        };
        let both = async { tokio::join!(visit, client).1 };
        tokio::time::timeout(Duration::from_secs(20), both).await.unwrap_or_default()
    });
    assert!(said.len() <= 8192 + 16 * bytes.len(), "{} bytes for {}", said.len(), bytes.len());
}

fn files(bench: &Bench, mut bytes: &[u8]) {
    let session = session(bench);
    let host = session.host();
    let Some(account) = host.account(b"root") else { return };
    let mut server = Server::new(&session, &account, host, Release::V9_2);
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(0).min(rest.len());
        let Some((packet, rest)) = rest.split_at_checked(length) else { return };
        let Some(reply) = server.answer(packet) else { return };
        assert!(reply.len() <= 300 << 10, "{} bytes", reply.len());
        bytes = rest;
    }
}

#[test]
fn seeds_talk() {
    for seed in [
        &include_bytes!("../../../fuzz/seeds/ssh/kex")[..],
        include_bytes!("../../../fuzz/seeds/ssh/gex"),
        include_bytes!("../../../fuzz/seeds/ssh/sftp"),
        b"\x00GET / HTTP/1.0\r\n\r\n",
        b"\x00SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff",
    ] {
        talk(seed);
        for cut in 0..seed.len().min(90) {
            talk(&seed[..cut]);
        }
    }
}
