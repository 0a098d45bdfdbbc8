//! Cut-through: the next hop's transaction, kept in step with the client's.
//!
//! Opened at the client's first RCPT; what the next hop answers there is the client's answer. Only DATA waits for the
//! verdict. Never tries a message again once its content went out, never says 250 that the next hop did not say.
//! One reopening, when the next hop hung up while a long upload or scan ran; any other answer then is a 451.

use std::sync::Arc;

use tokio::time::Instant;

use crate::message::Recipient;
use crate::smtp::client::lines::{carried, mail_line, rcpt_line, refusal};
use crate::smtp::client::{Lease, NextHop, NextHopReply, Trouble};
use crate::smtp::command::MailCommand;
use crate::smtp::{Extensions, Reply};

/// A transaction with the next hop.
#[derive(Debug)]
pub struct Relay {
    next_hop: Arc<NextHop>,
    mail: MailCommand,
    lease: Option<Lease>,
    accepted: Vec<Recipient>,
    /// The next hop's answer to MAIL, when it refuses: the answer to every recipient.
    refused: Option<Reply>,
    /// The one reopening after a loss has been used.
    reopened: bool,
    /// The connection was given back while the client was slow.
    resting: bool,
    /// Whether the client was offered what the next hop really had, and not what we hoped for.
    offer_known: bool,
    /// A recipient came with NOTIFY= or ORCPT=, which a next hop without DSN would refuse for good.
    dsn: bool,
}

impl Relay {
    /// A transaction that is not open yet and holds no connection.
    pub fn new(next_hop: Arc<NextHop>, mail: MailCommand) -> Self {
        let offer_known = next_hop.known().is_some();
        Self {
            next_hop,
            mail,
            lease: None,
            accepted: Vec::new(),
            refused: None,
            reopened: false,
            resting: false,
            offer_known,
            dsn: false,
        }
    }

    /// The MAIL command of the transaction.
    pub fn command(&self) -> &MailCommand {
        &self.mail
    }

    /// The recipients that the next hop has accepted.
    pub fn accepted(&self) -> &[Recipient] {
        &self.accepted
    }

    /// Hands recipients to the next hop; one reply each.
    pub async fn recipients(&mut self, batch: &[Recipient]) -> Vec<Reply> {
        if let Some(refused) = &self.refused {
            return vec![refused.clone(); batch.len()];
        }
        let (replies, trouble) = match self.answers(batch).await {
            Ok(answers) => answers,
            Err(refusal) => return vec![refusal; batch.len()],
        };
        let mut answers: Vec<Reply> = Vec::with_capacity(batch.len());
        for (recipient, reply) in batch.iter().zip(&replies) {
            if reply.is_ok() {
                self.accepted.push(recipient.clone());
            }
            answers.push(carried(reply));
        }
        if let Some(trouble) = trouble {
            self.lease = None;
            answers.resize_with(batch.len(), || trouble.reply());
        }
        answers
    }

    /// Sends the message: our header fields, then the content as it came. The reply is the client's, and comes by
    /// `deadline`: a client that gives up first would send the message again.
    pub async fn send(mut self, head: &[u8], body: &[u8], deadline: Instant) -> Reply {
        let handed = tokio::time::timeout_at(deadline, self.hand_over(head, body)).await;
        let mut lease = match handed {
            Err(_) => return Reply::next_hop_lost(),
            Ok(Err(refusal)) => return refusal,
            Ok(Ok(lease)) => lease,
        };
        let sent = Instant::now();
        match lease.connection.final_reply(deadline).await {
            Ok(reply) => {
                self.next_hop.met().replied(reply.code, sent.elapsed());
                lease.give_back();
                carried(&reply)
            }
            Err(trouble) => {
                self.next_hop.met().trouble(trouble);
                trouble.reply_after_dot()
            }
        }
    }

    /// DATA, the content and its end.
    async fn hand_over(&mut self, head: &[u8], body: &[u8]) -> Result<Lease, Reply> {
        let mut lease = self.ready_for_content().await?;
        match lease.connection.content(head, body).await {
            Ok(None) => Ok(lease),
            Ok(Some(early)) => Err(refusal(&early)),
            Err(trouble) => Err(trouble.reply()),
        }
    }

    /// The client is slow: the connection serves others in the meantime, and the transaction is opened again when the
    /// client goes on.
    pub async fn rest(&mut self) {
        if let Some(mut lease) = self.lease.take() {
            lease.connection.reset().await;
            lease.give_back();
            self.resting = true;
        }
    }

    /// The same transaction with another next hop; every recipient must be accepted there too.
    pub async fn onto(self, next_hop: Arc<NextHop>) -> Result<Self, Reply> {
        let (mail, accepted) = (self.mail.clone(), self.accepted.clone());
        self.reset().await;
        let mut relay = Self::new(next_hop, mail);
        let replies = relay.recipients(&accepted).await;
        if replies.iter().all(Reply::is_ok) {
            return Ok(relay);
        }
        relay.reset().await;
        Err(Reply::next_hop_differs())
    }

    /// Gives the transaction up: the next hop forgets it, and the connection serves another.
    pub async fn reset(self) {
        if let Some(mut lease) = self.lease {
            lease.connection.reset().await;
            lease.give_back();
        }
    }

