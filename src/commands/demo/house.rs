//! The invented school: its configuration and roster, written to a folder of its own so that they are read and
//! checked like everybody's. The folder is for this user only and is removed at the end.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::problem::Problem;

const CONFIG: &str = include_str!("mailpoort.toml");
const ROSTER: &str = include_str!("roster.csv");

/// A folder that is gone when this is dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes a new folder for temporary files. One that is already there, whoever made it, is never used.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        let parent = std::env::temp_dir();
        for attempt in 0..100 {
            let path = parent.join(format!("mailpoort-demo-{}-{attempt}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes the school's files to the folder and loads them. `program` is the address of the client that is a program.
///
/// # Errors
/// Every problem found; a folder that cannot be written is one.
pub(super) fn config(
    folder: &Folder,
    smtp: SocketAddr,
    program: IpAddr,
    next_hop: SocketAddr,
    desk: SocketAddr,
) -> Result<Config, Vec<Problem>> {
    let text = CONFIG
        .replace("@SMTP@", &smtp.to_string())
        .replace("@PROGRAM@", &program.to_string())
        .replace("@DESK@", &desk.to_string())
        .replace("@NEXT_HOP@", &next_hop.to_string());
    let file = folder.path().join("mailpoort.toml");
    let written = fs::write(&file, text).and_then(|()| fs::write(folder.path().join("leerlingen.csv"), ROSTER));
    written.map_err(|error| {
        vec![Problem::new(&file, format!("cannot be written: {error}"), "make room, or set TMPDIR to another folder")]
    })?;
    Config::load(&file)
}
