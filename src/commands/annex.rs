//! `mailpoort annex`: what is processed here, of whom, where, for how long, and who else gets it: the annex to a processor
//! agreement and to the record of processing (AVG art. 28 and 30), made from the settings as they are.
//!
//! Reads the configuration and nothing that is kept: no address, number or name of a pupil can stand in it. What the settings
//! do not say (who runs the machine, where it stands) is left open, in so many words.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::commands::{fail, say};
use crate::config::{Config, TlsRoute};
use crate::school::{Contact, Language};
use crate::share::KeysMode;
use crate::vault::share::Place;

/// Arguments of `annex`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// nl or en; default: that of the configuration
    #[arg(long, value_parser = language)]
    language: Option<Language>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match Config::load(&arguments.config) {
        Ok(config) => {
            say(annex(&config, arguments.language.unwrap_or(config.language)).trim_end());
            ExitCode::SUCCESS
        }
        Err(problems) => fail(&problems),
    }
}

fn language(typed: &str) -> Result<Language, String> {
    Language::ALL.into_iter().find(|one| one.word() == typed).ok_or_else(|| "nl or en".to_owned())
}

/// The page, in Markdown.
fn annex(config: &Config, language: Language) -> String {
    let title = language.of("Wat mailpoort verwerkt", "What mailpoort processes");
    let made = language.of(
        "Gemaakt uit de instellingen van deze installatie. Bijlage bij de verwerkersovereenkomst en het register \
         (AVG art. 28 en 30). Veranderen de instellingen, maak hem dan opnieuw.",
        "Made from the settings of this installation. Annex to the processor agreement and the record of processing \
         (GDPR art. 28 and 30). When the settings change, make it again.",
    );
    let sections = [
        (language.of("Voor wie", "For whom"), schools(config, language)),
        (language.of("Wat, waar en hoe lang", "What, where and how long"), kept(config, language)),
        (language.of("Wie het verder krijgt", "Who else gets it"), others(config, language)),
        (
            language.of("Waar het staat en wie het kan lezen", "Where it lies and who can read it"),
            place(config, language),
        ),
        (language.of("Rechten van betrokkenen", "Rights of those concerned"), rights(language)),
    ];
    let sections = sections.map(|(title, lines)| format!("## {title}\n\n{}\n", lines.join("\n")));
    format!("# {title}: {}\n\n{made}\n\n{}", config.hostname, sections.join("\n"))
}

fn schools(config: &Config, language: Language) -> Vec<String> {
    let school = |one: &crate::config::SchoolConfig| {
        let school = &one.school;
        let fg = school.fg.as_ref().map_or_else(|| language.of("niet ingevuld", "not filled in").to_owned(), contact);
        let day = |day: Option<jiff::civil::Date>| {
            day.map_or_else(|| language.of("niet ingevuld", "not filled in").to_owned(), |day| day.to_string())
        };
        language.of(
            format!(
                "- **{}** ({}). Privacy: {}. FG: {fg}. DPIA: {}.",
                school.name,
                school.domains.join(", "),
                contact(&school.privacy),
                day(one.duties.dpia)
            ),
            format!(
                "- **{}** ({}). Privacy: {}. Data protection officer: {fg}. DPIA: {}.",
                school.name,
                school.domains.join(", "),
                contact(&school.privacy),
                day(one.duties.dpia)
            ),
        )
    };
    config.schools.iter().map(school).collect()
}

fn contact(contact: &Contact) -> String {
    let reached = contact.mail.as_ref().or(contact.phone.as_ref());
    [Some(&contact.name), reached].into_iter().flatten().cloned().collect::<Vec<_>>().join(", ")
}

/// A line of the table: what it is, of whom, in which form, how long.
type Row<'r> = [(&'r str, &'r str); 3];

