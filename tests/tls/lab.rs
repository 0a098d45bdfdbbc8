//! A DNS tree of our own on a real name server (Debian's knot): a signed root, `test.` signed below it, `unsigned.`
//! provably not, `bogus.` with a DS that fits no key, `optout.` with NSEC3 as top level domains have it. Zones are in tests/tls/zones.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mailpoort::tls::posture::{Resolvers, Settings};
use tempfile::TempDir;

use crate::support::{address, needs, until};

const PATIENCE: Duration = Duration::from_secs(20);
const PORT: u16 = 5353;

/// The name server.
pub struct Lab {
    folder: TempDir,
    knot: Child,
    /// Where it answers.
    pub dns: SocketAddr,
    /// Where names of policies' servers point to.
    pub web: IpAddr,
}

impl Lab {
    /// Signs the tree and serves it.
    pub fn start() -> Self {
        needs("knotd");
        needs("keymgr");
        let folder = tempfile::tempdir().unwrap();
        let (dns, web): (IpAddr, IpAddr) = (address(5).parse().unwrap(), address(6).parse().unwrap());
        for part in ["keys", "zones", "run"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        let zones = Path::new(".").join("tests/tls/zones");
        for zone in ["root", "test", "unsigned", "bogus", "optout", "school"] {
            let text = fs::read_to_string(zones.join(format!("{zone}.zone"))).unwrap();
            let text = text.replace("{dns}", &dns.to_string()).replace("{web}", &web.to_string());
            fs::write(folder.path().join(format!("zones/{zone}.zone")), text).unwrap();
        }
        fs::write(folder.path().join("knot.conf"), configuration(folder.path(), dns)).unwrap();
        let keys = |arguments: &[&str]| {
            let made = Command::new("/usr/sbin/keymgr")
                .arg("-c")
                .arg(folder.path().join("knot.conf"))
                .args(arguments)
                .output();
            let made = made.unwrap();
            assert!(made.status.success(), "keymgr {arguments:?}: {}", String::from_utf8_lossy(&made.stderr));
            String::from_utf8(made.stdout).unwrap()
        };
        for zone in [".", "test.", "bogus.", "optout."] {
            keys(&[zone, "generate", "ksk=yes", "zsk=yes"]);
        }
        let root = folder.path().join("zones/root.zone");
        let below = ["test.", "optout."].map(|zone| keys(&[zone, "ds"]).replace(" DS ", " 300 IN DS "));
        let signed = fs::read_to_string(&root).unwrap() + &below.concat();
        fs::write(root, signed).unwrap();
        let anchor = keys(&[".", "dnskey"]).replacen(". DNSKEY", ". 300 IN DNSKEY", 1);
        fs::write(folder.path().join("root.key"), anchor).unwrap();
        let log = fs::File::create(folder.path().join("knot.log")).unwrap();
        let knot = Command::new("/usr/sbin/knotd")
            .arg("-c")
            .arg(folder.path().join("knot.conf"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let lab = Self { folder, knot, dns: SocketAddr::new(dns, PORT), web };
        let pid = lab.folder.path().join("run/knot.pid");
        let log = || fs::read_to_string(lab.folder.path().join("knot.log")).unwrap_or_default();
        until(
            || format!("answer of knot: {}", log()),
            PATIENCE,
            || (pid.exists() && std::net::TcpStream::connect(lab.dns).is_ok()).then_some(()),
        );
        lab
    }

    /// The key of its root.
    pub fn anchor(&self) -> PathBuf {
        self.folder.path().join("root.key")
    }

    /// A folder that lasts as long as it does.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Settings that ask it, or somebody in between.
    pub fn settings(&self, resolver: SocketAddr) -> Settings {
        let resolvers = Resolvers::Given(vec![resolver]);
        Settings { resolvers, trust_anchor: Some(self.anchor()), ..Settings::default() }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.knot.kill();
        let _ = self.knot.wait();
    }
}

fn configuration(folder: &Path, dns: IpAddr) -> String {
    let folder = folder.display();
    let zone = |name: &str, file: &str, policy: Option<&str>| {
        let signing = policy.map(|policy| format!("    dnssec-signing: on\n    dnssec-policy: {policy}\n"));
        format!("  - domain: {name}\n    file: {file}.zone\n{}", signing.unwrap_or_default())
    };
    let policy = |name: &str, more: &str| {
        format!("  - id: {name}\n    manual: on\n    single-type-signing: on\n    algorithm: ecdsap256sha256\n{more}")
    };
    let zones = [
        zone(".", "root", Some("plain")),
        zone("test.", "test", Some("plain")),
        zone("unsigned.", "unsigned", None),
        zone("bogus.", "bogus", Some("plain")),
        zone("optout.", "optout", Some("optout")),
        zone("school.optout.", "school", None),
    ];
    format!(
        "server:\n    rundir: \"{folder}/run\"\n    listen: {dns}@{PORT}\n    udp-workers: 1\n    tcp-workers: 1\n    \
         background-workers: 1\n\
         database:\n    storage: \"{folder}/keys\"\n\
         log:\n  - target: stderr\n    any: warning\n\
         policy:\n{}{}\
         template:\n  - id: default\n    storage: \"{folder}/zones\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    \
         journal-content: none\n\
         zone:\n{}",
        policy("plain", ""),
        policy("optout", "    nsec3: on\n    nsec3-opt-out: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n"),
        zones.concat(),
    )
}
