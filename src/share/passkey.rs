//! Passkeys: whoever comes back opens his link with what unlocks his own device, instead of a code.
//!
//! Made by somebody who has a link open, so after another factor; for his address, at that school, on the pages of its
//! host. The private key never leaves his device. It is part of no key of ours: for links that take a code, what that code
//! adds to the key is kept sealed beside the link, from when it is made and as long as its address has a passkey. So such a
//! link opens by its secret and this server together, as one that takes a text message does; and never without the secret.
//!
//! A challenge is for one browser and one link, once, for five minutes. It lives in memory: after a restart the page asks
//! for another. Wrong answers count as wrong codes do.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::ceremony::{Making, Pages, Proving};
use super::factor::{CODE, EMAIL, Factor, ORGANISATION, SENDER, SMS};
use super::open::{Opened, OpenedBy, Unlock, Visitor};
use super::proof::Shown;
use super::{ShareError, Shares, factor};
use crate::level::Level;
use crate::message::Mailbox;
use crate::seal::{self, Index};
use crate::secret::Secret;
use crate::store::owed::Kind;
use crate::store::share::{Linked, Passkey, PasskeyId, PasskeyKept, Try, hex};
use crate::vault::LinkSecret;
use crate::vault::share::{CodeKey, RecipientKey, Rid};

/// What a page hands to a device.
pub struct Challenge {
    /// Names it; sent back with the answer.
    pub id: String,
    /// What the device is asked, in JSON: WebAuthn 3, 5.1.8 and 5.1.9.
    pub options: String,
}

/// A passkey, as its owner sees it.
pub struct OwnPasskey {
    /// Its id.
    pub id: String,
    /// What he calls it.
    pub name: Secret<String>,
    /// When it was made, milliseconds.
    pub made_at: i64,
    /// When it opened something last, milliseconds.
    pub used_at: Option<i64>,
}

/// A passkey was made, for the mail that tells so.
pub struct PasskeyMade {
    /// The school.
    pub school: String,
    /// Whose it is.
    pub address: Secret<String>,
    /// When, milliseconds.
    pub at: i64,
}

/// What became of a new passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is kept: the next message opens with it.
    Added,
    /// The answer of the device is wrong, late, or known already.
    Refused,
    /// The address has as many as it may have.
    Full,
}

macro_rules! shown_as_nothing {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

shown_as_nothing!(Challenge, OwnPasskey, Challenges);

/// A challenge can be answered for so long, milliseconds.
const LASTS: i64 = 5 * 60 * 1000;
/// Challenges that wait; of more the eldest go.
const MOST: usize = 20_000;
/// Challenges that wait through one link.
const MOST_OF_LINK: usize = 8;
/// The longest name of a passkey, letters.
const LONGEST_NAME: usize = 60;

/// Challenges that wait for an answer, in memory alone.
#[derive(Default)]
pub(super) struct Challenges(Mutex<HashMap<[u8; 16], Waiting>>);

struct Waiting {
    since: i64,
    rid: [u8; 16],
    /// Whose browser.
    browser: Index,
    what: What,
}

enum What {
    Proving(Proving),
    Making(Making),
}

impl Challenges {
    fn begin(&self, waiting: Waiting) -> Option<String> {
        let id = seal::random().ok()?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, rid) = (waiting.since, waiting.rid);
        let mut of_link: Vec<_> =
            all.iter().filter(|(_, one)| one.rid == rid).map(|(id, one)| (one.since, *id)).collect();
        of_link.sort_unstable();
        for (_, eldest) in of_link.iter().take((of_link.len() + 1).saturating_sub(MOST_OF_LINK)) {
            all.remove(eldest);
        }
        if all.len() >= MOST {
            all.retain(|_, one| one.since.saturating_add(LASTS) > now);
        }
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(id, waiting);
        Some(hex(&id))
    }

    /// Takes one, which cannot be answered again. None when there is none, or it is somebody else's, or too old.
    fn take(&self, id: &str, (rid, browser): ([u8; 16], &Index), now: i64) -> Option<What> {
        let id = octets(id)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = all.remove(&id)?;
        let fits = waiting.rid == rid && waiting.browser == *browser && waiting.since.saturating_add(LASTS) > now;
        fits.then_some(waiting.what)
    }
}

