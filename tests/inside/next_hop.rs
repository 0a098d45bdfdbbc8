//! A next hop that does as it is told, and remembers what it got.
//!
//! Rules are text, so that dialogs can hold them: `on RCPT TO:<a@b> say 550 5.1.1 no`, `on . drop`,
//! `once on DATA bye 421 4.4.2 too slow`, `on RCPT stall upload`. Events are `connect`, each command line by its
//! beginning, `content` for the first line of a message (only to hang up there) and `.` for the end of data. `lacks 8BITMIME` takes an extension out of the offer, `offers X` puts one in,
//! `size 1000` sets SIZE.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::soon;

/// The next hop.
pub struct NextHop {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    script: Mutex<Script>,
    seen: watch::Sender<Seen>,
    released: watch::Sender<BTreeSet<String>>,
    /// Counts up when every connection is to be hung up; with what is said before that.
    hang_up: watch::Sender<(usize, String)>,
}

#[derive(Default)]
struct Script {
    rules: Vec<Rule>,
    lacks: Vec<String>,
    offers: Vec<String>,
    size: usize,
    tls: Option<Arc<ServerConfig>>,
}

struct Rule {
    on: String,
    act: Act,
    once: bool,
}

#[derive(Clone)]
enum Act {
    Say(String),
    Bye(String),
    Drop,
    Stall(String),
}

/// What it saw.
#[derive(Default, Clone)]
pub struct Seen {
    /// Every command line, of all connections, in the order it came.
    pub commands: Vec<String>,
    /// Every message whose end of data came.
    pub mails: Vec<Got>,
    /// Connections that are open.
    pub open: usize,
    /// Connections ever.
    pub connections: usize,
    /// Most connections that were open together.
    pub most: usize,
}

/// A message.
#[derive(Clone)]
pub struct Got {
    pub from: String,
    pub to: Vec<String>,
    /// As it came, dots unstuffed.
    pub raw: Vec<u8>,
    /// Whether it was answered with 250.
    pub taken: bool,
}

impl Seen {
    /// The messages that were taken.
    pub fn taken(&self) -> Vec<&Got> {
        self.mails.iter().filter(|mail| mail.taken).collect()
    }

    /// How many command lines begin so.
    pub fn count(&self, beginning: &str) -> usize {
        self.commands.iter().filter(|line| line.starts_with(beginning)).count()
    }
}

impl Got {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }
}

impl NextHop {
    /// A next hop that takes everything.
    pub async fn start() -> Self {
        Self::listen("127.0.0.1:0", None).await
    }

    /// One that offers STARTTLS with this certificate.
    pub async fn with_tls(tls: Arc<ServerConfig>) -> Self {
        Self::listen("127.0.0.1:0", Some(tls)).await
    }

