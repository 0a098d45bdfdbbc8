//! "Can I mail safely to ...?": what a domain proves of its mail servers, in a sentence, and what we would do with mail
//! that may go encrypted alone.
//!
//! For who is signed in, and so many times in ten minutes, since each question may become a dozen to DNS. What was asked
//! is nowhere written down.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::gate::Does;
use super::mails::in_language;
use super::pages::SafelyPage;
use super::visit::Visit;
use super::{Answer, Desk};
use crate::seal::Index;
use crate::web::forms::{Fields, field};

/// Questions of one mailbox, and of all, in [`WINDOW`].
const MOST_OF_ONE: usize = 20;
const MOST: usize = 300;
/// Milliseconds.
const WINDOW: i64 = 10 * 60 * 1000;

/// When who asked.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<HashMap<Index, Vec<i64>>>);

impl Asked {
    /// Whether a mailbox may ask once more now.
    fn may(&self, mailbox: Index, now: i64) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, times| {
            times.retain(|time| now.saturating_sub(*time) < WINDOW);
            !times.is_empty()
        });
        let all: usize = asked.values().map(Vec::len).sum();
        let theirs = asked.get(&mailbox).map_or(0, Vec::len);
        let may = all < MOST && theirs < MOST_OF_ONE;
        if may {
            asked.entry(mailbox).or_default().push(now);
        }
        may
    }
}

/// `GET /safely`.
pub(super) async fn form(State(desk): State<Desk>, visit: Visit) -> Answer {
    visit.signed_in()?;
    Ok(visit.show(&SafelyPage { page: visit.page(&desk), typed: String::new(), said: Vec::new(), error: None }))
}

/// `POST /safely`: an address or a domain.
pub(super) async fn answer(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let session = visit.signed_in()?;
    let typed = field(&fields, "to").unwrap_or_default().trim().to_owned();
    let again = |status: StatusCode, key: &str| {
        let page = visit.page(&desk);
        let error = Some(page.t(key).to_owned());
        let mut response = visit.show(&SafelyPage { page, typed: typed.clone(), said: Vec::new(), error });
        *response.status_mut() = status;
        Ok(response)
    };
    let Some(domain) = domain(&typed) else { return again(StatusCode::UNPROCESSABLE_ENTITY, "safely_wrong") };
    if !desk.0.asked.may(desk.mailbox(&session.school, &session.address), desk.now()) {
        return again(StatusCode::TOO_MANY_REQUESTS, "safely_too_many");
    }
    let Some(safely) = desk.0.gate.safely(&domain).await else {
        return again(StatusCode::SERVICE_UNAVAILABLE, "safely_unknown");
    };
    let page = visit.page(&desk);
    let does = match safely.does {
        Does::Send => "safely_does_send",
        Does::Provider => "safely_does_provider",
        Does::Share => "safely_does_share",
        Does::Keep => "safely_does_keep",
        Does::Wait => "safely_does_wait",
        Does::Nothing => "",
    };
    let does = (!does.is_empty()).then(|| page.with(does, "domain", &domain));
    let said = std::iter::once(in_language(&page, safely.sentence)).chain(does).collect();
    Ok(visit.show(&SafelyPage { page, typed, said, error: None }))
}

/// The domain of what was typed, when it may be one.
fn domain(typed: &str) -> Option<String> {
    let domain = typed.rsplit('@').next()?.trim_end_matches(['.', '>']).to_lowercase();
    let label = |label: &str| {
        let known = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
        !label.is_empty() && label.len() <= 63 && label.chars().all(known)
    };
    let fits = domain.len() <= 253 && domain.contains('.') && domain.split('.').all(label);
    (fits && !domain.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.')).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_domain_is_understood() {
        for (typed, expected) in [
            ("mama@Provider.example", Some("provider.example")),
            ("Mama <mama@provider.example>", Some("provider.example")),
            ("provider.example.", Some("provider.example")),
            ("schoöl.example", Some("schoöl.example")),
            ("provider", None),
            ("a b.example", None),
            ("192.0.2.1", None),
            ("", None),
            ("@", None),
        ] {
            assert_eq!(domain(typed).as_deref(), expected, "{typed}");
        }
    }

    #[test]
    fn nobody_asks_without_end() {
        let asked = Asked::default();
        let index = |number: u8| [number; std::mem::size_of::<Index>()];
        assert_eq!((0..50).filter(|_| asked.may(index(1), 0)).count(), MOST_OF_ONE);
        assert!(asked.may(index(2), 0), "somebody else may");
        assert!(!asked.may(index(1), WINDOW - 1) && asked.may(index(1), WINDOW));
        let others = (10..60).flat_map(|one| std::iter::repeat_n(one, 30));
        assert!(others.filter(|one| asked.may(index(*one), WINDOW)).count() < MOST);
    }
}
