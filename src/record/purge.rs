//! The end of what is kept: each sort of thing has a lifetime, and what is over is counted, erased and counted again.
//!
//! What was due and is still there afterwards is an error that does not go by itself: the log says it, and the gate's
//! health is red. What was erased stands in the journal, in numbers. Lifetimes: AVG art. 5 (1) e.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::kill::Point;
use crate::school::Language;
use crate::store::aged::Aged;
use crate::store::journal::erase::Erased;
use crate::store::journal::{NewLine, Sort};
use crate::store::{Store, StoreError};
use crate::vault::share::Files;
use crate::vault::{Vault, VaultError};

/// How long lines of the journal live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Mail that passed.
    pub passed: Duration,
    /// Mail that did not, and what was done with it.
    pub incidents: Duration,
    /// Mail that was stopped and sent on nevertheless; the gate's own lines, too.
    pub overrides: Duration,
    /// Which rules found something, and which parts were read as what.
    pub traces: Duration,
}

impl Lifetimes {
    /// How long a line of this sort lives.
    pub fn of(&self, sort: Sort) -> Duration {
        match sort {
            Sort::Passed => self.passed,
            Sort::Incident => self.incidents,
            Sort::Override | Sort::Gate => self.overrides,
        }
    }
}

/// What a purge did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether it only counted.
    pub dry_run: bool,
    /// A row for each sort of thing.
    pub sorts: Vec<Purged>,
    /// Lines of the journal that were not what their hash says when their day came.
    pub changed: usize,
}

/// One sort of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// What.
    pub what: What,
    /// How many were due.
    pub due: usize,
    /// How many are gone.
    pub gone: usize,
    /// How many are due still.
    pub left: usize,
}

/// The sorts of things that have an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The content of held mail.
    HeldMail,
    /// Files of the vault that nothing needs any more.
    VaultFiles,
    /// Codes and sessions of the desk.
    DeskRows,
    /// The content of secure shares.
    Shares,
    /// Files of shares that nobody can open any more.
    ShareFiles,
    /// Lines about mail that passed.
    PassedLines,
    /// Lines about mail that did not.
    IncidentLines,
    /// Lines about overrides.
    OverrideLines,
    /// Lines of the gate itself.
    GateLines,
    /// Traces of lines.
    Traces,
    /// Rows that end by their age alone.
    #[serde(untagged)]
    Aged(Aged),
}

impl What {
    fn words(self, language: Language) -> &'static str {
        match self {
            Self::Shares => language.of("veilige berichten", "secure shares"),
            Self::ShareFiles => language.of("bestanden van veilige berichten", "files of secure shares"),
            Self::HeldMail => language.of("tegengehouden mail", "held mail"),
            Self::VaultFiles => language.of("bestanden in de kluis", "files of the vault"),
            Self::DeskRows => language.of("codes en sessies", "codes and sessions"),
            Self::PassedLines => language.of("journaal: doorgelaten mail", "journal: mail that passed"),
            Self::IncidentLines => language.of("journaal: incidenten", "journal: incidents"),
            Self::OverrideLines => language.of("journaal: toch verstuurd", "journal: overrides"),
            Self::GateLines => language.of("journaal: de poort zelf", "journal: the gate itself"),
            Self::Traces => language.of("journaal: sporen van regels", "journal: traces of rules"),
            Self::Aged(aged) => aged_words(aged, language),
        }
    }
}

