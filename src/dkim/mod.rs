//! DKIM: signs what we write, and what we rewrite, with the school's own key (RFC 6376; RFC 8463 for Ed25519).
//!
//! Relaxed/relaxed, the whole body, no `l=`. What readers see of a header is signed with all its instances (5.4), and
//! `From` once more than it stands there, so that nobody can add another (8.15). Mail that passes untouched keeps the
//! signature it has, and is none of this room's. Verifies nothing. Of aws-lc, which is in the tree for TLS: the crates
//! for it bring a resolver and a platform verifier along, to sign a few lines. Fails at load, as a [`Problem`].

mod canon;

use std::fmt;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use crate::message::header;
use crate::problem::Problem;

/// Header fields that are signed where they stand (RFC 6376 5.4.1), and our own word that nobody should answer.
const SIGNED: [&str; 16] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "auto-submitted",
    "tls-required",
];
/// A line of the signature is no longer.
const WIDTH: usize = 74;

/// A school's key, with the place of its public half in DNS.
pub struct Signer {
    domain: String,
    selector: String,
    key: Key,
}

enum Key {
    Rsa(Box<rsa::KeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// The key is nobody's business.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("domain", &self.domain).field("selector", &self.selector).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a private key from a PEM file: RSA of 2048 bits or more (PKCS #1 or #8), or Ed25519 (PKCS #8).
    ///
    /// # Errors
    /// The file cannot be read, everybody may read it, or it holds no such key.
    pub fn load(domain: &str, selector: &str, file: &Path) -> Result<Self, Problem> {
        use std::os::unix::fs::PermissionsExt;
        if std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0) {
            let what = "everybody on this machine can read the private key";
            return Err(Problem::new(file, what, "run: chmod o-rwx on this file"));
        }
        let remedy = "make one with: openssl genrsa -out FILE 2048";
        let der = PrivateKeyDer::from_pem_file(file)
            .map_err(|error| Problem::new(file, format!("the DKIM key cannot be read: {error}"), remedy))?;
        let key = key(&der)
            .ok_or_else(|| Problem::new(file, "this is no RSA key of 2048 bits or more, and no Ed25519 key", remedy))?;
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), key })
    }

    /// The domain that signs.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Where the public key must stand in DNS.
    pub fn name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// What must stand there, in the TXT record.
    pub fn record(&self) -> String {
        match &self.key {
            Key::Rsa(key) => {
                let public = aws_lc_rs::encoding::AsDer::as_der(key.public_key());
                let public: Vec<u8> = public
                    .map(|der: aws_lc_rs::encoding::PublicKeyX509Der<'_>| der.as_ref().to_vec())
                    .unwrap_or_default();
                format!("v=DKIM1; k=rsa; p={}", BASE64.encode(public))
            }
            Key::Ed25519(key) => format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(key.public_key().as_ref())),
        }
    }

    /// The header field that signs this message, ending in CRLF, to be put above it. `now` is in seconds since 1970.
    /// None for a message without `From`, which nobody can align with anything, and when signing itself fails.
    pub fn sign(&self, raw: &[u8], now: i64) -> Option<String> {
        let fields: Vec<header::Field<'_>> = header::fields(raw).collect();
        let body = raw.get(canon::header_end(raw)..).unwrap_or_default();
        let body_hash = BASE64.encode(digest(&SHA256, &canon::body(body)));
        let mut names: Vec<&str> = Vec::new();
        let mut signed = Vec::new();
        for name in SIGNED {
            // The last instance first (RFC 6376 5.4.2).
            for field in fields.iter().rev().filter(|field| field.is(name)) {
                names.push(name);
                canon::field(&mut signed, field.name, field.value);
                signed.extend_from_slice(b"\r\n");
            }
        }
        if !names.contains(&"from") {
            return None;
        }
        names.push("from");
        let algorithm = match &self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let tags = format!(
            "v=1; a={algorithm}; c=relaxed/relaxed; d={}; s={};\r\n\tt={now}; h={};\r\n\tbh={body_hash};\r\n\tb=",
            self.domain,
            self.selector,
            names.join(":\r\n\t "),
        );
        canon::field(&mut signed, b"dkim-signature", tags.as_bytes());
        let signature = BASE64.encode(self.key.sign(&signed)?);
        Some(format!("DKIM-Signature: {tags}{}\r\n", folded(&signature)))
    }
}

/// Whether the domain of a signature is aligned with that of `From` (RFC 7489 3.1.1): the same, or one above the other
/// within one organisation.
pub fn is_aligned(signer: &str, from: &str) -> bool {
    let within =
        |one: &str, other: &str| one.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    within(signer, from) && !is_suffix(from) || within(from, signer) && !is_suffix(signer)
}

/// Whether names below this one are registered by anybody: one label, or two of which the second is a country and the
/// first a usual word for its registrars (`co.uk`, `org.au`). The few of other words take a list to know.
pub fn is_suffix(domain: &str) -> bool {
    const WORDS: [&str; 13] = ["ac", "co", "com", "edu", "gov", "gob", "gouv", "mil", "ne", "net", "or", "org", "sch"];
    match domain.split_once('.') {
        None => true,
        Some((word, country)) => country.len() == 2 && WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)),
    }
}

impl Key {
    fn sign(&self, data: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature).ok()?;
                Some(signature)
            }
            // What is signed is the hash (RFC 8463 3).
            Self::Ed25519(key) => Some(key.sign(digest(&SHA256, data).as_ref()).as_ref().to_vec()),
        }
    }
}

fn key(der: &PrivateKeyDer<'_>) -> Option<Key> {
    match der {
        PrivateKeyDer::Pkcs1(der) => Some(Key::Rsa(Box::new(rsa::KeyPair::from_der(der.secret_pkcs1_der()).ok()?))),
        PrivateKeyDer::Pkcs8(der) => {
            let der = der.secret_pkcs8_der();
            let rsa = rsa::KeyPair::from_pkcs8(der).ok().map(|key| Key::Rsa(Box::new(key)));
            rsa.or_else(|| Ed25519KeyPair::from_pkcs8(der).ok().map(|key| Key::Ed25519(Box::new(key))))
        }
        _ => None,
    }
}

fn folded(signature: &str) -> String {
    let mut folded = String::with_capacity(signature.len() + signature.len() / WIDTH * 3);
    for (number, letter) in signature.chars().enumerate() {
        if number > 0 && number % WIDTH == 0 {
            folded.push_str("\r\n\t");
        }
        folded.push(letter);
    }
    folded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_signature_is_aligned_within_one_organisation() {
        for (signer, from, expected) in [
            ("delinde.example", "delinde.example", true),
            ("mail.delinde.example", "delinde.example", true),
            ("delinde.example", "mail.delinde.example", true),
            ("eenlinde.example", "linde.example", false),
            ("linde.example", "delinde.example", false),
            ("example", "delinde.example", false),
            ("delinde.example", "example", false),
            ("provider.example", "delinde.example", false),
            ("co.uk", "linde.co.uk", false),
            ("linde.co.uk", "co.uk", false),
            ("sch.uk", "linde.sch.uk", false),
            ("linde.co.uk", "mail.linde.co.uk", true),
            ("co.example", "linde.co.example", true),
        ] {
            assert_eq!(is_aligned(signer, from), expected, "{signer} for {from}");
        }
    }
}
