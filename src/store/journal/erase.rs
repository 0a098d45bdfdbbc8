//! The end of a line's life: its content goes, its hashes stay, and the chain still fits.
//!
//! A line that is not what its hash says is erased all the same, since its day has come, and counted: what was wrong with
//! it can't be seen any more afterwards. Runs of erased lines become one row, in which nothing is left but the chain.

use rusqlite::{Connection, OptionalExtension, params};

use super::chain::{Chain, Head};
use super::verify::{COLUMNS, Line};
use super::{Sort, Store, StoreError, counted};
use crate::seal::Index;

/// What an erasure did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// What was due.
    pub due: usize,
    /// What was erased.
    pub gone: usize,
    /// What is still due afterwards: 0, or something is wrong.
    pub left: usize,
    /// Lines that were not what their hash says.
    pub changed: usize,
}

/// Lines that are erased in one transaction, behind which mail waits.
const AT_ONCE: i64 = 500;

impl Store {
    /// How many lines of a sort are from before a moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn journal_due(&self, sort: Sort, before: i64) -> Result<usize, StoreError> {
        self.read(move |tables| counted(tables, DUE, params![sort.word(), before])).await
    }

    /// How many lines with a trace are from before a moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn journal_traces_due(&self, before: i64) -> Result<usize, StoreError> {
        self.read(move |tables| counted(tables, TRACES_DUE, [before])).await
    }

    /// Erases the lines of a sort that are from before a moment.
    ///
    /// # Errors
    /// [`StoreError`]; some may be erased by then.
    pub async fn erase_journal(&self, sort: Sort, before: i64, now: i64) -> Result<Erased, StoreError> {
        let mut erased = Erased { due: self.journal_due(sort, before).await?, ..Erased::default() };
        let statement = "sort = ?1 AND at <= ?2 ORDER BY number LIMIT ?3";
        loop {
            let chain = self.chain();
            let (gone, changed) = self
                .write(move |tables| {
                    let lines = lines(tables, statement, params![sort.word(), before, AT_ONCE])?;
                    erase_all(tables, &chain, lines, now, "purge")
                })
                .await?;
            erased.gone += gone;
            erased.changed += changed;
            if gone == 0 {
                erased.left = self.journal_due(sort, before).await?;
                return Ok(erased);
            }
        }
    }

    /// Erases the traces of lines that are from before a moment.
    ///
    /// # Errors
    /// [`StoreError`]; some may be erased by then.
    pub async fn erase_journal_traces(&self, before: i64) -> Result<Erased, StoreError> {
        let mut erased = Erased { due: self.journal_traces_due(before).await?, ..Erased::default() };
        loop {
            let chain = self.chain();
            let (gone, changed) = self.write(move |tables| erase_traces(tables, &chain, before)).await?;
            erased.gone += gone;
            erased.changed += changed;
            if gone == 0 {
                erased.left = self.journal_traces_due(before).await?;
                return Ok(erased);
            }
        }
    }

    /// Erases every line about an address, whatever its sort.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was erased then.
    pub async fn erase_person(&self, person: Index, now: i64) -> Result<Erased, StoreError> {
        let chain = self.chain();
        self.write(move |tables| of_person(tables, &chain, (&person, None), now)).await
    }

    /// Makes one row of every run of erased lines. Gives how many rows are gone, and how many lines did not fit their
    /// chain: these are left as they are, for `verify` to find.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fold_journal(&self) -> Result<(usize, usize), StoreError> {
        let chain = self.chain();
        self.write(move |tables| fold(tables, &chain)).await
    }
}

const DUE: &str = "SELECT count(*) FROM journal WHERE sort = ?1 AND at <= ?2";
const TRACES_DUE: &str = "SELECT count(*) FROM journal WHERE trace IS NOT NULL AND at <= ?1";

/// How many lines there are about a person, in one school or in all.
fn count_of_person(tables: &Connection, person: &Index, school: Option<&str>) -> rusqlite::Result<usize> {
    const OF: &str =
        "SELECT count(DISTINCT number) FROM journal_person WHERE address = ?1 AND coalesce(?2, school) = school";
    counted(tables, OF, params![person, school])
}

/// Erases all lines about a person, in one school or in all.
pub(in crate::store) fn of_person(
    tables: &Connection,
    chain: &Chain,
    (person, school): (&Index, Option<&str>),
    now: i64,
) -> rusqlite::Result<Erased> {
    const WHICH: &str =
        "number IN (SELECT number FROM journal_person WHERE address = ?1 AND coalesce(?2, school) = school)";
    let due = count_of_person(tables, person, school)?;
    let (gone, changed) = erase_all(tables, chain, lines(tables, WHICH, params![person, school])?, now, "person")?;
    Ok(Erased { due, gone, left: count_of_person(tables, person, school)?, changed })
}

