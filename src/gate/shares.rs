//! The mails about secure shares that nobody's mail is behind: a new link, a call for a code, a recipient's answer.

use std::collections::hash_map::RandomState;
use std::sync::Arc;

use jiff::Timestamp;

use crate::act;
use crate::detect::{self, LiveCodes};
use crate::gate::Gate;
use crate::school::School;
use crate::share::{CodeMail, CodeWanted, Letter, Letters, Link, Overview, PasskeyMade, Received, ShareError, Told};

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

    fn passkey_made(&self, made: &PasskeyMade) -> Option<Letter> {
        let (house, school) = (self.house(), Letters::school(self, &made.school)?);
        act::share::passkey_made((&house.texts, &school, &house.time_zone), made)
    }

    fn code_mail(&self, mail: &CodeMail) -> Option<Letter> {
        act::share::code_mail(&Letters::school(self, &mail.school)?, mail)
    }

    fn reply(&self, received: &Received) -> Option<Letter> {
        let (house, school) = (self.house(), Letters::school(self, &received.school)?);
        act::share::answer((&house.texts, &school, house.language), received)
    }
}

/// What of shares is not to be mailed on.
#[derive(Debug)]
struct Mailed(Told);

impl detect::Told for Mailed {
    fn is_code(&self, school: &str, number: u64) -> bool {
        self.0.is_code(school, number)
    }

    fn is_receipt(&self, school: &str, name: &str) -> bool {
        self.0.is_receipt(school, name)
    }
}

impl Gate {
    /// Keeps up which access codes live, so that one that is mailed on is found: at once when a share is made, and every
    /// minute. Never ends.
    pub async fn watch_codes(self) {
        let (Some(shares), key) = (self.shares().cloned(), RandomState::new()) else { return };
        loop {
            let all = async { Ok::<_, ShareError>((shares.live_codes().await?, shares.told().await?)) };
            match all.await {
                Ok((codes, told)) => {
                    let known = codes.iter().map(|(school, code)| (school.as_str(), code.expose().as_str()));
                    self.house()
                        .bench
                        .share_codes
                        .store(Arc::new(LiveCodes::new(key.clone(), known).and(Arc::new(Mailed(told)))));
                }
                Err(error) => tracing::warn!(%error, "codes of shares that are mailed on may go unseen for a minute"),
            }
            shares.until_codes_change().await;
        }
    }
}
