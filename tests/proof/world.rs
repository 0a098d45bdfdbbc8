//! The lab's world: a signed DNS tree on a real name server, a real validating resolver before it, a mail server for each
//! host of the table, and the web server of policies. On ports 25, 53 and 443, as outside.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::rows::{CASES, Case, HOSTS, Host, NOWHERE, Shows, Tlsa};
use crate::inside::authority::{AUTHORITY, Leaf, self_signed};
use crate::inside::next_hop::NextHop;
use crate::support::{address, needs, until};
use crate::tls::lab::{Lab, Signed, Zone};
use crate::tls::web::{Web, policy, right};

/// Where policies' servers answer.
const HTTPS: u16 = 443;
/// Mail servers.
const SMTP: u16 = 25;

/// A host of the web server that takes reports about TLS.
pub const REPORTS: &str = "tlsrpt.replaced.test";

/// The world; dropped, it ends.
pub struct World {
    /// The name server.
    pub lab: Lab,
    /// The validating resolver, at port 53.
    pub resolver: IpAddr,
    /// Mail servers by name.
    pub hosts: BTreeMap<&'static str, NextHop>,
    /// The server of policies.
    pub web: Web,
    unbound: Child,
}

impl World {
    /// All of it, with more records, a line each.
    pub async fn start(more: &str) -> Self {
        let mut zones = Zones::default();
        let mut hosts = BTreeMap::new();
        for (number, host) in (100..).zip(HOSTS) {
            let at = address(number);
            let leaf = leaf(host);
            zones.host(host, &at, leaf.as_ref());
            let server = NextHop::listen(&format!("{at}:{SMTP}"), leaf.as_ref().map(Leaf::server_config)).await;
            host.rules.iter().for_each(|rule| server.rule(rule));
            hosts.insert(host.name, server);
        }
        CASES.iter().for_each(|case| zones.domain(case));
        zones.add("mx.alias.test", "CNAME mx.ee.test.");
        zones.add(REPORTS, "A {web}");
        for line in more.lines() {
            let (name, record) = line.split_once(' ').unwrap();
            zones.add(name.trim_end_matches('.'), record);
        }
        let lab = Lab::serve(&zones.all(), 53);
        let policies: Vec<&Case> = CASES.iter().filter(|case| case.sts.is_some()).collect();
        let names: Vec<&str> = policies.iter().map(|case| case.domain).chain([REPORTS]).collect();
        let web = Web::at(SocketAddr::new(lab.web, HTTPS), lab.folder(), &names).await;
        for case in policies {
            let (mode, host) = case.sts.unwrap();
            web.say(case.domain, Some(right(&policy(mode, &[host]))));
        }
        let resolver: IpAddr = address(8).parse().unwrap();
        let unbound = unbound(&lab, resolver);
        Self { lab, resolver, hosts, web, unbound }
    }

    /// The authorities that everybody trusts: that of the mail servers and that of the policies' server.
    pub fn authorities(&self) -> PathBuf {
        let file = self.lab.folder().join("authorities.pem");
        fs::write(&file, format!("{}{}", AUTHORITY.pem, fs::read_to_string(&self.web.ca).unwrap())).unwrap();
        file
    }

    /// No server but these has heard more than greetings.
    pub fn heard_nothing_but(&self, excepted: &[&str]) {
        for (name, server) in self.hosts.iter().filter(|(name, _)| !excepted.contains(name)) {
            heard_nothing(name, server);
        }
    }
}

