//! Replays the fuzzers' corpora, tests/fuzz/corpus, with the fuzzers' own functions, and tries some random input
//! besides. How to run the fuzzers themselves stands in tests/fuzz/Cargo.toml.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "fuzz/targets.rs"]
mod targets;

use proptest::prelude::*;

fn replay(target: &str, run: fn(&[u8])) -> usize {
    let folder = format!("tests/fuzz/corpus/{target}");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in &files {
        let input = std::fs::read(file).unwrap();
        assert!(std::panic::catch_unwind(|| run(&input)).is_ok(), "{}", file.display());
    }
    files.len()
}

#[test]
fn the_corpora_hold() {
    let counts =
        [replay("command", targets::command), replay("data", targets::data), replay("replies", targets::replies)];
    // A corpus that is lost should be noticed.
    assert_eq!(counts, [COMMANDS, DATA, REPLIES]);
}

const COMMANDS: usize = 25;
const DATA: usize = 23;
const REPLIES: usize = 23;

/// Octets that mean something, more often than not.
fn telling(words: Vec<&'static [u8]>) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    // What fails becomes a file of the corpus, by hand.
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_command_line(line in telling(vec![
        &b"MAIL FROM:<"[..], b"RCPT TO:<", b"a@b.example", b">", b" ", b"SIZE=", b"9", b"BODY=8BITMIME", b"SMTPUTF8",
        b"RET=HDRS", b"ENVID=x", b"NOTIFY=NEVER", b"ORCPT=rfc822;x", b"\"", b"\\", b"@", b"[", b"IPv6:::1]", b"AUTH ", b"=",
        "\u{e9}".as_bytes(), "\u{2028}".as_bytes(), b"\0",
    ])) {
        targets::command(&line);
    }

    #[test]
    fn any_data(head in any::<[u8; 2]>(), wire in telling(vec![&b"\r\n"[..], b".", b"\r", b"\n", b"\0", b"a", b"\r\n.\r\n"])) {
        targets::data(&[&head[..], &wire].concat());
    }

    #[test]
    fn any_replies(seed in any::<u8>(), wire in telling(vec![
        &b"250"[..], b"421 ", b"550-", b"5.1.1 ", b" ", b"-", b"\r\n", b"\n", b"\r", b"ok", b"354", "\u{e9}".as_bytes(),
    ])) {
        targets::replies(&[&[seed], &wire[..]].concat());
    }
}
