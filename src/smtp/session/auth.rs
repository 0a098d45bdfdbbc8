//! STARTTLS (RFC 3207) and AUTH PLAIN and LOGIN (RFC 4954), the latter under TLS only.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::time::timeout;

use super::lines::Line;
use super::{End, Session, Step, facts, shown};
use crate::secret::Secret;
use crate::smtp::access::{Access, Identity};
use crate::smtp::handler::Handler;
use crate::smtp::reply::Reply;
use crate::smtp::settings::MAX_FAILED_SIGN_INS;
use crate::smtp::stream::{Stream, Wire};

impl<H: Handler> Session<H> {
    pub(super) async fn starttls(&mut self) -> Step {
        let Some(config) = self.settings.tls() else {
            self.refuse(Reply::not_offered());
            return Ok(());
        };
        if self.tls.is_some() {
            self.refuse(Reply::bad_sequence("The session is encrypted already"));
            return Ok(());
        }
        if !self.wire.pending().is_empty() {
            return Err(End::HangUp(Reply::abuse("Commands behind STARTTLS")));
        }
        self.abandon().await;
        self.say(&Reply::ready_for_tls());
        self.flush().await?;
        let patience = self.settings.limits.command_timeout;
        let stream = std::mem::replace(&mut self.wire, Wire::gone()).into_stream();
        let Some(Stream::Plain(tcp)) = stream else { return Err(End::Closed) };
        let stream = Box::pin(handshake(config, tcp, patience)).await.ok_or(End::Closed)?;
        self.settings.access.tell_refused(shown(&stream));
        (self.identity, self.tls) = facts(&self.settings, self.address, &stream);
        self.wire = Wire::new(stream);
        self.hello = None;
        Ok(())
    }

    pub(super) fn offers_auth(&self) -> bool {
        self.tls.is_some() && self.settings.access.takes_sign_ins()
    }

    pub(super) async fn auth(&mut self, mechanism: &str, initial: Option<Secret<String>>) -> Step {
        let refusal = match mechanism {
            _ if !self.settings.access.takes_sign_ins() => Some(Reply::not_offered()),
            _ if self.tls.is_none() => Some(Reply::tls_required()),
            _ if self.hello.is_none() || self.transaction.is_some() => {
                Some(Reply::bad_sequence("AUTH comes after EHLO and before MAIL"))
            }
            _ if self.identity.is_signed_in() => Some(Reply::bad_sequence("Signed in already")),
            "PLAIN" | "LOGIN" => None,
            _ => Some(Reply::new(504, "5.5.4", "This mechanism is not offered")),
        };
        if let Some(refusal) = refusal {
            self.refuse(refusal);
            return Ok(());
        }
        let credentials = if mechanism == "PLAIN" { self.plain(initial).await? } else { self.login(initial).await? };
        let Some((name, password)) = credentials else {
            self.refuse(Reply::syntax("The credentials are not well formed"));
            return Ok(());
        };
        let settings = Arc::clone(&self.settings);
        match Box::pin(identity(&settings.access, &name, password)).await {
            Ok(identity) => {
                self.identity = identity;
                self.say(&Reply::authenticated());
            }
            Err(refusal) => {
                self.failed_sign_ins += usize::from(refusal.is_permanent());
                self.refuse(refusal);
                if self.failed_sign_ins >= MAX_FAILED_SIGN_INS {
                    return Err(End::HangUp(Reply::abuse("Too many failed sign-ins")));
                }
            }
        }
        Ok(())
    }

    /// AUTH PLAIN (RFC 4616): authorisation identity, name and password, divided by NUL.
    async fn plain(&mut self, initial: Option<Secret<String>>) -> Result<Option<(String, Secret<String>)>, End> {
        let response = match initial {
            Some(response) => Some(response),
            None => self.challenge("").await?,
        };
        let Some(decoded) = response.and_then(decode) else { return Ok(None) };
        let mut fields = decoded.expose().split('\0');
        Ok(match (fields.next(), fields.next(), fields.next(), fields.next()) {
            (Some(identity), Some(name), Some(password), None) if identity.is_empty() || identity == name => {
                Some((name.to_string(), Secret::new(password.to_string())))
            }
            _ => None,
        })
    }

    /// AUTH LOGIN, which has no RFC; copiers know nothing else.
    async fn login(&mut self, initial: Option<Secret<String>>) -> Result<Option<(String, Secret<String>)>, End> {
        let name = match initial {
            Some(name) => Some(name),
            None => self.challenge("VXNlcm5hbWU6").await?,
        };
        let Some(name) = name.and_then(decode) else { return Ok(None) };
        let password = self.challenge("UGFzc3dvcmQ6").await?;
        Ok(password.and_then(decode).map(|password| (name.expose().clone(), password)))
    }

    async fn challenge(&mut self, text: &str) -> Result<Option<Secret<String>>, End> {
        Reply::plain(334, [text]).write_to(&mut self.out);
        let Line::Whole(line) = self.next_line().await? else { return Ok(None) };
        Ok(String::from_utf8(line).ok().filter(|line| line != "*").map(Secret::new))
    }
}

/// Who has this name and password, by our user file or by the next hop's word.
async fn identity(access: &Access, name: &str, password: Secret<String>) -> Result<Identity, Reply> {
    if let Some(next_hop) = access.is_passed_on(name) {
        return access.pass_on(next_hop, name, password).await.map(Identity::Account);
    }
    match access.sign_in(name, password).await {
        None => Err(Reply::authentication_busy()),
        Some(None) => Err(Reply::authentication_failed()),
        Some(Some(user)) => Ok(Identity::User(user)),
    }
}

/// The TLS handshake with a client, within `patience`.
pub(in crate::smtp) async fn handshake(
    config: Arc<rustls::ServerConfig>,
    tcp: tokio::net::TcpStream,
    patience: Duration,
) -> Option<Stream> {
    let accepted = timeout(patience, tokio_rustls::TlsAcceptor::from(config).accept(tcp)).await;
    accepted.ok()?.ok().map(|stream| Stream::Server(Box::new(stream)))
}

fn decode(text: Secret<String>) -> Option<Secret<String>> {
    let decoded = BASE64.decode(text.expose().trim()).ok()?;
    String::from_utf8(decoded).ok().map(Secret::new)
}