fn aged_words(aged: Aged, language: Language) -> &'static str {
    match aged {
        Aged::HeldRows => language.of("regels over tegengehouden mail", "rows about held mail"),
        Aged::WeekLinks => language.of("links van weekoverzichten", "links of weekly lists"),
        Aged::TakenMarks => language.of("kenmerken van aangenomen mail", "marks of mail that was taken"),
        Aged::Notes => language.of("berichten die niet verteld konden worden", "notes that could not be told"),
        Aged::TlsDeliveries => language.of("uitkomsten van versleuteling", "outcomes of encryption"),
        Aged::TlsFindings => language.of("metingen voor TLS-rapporten", "findings for TLS reports"),
        Aged::TlsPolicies => language.of("TLS-beleid van domeinen", "TLS policies of domains"),
        Aged::Passkeys => language.of("passkeys", "passkeys"),
        Aged::Contacts => language.of("nummers die niemand nakeek", "numbers that nobody checked"),
        Aged::ShareCodes => language.of("codes van veilige berichten", "codes of secure shares"),
        Aged::ShareSessions => language.of("sessies van het portaal", "sessions of the portal"),
        Aged::ShareTries => language.of("foute codes en sms'jes", "wrong codes and text messages"),
        Aged::ShareRows => language.of("regels over veilige berichten", "rows about secure shares"),
    }
}

impl Report {
    /// Whether all that was due is gone.
    pub fn is_proven(&self) -> bool {
        self.dry_run || self.sorts.iter().all(|sort| sort.due == sort.gone && sort.left == 0)
    }

    /// How many notes were erased although nobody had been told of them.
    pub fn untold(&self) -> usize {
        let notes = self.sorts.iter().filter(|sort| sort.what == What::Aged(Aged::Notes));
        notes.map(|sort| sort.gone).sum()
    }

    /// The report for people.
    pub fn in_language(&self, language: Language) -> impl fmt::Display {
        let mut table =
            format!("{:<32}{:>9}{:>9}\n", "", language.of("over tijd", "due"), language.of("gewist", "gone"));
        for sort in &self.sorts {
            let gone = if self.dry_run { "-".to_owned() } else { sort.gone.to_string() };
            table += &format!("{:<32}{:>9}{gone:>9}\n", sort.what.words(language), sort.due);
        }
        if !self.is_proven() {
            table += language.of("FOUT: niet alles is gewist.\n", "WRONG: not everything is gone.\n");
        }
        if self.changed > 0 {
            table += &format!(
                "{} {}\n",
                self.changed,
                language.of(
                    "regels van het journaal waren veranderd voordat ze gewist zijn",
                    "lines of the journal had been changed before they were erased"
                )
            );
        }
        table
    }

    fn add(&mut self, what: What, erased: Erased) {
        self.changed += erased.changed;
        self.sorts.push(Purged { what, due: erased.due, gone: erased.gone, left: erased.left });
    }
}

/// Why a purge could not be done to its end.
#[derive(Debug)]
pub enum PurgeError {
    /// The tables.
    Store(StoreError),
    /// The files.
    Vault(VaultError),
}

impl fmt::Display for PurgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PurgeError {}

impl From<StoreError> for PurgeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<VaultError> for PurgeError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

/// Ends what is over at a moment, or counts it only.
///
/// # Errors
/// [`PurgeError`]; what was erased by then stays erased.
pub async fn purge(
    store: &Store,
    (vault, shares): (&Vault, Option<&Files>),
    lifetimes: &Lifetimes,
    now: i64,
    dry_run: bool,
) -> Result<Report, PurgeError> {
    let mut report = Report { dry_run, sorts: Vec::new(), changed: 0 };
    if dry_run {
        count(store, lifetimes, now, &mut report).await?;
        if shares.is_some() {
            let due = store.shares_due(now).await?;
            report.sorts.push(Purged { what: What::Shares, due, gone: 0, left: due });
        }
        return Ok(report);
    }
    let mut aged = Vec::with_capacity(Aged::ALL.len());
    for sort in Aged::ALL {
        aged.push((sort, store.aged_due(sort, now).await?));
    }
    let held = store.purge(now).await?;
    let left = store.held_due(now).await?;
    report.sorts.push(Purged { what: What::HeldMail, due: held.due, gone: held.gone, left });
    report.sorts.push(files(store, vault).await?);
    let due = store.desk_due(now).await?;
    let gone = store.purge_desk(now).await?;
    report.sorts.push(Purged { what: What::DeskRows, due, gone, left: store.desk_due(now).await? });
    if let Some(files) = shares {
        report.sorts.extend(end_shares(store, files, now).await?);
    }
    for (sort, before) in aged {
        // What ended with its share was due before that; what is due because of it is due now.
        let (now_due, gone) = store.purge_aged(sort, now).await?;
        let (due, left) = (before.max(now_due), store.aged_due(sort, now).await?);
        let gone = gone.saturating_add(due.saturating_sub(now_due));
        report.sorts.push(Purged { what: What::Aged(sort), due, gone, left });
    }
    report.add(What::Traces, store.erase_journal_traces(before(now, lifetimes.traces)).await?);
    for (what, sort) in SORTS {
        report.add(what, store.erase_journal(sort, before(now, lifetimes.of(sort)), now).await?);
    }
    let (_, wrong) = store.fold_journal().await?;
    report.changed += wrong;
    tell(store, &report, now).await?;
    // What was erased leaves the log of the tables, too.
    store.checkpoint().await?;
    Ok(report)
}

