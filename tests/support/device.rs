//! A device that makes passkeys and proves that it has them (WebAuthn 3, 6), as a page's script would use it; and one that
//! lies, in the way that a test asks for.
#![allow(missing_docs, clippy::unwrap_used)]

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How a device signs.
pub enum Signs {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// A device with one passkey.
pub struct Device {
    signs: Signs,
    id: Vec<u8>,
    /// Whose passkey it is, as it was told.
    user: String,
    pub counter: u32,
}

/// What it says of the page and of whoever holds it.
#[derive(Clone, Copy)]
pub struct Says {
    pub origin: &'static str,
    pub host: &'static str,
    /// That it looked who holds it.
    pub verified: bool,
    /// That somebody was there.
    pub present: bool,
    /// That it is asked from within a page of somebody else.
    pub framed: bool,
    /// What it does for whom: none for what is right.
    pub does: Option<&'static str>,
    /// Another challenge than it was asked.
    pub challenge: Option<&'static str>,
    /// An octet of the signature is another.
    pub forged: bool,
    /// By how much its counter goes up.
    pub counts: u32,
}

impl Says {
    pub fn right(origin: &'static str, host: &'static str) -> Self {
        Self {
            origin,
            host,
            verified: true,
            present: true,
            framed: false,
            does: None,
            challenge: None,
            forged: false,
            counts: 1,
        }
    }
}

impl Signs {
    pub fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub fn eddsa() -> Self {
        Self::EdDsa(Ed25519KeyPair::generate().unwrap())
    }

    pub fn rs256() -> Self {
        Self::Rs256(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap())
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(key) => key.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec(),
            Self::EdDsa(key) => key.sign(text).as_ref().to_vec(),
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
                signature
            }
        }
    }

    /// The public key as DER, and its number (COSE).
    fn der(&self) -> (Vec<u8>, i32) {
        fn der(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
            AsDer::<PublicKeyX509Der<'_>>::as_der(key).unwrap().as_ref().to_vec()
        }
        match self {
            Self::Es256(key) => (der(key.public_key()), -7),
            Self::EdDsa(key) => (der(key.public_key()), -8),
            Self::Rs256(key) => (der(key.public_key()), -257),
        }
    }

    /// The public key in COSE (RFC 9053).
    fn cose(&self) -> Vec<u8> {
        match self {
            Self::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..], x, &[0x22, 0x58, 32], y].concat()
            }
            Self::EdDsa(key) => {
                [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], key.public_key().as_ref()].concat()
            }
            Self::Rs256(key) => {
                let n = key.public_key().modulus().big_endian_without_leading_zero().to_vec();
                [&[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0][..], &n, &[0x21, 0x43, 1, 0, 1]].concat()
            }
        }
    }
}

impl Device {
    pub fn new(signs: Signs) -> Self {
        let mut id = [0; 32];
        aws_lc_rs::rand::fill(&mut id).unwrap();
        Self { signs, id: id.to_vec(), user: String::new(), counter: 0 }
    }

    /// Makes a passkey.
    pub fn make(&mut self, asked: &Value, says: Says) -> String {
        assert_eq!(asked["attestation"], "none");
        assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
        self.user = asked["user"]["id"].as_str().unwrap().to_owned();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let made = [&[0; 16][..], &length, &self.id, &self.signs.cose()].concat();
        let data = self.data(0x40, says, &made);
        let client = client(asked, "webauthn.create", says);
        let length = match u8::try_from(data.len()) {
            Ok(length) => vec![0x58, length],
            Err(_) => [&[0x59][..], &u16::try_from(data.len()).unwrap().to_be_bytes()].concat(),
        };
        let object = [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData"[..], &length, &data].concat();
        let (der, number) = self.signs.der();
        let response = json!({
            "clientDataJSON": written(client.as_bytes()), "attestationObject": written(&object),
            "authenticatorData": written(&data), "transports": ["internal"], "publicKey": written(&der),
            "publicKeyAlgorithm": number,
        });
        self.answer(&response)
    }

    /// Proves that it has it.
    pub fn prove(&mut self, asked: &Value, says: Says) -> String {
        assert_eq!(asked["userVerification"], "required");
        self.counter += says.counts;
        let data = self.data(0, says, &[]);
        let client = client(asked, "webauthn.get", says);
        let signed = [data.as_slice(), &Sha256::digest(client.as_bytes())].concat();
        let mut signature = self.signs.sign(&signed);
        if says.forged {
            let last = signature.last_mut().unwrap();
            *last ^= 1;
        }
        self.answer(&json!({
            "clientDataJSON": written(client.as_bytes()), "authenticatorData": written(&data),
            "signature": written(&signature), "userHandle": self.user,
        }))
    }

    /// Whether this passkey is among those that are asked for.
    pub fn is_asked(&self, asked: &Value) -> bool {
        asked["allowCredentials"].as_array().unwrap().iter().any(|one| one["id"] == written(&self.id))
    }

    fn data(&self, more: u8, says: Says, rest: &[u8]) -> Vec<u8> {
        let flags = u8::from(says.present) | u8::from(says.verified) << 2 | more;
        [Sha256::digest(says.host.as_bytes()).as_slice(), &[flags], &self.counter.to_be_bytes(), rest].concat()
    }

    fn answer(&self, response: &Value) -> String {
        let id = written(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {} })
            .to_string()
    }
}

/// What a browser writes of the page (WebAuthn 3, 5.8.1.1).
fn client(asked: &Value, does: &str, says: Says) -> String {
    let does = says.does.unwrap_or(does);
    let challenge = says.challenge.unwrap_or_else(|| asked["challenge"].as_str().unwrap());
    format!(
        "{{\"type\":\"{does}\",\"challenge\":\"{challenge}\",\"origin\":\"{}\",\"crossOrigin\":{}}}",
        says.origin, says.framed
    )
}

fn written(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}
