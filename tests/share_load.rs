//! How much a share takes: a gigabyte in fifty files, two hundred parents in the same second, and what the time of an
//! answer gives away. Measured, so not among the tests of every day:
//!
//!     cargo test --release --test share_load -- --ignored --nocapture --test-threads 1
//!
//! In a build for development less is measured (200 MB, forty parents). Memory is that of this whole process, which plays
//! the browsers too.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

#[path = "portal/house.rs"]
#[allow(dead_code, unused_imports, reason = "each test uses its own part of it")]
mod house;
#[path = "support/browser.rs"]
mod surf;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mailpoort::message::Mailbox;
use mailpoort::secret::Secret;
use mailpoort::share::{ItemKind, NewItem, NewRecipient, NewShare, Scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use house::{Browser, HOST, House, JUF, Mail, SUBJECT, path};

const FILES: usize = 50;
const MB: u64 = 1_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn a_gigabyte_in_fifty_files_is_shared_and_had_with_bounded_memory() {
    let size = if cfg!(debug_assertions) { 4 * MB } else { 20 * MB };
    let house = House::open().await;
    let before = peak_anew();
    let begun = Instant::now();
    let file = |number: usize| NewItem {
        kind: ItemKind::Attachment,
        name: Secret::new(format!("opname {number}.mov")),
        media_type: "video/quicktime".into(),
        content_id: None,
        content: Box::new(tokio::io::repeat(number as u8).take(size)),
    };
    let made = house.keep(new(1, (0..FILES).map(file).collect(), 1)).await;
    let (sealing, sealed) = (begun.elapsed(), peak_anew());
    let (browser, at) = house.open_share(&made.links[0]).await;
    // The code took its memory.
    peak_anew();
    let begun = Instant::now();
    let one_by_one = join_all(super_files(&browser.page).into_iter().map(|path| had(&house, &browser, path))).await;
    let (each, each_peak) = (begun.elapsed(), peak_anew());
    let begun = Instant::now();
    let zipped = had(&house, &browser, format!("{at}/alles.zip")).await;
    let (zip, zip_peak) = (begun.elapsed(), peak_anew());
    let whole = size * FILES as u64;
    assert_eq!(one_by_one.len(), FILES);
    assert!(one_by_one.iter().sum::<u64>() >= whole && zipped >= whole, "all of it was had");
    let grew = |peak: u64| peak.saturating_sub(before) / 1024;
    eprintln!(
        "{} MB in {FILES} files: sealed in {sealing:.1?} (+{} MiB), all files at once in {each:.1?} (+{} MiB), \
         as one zip in {zip:.1?} (+{} MiB); {} MiB before",
        whole / MB,
        grew(sealed),
        grew(each_peak),
        grew(zip_peak),
        before / 1024
    );
    // Fifty downloads at the same time hold a piece each, and what their connections hold.
    for peak in [sealed, each_peak, zip_peak] {
        assert!(grew(peak) < 160, "{} MiB", grew(peak));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn two_hundred_parents_open_at_once() {
    let people = if cfg!(debug_assertions) { 40 } else { 200 };
    let house = House::open().await;
    let text = NewItem {
        kind: ItemKind::Text,
        name: Secret::new(String::new()),
        media_type: "text/plain".into(),
        content_id: None,
        content: Box::new(std::io::Cursor::new(b"Beste ouders".to_vec())),
    };
    let begun = Instant::now();
    let made = house.keep(new(2, vec![text], people)).await;
    let making = begun.elapsed();
    let mut waiting = Vec::new();
    for link in &made.links {
        let mut browser = house.browser();
        browser.get(&path(link)).await;
        let code = format!("{}/code", path(link));
        browser.get(&code).await;
        waiting.push((browser, code, link.code.as_ref().unwrap().grouped().to_owned()));
    }
    let opening = waiting.into_iter().map(|(mut browser, path, code)| async move {
        let begun = Instant::now();
        let answer = browser.post(&path, &[("code", &code)]).await;
        let opened = begun.elapsed();
        assert_eq!(answer.status, 303, "{}", answer.body);
        let begun = Instant::now();
        assert_eq!(browser.get(&answer.location()).await.status, 200);
        (opened, begun.elapsed())
    });
    // Others look at the page of their link meanwhile.
    let looking = async {
        let mut looks = Vec::new();
        for link in made.links.iter().take(20) {
            let begun = Instant::now();
            house.browser().get(&path(link)).await;
            looks.push(begun.elapsed());
        }
        looks
    };
    let begun = Instant::now();
    let (opened, looks) = tokio::join!(join_all(opening), looking);
    let all = begun.elapsed();
    let (codes, pages): (Vec<Duration>, Vec<Duration>) = opened.into_iter().unzip();
    eprintln!(
        "{people} at once: made in {making:.1?}, all open in {all:.1?}; code {}; message {}; others' page {}",
        told(codes),
        told(pages),
        told(looks)
    );
    assert!(all < Duration::from_secs(120), "{all:?}");
}

/// What an answer looks like is held by the tests of every day; how long it takes is told here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn the_time_of_an_answer_does_not_tell_whether_a_link_ever_was() {
    let house = House::open().await;
    let [withdrawn, over, there] =
        [house.share(Mail::default()).await, house.share(Mail::default()).await, house.share(Mail::default()).await];
    house.shares.withdraw(&withdrawn.id, &Scope::All, JUF).await.unwrap();
    house.shares.delete(&over.id, JUF).await.unwrap();
    let strange = |rid: &str| format!("/b/{rid}/{}", there.sender.secret.written());
    let cases = [
        ("unknown", strange(&"0".repeat(26))),
        ("wrong secret", strange(&there.links[0].rid)),
        ("withdrawn", path(&withdrawn.links[0])),
        ("destroyed", path(&over.links[0])),
    ];
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); cases.len()];
    for _ in 0..400 {
        for ((_, path), times) in cases.iter().zip(&mut times) {
            let begun = Instant::now();
            assert_eq!(house.browser().get(path).await.status, 404);
            times.push(begun.elapsed());
        }
    }
    let medians: Vec<Duration> = times.iter().cloned().map(|times| at(times, 50)).collect();
    for ((name, _), times) in cases.iter().zip(times) {
        eprintln!("{name}: {}", told(times));
    }
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    // A lookup more or less; over a network nobody sees it.
    assert!(most.saturating_sub(*least) < Duration::from_micros(if cfg!(debug_assertions) { 2000 } else { 300 }));
}

