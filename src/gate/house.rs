//! Everything that a running gate knows, loaded and checked as one: a reload takes all of it or none.

mod certificates;
mod load;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;

pub use self::certificates::Certificates;
pub use self::load::notice_texts;
use crate::acme;
use crate::act::notice;
use crate::act::share::Household;
use crate::config::SmtpConfig;
use crate::decide::{
    self, Acquaintance, Classes, Fact, KnownDomains, MailHosts, Means, Mode, Modes, Policy, PupilFacts,
};
use crate::detect::{Finding, LiveCodes, NameIndex, Rules};
use crate::dkim::Signer;
use crate::extract::{Documents, Here, Texts};
use crate::gate::flood;
use crate::gate::told::Told;
use crate::gate::{Scan, asked};
use crate::message::{Headers, Limits, Mail, Mailbox};
use crate::outbox::Retry;
use crate::problem::Problem;
use crate::reader::{Readers, Recognisers};
use crate::record::Lifetimes;
use crate::roster::{Contacts, Roster};
use crate::school::{Calendar, Language, Program, School};
use crate::secret::Secret;
use crate::share::Settings as ShareSettings;
use crate::share::sms;
use crate::smtp::access::Access;
use crate::smtp::budget::Budget;
use crate::smtp::client::{Direct, NextHop};
use crate::smtp::settings::Settings;
use crate::store::Store as TableStore;
use crate::store::owed::Otherwise;
use crate::tls::posture::{self, Postures};
use crate::tls::{Serving, Stamp};
use crate::tlsrpt;
use crate::web::Settings as WebSettings;
use crate::web::desk::Texts as DeskTexts;
use crate::web::portal::Texts as PortalTexts;

/// What a running gate knows.
#[derive(Debug)]
pub struct House {
    /// Our name in SMTP.
    pub hostname: String,
    /// The language of notices.
    pub language: Language,
    /// The schools' time zone.
    pub time_zone: TimeZone,
    /// When there is school.
    pub calendar: Calendar,
    /// What judging needs.
    pub bench: Arc<Bench>,
    /// The schools, at least one.
    pub schools: Vec<Arc<Tenant>>,
    /// Where what is kept lies, sealed.
    pub data_dir: Option<PathBuf>,
    /// How long stopped mail is kept; zero keeps none.
    pub keep: Duration,
    /// How mail that we owe is tried again.
    pub retry: Retry,
    /// The public address of the desk, without a slash at its end; none has no desk.
    pub desk: Option<String>,
    /// How secure shares are kept; none makes none.
    pub share: Option<ShareSettings>,
    /// The provider of text messages; none sends no codes.
    pub sms: Option<Arc<sms::Provider>>,
    /// How the pages are served; none has none.
    pub web: Option<WebSettings>,
    /// The folders from which new rosters are taken, by school.
    pub inboxes: Vec<(String, PathBuf)>,
    /// The ways out, at least one.
    pub ways: Vec<Way>,
    /// The way of mail that must travel under proven TLS.
    pub road: Road,
    /// How long such a way is looked for.
    pub prove_within: Duration,
    /// What becomes of mail for which there is none, where no share is made of it.
    pub unproven: Otherwise,
    /// Whether a mail about a failure is a report that programs read as well.
    pub reports: bool,
    /// Whether senders get a list of the week in which something of theirs was stopped or shared.
    pub weekly: bool,
    /// Whether mail whose sender asks for REQUIRETLS bounces when a server does not offer it.
    pub requiretls_bounces: bool,
    /// What is known of domains, for whoever asks; none where no page does, and nothing goes straight.
    pub postures: Option<Postures>,
    /// In whose name what is found of TLS is reported; none reports nothing.
    pub report: Option<tlsrpt::Settings>,
    /// How it is found out what a domain can prove.
    pub posture_settings: posture::Settings,
    /// What the files of those settings were when they were read.
    pub posture_files: Vec<Stamp>,
    /// The texts of notices.
    pub texts: notice::Texts,
    /// The texts of the pages for teachers.
    pub desk_texts: Arc<DeskTexts>,
    /// The texts of the pages for recipients.
    pub portal_texts: Arc<PortalTexts>,
    /// Time for judging one message.
    pub scan_deadline: Duration,
    /// What one sender may send in an hour.
    pub flood: flood::Limits,
    /// Our own certificates.
    pub certificates: Certificates,
    /// Whom we ask for a certificate; none asks nobody.
    pub acme: Option<acme::Settings>,
    /// Programs that send mail, by their folded MAIL FROM.
    pub programs: BTreeMap<String, Program>,
    /// The client whose journal reports to these addresses pass unscanned.
    pub journal_archive: Option<(String, Vec<Mailbox>)>,
    /// How long lines of the journal live.
    pub lifetimes: Lifetimes,
}

