//! Cut-through: the next hop's transaction, kept in step with the client's.
//!
//! Opened at the client's first RCPT; what the next hop answers there is the client's answer. Only DATA waits for the
//! verdict. Never tries a message again once its content went out, never says 250 that the next hop did not say.
//! One reopening, when the next hop hung up while a long upload or scan ran; any other answer then is a 451.

use std::sync::Arc;

use crate::message::Recipient;
use crate::smtp::Reply;
use crate::smtp::client::{Connection, Lease, NextHop, NextHopReply, Trouble};
use crate::smtp::command::MailCommand;

/// A transaction with the next hop.
#[derive(Debug)]
pub struct Relay {
    next_hop: Arc<NextHop>,
    mail: MailCommand,
    lease: Option<Lease>,
    accepted: Vec<Recipient>,
    /// The next hop's answer to MAIL, when it refuses: the answer to every recipient.
    refused: Option<Reply>,
    reopened: bool,
}

/// What our own header fields add at most to the size that the client declared, octets.
const HEAD: usize = 2048;

impl Relay {
    /// A transaction that is not open yet and holds no connection.
    pub fn new(next_hop: Arc<NextHop>, mail: MailCommand) -> Self {
        Self { next_hop, mail, lease: None, accepted: Vec::new(), refused: None, reopened: false }
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

    /// Sends the message: our header fields, then the content as it came. The reply is the client's.
    pub async fn send(mut self, head: &[u8], body: &[u8]) -> Reply {
        let mut lease = match self.ready_for_content().await {
            Ok(lease) => lease,
            Err(refusal) => return refusal,
        };
        if let Err(trouble) = lease.connection.content(head, body).await {
            // Some refuse in the middle of the content and hang up; a 552 is not to be tried for days.
            let refused = lease.connection.last_words().await.filter(|reply| reply.code >= 400);
            return refused.as_ref().map_or_else(|| trouble.reply(), carried);
        }
        match lease.connection.final_reply().await {
            Ok(reply) => {
                lease.give_back();
                carried(&reply)
            }
            Err(trouble) => trouble.reply_after_dot(),
        }
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
        let recipients: Vec<String> = batch.iter().map(rcpt_line).collect();
        if self.lease.is_none() && self.accepted.is_empty() {
            return self.open(&recipients).await;
        }
        self.reopen_if_lost().await?;
        match self.lease.as_mut() {
            Some(lease) => Ok(lease.connection.commands(&recipients).await),
            None => Err(Reply::next_hop_lost()),
        }
    }

    /// MAIL and the first recipients. A kept connection that turns out to be stale before MAIL is answered is
    /// replaced by a fresh one, once.
    async fn open(&mut self, recipients: &[String]) -> Result<(Vec<NextHopReply>, Option<Trouble>), Reply> {
        let mut lease = self.next_hop.lease().await.map_err(Trouble::reply)?;
        let (mut replies, mut trouble) = loop {
            self.allowed(&lease.connection)?;
            let lines: Vec<String> =
                [self.mail_line(&lease.connection)].into_iter().chain(recipients.iter().cloned()).collect();
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
        Ok((replies, trouble))
    }

    /// What the client was offered may be gone by now.
    fn allowed(&mut self, connection: &Connection) -> Result<(), Reply> {
        connection.extensions.allow(&self.mail).inspect_err(|refusal| self.refused = Some(refusal.clone()))
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
        if std::mem::replace(&mut self.reopened, true) {
            return Err(Reply::next_hop_lost());
        }
        tracing::info!(
            next_hop = self.next_hop.name(),
            "the next hop hung up in the middle of a transaction; reopening once"
        );
        let mut lease = self.next_hop.lease_fresh().await.map_err(Trouble::reply)?;
        self.allowed(&lease.connection)?;
        let lines: Vec<String> =
            [self.mail_line(&lease.connection)].into_iter().chain(self.accepted.iter().map(rcpt_line)).collect();
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

    fn mail_line(&self, connection: &Connection) -> String {
        let offered = &connection.extensions;
        let mut line = format!("MAIL FROM:<{}>", self.mail.sender.as_ref().map_or("", |sender| sender.typed()));
        if let Some(size) = self.mail.size.filter(|_| offered.size > 0) {
            line.push_str(&format!(" SIZE={}", size.saturating_add(HEAD).min(offered.size)));
        }
        if self.mail.eight_bit {
            line.push_str(" BODY=8BITMIME");
        }
        if self.mail.smtputf8 {
            line.push_str(" SMTPUTF8");
        }
        line.push_str(&self.mail.dsn);
        line.push_str("\r\n");
        line
    }
}

fn rcpt_line(recipient: &Recipient) -> String {
    format!("RCPT TO:<{}>{}\r\n", recipient.mailbox.typed(), recipient.parameters)
}

fn carried(reply: &NextHopReply) -> Reply {
    Reply::from_next_hop(reply.code, &reply.lines)
}

/// A negative answer; a positive one where none fits is nonsense.
fn refusal(reply: &NextHopReply) -> Reply {
    if reply.code >= 400 { carried(reply) } else { Reply::next_hop_nonsense() }
}
