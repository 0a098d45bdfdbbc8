//! Names that are spread over the cells of a row, and names in mail addresses.

use super::search::{Search, taken_free};
use super::{Form, NameHit, Shared, Word, login_hash, pair};
use crate::detect::reading::gap;

impl Search<'_, '_> {
    /// First name and surname in other cells of the same row, with cells between.
    pub fn rows(&mut self, known: &[(usize, &Word)]) {
        if self.reading.rows == 0 {
            return;
        }
        // A line of cells in running text may list several people.
        let row = |index: usize| {
            let segment = self.reading.token(index).map(|token| self.reading.segment(token))?;
            segment.row.filter(|_| segment.cell.is_some())
        };
        let mut found = Vec::new();
        for group in known.chunk_by(|a, b| row(a.0).is_some() && row(a.0) == row(b.0)) {
            // A row of more names than this is running text in a cell.
            if group.len() < 2 || group.len() > 24 {
                continue;
            }
            for &(at, word) in group {
                found.extend(self.surname_cell(at, word, group));
            }
        }
        self.hits.sort_by_key(|hit| hit.first);
        let fresh: Vec<NameHit> = found.into_iter().filter(|hit| taken_free(&self.hits, hit)).collect();
        self.hits.extend(fresh);
    }

    fn surname_cell(&self, at: usize, word: &Word, group: &[(usize, &Word)]) -> Option<NameHit> {
        if self.in_address(at) || self.in_postcode(at) {
            return None;
        }
        word.surnames.iter().find_map(|&surname| {
            let end = self.sequence_end(at, self.index.surnames.get(surname as usize))?;
            let shared = group.iter().filter(|(other, _)| *other < at || *other > end).find_map(|&(other, word)| {
                let pairs = word.firsts.iter().filter_map(|&first| {
                    self.sequence_end(other, self.index.firsts.get(first as usize))?;
                    self.index.pairs.get(&pair(first, surname))
                });
                pairs.copied().next()
            })?;
            Some(self.hit(self.particles_before(at), end, Form::Cells, shared, 0.0))
        })
    }

    /// "6811 ES"
    fn in_postcode(&self, at: usize) -> bool {
        let (Some(token), Some(before)) =
            (self.reading.token(at), at.checked_sub(1).and_then(|at| self.reading.token(at)))
        else {
            return false;
        };
        token.upper && token.len() == 2 && before.digits && before.len() == 4 && token.gap & !gap::SPACE == 0
    }

    /// Whether a token is part of a mail address: `bakker62@`, `@bakker.example`.
    fn in_address(&self, at: usize) -> bool {
        let near = self.reading.tokens.get(at..).unwrap_or_default().iter().take(5);
        let ahead = near.skip(1).take_while(|token| token.gap & !(gap::DOT | gap::HYPHEN | gap::AT) == 0);
        ahead.into_iter().any(|token| token.gap & gap::AT != 0)
            || self.reading.token(at).is_some_and(|token| token.gap & gap::AT != 0)
    }

    /// Mail addresses and the like: `sanne.vandenberg@`, also with digits behind.
    pub fn logins(&mut self) {
        if self.index.logins.is_empty() {
            return;
        }
        for (at, token) in self.reading.tokens.iter().enumerate() {
            if token.gap != gap::AT || at == 0 {
                continue;
            }
            let mut first = at - 1;
            while first > 0 && at - first < 8 {
                let gap_before = self.reading.token(first).map_or(gap::OTHER, |token| token.gap);
                if gap_before & !(gap::DOT | gap::HYPHEN) != 0 {
                    break;
                }
                first -= 1;
            }
            let start = self.reading.token(first).map_or(0, |token| token.start as usize);
            let local = self.reading.folded.text.get(start..token.start as usize).unwrap_or_default();
            if let Some(&pupil) = self.index.logins.get(&login_hash(local)) {
                self.hits.push(self.hit(first, at - 1, Form::Login, Shared { pupil, count: 1 }, 0.0));
            }
        }
    }
}
