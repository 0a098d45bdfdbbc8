//! One message straight to the servers of its recipients' domain, over sessions that prove who they are with.
//!
//! Host by host as the posture has them, address by address: greeting, EHLO, STARTTLS, a handshake in which the
//! certificate is verified, EHLO again, and only then anything about the message. A host that does not qualify is not
//! spoken to; one that fails is left for the next. Never plain, never unverified, and no second host once the end of the
//! content went out (RFC 1047). Fails as replies, one for each recipient: temporary ones for whatever may come right.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::Connection;
use super::hop::{Demand, Hop};
use super::lines::{carried, mail_line, rcpt_line, refusal};
use super::trouble::Trouble;
use crate::message::Recipient;
use crate::smtp::Reply;
use crate::smtp::command::MailCommand;
use crate::tls::posture::{MxHost, Posture, Proof, Row};
use crate::tls::{Certified, Expected, MxVerifier, Refused, mx_config};

/// Our own client to the servers of other domains. Knows whom to trust, and how long to wait.
#[derive(Debug)]
pub struct Direct {
    /// What we call ourselves in EHLO.
    pub our_name: String,
    /// The port of their servers: 25.
    pub port: u16,
    /// The authorities that count for MTA-STS and PKIX.
    pub roots: Arc<RootCertStore>,
    /// How long to wait.
    pub patience: Patience,
}

/// How long a delivery waits for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection, and for a handshake.
    pub connect: Duration,
    /// For one address, from the connection until it has proven itself.
    pub address: Duration,
    /// For one reply.
    pub reply: Duration,
    /// For all of it, the reply to the content included.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(15), address: seconds(45), reply: seconds(60), whole: seconds(600) }
    }
}

/// A message on its way to recipients of one domain.
#[derive(Clone, Copy)]
pub struct Letter<'l> {
    /// MAIL, with what was asked of it.
    pub mail: &'l MailCommand,
    /// To whom.
    pub recipients: &'l [Recipient],
    /// Our header fields, each ending in CRLF.
    pub head: &'l [u8],
    /// The message.
    pub body: &'l [u8],
}

/// What came of it.
#[derive(Debug)]
pub struct Sent {
    /// One for each recipient.
    pub replies: Vec<Reply>,
    /// The session in which they were given; none when no host qualified.
    pub evidence: Option<Evidence>,
    /// What was tried before, or was not worth a try.
    pub misses: Vec<Miss>,
}

/// A session that was proven: what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The host.
    pub mx: String,
    /// Its address.
    pub address: IpAddr,
    /// TLS version.
    pub version: &'static str,
    /// Cipher suite, by its name in the registry.
    pub cipher: String,
    /// The row of the table by which the host qualifies.
    pub row: Row,
    /// What its certificate was accepted for.
    pub certified: Certified,
}

/// A host that did not get the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The host.
    pub mx: String,
    /// The address that was tried.
    pub address: Option<IpAddr>,
    /// Why.
    pub why: Why,
}

/// Why a host did not get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It does not qualify, and was not spoken to.
    Row(Row),
    /// It has no address.
    NoAddress,
    /// Its certificate, or the handshake.
    Refused(Refused),
    /// Anything else with the connection.
    Trouble(Trouble),
    /// REQUIRETLS was asked for, and it does not offer it.
    NoRequireTls,
    /// It answered MAIL, or the greeting, with this code.
    Code(u16),
}

impl Why {
    /// Its name in journal, reports and JSON; TLS failures as RFC 8460 4.3 calls them.
    pub fn code(self) -> &'static str {
        match self {
            Self::Row(row) => row.code(),
            Self::NoAddress => "no-address",
            Self::Refused(refused) => refused.word(),
            Self::Trouble(Trouble::NoTls) => "starttls-not-supported",
            Self::Trouble(trouble) => trouble.word(),
            Self::NoRequireTls => "requiretls-not-offered",
            Self::Code(_) => "refused",
        }
    }

    /// Its name in reports to the domain (RFC 8460 4.3); none for what is not about TLS.
    pub fn finding(self) -> Option<&'static str> {
        match self {
            Self::Refused(refused) => Some(refused.word()),
            Self::Trouble(Trouble::NoTls) => Some("starttls-not-supported"),
            Self::Trouble(Trouble::Tls) => Some("validation-failure"),
            _ => None,
        }
    }

    /// Whether it is about TLS, and not about reaching the host.
    fn is_tls(self) -> bool {
        self.finding().is_some()
    }
}

/// Addresses of people are in there.
impl fmt::Debug for Letter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("recipients", &self.recipients.len()).finish_non_exhaustive()
    }
}

/// Recipients that are handed over at once.
const BATCH: usize = 100;

