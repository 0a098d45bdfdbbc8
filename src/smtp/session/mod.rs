//! One session with a client: state, and one function a verb (RFC 5321, 2920 PIPELINING, 3207 STARTTLS, 4954 AUTH).
//!
//! Answers pipelined commands in one write. Never carries out what stands behind a refused DATA, never keeps
//! state over STARTTLS, never reads on without a deadline. Trouble with a message is a reply and the session goes
//! on; 421 and a hang-up are for drain, abuse and silence only.

mod auth;
mod content;
mod lines;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::timeout;

pub(super) use auth::handshake;

use crate::message::Recipient;
use crate::smtp::access::Identity;
use crate::smtp::command::{Command, MailCommand, RcptCommand};
use crate::smtp::handler::{Client, Handler, Transaction};
use crate::smtp::listener::Server;
use crate::smtp::reply::Reply;
use crate::smtp::settings::{MAX_BATCH, MAX_ERRORS, MAX_IDLE_COMMANDS, Settings};
use crate::smtp::stream::{Stream, Wire};

/// Why a session is over.
enum End {
    /// The client said QUIT, or went away: nothing more to say.
    Closed,
    /// We say this and hang up.
    HangUp(Reply),
}

type Step = Result<(), End>;

/// A session.
pub(super) struct Session<H: Handler> {
    server: Arc<Server<H>>,
    settings: Arc<Settings>,
    drain: watch::Receiver<bool>,
    address: IpAddr,
    wire: Wire,
    /// Replies that wait until the client's pipelined commands are done.
    out: Vec<u8>,
    hello: Option<Hello>,
    identity: Identity,
    tls: Option<Arc<str>>,
    transaction: Option<Open<H::Transaction>>,
    errors: usize,
    idle_commands: usize,
    failed_sign_ins: usize,
    /// DATA was just refused: what follows may be the body of a message.
    data_refused: bool,
}

struct Hello {
    name: Arc<str>,
    extended: bool,
}

struct Open<T> {
    transaction: T,
    declared_size: usize,
    recipients: usize,
    accepted: usize,
}

impl<H: Handler> Session<H> {
    pub(super) fn new(server: Arc<Server<H>>, drain: watch::Receiver<bool>, address: IpAddr, stream: Stream) -> Self {
        let settings = server.settings();
        settings.access.tell_refused(shown(&stream));
        let (identity, tls) = facts(&settings, address, &stream);
        Self {
            server,
            settings,
            drain,
            address,
            wire: Wire::new(stream),
            out: Vec::new(),
            hello: None,
            identity,
            tls,
            transaction: None,
            errors: 0,
            idle_commands: 0,
            failed_sign_ins: 0,
            data_refused: false,
        }
    }

    /// Talks until the session is over.
    pub(super) async fn run(mut self) {
        Reply::plain(220, [format!("{} ESMTP mailpoort", self.settings.hostname)]).write_to(&mut self.out);
        let end = loop {
            if let Err(end) = self.one_command().await {
                break end;
            }
        };
        // The next hop's transaction is reset before the client is gone for good.
        self.abandon().await;
        if let End::HangUp(reply) = end {
            reply.write_to(&mut self.out);
        }
        let _ = timeout(Duration::from_secs(5), self.flush()).await;
        let _ = timeout(Duration::from_secs(1), self.wire.close()).await;
        if let Some(next_hop) = self.identity.account() {
            next_hop.close().await;
        }
    }

    async fn one_command(&mut self) -> Step {
        let parsed = self.next_line().await?.parse();
        if std::mem::take(&mut self.data_refused) && !matches!(parsed, Ok(ref c) if follows_refused_data(c)) {
            return Err(End::HangUp(Reply::abuse("Text of a message after a refused DATA")));
        }
        match parsed {
            Ok(command) => self.carry_out(command).await?,
            Err(refusal) => self.refuse(refusal),
        }
        if self.errors > MAX_ERRORS {
            return Err(End::HangUp(Reply::abuse("Too many errors")));
        }
        // Somebody who may not send has even less to say.
        let most = if self.identity.may_relay() { MAX_IDLE_COMMANDS } else { MAX_IDLE_COMMANDS / 10 };
        if self.idle_commands > most {
            return Err(End::HangUp(Reply::abuse("Too many commands without a message")));
        }
        Ok(())
    }

    async fn carry_out(&mut self, command: Command) -> Step {
        match command {
            Command::Ehlo(name) => self.ehlo(name).await,
            Command::Helo(name) => self.helo(name).await,
            Command::Mail(mail) => self.mail(mail),
            Command::Rcpt(rcpt) => self.rcpt(rcpt).await?,
            Command::Data => self.data().await?,
            Command::Rset => self.rset().await,
            Command::Noop => self.idle(Reply::ok()),
            Command::Vrfy => self.idle(Reply::vrfy()),
            Command::Help => self.idle(Reply::help()),
            Command::StartTls => self.starttls().await?,
            Command::Auth(mechanism, initial) => self.auth(&mechanism, initial).await?,
            Command::Quit => return Err(End::HangUp(Reply::bye(&self.settings.hostname))),
            Command::NotOffered => self.refuse(Reply::not_offered()),
            Command::Unknown => self.refuse(Reply::unknown_command()),
            Command::NotSmtp => return Err(End::HangUp(Reply::abuse("This is a mail server"))),
        }
        Ok(())
    }

