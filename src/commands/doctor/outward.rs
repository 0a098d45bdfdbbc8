//! Whether this machine gets to mail servers of others: many providers close port 25 outward. Greets one of them, sends
//! nothing, and says what to do where none answers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::report::Report;
use crate::smtp::client::{Direct, Look, Patience, Trouble, Why};
use crate::tls::posture::{Forced, Postures};

/// Domains whose servers are tried, and addresses of one.
const DOMAINS: usize = 3;
const ADDRESSES: usize = 2;

/// Greets servers of these domains until one answers; those that prove themselves are better, since mail goes there.
pub(super) async fn check(
    report: &mut Report,
    postures: &Postures,
    direct: &Direct,
    domains: impl Iterator<Item = String>,
) {
    let (connect, rest) = (Duration::from_secs(5), Duration::from_secs(10));
    let patience = Patience { connect, address: rest, reply: rest, whole: rest };
    let direct =
        Direct { our_name: direct.our_name.clone(), port: direct.port, roots: Arc::clone(&direct.roots), patience };
    let (port, mut tried) = (direct.port, BTreeSet::new());
    for domain in domains {
        let posture = postures.of(&domain).await;
        let proves = posture.forced() == Forced::Deliver;
        let hosts = posture.hosts.iter().filter(|host| host.proof.qualifies() || !proves);
        let addresses = hosts.flat_map(|host| host.addresses.iter().map(move |address| (host, *address)));
        for (host, address) in addresses.take(ADDRESSES) {
            if has_answered(&direct.look(host, address).await) {
                return report.ok(
                    "port_25",
                    [
                        format!("poort {port} naar buiten is open: een mailserver van {domain} antwoordt"),
                        format!("port {port} is open outward: a mail server of {domain} answers"),
                    ],
                );
            }
            tried.insert(domain.clone());
        }
        if tried.len() >= DOMAINS {
            break;
        }
    }
    match tried.is_empty() {
        true => report.warn(
            "port_25",
            [
                format!("of poort {port} naar buiten open is, kon niet: geen domein heeft een mailserver"),
                format!("whether port {port} is open outward could not be seen: no domain has a mail server"),
            ],
            ["probeer: mailpoort tls-check DOMEIN --live", "try: mailpoort tls-check DOMAIN --live"],
        ),
        false => report.bad(
            "port_25",
            [
                format!("poort {port} naar buiten lijkt dicht: geen mailserver van anderen antwoordt"),
                format!("port {port} seems closed outward: no mail server of others answers"),
            ],
            [
                format!("laat deze machine in de firewall, en bij de internetprovider, naar buiten op poort {port}"),
                format!("let this machine out on port {port}, in the firewall and at the internet provider"),
            ],
        ),
    }
}

/// Whether somebody has greeted us and answered EHLO, whatever certificate there was.
fn has_answered(look: &Look) -> bool {
    match &look.session {
        Ok(_) | Err(Why::Refused(_) | Why::Trouble(Trouble::NoTls | Trouble::Tls)) => true,
        Err(_) => false,
    }
}
