//! Reader processes: what is read in them is what is read here, and whatever becomes of one costs one part its text.
//!
//! The processes are our own binary, or, where one must misbehave, a shell script that says what the test wants said.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use inside::client::Client;
use inside::next_hop::NextHop;
use inside::poort::{Poort, Setup};
use mailpoort::extract::{
    Answer, Document, Documents, Here, Passwords, Place, Section, Spot, Texts, Unread, Why, texts,
};
use mailpoort::message::{Limits, Message};
use mailpoort::reader::{self, Bounds, Readers, Sandbox, Settings};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailpoort");
const BOUNDS: Bounds = Bounds { memory: 128 << 20, seconds: 20 };

fn settings(program: impl Into<PathBuf>) -> Settings {
    let (document, message) = (Duration::from_secs(10), Duration::from_secs(15));
    Settings { program: program.into(), processes: 2, spares: 1, ..Settings::new(BOUNDS, document, message) }
}

/// A zip archive of stored files (APPNOTE 4.3.6).
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut body, mut directory) = (Vec::<u8>::new(), Vec::<u8>::new());
    for (name, content) in files {
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let size = u32::try_from(content.len()).unwrap().to_le_bytes();
        let mut sum = flate2::Crc::new();
        sum.update(content);
        common.extend(sum.sum().to_le_bytes().into_iter().chain(size).chain(size));
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes().into_iter().chain([0, 0]));
        let offset = u32::try_from(body.len()).unwrap();
        body.extend(b"PK\x03\x04".iter().chain(&common).chain(name.as_bytes()).chain(*content));
        directory.extend(b"PK\x01\x02\x14\0".iter().chain(&common).chain(&[0; 10]).chain(&offset.to_le_bytes()));
        directory.extend(name.as_bytes());
    }
    let (count, start) = (u16::try_from(files.len()).unwrap().to_le_bytes(), u32::try_from(body.len()).unwrap());
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    body.extend(directory);
    body.extend(b"PK\x05\x06\0\0\0\0".iter().chain(&count).chain(&count).chain(&size).chain(&start.to_le_bytes()));
    body.extend([0, 0]);
    body
}

/// A mail with these files.
fn mail(files: &[(&str, Vec<u8>)]) -> String {
    let mut mail = "From: Juf <juf@delinde.example>\r\nSubject: bestanden\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nzie bijlage\r\n"
        .to_string();
    for (name, octets) in files {
        let body = base64::engine::general_purpose::STANDARD.encode(octets);
        mail += &format!(
            "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename={name}\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        );
        for line in body.as_bytes().chunks(76) {
            mail += std::str::from_utf8(line).unwrap();
            mail += "\r\n";
        }
    }
    mail + "--b--\r\n"
}

fn read(mail: &str, readers: &dyn Documents) -> Texts {
    let limits = Limits::default();
    texts(&Message::parse(mail.as_bytes(), &limits), &limits, Some(readers))
}

fn place(name: &str) -> Place {
    Place { within: Vec::new(), spot: Spot::Attachment(name.to_string()), section: Section::default() }
}

fn document<'d>(name: &'d str, octets: &'d [u8], place: &'d Place) -> Document<'d> {
    Document { octets, essence: "application/octet-stream", name, place, depth: 1, passwords: Passwords::none() }
}

/// One document, read by these.
fn answer(readers: &Readers, octets: &[u8]) -> Answer {
    let place = place("a.zip");
    readers.read(&[document("a.zip", octets, &place)], &Limits::default()).pop().unwrap()
}

fn whys(texts: &Texts) -> Vec<Why> {
    texts.unread.iter().map(|unread| unread.why).collect()
}

fn shown(texts: &Texts) -> Vec<String> {
    let cells = |text: &mailpoort::extract::Text| format!("{:?}", text.cells);
    let found =
        texts.texts.iter().map(|text| format!("{} {} {}", text.place.path_and_section(), text.text, cells(text)));
    let unread = texts.unread.iter().map(|unread| format!("{} {}", unread.place.path_and_section(), unread.why.word()));
    let receipts = texts.receipts.iter().map(|r| format!("{} {r:?}", r.place.path()));
    found.chain(unread).chain(receipts).collect()
}

