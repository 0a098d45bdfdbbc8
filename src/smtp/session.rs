//! One session with a client: state, and one function a verb (RFC 5321, 2920 PIPELINING, 3207 STARTTLS, 4954 AUTH).
//!
//! Answers pipelined commands in one write. Never carries out what stands behind a refused DATA, never keeps
//! state over STARTTLS, never reads on without a deadline. Trouble with a message is a reply and the session goes
//! on; 421 and a hang-up are for drain, abuse and silence only.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::message::Recipient;
use crate::secret::Secret;
use crate::smtp::access::Identity;
use crate::smtp::command::{Command, MailCommand, RcptCommand};
use crate::smtp::data::{DataReader, Fault, Progress};
use crate::smtp::handler::{Client, Content, Handler, Transaction};
use crate::smtp::listener::Server;
use crate::smtp::reply::Reply;
use crate::smtp::settings::{
    MAX_BATCH, MAX_COMMAND, MAX_ERRORS, MAX_FAILED_SIGN_INS, MAX_IDLE_COMMANDS, MAX_JUNK, Settings,
};
use crate::smtp::stream::{Stream, Wire};
use crate::tls;

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

/// A command line.
enum Line {
    /// Without its CRLF.
    Whole(Vec<u8>),
    /// Over [`MAX_COMMAND`]; it is gone, and nothing behind it is.
    TooLong,
}

impl Line {
    fn parse(&self) -> Result<Command, Reply> {
        match self {
            Self::Whole(line) => Command::parse(line),
            Self::TooLong => Err(Reply::line_too_long()),
        }
    }
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
        if self.idle_commands > MAX_IDLE_COMMANDS {
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
        let size = match offered.size {
            0 => self.settings.limits.max_message_size,
            next_hop => next_hop.min(self.settings.limits.max_message_size),
        };
        let mut lines = vec![
            self.settings.hostname.clone(),
            "PIPELINING".into(),
            "ENHANCEDSTATUSCODES".into(),
            format!("SIZE {size}"),
        ];
        lines.extend(offered.eight_bit_mime.then(|| "8BITMIME".into()));
        lines.extend(offered.smtputf8.then(|| "SMTPUTF8".into()));
        lines.extend(offered.dsn.then(|| "DSN".into()));
        lines.extend((self.tls.is_none() && self.settings.tls.is_some()).then(|| "STARTTLS".into()));
        lines.extend(self.offers_auth().then(|| "AUTH PLAIN LOGIN".into()));
        Reply::plain(250, lines).write_to(&mut self.out);
    }

    async fn helo(&mut self, name: String) {
        self.begin(name, false).await;
        Reply::plain(250, [self.settings.hostname.clone()]).write_to(&mut self.out);
    }

