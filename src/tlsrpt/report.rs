//! A report about TLS, as JSON (RFC 8460 4.4): findings of one domain and one day, summed up by policy.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Settings;
use crate::store::tls_finding::{Failed, Finding, Policy};

/// Seconds of a day.
const DAY: i64 = 24 * 3600;
/// Kinds of failure that one policy's part names; what is beyond them counts in its sum.
const DETAILS: usize = 100;

/// Findings about a domain on a day.
pub struct Report<'f> {
    domain: &'f str,
    day: i64,
    policies: BTreeMap<&'f Policy, Sums<'f>>,
}

/// What was found under one policy.
#[derive(Default)]
struct Sums<'f> {
    succeeded: u64,
    failed: BTreeMap<&'f Failed, u64>,
}

/// Domains are for those who may look.
impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report").field("day", &self.day).field("policies", &self.policies.len()).finish()
    }
}

impl<'f> Report<'f> {
    /// A report about a domain on a day, in days since 1970, UTC.
    pub fn new(domain: &'f str, day: i64, findings: &'f [Finding]) -> Self {
        let mut policies: BTreeMap<&Policy, Sums<'_>> = BTreeMap::new();
        for finding in findings {
            let sums = policies.entry(&finding.policy).or_default();
            sums.succeeded += u64::from(finding.succeeded);
            finding.failed.iter().for_each(|failed| *sums.failed.entry(failed).or_default() += 1);
        }
        Self { domain, day, policies }
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        self.domain
    }

    /// Its day, as `2026-11-22`.
    pub fn day(&self) -> String {
        self.begins().strftime("%Y-%m-%d").to_string()
    }

    /// First and last second of its day, in seconds since 1970.
    pub fn seconds(&self) -> (i64, i64) {
        let first = self.day.saturating_mul(DAY);
        (first, first.saturating_add(DAY - 1))
    }

    /// Its name among all reports: the same when it is made again, so that it counts once.
    pub fn id(&self, settings: &Settings) -> String {
        format!("{}.{}@{}", self.day(), self.domain, settings.contact.domain())
    }

    /// The report itself.
    pub fn json(&self, settings: &Settings) -> Value {
        let moment = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        let (first, last) = self.seconds();
        json!({
            "organization-name": settings.organisation,
            "date-range": { "start-datetime": moment(first), "end-datetime": moment(last) },
            "contact-info": settings.contact.typed(),
            "report-id": self.id(settings),
            "policies": self.policies.iter().map(|(policy, sums)| part(policy, sums)).collect::<Vec<_>>(),
        })
    }

    fn begins(&self) -> Timestamp {
        Timestamp::from_second(self.seconds().0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

fn part(policy: &Policy, sums: &Sums<'_>) -> Value {
    let mut named = json!({ "policy-type": policy.kind, "policy-domain": policy.domain });
    if let Some(named) = named.as_object_mut() {
        for (key, values) in [("policy-string", &policy.strings), ("mx-host", &policy.hosts)] {
            if !values.is_empty() {
                named.insert(key.to_owned(), json!(values));
            }
        }
    }
    let failed: u64 = sums.failed.values().sum();
    let mut part = json!({
        "policy": named,
        "summary": { "total-successful-session-count": sums.succeeded, "total-failure-session-count": failed },
    });
    if failed > 0
        && let Some(part) = part.as_object_mut()
    {
        let details: Vec<Value> =
            sums.failed.iter().take(DETAILS).map(|(failed, times)| detail(failed, *times)).collect();
        part.insert("failure-details".to_owned(), json!(details));
    }
    part
}

fn detail(failed: &Failed, times: u64) -> Value {
    let mut detail = json!({ "result-type": failed.result, "failed-session-count": times });
    if let (Some(detail), Some((host, address))) = (detail.as_object_mut(), &failed.server) {
        detail.insert("receiving-mx-hostname".to_owned(), json!(host));
        if let Some(address) = address {
            detail.insert("receiving-ip".to_owned(), json!(address));
        }
    }
    detail
}

/// The octets that travel.
pub fn gzip(report: &Value) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = zip.write_all(report.to_string().as_bytes());
    zip.finish().unwrap_or_default()
}
