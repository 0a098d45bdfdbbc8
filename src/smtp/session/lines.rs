//! Command lines in, replies out.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::{End, Session, Step};
use crate::smtp::command::Command;
use crate::smtp::handler::{Handler, Transaction};
use crate::smtp::reply::Reply;
use crate::smtp::settings::{MAX_COMMAND, MAX_JUNK};

/// A client that is this slow in the middle of a transaction gives the next hop's connection to others.
pub(super) const REST_AFTER: Duration = Duration::from_secs(20);
/// How long a drain waits for a client that has begun a transaction and not sent its message.
const DRAIN_GRACE: Duration = Duration::from_secs(3);
/// How long somebody who may not send is waited for.
const STRANGERS_PATIENCE: Duration = Duration::from_secs(30);

/// A command line.
pub(super) enum Line {
    /// Without its CRLF.
    Whole(Vec<u8>),
    /// Over [`MAX_COMMAND`]; it is gone, and nothing behind it is.
    TooLong,
}

impl Line {
    pub(super) fn parse(&self) -> Result<Command, Reply> {
        match self {
            Self::Whole(line) => Command::parse(line),
            Self::TooLong => Err(Reply::line_too_long()),
        }
    }
}

/// Waits for the drain to begin.
async fn begun(drain: &mut watch::Receiver<bool>) {
    // The sender lives as long as the server, which the session holds.
    let _ = drain.wait_for(|drain| *drain).await.is_ok();
}

impl<H: Handler> Session<H> {
    pub(super) fn say(&mut self, reply: &Reply) {
        reply.write_to(&mut self.out);
    }

    pub(super) fn idle(&mut self, reply: Reply) {
        self.idle_commands += 1;
        self.say(&reply);
    }

    /// Says a refusal of our own and counts it.
    pub(super) fn refuse(&mut self, reply: Reply) {
        // Full or busy is not the client's fault.
        self.errors += usize::from(reply.is_permanent());
        self.say(&reply);
    }

    pub(super) async fn flush(&mut self) -> Step {
        if self.out.is_empty() {
            return Ok(());
        }
        let patience = self.settings.limits.command_timeout;
        let written = timeout(patience, self.wire.write(&self.out)).await;
        self.out.clear();
        if self.out.capacity() > MAX_COMMAND {
            self.out = Vec::new();
        }
        match written {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Closed),
        }
    }

    /// The next command line.
    pub(super) async fn next_line(&mut self) -> Result<Line, End> {
        if let Some(line) = self.pending_line()? {
            return Ok(line);
        }
        self.flush().await?;
        let mut deadline = Instant::now() + self.patience();
        let mut rest_at = self.transaction.is_some().then(|| Instant::now() + REST_AFTER);
        let mut junk = 0;
        loop {
            self.more_input(&mut deadline, &mut rest_at, junk == 0).await?;
            if junk > 0 {
                match memchr::memmem::find(self.wire.pending(), b"\r\n") {
                    Some(end) => {
                        self.wire.consume(end + 2);
                        return Ok(Line::TooLong);
                    }
                    None => junk += self.throw_away(),
                }
                if junk > MAX_JUNK {
                    return Err(End::HangUp(Reply::abuse("A command line without end")));
                }
            } else if let Some(line) = self.pending_line()? {
                return Ok(line);
            } else if self.wire.pending().len() > MAX_COMMAND {
                junk = self.throw_away();
            }
        }
    }

    /// Reads more. Meanwhile a drain ends the session, at once where nothing is under way and after a moment where the
    /// client may be about to send its message; and a client that is slow in a transaction lets others go first.
    async fn more_input(&mut self, deadline: &mut Instant, rest_at: &mut Option<Instant>, waiting: bool) -> Step {
        let idle = waiting && self.wire.pending().is_empty();
        let mut draining = false;
        loop {
            let rest = rest_at.unwrap_or(*deadline);
            tokio::select! {
                biased;
                read = self.wire.read_more() => return match read {
                    Ok(0) | Err(_) => Err(End::Closed),
                    Ok(_) => Ok(()),
                },
                () = begun(&mut self.drain), if idle && !draining => {
                    if self.transaction.is_none() {
                        return Err(End::HangUp(Reply::draining()));
                    }
                    draining = true;
                    *deadline = (*deadline).min(Instant::now() + DRAIN_GRACE);
                }
                () = sleep_until(rest), if rest_at.is_some() => {
                    *rest_at = None;
                    if let Some(open) = self.transaction.as_mut() {
                        open.transaction.rest().await;
                    }
                }
                () = sleep_until(*deadline) => {
                    return Err(End::HangUp(if draining { Reply::draining() } else { Reply::timed_out() }));
                }
            }
        }
    }

    /// How long a request may take; less for somebody who may not send anyway.
    pub(super) fn patience(&self) -> Duration {
        let patience = self.settings.limits.command_timeout;
        if self.identity.may_relay() { patience } else { patience.min(STRANGERS_PATIENCE) }
    }

    /// Drops what is pending, but for a CR that may be half a line end.
    fn throw_away(&mut self) -> usize {
        let pending = self.wire.pending();
        let octets = pending.len() - usize::from(pending.last() == Some(&b'\r'));
        self.wire.consume(octets);
        octets
    }

    /// A complete line that is pending already. A bare LF ends the session: whether it divides two commands is a
    /// matter of opinion, and opinions are what smuggling lives on.
    fn pending_line(&mut self) -> Result<Option<Line>, End> {
        let pending = self.wire.pending();
        let Some(lf) = memchr::memchr(b'\n', pending) else { return Ok(None) };
        let Some(line) = pending[..lf].strip_suffix(b"\r") else {
            return Err(End::HangUp(Reply::abuse("A command line must end in CR LF")));
        };
        let line = if line.len() > MAX_COMMAND { Line::TooLong } else { Line::Whole(line.to_vec()) };
        self.wire.consume(lf + 1);
        Ok(Some(line))
    }

    /// The next pending line, if it is another RCPT.
    pub(super) fn pipelined_rcpt(&mut self) -> Option<Line> {
        let next = self.wire.pending().get(..5)?;
        if !next.eq_ignore_ascii_case(b"RCPT ") {
            return None;
        }
        self.pending_line().ok().flatten()
    }
}
