//! Connecting: to the server's own address or the one that the check names, with TLS where asked for.

use super::{End, Run, Stepped, quoted, reason};
use crate::health::finding::Finding;
use crate::health::plan::{Connect, Port, Style};
use crate::health::wire::{Wire, WireError};
use crate::server::{Endpoint, ServerPort};
use net::Target;
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::time::{Instant, timeout_at};

impl<'p> Run<'p> {
    pub(super) async fn connect(&mut self, connect: &'p Connect) -> Stepped {
        self.wire = None;
        self.scope.clear();
        let Some(target) = self.target(connect) else {
            return Err(self.fail(Finding::SocketError, "no address or port to connect to".into()));
        };
        let until = match (self.check.timeout, self.check.connect) {
            // without `timeout check` the interval bounds the whole check
            (Some(_), Some(limit)) => self.deadline.min(Instant::now() + limit),
            (Some(_), None) | (None, _) => self.deadline,
        };
        let opened =
            Wire::open(&target, &connect.options, connect.socks4, connect.send_proxy, connect.linger);
        let mut wire = match timeout_at(until, opened).await {
            Err(_) => return Err(self.fail_connect(connect, Finding::L4Timeout, "")),
            Ok(Err(error)) => {
                let (finding, info) = unreached(&error, &target, connect);
                return Err(self.fail_connect(connect, finding, &info));
            }
            Ok(Ok(wire)) => wire,
        };
        self.secured = connect.tls.is_some();
        if let Some(tls) = &connect.tls {
            match timeout_at(until, wire.secure(tls)).await {
                Err(_) => return Err(self.fail_connect(connect, Finding::L6Timeout, "")),
                Ok(Err(error)) => {
                    return Err(self.fail_connect(connect, Finding::L6Response, &reason(&error)));
                }
                Ok(Ok(())) => {}
            }
        }
        self.wire = Some(wire);
        if let Some(limit) = self.check.timeout {
            self.deadline = Instant::now() + limit;
        }
        Ok(())
    }

    fn target(&self, connect: &Connect) -> Option<Target> {
        let endpoint = self.scope.server.endpoint();
        let own = match endpoint.as_deref() {
            Some(Endpoint::Inet { ip, port }) => {
                let port = match port {
                    ServerPort::Fixed(port) => *port,
                    ServerPort::Offset(_) => 0,
                };
                Some(Target::Inet(SocketAddr::new(*ip, port)))
            }
            Some(Endpoint::Unix(path)) => Some(Target::Unix(path.clone())),
            Some(Endpoint::Abstract(name)) => Some(Target::Abstract(name.clone())),
            None => None,
        };
        let own_port = match &own {
            Some(Target::Inet(addr)) => addr.port(),
            Some(Target::Unix(_) | Target::Abstract(_)) | None => 0,
        };
        let moved = self.watch.lock().check_at;
        let port = match &connect.port {
            _ if moved.port.is_some() => moved.port,
            Some(Port::Fixed(port)) => Some(*port),
            Some(Port::Expr(expr)) => expr.eval(&self.scope)?.to_int().and_then(|n| u16::try_from(n).ok()),
            None => None,
        };
        let moved = moved.addr.map(|ip| Target::Inet(SocketAddr::new(ip, own_port)));
        match moved.or_else(|| connect.addr.clone()).or(own)? {
            Target::Inet(mut addr) => {
                let unset = if addr.port() == 0 { own_port } else { addr.port() };
                addr.set_port(port.unwrap_or(unset));
                (addr.port() != 0).then_some(Target::Inet(addr))
            }
            other @ (Target::Unix(_) | Target::Abstract(_)) => Some(other),
        }
    }

    fn fail_connect(&self, connect: &Connect, finding: Finding, info: &str) -> End {
        if self.probe.style != Style::Tcp {
            return self.fail(finding, info.to_owned());
        }
        let place = if self.step == 0 {
            "initial connection step of tcp-check".to_owned()
        } else {
            let port = match &connect.port {
                Some(Port::Fixed(port)) => format!(" port {port}"),
                Some(Port::Expr(_)) | None => String::new(),
            };
            format!("step {} of tcp-check (connect{port})", self.step)
        };
        let comment = quoted(connect.comment.as_deref().or(self.comment.as_deref()));
        self.fail(finding, format!("{info} at {place}{comment}"))
    }
}

/// Why no connection came about: HAProxy tells a refusal from the network apart from what this host forbids itself.
fn unreached(error: &WireError, target: &Target, connect: &Connect) -> (Finding, String) {
    let said = reason(error);
    let WireError::Socket(system) = error else { return (Finding::L4Con, said) };
    match (target, system.kind()) {
        (Target::Unix(_) | Target::Abstract(_), _) => {
            (Finding::SocketError, format!("General socket error ({said})"))
        }
        (Target::Inet(_), ErrorKind::AddrNotAvailable) if connect.options.source.is_some() => {
            (Finding::L4Con, format!("Can't bind to source address ({said})"))
        }
        (Target::Inet(_), ErrorKind::NetworkUnreachable | ErrorKind::PermissionDenied) => {
            (Finding::L4Con, format!("General socket error ({said})"))
        }
        (Target::Inet(_), _) => (Finding::L4Con, said),
    }
}
