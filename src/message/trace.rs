//! The `Received` line that we put on top (RFC 5321 4.4), and loop detection by it.
//!
//! Without `for`: it would show a Bcc recipient to the others.

use std::net::IpAddr;

/// What the line tells.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'t> {
    /// The name the client gave.
    pub hello: &'t str,
    /// Its address.
    pub address: IpAddr,
    /// Our name.
    pub hostname: &'t str,
    /// The `with` word.
    pub protocol: &'t str,
    /// TLS version and cipher suite.
    pub tls: Option<&'t str>,
    /// The id by which our log knows the transaction.
    pub id: &'t str,
    /// The time in RFC 5322 form.
    pub date: &'t str,
}

/// Most `Received` lines a message may have (Postfix's hopcount_limit).
pub const MAX_RECEIVED: usize = 50;

impl Trace<'_> {
    /// The header field with its CRLF.
    pub fn received(&self) -> String {
        let literal = match self.address {
            IpAddr::V4(address) => format!("[{address}]"),
            IpAddr::V6(address) => format!("[IPv6:{address}]"),
        };
        let tls = self.tls.map_or(String::new(), |tls| format!("\r\n\t({tls})"));
        format!(
            "Received: from {} ({literal})\r\n\tby {} (mailpoort) with {}{tls}\r\n\tid {}; {}\r\n",
            safe(self.hello),
            self.hostname,
            self.protocol,
            self.id,
            self.date,
        )
    }
}

/// A client's name as a header may show it: parentheses and quotes would begin comments and strings.
fn safe(hello: &str) -> String {
    hello
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']') { c } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_well_formed_whatever_the_client_calls_itself() {
        let trace = Trace {
            hello: "evil(\"<x>",
            address: IpAddr::from([192, 0, 2, 1]),
            hostname: "poort.school.example",
            protocol: "ESMTPS",
            tls: Some("TLSv1_3 TLS13_AES_256_GCM_SHA384"),
            id: "abc123",
            date: "Tue, 24 Nov 2026 14:07:00 +0100",
        };
        assert_eq!(
            trace.received(),
            "Received: from evil???x? ([192.0.2.1])\r\n\tby poort.school.example (mailpoort) with ESMTPS\r\n\t\
             (TLSv1_3 TLS13_AES_256_GCM_SHA384)\r\n\tid abc123; Tue, 24 Nov 2026 14:07:00 +0100\r\n"
        );
    }
}