    // -- greetings

    async fn ehlo(&mut self, name: String) {
        self.begin(name, true).await;
        let offered = self.server.handler.extensions();
        let size = self.max_message_size();
        let mut lines = vec![
            self.settings.hostname.clone(),
            "PIPELINING".into(),
            "ENHANCEDSTATUSCODES".into(),
            format!("SIZE {size}"),
        ];
        lines.extend(offered.eight_bit_mime.then(|| "8BITMIME".into()));
        lines.extend(offered.smtputf8.then(|| "SMTPUTF8".into()));
        lines.extend(offered.dsn.then(|| "DSN".into()));
        // Whoever hands us such a mail in plain has broken its promise already (RFC 8689 2).
        lines.extend((offered.require_tls && self.tls.is_some()).then(|| "REQUIRETLS".into()));
        lines.extend((self.tls.is_none() && self.settings.tls().is_some()).then(|| "STARTTLS".into()));
        lines.extend(self.offers_auth().then(|| "AUTH PLAIN LOGIN".into()));
        Reply::plain(250, lines).write_to(&mut self.out);
    }

    async fn helo(&mut self, name: String) {
        self.begin(name, false).await;
        Reply::plain(250, [self.settings.hostname.clone()]).write_to(&mut self.out);
    }

    /// The smaller of our limit and the next hop's.
    fn max_message_size(&self) -> usize {
        match self.server.handler.extensions().size {
            0 => self.settings.limits.max_message_size,
            next_hop => next_hop.min(self.settings.limits.max_message_size),
        }
    }

    /// Both greetings forget the transaction (RFC 5321 4.1.4), and see a reloaded configuration.
    async fn begin(&mut self, name: String, extended: bool) {
        self.idle_commands += 1;
        self.abandon().await;
        self.settings = self.server.settings();
        self.identity = match &self.identity {
            // The user file may have changed since the sign-in.
            Identity::User(user) => self.settings.access.user_again(user),
            Identity::Account(account) => self.settings.access.account_again(account),
            _ => facts(&self.settings, self.address, self.wire.stream()).0,
        };
        self.hello = Some(Hello { name: name.into(), extended });
    }

    // -- the transaction

