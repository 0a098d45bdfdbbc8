//! The gate, as the desk of teachers sees it: who is who, and a held mail judged again.
//!
//! Judging is [`super::scan`], the same as at the door. The words around a finding go to the desk alone, which shows them
//! to the mail's own sender; what goes to IT is invented (see [`invent`]).

mod columns;
mod invent;
mod late;

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::act::{self, Incident, Stopped, kind_in_words};
use crate::decide::{self, Route};
use crate::detect::Finding;
use crate::extract::{Place, Spot, Text, Unit};
use crate::gate::house::{House, Road, Tenant};
use crate::gate::{Gate, Scan};
use crate::message::{Envelope, Mail, Mailbox, Message, Recipient, Source};
use crate::school::{Calendar, Language, School};
use crate::secret::Secret;
use crate::share::{Overview, Purpose, ShareError};
use crate::store::held::Held;
use crate::store::owed;
use crate::tls::posture::Forced;
use crate::web::desk;

/// More passages than this nobody reads.
const MOST_SHOWN: usize = 40;
/// Findings in a report, the first of each rule.
const MOST_REPORTED: usize = 20;
/// Letters around a finding.
const AROUND: usize = 80;

impl desk::Gate for Gate {
    fn school(&self, id: &str) -> Option<School> {
        tenant(&self.house(), id).map(|tenant| tenant.school.clone())
    }

    fn language(&self) -> Language {
        self.house().language
    }

    fn time_zone(&self) -> TimeZone {
        self.house().time_zone.clone()
    }

    fn calendar(&self) -> Calendar {
        self.house().calendar.clone()
    }

    fn tells_weekly(&self) -> bool {
        self.house().weekly
    }

    fn texts(&self) -> Arc<desk::Texts> {
        Arc::clone(&self.house().desk_texts)
    }

    fn look(&self, school: &str, envelope: &owed::Envelope, raw: Vec<u8>) -> Option<desk::Look> {
        let house = self.house();
        let (mail, scan) = judged(&house, school, envelope, raw)?;
        Some(looked(&scan, &mail, &house))
    }

    fn late(&self, share: &Overview, to: &Mailbox, held: desk::LateMail) -> Option<desk::Late> {
        late::judged(&self.house(), share, to, held)
    }

    fn without_columns(
        &self,
        school: &str,
        envelope: &owed::Envelope,
        raw: Vec<u8>,
    ) -> Result<desk::Remade, [String; 2]> {
        let house = self.house();
        let (mail, scan) = judged(&house, school, envelope, raw).ok_or(UNSURE.map(str::to_owned))?;
        columns::without(&mail.raw, &scan, &house)
    }

    fn can_share(&self) -> bool {
        self.shares().is_some()
    }

    fn safely<'a>(&'a self, domain: &'a str) -> desk::Asking<'a> {
        Box::pin(safely(self, domain))
    }

    fn share<'a>(
        &'a self,
        held: &'a Held,
        raw: Vec<u8>,
        places: &'a [usize],
        purpose: Option<Purpose>,
    ) -> desk::Sharing<'a> {
        Box::pin(shared(self, held, raw, places, purpose))
    }
}

/// What a domain proves now, and what its mail does here.
async fn safely(gate: &Gate, domain: &str) -> Option<desk::Safely> {
    let house = gate.house();
    if house.schools.iter().any(|tenant| tenant.school.owns(domain)) {
        let sentence =
            [format!("Ja. {domain} is van je eigen school."), format!("Yes. {domain} is your own school's.")];
        return Some(desk::Safely { sentence, does: desk::Does::Nothing });
    }
    let posture = house.postures.as_ref()?.of(domain).await;
    let otherwise = if gate.shares().is_some() { desk::Does::Share } else { desk::Does::Keep };
    let does = match (posture.forced(), &house.road) {
        (Forced::Undeliverable, _) => desk::Does::Nothing,
        (_, Road::Attested(_)) => desk::Does::Provider,
        (_, Road::None) | (Forced::Fallback, Road::Direct(..)) => otherwise,
        (Forced::Deliver, Road::Direct(..)) => desk::Does::Send,
        (Forced::Defer, Road::Direct(..)) => desk::Does::Wait,
    };
    Some(desk::Safely { sentence: [Language::Nl, Language::En].map(|language| posture.sentence(language)), does })
}

