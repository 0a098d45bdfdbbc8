//! Command lines -> commands (RFC 5321 4.1, RFC 3461 DSN, RFC 6152 8BITMIME, RFC 6531 SMTPUTF8, RFC 4954 AUTH).
//!
//! Pure. What goes on to the next hop is kept as typed beside what was understood of it. Anything with a control
//! character is refused before it is looked at, so nothing that is passed on can end a line.

use crate::message::{Mailbox, MailboxError};
use crate::secret::Secret;
use crate::smtp::reply::Reply;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// EHLO and the client's name.
    Ehlo(String),
    /// HELO and the client's name.
    Helo(String),
    /// MAIL FROM.
    Mail(MailCommand),
    /// RCPT TO.
    Rcpt(RcptCommand),
    /// DATA.
    Data,
    /// RSET.
    Rset,
    /// NOOP, with or without text.
    Noop,
    /// VRFY.
    Vrfy,
    /// HELP.
    Help,
    /// QUIT.
    Quit,
    /// STARTTLS.
    StartTls,
    /// AUTH: mechanism in capitals, and the initial response.
    Auth(String, Option<Secret<String>>),
    /// A command of SMTP that we do not offer.
    NotOffered,
    /// A line that no mail client sends: an HTTP request, or a header field of a message whose DATA was refused.
    NotSmtp,
    /// Anything else.
    Unknown,
}

/// MAIL FROM with what was understood of its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailCommand {
    /// The reverse-path; `None` is `<>`.
    pub sender: Option<Mailbox>,
    /// SIZE= (RFC 1870), octets.
    pub size: Option<usize>,
    /// BODY=8BITMIME was said.
    pub eight_bit: bool,
    /// SMTPUTF8 was said.
    pub smtputf8: bool,
    /// RET= and ENVID= as typed (RFC 3461), which go on verbatim.
    pub dsn: String,
    /// REQUIRETLS was said (RFC 8689).
    pub require_tls: bool,
}

/// RCPT TO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcptCommand {
    /// The forward-path.
    pub mailbox: Mailbox,
    /// NOTIFY= and ORCPT= as typed (RFC 3461).
    pub dsn: String,
}

impl Command {
    /// Understands one line, without its CRLF.
    ///
    /// # Errors
    /// The reply that refuses it.
    pub fn parse(line: &[u8]) -> Result<Self, Reply> {
        if line.iter().any(|&b| b < 32 || b == 127) {
            return Err(Reply::control_characters());
        }
        let Ok(line) = std::str::from_utf8(line) else {
            return Err(Reply::syntax("A command must be ASCII or UTF-8"));
        };
        if line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(Reply::control_characters());
        }
        let line = line.trim_end_matches(' ');
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim_start_matches(' ');
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => hello_name(rest).map(Self::Ehlo),
            "HELO" => hello_name(rest).map(Self::Helo),
            "MAIL" => mail(rest).map(Self::Mail),
            "RCPT" => rcpt(rest).map(Self::Rcpt),
            "DATA" => without_argument(rest, Self::Data),
            "RSET" => without_argument(rest, Self::Rset),
            "QUIT" => without_argument(rest, Self::Quit),
            "STARTTLS" => without_argument(rest, Self::StartTls),
            "NOOP" => Ok(Self::Noop),
            "VRFY" => Ok(Self::Vrfy),
            "HELP" => Ok(Self::Help),
            "AUTH" => auth(rest),
            "BDAT" | "EXPN" | "TURN" | "ETRN" | "ATRN" | "BURL" | "XCLIENT" | "XFORWARD" => Ok(Self::NotOffered),
            "GET" | "POST" | "PUT" | "HEAD" | "OPTIONS" | "CONNECT" | "PROXY" | "USER" | "PASS" => Ok(Self::NotSmtp),
            word if is_header_field(word) => Ok(Self::NotSmtp),
            _ => Ok(Self::Unknown),
        }
    }
}

/// `Subject:`, `X-Ledger:`: text of a message, not a command.
fn is_header_field(word: &str) -> bool {
    word.strip_suffix(':').is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()))
}

