//! The way out: every next hop resolves, answers, encrypts, knows us, and takes notices.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::report::Report;
use crate::config::{Config, NextHopConfig};
use crate::gate::house::{House, Tenant};
use crate::smtp::client::{Answer, Demand, Examined, NextHop, Trouble};

/// All of them. Returns how far the clocks are ahead of ours that they tell.
pub(super) async fn all(report: &mut Report, config: &Config, house: &House, live: bool) -> Vec<SignedDuration> {
    let mut clocks = Vec::new();
    for (config, way) in config.next_hops.iter().zip(&house.ways) {
        let hosts = way.next_hop.examine().await;
        let answers = hosts.iter().flat_map(|host| &host.addresses).filter_map(|(_, result)| result.as_ref().ok());
        clocks.extend(answers.clone().filter_map(|answer| clock(&answer.greeting)));
        let is_reached = answers.clone().next().is_some();
        hosts.iter().for_each(|host| tell(report, config, host, is_reached));
        if let Some(answer) = answers.into_iter().next() {
            offers(report, config, answer);
        }
    }
    for tenant in &house.schools {
        notice_route(report, house, tenant, live).await;
    }
    clocks
}

/// One host. What does not answer is an error, unless another host does.
fn tell(report: &mut Report, config: &NextHopConfig, host: &Examined, is_reached: bool) {
    let name = format!("{} ({}:{})", config.name, host.host, host.port);
    if host.addresses.is_empty() {
        return trouble(
            report,
            is_reached,
            [format!("{name} heeft geen adres"), format!("{name} has no address")],
            ["kijk naar de naam en naar DNS op deze machine", "look at the name, and at DNS on this machine"],
        );
    }
    for (address, result) in &host.addresses {
        match result {
            Ok(answer) => {
                let (nl, en) = tls(config.demand, answer.is_encrypted);
                let (user_nl, user_en) = match config.credentials {
                    Some(_) => (", aanmelden lukt", ", the sign-in works"),
                    None => ("", ""),
                };
                report.ok(
                    "next_hop",
                    [
                        format!("{name} antwoordt op {}, {nl}{user_nl}", address.ip()),
                        format!("{name} answers at {}, {en}{user_en}", address.ip()),
                    ],
                );
            }
            Err(what) => {
                let ([nl, en], todo) = words(*what);
                let said = [format!("{name} op {}: {nl}", address.ip()), format!("{name} at {}: {en}", address.ip())];
                trouble(report, is_reached, said, todo);
            }
        }
    }
}

fn trouble(report: &mut Report, is_reached: bool, said: [String; 2], todo: [&str; 2]) {
    match is_reached {
        true => report.warn("next_hop", said, todo),
        false => report.bad("next_hop", said, todo),
    }
}

fn tls(demand: Demand, is_encrypted: bool) -> (&'static str, &'static str) {
    match (demand, is_encrypted) {
        (Demand::Verify, true) => ("versleuteld en gecontroleerd", "encrypted and verified"),
        (_, true) => ("versleuteld, niet gecontroleerd", "encrypted, not verified"),
        (_, false) => ("niet versleuteld", "not encrypted"),
    }
}

fn words(trouble: Trouble) -> ([&'static str; 2], [&'static str; 2]) {
    match trouble {
        Trouble::NoTls => (
            ["biedt geen TLS aan", "offers no TLS"],
            ["kijk of poort en host kloppen", "look whether host and port are right"],
        ),
        Trouble::Tls => (
            ["geen TLS zoals `tls` het vraagt", "no TLS as `tls` demands it"],
            [
                "vraag de provider om de juiste naam in zijn certificaat, of geef zijn uitgever met `ca`",
                "ask the provider for a certificate with its name, or give its authority with `ca`",
            ],
        ),
        Trouble::RefusesUs => (
            ["het aanmelden wordt geweigerd", "the sign-in is refused"],
            [
                "kijk naar `username` en naar het bestand met het wachtwoord",
                "look at `username` and the password's file",
            ],
        ),
        Trouble::Silent => (
            ["zegt niets binnen de tijd", "says nothing in time"],
            ["kijk of hij deze machine toelaat", "look whether it lets this machine in"],
        ),
        Trouble::Unreachable | Trouble::Lost | Trouble::Nonsense | Trouble::Busy => (
            ["niet te bereiken, of geen mailserver", "cannot be reached, or is no mail server"],
            ["kijk naar adres, poort en firewall", "look at address, port and firewall"],
        ),
    }
}

