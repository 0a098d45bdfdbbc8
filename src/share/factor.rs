//! The second factor: by what, besides the link, a recipient proves who he is.
//!
//! Chosen for each recipient when a share is made: a contact with a fixed code of his organisation (not at level high, since
//! several people know it), else a number that takes text messages where `[sms]` sends them, else a code that the sender
//! tells, or at level low a code by mail. A code that is told is part of the key, so nothing opens the share without it; a
//! code by text message or mail is asked for by this server alone, and is no part of the key. One by mail goes to the
//! mailbox that has the link too: it keeps out who finds the link elsewhere, not who reads that mailbox.

use std::fmt;

use super::{CodeMail, ShareError, Shares, Visitor};
use crate::level::Level;
use crate::seal;
use crate::secret::Secret;
use crate::share::sms::NotSent;
use crate::share::{NewRecipient, Phone};
use crate::store::contacts::{Contact, ContactId};
use crate::store::owed::Kind;
use crate::store::share::{Linked, RecipientFacts, Text, TextLimits};
use crate::vault::share::{AccessCode, CodeKey, Rid};

/// What a recipient needs besides the link.
#[derive(Clone, PartialEq, Eq)]
pub enum Factor {
    /// A code of 12 digits that the sender tells.
    Code,
    /// A code of 6 digits that comes by text message.
    Sms {
        /// As much of the number as its owner knows it by.
        masked: String,
        /// Where the number comes from.
        from: NumberFrom,
    },
    /// A code of 6 digits that comes by mail, to the mailbox that has the link: level low.
    Email,
    /// The fixed code of an organisation, 12 digits.
    Organisation,
    /// Nothing here: the sender's own link opens at the desk.
    Sender,
}

/// Where a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFrom {
    /// The pupil administration.
    Roster,
    /// The school's list of contacts.
    Contacts,
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code => "Code",
            Self::Sms { .. } => "Sms(..)",
            Self::Email => "Email",
            Self::Organisation => "Organisation",
            Self::Sender => "Sender",
        })
    }
}

/// The words in the table.
pub(super) const CODE: &str = "code";
pub(super) const SMS: &str = "sms";
pub(super) const EMAIL: &str = "email";
pub(super) const ORGANISATION: &str = "organisation";
pub(super) const SENDER: &str = "sender";

/// A factor with what making the key takes.
pub(super) enum Proving {
    Sender,
    Code(AccessCode),
    Sms { phone: Phone, contact: Option<ContactId> },
    Email,
    Organisation { contact: ContactId, key: CodeKey, cost: u32 },
}

impl Proving {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Sender => SENDER,
            Self::Code(_) => CODE,
            Self::Sms { .. } => SMS,
            Self::Email => EMAIL,
            Self::Organisation { .. } => ORGANISATION,
        }
    }

    /// What the key of a fixed code cost, by its number.
    pub(super) fn cost(&self) -> Option<u32> {
        match self {
            Self::Organisation { cost, .. } => Some(*cost),
            Self::Sender | Self::Code(_) | Self::Sms { .. } | Self::Email => None,
        }
    }

    pub(super) fn told(&self) -> Factor {
        match self {
            Self::Sender => Factor::Sender,
            Self::Code(_) => Factor::Code,
            Self::Email => Factor::Email,
            Self::Organisation { .. } => Factor::Organisation,
            Self::Sms { phone, contact } => {
                let from = if contact.is_some() { NumberFrom::Contacts } else { NumberFrom::Roster };
                Factor::Sms { masked: phone.masked(), from }
            }
        }
    }

    pub(super) fn note(&self, facts: &mut RecipientFacts) {
        let (phone, contact) = match self {
            Self::Sender | Self::Code(_) | Self::Email => (None, None),
            Self::Sms { phone, contact } => (Some(phone.written().to_owned()), *contact),
            Self::Organisation { contact, .. } => (None, Some(*contact)),
        };
        (facts.phone, facts.contact) = (phone, contact.map(|id| Rid::of(id).written()));
    }
}

/// The factor of a link that is there.
pub(super) fn of(factor: &str, facts: &RecipientFacts) -> Factor {
    match factor {
        SENDER => Factor::Sender,
        ORGANISATION => Factor::Organisation,
        EMAIL => Factor::Email,
        SMS => {
            let from = if facts.contact.is_some() { NumberFrom::Contacts } else { NumberFrom::Roster };
            let masked = number(facts).map(|phone| phone.masked()).unwrap_or_default();
            Factor::Sms { masked, from }
        }
        _ => Factor::Code,
    }
}

