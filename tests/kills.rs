//! kill -9 under load, at moments of chance and at every named point: nothing that was taken is lost, nothing that was not
//! taken is invented.
//!
//! Clients send mail to a colleague, who may have it, and a parent, who may not, or gets it as a secure share; the gate is
//! killed after so many mails, or dies at a point ([`mailpoort::kill`]), and is started again. In the end everything that
//! was answered with 250 has reached the colleague, its sender knows, and so does the parent of a share.
//! `KILLS=200 cargo nextest run --test kills` is the long run.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use mailpoort::kill::Point;
use mailpoort::outbox::Outbox;
use mailpoort::store::held::{Act, Choice, State};
use rusqlite::Connection;
use support::client::Client;
use support::gate::{BINARY, Gate};
use support::sink::Sink;
use support::{address, until};

const CLIENTS: usize = 4;
/// The outbox has four deliveries on their way at most; each may have been taken in the moment of the kill.
const ON_THEIR_WAY: usize = 4;
const PATIENCE: Duration = Duration::from_secs(120);
/// The points that a gate under load passes.
const UNDER_LOAD: [Point; 10] = [
    Point::Sealed,
    Point::FileWritten,
    Point::TakenRows,
    Point::Taken,
    Point::Claimed,
    Point::Answered,
    Point::SettledRows,
    Point::Settled,
    Point::ShareItem,
    Point::ShareDrafted,
];
/// SIGABRT: it died at the point, and of nothing else.
const DIED: i32 = 6;

#[test]
fn a_kill_loses_nothing_and_invents_nothing() {
    let kills: usize = std::env::var("KILLS").map_or(6, |kills| kills.parse().unwrap());
    let house = House::new(91);
    let clients = house.clients();
    let mut chance = 0x2545_F491_4F6C_DD1D_u64;
    for _ in 0..kills {
        let gate = house.start();
        let (before, more) = (house.load.taken(), (next(&mut chance) % 23) as usize);
        until(|| format!("{more} more mails"), PATIENCE, || (house.load.taken() >= before + more).then_some(()));
        gate.kill();
    }
    house.everything_arrives(clients, kills);
}

#[test]
fn a_death_at_any_point_loses_nothing_and_invents_nothing() {
    let house = House::new(96);
    let clients = house.clients();
    let mut chance = 0x9E37_79B9_7F4A_7C15_u64;
    for point in UNDER_LOAD {
        // Not always at its first moment: by then more is under way.
        let times = 1 + next(&mut chance) % 3;
        let ended = house.ends("serve", &format!("{}:{times}", point.word()));
        assert_eq!(ended.signal(), Some(DIED), "at {}", point.word());
    }
    house.everything_arrives(clients, UNDER_LOAD.len());
    // Once more, at its start.
    assert_eq!(house.command("serve", Point::Freed).signal(), Some(DIED));
    house.start().stop();
}

#[test]
fn what_is_done_to_it_later_is_done_once_or_not_at_all() {
    let house = House::new(101);
    let gate = house.start();
    let mut client = Client::connect(&address(100), &house.gate_at);
    let send = |client: &mut Client, n: usize| {
        let reply =
            client.send("juf@delinde.example", &["ouder@thuis.example"], content(&format!("0x{n}3")).as_bytes());
        assert!(reply.starts_with("250"), "{reply}");
    };
    // Three are told at once, and the fourth later.
    (0..4).for_each(|n| send(&mut client, n));
    until(|| "three notices", PATIENCE, || (house.sink.kept().len() >= 3).then_some(()));
    drop(client);
    gate.stop();
    house.by_hand("UPDATE note SET due_at = 0");
    assert_eq!(house.command("serve", Point::ToldRows).signal(), Some(DIED));
    let gate = house.start();
    until(|| "what was to be told", PATIENCE, || (house.sink.kept().len() >= 4).then_some(()));
    gate.stop();
    assert_eq!(house.sink.kept().len(), 4);
    // A teacher's choice.
    let choosing = house.this_again(Point::ChosenRows);
    assert_eq!(choosing.signal(), Some(DIED));
    assert_eq!(house.states(), [State::Held; 4]);
    assert!(house.this_again(Point::Sealed).success());
    assert_eq!(house.states().iter().filter(|state| **state == State::Deleted).count(), 1);
    // The key is changed; whenever that ends, everything opens, and it can be done again.
    for point in [Point::KeyMade, Point::FileSealedAnew, Point::RowsSealedAnew, Point::SealedAnew] {
        assert_eq!(house.command("keys rotate", point).signal(), Some(DIED), "at {}", point.word());
        house.all_open(4);
    }
    assert!(house.command("keys rotate", Point::Freed).success());
    house.all_open(4);
    // What is over is erased.
    house.by_hand("UPDATE held SET delete_at = 0");
    assert_eq!(house.command("purge", Point::Purged).signal(), Some(DIED));
    assert!(house.command("purge", Point::Freed).success());
    house.start().stop();
    assert_eq!(house.files(), 0, "files that nothing knows are swept");
}

