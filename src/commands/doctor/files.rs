//! What lies on this machine: the data folder with its key, certificates, and the clock.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{Access, access, statvfs};

use super::report::Report;
use crate::config::Config;
use crate::seal::SealKey;
use crate::tls::{Chain, Files, days_left};

/// Free space below which somebody must look, and below which it stops soon, octets.
const LITTLE: u64 = 1_000_000_000;
const TOO_LITTLE: u64 = 100_000_000;
/// Days before the end of a certificate from which it is no warning any more.
const NOW: i64 = 3;
/// How far clocks may be apart before it is worth a line, and before signatures and certificates suffer.
const APART: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(30), SignedDuration::from_mins(5));

/// The folder of what is kept.
pub(super) fn data_dir(report: &mut Report, config: &Config) {
    let Some(folder) = &config.data_dir else {
        return report.warn(
            "data_dir",
            [
                "er is geen `data_dir`: een herstart vergeet wat waarheen ging, en pauzeren kan niet",
                "there is no `data_dir`: a restart forgets what went where, and there can be no pause",
            ],
            ["zet `data_dir`, bijvoorbeeld /var/lib/mailpoort", "set `data_dir`, for example /var/lib/mailpoort"],
        );
    };
    let shown = folder.display();
    let Some(metadata) = std::fs::metadata(folder).ok().filter(std::fs::Metadata::is_dir) else {
        return report.bad(
            "data_dir",
            [format!("de map {shown} is er niet"), format!("there is no folder {shown}")],
            [
                format!("install -d -o mailpoort -g mailpoort -m 700 {shown}"),
                format!("install -d -o mailpoort -g mailpoort -m 700 {shown}"),
            ],
        );
    };
    rights(report, folder, metadata.permissions().mode());
    key(report, &folder.join("seal.key"), metadata.uid());
    space(report, folder);
}

fn rights(report: &mut Report, folder: &Path, mode: u32) {
    let shown = folder.display();
    let writable = access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_ok();
    match (mode & 0o077, writable) {
        (_, false) => report.bad(
            "data_dir",
            [format!("in {shown} mag deze gebruiker niet schrijven"), format!("this user may not write to {shown}")],
            [
                "draai dit als root of als mailpoort, of geef mailpoort de map",
                "run this as root or mailpoort, or give mailpoort the folder",
            ],
        ),
        (0, true) => report.ok(
            "data_dir",
            [format!("{shown} is er, voor één gebruiker"), format!("{shown} is there, for one user alone")],
        ),
        (_, true) => report.warn(
            "data_dir",
            [format!("anderen mogen in {shown} kijken"), format!("others may look into {shown}")],
            [format!("chmod 700 {shown}"), format!("chmod 700 {shown}")],
        ),
    }
}

/// The key without which nothing there can be read.
fn key(report: &mut Report, file: &Path, owner: u32) {
    let shown = file.display();
    let Ok(metadata) = std::fs::metadata(file) else {
        return report.ok(
            "key",
            [
                "er is nog geen sleutel; hij wordt bij eerste gebruik gemaakt",
                "there is no key yet; it is made at first use",
            ],
        );
    };
    match SealKey::load(file) {
        Err(problem) => report.problem("key", &problem),
        Ok(_) if metadata.uid() != owner => report.bad(
            "key",
            [
                format!("{shown} is niet van de eigenaar van de map"),
                format!("{shown} does not belong to the owner of the folder"),
            ],
            ["chown naar de eigenaar van de map", "chown it to the owner of the folder"],
        ),
        Ok(_) => report.ok("key", ["de sleutel is er, voor één gebruiker", "the key is there, for one user alone"]),
    }
}

fn space(report: &mut Report, folder: &Path) {
    let Ok(system) = statvfs(folder) else { return };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let (said, todo) = (
        [
            format!("{} MB vrij voor `data_dir`", free / 1_000_000),
            format!("{} MB free for `data_dir`", free / 1_000_000),
        ],
        ["maak ruimte", "make room"],
    );
    match free {
        0..TOO_LITTLE => report.bad("space", said, todo),
        TOO_LITTLE..LITTLE => report.warn("space", said, todo),
        _ => report.ok("space", said),
    }
}

/// Ours: towards clients, and towards next hops.
pub(super) fn certificates(report: &mut Report, config: &Config) {
    match &config.smtp.tls {
        Some(files) => certificate(report, files, Some(&config.hostname)),
        None => report.warn(
            "certificate",
            ["de mailserver kan hier niet versleutelen", "the mail server cannot encrypt towards this gate"],
            ["geef [smtp.tls] een certificaat", "give [smtp.tls] a certificate"],
        ),
    }
    if let Some((web, files)) = config.web.as_ref().and_then(|web| Some((web, web.certificate.as_ref()?))) {
        certificate(report, files, Some(web.url.host()));
    }
    let towards = config.next_hops.iter().filter_map(|hop| hop.certificate.as_ref());
    towards.for_each(|files| certificate(report, files, None));
    for issuer in config.smtp.clients.iter().filter_map(|client| client.issuer.as_ref()) {
        match Chain::read(&issuer.file) {
            Ok(chain) => days(
                report,
                &issuer.file,
                &chain,
                ["vraag een nieuw, en herlaad mailpoort", "ask for a new one, and reload mailpoort"],
            ),
            Err(problem) => report.problem("certificate", &problem),
        }
    }
}

