//! `mailpoort serve`: the gate, in the foreground. SIGHUP reloads all or nothing, SIGTERM drains.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Zoned;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::acme::Acme;
use crate::commands::kept::{purge_every_hour, report_every_hour, tell_later};
use crate::commands::{MEND, complain, fail, process, say};
use crate::config::{Config, SmtpConfig};
use crate::gate::Gate;
use crate::gate::house::{self, House};
use crate::outbox::Outbox;
use crate::problem::Problem;
use crate::reader::Sandbox;
use crate::record::Record;
use crate::roster::{Inbox, Store, Taken};
use crate::share::Shares;
use crate::smtp::budget::Budget;
use crate::smtp::client::NextHop;
use crate::smtp::listener::{Server, bind};
use crate::status::{self, Watched};
use crate::web;
use crate::web::desk::{Desk, Means};
use crate::web::portal::{self, Portal};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// Check the configuration and everything it names, and stop
    #[arg(long)]
    check: bool,
}

/// Sessions in the middle of a message may finish it within this time; service managers kill after 30 s or more.
const DRAIN: Duration = Duration::from_secs(25);
/// The first EHLO should mirror the next hop, but a next hop that is away must not keep us from starting.
/// Some greet after six seconds only, to let the impatient go first.
const PROBE: Duration = Duration::from_secs(10);
/// How often watch folders and certificates are looked at: a file that lies still is taken at the second look.
const LOOK: Duration = Duration::from_secs(20);
/// How long a scan that runs late may keep the process after everything else has ended.
const LEFTOVERS: Duration = Duration::from_secs(2);

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(problems) => return fail(&problems),
    };
    if !arguments.check {
        process::log(&config.log);
    }
    let (journal, metrics) = (config.log.journal.clone(), config.metrics);
    let (house, smtp) = match House::load(config, &mut |line| tell(arguments.check, &line)) {
        Ok(loaded) => loaded,
        Err(problems) => return fail(&problems),
    };
    if arguments.check {
        return match house::settings(&house, smtp, Budget::new(0)) {
            Ok(_) => {
                say("The configuration is good.");
                ExitCode::SUCCESS
            }
            Err(problem) => fail(&[problem]),
        };
    }
    let record = match Record::open(journal.as_deref()) {
        Ok(record) => record,
        Err(problem) => return fail(&[problem]),
    };
    process::raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format!("the system gives no threads: {error}"));
            return ExitCode::from(MEND);
        }
    };
    let code = runtime.block_on(async {
        match start(house, smtp, record).await {
            Ok(running) => match running.tell(metrics, journal).await {
                Ok(()) => running.until_stopped(&arguments.config).await,
                Err(problem) => fail(&[problem]),
            },
            Err(problem) => fail(&[problem]),
        }
    });
    runtime.shutdown_timeout(LEFTOVERS);
    code
}

fn tell(check: bool, line: &str) {
    if check { say(line) } else { tracing::info!("{line}") }
}

/// A gate that takes mail.
pub(super) struct Running {
    gate: Gate,
    server: Arc<Server<Gate>>,
    /// Where it listens.
    pub listening: Vec<SocketAddr>,
    budget: Budget,
    delivering: Option<JoinHandle<()>>,
    pages: Option<Pages>,
    acme: Option<Acme>,
}

/// The pages for teachers.
struct Pages {
    server: web::Server,
    /// As people on this machine reach them.
    address: String,
    tending: JoinHandle<()>,
}

