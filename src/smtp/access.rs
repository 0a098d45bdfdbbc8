//! Who may relay: networks, client certificates (pinned, or by an authority of the school), authenticated users and accounts at a next hop, and with which sender
//! addresses.
//!
//! Never an open relay, nor one for another tenant of a provider: a network that a provider shares among its
//! customers only counts for mail whose MAIL FROM is ours or null, and the message itself must then carry the
//! school's secret header (checked in `act`, since it is part of the content).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};
use ipnet::IpNet;
use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::sync::Semaphore;

use crate::message::{Mailbox, Source};
use crate::secret::Secret;
use crate::smtp::client::NextHop;
use crate::smtp::reply::Reply;
use crate::tls::{self, Issuer, NotVouched};

/// Everybody who may hand us mail.
#[derive(Debug)]
pub struct Access {
    /// Clients by network and certificate.
    pub clients: Vec<ListedClient>,
    /// Users by name.
    pub users: BTreeMap<String, User>,
    /// Where credentials that no user has are passed on to: the provider at which people have their accounts.
    pub accounts: Option<Arc<NextHop>>,
    /// Every domain of every school, with the school's id.
    pub own_domains: BTreeMap<String, String>,
    /// How many password hashes are computed at the same time; each takes some 19 MB and a core.
    pub hashing: Semaphore,
    /// How long a failed sign-in waits for its answer.
    pub failure_delay: Duration,
}

/// A client that is known by its address or certificate.
#[derive(Debug, Clone)]
pub struct ListedClient {
    /// Networks.
    pub networks: Vec<IpNet>,
    /// Client certificates, as [`tls::pins`](crate::tls::pins) writes them.
    pub certificates: Vec<String>,
    /// An authority, and the names for which its certificates count.
    pub issuer: Option<Issuer>,
    /// Whether the network is a provider's, shared among its customers.
    pub shared: bool,
    /// Whether MAIL FROM must be in our domains or null; always so for a shared network.
    pub own_senders_only: bool,
    /// Name, program or not, school.
    pub source: Source,
}

/// A user of the password file.
#[derive(Debug, Clone)]
pub struct User {
    /// Argon2 hash in PHC form.
    pub hash: Secret<String>,
    /// Addresses it may send as, folded; `@domain` is every address of a domain, `<>` the null path.
    pub senders: Vec<String>,
    /// Name, program or not, school.
    pub source: Source,
}

/// Somebody who signed in with an account at a next hop.
#[derive(Clone)]
pub struct Account {
    /// Its address, which is its name there.
    pub address: Mailbox,
    /// That next hop, signed in with the account.
    pub next_hop: Arc<NextHop>,
    /// Name, program or not, school.
    pub source: Source,
}

/// Whose account it is, is nobody's business.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("next_hop", &self.next_hop.name()).finish_non_exhaustive()
    }
}

/// Who a session's mail is from.
#[derive(Debug, Clone, Default)]
pub enum Identity {
    /// Nobody we know: may not relay.
    #[default]
    Stranger,
    /// A listed client.
    Client(ListedClient),
    /// An authenticated user.
    User(User),
    /// An account at a next hop.
    Account(Account),
}

