//! What is kept below `data_dir`: the store and the vault, for the gate and for the commands that look into them.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::gate::Gate;
use crate::problem::Problem;
use crate::record::purge::{Report, purge};
use crate::seal::SealKey;
use crate::store::{self, Store};
use crate::vault::Vault;

/// The store and the vault of an installation.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub store: Store,
    pub vault: Vault,
}

/// How often what is over is erased.
const PURGE: Duration = Duration::from_secs(3600);

impl Kept {
    /// Opens them; they are made when there are none.
    pub fn open(data_dir: &Path) -> Result<Self, Problem> {
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(|error| {
            let what = format!("the data folder cannot be made: {error}");
            Problem::new(data_dir, what, "give mailpoort a `data_dir` that it may write to")
        })?;
        let keys = Arc::new(SealKey::load_or_make(&data_dir.join("seal.key"))?);
        Ok(Self { store: Store::open(data_dir, Arc::clone(&keys))?, vault: Vault::open(data_dir, keys)? })
    }

    /// Those of a configuration, for a command that only looks: where there are none, none are made.
    pub fn of(config: &Config, file: &Path) -> Result<Self, Problem> {
        let Some(data_dir) = &config.data_dir else {
            let what = "there is no `data_dir`, so nothing is kept";
            return Err(Problem::new(file, what, "set `data_dir`, for example \"/var/lib/mailpoort\""));
        };
        if !data_dir.join("mailpoort.db").is_file() {
            let what = "there is no store in it yet";
            return Err(Problem::new(data_dir, what, "start the gate once, or look whether this is the right folder"));
        }
        Self::open(data_dir)
    }

    /// Erases what is over, now and every hour.
    pub async fn purge_every_hour(self, gate: Gate) {
        let condition = gate.record().condition();
        let mut hours = tokio::time::interval(PURGE);
        loop {
            hours.tick().await;
            let lifetimes = gate.house().lifetimes;
            match purge(&self.store, &self.vault, &lifetimes, store::now(), false).await {
                Ok(report) => {
                    condition.purged(report.is_proven());
                    tell(&report);
                }
                Err(error) => {
                    condition.purged(false);
                    tracing::error!(%error, "what is over could not be erased; it is tried again in an hour");
                }
            }
        }
    }
}

fn tell(report: &Report) {
    for sort in &report.sorts {
        if sort.due != sort.gone || sort.left > 0 {
            tracing::error!(what = ?sort.what, due = sort.due, gone = sort.gone, left = sort.left, "a purge did not erase what was due");
        } else if sort.gone > 0 {
            tracing::info!(what = ?sort.what, gone = sort.gone, "erased what was over");
        }
    }
    if report.changed > 0 {
        tracing::error!(lines = report.changed, "lines of the journal had been changed before they were erased");
    }
}
