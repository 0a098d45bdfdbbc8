//! Names with a board's roster of 50,000 pupils: building the index, and finding names in text, beside the naive way
//! (every full name as a string, Aho-Corasick). With CLEAN_MAILS=FOLDER it first counts false alarms in mails that name
//! no pupil: `CLEAN_MAILS=folder ROSTER=roster.csv cargo bench --bench names`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

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

/// What names cost: news without the roster, and with it.
#[divan::bench(args = [false, true])]
fn find(bencher: Bencher<'_, '_>, with_names: bool) {
    let (rules, text) = (Rules::shipped().unwrap(), news());
    let names = with_names.then(|| NameIndex::new(&board()));
    let size = BytesCount::of_str(&text);
    let texts = Texts { texts: vec![Text { text, ..Text::default() }], ..Texts::default() };
    bencher.counter(size).bench_local(|| findings(&texts, &rules, names.as_ref()).len());
}

#[divan::bench]
fn find_naively(bencher: Bencher<'_, '_>) {
    let names: Vec<String> = board().pupils.iter().map(|pupil| format!("{} {}", pupil.first, pupil.surname)).collect();
    let (naive, text) = (AhoCorasick::builder().ascii_case_insensitive(true).build(names).unwrap(), news());
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| naive.find_iter(&text).count());
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

/// 50,000 pupils.
fn board() -> Roster {
    let surnames = || STARTS.iter().flat_map(|a| MIDDLES.iter().flat_map(move |b| ENDS.map(|c| format!("{a}{b}{c}"))));
    let names: Vec<String> =
        FIRSTS.iter().flat_map(|first| surnames().map(move |surname| format!("{first} {surname}"))).collect();
    Roster::from_names(&names)
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
