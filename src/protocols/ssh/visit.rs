//! The library's handler: who is let in, and what each channel is for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rand::RngExt;
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey, sign_with_hash_alg};
use russh::server::{
    Auth, ChannelOpenHandle, Handle, Handler, Msg, PublicKeyOffer, Session as Link, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Error, MethodKind, Pty, Sig};
use tokio::task::AbortHandle;

use super::auth::{self, Grant};
use super::config::Forwarding;
use super::forward::{self, Listeners, Services, Way};
use super::hostkeys::HostKeys;
use super::lists::{Release, WINDOW};
use super::mailbox::{Input, Sender, mailbox};
use super::shell::Job;
use super::{Startup, sftp, shell};
use crate::prelude::*;
use crate::respond::Responder;
use crate::session::turns;
use crate::shell::{Modes, Terminal, text};
use crate::world::Account;

/// How far a connection has come; the engine's loop looks at it.
pub(super) struct Progress {
    startup: Mutex<Option<Startup>>,
    is_in: AtomicBool,
    handle: OnceLock<Handle>,
}

impl Progress {
    pub fn new(startup: Startup) -> Self {
        Self { startup: Mutex::new(Some(startup)), is_in: AtomicBool::new(false), handle: OnceLock::new() }
    }

    /// Whether they have logged in.
    pub fn is_in(&self) -> bool {
        self.is_in.load(Ordering::Relaxed)
    }

    /// What channels send by.
    pub fn set_handle(&self, handle: Handle) {
        let _ = self.handle.set(handle);
    }

    fn enter(&self) {
        self.is_in.store(true, Ordering::Relaxed);
        self.startup.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// What all connections have.
pub(super) struct Common {
    pub responder: Arc<Responder>,
    pub keys: Arc<HostKeys>,
    pub services: Arc<Services>,
    pub max_sessions: usize,
}

/// A connection.
pub(super) struct Visit {
    session: Arc<Session>,
    common: Common,
    progress: Arc<Progress>,
    release: Release,
    /// The client is OpenSSH, which is told more.
    openssh: bool,
    /// Who has logged in, and with what grant when it was a key.
    account: Option<Account>,
    grant: Option<Grant>,
    channels: HashMap<ChannelId, Open>,
    /// What the client had the host listen on.
    listeners: Listeners,
    /// Their agent may be asked.
    agent: bool,
    /// Requests to forward so far.
    asked: usize,
}

/// A channel of the client.
struct Open {
    out: Option<ChannelWriteHalf<Msg>>,
    is: Purpose,
    terminal: Option<Terminal>,
    environment: Vec<(String, String)>,
    running: Option<Running>,
}

/// What a channel of the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Session,
    /// A connection that is forwarded.
    Forwarded,
    /// One that will fail.
    Failing,
}

struct Running {
    input: Sender,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Requests to forward of one connection that are recorded.
const ASKED: usize = 1024;
/// Variables of one channel, and bytes of each.
const VARIABLES: usize = 64;
const VARIABLE: usize = 4096;
/// Columns and rows that a terminal may have.
const LARGEST: u32 = 1000;

impl Visit {
    pub fn new(session: &Arc<Session>, common: Common, progress: Arc<Progress>, version: &[u8]) -> Self {
        Self {
            session: Arc::clone(session),
            common,
            progress,
            release: Release::of(&session.world().persona().ssh_version),
            openssh: version.windows(8).any(|part| part == b"OpenSSH_"),
            account: None,
            grant: None,
            channels: HashMap::new(),
            listeners: Listeners::default(),
            agent: false,
            asked: 0,
        }
    }

    async fn refuse(&self, user: &[u8], begun: Instant, password: bool) -> Auth {
        let seed = self.session.world().persona().seed;
        tokio::time::sleep_until((begun + auth::refusal(seed, user, begun, password)).into()).await;
        refused()
    }

    /// The account with the line that knows the key.
    fn known(&self, user: &[u8], key: &PublicKey, algorithm: &Algorithm) -> Option<(Account, Grant)> {
        let blob = key.to_bytes().ok().filter(|_| self.release.accepts(algorithm))?;
        let host = self.session.host();
        let account = host.account(user)?;
        let grant = auth::authorized(&host, &account, &blob)?;
        Some((account, grant))
    }

