//! The mails about secure shares that nobody's mail is behind: a new link, a call for a code, a recipient's answer.

use jiff::Timestamp;

use crate::act;
use crate::gate::Gate;
use crate::school::School;
use crate::share::{CodeWanted, Letter, Letters, Link, Overview, Received};

impl Letters for Gate {
    fn school(&self, id: &str) -> Option<School> {
        self.house().schools.iter().find(|tenant| tenant.school.id == id).map(|tenant| tenant.school.clone())
    }

    fn invitation(&self, link: &Link, share: &Overview) -> Option<Letter> {
        let (house, school) = (self.house(), Letters::school(self, &share.school)?);
        let about = (&house.texts, &school, &house.time_zone);
        act::share::invitation(about, self.shares()?.settings(), link, share, Timestamp::now())
    }

    fn code_wanted(&self, wanted: &CodeWanted) -> Option<Letter> {
        let (house, school) = (self.house(), Letters::school(self, &wanted.school)?);
        act::share::code_wanted((&house.texts, &school, house.language), self.shares()?.settings(), wanted)
    }

    fn reply(&self, received: &Received) -> Option<Letter> {
        let (house, school) = (self.house(), Letters::school(self, &received.school)?);
        act::share::answer((&house.texts, &school, house.language), received)
    }
}
