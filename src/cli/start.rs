//! The start and the end of a run. The start is synchronous and single-threaded up to the sandbox, because what the
//! sandbox takes away is taken from one thread and its children; only then there is a runtime.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::model;
use crate::base::clock;
use crate::base::daily::Keep;
use crate::config::{Config, Environment, Opening};
use crate::event::{Bus, Kind, Sink};
use crate::listen::{self, Listeners, Service};
use crate::logging;
use crate::protocols::{self, Ai, Protocol, ssh, tcp::Tcp};
use crate::registration::{self, Identity};
use crate::respond::{self, Gateway, GatewayError, Mode, Responder};
use crate::sandbox;
use crate::session::tls::{Snakeoil, Tls, TlsError};
use crate::session::{Captures, Recordings, Shared};
use crate::sinks::jsonl;
use crate::world::{self, FileConfig, Image, Machine, Persona, Setup, World};

/// Why the start failed; each says what to do.
#[derive(Debug)]
pub(super) enum StartError {
    Bind { name: String, port: u16, error: io::Error },
    Folder { path: PathBuf, what: &'static str, error: io::Error },
    Sandbox(sandbox::SandboxError),
    Tls(TlsError),
    Image { path: PathBuf, reason: String },
    Model(GatewayError),
    Runtime(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { name, port, error } => {
                let advice = match error.kind() {
                    io::ErrorKind::AddrInUse => "stop what listens there (`ss -ltnp` shows it)",
                    io::ErrorKind::PermissionDenied => "ports below 1024 need root or CAP_NET_BIND_SERVICE",
                    _ => "check [general] address",
                };
                write!(f, "port {port} for {name} can't be opened: {error}; {advice}, or set another number in [ports]")
            }
            Self::Folder { path, what, error } => {
                write!(
                    f,
                    "{}: {what} can't be used: {error}; make it writable or name another one in the configuration",
                    path.display()
                )
            }
            Self::Image { path, reason } => {
                write!(f, "{}: {reason}; make it with `rustbucket image import`", path.display())
            }
            Self::Model(error) => write!(f, "the model: {error}"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::Sandbox(error) => write!(f, "sandbox: {error}"),
            Self::Runtime(error) => write!(f, "threads can't be made: {error}"),
        }
    }
}

/// Whether the standard ports are ours to take.
pub(super) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Runs the sensor until SIGTERM or Ctrl-C.
pub(super) fn run(config: Config, file: Option<&Path>, environment: &Environment) -> Result<(), StartError> {
    let mut left_out = Vec::new();
    let sockets = bind(&config, &mut left_out)?;
    let folder = |path: &Path, what, error| StartError::Folder { path: path.into(), what, error };
    let general = &config.general;
    let keep = Keep { days: general.log_max_age_days, total_bytes: general.log_max_total_bytes, file_bytes: 64 << 20 };
    let log = logging::open(&general.log_directory, keep)
        .map_err(|error| folder(&general.log_directory, "the log folder", error))?;
    let level = environment.get("RUST_LOG").filter(|level| logging::check_level(level).is_ok());
    logging::start(level.unwrap_or(&general.log_level), Some(log));

    let state = &general.state_directory;
    let in_state = |error| folder(state, "the state folder", error);
    fs::create_dir_all(state).map_err(in_state)?;
    let (identity, fresh) =
        Identity::open(&registration::identity_file(state), Path::new("token.txt")).map_err(in_state)?;
    let captures = Captures::open(state, config.limits.captures_total_bytes).map_err(in_state)?;
    let recordings = match config.recordings.enabled {
        true => Some(Recordings::open(state, &config.recordings).map_err(in_state)?),
        false => None,
    };
    let events = jsonl::open(&config.events, &general.log_directory)
        .map_err(|error| folder(&config.events.directory, "the event folder", error))?;
    let image = image(&config.persona.image)?;
    let (mut persona, tls) = tls(&config, identity.seed()).map_err(StartError::Tls)?;
    let host_keys = host_keys(&config, identity.seed(), &mut persona).map_err(in_state)?;
    let gateway = model::gateway(&config, identity.seed()).map_err(StartError::Model)?;
    greet(&config, file, fresh, &sockets);
    for reason in left_out {
        tracing::warn!("{reason}");
    }

    confine(&config, &events.directory)?;
    let sink = events.start().map_err(StartError::Runtime)?;
    if let Some(recordings) = &recordings {
        recordings.start().map_err(StartError::Runtime)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let made = Made { persona, tls, host_keys, captures, recordings: recordings.clone(), image, gateway };
    let cut = runtime.block_on(serve(&config, identity, made, sockets, Arc::clone(&sink)))?;
    // Visits that did not end in time are dropped here; each still records its end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    if let Some(recordings) = recordings {
        recordings.close();
    }
    cut.sensor_event();
    sink.close();
    tracing::info!("stopped");
    Ok(())
}

/// The base image that the configuration names, read before the sandbox closes.
fn image(path: &str) -> Result<Option<Image>, StartError> {
    if path.is_empty() {
        return Ok(None);
    }
    let wrong = |reason: String| StartError::Image { path: path.into(), reason };
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    Image::from_bytes(bytes, Machine::X86_64).map(Some).map_err(wrong)
}

/// The instance's certificate becomes a file of the host, whatever certificate is shown.
fn tls(config: &Config, seed: u64) -> Result<(world::Config, Arc<Tls>), TlsError> {
    let mut persona = config.persona.clone();
    let Persona { fqdn, installed, .. } = Persona::new(&persona, seed);
    let snakeoil = Snakeoil::open(&config.general.state_directory, &fqdn, installed)?;
    let tls = Tls::open(&config.tls, &snakeoil)?;
    if persona.profile != "busybox" {
        let certificate = file("/etc/ssl/certs/ssl-cert-snakeoil.pem", snakeoil.certificate, "root", "0644");
        let key = file("/etc/ssl/private/ssl-cert-snakeoil.key", snakeoil.key, "root:ssl-cert", "0640");
        persona.files.splice(0..0, [certificate, key]);
    }
    Ok((persona, tls))
}

/// The instance's host keys, which become files of the host; a host without sshd has none.
fn host_keys(config: &Config, seed: u64, persona: &mut world::Config) -> io::Result<Option<Arc<ssh::HostKeys>>> {
    if persona.profile == "busybox" {
        return Ok(None);
    }
    let Persona { hostname, .. } = Persona::new(persona, seed);
    let keys = ssh::HostKeys::open(&config.general.state_directory, &hostname)?;
    let files = keys.files().into_iter().map(|(path, content, mode)| file(&path, content, "root", mode));
    persona.files.splice(0..0, files);
    Ok(Some(Arc::new(keys)))
}

/// A file of the host that the instance adds.
fn file(path: &str, content: String, owner: &str, mode: &str) -> FileConfig {
    let (modified, invent) = (String::new(), String::new());
    FileConfig { path: path.into(), content, owner: owner.into(), mode: mode.into(), modified, invent }
}

/// What was made before the sandbox closed.
struct Made {
    /// With the files that the instance adds.
    persona: world::Config,
    tls: Arc<Tls>,
    host_keys: Option<Arc<ssh::HostKeys>>,
    captures: Arc<Captures>,
    recordings: Option<Arc<Recordings>>,
    image: Option<Image>,
    gateway: Option<Arc<Gateway>>,
}

/// What is left to say when the runtime is gone.
struct Cut {
    visits: u64,
    bus: Arc<Bus>,
}

impl Cut {
    fn sensor_event(self) {
        self.bus.sensor_event(Kind::SensorStopped { cut: self.visits });
    }
}

async fn serve(
    config: &Config,
    identity: Identity,
    made: Made,
    sockets: Vec<Bound>,
    sink: Arc<jsonl::Jsonl>,
) -> Result<Cut, StartError> {
    let limits = config.limits.clone();
    let Made { persona, tls, host_keys, captures, recordings, image, gateway } = made;
    let setup = Setup {
        persona: &persona,
        login: &config.login,
        overlay: &config.overlay,
        state: Some(&config.general.state_directory),
        image,
        seed: identity.seed(),
        overlay_bytes: limits.overlay_bytes,
        total_bytes: limits.overlays_total_bytes,
    };
    let world = World::with_web(setup, config.http.web());
    let sensor = if config.general.sensor.is_empty() { identity.name() } else { &config.general.sensor };
    let bus = Bus::new(sensor, vec![sink as Arc<dyn Sink>]);
    let system = world.persona().os_pretty.clone();
    if let Some(gateway) = &gateway {
        gateway.report_to(&bus);
        respond::remember(gateway, &world);
    }
    let shared_world = Arc::clone(&world);
    let (tls, stop) = (Some(tls), CancellationToken::new());
    let shared = Arc::new(Shared { world, captures, recordings, tls, limits, stop });
    // From here on a signal ends the run in order, also while the registry makes us wait.
    let stopped = stopped().map_err(StartError::Runtime)?;

    registration::register_instance(&config.registration, identity, &system).await;

    let listeners: Vec<String> = sockets.iter().map(|bound| format!("{}:{}", bound.name, bound.port)).collect();
    let services = services(config, sockets, gateway.as_ref(), host_keys);
    let running = Listeners::start(services, shared, Arc::clone(&bus)).map_err(StartError::Runtime)?;
    bus.sensor_event(Kind::SensorStarted { version: env!("CARGO_PKG_VERSION").into(), listeners });
    let inventor = gateway
        .clone()
        .map(|gateway| tokio::spawn(respond::invent(gateway, Arc::clone(&shared_world), Arc::clone(&bus))));
    let account = gateway.clone().map(|gateway| tokio::spawn(model::account(gateway, Arc::clone(&bus))));
    stopped.await;
    tracing::info!("stopping: no new visits, waiting for those that are under way");
    let visits = running.drain().await;
    if let (Some(account), Some(inventor), Some(gateway)) = (account, inventor, gateway) {
        account.abort();
        inventor.abort();
        model::spent(&gateway, &bus, &clock::day(clock::now()));
    }
    Ok(Cut { visits, bus })
}

/// Resolves at SIGTERM or Ctrl-C.
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A socket that is bound, and what will answer on it.
struct Bound {
    name: String,
    port: u16,
    socket: std::net::TcpListener,
    kind: BoundKind,
}

enum BoundKind {
    /// Index in the protocols' table.
    Protocol(&'static crate::protocols::Entry),
    /// Index in `[[services]]`.
    Service(usize),
}

/// Why SSH is left out, around the number of its port.
const SSH_LEFT_OUT_HEAD: &str = "SSH is left out: something else listens on port ";
const SSH_LEFT_OUT: &str = ", most likely your own sshd. To give visitors that port, move yours: set `Port 22222` in \
                            /etc/ssh/sshd_config, run `systemctl restart ssh` (with ssh.socket: `systemctl edit \
                            ssh.socket` instead), log in there once, then start Rustbucket again. Or choose another \
                            number: [ports] ssh = { port = 2222 }";

fn bind(config: &Config, left_out: &mut Vec<String>) -> Result<Vec<Bound>, StartError> {
    let address: Option<IpAddr> = config.general.address.parse().ok();
    let open = |name: &str, port: u16, kind: BoundKind| {
        let socket = listen::bind(address, port);
        let socket = socket.map_err(|error| StartError::Bind { name: name.into(), port, error })?;
        Ok(Bound { name: name.into(), port, socket, kind })
    };
    let openings = config.openings(is_root());
    let protocols = openings.iter().filter_map(|opening| {
        let Opening { entry, port, named, .. } = *opening;
        match open(entry.name, port, BoundKind::Protocol(entry)) {
            // The operator's own way in, most often.
            Err(StartError::Bind { error, .. })
                if entry.name == "ssh" && !named && error.kind() == io::ErrorKind::AddrInUse =>
            {
                left_out.push(format!("{SSH_LEFT_OUT_HEAD}{port}{SSH_LEFT_OUT}"));
                None
            }
            result => Some(result),
        }
    });
    let services = config
        .services
        .iter()
        .enumerate()
        .map(|(at, service)| open(&service.name, service.port, BoundKind::Service(at)));
    protocols.chain(services).collect()
}

fn services(
    config: &Config,
    sockets: Vec<Bound>,
    gateway: Option<&Arc<Gateway>>,
    host_keys: Option<Arc<ssh::HostKeys>>,
) -> Vec<Service> {
    let openings = config.openings(is_root());
    let engines = protocols::Config { host_keys, ..config.protocols() };
    let service = |bound: Bound| {
        let Bound { name, socket, kind, .. } = bound;
        let (protocol, mode, proxy_protocol): (Arc<dyn Protocol>, Mode, bool) = match kind {
            BoundKind::Protocol(entry) => {
                let Opening { settings, .. } = openings.iter().find(|opening| opening.entry.name == entry.name)?;
                let engine: Arc<dyn Protocol> = match settings.mode {
                    Mode::Ai => Arc::new(Ai::new(entry.name)),
                    _ => (entry.build)(&engines),
                };
                (engine, settings.mode, settings.proxy_protocol)
            }
            BoundKind::Service(at) => {
                let service = config.services.get(at)?;
                (Arc::new(Tcp::new(service)), service.mode, service.proxy_protocol)
            }
        };
        let responder = Responder::new(mode, gateway.cloned());
        Some(Service { name: name.into(), socket, protocol, responder, proxy_protocol })
    };
    sockets.into_iter().filter_map(service).collect()
}

/// The lines that an operator sees first.
fn greet(config: &Config, file: Option<&Path>, fresh_token: bool, sockets: &[Bound]) {
    let ports: Vec<String> = sockets.iter().map(|bound| format!("{} {}", bound.name, bound.port)).collect();
    let source = file.map_or_else(|| "built-in defaults".into(), |file| file.display().to_string());
    let unnamed = config.openings(is_root()).iter().any(|opening| !opening.named);
    let why = if unnamed && !is_root() { " (not root: high ports where none was named)" } else { "" };
    tracing::info!(configuration = %source, "listening on {}{why}", ports.join(", "));
    if fresh_token {
        tracing::warn!("no token.txt: a fresh instance token is used for this run");
    }
    if model::addresses(config).next().is_none() {
        tracing::warn!("no model: set CHATGPT_API_KEY or [openai] base_url; until then the emulator answers alone");
    }
}

/// Gives up every right that is not needed from here on.
fn confine(config: &Config, events: &Path) -> Result<(), StartError> {
    if !config.sandbox.enabled {
        tracing::warn!("the sandbox is switched off");
        return Ok(());
    }
    let general = &config.general;
    let plan = sandbox::Plan {
        user: Some(general.user.clone()).filter(|user| !user.is_empty()),
        write: vec![general.log_directory.clone(), general.state_directory.clone(), events.into()],
        read: READ.iter().map(PathBuf::from).collect(),
        connect_ports: connect_ports(config),
        required: config.sandbox.required,
    };
    let report = sandbox::enter(&plan).map_err(StartError::Sandbox)?;
    tracing::debug!(done = ?report.done, "sandbox");
    if !report.missing.is_empty() {
        tracing::warn!("the sandbox is not complete: {}", report.missing.join(" "));
    }
    Ok(())
}

/// What name resolution and TLS read.
/// Stack of a runtime thread: the interpreter of the simulated shell nests futures, and its depth is bounded for this.
/// Only touched pages cost memory.
const STACK: usize = 16 << 20;

const READ: &[&str] = &[
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/run/systemd/resolve",
    "/etc/ssl",
    "/etc/pki",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
];

/// Ports of the configured model and registry, and DNS over TCP when there is one of them. Active data connections of
/// FTP go to ports that visitors choose: all that are not privileged. Their address is for the engine to see to.
fn connect_ports(config: &Config) -> Vec<u16> {
    let registry = config.registration.usable().then_some(config.registration.rustbucket_registry_url.as_str());
    let mut ports: Vec<u16> = model::addresses(config).chain(registry).filter_map(port_of).collect();
    if !ports.is_empty() {
        ports.push(53);
    }
    if config.ports.ftp.enabled && config.ftp.active {
        ports.extend(1024..=u16::MAX);
    }
    ports
}

fn port_of(url: &str) -> Option<u16> {
    reqwest::Url::parse(url).ok()?.port_or_known_default()
}