/// What judging needs, the same for all schools.
#[derive(Debug, Clone)]
pub struct Bench {
    /// Limits of one message.
    pub limits: Limits,
    /// The rules.
    pub rules: Rules,
    /// The policy.
    pub policy: Policy,
    /// The classes of recipients.
    pub classes: Classes,
    /// The domains that are listed, our own and the big providers': a typo comes near them.
    pub domains: KnownDomains,
    /// What went where before.
    pub acquaintance: Arc<dyn Acquaintance>,
    /// Where recipients' domains have their mail hosts.
    pub hosts: Arc<dyn MailHosts>,
    /// Passwords that were told to whom; none when the school remembers none.
    pub told: Option<Arc<Told>>,
    /// The ceiling over all lines.
    pub mode: Mode,
    /// What this installation can do.
    pub means: Means,
    /// By which a sender asks for a share in the subject; none when there are no shares.
    pub share_tag: Option<String>,
    /// Whether what answers a recipient of a share is a share too.
    pub share_answers: bool,
    /// The access codes of shares that wait to be opened, as keyed hashes.
    pub share_codes: Arc<ArcSwap<LiveCodes>>,
    /// Who reads documents; none reads them in this process, for tests.
    pub readers: Option<Readers>,
    /// Who recognises text in pictures; none leaves them unread.
    pub recognisers: Option<Recognisers>,
}

/// A school with what belongs to it alone.
#[derive(Debug)]
pub struct Tenant {
    /// The school.
    pub school: School,
    /// How far its mail may go, below the ceiling.
    pub modes: Modes,
    /// The day on which its roster was imported; none for one in files of the configuration.
    pub roster_of: Option<Date>,
    /// Its pupils' names; none without a roster.
    pub names: Option<NameIndex>,
    /// The addresses of guardians and staff; empty without a roster.
    pub contacts: Contacts,
    /// What the roster says of pupils.
    pub pupils: PupilFacts,
    /// The domains at which several people of the roster have their mail.
    pub domains: KnownDomains,
    /// The header that proves mail from a shared network.
    pub secret_header: Option<(String, Secret<String>)>,
    /// Signs what is written or rewritten for it; none signs nothing.
    pub dkim: Option<Signer>,
}

/// The way of mail that must travel under proven TLS.
#[derive(Debug)]
pub enum Road {
    /// There is none.
    None,
    /// Straight to the servers of the recipient's domain.
    Direct(Arc<Direct>, Postures),
    /// By a next hop of which somebody has answered that it enforces TLS, as an index into the ways.
    Attested(usize),
}

/// A next hop and the senders it serves.
#[derive(Debug)]
pub struct Way {
    /// Sender domains; empty is all others.
    pub sender_domains: Vec<String>,
    /// The connections.
    pub next_hop: Arc<NextHop>,
    /// The header by which its own rules know what has passed us.
    pub mark: Option<(String, Secret<String>)>,
}

impl Tenant {
    /// A school with its roster.
    pub fn new(school: School, roster: Option<&Roster>, secret_header: Option<(String, Secret<String>)>) -> Self {
        let today = jiff::Zoned::now().date();
        Self {
            school,
            modes: Modes::default(),
            roster_of: None,
            names: roster.map(NameIndex::new),
            contacts: roster.map(Roster::contacts).unwrap_or_default(),
            pupils: roster
                .map(|roster| PupilFacts::new(roster, (today.year(), today.month(), today.day())))
                .unwrap_or_default(),
            domains: roster.map(KnownDomains::of_roster).unwrap_or_default(),
            secret_header,
            dkim: None,
        }
    }
}

impl Tenant {
    /// What the roster knows of whoever reads this address: whose guardian it is, and at which number.
    pub fn household(&self, mailbox: &Mailbox) -> Household {
        let pupils = self.contacts.guardian_of(mailbox).iter().map(|bond| &*bond.pupil.0);
        let family = pupils.min().map(|first| format!("pupil {first}"));
        let phones = self.contacts.phones_of(mailbox).iter().map(|phone| Secret::new(phone.clone())).collect();
        Household { family, phones }
    }
}

impl Bench {
    /// Who reads documents.
    pub fn documents(&self) -> &dyn Documents {
        self.readers.as_ref().map_or(&Here, |readers| readers)
    }

