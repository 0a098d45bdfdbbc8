//! What anybody may read: whether this is real, help, privacy, accessibility.
//!
//! Made from the settings as they are now: where the data is, how long, who answers for it.

use aws_lc_rs::digest::{SHA256, digest};
use axum::Form;
use axum::extract::State;
use axum::response::Response;

use super::pages::{Fact, Page, Said};
use super::visit::Visit;
use super::{Answer, Portal};
use crate::school::School;
use crate::share::{KeysMode, LOG_DAYS, Statement};
use crate::web::forms::{Fields, see};
use crate::web::said;

/// Octets of a hash by which a version of the privacy statement is called.
const VERSION: usize = 4;

/// `GET /echt`: is this message real?
pub(super) async fn real(State(portal): State<Portal>, visit: Visit) -> Response {
    let page = visit.page(&portal);
    let host = host(&portal, &visit);
    let facts =
        schools(&portal, &visit).map(|school| Fact::new(&school.name, &said::contact(&school.helpdesk))).collect();
    let paragraphs = page.paragraphs("real_text", &[("host", &host)]);
    let after = page.paragraphs("real_after", &[]);
    let title = page.t("real_title").to_owned();
    visit.show(&Said { facts, after, ..Said::new(page, title, paragraphs) })
}

/// `GET /hulp`: how it works, and whom to ask.
pub(super) async fn help(State(portal): State<Portal>, visit: Visit) -> Response {
    let page = visit.page(&portal);
    let facts =
        schools(&portal, &visit).map(|school| Fact::new(&school.name, &said::contact(&school.helpdesk))).collect();
    let paragraphs = page.paragraphs("help_text", &[]);
    let after = page.paragraphs("help_after", &[]);
    let title = page.t("help_title").to_owned();
    visit.show(&Said { facts, after, ..Said::new(page, title, paragraphs) })
}

/// `GET /privacy`: where the data is, how long, who may see it, and who answers for it.
pub(super) async fn privacy(State(portal): State<Portal>, visit: Visit) -> Response {
    let page = visit.page(&portal);
    let words = PrivacyWords::new(&portal, &visit, &page);
    let version = words.statement(&page).version;
    let PrivacyWords { paragraphs, mut facts, after } = words;
    facts.push(Fact::new(page.t("privacy_version"), &version));
    let title = page.t("privacy_title").to_owned();
    visit.show(&Said { facts, after, ..Said::new(page, title, paragraphs) })
}

/// The privacy statement as it stands now for who asks, in his language: made from the settings, so that another country,
/// another lifetime or another text is another version.
pub(super) fn statement(portal: &Portal, visit: &Visit, page: &Page) -> Statement {
    PrivacyWords::new(portal, visit, page).statement(page)
}

/// What the privacy statement says.
struct PrivacyWords {
    paragraphs: Vec<String>,
    facts: Vec<Fact>,
    after: Vec<String>,
}

impl PrivacyWords {
    fn new(portal: &Portal, visit: &Visit, page: &Page) -> Self {
        let mut facts = privacy_facts(portal, page);
        for school in schools(portal, visit) {
            facts.push(Fact::new(&school.name, &said::contact(&school.privacy)));
            if let Some(fg) = &school.fg {
                facts.push(Fact::new(page.t("privacy_fg"), &said::contact(fg)));
            }
        }
        Self { paragraphs: page.paragraphs("privacy_text", &[]), facts, after: page.paragraphs("privacy_after", &[]) }
    }

    fn statement(&self, page: &Page) -> Statement {
        let facts = self.facts.iter().map(|Fact { name, value, beside }| format!("{name}: {value} {beside}"));
        let facts = facts.map(|fact| fact.trim_end().to_owned());
        let paragraphs = self.paragraphs.iter().cloned().chain(facts).chain(self.after.iter().cloned());
        let text = format!("{}\n\n{}\n", page.t("privacy_title"), paragraphs.collect::<Vec<_>>().join("\n\n"));
        let hash = digest(&SHA256, text.as_bytes());
        let version = hash.as_ref().iter().take(VERSION).map(|octet| format!("{octet:02x}")).collect();
        Statement { version, text }
    }
}

