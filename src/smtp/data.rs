//! The DATA reader: octets of the wire -> the message, up to the one true end of data.
//!
//! Only CRLF . CRLF ends the data (RFC 5321 4.1.1.4). Bare CR, bare LF and NUL are refused and never
//! repaired: a repair breaks signatures, and what one server repairs another takes for an end of data
//! (SMTP smuggling, 2023). Pure: takes slices as they come, keeps its state between them.

use memchr::memchr3;

/// Reads one message in pieces.
#[derive(Debug)]
pub struct DataReader {
    state: State,
    limit: usize,
    fault: Option<Fault>,
    seen: usize,
}

/// Where in a line we are. `clean`: the line before ended in CRLF, so a lone dot may end the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart { clean: bool },
    InLine,
    Cr,
    Dot { clean: bool },
    DotCr { clean: bool },
}

/// Why the message will be refused, once its end is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A CR that no LF follows.
    BareCr,
    /// An LF that no CR precedes.
    BareLf,
    /// A NUL octet (RFC 5322 4: obsolete, and a smuggling tool).
    Nul,
    /// More than the limit.
    TooLarge,
    /// There was no memory for it.
    Discarded,
}

/// What a piece of input came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The whole piece was taken and the end is not there yet.
    More,
    /// The end of data was reached after this many octets of the piece.
    End(usize),
    /// A line with only a dot, between line ends of which one is no CRLF: a careless client takes this for its
    /// end of data and would wait for ever. It may be an attack, too; the session refuses and closes.
    SloppyEnd,
}

impl DataReader {
    /// A reader that keeps at most `limit` octets.
    pub fn new(limit: usize) -> Self {
        Self { state: State::LineStart { clean: true }, limit, fault: None, seen: 0 }
    }

    /// The first fault, if any. After it nothing more is kept.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Keeps nothing more: the message will be refused for want of memory.
    pub fn discard(&mut self) {
        self.flag(Fault::Discarded);
    }

    /// Octets of message seen so far, kept or not.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Takes a piece of input; appends the message's octets, dot-unstuffed, to `message`.
    pub fn feed(&mut self, input: &[u8], message: &mut Vec<u8>) -> Progress {
        let mut at = 0;
        while let Some(&octet) = input.get(at) {
            match (self.state, octet) {
                (State::LineStart { clean }, b'.') => {
                    self.state = State::Dot { clean };
                    at += 1;
                }
                (State::LineStart { .. } | State::InLine, _) => at += self.run(&input[at..], message),
                (State::Cr, b'\n') => {
                    self.keep(b"\r\n", message);
                    self.state = State::LineStart { clean: true };
                    at += 1;
                }
                (State::Cr, _) => {
                    self.flag(Fault::BareCr);
                    self.state = State::LineStart { clean: false };
                }
                (State::Dot { clean }, b'\r') => {
                    self.state = State::DotCr { clean };
                    at += 1;
                }
                (State::Dot { .. }, b'\n') => {
                    self.flag(Fault::BareLf);
                    return Progress::SloppyEnd;
                }
                // The dot was stuffing (RFC 5321 4.5.2); what follows it is the line.
                (State::Dot { .. }, _) => self.state = State::InLine,
                (State::DotCr { clean: true }, b'\n') => return Progress::End(at + 1),
                (State::DotCr { .. }, _) => {
                    self.flag(Fault::BareCr);
                    return Progress::SloppyEnd;
                }
            }
        }
        Progress::More
    }

    /// Takes what lies before the next CR, LF or NUL, and that octet's meaning; returns how much it took.
    fn run(&mut self, input: &[u8], message: &mut Vec<u8>) -> usize {
        let Some(end) = memchr3(b'\r', b'\n', 0, input) else {
            self.keep(input, message);
            self.state = State::InLine;
            return input.len();
        };
        self.state = match input.get(end..end + 2) {
            // The common case in one step: the line and its CRLF are copied together.
            Some(b"\r\n") => {
                self.keep(&input[..end + 2], message);
                self.state = State::LineStart { clean: true };
                return end + 2;
            }
            _ if input[end] == b'\r' => State::Cr,
            _ if input[end] == b'\n' => {
                self.flag(Fault::BareLf);
                State::LineStart { clean: false }
            }
            _ => {
                self.flag(Fault::Nul);
                State::InLine
            }
        };
        self.keep(&input[..end], message);
        end + 1
    }

    fn keep(&mut self, octets: &[u8], message: &mut Vec<u8>) {
        self.seen += octets.len();
        if self.seen > self.limit {
            self.flag(Fault::TooLarge);
        }
        if self.fault.is_none() {
            message.extend_from_slice(octets);
        }
    }

