//! What is kept below `data_dir`: for the commands that look into it, and its end, every hour.

use std::path::Path;
use std::time::Duration;

use crate::config::Config;
use crate::gate::Gate;
use crate::gate::house::Road;
use crate::outbox::Outbox;
use crate::problem::Problem;
use crate::record::purge::{Report, What, purge};
use crate::share::Shares;
use crate::store;
use crate::store::aged::Aged;
use crate::tlsrpt;

/// How often what is over is erased, and how soon again when it could not be.
const PURGE: Duration = Duration::from_secs(3600);
const AGAIN: Duration = Duration::from_secs(60);
/// How often reports about TLS are looked for that are due.
const REPORT: Duration = Duration::from_secs(3600);
/// How often it looks whether anybody is to be told something.
const LOOK: Duration = Duration::from_secs(30);

/// What the gate of a configuration keeps, to look into beside it; where there is nothing, nothing is made.
pub(super) fn beside(config: &Config, file: &Path) -> Result<Outbox, Problem> {
    let Some(data_dir) = &config.data_dir else {
        let what = "there is no `data_dir`, so nothing is kept";
        return Err(Problem::new(file, what, "set `data_dir`, for example \"/var/lib/mailpoort\""));
    };
    Outbox::beside(data_dir)
}

/// Erases what is over, now and every hour.
pub(super) async fn purge_every_hour(outbox: Outbox, gate: Gate) {
    let condition = gate.record().condition();
    let mut hours = tokio::time::interval(PURGE);
    loop {
        hours.tick().await;
        let lifetimes = gate.house().lifetimes;
        let shares = gate.shares().map(Shares::files);
        match purge(outbox.store(), (outbox.vault(), shares), &lifetimes, store::now(), false).await {
            Ok(report) => {
                condition.purged(report.is_proven());
                gate.counts().untold.add(report.untold());
                tell(&report);
            }
            Err(error) => {
                condition.purged(false);
                tracing::error!(%error, "what is over could not be erased; it is tried again in a minute");
                hours.reset_after(AGAIN);
            }
        }
    }
}

/// Tells people what they are to be told later, as soon as it is due.
pub(super) async fn tell_later(gate: Gate) {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        gate.tell_later(store::now()).await;
    }
}

/// Sends the reports about TLS of days that are over, now and every hour.
pub(super) async fn report_every_hour(outbox: Outbox, gate: Gate) {
    let mut hours = tokio::time::interval(REPORT);
    loop {
        hours.tick().await;
        let house = gate.house();
        if let (Some(settings), Road::Direct(_, postures)) = (&house.report, &house.road) {
            tlsrpt::send(settings, &outbox, postures).await;
        }
    }
}

fn tell(report: &Report) {
    for sort in &report.sorts {
        if sort.due != sort.gone || sort.left > 0 {
            tracing::error!(what = ?sort.what, due = sort.due, gone = sort.gone, left = sort.left, "a purge did not erase what was due");
        } else if sort.gone > 0 && sort.what == What::Aged(Aged::Notes) {
            tracing::error!(
                gone = sort.gone,
                "notes are erased that nobody could be told for a month; the log says why"
            );
        } else if sort.gone > 0 {
            tracing::info!(what = ?sort.what, gone = sort.gone, "erased what was over");
        }
    }
    if report.changed > 0 {
        tracing::error!(lines = report.changed, "lines of the journal had been changed before they were erased");
    }
}
