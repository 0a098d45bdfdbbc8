//! A look at a next hop, host by host and address by address, for whoever must find out what is wrong. No mail is sent.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::connection::Connection;
use super::hop::NextHop;
use super::trouble::Trouble;
use crate::message::Mailbox;
use crate::smtp::handler::Extensions;

/// What a look at one host came to.
#[derive(Debug)]
pub struct Examined {
    /// The host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Each address with what came of it; none when the name has no address.
    pub addresses: Vec<(SocketAddr, Result<Answer, Trouble>)>,
}

/// An address that answered, with TLS and sign-in as configured.
#[derive(Debug)]
pub struct Answer {
    /// The words of its greeting.
    pub greeting: String,
    /// Whether the connection was encrypted.
    pub is_encrypted: bool,
    /// What it offers.
    pub extensions: Extensions,
}

impl NextHop {
    /// Connects with every address of every host, and says QUIT.
    pub async fn examine(&self) -> Vec<Examined> {
        let mut examined = Vec::new();
        for (host, port) in &self.hop.hosts {
            let found = timeout(self.hop.connect_timeout, lookup_host((host.as_str(), *port))).await;
            let mut addresses = Vec::new();
            for address in found.ok().and_then(Result::ok).into_iter().flatten() {
                addresses.push((address, self.answer(host, address).await));
            }
            examined.push(Examined { host: host.clone(), port: *port, addresses });
        }
        examined
    }

    /// Whether it takes a notice for this mailbox: MAIL and RCPT, then RSET. The code of its last reply.
    ///
    /// # Errors
    /// [`Trouble`] on the way.
    pub async fn would_take(self: &Arc<Self>, reader: &Mailbox) -> Result<u16, Trouble> {
        let mut lease = self.lease_fresh().await?;
        let lines = ["MAIL FROM:<>\r\n".to_string(), format!("RCPT TO:<{}>\r\n", reader.typed())];
        let (replies, trouble) = lease.connection.commands(&lines).await;
        lease.connection.reset().await;
        lease.give_back();
        match (trouble, replies.iter().find(|reply| !reply.is_ok()).or(replies.last())) {
            (None, Some(reply)) => Ok(reply.code),
            (trouble, _) => Err(trouble.unwrap_or(Trouble::Lost)),
        }
    }

    async fn answer(&self, host: &str, address: SocketAddr) -> Result<Answer, Trouble> {
        let mut connection = Connection::open(&self.hop, host, address).await?;
        let (greeting, is_encrypted) = (std::mem::take(&mut connection.greeting), connection.is_encrypted());
        let answer = Answer { greeting, is_encrypted, extensions: connection.extensions };
        connection.quit().await;
        Ok(answer)
    }
}
