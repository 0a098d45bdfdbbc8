//! The ports that the gate listens on: free, or held by a gate of ours.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::report::Report;
use crate::config::Config;
use crate::smtp::listener::bind;
use crate::tls::{Trust, client_config};

/// How long whoever listens has to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every address of the configuration.
pub(super) async fn all(report: &mut Report, config: &Config) {
    for (address, speaks) in config
        .smtp
        .listen
        .iter()
        .map(|address| (*address, Speaks::Smtp))
        .chain(config.smtp.listen_tls.iter().map(|address| (*address, Speaks::SmtpInTls)))
        .chain(config.metrics.map(|address| (address, Speaks::Http)))
    {
        let free = bind(address).await.map(drop);
        let is_ours = match &free {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => is_ours(address, speaks, &config.hostname).await,
            _ => false,
        };
        tell(report, address, free, is_ours);
    }
}

fn tell(report: &mut Report, address: SocketAddr, free: io::Result<()>, is_ours: bool) {
    match free {
        Ok(()) => report.ok("port", [format!("{address} is vrij"), format!("{address} is free")]),
        Err(_) if is_ours => {
            report.ok("port", [format!("mailpoort luistert op {address}"), format!("mailpoort listens on {address}")]);
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => report.warn(
            "port",
            [
                format!("of {address} vrij is, kan deze gebruiker niet zien"),
                format!("this user cannot see whether {address} is free"),
            ],
            ["draai dit als root", "run this as root"],
        ),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => report.bad(
            "port",
            [format!("op {address} luistert een ander programma"), format!("another program listens on {address}")],
            [
                "zoek het met `ss -ltnp` en stop het, of kies een andere poort",
                "find it with `ss -ltnp` and stop it, or choose another port",
            ],
        ),
        Err(error) => report.bad(
            "port",
            [format!("op {address} kan niemand luisteren: {error}"), format!("cannot listen on {address}: {error}")],
            ["geef een adres van deze machine", "give an address of this machine"],
        ),
    }
}

#[derive(Clone, Copy)]
enum Speaks {
    Smtp,
    SmtpInTls,
    Http,
}

async fn is_ours(address: SocketAddr, speaks: Speaks, hostname: &str) -> bool {
    let said = timeout(PATIENCE, said(reachable(address), speaks, hostname)).await.ok().flatten().unwrap_or_default();
    match speaks {
        Speaks::Http => said.contains("yes") || said.contains("the gate is being stopped"),
        Speaks::Smtp | Speaks::SmtpInTls => said.starts_with(&format!("220 {hostname} ESMTP mailpoort")),
    }
}

/// What it says first.
async fn said(address: SocketAddr, speaks: Speaks, hostname: &str) -> Option<String> {
    let mut tcp = TcpStream::connect(address).await.ok()?;
    match speaks {
        Speaks::Smtp => heard(&mut tcp).await,
        Speaks::SmtpInTls => {
            let config = client_config(Trust::Unverified, None).ok()?;
            let name = ServerName::try_from(hostname.to_string()).ok()?;
            heard(&mut tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.ok()?).await
        }
        Speaks::Http => {
            tcp.write_all(b"GET /ready HTTP/1.0\r\n\r\n").await.ok()?;
            let mut answer = String::new();
            tcp.take(4096).read_to_string(&mut answer).await.ok()?;
            Some(answer)
        }
    }
}

async fn heard(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\n") && heard.len() < 512 {
        heard.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(heard).ok()
}

/// Where one knocks at whoever listens on all addresses.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