fn kept(config: &Config, language: Language) -> Vec<String> {
    let days = |lasts: Duration| {
        let days = lasts.as_secs() / 86_400;
        language.of(format!("{days} dagen"), format!("{days} days"))
    };
    let mut table = vec![
        language
            .of("| wat | van wie | in welke vorm | hoe lang |", "| what | of whom | in which form | how long |")
            .to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    let mut row = |cells: Row<'_>, lasts: &str| {
        let cells = cells.map(|(nl, en)| language.of(nl, en)).join(" | ");
        table.push(format!("| {cells} | {lasts} |"));
    };
    let both = ("afzenders, ontvangers, over wie de mail gaat", "senders, recipients, whom the mail is about");
    let sealed = ("verzegeld", "sealed");
    row(
        [
            ("mail die doorgaat", "mail that passes"),
            both,
            ("in het geheugen, nooit op schijf", "in memory, never on disk"),
        ],
        language.of("tot de volgende mailserver haar heeft", "until the next mail server has it"),
    );
    if config.data_dir.is_some() {
        let keep =
            if config.keep.is_zero() { language.of("niet bewaard", "not kept").to_owned() } else { days(config.keep) };
        row([("mail die is tegengehouden", "mail that was stopped"), both, sealed], &keep);
        let most = format!(
            "{} {}",
            language.of("tot zij is afgeleverd, hoogstens", "until it is delivered, at most"),
            hours(config.retry.give_up, language)
        );
        row([("mail die nog weg moet", "mail that is owed"), both, sealed], &most);
        let hashed = (
            "adressen als hash en verzegeld; soorten en aantallen, geen inhoud",
            "addresses as hashes and sealed; kinds and counts, no content",
        );
        let people = ("afzenders en ontvangers", "senders and recipients");
        row(
            [("journaal: mail die doorging", "journal: mail that passed"), people, hashed],
            &days(config.lifetimes.passed),
        );
        row(
            [("journaal: mail die is tegengehouden", "journal: mail that was stopped"), people, hashed],
            &days(config.lifetimes.incidents),
        );
        row(
            [("journaal: mail die toch is verstuurd", "journal: mail sent nevertheless"), people, hashed],
            &days(config.lifetimes.overrides),
        );
        row(
            [
                ("journaal: welke regels iets vonden", "journal: which rules found something"),
                people,
                ("namen van regels, geen inhoud", "names of rules, no content"),
            ],
            &days(config.lifetimes.traces),
        );
    }
    if config.schools.iter().any(|school| !school.roster.is_empty() || school.roster_inbox.is_some()) {
        row(
            [
                ("leerlingenlijst, om namen te herkennen", "roster, to recognise names"),
                ("leerlingen, ouders, medewerkers", "pupils, parents, staff"),
                sealed,
            ],
            language.of("tot de volgende lijst", "until the next one"),
        );
    }
    if let Some(share) = &config.share {
        let life = share.settings.lifetimes;
        let lasts = language.of(
            format!(
                "{} na openen, {} als niemand opent; met een wachtwoord erin {}",
                days(life.share),
                days(life.unopened),
                days(life.password)
            ),
            format!(
                "{} once opened, {} when nobody opens it; with a password in it {}",
                days(life.share),
                days(life.unopened),
                days(life.password)
            ),
        );
        row(
            [
                ("veilig gedeelde mail", "mail that is securely shared"),
                both,
                ("versleuteld voor de ontvangers", "encrypted for its recipients"),
            ],
            &lasts,
        );
        row(
            [
                ("mobiele nummers en vaste codes", "mobile numbers and fixed codes"),
                ("ouders, organisaties", "parents, organisations"),
                sealed,
            ],
            language.of(
                "zolang de school ze gebruikt; wat niemand naging of gebruikte 14 dagen",
                "as long as the school uses them; what nobody checked or used 14 days",
            ),
        );
    }
    if config.log.journal.is_some() {
        row(
            [
                ("regel per mail in een bestand", "a line for each mail in a file"),
                ("niemand bij naam", "nobody by name"),
                ("soorten en aantallen", "kinds and counts"),
            ],
            language.of("zo lang als logrotate het bewaart", "as long as logrotate keeps it"),
        );
    }
    table
}