    /// The next hop's answers to a batch, on a transaction that is opened or reopened for it if need be.
    async fn answers(&mut self, batch: &[Recipient]) -> Result<(Vec<NextHopReply>, Option<Trouble>), Reply> {
        self.dsn |= batch.iter().any(|recipient| !recipient.parameters.is_empty());
        let recipients: Vec<String> = batch.iter().map(rcpt_line).collect();
        if self.lease.is_none() && self.accepted.is_empty() {
            return self.open(&recipients).await;
        }
        self.reopen_if_lost().await?;
        let Some(mut lease) = self.lease.take() else { return Err(Reply::next_hop_lost()) };
        let allowed = self.allowed(lease.connection.extensions);
        let answers = match allowed {
            Ok(()) => Ok(lease.connection.commands(&recipients).await),
            Err(refusal) => Err(refusal),
        };
        self.lease = Some(lease);
        answers
    }

    /// MAIL and the first recipients. A kept connection that turns out to be stale before MAIL is answered is
    /// replaced by a fresh one, once.
    async fn open(&mut self, recipients: &[String]) -> Result<(Vec<NextHopReply>, Option<Trouble>), Reply> {
        let mut lease = self.next_hop.lease().await.map_err(Trouble::reply)?;
        let (mut replies, mut trouble) = loop {
            self.allowed(lease.connection.extensions)?;
            let lines: Vec<String> = [mail_line(&self.mail, &lease.connection.extensions)]
                .into_iter()
                .chain(recipients.iter().cloned())
                .collect();
            let (replies, trouble) = lease.connection.commands(&lines).await;
            // A next hop that tires of an idle connection hangs up, or says so first (RFC 5321 3.8).
            let stale = match replies.first() {
                None => trouble == Some(Trouble::Lost),
                Some(mail) => mail.code == 421,
            };
            if !(stale && lease.kept) {
                break (replies, trouble);
            }
            drop(lease);
            lease = self.next_hop.lease_fresh().await.map_err(Trouble::reply)?;
        };
        if replies.is_empty() {
            return Err(trouble.take().unwrap_or(Trouble::Lost).reply());
        }
        let mail = replies.remove(0);
        if !mail.is_ok() {
            lease.connection.reset().await;
            lease.give_back();
            let refusal = refusal(&mail);
            self.refused = Some(refusal.clone());
            return Err(refusal);
        }
        self.lease = Some(lease);
        self.resting = false;
        Ok((replies, trouble))
    }

    /// What the client was offered may be gone by now, or may never have been there: then a new session, which sees the
    /// true offer, will do better, and nothing is refused for good.
    fn allowed(&mut self, offered: Extensions) -> Result<(), Reply> {
        let refusal = match offered.allow(&self.mail) {
            Ok(()) if self.dsn && !offered.dsn => Reply::offer_changed(),
            Ok(()) => return Ok(()),
            Err(refusal) if self.offer_known => refusal,
            Err(_) => Reply::offer_changed(),
        };
        self.refused = Some(refusal.clone());
        Err(refusal)
    }

    /// DATA answered with 354, on a transaction that is reopened once if the next hop went away.
    async fn ready_for_content(&mut self) -> Result<Lease, Reply> {
        loop {
            self.reopen_if_lost().await?;
            let Some(mut lease) = self.lease.take() else { return Err(Reply::next_hop_lost()) };
            match lease.connection.data().await {
                Ok(None) => return Ok(lease),
                // It waited too long for the content and is about to hang up.
                Ok(Some(reply)) if reply.code == 421 && !self.reopened => {}
                Ok(Some(reply)) => {
                    lease.connection.reset().await;
                    lease.give_back();
                    return Err(refusal(&reply));
                }
                Err(Trouble::Lost) if !self.reopened => {}
                Err(trouble) => return Err(trouble.reply()),
            }
        }
    }

    /// Replays MAIL and the accepted recipients on a fresh connection, once.
    async fn reopen_if_lost(&mut self) -> Result<(), Reply> {
        if self.lease.is_some() {
            return Ok(());
        }
        // Coming back from a rest is no reopening after a loss.
        if std::mem::take(&mut self.resting) {
            return self.reopen().await;
        }
        if std::mem::replace(&mut self.reopened, true) {
            return Err(Reply::next_hop_lost());
        }
        tracing::info!(
            next_hop = self.next_hop.name(),
            "the next hop hung up in the middle of a transaction; reopening once"
        );
        self.reopen().await
    }

    async fn reopen(&mut self) -> Result<(), Reply> {
        let mut lease = self.next_hop.lease_fresh().await.map_err(Trouble::reply)?;
        self.allowed(lease.connection.extensions)?;
        let lines: Vec<String> = [mail_line(&self.mail, &lease.connection.extensions)]
            .into_iter()
            .chain(self.accepted.iter().map(rcpt_line))
            .collect();
        let (replies, trouble) = lease.connection.commands(&lines).await;
        if let Some(trouble) = trouble {
            return Err(trouble.reply());
        }
        if !replies.iter().all(NextHopReply::is_ok) {
            lease.connection.reset().await;
            lease.give_back();
            return Err(Reply::next_hop_differs());
        }
        self.lease = Some(lease);
        Ok(())
    }
}