/// Binds, connects to the next hops, and begins to serve.
pub(super) async fn start(house: House, smtp: SmtpConfig, mut record: Record) -> Result<Running, Problem> {
    readers(&house).await?;
    let outbox = outbox(&house).await?;
    if let Some(outbox) = &outbox {
        record.keep_in(outbox.store().clone())?;
        house.keep_policies_in(outbox.store());
    }
    let budget = Budget::new(smtp.memory);
    let (listen, listen_tls) = (smtp.listen.clone(), smtp.listen_tls.clone());
    let settings = house::settings(&house, smtp, budget.clone())?;
    let hops = next_hops(&house);
    let shares = shares(&house, outbox.as_ref()).await?;
    let gate = Gate::new(house, record, outbox.clone());
    if let Some(shares) = shares {
        gate.share_with(shares);
        tokio::spawn(gate.clone().watch_codes());
    }
    let server = Server::new(gate.clone(), settings);
    let mut listeners = Vec::new();
    for (address, implicit_tls) in listen.iter().map(|a| (*a, false)).chain(listen_tls.iter().map(|a| (*a, true))) {
        let listener = bind(address).await.map_err(|error| {
            Problem::new(
                "[smtp]",
                format!("cannot listen on {address}: {error}"),
                "stop what listens there, choose another port, or give the right to use ports below 1024",
            )
        })?;
        listeners.push((listener, implicit_tls));
    }
    // Before the first mail: a pause survives a restart.
    gate.look_for_pause().await;
    tokio::spawn(gate.clone().watch_for_pauses());
    learn(hops).await;
    let listening = listeners.iter().filter_map(|(listener, _)| listener.local_addr().ok()).collect();
    for (listener, implicit_tls) in listeners {
        tokio::spawn(Arc::clone(&server).serve(listener, implicit_tls));
    }
    let pages = match (gate.house().web.clone(), &outbox) {
        (Some(settings), Some(outbox)) => Some(pages(&gate, outbox, &settings).await?),
        _ => None,
    };
    if let Some(outbox) = outbox.clone() {
        tokio::spawn(purge_every_hour(outbox.clone(), gate.clone()));
        tokio::spawn(report_every_hour(outbox, gate.clone()));
        tokio::spawn(tell_later(gate.clone()));
    }
    let around = Arc::new(gate.clone());
    let delivering = outbox.map(|outbox| tokio::spawn(async move { outbox.run(around).await }));
    let acme = acme(&gate.house(), pages.as_ref());
    if let Some(acme) = acme.clone() {
        tokio::spawn(acme.tend());
    }
    Ok(Running { gate, server, listening, budget, delivering, pages, acme })
}

/// Whoever asks for our certificate; none when none is to be fetched.
fn acme(house: &House, pages: Option<&Pages>) -> Option<Acme> {
    let challenges = pages.map(|pages| pages.server.challenges().clone()).unwrap_or_default();
    Some(Acme::new(house.data_dir.as_deref()?, house.acme.clone()?, challenges))
}

impl Running {
    /// Stops taking mail, lets sessions finish theirs.
    pub async fn stop(self) {
        if let Some(outbox) = self.gate.outbox() {
            outbox.stop();
        }
        if let Some(pages) = self.pages {
            pages.tending.abort();
            pages.server.stop().await;
        }
        if !self.server.drain(DRAIN).await {
            tracing::warn!("some sessions did not finish in time and were cut off; their clients will try again");
        }
        self.gate.finish_writing().await;
        if let Some(delivering) = self.delivering
            && tokio::time::timeout(DRAIN, delivering).await.is_err()
        {
            tracing::warn!("some owed mail was on its way and is tried again at the next start");
        }
    }

    /// Tells health and metrics, if anybody is to know.
    async fn tell(&self, listen: Option<SocketAddr>, journal: Option<PathBuf>) -> Result<(), Problem> {
        let Some(listen) = listen else { return Ok(()) };
        let (gate, server) = (self.gate.clone(), Arc::clone(&self.server));
        let (budget, acme) = (self.budget.clone(), self.acme.clone());
        let address = status::serve(listen, Watched { gate, server, budget, journal, acme }).await?;
        tracing::info!(%address, "health and metrics are told");
        Ok(())
    }

