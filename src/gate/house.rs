//! Everything that a running gate knows, loaded and checked as one: a reload takes all of it or none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tokio::sync::Semaphore;

use crate::act::notice;
use crate::act::share::Household;
use crate::config::{Config, NextHopConfig, SchoolConfig, SmtpConfig, TlsRoute, TlsUnmet, TlsUnproven};
use crate::decide::{self, Acquaintance, ClassList, Classes, KnownDomains, Means, Mode, Modes, Policy, PupilFacts};
use crate::detect::{Finding, NameIndex, Rules};
use crate::dkim::Signer;
use crate::extract::{Documents, Here, Texts};
use crate::gate::acquaintance::Acquaintances;
use crate::gate::flood;
use crate::gate::told::Told;
use crate::gate::{Scan, asked};
use crate::message::{Headers, Limits, Mail, Mailbox};
use crate::outbox::Retry;
use crate::problem::Problem;
use crate::reader::{Readers, Recognisers};
use crate::record::Lifetimes;
use crate::roster::{self, Contacts, Kept, Roster, Store};
use crate::school::{Language, School};
use crate::secret::Secret;
use crate::share::{Settings as ShareSettings, sms};
use crate::smtp::access::Access;
use crate::smtp::budget::Budget;
use crate::smtp::client::{Demand, Direct, Hop, NextHop, Patience};
use crate::smtp::settings::Settings;
use crate::store::Store as TableStore;
use crate::store::owed::Otherwise;
use crate::tls::posture::{self, Postures};
use crate::tls::{self, Trust};
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
    /// Whether mail whose sender asks for REQUIRETLS bounces when a server does not offer it.
    pub requiretls_bounces: bool,
    /// How it is found out what a domain can prove.
    pub posture_settings: posture::Settings,
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
    /// Until when our own certificates last, by what they are for.
    pub certificates: Vec<(String, Timestamp)>,
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
    /// Passwords that were told to whom; none when the school remembers none.
    pub told: Option<Arc<Told>>,
    /// The ceiling over all lines.
    pub mode: Mode,
    /// What this installation can do.
    pub means: Means,
    /// By which a sender asks for a share in the subject; none when there are no shares.
    pub share_tag: Option<String>,
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
        };
        let mut verdict = decide::verdict(&evidence, &known);
        let tag = self.share_tag.as_deref().filter(|_| self.means.share);
        if tag.is_some_and(|tag| asked::by_sender(mail, &headers, tag)) {
            asked::share(&mut verdict);
        }
        Scan { headers, texts, findings, verdict }
    }
}