impl Shares {
    /// Asks for a passkey that opens this link. `browser` is what tells this browser from others. None when no passkey
    /// opens it.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn ask_for_passkey(
        &self,
        rid: &str,
        secret: &str,
        browser: &str,
    ) -> Result<Option<Challenge>, ShareError> {
        let Some((linked, _)) = self.live(rid, secret).await? else { return Ok(None) };
        let (Some(pages), true) = (self.pages(&linked.school), takes_passkey(&linked)) else { return Ok(None) };
        if linked.locked(self.now()).is_some() {
            return Ok(None);
        }
        let passkeys = self.inner.outbox.store().passkeys(&linked.school, linked.address).await?;
        let Some((proving, options)) = pages.ask(&passkeys) else { return Ok(None) };
        let id = self.wait_for(linked.rid, browser, What::Proving(proving));
        Ok(id.map(|id| Challenge { id, options }))
    }

    /// Whether a passkey opens this link.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn opens_by_passkey(&self, rid: &str, secret: &str) -> Result<bool, ShareError> {
        let Some((linked, _)) = self.live(rid, secret).await? else { return Ok(false) };
        Ok(takes_passkey(&linked) && self.has_passkey(&linked.school, linked.address).await?)
    }

    /// Tries a device's answer. Whatever is wrong with it, it is [`Unlock::Wrong`].
    ///
    /// # Errors
    /// [`ShareError`]; the try may have been counted.
    pub async fn unlock_by_passkey(
        &self,
        (rid, secret): (&str, &str),
        browser: &str,
        (challenge, answer): (&str, &str),
        visitor: Visitor,
    ) -> Result<Unlock, ShareError> {
        let Some((linked, secret)) = self.live(rid, secret).await? else { return Ok(Unlock::Nothing) };
        if linked.factor == SENDER {
            return Ok(Unlock::Nothing);
        }
        if self.inner.is_too_much(&visitor) {
            return Ok(Unlock::Busy);
        }
        let (now, store) = (self.now(), self.inner.outbox.store());
        let (left, locks) = match store.share_try(linked.rid, now).await? {
            Try::Allowed { left, locks } => (left, locks),
            Try::Locked(until) => return Ok(Unlock::Locked { until }),
            Try::Busy => return Ok(Unlock::Busy),
        };
        let begun = self.inner.challenges.take(challenge, (linked.rid, &self.browser(browser)), now);
        if let Some(What::Proving(proving)) = begun
            && let Some((key, passkey)) = self.proven(&linked, &secret, proving, answer).await?
        {
            return self.let_in(linked, &key, &Shown::Passkey(passkey), visitor).await;
        }
        self.inner.note_wrong(&visitor);
        store.share_wrong(&linked, locks.is_some(), now).await?;
        Ok(match locks {
            Some(until) => Unlock::Locked { until },
            None => Unlock::Wrong { left },
        })
    }

    /// Whether whoever has this link open may make a passkey.
    pub fn takes_passkeys(&self, opened: &Opened) -> bool {
        may_make(opened) && self.pages(&opened.seen.school).is_some()
    }

    /// Asks a device to make a passkey, for whoever has this link open. None when there are none for this school.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn invite_passkey(&self, opened: &Opened, browser: &str) -> Result<Option<Challenge>, ShareError> {
        let Some(pages) = self.pages(&opened.seen.school).filter(|_| may_make(opened)) else { return Ok(None) };
        let there = self.own(opened).await?;
        let Some((making, options)) = pages.invite(opened.address.expose(), &there) else { return Ok(None) };
        let rid = Rid::read(&opened.rid).ok_or(ShareError::Gone)?;
        let id = self.wait_for(*rid.octets(), browser, What::Making(making));
        Ok(id.map(|id| Challenge { id, options }))
    }

    /// Keeps the passkey that a device has made, and tells its address.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn add_passkey(
        &self,
        opened: &Opened,
        browser: &str,
        (challenge, answer): (&str, &str),
        name: &str,
    ) -> Result<Added, ShareError> {
        let (Some(pages), Some(rid)) = (self.pages(&opened.seen.school), Rid::read(&opened.rid)) else {
            return Ok(Added::Refused);
        };
        let now = self.now();
        let begun = self.inner.challenges.take(challenge, (*rid.octets(), &self.browser(browser)), now);
        let Some(What::Making(making)) = begun.filter(|_| !opened.seen.is_sender) else { return Ok(Added::Refused) };
        let id = seal::random().map_err(|_| ShareError::System)?;
        let (answer, address) = (answer.to_owned(), opened.address.expose().clone());
        let made = apart(move || making.answered(&pages, &answer, &address, id)).await;
        let Some(mut made) = made else { return Ok(Added::Refused) };
        made.facts.name =
            name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect::<String>().trim().to_owned();
        let letters = self.letters.as_ref().ok_or(ShareError::Letter)?;
        let (school, address) = (opened.seen.school.clone(), opened.address.clone());
        let letter = letters.passkey_made(&PasskeyMade { school, address, at: now }).ok_or(ShareError::Letter)?;
        let mail = self.owe(Kind::Message, letter, now).await?;
        Ok(match self.inner.outbox.store().keep_passkey(*rid.octets(), made, mail, now).await? {
            PasskeyKept::Kept => {
                self.inner.outbox.wake();
                Added::Added
            }
            PasskeyKept::Known => Added::Refused,
            PasskeyKept::Full => Added::Full,
        })
    }

    /// The passkeys of the address whose link is open.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn passkeys(&self, opened: &Opened) -> Result<Vec<OwnPasskey>, ShareError> {
        let own = |one: Passkey| OwnPasskey {
            id: hex(&one.id),
            name: Secret::new(one.facts.name),
            made_at: one.made_at,
            used_at: one.used_at,
        };
        Ok(self.own(opened).await?.into_iter().map(own).collect())
    }

    /// Takes a passkey away, for whoever has a link of its address open.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when there is none.
    pub async fn remove_passkey(&self, opened: &Opened, id: &str) -> Result<(), ShareError> {
        let rid = Rid::read(&opened.rid).ok_or(ShareError::Gone)?;
        let id = octets(id).ok_or(ShareError::Gone)?;
        let gone = self.inner.outbox.store().remove_passkey(*rid.octets(), id, self.now()).await?;
        gone.then_some(()).ok_or(ShareError::Gone)
    }

    /// Takes all passkeys of a recipient of a share away, for its sender. Gives how many. `who` is the address of who does
    /// it, for the journal.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when there is no such share or recipient.
    pub async fn remove_passkeys(&self, id: &str, rid: &str, who: &str) -> Result<usize, ShareError> {
        let share = self.inner.outbox.store().share(id).await?.ok_or(ShareError::Gone)?;
        let rid = Rid::read(rid).ok_or(ShareError::Gone)?;
        let of_share = share.recipients.iter().any(|one| one.rid == *rid.octets() && one.factor != SENDER);
        if !of_share {
            return Err(ShareError::Gone);
        }
        let line = self.line(id, "share_passkeys_removed", who).await?;
        Ok(self.inner.outbox.store().remove_passkeys_of(*rid.octets(), line, self.now()).await?)
    }

    /// Whether an address at a school opens what is made for it now by passkey.
    pub(super) async fn has_passkey(&self, school: &str, address: Index) -> Result<bool, ShareError> {
        let Some(pages) = self.pages(school) else { return Ok(false) };
        let passkeys = self.inner.outbox.store().passkeys(school, address).await?;
        Ok(passkeys.iter().any(|passkey| passkey.host == pages.host))
    }

    /// Whether a passkey of an address counts at a level. A mailbox with a fixed code is one that more people read: whoever has
    /// that code can make a passkey for it, so at level high neither counts.
    pub(super) async fn counts_passkey(&self, school: &str, address: Index, level: Level) -> Result<bool, ShareError> {
        if level == Level::High {
            let contact = self.inner.outbox.store().contact(school, address).await?;
            if contact.is_some_and(|contact| contact.code.is_some()) {
                return Ok(false);
            }
        }
        self.has_passkey(school, address).await
    }

    /// The pages of a school, where its recipients may have passkeys.
    fn pages(&self, school: &str) -> Option<Pages> {
        let settings = &self.inner.settings;
        if settings.passkeys { Pages::at(settings.url_of(school)) } else { None }
    }

    async fn own(&self, opened: &Opened) -> Result<Vec<Passkey>, ShareError> {
        let mailbox = Mailbox::parse(opened.address.expose()).map_err(|_| ShareError::Gone)?;
        Ok(self.inner.outbox.store().passkeys(&opened.seen.school, self.inner.address(&mailbox)).await?)
    }

    fn wait_for(&self, rid: [u8; 16], browser: &str, what: What) -> Option<String> {
        self.inner.challenges.begin(Waiting { since: self.now(), rid, browser: self.browser(browser), what })
    }

    fn browser(&self, browser: &str) -> Index {
        self.inner.outbox.store().index("passkey browser", &[browser.as_bytes()])
    }

    /// The key of a link, when the answer is of a passkey that opens it; and which passkey that is.
    async fn proven(
        &self,
        linked: &Linked,
        secret: &LinkSecret,
        proving: Proving,
        answer: &str,
    ) -> Result<Option<(RecipientKey, PasskeyId)>, ShareError> {
        let Some(pages) = self.pages(&linked.school) else { return Ok(None) };
        let store = self.inner.outbox.store();
        let (there, answer) = (store.passkeys(&linked.school, linked.address).await?, answer.to_owned());
        let proven = apart(move || proving.answered(&pages, &answer, &there)).await;
        let Some((passkey, state)) = proven else { return Ok(None) };
        let Some(key) = self.key_by_passkey(linked, secret).await? else { return Ok(None) };
        let used = store.passkey_used(passkey.id, (passkey.state, state), self.now()).await?;
        Ok(used.then_some((key, passkey.id)))
    }

    /// Whether the address of a link still has this passkey, on the pages of its school.
    pub(super) async fn still_has(&self, linked: &Linked, id: &str) -> Result<bool, ShareError> {
        let Some(pages) = self.pages(&linked.school).filter(|_| takes_passkey(linked)) else { return Ok(false) };
        let there = self.inner.outbox.store().passkeys(&linked.school, linked.address).await?;
        Ok(there.iter().any(|passkey| hex(&passkey.id) == id && passkey.host == pages.host))
    }

    /// The key of a link for who has proven to have a passkey.
    pub(super) async fn key_by_passkey(
        &self,
        linked: &Linked,
        secret: &LinkSecret,
    ) -> Result<Option<RecipientKey>, ShareError> {
        let code = match linked.factor.as_str() {
            SMS | EMAIL => None,
            CODE => match linked.code_key {
                Some(key) => Some(CodeKey::of(key)),
                None => return Ok(None),
            },
            ORGANISATION => {
                let contact = self.inner.outbox.store().contact(&linked.school, linked.address).await?;
                let same = contact.filter(|contact| factor::contact(&linked.recipient) == Some(contact.id));
                match same.and_then(|contact| contact.code) {
                    Some((key, _)) => Some(CodeKey::of(key)),
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let rid = Rid::of(linked.rid);
        let key = self.inner.pepper(linked)?.recipient(&rid, secret, code.as_ref()).ok_or(ShareError::System)?;
        // A code that was changed meanwhile gives another key.
        Ok(key.is(&linked.public).then_some(key))
    }
}

impl Shown {
    /// By what a link was opened, as it is told.
    pub(super) fn by(&self) -> OpenedBy {
        match self {
            Self::Sms => OpenedBy::Sms,
            Self::Email => OpenedBy::Email,
            Self::Organisation(_) => OpenedBy::Organisation,
            Self::Code(_) => OpenedBy::Code,
            Self::Passkey(_) => OpenedBy::Passkey,
        }
    }
}

/// Whether whoever has this open may make a passkey. Not by a code by mail: the passkey would open links that take more than
/// reading that mailbox.
fn may_make(opened: &Opened) -> bool {
    !opened.seen.is_sender && opened.seen.factor != Factor::Email
}

/// Whether a passkey opens this link: not one that takes a code and was made when its address had none.
fn takes_passkey(linked: &Linked) -> bool {
    match linked.factor.as_str() {
        EMAIL | ORGANISATION => true,
        // At level high the number itself, since nothing tells by what a passkey came about.
        SMS => linked.recipient.level < Level::High,
        CODE => linked.code_key.is_some(),
        _ => false,
    }
}

/// Looks at what a stranger sent on a thread of its own: signatures take time, and a fault of the library is a refusal.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok().flatten()
}

fn octets(hex: &str) -> Option<[u8; 16]> {
    let mut octets = [0; 16];
    if hex.len() != 32 || !hex.is_ascii() {
        return None;
    }
    for (octet, two) in octets.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()?;
    }
    Some(octets)
}
