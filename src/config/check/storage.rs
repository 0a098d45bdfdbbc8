//! `[storage]`: where the sealed items of shares lie.

use toml::Spanned;

use super::Check;
use crate::config::raw;
use crate::secret::Secret;
use crate::vault::share::{Bucket, Place};
use crate::web::Url;

/// From where a key comes that stands in no file: as other programs for S3 have it.
const ENVIRONMENT: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
/// How the regions of Amazon outside Europe begin.
const ELSEWHERE: [&str; 8] = ["us-", "ap-", "ca-", "sa-", "af-", "me-", "cn-", "mx-"];

impl Check<'_> {
    pub(super) fn place(&mut self, raw: &raw::Storage) -> Option<Place> {
        if *raw.kind.get_ref() == raw::StorageKind::Disk {
            let only = [&raw.endpoint, &raw.bucket, &raw.region, &raw.prefix, &raw.access_key_id];
            if let Some(only) = only.into_iter().flatten().next() {
                self.problem(
                    &only.span(),
                    "[storage] names a bucket, but its `kind` is \"disk\"",
                    "set `kind = \"s3\"`, or remove the keys that are about a bucket",
                );
            }
            return Some(Place::Disk);
        }
        let endpoint = self.endpoint(raw);
        let bucket = self.named(raw, raw.bucket.as_ref(), "bucket");
        let region = self.named(raw, raw.region.as_ref(), "region");
        let key = self.storage_key(raw);
        let prefix = raw.prefix.as_ref().map_or("", |prefix| prefix.get_ref().trim_matches('/'));
        if let Some(typed) =
            raw.prefix.as_ref().filter(|_| !prefix.split('/').all(|part| is_plain(part) || prefix.is_empty()))
        {
            self.problem(
                &typed.span(),
                format!("`{}` is no prefix", typed.get_ref()),
                "use letters, digits, hyphens and slashes, for example \"mailpoort/linde\"",
            );
        }
        if let (Some(endpoint), Some(typed)) = (&endpoint, &raw.region)
            && endpoint.contains("amazonaws.com")
            && ELSEWHERE.iter().any(|begin| typed.get_ref().starts_with(begin))
            && raw.i_accept_outside_eu.is_none()
        {
            self.problem(
                &typed.span(),
                format!("the region `{}` is not in {}, nor anywhere in Europe", typed.get_ref(), raw.country.get_ref()),
                "use a bucket in Europe, for example in \"eu-central-1\", and give its country",
            );
        }
        let (key_id, key) = key?;
        Some(Place::S3(Bucket {
            endpoint: endpoint?,
            bucket: bucket?,
            region: region?,
            prefix: prefix.to_owned(),
            path_style: raw.path_style,
            encrypt: raw.server_side_encryption,
            key_id,
            key,
        }))
    }

    fn endpoint(&mut self, raw: &raw::Storage) -> Option<String> {
        let Some(typed) = &raw.endpoint else {
            self.problem(
                &raw.kind.span(),
                "the storage is a bucket, and `endpoint` is missing",
                "add the provider's address, for example endpoint = \"https://s3.provider.example\"",
            );
            return None;
        };
        let url = Url::parse(typed.get_ref());
        if url.is_none() {
            self.problem(
                &typed.span(),
                format!("`{}` is no address of a storage provider", typed.get_ref()),
                "write https:// and the provider's host, without the bucket: \"https://s3.provider.example\"",
            );
        }
        url.map(|url| url.origin().to_owned())
    }

    fn named(&mut self, raw: &raw::Storage, typed: Option<&Spanned<String>>, key: &str) -> Option<String> {
        let Some(typed) = typed else {
            self.problem(
                &raw.kind.span(),
                format!("the storage is a bucket, and `{key}` is missing"),
                format!("add `{key}` as your provider names it"),
            );
            return None;
        };
        if !is_plain(typed.get_ref()) {
            self.problem(
                &typed.span(),
                format!("`{}` cannot be a {key}", typed.get_ref()),
                "use the name that your provider shows: letters, digits, dots and hyphens",
            );
            return None;
        }
        Some(typed.get_ref().clone())
    }

    /// The key: its name here and itself in a file, or both in the environment.
    fn storage_key(&mut self, raw: &raw::Storage) -> Option<(String, Secret<String>)> {
        match (&raw.access_key_id, &raw.secret_access_key_file) {
            (Some(id), Some(file)) => Some((id.get_ref().clone(), self.secret(file.get_ref()))),
            (None, None) => {
                let [id, key] = ENVIRONMENT.map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
                if id.is_none() || key.is_none() {
                    let [id, key] = ENVIRONMENT;
                    self.problem(
                        &raw.kind.span(),
                        "there is no key for the storage provider",
                        format!("add `access_key_id` and `secret_access_key_file`, or set {id} and {key}"),
                    );
                }
                Some((id?, Secret::new(key?)))
            }
            (id, _) => {
                let (span, there, missing) = match id {
                    Some(id) => (id.span(), "access_key_id", "secret_access_key_file"),
                    None => (raw.kind.span(), "secret_access_key_file", "access_key_id"),
                };
                self.problem(&span, format!("there is `{there}`, but no `{missing}`"), format!("add `{missing}`"));
                None
            }
        }
    }
}

fn is_plain(name: &str) -> bool {
    (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}