    fn flag(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

/// The slices of a message as the wire wants them: dot-stuffed (RFC 5321 4.5.2), without the end of data. A message
/// that does not end in CRLF gets one, since the end of data needs it.
pub fn stuffed(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends_well = message.is_empty() || message.ends_with(b"\r\n");
    let first: &[u8] = if message.starts_with(b".") { b"." } else { b"" };
    let mut from = 0;
    memchr::memmem::find_iter(message, b"\n.")
        .map(|at| at + 1)
        .chain([message.len()])
        .enumerate()
        .flat_map(move |(n, end)| {
            let stuffing: &[u8] = if n == 0 { first } else { b"." };
            let slice = &message[from..end];
            from = end;
            [stuffing, slice]
        })
        .chain((!ends_well).then_some(&b"\r\n"[..]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Feeds in pieces of `size`; what was kept, how it ended, and the fault.
    fn read(wire: &[u8], size: usize) -> (Vec<u8>, Option<Progress>, Option<Fault>) {
        let (mut reader, mut message) = (DataReader::new(1000), Vec::new());
        for (n, piece) in wire.chunks(size).enumerate() {
            match reader.feed(piece, &mut message) {
                Progress::More => {}
                Progress::End(at) => return (message, Some(Progress::End(n * size + at)), reader.fault()),
                Progress::SloppyEnd => return (message, Some(Progress::SloppyEnd), reader.fault()),
            }
        }
        (message, None, reader.fault())
    }

    #[test]
    fn ends_and_false_ends() {
        let end = |at| Some(Progress::End(at));
        let sloppy = Some(Progress::SloppyEnd);
        let cases: &[(&[u8], Option<Progress>, Option<Fault>)] = &[
            (b".\r\n", end(3), None),
            (b"a\r\n.\r\nrest", end(6), None),
            (b"a\n.\n", sloppy, Some(Fault::BareLf)),
            (b"a\n.\r\nx", sloppy, Some(Fault::BareLf)),
            (b"a\r\n.\n", sloppy, Some(Fault::BareLf)),
            (b"a\r.\rx", sloppy, Some(Fault::BareCr)),
            (b"a\r.\r\n", sloppy, Some(Fault::BareCr)),
            (b"a\r\n.\rx", sloppy, Some(Fault::BareCr)),
            (b"a\r\n.\r\r\n", sloppy, Some(Fault::BareCr)),
            (b"a\r.\n", sloppy, Some(Fault::BareCr)),
            (b"a\r\n\0.\r\nb\r\n.\r\n", end(13), Some(Fault::Nul)),
            (b"a\r\n.\0\r\nb\r\n.\r\n", end(13), Some(Fault::Nul)),
            (b"a\r\r\n.\r\n", end(7), Some(Fault::BareCr)),
            (b"a\nb\r\n.\r\n", end(8), Some(Fault::BareLf)),
            (b"a\r\n. \r\n", None, None),
        ];
        for size in [1, 2, 3, 1000] {
            for (wire, how, fault) in cases {
                let (_, ended, found) = read(wire, size);
                assert_eq!((ended, found), (*how, *fault), "{:?} in pieces of {size}", String::from_utf8_lossy(wire));
            }
        }
    }

    #[test]
    fn too_large_is_read_to_its_end() {
        let wire = [&[b'x'; 1001][..], b"\r\n.\r\n"].concat();
        let (message, ended, fault) = read(&wire, 64);
        assert_eq!((ended, fault), (Some(Progress::End(wire.len())), Some(Fault::TooLarge)));
        assert!(message.len() <= 1000);
    }

    proptest! {
        #[test]
        fn stuffing_and_reading_agree(lines in proptest::collection::vec("[.a]{0,4}", 0..20), size in 1usize..30) {
            let message: String = lines.iter().map(|l| format!("{l}\r\n")).collect();
            let mut wire: Vec<u8> = stuffed(message.as_bytes()).flatten().copied().collect();
            wire.extend_from_slice(b".\r\n");
            let (read, ended, fault) = read(&wire, size);
            prop_assert_eq!(read, message.into_bytes());
            prop_assert_eq!((ended, fault), (Some(Progress::End(wire.len())), None));
        }

        #[test]
        fn what_is_kept_never_holds_a_bare_cr_lf_or_nul(wire in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(0u8), Just(b'x')], 0..60), size in 1usize..9) {
            let (message, _, fault) = read(&wire, size);
            if fault.is_none() {
                let text = String::from_utf8(message).unwrap().replace("\r\n", "");
                prop_assert!(!text.contains(['\r', '\n', '\0']));
            }
        }
    }
}
