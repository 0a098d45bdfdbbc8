//! What a device has proven: for eight hours a factor that was proven for an address counts for further links to it, and
//! for 90 days on a device that is to be remembered, where the school allows that.
//!
//! ```text
//! sms           this address answers at this number: any link to it that asks for a text to that number
//! email         this address was read on this device: any link to it that asks for a code by mail, and no other
//! organisation  the key of the fixed code: any link to that contact, until the code is changed
//! code          the code itself: links of the same sending to the same family, since a code is part of the key and every
//!               sending has its own. So eight hours, and never longer: a new share always asks for its own code.
//! passkey       this address was proven by a passkey it still has: any link to it at that school which a passkey opens.
//!               Eight hours and never longer: the passkey is asked for again then.
//! ```
//!
//! The proof is a cookie: sealed with the key file, so nobody reads or makes one, and kept nowhere else. A server that is
//! stolen has none; a device that is stolen has no link. Eight hours count for all schools of the installation, 90 days for
//! the school where it was chosen; not for links of level high. Changing number or code ends it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::factor::{self, CODE, EMAIL, ORGANISATION, SMS};
use super::open::{OpenedBy, Unlock, Visitor};
use super::{ShareError, Shares};
use crate::level::Level;
use crate::message::Mailbox;
use crate::secret::Secret;
use crate::store::share::{Linked, PasskeyId, hex};
use crate::vault::LinkSecret;
use crate::vault::share::{AccessCode, CodeKey, Cost, RecipientKey, Rid};

/// A proof counts for so long, milliseconds.
const COUNTS: i64 = 8 * 3600 * 1000;
/// A device is remembered for so long, milliseconds.
const REMEMBERED: i64 = 90 * 24 * 3600 * 1000;
/// Proofs of one device that are looked at.
const MOST: usize = 12;
/// The longest proof, octets of its cookie.
const LONGEST: usize = 1000;
const LABEL: &str = "portal proof";

/// What a device keeps of a factor that was proven on it.
#[derive(Clone)]
pub struct Proof {
    /// By which the same proof is replaced: hexadecimal.
    pub name: String,
    /// The cookie's value: letters, digits, `-` and `_`.
    pub value: Secret<String>,
    /// How long it is kept, seconds; none for as long as the browser is open.
    pub lasts: Option<i64>,
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}

/// What was proven.
#[derive(Serialize, Deserialize)]
struct Proven {
    /// Hash of the address.
    address: String,
    school: String,
    /// Counts everywhere until then.
    until: i64,
    /// Counts at this school until then.
    kept: Option<i64>,
    by: By,
}

#[derive(Serialize, Deserialize)]
enum By {
    /// Hash of the number.
    Sms(String),
    /// The address itself.
    Email,
    /// The contact, and the key of its code.
    Organisation(String, [u8; 32]),
    /// Share, family, code.
    Code(String, u32, String),
    /// Which one, in hexadecimal.
    Passkey(String),
}

