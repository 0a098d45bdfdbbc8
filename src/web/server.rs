//! The listener of the pages: places, TLS, drain.
//!
//! A handshake is nobody else's wait: connections are made ready in tasks of their own and handed to the HTTP server
//! when they are. Each has a place; without a free one a connection is closed at once.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{HeaderMap, HeaderName};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use ipnet::IpNet;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Url;
use super::connection::{Answering, Asked, Connection, Stream, Turn};
use crate::problem::Problem;
use crate::tls::{self, ACME_TLS, Challenges, Files, Shown};

/// How the pages are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where we listen.
    pub listen: SocketAddr,
    /// The address that people see.
    pub url: Url,
    /// Where the certificate lies; none when a proxy before us encrypts.
    pub certificate: Option<Files>,
    /// Proxies on other machines; those on this one need not be listed.
    pub proxies: Vec<IpNet>,
    /// Connections at the same time.
    pub max_connections: usize,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
}

/// A handshake is done within this.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// After this, a drain cuts off what is still open.
const DRAIN: Duration = Duration::from_secs(10);

/// A server of pages.
#[derive(Debug)]
pub struct Server {
    listening: SocketAddr,
    tls: Arc<ArcSwapOption<ServerConfig>>,
    challenges: Challenges,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Listens, and serves these pages from now on, with the certificate that the settings name.
    ///
    /// # Errors
    /// A [`Problem`] when the address cannot be had.
    pub async fn start(settings: &Settings, certificate: Option<&Shown>, pages: Router) -> Result<Self, Problem> {
        let challenges = Challenges::default();
        let tls = Arc::new(ArcSwapOption::from(tls(certificate, &challenges)?));
        let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
            Problem::new(
                "[web]",
                format!("cannot listen on {}: {error}", settings.listen),
                "stop what listens there, choose another port, or give the right to use ports below 1024",
            )
        })?;
        let listening = listener.local_addr().unwrap_or(settings.listen);
        let (stop, stopping) = watch::channel(false);
        let proxies: Arc<[IpNet]> = settings.proxies.clone().into();
        let door = Door {
            places: Arc::new(Places::new(settings.max_connections, Arc::clone(&proxies))),
            tls: Arc::clone(&tls),
            is_secure: settings.certificate.is_some(),
            idle: settings.idle_timeout,
        };
        let (ready, waiting) = mpsc::channel(settings.max_connections.max(1));
        tokio::spawn(door.admit(listener, ready, stopping.clone()));
        let ready = Ready { waiting, listening };
        let mut stopped = stopping;
        let serving = tokio::spawn(async move {
            let pages = pages
                .layer(middleware::from_fn_with_state(proxies, answer))
                .into_make_service_with_connect_info::<Peer>();
            let served = axum::serve(ready, pages).with_graceful_shutdown(async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            });
            if let Err(error) = served.await {
                tracing::error!(%error, "the pages are not served any more");
            }
        });
        Ok(Self { listening, tls, challenges, stop, serving })
    }

    /// Where it listens.
    pub fn listening(&self) -> SocketAddr {
        self.listening
    }

    /// Where an authority looks for the answers to its challenges (tls-alpn-01).
    pub fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// Shows another certificate from now on.
    ///
    /// # Errors
    /// As [`Server::start`]; the one before stays.
    pub fn reload(&self, certificate: Option<&Shown>) -> Result<(), Problem> {
        self.tls.store(tls(certificate, &self.challenges)?);
        Ok(())
    }

    /// Takes no more connections, lets those that are open finish their page.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if timeout(DRAIN, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}

fn tls(certificate: Option<&Shown>, challenges: &Challenges) -> Result<Option<Arc<ServerConfig>>, Problem> {
    let config = certificate.map(|shown| tls::web_config(shown.clone(), challenges.clone())).transpose()?;
    Ok(config.map(Arc::new))
}

/// Lets connections in.
struct Door {
    places: Arc<Places>,
    tls: Arc<ArcSwapOption<ServerConfig>>,
    is_secure: bool,
    idle: Duration,
}

impl Door {
    async fn admit(
        self,
        listener: TcpListener,
        ready: mpsc::Sender<(Connection, SocketAddr)>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                accepted = listener.accept() => accepted,
            };
            let (tcp, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the pages could not be accepted; waiting a moment");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let _ = tcp.set_nodelay(true);
            // Where a proxy encrypts, nobody comes past it.
            let past_proxy = !self.is_secure && !is_proxy(peer.ip().to_canonical(), &self.places.proxies);
            if past_proxy && !self.places.proxies.is_empty() {
                continue;
            }
            let Some(place) = Places::take(&self.places, peer.ip().to_canonical()) else { continue };
            let (ready, idle) = (ready.clone(), self.idle);
            let (is_secure, config) = (self.is_secure, self.tls.load_full());
            tokio::spawn(async move {
                let stream = match (is_secure, config) {
                    (false, _) => Some(Stream::Plain(tcp)),
                    (true, Some(config)) => handshake(config, tcp).await,
                    // Nothing is said without encryption where a certificate belongs.
                    (true, None) => None,
                };
                if let Some(stream) = stream {
                    let _ = ready.send((Connection::new(stream, idle, place), peer)).await;
                }
            });
        }
    }
}

