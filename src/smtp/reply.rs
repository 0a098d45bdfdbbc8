//! SMTP replies: every one that we say ourselves, and the next hop's as we carry it back.
//!
//! Code, enhanced code (RFC 3463) and text stand together in one place, so that they cannot drift. A reply
//! never holds a found value, nor anything that the client sent.

use std::fmt;

/// One reply: a code and its lines. The lines hold printable characters only.
#[must_use]
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    lines: Vec<String>,
}

/// Longest reply line that we write, without code and CRLF (RFC 5321 4.5.3.1.5: 512 octets in all).
const MAX_LINE: usize = 500;
/// Most lines of the next hop's reply that we carry back.
const MAX_LINES: usize = 50;

impl Reply {
    /// A reply of our own: `(550, "5.7.1", "text")`.
    pub fn new(code: u16, enhanced: &str, text: &str) -> Self {
        Self { code, lines: vec![format!("{enhanced} {}", clean(text))] }
    }

    /// A reply without enhanced code (greeting, EHLO, 354), of one or more lines.
    pub fn plain<I: IntoIterator<Item = S>, S: Into<String>>(code: u16, lines: I) -> Self {
        Self { code, lines: lines.into_iter().map(Into::into).collect() }
    }

    /// The next hop's reply as the client may see it: same code and text, control characters gone, an
    /// enhanced code put before lines that have none (RFC 2034 3).
    ///
    /// A 421 becomes a 451: it speaks of the next hop's connection, while the client's stays. Complaints
    /// about *our* sign-in or TLS (530, 534, 535, 538) become a 451 too: they are ours to mend, no reason to
    /// lose a mail. A reply that is neither 2xx, 4xx nor 5xx is nonsense here and becomes a 451.
    pub fn from_next_hop(code: u16, lines: &[String]) -> Self {
        match code {
            421 => return Self { code: 451, ..Self::carried(421, lines) },
            530 | 534 | 535 | 538 => return Self::next_hop_refuses_us(),
            200..=299 | 400..=599 => {}
            _ => return Self::next_hop_nonsense(),
        }
        Self::carried(code, lines)
    }

    /// The next hop's refusal of credentials that are its client's own, as it came (RFC 4954 6); of a 421 the session
    /// hears a 454, since it goes on. What is no refusal is nonsense, and nobody's fault: a 454 too.
    pub fn from_next_hop_to_sign_in(code: u16, lines: &[String]) -> Self {
        match code {
            421 => Self { code: 454, ..Self::carried(421, lines) },
            400..=599 => Self::carried(code, lines),
            _ => Self::authentication_away(),
        }
    }

    fn carried(code: u16, lines: &[String]) -> Self {
        let class = code / 100;
        let lines: Vec<_> = lines
            .iter()
            .take(MAX_LINES)
            .map(|line| {
                let line = clean(line);
                if has_enhanced_code(&line, class) { line } else { format!("{class}.0.0 {line}") }
            })
            .collect();
        if lines.is_empty() { Self { code, lines: vec![format!("{class}.0.0")] } } else { Self { code, lines } }
    }

    /// The code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced code (RFC 3463), when it has one.
    pub fn enhanced(&self) -> Option<&str> {
        let line = self.lines.first().filter(|line| has_enhanced_code(line, self.code / 100))?;
        line.split(' ').next()
    }

    /// Whether it is a 2xx.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it refuses for good (5xx).
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// Appends the reply as it goes over the wire.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let last = self.lines.len().saturating_sub(1);
        for (n, line) in self.lines.iter().enumerate() {
            let dash = if n < last { '-' } else { ' ' };
            out.extend_from_slice(format!("{}{dash}{line}\r\n", self.code).as_bytes());
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" / "))
    }
}

/// The next hop's words may quote an address: `Debug` shows the code alone.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({})", self.code)
    }
}

