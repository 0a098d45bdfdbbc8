//! `[sms]`: the provider of text messages, over HTTPS and nothing else.

use axum::http::{HeaderName, Method, StatusCode, Uri};

use super::share::SHORTEST_REASON;
use super::{Check, raw};
use crate::country::Country;
use crate::secret::Secret;
use crate::share::sms::{Format, Settings};

/// Texts a day that no school sends to parents on purpose.
const MOST_DAILY: u32 = 100_000;

impl Check<'_> {
    pub(super) fn sms(&mut self, raw: &raw::Sms, share: bool) -> Option<Settings> {
        if !share {
            self.problem(
                &raw.url.span(),
                "there is [sms], but no [share]: nobody would get a text",
                "add [share], or remove [sms]",
            );
        }
        let place = self.sms_place(raw);
        let country = self.sms_country(raw);
        let method = match raw.method.get_ref().as_str() {
            "POST" => Some(Method::POST),
            "PUT" => Some(Method::PUT),
            other => {
                let what = format!("`{other}` is no method by which a text is sent");
                self.problem(&raw.method.span(), what, "write \"POST\" or \"PUT\"");
                None
            }
        };
        let format = self.sms_body(raw);
        let headers = raw.headers.iter().filter_map(|header| self.sms_header(header)).collect();
        let ok_status: Vec<StatusCode> =
            raw.ok_status.get_ref().iter().filter_map(|code| StatusCode::from_u16(*code).ok()).collect();
        if ok_status.is_empty() || ok_status.len() != raw.ok_status.get_ref().len() {
            let remedy = "list the statuses by which the provider says that it took the text: [200, 201, 202]";
            self.problem(&raw.ok_status.span(), "`ok_status` is no list of HTTP statuses", remedy);
        }
        let code = raw.calling_code.get_ref();
        if code.is_empty() || code.len() > 3 || !code.bytes().all(|b| b.is_ascii_digit()) || code.starts_with('0') {
            let what = format!("`{code}` is no calling code of a country");
            self.problem(&raw.calling_code.span(), what, "write it without + or zeros: \"31\" is the Netherlands");
        }
        let daily = *raw.daily.get_ref();
        if daily == 0 || daily > MOST_DAILY {
            let remedy = format!("set it to 1 to {MOST_DAILY}; 500 is the default");
            self.problem(&raw.daily.span(), format!("`daily` of [sms] is {daily}"), remedy);
        }
        let (host, port, path) = place?;
        let ok_json = raw.ok_jsonpath.as_ref().map(|path| {
            let steps = path.get_ref().trim_start_matches("$.").split('.').map(str::to_owned).collect();
            (steps, raw.ok_values.clone())
        });
        Some(Settings {
            host,
            port,
            path,
            method: method?,
            headers,
            format,
            body: raw.body.get_ref().clone(),
            ok_status,
            ok_json,
            country: country?,
            calling_code: code.clone(),
            daily,
            ca: raw.ca.as_ref().map(|file| self.path(file)),
        })
    }

    /// Host, port and path of the provider.
    fn sms_place(&mut self, raw: &raw::Sms) -> Option<(String, u16, String)> {
        let uri: Option<Uri> = raw.url.get_ref().parse().ok();
        let uri = uri.filter(|uri| uri.scheme_str() == Some("https") && !raw.url.get_ref().contains('@'));
        let Some(uri) = uri.filter(|uri| uri.host().is_some_and(|host| !host.is_empty())) else {
            self.problem(
                &raw.url.span(),
                "`url` of [sms] is no address over https: codes and numbers would travel in the open",
                "write the address that the provider gives, beginning with https://",
            );
            return None;
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(443), path.to_owned()))
    }

    fn sms_country(&mut self, raw: &raw::Sms) -> Option<String> {
        let Some(typed) = &raw.country else {
            self.problem(
                &raw.url.span(),
                "it is not said in which country the provider of [sms] handles the numbers",
                "add `country`, for example \"NL\"; parents can read it on the privacy page",
            );
            return None;
        };
        let Some(country) = Country::parse(typed.get_ref()) else {
            let what = format!("`{}` is no country", typed.get_ref());
            self.problem(&typed.span(), what, "write its two letters (ISO 3166-1), for example \"NL\"");
            return None;
        };
        let reason = raw.i_accept_outside_eu.as_ref();
        let reason = reason.filter(|reason| reason.get_ref().trim().chars().count() >= SHORTEST_REASON);
        if !country.is_in_eea() && reason.is_none() {
            self.problem(
                &typed.span(),
                format!("numbers would be handled in {country}, outside the EU and the EEA"),
                "choose another provider, or write the reason in a sentence in `i_accept_outside_eu` of [sms]",
            );
        }
        Some(country.to_string())
    }

    fn sms_body(&mut self, raw: &raw::Sms) -> Format {
        let body = raw.body.get_ref();
        for place in ["{to}", "{text}"].into_iter().filter(|place| !body.contains(place)) {
            let what = format!("`body` of [sms] has no {place}");
            self.problem(&raw.body.span(), what, "put {to} where the number goes, {text} where the text goes");
        }
        let format = match raw.content {
            raw::SmsFormat::Json => Format::Json,
            raw::SmsFormat::Form => Format::Form,
        };
        let tried = format.filled(body, &[("{to}", "+31612345678"), ("{text}", "a \"b\""), ("{ref}", "K7QM")]);
        if matches!(format, Format::Json) && serde_json::from_str::<serde_json::Value>(&tried).is_err() {
            let remedy = "write JSON with {to} and {text} inside quotes: '{\"to\": \"{to}\", \"text\": \"{text}\"}'";
            self.problem(&raw.body.span(), "`body` of [sms] is no JSON", remedy);
        }
        format
    }

    fn sms_header(&mut self, raw: &raw::SmsHeader) -> Option<(HeaderName, Secret<String>)> {
        let name = HeaderName::from_bytes(raw.name.get_ref().as_bytes()).ok();
        if name.is_none() {
            let what = format!("`{}` is no name of a header field", raw.name.get_ref());
            self.problem(&raw.name.span(), what, "write it as the provider does, for example \"Authorization\"");
        }
        let value = match (&raw.value, &raw.value_file, &raw.value_env) {
            (Some(value), None, None) => Some(Secret::new(value.clone())),
            (None, Some(file), None) => Some(self.password(file)),
            (None, None, Some(variable)) => std::env::var(variable).ok().map(Secret::new),
            _ => None,
        };
        let printable = |value: &Secret<String>| value.expose().bytes().all(|b| (0x20..0x7f).contains(&b));
        let value = value.filter(printable);
        if value.is_none() {
            let what = format!(
                "the header field `{}` of [sms] has no value, or one that no header can hold",
                raw.name.get_ref()
            );
            let remedy =
                "give one of `value_file`, `value_env` (a variable of the environment) and `value` (no secret)";
            self.problem(&raw.name.span(), what, remedy);
        }
        Some((name?, value?))
    }
}
