//! What is kept between starts, in a folder of its own below the data folder: the account with the authority, and the
//! certificate with its key in one file, so that both change at once. Readable for the gate alone (0600).

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use instant_acme::{Account, AccountCredentials, NewAccount};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::trouble::Trouble;
use super::web::Web;
use crate::seal;
use crate::tls::{Chain, Files, Shown, https};

const ACCOUNT: &str = "account.json";
const CERTIFICATE: &str = "certificate.pem";

/// Where the certificate lies that is fetched for this data folder.
pub fn files(data_dir: &Path) -> Files {
    let file = folder(data_dir).join(CERTIFICATE);
    Files { certificate: file.clone(), key: file, fetched: true }
}

/// The folder of all that is kept.
pub(super) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("acme")
}

/// The account as it is kept, with the authority that knows it.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    credentials: AccountCredentials,
}

/// Our account with the authority: the one that is kept, or a new one.
pub(super) async fn account(folder: &Path, settings: &Settings) -> Result<Account, Trouble> {
    let tls = https::trusting(settings.ca.as_deref());
    let tls = tls.map_err(|problem| Trouble::ours(problem.what, problem.remedy))?;
    let builder = || Account::builder_with_http(Box::new(Web(Arc::clone(&tls))));
    let file = folder.join(ACCOUNT);
    let kept = fs::read(&file).ok().and_then(|kept| serde_json::from_slice::<Kept>(&kept).ok());
    if let Some(kept) = kept.filter(|kept| kept.directory == settings.directory) {
        let known = builder().from_credentials(kept.credentials).await;
        return known.map_err(|error| Trouble::of(error, settings));
    }
    let contact = format!("mailto:{}", settings.contact);
    let new = NewAccount { contact: &[&contact], terms_of_service_agreed: true, only_return_existing: false };
    let made = builder().create(&new, settings.directory.clone(), None).await;
    let (account, credentials) = made.map_err(|error| Trouble::of(error, settings))?;
    let kept = Kept { directory: settings.directory.clone(), credentials };
    write(&file, &serde_json::to_vec(&kept).unwrap_or_default())?;
    Ok(account)
}

/// Forgets the account: the next try makes another.
pub(super) fn forget_account(folder: &Path) {
    let _ = fs::remove_file(folder.join(ACCOUNT));
}

/// From when until when the certificate lasts that is kept; none when there is none for all of the names.
pub(super) fn life(folder: &Path, settings: &Settings) -> Option<(Timestamp, Timestamp)> {
    let chain = Chain::read(&folder.join(CERTIFICATE)).ok()?;
    settings.names.iter().all(|name| chain.is_for(name)).then(|| (chain.from(), chain.until()))
}

/// Keeps a certificate and its key, when they fit together and are for the names.
pub(super) fn keep(folder: &Path, settings: &Settings, pem: &str) -> Result<(), Trouble> {
    let (file, tried) = (folder.join(CERTIFICATE), folder.join("tried.pem"));
    write(&tried, pem.as_bytes())?;
    let shown = Shown::load(&Files { certificate: tried.clone(), key: tried.clone(), fetched: false });
    let chain = shown.and_then(|_| Chain::read(&tried));
    let fits = chain.map(|chain| settings.names.iter().all(|name| chain.is_for(name)));
    let _ = fs::remove_file(&tried);
    match fits {
        Ok(true) => write(&file, pem.as_bytes()),
        Ok(false) => Err(Trouble::unfit("it is not for all of the names")),
        Err(problem) => Err(Trouble::unfit(&problem.what)),
    }
}

fn write(file: &Path, octets: &[u8]) -> Result<(), Trouble> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.and_then(|()| seal::write_whole(file, octets)).map_err(|error| Trouble::disk(file, &error))
}