impl Direct {
    /// Hands the message to the first host that proves itself and takes it.
    pub async fn deliver(&self, posture: &Posture, letter: &Letter<'_>) -> Sent {
        let deadline = Instant::now() + self.patience.whole;
        let mut misses = Vec::new();
        for host in in_turn(&posture.hosts) {
            let miss = |address: Option<IpAddr>, why: Why| Miss { mx: host.name.clone(), address, why };
            // REQUIRETLS wants a host that is proven to be the domain's, too (RFC 8689 4.2.1).
            let may = !(letter.mail.require_tls && matches!(host.proof, Proof::Unproven { .. }));
            let Some(expected) = Expected::of(host, &self.roots).filter(|_| may) else {
                misses.push(miss(None, Why::Row(host.row())));
                continue;
            };
            if host.addresses.is_empty() {
                misses.push(miss(None, Why::NoAddress));
            }
            for address in &host.addresses {
                let tried = timeout_at(deadline, self.address(host, *address, &expected, letter, deadline)).await;
                let (came, connection) = tried.unwrap_or((Err(Why::Trouble(Trouble::Silent)), None));
                // What has come of it stays so, whatever time the goodbye takes.
                if let Some(connection) = connection {
                    connection.quit().await;
                }
                match came {
                    Ok((replies, evidence)) => return Sent { replies, evidence: Some(evidence), misses },
                    Err(why) => misses.push(miss(Some(*address), why)),
                }
            }
        }
        let replies = vec![nobody(&misses, letter.mail.require_tls); letter.recipients.len()];
        Sent { replies, evidence: None, misses }
    }

    /// What comes of one address, with the connection to take leave of.
    async fn address(
        &self,
        host: &MxHost,
        address: IpAddr,
        expected: &Expected,
        letter: &Letter<'_>,
        deadline: Instant,
    ) -> (Result<(Vec<Reply>, Evidence), Why>, Option<Connection>) {
        let (mut connection, evidence) = match self.proven(host, address, expected).await {
            Ok(proven) => proven,
            Err(why) => return (Err(why), None),
        };
        if letter.mail.require_tls && !connection.extensions.require_tls {
            return (Err(Why::NoRequireTls), Some(connection));
        }
        let replies = transact(&mut connection, letter, deadline).await;
        tracing::info!(
            tls = evidence.version,
            cipher = evidence.cipher,
            row = evidence.row.code(),
            "a server has proven who it is"
        );
        (replies.map(|replies| (replies, evidence)), Some(connection))
    }

    /// A session with a host that has shown what is expected of it. Nothing about the message was said yet.
    async fn proven(&self, host: &MxHost, address: IpAddr, expected: &Expected) -> Result<(Connection, Evidence), Why> {
        let (connection, certified, (version, cipher)) = self.session(address, expected).await?;
        let row = match &host.proof {
            Proof::None(_) => return Err(Why::Row(host.row())),
            _ => host.row(),
        };
        let evidence = Evidence { mx: host.name.clone(), address, version, cipher, row, certified };
        Ok((connection, evidence))
    }

