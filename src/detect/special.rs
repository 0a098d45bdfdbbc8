//! Special categories: a term counts when it is said of a person, and hardly when it is said of nobody.
//!
//! The person is a pupil of the roster, a first name, the recipient's child, or somebody named just before; for heavy
//! terms also who stands in a list of people, or is named in full in a letter, on the roster or not. Newsletters,
//! protocols, vacancies and questions speak of nobody. The terms of a rule with context words ("the contribution") say
//! nothing without one of those ("has not been paid") in their sentence or row, or the one beside it.

use crate::detect::names::Form;
use crate::detect::rule::Check;
use crate::detect::rules::{Rule, Rules};
use crate::detect::scene::{Message, Scene, about};
use crate::detect::score::Score;
use crate::detect::words::{Cue, Role, WordHit};
use crate::detect::{Kind, Strength};

/// The weights, in log-odds.
mod weight {
    pub const PRIOR_HEAVY: f32 = -2.0;
    pub const PRIOR_LIGHT: f32 = -3.5;
    pub const PUPIL: f32 = 4.5;
    pub const FIRST: f32 = 3.0;
    pub const CHILD: f32 = 3.5;
    pub const STRANGER: f32 = 3.0;
    pub const LISTED: f32 = 3.0;
    pub const PRONOUN: f32 = 1.5;
    pub const PERSON_BEFORE: f32 = 2.0;
    pub const PERSON_IN_PARAGRAPH: f32 = 1.0;
    pub const PERSON_IN_TEXT: f32 = 2.3;
    pub const PERSON_IN_MESSAGE: f32 = 1.5;
    pub const FACT: f32 = 0.5;
    pub const COLUMN: f32 = 1.0;
    pub const GENERIC: f32 = -4.0;
    pub const GENERIC_NAMED: f32 = -2.5;
    pub const GENERIC_PARAGRAPH: f32 = -2.0;
    pub const ASKED: f32 = -3.0;
    pub const STAFF: f32 = -3.5;
    pub const STAFF_NAMED: f32 = -1.0;
    pub const ADDRESSED: f32 = -5.0;
    pub const PUBLIC: f32 = -2.5;
    pub const WORK: f32 = -4.0;
    pub const TOPIC: f32 = -5.0;
    pub const TOPIC_OF_MAIL: f32 = -3.5;
    pub const NOBODY: f32 = -1.0;
}

/// The terms of a text, the longest where they overlap, each with its score.
pub fn scored<'r>(scene: &Scene<'_>, rules: &'r Rules, message: Message) -> Vec<(WordHit, &'r Rule, Score)> {
    let mut found: Vec<(WordHit, &Rule, Score)> = Vec::new();
    for word in &scene.words {
        let Role::Term(index) = word.role else { continue };
        let Some(rule) = rules.rule(index).filter(|rule| rule.check == Check::Terms) else { continue };
        let needs = (!rule.context.is_empty()).then_some(Role::Context(index));
        if in_name(scene, word) || needs.is_some_and(|needs| !scene.beside(word, needs)) {
            continue;
        }
        if let Some((last, ..)) =
            found.last_mut().filter(|(last, other, _)| last.last >= word.first && other.kind == rule.kind)
        {
            last.last = last.last.max(word.last);
            continue;
        }
        found.push((*word, rule, score(scene, message, word, rule)));
    }
    found
}

/// Whether there is any term in a text.
pub fn any(scene: &Scene<'_>, rules: &Rules) -> bool {
    let term = |word: &WordHit| match word.role {
        Role::Term(index) => rules.rule(index).is_some_and(|rule| rule.check == Check::Terms),
        _ => false,
    };
    scene.words.iter().any(term)
}

/// Whether any of the terms in a text may be found: one that needs a word of context is nothing where no such word stands.
pub fn may_count(scene: &Scene<'_>, rules: &Rules) -> bool {
    let mut said = vec![false; rules.list().len()];
    for word in &scene.words {
        if let Role::Context(index) = word.role
            && let Some(said) = said.get_mut(usize::from(index))
        {
            *said = true;
        }
    }
    let counts = |word: &WordHit| match word.role {
        Role::Term(index) => rules.rule(index).is_some_and(|rule| {
            rule.check == Check::Terms
                && (rule.context.is_empty() || said.get(usize::from(index)).copied().unwrap_or_default())
        }),
        _ => false,
    };
    scene.words.iter().any(counts)
}

/// Whether a term is part of somebody's name: Rouwhorst, De Groot.
fn in_name(scene: &Scene<'_>, word: &WordHit) -> bool {
    let next = scene.names.partition_point(|name| name.first <= word.first);
    next.checked_sub(1)
        .and_then(|at| scene.names.get(at))
        .is_some_and(|name| name.last >= word.last && name.form != Form::First)
}

/// Whether a kind is one of the special ones, which make a first name count.
pub fn is_special(kind: Kind) -> bool {
    matches!(kind, Kind::Health | Kind::Care | Kind::BeliefOrigin | Kind::Criminal)
}