fn certificate(report: &mut Report, files: &Files, name: Option<&str>) {
    let file = &*files.certificate;
    match Chain::read(file) {
        Err(_) if files.fetched && !file.exists() => report.warn(
            "certificate",
            ["er is nog geen certificaat opgehaald (ACME)", "no certificate has been fetched yet (ACME)"],
            [
                "start mailpoort, en kijk in het log wat de uitgever zegt",
                "start mailpoort, and see in the log what the authority says",
            ],
        ),
        Err(problem) => report.problem("certificate", &problem),
        Ok(chain) => {
            days(
                report,
                file,
                &chain,
                ["vernieuw het; mailpoort ziet dat vanzelf", "renew it; mailpoort sees that by itself"],
            );
            whom(report, file, &chain, name);
        }
    }
}

/// How long it holds yet.
fn days(report: &mut Report, file: &Path, chain: &Chain, renew: [&'static str; 2]) {
    let (shown, now) = (file.display(), Timestamp::now());
    let left = days_left(chain.until(), now);
    let said = [format!("{shown} geldt nog {left} dagen"), format!("{shown} has {left} days left")];
    match left {
        _ if chain.from() > now => report.bad(
            "certificate",
            [format!("{shown} geldt nog niet"), format!("{shown} does not hold yet")],
            ["kijk naar de klok, of wacht", "look at the clock, or wait"],
        ),
        ..0 => report.bad("certificate", [format!("{shown} is verlopen"), format!("{shown} has ended")], renew),
        _ if chain.warning(now).is_none() => report.ok("certificate", said),
        left if left <= NOW => report.bad("certificate", said, renew),
        _ => report.warn("certificate", said, renew),
    }
}

/// Whose it is, and who vouches for that.
fn whom(report: &mut Report, file: &Path, chain: &Chain, name: Option<&str>) {
    let shown = file.display();
    if !chain.is_in_order() {
        report.bad(
            "certificate",
            [format!("de keten in {shown} sluit niet"), format!("the chain in {shown} is not whole")],
            [
                "zet het eigen certificaat voorop, dan wie het uitgaf, enzovoort",
                "put the leaf first, then its issuer, and so on",
            ],
        );
    }
    let Some(name) = name else { return };
    if !chain.is_for(name) {
        report.warn(
            "certificate",
            [format!("{shown} is niet voor de naam {name}"), format!("{shown} is not for the name {name}")],
            [format!("vraag een certificaat voor {name}"), format!("ask for a certificate for {name}")],
        );
    } else if !chain.is_trusted_here(name) {
        report.warn(
            "certificate",
            [
                format!("{shown} komt niet van een uitgever die deze machine vertrouwt"),
                format!("{shown} is not from an authority that this machine trusts"),
            ],
            ["goed, als de mailserver uw eigen uitgever kent", "fine, if the mail server knows your own authority"],
        );
    }
}

/// The clock, beside those of the next hops that tell theirs (`clocks`: theirs less ours), else as the system sees it.
pub(super) fn clock(report: &mut Report, clocks: &[SignedDuration]) {
    let todo =
        ["laat systemd-timesyncd of chrony de klok bijhouden", "have systemd-timesyncd or chrony keep the clock"];
    if let Some(apart) = clocks.iter().map(|clock| clock.abs()).min() {
        let seconds = apart.as_secs();
        let said = [
            format!("de klok verschilt {seconds} s met die van de volgende mailserver"),
            format!("the clock is {seconds} s apart from the next mail server's"),
        ];
        return match apart {
            apart if apart > APART.1 => report.bad("clock", said, todo),
            apart if apart > APART.0 => report.warn("clock", said, todo),
            _ => report.ok("clock", said),
        };
    }
    match is_kept() {
        Some(true) => report.ok("clock", ["de klok wordt bijgehouden", "the clock is kept"]),
        Some(false) => report.warn("clock", ["de klok wordt niet bijgehouden", "the clock is not kept"], todo),
        None => report.warn(
            "clock",
            ["niet te zien of de klok wordt bijgehouden", "it cannot be seen whether the clock is kept"],
            todo,
        ),
    }
}

/// Whether something keeps the clock, as systemd knows it.
fn is_kept() -> Option<bool> {
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Some(true);
    }
    let mut ask = Command::new("timedatectl");
    ask.args(["show", "--property=NTPSynchronized", "--value"]).stdin(Stdio::null()).stderr(Stdio::null());
    let answer = ask.output().ok().filter(|output| output.status.success())?;
    match answer.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}