/// Every point has its test: a new one is entered there.
#[test]
fn every_point_is_tried() {
    let text = include_str!("kills.rs");
    for point in Point::ALL {
        let name = format!("Point::{point:?}");
        assert!(text.contains(&name), "{name} is tried nowhere");
    }
}

/// Not a test but a process of one: chooses about the first held mail of a folder, as the desk does.
#[test]
fn chooses_in_a_process_of_its_own() {
    let Ok(folder) = std::env::var("CHOOSES_IN") else { return };
    on_a_runtime(async {
        let outbox = Outbox::beside(Path::new(&folder)).unwrap();
        let sender = outbox.store().index("address", &[b"juf@delinde.example"]);
        let held = outbox.store().held_of("linde", sender, 1).await.unwrap().swap_remove(0);
        let (who, reason) = ("juf@delinde.example".into(), String::new());
        let act = Act { what: "deleted".into(), who, reason, places: vec![0] };
        let choice = Choice { to: State::Deleted, act, items: Vec::new(), owed: Vec::new(), asked: None };
        outbox.choose(&held, choice).await.unwrap();
    });
}

fn next(chance: &mut u64) -> u64 {
    *chance ^= *chance << 13;
    *chance ^= *chance >> 7;
    *chance ^= *chance << 17;
    *chance
}

/// A gate that may run or not, its next hop, and the load on it.
struct House {
    folder: tempfile::TempDir,
    gate_at: String,
    config: String,
    sink: Sink,
    load: Arc<Load>,
}

impl House {
    fn new(host: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (gate_at, sink_at) = (format!("{}:2525", address(host)), format!("{}:2525", address(host + 1)));
        let config = config(folder.path(), &gate_at, &sink_at, &format!("{}:8080", address(host)));
        std::fs::write(folder.path().join("mailpoort.toml"), &config).unwrap();
        Self { sink: Sink::listen(&sink_at), folder, gate_at, config, load: Arc::default() }
    }

    fn start(&self) -> Gate {
        Gate::start(self.folder.path(), &self.config)
    }

    /// How a command ends that dies at a point, if it comes there.
    fn command(&self, words: &str, at: Point) -> ExitStatus {
        self.ends(words, at.word())
    }

    fn ends(&self, words: &str, at: &str) -> ExitStatus {
        let mut command = Command::new(BINARY);
        command.args(words.split(' ')).arg("--config").arg(self.folder.path().join("mailpoort.toml"));
        command.env("MAILPOORT_DIES_AT", at).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = command.spawn().unwrap();
        until(|| format!("end of {words} at {at}"), PATIENCE, || running.try_wait().unwrap())
    }

