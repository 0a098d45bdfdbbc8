//! The address of the pages, as people see it.

use std::net::{IpAddr, SocketAddr};

/// `https://` and a host, perhaps with a port; nothing behind it. `http://` for this machine itself, where nobody listens
/// on the way: browsers keep secure cookies there too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// Reads one. None when it is not https (nor this machine), or has a path, a user or a fragment.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.strip_suffix('/').unwrap_or(typed).to_ascii_lowercase();
        let here = || typed.strip_prefix("http://").filter(|host| is_loopback(host));
        let host = typed.strip_prefix("https://").or_else(here)?;
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, Some(port)),
            _ => (host, None),
        };
        let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        let literal = |name: &str| name.bytes().all(|b| b.is_ascii_hexdigit() || b"[]:.".contains(&b));
        let named = !name.is_empty() && (plain(name) || name.starts_with('[') && literal(name));
        (named && port.is_none_or(|port| port.parse::<u16>().is_ok())).then_some(Self(typed))
    }

    /// The origin, as browsers send it: `https://poort.school.example`.
    pub fn origin(&self) -> &str {
        &self.0
    }

    /// The host alone, without a port.
    pub fn host(&self) -> &str {
        let host = self.0.split_once("://").map_or(self.0.as_str(), |(_, host)| host);
        match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => name,
            _ => host,
        }
    }

    /// The address of a page, by its path.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| host.parse());
    address.is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_https_and_a_host() {
        for good in [
            "https://poort.school.example",
            "https://Poort.school.example/",
            "https://127.0.0.1:8443",
            "http://127.0.0.1:8026",
        ] {
            assert!(Url::parse(good).is_some(), "{good}");
        }
        assert_eq!(Url::parse("https://Poort.example/").unwrap().page("/m/x"), "https://poort.example/m/x");
        for (typed, host) in [("https://poort.example:8443", "poort.example"), ("https://[::1]", "[::1]")] {
            assert_eq!(Url::parse(typed).unwrap().host(), host);
        }
        for bad in [
            "http://poort.example",
            "http://127.0.0.1.example:80",
            "http://192.0.2.1:80",
            "poort.example",
            "https://",
            "https://poort.example/pad",
            "https://a@poort.example",
            "https://poort.example:x",
            "https://poort.example#x",
            "https://poort .example",
        ] {
            assert!(Url::parse(bad).is_none(), "{bad}");
        }
    }
}
