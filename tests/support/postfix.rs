//! A real Postfix with a configuration and a queue of its own, that delivers into one maildir.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// What all instances have in common. {placeholders} are filled in.
const MAIN: &str = include_str!("../postfix/main.cf");
const MASTER: &str = include_str!("../postfix/master.cf");

/// An instance that runs; dropped, it is stopped.
pub struct Postfix {
    master: std::process::Child,
    folder: PathBuf,
}

impl Postfix {
    /// Starts an instance that listens at `address`, port 2525, with more lines for main.cf.
    pub fn start(folder: &Path, address: &str, more: &str) -> Self {
        Self::with_services(folder, address, more, "")
    }

    /// The same with more lines for master.cf.
    pub fn with_services(folder: &Path, address: &str, more: &str, services: &str) -> Self {
        super::needs("postfix");
        super::needs_root("Postfix drops privileges itself");
        prepare(folder);
        let fill =
            |text: &str| text.replace("{folder}", &folder.display().to_string()).replace("{address}", address) + "\n";
        std::fs::write(folder.join("config/main.cf"), fill(MAIN) + &fill(more)).unwrap();
        std::fs::write(folder.join("config/master.cf"), fill(MASTER) + &fill(services)).unwrap();
        run("postfix", folder, &["check"]);
        let daemons = run("postconf", folder, &["-h", "daemon_directory"]);
        // The master itself rather than "postfix start": all its processes are then in one group of ours.
        let master = Command::new(Path::new(daemons.trim()).join("master"))
            .args(["-c", &folder.join("config").display().to_string(), "-d"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let postfix = Self { master, folder: folder.to_path_buf() };
        let up = || std::net::TcpStream::connect((address, 2525)).ok();
        let said = || format!("Postfix at {address}; its log says\n{}", postfix.log());
        super::until(said, Duration::from_secs(20), up);
        postfix
    }

    /// Its log.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("mail.log")).unwrap_or_default()).into_owned()
    }

    /// Whether it has nothing left to do.
    pub fn is_idle(&self) -> bool {
        ["maildrop", "incoming", "active", "deferred"]
            .iter()
            .all(|queue| files(&self.folder.join("queue").join(queue)).is_empty())
    }

    /// The mails in its maildir.
    pub fn mails(&self) -> Vec<Vec<u8>> {
        let mut mails: Vec<PathBuf> = files(&self.folder.join("mail/all/new"));
        mails.sort();
        mails.iter().map(|mail| std::fs::read(mail).unwrap()).collect()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.master.id() as i32).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let ended = |master: &mut std::process::Child| master.try_wait().ok().flatten();
        for _ in 0..250 {
            if ended(&mut self.master).is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = self.master.wait();
    }
}

/// `postfix check` makes the rest, with the owners that it wants.
fn prepare(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for (inner, mode) in [("", 0o755), ("config", 0o755), ("queue", 0o755), ("mail", 0o777)] {
        let inner = folder.join(inner);
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn run(program: &str, folder: &Path, arguments: &[&str]) -> String {
    let config = folder.join("config");
    let output = Command::new(program).arg("-c").arg(config).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All files below a folder. Files move while we look: what is gone is no trouble.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] }).collect()
}
