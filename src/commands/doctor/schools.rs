//! The schools: whom notices name, what came before, how far mail may go, and how old the rosters are.

use jiff::civil::Date;
use jiff::{Timestamp, Zoned};

use super::report::Report;
use crate::config::{Config, SchoolConfig};
use crate::gate::house::House;
use crate::gate::pause::Pauses;
use crate::roster::age_warning;

/// What the configuration says of them.
pub(super) fn all(report: &mut Report, config: &Config) {
    for school in &config.schools {
        contacts(report, school);
        duties(report, config, school);
        modes(report, config, school);
    }
    pause(report, config);
}

/// Privacy contact and helpdesk are there, or the configuration would not load.
fn contacts(report: &mut Report, school: &SchoolConfig) {
    let (id, school) = (&school.school.id, &school.school);
    let missing: Vec<&str> =
        [("deputy", &school.deputy), ("fg", &school.fg)].into_iter().filter(|c| c.1.is_none()).map(|c| c.0).collect();
    if missing.is_empty() {
        return report.ok("contacts", [format!("{id}: iedereen staat er"), format!("{id}: everybody is named")]);
    }
    let missing = missing.join(", ");
    report.warn(
        "contacts",
        [format!("{id}: er is geen {missing}"), format!("{id}: there is no {missing}")],
        [
            "noem in [school.deputy] wie helpt als de privacycoördinator er niet is, en in [school.fg] de FG",
            "name in [school.deputy] who helps when the privacy contact is away, and in [school.fg] the FG",
        ],
    );
}

/// Never stops mail: the gate is for the school to look at, and the law for the school to keep.
fn duties(report: &mut Report, config: &Config, school: &SchoolConfig) {
    let (id, duties) = (&school.school.id, &school.duties);
    let today = Zoned::now().with_time_zone(config.time_zone.clone()).date();
    let mut duty = |key: &str, day: Option<Date>, [nl, en]: [&str; 2]| match day {
        Some(day) if day <= today => {
            report.ok("duties", [format!("{id}: {nl} van {day}"), format!("{id}: {en} of {day}")]);
        }
        Some(day) => report.warn(
            "duties",
            [format!("{id}: {nl} is pas op {day}"), format!("{id}: {en} is on {day} only")],
            ["wacht tot dan met `enforce`", "wait with `enforce` until then"],
        ),
        None => report.warn(
            "duties",
            [format!("{id}: geen datum van {nl}"), format!("{id}: no date of {en}")],
            [
                format!("zet `{key}` bij de school zodra het gedaan is"),
                format!("set `{key}` at the school when it is done"),
            ],
        ),
    };
    duty("dpia", duties.dpia, ["de DPIA (AVG art. 35)", "the DPIA (AVG art. 35)"]);
    duty(
        "participation_council",
        duties.participation_council,
        ["het advies van de P(G)MR (WMS art. 12)", "the advice of the participation council (WMS art. 12)"],
    );
    duty("staff_letter", duties.staff_letter, ["de brief aan het personeel", "the letter to the staff"]);
}

fn modes(report: &mut Report, config: &Config, school: &SchoolConfig) {
    let id = &school.school.id;
    if school.modes.furthest().is_some_and(|furthest| furthest > config.mode) {
        report.warn(
            "mode",
            [
                format!(
                    "{id}: een `mode` van de school of een proefgroep gaat verder dan `mode` bovenaan, die voorgaat"
                ),
                format!(
                    "{id}: a `mode` of the school or a pilot group goes further than that at the top, which counts"
                ),
            ],
            [
                "zet bovenaan de hoogste, en bij de andere scholen een lagere",
                "set the furthest at the top, and a lower one at the other schools",
            ],
        );
    }
}

fn pause(report: &mut Report, config: &Config) {
    let Some(folder) = &config.data_dir else { return };
    let pauses = match Pauses::read(folder) {
        Ok(pauses) => pauses,
        Err(problem) => return report.problem("pause", &problem),
    };
    for pause in pauses.holding(Timestamp::now()) {
        let until = pause.until().to_zoned(config.time_zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        let school = pause.school.as_deref();
        let (nl, en) = (school.unwrap_or("alle scholen"), school.unwrap_or("all schools"));
        report.warn(
            "pause",
            [
                format!("gepauzeerd voor {nl} tot {until}: alles gaat door"),
                format!("paused for {en} until {until}: everything passes"),
            ],
            ["eerder stoppen: mailpoort pause --end", "to end it before: mailpoort pause --end"],
        );
    }
}

/// The rosters, as they were loaded.
pub(super) fn rosters(report: &mut Report, house: &House) {
    let today = Zoned::now().with_time_zone(house.time_zone.clone()).date();
    let todo =
        ["importeer een nieuwe uitvoer met `mailpoort roster import`", "run `mailpoort roster import` on a new export"];
    for tenant in &house.schools {
        let id = &tenant.school.id;
        match (&tenant.names, tenant.roster_of) {
            (None, _) => report.warn(
                "roster",
                [
                    format!("{id}: geen leerlingen bekend, dus hun namen worden niet gevonden"),
                    format!("{id}: no pupils are known, so their names are not found"),
                ],
                todo,
            ),
            (Some(_), Some(day)) if age_warning(day, today).is_some() => {
                report.warn("roster", [format!("{id}: rooster van {day}"), format!("{id}: roster of {day}")], todo);
            }
            (Some(_), Some(day)) => {
                report.ok("roster", [format!("{id}: rooster van {day}"), format!("{id}: roster of {day}")]);
            }
            (Some(_), None) => {
                report.ok("roster", [format!("{id}: rooster uit bestanden"), format!("{id}: roster from files")]);
            }
        }
    }
}