fn without_argument(rest: &str, command: Command) -> Result<Command, Reply> {
    if rest.is_empty() { Ok(command) } else { Err(Reply::syntax("This command takes no argument")) }
}

/// Real clients send domains, address literals, and, on Windows, names with an underscore.
fn hello_name(rest: &str) -> Result<String, Reply> {
    let well_formed = !rest.is_empty() && rest.len() <= 255 && rest.bytes().all(|b| b.is_ascii_graphic());
    if well_formed { Ok(rest.to_string()) } else { Err(Reply::syntax("EHLO and HELO need the client's host name")) }
}

fn mail(rest: &str) -> Result<MailCommand, Reply> {
    let (path, parameters) = path(rest, "FROM:")?;
    let sender = match path {
        "" => None,
        typed => Some(Mailbox::parse(typed).map_err(|error| refuse(error, Reply::bad_sender()))?),
    };
    let mut command = MailCommand { sender, ..MailCommand::default() };
    for parameter in parameters.split(' ').filter(|p| !p.is_empty()) {
        let (name, value) = split_parameter(parameter);
        match (name.as_str(), value) {
            ("SIZE", Some(value)) => command.size = Some(size(value)?),
            ("BODY", Some(value)) => command.eight_bit = body(value)?,
            ("SMTPUTF8", None) => command.smtputf8 = true,
            ("REQUIRETLS", None) => command.require_tls = true,
            ("RET" | "ENVID", Some(_)) => add(&mut command.dsn, parameter)?,
            // RFC 4954 5: a server that does not trust the client treats it as AUTH=<> and does not pass it on.
            ("AUTH", Some(_)) => {}
            _ => return Err(Reply::unknown_parameter()),
        }
    }
    if command.sender.as_ref().is_some_and(Mailbox::is_international) && !command.smtputf8 {
        return Err(Reply::new(553, "5.6.7", "An international address needs SMTPUTF8"));
    }
    Ok(command)
}

fn rcpt(rest: &str) -> Result<RcptCommand, Reply> {
    let (path, parameters) = path(rest, "TO:")?;
    let mailbox = if path.eq_ignore_ascii_case("postmaster") {
        return Err(Reply::new(550, "5.1.1", "Give the postmaster's full address"));
    } else {
        Mailbox::parse(path).map_err(|error| refuse(error, Reply::bad_recipient()))?
    };
    let mut dsn = String::new();
    for parameter in parameters.split(' ').filter(|p| !p.is_empty()) {
        match split_parameter(parameter) {
            (name, Some(_)) if matches!(name.as_str(), "NOTIFY" | "ORCPT") => add(&mut dsn, parameter)?,
            _ => return Err(Reply::unknown_parameter()),
        }
    }
    Ok(RcptCommand { mailbox, dsn })
}

/// `FROM:<path> parameters`: the path between the angle brackets, and the rest.
fn path<'l>(rest: &'l str, keyword: &str) -> Result<(&'l str, &'l str), Reply> {
    let bad = || Reply::syntax(&format!("The form is {keyword}<address>"));
    let head = rest.get(..keyword.len()).ok_or_else(bad)?;
    if !head.eq_ignore_ascii_case(keyword) {
        return Err(bad());
    }
    // A space before the bracket is common enough, and means nothing else.
    let rest = rest[keyword.len()..].trim_start_matches(' ').strip_prefix('<').ok_or_else(bad)?;
    let end = closing_bracket(rest).ok_or_else(bad)?;
    let after = &rest[end + 1..];
    if after.is_empty() || after.starts_with(' ') { Ok((&rest[..end], after)) } else { Err(bad()) }
}

/// The first `>` that is not inside a quoted local part.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().find_map(|(offset, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(offset),
            _ => {}
        }
        None
    })
}

fn refuse(error: MailboxError, otherwise: Reply) -> Reply {
    match error {
        MailboxError::SourceRoute => Reply::source_route(),
        MailboxError::Syntax => otherwise,
    }
}

fn split_parameter(parameter: &str) -> (String, Option<&str>) {
    match parameter.split_once('=') {
        Some((name, value)) => (name.to_ascii_uppercase(), Some(value)),
        None => (parameter.to_ascii_uppercase(), None),
    }
}