impl Access {
    /// The client of an address, or of the certificate that it proved to hold: by one of its pins, or because its authority
    /// vouches for it. `shown` is what it showed, leaf first.
    pub fn identify(&self, address: IpAddr, shown: &[CertificateDer<'_>]) -> Identity {
        let address = address.to_canonical();
        let by_network = |client: &&ListedClient| client.networks.iter().any(|network| network.contains(&address));
        // A certificate says more than an address, so it comes first.
        let client = self.by_certificate(shown).ok().or_else(|| self.clients.iter().find(by_network));
        client.map_or(Identity::Stranger, |client| Identity::Client(client.clone()))
    }

    /// Says in the log why a certificate that was shown does not count, when it does not.
    pub fn tell_refused(&self, shown: &[CertificateDer<'_>]) {
        for (client, why) in self.by_certificate(shown).err().unwrap_or_default() {
            tracing::warn!(client, %why, "a certificate was shown that does not count for this client");
        }
    }

    /// The client to whom a certificate belongs; or for which clients it does not count, and why.
    fn by_certificate(&self, shown: &[CertificateDer<'_>]) -> Result<&ListedClient, Vec<(&str, NotVouched)>> {
        let pins = shown.first().map(tls::pins).unwrap_or_default();
        let pinned = |client: &&ListedClient| client.certificates.iter().any(|pinned| pins.contains(pinned));
        if let Some(client) = self.clients.iter().find(pinned) {
            return Ok(client);
        }
        let mut refused = Vec::new();
        for client in self.clients.iter().filter(|_| !shown.is_empty()) {
            match client.issuer.as_ref().map(|issuer| issuer.vouches(shown, UnixTime::now())) {
                Some(Ok(())) => return Ok(client),
                Some(Err(why)) => refused.push((&*client.source.client, why)),
                None => {}
            }
        }
        Err(refused)
    }

    /// A signed-in user as the user file has it now: gone, or with other addresses, after a reload.
    pub fn user_again(&self, user: &User) -> Identity {
        self.users.get(&user.source.client).map_or(Identity::Stranger, |user| Identity::User(user.clone()))
    }

    /// Checks a password, few at a time. `None`: too many are being checked; `Some(None)`: wrong.
    pub async fn sign_in(&self, name: &str, password: Secret<String>) -> Option<Option<User>> {
        let permit = tokio::time::timeout(WAIT_FOR_HASH, self.hashing.acquire()).await.ok()?.ok()?;
        let user = self.users.get(name).cloned();
        // An unknown name costs the same hash as a known one, so that names cannot be told apart by time.
        let hash = user.as_ref().map_or_else(|| Secret::new(DECOY.to_string()), |user| user.hash.clone());
        let right = tokio::task::spawn_blocking(move || verify(&hash, &password)).await.unwrap_or(false);
        // The delay of those who fail must not be a wait for those who do not.
        drop(permit);
        if right && user.is_some() {
            return Some(user);
        }
        tokio::time::sleep(self.failure_delay).await;
        Some(None)
    }

    /// Whether anybody can sign in.
    pub fn takes_sign_ins(&self) -> bool {
        !self.users.is_empty() || self.accounts.is_some()
    }

    /// Whether these credentials are for the next hop to check.
    pub fn is_passed_on(&self, name: &str) -> Option<&Arc<NextHop>> {
        self.accounts.as_ref().filter(|_| !self.users.contains_key(name))
    }

    /// Passes credentials on to the next hop. Only those of our own domains: the provider has other customers, too, who
    /// may not send through this gate.
    ///
    /// # Errors
    /// The next hop's own refusal; ours when the name is no address of a school.
    pub async fn pass_on(&self, to: &Arc<NextHop>, name: &str, password: Secret<String>) -> Result<Account, Reply> {
        let address = Mailbox::parse(name).ok();
        let school = address.as_ref().and_then(|address| self.own_domains.get(address.domain()));
        let signed_in = match (address.clone(), school) {
            (Some(address), Some(school)) => to.account(name, password).await.map(|next_hop| {
                let source = Source { client: ACCOUNT.into(), program: false, school: Some(school.clone()) };
                Account { address, next_hop, source }
            }),
            _ => Err(Reply::authentication_failed()),
        };
        if signed_in.as_ref().is_err_and(Reply::is_permanent) {
            tokio::time::sleep(self.failure_delay).await;
        }
        signed_in
    }

    /// An account as the configuration has it now: with another next hop, it signs in anew.
    pub fn account_again(&self, account: &Account) -> Identity {
        let same = self.accounts.as_ref().is_some_and(|next_hop| next_hop.name() == account.next_hop.name());
        let ours = self.own_domains.contains_key(account.address.domain());
        if same && ours { Identity::Account(account.clone()) } else { Identity::Stranger }
    }

    /// Whether a client or user that is bound to a school may send for it: never as another school of this gate.
    fn fits(&self, sender: &Mailbox, school: Option<&str>) -> bool {
        match (self.own_domains.get(sender.domain()), school) {
            (Some(owner), Some(school)) => owner == school,
            _ => true,
        }
    }
}

/// What the client of an account is called in logs.
const ACCOUNT: &str = "account";
/// How long a sign-in waits for its turn.
const WAIT_FOR_HASH: Duration = Duration::from_secs(5);

impl Identity {
    /// Whether this identity may relay at all.
    pub fn may_relay(&self) -> bool {
        !matches!(self, Self::Stranger)
    }

    /// Whether it may use this MAIL FROM.
    pub fn may_send_as(&self, sender: Option<&Mailbox>, access: &Access) -> bool {
        let (listed, source) = match self {
            Self::Stranger => return false,
            Self::Client(client) if client.shared || client.own_senders_only => {
                (sender.is_none_or(|s| access.own_domains.contains_key(s.domain())), &client.source)
            }
            Self::Client(client) => (true, &client.source),
            Self::User(user) => (user.may_send_as(sender), &user.source),
            // Whose other addresses these are only the next hop knows, and what is kept or owed does not go by it.
            Self::Account(account) => {
                (sender.is_none_or(|sender| sender.folded() == account.address.folded()), &account.source)
            }
        };
        listed && sender.is_none_or(|s| access.fits(s, source.school.as_deref()))
    }

    /// What the message learns of it.
    pub fn source(&self) -> Source {
        match self {
            Self::Stranger => Source::default(),
            Self::Client(client) => client.source.clone(),
            Self::User(user) => user.source.clone(),
            Self::Account(account) => account.source.clone(),
        }
    }

    /// Whether it has shown who it is by a name and a password.
    pub fn is_signed_in(&self) -> bool {
        matches!(self, Self::User(_) | Self::Account(_))
    }

    /// Its account at a next hop, through which its mail goes.
    pub fn account(&self) -> Option<&Arc<NextHop>> {
        match self {
            Self::Account(account) => Some(&account.next_hop),
            _ => None,
        }
    }

    /// Whether the message must prove itself by the school's secret header.
    pub fn is_shared_network(&self) -> bool {
        matches!(self, Self::Client(client) if client.shared)
    }
}

impl User {
    fn may_send_as(&self, sender: Option<&Mailbox>) -> bool {
        let Some(sender) = sender else { return self.senders.iter().any(|s| s == "<>") };
        let address = sender.folded();
        self.senders.iter().any(|allowed| match allowed.strip_prefix('@') {
            Some(domain) => domain == sender.domain(),
            None => *allowed == address,
        })
    }
}

/// A hash of nothing anybody knows.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bWFpbHBvb3J0LWRlY295$DwZf5vDYl3ZtP5p7yHTSbV1dbGMJ7vCb0F1p3Yc0m5s";

fn verify(hash: &Secret<String>, password: &Secret<String>) -> bool {
    PasswordHash::new(hash.expose())
        .is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn access() -> Access {
        let client = |name: &str, network: &str, shared| ListedClient {
            networks: vec![network.parse().unwrap()],
            certificates: vec![],
            issuer: None,
            shared,
            own_senders_only: false,
            source: Source { client: name.into(), ..Source::default() },
        };
        Access {
            clients: vec![client("postfix", "192.0.2.0/28", false), client("provider", "198.51.100.0/24", true)],
            users: BTreeMap::new(),
            accounts: None,
            own_domains: [("school.example", "a"), ("sister.example", "b")].map(|(d, s)| (d.into(), s.into())).into(),
            hashing: Semaphore::new(1),
            failure_delay: Duration::ZERO,
        }
    }

    #[test]
    fn who_may_send_as_whom() {
        let access = access();
        let ours = Mailbox::parse("a@school.example").unwrap();
        let foreign = Mailbox::parse("a@other.example").unwrap();
        for (address, sender, allowed) in [
            ("192.0.2.1", Some(&foreign), true),
            ("::ffff:192.0.2.1", Some(&foreign), true),
            ("192.0.2.16", Some(&ours), false),
            ("198.51.100.7", Some(&ours), true),
            ("198.51.100.7", Some(&foreign), false),
            ("198.51.100.7", None, true),
            ("203.0.113.1", None, false),
        ] {
            let identity = access.identify(address.parse().unwrap(), &[]);
            assert_eq!(identity.may_send_as(sender, &access), allowed, "{address} {sender:?}");
        }
    }

    #[tokio::test]
    async fn a_failed_sign_in_keeps_nobody_else_waiting() {
        let mut access = access();
        let hash = Secret::new(DECOY.to_string());
        access.users.insert("scan".into(), User { hash, senders: vec![], source: Source::default() });
        access.failure_delay = Duration::from_secs(3600);
        let mut waiting = Box::pin(access.sign_in("scan", Secret::new("guess".to_string())));
        let next_may_try = async {
            loop {
                tokio::select! {
                    biased;
                    _ = &mut waiting => panic!("a wrong guess is answered without delay"),
                    () = tokio::task::yield_now() => {}
                }
                if access.hashing.available_permits() == 1 {
                    return;
                }
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(20), next_may_try).await.is_ok());
    }

    #[test]
    fn a_user_sends_as_listed_addresses_only() {
        let user = User {
            hash: Secret::default(),
            senders: vec!["scan@school.example".into(), "@forms.example".into()],
            source: Source::default(),
        };
        for (sender, allowed) in [("Scan@School.example", true), ("x@school.example", false), ("y@forms.example", true)]
        {
            assert_eq!(user.may_send_as(Some(&Mailbox::parse(sender).unwrap())), allowed, "{sender}");
        }
        assert!(!user.may_send_as(None));
    }
}
