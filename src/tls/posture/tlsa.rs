//! Which TLSA records SMTP can use (RFC 7672 3.1): DANE-TA(2) and DANE-EE(3), selectors Cert(0) and SPKI(1), matching
//! types Full(0), SHA2-256(1) and SHA2-512(2) with data of their length.
//!
//! A record that cannot be used is passed over; when none is left, there are records and yet nothing to match (2.2):
//! the host encrypts, and proves nothing.

use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::rdata::TLSA;

use super::found::{Dane, Matching, Selector, Tlsa, TlsaFound, Usage};

/// Records that are kept of one host.
const RECORDS: usize = 32;
/// Octets of data of one record; a certificate with a large key has about 3000.
const DATA: usize = 8 << 10;
/// Octets of data of one host.
const ALL_DATA: usize = 32 << 10;

/// What a host's secure records come to.
pub(super) fn found(base: String, names: Vec<String>, data: &[RData]) -> TlsaFound {
    let mut room = ALL_DATA;
    let usable = data.iter().filter_map(|data| if let RData::TLSA(tlsa) = data { usable(tlsa) } else { None });
    let fits = |tlsa: &Tlsa| match room.checked_sub(tlsa.data.len()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    let records: Vec<Tlsa> = usable.filter(fits).take(RECORDS).collect();
    if records.is_empty() { TlsaFound::Unusable(data.len()) } else { TlsaFound::Usable(Dane { base, records, names }) }
}

fn usable(record: &TLSA) -> Option<Tlsa> {
    let usage = match u8::from(record.cert_usage) {
        2 => Usage::Authority,
        3 => Usage::Server,
        _ => return None,
    };
    let selector = match u8::from(record.selector) {
        0 => Selector::Certificate,
        1 => Selector::Key,
        _ => return None,
    };
    let length = record.cert_data.len();
    let matching = match (u8::from(record.matching), length) {
        (0, 1..=DATA) => Matching::Exact,
        (1, 32) => Matching::Sha256,
        (2, 64) => Matching::Sha512,
        _ => return None,
    };
    Some(Tlsa { usage, selector, matching, data: record.cert_data.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(usage: u8, selector: u8, matching: u8, length: usize) -> RData {
        RData::TLSA(TLSA::new(usage.into(), selector.into(), matching.into(), vec![7; length]))
    }

    fn outcome(records: &[RData]) -> TlsaFound {
        found("mx.example".into(), vec!["mx.example".into()], records)
    }

    #[test]
    fn what_smtp_can_use_is_used() {
        for (usage, selector, matching, length) in [(3, 1, 1, 32), (3, 0, 2, 64), (2, 0, 1, 32), (2, 1, 0, 294)] {
            let found = outcome(&[record(usage, selector, matching, length)]);
            assert!(
                matches!(found, TlsaFound::Usable(dane) if dane.records.len() == 1),
                "{usage} {selector} {matching}"
            );
        }
    }

    #[test]
    fn what_smtp_cannot_use_is_passed_over() {
        // Usages 0 and 1 (RFC 7672 3.1.3), unknown numbers, data of another length.
        let not =
            [(0, 1, 1, 32), (1, 1, 1, 32), (4, 1, 1, 32), (3, 2, 1, 32), (3, 1, 3, 32), (3, 1, 1, 31), (3, 1, 2, 32)];
        let not = not.map(|(usage, selector, matching, length)| record(usage, selector, matching, length));
        assert_eq!(outcome(&not), TlsaFound::Unusable(7));
        assert_eq!(outcome(&[record(3, 0, 0, 0)]), TlsaFound::Unusable(1));
        assert_eq!(outcome(&[record(3, 0, 0, DATA + 1)]), TlsaFound::Unusable(1));
        let both = outcome(&[record(1, 1, 1, 32), record(3, 1, 1, 32)]);
        assert!(matches!(both, TlsaFound::Usable(dane) if dane.records.len() == 1));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let many = vec![record(3, 1, 1, 32); 1000];
        assert!(matches!(outcome(&many), TlsaFound::Usable(dane) if dane.records.len() == RECORDS));
        let large = vec![record(3, 0, 0, DATA); 10];
        assert!(matches!(outcome(&large), TlsaFound::Usable(dane) if dane.records.len() == ALL_DATA / DATA));
    }
}
