//! The big providers of private mailboxes in the Netherlands: domains at which people, and no organisations, read mail.
//!
//! Public knowledge, kept by hand; a domain too few here makes a typo in it unseen and its mailboxes no private ones.

/// Whether private persons have their mailboxes at this domain (lower case).
pub(super) fn is_webmail(domain: &str) -> bool {
    DOMAINS.binary_search(&domain).is_ok()
}

/// The providers whose names nobody else bears: only a typo comes near them.
pub(super) fn distinct() -> impl Iterator<Item = &'static str> {
    DOMAINS.into_iter().filter(|domain| !COMMON_WORDS.contains(domain))
}

/// Names that are words, which others bear too.
const COMMON_WORDS: [&str; 6] = ["delta.nl", "email.com", "facebook.com", "freedom.nl", "online.nl", "orange.fr"];

/// In alphabetical order.
pub(super) const DOMAINS: [&str; 118] = [
    "aol.com",
    "caiway.nl",
    "casema.nl",
    "chello.nl",
    "dds.nl",
    "delta.nl",
    "duck.com",
    "email.com",
    "facebook.com",
    "fastmail.com",
    "fastmail.fm",
    "filternet.nl",
    "freedom.nl",
    "freeler.nl",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hccnet.nl",
    "hetnet.nl",
    "hey.com",
    "home.nl",
    "hotmail.be",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "hotmail.it",
    "hotmail.nl",
    "hushmail.com",
    "icloud.com",
    "iland.nl",
    "inter.nl.net",
    "kabelfoon.net",
    "kabelfoon.nl",
    "kickmail.nl",
    "kliksafe.nl",
    "kpnmail.nl",
    "kpnplanet.nl",
    "laposte.net",
    "libero.it",
    "live.be",
    "live.co.uk",
    "live.com",
    "live.de",
    "live.fr",
    "live.it",
    "live.nl",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "msn.nl",
    "multiweb.nl",
    "o2.pl",
    "odido.nl",
    "onet.pl",
    "online.nl",
    "onsbrabantnet.nl",
    "onsnet.nu",
    "orange.fr",
    "outlook.be",
    "outlook.com",
    "outlook.de",
    "outlook.es",
    "outlook.fr",
    "outlook.nl",
    "pandora.be",
    "planet.nl",
    "pm.me",
    "proton.me",
    "protonmail.ch",
    "protonmail.com",
    "proximus.be",
    "quicknet.nl",
    "rocketmail.com",
    "scarlet.be",
    "seznam.cz",
    "skynet.be",
    "solcon.net",
    "solcon.nl",
    "speedlinq.nl",
    "t-online.de",
    "tele2.nl",
    "telenet.be",
    "telfort.nl",
    "telfortglasvezel.nl",
    "tiscali.nl",
    "tutamail.com",
    "tutanota.com",
    "upcmail.nl",
    "versatel.nl",
    "vodafonethuis.nl",
    "wanadoo.fr",
    "wanadoo.nl",
    "web.de",
    "wp.pl",
    "xmsnet.nl",
    "xs4all.nl",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "yahoo.nl",
    "yandex.com",
    "yandex.ru",
    "ymail.com",
    "zeelandnet.nl",
    "ziggo.nl",
    "zoho.com",
    "zoho.eu",
    "zonnet.nl",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(DOMAINS.is_sorted(), "{DOMAINS:?}");
        assert!(is_webmail("gmail.com") && !is_webmail("gmail.nl"));
    }
}
