//! What passes between a page and a device with a passkey: WebAuthn 3, sections 7.1 and 7.2, by `webauthn_rp`.
//!
//! A challenge is begun here, answered by the device, and looked at once. Asked of the device: that it looks who holds it
//! (user verification), that the answer is for this host and these pages (relying party and origin), and that it signs with
//! ES256, EdDSA or RS256 (of which we only look at signatures: RUSTSEC-2023-0071 is about those who make them). Which make
//! of device it is, nobody is asked (attestation none).
//!
//! Answers come from strangers: what is wrong with one is told to nobody, and never logged, since what the library says of
//! it holds ids and keys.

use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::{
    AllowedCredential, AllowedCredentials, AuthenticationVerificationOptions, AuthenticatorAttachmentEnforcement,
    NonDiscoverableCredentialRequestOptions,
};
use webauthn_rp::request::register::{
    CoseAlgorithmIdentifier, Extension, Nickname, PublicKeyCredentialCreationOptions, PublicKeyCredentialUserEntity,
    RegistrationVerificationOptions, UserHandle, UserHandle16, Username,
};
use webauthn_rp::request::{
    AsciiDomain, Credentials, PublicKeyCredentialDescriptor, RpId, UserVerificationRequirement,
};
use webauthn_rp::response::auth::NonDiscoverableAuthentication16;
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, NonDiscoverableAuthenticationServerState, Registration, RegistrationServerState,
};

use crate::store::share::{Passkey, PasskeyFacts};

/// The longest answer of a device, octets: with the longest id and key there are.
const LONGEST: usize = 12 * 1024;

/// The pages that a passkey is for.
#[derive(Clone)]
pub(super) struct Pages {
    /// Their host: the relying party's id.
    pub host: String,
    /// As browsers write where a page comes from.
    pub origin: String,
}

/// A public key, as it was kept.
type Key = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// A device was asked to prove that it has one of some passkeys.
pub(super) struct Proving(NonDiscoverableAuthenticationServerState);

/// A device was asked to make a passkey.
pub(super) struct Making {
    state: RegistrationServerState<16>,
    user: UserHandle16,
}

impl Pages {
    /// Those at an address. None when passkeys cannot be for it: it is a number, or not secured.
    pub fn at(url: &str) -> Option<Self> {
        let host = url.strip_prefix("https://")?.split([':', '/']).next()?;
        let is_name = host.bytes().any(|b| b.is_ascii_alphabetic()) && host.contains('.');
        let pages = Self { host: host.to_owned(), origin: url.to_owned() };
        (is_name && pages.party().is_some()).then_some(pages)
    }

    fn party(&self) -> Option<RpId> {
        AsciiDomain::try_from(self.host.clone()).ok().map(RpId::Domain)
    }

    /// Asks a device for one of these passkeys; gives what its page is to hand it, in JSON. None when none can be asked for.
    pub fn ask(&self, passkeys: &[Passkey]) -> Option<(Proving, String)> {
        let party = self.party()?;
        let mut allowed = AllowedCredentials::with_capacity(passkeys.len());
        for passkey in passkeys.iter().filter(|passkey| passkey.host == self.host) {
            allowed.push(AllowedCredential::from(descriptor(&passkey.facts)?));
        }
        let mut asked = NonDiscoverableCredentialRequestOptions::second_factor(&party, allowed).ok()?;
        asked.options().user_verification = UserVerificationRequirement::Required;
        let (state, page) = asked.start_ceremony().ok()?;
        Some((Proving(state), serde_json::to_string(&page).ok()?))
    }

    /// Asks a device to make a passkey for somebody, who has these already; gives what its page is to hand it, in JSON.
    pub fn invite(&self, address: &str, there: &[Passkey]) -> Option<(Making, String)> {
        let party = self.party()?;
        let there: Vec<&Passkey> = there.iter().filter(|passkey| passkey.host == self.host).collect();
        // One and the same for all passkeys of an address: then a device knows that it has one.
        let user = match there.first() {
            Some(passkey) => UserHandle::decode(passkey.facts.user).ok()?,
            None => UserHandle16::new(),
        };
        let had = there.iter().map(|passkey| descriptor(&passkey.facts)).collect::<Option<Vec<_>>>()?;
        let name = |text: &'static str| Username::try_from(text).ok();
        let name = Username::try_from(address.to_owned()).ok().or_else(|| name("veilig bericht"))?;
        let whose = PublicKeyCredentialUserEntity { name, id: &user, display_name: None::<Nickname<'_>> };
        let mut asked = PublicKeyCredentialCreationOptions::passkey(&party, whose, had);
        asked.pub_key_cred_params = asked.pub_key_cred_params.remove(CoseAlgorithmIdentifier::Es384);
        // That its holder is looked at, is asked of every answer.
        asked.extensions = Extension::default();
        let (state, page) = asked.start_ceremony().ok()?;
        let page = serde_json::to_string(&page).ok()?;
        Some((Making { state, user }, page))
    }
}

impl Proving {
    /// Looks at a device's answer. Gives the passkey that it has, and what that one's state is now. None when it is wrong.
    pub fn answered(self, pages: &Pages, answer: &str, passkeys: &[Passkey]) -> Option<(Passkey, [u8; 7])> {
        let answer: NonDiscoverableAuthentication16 = read(answer)?;
        let named = answer.raw_id();
        let named = named.encode().ok()?;
        let passkey = passkeys.iter().find(|one| one.host == pages.host && one.facts.credential == named)?;
        let user: UserHandle16 = UserHandle::decode(passkey.facts.user).ok()?;
        let key = StaticState::<Key>::decode(passkey.facts.key.as_slice()).ok()?;
        let id = CredentialId::<&[u8]>::decode(passkey.facts.credential.as_slice()).ok()?;
        let mut kept = AuthenticatedCredential::new(id, &user, key, DynamicState::decode(passkey.state).ok()?).ok()?;
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &[pages.origin.as_str()],
            error_on_unsolicited_extensions: false,
            auth_attachment_enforcement: AuthenticatorAttachmentEnforcement::Ignore(false),
            ..AuthenticationVerificationOptions::default()
        };
        self.0.verify(&pages.party()?, &answer, &mut kept, &options).ok()?;
        let state = kept.dynamic_state().encode().ok()?;
        Some((passkey.clone(), state))
    }
}

impl Making {
    /// Looks at a device's answer. Gives the passkey that it has made; its name is still to be given. None when it is wrong.
    pub fn answered(self, pages: &Pages, answer: &str, address: &str, id: [u8; 16]) -> Option<Passkey> {
        let answer: Registration = read(answer)?;
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &[pages.origin.as_str()],
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let made = self.state.verify(&pages.party()?, &answer, &options).ok()?;
        let facts = PasskeyFacts {
            address: address.to_owned(),
            name: String::new(),
            user: self.user.encode().ok()?,
            credential: made.id().encode().ok()?.to_vec(),
            key: made.static_state().encode().ok()?,
            transports: made.transports().encode().ok()?,
        };
        let state = made.dynamic_state().encode().ok()?;
        Some(Passkey { id, host: pages.host.clone(), made_at: 0, used_at: None, state, facts })
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &str) -> Option<T> {
    serde_json::from_str(Some(answer).filter(|answer| answer.len() <= LONGEST)?).ok()
}

fn descriptor(facts: &PasskeyFacts) -> Option<PublicKeyCredentialDescriptor<Vec<u8>>> {
    let id = CredentialId::<Vec<u8>>::decode(facts.credential.clone()).ok()?;
    Some(PublicKeyCredentialDescriptor { id, transports: AuthTransports::decode(facts.transports).ok()? })
}