/// What it does not offer, and what lies open on the way to it.
fn offers(report: &mut Report, config: &NextHopConfig, answer: &Answer) {
    let name = &config.name;
    if config.demand != Demand::Verify && !config.hosts.iter().all(|(host, _)| is_this_machine(host)) {
        report.warn(
            "next_hop",
            [
                format!("`tls` van {name} is zwakker dan \"verify\": onderweg kan iemand alle mail lezen"),
                format!("`tls` of {name} is weaker than \"verify\": somebody on the way can read all mail"),
            ],
            ["laat `tls` weg, en los op wat er dan misgaat", "leave `tls` out, and mend what then goes wrong"],
        );
    }
    let offered = answer.extensions;
    let missing = [("8BITMIME", offered.eight_bit_mime), ("SMTPUTF8", offered.smtputf8), ("DSN", offered.dsn)];
    let missing: Vec<&str> = missing.into_iter().filter(|(_, there)| !there).map(|(word, _)| word).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        report.warn(
            "next_hop",
            [
                format!("{name} biedt geen {missing}, dus mailpoort ook niet"),
                format!("{name} does not offer {missing}, so mailpoort does not either"),
            ],
            ["meestal geen bezwaar; de provider kan het aanzetten", "mostly no harm; the provider can switch it on"],
        );
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// Whether the notices of a school get away: to its own gate address, which answers go to.
async fn notice_route(report: &mut Report, house: &House, tenant: &Tenant, live: bool) {
    let id = &tenant.school.id;
    let way = house.way(None, &tenant.school).and_then(|way| house.ways.get(way));
    let Some(way) = way else {
        return report.bad(
            "notices",
            [format!("meldingen van {id} hebben geen weg"), format!("notices of {id} have no way out")],
            ["voeg een [[next_hop]] toe voor deze afzenders", "add a [[next_hop]] for these senders"],
        );
    };
    if live {
        ask(report, &way.next_hop, tenant).await;
    }
}

async fn ask(report: &mut Report, hop: &Arc<NextHop>, tenant: &Tenant) {
    let (name, address) = (hop.name(), tenant.school.gate_address.typed());
    let told = hop.would_take(&tenant.school.gate_address).await;
    match told {
        Ok(200..=299) => report.ok(
            "notices",
            [format!("{name} neemt mail van <> aan {address}"), format!("{name} takes mail from <> to {address}")],
        ),
        Ok(code @ 500..) => report.bad(
            "notices",
            [
                format!("{name} weigert mail van <> aan {address} ({code}): leraren krijgen geen meldingen"),
                format!("{name} refuses mail from <> to {address} ({code}): teachers get no notices"),
            ],
            [
                "laat de provider de lege afzender toe, en maak een mailbox voor `gate_address`",
                "have the provider allow the null sender, and make a mailbox for `gate_address`",
            ],
        ),
        Ok(code) => report.warn(
            "notices",
            [
                format!("{name} neemt nu geen mail van <> aan {address} ({code})"),
                format!("{name} does not take mail from <> to {address} now ({code})"),
            ],
            ["probeer het later nog eens", "try again later"],
        ),
        Err(what) => {
            let ([nl, en], todo) = words(what);
            report.bad("notices", [format!("{name}: {nl}"), format!("{name}: {en}")], todo);
        }
    }
}

/// How far the clock of a greeting is ahead of ours: some tell it, `... ready at Sun, 22 Nov 2026 09:20:05 +0000`.
fn clock(greeting: &str) -> Option<SignedDuration> {
    let days = ["Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, "];
    let at = days.iter().find_map(|day| greeting.find(day))?;
    let told = jiff::fmt::rfc2822::parse(greeting.get(at..)?.trim()).ok()?;
    Some(told.timestamp().duration_since(Timestamp::now()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_greeting_may_tell_the_time() {
        let now = jiff::Zoned::now();
        let date = jiff::fmt::rfc2822::to_string(&now).unwrap();
        for greeting in [
            format!("mx.example Microsoft ESMTP MAIL Service ready at {date}"),
            format!("mx ESMTP Sendmail 8.18; {date}"),
        ] {
            assert!(clock(&greeting).unwrap().abs() < SignedDuration::from_secs(10), "{greeting}");
        }
        assert_eq!(clock("mx.example ESMTP Postfix (Sunny)"), None);
        assert_eq!(clock("mx.example Sun, 99 Nov"), None);
    }
}