/// The number of a recipient.
pub(super) fn number(facts: &RecipientFacts) -> Option<Phone> {
    Phone::read(facts.phone.as_deref()?, "")
}

/// The contact of a recipient.
pub(super) fn contact(facts: &RecipientFacts) -> Option<ContactId> {
    Rid::read(facts.contact.as_deref()?).map(|id| *id.octets())
}

/// A code of six digits in words: what is sent.
pub struct CodeWords {
    /// The subject, where it goes by mail.
    pub subject: String,
    /// The text.
    pub text: String,
}

impl fmt::Debug for CodeWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeWords(..)")
    }
}

/// What became of the wish for a text message, or a mail with a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Texted {
    /// It was sent.
    Sent,
    /// This recipient had enough of them today.
    Enough,
    /// It cannot be sent now: the provider does not take it, or the school has sent as many as it wants to in a day.
    Down,
    /// The link leads nowhere (any more), or takes another factor.
    Nothing,
    /// Too many wrong codes: none works until then, milliseconds; without a moment until the sender makes a new link.
    Locked {
        /// Until when.
        until: Option<i64>,
    },
    /// Too many tries from this network: later.
    Busy,
}

/// A code by text message or mail lives so long, milliseconds.
const TEXT_LASTS: i64 = 10 * 60 * 1000;
/// Codes that are typed against one text.
const TEXT_TRIES: u32 = 5;
/// Texts to one recipient in a day, and as many mails.
const TEXTS_A_DAY: u32 = 5;
/// Codes by mail that a school sends in a day: they cost nothing, and a robot that asks for them is stopped.
const MAILS_OF_SCHOOL: u32 = 5000;
/// Digits of a code by text message.
const TEXT_DIGITS: usize = 6;

impl Shares {
    /// Sends a code to the number of a recipient, or where his link takes one by mail, to his mailbox. `words` makes the
    /// text of the code.
    ///
    /// # Errors
    /// [`ShareError`]; nothing was sent then.
    pub async fn text_code(
        &self,
        rid: &str,
        secret: &str,
        visitor: Visitor,
        words: impl FnOnce(&str) -> CodeWords + Send,
    ) -> Result<Texted, ShareError> {
        let Some((linked, _)) = self.live(rid, secret).await? else { return Ok(Texted::Nothing) };
        if ![SMS, EMAIL].contains(&linked.factor.as_str()) {
            return Ok(Texted::Nothing);
        }
        let now = self.now();
        if let Some(until) = linked.locked(now) {
            return Ok(Texted::Locked { until });
        }
        if self.inner.is_too_much(&visitor) {
            return Ok(Texted::Busy);
        }
        let code = text_code().ok_or(ShareError::System)?;
        let words = words(&code);
        if linked.factor == EMAIL {
            self.mail_code(linked, &code, words).await
        } else {
            self.text_message(linked, &code, words).await
        }
    }

    async fn text_message(&self, linked: Linked, code: &str, words: CodeWords) -> Result<Texted, ShareError> {
        let (Some(provider), Some(phone)) = (&self.sms, number(&linked.recipient)) else { return Ok(Texted::Down) };
        let limits = limits(SMS, provider.settings().daily);
        let (store, mac) = (self.inner.outbox.store(), self.text_mac(&linked, code));
        let id = match store.share_text(linked.rid, mac, limits, None, self.now()).await? {
            Text::Due(id) => id,
            Text::Enough => return Ok(Texted::Enough),
            Text::Ceiling => {
                tracing::error!(
                    school = linked.school,
                    "the school has sent as many text messages as `daily` of [sms] allows"
                );
                return Ok(Texted::Down);
            }
        };
        match provider.send(&phone, &words.text, &linked.facts.reference).await {
            Ok(()) => Ok(Texted::Sent),
            Err(NotSent::Refused) => {
                store.share_text_failed(id, self.now()).await?;
                Ok(Texted::Down)
            }
            // It counts, since it may arrive.
            Err(NotSent::Unsure) => Ok(Texted::Down),
        }
    }

