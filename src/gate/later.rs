//! What people are told later: the advice of a day, notices that came fast, what a program's owner must know.
//!
//! The notes are made where the mail is (see [`crate::act`]) and lie sealed in the store; here they become messages. A note
//! about mail that passed is written behind its reply, so that no clean mail waits for a disk; a kill may lose it.

use jiff::civil::time;
use jiff::{ToSpan, Zoned};

use crate::act::{self, Case};
use crate::gate::Gate;
use crate::gate::around::stamp;

impl Gate {
    /// Writes down the advice on a mail that passed.
    pub(super) fn advise(&self, case: &Case<'_>) {
        let Some(outbox) = self.outbox().cloned() else { return };
        let Some(note) = act::advice(case, digest(case.arrived)) else { return };
        let school = case.school.id.clone();
        tokio::spawn(async move {
            if let Err(error) = outbox.note(&school, note).await {
                tracing::warn!(%error, "an advice could not be written down");
            }
        });
    }

    /// Tells everybody who is due at this moment, milliseconds since 1970. Trouble is told; it is tried again.
    pub async fn tell_later(&self, now: i64) {
        let Some(outbox) = self.outbox() else { return };
        loop {
            let told = match outbox.store().due_notes(now).await {
                Ok(None) => return,
                Ok(Some(notes)) => {
                    let house = self.house();
                    let school = house.schools.iter().find(|tenant| tenant.school.id == notes.school);
                    let message = school.and_then(|tenant| {
                        let (school, stamp) = (&tenant.school, stamp(&tenant.school));
                        let told = act::together(&house.texts, &notes, school, house.language, &stamp);
                        let told = told.inspect_err(|error| tracing::error!(%error, "somebody cannot be told"));
                        told.ok().map(|told| (told.raw, told.readers))
                    });
                    outbox.tell(notes, message).await
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = told {
                tracing::error!(%error, "what people are told later waits; it is tried again");
                return;
            }
        }
    }
}

/// When the advice of this moment is told: when the lessons are over, today or tomorrow.
fn digest(arrived: &Zoned) -> i64 {
    let today = arrived.with().time(time(15, 30, 0, 0)).build();
    let at = today.and_then(|today| if today > *arrived { Ok(today) } else { today.checked_add(1.day()) });
    at.unwrap_or_else(|_| arrived.clone()).timestamp().as_millisecond()
}
