//! A next hop: its hosts and demands, its pool of connections, and what it offered last.
//!
//! Connections are capped and kept for the next message; one that went stale in the meantime is no harm, since the
//! caller tries once more on a fresh one before anything of the message was answered.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::secret::Secret;
use crate::smtp::Reply;
use crate::smtp::client::connection::Connection;
use crate::smtp::client::met::Met;
use crate::smtp::client::trouble::Trouble;
use crate::smtp::handler::Extensions;

/// What we demand of TLS towards a next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// A certificate that we verified, for the host's name; else nothing is sent.
    Verify,
    /// Encryption, by whomever.
    Require,
    /// Encryption if it can be had.
    Opportunistic,
    /// None.
    Off,
}

/// A next hop and how to talk to it.
#[derive(Clone)]
pub struct Hop {
    /// Its name in the configuration and in logs.
    pub name: String,
    /// Hosts with ports, tried in order, all addresses of each.
    pub hosts: Vec<(String, u16)>,
    /// What we call ourselves in EHLO.
    pub our_name: String,
    /// The demand on TLS.
    pub demand: Demand,
    /// TLS from the first octet (RFC 8314), usually port 465.
    pub implicit_tls: bool,
    /// The TLS configuration that carries out the demand.
    pub tls: Arc<rustls::ClientConfig>,
    /// User name and password.
    pub credentials: Option<(String, Secret<String>)>,
    /// Time for a connection, and for the handshake, with one address.
    pub connect_timeout: Duration,
    /// Time for each reply.
    pub reply_timeout: Duration,
    /// Time for the reply to the end of data; stay below the client's patience (RFC 5321 4.5.3.2.6: 10 minutes).
    pub final_reply_timeout: Duration,
    /// How long an unused connection is kept; zero keeps none.
    pub keep_idle: Duration,
    /// Connections at the same time.
    pub max_connections: usize,
}

/// A user name can be a person's address.
impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop").field("name", &self.name).field("demand", &self.demand).finish_non_exhaustive()
    }
}

/// A next hop with its pool.
#[derive(Debug)]
pub struct NextHop {
    pub(super) hop: Hop,
    idle: Mutex<Vec<(Connection, Instant)>>,
    places: Arc<Semaphore>,
    known: Arc<Mutex<Option<Extensions>>>,
    met: Arc<Met>,
}

/// How long a transaction waits for a free connection before it is told to come back.
const WAIT_FOR_PLACE: Duration = Duration::from_secs(5);