/// Files of every kind that goes through the frames: texts, cells, names, archives and mails in archives, unread ones.
fn all_kinds() -> String {
    let list = "Naam;BSN\r\nKim Vos;123456782\r\nBo Berk;111222333\r\n".as_bytes();
    let letter = b"From: a@b.example\r\nSubject: brief\r\nMIME-Version: 1.0\r\n\r\nhallo\r\n".as_slice();
    let inner = zip(&[("lijst.csv", list), ("brief.eml", letter)]);
    let outer = zip(&[("in.zip", &inner), ("foto.jpg", b"\xFF\xD8\xFF\xE0\0\x10JFIF\0"), ("x.txt", "één".as_bytes())]);
    mail(&[("a.zip", outer), ("b.zip", zip(&[("lijst.csv", list)])), ("c.zip", b"PK\x03\x04broken".to_vec())])
}

#[test]
fn a_process_reads_what_this_one_reads() {
    let readers = Readers::new(settings(PROGRAM));
    let mail = all_kinds();
    let here = shown(&read(&mail, &Here));
    assert!(here.len() > 20, "{here:?}");
    for _ in 0..5 {
        assert_eq!(shown(&read(&mail, &readers)), here);
    }
}

#[test]
fn a_sealed_process_has_nothing() {
    let seal = Readers::new(settings(PROGRAM)).check().unwrap();
    assert!(seal.limits && seal.calls, "{seal}");
    let mut broken = reader::prove(Path::new(PROGRAM), Bounds { memory: 128 << 20, seconds: 1 }).unwrap();
    // A kernel without it is said to be one.
    broken.retain(|attempt| seal.landlock || !attempt.ends_with("-landlock"));
    assert_eq!(broken, Vec::<&str>::new());
    let required = Readers::new(Settings { sandbox: Sandbox::Require, ..settings(PROGRAM) });
    assert_eq!(required.check().is_ok(), seal.landlock);
}

/// Frames as a reader process writes them, each with the octets of its length.
fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [&[kind], length.as_slice(), content].concat()
}

const READY: u8 = 1;
const BEGUN: u8 = 2;
const PLACE: u8 = 3;
const CELLS: u8 = 4;
const TEXT: u8 = 5;
const UNREAD: u8 = 6;
const RECEIPT: u8 = 7;
const DONE: u8 = 8;

/// The word of a parent, of a reader that only it knows.
fn ready() -> Vec<u8> {
    frame(READY, b"mailpoort reader 2\x07\0\0\0\0")
}

fn at(place: &Place) -> Vec<u8> {
    frame(PLACE, &postcard::to_allocvec(place).unwrap())
}