/// Parses a held mail again and makes a share of it.
async fn shared(
    gate: &Gate,
    held: &Held,
    raw: Vec<u8>,
    places: &[usize],
    purpose: Option<Purpose>,
) -> Result<desk::Shared, ShareError> {
    let house = gate.house();
    let (Some(shares), Some(outbox)) = (gate.shares(), gate.outbox()) else { return Err(ShareError::System) };
    let tenant = tenant(&house, &held.school).ok_or(ShareError::Gone)?;
    let (again, school, typed) = (Arc::clone(&house), held.school.clone(), held.facts.envelope.clone());
    let judging = tokio::task::spawn_blocking(move || judged(&again, &school, &typed, raw));
    let (mail, scan) = judging.await.ok().flatten().ok_or(ShareError::System)?;
    let envelope = &mail.envelope;
    let sender = envelope.sender.as_ref().ok_or(ShareError::System)?;
    let arrived = Zoned::now().with_time_zone(house.time_zone.clone());
    let message = Message::parse(&mail.raw, &house.bench.limits);
    let to = |place: &usize| {
        let (recipient, row) = (envelope.recipients.get(*place)?, held.recipients.get(*place)?);
        let discreet = held.facts.discreet.contains(place);
        let decision = scan.verdict.decisions.get(*place);
        let level = decision.map(|decision| decision.level).unwrap_or_default();
        let attachments = decision.is_some_and(|decision| decision.attachments);
        let mailbox = recipient.mailbox.clone();
        let household = tenant.household(&mailbox);
        let (family, phones) = (household.family, household.phones);
        Some(act::share::To { mailbox, line: row.line.clone(), family, phones, discreet, level, attachments })
    };
    let sending = act::share::Sending {
        number: &held.id,
        school: &tenant.school,
        sender,
        message: &message,
        recipients: places.iter().filter_map(to).collect(),
        why: act::share::Why::Asked,
        is_password: act::share::holds_password(&scan.verdict),
        purpose,
        open_subject: act::share::is_open_subject(
            scan.headers.subject.as_ref().map(|subject| subject.expose().as_str()),
            &scan.findings,
            tenant.names.as_ref(),
        ),
        texts: &house.texts,
        language: house.language,
        arrived: &arrived,
    };
    let prepared = act::share::prepare(&sending, shares, outbox).await?.ok_or(ShareError::Gone)?;
    let (rows, receipt, kept) = prepared.into_parts();
    Ok(desk::Shared { rows, receipt, kept: Box::new(move || kept.done()) })
}

const UNSURE: [&str; 2] = [
    "We konden de mail niet opnieuw nakijken. Probeer het later, of vraag om hulp.",
    "We could not check the mail again. Try later, or ask for help.",
];

/// A held mail, judged as at the door today.
fn judged(house: &House, school: &str, envelope: &owed::Envelope, raw: Vec<u8>) -> Option<(Mail, Scan)> {
    let tenant = tenant(house, school)?;
    let now = Zoned::now().with_time_zone(house.time_zone.clone());
    let mail = Mail { envelope: taken(envelope)?, raw, day: super::day(&now) };
    let scan = super::scan(&mail, tenant, &house.bench);
    Some((mail, scan))
}

fn tenant<'h>(house: &'h House, id: &str) -> Option<&'h Arc<Tenant>> {
    house.schools.iter().find(|tenant| tenant.school.id == id)
}

/// The envelope as it was when the mail came. It was a person's, or nothing of it would be held.
fn taken(envelope: &owed::Envelope) -> Option<Envelope> {
    let sender = envelope.sender.as_deref().map(Mailbox::parse).transpose().ok()?;
    let recipient = |to: &owed::To| {
        Some(Recipient { mailbox: Mailbox::parse(&to.address).ok()?, parameters: to.parameters.clone() })
    };
    let recipients: Option<Vec<Recipient>> = envelope.recipients.iter().map(recipient).collect();
    Some(Envelope { sender, recipients: recipients?, source: Source::default() })
}

fn stopped<'s>(scan: &'s Scan, mail: &'s Mail, house: &'s House) -> Stopped<'s> {
    Stopped {
        envelope: &mail.envelope,
        headers: &scan.headers,
        texts: &scan.texts,
        findings: &scan.findings,
        verdict: &scan.verdict,
        policy: &house.bench.policy,
    }
}

