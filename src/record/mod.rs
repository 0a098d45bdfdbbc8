//! The journal: one line a mail, without content.
//!
//! Kinds, counts, classes, policy lines and codes; never a found value, a name, a subject or a recipient's address. A
//! Message-ID is written when it holds no finding, so that IT can trace a mail. Written by a thread of its own, so that
//! no session waits for a disk; nothing here can refuse a mail.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use jiff::Zoned;
use serde::Serialize;

use crate::decide::{CONFIDENTIAL, Verdict};
use crate::detect::Finding;
use crate::extract::Receipt;
use crate::message::{Headers, Mail};
use crate::problem::Problem;
use crate::school::School;
use crate::smtp::{Client, Reply};

/// One line of the journal.
#[derive(Debug, Serialize)]
pub struct Entry {
    time: String,
    id: String,
    school: Option<String>,
    client: String,
    sender_domain: Option<String>,
    message_id: Option<String>,
    size: usize,
    recipients: usize,
    /// The class of the content; none when the mail was refused before it was judged.
    content: Option<&'static str>,
    /// Findings that count, by kind.
    kinds: BTreeMap<&'static str, usize>,
    /// Reasons for which something is unread. Passed on or not, it was not read, and this says so.
    unread: Vec<&'static str>,
    /// The receipt: how many parts were read as what, or were not, and why.
    parts: Vec<PartCount>,
    /// Decisions: how many recipients of a class went which way, by which line.
    routes: Vec<RouteCount>,
    /// The reply's code: what became of it in the end.
    code: u16,
}

/// Parts that fared the same. A format is a word of ours and never one of the mail.
#[derive(Debug, Serialize)]
struct PartCount {
    format: String,
    read: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    why: BTreeSet<&'static str>,
    parts: usize,
}

#[derive(Debug, Serialize)]
struct RouteCount {
    class: String,
    line: String,
    asked: &'static str,
    route: &'static str,
    /// Whether the sender is to be advised; the digest that does so comes with the desk.
    advise: bool,
    recipients: usize,
}

impl Entry {
    /// What is known when the content is there.
    pub fn new(id: &str, client: &Client, mail: &Mail) -> Self {
        Self {
            time: String::new(),
            id: id.to_string(),
            school: client.source.school.clone(),
            client: client.source.client.clone(),
            sender_domain: mail.envelope.sender.as_ref().map(|sender| sender.domain().to_string()),
            message_id: None,
            size: mail.raw.len(),
            recipients: mail.envelope.recipients.len(),
            content: None,
            kinds: BTreeMap::new(),
            unread: Vec::new(),
            parts: Vec::new(),
            routes: Vec::new(),
            code: 0,
        }
    }

    /// What was decided, and on what.
    pub fn judged(&mut self, school: &School, headers: &Headers, findings: &[Finding], verdict: &Verdict) {
        self.school = Some(school.id.clone());
        self.message_id = headers.message_id.clone().filter(|id| !holds_a_finding(id, findings));
        // Of a mail to a confidential adviser the journal knows that it went, and no more.
        if verdict.decisions.iter().all(|decision| &*decision.class != CONFIDENTIAL) {
            self.content = Some(verdict.content.word());
            self.kinds = verdict.kinds.iter().map(|(kind, count)| (kind.word(), *count)).collect();
            self.unread = verdict.unread.iter().map(|why| why.word()).collect();
        }
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for d in &verdict.decisions {
            *counts.entry((&d.class, &d.line, d.asked, d.route, d.advise)).or_default() += 1;
        }
        self.routes = counts
            .into_iter()
            .map(|((class, line, asked, route, advise), recipients)| RouteCount {
                class: class.to_string(),
                line: line.to_string(),
                asked: asked.word(),
                route: route.word(),
                advise,
                recipients,
            })
            .collect();
    }

