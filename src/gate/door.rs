//! The door: what `smtp` sees of the gate. A passage is one transaction, kept in step with the next hop's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{Timestamp, Zoned};
use tokio::time::Instant;

use crate::act::{Case, Keeping};
use crate::gate::deadline::Judged;
use crate::gate::house::{House, Tenant, Way};
use crate::gate::{Gate, asked};
use crate::message::{Envelope, Mailbox, Recipient, Source, Trace};
use crate::outbox::{Outbox, REQUIRE};
use crate::school::Program;
use crate::share::Shares;
use crate::smtp::client::Relay;
use crate::smtp::command::MailCommand;
use crate::smtp::{Client, Content, Extensions, Handler, Reply, Transaction};

/// One transaction on its way through the gate.
pub struct Passage {
    gate: Gate,
    trip: Trip,
    relay: Relay,
}

/// What is known of a transaction before its content came.
pub(super) struct Trip {
    /// The id by which reply, log and notice know it.
    pub id: String,
    /// The house as it was when the transaction began; a reload does not change it underway.
    pub house: Arc<House>,
    /// Who hands it to us.
    pub client: Client,
    sender: Option<Mailbox>,
    tenant: Arc<Tenant>,
    way: usize,
}

impl Handler for Gate {
    type Transaction = Passage;

    /// What every next hop offers: which one will serve is not known before MAIL.
    fn extensions(&self) -> Extensions {
        let house = self.house();
        house
            .ways
            .iter()
            .map(|way| way.next_hop.known().unwrap_or(Extensions::UNKNOWN))
            .reduce(Extensions::and)
            .unwrap_or(Extensions::UNKNOWN)
    }

    fn open(&self, client: Client, mail: MailCommand) -> Result<Passage, Reply> {
        let house = self.house();
        let tenant = house.tenant(mail.sender.as_ref(), client.source.school.as_deref()).ok_or_else(Reply::no_route)?;
        let way = match &client.account {
            Some(account) => house.ways.iter().position(|way| way.next_hop.name() == account.name()),
            None => house.way(mail.sender.as_ref(), &tenant.school),
        };
        let way = way.ok_or_else(Reply::no_route)?;
        let own = &house.ways.get(way).ok_or_else(Reply::no_route)?.next_hop;
        let next_hop = client.account.as_ref().unwrap_or(own);
        next_hop.known().unwrap_or(Extensions::UNKNOWN).allow(&mail)?;
        let (sender, tenant) = (mail.sender.clone(), Arc::clone(tenant));
        let relay = Relay::new(Arc::clone(next_hop), mail);
        Ok(Passage { gate: self.clone(), trip: Trip { id: new_id(), house, client, sender, tenant, way }, relay })
    }
}

impl Transaction for Passage {
    async fn recipients(&mut self, batch: Vec<Recipient>) -> Vec<Reply> {
        self.relay.recipients(&batch).await
    }

    async fn rest(&mut self) {
        self.relay.rest().await;
    }

    async fn judge_and_send(self, content: Content) -> Reply {
        self.gate.pass(self.trip, self.relay, content).await
    }

    async fn abandon(self) {
        self.relay.reset().await;
    }
}

impl Trip {
    /// The envelope, with the recipients that the next hop has accepted.
    pub fn envelope(&self, relay: &Relay) -> Envelope {
        Envelope {
            sender: self.sender.clone(),
            recipients: relay.accepted().to_vec(),
            source: Source {
                program: self.client.source.program || self.program().is_some(),
                ..self.client.source.clone()
            },
        }
    }

    /// The program that sends this; none when none is listed by this sender.
    fn program(&self) -> Option<&Program> {
        self.house.programs.get(&self.sender.as_ref()?.folded())
    }

    /// The school of the sender, the client, or the house.
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// A null sender's school is known only now, and its mail goes that school's way: never by another's credentials.
    pub async fn take_way_of(&mut self, tenant: &Tenant, relay: Relay) -> Result<Relay, Reply> {
        // An account's mail goes by the account.
        if self.client.account.is_some() {
            return Ok(relay);
        }
        let way = self.house.way(self.sender.as_ref(), &tenant.school);
        if way == Some(self.way) {
            return Ok(relay);
        }
        let found = way.and_then(|way| Some((way, self.house.ways.get(way)?)));
        let Some((way, to)) = found else { return Err(crate::act::refuse(relay, Reply::no_route()).await) };
        let next_hop = Arc::clone(&to.next_hop);
        self.way = way;
        relay.onto(next_hop).await
    }

    /// Everything that acting on the mail needs.
    pub fn case<'c>(
        &'c self,
        judged: &'c Judged,
        arrived: &'c Zoned,
        deadline: Instant,
        (outbox, shares): (Option<&'c Outbox>, Option<&'c Shares>),
    ) -> Case<'c> {
        let way = self.way();
        let recipients = &judged.held.mail.envelope.recipients;
        let households = recipients.iter().map(|one| judged.tenant.household(&one.mailbox));
        Case {
            id: &self.id,
            mail: &judged.held.mail,
            headers: &judged.scan.headers,
            texts: &judged.scan.texts,
            findings: &judged.scan.findings,
            verdict: &judged.scan.verdict,
            policy: &self.house.bench.policy,
            school: &judged.tenant.school,
            notices: &self.house.texts,
            language: self.house.language,
            next_hop: way.map(|way| &way.next_hop),
            received: self.received(arrived),
            mark: way.and_then(|way| way.mark.as_ref()).map(|(name, value)| format!("{name}: {}\r\n", value.expose())),
            removed: self
                .house
                .schools
                .iter()
                .filter_map(|t| Some(t.secret_header.as_ref()?.0.as_str()))
                // A demand that only we may make of an attested next hop.
                .chain([REQUIRE])
                .chain(shares.map(|_| asked::HEADER))
                .collect(),
            arrived,
            deadline,
            keeping: outbox.map(|outbox| Keeping {
                outbox,
                keep: self.house.keep,
                desk: self.house.desk.as_deref(),
                prove_within: self.house.prove_within,
                unproven: self.house.unproven,
                requiretls_bounces: self.house.requiretls_bounces,
            }),
            shares,
            households: households.collect(),
            asked: asked::why(&judged.scan.verdict),
            names: judged.tenant.names.as_ref(),
            tag: self.house.bench.share_tag.as_deref(),
            program: self.program(),
            journal: None,
        }
    }

    fn way(&self) -> Option<&Way> {
        self.house.ways.get(self.way)
    }

    fn received(&self, arrived: &Zoned) -> String {
        let date = jiff::fmt::rfc2822::to_string(arrived).unwrap_or_default();
        Trace {
            hello: &self.client.hello,
            address: self.client.address,
            hostname: &self.house.hostname,
            protocol: self.client.protocol,
            tls: self.client.tls.as_deref(),
            id: &self.id,
            date: &date,
        }
        .received()
    }
}

/// A short id that people can read out over the phone: the moment and a counter, in an alphabet without
/// look-alikes (Crockford's base 32).
pub(super) fn new_id() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let millis = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    let mut rest = (millis << 10 | COUNTER.fetch_add(1, Ordering::Relaxed) & 0x3ff) & ((1 << 50) - 1);
    let mut id = [0u8; 10];
    for place in id.iter_mut().rev() {
        *place = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    id.iter().map(|&letter| char::from(letter)).collect()
}
