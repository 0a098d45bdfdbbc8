//! `[acme]`: our own certificate from a certificate authority, and who shows it.

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::{Check, raw};
use crate::acme::{AGAIN, Challenge, Settings};
use crate::config::Config;
use crate::tls::Files;

/// More names than this no authority puts in one certificate.
const MOST_NAMES: usize = 100;

impl Check<'_> {
    /// Where a certificate of ours lies; "acme" is the one that [acme] fetches.
    pub(super) fn own_certificate(
        &mut self,
        table: &str,
        certificate: &Spanned<PathBuf>,
        key: Option<&Path>,
    ) -> Option<Files> {
        let fetched = certificate.get_ref() == Path::new("acme");
        match (fetched, key) {
            (false, Some(key)) => {
                let (certificate, key) = (self.path(certificate.get_ref()), self.path(key));
                return Some(Files { certificate, key, fetched });
            }
            (true, None) if self.acme.is_some() => return self.acme.clone(),
            (true, None) => self.problem(
                &certificate.span(),
                format!("{table} shows the certificate that [acme] fetches, and there is no [acme] with a `data_dir`"),
                "add [acme] and `data_dir`, or give the files of a certificate",
            ),
            (true, Some(_)) => self.problem(
                &certificate.span(),
                format!("{table} shows the certificate that [acme] fetches, and has a `key` besides"),
                "leave `key` out, or give the file of its certificate",
            ),
            (false, None) => self.problem(
                &certificate.span(),
                format!("{table} has only one of `certificate` and `key`"),
                "give both, or certificate = \"acme\" with the table [acme]",
            ),
        }
        None
    }

    /// Whom is asked for it, and for which names.
    pub(super) fn acme(&mut self, raw: &raw::Acme, config: &Config) -> Option<Settings> {
        if !*raw.accept_terms.get_ref() {
            self.problem(
                &raw.accept_terms.span(),
                "the authority gives a certificate to whoever accepts its terms alone",
                "read them, and set accept_terms = true",
            );
        }
        let smtp = config.smtp.tls.as_ref().is_some_and(|files| files.fetched);
        let pages = config.web.as_ref().and_then(|web| web.certificate.as_ref()).is_some_and(|files| files.fetched);
        if !smtp && !pages {
            self.problem(
                &raw.contact.span(),
                "there is [acme], and nobody shows its certificate",
                "set certificate = \"acme\" in [smtp.tls] or [web]",
            );
        }
        let directory = raw.directory.get_ref();
        if !directory.starts_with("https://") {
            self.problem(
                &raw.directory.span(),
                format!("`{directory}` is no directory of a certificate authority"),
                "give its address, which begins with https://",
            );
        }
        let contact = self.mailbox(&raw.contact).map(|contact| contact.folded());
        let names = self.acme_names(raw, config, smtp, pages);
        let challenge = self.challenge(raw, pages);
        let ca = raw.ca.as_ref().map(|ca| self.path(ca));
        Some(Settings {
            directory: directory.clone(),
            contact: contact?,
            names,
            challenge: challenge?,
            ca,
            again: AGAIN,
        })
    }

    fn acme_names(&mut self, raw: &raw::Acme, config: &Config, smtp: bool, pages: bool) -> Vec<String> {
        let typed: Vec<String> = raw.names.iter().filter_map(|name| self.domain(name, "a name of [acme]")).collect();
        let web = config.web.iter().filter(|_| pages).map(|web| web.url.host().to_owned());
        let share = config.share.iter().filter(|_| pages).flat_map(|share| share.settings.urls());
        let share = share.filter_map(|url| Some(crate::web::Url::parse(url)?.host().to_owned()));
        let own = smtp.then(|| config.hostname.clone()).into_iter().chain(web).chain(share);
        let mut names: Vec<String> = if raw.names.is_empty() { own.collect() } else { typed };
        // No authority vouches for an address, and the host name may stand there twice.
        names.retain(|name| name.bytes().any(|octet| octet.is_ascii_alphabetic()) && name.contains('.'));
        names.iter_mut().for_each(|name| name.make_ascii_lowercase());
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if (smtp || pages) && !(1..=MOST_NAMES).contains(&names.len()) {
            self.problem(
                &raw.contact.span(),
                format!("[acme] has {} names for its certificate", names.len()),
                format!("list 1 to {MOST_NAMES} public names of this gate in `names`"),
            );
        }
        names
    }

    fn challenge(&mut self, raw: &raw::Acme, pages: bool) -> Option<Challenge> {
        match raw.challenge.get_ref() {
            raw::AcmeChallenge::Http01 => self.address(&raw.listen).map(Challenge::Http),
            raw::AcmeChallenge::TlsAlpn01 if pages => Some(Challenge::TlsAlpn),
            raw::AcmeChallenge::TlsAlpn01 => {
                self.problem(
                    &raw.challenge.span(),
                    "the challenge tls-alpn-01 is answered by the pages, and they do not show the certificate of [acme]",
                    "set certificate = \"acme\" in [web], or choose challenge = \"http-01\"",
                );
                None
            }
        }
    }
}