/// Everything that we say ourselves, by occasion.
impl Reply {
    /// MAIL, RCPT and RSET done.
    pub fn ok() -> Self {
        Self::new(250, "2.0.0", "OK")
    }
    /// MAIL taken.
    pub fn sender_ok() -> Self {
        Self::new(250, "2.1.0", "Sender OK")
    }
    /// DATA may come.
    pub fn start_data() -> Self {
        Self::plain(354, ["End data with <CR><LF>.<CR><LF>"])
    }
    /// QUIT.
    pub fn bye(hostname: &str) -> Self {
        Self::new(221, "2.0.0", &format!("{hostname} closing the connection"))
    }
    /// VRFY: nothing is told, but mail will be tried (RFC 5321 7.3).
    pub fn vrfy() -> Self {
        Self::new(252, "2.1.5", "Cannot verify; will accept and try to deliver")
    }
    /// HELP.
    pub fn help() -> Self {
        Self::new(214, "2.0.0", "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY STARTTLS AUTH QUIT; see RFC 5321")
    }
    /// The handshake may begin.
    pub fn ready_for_tls() -> Self {
        Self::new(220, "2.0.0", "Ready to start TLS")
    }
    /// AUTH succeeded.
    pub fn authenticated() -> Self {
        Self::new(235, "2.7.0", "Authentication succeeded")
    }
    /// The mail was not sent, and its sender has been told by a notice.
    pub fn taken_and_noticed(id: &str) -> Self {
        Self::new(250, "2.7.1", &format!("Not sent on; the sender has been told why (id {id})"))
    }
    /// The mail is kept and on the disk; for some recipients it goes on, for others its sender chooses.
    pub fn taken(id: &str) -> Self {
        Self::new(250, "2.7.1", &format!("Taken; the sender will hear what was not sent on, and why (id {id})"))
    }

    /// A verb we do not have.
    pub fn unknown_command() -> Self {
        Self::new(500, "5.5.1", "Command not known")
    }
    /// A verb that exists in SMTP and that we do not offer.
    pub fn not_offered() -> Self {
        Self::new(502, "5.5.1", "Command not offered here")
    }
    /// Arguments that cannot be read.
    pub fn syntax(what: &str) -> Self {
        Self::new(501, "5.5.4", what)
    }
    /// Control characters in a command.
    pub fn control_characters() -> Self {
        Self::new(501, "5.5.2", "Control characters are not allowed in a command")
    }
    /// A command line without end.
    pub fn line_too_long() -> Self {
        Self::new(500, "5.5.6", "Command line too long")
    }
    /// A command at the wrong moment.
    pub fn bad_sequence(what: &str) -> Self {
        Self::new(503, "5.5.1", what)
    }
    /// DATA without a recipient.
    pub fn no_recipients() -> Self {
        Self::new(554, "5.5.1", "No valid recipients")
    }
    /// An address that is none.
    pub fn bad_sender() -> Self {
        Self::new(501, "5.1.7", "The sender's address is not well formed")
    }
    /// An address that is none.
    pub fn bad_recipient() -> Self {
        Self::new(501, "5.1.3", "The recipient's address is not well formed")
    }
    /// A source route.
    pub fn source_route() -> Self {
        Self::new(501, "5.1.3", "Source routes are not taken")
    }
    /// A MAIL or RCPT parameter that we did not offer.
    pub fn unknown_parameter() -> Self {
        Self::new(555, "5.5.4", "A parameter is not known or was not offered")
    }
    /// More recipients than one transaction may have.
    pub fn too_many_recipients() -> Self {
        Self::new(452, "4.5.3", "Too many recipients in one transaction; send the rest in another")
    }
    /// Over `max_message_size`.
    pub fn too_large(limit: usize) -> Self {
        Self::new(552, "5.3.4", &format!("The message is larger than {limit} octets"))
    }
    /// The memory budget over all sessions is spent.
    pub fn no_memory() -> Self {
        Self::new(452, "4.3.1", "No room for this message at the moment; try again soon")
    }
    /// Bare CR, bare LF or NUL in DATA (SMTP smuggling, CVE-2023-51764 and its kin): refused, never repaired.
    pub fn bad_line_ends(what: &str) -> Self {
        Self::new(
            550,
            "5.6.0",
            &format!(
                "The message holds {what}; set the program or device that made it to end lines with CR LF (RFC 5321 2.3.8)"
            ),
        )
    }
    /// Somebody who may not send through us.
    pub fn relay_denied() -> Self {
        Self::new(
            550,
            "5.7.1",
            "This address may not send mail through this gate; ask the school's IT to list its network",
        )
    }
    /// Sign in first.
    pub fn authentication_required() -> Self {
        Self::new(530, "5.7.0", "Authentication required")
    }
    /// AUTH before STARTTLS.
    pub fn tls_required() -> Self {
        Self::new(538, "5.7.11", "Encryption required before authentication; use STARTTLS")
    }
    /// Wrong name or password.
    pub fn authentication_failed() -> Self {
        Self::new(535, "5.7.8", "User name or password is wrong")
    }
    /// Too many password checks at once.
    pub fn authentication_busy() -> Self {
        Self::new(454, "4.7.0", "Too many sign-ins at the moment; try again soon")
    }
    /// The next hop, which knows the credentials, cannot be asked.
    pub fn authentication_away() -> Self {
        Self::new(454, "4.7.0", "Sign-ins cannot be checked at the moment; try again later")
    }
    /// An authenticated user, or a shared network, with a sender that is not theirs.
    pub fn sender_not_allowed() -> Self {
        Self::new(550, "5.7.1", "This sender address may not be used here")
    }
    /// The next hop lost 8BITMIME between EHLO and MAIL.
    pub fn no_8bitmime() -> Self {
        Self::new(554, "5.6.3", "The next mail server no longer takes 8-bit mail; send it as quoted-printable")
    }
    /// Nobody on the way onwards offers REQUIRETLS (RFC 8689 4.2.1, 5).
    pub fn no_requiretls() -> Self {
        Self::new(550, "5.7.30", "REQUIRETLS support required, and not there on the way to the recipient")
    }

