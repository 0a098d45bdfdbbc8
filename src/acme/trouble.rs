//! Why there is no certificate, and who can mend it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use instant_acme::{Error, Problem};

use super::{Challenge, Settings};

/// Why a try came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Who can mend it.
    pub blame: Blame,
    /// What went wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// This machine: its disk, its ports.
    Machine,
    /// Whoever wrote the configuration.
    Configuration,
    /// Whoever runs the names: DNS, or what leads to this machine.
    Names,
    /// The way to the authority.
    Way,
    /// The authority itself.
    Authority,
    /// The authority, which was asked too often.
    TooMany,
    /// The account, which the authority does not know any more.
    Account,
}

impl Blame {
    /// Who, in a word or two.
    pub fn word(self) -> &'static str {
        match self {
            Self::Machine => "this machine",
            Self::Configuration => "the configuration",
            Self::Names => "DNS or the way to this machine",
            Self::Way => "the way to the authority",
            Self::Authority | Self::TooMany => "the authority",
            Self::Account => "the account",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}); {}", self.what, self.blame.word(), self.remedy)
    }
}

/// Errors of the way to the authority, told apart from the authority's own.
#[derive(Debug)]
pub(super) struct Unreached(pub String);

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreached {}

/// What the authority says is shown, and no more of it than this.
const SAID: usize = 300;

impl Trouble {
    fn new(blame: Blame, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { blame, what: what.into(), remedy: remedy.into() }
    }

    /// A try that took too long.
    pub(super) fn slow(directory: &str) -> Self {
        let what = format!("the authority at {directory} did not finish within ten minutes");
        Self::new(Blame::Authority, what, "nothing needs to be done; it is tried again")
    }

    /// The port of http-01 cannot be had.
    pub(super) fn port(listen: SocketAddr, error: &std::io::Error) -> Self {
        let remedy =
            "stop what listens there, or choose another address in `listen` of [acme] and have port 80 lead to it";
        Self::new(Blame::Machine, format!("cannot listen on {listen}: {error}"), remedy)
    }

    /// A file of ours cannot be read or written.
    pub(super) fn disk(file: &Path, error: &dyn fmt::Display) -> Self {
        let remedy = "check space, owner and rights of `data_dir`";
        Self::new(Blame::Machine, format!("{}: {error}", file.display()), remedy)
    }

    /// Something of ours cannot be set up.
    pub(super) fn ours(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Blame::Configuration, what, remedy)
    }

    /// The authority offers no such challenge.
    pub(super) fn no_challenge(name: &str) -> Self {
        let what = format!("the authority does not offer this `challenge` for {name}");
        Self::new(Blame::Configuration, what, "choose the other `challenge` in [acme]")
    }

    /// What the authority sent is no certificate of ours.
    pub(super) fn unfit(what: &str) -> Self {
        let what = format!("the authority sent a certificate that does not fit: {what}");
        Self::new(Blame::Authority, what, "it is tried again; tell the authority if it stays so")
    }

    /// The authority could not see that a name is ours.
    pub(super) fn refused(name: &str, problem: &Problem, settings: &Settings) -> Self {
        let seen = said(problem);
        let remedy = match (kind(problem), settings.challenge) {
            ("caa", _) => {
                return Self::new(
                    Blame::Names,
                    format!("a CAA record forbids this authority a certificate for {name}: {seen}"),
                    format!("have the CAA record of {name} name the authority"),
                );
            }
            ("dns", _) => {
                format!("give {name} an A or AAAA record in public DNS, or leave it out of `names` in [acme]")
            }
            (_, Challenge::Http(listen)) => format!(
                "have {name} point here in public DNS, and port 80 lead to {listen} (`listen` of [acme]), also through \
                 the firewall"
            ),
            (_, Challenge::TlsAlpn) => {
                format!("have {name} point here in public DNS, and port 443 lead to the pages (`listen` of [web])")
            }
        };
        Self::new(Blame::Names, format!("the authority could not see that {name} is ours: {seen}"), remedy)
    }

    /// What a request of ours came to.
    pub(super) fn of(error: Error, settings: &Settings) -> Self {
        let directory = &settings.directory;
        match error {
            Error::Api(problem) => Self::told(&problem, directory),
            Error::Other(error) if error.is::<Unreached>() => {
                let remedy = "check DNS, the firewall and the clock of this machine, and `directory` in [acme]";
                Self::new(Blame::Way, format!("the authority at {directory} cannot be reached: {error}"), remedy)
            }
            Error::Timeout(_) => Self::slow(directory),
            Error::InvalidUri(_) | Error::Http(_) => Self::ours(
                format!("`directory` of [acme] leads nowhere: {directory}"),
                "give the authority's directory, which begins with https://",
            ),
            Error::Json(_) => Self::new(
                Blame::Authority,
                format!("what {directory} answers is not ACME (RFC 8555)"),
                "check `directory` in [acme]; if it is right, it is tried again",
            ),
            other => Self::new(
                Blame::Authority,
                format!("the authority at {directory} broke the protocol: {other}"),
                "nothing needs to be done; it is tried again",
            ),
        }
    }

    fn told(problem: &Problem, directory: &str) -> Self {
        let seen = said(problem);
        let what = |what: &str| format!("{what}: {seen}");
        match kind(problem) {
            "rateLimited" => Self::new(
                Blame::TooMany,
                what("the authority was asked too often"),
                "wait; with many gates for one domain, have one certificate with all names",
            ),
            "accountDoesNotExist" | "unauthorized" => Self::new(
                Blame::Account,
                what("the authority does not take our account any more"),
                "nothing needs to be done; another account is made",
            ),
            "invalidContact" | "unsupportedContact" => {
                Self::ours(what("the authority does not take `contact`"), "give another mailbox in `contact` of [acme]")
            }
            "rejectedIdentifier" | "unsupportedIdentifier" | "malformed" => Self::ours(
                what("the authority gives no certificate for these names"),
                "list public names of your own in `names` of [acme]",
            ),
            "userActionRequired" | "externalAccountRequired" => Self::ours(
                what("the authority wants something of a person first"),
                "look at what it says, or choose another `directory` in [acme]",
            ),
            _ => Self::new(
                Blame::Authority,
                what(&format!("the authority at {directory} refuses")),
                "nothing needs to be done; it is tried again",
            ),
        }
    }
}

/// The word of the error (RFC 8555 6.7).
fn kind(problem: &Problem) -> &str {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or_default()
}

fn said(problem: &Problem) -> String {
    let said = problem.detail.as_deref().or(problem.r#type.as_deref()).unwrap_or("without a reason");
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID).collect()
}
