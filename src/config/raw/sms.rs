//! `[sms]` as typed.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Sms {
    pub url: Spanned<String>,
    #[serde(default = "default_method")]
    pub method: Spanned<String>,
    #[serde(default)]
    pub headers: Vec<SmsHeader>,
    #[serde(default)]
    pub content: SmsFormat,
    pub body: Spanned<String>,
    #[serde(default = "default_ok_status")]
    pub ok_status: Spanned<Vec<u16>>,
    pub ok_jsonpath: Option<Spanned<String>>,
    #[serde(default)]
    pub ok_values: Vec<String>,
    pub country: Option<Spanned<String>>,
    pub i_accept_outside_eu: Option<Spanned<String>>,
    #[serde(default = "default_calling_code")]
    pub calling_code: Spanned<String>,
    #[serde(default = "default_daily")]
    pub daily: Spanned<u32>,
    pub ca: Option<PathBuf>,
}

/// A header field of the request; what is secret in it stands in a file or in the environment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SmsHeader {
    pub name: Spanned<String>,
    pub value: Option<String>,
    pub value_file: Option<PathBuf>,
    pub value_env: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum SmsFormat {
    #[default]
    Json,
    Form,
}

fn default_method() -> Spanned<String> {
    Spanned::new(0..0, "POST".to_owned())
}

fn default_ok_status() -> Spanned<Vec<u16>> {
    Spanned::new(0..0, vec![200, 201, 202])
}

fn default_calling_code() -> Spanned<String> {
    Spanned::new(0..0, "31".to_owned())
}

fn default_daily() -> Spanned<u32> {
    Spanned::new(0..0, 500)
}