fn size(value: &str) -> Result<usize, Reply> {
    let digits = !value.is_empty() && value.len() <= 20 && value.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(Reply::syntax("SIZE= needs a number"));
    }
    // Twenty digits may be more than a machine word: still a size, and larger than any limit.
    Ok(value.parse().unwrap_or(usize::MAX))
}

fn body(value: &str) -> Result<bool, Reply> {
    match value.to_ascii_uppercase().as_str() {
        "8BITMIME" => Ok(true),
        "7BIT" => Ok(false),
        _ => Err(Reply::unknown_parameter()),
    }
}

/// DSN parameters go on verbatim, so they must be what RFC 3461 allows: printable ASCII, bounded.
fn add(dsn: &mut String, parameter: &str) -> Result<(), Reply> {
    if dsn.len() + parameter.len() > 1200 || !parameter.is_ascii() {
        return Err(Reply::syntax("A DSN parameter is not well formed"));
    }
    dsn.push(' ');
    dsn.push_str(parameter);
    Ok(())
}

fn auth(rest: &str) -> Result<Command, Reply> {
    let mut words = rest.split(' ').filter(|w| !w.is_empty());
    match (words.next(), words.next(), words.next()) {
        (Some(mechanism), initial, None) => {
            Ok(Command::Auth(mechanism.to_ascii_uppercase(), initial.map(|initial| Secret::new(initial.to_string()))))
        }
        _ => Err(Reply::syntax("The form is AUTH mechanism")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_goes_on_is_kept_as_typed() {
        let line = "mail from:<\"a b\"@school.example> size=12 BODY=8bitmime RET=HDRS envid=QQ314159";
        let Command::Mail(mail) = Command::parse(line.as_bytes()).unwrap() else { panic!("no MAIL") };
        assert_eq!(mail.sender.unwrap().typed(), "\"a b\"@school.example");
        assert_eq!((mail.size, mail.eight_bit, mail.dsn.as_str()), (Some(12), true, " RET=HDRS envid=QQ314159"));
        let Command::Rcpt(rcpt) = Command::parse(b"RCPT TO: <zo@b.example> NOTIFY=NEVER ORCPT=rfc822;x@y").unwrap()
        else {
            panic!("no RCPT")
        };
        assert_eq!(rcpt.dsn, " NOTIFY=NEVER ORCPT=rfc822;x@y");
    }

    #[test]
    fn lines_that_are_refused() {
        for (line, code) in [
            (&b"MAIL FROM:<a\rb@c.d>"[..], 501),
            (b"MAIL FROM:<a\0b@c.d>", 501),
            (b"MAIL FROM:a@c.d", 501),
            (b"MAIL FROM:<a@c.d>x", 501),
            (b"MAIL FROM:<a@c.d> SIZE=-1", 501),
            // Legal, and read in different ways by different servers.
            (b"MAIL FROM:<\"a>b\"@c.d>", 501),
            (b"MAIL FROM:<a@c.d> FOO=1", 555),
            (b"MAIL FROM:<a@c.d> BODY=BINARYMIME", 555),
            ("MAIL FROM:<daniëlle@c.d>".as_bytes(), 553),
            (b"RCPT TO:<@a,@b:c@d.e>", 501),
            (b"RCPT TO:<@@bad>", 501),
            (b"RCPT TO:<>", 501),
            (b"EHLO", 501),
            (b"EHLO a b", 501),
            (b"DATA now", 501),
            (b"\xff\xfe", 501),
            ("NOOP \u{85}".as_bytes(), 501),
        ] {
            assert_eq!(Command::parse(line).unwrap_err().code(), code, "{:?}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn lines_that_are_no_smtp() {
        for line in ["POST / HTTP/1.1", "Host: x", "Subject: x", "X-Ledger: 1"] {
            assert_eq!(Command::parse(line.as_bytes()).unwrap(), Command::NotSmtp, "{line}");
        }
        assert_eq!(Command::parse(b"XYZZY").unwrap(), Command::Unknown);
    }
}
