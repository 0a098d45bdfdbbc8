//! What people are told later, several mails in one message, so that nobody gets a heap of them and nothing is dropped.
//!
//! Advice on mail that passed is one message a day; mail that is stopped soon after other mail of the same sender goes
//! together in one notice; and what is refused to a program is told to its owner. A note is one paragraph without found
//! values, in both languages, made when the mail comes. Fails as a missing note, which is logged: the mail itself is not
//! touched by it.

use std::sync::Arc;

use super::block;
use super::carry::Case;
use super::incident::{Incident, Told};
use super::notice::{ComposeError, Notice, Stamp, Texts};
use super::template::LEADS;
use super::wording;
use crate::decide::{self, CONFIDENTIAL, Decision, Route};
use crate::message::Mailbox;
use crate::school::{Language, School};
use crate::store::notes::{NewNote, NoteFacts, NoteKind, Notes};

/// Notes wait this long for others, milliseconds.
pub(super) const TOGETHER: i64 = 10 * 60 * 1000;

/// The note about a mail that passed, for its sender; none when there is nothing to say, or nobody to say it to.
pub fn advice(case: &Case<'_>, due_at: i64) -> Option<NewNote> {
    let is_advised = |decision: &&Decision| decision.advise && &*decision.class != CONFIDENTIAL;
    if case.verdict.strictest() != Route::Pass || !case.verdict.decisions.iter().any(|d| is_advised(&d)) {
        return None;
    }
    let reader = decide::may_be_noticed(&case.mail.envelope, case.headers, case.school)?.into_iter().next()?;
    let decided = case.mail.envelope.recipients.iter().zip(&case.verdict.decisions);
    let advised: Vec<_> = decided.filter(|(_, decision)| is_advised(decision)).collect();
    let people: Vec<Told> = advised.iter().map(|(to, decision)| Told::of(&to.mailbox, decision)).collect();
    let mut keys: Vec<Arc<str>> = Vec::new();
    for key in advised.iter().filter_map(|(_, decision)| case.policy.line(&decision.line)?.advice.clone()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return None;
    }
    let incident = Incident::new(&block::stopped(case), case.id, case.arrived.datetime());
    let said = Language::ALL.map(|language| {
        let mail = mail_to(&wording::mail(&incident, language), &incident, &people, language);
        format!("{mail}: {}", case.notices.advised(&keys, case.school, language).join(" "))
    });
    let facts = NoteFacts { reader: reader.typed().to_owned(), said };
    Some(NewNote { kind: NoteKind::Advice, due_at, facts })
}

/// Whose mail was stopped.
pub(super) enum About<'a> {
    /// The reader's own.
    Yours,
    /// That of a program, by its address.
    Of(&'a str),
}

/// The note about a mail that was stopped.
pub(super) fn stopped(incident: &Incident, about: &About<'_>, reader: &Mailbox, now: i64) -> NewNote {
    let said = Language::ALL.map(|language| {
        let mail = match about {
            About::Yours => wording::mail(incident, language),
            About::Of(program) => format!("{} {program},", language.of("Een mail van", "A mail of")),
        };
        let mut words = vec![format!("{}.", mail_to(&mail, incident, &incident.not_reached, language))];
        words.extend(wording::found(incident, language));
        if let Some(link) = &incident.link {
            words.push(format!("{} {link}", language.of(LEADS[0], LEADS[1])));
        }
        // What happens when nothing is chosen stands in the letter, once for all of them.
        if let Some(until) = incident.kept_until {
            let until = language.day(until);
            words.push(language.of(format!("Bewaard tot {until}."), format!("Kept until {until}.")));
        }
        words.push(format!("{} {}.", language.of("Nummer", "Number"), incident.number));
        words.join(" ")
    });
    let kind = match about {
        About::Yours => NoteKind::Notice,
        About::Of(_) => NoteKind::Program,
    };
    let facts = NoteFacts { reader: reader.typed().to_owned(), said };
    NewNote { kind, due_at: now.saturating_add(TOGETHER), facts }
}

/// "Je mail “Uitje” van dinsdag 24 november, 14.07 uur, aan p.jansen@voorbeeld.example".
fn mail_to(mail: &str, incident: &Incident, people: &[Told], language: Language) -> String {
    let at = wording::moment(incident.sent, language);
    let people = wording::people(people, language);
    language.of(format!("{mail} van {at}, aan {people}"), format!("{mail} of {at}, to {people}"))
}

/// Composes the message that tells some notes.
///
/// # Errors
/// [`ComposeError`]; then nobody can be told.
pub fn together(
    texts: &Texts,
    notes: &Notes,
    school: &School,
    language: Language,
    stamp: &Stamp,
) -> Result<Notice, ComposeError> {
    let reader = Mailbox::parse(&notes.reader).map_err(|_| ComposeError::Address)?;
    let said: Vec<String> = notes.said.iter().map(|[nl, en]| language.of(nl, en).clone()).collect();
    texts.together(notes.kind, said, reader, school, language, stamp)
}