    async fn until_stopped(self, config: &Path) -> ExitCode {
        let (Ok(mut stop), Ok(mut interrupt), Ok(mut reload)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
        else {
            complain("the system gives no signals");
            return ExitCode::from(MEND);
        };
        let smtp: Vec<String> = self.listening.iter().map(ToString::to_string).collect();
        let web = self.pages.as_ref().map_or("-", |pages| &pages.address);
        say(format!("mailpoort ready smtp={} web={web}", smtp.join(",")));
        let mut looks = tokio::time::interval(LOOK);
        let mut inboxes = Vec::new();
        let mut fetched = self.acme.as_ref().map(Acme::fetched);
        loop {
            tokio::select! {
                _ = stop.recv() => break,
                _ = interrupt.recv() => break,
                _ = looks.tick() => tokio::select! {
                    () = self.look_around(&mut inboxes, config) => {}
                    _ = stop.recv() => break,
                },
                () = heard(fetched.as_mut()) => self.look_at_certificates().await,
                // A stop need not wait for next hops that are slow to say what they offer.
                _ = reload.recv() => tokio::select! {
                    () = self.reload(config) => {}
                    _ = stop.recv() => break,
                },
            }
        }
        tracing::info!("stopping: no new mail is taken");
        self.stop().await;
        ExitCode::SUCCESS
    }

    async fn look_around(&self, inboxes: &mut Vec<Inbox>, config: &Path) {
        self.look_at_certificates().await;
        self.take_rosters(inboxes, config).await;
    }

    /// Shows certificates anew whose files have changed, and tells of those that end soon.
    async fn look_at_certificates(&self) {
        let house = self.gate.house();
        let _ = tokio::task::spawn_blocking(move || house.certificates.look()).await;
    }

    /// Looks into the watch folders, and reloads when a school has a new roster.
    async fn take_rosters(&self, inboxes: &mut Vec<Inbox>, config: &Path) {
        let house = self.gate.house();
        inboxes.retain(|inbox| house.inboxes.iter().any(|(school, folder)| inbox.is(school, folder)));
        for (school, folder) in &house.inboxes {
            if !inboxes.iter().any(|inbox| inbox.is(school, folder)) {
                inboxes.push(Inbox::new(school, folder));
            }
        }
        let (mut looking, mut new) = (std::mem::take(inboxes), false);
        // A large export takes a while to read, and sessions go on.
        let looked = tokio::task::spawn_blocking(move || {
            let taken = look(&house, &mut looking);
            (looking, taken)
        });
        let Ok((looked, taken)) = looked.await else { return };
        *inboxes = looked;
        for taken in taken {
            match taken {
                Taken::Nothing => {}
                Taken::New(report) => {
                    tracing::info!("{report}");
                    new = true;
                }
                Taken::Refused(problems) => {
                    problems.iter().for_each(|problem| tracing::error!(%problem, "the new roster is refused"));
                }
            }
        }
        if new {
            self.reload(config).await;
        }
    }

    /// Reads everything anew; what is bad is told, and what ran before runs on.
    async fn reload(&self, config: &Path) {
        let loaded = self.load(config).await;
        self.gate.counts().reloaded(loaded.is_ok());
        match loaded {
            Ok(()) => tracing::info!(
                "configuration, rules, policy, rosters and certificate are reloaded; `listen`, `log`, `share` and a new `acme` need a restart"
            ),
            Err(problems) => {
                problems.iter().for_each(|problem| tracing::error!(%problem, "not reloaded"));
                tracing::error!("nothing was reloaded: the gate runs on with what it had");
            }
        }
    }

    async fn load(&self, config: &Path) -> Result<(), Vec<Problem>> {
        let config = Config::load(config)?;
        let (mut house, smtp) = House::load(config, &mut |line| tracing::info!("{line}"))?;
        house.go_on_from(&self.gate.house());
        if let Some(outbox) = self.gate.outbox() {
            house.keep_policies_in(outbox.store());
        }
        readers(&house).await.map_err(|problem| vec![problem])?;
        let memory = smtp.memory;
        let settings = house::settings(&house, smtp, self.budget.clone()).map_err(|problem| vec![problem])?;
        if let Some(pages) = &self.pages {
            pages.server.reload(house.certificates.pages.as_ref()).map_err(|problem| vec![problem])?;
        }
        if let (Some(acme), Some(settings)) = (&self.acme, &house.acme) {
            acme.reload(settings.clone());
        }
        // Before the swap, so that no client is offered what the next hop does not have.
        learn(next_hops(&house)).await;
        self.budget.set_limit(memory);
        self.gate.reload(house);
        self.server.reload(settings);
        Ok(())
    }
}

/// Waits for the next certificate that comes; for ever when none is to come.
async fn heard(fetched: Option<&mut watch::Receiver<()>>) {
    let came = match fetched {
        Some(fetched) => fetched.changed().await.is_ok(),
        None => false,
    };
    if !came {
        std::future::pending::<()>().await;
    }
}

/// How often the desk looks for what is due.
const TEND: Duration = Duration::from_secs(60);

/// Serves the pages for teachers, about what this outbox keeps, and those for whom something is shared with.
///
/// # Errors
/// Where they should be cannot be listened on.
async fn pages(gate: &Gate, outbox: &Outbox, settings: &web::Settings) -> Result<Pages, Problem> {
    let waking = outbox.clone();
    let shares = gate.shares().map(|shares| shares.with_letters(Arc::new(gate.clone())));
    let desk = Desk::new(Means {
        store: outbox.store().clone(),
        vault: outbox.vault().clone(),
        gate: Arc::new(gate.clone()),
        url: settings.url.clone(),
        clock: Arc::new(crate::store::now),
        wake: Arc::new(move || waking.wake()),
        shares: shares.clone(),
        give_up: outbox.gives_up_at(0),
    });
    let remembering = shares.clone();
    let mut pages = desk.router();
    if let Some(shares) = shares {
        let portal = Portal::new(portal::Means {
            shares,
            store: outbox.store().clone(),
            around: Arc::new(gate.clone()),
            urls: vec![settings.url.clone()],
        });
        pages = pages.merge(portal.router());
    }
    let server = web::Server::start(settings, gate.house().certificates.pages.as_ref(), pages).await?;
    let scheme = if settings.certificate.is_some() { "https" } else { "http" };
    let address = format!("{scheme}://{}", server.listening());
    let tending = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(TEND);
        loop {
            ticks.tick().await;
            if let Some(shares) = &remembering {
                shares.forget_recent();
            }
            if let Err(error) = desk.tend().await {
                tracing::error!(%error, "the desk could not look for what is due; it tries again");
            }
        }
    });
    Ok(Pages { server, address, tending })
}

