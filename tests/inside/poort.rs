//! A gate as `serve` builds it, from a configuration file, on a port of its own.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use mailpoort::config::Config;
use mailpoort::gate::Gate;
use mailpoort::gate::house::{self, House};
use mailpoort::outbox::Outbox;
use mailpoort::reader::{Readers, Settings};
use mailpoort::record::Record;
use mailpoort::share::Shares;
use mailpoort::smtp::budget::Budget;
use mailpoort::smtp::listener::{Server, bind};
use tempfile::TempDir;

use super::authority::AUTHORITY;
use super::next_hop::NextHop;
use super::soon;

/// Lines for the tables of the configuration.
#[derive(Default, Clone)]
pub struct Setup {
    pub top: Vec<String>,
    /// Of the first school.
    pub school: Vec<String>,
    pub smtp: Vec<String>,
    /// Instead of the network of this machine.
    pub client: Vec<String>,
    /// Instead of the next hop's address.
    pub hosts: Option<String>,
    /// Instead of `tls = "off"`.
    pub next_hop: Vec<String>,
    pub scan: Vec<String>,
}

/// A gate.
pub struct Poort {
    pub address: SocketAddr,
    pub gate: Gate,
    pub server: Arc<Server<Gate>>,
    pub budget: Budget,
    /// Where its configuration stands.
    pub dir: TempDir,
}

/// The password of `kopieerapparaat`, and its hash.
pub const PASSWORD: &str = "geheim-woord-1";
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$lQWIySX6VEGPCHQqPjFaQg$IJICMBAlOQ85A5NrPodNulmnjIsOF4K2QMr2xPOYnpI";

impl Poort {
    /// A gate before this next hop, which it has met.
    pub async fn start(setup: &Setup, next_hop: &NextHop) -> Self {
        Self::start_with(setup, next_hop, |_| {}).await
    }

    /// The same in a house that is changed before it is moved into. With a `data_dir` it keeps and owes mail.
    pub async fn start_with(setup: &Setup, next_hop: &NextHop, change: impl FnOnce(&mut House)) -> Self {
        let dir = TempDir::new().unwrap();
        write(dir.path(), setup, next_hop.address);
        let (mut house, smtp) = load(dir.path());
        change(&mut house);
        let outbox = house.data_dir.as_ref().map(|folder| Outbox::open(folder, house.retry).unwrap());
        let budget = Budget::new(smtp.memory);
        let settings = house::settings(&house, smtp, budget.clone()).unwrap();
        soon("the first meeting with the next hop", house.ways[0].next_hop.probe()).await;
        let mut record = Record::open(None).unwrap();
        if let Some(outbox) = &outbox {
            record.keep_in(outbox.store().clone()).unwrap();
        }
        let gate = Gate::new(house, record, outbox.clone());
        let shared = gate.house();
        if let (Some(outbox), Some(settings), Some(folder)) = (&outbox, &shared.share, &shared.data_dir) {
            gate.share_with(Shares::open(folder, outbox.clone(), settings.clone()).unwrap());
        }
        if let Some(outbox) = outbox {
            let around = Arc::new(gate.clone());
            tokio::spawn(async move { outbox.run(around).await });
        }
        let server = Server::new(gate.clone(), settings);
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Arc::clone(&server).serve(listener, false));
        Self { address, gate, server, budget, dir }
    }

    /// Loads the configuration anew, as SIGHUP does.
    pub fn reload(&self) {
        let (mut house, smtp) = load(self.dir.path());
        house.go_on_from(&self.gate.house());
        let settings = house::settings(&house, smtp, self.budget.clone()).unwrap();
        self.gate.reload(house);
        self.server.reload(settings);
    }
}

fn load(dir: &Path) -> (House, mailpoort::config::SmtpConfig) {
    let config = Config::load(&dir.join("mailpoort.toml")).unwrap_or_else(|problems| panic!("{problems:?}"));
    let (mut house, smtp) = House::load(config, &mut |_| {}).unwrap_or_else(|problems| panic!("{problems:?}"));
    // This process is no mailpoort that could read documents.
    let bench = Arc::get_mut(&mut house.bench).unwrap();
    let settings = bench.readers.as_ref().unwrap().settings().clone();
    let program = env!("CARGO_BIN_EXE_mailpoort").into();
    bench.readers = Some(Readers::new(Settings { program, ..settings }));
    (house, smtp)
}

/// Writes a configuration with all that it names.
pub fn write(dir: &Path, setup: &Setup, next_hop: SocketAddr) {
    let leaf = AUTHORITY.leaf("poort.delinde.example");
    std::fs::write(dir.join("poort.pem"), leaf.certificate).unwrap();
    secret(dir, "poort.key", &leaf.key);
    AUTHORITY.write(&dir.join("authority.pem"));
    secret(dir, "linde-proof", "linde-geheim-1");
    secret(dir, "eik-proof", "eik-geheim-22");
    secret(dir, "mark", "wij-waren-het");
    secret(
        dir,
        "users.toml",
        &format!(
            "[[user]]\nname = \"kopieerapparaat\"\npassword = \"{HASH}\"\nsenders = [\"scan@delinde.example\"]\nprogram = true\n"
        ),
    );
    let client =
        if setup.client.is_empty() { "networks = [\"127.0.0.1/32\"]".to_string() } else { setup.client.join("\n") };
    let hop = if setup.next_hop.iter().any(|line| line.starts_with("tls")) { "" } else { "tls = \"off\"" };
    let hosts = setup.hosts.clone().unwrap_or_else(|| format!("[\"{next_hop}\"]"));
    let own = setup.smtp.iter().any(|line| line.starts_with("auth"));
    let auth = if own { "" } else { "auth = { users = \"users.toml\" }" };
    let lines = |lines: &[String]| lines.join("\n");
    let (top, school, smtp) = (lines(&setup.top), lines(&setup.school), lines(&setup.smtp));
    let (next_hop, scan) = (lines(&setup.next_hop), lines(&setup.scan));
    std::fs::write(
        dir.join("mailpoort.toml"),
        format!(
            r#"hostname = "poort.delinde.example"
mode = "enforce"
{top}
[[school]]
id = "linde"
name = "De Linde"
domains = ["delinde.example"]
privacy = {{ name = "Sanne Vos", phone = "000-1" }}
helpdesk = {{ name = "ICT", phone = "000-2" }}
secret_header = {{ name = "X-Linde-Proof", value_file = "linde-proof" }}
{school}
[[school]]
id = "eik"
name = "De Eik"
domains = ["deeik.example"]
privacy = {{ name = "Bram Bos", phone = "000-3" }}
helpdesk = {{ name = "ICT", phone = "000-4" }}
secret_header = {{ name = "X-Eik-Proof", value_file = "eik-proof" }}
[smtp]
listen = ["127.0.0.1:0"]
tls = {{ certificate = "poort.pem", key = "poort.key" }}
{auth}
{smtp}
[[smtp.client]]
name = "postfix"
{client}
[[next_hop]]
name = "provider"
hosts = {hosts}
mark = {{ name = "X-Mailpoort-Mark", value_file = "mark" }}
{hop}
{next_hop}
[scan]
{scan}
"#
        ),
    )
    .unwrap();
}

fn secret(dir: &Path, name: &str, value: &str) {
    let file = dir.join(name);
    std::fs::write(&file, value).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
}
