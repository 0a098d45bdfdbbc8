//! `[share]` and `[storage]`: secure shares, and where they lie.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Check, raw};
use crate::config::ShareConfig;
use crate::country::Country;
use crate::school::Calendar;
use crate::share::{Brand, KeysMode, Lifetimes, Settings};
use crate::vault::share::is_recipient;
use crate::web::Url;

/// Longer than this and a share becomes an archive.
const MOST_DAYS: u32 = 365;
/// A reason is a sentence, not a yes.
pub(super) const SHORTEST_REASON: usize = 20;

impl Check<'_> {
    pub(super) fn share(
        &mut self,
        raw: &raw::Share,
        storage: Option<&raw::Storage>,
        web: Option<&raw::Web>,
        (calendar, brands, remember): (&Calendar, BTreeMap<String, Brand>, Vec<String>),
    ) -> Option<ShareConfig> {
        if web.is_none() {
            self.problem(
                &raw.url.span(),
                "there is [share], but no [web]: nobody could open or withdraw a share",
                "add [web], where the pages are served",
            );
        }
        let url = Url::parse(raw.url.get_ref());
        if url.is_none() {
            self.problem(
                &raw.url.span(),
                format!("`{}` is no address of a website", raw.url.get_ref()),
                "write https:// and the name that parents see, without a path: \"https://veilig.school.example\"",
            );
        }
        let (country, outside_eu) = self.country(raw, storage)?;
        let place = storage.and_then(|storage| self.place(storage));
        let lifetimes = self.share_lifetimes(raw);
        let escrow = raw.escrow_recipient.as_ref();
        if let Some(escrow) = escrow.filter(|escrow| !is_recipient(escrow.get_ref())) {
            self.problem(
                &escrow.span(),
                "`escrow_recipient` is no age recipient",
                "give the public key that `age-keygen` shows, \"age1...\"; its private half stays offline",
            );
        }
        let tag = raw.subject_tag.get_ref();
        if !tag.is_empty() && (tag.len() < 4 || tag.len() > 40 || !tag.bytes().all(|b| b.is_ascii_graphic())) {
            self.problem(
                &raw.subject_tag.span(),
                "`subject_tag` is not one word of 4 to 40 letters and signs",
                "write for example \"[veilig]\", or \"\" for none",
            );
        }
        let desk = web.and_then(|web| Url::parse(web.url.get_ref()))?;
        Some(ShareConfig {
            settings: Settings {
                url: url?.origin().to_owned(),
                brands,
                desk: desk.origin().to_owned(),
                lifetimes,
                calendar: calendar.clone(),
                keys: match raw.keys {
                    raw::ShareKeys::Strict => KeysMode::Strict,
                    raw::ShareKeys::Recoverable => KeysMode::Recoverable,
                },
                escrow: escrow.map(|escrow| escrow.get_ref().clone()),
                code_channels: raw.code_channels.iter().map(|channel| channel.get_ref().clone()).collect(),
                place: place?,
                remember,
                passkeys: raw.passkeys,
                country,
                outside_eu,
            },
            subject_tag: tag.clone(),
            answers: raw.share_answers,
        })
    }

    /// Where the data lies must be said, and be in the EU or the EEA, or there is a reason in writing.
    fn country(&mut self, raw: &raw::Share, storage: Option<&raw::Storage>) -> Option<(String, Option<String>)> {
        let Some(storage) = storage else {
            self.problem(
                &raw.url.span(),
                "there is [share], but it is not said where the data lies",
                "add [storage] with `country`, for example \"NL\": the country of the disk below `data_dir`",
            );
            return None;
        };
        let Some(country) = Country::parse(storage.country.get_ref()) else {
            self.problem(
                &storage.country.span(),
                format!("`{}` is no country", storage.country.get_ref()),
                "write its two letters (ISO 3166-1), for example \"NL\"",
            );
            return None;
        };
        let reason = storage.i_accept_outside_eu.as_ref();
        if let Some(reason) = reason.filter(|reason| reason.get_ref().trim().chars().count() < SHORTEST_REASON) {
            self.problem(
                &reason.span(),
                "`i_accept_outside_eu` gives no reason",
                "write in a sentence why the data may lie there and who decided that; parents can read it",
            );
        }
        if !country.is_in_eea() && reason.is_none() {
            self.problem(
                &storage.country.span(),
                format!("the data would lie in {country}, outside the EU and the EEA"),
                "move it, or write the reason in `i_accept_outside_eu`",
            );
        }
        Some((country.to_string(), reason.map(|reason| reason.get_ref().clone())))
    }

    fn share_lifetimes(&mut self, raw: &raw::Share) -> Lifetimes {
        let (keep, unopened, hours) =
            (*raw.keep_days.get_ref(), *raw.unopened_days.get_ref(), *raw.password_hours.get_ref());
        if keep == 0 || keep > MOST_DAYS {
            self.problem(
                &raw.keep_days.span(),
                format!("`keep_days` of [share] is {keep}"),
                format!("set it to 1 to {MOST_DAYS}; 30 is the default"),
            );
        }
        if unopened == 0 || unopened > keep {
            self.problem(
                &raw.unopened_days.span(),
                format!("`unopened_days` is {unopened}, and `keep_days` {keep}"),
                "set it to 1 or more, and no more than `keep_days`; 14 is the default",
            );
        }
        if hours == 0 || hours > 7 * 24 {
            self.problem(
                &raw.password_hours.span(),
                format!("`password_hours` is {hours}"),
                "set it to 1 to 168; 24 is the default",
            );
        }
        let time = |hours: u32| Duration::from_secs(u64::from(hours) * 3600);
        Lifetimes {
            share: time(keep.saturating_mul(24)),
            unopened: time(unopened.saturating_mul(24)),
            password: time(hours),
        }
    }
}