    /// A session in which a server has shown what is expected of it: for what its certificate was accepted, and version
    /// and cipher suite.
    pub(super) async fn session(
        &self,
        address: IpAddr,
        expected: &Expected,
    ) -> Result<(Connection, Certified, (&'static str, String)), Why> {
        let under = mx_config(expected.clone()).map_err(|_| Why::Refused(Refused::Handshake))?;
        self.session_under(address, expected, &under).await
    }

    /// The same, with a configuration and its verifier that the caller looks at afterwards.
    pub(super) async fn session_under(
        &self,
        address: IpAddr,
        expected: &Expected,
        (tls, verifier): &(Arc<ClientConfig>, Arc<MxVerifier>),
    ) -> Result<(Connection, Certified, (&'static str, String)), Why> {
        let hop = Hop {
            name: "direct".to_owned(),
            hosts: Vec::new(),
            our_name: self.our_name.clone(),
            demand: Demand::Verify,
            implicit_tls: false,
            tls: Arc::clone(tls),
            credentials: None,
            connect_timeout: self.patience.connect,
            reply_timeout: self.patience.reply,
            final_reply_timeout: self.patience.whole,
            keep_idle: Duration::ZERO,
            max_connections: 1,
        };
        let opening = Connection::open(&hop, &expected.sni, SocketAddr::new(address, self.port));
        let opened = timeout(self.patience.address, opening).await.unwrap_or(Err(Trouble::Silent));
        let connection = opened.map_err(|trouble| match (trouble, verifier.refused()) {
            (Trouble::Tls, refused) => Why::Refused(refused.unwrap_or(Refused::Handshake)),
            (trouble, _) => Why::Trouble(trouble),
        })?;
        // Both are there after a handshake in which the certificate was verified; without either it was none.
        match (verifier.certified(), connection.tls()) {
            (Some(certified), Some(tls)) => Ok((connection, certified, tls)),
            _ => Err(Why::Refused(Refused::Handshake)),
        }
    }
}

/// MAIL, RCPT, DATA. An error is the next host's turn: this one has not got the message.
async fn transact(connection: &mut Connection, letter: &Letter<'_>, deadline: Instant) -> Result<Vec<Reply>, Why> {
    if let Err(refusal) = connection.extensions.allow(letter.mail) {
        return Ok(vec![refusal; letter.recipients.len()]);
    }
    let mail = mail_line(letter.mail, &connection.extensions);
    let mut lines: Vec<String> = std::iter::once(mail).chain(letter.recipients.iter().map(rcpt_line)).collect();
    let mut answers = Vec::with_capacity(lines.len());
    while !lines.is_empty() {
        let rest = lines.split_off(lines.len().min(BATCH));
        let (replies, trouble) = connection.commands(&lines).await;
        if let Some(trouble) = trouble {
            return Err(Why::Trouble(trouble));
        }
        answers.extend(replies);
        if let Some(mail) = answers.first().filter(|mail| !mail.is_ok()) {
            // Another host may be in a better mood; one that will never take it speaks for all of them.
            let refused = refusal(mail);
            return if refused.is_permanent() {
                Ok(vec![refused; letter.recipients.len()])
            } else {
                Err(Why::Code(mail.code))
            };
        }
        lines = rest;
    }
    let mut replies: Vec<Reply> = answers.iter().skip(1).map(carried).collect();
    replies.iter_mut().filter(|reply| !reply.is_ok() && reply.code() < 400).for_each(|reply| {
        *reply = Reply::next_hop_nonsense();
    });
    if !replies.iter().any(Reply::is_ok) {
        return Ok(replies);
    }
    let last = content(connection, letter, deadline).await?;
    replies.iter_mut().filter(|reply| reply.is_ok()).for_each(|reply| *reply = last.clone());
    Ok(replies)
}

/// DATA, the content and the reply to it.
async fn content(connection: &mut Connection, letter: &Letter<'_>, deadline: Instant) -> Result<Reply, Why> {
    match connection.data().await {
        Ok(None) => {}
        Ok(Some(reply)) => return Ok(refusal(&reply)),
        Err(trouble) => return Err(Why::Trouble(trouble)),
    }
    match connection.content(letter.head, letter.body).await {
        Ok(None) => {}
        Ok(Some(early)) => return Ok(refusal(&early)),
        Err(trouble) => return Err(Why::Trouble(trouble)),
    }
    // From here on nobody can know whether it was taken, until it says so.
    let last = connection.final_reply(deadline).await;
    Ok(last.map_or_else(Trouble::reply_after_dot, |reply| carried(&reply)))
}

/// The preferred first, and those of one preference in an order by chance, so that each has its share (RFC 5321 5.1).
fn in_turn(hosts: &[MxHost]) -> Vec<&MxHost> {
    let chance = RandomState::new();
    let mut hosts: Vec<(usize, &MxHost)> = hosts.iter().enumerate().collect();
    hosts.sort_by_cached_key(|(number, host)| (host.preference, chance.hash_one(number)));
    hosts.into_iter().map(|(_, host)| host).collect()
}

/// The reply when no host got it.
fn nobody(misses: &[Miss], require_tls: bool) -> Reply {
    let tried = || misses.iter().filter(|miss| !matches!(miss.why, Why::Row(_)));
    let will_never = |miss: &Miss| match miss.why {
        Why::NoRequireTls => true,
        Why::Row(row) => !matches!(row, Row::Temp(..) | Row::StsNotListed),
        _ => false,
    };
    if require_tls && misses.iter().all(will_never) {
        return Reply::no_requiretls();
    }
    if tried().any(|miss| miss.why.is_tls()) { Reply::unproven_now() } else { Reply::next_hop_unreachable() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tls::posture::{NotProven, Ordinary, TlsaFound};
    use std::collections::BTreeSet;

    #[test]
    fn hosts_of_one_preference_take_turns_and_others_do_not() {
        let host = |name: &str, preference: u16| MxHost {
            name: name.to_owned(),
            preference,
            addresses: Vec::new(),
            countries: Vec::new(),
            addresses_secure: false,
            tlsa: TlsaFound::NotAsked,
            proof: Proof::None(Row::Unproven(NotProven::NoPolicy)),
            ordinary: Ordinary::Opportunistic,
        };
        let hosts = [host("a", 10), host("b", 20), host("c", 20), host("d", 20), host("e", 30)];
        let orders: BTreeSet<String> =
            (0..200).map(|_| in_turn(&hosts).iter().map(|host| host.name.as_str()).collect()).collect();
        let all = ["abcde", "abdce", "acbde", "acdbe", "adbce", "adcbe"];
        assert_eq!(orders, all.map(str::to_owned).into());
    }
}
