//! The rows of the decision table: what is found of a domain, or of one of its hosts.

/// A row, with the reason within it. The numbers are those of the table; 11 and 12 are about a message, not a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Row {
    /// 1. MX, address and TLSA are secure: DANE (RFC 7672 2.2).
    Dane,
    /// 2. TLSA is secure, but the MX that leads to it is not, and nothing else proves that (RFC 7672 2.2.1).
    DaneHalf,
    /// 3. A look-up failed for the moment: no downgrade (RFC 7672 2.1.1; RFC 8461 2).
    Temp(LookUp, Trouble),
    /// 4. The domain's own policy lists the host and asks for a valid certificate (RFC 8461).
    Sts,
    /// 4. The domain's own policy does not list this host: it gets no mail (RFC 8461 4.1).
    StsNotListed,
    /// 5. Nothing that is published proves anything.
    Unproven(NotProven),
    /// 6. Our configuration pins the host's names.
    Pkix,
    /// 7. A valid certificate for a name that unproven DNS gave.
    PkixUnproven,
    /// 8. Encrypted, with a certificate or records that prove nothing.
    EncryptOnly(Weak),
    /// 9. No host, or none that encrypts.
    Nowhere(NoHost),
    /// 10. By a next hop that somebody answers for, not proven by us.
    Smarthost,
    /// 11. The message asks for REQUIRETLS (RFC 8689 2), and what it needs beyond the domain's row is not there.
    RequireTls,
    /// 12. The message says `TLS-Required: No` (RFC 8689 5), which a forcing rule overrules.
    TlsRequiredNo,
}

/// What was looked up when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LookUp {
    /// The domain's MX records.
    Mx,
    /// A host's addresses.
    Address,
    /// A host's TLSA records.
    Tlsa,
    /// The domain's MTA-STS, where nothing of it is kept from before.
    Sts,
    /// All of it: our resolver is silent, or it took longer than a posture may.
    All,
}

/// How a look-up fails for the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Signatures that are wrong or missing (RFC 4035 5.5).
    Bogus,
    /// The resolver or the domain's servers say that they cannot answer (SERVFAIL, REFUSED and the like).
    Refused,
    /// No answer in time, or none that is one.
    Silent,
}

/// Why nothing is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotProven {
    /// Neither DANE nor MTA-STS.
    NoPolicy,
    /// MTA-STS for trial only (`mode: testing`, RFC 8461 5).
    StsTesting,
    /// MTA-STS that says it is not used (`mode: none`).
    StsNone,
    /// A record of MTA-STS, and no policy there.
    StsUnreachable,
    /// Listed in the configuration, but the MX is none of the pinned ones.
    NotPinned,
    /// Our resolver gives no answers that can be validated, so that of no domain anything is proven.
    NotValidating,
}

/// Why encryption proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weak {
    /// Only TLSA records that cannot be used (RFC 7672 2.2, 3.1.3).
    UnusableTlsa,
    /// A certificate that is not valid for the host.
    BadCertificate,
}

/// Why there is nobody to give the mail to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoHost {
    /// The domain does not exist.
    NoDomain,
    /// The domain takes no mail (RFC 7505).
    NullMx,
    /// It exists, and has no host with an address.
    NoAddress,
    /// The host does not offer STARTTLS.
    NoStartTls,
}

impl Row {
    /// Its number in the table.
    pub fn number(self) -> u8 {
        match self {
            Self::Dane => 1,
            Self::DaneHalf => 2,
            Self::Temp(..) => 3,
            Self::Sts | Self::StsNotListed => 4,
            Self::Unproven(_) => 5,
            Self::Pkix => 6,
            Self::PkixUnproven => 7,
            Self::EncryptOnly(_) => 8,
            Self::Nowhere(_) => 9,
            Self::Smarthost => 10,
            Self::RequireTls => 11,
            Self::TlsRequiredNo => 12,
        }
    }

    /// Its name in journal, reports and JSON: one a reason, never changed.
    pub fn code(self) -> &'static str {
        match self {
            Self::Dane => "dane",
            Self::DaneHalf => "dane-half",
            Self::Temp(look_up, trouble) => temp_code(look_up, trouble),
            Self::Sts => "sts",
            Self::StsNotListed => "sts-mx-not-listed",
            Self::Unproven(NotProven::NoPolicy) => "unproven",
            Self::Unproven(NotProven::StsTesting) => "sts-testing",
            Self::Unproven(NotProven::StsNone) => "sts-none",
            Self::Unproven(NotProven::StsUnreachable) => "sts-unreachable",
            Self::Unproven(NotProven::NotPinned) => "pkix-mx-not-pinned",
            Self::Unproven(NotProven::NotValidating) => "resolver-not-validating",
            Self::Pkix => "pkix",
            Self::PkixUnproven => "pkix-unproven",
            Self::EncryptOnly(Weak::UnusableTlsa) => "tlsa-unusable",
            Self::EncryptOnly(Weak::BadCertificate) => "encrypt-only",
            Self::Nowhere(NoHost::NoDomain) => "no-such-domain",
            Self::Nowhere(NoHost::NullMx) => "null-mx",
            Self::Nowhere(NoHost::NoAddress) => "no-address",
            Self::Nowhere(NoHost::NoStartTls) => "no-starttls",
            Self::Smarthost => "smarthost",
            Self::RequireTls => "requiretls",
            Self::TlsRequiredNo => "tls-required-no",
        }
    }

    /// How little it is worth, for finding the weakest of hosts: a row that proves is less than one that may yet, and
    /// that less than one that does not.
    pub(super) fn weakness(self) -> u8 {
        match self {
            Self::Dane => 0,
            Self::Sts => 1,
            Self::Pkix => 2,
            Self::Smarthost => 3,
            Self::Temp(..) => 4,
            Self::StsNotListed => 5,
            Self::DaneHalf => 6,
            Self::PkixUnproven => 7,
            Self::Unproven(_) => 8,
            Self::EncryptOnly(_) => 9,
            Self::Nowhere(_) | Self::RequireTls | Self::TlsRequiredNo => 10,
        }
    }
}

fn temp_code(look_up: LookUp, trouble: Trouble) -> &'static str {
    match (look_up, trouble) {
        (LookUp::Mx, Trouble::Bogus) => "temp-mx-bogus",
        (LookUp::Mx, Trouble::Refused) => "temp-mx-refused",
        (LookUp::Mx, Trouble::Silent) => "temp-mx-silent",
        (LookUp::Address, Trouble::Bogus) => "temp-address-bogus",
        (LookUp::Address, Trouble::Refused) => "temp-address-refused",
        (LookUp::Address, Trouble::Silent) => "temp-address-silent",
        (LookUp::Tlsa, Trouble::Bogus) => "temp-tlsa-bogus",
        (LookUp::Tlsa, Trouble::Refused) => "temp-tlsa-refused",
        (LookUp::Tlsa, Trouble::Silent) => "temp-tlsa-silent",
        (LookUp::Sts, Trouble::Bogus) => "temp-sts-bogus",
        (LookUp::Sts, Trouble::Refused) => "temp-sts-refused",
        (LookUp::Sts, Trouble::Silent) => "temp-sts-silent",
        (LookUp::All, _) => "temp-no-answer",
    }
}