    /// One at this address, as the server of another domain.
    pub async fn listen(at: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Script { size: 10_240_000, tls, ..Script::default() }),
            seen: watch::Sender::default(),
            released: watch::Sender::default(),
            hang_up: watch::Sender::default(),
        });
        let serving = Arc::clone(&shared);
        let listening = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    let link = Link::new(tcp, &shared);
                    shared.seen.send_modify(|seen| {
                        seen.open += 1;
                        seen.connections += 1;
                        seen.most = seen.most.max(seen.open);
                    });
                    talk(link, &shared).await;
                    shared.seen.send_modify(|seen| seen.open -= 1);
                });
            }
        });
        Self { address, shared, listening }
    }

    /// Adds a rule; the newest that fits an event counts.
    pub fn rule(&self, text: &str) {
        let mut script = self.shared.script();
        if let Some(extension) = text.strip_prefix("lacks ") {
            return script.lacks.push(extension.to_string());
        }
        if let Some(extension) = text.strip_prefix("offers ") {
            return script.offers.push(extension.to_string());
        }
        if let Some(size) = text.strip_prefix("size ") {
            script.size = size.parse().unwrap();
            return;
        }
        script.rules.insert(0, Rule::parse(text).unwrap_or_else(|| panic!("no rule for a next hop: {text}")));
    }

    /// Lets what stalls under this name go on.
    pub fn release(&self, name: &str) {
        self.shared.released.send_modify(|released| {
            released.insert(name.to_string());
        });
    }

    /// Hangs up every connection, after saying this; returns when all are gone.
    pub async fn hang_up(&self, saying: &str) {
        self.shared.hang_up.send_modify(|(times, said)| {
            *times += 1;
            *said = saying.to_string();
        });
        self.until("no connection to the next hop", |seen| seen.open == 0).await;
    }

    /// Stops listening, so that another may listen there.
    pub async fn gone(self) {
        self.listening.abort();
        let _ = self.listening.await;
    }

    /// What it has seen by now.
    pub fn seen(&self) -> Seen {
        self.shared.seen.borrow().clone()
    }

    /// Waits for something to have been seen.
    pub async fn until(&self, what: &str, condition: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.shared.seen.subscribe();
        soon(what, seen.wait_for(condition)).await.unwrap().clone()
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn act(&self, event: &str) -> Option<Act> {
        let mut script = self.script();
        let at = script.rules.iter().position(|rule| event.to_lowercase().starts_with(&rule.on))?;
        let act = script.rules[at].act.clone();
        if script.rules[at].once {
            script.rules.remove(at);
        }
        Some(act)
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Self> {
        let (once, text) = text.strip_prefix("once ").map_or((false, text), |text| (true, text));
        let text = text.strip_prefix("on ")?;
        let (at, verb) =
            [" say ", " bye ", " drop", " stall "].iter().find_map(|verb| Some((text.find(verb)?, *verb)))?;
        let argument = text[at + verb.len()..].replace("\\r", "\r").replace("\\n", "\n");
        let act = match verb.trim() {
            "say" => Act::Say(argument),
            "bye" => Act::Bye(argument),
            "stall" => Act::Stall(argument),
            _ => Act::Drop,
        };
        Some(Self { on: text[..at].to_lowercase(), act, once })
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

struct Link {
    stream: Option<Box<dyn Duplex>>,
    buffer: Vec<u8>,
    hang_up: watch::Receiver<(usize, String)>,
}

impl Link {
    fn new(tcp: TcpStream, shared: &Shared) -> Self {
        Self { stream: Some(Box::new(tcp)), buffer: Vec::new(), hang_up: shared.hang_up.subscribe() }
    }

    /// The next line without CRLF; none when the connection is over.
    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer[..end].to_vec();
                self.buffer.drain(..end + 2);
                return Some(line);
            }
            let stream = self.stream.as_mut()?;
            tokio::select! {
                biased;
                _ = self.hang_up.changed() => {
                    let said = self.hang_up.borrow().1.clone();
                    if !said.is_empty() {
                        let _ = stream.write_all(format!("{said}\r\n").as_bytes()).await;
                    }
                    return None;
                }
                read = stream.read_buf(&mut self.buffer) => if !matches!(read, Ok(1..)) { return None },
            }
        }
    }

    async fn say(&mut self, reply: &str) -> Option<()> {
        let stream = self.stream.as_mut()?;
        stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
        stream.flush().await.ok()
    }
}

