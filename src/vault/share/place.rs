//! Where the files of shares lie: on this machine's disk, or with a provider of S3.
//!
//! What goes there is sealed, under random names; a provider sees sizes and times. Names, keys and who may open what stay
//! in the tables. Requests are signed (AWS Signature Version 4) and go over TLS, but to this machine itself. Fails as
//! [`VaultError::Files`], in words that say whose turn it is: the provider's, the key's or the address's.

use std::fmt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::problem::Problem;
use crate::secret::Secret;
use crate::vault::VaultError;

/// Where files lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// In a folder below the data folder.
    #[default]
    Disk,
    /// In a bucket.
    S3(Bucket),
}

/// A bucket of a provider of S3.
#[derive(Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The provider's address: `https://s3.provider.example`.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// Its region, by which requests are signed.
    pub region: String,
    /// What stands before all names, without slashes at its ends; empty for nothing.
    pub prefix: String,
    /// Whether the bucket stands in the path (`https://endpoint/bucket`), as most providers have it, or in the host.
    pub path_style: bool,
    /// Whether the provider is asked to encrypt once more (`x-amz-server-side-encryption: AES256`).
    pub encrypt: bool,
    /// The name of the key.
    pub key_id: String,
    /// The key.
    pub key: Secret<String>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("endpoint", &self.endpoint).field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// Their folder, in the data folder.
pub(super) const FOLDER: &str = "shares";
/// How long a provider may take to answer, and how often it is asked: the client of a mail waits meanwhile.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);
const TRIES: usize = 4;
const TRYING: Duration = Duration::from_secs(60);

/// What keeps files, and the folder in which it does so.
pub(super) type Opened = (Arc<dyn ObjectStore>, Option<PathBuf>);

impl Place {
    /// Opens it. A folder is made when there is none; a provider is not asked yet.
    pub(super) fn open(&self, data_dir: &Path) -> Result<Opened, Problem> {
        match self {
            Self::Disk => disk(&data_dir.join(FOLDER)),
            Self::S3(bucket) => Ok((bucket.open()?, None)),
        }
    }
}

fn disk(folder: &Path) -> Result<Opened, Problem> {
    let unusable = |error: String| {
        let what = format!("the folder for shares cannot be used: {error}");
        Problem::new(folder, what, "give mailpoort a `data_dir` that it may write to")
    };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).map_err(|error| unusable(error.to_string()))?;
    let files = LocalFileSystem::new_with_prefix(folder).map_err(|error| unusable(error.to_string()))?;
    Ok((Arc::new(files.with_fsync(true)), Some(folder.to_path_buf())))
}

impl Bucket {
    fn open(&self) -> Result<Arc<dyn ObjectStore>, Problem> {
        let options = ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(ANSWER);
        let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: TRIES, retry_timeout: TRYING };
        let mut builder = AmazonS3Builder::new()
            .with_client_options(options)
            .with_retry(retry)
            .with_endpoint(self.address())
            .with_allow_http(self.endpoint.starts_with("http://"))
            .with_virtual_hosted_style_request(!self.path_style)
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_access_key_id(&self.key_id)
            .with_secret_access_key(self.key.expose())
            // One request a file: what deletes many at once differs between providers.
            .with_disable_bulk_delete(true);
        let unusable = |error: object_store::Error| {
            let what = format!("the bucket `{}` at {} cannot be used: {error}", self.bucket, self.endpoint);
            Problem::new("[storage]", what, "check `endpoint`, `bucket` and `region` with your provider")
        };
        if self.encrypt {
            // The type of this key has no name outside of its crate.
            let key: AmazonS3ConfigKey = "aws_server_side_encryption".parse().map_err(unusable)?;
            builder = builder.with_config(key, "AES256");
        }
        let files = builder.build().map_err(unusable)?;
        Ok(match self.prefix.as_str() {
            "" => Arc::new(files),
            prefix => Arc::new(PrefixStore::new(files, prefix)),
        })
    }

    /// Where requests go: the bucket is part of the host for who wants it there.
    fn address(&self) -> String {
        match self.endpoint.split_once("://") {
            Some((scheme, host)) if !self.path_style => format!("{scheme}://{}.{host}", self.bucket),
            _ => self.endpoint.clone(),
        }
    }
}

/// Why a place did not do what it should, and whose turn it is.
pub(super) fn blamed(error: object_store::Error) -> VaultError {
    let told = error.to_string();
    match error {
        object_store::Error::NotFound { .. } if told.contains("NoSuchBucket") => {
            VaultError::Files(format!("the storage provider knows no such bucket; check `bucket` in [storage]: {told}"))
        }
        object_store::Error::NotFound { .. } => VaultError::Gone,
        object_store::Error::Unauthenticated { .. } | object_store::Error::PermissionDenied { .. } => {
            let whose = "the storage provider refuses our key; check the key, and what it may do with the bucket";
            VaultError::Files(format!("{whose}: {told}"))
        }
        object_store::Error::Generic { store: "S3", .. } => {
            let whose = "the storage provider cannot be reached, or does not do its work; check `endpoint`, or ask it";
            VaultError::Files(format!("{whose}: {told}"))
        }
        _ => VaultError::Files(told),
    }
}