fn done() -> Vec<u8> {
    frame(DONE, &postcard::to_allocvec(&(0usize, 0usize)).unwrap())
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A program that says it is ready, waits for a job, says this, and goes on with that.
fn liar(folder: &Path, says: &[Vec<u8>], then: &str) -> PathBuf {
    let (first, answer, program) = (folder.join("ready"), folder.join("answer"), folder.join("reader.sh"));
    std::fs::write(&first, ready()).unwrap();
    std::fs::write(&answer, says.concat()).unwrap();
    let script = format!(
        "#!/bin/sh\n/bin/cat {} >&2\n/usr/bin/head -c 1 >/dev/null\n/bin/cat {}\n{then}\n",
        first.display(),
        answer.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// What is read of a small document when the process says this.
fn said(says: &[Vec<u8>], then: &str) -> Texts {
    let folder = TempDir::new().unwrap();
    let program = liar(folder.path(), says, then);
    let short = Duration::from_secs(2);
    let readers = Readers::new(Settings { per_document: short, spares: 0, ..settings(program) });
    answer(&readers, b"PK\x03\x04").texts
}

const WAIT: &str = "exec /bin/sleep 1000";

#[test]
fn what_a_process_says_is_kept_when_it_is_true() {
    let here = at(&place("a.zip"));
    let cells = numbers(&[0, 0, 0, 0, 3, 0, 0, 1, 4, 8]);
    let found = said(
        &[
            frame(BEGUN, b""),
            here,
            frame(CELLS, &cells),
            frame(TEXT, "een\ttwee".as_bytes()),
            frame(UNREAD, b"\x03"),
            done(),
        ],
        WAIT,
    );
    assert_eq!(found.texts[0].text, "een\ttwee");
    assert_eq!(found.texts[0].cells[1].range, 4..8);
    assert_eq!(whys(&found), [Why::ALL[3]]);
}

#[test]
fn what_a_process_says_is_not_believed() {
    let (begun, here) = (frame(BEGUN, b""), at(&place("a.zip")));
    let inside = Place { within: vec!["a.zip".into()], ..place("x") };
    let elsewhere = [
        place("b.zip"),
        Place { spot: Spot::Subject, ..place("a.zip") },
        Place { within: vec!["b.zip".into()], ..place("a.zip") },
        Place { within: vec!["a.zip".into(); 30], ..place("a.zip") },
        Place { within: vec!["a.zip".into()], spot: Spot::Header("x".repeat(200)), ..Place::default() },
    ];
    let receipt =
        |format: &str| frame(RECEIPT, &postcard::to_allocvec(&(format, 4usize, true, Vec::<Why>::new())).unwrap());
    let cells = |n: &[u32]| frame(CELLS, &numbers(n));
    let text = |text: &[u8]| frame(TEXT, text);
    let mut lies: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("nothing that is a frame", vec![b"hallo, hier is een lezer".to_vec()]),
        ("a length without end", vec![begun.clone(), here.clone(), vec![RECEIPT, 255, 255, 255, 255]]),
        ("a text before the job", vec![here.clone(), text(b"x")]),
        ("a second beginning", vec![begun.clone(), begun.clone()]),
        ("a second greeting", vec![begun.clone(), ready()]),
        ("a text without a place", vec![begun.clone(), text(b"x"), done()]),
        ("no UTF-8", vec![begun.clone(), here.clone(), text(b"\xFF"), done()]),
        ("a carriage return", vec![begun.clone(), here.clone(), text(b"x\ry"), done()]),
        ("half a cell", vec![begun.clone(), here.clone(), frame(CELLS, &[0; 19]), text(b"x"), done()]),
        ("a cell beyond the text", vec![begun.clone(), here.clone(), cells(&[0, 0, 0, 0, 9]), text(b"x"), done()]),
        ("a cell backwards", vec![begun.clone(), here.clone(), cells(&[0, 0, 0, 2, 1]), text(b"xyz"), done()]),
        ("half a letter", vec![begun.clone(), here.clone(), cells(&[0, 0, 0, 0, 1]), text("é".as_bytes()), done()]),
        ("a reason that there is not", vec![begun.clone(), here.clone(), frame(UNREAD, &[99]), done()]),
        ("no reason", vec![begun.clone(), here.clone(), frame(UNREAD, &[]), done()]),
        ("a name as a format", vec![begun.clone(), here.clone(), receipt("Kim Vos"), done()]),
        ("a number as a format", vec![begun.clone(), here.clone(), receipt("123456782"), done()]),
        ("an end that is none", vec![begun.clone(), frame(DONE, &[255; 30])]),
    ];
    for place in &elsewhere {
        lies.push(("another place", vec![begun.clone(), at(place), text(b"x"), done()]));
    }
    for (what, says) in lies {
        let found = said(&says, WAIT);
        assert_eq!(whys(&found), [Why::ReaderDied], "{what}");
        assert!(found.texts.is_empty(), "{what}");
    }
    let found = said(&[begun, at(&inside), text(b"x"), done()], WAIT);
    assert_eq!((whys(&found), found.texts.len()), (vec![], 1), "in the archive");
}

#[test]
fn what_is_more_than_the_limits_ends_it() {
    let here = at(&place("a.zip"));
    let endless = said(&[frame(BEGUN, b""), here.clone(), vec![TEXT, 255, 255, 255, 255]], WAIT);
    assert_eq!(whys(&endless), [Why::OverLimit]);
    let many = vec![frame(TEXT, b"x"); 70_000].concat();
    let found = said(&[frame(BEGUN, b""), here.clone(), many, done()], WAIT);
    assert_eq!((whys(&found), found.texts.len()), (vec![Why::OverLimit], 1 << 16));
    let folder = TempDir::new().unwrap();
    let places = folder.path().join("place");
    std::fs::write(&places, here.repeat(1000)).unwrap();
    let forever = format!("while :; do /bin/cat {}; done", places.display());
    assert_eq!(whys(&said(&[frame(BEGUN, b"")], &forever)), [Why::OverLimit]);
}

/// What is written to the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn nothing_of_a_document_is_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let (begun, here) = (frame(BEGUN, b""), at(&Place { within: vec!["a.zip".into()], ..place("kwinten.zip") }));
    let words = "echo kwinten 123456782 >&2";
    tracing::subscriber::with_default(subscriber.finish(), || {
        for (says, then) in [
            (vec![b"kwinten 123456782".to_vec()], WAIT),
            (vec![begun.clone(), here.clone(), frame(TEXT, b"kwinten 123456782"), frame(UNREAD, b"kwinten")], WAIT),
            (vec![begun.clone(), here.clone(), frame(RECEIPT, b"kwinten 123456782")], WAIT),
            (vec![begun.clone(), here.clone(), frame(TEXT, b"kwinten 123456782")], words),
            (vec![begun, here, vec![TEXT, 255, 255, 255, 255]], words),
        ] {
            assert_eq!(said(&says, then).unread.len(), 1);
        }
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("a reader process died") && log.contains("said what cannot be"), "{log}");
    assert!(!log.contains("kwinten") && !log.contains("12345") && !log.contains("a.zip"), "{log}");
}

#[test]
fn what_came_before_the_end_is_kept() {
    let says = [frame(BEGUN, b""), at(&place("a.zip")), frame(TEXT, b"eerst")];
    for (then, why) in [
        ("kill -9 $$", Why::ReaderDied),
        ("kill -11 $$", Why::ReaderDied),
        ("exit 0", Why::ReaderDied),
        (WAIT, Why::OverLimit),
        ("while :; do :; done", Why::OverLimit),
    ] {
        let found = said(&says, then);
        assert_eq!((whys(&found), found.texts.len()), (vec![why], 1), "{then}");
    }
}

#[test]
fn one_document_dies_alone() {
    let folder = TempDir::new().unwrap();
    // Dies of its first job and reads its second: each job gets a process of its own after a death.
    let real = Path::new(PROGRAM);
    let marker = folder.path().join("died");
    let program = folder.path().join("reader.sh");
    std::fs::write(folder.path().join("ready"), ready()).unwrap();
    std::fs::write(folder.path().join("begun"), frame(BEGUN, b"")).unwrap();
    let script = format!(
        "#!/bin/sh\nif /bin/mkdir {0} 2>/dev/null; then /bin/cat {1}/ready >&2; /usr/bin/head -c 1 >/dev/null; \
         /bin/cat {1}/begun; kill -9 $$; fi\nexec {2} \"$@\"\n",
        marker.display(),
        folder.path().display(),
        real.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let readers = Readers::new(Settings { spares: 0, ..settings(program) });
    let list = zip(&[("x.txt", b"hallo")]);
    let found = read(&mail(&[("a.zip", list.clone()), ("b.zip", list.clone()), ("c.zip", list)]), &readers);
    assert_eq!(found.unread, [Unread { place: place("a.zip"), why: Why::ReaderDied }]);
    let read: Vec<String> = found.texts.iter().filter(|t| t.text == "hallo").map(|t| t.place.path()).collect();
    assert_eq!(read, ["att:b.zip/att:x.txt", "att:c.zip/att:x.txt"]);
    let receipts: Vec<(&str, bool)> = found.receipts.iter().map(|r| (r.format.as_str(), r.read)).collect();
    assert!(receipts.contains(&("zip", false)) && receipts.contains(&("zip", true)), "{receipts:?}");
}

#[test]
fn late_documents_share_the_time_of_their_message() {
    let folder = TempDir::new().unwrap();
    let program = liar(folder.path(), &[frame(BEGUN, b"")], WAIT);
    let time = Duration::from_millis(400);
    let readers = Readers::new(Settings { per_document: time, per_message: time, ..settings(program) });
    let since = Instant::now();
    let files: Vec<(String, Vec<u8>)> = (0..20).map(|n| (format!("{n}.zip"), b"PK\x03\x04".to_vec())).collect();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, octets)| (name.as_str(), octets.clone())).collect();
    let found = read(&mail(&files), &readers);
    assert_eq!(whys(&found), [Why::OverLimit; 20]);
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

#[test]
fn a_program_that_cannot_start_is_said_at_once() {
    let folder = TempDir::new().unwrap();
    let strange = folder.path().join("strange.sh");
    std::fs::write(&strange, "#!/bin/sh\necho hallo\n").unwrap();
    std::fs::set_permissions(&strange, std::fs::Permissions::from_mode(0o755)).unwrap();
    for program in [PathBuf::from("/nonexistent/reader"), PathBuf::from("/bin/true"), strange] {
        let readers = Readers::new(settings(&program));
        assert!(readers.check().is_err());
        let since = Instant::now();
        for _ in 0..100 {
            let found = answer(&readers, b"PK\x03\x04");
            assert_eq!(whys(&found.texts), [Why::ReaderDied], "{}", program.display());
        }
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    }
}

#[test]
fn a_machine_that_cannot_seal_is_refused_when_that_is_required() {
    let folder = TempDir::new().unwrap();
    let program = liar(folder.path(), &[], WAIT);
    std::fs::write(folder.path().join("ready"), frame(READY, b"mailpoort reader 2\x03\0\0\0\0")).unwrap();
    assert!(!Readers::new(settings(&program)).check().unwrap().landlock);
    let refused = Readers::new(Settings { sandbox: Sandbox::Require, ..settings(&program) });
    assert!(refused.check().unwrap_err().to_string().contains("landlock: no"));
    assert_eq!(whys(&answer(&refused, b"PK\x03\x04").texts), [Why::ReaderDied]);
}

/// An archive that unpacks to more than a process may hold.
#[test]
fn a_memory_hog_dies_alone() {
    let readers = Readers::new(Settings { bounds: Bounds { memory: 8 << 20, seconds: 20 }, ..settings(PROGRAM) });
    let large = vec![b' '; 30 << 20];
    let hog = zip(&[("x.txt", &large)]);
    assert_eq!(whys(&answer(&readers, &hog).texts), [Why::ReaderDied]);
    assert_eq!(whys(&answer(&readers, &zip(&[("x.txt", b"hallo")])).texts), []);
}

/// The program under a name of its own, by which its processes are known.
fn named_program(folder: &Path) -> PathBuf {
    let program = folder.join("reader");
    std::os::unix::fs::symlink(PROGRAM, &program).unwrap();
    program
}

/// The processes of this program that run.
fn running(program: &Path) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let called = std::fs::read(path.join("cmdline")).unwrap_or_default();
        if called.split(|b| *b == 0).next() == Some(program.as_os_str().as_encoded_bytes()) {
            found.extend(path.file_name().and_then(|id| id.to_str()?.parse::<i32>().ok()));
        }
    }
    found
}

