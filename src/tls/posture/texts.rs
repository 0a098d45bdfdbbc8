//! The TXT records around mail: MTA-STS (RFC 8461 3.1), where TLS reports go (RFC 8460 3), and NTA 7516.
//!
//! Each has a version in front; what has it not is somebody else's record and is passed over. Two that have it are as
//! good as none, as both RFCs have it. What is read is bounded, and nothing here fails.

use jiff::civil::Date;

use super::found::Nta7516;

/// Octets of a record that are looked at.
const LENGTH: usize = 2048;
/// Addresses that reports go to.
const REPORTS: usize = 4;
/// Hosts of an NTA 7516 record.
const HOSTS: usize = 8;

/// The id of the one MTA-STS record, if there is one.
pub(super) fn sts_id(records: &[String]) -> Option<String> {
    let fields = the_one(records, "STSv1")?;
    let id = value(&fields, "id")?;
    let is_id = (1..=32).contains(&id.len()) && id.bytes().all(|octet| octet.is_ascii_alphanumeric());
    is_id.then(|| id.to_owned())
}

/// Where reports about TLS go.
pub(super) fn report_addresses(records: &[String]) -> Vec<String> {
    let Some(fields) = the_one(records, "TLSRPTv1") else { return Vec::new() };
    let addresses = value(&fields, "rua").unwrap_or_default().split(',').map(str::trim);
    let known = |address: &&str| {
        let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        matches!(scheme.as_deref(), Some("mailto" | "https")) && address.bytes().all(|octet| octet.is_ascii_graphic())
    };
    addresses.filter(known).take(REPORTS).map(str::to_owned).collect()
}

/// The NTA 7516 record that is in force on a day.
pub(super) fn nta7516(records: &[String], secure: bool, today: Date) -> Option<Nta7516> {
    let fields = the_one(records, "NTA7516-1")?;
    let start = month(value(&fields, "startdate")?)?;
    let end = month(value(&fields, "enddate")?)?.last_of_month();
    if today < start || end < today {
        return None;
    }
    let provider: String = value(&fields, "provider").unwrap_or_default().chars().take(255).collect();
    let hosts = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("ntamx"));
    let host = |(_, value): &(&str, &str)| {
        let name = value.split_whitespace().last()?.trim_end_matches('.').to_ascii_lowercase();
        (!name.is_empty() && name.len() <= 253 && name.is_ascii()).then_some(name)
    };
    Some(Nta7516 { provider, start, end, mx: hosts.filter_map(host).take(HOSTS).collect(), secure })
}

/// The first of a month that is written `YYYY-MM`.
fn month(text: &str) -> Option<Date> {
    let (year, month) = text.split_once('-')?;
    Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()
}

/// The fields behind the version of the one record that has it.
fn the_one<'r>(records: &'r [String], version: &str) -> Option<Vec<(&'r str, &'r str)>> {
    let mut with_version = records.iter().filter_map(|record| {
        let record = record.get(..LENGTH).unwrap_or(record);
        let mut fields = record.split(';').map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (name.trim(), value.trim())
        });
        let first = fields.next()?;
        (first == ("v", version)).then(|| fields.collect())
    });
    let one = with_version.next()?;
    with_version.next().is_none().then_some(one)
}

fn value<'r>(fields: &[(&'r str, &'r str)], name: &str) -> Option<&'r str> {
    fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn records(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn an_sts_record_is_one_with_an_id() {
        for (texts, expected) in [
            (&["v=STSv1; id=20260101T000000;"][..], Some("20260101T000000")),
            (&["v=STSv1;id=1"], Some("1")),
            (&["v=STSv1 ; id = 7 ; x=y"], Some("7")),
            (&["v=spf1 -all", "v=STSv1; id=2;"], Some("2")),
            (&["v=STSv1; id=1;", "v=STSv1; id=2;"], None),
            (&["v=STSv1;"], None),
            (&["v=STSv1; id=;"], None),
            (&["v=STSv1; id=a-b;"], None),
            (&["v=STSv1; id=123456789012345678901234567890123;"], None),
            (&["v=STSv2; id=1;"], None),
            (&["id=1; v=STSv1;"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(sts_id(&records(texts)).as_deref(), expected, "{texts:?}");
        }
    }

    #[test]
    fn reports_go_where_the_record_says() {
        let found = report_addresses(&records(&["v=TLSRPTv1; rua=mailto:tls@a.example, https://b.example/r"]));
        assert_eq!(found, ["mailto:tls@a.example", "https://b.example/r"]);
        assert!(report_addresses(&records(&["v=TLSRPTv1; rua=ftp://a.example"])).is_empty());
        assert!(report_addresses(&records(&["v=TLSRPTv1; rua=mailto:a b"])).is_empty());
        let many = format!("v=TLSRPTv1; rua={}", vec!["mailto:a@b.example"; 50].join(","));
        assert_eq!(report_addresses(&[many]).len(), REPORTS);
    }

    #[test]
    fn an_nta_record_holds_from_month_to_month() {
        let text = "v=NTA7516-1;startdate=2026-03;enddate=2027-02;provider=Zorgpost;ntamx=10 mx.zorgpost.example.";
        let on = |day: &str| nta7516(&records(&[text]), true, day.parse().unwrap());
        assert_eq!(on("2026-02-28"), None);
        let found = on("2026-03-01").unwrap();
        assert_eq!((found.provider.as_str(), found.mx), ("Zorgpost", vec!["mx.zorgpost.example".to_owned()]));
        assert!(on("2027-02-28").is_some() && on("2027-03-01").is_none());
        for wrong in ["startdate=2026", "startdate=2026-13;enddate=2027-01", "startdate=-1-1;enddate=9999-12", ""] {
            assert_eq!(
                nta7516(&records(&[&format!("v=NTA7516-1;{wrong}")]), true, "2026-06-01".parse().unwrap()),
                None
            );
        }
    }

    #[test]
    fn long_records_and_records_of_other_scripts_are_no_trouble() {
        let long = format!("v=STSv1; id=1; x={}", "é".repeat(5000));
        assert_eq!(sts_id(&[long]).as_deref(), Some("1"));
        assert_eq!(sts_id(&["€".repeat(2000)]), None);
    }
}
