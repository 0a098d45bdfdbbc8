//! The cases of the lab: a domain each, what DNS and its servers show, and what becomes of a mail that must travel under
//! proven TLS. `ours` is held by tests/lab.rs, the two columns of Postfix by tests/beside.rs.

/// A domain of the lab.
pub struct Case {
    /// The domain.
    pub domain: &'static str,
    /// The row of the decision table (`tls::posture::Row`).
    pub row: u8,
    /// What is the matter with it.
    pub what: &'static str,
    /// Its MX hosts, the preferred first; none when it has no MX record.
    pub mx: &'static [&'static str],
    /// The mode and the one host of its MTA-STS policy.
    pub sts: Option<(&'static str, &'static str)>,
    /// What we do.
    pub ours: Ours,
    /// What a Postfix with `smtp_tls_security_level = dane-only` does.
    pub dane_only: Postfix,
    /// What a Postfix with `smtp_tls_security_level = secure` does.
    pub secure: Postfix,
    /// Where one of them differs from us: why, by an RFC's section.
    pub differs: &'static str,
}

/// What becomes of a mail of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ours {
    /// It is delivered, by this row, to the last of the domain's hosts.
    Goes(&'static str),
    /// It waits; when its time is over it takes its other way, with this reason.
    Waits(&'static str),
    /// It takes its other way at once, with this reason.
    Other(&'static str),
    /// It is undeliverable, with this reason.
    Bounces(&'static str),
}

/// What becomes of a mail of Postfix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Postfix {
    /// status=sent
    Goes,
    /// status=deferred
    Waits,
    /// status=bounced
    Bounces,
}

impl Ours {
    /// The same, as far as Postfix has it: it knows no other way than waiting.
    pub fn as_postfix(self) -> Postfix {
        match self {
            Self::Goes(_) => Postfix::Goes,
            Self::Waits(_) | Self::Other(_) => Postfix::Waits,
            Self::Bounces(_) => Postfix::Bounces,
        }
    }
}

/// A mail server of the lab.
pub struct Host {
    /// Its name.
    pub name: &'static str,
    /// The certificate that it shows; none offers no STARTTLS.
    pub shows: Shows,
    /// The TLSA record at its name.
    pub tlsa: Tlsa,
    /// How it misbehaves, in the words of tests/inside/next_hop.rs.
    pub rules: &'static [&'static str],
}

/// A certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// None: it offers no STARTTLS.
    Nothing,
    /// By an authority that everybody in the lab trusts, for its name.
    Good,
    /// The same, and out of date.
    Expired,
    /// The same, for another name.
    OtherName,
    /// Out of date and for another name.
    Odd,
    /// Nobody vouches for it.
    SelfSigned,
}

/// A TLSA record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tlsa {
    /// None.
    None,
    /// 3 1 1 of the key that it has.
    Matches,
    /// Two: of a key that it has no more, and of the one that it has.
    Rollover,
    /// 3 1 1 of another key.
    OtherKey,
    /// 2 0 0 of the authority that everybody trusts.
    Authority,
    /// 1 1 1, which SMTP cannot use.
    Unusable,
    /// An alias into a zone that is bogus.
    Broken,
}

use Ours as O;
use Postfix as P;

const fn host(name: &'static str, shows: Shows, tlsa: Tlsa) -> Host {
    Host { name, shows, tlsa, rules: &[] }
}

