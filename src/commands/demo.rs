//! `mailpoort demo`: the gate with an invented school, a next hop that keeps what it gets, seven mails through the real
//! SMTP port, a table of what became of them, and a page to look at. Then it stays up, until a signal.
//!
//! Everything is on this machine: the gate, the next hop and the page listen on loopback only, and nothing is sent on.

mod client;
mod house;
mod journal;
mod page;
mod provider;
mod report;
mod samples;

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpSocket;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::serve::{self, Running};
use crate::commands::{MEND, complain, fail, process, say};
use crate::decide::Policy;
use crate::gate::house::House;
use crate::problem::Problem;
use crate::record::Record;
use house::Folder;
use page::Shown;
use provider::Provider;
use samples::Became;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The port on which the gate takes mail; another one is taken when it is in use
    #[arg(long, default_value_t = 2525)]
    smtp_port: u16,
    /// The port of the web page; another one is taken when it is in use
    #[arg(long, default_value_t = 8025)]
    web_port: u16,
    /// The port of the desk, where teachers choose; another one is taken when it is in use
    #[arg(long, default_value_t = 8026)]
    desk_port: u16,
}

/// The gate's own address, as in the configuration: what it sends with the null sender is a notice.
const GATE_ADDRESS: &str = "mailpoort@delinde.example";

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let folder = match Folder::new() {
        Ok(folder) => folder,
        Err(error) => {
            complain(format!("no folder for temporary files could be made: {error}; set TMPDIR to one that can"));
            return ExitCode::from(MEND);
        }
    };
    process::raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format!("the system gives no threads: {error}"));
            return ExitCode::from(MEND);
        }
    };
    match runtime.block_on(demonstrate(arguments, &folder)) {
        Ok(code) => code,
        Err(problems) => fail(&problems),
    }
}

async fn demonstrate(arguments: &Arguments, folder: &Folder) -> Result<ExitCode, Vec<Problem>> {
    // Before anything is started, so that a signal never leaves the folder behind.
    let (Ok(terminate), Ok(interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        complain("the system gives no signals");
        return Ok(ExitCode::from(MEND));
    };
    let mut signals = Signals { terminate, interrupt };
    let provider = Provider::new(GATE_ADDRESS);
    let started = start(arguments, folder, &provider).await?;
    tokio::select! {
        () = stay(&started, &provider) => {}
        () = signals.next() => {}
    }
    tokio::select! {
        () = started.running.stop() => {}
        () = signals.next() => {}
        // A client may sit in the middle of a message for as long as the gate lets it finish.
        () = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            complain("waiting for mail that is on its way; Ctrl-C again stops at once");
            pending::<()>().await;
        } => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends the samples, tells what became of them, and does nothing more, for ever.
async fn stay(started: &Started, provider: &Provider) {
    let lost = show(started, provider).await;
    if lost > 0 {
        complain(format!("{lost} of the sample mails did not end as any mail should"));
    }
    pending().await
}

/// The signals that end it.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The gate and the page, running.
struct Started {
    running: Running,
    smtp: SocketAddr,
    web: String,
    journal: Arc<PathBuf>,
    policy: Policy,
}

async fn start(arguments: &Arguments, folder: &Folder, provider: &Provider) -> Result<Started, Vec<Problem>> {
    let no_port = |error: io::Error| {
        vec![Problem::new("127.0.0.1", format!("cannot listen: {error}"), "choose another port, above 1024")]
    };
    let next_hop = provider.serve().await.map_err(no_port)?;
    let (smtp_kept, smtp) = keep(arguments.smtp_port, "SMTP").map_err(no_port)?;
    let (desk_kept, desk) = keep(arguments.desk_port, "the desk").map_err(no_port)?;
    let config = house::config(folder, smtp, samples::PROGRAM, next_hop, desk)?;
    process::log(&config.log);
    let journal = Arc::new(config.log.journal.clone().unwrap_or_default());
    let record = Record::open(Some(&journal)).map_err(|problem| vec![problem])?;
    let mut roster = Vec::new();
    let (house, settings) = House::load(config, &mut |line| roster.push(line))?;
    let policy = house.bench.policy.clone();
    let running = serve::start(house, settings, record).await.map_err(|problem| vec![problem])?;
    drop((smtp_kept, desk_kept));
    let smtp = running.listening.first().copied().unwrap_or(smtp);

    let (kept, _) = keep(arguments.web_port, "the page").map_err(no_port)?;
    let listener = kept.listen(128).map_err(no_port)?;
    let web = format!("http://{}", listener.local_addr().map_err(no_port)?);
    let shown = Shown { provider: provider.clone(), journal: Arc::clone(&journal), smtp };
    tokio::spawn(async move { axum::serve(listener, page::router(shown)).await });
    Ok(Started { running, smtp, web, journal, policy })
}

/// Keeps that port of this machine, or a free one when it is in use, until the gate listens there. As long as the socket
/// is there nobody else is given the port: it is bound as the gate will bind it, and does not listen.
fn keep(port: u16, what: &str) -> io::Result<(TcpSocket, SocketAddr)> {
    let bound = |port| {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        let address = socket.local_addr()?;
        Ok::<_, io::Error>((socket, address))
    };
    match bound(port) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let kept = bound(0)?;
            say(format!("Port {port} is in use, so {what} is on port {}.", kept.1.port()));
            Ok(kept)
        }
        result => result,
    }
}

/// Sends the samples and prints what became of them; how many ended as no mail should.
async fn show(started: &Started, provider: &Provider) -> usize {
    let outcomes = samples::send_all(started.smtp, provider, &started.journal).await;
    say("Seven mails went through the gate of basisschool De Linde (invented, as are all names and numbers):\n");
    say(report::table(&outcomes, &started.policy, &started.web));
    say(report::guide(started.smtp, &started.web, &started.journal.display().to_string()));
    say(format!("\nmailpoort ready smtp={} web={}", started.smtp, started.web));
    outcomes.iter().filter(|outcome| matches!(outcome.became, Became::Lost)).count()
}