const SORTS: [(What, Sort); 4] = [
    (What::PassedLines, Sort::Passed),
    (What::IncidentLines, Sort::Incident),
    (What::OverrideLines, Sort::Override),
    (What::GateLines, Sort::Gate),
];

async fn count(store: &Store, lifetimes: &Lifetimes, now: i64, report: &mut Report) -> Result<(), StoreError> {
    let only = |what, due| Purged { what, due, gone: 0, left: due };
    report.sorts.push(only(What::HeldMail, store.held_due(now).await?));
    report.sorts.push(only(What::VaultFiles, store.unused_files().await?));
    report.sorts.push(only(What::DeskRows, store.desk_due(now).await?));
    for sort in Aged::ALL {
        report.sorts.push(only(What::Aged(sort), store.aged_due(sort, now).await?));
    }
    report.sorts.push(only(What::Traces, store.journal_traces_due(before(now, lifetimes.traces)).await?));
    for (what, sort) in SORTS {
        report.sorts.push(only(what, store.journal_due(sort, before(now, lifetimes.of(sort))).await?));
    }
    Ok(())
}

/// The keys of what is over go first, then the files, which are noise by then.
async fn end_shares(store: &Store, files: &Files, now: i64) -> Result<[Purged; 2], PurgeError> {
    let purged = store.purge_shares(now).await?;
    for name in &purged.files {
        files.delete(name).await?;
    }
    let (due, mut left) = (purged.files.len(), 0);
    for name in &purged.files {
        left += usize::from(files.has(name).await?);
    }
    let shares = Purged { what: What::Shares, due: purged.due, gone: purged.gone, left: store.shares_due(now).await? };
    Ok([shares, Purged { what: What::ShareFiles, due, gone: due - left, left }])
}

/// The rows first, then the files: a file without a row is swept at the next start, a row without a file would be a loss.
async fn files(store: &Store, vault: &Vault) -> Result<Purged, PurgeError> {
    let ids = store.drop_unused_items().await?;
    if !ids.is_empty() {
        Point::Purged.reached();
    }
    for id in &ids {
        vault.delete(id).await?;
    }
    let there = if ids.is_empty() { Vec::new() } else { vault.files().await? };
    let left = ids.iter().filter(|id| there.contains(id)).count();
    Ok(Purged { what: What::VaultFiles, due: ids.len(), gone: ids.len() - left, left })
}

/// What was erased is told in numbers, when there was something.
async fn tell(store: &Store, report: &Report, now: i64) -> Result<(), StoreError> {
    let gone: Vec<&Purged> = report.sorts.iter().filter(|sort| sort.due > 0 || sort.left > 0).collect();
    if gone.is_empty() && report.changed == 0 {
        return Ok(());
    }
    let core = json!({ "event": "purge", "sorts": gone, "changed": report.changed });
    store.journal(NewLine::of_gate(now, core.to_string())).await
}

