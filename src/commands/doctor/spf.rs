//! Whether a domain's SPF record lets mail come from an address (RFC 7208): the mechanisms that name addresses, in their
//! order, and no more look-ups than the RFC allows. Macros and `exists` are passed over, so that "no" may then be "perhaps".

use std::net::IpAddr;

use futures_util::future::BoxFuture;
use ipnet::IpNet;

use crate::tls::posture::{Postures, Trouble};

/// Look-ups of one evaluation (4.6.4).
const LOOK_UPS: usize = 10;

/// Whether mail of this domain may come from this address.
///
/// # Errors
/// It cannot be found out now.
pub(super) async fn allows(postures: &Postures, domain: &str, address: IpAddr) -> Result<bool, Trouble> {
    let mut left = LOOK_UPS;
    Ok(of(postures, domain, address, &mut left).await?.unwrap_or(false))
}

/// What a domain's record says of an address; none when nothing in it does.
fn of<'p>(
    postures: &'p Postures,
    domain: &'p str,
    address: IpAddr,
    left: &'p mut usize,
) -> BoxFuture<'p, Result<Option<bool>, Trouble>> {
    Box::pin(async move {
        let records = postures.texts(domain).await?;
        let Some(record) = records.iter().find(|record| is_spf(record)) else { return Ok(None) };
        let mut elsewhere = None;
        for word in record.split_ascii_whitespace().skip(1) {
            if let Some(domain) = word.strip_prefix("redirect=") {
                elsewhere = Some(domain);
                continue;
            }
            let (passes, mechanism) = match word.strip_prefix(['-', '~', '?']) {
                Some(mechanism) => (false, mechanism),
                None => (true, word.strip_prefix('+').unwrap_or(word)),
            };
            let (name, value) = mechanism.split_once(':').unwrap_or((mechanism, ""));
            let fits = match name.to_ascii_lowercase().as_str() {
                "all" => true,
                "ip4" | "ip6" => {
                    value.parse::<IpNet>().is_ok_and(|net| net.contains(&address)) || value.parse() == Ok(address)
                }
                "a" | "mx" | "include" if *left == 0 => false,
                "a" => {
                    *left -= 1;
                    postures.addresses(if value.is_empty() { domain } else { value }).await?.contains(&address)
                }
                "mx" => {
                    *left -= 1;
                    let posture = postures.of(if value.is_empty() { domain } else { value }).await;
                    posture.hosts.iter().any(|host| host.addresses.contains(&address))
                }
                "include" => {
                    *left -= 1;
                    of(postures, value, address, left).await? == Some(true)
                }
                _ => false,
            };
            if fits {
                return Ok(Some(passes));
            }
        }
        match elsewhere.filter(|_| *left > 0) {
            Some(domain) => {
                *left -= 1;
                of(postures, domain, address, left).await
            }
            None => Ok(None),
        }
    })
}

/// Whether a text is an SPF record (4.5).
fn is_spf(text: &str) -> bool {
    text == "v=spf1" || text.starts_with("v=spf1 ")
}
