//! What the outbox is told of the house around it: the way of owed mail, and the words for mail that did not arrive.

use jiff::Timestamp;

use crate::act;
use crate::act::notice::Stamp;
use crate::gate::Gate;
use crate::gate::door::new_id;
use crate::message::Mailbox;
use crate::outbox::{Around, Failure, Way};
use crate::secret::Secret;

impl Around for Gate {
    fn way(&self, school: &str, sender: Option<&Mailbox>) -> Option<Way> {
        let house = self.house();
        let tenant = house.schools.iter().find(|tenant| tenant.school.id == school)?;
        let way = house.ways.get(house.way(sender, &tenant.school)?)?;
        let mark = way.mark.as_ref().map(|(name, value)| Secret::new(format!("{name}: {}\r\n", value.expose())));
        Some(Way { next_hop: way.next_hop.clone(), mark })
    }

    fn failure(&self, failure: &Failure<'_>) -> Option<(Vec<u8>, Vec<Mailbox>)> {
        let house = self.house();
        let school = &house.schools.iter().find(|tenant| tenant.school.id == failure.school)?.school;
        // Whoever is not ours gets nothing from us (backscatter, RFC 3834 2).
        if !school.owns(failure.sender.domain()) {
            return None;
        }
        let message_id = format!("mailpoort.{}@{}", new_id(), school.gate_address.domain());
        let stamp = Stamp { date: Timestamp::now(), message_id };
        let told = act::failure(&house.texts, failure, school, house.language, &house.time_zone, &stamp);
        let told =
            told.inspect_err(|error| tracing::error!(mail = failure.number, %error, "nobody can be told")).ok()?;
        Some((told.raw, told.readers))
    }
}
