//! What a configuration names, read and checked. Every problem is told, not the first alone; nothing is half loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Zoned;
use jiff::civil::Date;

use super::{Bench, Certificates, House, Road, Tenant, Way};
use crate::act::notice;
use crate::config::{Config, NextHopConfig, NoticeFormat, SchoolConfig, SmtpConfig, TlsRoute, TlsUnmet, TlsUnproven};
use crate::decide::{Acquaintance, ClassList, Classes, Fact, KnownDomains, KnowsNoHosts, Means, Policy};
use crate::detect::Rules;
use crate::dkim::Signer;
use crate::gate::acquaintance::Acquaintances;
use crate::gate::flood;
use crate::gate::told::Told;
use crate::message::Limits;
use crate::problem::Problem;
use crate::reader::{Readers, Recognisers};
use crate::roster::{self, Kept, Roster, Store};
use crate::school::Language;
use crate::share::sms;
use crate::smtp::client::{Demand, Direct, Hop, NextHop, Patience};
use crate::store::owed::Otherwise;
use crate::tls::posture::Postures;
use crate::tls::{self, Trust};
use crate::web::desk::Texts as DeskTexts;
use crate::web::portal::Texts as PortalTexts;

impl House {
    /// Loads everything that a configuration names. Reports what the rosters held to `told`, a line each.
    ///
    /// # Errors
    /// Every problem found, in any of the files.
    pub fn load(config: Config, told: &mut dyn FnMut(String)) -> Result<(Self, SmtpConfig), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut bench = bench(&config, &mut problems);
        let texts = texts(config.texts.as_deref(), &mut problems);
        let now = Zoned::now().with_time_zone(config.time_zone.clone());
        let today = now.date();
        for (line, exception) in bench.iter().flat_map(|bench| bench.policy.exceptions()) {
            if exception.until < crate::gate::day(&now) {
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
        // Before the files are read: one that is written in between counts at the next reload.
        let posture_files = config.tls.postures.stamps();
        let road = road(&config, &mut problems);
        let asks_where = bench.as_ref().is_some_and(|bench| bench.policy.asks_for(Fact::HostOutsideEea));
        let postures = match &road {
            Some(Road::Direct(_, postures)) => Some(postures.clone()),
            // For the page that tells; without a resolver it says that it does not know.
            _ if config.web.is_some() && !asks_where => Postures::new(config.tls.postures.clone(), None).ok(),
            _ if asks_where => {
                let postures = Postures::new(config.tls.postures.clone(), None).map_err(|problem| vec![problem]);
                keep(postures, &mut problems)
            }
            _ => None,
        };
        if asks_where && config.tls.postures.countries.is_none() {
            problems.push(Problem::new(
                "[tls]",
                "a policy line asks where mail hosts stand (`host_outside_eea`), and nothing says in which country they are",
                "set `country_file` in [tls], or take the fact out of the policy line",
            ));
        }
        if let Some(bench) = &mut bench {
            bench.look_at_hosts(postures.as_ref());
        }
        let certificates = Certificates::load(&config, &mut problems);
        let mut smtp = config.smtp;
        for issuer in smtp.clients.iter_mut().filter_map(|client| client.issuer.as_mut()) {
            keep(issuer.load().map_err(|problem| vec![problem]), &mut problems);
        }
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
        let ways = config
            .next_hops
            .into_iter()
            .filter_map(|hop| keep(way(hop, &config.hostname, &certificates).map_err(|p| vec![p]), &mut problems))
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
                        calendar: config.calendar,
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
                        reports: config.notice == NoticeFormat::Dsn,
                        weekly: config.weekly,
                        unproven: match config.tls.unproven {
                            TlsUnproven::Hold => Otherwise::Hold,
                            TlsUnproven::Bounce => Otherwise::Bounce,
                        },
                        requiretls_bounces: config.tls.requiretls == TlsUnmet::Bounce,
                        postures,
                        report: config.tls.report,
                        posture_settings: config.tls.postures,
                        posture_files,
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
                        acme: config.acme,
                        programs: config.programs,
                        journal_archive: config.journal_archive.map(|archive| (archive.client, archive.addresses)),
                        lifetimes: config.lifetimes,
                    },
                    smtp,
                ))
            }
            _ => Err(problems),
        }
    }
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
        hosts: Arc::new(KnowsNoHosts),
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
        share_answers: config.share.as_ref().is_some_and(|share| share.answers),
        share_codes: Arc::default(),
        readers: Some(Readers::new(config.documents.readers.clone())),
        recognisers: recognisers(config, problems),
    })
}

/// What is told to whom, where the school wants it remembered.
fn told(lasts: Option<Duration>) -> Result<Option<Arc<Told>>, Problem> {
    Ok(lasts.map(Told::new).transpose()?.map(Arc::new))
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

/// The texts of notices and letters, from a school's folder or as shipped.
///
/// # Errors
/// What is wrong with the folder or a file.
pub fn notice_texts(folder: Option<&Path>) -> Result<notice::Texts, Vec<Problem>> {
    let mut problems = Vec::new();
    texts(folder, &mut problems).ok_or(problems)
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

fn way(config: NextHopConfig, hostname: &str, certificates: &Certificates) -> Result<Way, Problem> {
    let trust = match (config.demand, &config.ca) {
        (Demand::Verify, Some(ca)) => Trust::File(ca),
        (Demand::Verify, None) => Trust::System,
        _ => Trust::Unverified,
    };
    let tls = Arc::new(tls::client_config(trust, certificates.towards(&config.name))?);
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