fn privacy_facts(portal: &Portal, page: &Page) -> Vec<Fact> {
    let settings = portal.0.shares.settings();
    let days =
        |lasts: std::time::Duration| page.with("privacy_days", "number", &(lasts.as_secs() / 86_400).to_string());
    let mut facts = vec![
        Fact::new(page.t("privacy_where"), country(page, &settings.country))
            .with(where_it_is(page, settings.outside_eu.as_deref())),
        Fact::new(page.t("privacy_unopened"), &days(settings.lifetimes.unopened)),
        Fact::new(page.t("privacy_opened"), &days(settings.lifetimes.share)),
        Fact::new(page.t("privacy_log"), &page.with("privacy_log_text", "number", &LOG_DAYS.to_string())),
    ];
    if let Some(sms) = portal.0.shares.sms() {
        let where_to = country(page, &sms.country).to_owned();
        facts.push(Fact::new(page.t("privacy_sms"), &page.with("privacy_sms_text", "country", &where_to)));
    }
    let keys = match settings.keys {
        KeysMode::Strict => page.t("privacy_keys_strict"),
        KeysMode::Recoverable => page.t("privacy_keys_recoverable"),
    };
    facts.push(Fact::new(page.t("privacy_keys"), keys));
    if settings.passkeys {
        facts.push(Fact::new(page.t("privacy_passkey"), page.t("privacy_passkey_text")));
    }
    if settings.escrow.is_some() {
        facts.push(Fact::new(page.t("privacy_escrow"), page.t("privacy_escrow_text")));
    }
    facts
}

/// `GET /toegankelijkheid`: the statement of accessibility.
pub(super) async fn accessibility(State(portal): State<Portal>, visit: Visit) -> Response {
    let page = visit.page(&portal);
    let facts =
        schools(&portal, &visit).map(|school| Fact::new(&school.name, &said::contact(&school.helpdesk))).collect();
    let paragraphs = page.paragraphs("accessibility_text", &[]);
    let after = page.paragraphs("accessibility_after", &[]);
    let title = page.t("accessibility_title").to_owned();
    visit.show(&Said { facts, after, ..Said::new(page, title, paragraphs) })
}

/// `GET /uit`: signed out.
pub(super) async fn closed(State(portal): State<Portal>, visit: Visit) -> Response {
    let page = visit.page(&portal);
    let (title, paragraphs) = (page.t("signed_out_title").to_owned(), page.paragraphs("signed_out_text", &[]));
    visit.show(&Said::new(page, title, paragraphs))
}

/// `POST /vergeet`: nothing of what was proven on this device counts any more.
pub(super) async fn forget(State(portal): State<Portal>, visit: Visit, Form(fields): Form<Fields>) -> Answer {
    visit.check(&portal, &fields)?;
    let mut response = see("/vergeet");
    visit.forget(&mut response, true);
    Ok(response)
}

/// `GET /vergeet`: this device is forgotten.
pub(super) async fn forgotten(State(portal): State<Portal>, visit: Visit) -> Response {
    let page = visit.page(&portal);
    let (title, paragraphs) = (page.t("forgotten_title").to_owned(), page.paragraphs("forgotten_text", &[]));
    visit.show(&Said::new(page, title, paragraphs))
}

fn schools(portal: &Portal, visit: &Visit) -> impl Iterator<Item = School> {
    portal.schools_at(&visit.headers).into_iter()
}

/// The name of the address at which messages of these schools are read.
fn host(portal: &Portal, visit: &Visit) -> String {
    let (settings, here) = (portal.0.shares.settings(), portal.schools_at(&visit.headers));
    let url = here.first().map_or(settings.url.as_str(), |school| settings.url_of(&school.id));
    url.split("://").last().unwrap_or_default().to_owned()
}

/// The name of a country, where it is known; else its code.
fn country<'p>(page: &'p Page, code: &'p str) -> &'p str {
    let name = page.t(&format!("country_{}", code.to_ascii_lowercase()));
    if name.is_empty() { code } else { name }
}

fn where_it_is<'p>(page: &'p Page, outside: Option<&'p str>) -> &'p str {
    outside.unwrap_or_else(|| page.t("privacy_inside"))
}
