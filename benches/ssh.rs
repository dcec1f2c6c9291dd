//! What an SSH login with one command costs beside OpenSSH and Cowrie, and what a visitor who stays costs, in one run of
//! one machine: `cargo bench --bench ssh`.
//!
//! OpenSSH is this machine's sshd, where it is installed and may be started (root); root logs in with a key there, as
//! root's password is nobody's business. `COWRIE` names a Python environment that has Cowrie, where a password logs in.
//! The sensor is measured with both. The client is the same for all and offers the same algorithms. CPU time is that of
//! all processes of a server, the ended ones too ([`common::spent_by_all`]). Nothing asserts on time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark may fail loudly, start programs and dial the servers that it started"
)]

mod common;

use std::borrow::Cow;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use common::{Server, Table, daemons, median, resident, spent_by_all};
use russh::client::{self, Handle};
use russh::keys::{Algorithm, PrivateKey, PrivateKeyWithHashAlg};
use russh::{Channel, ChannelMsg, Preferred, cipher, compression, kex, mac};
use tokio::runtime::Runtime;

/// Odd, for the median.
const ROUNDS: usize = 5;
const IDLE: usize = 100;
const PASSWORD: &str = "rootpass";

/// Who logs in where, and how.
struct Contender<'a> {
    name: String,
    server: &'a Server,
    /// Without one it is the password.
    key: Option<Arc<PrivateKey>>,
    /// Of one round: enough for half a second of CPU time or so.
    visits: usize,
}

