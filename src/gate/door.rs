//! The door: what `smtp` sees of the gate. A passage is one transaction, kept in step with the next hop's.

use std::sync::Arc;

use crate::act::relay::Relay;
use crate::gate::Gate;
use crate::gate::house::{House, Tenant, Way};
use crate::message::{Envelope, Recipient};
use crate::smtp::command::MailCommand;
use crate::smtp::{Client, Content, Extensions, Handler, Reply, Transaction};

/// One transaction on its way through the gate.
pub struct Passage {
    pub(super) gate: Gate,
    pub(super) house: Arc<House>,
    pub(super) client: Client,
    pub(super) relay: Relay,
    pub(super) mail: MailCommand,
    pub(super) id: String,
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
        let way = house.way(mail.sender.as_ref(), &tenant.school).ok_or_else(Reply::no_route)?;
        way.next_hop.known().unwrap_or(Extensions::UNKNOWN).allow(&mail)?;
        let relay = Relay::new(Arc::clone(&way.next_hop), mail.clone());
        Ok(Passage { gate: self.clone(), client, relay, mail, id: self.new_id(), house })
    }
}

impl Transaction for Passage {
    async fn recipients(&mut self, batch: Vec<Recipient>) -> Vec<Reply> {
        self.relay.recipients(&batch).await
    }

    async fn judge_and_send(self, content: Content) -> Reply {
        let gate = self.gate.clone();
        gate.pass(self, content).await
    }

    async fn abandon(self) {
        self.relay.reset().await;
    }
}

impl Passage {
    /// The envelope, with the recipients that the next hop has accepted.
    pub(super) fn envelope(&self) -> Envelope {
        Envelope {
            sender: self.mail.sender.clone(),
            recipients: self.relay.accepted().to_vec(),
            source: self.client.source.clone(),
        }
    }

    /// The school it belongs to. `open` has made sure that there is one.
    pub(super) fn tenant(&self) -> Option<&Tenant> {
        self.house.tenant(self.mail.sender.as_ref(), self.client.source.school.as_deref())
    }

    /// The way it goes.
    pub(super) fn way(&self) -> Option<&Way> {
        self.house.way(self.mail.sender.as_ref(), &self.tenant()?.school)
    }
}
