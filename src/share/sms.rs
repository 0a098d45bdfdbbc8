//! A text message with a code, by whatever provider the school has: one HTTPS request, as the configuration describes it.
//!
//! Sends the number, the text and the reference, and nothing else; the text holds no link and says nothing of the message.
//! Ten seconds for a try and two tries, but a second one only where the first was not taken: nobody gets two texts. Never
//! logs a number, a text, a header or an answer. Fails as [`NotSent`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use rustls::ClientConfig;

use super::Phone;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::tls::https::{self, Server, Trouble};

/// Time for a try.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of an answer that are read.
const LONGEST_ANSWER: usize = 64 << 10;

/// How a provider is asked to send; the configuration makes it, and has checked it.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// `POST` or `PUT`.
    pub method: Method,
    /// Header fields: keys are among them.
    pub headers: Vec<(HeaderName, Secret<String>)>,
    /// What the content is.
    pub format: Format,
    /// The content, with `{to}`, `{text}` and `{ref}` in it.
    pub body: String,
    /// The statuses that mean that it was taken.
    pub ok_status: Vec<StatusCode>,
    /// Where in a JSON answer stands whether it was taken, as names and numbers, and what stands there then (anything but
    /// null, false and nothing when no value is given).
    pub ok_json: Option<(Vec<String>, Vec<String>)>,
    /// Where the provider handles numbers: ISO 3166 code of a country.
    pub country: String,
    /// The calling code of numbers without one: "31".
    pub calling_code: String,
    /// Texts that a school sends in a day at most.
    pub daily: u32,
    /// Authorities to trust besides the system's.
    pub ca: Option<PathBuf>,
}

/// How the content of a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// application/json.
    Json,
    /// application/x-www-form-urlencoded.
    Form,
}

/// Keys are among them.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("country", &self.country)
            .field("daily", &self.daily)
            .finish_non_exhaustive()
    }
}

/// Why a text was not sent, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSent {
    /// The provider has not taken it.
    Refused,
    /// It may have taken it, and has not said so.
    Unsure,
}

/// A provider of text messages.
pub struct Provider {
    settings: Settings,
    tls: Arc<ClientConfig>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&self.settings).finish()
    }
}

impl Provider {
    /// A provider.
    ///
    /// # Errors
    /// A [`Problem`] when nobody can be trusted.
    pub fn new(settings: Settings) -> Result<Self, Problem> {
        let tls = https::trusting(settings.ca.as_deref())?;
        Ok(Self { settings, tls })
    }

    /// How it is asked.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Has a text sent. `reference` is what provider and school know it by.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(&self, to: &Phone, text: &str, reference: &str) -> Result<(), NotSent> {
        let first = self.try_once(to, text, reference).await;
        let last = match first {
            Err((NotSent::Refused, true)) => self.try_once(to, text, reference).await,
            other => other,
        };
        last.map_err(|(not_sent, _)| not_sent)
    }

    /// The second half of the error: whether a second try may fare better.
    async fn try_once(&self, to: &Phone, text: &str, reference: &str) -> Result<(), (NotSent, bool)> {
        let request = self.settings.request(to, text, reference).ok_or((NotSent::Refused, false))?;
        let asked = async {
            let server = Server::named(&self.settings.host, self.settings.port).await?;
            server.ask(&self.tls, request, LONGEST_ANSWER, PATIENCE).await
        };
        match asked.await {
            Ok(answer) if self.settings.is_taken(answer.status(), answer.body()) => Ok(()),
            Ok(answer) => {
                tracing::warn!(status = answer.status().as_u16(), "the provider of text messages refuses one");
                Err((NotSent::Refused, answer.status().is_server_error()))
            }
            Err(trouble) => {
                tracing::warn!(%trouble, "the provider of text messages cannot be asked");
                Err(match trouble {
                    Trouble::Name | Trouble::Certificate => (NotSent::Refused, false),
                    Trouble::Unreachable => (NotSent::Refused, true),
                    // The request was on its way, or may have been.
                    Trouble::Silent | Trouble::Slow | Trouble::TooLong => (NotSent::Unsure, false),
                })
            }
        }
    }
}