    /// What was looked at, and what came of it.
    pub fn looked_at(&mut self, receipts: &[Receipt]) {
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for receipt in receipts {
            let why: BTreeSet<&str> = receipt.unread.iter().map(|why| why.word()).collect();
            *counts.entry((receipt.format.as_str(), receipt.read, why)).or_default() += 1;
        }
        let count = |((format, read, why), parts): ((&str, _, _), _)| PartCount {
            format: format.to_string(),
            read,
            why,
            parts,
        };
        self.parts = counts.into_iter().map(count).collect();
    }

    /// The line is complete.
    #[must_use]
    pub fn done(mut self, reply: &Reply, arrived: &Zoned) -> Self {
        self.time = arrived.timestamp().to_string();
        self.code = reply.code();
        self
    }
}

/// Whether a Message-ID holds something that was found; then nobody needs it in a log.
fn holds_a_finding(id: &str, findings: &[Finding]) -> bool {
    let bare =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let id = bare(id);
    findings.iter().map(|finding| bare(finding.found.expose())).any(|found| found.len() > 2 && id.contains(&found))
}

/// Where the lines go.
#[derive(Debug)]
pub struct Record {
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
}

/// What the writing thread is told.
#[derive(Debug)]
enum Order {
    Write(Box<Entry>),
    /// Another program has moved the file away (logrotate).
    Reopen,
}

/// Lines that may wait for the disk; beyond that they go to the log instead, so that no mail waits.
const WAITING: usize = 10_000;

impl Record {
    /// A record in a file, appended to, or in the log.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = path else { return Ok(Self { orders: None, writer: None }) };
        let unwritable = |error| {
            Problem::new(
                path,
                format!("the journal cannot be written: {error}"),
                "give `log.journal` a path that mailpoort may write",
            )
        };
        let file = append_to(path).map_err(unwritable)?;
        let (orders, waiting) = sync_channel(WAITING);
        let path = path.to_path_buf();
        let writer = std::thread::Builder::new().name("journal".into());
        let thread = writer.spawn({
            let path = path.clone();
            move || write_all(file, &path, &waiting)
        });
        let thread = thread.map_err(|error| {
            Problem::new(&path, format!("no thread for the journal: {error}"), "raise the limit on threads")
        })?;
        Ok(Self { orders: Some(orders), writer: Some(thread) })
    }

    /// Writes one line, without waiting.
    pub fn line(&self, entry: Entry) {
        let Some(orders) = &self.orders else { return log(&entry) };
        let sent = orders.try_send(Order::Write(Box::new(entry)));
        if let Err(TrySendError::Full(Order::Write(entry)) | TrySendError::Disconnected(Order::Write(entry))) = sent {
            log(&entry);
        }
    }

    /// Opens the file anew, for a log rotation that has moved it.
    pub fn reopen(&self) {
        if let Some(orders) = &self.orders {
            // A full channel is served by the old file for a while; the next reload tries again.
            let _ = orders.try_send(Order::Reopen);
        }
    }
}

impl Drop for Record {
    /// Waits until every line is on the disk.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn append_to(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn write_all(mut file: File, path: &Path, waiting: &Receiver<Order>) {
    while let Ok(order) = waiting.recv() {
        let entry = match order {
            Order::Write(entry) => entry,
            Order::Reopen => {
                match append_to(path) {
                    Ok(again) => file = again,
                    Err(error) => {
                        tracing::error!(%error, "the journal could not be opened anew; the old file is written on")
                    }
                }
                continue;
            }
        };
        let written = serde_json::to_vec(&entry).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            file.write_all(&line)
        });
        if let Err(error) = written {
            tracing::error!(%error, "the journal could not be written; the line follows here");
            log(&entry);
        }
    }
}

fn log(entry: &Entry) {
    if !tracing::enabled!(target: "mailpoort::journal", tracing::Level::INFO) {
        return;
    }
    let line = serde_json::to_string(entry).unwrap_or_default();
    tracing::info!(target: "mailpoort::journal", "{line}");
}
