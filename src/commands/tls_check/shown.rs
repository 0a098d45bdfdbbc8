//! What `tls-check` prints: a page for whoever runs the gate, and the same as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Found, code};
use crate::config::TlsRoute;
use crate::country::Country;
use crate::school::Language;
use crate::smtp::client::{Certificate, Look};
use crate::tls::posture::{Dane, Forced, MxHost, Posture, Row, StsFound, Tlsa, TlsaFound};
use crate::tls::{Certified, Claims};

/// The page.
pub(super) fn text(found: &Found, language: Language) -> String {
    let posture = &found.posture;
    let mut page = format!("{}\n\n", posture.domain);
    let resolver = match found.validates {
        Some(true) => "answers can be validated (DNSSEC)",
        Some(false) => "answers can NOT be validated, so nothing can be proven: see `resolver` in [tls]",
        None => "does not answer",
    };
    let _ = writeln!(page, "Resolver   {resolver}");
    let mx = match (posture.implicit_mx, posture.hosts.is_empty()) {
        (true, _) => "none: the domain is its own host",
        (false, true) => "no host",
        (false, false) => "as below",
    };
    let _ = writeln!(page, "MX         {mx}; {}", secure(posture.mx_secure));
    for (number, host) in posture.hosts.iter().enumerate() {
        host_lines(&mut page, host, found.looks.get(number).map_or(&[], Vec::as_slice));
    }
    let _ = writeln!(page, "MTA-STS    {}", sts(posture));
    let _ = writeln!(
        page,
        "Reports    {}",
        posture.reports.as_ref().map_or("not known now".to_owned(), |to| or_none(&to.join(", ")).to_owned())
    );
    let nta = posture.nta7516.as_ref().map(|nta| format!("{} until {}; {}", nta.provider, nta.end, secure(nta.secure)));
    let _ = writeln!(page, "NTA 7516   {}", or_none(&nta.unwrap_or_default()));
    let _ = writeln!(page, "\nRow        {} ({})", posture.row.number(), posture.row.code());
    let _ = writeln!(page, "Forced     {}", forced(posture.forced()));
    if let Some(route) = &found.route {
        let _ = writeln!(page, "Route      {}", self::route(route));
    }
    let _ = write!(page, "\n{}", posture.sentence(language));
    page
}

/// The JSON object.
pub(super) fn json(found: &Found) -> Value {
    let posture = &found.posture;
    let hosts = posture.hosts.iter().enumerate();
    let hosts: Vec<Value> =
        hosts.map(|(number, host)| host_json(host, found.looks.get(number).map_or(&[], Vec::as_slice))).collect();
    json!({
        "domain": posture.domain,
        "validates": found.validates,
        "row": posture.row.number(),
        "posture": posture.row.code(),
        "forced": word(posture.forced()),
        "exit_code": code(posture),
        "route": found.route.as_ref().map(route),
        "mx_secure": posture.mx_secure,
        "implicit_mx": posture.implicit_mx,
        "hosts": hosts,
        "sts": sts_json(&posture.sts),
        "tlsrpt": posture.reports,
        "nta7516": posture.nta7516.as_ref().map(|nta| json!({
            "provider": nta.provider,
            "start": nta.start.to_string(),
            "end": nta.end.to_string(),
            "mx": nta.mx,
            "secure": nta.secure,
        })),
        "sentence": { "nl": posture.sentence(Language::Nl), "en": posture.sentence(Language::En) },
    })
}

fn host_lines(page: &mut String, host: &MxHost, looks: &[Look]) {
    let (row, verdict) = (host.row(), if host.proof.qualifies() { "qualifies" } else { "does not qualify" });
    let _ = writeln!(page, "  {} {}  row {} ({}), {verdict}", host.preference, host.name, row.number(), row.code());
    let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
    let _ = writeln!(page, "     addresses  {}; {}", or_none(&addresses.join(", ")), secure(host.addresses_secure));
    if !host.countries.is_empty() {
        let countries: Vec<&str> = host.countries.iter().map(Country::code).collect();
        let eea = if host.is_outside_eea() { "outside of the EU and the EEA" } else { "in the EU or the EEA" };
        let _ = writeln!(page, "     country    {}; {eea}, as `country_file` has it", countries.join(", "));
    }
    let _ = writeln!(page, "     TLSA       {}", tlsa(&host.tlsa));
    for record in usable(&host.tlsa).into_iter().flat_map(|dane| &dane.records) {
        let _ = writeln!(page, "                {}", presentation(record));
    }
    for look in looks {
        let _ = writeln!(page, "     {}  {}", look.address, looked(look));
        if let Some(certificate) = &look.certificate {
            let _ = writeln!(page, "        certificate  {}", certificate_line(certificate));
        }
    }
}

fn host_json(host: &MxHost, looks: &[Look]) -> Value {
    let (row, dane) = (host.row(), usable(&host.tlsa));
    json!({
        "name": host.name,
        "preference": host.preference,
        "addresses": host.addresses,
        "addresses_secure": host.addresses_secure,
        "countries": host.countries.iter().map(Country::code).collect::<Vec<_>>(),
        "tlsa": tlsa(&host.tlsa),
        "tlsa_base": dane.map(|dane| &dane.base),
        "tlsa_records": dane.map(|dane| dane.records.iter().map(presentation).collect::<Vec<_>>()),
        "row": row.number(),
        "posture": row.code(),
        "qualifies": host.proof.qualifies(),
        "live": looks.iter().map(look_json).collect::<Vec<_>>(),
    })
}