fn main() {
    common::adopt();
    let mut table = Table::default();
    let key = Arc::new(PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap());
    let public = key.public_key().to_openssh().unwrap();
    let answers = |[ssh, ..]: [u16; 4]| TcpStream::connect(("127.0.0.1", ssh)).is_ok();
    let sensor = Server::start("sensor", |dir, ports| sensor(dir, ports, &public), answers);
    let real = daemons::openssh(&public);
    let cowrie = daemons::cowrie("ssh", 0);
    fn contender<'a>(server: &'a Server, by: &str, key: Option<&Arc<PrivateKey>>) -> Contender<'a> {
        Contender {
            name: format!("{}, {by}", server.name),
            server,
            key: key.cloned(),
            visits: if server.name == "sensor" { 400 } else { 80 },
        }
    }
    let mut all = vec![contender(&sensor, "key", Some(&key)), contender(&sensor, "password", None)];
    all.extend(real.as_ref().map(|server| contender(server, "key", Some(&key))));
    all.extend(cowrie.as_ref().map(|server| contender(server, "password", None)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    visits(&mut table, &runtime, &all);
    idle(&mut table, &runtime, &all);
    table.print();
}

fn sensor(dir: &Path, [ssh, ftp, telnet, smtp]: [u16; 4], public: &str) -> std::process::Command {
    let http = common::free_ports()[0];
    let more = format!(
        "[ports.ssh]\nport = {ssh}\n[persona]\nprofile = \"debian-12\"\n\
         accounts = [{{ name = \"root\", passwords = [\"{PASSWORD}\"] }}]\n\
         files = [{{ path = \"/root/.ssh/authorized_keys\", content = \"{public}\\n\", owner = \"root\", mode = \"0600\" }}]\n"
    );
    common::sensor(dir, [ftp, telnet, smtp, http], &more)
}

/// Login and `id`, in turns.
fn visits(table: &mut Table, runtime: &Runtime, all: &[Contender<'_>]) {
    let mut spent = vec![Vec::new(); all.len()];
    // What is made once is made.
    all.iter().for_each(|contender| runtime.block_on(visit(contender)));
    for round in 1..=ROUNDS {
        for (contender, spent) in all.iter().zip(&mut spent) {
            eprintln!("login + exec: round {round} of {ROUNDS}, {}", contender.name);
            let before = spent_by_all();
            (0..contender.visits).for_each(|_| runtime.block_on(visit(contender)));
            // What is done after the close, such as writing events, belongs to the visit.
            thread::sleep(Duration::from_millis(700));
            spent.push((spent_by_all() - before) / contender.visits as f64);
        }
    }
    let spent: Vec<f64> = spent.into_iter().map(median).collect();
    for (at, (contender, spent)) in all.iter().zip(&spent).enumerate() {
        let how =
            format!("curve25519, ed25519, AES-CTR; `id`; {} visits a round, median of {ROUNDS}", contender.visits);
        let goal = if at < 2 { "<= 1.2 ms" } else { "-" };
        table.row(&format!("SSH login + exec, {}", contender.name), format!("{:.2} ms", spent / 1e3), goal, &how);
    }
    for (other, theirs) in all.iter().zip(&spent).skip(2) {
        let own = all.iter().position(|own| own.key.is_some() == other.key.is_some()).unwrap();
        let value = format!("1/{:.1}", theirs / spent[own]);
        table.row(&format!("{}: the sensor's share", other.name), value, "-", "of the medians");
    }
}

/// Visitors with a shell on a terminal, at its prompt.
fn idle(table: &mut Table, runtime: &Runtime, all: &[Contender<'_>]) {
    // OpenSSH has processes for each, whose pages are shared: no number would be fair.
    for contender in all.iter().filter(|contender| contender.key.is_none()) {
        let pid = contender.server.child.id();
        let (held, before) = runtime.block_on(async {
            drop(prompt(contender).await);
            let before = resident(pid);
            let mut held = Vec::new();
            for _ in 0..IDLE {
                held.push(prompt(contender).await);
            }
            (held, before)
        });
        thread::sleep(Duration::from_millis(200));
        let each = (resident(pid) as f64 - before as f64) / held.len() as f64;
        let how =
            format!("growth of VmRSS with {IDLE} logins of one source at their prompt; Cowrie is known for 88 KiB");
        table.row(&format!("SSH idle session, {}", contender.server.name), format!("{each:.1} KiB"), "-", &how);
    }
}

/// A client that believes every host.
struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _key: &russh::keys::PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// Root's connection. The algorithms are those that all of them have.
async fn logged_in(contender: &Contender<'_>) -> Handle<Trusting> {
    let preferred = Preferred {
        kex: Cow::Borrowed(&[kex::CURVE25519]),
        key: Cow::Borrowed(&[Algorithm::Ed25519]),
        cipher: Cow::Borrowed(&[cipher::AES_128_CTR]),
        mac: Cow::Borrowed(&[mac::HMAC_SHA256]),
        compression: Cow::Borrowed(&[compression::NONE]),
        ..Preferred::DEFAULT
    };
    let settings = client::Config { preferred, nodelay: true, ..client::Config::default() };
    let address = ("127.0.0.1", contender.server.ports[0]);
    let mut handle = client::connect(Arc::new(settings), address, Trusting).await.unwrap();
    let result = match &contender.key {
        Some(key) => {
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
            handle.authenticate_publickey("root", key).await
        }
        None => handle.authenticate_password("root", PASSWORD).await,
    };
    assert!(result.unwrap().success(), "{} lets nobody in", contender.name);
    handle
}

async fn visit(contender: &Contender<'_>) {
    let handle = logged_in(contender).await;
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.exec(true, "id").await.unwrap();
    let mut said = Vec::new();
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = message {
            said.extend_from_slice(&data);
        }
    }
    assert!(said.starts_with(b"uid=0(root)"), "{}: {}", contender.name, String::from_utf8_lossy(&said));
    let _ = handle.disconnect(russh::Disconnect::ByApplication, "", "").await;
    let _ = handle.await;
}

/// A shell that has shown its prompt; it lasts as long as both of these.
async fn prompt(contender: &Contender<'_>) -> (Handle<Trusting>, Channel<client::Msg>) {
    let handle = logged_in(contender).await;
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.request_pty(true, "xterm", 80, 24, 0, 0, &[]).await.unwrap();
    channel.request_shell(true).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"# ") {
        if let ChannelMsg::Data { data } = channel.wait().await.expect("a prompt") {
            said.extend_from_slice(&data);
        }
    }
    (handle, channel)
}
