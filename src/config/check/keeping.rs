//! `[hold]` and `[outbox]`: how long stopped mail is kept, and how mail that we owe is tried again.

use std::time::Duration;

use super::{Check, raw};
use crate::outbox::Retry;

/// Longer than this and held mail becomes an archive, which nobody has a ground for.
const MOST_DAYS: u32 = 90;

impl Check<'_> {
    pub(super) fn hold(&mut self, raw: &raw::Hold) -> Duration {
        let days = *raw.keep_days.get_ref();
        if days > MOST_DAYS {
            self.problem(
                &raw.keep_days.span(),
                format!("`keep_days` is {days}: stopped mail would be kept for months"),
                format!("set it to {MOST_DAYS} or less; 14 is the default, 0 keeps nothing"),
            );
        }
        Duration::from_secs(u64::from(days) * 24 * 3600)
    }

    pub(super) fn outbox(&mut self, raw: &raw::Outbox) -> Retry {
        let retry = Retry {
            after: self.time(&raw.retry_after, "retry_after"),
            most: self.time(&raw.retry_at_most, "retry_at_most"),
            give_up: self.time(&raw.give_up_after, "give_up_after"),
        };
        if retry.after > retry.most {
            self.problem(
                &raw.retry_after.span(),
                "`retry_after` is more than `retry_at_most`",
                "the first pause is the shortest; make it less",
            );
        }
        if retry.most >= retry.give_up {
            self.problem(
                &raw.give_up_after.span(),
                "`give_up_after` is not more than `retry_at_most`",
                "mail would be given up before it is tried again; leave room for several tries",
            );
        }
        retry
    }
}
