//! The outermost layers of an X.509 certificate in DER (RFC 5280 4.1, X.690), no more: what rustls keeps to itself.
//!
//! Every length is looked at before it is used; what does not fit is no certificate. Verifies nothing.

/// Tags of DER (X.690 8.1.2).
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// What is read of a certificate, each as it stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layers<'d> {
    /// The issuer's name, without the tag around it.
    pub issuer: &'d [u8],
    /// Both dates, without the tag around them.
    pub validity: &'d [u8],
    /// The subject's name, without the tag around it.
    pub subject: &'d [u8],
    /// The subject's public key with its algorithm, tag and all: what a TLSA record with selector 1 speaks of.
    pub key: &'d [u8],
}

impl<'d> Layers<'d> {
    /// Certificate { tbs { version?, serial, algorithm, issuer, validity, subject, key, .. }, .. }. A certificate of
    /// version 1 has no version.
    pub fn of(certificate: &'d [u8]) -> Option<Self> {
        let outer = &mut { certificate };
        let tbs = &mut { take(&mut { take(outer, SEQUENCE)? }, SEQUENCE)? };
        if tbs.first() == Some(&VERSION) {
            take(tbs, VERSION)?;
        }
        take(tbs, INTEGER)?;
        take(tbs, SEQUENCE)?;
        let issuer = take(tbs, SEQUENCE)?;
        let validity = take(tbs, SEQUENCE)?;
        let subject = take(tbs, SEQUENCE)?;
        let rest = *tbs;
        take(tbs, SEQUENCE)?;
        let key = rest.get(..rest.len().checked_sub(tbs.len())?)?;
        Some(Self { issuer, validity, subject, key })
    }
}

/// The algorithm and the bits of a public key with its algorithm: both without the tag around them, the bits without
/// the octet that tells how many of the last are unused (none are, in any key).
pub(super) fn algorithm_and_bits(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = &mut { take(&mut { key }, SEQUENCE)? };
    let algorithm = take(inner, SEQUENCE)?;
    match take(inner, BIT_STRING)?.split_first()? {
        (0, bits) => Some((algorithm, bits)),
        _ => None,
    }
}

/// What is inside the tag around a public key.
pub(super) fn inside(key: &[u8]) -> Option<&[u8]> {
    take(&mut { key }, SEQUENCE)
}

/// The content of the value in front, if it has this tag; `from` is then behind it.
pub(super) fn take<'d>(from: &mut &'d [u8], tag: u8) -> Option<&'d [u8]> {
    let [found, length, rest @ ..] = *from else { return None };
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        // Four octets of length are more than any certificate has.
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (octets.iter().try_fold(0usize, |sum, octet| sum.checked_mul(256)?.checked_add(usize::from(*octet)))?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *from = rest;
    (*found == tag).then_some(content)
}