async fn handshake(config: Arc<ServerConfig>, tcp: TcpStream) -> Option<Stream> {
    let secured = timeout(HANDSHAKE, TlsAcceptor::from(config).accept(tcp)).await.ok()?.ok()?;
    // An authority has seen its answer and goes again (RFC 8737 3).
    let is_page = secured.get_ref().1.alpn_protocol() != Some(ACME_TLS);
    is_page.then(|| Stream::Tls(Box::new(secured)))
}

/// Connections that are ready for their first request.
struct Ready {
    waiting: mpsc::Receiver<(Connection, SocketAddr)>,
    listening: SocketAddr,
}

impl Listener for Ready {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.waiting.recv().await {
            Some(connection) => connection,
            // The door is closed: the server hears of the stop by itself.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.listening)
    }
}

/// Where a connection comes from, and whose turn it is there.
#[derive(Debug, Clone)]
struct Peer {
    address: SocketAddr,
    turn: Turn,
}

/// From where a request comes: its connection, or whom a proxy of ours names.
#[derive(Debug, Clone, Copy)]
pub(super) struct ComesFrom(pub IpAddr);

impl Connected<IncomingStream<'_, Ready>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Ready>) -> Self {
        Self { address: *stream.remote_addr(), turn: stream.io().turn() }
    }
}

/// Has the connection know when the request is all there, and when its answer begins: the silence between them is ours.
async fn answer(
    State(proxies): State<Arc<[IpNet]>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let comes_from = comes_from(peer.address.ip().to_canonical(), request.headers(), &proxies);
    let mut asked = request.map(|body| Body::new(Asked::new(body, peer.turn.clone())));
    asked.extensions_mut().insert(ComesFrom(comes_from));
    let _ours = Answering(&peer.turn);
    next.run(asked).await
}

/// The last address that no proxy of ours has: each proxy adds from where it was asked (`X-Forwarded-For`), and what was
/// there before may be anybody's invention.
fn comes_from(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let named = headers.get_all(HeaderName::from_static("x-forwarded-for"));
    let named: Vec<&str> =
        named.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    let mut address = peer;
    for name in named.iter().rev() {
        let Some(before) = named_address(name.trim()).filter(|_| is_proxy(address, proxies)) else { break };
        address = before.to_canonical();
    }
    address
}

/// Some proxies name the port too.
fn named_address(name: &str) -> Option<IpAddr> {
    name.parse().ok().or_else(|| name.parse().ok().map(|address: SocketAddr| address.ip()))
}

fn is_proxy(address: IpAddr, proxies: &[IpNet]) -> bool {
    address.is_loopback() || proxies.iter().any(|network| network.contains(&address))
}

/// How many connections there are, in all and from one address.
#[derive(Debug)]
struct Places {
    most: usize,
    proxies: Arc<[IpNet]>,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place, given back on drop.
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    fn new(most: usize, proxies: Arc<[IpNet]>) -> Self {
        Self { most, proxies, taken: Mutex::default() }
    }

    /// None when all are taken, or one address has a quarter of them. A proxy may have them all.
    fn take(places: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.get(&address).copied().unwrap_or_default();
        let most_of_one = if is_proxy(address, &places.proxies) { places.most } else { places.most.div_ceil(4) };
        if taken.values().sum::<usize>() >= places.most || theirs >= most_of_one {
            return None;
        }
        taken.insert(address, theirs + 1);
        Some(Place { places: Arc::clone(places), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = taken.get_mut(&self.address) {
            *theirs = theirs.saturating_sub(1);
            if *theirs == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_address_never_takes_all_places_and_a_proxy_may() {
        let places = Arc::new(Places::new(8, Arc::from(["198.51.100.0/30".parse().unwrap()])));
        let (stranger, other): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let taken = [Places::take(&places, stranger), Places::take(&places, stranger)];
        assert!(taken.iter().all(Option::is_some));
        assert!(Places::take(&places, stranger).is_none() && Places::take(&places, other).is_some());
        drop(taken);
        assert!(Places::take(&places, stranger).is_some());
        for proxy in [IpAddr::from([127, 0, 0, 1]), [198, 51, 100, 2].into()] {
            let places: Vec<_> = (0..9).map(|_| Places::take(&places, proxy)).collect();
            assert_eq!(places.iter().flatten().count(), 8, "{proxy}");
        }
    }

    #[test]
    fn a_proxy_of_ours_is_believed_and_nobody_else() {
        let proxies = ["198.51.100.0/30".parse().unwrap()];
        for (peer, named, expected) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("127.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("198.51.100.2", &["203.0.113.9"], "203.0.113.9"),
            ("198.51.100.2", &["203.0.113.66, 203.0.113.9"], "203.0.113.9"),
            ("198.51.100.2", &["203.0.113.66", "203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &["203.0.113.9, 198.51.100.1"], "203.0.113.9"),
            ("127.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("127.0.0.1", &["[2001:db8::9]:4711"], "2001:db8::9"),
            ("127.0.0.1", &["unknown"], "127.0.0.1"),
            ("127.0.0.1", &["203.0.113.9, unknown"], "127.0.0.1"),
            ("198.51.100.2", &[], "198.51.100.2"),
        ] {
            let mut headers = HeaderMap::new();
            for value in named {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            let from = comes_from(peer.parse().unwrap(), &headers, &proxies);
            assert_eq!(from.to_string(), expected, "{peer} {named:?}");
        }
    }
}