    /// Both greetings forget the transaction (RFC 5321 4.1.4), and see a reloaded configuration.
    async fn begin(&mut self, name: String, extended: bool) {
        self.idle_commands += 1;
        self.abandon().await;
        self.settings = self.server.settings();
        if !matches!(self.identity, Identity::User(_)) {
            (self.identity, _) = facts(&self.settings, self.address, self.wire.stream());
        }
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
        let limit = self.settings.limits.max_message_size;
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
            protocol: protocol(
                hello.extended,
                mail.smtputf8,
                self.tls.is_some(),
                matches!(self.identity, Identity::User(_)),
            ),
            tls: self.tls.clone(),
            source: self.identity.source(),
            shared_network: self.identity.is_shared_network(),
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
            batch.iter().for_each(|_| self.refuse(Reply::bad_sequence("Say MAIL first")));
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
        let Some(open) = self.transaction.take_if(|open| open.accepted > 0) else {
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
        let read = self.content(open.declared_size).await;
        let reply = match read {
            Ok(Ok(content)) => {
                self.idle_commands = 0;
                let reply = open.transaction.judge_and_send(content).await;
                if reply.is_ok() {
                    self.errors = 0;
                }
                reply
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
        self.say(&reply);
        Ok(())
    }

    /// Reads the content up to its end; the inner error is the reply that refuses it.
    async fn content(&mut self, declared_size: usize) -> Result<Result<Content, Reply>, End> {
        self.flush().await?;
        let limits = &self.settings.limits;
        let (max, patience, rate) = (limits.max_message_size, limits.command_timeout, limits.min_rate.max(1));
        let mut reader = DataReader::new(max);
        let mut content = Content { raw: Vec::new(), memory: self.settings.budget.reservation() };
        if !make_room(&mut content, declared_size, max) {
            reader.discard();
        }
        let started = Instant::now();
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
            // Patience for one read, and for the whole: a sender slower than the minimum rate is let go.
            let allowed = patience + Duration::from_secs(reader.seen() as u64 / rate);
            let left = allowed.saturating_sub(started.elapsed()).min(patience);
            match timeout(left, self.wire.read_content()).await {
                Err(_) => return Err(End::HangUp(Reply::timed_out())),
                Ok(Ok(0) | Err(_)) => return Err(End::Closed),
                Ok(Ok(_)) => {}
            }
        }
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

    // -- TLS and AUTH

    async fn starttls(&mut self) -> Step {
        let Some(config) = self.settings.tls.clone() else {
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
        (self.identity, self.tls) = facts(&self.settings, self.address, &stream);
        self.wire = Wire::new(stream);
        self.hello = None;
        Ok(())
    }

    fn offers_auth(&self) -> bool {
        self.tls.is_some() && !self.settings.access.users.is_empty()
    }

    async fn auth(&mut self, mechanism: &str, initial: Option<String>) -> Step {
        let refusal = match mechanism {
            _ if self.settings.access.users.is_empty() => Some(Reply::not_offered()),
            _ if self.tls.is_none() => Some(Reply::tls_required()),
            _ if self.hello.is_none() || self.transaction.is_some() => {
                Some(Reply::bad_sequence("AUTH comes after EHLO and before MAIL"))
            }
            _ if matches!(self.identity, Identity::User(_)) => Some(Reply::bad_sequence("Signed in already")),
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
        match Box::pin(settings.access.sign_in(&name, password)).await {
            None => self.refuse(Reply::authentication_busy()),
            Some(None) => {
                self.failed_sign_ins += 1;
                self.refuse(Reply::authentication_failed());
                if self.failed_sign_ins >= MAX_FAILED_SIGN_INS {
                    return Err(End::HangUp(Reply::abuse("Too many failed sign-ins")));
                }
            }
            Some(Some(user)) => {
                self.identity = Identity::User(user);
                self.say(&Reply::authenticated());
            }
        }
        Ok(())
    }

    /// AUTH PLAIN (RFC 4616): authorisation identity, name and password, divided by NUL.
    async fn plain(&mut self, initial: Option<String>) -> Result<Option<(String, Secret<String>)>, End> {
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
    async fn login(&mut self, initial: Option<String>) -> Result<Option<(String, Secret<String>)>, End> {
        let name = match initial {
            Some(name) => Some(name),
            None => self.challenge("VXNlcm5hbWU6").await?,
        };
        let Some(name) = name.and_then(decode) else { return Ok(None) };
        let password = self.challenge("UGFzc3dvcmQ6").await?;
        Ok(password.and_then(decode).map(|password| (name.expose().clone(), password)))
    }

    async fn challenge(&mut self, text: &str) -> Result<Option<String>, End> {
        Reply::plain(334, [text]).write_to(&mut self.out);
        let Line::Whole(line) = self.next_line().await? else { return Ok(None) };
        Ok(String::from_utf8(line).ok().filter(|line| line != "*"))
    }

    // -- lines and replies

    fn say(&mut self, reply: &Reply) {
        reply.write_to(&mut self.out);
    }

    fn idle(&mut self, reply: Reply) {
        self.idle_commands += 1;
        self.say(&reply);
    }

    /// Says a refusal of our own and counts it.
    fn refuse(&mut self, reply: Reply) {
        // Full or busy is not the client's fault.
        self.errors += usize::from(reply.is_permanent());
        self.say(&reply);
    }

    async fn flush(&mut self) -> Step {
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
    async fn next_line(&mut self) -> Result<Line, End> {
        if let Some(line) = self.pending_line()? {
            return Ok(line);
        }
        self.flush().await?;
        let deadline = Instant::now() + self.settings.limits.command_timeout;
        let mut junk = 0;
        loop {
            let read = if self.transaction.is_none() && self.wire.pending().is_empty() && junk == 0 {
                tokio::select! {
                    biased;
                    _ = self.drain.wait_for(|drain| *drain) => return Err(End::HangUp(Reply::draining())),
                    read = tokio::time::timeout_at(deadline, self.wire.read_more()) => read,
                }
            } else {
                tokio::time::timeout_at(deadline, self.wire.read_more()).await
            };
            match read {
                Err(_) => return Err(End::HangUp(Reply::timed_out())),
                Ok(Ok(0) | Err(_)) => return Err(End::Closed),
                Ok(Ok(_)) => {}
            }
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
    fn pipelined_rcpt(&mut self) -> Option<Line> {
        let next = self.wire.pending().get(..5)?;
        if !next.eq_ignore_ascii_case(b"RCPT ") {
            return None;
        }
        self.pending_line().ok().flatten()
    }
}

/// The TLS handshake with a client, within `patience`.
pub(super) async fn handshake(
    config: Arc<rustls::ServerConfig>,
    tcp: tokio::net::TcpStream,
    patience: Duration,
) -> Option<Stream> {
    let accepted = timeout(patience, tokio_rustls::TlsAcceptor::from(config).accept(tcp)).await;
    accepted.ok()?.ok().map(|stream| Stream::Server(Box::new(stream)))
}

/// Who the client is, and how the session is encrypted.
fn facts(settings: &Settings, address: IpAddr, stream: &Stream) -> (Identity, Option<Arc<str>>) {
    let Stream::Server(stream) = stream else { return (settings.access.identify(address, None), None) };
    let session = stream.get_ref().1;
    let certificate = session.peer_certificates().and_then(|chain| chain.first()).map(tls::fingerprint);
    let version = session.protocol_version().map_or("TLS", |v| v.as_str().unwrap_or("TLS"));
    let suite = session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())).unwrap_or_default();
    (settings.access.identify(address, certificate.as_deref()), Some(format!("{version} {suite}").into()))
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

fn refusal(fault: Fault, max: usize) -> Reply {
    match fault {
        Fault::TooLarge => Reply::too_large(max),
        Fault::BareCr => Reply::bad_line_ends("a bare CR (carriage return)"),
        Fault::BareLf => Reply::bad_line_ends("a bare LF (line feed)"),
        Fault::Nul => Reply::bad_line_ends("a NUL octet"),
        Fault::Discarded => Reply::no_memory(),
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

fn decode(text: String) -> Option<Secret<String>> {
    let decoded = BASE64.decode(text.trim()).ok()?;
    String::from_utf8(decoded).ok().map(Secret::new)
}