    fn tried(&self, user: &[u8], key: &PublicKey, algorithm: &Algorithm, (known, accepted): (bool, bool)) {
        use base64::Engine;
        let blob = key.to_bytes().unwrap_or_default();
        self.session.log().record(Kind::KeyTried {
            username: Raw::from(user),
            algorithm: algorithm.to_string(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            key: base64::engine::general_purpose::STANDARD.encode(blob),
            known,
            accepted,
        });
    }

    /// Starts what a channel is for; false when it runs already.
    fn start(&mut self, id: ChannelId, what: Work, link: &mut Link) -> Result<(), Error> {
        let (Some(account), Some(open)) = (self.account.clone(), self.channels.get_mut(&id)) else {
            return link.channel_failure(id);
        };
        if open.running.is_some() {
            return link.channel_failure(id);
        }
        let Some(out) = open.out.take() else { return link.channel_failure(id) };
        let (input, receiver) = mailbox();
        let job = Job {
            id,
            handle: self.progress.handle.get().cloned().unwrap_or_else(|| link.handle()),
            out,
            input: receiver,
            session: Arc::clone(&self.session),
            responder: Arc::clone(&self.common.responder),
            account,
            openssh: self.openssh,
        };
        let forced = self.grant.as_ref().and_then(|grant| grant.command.clone());
        let (terminal, environment) = (open.terminal.clone(), std::mem::take(&mut open.environment));
        let task = match (what, forced) {
            (Work::Sftp, None) => turns::spawn(sftp::serve(job, self.release)),
            (Work::Shell, None) => turns::spawn(shell::run(job, terminal, None, environment)),
            (Work::Exec(command), None) => turns::spawn(shell::run(job, terminal, Some(command), environment)),
            (what, Some(forced)) => {
                let mut environment = environment;
                match what {
                    Work::Exec(command) => environment.push(("SSH_ORIGINAL_COMMAND".into(), command)),
                    Work::Sftp => environment.push(("SSH_ORIGINAL_COMMAND".into(), "internal-sftp".into())),
                    Work::Shell => {}
                }
                turns::spawn(shell::run(job, terminal, Some(forced), environment))
            }
        };
        open.running = Some(Running { input, task: task.abort_handle() });
        link.window_adjust(id, WINDOW)?;
        link.channel_success(id)
    }

    fn is_session(&self, id: ChannelId) -> bool {
        self.channels.get(&id).is_some_and(|open| open.is == Purpose::Session)
    }

    fn input(&self, id: ChannelId, input: Input) {
        if let Some(running) = self.channels.get(&id).and_then(|open| open.running.as_ref()) {
            running.input.send(input);
        }
    }

    /// Records a request to forward.
    fn asked(&mut self, how: &str, host: &str, port: u32, answer: &str) {
        self.asked += 1;
        if self.asked <= ASKED {
            let host = Raw::from(text::encode(host));
            let (how, answer) = (how.into(), answer.into());
            let port = u16::try_from(port).unwrap_or(u16::MAX);
            self.session.log().record(Kind::ForwardAsked { how, host, port, answer });
        }
    }

    /// Whether sshd and the line of the key allow any forwarding.
    fn may_forward(&self) -> bool {
        self.common.services.policy() != Forwarding::Refuse && self.grant.as_ref().is_none_or(Grant::may_forward)
    }

    /// Forgets channels on which nothing runs any more.
    fn tidy(&mut self) {
        self.channels.retain(|_, open| open.running.as_ref().is_none_or(|running| !running.input.is_closed()));
    }

    /// `direct-tcpip`
    async fn forward(
        &mut self,
        channel: Channel<Msg>,
        (host, port): (&str, u32),
        reply: ChannelOpenHandle,
        link: &mut Link,
    ) {
        const HOW: &str = "direct-tcpip";
        let allowed = self.may_forward() && self.grant.as_ref().is_none_or(|grant| grant.may_reach(host, port));
        let (Some(account), Ok(number), true) = (self.account.clone(), u16::try_from(port), allowed) else {
            self.asked(HOW, host, port, "administratively prohibited");
            return reply.reject(forward::prohibited()).await;
        };
        self.tidy();
        let request = forward::Request { host: host.into(), port: number };
        let (answer, way) = forward::decide(&self.common.services, &self.session, &request);
        let (is, most) = match way {
            Way::Fails(words, Duration::ZERO) => {
                self.asked(HOW, host, port, &answer);
                return reply.reject(forward::failed(words)).await;
            }
            Way::Fails(..) => (Purpose::Failing, forward::FAILING),
            Way::Opens(..) => (Purpose::Forwarded, forward::OPEN_AT_ONCE),
        };
        if self.channels.values().filter(|open| open.is == is).count() >= most {
            self.asked(HOW, host, port, "open failed");
            return reply.reject(failed(2)).await;
        }
        self.asked(HOW, host, port, &answer);
        let id = channel.id();
        let (input, receiver) = mailbox();
        let job = Job {
            id,
            handle: self.progress.handle.get().cloned().unwrap_or_else(|| link.handle()),
            out: channel.split().1,
            input: receiver,
            session: Arc::clone(&self.session),
            responder: Arc::clone(&self.common.responder),
            account,
            openssh: self.openssh,
        };
        let task = match way {
            Way::Fails(words, after) => turns::spawn(forward::fail(job, reply, words, after)),
            Way::Opens(target, place) => {
                let services = Arc::clone(&self.common.services);
                turns::spawn(forward::run(job, reply, services, request, (target, place)))
            }
        };
        let running = Some(Running { input, task: task.abort_handle() });
        self.channels.insert(id, Open { is, running, ..Open::new(None) });
    }
}

impl Open {
    fn new(out: Option<ChannelWriteHalf<Msg>>) -> Self {
        Self { out, is: Purpose::Session, terminal: None, environment: Vec::new(), running: None }
    }
}

/// What runs on a channel.
enum Work {
    Shell,
    Exec(String),
    Sftp,
}

/// The words of sshd for whatever it does not open.
fn failed(code: u32) -> ChannelOpenFailure {
    ChannelOpenFailure::Other { code, reason: "open failed".into() }
}

fn refused() -> Auth {
    Auth::Reject {
        proceed_with_methods: Some((&[MethodKind::PublicKey, MethodKind::Password][..]).into()),
        partial_success: false,
    }
}

impl Handler for Visit {
    type Error = Error;