impl House {
    /// Loads everything that a configuration names. Reports what the rosters held to `told`, a line each.
    ///
    /// # Errors
    /// Every problem found, in any of the files.
    pub fn load(config: Config, told: &mut dyn FnMut(String)) -> Result<(Self, SmtpConfig), Vec<Problem>> {
        let mut problems = Vec::new();
        let bench = bench(&config, &mut problems);
        let texts = texts(config.texts.as_deref(), &mut problems);
        let now = Zoned::now().with_time_zone(config.time_zone.clone());
        let today = now.date();
        for (line, exception) in bench.iter().flat_map(|bench| bench.policy.exceptions()) {
            if exception.until < super::day(&now) {
                let (id, owner, until) = (&line.id, &exception.owner, exception.until);
                told(format!("policy: the exception {id} of {owner} ended on {until} and does nothing any more"));
            }
        }
        let desk_texts = desk_texts(config.texts.as_deref(), &mut problems);
        let portal_texts = portal_texts(config.texts.as_deref(), &mut problems);
        let store = store(config.data_dir.as_deref(), &mut problems);
        let inboxes = config
            .schools
            .iter()
            .filter_map(|school| Some((school.school.id.clone(), school.roster_inbox.clone()?)))
            .collect();
        let road = road(&config, &mut problems);
        let sms = config.sms.clone().map(sms::Provider::new);
        let sms = sms.and_then(|made| keep(made.map(Arc::new).map_err(|problem| vec![problem]), &mut problems));
        let schools = config
            .schools
            .into_iter()
            .map(|school| {
                let kept = sealed(store.as_ref(), &school, today, told, &mut problems);
                Arc::new(tenant(school, kept, config.language, told, &mut problems))
            })
            .collect();
        let certificates = certificates(&config.smtp, &config.next_hops);
        let ways = config
            .next_hops
            .into_iter()
            .filter_map(|hop| keep(way(hop, &config.hostname).map_err(|p| vec![p]), &mut problems))
            .collect();
        if let (Some(bench), Some(texts)) = (&bench, &texts) {
            problems.extend(texts.check(&bench.policy));
        }
        match (bench, texts, desk_texts, portal_texts, road) {
            (Some(bench), Some(texts), Some(desk_texts), Some(portal_texts), Some(road)) if problems.is_empty() => {
                Ok((
                    Self {
                        hostname: config.hostname,
                        language: config.language,
                        time_zone: config.time_zone,
                        bench: Arc::new(bench),
                        schools,
                        data_dir: config.data_dir,
                        keep: config.keep,
                        retry: config.retry,
                        desk: config.web.as_ref().map(|web| web.url.origin().to_owned()),
                        share: config.share.map(|share| share.settings),
                        sms,
                        web: config.web,
                        inboxes,
                        ways,
                        road,
                        prove_within: config.tls.retry,
                        unproven: match config.tls.unproven {
                            TlsUnproven::Hold => Otherwise::Hold,
                            TlsUnproven::Bounce => Otherwise::Bounce,
                        },
                        requiretls_bounces: config.tls.requiretls == TlsUnmet::Bounce,
                        posture_settings: config.tls.postures,
                        texts,
                        desk_texts: Arc::new(desk_texts),
                        portal_texts: Arc::new(portal_texts),
                        scan_deadline: config.scan_deadline,
                        flood: flood::Limits {
                            messages: config.flood.messages,
                            outside_recipients: config.flood.outside_recipients,
                            exempt: config.flood.exempt,
                        },
                        certificates,
                        journal_archive: config.journal_archive.map(|archive| (archive.client, archive.addresses)),
                        lifetimes: config.lifetimes,
                    },
                    config.smtp,
                ))
            }
            _ => Err(problems),
        }
    }

    /// Has what domains say of their mail servers (MTA-STS) outlive a restart, and stay fresh. Needs a runtime.
    pub fn keep_policies_in(&self, store: &TableStore) {
        if let Road::Direct(_, postures) = &self.road {
            postures.settle(Arc::new(store.clone()));
        }
    }

