//! What must hold for any input at all, to the parsers that outside octets meet first. Shared by the fuzzers and by
//! tests/fuzz.rs, which replays the corpora.

use mailpoort::smtp::Reply;
use mailpoort::smtp::client::{NextHopReply, ReplyReader};
use mailpoort::smtp::command::Command;
use mailpoort::smtp::data::{DataReader, Fault, Progress, stuffed};

/// A command line: a refusal is one well-formed 5xx line, and what goes on to the next hop is one line that means the
/// same when it is read again.
pub fn command(line: &[u8]) {
    match Command::parse(line) {
        Err(refusal) => {
            assert!((500..600).contains(&refusal.code()));
            one_reply(&refusal);
        }
        Ok(Command::Mail(mail)) => {
            let sender = mail.sender.as_ref().map_or("", |sender| sender.typed());
            let utf8 = if mail.smtputf8 { " SMTPUTF8" } else { "" };
            let on = format!("MAIL FROM:<{sender}>{utf8}{}", mail.dsn);
            goes_on(&on);
            let Ok(Command::Mail(again)) = Command::parse(on.as_bytes()) else { panic!("not read again: {on:?}") };
            assert_eq!((&again.sender, &again.dsn, again.smtputf8), (&mail.sender, &mail.dsn, mail.smtputf8));
        }
        Ok(Command::Rcpt(rcpt)) => {
            let on = format!("RCPT TO:<{}>{}", rcpt.mailbox.typed(), rcpt.dsn);
            goes_on(&on);
            assert_eq!(Command::parse(on.as_bytes()), Ok(Command::Rcpt(rcpt)), "{on:?}");
        }
        Ok(_) => {}
    }
}

