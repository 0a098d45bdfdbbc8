//! A power cut, and a kill, at every point: what was answered with 250 is there afterwards.
//!
//! strace writes down what the gate asks of its data folder, octet by octet. From that a disk is built as it may be after
//! a power cut at any moment: of each file only what was synced, of each folder only the names that were, and the
//! rest as chance has it. A kill is the same with everything written so far. Each such disk is opened as a start would.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mailpoort::outbox::{Outbox, Retry};
use mailpoort::store;
use mailpoort::store::held::State;
use mailpoort::store::owed::Kind;
use support::client::Client;
use support::gate::{BINARY, Gate};
use support::sink::Sink;
use support::{address, until};

const JUF: &str = "juf.anneke@delinde.example";
const COLLEAGUE: &str = "bert@delinde.example";
const PARENT: &str = "ouder@thuis.example";
const MAILS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn what_was_answered_is_there() {
    support::needs("strace");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (gate_at, sink_at) = (format!("{}:2525", address(111)), format!("{}:2525", address(112)));
    let sink = Sink::listen(&sink_at);
    let trace = folder.path().join("trace");
    let gate = Gate::start_as(folder.path(), &config(&data, &gate_at, &sink_at), strace(&trace));
    let mut client = Client::connect(&address(110), &gate_at);
    let mut told = BTreeMap::new();
    sink.refuse_content(true);
    for n in 0..MAILS {
        // From here on some are delivered and written off, while others are taken.
        sink.refuse_content(n < MAILS / 2);
        // Of many mails of one sender some would be told together, ten minutes later.
        let reply = client.send(&format!("{n}.{JUF}"), &[COLLEAGUE, PARENT], &mail(n));
        let number = reply.strip_prefix("250 2.7.1 Taken").and_then(|rest| rest.rsplit_once("(id ")).unwrap().1;
        told.insert(number.trim_end_matches(')').to_owned(), n);
    }
    until(|| "every mail", PATIENCE, || (sink.kept().len() >= 2 * MAILS).then_some(()));
    drop(client);
    gate.stop();
    let log = Log::read(&std::fs::read(&trace).unwrap(), &data, &told);
    assert_eq!(log.answers.len(), MAILS);
    assert!(log.events.len() > 20 * MAILS, "{} events", log.events.len());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let last = *log.answers.values().max().unwrap();
    // The test itself: of a gate that does not sync its tables, a power cut takes something.
    let careless = log.without_syncs_of("mailpoort.db-wal");
    careless.disk(last, Loss::All, &folder.path().join("careless"));
    let lost = runtime.block_on(missing(&folder.path().join("careless"), &careless, last));
    assert!(!lost.is_empty(), "a disk that was never synced had everything");
    let mut tried = 0;
    for (at, loss) in moments(&log) {
        // Each of its own: what one has left open would meet the next.
        let copy = folder.path().join(format!("copy-{tried}"));
        log.disk(at, loss, &copy);
        let lost = runtime.block_on(missing(&copy, &log, at));
        assert!(lost.is_empty(), "{loss:?} behind line {at} of the trace: {lost:?}\n{}", log.before(at));
        std::fs::remove_dir_all(&copy).unwrap();
        tried += 1;
    }
    assert!(tried > 80, "{tried} moments");
    // And a real gate on what the last power cut left: everything arrives.
    let copy = folder.path().join("copy");
    log.disk(last, Loss::All, &copy);
    let before = sink.kept().len();
    let gate = Gate::start(folder.path(), &config(&copy, &gate_at, &sink_at));
    let wanted = runtime.block_on(owed(&folder.path().join("copy"))).unwrap_or(before);
    until(|| "what is owed", PATIENCE, || (sink.kept().len() >= wanted).then_some(()));
    gate.stop();
}

/// What a power cut takes of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Nothing: the process was killed, and the disk is as it wrote it.
    Nothing,
    /// All of it.
    All,
    /// All content; names are there.
    Content,
    /// Every second write; names are there.
    Half,
}