fn lines(tables: &Connection, which: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Line>> {
    let mut list = tables.prepare_cached(&format!("SELECT {COLUMNS} FROM journal WHERE {which}"))?;
    list.query_map(values, Line::from_row)?.collect()
}

fn erase_all(
    tables: &Connection,
    chain: &Chain,
    lines: Vec<Line>,
    now: i64,
    by: &str,
) -> rusqlite::Result<(usize, usize)> {
    let (mut gone, mut changed) = (0, 0);
    for line in lines {
        changed += usize::from(!line.is_whole(tables, chain)?);
        let hashes = [line.core_hash.as_deref(), line.trace_hash.as_deref()].map(Option::unwrap_or_default).concat();
        gone += tables
            .prepare_cached(
                "UPDATE journal SET at = NULL, sort = NULL, mail = NULL, message_id = NULL, core = NULL, people = NULL, people_hash = NULL,
                 core_salt = NULL, trace = NULL, trace_salt = NULL, trace_seal = NULL, erased_at = ?2, erased_by = ?3,
                 erased_seal = ?4 WHERE number = ?1",
            )?
            .execute(params![line.number, now, by, chain.erased(line.number, &hashes, now, by)])?;
        tables.prepare_cached("DELETE FROM journal_person WHERE number = ?1")?.execute([line.number])?;
    }
    Ok((gone, changed))
}

fn erase_traces(tables: &Connection, chain: &Chain, before: i64) -> rusqlite::Result<(usize, usize)> {
    let (mut gone, mut changed) = (0, 0);
    for line in lines(tables, "trace IS NOT NULL AND at <= ?1 ORDER BY at LIMIT ?2", params![before, AT_ONCE])? {
        changed += usize::from(!line.is_whole(tables, chain)?);
        let seal = chain.trace_erased(line.number, line.trace_hash.as_deref().unwrap_or_default());
        gone += tables
            .prepare_cached("UPDATE journal SET trace = NULL, trace_salt = NULL, trace_seal = ?2 WHERE number = ?1")?
            .execute(params![line.number, seal])?;
    }
    Ok((gone, changed))
}

fn fold(tables: &Connection, chain: &Chain) -> rusqlite::Result<(usize, usize)> {
    let (mut gone, mut wrong) = (0, 0);
    let mut run: Vec<Line> = Vec::new();
    for line in lines(tables, "core IS NULL ORDER BY number", [])? {
        if run.last().is_some_and(|last| line.first() != last.number + 1) {
            end_run(tables, chain, &std::mem::take(&mut run), (&mut gone, &mut wrong))?;
        }
        run.push(line);
    }
    end_run(tables, chain, &run, (&mut gone, &mut wrong))?;
    Ok((gone, wrong))
}

/// Only what fits becomes one row: else a line that somebody emptied would look like one of ours.
fn end_run(
    tables: &Connection,
    chain: &Chain,
    run: &[Line],
    (gone, wrong): (&mut usize, &mut usize),
) -> rusqlite::Result<()> {
    let [first, .., _] = run else { return Ok(()) };
    let first = first.first();
    let Some(before) = head_before(tables, first)? else {
        *wrong += run.len();
        return Ok(());
    };
    let mut head = before;
    for line in run {
        match line.follow(tables, chain, &head)? {
            Ok(next) => head = next,
            Err(_) => {
                *wrong += 1;
                return Ok(());
            }
        }
    }
    *gone += tables
        .prepare_cached("DELETE FROM journal WHERE number >= ?1 AND number < ?2")?
        .execute([first, head.number])?;
    let erased_at = run.iter().filter_map(|line| line.erased_at).max();
    tables
        .prepare_cached(
            "UPDATE journal SET first = ?2, school = '', core_hash = NULL, trace_hash = NULL, erased_by = NULL,
             erased_at = ?3, erased_seal = ?4 WHERE number = ?1",
        )?
        .execute(params![head.number, first, erased_at, chain.run(first, &before.chain, &head)])?;
    Ok(())
}

fn head_before(tables: &Connection, first: i64) -> rusqlite::Result<Option<Head>> {
    if first == 1 {
        return Ok(Some(Head::default()));
    }
    tables
        .prepare_cached("SELECT chain FROM journal WHERE number = ?1")?
        .query_row([first - 1], |row| Ok(Head { number: first - 1, chain: row.get(0)? }))
        .optional()
}
