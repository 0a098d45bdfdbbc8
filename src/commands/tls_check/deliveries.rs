//! `mailpoort tls-check --deliveries`: how mail fared that had to travel under proven TLS, the newest first.

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::commands::kept::beside;
use crate::commands::{fail, process, say};
use crate::config::Config;
use crate::problem::Problem;
use crate::store::journal::NewLine;
use crate::store::tls::Delivery;
use crate::store::{self, Store, StoreError};

/// So many tries are looked through.
const MOST: usize = 100_000;

pub(super) fn run(config: &Path, domain: Option<&str>, as_json: bool) -> ExitCode {
    match tries(config, domain) {
        Ok((tries, zone)) => {
            for tried in &tries {
                say(if as_json { json!(tried).to_string() } else { line(tried, &zone) });
            }
            if tries.is_empty() && !as_json {
                say("No mail had to travel under proven TLS there.");
            }
            ExitCode::SUCCESS
        }
        Err(problems) => fail(&problems),
    }
}

fn tries(file: &Path, domain: Option<&str>) -> Result<(Vec<Delivery>, TimeZone), Vec<Problem>> {
    let config = Config::load(file)?;
    let kept = beside(&config, file).map_err(|problem| vec![problem])?;
    let read = process::wait_for(read(kept.store())).map_err(|problem| vec![problem])?;
    let mut tries = read
        .map_err(|error| vec![Problem::new("tls_delivery", error.to_string(), "look at the disk below `data_dir`")])?;
    if let Some(domain) = domain {
        let asked = in_a_labels(domain);
        tries.retain(|tried| in_a_labels(&tried.facts.domain) == asked);
    }
    Ok((tries, config.time_zone))
}

/// As DNS has it, however it is typed.
fn in_a_labels(domain: &str) -> String {
    let domain = domain.trim_end_matches('.');
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_ascii_lowercase())
}

/// Domains are sealed, since one may be a family's: that somebody looked is written down.
async fn read(store: &Store) -> Result<Vec<Delivery>, StoreError> {
    let core = json!({ "event": "opened", "by": "tls-check" });
    store.journal(NewLine::of_gate(store::now(), core.to_string())).await?;
    store.last_deliveries(MOST).await
}

fn line(tried: &Delivery, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(tried.at).unwrap_or_default().to_zoned(zone.clone());
    let at = at.strftime("%Y-%m-%d %H:%M");
    let (taken, all, domain) = (tried.taken, tried.recipients, &tried.facts.domain);
    let way = match (&tried.tls_version, &tried.cipher, &tried.verified) {
        (Some(version), Some(cipher), Some(verified)) => {
            let mx = tried.facts.mx.as_deref().unwrap_or("?");
            let address = tried.facts.address.as_deref().unwrap_or("?");
            format!("{mx} [{address}], {version}, {cipher}, verified: {verified}")
        }
        _ if taken > 0 => "by the next hop, whose provider enforces TLS; not proven by us".to_owned(),
        _ => format!("not proven: {}", tried.reason.as_deref().unwrap_or(&tried.posture)),
    };
    let code = tried.code.map_or_else(String::new, |code| format!(", {code}"));
    format!("{at}  {domain}  {taken} of {all} taken{code}  {way}")
}