/// Not a word of a mail: no MAIL, no DATA, no address.
pub fn heard_nothing(name: &str, server: &NextHop) {
    let seen = server.seen();
    assert!(seen.mails.is_empty(), "{name} has a mail");
    for line in &seen.commands {
        let greeting = ["EHLO ", "HELO ", "STARTTLS", "QUIT"].iter().any(|verb| line.starts_with(verb));
        assert!(greeting && !line.contains('@'), "{name} has heard {line}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.unbound.kill();
        let _ = self.unbound.wait();
    }
}

fn leaf(host: &Host) -> Option<Leaf> {
    Some(match host.shows {
        Shows::Nothing => return None,
        Shows::Good => AUTHORITY.leaf(host.name),
        Shows::Expired => AUTHORITY.expired(host.name),
        Shows::OtherName => AUTHORITY.leaf("mx.iets.example"),
        Shows::Odd => AUTHORITY.expired("mx.iets.example"),
        Shows::SelfSigned => self_signed(host.name),
    })
}

/// The data of a `3 1 1` record of a key.
pub fn key_digest(leaf: &Leaf) -> String {
    let key = KeyPair::from_pem(&leaf.key).unwrap();
    hex(digest(&SHA256, &key.subject_public_key_info()).as_ref())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The text of the zones.
#[derive(Default)]
struct Zones {
    test: String,
    unsigned: String,
    bogus: String,
    reverse: String,
}

impl Zones {
    /// A record, in the zone that its name ends in.
    fn add(&mut self, name: &str, record: &str) {
        let zone = match name.rsplit('.').next().unwrap() {
            "test" => &mut self.test,
            "unsigned" => &mut self.unsigned,
            "bogus" => &mut self.bogus,
            "arpa" => &mut self.reverse,
            other => panic!("no zone {other}"),
        };
        *zone += &format!("{name}. {record}\n");
    }

    fn host(&mut self, host: &Host, at: &str, leaf: Option<&Leaf>) {
        self.add(host.name, &format!("A {at}"));
        let other = "11".repeat(32);
        let own = leaf.map_or(other.clone(), key_digest);
        let records = match host.tlsa {
            Tlsa::None => Vec::new(),
            Tlsa::Matches => vec![format!("TLSA 3 1 1 {own}")],
            Tlsa::Rollover => vec![format!("TLSA 3 1 1 {other}"), format!("TLSA 3 1 1 {own}")],
            Tlsa::OtherKey => vec![format!("TLSA 3 1 1 {other}")],
            Tlsa::Authority => {
                let authority = CertificateDer::from_pem_slice(AUTHORITY.pem.as_bytes()).unwrap();
                vec![format!("TLSA 2 0 0 {}", hex(&authority))]
            }
            Tlsa::Unusable => vec![format!("TLSA 1 1 1 {own}")],
            Tlsa::Broken => vec!["CNAME _25._tcp.mx.school.bogus.".to_owned()],
        };
        records.iter().for_each(|record| self.add(&format!("_25._tcp.{}", host.name), record));
    }

    fn domain(&mut self, case: &Case) {
        for (preference, host) in (1..).zip(case.mx) {
            let (preference, dot) = if *host == "." { (0, "") } else { (10 * preference, ".") };
            self.add(case.domain, &format!("MX {preference} {host}{dot}"));
        }
        if case.mx.is_empty() && !NOWHERE.contains(&case.domain) {
            assert!(HOSTS.iter().any(|host| host.name == case.domain), "{} is nowhere", case.domain);
        }
        if case.sts.is_some() {
            self.add(&format!("_mta-sts.{}", case.domain), "TXT \"v=STSv1; id=1;\"");
            self.add(&format!("mta-sts.{}", case.domain), "A {web}");
        }
    }

    fn all(&self) -> [Zone; 5] {
        let head = "@ 300 SOA ns.test. hostmaster.test. 1 3600 900 3600 60\n@ NS ns.test.\n";
        let zone = |name: &'static str, text: &str, signed| Zone {
            name,
            text: format!("$ORIGIN {name}\n$TTL 300\n{head}{text}"),
            signed,
        };
        let root = "test. NS ns.test.\nns.test. A {dns}\nunsigned. NS ns.test.\nbogus. NS ns.test.\n2.0.192.in-addr.arpa. NS ns.test.\n\
                    bogus. DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n";
        [
            zone(".", root, Signed::Yes),
            zone("test.", &format!("ns A {{dns}}\n{}", self.test), Signed::Yes),
            zone("unsigned.", &self.unsigned, Signed::No),
            zone("bogus.", &self.bogus, Signed::Bogus),
            zone("2.0.192.in-addr.arpa.", &self.reverse, Signed::No),
        ]
    }
}

/// A validating resolver that knows this root alone.
fn unbound(lab: &Lab, at: IpAddr) -> Child {
    needs("unbound");
    let (folder, dns) = (lab.folder(), lab.dns.ip());
    fs::write(folder.join("root.hints"), format!(". 3600 NS ns.test.\nns.test. 3600 A {dns}\n")).unwrap();
    let shown = folder.display();
    let config = format!(
        "server:\n interface: {at}\n access-control: 127.0.0.0/8 allow\n do-not-query-localhost: no\n do-ip6: no\n \
         do-daemonize: no\n use-syslog: no\n logfile: \"\"\n username: \"\"\n chroot: \"\"\n directory: \"{shown}\"\n \
         pidfile: \"\"\n root-hints: \"{shown}/root.hints\"\n trust-anchor-file: \"{shown}/root.key\"\n \
         module-config: \"validator iterator\"\n local-zone: \"test.\" nodefault\n \
         local-zone: \"2.0.192.in-addr.arpa.\" nodefault\n num-threads: 1\nremote-control:\n control-enable: no\n"
    );
    fs::write(folder.join("unbound.conf"), config).unwrap();
    let log = fs::File::create(folder.join("unbound.log")).unwrap();
    let unbound = Command::new(program("unbound"))
        .args(["-d", "-c"])
        .arg(folder.join("unbound.conf"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let log = || fs::read_to_string(folder.join("unbound.log")).unwrap_or_default();
    let up = || std::net::TcpStream::connect((at, 53)).ok();
    until(|| format!("answer of unbound: {}", log()), Duration::from_secs(20), up);
    unbound
}

fn program(name: &str) -> PathBuf {
    let sbin = Path::new("/usr/sbin").join(name);
    if sbin.is_file() { sbin } else { PathBuf::from(name) }
}