    /// Goes on from the house before this one: with its reader processes, if they are had in the same way, and with what
    /// was counted of its next hops.
    pub fn go_on_from(&mut self, before: &Self) {
        for way in &mut self.ways {
            let same = before.ways.iter().find(|other| other.next_hop.name() == way.next_hop.name());
            if let (Some(new), Some(old)) = (Arc::get_mut(&mut way.next_hop), same) {
                new.go_on_from(&old.next_hop);
            }
        }
        // What was found out of domains stays known.
        if let (Road::Direct(_, new), Road::Direct(_, known)) = (&mut self.road, &before.road)
            && self.posture_settings == before.posture_settings
        {
            *new = known.clone();
        }
        let Some(bench) = Arc::get_mut(&mut self.bench) else { return };
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
/// A certificate that cannot be used.
pub fn settings(
    hostname: &str,
    smtp: SmtpConfig,
    schools: &[Arc<Tenant>],
    budget: Budget,
) -> Result<Settings, Problem> {
    let tls =
        smtp.tls.as_ref().map(|(certificate, key)| tls::server_config(certificate, key).map(Arc::new)).transpose()?;
    Ok(Settings {
        hostname: hostname.to_string(),
        access: Access {
            clients: smtp.clients,
            users: smtp.users,
            own_domains: schools
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

fn bench(config: &Config, problems: &mut Vec<Problem>) -> Option<Bench> {
    let rules = if config.shipped_rules && config.packs.is_empty() {
        keep(Rules::shipped(), problems)
    } else {
        let load = if config.shipped_rules { Rules::beside_shipped } else { Rules::load };
        read_all(&config.packs, problems).and_then(|packs| keep(load(&packs), problems))
    };
    if rules.as_ref().is_some_and(|rules| rules.list().is_empty()) {
        problems.push(Problem::new(
            "[rules]",
            "the packs hold no rule, so nothing would ever be found",
            "name packs of your own, or leave `shipped = false` out",
        ));
    }
    let policy = match &config.policy {
        None => keep(Policy::shipped(), problems),
        Some(file) => read(file, problems).and_then(|text| keep(Policy::load(file, &text), problems)),
    };
    let own_domains: Vec<String> = config.schools.iter().flat_map(|school| school.school.domains.clone()).collect();
    let listed: BTreeMap<String, ClassList> = config
        .recipients
        .iter()
        .map(|(class, (domains, addresses))| {
            (class.clone(), ClassList { domains: domains.clone(), addresses: addresses.clone() })
        })
        .collect();
    for class in listed.keys().filter(|class| !crate::decide::listable().any(|known| known == class.as_str())) {
        let known: Vec<&str> = crate::decide::listable().collect();
        problems.push(Problem::new(
            "[recipients]",
            format!("there is no class of recipients called `{class}`"),
            format!("use one of: {}", known.join(", ")),
        ));
    }
    let classes = Classes::new(&own_domains, listed);
    Some(Bench {
        domains: KnownDomains::new(classes.domains()).and_providers(),
        acquaintance: keep(acquaintances(config.data_dir.as_deref()).map_err(|problem| vec![problem]), problems)?,
        limits: Limits {
            parts: config.max_parts,
            depth: config.max_depth,
            text_bytes: config.smtp.limits.max_message_size.saturating_mul(2),
            unpacked_bytes: config.documents.max_unpacked,
            entries: config.documents.max_entries,
            archives: config.documents.archive_depth,
            document_text: config.documents.text_per_document,
            documents_text: config.documents.text_per_message,
            pictures: config.ocr.as_ref().map_or(0, |ocr| ocr.pages),
            picture_pixels: config.ocr.as_ref().map_or(0, |ocr| ocr.max_pixels as u64),
            ..Limits::default()
        },
        rules: rules?,
        policy: policy?,
        classes,
        told: keep(told(config.documents.remember_passwords).map_err(|problem| vec![problem]), problems)?,
        mode: config.mode,
        means: Means { share: config.share.is_some(), tls: config.tls.route != TlsRoute::Share },
        share_tag: config.share.as_ref().map(|share| share.subject_tag.clone()),
        readers: Some(Readers::new(config.documents.readers.clone())),
        recognisers: recognisers(config, problems),
    })
}

/// What is told to whom, where the school wants it remembered.
fn told(lasts: Option<Duration>) -> Result<Option<Arc<Told>>, Problem> {
    Ok(lasts.map(Told::new).transpose()?.map(Arc::new))
}

/// What cannot be read is told by whoever uses the certificate.
fn certificates(smtp: &SmtpConfig, hops: &[NextHopConfig]) -> Vec<(String, Timestamp)> {
    let listener = smtp.tls.iter().map(|(file, _)| ("smtp".to_string(), file));
    let clients = hops.iter().filter_map(|hop| Some((format!("next hop {}", hop.name), &hop.certificate.as_ref()?.0)));
    listener.chain(clients).filter_map(|(what, file)| Some((what, tls::Chain::read(file).ok()?.until()))).collect()
}

/// Who recognises text, tried out: a language that is missing is better known now than at the first scan.
fn recognisers(config: &Config, problems: &mut Vec<Problem>) -> Option<Recognisers> {
    let recognisers = Recognisers::new(config.ocr.as_ref()?.recognisers.clone());
    let program = recognisers.settings().program.display().to_string();
    match recognisers.check() {
        Ok(missing) => problems.extend(missing.iter().map(|language| {
            Problem::new(
                "[ocr]",
                format!("{program} does not know the language `{language}`"),
                format!("install Debian's package tesseract-ocr-{language}, or leave it out of `languages`"),
            )
        })),
        Err(failure) => problems.push(Problem::new(
            "[ocr]",
            format!("{program} does not run in its sealed process: {failure}"),
            "run `tesseract --list-langs` by hand; on Debian: apt-get install tesseract-ocr tesseract-ocr-nld",
        )),
    }
    Some(recognisers)
}

/// In the data folder; without one a restart forgets.
fn acquaintances(data_dir: Option<&Path>) -> Result<Arc<dyn Acquaintance>, Problem> {
    Ok(Arc::new(match data_dir {
        Some(folder) => Acquaintances::open(&folder.join("first-times"))?,
        None => Acquaintances::in_memory()?,
    }))
}

/// The store of rosters, when anything was ever imported: looking must not make a folder.
fn store(data_dir: Option<&Path>, problems: &mut Vec<Problem>) -> Option<Store> {
    let data_dir = data_dir.filter(|folder| folder.join("rosters").is_dir())?;
    keep(Store::open(data_dir).map_err(|problem| vec![problem]), problems)
}

fn texts(folder: Option<&Path>, problems: &mut Vec<Problem>) -> Option<notice::Texts> {
    let Some(folder) = folder else { return keep(notice::Texts::shipped(), problems) };
    let files: Result<Vec<PathBuf>, _> =
        std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect());
    match files {
        Ok(mut files) => {
            files.retain(|file| file.extension().is_some_and(|e| e == "txt" || e == "html"));
            files.sort();
            read_all(&files, problems).and_then(|files| keep(notice::Texts::load(&files), problems))
        }
        Err(error) => {
            problems.push(Problem::new(
                folder,
                format!("the folder with texts cannot be read: {error}"),
                "give a folder with changed copies of rules/texts",
            ));
            None
        }
    }
}

/// Of a school's folder, only the files of the desk; it need not have any.
fn desk_texts(folder: Option<&Path>, problems: &mut Vec<Problem>) -> Option<DeskTexts> {
    let own =
        folder.into_iter().flat_map(|folder| Language::ALL.map(|l| folder.join(format!("desk.{}.toml", l.word()))));
    let own: Vec<PathBuf> = own.filter(|file| file.is_file()).collect();
    read_all(&own, problems).and_then(|files| keep(DeskTexts::load(&files), problems))
}

/// Of a school's folder, only the files of the portal, in whatever languages they are.
fn portal_texts(folder: Option<&Path>, problems: &mut Vec<Problem>) -> Option<PortalTexts> {
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let is_ours = |name: &str| name.starts_with("portal.") && name.ends_with(".toml");
    let own = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_ours)).map(|entry| entry.path());
    let mut own: Vec<PathBuf> = own.collect();
    own.sort();
    read_all(&own, problems).and_then(|files| keep(PortalTexts::load(&files), problems))
}

fn tenant(
    config: SchoolConfig,
    sealed: Option<Kept>,
    language: Language,
    told: &mut dyn FnMut(String),
    problems: &mut Vec<Problem>,
) -> Tenant {
    let roster_of = sealed.as_ref().map(Kept::imported);
    let roster = roster(&config, sealed, problems);
    let signer = |(domain, selector, file): &(String, String, PathBuf)| Signer::load(domain, selector, file);
    let dkim = config.dkim.as_ref().map(signer).transpose();
    let dkim = keep(dkim.map_err(|problem| vec![problem]), problems).flatten();
    if let Some((_, report)) = &roster {
        told(format!("{}: {}", config.school.id, report.in_language(language)));
    }
    let tenant = Tenant::new(config.school, roster.as_ref().map(|(roster, _)| roster), config.secret_header);
    Tenant { modes: config.modes, roster_of, dkim, ..tenant }
}

/// The files that the configuration names, and what was imported: whoever is in either.
fn roster(
    config: &SchoolConfig,
    sealed: Option<Kept>,
    problems: &mut Vec<Problem>,
) -> Option<(Roster, roster::Report)> {
    let files = keep(roster::read_files(&config.roster), problems)?;
    let listed = if files.is_empty() { None } else { Some(keep(Roster::read(&files), problems)?) };
    match (listed, sealed) {
        (listed, None) => listed,
        (listed, Some(kept)) => {
            let mut import = roster::Import::default();
            let rosters = listed.map(|(roster, _)| roster).into_iter().chain([kept.roster]);
            rosters.for_each(|roster| import.roster(roster));
            // Who is in both is repeated by nobody's fault.
            import.finish().map(|(roster, report)| (roster, roster::Report { repeated: 0, ..report }))
        }
    }
}

/// The roster that was imported for a school. Its age is told.
fn sealed(
    store: Option<&Store>,
    config: &SchoolConfig,
    today: Date,
    told: &mut dyn FnMut(String),
    problems: &mut Vec<Problem>,
) -> Option<Kept> {
    let kept = keep(store?.load(&config.school.id).map_err(|problem| vec![problem]), problems)??;
    if let Some(warning) = roster::age_warning(kept.imported(), today) {
        told(format!("{}: let op: {warning}", config.school.id));
    }
    Some(kept)
}

/// The way of mail that must travel under proven TLS.
fn road(config: &Config, problems: &mut Vec<Problem>) -> Option<Road> {
    let tls = &config.tls;
    match &tls.route {
        TlsRoute::Share => Some(Road::None),
        // That it is there was checked.
        TlsRoute::Attested(name) => {
            let number = config.next_hops.iter().position(|hop| hop.name == *name);
            Some(number.map_or(Road::None, Road::Attested))
        }
        TlsRoute::Direct => {
            let roots = tls::authorities(tls.postures.ca.as_deref());
            let roots = keep(roots.map_err(|problem| vec![problem]), problems)?;
            let postures = Postures::new(tls.postures.clone(), None).map_err(|problem| vec![problem]);
            let postures = keep(postures, problems)?;
            let direct = Direct { our_name: tls.ehlo.clone(), port: tls.port, roots, patience: Patience::default() };
            Some(Road::Direct(Arc::new(direct), postures))
        }
    }
}

fn way(config: NextHopConfig, hostname: &str) -> Result<Way, Problem> {
    let trust = match (config.demand, &config.ca) {
        (Demand::Verify, Some(ca)) => Trust::File(ca),
        (Demand::Verify, None) => Trust::System,
        _ => Trust::Unverified,
    };
    let own = config.certificate.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
    let tls = Arc::new(tls::client_config(trust, own)?);
    let next_hop = NextHop::new(Hop {
        name: config.name,
        hosts: config.hosts,
        our_name: hostname.to_string(),
        demand: config.demand,
        implicit_tls: config.implicit_tls,
        tls,
        credentials: config.credentials,
        connect_timeout: config.connect_timeout,
        reply_timeout: config.reply_timeout,
        final_reply_timeout: config.final_reply_timeout,
        keep_idle: config.keep_idle,
        max_connections: config.max_connections,
    });
    Ok(Way { sender_domains: config.sender_domains, next_hop, mark: config.mark })
}

fn read(file: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    std::fs::read_to_string(file)
        .inspect_err(|error| {
            problems.push(Problem::new(
                file,
                format!("the file cannot be read: {error}"),
                "check its path and permissions",
            ))
        })
        .ok()
}

fn read_all(files: &[PathBuf], problems: &mut Vec<Problem>) -> Option<Vec<(PathBuf, String)>> {
    files.iter().map(|file| read(file, problems).map(|text| (file.clone(), text))).collect()
}

fn keep<T>(result: Result<T, Vec<Problem>>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|found| problems.extend(found)).ok()
}
