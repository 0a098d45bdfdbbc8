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

/// A zone to serve.
pub struct Zone {
    /// Its name, with the last dot.
    pub name: &'static str,
    /// Its records; `{dns}` and `{web}` stand for the addresses of the name server and of the policies' server.
    pub text: String,
    /// How it is signed.
    pub signed: Signed,
}

/// How a zone is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// Not at all, and the zone above it has no DS.
    No,
    /// With NSEC.
    Yes,
    /// With NSEC3 and opt-out, as top level domains are.
    OptOut,
    /// With a key that the zone above knows nothing of: what its DS says is that zone's own text.
    Bogus,
}

impl Lab {
    /// Signs the tree of tests/tls/zones and serves it.
    pub fn start() -> Self {
        let zones = Path::new(".").join("tests/tls/zones");
        let zone = |name, file: &str, signed| {
            let text = fs::read_to_string(zones.join(format!("{file}.zone"))).unwrap();
            Zone { name, text, signed }
        };
        let zones = [
            zone(".", "root", Signed::Yes),
            zone("test.", "test", Signed::Yes),
            zone("unsigned.", "unsigned", Signed::No),
            zone("bogus.", "bogus", Signed::Bogus),
            zone("optout.", "optout", Signed::OptOut),
            zone("school.optout.", "school", Signed::No),
        ];
        Self::serve(&zones, PORT)
    }

    /// Signs zones, of which the first is the root, and serves them.
    pub fn serve(zones: &[Zone], port: u16) -> Self {
        needs("knotd");
        needs("keymgr");
        let folder = tempfile::tempdir().unwrap();
        let (dns, web): (IpAddr, IpAddr) = (address(5).parse().unwrap(), address(6).parse().unwrap());
        for part in ["keys", "zones", "run"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        for zone in zones {
            let text = zone.text.replace("{dns}", &dns.to_string()).replace("{web}", &web.to_string());
            fs::write(folder.path().join(format!("zones/{}", file(zone.name))), text).unwrap();
        }
        fs::write(folder.path().join("knot.conf"), configuration(folder.path(), dns, port, zones)).unwrap();
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
        let root = folder.path().join("zones").join(file("."));
        let mut signed = fs::read_to_string(&root).unwrap();
        for zone in zones.iter().filter(|zone| zone.signed != Signed::No) {
            keys(&[zone.name, "generate", "ksk=yes", "zsk=yes"]);
            if zone.name != "." && zone.signed != Signed::Bogus {
                signed += &keys(&[zone.name, "ds"]).replace(" DS ", " 300 IN DS ");
            }
        }
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
        let lab = Self { folder, knot, dns: SocketAddr::new(dns, port), web };
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

fn file(zone: &str) -> String {
    if zone == "." { "root.zone".to_owned() } else { format!("{zone}zone") }
}

fn configuration(folder: &Path, dns: IpAddr, port: u16, zones: &[Zone]) -> String {
    let folder = folder.display();
    let zone = |zone: &Zone| {
        let policy = match zone.signed {
            Signed::No => "",
            Signed::Yes | Signed::Bogus => "    dnssec-signing: on\n    dnssec-policy: plain\n",
            Signed::OptOut => "    dnssec-signing: on\n    dnssec-policy: optout\n",
        };
        format!("  - domain: {}\n    file: {}\n{policy}", zone.name, file(zone.name))
    };
    let policy = |name: &str, more: &str| {
        format!("  - id: {name}\n    manual: on\n    single-type-signing: on\n    algorithm: ecdsap256sha256\n{more}")
    };
    format!(
        "server:\n    rundir: \"{folder}/run\"\n    listen: {dns}@{port}\n    udp-workers: 1\n    tcp-workers: 1\n    \
         background-workers: 1\n\
         database:\n    storage: \"{folder}/keys\"\n\
         log:\n  - target: stderr\n    any: warning\n\
         policy:\n{}{}\
         template:\n  - id: default\n    storage: \"{folder}/zones\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    \
         journal-content: none\n\
         zone:\n{}",
        policy("plain", ""),
        policy("optout", "    nsec3: on\n    nsec3-opt-out: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n"),
        zones.iter().map(zone).collect::<String>(),
    )
}
