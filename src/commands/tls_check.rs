//! `mailpoort tls-check`: what a domain proves about its mail servers, and what a message that must travel under proven
//! TLS would do. Sends no mail; with `--live` it greets each server and looks at its certificate.
//!
//! Exit codes: 0 such a message is delivered, 1 nothing is proven, 2 it is not known now, 3 nobody takes the mail.

mod deliveries;
mod shown;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;

use crate::commands::{fail, process, say};
use crate::config::{Config, TlsRoute};
use crate::problem::Problem;
use crate::school::Language;
use crate::smtp::client::{Direct, Look, Patience};
use crate::tls::authorities;
use crate::tls::posture::{Forced, MxHost, Posture, Postures, Settings};

/// Where the configuration is when it is not said.
const CONFIG: &str = "/etc/mailpoort/mailpoort.toml";
/// SMTP between servers (RFC 5321 4.5.4.2), where no configuration says otherwise.
const PORT: u16 = 25;
/// Addresses of one host that are looked at: one of each family is the usual.
const ADDRESSES: usize = 4;

/// Arguments of `tls-check`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The domain: what stands behind the @
    #[arg(required_unless_present = "deliveries")]
    domain: Option<String>,
    /// Instead: how mail fared that had to travel under proven TLS, to this domain or to all; the journal says that you
    /// looked
    #[arg(long, conflicts_with = "live")]
    deliveries: bool,
    /// Greet each server and look at its certificate
    #[arg(long)]
    live: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// The configuration file; /etc/mailpoort/mailpoort.toml when that is there, and else as without any
    #[arg(long)]
    config: Option<PathBuf>,
}

/// What was found.
struct Found {
    posture: Arc<Posture>,
    /// Whether answers of DNS can be validated; none when the resolver is silent.
    validates: Option<bool>,
    /// By host; empty when nobody was greeted.
    looks: Vec<Vec<Look>>,
    /// How such mail leaves; none without a configuration.
    route: Option<TlsRoute>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.deliveries {
        let config = arguments.config.as_deref().unwrap_or(Path::new(CONFIG));
        return deliveries::run(config, arguments.domain.as_deref(), arguments.json);
    }
    match check(arguments) {
        Ok((found, language)) => {
            say(if arguments.json { shown::json(&found).to_string() } else { shown::text(&found, language) });
            ExitCode::from(code(&found.posture))
        }
        Err(problems) => fail(&problems),
    }
}

fn check(arguments: &Arguments) -> Result<(Found, Language), Vec<Problem>> {
    let config = match &arguments.config {
        Some(file) => Some(Config::load(file)?),
        None if Path::new(CONFIG).is_file() => Some(Config::load(Path::new(CONFIG))?),
        None => None,
    };
    let language = config.as_ref().map(|config| config.language).unwrap_or_default();
    let tls = config.map(|config| config.tls);
    let our_name = tls.as_ref().map_or_else(|| "localhost".to_owned(), |tls| tls.ehlo.clone());
    let port = tls.as_ref().map_or(PORT, |tls| tls.port);
    let route = tls.as_ref().map(|tls| tls.route.clone());
    let settings = tls.map_or_else(Settings::default, |tls| tls.postures);
    let domain = arguments.domain.as_deref().unwrap_or_default();
    let live = arguments.live.then(|| direct(our_name, port, &settings)).transpose();
    let live = live.map_err(|problem| vec![problem])?;
    let looked = process::wait_for(async {
        let postures = Postures::new(settings, None)?;
        let posture = postures.of(domain).await;
        let validates = postures.validates().await.ok();
        let looks = match live {
            Some(direct) => greet(&direct, &posture).await,
            None => Vec::new(),
        };
        Ok(Found { posture, validates, looks, route })
    });
    let found = looked.and_then(|found| found).map_err(|problem| vec![problem])?;
    Ok((found, language))
}

fn direct(our_name: String, port: u16, settings: &Settings) -> Result<Direct, Problem> {
    let seconds = Duration::from_secs;
    let patience = Patience { connect: seconds(10), address: seconds(30), reply: seconds(30), whole: seconds(30) };
    Ok(Direct { our_name, port, roots: authorities(settings.ca.as_deref())?, patience })
}

async fn greet(direct: &Direct, posture: &Posture) -> Vec<Vec<Look>> {
    join_all(posture.hosts.iter().map(|host| greet_host(direct, host))).await
}

async fn greet_host(direct: &Direct, host: &MxHost) -> Vec<Look> {
    join_all(host.addresses.iter().take(ADDRESSES).map(|address| direct.look(host, *address))).await
}

fn code(posture: &Posture) -> u8 {
    match posture.forced() {
        Forced::Deliver => 0,
        Forced::Fallback => 1,
        Forced::Defer => 2,
        Forced::Undeliverable => 3,
    }
}
