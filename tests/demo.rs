//! `mailpoort demo` as a newcomer meets it: what it prints, what its pages show, and how it ends.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A running demo; ended when the test is over, however it ends.
struct Demo {
    child: Child,
    printed: String,
    smtp: String,
    web: String,
}

impl Demo {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailpoort"))
            .args(["demo", "--smtp-port", "0", "--web-port", "0", "--desk-port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut demo = Self { child, printed: String::new(), smtp: String::new(), web: String::new() };
        for line in &mut lines {
            let line = line.unwrap();
            if let Some(ready) = line.strip_prefix("mailpoort ready smtp=") {
                let (smtp, web) = ready.split_once(" web=http://").unwrap();
                (demo.smtp, demo.web) = (smtp.to_string(), web.to_string());
                return demo;
            }
            demo.printed.push_str(&line);
            demo.printed.push('\n');
        }
        panic!("the demo ended before it was ready: {}", demo.printed);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The answer to a GET, header and all.
    fn get_from(&self, host: &str, path: &str) -> String {
        let mut tcp = connect(&self.web);
        write!(tcp, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        let answer = self.get_from(&self.web, path);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        answer
    }

    fn send(&self, mail: &str) -> String {
        let mut tcp = connect(&self.smtp);
        let mut replies = BufReader::new(tcp.try_clone().unwrap()).lines().map(Result::unwrap);
        let mut reply = || replies.by_ref().find(|line| line.as_bytes().get(3) == Some(&b' ')).unwrap();
        let mut last = reply();
        let mail = format!("{mail}\r\n.");
        for line in
            ["EHLO t.example", "MAIL FROM:<juf@delinde.example>", "RCPT TO:<x@voorbeeld.example>", "DATA", &mail]
        {
            write!(tcp, "{line}\r\n").unwrap();
            last = reply();
        }
        last
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Asked, not killed, so that it clears up after itself.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn connect(address: &str) -> TcpStream {
    let tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    tcp
}

/// The rows of the table: number -> what became of it, and by which policy line.
fn row(printed: &str, number: usize) -> (&str, &str) {
    let row = printed.lines().find(|line| line.starts_with(&format!(" {number}  "))).unwrap();
    let mut words = row.split_whitespace().rev();
    let line = words.next().unwrap();
    (words.next().unwrap(), line)
}

#[test]
fn the_table_tells_what_happened() {
    let demo = Demo::start();
    let expected = [
        ("passed", "clean"),
        ("blocked", "06_bsn_list"),
        ("blocked", "04_health_stranger"),
        ("passed", "04_health_inside"),
        ("passed", "15_locked"),
        ("refused", "05_bsn"),
        ("shared", "asked_by_sender"),
    ];
    for (at, expected) in expected.into_iter().enumerate() {
        assert_eq!(row(&demo.printed, at + 1), expected, "{}", demo.printed);
    }
    assert!(demo.printed.contains("550 5.7.1 Niet verstuurd."), "{}", demo.printed);
    assert!(demo.printed.contains(&format!("swaks --server {}", demo.smtp)), "{}", demo.printed);
}

#[test]
fn pages_show_mail_and_notices() {
    let demo = Demo::start();
    let list = demo.get("/");
    for shown in [
        "Niet verstuurd: je mail van ",
        "met groep5.csv",
        "Schoolreis op vrijdag",
        "04_health_stranger",
        ">geweigerd<",
        "sanne@thuis.example",
    ] {
        assert!(list.contains(shown), "{shown}: {list}");
    }
    assert_eq!(list.matches("class=\"stopped\"").count(), 3);
    assert_eq!(list.matches("class=\"passed\"").count(), 4);

    let notice = demo.get("/mail/2");
    assert!(notice.contains("12 burgerservicenummers (BSN)") && notice.contains("Ilse Bakker"), "{notice}");
    assert!(notice.contains("<iframe sandbox src=\"/mail/2/html\""), "{notice}");
    assert!(!notice.contains("999991000"), "a notice shows no BSN");
    let desk = notice.split("href=\"http://").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let (host, path) = desk.split_once('/').unwrap();
    let mut tcp = connect(host);
    write!(tcp, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    tcp.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("12 burgerservicenummers (BSN)"), "{page}");
    let html = demo.get("/mail/2/html");
    assert!(html.contains("<strong>niet verstuurd</strong>") && html.contains("frame-ancestors 'self'; sandbox\r\n"));
    assert!(demo.get("/mail/2/source").contains("Auto-Submitted: auto-replied\r\n"));

    let passed = demo.get("/mail/1");
    assert!(passed.contains("Wilt u Lotte een lunchpakket") && !passed.contains("<iframe"), "{passed}");
    for missing in ["/mail/1/html", "/mail/89", "/mail/x", "/../etc/passwd"] {
        assert!(!demo.get_from(&demo.web, missing).starts_with("HTTP/1.1 200 "), "{missing}");
    }
}

#[test]
fn hostile_mail_stays_text() {
    let demo = Demo::start();
    let reply = demo.send(
        "From: juf@delinde.example\r\nSubject: <script>alert(1)</script>\r\nMessage-ID: <h@delinde.example>\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
         --b\r\n\r\n</pre><script>alert(2)</script>\r\n--b\r\nContent-Type: text/html\r\n\r\n<script>alert(3)</script><p>hallo\r\n--b--\r\n",
    );
    assert!(reply.starts_with("250 "), "{reply}");
    let (list, mail) = (demo.get("/"), demo.get("/mail/8"));
    assert!(list.contains("&#60;script&#62;alert(1)"), "{list}");
    assert!(mail.contains("alert(1)") && mail.contains("alert(2)"), "{mail}");
    for page in [&list, &mail] {
        assert!(!page.contains("<script") && page.contains("default-src 'none'"), "{page}");
    }
    assert!(!demo.get_from(&demo.web, "/mail/8/html").starts_with("HTTP/1.1 200 "), "only notices are shown as HTML");
    assert!(demo.get("/mail/8/source").contains("content-type: text/plain"));
}

#[test]
fn another_host_is_turned_away() {
    let demo = Demo::start();
    for host in ["evil.example", "127.0.0.1.evil.example:80"] {
        let answer = demo.get_from(host, "/");
        assert!(answer.starts_with("HTTP/1.1 421 ") && !answer.contains("Schoolreis"), "{answer}");
    }
    assert!(demo.get_from("localhost:1", "/").starts_with("HTTP/1.1 200 "));
}

#[test]
fn signals_end_it_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut demo = Demo::start();
        let journal =
            demo.printed.lines().find_map(|line| line.strip_prefix("The journal as a file, while the demo runs:"));
        let journal = std::path::PathBuf::from(journal.unwrap().trim());
        assert!(journal.exists());
        demo.signal(signal);
        assert_eq!(demo.child.wait().unwrap().code(), Some(0));
        assert!(!journal.parent().unwrap().exists(), "the folder is gone");
    }
}

#[test]
fn a_second_signal_waits_for_nobody() {
    let mut demo = Demo::start();
    let mut tcp = connect(&demo.smtp);
    let mut replies = BufReader::new(tcp.try_clone().unwrap()).lines().map(Result::unwrap);
    write!(tcp, "EHLO t.example\r\nMAIL FROM:<juf@delinde.example>\r\nRCPT TO:<x@voorbeeld.example>\r\n").unwrap();
    assert!(replies.any(|line| line.starts_with("250 2.1.5")));
    demo.signal(Signal::TERM);
    let mut told = String::new();
    BufReader::new(demo.child.stderr.take().unwrap()).read_line(&mut told).unwrap();
    assert!(told.contains("Ctrl-C again"), "{told}");
    demo.signal(Signal::INT);
    assert_eq!(demo.child.wait().unwrap().code(), Some(0));
}