    async fn auth_none(&mut self, user: &str) -> Result<Auth, Error> {
        Ok(self.refuse(&text::encode(user), Instant::now(), false).await)
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Error> {
        let begun = Instant::now();
        let (user, password) = (text::encode(user), text::encode(password));
        let account = self.session.host().login(&user, &password);
        self.session.log().record(Kind::LoginTried {
            username: Raw::from(&*user),
            password: Raw::from(&*password),
            accepted: account.is_some(),
        });
        if account.is_none() {
            return Ok(self.refuse(&user, begun, true).await);
        }
        self.account = account;
        Ok(Auth::Accept)
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Error> {
        let begun = Instant::now();
        let user = text::encode(user);
        let known = self.known(&user, offer.public_key, offer.algorithm).is_some();
        self.tried(&user, offer.public_key, offer.algorithm, (known, false));
        Ok(if known { Auth::Accept } else { self.refuse(&user, begun, false).await })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Error> {
        let begun = Instant::now();
        let user = text::encode(user);
        let Some((account, grant)) = self.known(&user, key.public_key, key.algorithm) else {
            return Ok(self.refuse(&user, begun, false).await);
        };
        self.tried(&user, key.public_key, key.algorithm, (true, true));
        (self.account, self.grant) = (Some(account), Some(grant));
        Ok(Auth::Accept)
    }

    async fn auth_succeeded(&mut self, link: &mut Link) -> Result<(), Error> {
        self.progress.enter();
        let blobs = self.common.keys.blobs();
        let keys: Vec<u8> = blobs.iter().flat_map(|blob| wire(blob)).collect();
        link.send_global_request("hostkeys-00@openssh.com", &keys)?;
        if let Some(grant) = &self.grant {
            // Said by the part that looked and by the part that let in.
            for _ in 0..2 {
                link.send_debug(&grant.remark())?;
            }
        }
        Ok(())
    }

    async fn global_request(&mut self, name: &str, data: &[u8], link: &mut Link) -> Result<Option<Vec<u8>>, Error> {
        Ok(if name == "hostkeys-prove-00@openssh.com" {
            prove(&self.common.keys, data, link.session_id())
        } else {
            None
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _link: &mut Link,
    ) -> Result<(), Error> {
        self.tidy();
        if self.channels.values().filter(|open| open.is == Purpose::Session).count() >= self.common.max_sessions {
            reply.reject(failed(2)).await;
        } else {
            self.channels.insert(channel.id(), Open::new(Some(channel.split().1)));
            reply.accept().await;
        }
        Ok(())
    }

    async fn channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _address: &str,
        _port: u32,
        reply: ChannelOpenHandle,
        _link: &mut Link,
    ) -> Result<(), Error> {
        reply.reject(failed(2)).await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _from: &str,
        from_port: u32,
        reply: ChannelOpenHandle,
        link: &mut Link,
    ) -> Result<(), Error> {
        // A number that is no port is no better for the one who asks.
        let port = if from_port > 65_535 { u32::MAX } else { port };
        self.forward(channel, (host, port), reply, link).await;
        Ok(())
    }

    async fn channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host: &str,
        _port: u32,
        _from: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        _link: &mut Link,
    ) -> Result<(), Error> {
        reply.reject(failed(2)).await;
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        path: &str,
        reply: ChannelOpenHandle,
        _link: &mut Link,
    ) -> Result<(), Error> {
        // No socket of the host is played: connect(2) fails, and what is prohibited has the same words.
        self.asked("direct-streamlocal", path, 0, "open failed");
        reply.reject(failed(2)).await;
        Ok(())
    }

    async fn tcpip_forward(&mut self, address: &str, port: &mut u32, link: &mut Link) -> Result<bool, Error> {
        const HOW: &str = "tcpip-forward";
        let wanted = *port;
        if !self.may_forward() || wanted > i32::MAX.unsigned_abs() {
            self.asked(HOW, address, wanted, "administratively prohibited");
            link.send_debug("Server has disabled port forwarding.")?;
            return Ok(false);
        }
        if !self.grant.as_ref().is_none_or(|grant| grant.may_listen(address, wanted)) {
            self.asked(HOW, address, wanted, "administratively prohibited");
            link.send_debug("port forwarding refused")?;
            return Ok(false);
        }
        let host = self.session.host();
        let account = self.account.as_ref();
        let got = account.and_then(|account| self.listeners.listen(&host, account, address, wanted));
        self.asked(HOW, address, wanted, if got.is_some() { "listening" } else { "failed" });
        *port = got.unwrap_or(0);
        Ok(got.is_some())
    }

    async fn cancel_tcpip_forward(&mut self, address: &str, port: u32, _link: &mut Link) -> Result<bool, Error> {
        let done = self.listeners.cancel(address, port);
        self.asked("cancel-tcpip-forward", address, port, if done { "cancelled" } else { "failed" });
        Ok(done)
    }

    async fn streamlocal_forward(&mut self, path: &str, link: &mut Link) -> Result<bool, Error> {
        const HOW: &str = "streamlocal-forward";
        if !self.may_forward() {
            self.asked(HOW, path, 0, "administratively prohibited");
            link.send_debug("Server has disabled streamlocal forwarding.")?;
            return Ok(false);
        }
        let host = self.session.host();
        let account = self.account.as_ref();
        let done = account.is_some_and(|account| self.listeners.listen_at(&host, account, path));
        self.asked(HOW, path, 0, if done { "listening" } else { "failed" });
        Ok(done)
    }

    async fn cancel_streamlocal_forward(&mut self, path: &str, _link: &mut Link) -> Result<bool, Error> {
        let done = self.listeners.cancel_at(path);
        self.asked("cancel-streamlocal-forward", path, 0, if done { "cancelled" } else { "failed" });
        Ok(done)
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        modes: &[(Pty, u32)],
        link: &mut Link,
    ) -> Result<(), Error> {
        let allowed = self.grant.as_ref().is_none_or(|grant| !grant.no_pty);
        match self.channels.get_mut(&id) {
            Some(open) if allowed && open.terminal.is_none() && open.running.is_none() => {
                let name: String = term.chars().take(64).collect();
                let asked: Vec<(u8, u32)> = modes.iter().map(|&(code, value)| (code as u8, value)).collect();
                let (columns, rows, modes) = (side(columns), side(rows), Modes::of_ssh(&asked));
                open.terminal = Some(Terminal { name, columns, rows, modes });
                link.channel_success(id)
            }
            _ => link.channel_failure(id),
        }
    }

    /// Needs xauth, which is not installed.
    async fn x11_request(
        &mut self,
        id: ChannelId,
        _single: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        link: &mut Link,
    ) -> Result<(), Error> {
        let allowed = self.grant.as_ref().is_none_or(|grant| grant.allows("x11-forwarding"));
        link.send_debug(if allowed {
            "No xauth program; cannot forward X11."
        } else {
            "X11 forwarding disabled by key options."
        })?;
        link.channel_failure(id)
    }

    /// `AllowAgentForwarding yes`: once for a connection. Nobody ever asks the agent.
    async fn agent_request(&mut self, id: ChannelId, _link: &mut Link) -> Result<bool, Error> {
        let allowed = self.grant.as_ref().is_none_or(|grant| grant.allows("agent-forwarding"));
        let Some(open) = self.channels.get_mut(&id).filter(|open| allowed && open.is == Purpose::Session) else {
            return Ok(false);
        };
        if std::mem::replace(&mut self.agent, true) {
            return Ok(false);
        }
        let number = rand::rng().random_range(1200..30_000);
        let socket = format!("/tmp/ssh-{}/agent.{number}", crate::base::ids::alphanumeric(10));
        open.environment.push(("SSH_AUTH_SOCK".into(), socket));
        self.asked("auth-agent", "", 0, "listening");
        Ok(true)
    }

    /// `AcceptEnv LANG LC_*`
    async fn env_request(&mut self, id: ChannelId, name: &str, value: &str, link: &mut Link) -> Result<(), Error> {
        let wanted = (name == "LANG" || name.starts_with("LC_")) && value.len() <= VARIABLE && name.len() <= VARIABLE;
        match self.channels.get_mut(&id) {
            Some(open) if wanted && open.running.is_none() && open.environment.len() < VARIABLES => {
                open.environment.push((name.to_string(), value.to_string()));
                link.channel_success(id)
            }
            _ => link.channel_failure(id),
        }
    }

    async fn shell_request(&mut self, id: ChannelId, link: &mut Link) -> Result<(), Error> {
        self.start(id, Work::Shell, link)
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], link: &mut Link) -> Result<(), Error> {
        self.start(id, Work::Exec(text::decode(command)), link)
    }

    async fn subsystem_request(&mut self, id: ChannelId, name: &str, link: &mut Link) -> Result<(), Error> {
        if name == "sftp" { self.start(id, Work::Sftp, link) } else { link.channel_failure(id) }
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        columns: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        link: &mut Link,
    ) -> Result<(), Error> {
        if !self.is_session(id) {
            return link.channel_failure(id);
        }
        self.input(id, Input::Resize(side(columns), side(rows)));
        link.channel_success(id)
    }

    async fn signal(&mut self, id: ChannelId, signal: Sig, link: &mut Link) -> Result<(), Error> {
        // Others are none that OpenSSH knows by a name.
        if matches!(&signal, Sig::Custom(name) if name != "USR2") || !self.is_session(id) {
            return link.channel_failure(id);
        }
        self.input(id, Input::Signal(signal));
        link.channel_success(id)
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _link: &mut Link) -> Result<(), Error> {
        let running = self.channels.get(&id).and_then(|open| open.running.as_ref());
        // When all visitors together let too much wait, those who add to it go.
        if running.is_none_or(|running| running.input.data(data)) { Ok(()) } else { Err(Error::Disconnect) }
    }

    async fn channel_eof(&mut self, id: ChannelId, _link: &mut Link) -> Result<(), Error> {
        self.input(id, Input::End);
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _link: &mut Link) -> Result<(), Error> {
        self.channels.remove(&id);
        Ok(())
    }
}

fn side(cells: u32) -> usize {
    usize::try_from(cells.min(LARGEST)).unwrap_or(0)
}

/// A string of the wire.
fn wire(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes(), bytes].concat()
}

/// Signatures that the host keys are ours (PROTOCOL of OpenSSH, 2.5); `None` when one of them is not.
fn prove(keys: &HostKeys, mut data: &[u8], session_id: &[u8]) -> Option<Vec<u8>> {
    let mut signatures = Vec::new();
    let mut count = 0;
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let (blob, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let at = keys.blobs().iter().position(|known| known == blob)?;
        let key = Arc::new(keys.keys().get(at)?.clone());
        let hash = key.algorithm().is_rsa().then_some(HashAlg::Sha512);
        let content = [wire(b"hostkeys-prove-00@openssh.com"), wire(session_id), wire(blob)].concat();
        signatures.extend(wire(&sign_with_hash_alg(&PrivateKeyWithHashAlg::new(key, hash), &content).ok()?));
        data = rest;
        count += 1;
        if count > 8 {
            return None;
        }
    }
    (data.is_empty() && count > 0).then_some(signatures)
}
