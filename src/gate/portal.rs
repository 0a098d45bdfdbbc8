//! The gate, as the portal of recipients sees it: which schools there are, and in what words.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::gate::Gate;
use crate::school::{Language, School};
use crate::web::desk;
use crate::web::portal::{Around, Texts};

impl Around for Gate {
    fn schools(&self) -> Vec<School> {
        self.house().schools.iter().map(|tenant| tenant.school.clone()).collect()
    }

    fn language(&self) -> Language {
        self.house().language
    }

    fn time_zone(&self) -> TimeZone {
        self.house().time_zone.clone()
    }

    fn texts(&self) -> Arc<Texts> {
        Arc::clone(&self.house().portal_texts)
    }

    fn sender_texts(&self) -> Arc<desk::Texts> {
        Arc::clone(&self.house().desk_texts)
    }
}