    /// The same for [`chooses_in_a_process_of_its_own`].
    fn this_again(&self, at: Point) -> ExitStatus {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "chooses_in_a_process_of_its_own"]).env("CHOOSES_IN", self.data());
        command.env("MAILPOORT_DIES_AT", at.word()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap()
    }

    fn clients(&self) -> Vec<JoinHandle<()>> {
        let client = |client| {
            let (load, gate_at) = (Arc::clone(&self.load), self.gate_at.clone());
            std::thread::spawn(move || load.send_until_told(client, &gate_at))
        };
        (0..CLIENTS).map(client).collect()
    }

    /// A last gate delivers everything that was taken, nothing else, and little of it twice.
    fn everything_arrives(&self, clients: Vec<JoinHandle<()>>, kills: usize) {
        let gate = self.start();
        self.load.enough.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().unwrap());
        let told = self.load.told.lock().unwrap().clone();
        let taken: Vec<&String> = told.iter().filter(|(_, reply)| reply.starts_with("250")).map(|(id, _)| id).collect();
        assert!(taken.len() >= kills, "{} mails were taken", taken.len());
        let whole = || {
            let arrived = self.arrived();
            let has_all = |id: &&String| {
                arrived.get(*id).is_some_and(|[colleague, sender, parent]| {
                    *colleague > 0 && *sender > 0 && (*parent > 0) == is_shared(id)
                })
            };
            taken.iter().all(has_all).then_some(())
        };
        until(|| "all that was taken".to_owned(), PATIENCE, whole);
        gate.stop();
        let arrived = self.arrived();
        let more = |counts: &[usize; 3]| counts.iter().map(|count| count.saturating_sub(1)).sum::<usize>();
        let duplicates: usize = arrived.values().map(more).sum();
        let refused = |id: &&String| told.get(*id).is_some_and(|reply| reply.starts_with(['4', '5']));
        let ghosts = arrived.keys().filter(refused).count();
        assert_eq!(ghosts, 0, "mails that were refused and arrived");
        assert!(duplicates <= ON_THEIR_WAY * kills, "{duplicates} duplicates after {kills} kills");
        let shared = taken.iter().filter(|id| is_shared(id)).count();
        assert!(shared > 0, "no share was made");
        eprintln!(
            "{kills} kills, {} mails taken ({shared} shared), 0 lost, 0 ghosts, {duplicates} duplicates",
            taken.len()
        );
        // Whoever died between the commit and the reply has kept a mail whose client was told nothing.
        self.all_open(taken.len() + ON_THEIR_WAY * kills);
    }

    /// How often each mail reached the colleague, told its sender, and reached the parent: as a share, and never itself.
    fn arrived(&self) -> BTreeMap<String, [usize; 3]> {
        let mut arrived: BTreeMap<String, [usize; 3]> = BTreeMap::new();
        for (to, content) in self.sink.kept() {
            let text = String::from_utf8_lossy(&content).into_owned();
            let id = text.split("kanarie-").nth(1).map(|rest| rest.chars().take_while(|c| *c != '@').collect());
            let Some(id): Option<String> = id else { panic!("whose is this?\n{text}") };
            let who = ["bert", "juf", "ouder"].iter().position(|who| to.iter().any(|to| to.contains(who))).unwrap();
            assert!(who < 2 || is_shared(&id) && !text.contains("leerling"), "the parent got a mail that was stopped");
            arrived.entry(id).or_default()[who] += 1;
        }
        arrived
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn tables(&self) -> Connection {
        Connection::open(self.data().join("mailpoort.db")).unwrap()
    }

    fn by_hand(&self, statement: &str) {
        self.tables().execute_batch(statement).unwrap();
    }

    fn held(&self) -> Vec<String> {
        let tables = self.tables();
        let mut list = tables.prepare("SELECT id FROM held WHERE item IS NOT NULL ORDER BY id").unwrap();
        list.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// What became of the one recipient of each mail.
    fn states(&self) -> Vec<State> {
        let outbox = Outbox::beside(&self.data()).unwrap();
        let of = async |id: String| outbox.store().held(&id).await.unwrap().unwrap().recipients[0].state;
        on_a_runtime(async {
            let mut states = Vec::new();
            for id in self.held() {
                states.push(of(id).await);
            }
            states
        })
    }

    /// At most so many mails are held, and each of them opens; nothing is in the vault that no row knows.
    fn all_open(&self, most: usize) {
        let outbox = Outbox::beside(&self.data()).unwrap();
        let held = self.held();
        assert!(!held.is_empty() && held.len() <= most, "{} mails are held", held.len());
        on_a_runtime(async {
            for id in held {
                let item = outbox.store().held(&id).await.unwrap().unwrap().item.unwrap();
                let sealed = outbox.store().item(&item).await.unwrap().unwrap();
                outbox.vault().open_item(&item, sealed).await.unwrap();
            }
        });
    }

    /// How many files the vault has.
    fn files(&self) -> usize {
        let outbox = Outbox::beside(&self.data()).unwrap();
        on_a_runtime(async { outbox.vault().files().await.unwrap().len() })
    }
}

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work)
}