/// Every answer, and some of the moments between, in all ways; moments of kills, so that in the end every kind of call
/// is the last one of one of them.
fn moments(log: &Log) -> Vec<(usize, Loss)> {
    let mut moments = Vec::new();
    for at in log.answers.values() {
        moments.extend([Loss::All, Loss::Content, Loss::Half].map(|loss| (*at, loss)));
    }
    for (turn, at) in log.syncs().enumerate() {
        moments.push((at, [Loss::All, Loss::Content, Loss::Half][turn % 3]));
    }
    let others = log.events.iter().filter(|event| !matches!(event.what, What::Write(..) | What::Sync(_)));
    let writes = log.events.iter().filter(|event| matches!(event.what, What::Write(..))).step_by(37);
    moments.extend(others.chain(writes).map(|event| (event.ends, Loss::Nothing)));
    moments
}

/// What should be in the folder at this moment and is not.
async fn missing(folder: &Path, log: &Log, at: usize) -> Vec<String> {
    let outbox = match Outbox::open(folder, Retry::default()) {
        Ok(outbox) => outbox,
        Err(problem) => return vec![problem.to_string()],
    };
    outbox.recover().await.unwrap();
    let later = store::now() + 60_000;
    let claimed = outbox.store().claim(later, 1_000, i64::MAX / 2, 1_000).await.unwrap();
    let mut there = BTreeSet::new();
    let mut missing = Vec::new();
    for one in &claimed {
        match outbox.vault().open_item(&one.item, one.sealed.clone()).await {
            Ok(raw) if !one.kind.is_mail() || holds(&raw, &canary(log.told[one.held.as_ref().unwrap()])) => {
                there.insert((one.held.clone().unwrap(), one.kind.word()));
            }
            Ok(_) => missing.push(format!("owed mail {} is another", one.id)),
            Err(error) => missing.push(format!("owed mail {}: {error}", one.id)),
        }
    }
    for (number, n) in log.told.iter().filter(|(_, n)| log.answers[n] <= at) {
        let Some(held) = outbox.store().held(number).await.unwrap() else {
            missing.push(format!("mail {n}"));
            continue;
        };
        let item = held.item.unwrap();
        let sealed = outbox.store().item(&item).await.unwrap().unwrap();
        match outbox.vault().open_item(&item, sealed).await {
            Ok(raw) if holds(&raw, &canary(*n)) => {}
            other => missing.push(format!("content of mail {n}: {:?}", other.err())),
        }
        for kind in [Kind::Rest, Kind::Notice] {
            let sent = log.sent.get(&(*n, kind.word())).is_some_and(|sent| *sent <= at);
            if !sent && !there.contains(&(number.clone(), kind.word())) {
                missing.push(format!("{} of mail {n}", kind.word()));
            }
        }
        if ![State::Owed, State::Sent].contains(&held.recipients[0].state) || held.recipients[1].state != State::Held {
            missing.push(format!("states of mail {n}"));
        }
    }
    missing
}

async fn owed(folder: &Path) -> Option<usize> {
    Some(Outbox::beside(folder).ok()?.store().owed(1_000).await.ok()?.len())
}