fn goes_on(line: &str) {
    assert!(!line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{line:?}");
}

/// The DATA reader, fed in pieces that the first two octets choose: it ends where a simple reading of RFC 5321 ends,
/// keeps what that keeps, and never a bare CR, bare LF or NUL; and what it kept goes out again as it came in.
pub fn data(input: &[u8]) {
    let [seed, limit, wire @ ..] = input else { return };
    let limit = if *limit < 128 { usize::MAX } else { usize::from(limit - 128) };
    let (kept, ended, fault) = read(wire, limit, *seed);
    let expected = reference(wire);
    assert_eq!(ended, expected.ended);
    assert!(kept.len() <= limit);
    assert!(no_bare_cr_lf_nul(&kept), "kept {kept:?}");
    match (expected.fault, expected.kept.len() > limit) {
        (None, false) => {
            assert_eq!((fault, &kept), (None, &expected.kept));
            if matches!(ended, Some(Progress::End(_))) {
                let out: Vec<u8> = stuffed(&kept).flatten().chain(b".\r\n").copied().collect();
                let (again, ended, fault) = read(&out, limit, seed.wrapping_mul(31));
                assert_eq!((&again, ended, fault), (&kept, Some(Progress::End(out.len())), None));
            }
        }
        (None, true) => assert_eq!(fault, Some(Fault::TooLarge)),
        (Some(first), _) if wire.len() <= limit => assert_eq!(fault, Some(first)),
        // Which of two faults is named first depends on the pieces, that it is refused does not.
        (Some(_), _) => assert!(fault.is_some()),
    }
}

fn no_bare_cr_lf_nul(kept: &[u8]) -> bool {
    kept.iter().enumerate().all(|(n, octet)| match octet {
        0 => false,
        b'\r' => kept.get(n + 1) == Some(&b'\n'),
        b'\n' => n > 0 && kept.get(n - 1) == Some(&b'\r'),
        _ => true,
    })
}

fn read(wire: &[u8], limit: usize, seed: u8) -> (Vec<u8>, Option<Progress>, Option<Fault>) {
    let (mut reader, mut kept) = (DataReader::new(limit), Vec::new());
    let (mut rest, mut random) = (wire, u32::from(seed) + 1);
    while !rest.is_empty() {
        // Any sequence will do, as long as the same seed gives the same pieces.
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = (1 + (random >> 24) as usize % if seed < 128 { 4 } else { 40 }).min(rest.len());
        let (piece, later) = rest.split_at(size);
        match reader.feed(piece, &mut kept) {
            Progress::More => rest = later,
            Progress::End(at) => {
                assert!(at >= 1 && at <= piece.len());
                let end = wire.len() - rest.len() + at;
                return (kept, Some(Progress::End(end)), reader.fault());
            }
            Progress::SloppyEnd => return (kept, Some(Progress::SloppyEnd), reader.fault()),
        }
    }
    (kept, None, reader.fault())
}

struct Expected {
    kept: Vec<u8>,
    ended: Option<Progress>,
    /// The first, without regard to the limit.
    fault: Option<Fault>,
}

/// Line by line, with the whole input at hand.
fn reference(wire: &[u8]) -> Expected {
    let mut expected = Expected { kept: Vec::new(), ended: None, fault: None };
    let (mut at, mut clean) = (0, true);
    loop {
        let line_end = wire[at..].iter().position(|b| matches!(b, b'\r' | b'\n')).map_or(wire.len(), |n| at + n);
        let line = &wire[at..line_end];
        if line.contains(&0) {
            expected.fault.get_or_insert(Fault::Nul);
        }
        let (fault, next) = match wire.get(line_end..).unwrap_or_default() {
            [b'\r', b'\n', ..] => (None, line_end + 2),
            [b'\r', _, ..] => (Some(Fault::BareCr), line_end + 1),
            [b'\n', ..] => (Some(Fault::BareLf), line_end + 1),
            // Nothing, or a CR of which the next octet will tell.
            _ => {
                if expected.fault.is_none() {
                    expected.kept.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
                }
                return expected;
            }
        };
        if let Some(fault) = fault {
            expected.fault.get_or_insert(fault);
        }
        if line == b"." {
            let true_end = clean && fault.is_none();
            expected.ended = Some(if true_end { Progress::End(next) } else { Progress::SloppyEnd });
            return expected;
        }
        if expected.fault.is_none() {
            expected.kept.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
            expected.kept.extend_from_slice(b"\r\n");
        }
        (at, clean) = (next, fault.is_none());
    }
}

/// The next hop's replies: bounded, the same in one piece or in many, and well formed when they are carried back.
pub fn replies(input: &[u8]) {
    let [seed, wire @ ..] = input else { return };
    let whole = read_replies(wire, usize::MAX);
    assert_eq!(whole, read_replies(wire, 1 + usize::from(*seed) % 70));
    for reply in &whole.0 {
        assert!((200..600).contains(&reply.code) && reply.lines.len() <= 128);
        assert!(reply.lines.iter().all(|line| !line.contains('\n')));
        let carried = Reply::from_next_hop(reply.code, &reply.lines);
        // Nothing that the next hop says may sound like our own 421, or like a question.
        assert!(carried.code() != 421 && (carried.is_ok() || carried.code() >= 400));
        one_reply(&carried);
    }
}

/// The replies in `wire`, which comes in pieces, and whether it ended in nonsense.
fn read_replies(wire: &[u8], size: usize) -> (Vec<NextHopReply>, bool) {
    let (mut replies, mut reader) = (Vec::new(), ReplyReader::default());
    let (mut pending, mut pieces) = (Vec::new(), wire.chunks(size.min(wire.len().max(1))));
    loop {
        match reader.take(&pending) {
            Err(_) => return (replies, true),
            Ok(Some((octets, reply))) => {
                assert!(octets >= 1 && octets <= pending.len());
                pending.drain(..octets);
                replies.extend(reply);
            }
            Ok(None) => match pieces.next() {
                Some(piece) => pending.extend_from_slice(piece),
                None => return (replies, false),
            },
        }
    }
}

/// One reply on the wire: the same code before each line, dashes before the last, nothing that could end a line.
fn one_reply(reply: &Reply) {
    let mut wire = Vec::new();
    reply.write_to(&mut wire);
    let text = String::from_utf8(wire).unwrap_or_default();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert!(text.ends_with("\r\n") && !lines.is_empty());
    for (n, line) in lines.iter().enumerate() {
        let dash = if n + 1 < lines.len() { "-" } else { " " };
        assert!(line.starts_with(&format!("{}{dash}", reply.code())) && line.len() <= 510, "{line:?}");
        assert!(line.bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{line:?}");
    }
}
