//! What deploy/backup.md says is true: a copy that is made beside a gate that serves, and the key from elsewhere, are all
//! that is needed. The journal fits and held mail opens; without the key, nothing does.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use support::address;
use support::client::Client;
use support::gate::{BINARY, Gate};
use support::sink::Sink;

const JUF: &str = "juf.anneke@delinde.example";
const PARENT: &str = "ouder@thuis.example";

#[test]
fn a_backup_of_a_gate_that_serves_is_put_back_elsewhere() {
    let (live, safe, elsewhere) = (folder(), folder(), folder());
    let at = |n: u8| format!("{}:2525", address(140 + n));
    let sink = Sink::listen(&at(2));
    sink.refuse_content(true);
    let gate = Gate::start(live.path(), &config(live.path(), &at(1), &at(2)));
    let mut client = Client::connect(&address(140), &at(1));
    for n in ["1", "2"] {
        assert!(client.send(JUF, &[PARENT], &mail(n)).starts_with("250 2.7.1 Taken"));
    }
    // One that is a file, and not only a row.
    let large = [mail("3"), b"Nog een regel over het uitje.\r\n".repeat(20_000)].concat();
    assert!(client.send(JUF, &[PARENT], &large).starts_with("250 2.7.1 Taken"));
    let copy = safe.path().join("nacht");
    let told = said(run(live.path(), &["backup"], Some(&copy)));
    assert!(told.contains("The key is not"), "{told}");
    said(run(live.path(), &["keys", "backup"], Some(&safe.path().join("key"))));
    assert!(!copy.join("seal.key").exists() && !copy.join("lock").exists());
    for (file, mode) in [("nacht", 0o700), ("nacht/mailpoort.db", 0o600)] {
        let rights = std::fs::metadata(safe.path().join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(rights, mode, "{file}");
    }
    // A second one into the same folder is none.
    assert!(!run(live.path(), &["backup"], Some(&copy)).status.success());
    // Nor is one into what it copies, whatever the way there is called.
    std::os::unix::fs::symlink(live.path().join("data/vault"), safe.path().join("weg")).unwrap();
    for inside in [live.path().join("data/nacht"), safe.path().join("weg/nacht")] {
        let refused = run(live.path(), &["backup"], Some(&inside));
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && told.contains("outside data_dir"), "{told}");
        assert!(!inside.exists());
    }
    // What comes after it is not in it.
    assert!(client.send(JUF, &[PARENT], &mail("4")).starts_with("250 2.7.1 Taken"));
    assert_eq!(listed(live.path()).len(), 4);
    drop(client);
    gate.stop();
    // Another machine: the copy, the key, and the configuration.
    std::fs::write(elsewhere.path().join("mailpoort.toml"), config(elsewhere.path(), &at(1), &at(2))).unwrap();
    let data = elsewhere.path().join("data");
    assert!(Command::new("cp").arg("-a").arg(&copy).arg(&data).status().unwrap().success());
    assert!(!run(elsewhere.path(), &["held", "list", "--check"], None).status.success(), "without the key");
    std::fs::remove_file(data.join("seal.key")).unwrap();
    std::fs::copy(safe.path().join("key"), data.join("seal.key")).unwrap();
    let verified = said(run(elsewhere.path(), &["journal", "verify"], None));
    assert!(!verified.is_empty());
    let held = listed(elsewhere.path());
    assert_eq!(held.len(), 3);
    for word in ["thuis", "anneke", "Aanmelding", "123456782"] {
        assert!(!held.join("").contains(word), "{word}: {held:?}");
    }
    assert!(held[0].contains("\"school\":\"linde\"") && held[0].contains("\"state\":\"held\""), "{held:?}");
    assert_eq!(said(run(elsewhere.path(), &["outbox", "list", "--json"], None)).lines().count(), 3, "its notices");
    let purged = said(run(elsewhere.path(), &["purge", "--json"], None));
    assert!(purged.contains("held_mail"), "{purged}");
    // A file of it that is missing is told.
    assert!(Command::new("rm").arg("-r").arg(data.join("vault")).status().unwrap().success());
    assert!(!run(elsewhere.path(), &["held", "list", "--check"], None).status.success());
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn run(folder: &Path, arguments: &[&str], to: Option<&Path>) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).args(to).arg("--config").arg(folder.join("mailpoort.toml")).output().unwrap()
}

fn said(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn listed(folder: &Path) -> Vec<String> {
    said(run(folder, &["held", "list", "--check", "--json"], None)).lines().map(str::to_owned).collect()
}

fn mail(n: &str) -> Vec<u8> {
    format!(
        "From: Juf Anneke <{JUF}>\r\nTo: <{PARENT}>\r\nSubject: Aanmelding {n}\r\nMessage-ID: \
         <{n}@werkplek.delinde.example>\r\n\r\nHet burgerservicenummer (BSN) van de leerling is 123456782.\r\n"
    )
    .into_bytes()
}

fn config(folder: &Path, gate: &str, sink: &str) -> String {
    format!(
        "hostname = \"poort.delinde.example\"\nmode = \"enforce\"\ndata_dir = \"{}\"\n\n\
         [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
         privacy = {{ name = \"Ilse Bakker\", role = \"privacycoördinator\", phone = \"040-555 01 23\" }}\n\
         helpdesk = {{ name = \"de helpdesk\", role = \"helpdesk\", phone = \"040-555 01 00\" }}\n\n\
         [smtp]\nlisten = [\"{gate}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
         [[next_hop]]\nname = \"provider\"\nhosts = [\"{sink}\"]\ntls = \"off\"\n",
        folder.join("data").display(),
    )
}
