//! A school in the lab: the built binary as its gate, an ordinary next hop, and mail that must travel under proven TLS.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use mailpoort::outbox::Outbox;
use mailpoort::store::Store;
use mailpoort::store::owed::Listed;
use tempfile::TempDir;

use super::rows::{CASES, LISTED};
use super::world::World;
use crate::inside::client::Client;
use crate::inside::next_hop::NextHop;
use crate::support::address;
use crate::support::gate::Gate;

pub const ANNA: &str = "anna@delinde.example";
const PATIENCE: Duration = Duration::from_secs(30);

/// The school.
pub struct School {
    pub folder: TempDir,
    pub gate: Gate,
    /// Where its ordinary mail goes.
    pub hop: NextHop,
    at: String,
    config: String,
}

impl School {
    /// Starts its gate, with more lines in `[tls]` and more tables.
    pub async fn start(world: &World, tls: &str, tables: &str) -> Self {
        let (folder, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
        let at = format!("{}:2525", address(10));
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
        let dkim = folder.path().join("linde.dkim");
        fs::write(&dkim, key).unwrap();
        fs::set_permissions(&dkim, fs::Permissions::from_mode(0o600)).unwrap();
        let config = config(world, &at, &hop.address.to_string(), tls, tables);
        let gate = Gate::start(folder.path(), &config);
        Self { folder, gate, hop, at, config }
    }

    /// Stops its gate, does something, and starts it again.
    pub fn again(self, between: impl FnOnce(&std::path::Path)) -> Self {
        let Self { folder, gate, hop, at, config } = self;
        gate.stop();
        between(&folder.path().join("data"));
        let gate = Gate::start(folder.path(), &config);
        Self { folder, gate, hop, at, config }
    }

    /// Anna sends a mail that must travel under proven TLS; its number.
    pub async fn sends(&self, to: &str) -> String {
        let mail = format!(
            "From: Anna <{ANNA}>\nTo: <{to}>\nSubject: Melding\nTLS-Required: No\nMessage-ID: <{to}.{}>\n\n\
             Het burgerservicenummer (BSN) van de leerling is 123456782.\n",
            self.at
        );
        let (code, reply) = Client::hello(self.at.parse().unwrap()).await.mail(ANNA, &[to], &mail).await;
        assert_eq!(code, 250, "{to}: {reply}");
        reply.rsplit_once("(id ").unwrap_or_else(|| panic!("{to}: {reply}")).1.trim_end_matches(')').to_owned()
    }

    /// What it has kept.
    pub fn store(&self) -> Store {
        Outbox::beside(&self.folder.path().join("data")).unwrap().store().clone()
    }

    /// What is owed when all that is owed under force was tried, and nothing else is owed.
    pub async fn tried(&self) -> Vec<Listed> {
        let (store, end) = (self.store(), tokio::time::Instant::now() + PATIENCE);
        loop {
            let owed = store.owed(1000).await.unwrap();
            if owed.iter().all(|one| one.kind == "forced" && one.tries > 0) {
                return owed;
            }
            assert!(tokio::time::Instant::now() < end, "{owed:#?}\n{}", self.gate.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn config(world: &World, at: &str, hop: &str, tls: &str, tables: &str) -> String {
    let quoted = |names: Vec<&str>| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let domains = quoted(CASES.iter().map(|case| case.domain).chain(["postfix.test"]).collect());
    let (listed, resolver) = (quoted(LISTED.to_vec()), world.resolver);
    let (anchor, ca) = (world.lab.anchor().display().to_string(), world.authorities().display().to_string());
    format!(
        r#"hostname = "poort.delinde.example"
mode = "enforce"
data_dir = "data"
[[school]]
id = "linde"
name = "De Linde"
domains = ["delinde.example"]
privacy = {{ name = "Ilse Bakker", phone = "0123 456 781" }}
helpdesk = {{ name = "ICT", phone = "0123 456 789" }}
dkim = {{ selector = "poort", key_file = "linde.dkim" }}
[smtp]
listen = ["{at}"]
[[smtp.client]]
name = "school"
networks = ["127.0.0.0/8"]
[[next_hop]]
name = "provider"
hosts = ["{hop}"]
tls = "off"
[recipients.safety]
domains = [{domains}]
[outbox]
retry_after = "50ms"
retry_at_most = "100ms"
[tls]
route = "direct"
resolver = ["{resolver}"]
trust_anchor = "{anchor}"
ca = "{ca}"
{tls}
[[tls.pkix]]
domains = [{listed}]
{tables}
"#
    )
}