/// What the gate did, in the order of the lines of its trace.
#[derive(Clone)]
struct Log {
    events: Vec<Event>,
    /// The mails by their numbers.
    told: BTreeMap<String, usize>,
    /// The line in which our 250 for a mail begins.
    answers: BTreeMap<usize, usize>,
    /// The line in which a mail's content, or its notice, begins to go to the next hop.
    sent: BTreeMap<(usize, &'static str), usize>,
}

#[derive(Clone)]
struct Event {
    begins: usize,
    ends: usize,
    what: What,
}

#[derive(Clone)]
enum What {
    /// A file was made, emptied when it was there and that was asked.
    Open(PathBuf, bool),
    Write(PathBuf, usize, Vec<u8>),
    Truncate(PathBuf, usize),
    Folder(PathBuf),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Remove(PathBuf),
    Sync(PathBuf),
}

impl Log {
    fn read(trace: &[u8], data: &Path, told: &BTreeMap<String, usize>) -> Self {
        let mut log = Self { events: Vec::new(), told: told.clone(), answers: BTreeMap::new(), sent: BTreeMap::new() };
        let mut begun: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        let mut ends = BTreeMap::new();
        let text = std::str::from_utf8(trace).unwrap();
        for (line, call) in text.lines().enumerate() {
            let (thread, call) = call.split_once(' ').unwrap();
            let call = call.trim_start();
            if let Some(start) = call.strip_suffix(" <unfinished ...>") {
                log.says(line, start);
                begun.insert(thread, (line, start));
            } else if call.starts_with("<... ") {
                let Some((begins, start)) = begun.remove(thread) else { continue };
                let rest = call.split_once(" resumed>").unwrap().1;
                log.does((begins, line), &format!("{start}{rest}"), data, &mut ends);
            } else {
                log.says(line, call);
                log.does((line, line), call, data, &mut ends);
            }
        }
        log
    }

    /// A call that others can hear.
    fn says(&mut self, line: usize, call: &str) {
        let Some(arguments) = call.strip_prefix("sendto(") else { return };
        let said = octets(arguments.split('"').nth(1).unwrap_or_default());
        let said = String::from_utf8_lossy(&said);
        if let Some((_, number)) = said.strip_prefix("250 2.7.1 Taken").and_then(|rest| rest.rsplit_once("(id ")) {
            self.answers.insert(self.told[number.trim_end().trim_end_matches(')')], line);
        }
        let kind = if said.contains("Auto-Submitted: ") { Kind::Notice.word() } else { Kind::Rest.word() };
        if let Some(n) = (0..MAILS).find(|n| said.contains(&canary(*n))) {
            self.sent.entry((n, kind)).or_insert(line);
        }
    }

    /// A call that changes something in the data folder. `ends` is where the next `write` of a file goes.
    fn does(&mut self, (begins, ended): (usize, usize), call: &str, data: &Path, ends: &mut BTreeMap<PathBuf, usize>) {
        let Some((call, result)) = call.rsplit_once(" = ").filter(|(_, result)| !result.starts_with('-')) else {
            return;
        };
        let Some((name, arguments)) = call.trim_end().trim_end_matches(')').split_once('(') else { return };
        let arguments: Vec<&str> = arguments.split(", ").collect();
        let within = |path: PathBuf| path.strip_prefix(data).ok().map(Path::to_path_buf);
        // The path behind a number, or in a text.
        let path = |argument: &str| {
            let named = argument.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| path);
            let quoted = argument.split('"').nth(1);
            within(PathBuf::from(String::from_utf8(octets(quoted.or(named)?)).ok()?))
        };
        let number = |argument: &str| argument.parse::<usize>().unwrap();
        let text = |argument: &str| octets(argument.split('"').nth(1).unwrap());
        let what = match name {
            "open" | "openat" => {
                let flags = arguments[if name == "open" { 1 } else { 2 }];
                let Some(file) = path(result).filter(|_| flags.contains("O_CREAT")) else { return };
                let empties = flags.contains("O_TRUNC");
                if !flags.contains("O_APPEND") {
                    ends.insert(file.clone(), 0);
                }
                What::Open(file, empties)
            }
            "write" => {
                let Some(file) = path(arguments[0]) else { return };
                let (octets, at) = (text(arguments[1]), ends.entry(file.clone()).or_default());
                let from = *at;
                *at += octets.len();
                What::Write(file, from, octets)
            }
            "pwrite64" => {
                let Some(file) = path(arguments[0]) else { return };
                What::Write(file, number(arguments[3]), text(arguments[1]))
            }
            "ftruncate" => {
                let Some(file) = path(arguments[0]) else { return };
                What::Truncate(file, number(arguments[1]))
            }
            "mkdir" | "mkdirat" | "unlink" | "unlinkat" => {
                let which = arguments[usize::from(name.ends_with("at"))];
                let Some(path) = path(which) else { return };
                if name.starts_with("mkdir") { What::Folder(path) } else { What::Remove(path) }
            }
            "rename" | "link" | "renameat" | "linkat" | "renameat2" => {
                let at = if name.contains("at") { [1, 3] } else { [0, 1] };
                let [Some(from), Some(to)] = at.map(|at| path(arguments[at])) else { return };
                if name.starts_with("rename") { What::Rename(from, to) } else { What::Link(from, to) }
            }
            "fsync" | "fdatasync" => {
                let Some(path) = path(arguments[0]) else { return };
                What::Sync(path)
            }
            "sendto" | "close" => return,
            other => panic!("{other} is not known here"),
        };
        self.events.push(Event { begins, ends: ended, what });
    }

