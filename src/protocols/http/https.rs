//! The first bytes on a port that begins with TLS: nginx and Apache tell differently what is none.

use super::{Response, Scheme, Setting, apache, send, server_of};
use crate::base::clock;
use crate::prelude::*;
use crate::session::Wire;
use crate::session::tls::{Handshake, Inside};

/// Does the handshake, of which one byte has come at least; `None` when everything is said.
///
/// # Errors
/// Why the visit is over.
pub(super) async fn begin(session: &Session, wire: &mut Wire, config: &str) -> Result<Option<Scheme>, CloseReason> {
    let host = session.host();
    let server = server_of(config, &host);
    // nginx looks at one byte: a handshake of TLS, or of SSL 2. OpenSSL, for Apache, at a whole header.
    let plain = if server.starts_with("nginx") {
        let first = wire.unread().first().copied().unwrap_or_default();
        first != 0x16 && first & 0x80 == 0
    } else {
        while wire.unread().len() < 5 {
            wire.fill().await?;
        }
        const VERBS: [&[u8]; 4] = [b"GET ", b"POST ", b"HEAD ", b"PUT "];
        VERBS.iter().any(|verb| wire.unread().starts_with(verb))
    };
    if !plain {
        let Some(tls) = session.tls() else { return Err(CloseReason::Failure) };
        let how = Handshake { inside: Inside::Http, ..Handshake::until(session.deadline()) };
        wire.begin_tls(tls, how).await?;
        return Ok(Some(Scheme::Https));
    }
    session.log().record(Kind::malformed("plain HTTP on a port of TLS", wire.unread()));
    if server.starts_with("nginx") {
        return Ok(Some(Scheme::Mistaken));
    }
    let persona = host.persona();
    let setting = Setting {
        server: &server,
        now: clock::unix_seconds(),
        address: &persona.address,
        port: session.called_port(),
        count: 1,
        name: &persona.fqdn,
        boundary: "",
        https: true,
    };
    let response: Response = apache::to_https(&setting);
    send(wire, response).await?;
    wire.finish().await?;
    Ok(None)
}