    /// REQUIRETLS was asked for outside TLS (RFC 8689 2 (2)).
    pub fn requiretls_outside_tls() -> Self {
        Self::new(530, "5.7.0", "REQUIRETLS needs STARTTLS first")
    }

    /// No server of the recipient's domain proves who it is, for the moment.
    pub fn unproven_now() -> Self {
        Self::new(451, "4.7.5", "No server of the recipient's domain has proven who it is")
    }

    /// No server of the recipient's domain can prove who it is.
    pub fn unproven() -> Self {
        Self::new(550, "5.7.5", "No server of the recipient's domain can prove who it is")
    }

    /// The recipient's domain takes no mail (RFC 7505 4.1), or is none.
    pub fn no_such_domain() -> Self {
        Self::new(556, "5.1.10", "The recipient's domain takes no mail")
    }

    /// The next hop lost SMTPUTF8 between EHLO and MAIL.
    pub fn no_smtputf8() -> Self {
        Self::new(553, "5.6.7", "The next mail server does not take international addresses")
    }
    /// The next hop lost DSN or shrank SIZE between EHLO and MAIL: a new session will see the new offer.
    pub fn offer_changed() -> Self {
        Self::new(451, "4.5.0", "The next mail server offers less than before; try again")
    }
    /// A message that begins with a folded line: it would continue the last of our own header fields.
    pub fn begins_folded() -> Self {
        Self::new(
            550,
            "5.6.0",
            "The message begins with a space or tab; set the program that made it to begin with a header field (RFC 5322 2.2)",
        )
    }
    /// A mail loop.
    pub fn loop_found() -> Self {
        Self::new(554, "5.4.6", "Mail loop: this message has passed here before; check the connectors and redirects")
    }
    /// No next hop for this sender.
    pub fn no_route() -> Self {
        Self::new(451, "4.4.4", "No next mail server is configured for this sender; the school's IT must add one")
    }
    /// All connections to the next hop are in use.
    pub fn next_hop_busy() -> Self {
        Self::new(451, "4.3.2", "All connections to the next mail server are in use; try again soon")
    }
    /// No address of the next hop answers.
    pub fn next_hop_unreachable() -> Self {
        Self::new(451, "4.4.1", "The next mail server cannot be reached; try again later")
    }
    /// The next hop's TLS is not what the configuration demands.
    pub fn next_hop_tls() -> Self {
        Self::new(
            451,
            "4.7.5",
            "The next mail server could not be verified, so nothing was sent; the school's IT can see why",
        )
    }
    /// The next hop hung up or fell silent before it took the message.
    pub fn next_hop_lost() -> Self {
        Self::new(451, "4.4.2", "The connection to the next mail server was lost; nothing was sent, try again")
    }
    /// The next hop hung up or fell silent after the final dot (RFC 1047).
    pub fn next_hop_lost_after_dot() -> Self {
        Self::new(451, "4.4.2", "The next mail server did not confirm; the message may have been delivered")
    }
    /// The next hop's reply makes no sense.
    pub fn next_hop_nonsense() -> Self {
        Self::new(451, "4.5.0", "The next mail server gave an answer that cannot be understood; try again later")
    }
    /// The next hop refuses our own credentials or TLS.
    pub fn next_hop_refuses_us() -> Self {
        Self::new(451, "4.7.0", "The next mail server refuses this gate's sign-in; the school's IT must mend it")
    }
    /// A reopened transaction was answered differently.
    pub fn next_hop_differs() -> Self {
        Self::new(451, "4.4.2", "The next mail server changed its answer in the middle of the message; try again")
    }
    /// The scanner failed; the same message again will be treated as unread.
    pub fn scanner_failed() -> Self {
        Self::new(451, "4.3.0", "The message could not be checked this time; try again")
    }
    /// Other large messages are being scanned.
    pub fn scanner_busy() -> Self {
        Self::new(451, "4.3.2", "Too many large messages are being checked at the moment; try again soon")
    }
    /// The verdict is to wait.
    pub fn deferred() -> Self {
        Self::new(451, "4.7.1", "The message is held back for now by the school's policy; try again later")
    }
    /// The flood brake.
    pub fn flood() -> Self {
        Self::new(
            451,
            "4.7.1",
            "This sender has sent unusually much in the last hour; the rest is taken later. If it is meant, ask the \
             school's IT (flood brake)",
        )
    }
    /// The notice to the sender could not be handed over.
    pub fn notice_failed() -> Self {
        Self::new(451, "4.3.0", "The message was not sent on and its sender could not be told yet; try again")
    }
    /// The store cannot be written.
    pub fn store_failed() -> Self {
        Self::new(451, "4.3.0", "The message cannot be kept safely at the moment; try again later")
    }
    /// The disk is full.
    pub fn store_full() -> Self {
        Self::new(452, "4.3.1", "There is no room to keep the message safely; try again later")
    }
    /// What we took cannot be read any more; for our own outbox alone.
    pub fn lost_here() -> Self {
        Self::new(554, "5.3.0", "The message cannot be opened any more")
    }

