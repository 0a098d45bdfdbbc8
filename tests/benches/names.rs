//! Names with a board's roster of 50,000 pupils: building the index, and finding names in text, beside the naive way
//! (every full name as a string, Aho-Corasick) and ripgrep. With CLEAN_MAILS=FOLDER it first counts false alarms in mails that name
//! no pupil: `CLEAN_MAILS=folder ROSTER=roster.csv cargo bench --bench names`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::process::{Command, Stdio};

use aho_corasick::AhoCorasick;
use divan::Bencher;
use divan::counter::BytesCount;
use mailpoort::detect::{Kind, NameIndex, Rules, findings};
use mailpoort::extract::{Text, Texts, texts};
use mailpoort::message::{Limits, Message};
use mailpoort::roster::{Roster, read_files};

fn main() {
    false_alarms();
    divan::main();
}

#[divan::bench]
fn build_index(bencher: Bencher<'_, '_>) {
    let roster = board();
    bencher.bench_local(|| NameIndex::new(&roster));
}

/// Everything that detection finds in a megabyte of news: with no roster, a school's, a board's.
#[divan::bench(args = [0, 2_000, 50_000])]
fn find(bencher: Bencher<'_, '_>, pupils: usize) {
    let (rules, text) = (Rules::shipped().unwrap(), news());
    let names = (pupils > 0).then(|| NameIndex::new(&first_of_board(pupils)));
    let size = BytesCount::of_str(&text);
    let texts = Texts { texts: vec![Text { text, ..Text::default() }], ..Texts::default() };
    bencher.counter(size).bench_local(|| findings(&texts, &rules, names.as_ref()).len());
}

/// Full names alone, as strings, whatever their case.
#[divan::bench(args = [2_000, 50_000])]
fn find_naively(bencher: Bencher<'_, '_>, pupils: usize) {
    let (names, text) = (full_names(pupils), news());
    let naive = AhoCorasick::builder().ascii_case_insensitive(true).build(names).unwrap();
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| naive.find_iter(&text).count());
}

/// The same by ripgrep, where it is installed: on ten megabytes, so that its start weighs little. Its first number is for
/// names as they are written, its second for names in any case.
#[divan::bench(args = [("2000", ""), ("2000", "-i"), ("50000", ""), ("50000", "-i")])]
fn ripgrep(bencher: Bencher<'_, '_>, (pupils, case): (&str, &str)) {
    let folder = tempfile::tempdir().unwrap();
    let (names, file) = (folder.path().join("names"), folder.path().join("news"));
    std::fs::write(&names, full_names(pupils.parse().unwrap()).join("\n")).unwrap();
    let text = news().repeat(10);
    std::fs::write(&file, &text).unwrap();
    let run = || {
        let case = Some(case).filter(|case| !case.is_empty());
        let mut rg = Command::new("rg");
        rg.args(["-j1", "-F", "-c", "-f"]).arg(&names).args(case).arg(&file).stdout(Stdio::null()).status()
    };
    if run().is_err() {
        return println!("ripgrep is not installed");
    }
    bencher.counter(BytesCount::of_str(&text)).bench_local(run);
}

fn full_names(pupils: usize) -> Vec<String> {
    first_of_board(pupils).pupils.iter().map(|pupil| format!("{} {}", pupil.first, pupil.surname)).collect()
}

const FIRSTS: [&str; 10] = ["Daan", "Emma", "Sem", "Julia", "Lucas", "Mila", "Levi", "Tess", "Finn", "Zoë"];
const STARTS: [&str; 25] = [
    "Berg", "Veld", "Hoek", "Dijk", "Molen", "Kerk", "Brink", "Wold", "Zand", "Broek", "Horst", "Linden", "Eiken",
    "Beuken", "Water", "Meer", "Polder", "Heide", "Bos", "Akker", "Weide", "Duin", "Haven", "Sluis", "Toren",
];
const MIDDLES: [&str; 20] = [
    "", "en", "er", "el", "ing", "ster", "man", "kamp", "huis", "hof", "land", "zicht", "rode", "wijk", "dam", "burg",
    "stein", "oord", "beek", "loo",
];
const ENDS: [&str; 10] = ["", "sma", "stra", "inga", "ers", "sen", "mans", "aar", "ink", "ema"];

fn board() -> Roster {
    first_of_board(50_000)
}

/// So many pupils of a board that has 50,000.
fn first_of_board(pupils: usize) -> Roster {
    let surnames = || STARTS.iter().flat_map(|a| MIDDLES.iter().flat_map(move |b| ENDS.map(|c| format!("{a}{b}{c}"))));
    let names: Vec<String> =
        FIRSTS.iter().flat_map(|first| surnames().map(move |surname| format!("{first} {surname}"))).collect();
    Roster::from_names(names.get(..pupils).unwrap_or(&names))
}

/// A megabyte in which strangers with first names of the board, and words, stand everywhere.
fn news() -> String {
    let sentence = |n: usize| {
        let first = FIRSTS.get(n % 10).copied().unwrap_or_default();
        format!("{first} van Nergenshuizen{n} sprak met de heer P. Kerkhof over de polder en het {n}e plan. ")
    };
    (0..12_000).map(sentence).collect()
}

fn false_alarms() {
    let (Some(folder), Some(roster)) = (std::env::var_os("CLEAN_MAILS"), std::env::var_os("ROSTER")) else { return };
    let (roster, _) = Roster::read(&read_files(&[roster.into()]).unwrap()).unwrap();
    let (names, rules, limits) = (NameIndex::new(&roster), Rules::shipped().unwrap(), Limits::default());
    let mails = read_files(&[folder.into()]).unwrap();
    let alarmed = mails.iter().filter(|mail| {
        let texts = texts(&Message::parse(&mail.octets, &limits), &limits, None);
        findings(&texts, &rules, Some(&names)).iter().any(|f| f.kind == Kind::PupilName && f.confidence >= 0.5)
    });
    println!("{} of {} clean mails name a pupil", alarmed.count(), mails.len());
}
