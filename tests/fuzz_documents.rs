//! Documents that are nearly right, to the readers of documents: a few in every test run, and as many as there is time
//! for when somebody asks:
//!
//!     FUZZ_SEEDS=folder FUZZ_SECONDS=600 cargo test --test fuzz_documents -- --ignored --nocapture
//!
//! reads the documents of a folder, changed, for so many seconds for each ending of a name (`FUZZ_ONLY=docx,pdf` for some),
//! and says how many and how fast. What breaks a reader is left in the folder for temporary files. The fuzzer itself is
//! `document` in tests/fuzz.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "fuzz/documents.rs"]
mod documents;
#[path = "fuzz/mutate.rs"]
mod mutate;

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutate::Chance;

/// As much as the main thread of a reader process has.
const STACK: usize = 8 << 20;
/// One that takes longer is told: a tenth of what a reader has, with checks that a released program has not.
const SLOW: Duration = Duration::from_secs(5);

/// Documents by the endings of their names.
type Seeds = BTreeMap<String, Vec<(PathBuf, Vec<u8>)>>;

fn seeds(folder: &Path) -> Seeds {
    let mut seeds = Seeds::new();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| path.is_file()) {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let octets = std::fs::read(&path).unwrap();
        seeds.entry(ending).or_default().push((path, octets));
    }
    seeds
}

/// The document that a number makes of these.
fn nth(seeds: &[(PathBuf, Vec<u8>)], number: u64) -> (String, Vec<u8>) {
    let mut chance = Chance(number.wrapping_mul(0x5851_F42D_4C95_7F2D));
    let (path, octets) = &seeds[chance.below(seeds.len())];
    let other = &seeds[chance.below(seeds.len())].1;
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    (name, mutate::like(octets, other, &mut chance))
}

fn in_a_reader<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

#[test]
fn documents_that_are_nearly_right() {
    in_a_reader(|| {
        for (ending, seeds) in seeds(Path::new("tests/locked")) {
            // A key of the others takes a second each.
            let times = if ["zip", "pdf"].contains(&ending.as_str()) { 200 } else { 1 };
            for number in 0..times {
                let (name, octets) = nth(&seeds, number);
                assert!(catch_unwind(|| documents::document(&name, &octets)).is_ok(), "{ending} {number}");
            }
        }
    });
}

#[test]
#[ignore = "as long as FUZZ_SECONDS says, for each kind of document in FUZZ_SEEDS"]
fn documents_for_a_time() {
    let folder = std::env::var("FUZZ_SEEDS").unwrap_or("tests/locked".into());
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(10);
    let only = std::env::var("FUZZ_ONLY").unwrap_or_default();
    let first = std::env::var("FUZZ_FIRST").ok().and_then(|first| first.parse().ok()).unwrap_or(0);
    let mut broken = 0;
    for (ending, seeds) in seeds(Path::new(&folder)) {
        if !only.is_empty() && !only.split(',').any(|one| one == ending) {
            continue;
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        let (mut number, mut slowest, began) = (first, Duration::ZERO, Instant::now());
        while Instant::now() < until {
            let (name, octets) = nth(&seeds, number);
            // What kills the process is the last that was written.
            let kept = std::env::temp_dir().join(format!("fuzz-{ending}-{}", std::process::id()));
            std::fs::write(&kept, &octets).unwrap();
            let since = Instant::now();
            let held = in_a_reader(|| catch_unwind(|| documents::document(&name, &octets)).is_ok());
            let took = since.elapsed();
            slowest = slowest.max(took);
            if !held || took > SLOW {
                broken += usize::from(!held);
                let what = if held { "slow" } else { "broken" };
                let left = kept.with_file_name(format!("fuzz-{what}-{ending}-{number}"));
                std::fs::copy(&kept, &left).unwrap();
                println!("{what}: {name}, number {number}, {took:?}: {}", left.display());
            }
            number += 1;
            std::fs::remove_file(&kept).unwrap();
        }
        let (count, took) = (number - first, began.elapsed().as_secs_f64());
        println!(
            "{ending}: {count} documents in {took:.0} s, {:.0} a second, the slowest {slowest:?}",
            count as f64 / took
        );
    }
    assert_eq!(broken, 0);
}