fn looked(look: &Look) -> String {
    let row = format!("row {} ({})", look.row.number(), look.row.code());
    match &look.session {
        Ok(shown) => {
            let offers = if shown.require_tls { ", offers REQUIRETLS" } else { "" };
            format!("{} {}, {}{offers}: {row}", shown.version, shown.cipher, certified(shown.certified))
        }
        Err(why) => format!("{}: {row}", why.code()),
    }
}

fn certificate_line(certificate: &Certificate) -> String {
    let Claims { subject, issuer, until, .. } = &certificate.claims;
    let dane = match certificate.dane {
        Some(true) => "matches TLSA",
        Some(false) => "does NOT match TLSA",
        None => "no TLSA to match",
    };
    let pkix =
        certificate.pkix.map_or_else(|why| format!("not valid for the web ({})", why.word()), |()| "valid".to_owned());
    format!("{}, from {}, until {until:.0}; {dane}; {pkix}", or_none(subject), or_none(issuer))
}

fn certificate_json(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.claims.subject,
        "issuer": certificate.claims.issuer,
        "not_before": certificate.claims.from.to_string(),
        "not_after": certificate.claims.until.to_string(),
        "dane": certificate.dane,
        "pkix": certificate.pkix.is_ok(),
        "pkix_trouble": certificate.pkix.err().map(|why| why.word()),
    })
}

fn look_json(look: &Look) -> Value {
    let shown = look.session.as_ref().ok();
    json!({
        "address": look.address,
        "row": look.row.number(),
        "posture": look.row.code(),
        "greeting": shown.map(|shown| &shown.greeting),
        "version": shown.map(|shown| shown.version),
        "cipher": shown.map(|shown| &shown.cipher),
        "certified": shown.map(|shown| certified(shown.certified)),
        "requiretls": shown.map(|shown| shown.require_tls),
        "certificate": look.certificate.as_ref().map(certificate_json),
        "trouble": look.session.as_ref().err().map(|why| why.code()),
    })
}

fn certified(certified: Certified) -> &'static str {
    match certified {
        Certified::DaneEe => "certificate matches (DANE-EE)",
        Certified::DaneTa => "authority matches (DANE-TA)",
        Certified::Authority => "certificate is valid",
    }
}

fn tlsa(found: &TlsaFound) -> String {
    match found {
        TlsaFound::NotAsked => "not asked, since no address is secure".to_owned(),
        TlsaFound::None => "none".to_owned(),
        TlsaFound::Unusable(number) => format!("{number}, none of them usable"),
        TlsaFound::Usable(dane) => format!("{} usable, at {}", dane.records.len(), dane.base),
        TlsaFound::Unknown(_) => "cannot be looked up now".to_owned(),
    }
}

fn usable(found: &TlsaFound) -> Option<&Dane> {
    if let TlsaFound::Usable(dane) = found { Some(dane) } else { None }
}

/// As zone files have it (RFC 6698 2.2).
fn presentation(record: &Tlsa) -> String {
    let data: String = record.data.iter().map(|octet| format!("{octet:02x}")).collect();
    let [usage, selector, matching] = record.numbers();
    format!("{usage} {selector} {matching} {data}")
}

fn sts(posture: &Posture) -> String {
    match &posture.sts {
        StsFound::None => "none".to_owned(),
        StsFound::Trouble(why) => format!("a record, and no policy: {why}"),
        StsFound::Policy { mode, mx, id, fetched, until } => format!(
            "{} for {}; id {id}, fetched {fetched:.0}, holds until {until:.0}",
            mode.word(),
            or_none(&mx.join(", "))
        ),
    }
}

fn sts_json(sts: &StsFound) -> Value {
    match sts {
        StsFound::None => Value::Null,
        StsFound::Trouble(why) => json!({ "trouble": why.to_string() }),
        StsFound::Policy { mode, mx, id, fetched, until } => json!({
            "mode": mode.word(),
            "mx": mx,
            "id": id,
            "fetched": fetched.to_string(),
            "until": until.to_string(),
        }),
    }
}

fn forced(forced: Forced) -> &'static str {
    match forced {
        Forced::Deliver => "a message that must travel under proven TLS is delivered, to hosts that qualify",
        Forced::Defer => "a message that must travel under proven TLS waits and is tried again",
        Forced::Fallback => "a message that must travel under proven TLS takes the policy line's other way",
        Forced::Undeliverable => "no message can be delivered",
    }
}

/// How such mail leaves here, whatever the domain can prove.
fn route(route: &TlsRoute) -> String {
    let row = Row::Smarthost;
    match route {
        TlsRoute::Share => "share: such mail is not sent, whatever is proven; see `route` in [tls]".to_owned(),
        TlsRoute::Direct => "direct: by our own client".to_owned(),
        TlsRoute::Attested(hop) => format!(
            "next hop {hop}, whose provider enforces TLS by its settings; not proven by us: row {} ({})",
            row.number(),
            row.code()
        ),
    }
}

fn word(forced: Forced) -> &'static str {
    match forced {
        Forced::Deliver => "deliver",
        Forced::Defer => "defer",
        Forced::Fallback => "fallback",
        Forced::Undeliverable => "undeliverable",
    }
}

fn secure(secure: bool) -> &'static str {
    if secure { "secure" } else { "not secure" }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}