    async fn mail_code(&self, linked: Linked, code: &str, words: CodeWords) -> Result<Texted, ShareError> {
        let (now, mac) = (self.now(), self.text_mac(&linked, code));
        let CodeWords { subject, text } = words;
        let to = Secret::new(linked.recipient.address);
        let mail = CodeMail { school: linked.school.clone(), to, subject, text: Secret::new(text), at: now };
        let letters = self.letters.as_ref().ok_or(ShareError::Letter)?;
        let letter = letters.code_mail(&mail).ok_or(ShareError::Letter)?;
        let (item, mut owed) = self.owe(Kind::Message, letter, now).await?;
        // One that comes later opens nothing.
        owed.give_up_at = now.saturating_add(TEXT_LASTS);
        let limits = limits(EMAIL, MAILS_OF_SCHOOL);
        match self.inner.outbox.store().share_text(linked.rid, mac, limits, Some((item, owed)), now).await? {
            Text::Due(_) => {
                self.inner.outbox.wake();
                Ok(Texted::Sent)
            }
            Text::Enough => Ok(Texted::Enough),
            Text::Ceiling => {
                tracing::error!(school = linked.school, "somebody asks for codes by mail without end");
                Ok(Texted::Down)
            }
        }
    }

    /// Whether a code that was sent by text message waits to be typed.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn text_waits(&self, rid: &str) -> Result<bool, ShareError> {
        let Some(rid) = Rid::read(rid) else { return Ok(false) };
        Ok(self.inner.outbox.store().share_text_waits(*rid.octets(), TEXT_TRIES, self.now()).await?)
    }

    /// Tries a code of a text message; the try was counted as wrong before.
    pub(super) async fn is_text_code(
        &self,
        linked: &Linked,
        mac: &seal::Index,
        typed: &str,
    ) -> Result<bool, ShareError> {
        let right = self.text_mac(linked, typed);
        if aws_lc_rs::constant_time::verify_slices_are_equal(&right, mac).is_err() {
            return Ok(false);
        }
        Ok(self.inner.outbox.store().share_text_used(linked.rid).await?)
    }

    /// The hash of the code that was sent last; a try of it is counted. None when none can be typed.
    pub(super) async fn sent_code(&self, linked: &Linked) -> Result<Option<seal::Index>, ShareError> {
        Ok(self.inner.outbox.store().share_text_try(linked.rid, TEXT_TRIES, self.now()).await?)
    }

    fn text_mac(&self, linked: &Linked, code: &str) -> seal::Index {
        self.inner.outbox.store().index("share text", &[&linked.rid, code.as_bytes()])
    }

    /// How this recipient is to prove who he is. A number that nobody can text is none.
    pub(super) fn proving(&self, one: &NewRecipient, contact: Option<&Contact>, code: &AccessCode) -> Proving {
        let fixed = contact.filter(|_| one.level < Level::High);
        if let Some((contact, (key, cost))) = fixed.and_then(|contact| Some((contact.id, contact.code?))) {
            return Proving::Organisation { contact, key: CodeKey::of(key), cost };
        }
        let otherwise = if one.level == Level::Low { Proving::Email } else { Proving::Code(code.clone()) };
        let Some(provider) = &self.sms else { return otherwise };
        let calling_code = &provider.settings().calling_code;
        let takes = |typed: &str| Phone::read(typed, calling_code).filter(Phone::takes_texts);
        let of_contact = contact.and_then(|contact| Some((takes(contact.facts.phone.as_deref()?)?, contact.id)));
        if let Some((phone, contact)) = of_contact {
            return Proving::Sms { phone, contact: Some(contact) };
        }
        match one.phones.iter().find_map(|phone| takes(phone.expose())) {
            Some(phone) => Proving::Sms { phone, contact: None },
            None => otherwise,
        }
    }
}

fn limits(channel: &'static str, of_school: u32) -> TextLimits {
    TextLimits { channel, of_recipient: TEXTS_A_DAY, of_school, lasts: TEXT_LASTS, tries: TEXT_TRIES }
}

/// Six digits as they were typed. None when they are not six.
pub(super) fn read_text_code(typed: &str) -> Option<Secret<String>> {
    let digits: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(TEXT_DIGITS + 1).collect();
    (digits.len() == TEXT_DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then(|| Secret::new(digits))
}

/// A new one, each as likely as any other. None when chance is out of order.
fn text_code() -> Option<String> {
    // Of 64 bits what is over is one in 10^13.
    let number = u64::from_be_bytes(seal::random().ok()?);
    Some(format!("{:06}", number % 1_000_000))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn six_digits_are_read_however_they_are_typed() {
        for typed in ["123456", "123 456", " 12-34-56 "] {
            assert_eq!(read_text_code(typed).unwrap().expose(), "123456", "{typed}");
        }
        for wrong in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦"] {
            assert!(read_text_code(wrong).is_none(), "{wrong}");
        }
        let code = text_code().unwrap();
        assert!(read_text_code(&code).is_some());
    }
}
