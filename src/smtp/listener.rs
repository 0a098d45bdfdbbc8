//! The accept loops: connection limits, back-off, drain (after tokio's mini-redis).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::meter::Counter;
use crate::smtp::handler::Handler;
use crate::smtp::reply::Reply;
use crate::smtp::session::{Session, handshake};
use crate::smtp::settings::Settings;
use crate::smtp::stream::Stream;

/// A server: its handler, and its settings, which a reload swaps.
pub struct Server<H: Handler> {
    pub(super) handler: H,
    settings: ArcSwap<Settings>,
    open: Mutex<Open>,
    counts: Counts,
    drain: watch::Sender<bool>,
    /// Cloned into every session and dropped with it: when all are gone, the drain is over.
    session: Mutex<Option<mpsc::Sender<()>>>,
    sessions_over: tokio::sync::Mutex<mpsc::Receiver<()>>,
}

/// Connections since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Of listed clients.
    pub listed: Counter,
    /// Of everybody else: strangers, and users before they have signed in.
    pub strangers: Counter,
    /// Turned away at once, since there were too many.
    pub turned_away: Counter,
}

/// Connections that are open now.
#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// Of which from nobody we know, by network.
    strangers: HashMap<IpAddr, usize>,
    all_strangers: usize,
}

impl<H: Handler> Server<H> {
    /// A server that does not listen yet.
    pub fn new(handler: H, settings: Settings) -> Arc<Self> {
        let (session, sessions_over) = mpsc::channel(1);
        Arc::new(Self {
            handler,
            settings: ArcSwap::from_pointee(settings),
            open: Mutex::default(),
            counts: Counts::default(),
            drain: watch::Sender::new(false),
            session: Mutex::new(Some(session)),
            sessions_over: tokio::sync::Mutex::new(sessions_over),
        })
    }

    /// The settings now.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Swaps the settings; sessions see them at their next EHLO.
    pub fn reload(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// The handler.
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// Connections since the start.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        lock(&self.open).all
    }

    /// Whether it takes no more connections.
    pub fn is_draining(&self) -> bool {
        *self.drain.borrow()
    }

    /// Accepts connections until [`drain`](Self::drain). With `implicit_tls` the handshake comes first (RFC 8314 3.3).
    pub async fn serve(self: Arc<Self>, listener: TcpListener, implicit_tls: bool) {
        let mut drain = self.drain.subscribe();
        let mut pause = Duration::from_millis(10);
        loop {
            let accepted = tokio::select! {
                biased;
                _ = drain.wait_for(|drain| *drain) => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    pause = Duration::from_millis(10);
                    self.begin(tcp, peer, implicit_tls);
                }
                // Out of file descriptors, most likely: sessions end and give some back.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; waiting a moment");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
            }
        }
    }

    /// Takes no more connections and waits until every session has finished its message, at most `patience`.
    /// Returns whether all did.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.drain.send_replace(true);
        drop(lock(&self.session).take());
        let mut over = self.sessions_over.lock().await;
        tokio::time::timeout(patience, over.recv()).await.is_ok()
    }

    fn begin(self: &Arc<Self>, tcp: TcpStream, peer: SocketAddr, implicit_tls: bool) {
        let address = peer.ip().to_canonical();
        let _ = tcp.set_nodelay(true);
        let Some(session) = lock(&self.session).clone() else { return };
        let Some(place) = self.take_place(address) else {
            self.counts.turned_away.one();
            tokio::spawn(turn_away(tcp));
            return;
        };
        if place.stranger.is_some() { &self.counts.strangers } else { &self.counts.listed }.one();
        let server = Arc::clone(self);
        tokio::spawn(async move {
            let _held = (place, session);
            if let Some(stream) = server.secure(tcp, implicit_tls).await {
                let drain = server.drain.subscribe();
                Session::new(server, drain, address, stream).run().await;
            }
        });
    }

    async fn secure(&self, tcp: TcpStream, implicit_tls: bool) -> Option<Stream> {
        if !implicit_tls {
            return Some(Stream::Plain(tcp));
        }
        let settings = self.settings();
        Box::pin(handshake(settings.tls()?, tcp, settings.limits.command_timeout)).await
    }

    fn take_place(self: &Arc<Self>, address: IpAddr) -> Option<Place<H>> {
        let settings = self.settings.load();
        let limits = &settings.limits;
        let known = settings.access.identify(address, &[]).may_relay();
        let network = network(address);
        let mut open = lock(&self.open);
        if open.all >= limits.max_connections {
            return None;
        }
        if !known {
            let theirs = open.strangers.get(&network).copied().unwrap_or(0);
            // Strangers together never take the places that the school's own servers need.
            if theirs >= limits.max_connections_per_stranger || open.all_strangers >= limits.max_connections / 2 {
                return None;
            }
            open.strangers.insert(network, theirs + 1);
            open.all_strangers += 1;
        }
        open.all += 1;
        Some(Place { server: Arc::clone(self), stranger: (!known).then_some(network) })
    }
}

/// What one stranger has: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

/// One connection's place, given back on drop.
struct Place<H: Handler> {
    server: Arc<Server<H>>,
    stranger: Option<IpAddr>,
}

impl<H: Handler> Drop for Place<H> {
    fn drop(&mut self) {
        let mut open = lock(&self.server.open);
        open.all -= 1;
        if let Some(address) = self.stranger
            && let Some(theirs) = open.strangers.get_mut(&address)
        {
            *theirs -= 1;
            if *theirs == 0 {
                open.strangers.remove(&address);
            }
            open.all_strangers -= 1;
        }
    }
}

async fn turn_away(mut tcp: TcpStream) {
    let mut out = Vec::new();
    Reply::too_many_connections().write_to(&mut out);
    let _ = tokio::time::timeout(Duration::from_secs(2), tcp.write_all(&out)).await;
}

/// The counters stay right even if a panic poisoned the lock: they are changed in single steps.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Binds a listening socket.
///
/// # Errors
/// What the system says, usually that the address is in use or needs privileges.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}
