//! DATA: the content of a message, into memory that the budget has room for.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::lines::REST_AFTER;
use super::{End, Session};
use crate::smtp::data::{DataReader, Fault, Progress};
use crate::smtp::handler::{Content, Handler, Transaction};
use crate::smtp::reply::Reply;

impl<H: Handler> Session<H> {
    /// Reads the content up to its end; the inner error is the reply that refuses it.
    pub(super) async fn content(
        &mut self,
        declared_size: usize,
        transaction: &mut H::Transaction,
    ) -> Result<Result<Content, Reply>, End> {
        self.flush().await?;
        let max = self.max_message_size();
        let (patience, rate) = (self.settings.limits.command_timeout, self.settings.limits.min_rate.max(1));
        let mut reader = DataReader::new(max);
        let mut content = Content { raw: Vec::new(), memory: self.settings.budget.reservation() };
        if !make_room(&mut content, declared_size, max) {
            reader.discard();
        }
        let started = Instant::now();
        let mut rested = false;
        loop {
            let pending = self.wire.pending();
            if reader.fault().is_none() && !make_room(&mut content, pending.len(), max) {
                reader.discard();
            }
            match reader.feed(pending, &mut content.raw) {
                Progress::More => {
                    let taken = pending.len();
                    self.wire.consume(taken);
                }
                Progress::End(taken) => {
                    self.wire.consume(taken);
                    return Ok(match reader.fault() {
                        None => Ok(content),
                        Some(fault) => Err(refusal(fault, max)),
                    });
                }
                Progress::SloppyEnd => {
                    let fault = reader.fault().unwrap_or(Fault::BareLf);
                    return Err(End::HangUp(refusal(fault, max)));
                }
            }
            if reader.seen() > max.saturating_mul(4) {
                return Err(End::HangUp(Reply::too_large(max)));
            }
            if !rested && started.elapsed() >= REST_AFTER {
                transaction.rest().await;
                rested = true;
            }
            // Patience for one read, and for the whole: a sender slower than the minimum rate is let go.
            let allowed = patience + Duration::from_secs(reader.seen() as u64 / rate);
            let Some(left) = allowed.checked_sub(started.elapsed()) else {
                return Err(End::HangUp(Reply::timed_out()));
            };
            let left = left.min(patience);
            let nap = if rested { left } else { left.min(REST_AFTER) };
            match timeout(nap, self.wire.read_content()).await {
                Err(_) if nap < left => {}
                Err(_) => return Err(End::HangUp(Reply::timed_out())),
                Ok(Ok(0) | Err(_)) => return Err(End::Closed),
                Ok(Ok(_)) => {}
            }
        }
    }
}

/// Makes room for `more` octets, in the budget first and in memory then. Never for more than `max` in all: a message
/// of the limit, and as much again for what is decoded of it, fit into the smallest budget.
fn make_room(content: &mut Content, more: usize, max: usize) -> bool {
    let free = content.raw.capacity() - content.raw.len();
    let more = more.min(max.saturating_sub(content.raw.len()));
    if free >= more {
        return true;
    }
    // Doubling keeps copying linear; when the budget is short the bare need will do.
    let need = more - free;
    let allowed = max.saturating_sub(content.raw.capacity());
    let step = content.raw.capacity().max(16 * 1024).min(allowed).max(need);
    let step = if content.memory.grow(step) {
        step
    } else if content.memory.grow(need) {
        need
    } else {
        return false;
    };
    content.raw.reserve_exact(free + step);
    true
}

fn refusal(fault: Fault, max: usize) -> Reply {
    match fault {
        Fault::TooLarge => Reply::too_large(max),
        Fault::BareCr => Reply::bad_line_ends("a bare CR (carriage return)"),
        Fault::BareLf => Reply::bad_line_ends("a bare LF (line feed)"),
        Fault::Nul => Reply::bad_line_ends("a NUL octet"),
        Fault::Discarded => Reply::no_memory(),
    }
}