    /// Decides on what was read and found. `pause` is `enforce`, but while the gate is paused.
    pub fn judge(
        &self,
        mail: &Mail,
        tenant: &Tenant,
        pause: Mode,
        (headers, texts, findings): (Headers, Texts, Vec<Finding>),
    ) -> Scan {
        let evidence = decide::Evidence {
            envelope: &mail.envelope,
            headers: &headers,
            findings: &findings,
            unread: &texts.unread,
        };
        let known = decide::Known {
            school: &tenant.school,
            policy: &self.policy,
            classes: &self.classes,
            mode: self.mode.min(tenant.modes.of(mail.envelope.sender.as_ref())).min(pause),
            contacts: &tenant.contacts,
            pupils: &tenant.pupils,
            domains: [&self.domains, &tenant.domains],
            today: mail.day,
            means: self.means,
            acquaintance: &*self.acquaintance,
            hosts: &*self.hosts,
        };
        let mut verdict = decide::verdict(&evidence, &known);
        if let Some(tag) = self.share_tag.as_deref().filter(|_| self.means.share) {
            asked::look(&mut verdict, (mail, &headers), tag, self.share_answers);
        }
        Scan { headers, texts, findings, verdict }
    }
}

impl Bench {
    /// Judges by what these know of mail hosts, when the policy asks for it.
    fn look_at_hosts(&mut self, postures: Option<&Postures>) {
        if let Some(postures) = postures.filter(|_| self.policy.asks_for(Fact::HostOutsideEea)) {
            self.hosts = Arc::new(postures.clone());
        }
    }
}

impl House {
    /// Has what domains say of their mail servers (MTA-STS) outlive a restart, and stay fresh. Needs a runtime.
    pub fn keep_policies_in(&self, store: &TableStore) {
        if let Road::Direct(_, postures) = &self.road {
            postures.settle(Arc::new(store.clone()));
        }
    }

    /// Goes on from the house before this one: with its reader processes, if they are had in the same way, and with what
    /// was counted of its next hops.
    pub fn go_on_from(&mut self, before: &Self) {
        self.certificates.go_on_from(&before.certificates);
        for way in &mut self.ways {
            let same = before.ways.iter().find(|other| other.next_hop.name() == way.next_hop.name());
            if let (Some(new), Some(old)) = (Arc::get_mut(&mut way.next_hop), same) {
                new.go_on_from(&old.next_hop);
            }
        }
        // What was found out of domains stays known, unless another file says now whom to believe, or what stands where.
        let same_postures =
            self.posture_settings == before.posture_settings && self.posture_files == before.posture_files;
        if let (Road::Direct(_, new), Road::Direct(_, known)) = (&mut self.road, &before.road)
            && same_postures
        {
            *new = known.clone();
        }
        match (&self.road, &before.postures) {
            (Road::Direct(_, postures), _) => self.postures = Some(postures.clone()),
            (_, Some(known)) if same_postures => self.postures = Some(known.clone()),
            _ => {}
        }
        let Some(bench) = Arc::get_mut(&mut self.bench) else { return };
        bench.look_at_hosts(self.postures.as_ref());
        if let (Some(new), Some(old)) = (&bench.readers, &before.bench.readers)
            && new.settings() == old.settings()
        {
            bench.readers = Some(old.clone());
        }
    }

    /// The school of a sender: by the sender's domain, else by the client, else the first.
    pub fn tenant(&self, sender: Option<&Mailbox>, client_school: Option<&str>) -> Option<&Arc<Tenant>> {
        let by_sender = sender.and_then(|sender| self.schools.iter().find(|t| t.school.owns(sender.domain())));
        let by_client = || self.schools.iter().find(|t| client_school == Some(&t.school.id));
        by_sender.or_else(by_client).or(self.schools.first())
    }

    /// The way out for a sender of a school, as an index into `ways`: by the sender's domain, for the null path by the school's, else the
    /// one for all others.
    pub fn way(&self, sender: Option<&Mailbox>, school: &School) -> Option<usize> {
        let serves = |way: &Way| match sender {
            Some(sender) => way.sender_domains.iter().any(|domain| domain == sender.domain()),
            None => way.sender_domains.iter().any(|domain| school.owns(domain)),
        };
        self.ways.iter().position(serves).or_else(|| self.ways.iter().position(|way| way.sender_domains.is_empty()))
    }
}

/// The listener's settings; the budget is handed in, since it outlives a reload.
///
/// # Errors
/// TLS cannot be set up, which is a fault of the build.
pub fn settings(house: &House, smtp: SmtpConfig, budget: Budget) -> Result<Settings, Problem> {
    let tls = house.certificates.smtp.clone().map(Serving::new).transpose()?;
    Ok(Settings {
        hostname: house.hostname.clone(),
        access: Access {
            clients: smtp.clients,
            users: smtp.users,
            accounts: smtp.accounts.and_then(|name| {
                let way = house.ways.iter().find(|way| way.next_hop.name() == name)?;
                Some(Arc::clone(&way.next_hop))
            }),
            own_domains: house
                .schools
                .iter()
                .flat_map(|tenant| {
                    tenant.school.domains.iter().map(|domain| (domain.clone(), tenant.school.id.clone()))
                })
                .collect(),
            hashing: Semaphore::new(2),
            failure_delay: Duration::from_secs(2),
        },
        tls,
        limits: smtp.limits,
        budget,
    })
}
