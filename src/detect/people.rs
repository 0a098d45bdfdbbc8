//! Pupils named in a text, with how sure that is.

use crate::detect::names::{Form, NameHit, NameIndex};
use crate::detect::scene::{Scene, about};
use crate::detect::score::Score;

/// The weights, in log-odds.
mod weight {
    pub const PRIOR: f32 = -2.0;
    pub const FULL: f32 = 6.0;
    pub const CELLS: f32 = 5.0;
    pub const LOGIN: f32 = 5.0;
    pub const INITIALS: f32 = 3.5;
    pub const LETTER: f32 = 2.5;
    pub const FIRST: f32 = 0.0;
    pub const SPECIAL: f32 = 2.5;
    pub const SCHOOL: f32 = 1.0;
    pub const STAFF: f32 = -4.0;
    pub const STAFF_FULL: f32 = -2.0;
    pub const STRANGER: f32 = -2.0;
}

/// From this size on, initials and surname are often shared with people outside.
const SMALL_SCHOOL: f32 = 2_000.0;

/// The score of one name. `special` tells whether something special is said in its sentence or row.
pub fn score(scene: &Scene<'_>, index: &NameIndex, hit: &NameHit, special: bool) -> Score {
    let mut score = Score::new("any name", weight::PRIOR);
    let (name, form) = match hit.form {
        Form::Full => ("first name and surname of a pupil", weight::FULL),
        Form::Cells => ("first name and surname of a pupil in one row", weight::CELLS),
        Form::Login => ("a mail address made of a pupil's name", weight::LOGIN),
        Form::Initials => ("initials and surname of a pupil", weight::INITIALS),
        Form::FirstAndLetter => ("first name and first letter of a pupil", weight::LETTER),
        Form::First => ("a pupil's first name", weight::FIRST),
    };
    score.add(name, form);
    let sure = matches!(hit.form, Form::Full | Form::Cells | Form::Login);
    if !sure {
        let size = (index.len() as f32 / SMALL_SCHOOL).max(1.0).ln();
        score.add("the roster is large", -0.5 * size);
        score.add("pupils share this form", -0.2 * (hit.shared.max(1) as f32).ln());
        score.when(scene.about(hit.first) & about::SCHOOL != 0, "a word of school near", weight::SCHOOL);
    }
    let staff = scene.after_staff(hit.first);
    score.when(staff, "named as staff", if sure { weight::STAFF_FULL } else { weight::STAFF });
    if hit.form == Form::First {
        score.when(special, "something special is said of this person", weight::SPECIAL);
        score.when(scene.before_stranger(hit), "a surname of nobody on the roster follows", weight::STRANGER);
    }
    score
}