fn hours(lasts: Duration, language: Language) -> String {
    let hours = lasts.as_secs() / 3600;
    language.of(format!("{hours} uur"), format!("{hours} hours"))
}

fn others(config: &Config, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |who: &str, nl: String, en: String| lines.push(format!("- **{who}**: {}", language.of(nl, en)));
    for hop in &config.next_hops {
        let hosts: Vec<&str> = hop.hosts.iter().map(|(host, _)| host.as_str()).collect();
        line(
            &hosts.join(", "),
            "alle mail die doorgaat, en onze berichten (de mailprovider van de school).".into(),
            "all mail that passes, and our messages (the school's mail provider).".into(),
        );
    }
    match &config.tls.route {
        TlsRoute::Share => {}
        TlsRoute::Direct => line(
            language.of("mailservers van ontvangers", "recipients' mail servers"),
            "mail die alleen versleuteld mag, rechtstreeks.".into(),
            "mail that may travel encrypted alone, directly.".into(),
        ),
        TlsRoute::Attested(name) => {
            line(name, "mail die alleen versleuteld mag.".into(), "mail that may travel encrypted alone.".into())
        }
    }
    if let Some(sms) = &config.sms {
        line(
            &sms.host,
            format!("nummer en tekst van een sms met een code ({}).", sms.country),
            format!("number and text of a text message with a code ({}).", sms.country),
        );
    }
    if let Some(Place::S3(bucket)) = config.share.as_ref().map(|share| &share.settings.place) {
        let country = config.share.as_ref().map(|share| share.settings.country.as_str()).unwrap_or_default();
        line(
            &bucket.endpoint,
            format!("de versleutelde bestanden van gedeelde mail ({country}); de sleutels blijven hier."),
            format!("the encrypted files of shared mail ({country}); the keys stay here."),
        );
    }
    if let Some(acme) = &config.acme {
        line(
            &acme.directory,
            "de namen van deze server, voor een certificaat; geen persoonsgegevens.".into(),
            "the names of this server, for a certificate; no personal data.".into(),
        );
    }
    if config.tls.report.is_some() {
        line(
            language.of("domeinen die erom vragen (TLSRPT)", "domains that ask for it (TLSRPT)"),
            "aantallen verbindingen; geen persoonsgegevens.".into(),
            "numbers of connections; no personal data.".into(),
        );
    }
    if let Some(archive) = &config.journal_archive {
        let to: Vec<&str> = archive.addresses.iter().map(crate::message::Mailbox::typed).collect();
        line(
            &to.join(", "),
            "afschriften van alle mail, ongelezen (archief van de school).".into(),
            "copies of all mail, unread (the school's archive).".into(),
        );
    }
    lines.push(
        language
            .of(
                "- Niemand anders: de maker van mailpoort krijgt niets.",
                "- Nobody else: the makers of mailpoort get nothing.",
            )
            .to_owned(),
    );
    lines
}