    fn mail(&mut self, mail: MailCommand) {
        match self.open(mail) {
            Ok(open) => {
                self.transaction = Some(open);
                self.say(&Reply::sender_ok());
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn open(&self, mail: MailCommand) -> Result<Open<H::Transaction>, Reply> {
        let hello = self.hello.as_ref().ok_or_else(|| Reply::bad_sequence("Say EHLO first"))?;
        if self.transaction.is_some() {
            return Err(Reply::bad_sequence("A transaction is open already"));
        }
        if !self.identity.may_relay() {
            return Err(if self.offers_auth() { Reply::authentication_required() } else { Reply::relay_denied() });
        }
        if !self.identity.may_send_as(mail.sender.as_ref(), &self.settings.access) {
            return Err(Reply::sender_not_allowed());
        }
        if mail.require_tls && self.tls.is_none() {
            return Err(Reply::requiretls_outside_tls());
        }
        let limit = self.max_message_size();
        let declared_size = mail.size.unwrap_or(0);
        if declared_size > limit {
            return Err(Reply::too_large(limit));
        }
        if !self.settings.budget.has_room(declared_size) {
            return Err(Reply::no_memory());
        }
        let client = self.client(hello, &mail);
        let transaction = self.server.handler.open(client, mail)?;
        Ok(Open { transaction, declared_size, recipients: 0, accepted: 0 })
    }

    fn client(&self, hello: &Hello, mail: &MailCommand) -> Client {
        Client {
            address: self.address,
            hello: Arc::clone(&hello.name),
            protocol: protocol(hello.extended, mail.smtputf8, self.tls.is_some(), self.identity.is_signed_in()),
            tls: self.tls.clone(),
            source: self.identity.source(),
            shared_network: self.identity.is_shared_network(),
            account: self.identity.account().cloned(),
        }
    }

    /// Answers this recipient and all that the client pipelined behind it, in one exchange with the next hop.
    async fn rcpt(&mut self, first: RcptCommand) -> Step {
        let mut batch = vec![Ok(first)];
        while batch.len() < MAX_BATCH
            && let Some(line) = self.pipelined_rcpt()
        {
            batch.push(match line.parse() {
                Ok(Command::Rcpt(rcpt)) => Ok(rcpt),
                Ok(_) => Err(Reply::unknown_command()),
                Err(refusal) => Err(refusal),
            });
        }
        let Some(open) = self.transaction.as_mut() else {
            // Pipelined behind a MAIL that was refused, most likely: no abuse, however many they are.
            self.idle_commands += 1;
            batch.iter().for_each(|_| self.say(&Reply::bad_sequence("Say MAIL first")));
            return Ok(());
        };
        let max = self.settings.limits.max_recipients;
        let mut wanted = Vec::new();
        // Which replies are known, and which come from the handler, in the order of the commands.
        let replies: Vec<Option<Reply>> = batch
            .into_iter()
            .map(|rcpt| match rcpt {
                Err(refusal) => Some(refusal),
                Ok(_) if open.recipients >= max => Some(Reply::too_many_recipients()),
                Ok(rcpt) => {
                    open.recipients += 1;
                    wanted.push(Recipient { mailbox: rcpt.mailbox, parameters: rcpt.dsn });
                    None
                }
            })
            .collect();
        let mut answers =
            if wanted.is_empty() { Vec::new() } else { open.transaction.recipients(wanted).await }.into_iter();
        for reply in replies {
            match reply {
                Some(refusal) => self.refuse(refusal),
                // A next hop's refusal is no error of the client's: a mailing to dead addresses is no abuse.
                None => {
                    let answer = answers.next().unwrap_or_else(Reply::next_hop_lost);
                    if let Some(open) = self.transaction.as_mut().filter(|_| answer.is_ok()) {
                        open.accepted += 1;
                    }
                    self.say(&answer);
                }
            }
        }
        Ok(())
    }

    async fn data(&mut self) -> Step {
        let Some(mut open) = self.transaction.take_if(|open| open.accepted > 0) else {
            let refusal = if self.transaction.is_some() {
                Reply::no_recipients()
            } else {
                Reply::bad_sequence("Say MAIL and RCPT first")
            };
            self.refuse(refusal);
            self.data_refused = true;
            return match self.wire.pending() {
                [] => Ok(()),
                // DATA ends a pipelined group (RFC 2920 3.1), so this is a body, not commands.
                _ => Err(End::HangUp(Reply::abuse("Text of a message after a refused DATA"))),
            };
        };
        self.say(&Reply::start_data());
        let read = self.content(open.declared_size, &mut open.transaction).await;
        let reply = match read {
            Ok(Ok(content)) => {
                self.idle_commands = 0;
                open.transaction.judge_and_send(content).await
            }
            Ok(Err(refusal)) => {
                open.transaction.abandon().await;
                refusal
            }
            Err(end) => {
                open.transaction.abandon().await;
                return Err(end);
            }
        };
        if reply.is_ok() {
            self.errors = 0;
        }
        self.say(&reply);
        Ok(())
    }

    async fn rset(&mut self) {
        self.abandon().await;
        self.idle(Reply::ok());
    }

    async fn abandon(&mut self) {
        if let Some(open) = self.transaction.take() {
            open.transaction.abandon().await;
        }
    }
}

/// The certificates that the client showed, leaf first.
fn shown(stream: &Stream) -> &[CertificateDer<'static>] {
    let Stream::Server(stream) = stream else { return &[] };
    stream.get_ref().1.peer_certificates().unwrap_or_default()
}

/// Who the client is, and how the session is encrypted.
fn facts(settings: &Settings, address: IpAddr, stream: &Stream) -> (Identity, Option<Arc<str>>) {
    let identity = settings.access.identify(address, shown(stream));
    let Stream::Server(stream) = stream else { return (identity, None) };
    let session = stream.get_ref().1;
    let version = session.protocol_version().map_or("TLS", |v| v.as_str().unwrap_or("TLS"));
    let suite = session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())).unwrap_or_default();
    (identity, Some(format!("{version} {suite}").into()))
}

/// The `with` word of the Received line (RFC 3848, RFC 6531 4.3).
fn protocol(extended: bool, utf8: bool, encrypted: bool, authenticated: bool) -> &'static str {
    match (extended, utf8, encrypted, authenticated) {
        (false, ..) => "SMTP",
        (true, false, false, false) => "ESMTP",
        (true, false, true, false) => "ESMTPS",
        (true, false, false, true) => "ESMTPA",
        (true, false, true, true) => "ESMTPSA",
        (true, true, false, false) => "UTF8SMTP",
        (true, true, true, false) => "UTF8SMTPS",
        (true, true, false, true) => "UTF8SMTPA",
        (true, true, true, true) => "UTF8SMTPSA",
    }
}

/// Commands that an honest client may send after a refused DATA.
fn follows_refused_data(command: &Command) -> bool {
    !matches!(command, Command::Unknown | Command::NotSmtp | Command::NotOffered)
}
