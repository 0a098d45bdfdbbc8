//! What the outbox is told of the house around it: the way of owed mail, the school's signature, and the words for mail
//! that did not arrive, or not yet.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::act;
use crate::act::notice::{Notice, Stamp};
use crate::act::{About, share};
use crate::dkim;
use crate::gate::Gate;
use crate::gate::door::new_id;
use crate::gate::house::{House, Road as Proven, Tenant};
use crate::message::{Limits, Mailbox, Message, header};
use crate::outbox::{Around, Failure, KeptBack, NotNow, Road, SharedInstead, Unproven, Way};
use crate::school::School;
use crate::secret::Secret;
use crate::store::owed::{self, Kind};

impl Around for Gate {
    fn way(&self, school: &str, sender: Option<&Mailbox>) -> Option<Way> {
        let house = self.house();
        let tenant = tenant(&house, school)?;
        way(&house, house.way(sender, &tenant.school)?)
    }

    fn next_hops(&self) -> Vec<String> {
        self.house().ways.iter().map(|way| way.next_hop.name().to_owned()).collect()
    }

    fn failure(&self, failure: &Failure<'_>) -> Option<(Vec<u8>, Vec<Mailbox>)> {
        let house = self.house();
        let school = &tenant(&house, failure.school)?.school;
        // Whoever is not ours gets nothing from us (backscatter, RFC 3834 2).
        if !school.owns(failure.sender.domain()) {
            return None;
        }
        // A program reads no mail; whoever answers for it does.
        let owner = house.programs.get(&failure.sender.folded()).map(|program| &program.owner);
        let failure = &Failure { sender: owner.unwrap_or(failure.sender), ..*failure };
        let stamp = stamp(school);
        let told = act::failure(&house.texts, failure, school, house.language, &house.time_zone, &stamp);
        let told =
            told.inspect_err(|error| tracing::error!(mail = failure.number, %error, "nobody can be told")).ok()?;
        let told = if house.reports { act::failure_report(told, failure, &house.hostname, &stamp) } else { told };
        Some((told.raw, told.readers))
    }

    fn road(&self, _: &str, _: Option<&Mailbox>) -> Road {
        let house = self.house();
        match &house.road {
            Proven::None => Road::None,
            Proven::Direct(direct, postures) => Road::Direct(Arc::clone(direct), postures.clone()),
            Proven::Attested(number) => way(&house, *number).map_or(Road::None, Road::Attested),
        }
    }

    fn signature(&self, school: &str, kind: Kind, raw: &[u8]) -> Option<String> {
        // What goes on as it came keeps its own signature; all else is ours, or was changed by us.
        if matches!(kind, Kind::Rest | Kind::Forced) {
            return None;
        }
        let house = self.house();
        let tenant = tenant(&house, school)?;
        signed(&tenant, raw)
    }

    fn signed_for_direct(&self, school: &str, raw: &[u8]) -> Option<String> {
        let house = self.house();
        let tenant = tenant(&house, school)?;
        // Also beside another's, of which nobody here knows whether it still holds.
        signed(&tenant, raw)
    }

    fn share_instead<'a>(
        &'a self,
        unproven: &'a Unproven<'a>,
        raw: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<SharedInstead>, NotNow>> {
        Box::pin(async move { shared_instead(self, unproven, raw).await.transpose() })
    }

    fn kept_back(&self, unproven: &Unproven<'_>) -> Option<KeptBack> {
        let house = self.house();
        let (tenant, readers) = told_to(&house, unproven)?;
        if house.keep.is_zero() {
            return None;
        }
        let now = Timestamp::from_millisecond(unproven.now).ok()?.to_zoned(house.time_zone.clone());
        let until = now.checked_add(SignedDuration::try_from(house.keep).ok()?).ok()?;
        let secret = unproven.claimed.envelope.forced.as_ref().map(|forced| forced.link.as_str());
        let link = house.desk.as_ref().zip(secret).map(|(desk, secret)| format!("{desk}/m/{secret}"));
        let (about, stamp) = (about(&house, &tenant.school, &readers), stamp(&tenant.school));
        let told = act::kept_back(&about, unproven, until.date(), link, &stamp);
        let Notice { readers, raw } = told.inspect_err(|error| tracing::error!(%error, "nobody can be told")).ok()?;
        Some(KeptBack { raw, readers, delete_at: until.timestamp().as_millisecond() })
    }

    fn waits(&self, waiting: &Unproven<'_>) -> Option<(Vec<u8>, Vec<Mailbox>)> {
        let house = self.house();
        let (tenant, readers) = told_to(&house, waiting)?;
        let (about, stamp) = (about(&house, &tenant.school, &readers), stamp(&tenant.school));
        let told = act::waits(&about, waiting, &stamp);
        let told = told.inspect_err(|error| tracing::error!(%error, "nobody can be told")).ok()?;
        Some((told.raw, told.readers))
    }
}

