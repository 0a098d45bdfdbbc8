//! The gate: our own binary, as a process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

pub const BINARY: &str = env!("CARGO_BIN_EXE_mailpoort");

/// A gate that runs; dropped, it is killed.
pub struct Gate {
    child: Child,
    folder: PathBuf,
}

impl Gate {
    /// Starts it with this configuration and waits until it takes mail.
    pub fn start(folder: &Path, config: &str) -> Self {
        Self::start_as(folder, config, Command::new(BINARY))
    }

    /// The same with a command in front of the binary; `command` ends with the binary's path.
    pub fn start_as(folder: &Path, config: &str, mut command: Command) -> Self {
        let file = folder.join("mailpoort.toml");
        std::fs::write(&file, config).unwrap();
        let log = File::create(folder.join("gate.log")).unwrap();
        let mut child = command
            .args(["serve", "--config"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let gate = Self { child, folder: folder.to_path_buf() };
        let (say, hear) = mpsc::channel();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| say.send(line)).ok()
        });
        match hear.recv_timeout(Duration::from_secs(30)) {
            Ok(line) if line.starts_with("mailpoort ready ") => gate,
            other => panic!("the gate did not start: {other:?}\n{}", gate.log()),
        }
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("gate.log")).unwrap()
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Panics
    /// It does not stop, or not with success.
    pub fn stop(mut self) -> String {
        self.signal();
        let status = super::until(|| "end of the gate", Duration::from_secs(30), || self.child.try_wait().unwrap());
        assert!(status.success(), "the gate ended with {status}\n{}", self.log());
        self.log()
    }

    /// Kills it, as a power cut would: it hears nothing of it.
    #[allow(dead_code, reason = "not every test that has a gate kills it")]
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its process.
    #[allow(dead_code, reason = "for tests that change what it may do")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// strace passes on no signal, so the one that is asked is its child.
    fn signal(&self) {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let inner = children.split_whitespace().next().and_then(|child| child.parse().ok());
        let _ = kill_process(Pid::from_raw(inner.unwrap_or(id as i32)).unwrap(), Signal::TERM);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal();
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