/// Looks until something is there.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "this never came: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_process_serves_one_message_and_none_stays_behind() {
    let folder = TempDir::new().unwrap();
    let (program, starts) = (folder.path().join("reader.sh"), folder.path().join("starts"));
    std::fs::write(&program, format!("#!/bin/sh\necho $$ >>{}\nexec {PROGRAM} \"$@\"\n", starts.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let started = || std::fs::read_to_string(&starts).unwrap_or_default();
    let list = zip(&[("x.txt", b"hallo")]);
    let two = mail(&[("a.zip", list.clone()), ("b.zip", list)]);
    let readers = Readers::new(Settings { spares: 0, ..settings(&program) });
    for round in 1..=4 {
        assert_eq!(whys(&read(&two, &readers)), []);
        assert_eq!(started().lines().count(), round);
    }
    drop(readers);
    let readers = Readers::new(settings(&program));
    readers.check().unwrap();
    until("a spare one", || (started().lines().count() == 6).then_some(()));
    drop(readers);
    // Not a zombie either.
    let left: Vec<String> =
        started().lines().filter(|id| Path::new("/proc").join(id).exists()).map(Into::into).collect();
    assert_eq!(left, Vec::<String>::new());
}

/// The parent stays and its reader does not: what reads the next message is a copy of what has read nothing.
#[test]
fn each_message_has_a_reader_of_its_own() {
    let folder = TempDir::new().unwrap();
    let program = named_program(folder.path());
    let readers = Readers::new(Settings { processes: 1, ..settings(&program) });
    readers.check().unwrap();
    let pair = || until("a parent and its reader", || Some(running(&program)).filter(|ids| ids.len() == 2));
    until("the spare one", || (readers.counts().started.get() == 2).then_some(()));
    for _ in 0..5 {
        let before = pair();
        assert_eq!(whys(&answer(&readers, &zip(&[("x.txt", b"hallo")])).texts), []);
        until("another reader of the same parent", || {
            let now = running(&program);
            (now.len() == 2 && now.intersection(&before).eq(before.first())).then_some(())
        });
    }
    assert_eq!(readers.counts().started.get(), 2);
}

/// A parent whose reader takes so much of each job and says this: a script, and something that can be killed.
fn parent(folder: &Path, takes: usize, says: &[u8]) -> PathBuf {
    let (answer, program) = (folder.join("answer"), folder.join("reader.sh"));
    std::fs::write(&answer, says).unwrap();
    let script = format!(
        "#!/bin/sh\nwhile :; do /bin/sleep 1000 </dev/null >/dev/null 2>&1 & reader=$!\n\
         printf '\\001\\027\\000\\000\\000mailpoort reader 2\\007' >&2\n\
         for bits in 0 8 16 24; do printf \"\\\\$(printf %03o $((reader >> bits & 255)))\" >&2; done\n\
         if [ $(/usr/bin/head -c {takes} | /usr/bin/tee -a {0}.job | /usr/bin/wc -c) = 0 ]; then kill $reader; exit; fi\n\
         /bin/cat {0}\nwait $reader 2>/dev/null; done\n",
        answer.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// What a reader leaves in the pipes would be read with the next message, as its document or as its answer.
#[test]
fn a_reader_that_leaves_something_is_the_last_of_its_parent() {
    let folder = TempDir::new().unwrap();
    let kept = |takes: usize, says: &[u8], rounds: usize| {
        let program = parent(folder.path(), takes, says);
        let time = Duration::from_secs(2);
        let readers = Readers::new(Settings { processes: 1, per_document: time, ..settings(program) });
        readers.check().unwrap();
        until("the spare one", || (readers.counts().started.get() == 2).then_some(()));
        let whys: Vec<Why> = (0..rounds).flat_map(|_| whys(&answer(&readers, b"PK\x03\x04").texts)).collect();
        (whys, readers.counts().started.get() <= 3)
    };
    let says = [frame(BEGUN, b""), done()].concat();
    // One that never answers is closed in the middle, and has the job by then.
    assert_eq!(kept(1 << 20, &says, 1).0, [Why::OverLimit]);
    let job = std::fs::metadata(folder.path().join("answer.job")).unwrap().len().try_into().unwrap();
    assert_eq!(kept(job, &says, 6), (vec![], true), "an honest one");
    assert_eq!(kept(job - 1, &says, 6), (vec![], false), "a job that is not taken whole");
    assert_eq!(kept(job, &says.repeat(2), 6), (vec![], false), "an answer to what was not asked");
}

/// A process that died while it waited costs nobody anything.
#[test]
fn a_dead_spare_is_passed_over() {
    let folder = TempDir::new().unwrap();
    let program = named_program(folder.path());
    let readers = Readers::new(settings(&program));
    readers.check().unwrap();
    for _ in 0..3 {
        let spare = until("a spare process", || Some(running(&program)).filter(|ids| !ids.is_empty()));
        for id in &spare {
            let _ = kill_process(Pid::from_raw(*id).unwrap(), Signal::KILL);
        }
        // A reader outlives its parent by a moment, in which it would take the job and die of it.
        until("it is gone", || running(&program).is_disjoint(&spare).then_some(()));
        assert_eq!(whys(&answer(&readers, &zip(&[("x.txt", b"hallo")])).texts), []);
    }
}

/// Readers are killed at random while messages are read: each document is read or said to be unread, and nothing hangs.
#[test]
fn killed_at_random_nothing_is_lost_in_silence() {
    let folder = TempDir::new().unwrap();
    let program = named_program(folder.path());
    let readers = Readers::new(settings(&program));
    let large = vec![b'y'; 300_000];
    let files: Vec<(&str, Vec<u8>)> = ["a.zip", "b.zip", "c.zip", "d.zip"]
        .map(|name| (name, zip(&[("een.txt", &large), ("x.txt", b"hallo")])))
        .into();
    let mail = mail(&files);
    let (mut whole, mut cut) = (0, 0);
    let killer = Killer::of(&program);
    let end = Instant::now() + Duration::from_secs(60);
    while (whole < 10 || cut < 10) && Instant::now() < end {
        let found = read(&mail, &readers);
        for (name, _) in &files {
            let inner = format!("att:{name}/att:x.txt");
            let is_read = found.texts.iter().any(|text| text.place.path() == inner);
            let is_unread = found.unread.contains(&Unread { place: place(name), why: Why::ReaderDied });
            assert!(is_read || is_unread, "{name}: {:?}", whys(&found));
            assert!(found.receipts.iter().any(|receipt| receipt.place == place(name)), "{name}");
            if is_unread { cut += 1 } else { whole += 1 }
        }
    }
    drop(killer);
    assert!(whole >= 10 && cut >= 10, "{whole} read, {cut} cut off");
}

/// Kills readers of this program and their parents, now and then, in the middle of whatever is going on: with random pauses,
/// since on a machine with nothing else to do it is faster than any reader.
struct Killer {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Killer {
    fn of(program: &Path) -> Self {
        let (stop, program) = (Arc::new(AtomicBool::new(false)), program.to_path_buf());
        let asked = Arc::clone(&stop);
        let mut random = 7u64;
        let thread = std::thread::spawn(move || {
            while !asked.load(Ordering::Relaxed) {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let running: Vec<i32> = running(&program).into_iter().collect();
                let pick = usize::try_from(random >> 32 & 0xFFFF).unwrap() % running.len().max(1);
                if let Some(killed) = running.get(pick) {
                    let _ = kill_process(Pid::from_raw(*killed).unwrap(), Signal::KILL);
                }
                std::thread::sleep(Duration::from_micros(random >> 32 & 0x3FFF));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The same to a whole gate: what should not pass does not, nothing is lost, and a mail without documents notices
/// nothing. With `MAILPOORT_DEATHS` it goes on until so many documents have lost their reader.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_the_gate_passes_and_loses_nothing() {
    let deaths: u64 = std::env::var("MAILPOORT_DEATHS").map_or(5, |deaths| deaths.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let program = named_program(folder.path());
    let readers = Readers::new(settings(&program));
    let hop = NextHop::start().await;
    let poort = Poort::start_with(&Setup::default(), &hop, |house| {
        Arc::get_mut(&mut house.bench).unwrap().readers = Some(readers.clone());
    })
    .await;
    let filler = vec![b'z'; 1 << 20];
    let list = b"Naam;BSN\nKim Vos;123456782\n".as_slice();
    let class = mail(&[("klas.zip", zip(&[("vulling.txt", filler.as_slice()), ("lijst.csv", list)]))]);
    let plain = "From: Juf <juf@delinde.example>\r\nSubject: morgen\r\n\r\nmorgen studiedag\r\n";
    let killer = Killer::of(&program);
    let mut client = Client::hello(poort.address).await;
    let (mut told, mut later, mut texts) = (0, 0, 0);
    while readers.counts().died.get() < deaths || told < 10 {
        // Each from another one: who gets many notices gets them in one.
        let (sender, class) = (format!("juf{texts}@delinde.example"), class.replace("<juf@", &format!("<juf{texts}@")));
        let (code, reply) = client.mail(&sender, &["ouder@post.example"], &class).await;
        match code {
            250 if reply.contains("2.7.1") => told += 1,
            400..500 => later += 1,
            _ => panic!("{reply}"),
        }
        let (code, reply) = client.mail("juf@delinde.example", &["ouder@post.example"], plain).await;
        assert!(code == 250 && !reply.contains("2.7.1"), "{reply}");
        texts += 1;
    }
    drop(killer);
    let seen = hop.seen();
    let to = |who: &str| seen.taken().into_iter().filter(|got| got.to.iter().all(|to| to.starts_with(who))).count();
    assert_eq!((to("ouder@"), to("juf")), (texts, told), "{later} put off");
    let lists = |got: &&_| -> bool { inside::next_hop::Got::text(got).contains("123456782") };
    assert_eq!(seen.taken().into_iter().filter(lists).count(), 0, "the list was passed on");
}

/// The whole gate: what is in an archive stops the mail, and what cannot be read is not passed as clean.
#[tokio::test]
async fn the_gate_reads_documents_of_small_and_large_mails() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let mut client = Client::hello(poort.address).await;
    let list = b"Naam;BSN\nKim Vos;123456782\n".as_slice();
    let filler = vec![b'z'; 200_000];
    for (files, expected) in
        [(vec![("lijst.csv", list)], 1), (vec![("vulling.txt", filler.as_slice()), ("lijst.csv", list)], 2)]
    {
        let text = mail(&[("klas.zip", zip(&files))]);
        let (code, reply) = client.mail("juf@delinde.example", &["ouder@post.example"], &text).await;
        assert!(code == 250 && reply.contains("2.7.1"), "{reply}");
        assert_eq!(hop.seen().taken().len(), expected, "notices");
    }
    let clean = mail(&[("menu.zip", zip(&[("menu.txt", b"soep en brood")]))]);
    let (code, reply) = client.mail("juf@delinde.example", &["ouder@post.example"], &clean).await;
    assert!(code == 250 && !reply.contains("2.7.1"), "{reply}");
    poort.reload();
    let (code, _) = client.mail("juf@delinde.example", &["ouder@post.example"], &clean).await;
    assert_eq!(code, 250);
}

/// Readers that answer nothing and never end: whoever asked them would wait for long.
struct Nobody;

impl Documents for Nobody {
    fn read(&self, _: &[Document<'_>], _: &Limits) -> Vec<Answer> {
        panic!("a reader was asked")
    }
}

#[test]
fn text_never_waits_for_a_reader() {
    let text = mail(&[("lijst.csv", b"Naam;BSN\nKim;123456782\n".to_vec()), ("brief.html", b"<p>hallo</p>".to_vec())]);
    assert!(read(&text, &Nobody).texts.len() > 4);
}
