//! Our own certificates: read at load, and again when a file of theirs changes.

use jiff::Timestamp;

use crate::config::Config;
use crate::problem::Problem;
use crate::tls::{Files, Shown};

/// Our own certificates.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// That of the SMTP listener; none offers no TLS.
    pub smtp: Option<Shown>,
    /// That of the pages; none has a proxy before them.
    pub pages: Option<Shown>,
    /// Those that next hops see, by the next hop's name.
    pub next_hops: Vec<(String, Shown)>,
}

impl Certificates {
    /// Reads all that a configuration names.
    pub(super) fn load(config: &Config, problems: &mut Vec<Problem>) -> Self {
        let mut read: Vec<Shown> = Vec::new();
        let mut shown = |files: &Files| {
            // The same files are one certificate, of which somebody is told once.
            if let Some(known) = read.iter().find(|shown| shown.files() == files) {
                return Some(known.clone());
            }
            let shown = Shown::load(files).map_err(|problem| problems.push(problem)).ok()?;
            read.push(shown.clone());
            Some(shown)
        };
        let pages = config.web.as_ref().and_then(|web| web.certificate.as_ref());
        let smtp = config.smtp.tls.as_ref().and_then(&mut shown);
        let pages = pages.and_then(&mut shown);
        let hops = config.next_hops.iter().filter_map(|hop| Some((hop.name.clone(), hop.certificate.as_ref()?)));
        let next_hops = hops.filter_map(|(name, files)| Some((name, shown(files)?))).collect();
        Self { smtp, pages, next_hops }
    }

    /// All of them, by what they are for.
    pub fn all(&self) -> impl Iterator<Item = (String, &Shown)> {
        let ours = [("smtp", &self.smtp), ("pages", &self.pages)];
        let ours = ours.into_iter().filter_map(|(what, shown)| Some((what.to_owned(), shown.as_ref()?)));
        ours.chain(self.next_hops.iter().map(|(name, shown)| (format!("next hop {name}"), shown)))
    }

    /// That which a next hop sees.
    pub(super) fn towards(&self, next_hop: &str) -> Option<Shown> {
        self.next_hops.iter().find(|(name, _)| name == next_hop).map(|(_, shown)| shown.clone())
    }

    /// Reads again what has changed, and says in the log what is new, what does not fit, and what ends soon.
    pub fn look(&self) {
        for (what, shown) in self.all() {
            match shown.look() {
                Ok(true) => tracing::info!("the certificate for {what} has changed, and is shown from now on"),
                Ok(false) => {}
                Err(problem) => tracing::error!(%problem, "the certificate for {what} stays as it was"),
            }
            match shown.step(Timestamp::now()) {
                Some(days) if days < 0 => tracing::error!("the certificate for {what} has ended: renew it"),
                Some(days) => tracing::warn!("the certificate for {what} ends in {days} days: renew it"),
                None => {}
            }
        }
    }

    /// Remembers what was told of the same certificates before.
    pub(super) fn go_on_from(&mut self, before: &Self) {
        for (what, shown) in self.all() {
            if let Some((_, old)) = before.all().find(|(other, _)| *other == what) {
                shown.go_on_from(old);
            }
        }
    }
}