impl Settings {
    fn request(&self, to: &Phone, text: &str, reference: &str) -> Option<Request<Vec<u8>>> {
        let values = [("{to}", to.written()), ("{text}", text), ("{ref}", reference)];
        let kind = match self.format {
            Format::Json => "application/json",
            Format::Form => "application/x-www-form-urlencoded",
        };
        let mut request = Request::builder().method(self.method.clone()).uri(&self.path).header(CONTENT_TYPE, kind);
        for (name, value) in &self.headers {
            let mut value = HeaderValue::from_str(value.expose()).ok()?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        request.body(self.format.filled(&self.body, &values).into_bytes()).ok()
    }

    fn is_taken(&self, status: StatusCode, answer: &[u8]) -> bool {
        let said = |(path, values): &(Vec<String>, Vec<String>)| {
            let Ok(answer) = serde_json::from_slice::<serde_json::Value>(answer) else { return false };
            let found = path.iter().try_fold(&answer, |value, step| match value {
                serde_json::Value::Array(values) => values.get(step.parse::<usize>().ok()?),
                value => value.get(step),
            });
            match found {
                Some(serde_json::Value::String(text)) if values.is_empty() => !text.is_empty(),
                Some(serde_json::Value::String(text)) => values.contains(text),
                None | Some(serde_json::Value::Null | serde_json::Value::Bool(false)) => false,
                Some(value) => values.is_empty() || values.contains(&value.to_string()),
            }
        };
        self.ok_status.contains(&status) && self.ok_json.as_ref().is_none_or(said)
    }
}

impl Format {
    /// A content with its places filled in, none of which can end what it stands in. What is filled in is not looked at
    /// again: a text that holds `{to}` stays as it is.
    pub fn filled(self, body: &str, values: &[(&str, &str)]) -> String {
        let (mut filled, mut rest) = (String::with_capacity(body.len() + 200), body);
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            filled.push_str(before);
            match values.iter().find_map(|(name, value)| Some((from.strip_prefix(name)?, value))) {
                Some((after, value)) => {
                    filled.push_str(&self.written(value));
                    rest = after;
                }
                None => {
                    filled.push('{');
                    rest = from.strip_prefix('{').unwrap_or_default();
                }
            }
        }
        filled + rest
    }

    fn written(self, value: &str) -> String {
        match self {
            // In quotes already.
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or_default().to_owned()
            }
            Self::Form => {
                let octet = |octet: u8| match octet {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(octet).to_string(),
                    octet => format!("%{octet:02X}"),
                };
                value.bytes().map(octet).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings(format: Format, body: &str) -> Settings {
        Settings {
            host: "sms.example".to_owned(),
            port: 443,
            path: "/v1".to_owned(),
            method: Method::POST,
            headers: vec![(HeaderName::from_static("authorization"), Secret::new("Bearer s3cret-key".to_owned()))],
            format,
            body: body.to_owned(),
            ok_status: vec![StatusCode::OK],
            ok_json: None,
            country: "NL".to_owned(),
            calling_code: "31".to_owned(),
            daily: 5,
            ca: None,
        }
    }

    #[test]
    fn what_is_filled_in_cannot_break_out() {
        let phone = Phone::read("0612345678", "31").unwrap();
        let json = settings(Format::Json, r#"{"to": "{to}", "m": {"text": "{text}"}, "r": "{ref}"}"#);
        let request = json.request(&phone, "a\"b\\\n{to} é", "K7QM").unwrap();
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        let expected = serde_json::json!({ "to": "+31612345678", "m": { "text": "a\"b\\\n{to} é" }, "r": "K7QM" });
        assert_eq!(body, expected);
        let form = settings(Format::Form, "to={to}&text={text}");
        let request = form.request(&phone, "a&b=c é", "K7QM").unwrap();
        assert_eq!(request.body(), b"to=%2B31612345678&text=a%26b%3Dc%20%C3%A9");
        assert!(!format!("{form:?} {request:?}").contains("s3cret"), "{request:?}");
    }

    #[test]
    fn an_answer_says_whether_it_was_taken() {
        let mut settings = settings(Format::Json, "");
        assert!(settings.is_taken(StatusCode::OK, b""));
        assert!(!settings.is_taken(StatusCode::CREATED, b""));
        settings.ok_json = Some((vec!["messages".into(), "0".into(), "status".into()], vec!["queued".into()]));
        for (answer, taken) in [
            (&br#"{"messages":[{"status":"queued"}]}"#[..], true),
            (br#"{"messages":[{"status":"rejected"}]}"#, false),
            (br#"{"messages":[]}"#, false),
            (br#"{"error":1}"#, false),
            (b"<html>", false),
        ] {
            assert_eq!(settings.is_taken(StatusCode::OK, answer), taken);
        }
        settings.ok_json = Some((vec!["id".into()], Vec::new()));
        assert!(settings.is_taken(StatusCode::OK, br#"{"id": 7}"#));
        assert!(!settings.is_taken(StatusCode::OK, br#"{"id": null}"#));
    }
}