impl Shares {
    /// Opens a link by what this device has proven before, if that counts for it. `remembers` says whether the school of
    /// the link lets devices be remembered. `Nothing` when no proof counts, or the link leads nowhere.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn unlock_by_proof(
        &self,
        rid: &str,
        secret: &str,
        proofs: &[String],
        (visitor, remembers): (Visitor, bool),
    ) -> Result<Unlock, ShareError> {
        if proofs.is_empty() {
            return Ok(Unlock::Nothing);
        }
        let Some((linked, secret)) = self.live(rid, secret).await? else { return Ok(Unlock::Nothing) };
        for proof in proofs.iter().take(MOST).filter_map(|proof| self.read_proof(proof)) {
            if !self.counts(&proof, &linked, remembers) {
                continue;
            }
            let Some(key) = self.key_by(&proof, &linked, &secret).await? else { continue };
            return self.enter(linked, &key, (OpenedBy::Device, visitor.statement)).await;
        }
        Ok(Unlock::Nothing)
    }

    /// What a device is to keep of a factor that was proven just now.
    pub(super) fn proof(&self, linked: &Linked, by: &Shown, remember: bool) -> Option<Proof> {
        let now = self.now();
        let by = match by {
            Shown::Sms => By::Sms(self.number_index(linked)?),
            Shown::Email => By::Email,
            Shown::Organisation(key) => By::Organisation(linked.recipient.contact.clone()?, *key.octets()),
            Shown::Code(code) => By::Code(linked.share.clone(), linked.family, code.grouped()),
            Shown::Passkey(id) => By::Passkey(hex(id)),
        };
        let address = self.address_index(linked)?;
        let scope = match &by {
            By::Sms(_) => SMS.to_owned(),
            By::Email => EMAIL.to_owned(),
            By::Organisation(..) => ORGANISATION.to_owned(),
            By::Code(share, family, _) => format!("{CODE} {share} {family}"),
            By::Passkey(_) => format!("passkey {}", linked.school),
        };
        let can_be_kept = !matches!(by, By::Code(..) | By::Passkey(_)) && linked.recipient.level < Level::High;
        let kept = (remember && can_be_kept).then(|| now.saturating_add(REMEMBERED));
        let store = self.inner.outbox.store();
        let name = hex(&store.index("portal proof", &[address.as_bytes(), scope.as_bytes()]));
        let proven = Proven { address, school: linked.school.clone(), until: now.saturating_add(COUNTS), kept, by };
        let plain = serde_json::to_vec(&proven).ok()?;
        let value = URL_SAFE_NO_PAD.encode(self.inner.outbox.keys().seal(LABEL, &plain)?);
        Some(Proof { name, value: Secret::new(value), lasts: kept.map(|_| REMEMBERED / 1000) })
    }

    fn read_proof(&self, written: &str) -> Option<Proven> {
        let sealed = URL_SAFE_NO_PAD.decode(Some(written).filter(|written| written.len() <= LONGEST)?).ok()?;
        serde_json::from_slice(&self.inner.outbox.keys().open(LABEL, &sealed)?).ok()
    }

    /// Whether a proof is of this recipient, and not too old.
    fn counts(&self, proof: &Proven, linked: &Linked, remembers: bool) -> bool {
        let now = self.now();
        let remembers = remembers && linked.recipient.level < Level::High;
        let kept = remembers && proof.school == linked.school && proof.kept.is_some_and(|until| until > now);
        // A code is its family's: a mother who reads two mailboxes types it once.
        let of_family = matches!(&proof.by, By::Code(share, family, _)
            if *share == linked.share && *family == linked.family);
        let of_address = self.address_index(linked).is_some_and(|address| address == proof.address);
        (proof.until > now || kept) && (of_address || of_family)
    }

    async fn key_by(
        &self,
        proof: &Proven,
        linked: &Linked,
        secret: &LinkSecret,
    ) -> Result<Option<RecipientKey>, ShareError> {
        if let By::Passkey(id) = &proof.by {
            let same = proof.school == linked.school && self.still_has(linked, id).await?;
            return if same { self.key_by_passkey(linked, secret).await } else { Ok(None) };
        }
        let rid = Rid::of(linked.rid);
        let code = match (&proof.by, linked.factor.as_str()) {
            (By::Email, EMAIL) => None,
            (By::Sms(number), SMS) if self.number_index(linked).as_ref() == Some(number) => None,
            (By::Organisation(contact, key), ORGANISATION) if linked.recipient.contact.as_ref() == Some(contact) => {
                Some(CodeKey::of(*key))
            }
            (By::Code(share, family, code), CODE) if *share == linked.share && *family == linked.family => {
                let Some(code) = AccessCode::read(code) else { return Ok(None) };
                let cost = Cost::of(linked.cost).ok_or(ShareError::System)?;
                Some(code.key(&rid, cost).await.ok_or(ShareError::System)?)
            }
            _ => return Ok(None),
        };
        let key = self.inner.pepper(linked)?.recipient(&rid, secret, code.as_ref()).ok_or(ShareError::System)?;
        // A code that was changed meanwhile gives another key.
        Ok(key.is(&linked.public).then_some(key))
    }

    fn address_index(&self, linked: &Linked) -> Option<String> {
        let mailbox = Mailbox::parse(&linked.recipient.address).ok()?;
        Some(hex(&self.inner.address(&mailbox)))
    }

    fn number_index(&self, linked: &Linked) -> Option<String> {
        let phone = factor::number(&linked.recipient)?;
        Some(hex(&self.inner.outbox.store().index("phone", &[phone.written().as_bytes()])))
    }
}

/// What was shown just now.
pub(super) enum Shown {
    Sms,
    Email,
    Organisation(CodeKey),
    Code(AccessCode),
    Passkey(PasskeyId),
}
