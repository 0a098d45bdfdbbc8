//! What people are told later: the advice of a day, notices that came fast, what a program's owner must know.
//!
//! The notes are made where the mail is (see [`crate::act`]) and lie sealed in the store; here they become messages. A note
//! about mail that passed is written behind its reply, so that no clean mail waits for a disk; a kill may lose it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use jiff::civil::time;
use jiff::{ToSpan, Zoned};
use tokio::task::JoinSet;

use crate::act::{self, Case};
use crate::gate::Gate;
use crate::gate::around::stamp;
use crate::store::notes::NewNote;

/// Notes on their way to the disk.
#[derive(Debug, Default)]
pub(super) struct Later(Mutex<JoinSet<()>>);

impl Gate {
    /// The advice on a mail, should it pass. Made before it is sent: between the next hop's 250 and ours nothing is done.
    pub(super) fn advice(&self, case: &Case<'_>) -> Option<NewNote> {
        self.outbox()?;
        // It is about what a stranger wrote; a fault in it must not stop a mail that may go.
        let advice = catch_unwind(AssertUnwindSafe(|| act::advice(case, digest(case.arrived))));
        advice.inspect_err(|_| tracing::error!(id = case.id, "an advice could not be composed")).ok()?
    }

    /// Writes it down, behind the reply.
    pub(super) fn advise(&self, school: &str, advice: Option<NewNote>) {
        let (Some(outbox), Some(note)) = (self.outbox().cloned(), advice) else { return };
        let school = school.to_owned();
        let mut writing = self.0.later.0.lock().unwrap_or_else(PoisonError::into_inner);
        while writing.try_join_next().is_some() {}
        writing.spawn(async move {
            if let Err(error) = outbox.note(&school, note).await {
                tracing::warn!(%error, "an advice could not be written down");
            }
        });
    }

    /// Waits until every advice is written down; at a stop, when no more mail comes.
    pub async fn finish_writing(&self) {
        let writing = std::mem::take(&mut *self.0.later.0.lock().unwrap_or_else(PoisonError::into_inner));
        writing.join_all().await;
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
                    let school = school.filter(|_| !notes.said.is_empty());
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
