//! The columns that go, and those that hold what formulas made of them.

use std::collections::{BTreeSet, HashSet};

use super::refs::Reach;

/// The columns that go, and those that hold what came of them.
#[derive(Default)]
pub(super) struct Tainted {
    /// Sheet, by its name in lower case, and column.
    columns: BTreeSet<(String, u32)>,
    /// The columns that go.
    gone: BTreeSet<(String, u32)>,
    /// Formulas look from a column to others.
    looks: HashSet<(String, u32, Reach)>,
}

/// More steps from one formula to the next than any sheet takes.
const STEPS: usize = 64;

impl Tainted {
    /// A column goes.
    pub(super) fn goes(&mut self, sheet: &str, column: u32) {
        self.gone.insert((sheet.to_lowercase(), column));
        self.columns.insert((sheet.to_lowercase(), column));
    }

    /// Whether a column goes.
    pub(super) fn is_gone(&self, sheet: &str, column: u32) -> bool {
        self.gone.contains(&(sheet.to_lowercase(), column))
    }

    /// A formula in a column looks at others.
    pub(super) fn looks(&mut self, sheet: &str, column: u32, reach: Vec<Reach>) {
        let sheet = sheet.to_lowercase();
        self.looks.extend(reach.into_iter().map(|reach| (sheet.clone(), column, reach)));
    }

    /// Follows the formulas from column to column.
    pub(super) fn spread(&mut self) {
        for step in 0..=STEPS {
            let taken = |(sheet, _, reach): &&(String, u32, Reach)| step == STEPS || self.touches(sheet, reach);
            let more: Vec<(String, u32)> =
                self.looks.iter().filter(taken).map(|(sheet, column, _)| (sheet.clone(), *column)).collect();
            let before = self.columns.len();
            self.columns.extend(more);
            if self.columns.len() == before {
                return;
            }
        }
    }

    /// Whether something leads from a sheet to a column that goes, or to what came of it.
    pub(super) fn touches(&self, own: &str, reach: &Reach) -> bool {
        match reach {
            Reach::Anywhere => true,
            Reach::Columns(sheet, from, to) => {
                let sheet = sheet.clone().unwrap_or_else(|| own.to_lowercase());
                self.columns.range((sheet.clone(), *from)..=(sheet, *to)).next().is_some()
            }
        }
    }

    /// Whether something lies wholly in columns of this sheet that go.
    pub(super) fn covers(&self, own: &str, list: &[Reach]) -> bool {
        let gone = |reach: &Reach| match reach {
            Reach::Columns(None, from, to) => {
                let width = usize::try_from(to - from).unwrap_or(usize::MAX);
                self.gone.range((own.to_lowercase(), *from)..=(own.to_lowercase(), *to)).count() == width + 1
            }
            _ => false,
        };
        !list.is_empty() && list.iter().all(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::refs::{of_formula, of_list};

    #[test]
    fn what_came_of_a_column() {
        let mut tainted = Tainted::default();
        tainted.goes("Blad1", 2);
        for (sheet, column, formula) in
            [("Blad1", 3, "C2"), ("Blad2", 0, "Blad1!D2*2"), ("Blad2", 5, "B1"), ("Blad2", 6, "Naam")]
        {
            tainted.looks(sheet, column, of_formula(formula));
        }
        tainted.spread();
        for (formula, touched) in [("Blad1!D1", true), ("A9", true), ("F1", false), ("G1", true), ("Blad1!B1", false)] {
            assert_eq!(of_formula(formula).iter().any(|reach| tainted.touches("blad2", reach)), touched, "{formula}");
        }
        assert!(tainted.covers("blad1", &of_list("C1 C2:C3")));
        assert!(!tainted.covers("blad1", &of_list("B1:C3")));
    }
}
