//! Files on lock that a password of the same mail opens: whoever sees the mail can open them.
//!
//! Extraction has tried them; here that becomes a finding at the place of the file. Cannot fail.

use std::collections::HashMap;

use crate::detect::rule::Check;
use crate::detect::rules::Rules;
use crate::detect::score::Score;
use crate::detect::{Finding, Zone};
use crate::extract::{Place, Spot, Texts};
use crate::secret::Secret;

/// It was opened: there is no doubt.
const OPENED: f32 = 8.0;

/// A finding for each file, with the text that it goes with: the file's name, or something in it.
pub(super) fn findings(texts: &Texts, rules: &Rules) -> Vec<(usize, Finding)> {
    let mut found = Vec::new();
    let Some((_, rule)) = rules.with_check(Check::Opened) else { return found };
    let mut names: Option<HashMap<Place, usize>> = None;
    for receipt in &texts.receipts {
        let Some(password) = receipt.opened else { continue };
        let names = names.get_or_insert_with(|| texts_of_files(texts));
        let Some(&text) = names.get(&receipt.place) else { continue };
        let mut score = Score::new("a password of this mail opened it", OPENED);
        score.add("the rule's own weight", rule.weight);
        let (confidence, why) = score.close();
        let finding = Finding {
            rule: rule.id.clone(),
            kind: rule.kind,
            strength: rule.strength,
            text,
            place: receipt.place.clone(),
            range: 0..0,
            cell: None,
            found: Secret::new(texts.passwords.get(password).unwrap_or_default().to_string()),
            confidence,
            why,
            pupil: None,
            mode: rule.mode,
            threshold: rule.threshold,
            zone: Zone::New,
        };
        found.push((text, finding));
    }
    found
}

/// For each file, the text that is its name, or else the first text that it holds.
fn texts_of_files(texts: &Texts) -> HashMap<Place, usize> {
    let mut of_files = HashMap::new();
    for (index, text) in texts.texts.iter().enumerate() {
        let file = |within: &[String], name: &str| Place {
            within: within.to_vec(),
            spot: Spot::Attachment(name.to_string()),
            ..Place::default()
        };
        let Place { within, spot, .. } = &text.place;
        match spot {
            Spot::FileName(name) | Spot::Attachment(name) => {
                of_files.entry(file(within, name)).or_insert(index);
            }
            _ => {}
        }
        if let Some((name, around)) = within.split_last() {
            of_files.entry(file(around, name)).or_insert(index);
        }
    }
    of_files
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::detect::{Kind, findings};
    use crate::extract::{Passwords, Receipt, Text};

    fn opened(texts: &[Place], file: &Place, rules: &Rules) -> Vec<Finding> {
        let text = |place: &Place| Text { place: place.clone(), text: "lijst.zip".into(), cells: Vec::new() };
        let receipt = Receipt {
            place: file.clone(),
            format: "zip".into(),
            octets: 9,
            read: true,
            unread: Vec::new(),
            opened: Some(0),
        };
        let texts = Texts {
            texts: texts.iter().map(text).collect(),
            receipts: vec![receipt],
            passwords: Passwords::from("Zeehond-2014"),
            ..Texts::default()
        };
        findings(&texts, rules, None)
    }

    #[test]
    fn a_file_that_was_opened_is_found_at_its_place() {
        let place = |within: &[&str], spot| Place {
            within: within.iter().map(|name| name.to_string()).collect(),
            spot,
            ..Place::default()
        };
        let file = place(&[], Spot::Attachment("lijst.zip".into()));
        let name = place(&[], Spot::FileName("lijst.zip".into()));
        let inside = place(&["lijst.zip"], Spot::Attachment("a.txt".into()));
        let rules = Rules::shipped().unwrap();
        for (texts, text) in [(vec![Place::default(), name, inside.clone()], 1), (vec![Place::default(), inside], 1)] {
            let found = opened(&texts, &file, &rules);
            let [finding] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!((finding.kind, finding.text, &finding.place), (Kind::LockedWithPassword, text, &file));
            assert!(finding.is_sure(0.9) && finding.found.expose() == "Zeehond-2014");
        }
        assert!(opened(&[Place::default()], &file, &Rules::default()).is_empty());
    }
}