/// What the clients sent, and what they were told.
#[derive(Default)]
struct Load {
    told: Mutex<BTreeMap<String, String>>,
    accepted: AtomicUsize,
    enough: AtomicBool,
}

impl Load {
    fn taken(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    fn send_until_told(&self, client: usize, to: &str) {
        let mut n = 0;
        while !self.enough.load(Ordering::SeqCst) {
            let Ok(stream) = TcpStream::connect(to) else {
                std::thread::yield_now();
                continue;
            };
            while !self.enough.load(Ordering::SeqCst) {
                n += 1;
                let id = format!("{client}x{n}");
                let Some(reply) = send(&stream, &id) else { break };
                self.accepted.fetch_add(usize::from(reply.starts_with("250")), Ordering::SeqCst);
                self.told.lock().unwrap().insert(id, reply);
            }
        }
    }
}

/// One mail in a session; none when the session broke before the last reply.
fn send(stream: &TcpStream, id: &str) -> Option<String> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut says = |line: &str, codes: &str| -> Option<String> {
        writer.write_all(line.as_bytes()).ok()?;
        loop {
            let mut reply = String::new();
            if reader.read_line(&mut reply).ok()? == 0 {
                return None;
            }
            // The greeting comes with the first reply.
            if reply.as_bytes().get(3) == Some(&b'-') || reply.starts_with("220") {
                continue;
            }
            return codes.contains(reply.get(..1)?).then_some(reply);
        }
    };
    says("EHLO client.delinde.example\r\n", "2")?;
    // Of many mails of one sender some would be told together, ten minutes later.
    says(&format!("MAIL FROM:<juf-{id}@delinde.example>\r\n"), "2")?;
    says("RCPT TO:<bert@delinde.example>\r\n", "2")?;
    says("RCPT TO:<ouder@thuis.example>\r\n", "2")?;
    says("DATA\r\n", "3")?;
    says(&(content(id) + ".\r\n"), "245")
}

/// One in five is asked to be a share.
fn is_shared(id: &str) -> bool {
    id.ends_with(['2', '7'])
}

fn content(id: &str) -> String {
    // One in ten is too large for a row, and has a file of its own.
    let more = if id.ends_with('3') { "Nog een regel over het uitje.\r\n".repeat(6_000) } else { String::new() };
    let (tag, text) = match is_shared(id) {
        true => ("[veilig] ", "Het gaat goed met de leerling."),
        false => ("", "Het burgerservicenummer (BSN) van de leerling is 123456782."),
    };
    format!(
        "From: <juf@delinde.example>\r\nTo: <bert@delinde.example>, <ouder@thuis.example>\r\nSubject: {tag}Aanmelding\r\n\
         Message-ID: <kanarie-{id}@werkplek.example>\r\n\r\n{text}\r\n{more}"
    )
}

fn config(folder: &Path, gate: &str, sink: &str, web: &str) -> String {
    format!(
        "hostname = \"poort.delinde.example\"\nmode = \"enforce\"\ndata_dir = \"{}\"\n\n\
         [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
         privacy = {{ name = \"Ilse Bakker\", phone = \"040-555 01 23\" }}\n\
         helpdesk = {{ name = \"de helpdesk\", phone = \"040-555 01 00\" }}\n\n\
         [smtp]\nlisten = [\"{gate}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
         [[next_hop]]\nname = \"provider\"\nhosts = [\"{sink}\"]\ntls = \"off\"\n\n[outbox]\nretry_after = \"50ms\"\n\
         retry_at_most = \"100ms\"\n\n[web]\nlisten = \"{web}\"\nurl = \"https://poort.delinde.example\"\n\n\
         [share]\nurl = \"https://veilig.delinde.example\"\n\n[storage]\ncountry = \"NL\"\n",
        folder.join("data").display(),
    )
}