fn before(now: i64, lifetime: Duration) -> i64 {
    now.saturating_sub(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;
    use std::sync::Arc;

    use rusqlite::Connection;

    use super::*;
    use crate::seal::SealKey;
    use crate::store::held::{Facts, NewHeld, Taken};
    use crate::store::journal::People;

    const DAY: i64 = 24 * 3600 * 1000;

    fn lifetimes() -> Lifetimes {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        Lifetimes { passed: days(30), incidents: days(180), overrides: days(365), traces: days(14) }
    }

    fn kept(folder: &Path) -> (Store, Vault) {
        let keys = Arc::new(SealKey::load_or_make(&folder.join("seal.key")).unwrap());
        (Store::open(folder, Arc::clone(&keys)).unwrap(), Vault::open(folder, keys).unwrap())
    }

    /// Lines of 10, 20, 40, 200 and 400 days ago of each sort, and a held mail in a file that is over.
    async fn filled(folder: &Path, now: i64) -> (Store, Vault) {
        let (store, vault) = kept(folder);
        for days in [400, 200, 40, 20, 10] {
            for sort in Sort::ALL {
                let trace = (sort != Sort::Gate).then(|| r#"{"rules":{}}"#.to_owned());
                let people = People { sender: Some("juf@delinde.example".into()), ..People::default() };
                let core = r#"{"event":"mail"}"#.to_owned();
                let line =
                    NewLine { at: now - days * DAY, school: "linde".into(), sort, mail: None, core, trace, people };
                store.journal(line).await.unwrap();
            }
        }
        let item = vault.put(Arc::new(vec![b'a'; 300_000])).await.unwrap();
        let held = NewHeld {
            id: "A".into(),
            incident: [1; 16],
            part: [2; 16],
            sender: [3; 16],
            link: [4; 16],
            delete_at: now - 1,
            item: Some(item.id.clone()),
            size: 300_000,
            facts: Facts::default(),
            recipients: Vec::new(),
            joins: None,
        };
        let taken = Taken {
            school: "linde".into(),
            items: vec![item],
            held: Some(held),
            owed: Vec::new(),
            share: None,
            notes: Vec::new(),
            once: Default::default(),
            journal: None,
        };
        store.take(taken, now - 14 * DAY, 0).await.unwrap();
        (store, vault)
    }

    fn due(report: &Report) -> Vec<(What, usize, usize, usize)> {
        let due = report.sorts.iter().filter(|sort| sort.due > 0 || sort.left > 0);
        due.map(|sort| (sort.what, sort.due, sort.gone, sort.left)).collect()
    }

    /// How a row of each sort is made whose time began at `?1`, and a row that it belongs to.
    fn made(sort: Aged) -> &'static str {
        match sort {
            Aged::HeldRows => {
                "INSERT INTO held (id, school, incident, part, sender, link, taken_at, delete_at, size, facts)
                 VALUES (?2, 'linde', x'00', x'00', x'00', CAST(?2 AS BLOB), 0, ?1, 0, x'00')"
            }
            Aged::WeekLinks => {
                "INSERT INTO desk_week VALUES (CAST(?2 AS BLOB), 'linde', x'00', ?1 - 1209600000, ?1, x'00')"
            }
            Aged::TakenMarks => "INSERT INTO taken VALUES (CAST(?2 AS BLOB), 'linde', 'A', ?1)",
            Aged::Notes => {
                "INSERT INTO note (school, kind, reader, made_at, due_at, salt, facts)
                 VALUES ('linde', 'notice', x'00', 0, ?1, CAST(?2 AS BLOB), x'00')"
            }
            Aged::TlsDeliveries => {
                "INSERT INTO tls_delivery (school, mail, at, recipients, taken, posture, facts)
                 VALUES ('linde', ?2, ?1, 1, 1, 'dane', x'00')"
            }
            Aged::TlsFindings => {
                "INSERT INTO tls_finding (day, salt, facts) VALUES (?1 / 86400000, CAST(?2 AS BLOB), x'00')"
            }
            Aged::TlsPolicies => "INSERT INTO tls_policy VALUES (CAST(?2 AS BLOB), ?1, x'00')",
            Aged::Passkeys => {
                "INSERT INTO passkey (id, school, address, host, credential, made_at, state, facts)
                 VALUES (CAST(?2 AS BLOB), 'linde', x'00', 'a', CAST(?2 AS BLOB), ?1, x'00', x'00')"
            }
            Aged::Contacts => {
                "INSERT INTO contact (id, school, address, made_at, checked, facts)
                 VALUES (CAST(?2 AS BLOB), 'linde', CAST(?2 AS BLOB), ?1, 0, x'00')"
            }
            Aged::ShareCodes => {
                "INSERT INTO share_recipient (rid, share, school, place, address, link_check, public, factor, family,
                 made_at, code, facts) VALUES (CAST(?2 AS BLOB), 'S', 'linde', 0, x'00', x'00', '', 'code', 0, ?1,
                 x'01', x'00')"
            }
            Aged::ShareSessions => "INSERT INTO share_session VALUES (CAST(?2 AS BLOB), x'11', 'linde', ?1, x'00')",
            Aged::ShareTries => "INSERT INTO share_fail (school, address, at) VALUES ('linde', CAST(?2 AS BLOB), ?1)",
            Aged::ShareRows => {
                "INSERT INTO share (id, school, mail, incident, sender, made_at, open_by, ends_at, over_at, keys, key,
                 facts) VALUES (?2, 'linde', 'A', x'00', x'00', 0, 0, 0, ?1, 'strict', x'00', x'00')"
            }
        }
    }

    /// How long each lives, as it is promised.
    fn lives(sort: Aged) -> i64 {
        match sort {
            Aged::WeekLinks | Aged::TlsPolicies | Aged::ShareSessions => 0,
            Aged::TakenMarks => 2 * 60 * 60 * 1000,
            Aged::ShareTries => DAY,
            // And the day that it is about.
            Aged::TlsFindings => 5 * DAY,
            Aged::ShareCodes => 7 * DAY,
            Aged::Contacts => 14 * DAY,
            Aged::HeldRows | Aged::Notes | Aged::ShareRows => 30 * DAY,
            Aged::TlsDeliveries | Aged::Passkeys => 365 * DAY,
        }
    }

    #[tokio::test]
    async fn of_each_sort_of_rows_what_is_due_is_gone_and_nothing_else() {
        let now = 1000 * DAY;
        for sort in Aged::ALL {
            let folder = tempfile::tempdir().unwrap();
            let (store, vault) = kept(folder.path());
            let by_hand = Connection::open(folder.path().join("mailpoort.db")).unwrap();
            // What others belong to.
            by_hand.execute(made(Aged::ShareRows), rusqlite::params![now, "S"]).unwrap();
            by_hand
                .execute_batch(
                    "INSERT INTO share_recipient (rid, share, school, place, address, link_check, public, factor, family,
                     made_at, facts) VALUES (x'11', 'S', 'linde', 1, x'00', x'00', '', 'code', 0, 0, x'00')",
                )
                .unwrap();
            for (name, at) in [("old", now - lives(sort)), ("older", now - lives(sort) - DAY), ("young", now + DAY)] {
                let at = if name == "young" { at - lives(sort) } else { at };
                by_hand.execute(made(sort), rusqlite::params![at, name]).unwrap_or_else(|e| panic!("{sort:?}: {e}"));
            }
            let counted = purge(&store, (&vault, None), &lifetimes(), now, true).await.unwrap();
            assert_eq!(due(&counted), [(What::Aged(sort), 2, 0, 2)], "{sort:?}");
            let report = purge(&store, (&vault, None), &lifetimes(), now, false).await.unwrap();
            assert_eq!(due(&report), [(What::Aged(sort), 2, 2, 0)], "{sort:?}");
            assert_eq!(report.untold(), if sort == Aged::Notes { 2 } else { 0 }, "{sort:?}");
            let again = purge(&store, (&vault, None), &lifetimes(), now, false).await.unwrap();
            assert_eq!(due(&again), [], "{sort:?}");
            let later = purge(&store, (&vault, None), &lifetimes(), now + 2 * DAY, true).await.unwrap();
            assert!(due(&later).contains(&(What::Aged(sort), 1, 0, 1)), "{sort:?}: the young one is there still");
            let shown = report.in_language(Language::Nl).to_string();
            assert!(shown.contains(What::Aged(sort).words(Language::Nl)), "{shown}");
            let told = serde_json::to_value(&report).unwrap().to_string();
            assert!(told.contains(&serde_json::to_string(&sort).unwrap()), "{told}");
        }
    }

    #[tokio::test]
    async fn what_ends_with_a_share_is_counted_as_well() {
        let (folder, now) = (tempfile::tempdir().unwrap(), 1000 * DAY);
        let (store, vault) = kept(folder.path());
        let by_hand = Connection::open(folder.path().join("mailpoort.db")).unwrap();
        by_hand.execute(made(Aged::ShareRows), rusqlite::params![None::<i64>, "S"]).unwrap();
        by_hand.execute(made(Aged::ShareCodes), rusqlite::params![now - 8 * DAY, "r"]).unwrap();
        let files = Files::open(folder.path(), &crate::vault::share::Place::default()).unwrap();
        let report = purge(&store, (&vault, Some(&files)), &lifetimes(), now, false).await.unwrap();
        assert_eq!(due(&report), [(What::Shares, 1, 1, 0), (What::Aged(Aged::ShareCodes), 1, 1, 0)]);
        assert!(report.is_proven());
    }

    #[tokio::test]
    async fn what_is_due_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let now = 1000 * DAY;
        let (store, vault) = filled(folder.path(), now).await;
        let counted = purge(&store, (&vault, None), &lifetimes(), now, true).await.unwrap();
        let report = purge(&store, (&vault, None), &lifetimes(), now, false).await.unwrap();
        assert_eq!(
            due(&report),
            [
                (What::HeldMail, 1, 1, 0),
                (What::VaultFiles, 1, 1, 0),
                (What::Traces, 12, 12, 0),
                (What::PassedLines, 3, 3, 0),
                (What::IncidentLines, 2, 2, 0),
                (What::OverrideLines, 1, 1, 0),
                (What::GateLines, 1, 1, 0),
            ]
        );
        assert!(report.is_proven());
        // The file is due only when its row is gone; all else is counted alike.
        for (counted, sort) in counted.sorts.iter().zip(&report.sorts).filter(|(one, _)| one.what != What::VaultFiles) {
            assert_eq!((counted.due, counted.gone), (sort.due, 0), "{:?}", sort.what);
        }
        assert_eq!(vault.files().await.unwrap(), Vec::<String>::new());
        let verified = store.verify_journal(None).await.unwrap();
        // Thirteen of twenty are left, and the purge's own.
        assert_eq!((verified.lines, verified.erased, verified.wrong), (14, 7, None));
        let again = purge(&store, (&vault, None), &lifetimes(), now, false).await.unwrap();
        assert!(again.sorts.iter().all(|sort| sort.due == 0) && again.is_proven());
        assert_eq!(store.verify_journal(None).await.unwrap().lines, 14, "nothing gone is nothing told");
    }

    #[tokio::test]
    async fn what_stays_although_it_is_due_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let now = 1000 * DAY;
        let (store, vault) = filled(folder.path(), now).await;
        let by_hand = Connection::open(folder.path().join("mailpoort.db")).unwrap();
        by_hand
            .execute_batch(
                "CREATE TRIGGER keep BEFORE UPDATE ON journal WHEN OLD.sort = 'incident'
                 BEGIN SELECT RAISE(IGNORE); END",
            )
            .unwrap();
        let report = purge(&store, (&vault, None), &lifetimes(), now, false).await.unwrap();
        assert!(due(&report).contains(&(What::IncidentLines, 2, 0, 2)) && !report.is_proven());
        assert!(report.in_language(Language::Nl).to_string().contains("FOUT"));
        let condition = crate::record::Condition::default();
        condition.purged(report.is_proven());
        assert!(condition.trouble().is_some());
    }
}