/// All servers. The name of the zone is its last label.
pub const HOSTS: &[Host] = &[
    host("mx.ee.test", Shows::Odd, Tlsa::Matches),
    host("mx.ta.test", Shows::Good, Tlsa::Authority),
    host("mx.rollover.test", Shows::Good, Tlsa::Rollover),
    host("implicit.test", Shows::Good, Tlsa::Matches),
    host("mx.replaced.test", Shows::Good, Tlsa::OtherKey),
    host("mx.oldta.test", Shows::Expired, Tlsa::Authority),
    host("mx.otherta.test", Shows::OtherName, Tlsa::Authority),
    host("mx.stripped.test", Shows::Nothing, Tlsa::Matches),
    Host {
        name: "mx.injected.test",
        shows: Shows::Good,
        tlsa: Tlsa::Matches,
        rules: &["on STARTTLS say 220 go\\r\\n250-mx\\r\\n250 8BITMIME"],
    },
    host("mx.half.test", Shows::Good, Tlsa::Matches),
    host("mx.school.bogus", Shows::Good, Tlsa::Matches),
    host("mx.broken.test", Shows::Good, Tlsa::Broken),
    host("mx.sts.test", Shows::Good, Tlsa::None),
    host("mx.stsold.test", Shows::Expired, Tlsa::None),
    host("mx.stsname.test", Shows::OtherName, Tlsa::None),
    host("mx.stsstripped.test", Shows::Nothing, Tlsa::None),
    host("mx.stsother.test", Shows::Good, Tlsa::None),
    host("mx.ststesting.test", Shows::Good, Tlsa::None),
    host("mx.listed.test", Shows::Good, Tlsa::None),
    host("mx.listedself.test", Shows::SelfSigned, Tlsa::None),
    host("mx.provider.unsigned", Shows::Good, Tlsa::None),
    host("mx.unusable.test", Shows::SelfSigned, Tlsa::Unusable),
    host("mx.selfsigned.test", Shows::SelfSigned, Tlsa::None),
    host("mx.plain.test", Shows::Nothing, Tlsa::None),
];

/// Domains that the configuration lists (`[[tls.pkix]]`).
pub const LISTED: [&str; 2] = ["listed.test", "listedself.test"];

const fn case(domain: &'static str, row: u8, what: &'static str, mx: &'static [&'static str], ours: Ours) -> Case {
    let (dane_only, secure) = match ours {
        O::Goes(_) => (P::Goes, P::Goes),
        O::Waits(_) | O::Other(_) => (P::Waits, P::Waits),
        O::Bounces(_) => (P::Bounces, P::Bounces),
    };
    Case { domain, row, what, mx, sts: None, ours, dane_only, secure, differs: "" }
}

const fn but(case: Case, dane_only: Postfix, secure: Postfix, differs: &'static str) -> Case {
    Case { dane_only, secure, differs, ..case }
}

const fn sts(case: Case, mode: &'static str, host: &'static str) -> Case {
    Case { sts: Some((mode, host)), ..case }
}

const EE: &str = "RFC 7672 3.1.1: DANE-EE looks at no name, date or authority, on which `secure` alone relies";
const NO_STS: &str = "RFC 8461 2: a policy of MTA-STS is of equal worth, and `dane-only` knows none";
const LISTS: &str = "RFC 7672 1.3.3: `secure` is for destinations that somebody has listed, as our row 6, and takes a \
                     name in the recipient's domain for proof; nobody listed this one";