fn score(scene: &Scene<'_>, message: Message, word: &WordHit, rule: &Rule) -> Score {
    let mut score = match (rule.context.is_empty(), rule.strength) {
        (false, _) => Score::new("a term with a word that it needs", weight::PRIOR_HEAVY),
        (true, Strength::Light) => Score::new("a term", weight::PRIOR_LIGHT),
        (true, _) => Score::new("a term", weight::PRIOR_HEAVY),
    };
    let here = scene.about(word.first);
    let stranger = person(&mut score, scene, message, (word, rule), here);
    score.when(here & about::FACT != 0, "said as a fact", weight::FACT);
    let segment =
        scene.reading.token(word.first as usize).map(|token| scene.reading.segment(token)).unwrap_or_default();
    score.when(scene.header(segment).contains(&Role::Cue(Cue::Column)), "its column is headed so", weight::COLUMN);
    // "voor de training: Daan Visser heeft extra tijd vanwege PTSS"
    let named = here & about::NAMED != 0 && scene.is_cause(word.first);
    let generic = if named { weight::GENERIC_NAMED } else { weight::GENERIC };
    score.when(here & about::GENERIC != 0, "said of nobody in particular", generic);
    score.when(here & about::ASKED != 0, "asked or supposed", weight::ASKED);
    let staff = here & about::STAFF != 0 && here & (about::PUPIL | about::CHILD | about::FIRST) == 0;
    if scene.after_staff(word.first) {
        score.add("the word addresses somebody", weight::ADDRESSED);
    } else {
        let weight = if stranger { weight::STAFF_NAMED } else { weight::STAFF };
        score.when(staff, "said of staff", weight);
    }
    score.when(scene.at_work(word.first), "where somebody works", weight::WORK);
    if scene.is_topic(word.first) {
        score.add("what a talk, a book or a play is about", weight::TOPIC);
    } else {
        let said = here & (about::FACT | about::PUPIL | about::CHILD) != 0 || scene.is_cause(word.first);
        let of_mail = message.subject & about::TOPIC != 0 && !said;
        score.when(of_mail, "the mail is about a talk, a book or a play", weight::TOPIC_OF_MAIL);
    }
    let public = message.subject & about::PUBLIC != 0 || scene.whole & about::PUBLIC != 0;
    score.when(public && here & about::PUPIL == 0, "the mail is about nobody in particular", weight::PUBLIC);
    score
}

/// Who it is said of. True when it is somebody of no roster.
fn person(score: &mut Score, scene: &Scene<'_>, message: Message, (word, rule): (&WordHit, &Rule), here: u16) -> bool {
    if here & about::PUPIL != 0 {
        score.add("a pupil in the same sentence or row", weight::PUPIL);
        return false;
    }
    if here & about::CHILD != 0 {
        score.add("the recipient's child in the same sentence", weight::CHILD);
        return false;
    }
    if here & about::FIRST != 0 {
        score.add("a pupil's first name in the same sentence or row", weight::FIRST);
        return false;
    }
    if is_heavy(rule) && scene.is_of_listed(word.first) {
        score.add("somebody in the same row of a list of people", weight::LISTED);
        return false;
    }
    let persons = about::PUPIL | about::FIRST | about::CHILD;
    if here & about::PRONOUN != 0 {
        score.add("a pronoun in the same sentence", weight::PRONOUN);
    }
    if scene.about_before(word.first) & persons != 0 {
        score.add("a person in the sentence before", weight::PERSON_BEFORE);
    } else if scene.about_paragraph(word.first) & persons != 0 {
        score.add("a person in the same paragraph", weight::PERSON_IN_PARAGRAPH);
    }
    let persons = about::PUPIL | about::CHILD;
    score.when(
        scene.about_paragraph(word.first) & about::GENERIC != 0,
        "a paragraph about nobody in particular",
        weight::GENERIC_PARAGRAPH,
    );
    if scene.whole & persons != 0 {
        score.add("a person in the same text", weight::PERSON_IN_TEXT);
    } else if message.about & persons != 0 {
        score.add("a person in the same message", weight::PERSON_IN_MESSAGE);
    } else if is_heavy(rule) && is_letter(message) && scene.names_stranger(word.first) {
        score.add("somebody by first name and surname, or by initials", weight::STRANGER);
        return true;
    } else if message.about & (about::FIRST | about::SALUTATION) == 0 {
        score.add("nobody is named or addressed", weight::NOBODY);
    }
    false
}

/// Whether the terms of a rule count of somebody who is on no roster: a colleague, a parent, an applicant. What history tells
/// (who was arrested, who believed what) does not.
fn is_heavy(rule: &Rule) -> bool {
    rule.strength == Strength::Heavy && matches!(rule.kind, Kind::Health | Kind::Care)
}

/// Whether a message is a letter of a school about somebody: not the news, a course or a lesson.
fn is_letter(message: Message) -> bool {
    (message.about & (about::SCHOOL | about::CHILD | about::SALUTATION) != 0 || message.subject & about::STAFF != 0)
        && message.subject & (about::GENERIC | about::PUBLIC | about::TOPIC) == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::detect::reading::Reading;
    use crate::extract::Text;

    #[test]
    fn a_term_counts_where_its_context_stands_or_needs_none() {
        let rules = Rules::shipped().unwrap();
        for (text, terms, count) in [
            ("Beste ouders, de bus vertrekt om acht uur.", true, false),
            ("Zijn moeder drinkt weer.", true, true),
            ("Hij heeft dyslexie.", true, true),
            ("De bus vertrekt om acht uur.", false, false),
        ] {
            let text = Text { text: text.to_owned(), ..Text::default() };
            let scene = Scene::new(0, Reading::new(&text), &rules, None);
            assert_eq!((any(&scene, &rules), may_count(&scene, &rules)), (terms, count), "{}", text.text);
        }
    }
}