    fn without_syncs_of(&self, name: &str) -> Self {
        let is_other = |event: &&Event| !matches!(&event.what, What::Sync(path) if path.ends_with(name));
        Self { events: self.events.iter().filter(is_other).cloned().collect(), ..self.clone() }
    }

    /// The last of what was done, for people.
    fn before(&self, at: usize) -> String {
        let done = self.events.iter().filter(|event| event.ends <= at);
        let told: Vec<String> = done
            .map(|event| match &event.what {
                What::Write(path, from, octets) => format!("write {} {from}+{}", path.display(), octets.len()),
                What::Open(path, empties) => format!("open {} {empties}", path.display()),
                What::Truncate(path, length) => format!("truncate {} {length}", path.display()),
                What::Folder(path) => format!("folder {}", path.display()),
                What::Rename(from, to) | What::Link(from, to) => format!("{} -> {}", from.display(), to.display()),
                What::Remove(path) => format!("remove {}", path.display()),
                What::Sync(path) => format!("sync {}", path.display()),
            })
            .collect();
        told[told.len().saturating_sub(40)..].join("\n")
    }

    fn syncs(&self) -> impl Iterator<Item = usize> {
        self.events.iter().filter(|event| matches!(event.what, What::Sync(_))).map(|event| event.ends)
    }

    /// Builds the folder as it is behind a line of the trace.
    fn disk(&self, at: usize, loss: Loss, folder: &Path) {
        let mut disk = Disk::default();
        let done = || self.events.iter().filter(|event| event.ends <= at);
        let mut syncs: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
        for event in done() {
            if let What::Sync(path) = &event.what {
                syncs.entry(path).or_default().push(event.begins);
            }
        }
        for (turn, event) in done().enumerate() {
            let covers = |path: &Path| syncs.get(path).is_some_and(|all| all.iter().any(|begins| *begins > event.ends));
            let is_synced = |path: &Path| loss == Loss::Nothing || covers(path);
            let named = |path: &Path| loss != Loss::All || is_synced(path.parent().unwrap_or(path));
            match &event.what {
                What::Open(path, empties) => disk.open(path, *empties, named(path)),
                // A file is synced under the name it was written by, before it gets its last one.
                What::Write(path, from, octets) if is_synced(path) || loss == Loss::Half && turn % 2 == 0 => {
                    disk.write(path, *from, octets);
                }
                What::Truncate(path, length) if is_synced(path) => disk.truncate(path, *length),
                What::Folder(path) if named(path) => _ = disk.folders.insert(path.clone()),
                What::Rename(from, to) => disk.rename(from, to, named(to)),
                What::Link(from, to) => disk.link(from, to, named(to)),
                What::Remove(path) => disk.remove(path, named(path)),
                _ => {}
            }
        }
        disk.write_to(folder);
    }
}

/// Files by number, and the names that processes and the disk know them by.
#[derive(Default)]
struct Disk {
    files: Vec<Vec<u8>>,
    seen: BTreeMap<PathBuf, usize>,
    names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
}

impl Disk {
    fn open(&mut self, path: &Path, empties: bool, is_named: bool) {
        let file = match self.seen.get(path) {
            Some(file) => *file,
            None => {
                self.files.push(Vec::new());
                self.files.len() - 1
            }
        };
        if empties {
            self.files[file].clear();
        }
        self.seen.insert(path.to_path_buf(), file);
        if is_named {
            self.names.insert(path.to_path_buf(), file);
        }
    }

