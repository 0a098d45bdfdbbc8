//! `[journal]`: how long its lines live.

use std::time::Duration;

use toml::Spanned;

use super::{Check, raw};
use crate::record::Lifetimes;

/// What a school gets when it says nothing, in days: as long as each is of use, and no longer.
const PASSED: u32 = 30;
const INCIDENTS: u32 = 180;
const OVERRIDES: u32 = 365;
const TRACES: u32 = 14;

impl Check<'_> {
    pub(super) fn journal(&mut self, raw: &raw::Journal) -> Lifetimes {
        let has_reason = raw.reason.as_ref().is_some_and(|reason| !reason.get_ref().trim().is_empty());
        let mut lifetime = |typed: &Option<Spanned<raw::Days>>, key: &str, default: u32| {
            let days = typed.as_ref().map_or(default, |typed| typed.get_ref().0);
            if let Some(typed) = typed {
                if days == 0 {
                    let remedy = "set it to \"1d\" or more: mail could not be traced for a moment";
                    self.problem(&typed.span(), format!("`{key}` is no time at all"), remedy);
                } else if days > default && !has_reason {
                    let remedy = "say why in `reason`: personal data is kept no longer than needed (AVG art. 5)";
                    let what =
                        format!("`{key}` is {days} days, longer than the default of {default}, and nobody says why");
                    self.problem(&typed.span(), what, remedy);
                }
            }
            Duration::from_secs(u64::from(days) * 24 * 3600)
        };
        Lifetimes {
            passed: lifetime(&raw.passed, "passed", PASSED),
            incidents: lifetime(&raw.incidents, "incidents", INCIDENTS),
            overrides: lifetime(&raw.overrides, "overrides", OVERRIDES),
            traces: lifetime(&raw.traces, "traces", TRACES),
        }
    }
}