fn new(incident: u8, items: Vec<NewItem>, people: usize) -> NewShare {
    let recipient = |number: usize| NewRecipient {
        mailbox: Mailbox::parse(&format!("ouder{number}@voorbeeld.example")).unwrap(),
        family: Secret::new(number.to_string()),
        line: "12_health".into(),
        level: mailpoort::level::Level::default(),
        phones: Vec::new(),
    };
    NewShare {
        school: "linde".into(),
        mail: "4CRK7QM2XW".into(),
        incident: [incident; 16],
        sender: Mailbox::parse(JUF).unwrap(),
        sender_name: None,
        subject: Secret::new(SUBJECT.into()),
        message_id: None,
        items,
        recipients: (0..people).map(recipient).collect(),
        is_password: false,
        purpose: None,
        open_subject: false,
    }
}

/// The paths of the files on a message's page.
fn super_files(page: &str) -> Vec<String> {
    let links = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    links.filter(|path| path.contains("/bestand/")).collect()
}

/// Has a file and throws it away; how many octets the answer had.
async fn had(house: &House, browser: &Browser, path: String) -> u64 {
    let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut tcp = TcpStream::connect(house.server.listening()).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nCookie: {}\r\n\r\n", cookies.join("; "));
    tcp.write_all(request.as_bytes()).await.unwrap();
    tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await.unwrap()
}

/// The most memory so far, KiB; it is counted anew from now on.
fn peak_anew() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    // Linux: 5 resets the peak (proc(5), clear_refs).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn at(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn told(times: Vec<Duration>) -> String {
    let (half, most, last) = (at(times.clone(), 50), at(times.clone(), 99), at(times, 100));
    format!("p50 {half:.1?}, p99 {most:.1?}, last {last:.1?}")
}