/// All domains.
pub const CASES: &[Case] = &[
    but(case("ee.test", 1, "DANE-EE", &["mx.ee.test"], O::Goes("dane")), P::Goes, P::Waits, EE),
    case("ta.test", 1, "DANE-TA", &["mx.ta.test"], O::Goes("dane")),
    case("rollover.test", 1, "the old key and the new one", &["mx.rollover.test"], O::Goes("dane")),
    case("implicit.test", 1, "no MX: the domain is its own host", &[], O::Goes("dane")),
    but(case("alias.test", 1, "the host is an alias", &["mx.alias.test"], O::Goes("dane")), P::Goes, P::Waits, EE),
    but(
        case("two.test", 1, "one host of two qualifies", &["mx.provider.unsigned", "mx.ta.test"], O::Goes("dane")),
        P::Goes,
        P::Waits,
        "RFC 7672 3.2.2: the name of the secure MX is a reference; `secure` knows the domain's own names alone",
    ),
    but(
        case("replaced.test", 1, "another key, with a good certificate", &["mx.replaced.test"], O::Waits("dane")),
        P::Waits,
        P::Goes,
        "RFC 7672 2.2, 1.3.4: records that match nothing stop the mail; `secure` believes any authority instead",
    ),
    case("oldta.test", 1, "DANE-TA, out of date", &["mx.oldta.test"], O::Waits("dane")),
    case("otherta.test", 1, "DANE-TA, for another name", &["mx.otherta.test"], O::Waits("dane")),
    case("stripped.test", 1, "STARTTLS taken out of the offer", &["mx.stripped.test"], O::Waits("dane")),
    but(
        case("injected.test", 1, "replies put behind the 220", &["mx.injected.test"], O::Waits("dane")),
        P::Goes,
        P::Goes,
        "RFC 3207 4.2: what came before TLS counts for nothing: Postfix forgets it and goes on, we hang up",
    ),
    case("half.unsigned", 2, "TLSA, but the MX is not secure", &["mx.half.test"], O::Other("dane-half")),
    case("school.bogus", 3, "the MX is bogus", &["mx.school.bogus"], O::Waits("temp-mx")),
    but(
        case("broken.test", 3, "the TLSA records are bogus", &["mx.broken.test"], O::Waits("temp-tlsa")),
        P::Waits,
        P::Goes,
        "RFC 7672 2.1.1: a look-up that fails is no absence of records; `secure` never looks",
    ),
    sts(
        but(case("sts.test", 4, "MTA-STS", &["mx.sts.test"], O::Goes("sts")), P::Waits, P::Goes, NO_STS),
        "enforce",
        "mx.sts.test",
    ),
    sts(
        case("stsold.test", 4, "MTA-STS, out of date", &["mx.stsold.test"], O::Waits("sts")),
        "enforce",
        "mx.stsold.test",
    ),
    sts(
        case("stsname.test", 4, "MTA-STS, for another name", &["mx.stsname.test"], O::Waits("sts")),
        "enforce",
        "mx.stsname.test",
    ),
    sts(
        case("stsstripped.test", 4, "MTA-STS, STARTTLS taken out", &["mx.stsstripped.test"], O::Waits("sts")),
        "enforce",
        "mx.stsstripped.test",
    ),
    sts(
        but(
            case("stsother.test", 4, "another host", &["mx.stsother.test"], O::Waits("sts-mx-not-listed")),
            P::Waits,
            P::Goes,
            "RFC 8461 4.1: a host that the policy does not list gets no mail; Postfix 3.7 reads no policy",
        ),
        "enforce",
        "mx.elsewhere.test",
    ),
    sts(
        but(
            case("ststesting.test", 5, "MTA-STS on trial", &["mx.ststesting.test"], O::Other("sts-testing")),
            P::Waits,
            P::Goes,
            LISTS,
        ),
        "testing",
        "mx.ststesting.test",
    ),
    but(
        case("listed.test", 6, "listed by us", &["mx.listed.test"], O::Goes("pkix")),
        P::Waits,
        P::Goes,
        "RFC 7672 1.3.3: that a sender lists a domain is beside DANE, and `dane-only` has no list",
    ),
    case("listedself.test", 6, "listed, self-signed", &["mx.listedself.test"], O::Waits("pkix")),
    case("hosted.test", 7, "a good certificate of a provider", &["mx.provider.unsigned"], O::Other("unproven")),
    case("unusable.test", 8, "TLSA records of no use", &["mx.unusable.test"], O::Other("tlsa-unusable")),
    case("selfsigned.test", 8, "self-signed", &["mx.selfsigned.test"], O::Other("unproven")),
    case("plain.test", 9, "no STARTTLS", &["mx.plain.test"], O::Other("unproven")),
    but(
        case("homeless.test", 9, "a host without address", &["mx.homeless.test"], O::Other("no-address")),
        P::Bounces,
        P::Bounces,
        "RFC 5321 5.1: an MX that leads nowhere is reported as an error; ours has its other way first",
    ),
    case("null.test", 9, "it takes no mail (null MX)", &["."], O::Bounces("null-mx")),
    case("nobody.test", 9, "no such domain", &[], O::Bounces("no-such-domain")),
];

/// Domains that do not exist.
pub const NOWHERE: [&str; 1] = ["nobody.test"];