fn place(config: &Config, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    match &config.data_dir {
        None => lines.push(
            language
                .of("- Er wordt niets bewaard: er is geen `data_dir`.", "- Nothing is kept: there is no `data_dir`.")
                .to_owned(),
        ),
        Some(folder) => lines.push(language.of(
            format!("- Op deze machine, in `{}`. Wie die beheert, en op welk adres: vul in.", folder.display()),
            format!("- On this machine, in `{}`. Who runs it, and where it stands: fill in.", folder.display()),
        )),
    }
    let Some(share) = config.share.as_ref().map(|share| &share.settings) else { return lines };
    lines.push(language.of(
        format!("- Land van gedeelde mail: {}.", share.country),
        format!("- Country of shared mail: {}.", share.country),
    ));
    if let Some(reason) = &share.outside_eu {
        lines.push(
            language.of(format!("- Buiten de EU en de EER: {reason}"), format!("- Outside the EU and EEA: {reason}")),
        );
    }
    let keys = match share.keys {
        KeysMode::Strict => language.of(
            "- Gedeelde mail kan deze machine zelf niet openen.",
            "- This machine cannot open shared mail by itself.",
        ),
        KeysMode::Recoverable => language
            .of("- Gedeelde mail kan deze machine zelf ook openen.", "- This machine can open shared mail, too."),
    };
    lines.push(keys.to_owned());
    if share.escrow.is_some() {
        lines.push(
            language
                .of(
                    "- Het bestuur heeft een eigen sleutel die elke gedeelde mail opent.",
                    "- The board has a key of its own that opens all shared mail.",
                )
                .to_owned(),
        );
    }
    lines
}

fn rights(language: Language) -> Vec<String> {
    [
        ("- Inzage: `mailpoort person find ADRES` (hoeveel van welke soort, tot wanneer), `mailpoort journal find --person ADRES --addresses`.", "- Inspection: `mailpoort person find ADDRESS` (how much of which sort, until when), `mailpoort journal find --person ADDRESS --addresses`."),
        ("- Wissen: `mailpoort person erase ADRES`; wat blijft, en waarom, staat erbij. Het journaal is bewijs en blijft tot zijn dag, tenzij met `--also-journal`.", "- Erasure: `mailpoort person erase ADDRESS`; what stays, and why, is told. The journal is proof and stays until its day, unless with `--also-journal`."),
        ("- Bewijs dat weg is wat voorbij is: `mailpoort purge --dry-run`.", "- Proof that what is over is gone: `mailpoort purge --dry-run`."),
    ]
    .map(|(nl, en)| language.of(nl, en).to_owned())
    .into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SMALL: &str = r#"
hostname = "poort.delinde.example"
DATA
[[school]]
id = "linde"
name = "basisschool De Linde"
domains = ["delinde.example"]
privacy = { name = "Ilse Bakker", phone = "040-555 01 23" }
helpdesk = { name = "de helpdesk", phone = "040-555 01 00" }
[smtp]
listen = ["127.0.0.1:25"]
[[smtp.client]]
name = "school"
networks = ["192.0.2.25"]
[[next_hop]]
name = "provider"
hosts = ["smtp.provider.example:587"]
"#;

    const MORE: &str = r#"
[hold]
keep_days = 10
[web]
listen = "127.0.0.1:8443"
url = "https://poort.delinde.example"
[share]
url = "https://veilig.delinde.example"
[storage]
country = "NL"
"#;

    fn made(text: &str, language: Language) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mailpoort.toml");
        std::fs::write(&file, text).unwrap();
        annex(&Config::load(&file).unwrap(), language)
    }

    #[test]
    fn the_annex_says_what_the_settings_say() {
        let small = made(&SMALL.replace("DATA", ""), Language::Nl);
        assert!(small.contains("Er wordt niets bewaard") && small.contains("smtp.provider.example"), "{small}");
        assert!(!small.contains("verzegeld") && !small.contains("gedeelde mail ("), "{small}");
        let more = format!("{}{MORE}", SMALL.replace("DATA", "data_dir = \"data\""));
        for (language, said) in [
            (
                Language::Nl,
                [
                    "| mail die is tegengehouden |",
                    "| 10 dagen |",
                    "48 uur",
                    "Land van gedeelde mail: NL",
                    "| 180 dagen |",
                ],
            ),
            (
                Language::En,
                ["| mail that was stopped |", "| 10 days |", "48 hours", "Country of shared mail: NL", "| 180 days |"],
            ),
        ] {
            let made = made(&more, language);
            assert!(said.iter().all(|line| made.contains(line)), "{made}");
        }
    }
}
