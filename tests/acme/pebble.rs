//! A certificate authority of our own: Debian's pebble, which validates as Let's Encrypt does, and the name server that
//! it asks (pebble-challtestsrv). Its validation is never switched off.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::inside::authority::AUTHORITY;
use crate::support::{address, needs, until};

const PATIENCE: Duration = Duration::from_secs(20);

/// Where it looks for answers, and for handshakes.
pub const HTTP: u16 = 5002;
pub const PAGES: u16 = 5001;

/// An authority with its name server.
pub struct Pebble {
    folder: TempDir,
    running: Vec<Child>,
    host: u8,
}

impl Pebble {
    /// Starts one at an address of this test's own; its certificates last so long, and all names point to `names_at`.
    pub fn start(host: u8, lasts: Duration, names_at: &str) -> Self {
        needs("pebble");
        needs("pebble-challtestsrv");
        let mut pebble = Self { folder: tempfile::tempdir().unwrap(), running: Vec::new(), host };
        let (folder, here) = (pebble.folder.path().to_path_buf(), address(host));
        let leaf = AUTHORITY.leaf(&here);
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
        fs::write(&certificate, leaf.certificate).unwrap();
        fs::write(&key, leaf.key).unwrap();
        AUTHORITY.write(&pebble.trusted());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("{here}:14000"),
            "managementListenAddress": "",
            "certificate": certificate,
            "privateKey": key,
            "httpPort": HTTP,
            "tlsPort": PAGES,
            "certificateValidityPeriod": lasts.as_secs(),
        }});
        fs::write(folder.join("pebble.json"), config.to_string()).unwrap();
        let dns = format!("{here}:8053");
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-dns01", &dns, "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", ""]);
        names.args(["-defaultIPv4", names_at, "-defaultIPv6", ""]);
        pebble.run("names", &mut names);
        let mut authority = Command::new("pebble");
        authority.arg("-config").arg(folder.join("pebble.json")).args(["-dnsserver", &dns]);
        // It looks at once, and each time anew; one request in twenty it refuses, as it does to all clients.
        authority.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0").env_remove("PEBBLE_VA_ALWAYS_VALID");
        pebble.run("pebble", &mut authority);
        let listens = || std::net::TcpStream::connect((here.as_str(), 14000)).ok();
        until(|| format!("authority: {}", pebble.log()), PATIENCE, listens);
        pebble
    }

    /// Its directory.
    pub fn directory(&self) -> String {
        format!("https://{}:14000/dir", address(self.host))
    }

    /// The authority that vouches for its own HTTPS.
    pub fn trusted(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// What it has written.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("pebble.log")).unwrap_or_default()
    }

    fn run(&mut self, name: &str, command: &mut Command) {
        let log = File::create(self.folder.path().join(format!("{name}.log"))).unwrap();
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.running.push(child);
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether a file is for its owner alone.
pub fn is_private(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).unwrap().permissions().mode() & 0o077 == 0
}