/// One connection, until it is over.
async fn talk(mut link: Link, shared: &Shared) -> Option<()> {
    let (mut from, mut to) = (String::new(), Vec::new());
    let mut encrypted = false;
    answer(&mut link, shared, "connect", "220 provider.example ESMTP").await?;
    loop {
        let line = String::from_utf8_lossy(&link.line().await?).into_owned();
        shared.seen.send_modify(|seen| seen.commands.push(line.clone()));
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let said = match verb.as_str() {
            "EHLO" => offer(shared, encrypted),
            "STARTTLS" => "220 go ahead".to_string(),
            "DATA" => "354 go ahead".to_string(),
            "QUIT" => "221 2.0.0 bye".to_string(),
            _ => "250 2.0.0 ok".to_string(),
        };
        let code = answer(&mut link, shared, &line, &said).await?;
        match verb.as_str() {
            "MAIL" if code == 2 => (from, to) = (path(&line), Vec::new()),
            "RCPT" if code == 2 => to.push(path(&line)),
            "DATA" if code == 3 => content(&mut link, shared, &from, &to).await?,
            "STARTTLS" if code == 2 => {
                let tls = shared.script().tls.clone()?;
                let stream = link.stream.take()?;
                link.stream = Some(Box::new(tokio_rustls::TlsAcceptor::from(tls).accept(stream).await.ok()?));
                encrypted = true;
            }
            "QUIT" => return None,
            _ => {}
        }
    }
}

fn offer(shared: &Shared, encrypted: bool) -> String {
    let script = shared.script();
    let size = format!("SIZE {}", script.size);
    let offered = ["PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "DSN", size.as_str()];
    let mut lines = vec!["provider.example"];
    lines.extend(offered.iter().filter(|word| !script.lacks.iter().any(|lacks| word.starts_with(lacks.as_str()))));
    if script.tls.is_some() && !encrypted {
        lines.push("STARTTLS");
    }
    lines.extend(script.offers.iter().map(String::as_str));
    let last = lines.pop().unwrap_or_default();
    lines.iter().map(|line| format!("250-{line}\r\n")).collect::<String>() + "250 " + last
}

async fn content(link: &mut Link, shared: &Shared, from: &str, to: &[String]) -> Option<()> {
    let mut raw = Vec::new();
    let mut refused = None;
    loop {
        let line = link.line().await?;
        if raw.is_empty() && refused.is_none() {
            refused = shared.act("content");
            if refused.is_some() {
                carry_out(link, shared, refused.clone(), "").await?;
            }
        }
        match line.as_slice() {
            b"." => break,
            line => raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(line)),
        }
        raw.extend_from_slice(b"\r\n");
    }
    let mail = Got { from: from.to_string(), to: to.to_vec(), raw, taken: false };
    let mut at = 0;
    shared.seen.send_modify(|seen| {
        at = seen.mails.len();
        seen.mails.push(mail);
    });
    // Taken before it is told, as by every server: what the client then hears is another matter (RFC 1047).
    let act = shared.act(".");
    if act
        .as_ref()
        .is_none_or(|act| matches!(act, Act::Stall(_)) || matches!(act, Act::Say(said) if said.starts_with('2')))
    {
        shared.seen.send_modify(|seen| seen.mails[at].taken = true);
    }
    carry_out(link, shared, act, &format!("250 2.0.0 queued as Q{at}")).await.map(|_| ())
}

/// Answers an event; the first digit of the answer, or none when the connection is over.
async fn answer(link: &mut Link, shared: &Shared, event: &str, otherwise: &str) -> Option<u8> {
    let act = shared.act(event);
    carry_out(link, shared, act, otherwise).await
}

async fn carry_out(link: &mut Link, shared: &Shared, act: Option<Act>, otherwise: &str) -> Option<u8> {
    let reply = match act {
        None => otherwise.to_string(),
        Some(Act::Say(reply)) => reply,
        Some(Act::Bye(reply)) => {
            link.say(&reply).await?;
            return None;
        }
        Some(Act::Drop) => return None,
        Some(Act::Stall(name)) => {
            shared.released.subscribe().wait_for(|released| released.contains(&name)).await.ok()?;
            otherwise.to_string()
        }
    };
    link.say(&reply).await?;
    reply.bytes().next().map(|digit| digit.wrapping_sub(b'0'))
}

fn path(line: &str) -> String {
    let start = line.find('<').map_or(0, |at| at + 1);
    let end = line.rfind('>').unwrap_or(line.len());
    line.get(start..end).unwrap_or_default().to_string()
}