    fn write(&mut self, path: &Path, from: usize, octets: &[u8]) {
        let Some(file) = self.seen.get(path) else { return };
        let file = &mut self.files[*file];
        if file.len() < from + octets.len() {
            file.resize(from + octets.len(), 0);
        }
        file[from..from + octets.len()].copy_from_slice(octets);
    }

    fn truncate(&mut self, path: &Path, length: usize) {
        if let Some(file) = self.seen.get(path) {
            self.files[*file].resize(length, 0);
        }
    }

    fn rename(&mut self, from: &Path, to: &Path, is_named: bool) {
        self.link(from, to, is_named);
        self.remove(from, is_named);
    }

    fn link(&mut self, from: &Path, to: &Path, is_named: bool) {
        let Some(file) = self.seen.get(from).copied() else { return };
        self.seen.insert(to.to_path_buf(), file);
        if is_named {
            self.names.insert(to.to_path_buf(), file);
        }
    }

    fn remove(&mut self, path: &Path, is_named: bool) {
        self.seen.remove(path);
        if is_named {
            self.names.remove(path);
        }
    }

    /// The index of the log is memory that processes share: a start makes it anew.
    fn write_to(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for name in &self.folders {
            // One whose parent the disk has forgotten is forgotten, too.
            let _ = std::fs::create_dir(folder.join(name));
        }
        for (name, file) in self.names.iter().filter(|(name, _)| !name.ends_with("mailpoort.db-shm")) {
            let file_name = folder.join(name);
            if std::fs::write(&file_name, &self.files[*file]).is_ok() && name.ends_with("seal.key") {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(&file_name, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
    }
}

/// Of a text in which every octet is written as \x and two digits.
fn octets(hex: &str) -> Vec<u8> {
    hex.split("\\x").skip(1).map(|digits| u8::from_str_radix(&digits[..2], 16).unwrap()).collect()
}

fn holds(raw: &[u8], text: &str) -> bool {
    raw.windows(text.len()).any(|window| window == text.as_bytes())
}

fn canary(n: usize) -> String {
    format!("kanarie-{n}@")
}

fn strace(trace: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-xx", "-s", "1000000", "-e", "signal=none", "-e"]);
    strace.arg(
        "trace=open,openat,creat,write,pwrite64,writev,pwritev,ftruncate,fallocate,rename,renameat,renameat2,link,\
         linkat,unlink,unlinkat,mkdir,mkdirat,fsync,fdatasync,sendto",
    );
    strace.arg("-o").arg(trace).arg(BINARY);
    strace
}

/// Some are too large for a row, and have a file of their own.
fn mail(n: usize) -> Vec<u8> {
    let more = if n % 3 == 1 { "Nog een regel over het uitje.\r\n".repeat(5_000) } else { String::new() };
    format!(
        "From: Juf Anneke <{JUF}>\r\nTo: <{PARENT}>, <{COLLEAGUE}>\r\nSubject: Aanmelding\r\n\
         Message-ID: <{}werkplek.delinde.example>\r\n\r\n\
         Het burgerservicenummer (BSN) van de leerling is 123456782.\r\n{more}",
        canary(n)
    )
    .into_bytes()
}

fn config(data: &Path, gate: &str, sink: &str) -> String {
    format!(
        "hostname = \"poort.delinde.example\"\nmode = \"enforce\"\ndata_dir = \"{}\"\n\n\
         [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
         privacy = {{ name = \"Ilse Bakker\", phone = \"040-555 01 23\" }}\n\
         helpdesk = {{ name = \"de helpdesk\", phone = \"040-555 01 00\" }}\n\n\
         [smtp]\nlisten = [\"{gate}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
         [[next_hop]]\nname = \"provider\"\nhosts = [\"{sink}\"]\ntls = \"off\"\n\n[outbox]\nretry_after = \"1s\"\n\
         retry_at_most = \"1s\"\n",
        data.display(),
    )
}