fn looked(scan: &Scan, mail: &Mail, house: &House) -> desk::Look {
    let stopped = stopped(scan, mail, house);
    let decisions = scan.verdict.decisions.iter().enumerate();
    let incident = Incident::new(&stopped, "", jiff::civil::DateTime::default());
    desk::Look {
        stopped: decisions.filter(|(_, decision)| decision.route != Route::Pass).map(|(place, _)| place).collect(),
        left: Language::ALL.map(|language| incident.found_in_words(language)),
        passages: passages(scan, house),
        findings: reported(scan, house),
    }
}

/// What was found, with the words around it, each once: a mail that has a plain and an HTML form says everything twice.
fn passages(scan: &Scan, house: &House) -> Vec<desk::Passage> {
    let mut seen = HashSet::new();
    let counted = decide::counted(&scan.findings, &house.bench.policy);
    let new = counted.filter_map(|finding| {
        let text = scan.texts.texts.get(finding.text)?;
        let (before, after) = around(text, finding);
        let found = finding.found.expose().clone();
        let part = if finding.place.spot == Spot::Html { Spot::Text } else { finding.place.spot.clone() };
        let words: String = before.split_whitespace().chain([found.as_str()]).collect();
        seen.insert((part, finding.kind, words)).then(|| desk::Passage {
            place: Language::ALL.map(|language| place(&finding.place, language)),
            kind: Language::ALL.map(|language| kind_in_words(finding.kind, 1, language)),
            before: Secret::new(before),
            found: Secret::new(found),
            after: Secret::new(after),
        })
    });
    new.take(MOST_SHOWN).collect()
}

/// What was found, without a word of the mail that could be somebody's: the first finding of each rule and kind.
fn reported(scan: &Scan, house: &House) -> Vec<desk::Reported> {
    let mut seen = HashSet::new();
    let counted = decide::counted(&scan.findings, &house.bench.policy);
    let first = counted.filter(|finding| seen.insert((finding.rule.clone(), finding.kind)));
    let told = first.filter_map(|finding| {
        let text = scan.texts.texts.get(finding.text)?;
        let (before, after) = around(text, finding);
        let features = finding.why.iter().map(|feature| format!("{} {:+.1}", feature.name, feature.weight));
        Some(desk::Reported {
            rule: finding.rule.to_string(),
            kind: finding.kind.word().to_owned(),
            percent: (finding.confidence * 100.0).clamp(0.0, 100.0) as u32,
            features: features.collect(),
            like: invent::line(&before, finding.found.expose(), &after),
        })
    });
    told.take(MOST_REPORTED).collect()
}

/// The words before and behind a finding, at most [`AROUND`] letters each.
fn around(text: &Text, finding: &Finding) -> (String, String) {
    let before = text.text.get(..finding.range.start).unwrap_or_default();
    let after = text.text.get(finding.range.end..).unwrap_or_default();
    let start = before.char_indices().rev().take(AROUND).last().map_or(before.len(), |(at, _)| at);
    let before = before.get(start..).unwrap_or_default();
    (before.to_owned(), after.chars().take(AROUND).collect())
}

/// "Bijlage klas5.xlsx, blad Leerlingen": for the sender, who knows the file.
fn place(place: &Place, language: Language) -> String {
    let attached = |name: &str| format!("{} {name}", language.of("Bijlage", "Attachment"));
    let spot = match &place.spot {
        Spot::Subject => language.of("Onderwerp", "Subject").to_owned(),
        Spot::Header(_) => language.of("Kop van de mail", "Header of the mail").to_owned(),
        Spot::Text | Spot::Html => language.of("Tekst van de mail", "Text of the mail").to_owned(),
        Spot::FileName(name) | Spot::Attachment(name) => attached(name),
    };
    let unit = match &place.section.unit {
        Unit::Document => None,
        Unit::Sheet(name) => Some(format!("{} {name}", language.of("blad", "sheet"))),
        Unit::Slide(number) => Some(format!("{} {number}", language.of("dia", "slide"))),
        Unit::Page(number) => Some(format!("{} {number}", language.of("bladzijde", "page"))),
    };
    let within = place.within.iter().map(|name| attached(name));
    within.chain([spot]).chain(unit).collect::<Vec<_>>().join(", ")
}