async fn shared_instead(gate: &Gate, unproven: &Unproven<'_>, raw: &[u8]) -> Option<Result<SharedInstead, NotNow>> {
    let (shares, house) = (gate.shares()?, gate.house());
    let tenant = tenant(&house, &unproven.claimed.school)?;
    let sender = Mailbox::parse(unproven.claimed.envelope.sender.as_deref()?).ok()?;
    let number = unproven.claimed.held.as_deref()?;
    let held = match unproven.outbox.store().held(number).await {
        Ok(held) => held?,
        Err(_) => return Some(Err(NotNow)),
    };
    let forced = unproven.claimed.envelope.forced.as_ref()?;
    let arrived = Timestamp::from_millisecond(unproven.claimed.made_at).ok()?.to_zoned(house.time_zone.clone());
    let message = Message::parse(raw, &Limits::default());
    let to = |to: &owed::To| {
        let line = to.place.and_then(|place| Some(held.recipients.get(place)?.line.clone()));
        let mailbox = Mailbox::parse(&to.address).ok()?;
        let household = tenant.household(&mailbox);
        let (family, phones) = (household.family, household.phones);
        Some(share::To {
            mailbox,
            line: line.unwrap_or_default(),
            family,
            phones,
            discreet: forced.discreet,
            level: forced.level,
            attachments: forced.attachments,
        })
    };
    let sending = share::Sending {
        number,
        school: &tenant.school,
        sender: &sender,
        message: &message,
        recipients: unproven.recipients.iter().map(to).collect::<Option<_>>()?,
        why: share::Why::NoProvenTls,
        is_password: forced.password,
        purpose: None,
        open_subject: forced.open_subject,
        texts: &house.texts,
        language: house.language,
        arrived: &arrived,
    };
    match share::prepare(&sending, shares, unproven.outbox).await {
        Ok(Some(prepared)) => {
            let (rows, receipt, kept) = prepared.into_parts();
            Some(Ok(SharedInstead { rows, receipt, kept: Box::new(move || kept.done()) }))
        }
        // The same was shared with all of them just now; some hours later it is a share of its own.
        Ok(None) => Some(Err(NotNow)),
        Err(error) => {
            tracing::error!(mail = number, %error, "no share could be made");
            error.may_pass().then_some(Err(NotNow))
        }
    }
}

fn tenant(house: &House, school: &str) -> Option<Arc<Tenant>> {
    house.schools.iter().find(|tenant| tenant.school.id == school).cloned()
}

fn way(house: &House, number: usize) -> Option<Way> {
    let way = house.ways.get(number)?;
    let mark = way.mark.as_ref().map(|(name, value)| Secret::new(format!("{name}: {}\r\n", value.expose())));
    Some(Way { next_hop: way.next_hop.clone(), mark })
}

fn signed(tenant: &Tenant, raw: &[u8]) -> Option<String> {
    let signer = tenant.dkim.as_ref()?;
    // A signature that is not aligned with `From` proves nothing to DMARC.
    let from = from_domain(raw)?;
    dkim::is_aligned(signer.domain(), &from).then(|| signer.sign(raw, Timestamp::now().as_second())).flatten()
}

/// The domain of the one address in `From`, in lower case.
fn from_domain(raw: &[u8]) -> Option<String> {
    let value = std::str::from_utf8(header::value_of(raw, "from")?).ok()?;
    let domain = value.rsplit_once('@')?.1;
    let domain: String = domain.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_')).collect();
    (!domain.is_empty()).then(|| domain.to_lowercase())
}

/// Who is told of a mail that nothing could be proven for: its sender, when it is ours (backscatter, RFC 3834 2).
fn told_to(house: &House, unproven: &Unproven<'_>) -> Option<(Arc<Tenant>, Vec<Mailbox>)> {
    let tenant = tenant(house, &unproven.claimed.school)?;
    let sender = Mailbox::parse(unproven.claimed.envelope.sender.as_deref()?).ok()?;
    tenant.school.owns(sender.domain()).then(|| (tenant, vec![sender]))
}

fn about<'a>(house: &'a House, school: &'a School, readers: &'a [Mailbox]) -> About<'a> {
    About { texts: &house.texts, school, language: house.language, zone: &house.time_zone, readers }
}

pub(super) fn stamp(school: &School) -> Stamp {
    let message_id = format!("mailpoort.{}@{}", new_id(), school.gate_address.domain());
    Stamp { date: Timestamp::now(), message_id }
}
