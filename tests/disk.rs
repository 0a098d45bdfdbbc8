//! The content of clean mail never touches a disk: strace watches the gate while 1,000 clean mails pass.
//!
//! The mails are made here, the client and the next hop are the small ones of tests/support. The only files that the gate
//! may open for writing are its journal and, at the start, nothing. It also may not write to a file that somebody else
//! has opened for it (its log on standard error is one), or ask the kernel for a file without a name.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::process::Command;

use regex::Regex;
use support::address;
use support::client::Client;
use support::gate::{BINARY, Gate};
use support::sink::Sink;

const MAILS: usize = 1_000;
/// In every mail, and nowhere else.
const CANARY: &str = "kanarie-4711";

#[test]
fn a_thousand_clean_mails_touch_no_disk() {
    support::needs("strace");
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let sink = Sink::listen(&format!("{}:2525", address(40)));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "65536", "-e", "signal=none", "-e"]);
    // Every call that can make, open or write a file, and those of the ring that could do so unseen.
    strace.arg(
        "trace=open,openat,openat2,creat,memfd_create,mkdir,mkdirat,link,linkat,symlink,symlinkat,rename,renameat,\
         renameat2,truncate,ftruncate,fallocate,write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,splice,\
         io_submit,io_uring_setup,mmap",
    );
    strace.arg("-o").arg(&trace).arg(BINARY);
    let gate = Gate::start_as(folder.path(), &config(), strace);
    let clients: Vec<_> = (0..4)
        .map(|client| {
            std::thread::spawn(move || {
                let mut session = Client::connect(&address(20), &format!("{}:2525", address(10)));
                for n in (client..MAILS).step_by(4) {
                    let reply = session.send("anneke@delinde.example", &["ouder@thuis.example"], &mail(n));
                    assert!(reply.starts_with("250"), "{n}: {reply}");
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    let log = gate.stop();
    assert_eq!(sink.kept().len(), MAILS);
    let journal = std::fs::read_to_string(folder.path().join("journal.jsonl")).unwrap();
    assert_eq!(journal.lines().count(), MAILS);
    assert!(!log.contains(CANARY) && !journal.contains(CANARY), "the log holds content");
    let trace = std::fs::read_to_string(&trace).unwrap();
    let (wrong, lines) = watch(&trace, folder.path());
    assert!(wrong.is_empty(), "{} calls that touch a disk, such as\n{}", wrong.len(), wrong[0]);
    // The trace has seen what it should see.
    assert_eq!(lines, MAILS, "writes to the journal");
}

#[test]
fn the_watch_sees_what_a_spool_would_do() {
    let folder = Path::new("/var/poort");
    for line in [
        r#"12 openat(AT_FDCWD</>, "/tmp/spool", O_WRONLY|O_CREAT|O_CLOEXEC, 0600) = 9</tmp/spool>"#,
        r#"12 openat(AT_FDCWD</>, "/tmp", O_RDWR|O_TMPFILE, 0600) = 9</tmp/#3>"#,
        r#"12 open("/tmp/spool", O_RDWR) = 9</tmp/spool>"#,
        r#"12 write(9</tmp/spool>, "x", 1) = 1"#,
        r#"12 pwrite64(9</tmp/spool>, "x", 1, 0) = 1"#,
        r#"12 memfd_create("spool", MFD_CLOEXEC) = 9</memfd:spool>"#,
        r#"12 io_uring_setup(8, {}) = 9"#,
        r#"12 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 9</tmp/spool>, 0) = 0x7f"#,
        r#"12 write(9</var/poort/journal.jsonl>, "kanarie-4711", 12) = 12"#,
    ] {
        assert_eq!(watch(line, folder).0, [line]);
    }
    for line in [
        r#"12 openat(AT_FDCWD</>, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 9</etc/hosts>"#,
        r#"12 write(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "kanarie-4711", 12) = 12"#,
        r#"12 write(9<anon_inode:[eventfd]>, "\1\0\0\0\0\0\0\0", 8) = 8"#,
    ] {
        assert_eq!(watch(line, folder), (vec![], 0));
    }
}

/// Reads the trace: the calls that touch a disk and should not, and the number of lines written to the journal.
fn watch<'t>(trace: &'t str, folder: &Path) -> (Vec<&'t str>, usize) {
    let allowed = ["journal.jsonl", "gate.log"].map(|name| folder.join(name).display().to_string());
    let opened = Regex::new(r#"^\d+ +open\w*\((?:AT_FDCWD<[^>]*>, )?"([^"]*)", (\S+)"#).unwrap();
    let written = Regex::new(r"^\d+ +(\w+)\(\d+<([^>]*)>, (.*)$").unwrap();
    let other = Regex::new(
        r"^\d+ +(creat|memfd_create|mkdir|mkdirat|link\w*|symlink\w*|rename\w*|truncate|io_\w+|sendfile|splice|copy_\w+)\(",
    );
    let other = other.unwrap();
    let (mut lines, mut wrong) = (0, Vec::new());
    for line in trace.lines() {
        if let Some((_, [file, flags])) = opened.captures(line).map(|found| found.extract()) {
            let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TMPFILE"].iter().any(|flag| flags.contains(flag));
            if writes && !allowed.iter().any(|path| path == file) && file != "/dev/null" {
                wrong.push(line);
            }
        } else if let Some((_, [call, to, rest])) = written.captures(line).map(|found| found.extract()) {
            let is_file = to.starts_with('/') && !to.starts_with("/dev/null");
            if ["write", "writev", "pwrite64", "pwritev", "pwritev2", "ftruncate", "fallocate"].contains(&call) {
                lines += usize::from(to == allowed[0]);
                if is_file && (!allowed.iter().any(|file| file == to) || rest.contains(CANARY)) {
                    wrong.push(line);
                }
            }
        } else if other.is_match(line)
            || line.contains("mmap(") && line.contains("MAP_SHARED") && line.contains("PROT_WRITE")
        {
            wrong.push(line);
        }
    }
    (wrong, lines)
}

fn mail(n: usize) -> Vec<u8> {
    let line = format!("{CANARY}: we gaan naar het museum, neem een boterham mee.\r\n");
    let picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
    format!(
        "From: Juf Anneke <anneke@delinde.example>\r\nTo: ouder@thuis.example\r\nSubject: Uitje {n} {CANARY}\r\n\
         Message-ID: <{n}@werkplek.delinde.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"grens\"\r\n\r\n--grens\r\n\r\n{}\r\n--grens\r\n\
         Content-Type: text/csv; name=\"{CANARY}.csv\"\r\n\r\ndag;les\r\n{}\r\n--grens\r\n\
         Content-Type: image/png; name=\"logo.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{picture}\r\n--grens--\r\n",
        line.repeat(20 + n % 50),
        "maandag;taal\r\n".repeat(30),
    )
    .into_bytes()
}

fn config() -> String {
    let (gate, client, sink) = (address(10), address(20), address(40));
    format!(
        r#"hostname = "poort.delinde.example"
mode = "enforce"

[[school]]
id = "linde"
name = "basisschool De Linde"
domains = ["delinde.example"]
privacy = {{ name = "Ilse Bakker", phone = "0123 456 781" }}
helpdesk = {{ name = "ICT-helpdesk", phone = "0123 456 789" }}

[smtp]
listen = ["{gate}:2525"]

[[smtp.client]]
name = "mailserver"
networks = ["{client}"]

[[next_hop]]
name = "provider"
hosts = ["{sink}:2525"]
tls = "off"

[log]
journal = "journal.jsonl"
"#
    )
}
