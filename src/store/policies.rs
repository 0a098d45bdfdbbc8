//! Policies of MTA-STS, kept for as long as they hold: by a hash of the domain, sealed, since a domain may be a family's.
//!
//! A store that cannot be read or written costs a policy its life beyond this process, and nothing else: what is in
//! memory goes on being used.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError, now};
use crate::seal::Index;
use crate::tls::posture::Shelf;

impl Shelf for Store {
    fn find(&self, domain: &str) -> BoxFuture<'_, Option<Vec<u8>>> {
        let key = self.index("tls_policy.domain", &[domain.as_bytes()]);
        async move { self.policy(key).await.ok().flatten() }.boxed()
    }

    fn keep(&self, domain: &str, octets: Vec<u8>, until: Timestamp) -> BoxFuture<'_, ()> {
        let key = self.index("tls_policy.domain", &[domain.as_bytes()]);
        async move {
            if let Err(error) = self.keep_policy(key, &octets, until.as_millisecond()).await {
                tracing::warn!(%error, "a policy of MTA-STS could not be kept; it is used until the gate stops");
            }
        }
        .boxed()
    }
}

impl Store {
    async fn policy(&self, domain: Index) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed: Option<Vec<u8>> = self
            .read(move |tables| {
                let statement = "SELECT sealed FROM tls_policy WHERE domain = ?1 AND until > ?2";
                tables.prepare_cached(statement)?.query_row(params![domain, now()], |row| row.get(0)).optional()
            })
            .await?;
        sealed.map(|sealed| self.unseal(&label(domain), &sealed)).transpose()
    }

    async fn keep_policy(&self, domain: Index, octets: &[u8], until: i64) -> Result<(), StoreError> {
        let sealed = self.seal(&label(domain), &octets)?;
        self.write(move |tables| {
            tables.prepare_cached("DELETE FROM tls_policy WHERE until <= ?1")?.execute([now()])?;
            tables
                .prepare_cached(
                    "INSERT INTO tls_policy (domain, until, sealed) VALUES (?1, ?2, ?3)
                     ON CONFLICT (domain) DO UPDATE SET until = excluded.until, sealed = excluded.sealed",
                )?
                .execute(params![domain, until, sealed])?;
            Ok(())
        })
        .await
    }
}

fn label(domain: Index) -> String {
    let hex: String = domain.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("tls_policy.sealed of {hex}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use jiff::SignedDuration;

    use super::*;
    use crate::seal::SealKey;

    #[tokio::test]
    async fn a_policy_is_there_until_it_ends_and_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let keys = Arc::new(SealKey::load_or_make(&folder.path().join(SealKey::FILE)).unwrap());
            Store::open(folder.path(), keys).unwrap()
        };
        let (store, now) = (open(), Timestamp::now());
        let in_an_hour = now + SignedDuration::from_hours(1);
        store.keep("linde.example", b"old".to_vec(), in_an_hour).await;
        store.keep("linde.example", b"new".to_vec(), in_an_hour).await;
        store.keep("berk.example", b"over".to_vec(), now - SignedDuration::from_secs(1)).await;
        assert_eq!(store.find("berk.example").await, None);
        assert_eq!(store.find("eik.example").await, None);
        assert_eq!(store.seal_anew().await.unwrap(), 4);
        drop(store);
        assert_eq!(open().find("linde.example").await.as_deref(), Some(&b"new"[..]));
        let octets = std::fs::read(folder.path().join("mailpoort.db")).unwrap();
        assert!(!octets.windows(5).any(|window| window == b"linde"), "the domain stands there in clear");
    }
}