/// What is kept and owed, set right after whatever ended the gate before; none without a data folder.
///
/// # Errors
/// It cannot be used. Nothing is served then: what is owed would wait unseen.
async fn outbox(house: &House) -> Result<Option<Outbox>, Problem> {
    let Some(folder) = &house.data_dir else { return Ok(None) };
    let outbox = Outbox::open(folder, house.retry)?;
    let recovered = outbox.recover().await;
    recovered
        .map_err(|error| Problem::new(folder, error.to_string(), "check space, owner and rights of `data_dir`"))?;
    Ok(Some(outbox))
}

/// Secure shares, set right after whatever ended the gate before; none when they are not configured.
///
/// # Errors
/// Their folder or rows cannot be used.
async fn shares(house: &House, outbox: Option<&Outbox>) -> Result<Option<Shares>, Problem> {
    let (Some(folder), Some(settings), Some(outbox)) = (&house.data_dir, &house.share, outbox) else { return Ok(None) };
    let shares = Shares::open(folder, outbox.clone(), settings.clone())?;
    let recovered = shares.recover().await;
    recovered
        .map_err(|error| Problem::new(folder, error.to_string(), "check space, owner and rights of `data_dir`"))?;
    Ok(Some(match &house.sms {
        Some(provider) => shares.with_sms(Arc::clone(provider)),
        None => shares,
    }))
}

/// Has the processes that read documents started, and says how they are sealed.
///
/// # Errors
/// They cannot be sealed whole, and the configuration requires it.
async fn readers(house: &House) -> Result<(), Problem> {
    let Some(readers) = house.bench.readers.clone() else { return Ok(()) };
    let required = readers.settings().sandbox == Sandbox::Require;
    match tokio::task::spawn_blocking(move || readers.check()).await {
        Ok(Ok(seal)) if seal.is_whole() => tracing::info!("documents are read in sealed processes ({seal})"),
        Ok(Ok(seal)) => tracing::warn!(
            "documents are read in processes that this machine cannot seal whole ({seal}); \
             `sandbox = \"require\"` in [documents] would refuse that"
        ),
        Ok(Err(failure)) if required => {
            let remedy = "run a kernel with seccomp and Landlock (5.13 or newer), or set `sandbox = \"best\"`";
            return Err(Problem::new("[documents]", failure.to_string(), remedy));
        }
        // What is wrong is in the log already. Mail without documents goes on.
        Ok(Err(_)) | Err(_) => {}
    }
    Ok(())
}

fn look(house: &House, inboxes: &mut [Inbox]) -> Vec<Taken> {
    let Some(folder) = house.data_dir.as_deref().filter(|_| !inboxes.is_empty()) else { return Vec::new() };
    let today = Zoned::now().with_time_zone(house.time_zone.clone()).date();
    match Store::open(folder) {
        Ok(store) => inboxes.iter_mut().map(|inbox| inbox.look(&store, today, house.language)).collect(),
        Err(problem) => vec![Taken::Refused(vec![problem])],
    }
}

fn next_hops(house: &House) -> Vec<Arc<NextHop>> {
    house.ways.iter().map(|way| Arc::clone(&way.next_hop)).collect()
}

/// Asks every next hop what it offers, and tends its kept connections from now on.
async fn learn(hops: Vec<Arc<NextHop>>) {
    let mut probes = tokio::task::JoinSet::new();
    for hop in hops {
        tokio::spawn(NextHop::tend(Arc::downgrade(&hop)));
        probes.spawn(async move { hop.probe().await });
    }
    let _ = tokio::time::timeout(PROBE, probes.join_all()).await;
}