impl NextHop {
    /// A next hop with an empty pool.
    pub fn new(hop: Hop) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(hop.max_connections));
        Arc::new(Self { hop, idle: Mutex::default(), places, known: Arc::default(), met: Arc::default() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.hop.name
    }

    /// What it offered when it was last connected to; `None` before the first time.
    pub fn known(&self) -> Option<Extensions> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it has fared with us.
    pub fn met(&self) -> &Met {
        &self.met
    }

    /// Goes on with what was counted of the next hop in whose place this one comes.
    pub fn go_on_from(&mut self, before: &Self) {
        self.met = Arc::clone(&before.met);
    }

    /// A connection: a kept one when there is one, else a fresh one.
    ///
    /// # Errors
    /// [`Trouble`] when none can be had.
    pub async fn lease(self: &Arc<Self>) -> Result<Lease, Trouble> {
        let place = self.place().await?;
        while let Some(connection) = self.take_idle() {
            if connection.is_clean() {
                return Ok(Lease { connection, next_hop: Arc::clone(self), kept: true, _place: place });
            }
        }
        self.fresh(place).await
    }

    /// A fresh connection, whatever is kept.
    ///
    /// # Errors
    /// [`Trouble`] when none can be had.
    pub async fn lease_fresh(self: &Arc<Self>) -> Result<Lease, Trouble> {
        let place = self.place().await?;
        self.fresh(place).await
    }

    /// The same next hop for one account: its connections are signed in with these credentials, and serve nobody else. They
    /// are kept in memory as long as it lives, since a connection may be lost between two messages.
    ///
    /// # Errors
    /// The next hop's own reply when it refuses them; a 454 when it cannot be asked.
    pub async fn account(self: &Arc<Self>, name: &str, password: Secret<String>) -> Result<Arc<Self>, Reply> {
        let away = |trouble: Trouble| {
            tracing::warn!(next_hop = self.hop.name, ?trouble, "credentials could not be passed on");
            Reply::authentication_away()
        };
        let mut lease = self.with_credentials(None).lease_fresh().await.map_err(away)?;
        let reply = lease.connection.sign_in(name, &password).await.map_err(away)?;
        if reply.code != 235 {
            return Err(Reply::from_next_hop_to_sign_in(reply.code, &reply.lines));
        }
        let account = self.with_credentials(Some((name.to_owned(), password)));
        lease.next_hop = Arc::clone(&account);
        lease.give_back();
        Ok(account)
    }

    /// With connections of its own, but no more of them in all.
    fn with_credentials(&self, credentials: Option<(String, Secret<String>)>) -> Arc<Self> {
        Arc::new(Self {
            hop: Hop { credentials, ..self.hop.clone() },
            idle: Mutex::default(),
            places: Arc::clone(&self.places),
            known: Arc::clone(&self.known),
            met: Arc::clone(&self.met),
        })
    }

    /// Says goodbye on every connection that nobody uses.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for (connection, _) in idle {
            connection.quit().await;
        }
    }

    /// Connects once to learn what the next hop offers, so that the first EHLO can mirror it.
    pub async fn probe(self: &Arc<Self>) {
        if let Ok(lease) = self.lease_fresh().await {
            lease.give_back();
        }
    }

    /// Closes kept connections that are too old; runs until the next hop is dropped.
    pub async fn tend(this: std::sync::Weak<Self>) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let Some(next_hop) = this.upgrade() else { return };
            for connection in next_hop.take_old() {
                connection.quit().await;
            }
        }
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Trouble> {
        match timeout(WAIT_FOR_PLACE, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => {
                self.met.trouble(Trouble::Busy);
                Err(Trouble::Busy)
            }
        }
    }

    async fn fresh(self: &Arc<Self>, place: OwnedSemaphorePermit) -> Result<Lease, Trouble> {
        let mut worst = Trouble::Unreachable;
        for (host, port) in &self.hop.hosts {
            let addresses: Vec<SocketAddr> =
                match timeout(self.hop.connect_timeout, lookup_host((host.as_str(), *port))).await {
                    Ok(Ok(addresses)) => addresses.collect(),
                    _ => {
                        tracing::warn!(next_hop = self.hop.name, host, "the next hop's name has no address");
                        continue;
                    }
                };
            for address in addresses {
                match Connection::open(&self.hop, host, address).await {
                    Ok(connection) => {
                        self.met.reached();
                        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.extensions);
                        return Ok(Lease { connection, next_hop: Arc::clone(self), kept: false, _place: place });
                    }
                    Err(trouble) => {
                        tracing::warn!(next_hop = self.hop.name, host, %address, ?trouble, "no connection to the next hop");
                        // What needs a person to mend it is said rather than "unreachable".
                        if matches!(trouble, Trouble::NoTls | Trouble::Tls | Trouble::RefusesUs) {
                            worst = trouble;
                        }
                    }
                }
            }
        }
        self.met.trouble(worst);
        Err(worst)
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (connection, since) = idle.pop()?;
        (since.elapsed() <= self.hop.keep_idle).then_some(connection)
    }

    fn take_old(&self) -> Vec<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let keep = self.hop.keep_idle;
        idle.extract_if(.., |(_, since)| since.elapsed() > keep).map(|(connection, _)| connection).collect()
    }
}

/// A connection in use. Dropped, it is closed; given back, it is kept for the next message.
#[derive(Debug)]
pub struct Lease {
    /// The connection.
    pub connection: Connection,
    /// Whether it was kept from an earlier message, and so may be stale.
    pub kept: bool,
    next_hop: Arc<NextHop>,
    _place: OwnedSemaphorePermit,
}

impl Lease {
    /// Keeps the connection for the next message, if it is fit for that; else says goodbye in the background.
    pub fn give_back(self) {
        let keep = self.next_hop.hop.keep_idle;
        if !keep.is_zero() && self.connection.is_clean() {
            let mut idle = self.next_hop.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((self.connection, Instant::now()));
        } else {
            tokio::spawn(self.connection.quit());
        }
    }
}
