//! Pupils named in a text, with how sure that is.
//!
//! A name says more the rarer it is and the smaller the school: one of 50,000 pupils is called as somebody in the
//! newspaper. So with a large roster even a full name wants a word that makes it a school's: a class, a child, a
//! salutation.

use crate::detect::names::{Form, NameHit, NameIndex, Note};
use crate::detect::scene::{Message, Scene, about};
use crate::detect::score::Score;

/// The weights, in log-odds.
mod weight {
    pub const PRIOR: f32 = -2.0;
    pub const FULL: f32 = 6.0;
    pub const TYPO: f32 = 4.5;
    pub const CELLS: f32 = 5.0;
    pub const LOGIN: f32 = 5.0;
    pub const INITIALS: f32 = 3.5;
    pub const LETTER: f32 = 2.5;
    pub const FIRST: f32 = 0.0;
    pub const SPECIAL: f32 = 3.5;
    pub const SCHOOL: f32 = 1.0;
    pub const SCHOOL_MAIL: f32 = 1.5;
    pub const SAME_INITIALS: f32 = 1.5;
    pub const OTHER_INITIALS: f32 = -3.0;
    pub const OTHER_NAME: f32 = -3.5;
    pub const OTHER_WORD: f32 = -2.6;
    pub const SIGNED: f32 = -3.0;
    pub const ELSEWHERE: f32 = -1.6;
    pub const WORD_FIRST: f32 = -1.0;
    pub const STAFF: f32 = -4.0;
    pub const STAFF_FULL: f32 = -2.0;
    pub const STAFF_NAME: f32 = -3.5;
    pub const STRANGER: f32 = -3.5;
    /// For each factor e of pupils above [`super::SMALL_SCHOOL`].
    pub const SIZE: f32 = -0.5;
    pub const SIZE_FULL: f32 = -0.9;
    /// For each factor e by which chance alone would make the name more often than [`super::RARE`].
    pub const COMMON: f32 = -0.5;
    pub const SHARED: f32 = -0.2;
}

/// From this size on, names are often shared with people outside.
const SMALL_SCHOOL: f32 = 2_000.0;
/// A name that chance would give to so many pupils is nobody else's.
const RARE: f32 = 0.02;

/// Strikes the names that are hardly a pupil's from what sentences, rows and texts are about: an illness is not a
/// pupil's because a minister of the same name signed below it.
pub fn settle(scene: &mut Scene<'_>, index: &NameIndex, message: Message) {
    let is_somebody = |hit: &NameHit| score(scene, index, message, hit, true).sum() >= 0.0;
    let somebody: Vec<bool> = scene.names.iter().map(is_somebody).collect();
    if somebody.contains(&false) {
        scene.keep_people(&somebody);
    }
}

/// The score of one name. `special` tells whether something special is said in its sentence or row.
pub fn score(scene: &Scene<'_>, index: &NameIndex, message: Message, hit: &NameHit, special: bool) -> Score {
    let mut score = Score::new("any name", weight::PRIOR);
    let (name, form) = match hit.form {
        Form::Full => ("first name and surname of a pupil", weight::FULL),
        Form::Typo => ("first name and surname of a pupil, with a typing error", weight::TYPO),
        Form::Cells => ("first name and surname of a pupil in one row", weight::CELLS),
        Form::Login => ("a mail address made of a pupil's name", weight::LOGIN),
        Form::Initials => ("initials and surname of a pupil", weight::INITIALS),
        Form::FirstAndLetter => ("first name and first letter of a pupil", weight::LETTER),
        Form::First => ("a pupil's first name", weight::FIRST),
    };
    score.add(name, form);
    let size = (index.len() as f32 / SMALL_SCHOOL).max(1.0).ln();
    if !matches!(hit.form, Form::Cells | Form::Login) {
        rarity(&mut score, scene, message, hit, size);
    }
    note(&mut score, hit);
    let sure = matches!(hit.form, Form::Full | Form::Cells | Form::Login);
    let staff = scene.after_staff(hit.first);
    score.when(staff, "named as staff", if sure { weight::STAFF_FULL } else { weight::STAFF });
    if hit.staff {
        let pupil = hit.form == Form::Full && scene.about(hit.first) & about::SCHOOL != 0;
        score.when(!pupil, "the name of a member of staff", weight::STAFF_NAME);
    }
    if hit.form == Form::First {
        score.when(special, "something special is said of this person", weight::SPECIAL);
    }
    score
}

fn rarity(score: &mut Score, scene: &Scene<'_>, message: Message, hit: &NameHit, size: f32) {
    let full = matches!(hit.form, Form::Full | Form::Typo);
    let school = message.about & (about::SCHOOL | about::CHILD | about::SALUTATION) != 0;
    score.add("the roster is large", size * if full { weight::SIZE_FULL } else { weight::SIZE });
    if full && size > 0.0 {
        let common = (hit.chance / hit.shared.max(1) as f32 / RARE).max(1.0).ln();
        score.add("a common name", weight::COMMON * common);
        score.when(school, "the mail speaks to somebody, or of school", weight::SCHOOL_MAIL);
    }
    if hit.form == Form::Initials {
        score.when(scene.signs(hit), "alone on a line, as who signs", weight::SIGNED);
        let school = school || message.about & about::NAMED != 0;
        score.when(!school && !scene.in_row(hit.first), "nothing in the mail speaks of school", weight::ELSEWHERE);
    }
    if hit.form != Form::Full {
        score.add("pupils share this form", weight::SHARED * (hit.shared.max(1) as f32).ln());
    }
    if hit.form != Form::Full || size > 0.0 {
        score.when(scene.about(hit.first) & about::SCHOOL != 0, "a word of school near", weight::SCHOOL);
    }
}

fn note(score: &mut Score, hit: &NameHit) {
    match hit.note {
        Some(Note::SameInitials) => score.add("all the initials are the pupil's", weight::SAME_INITIALS),
        Some(Note::OtherInitials) => score.add("initials that the pupil has not", weight::OTHER_INITIALS),
        Some(Note::OtherName) => score.add("as written it is another pupil's name", weight::OTHER_NAME),
        Some(Note::OtherWord) => score.add("as written it is an everyday word", weight::OTHER_WORD),
        Some(Note::Stranger) => score.add("a surname of nobody on the roster follows", weight::STRANGER),
        Some(Note::EverydayWord) => score.add("also a word, where a sentence begins", weight::WORD_FIRST),
        None => {}
    }
}
