//! The next hop's replies, line by line (RFC 5321 4.2). Pure and bounded: an endless reply is nonsense.

/// A reply as the next hop gave it.
#[derive(Clone, PartialEq, Eq)]
pub struct NextHopReply {
    /// 200..=599.
    pub code: u16,
    /// The lines without code; may hold anything but line ends.
    pub lines: Vec<String>,
}

/// The words may quote an address: `Debug` shows the code alone.
impl std::fmt::Debug for NextHopReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NextHopReply({})", self.code)
    }
}

impl NextHopReply {
    /// 2xx.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.code)
    }
}

/// What came is no SMTP reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonsense;

/// Longest line taken, octets; four times what RFC 5321 4.5.3.1.5 allows.
pub const MAX_LINE: usize = 2048;
/// Most lines of one reply.
const MAX_LINES: usize = 128;

/// Collects the lines of one reply.
#[derive(Debug, Default)]
pub struct ReplyReader {
    code: Option<u16>,
    lines: Vec<String>,
}

impl ReplyReader {
    /// Takes the next complete line out of `pending`. Returns how many octets it used, and the reply once it is
    /// complete; `Ok(None)` asks for more input.
    ///
    /// # Errors
    /// [`Nonsense`] when what came can be no reply; the connection is then of no use any more.
    pub fn take(&mut self, pending: &[u8]) -> Result<Option<(usize, Option<NextHopReply>)>, Nonsense> {
        let window = &pending[..pending.len().min(MAX_LINE)];
        let Some(end) = memchr::memchr(b'\n', window) else {
            return if pending.len() >= MAX_LINE { Err(Nonsense) } else { Ok(None) };
        };
        let line = window[..end].strip_suffix(b"\r").unwrap_or(&window[..end]);
        let last = self.line(line)?;
        let reply =
            last.then(|| NextHopReply { code: self.code.take().unwrap_or(0), lines: std::mem::take(&mut self.lines) });
        Ok(Some((end + 1, reply)))
    }

    /// Whether this was the last line.
    fn line(&mut self, line: &[u8]) -> Result<bool, Nonsense> {
        let (digits, rest) = line.split_at_checked(3).ok_or(Nonsense)?;
        let code = match digits {
            [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9'] => {
                digits.iter().fold(0u16, |code, d| code * 10 + u16::from(d - b'0'))
            }
            _ => return Err(Nonsense),
        };
        if self.code.is_some_and(|first| first != code) || self.lines.len() >= MAX_LINES {
            return Err(Nonsense);
        }
        let (last, text) = match rest.split_first() {
            None => (true, rest),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(Nonsense),
        };
        self.code = Some(code);
        self.lines.push(String::from_utf8_lossy(text).into_owned());
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Result<Option<(usize, NextHopReply)>, Nonsense> {
        let (mut reader, mut used) = (ReplyReader::default(), 0);
        while let Some((octets, reply)) = reader.take(&input[used..])? {
            used += octets;
            if let Some(reply) = reply {
                return Ok(Some((used, reply)));
            }
        }
        Ok(None)
    }

    #[test]
    fn replies() {
        let reply =
            |code, lines: &[&str]| NextHopReply { code, lines: lines.iter().map(|l| (*l).to_string()).collect() };
        for (input, expected) in [
            (&b"250 ok\r\n"[..], Some((8, reply(250, &["ok"])))),
            (b"250\r\n", Some((5, reply(250, &[""])))),
            (b"250-a\r\n250 b\r\n451 x\r\n", Some((14, reply(250, &["a", "b"])))),
            (b"250-a\r\n250", None),
            (b"250 lf only\n", Some((12, reply(250, &["lf only"])))),
        ] {
            assert_eq!(read(input), Ok(expected), "{:?}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn nonsense() {
        let endless = [&b"250"[..], &[b'x'; MAX_LINE]].concat();
        let many = b"250-more\r\n".repeat(MAX_LINES + 1);
        for input in [
            &b"hello there\r\n"[..],
            b"999 what\r\n",
            b"000 what\r\n",
            b"25\r\n",
            b"\r\n",
            b"\xff\0\xfe\r\n",
            b"250-yes\r\n550 no\r\n",
            b"250x\r\n",
            &endless,
            &many,
        ] {
            assert_eq!(read(input), Err(Nonsense), "{:?}", String::from_utf8_lossy(&input[..input.len().min(30)]));
        }
    }
}
