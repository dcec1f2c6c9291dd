//! Binding, accepting, limits, drain. The only room that knows sockets of visitors.

mod gate;
mod proxy;
mod urgent;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol as Transport, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::event::{Bus, CloseReason, EventLog, Kind, Visit};
use crate::protocols::Protocol;
use crate::respond::Responder;
use crate::session::turns::in_turn;
use crate::session::{Session, Shared, Stream};
use gate::{Gate, Permit};
use urgent::Urgent;

/// Connections that the kernel keeps for us while we are busy.
const BACKLOG: i32 = 4096;

/// Binds a port: on `address`, or where that is `None` on all addresses, IPv6 and IPv4.
/// Small writes are sent at once on every accepted connection, as interactive services do.
///
/// # Errors
/// What the operating system says: the port is in use, or needs rights.
pub fn bind(address: Option<IpAddr>, port: u16) -> io::Result<StdListener> {
    match address {
        Some(address) => bind_one(SocketAddr::new(address, port)),
        None => match bind_one(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)) {
            // A host without IPv6.
            Err(error) if !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
                bind_one(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
            }
            bound => bound,
        },
    }
}

fn bind_one(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Transport::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// One port and what answers on it.
pub struct Service {
    /// Name in events: the protocol's, or that of the `[[services]]` entry.
    pub name: Arc<str>,
    /// The bound socket.
    pub socket: StdListener,
    /// The engine.
    pub protocol: Arc<dyn Protocol>,
    /// Who answers what the engine does not know.
    pub responder: Arc<Responder>,
    /// A load balancer in front sends PROXY headers.
    pub proxy_protocol: bool,
}

/// The listeners of a running sensor.
pub struct Listeners {
    visits: TaskTracker,
    shared: Arc<Shared>,
    bus: Arc<Bus>,
    gate: Arc<Gate>,
}

/// How often refused connections are reported.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// Reports between two looks at what is kept of attackers.
const SWEEP_EVERY: u64 = 6;

impl Listeners {
    /// Starts a task per port. Must be called inside the runtime.
    ///
    /// # Errors
    /// A socket can't be handed to the runtime.
    pub fn start(services: Vec<Service>, shared: Arc<Shared>, bus: Arc<Bus>) -> io::Result<Self> {
        let gate = Arc::new(Gate::new(&shared.limits, Handle::current().metrics().num_workers()));
        let listeners = Self { visits: TaskTracker::new(), shared, bus, gate };
        for service in services {
            let port = service.socket.local_addr()?.port();
            let socket = TcpListener::from_std(service.socket)?;
            let door = Arc::new(Door {
                port,
                protocol: service.protocol,
                responder: service.responder,
                proxy_protocol: service.proxy_protocol,
                // As vsftpd and telnetd want it; the others lose urgent bytes.
                urgent: matches!(&*service.name, "ftp" | "telnet"),
                name: service.name,
                shared: Arc::clone(&listeners.shared),
                bus: Arc::clone(&listeners.bus),
                gate: Arc::clone(&listeners.gate),
            });
            tokio::spawn(accept(socket, door, listeners.visits.clone()));
        }
        tokio::spawn(report(Arc::clone(&listeners.gate), Arc::clone(&listeners.bus), Arc::clone(&listeners.shared)));
        Ok(listeners)
    }

    /// Stops accepting, tells every visit to end, and waits for them within the drain time.
    /// Returns how many had to be left to the end of the runtime.
    pub async fn drain(self) -> u64 {
        self.shared.stop.cancel();
        self.visits.close();
        let deadline = Duration::from_secs(self.shared.limits.drain_seconds);
        let _ = tokio::time::timeout(deadline, self.visits.wait()).await;
        self.gate.report(&self.bus);
        self.visits.len() as u64
    }
}

async fn report(gate: Arc<Gate>, bus: Arc<Bus>, shared: Arc<Shared>) {
    let mut count = 0_u64;
    while tokio::time::timeout(REPORT_EVERY, shared.stop.cancelled()).await.is_err() {
        gate.report(&bus);
        count += 1;
        if count.is_multiple_of(SWEEP_EVERY) {
            let world = Arc::clone(&shared.world);
            let _ = tokio::task::spawn_blocking(move || world.sweep()).await;
        }
    }
}

/// What the task of a port holds.
struct Door {
    name: Arc<str>,
    port: u16,
    protocol: Arc<dyn Protocol>,
    responder: Arc<Responder>,
    proxy_protocol: bool,
    /// Urgent bytes are read like others.
    urgent: bool,
    shared: Arc<Shared>,
    bus: Arc<Bus>,
    gate: Arc<Gate>,
}

/// Accepts until the sensor stops. Errors never end the loop: those of a single connection are passed over,
/// those of the whole process (no descriptors, no memory) wait from 5 ms up to 1 s.
async fn accept(socket: TcpListener, door: Arc<Door>, visits: TaskTracker) {
    let stop = door.shared.stop.clone();
    let mut pause = Duration::from_millis(5);
    let mut complained = false;
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = socket.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = Duration::from_millis(5);
                complained = false;
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                if door.proxy_protocol {
                    visits.spawn(behind_proxy(Arc::clone(&door), stream, peer));
                } else if let Some(permit) = door.gate.enter(peer) {
                    let local = local_ip(&stream);
                    let stream: Box<dyn Stream> =
                        if door.urgent { Box::new(Urgent::new(stream)) } else { Box::new(stream) };
                    let ends = Ends { peer, via: None, local };
                    visits.spawn(in_turn(permit.account(), Box::pin(visit(Arc::clone(&door), stream, ends, permit))));
                }
            }
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                if !complained {
                    tracing::error!(%error, port = door.port, "connections can't be accepted; trying again");
                    complained = true;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}

fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | ConnectionRefused | Interrupted)
}

async fn behind_proxy(door: Arc<Door>, stream: TcpStream, balancer: SocketAddr) {
    let local = local_ip(&stream);
    match proxy::read_header(stream).await {
        Some((stream, source)) => {
            let peer = source.unwrap_or(balancer);
            let Some(permit) = door.gate.enter(peer) else { return };
            let via = source.map(|_| balancer);
            in_turn(permit.account(), Box::pin(visit(door, stream, Ends { peer, via, local }, permit))).await;
        }
        None => door.gate.no_header(balancer),
    }
}

fn local_ip(stream: &TcpStream) -> IpAddr {
    stream.local_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip().to_canonical())
}

/// The addresses of a connection.
struct Ends {
    peer: SocketAddr,
    via: Option<SocketAddr>,
    local: IpAddr,
}

/// One visit, from its first event to its last.
async fn visit(door: Arc<Door>, stream: Box<dyn Stream>, ends: Ends, permit: Permit) {
    let Ends { peer, via, local } = ends;
    let visit = Visit {
        session: crate::base::ids::session(),
        protocol: Arc::clone(&door.name),
        src_ip: peer.ip(),
        src_port: peer.port(),
        dst_port: door.port,
    };
    tracing::debug!(source_ip = %peer.ip(), protocol = %door.name, "visit");
    let log = EventLog::new(Arc::clone(&door.bus), visit);
    log.record(Kind::ConnectionOpened { via });
    let session = Session::new(log, Arc::clone(&door.shared), local);
    let reason = door.protocol.serve(Arc::clone(&session), Arc::clone(&door.responder), stream).await;
    session.end(if reason == CloseReason::PeerReset && door.shared.stop.is_cancelled() {
        CloseReason::Shutdown
    } else {
        reason
    });
    drop(permit);
}