    /// Too many at once.
    pub fn too_many_connections() -> Self {
        Self::new(421, "4.7.0", "Too many connections at the moment; try again later")
    }
    /// SIGTERM.
    pub fn draining() -> Self {
        Self::new(421, "4.3.2", "The gate is being restarted; try again in a moment")
    }
    /// Silence.
    pub fn timed_out() -> Self {
        Self::new(421, "4.4.2", "Nothing came in time; closing the connection")
    }
    /// Abuse: what was wrong.
    pub fn abuse(what: &str) -> Self {
        Self::new(421, "4.7.0", &format!("{what}; closing the connection"))
    }
}

/// Printable ASCII only, of bounded length: what goes into a reply line can never end it.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(MAX_LINE).collect()
}

/// Whether a line begins with an enhanced code of this class, `5.1.1 ...` (RFC 3463 2).
fn has_enhanced_code(line: &str, class: u16) -> bool {
    let code = line.split(' ').next().unwrap_or_default();
    let mut numbers = code.split('.');
    numbers.next() == Some(class.to_string().as_str())
        && numbers.clone().count() == 2
        && numbers.all(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    #[test]
    fn next_hop_replies_as_the_client_sees_them() {
        let cases: [(u16, &[&str], &str); 8] = [
            (250, &["2.6.0 first", "2.6.0 id=UP42"], "250-2.6.0 first\r\n250 2.6.0 id=UP42\r\n"),
            (550, &["no such user"], "550 5.0.0 no such user\r\n"),
            (550, &["4.1.1 wrong class"], "550 5.0.0 4.1.1 wrong class\r\n"),
            (421, &["4.3.2 busy"], "451 4.3.2 busy\r\n"),
            (550, &["5.1.1 a\rb\u{7}c"], "550 5.1.1 a?b?c\r\n"),
            (550, &[], "550 5.0.0\r\n"),
            (
                535,
                &["5.7.8 wrong"],
                "451 4.7.0 The next mail server refuses this gate's sign-in; the school's IT must mend it\r\n",
            ),
            (
                354,
                &["go"],
                "451 4.5.0 The next mail server gave an answer that cannot be understood; try again later\r\n",
            ),
        ];
        for (code, lines, expected) in cases {
            let lines: Vec<String> = lines.iter().map(|l| (*l).to_string()).collect();
            assert_eq!(wire(&Reply::from_next_hop(code, &lines)), expected);
        }
    }

    #[test]
    fn our_own_replies_agree_with_themselves() {
        for reply in
            [Reply::ok(), Reply::too_large(5), Reply::timed_out(), Reply::relay_denied(), Reply::next_hop_lost()]
        {
            let line = wire(&reply);
            assert_eq!(line.as_bytes()[0], line.as_bytes()[4], "{line}");
            assert!(line.len() <= 512, "{line}");
        }
    }
}
