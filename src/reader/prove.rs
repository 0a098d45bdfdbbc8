//! Proof of the seal: sealed processes try what they must not be able to do.
//!
//! Each attempt has a process of its own, since most end by being killed for it: a reader that is born as readers are,
//! or a parent of readers.

use std::fs::File;
use std::io::{self, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fork::{Fork, fork};
use rustix::process::{Pid, Signal, WaitOptions, getppid, kill_process, set_parent_process_death_signal, waitpid};

use super::seal::{self, Bounds, Closure, ENVIRONMENT, Seal};

/// One thing to try, and the layer that must refuse it.
pub struct Attempt {
    /// Its name.
    pub name: &'static str,
    layer: Layer,
    act: fn() -> io::Result<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// All that a reader has.
    All,
    /// All that a parent of readers has.
    Parent,
    Landlock,
    Limits,
}

/// Everything that is tried.
pub const ATTEMPTS: [Attempt; 20] = [
    Attempt { name: "open-file", layer: Layer::All, act: open_file },
    Attempt { name: "list-folder", layer: Layer::All, act: list_folder },
    Attempt { name: "write-file", layer: Layer::All, act: write_file },
    Attempt { name: "listen", layer: Layer::All, act: listen },
    Attempt { name: "udp", layer: Layer::All, act: udp },
    Attempt { name: "unix-socket", layer: Layer::All, act: unix_socket },
    Attempt { name: "start-program", layer: Layer::All, act: start_program },
    Attempt { name: "start-thread", layer: Layer::All, act: start_thread },
    Attempt { name: "start-process", layer: Layer::All, act: start_process },
    Attempt { name: "signal-parent", layer: Layer::All, act: signal_parent },
    Attempt { name: "outlive-parent", layer: Layer::All, act: outlive_parent },
    Attempt { name: "speak-as-parent", layer: Layer::All, act: speak_as_parent },
    Attempt { name: "open-file-parent", layer: Layer::Parent, act: open_file },
    Attempt { name: "listen-parent", layer: Layer::Parent, act: listen },
    Attempt { name: "start-program-parent", layer: Layer::Parent, act: start_program },
    Attempt { name: "start-thread-parent", layer: Layer::Parent, act: start_thread },
    Attempt { name: "memory", layer: Layer::Limits, act: memory },
    Attempt { name: "processor-time", layer: Layer::Limits, act: processor_time },
    Attempt { name: "open-file-landlock", layer: Layer::Landlock, act: open_file },
    Attempt { name: "listen-landlock", layer: Layer::Landlock, act: listen },
];

/// Seals this process, and a reader that is born of it, and tries one of [`ATTEMPTS`]; whether it succeeded, which it
/// must not. Most never return.
pub fn attempt(name: &str, bounds: Bounds) -> bool {
    let Some(attempt) = ATTEMPTS.iter().find(|attempt| attempt.name == name) else { return true };
    match attempt.layer {
        Layer::All => {
            super::child::warm_up();
            return born(seal::seal(bounds), attempt.act).unwrap_or(true);
        }
        Layer::Parent => _ = seal::seal(bounds),
        Layer::Landlock => _ = seal::landlock(),
        Layer::Limits => _ = seal::limits(bounds),
    }
    (attempt.act)().is_ok()
}

/// Whether a reader that is born here can do this.
fn born((seal, closure): (Seal, Closure), act: fn() -> io::Result<()>) -> io::Result<bool> {
    match fork()? {
        Fork::Child => Ok(seal::close(seal, &closure) && act().is_ok()),
        Fork::Parent(child) => {
            let end = waitpid(Pid::from_raw(child), WaitOptions::empty())?;
            Ok(end.and_then(|(_, end)| end.exit_status()).is_some_and(|code| code != 0))
        }
    }
}

/// Tries everything, each in a process of this program; the names of what was not refused.
///
/// # Errors
/// No process can be started.
pub fn prove(program: &Path, bounds: Bounds) -> io::Result<Vec<&'static str>> {
    let mut broken = Vec::new();
    for Attempt { name, .. } in ATTEMPTS {
        let status = Command::new(program)
            .args(["read-documents", "--attempt", name, &bounds.memory.to_string(), &bounds.seconds.to_string()])
            .env_clear()
            .envs(ENVIRONMENT)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        // Killed or refused; anything else says that it was done.
        if status.code().is_some_and(|code| code != 0) {
            broken.push(name);
        }
    }
    Ok(broken)
}

fn open_file() -> io::Result<()> {
    File::open("/etc/passwd").map(drop)
}

fn list_folder() -> io::Result<()> {
    std::fs::read_dir("/").map(drop)
}

fn write_file() -> io::Result<()> {
    File::create(std::env::temp_dir().join("mailpoort-attempt"))?.write_all(b"x")
}

fn listen() -> io::Result<()> {
    TcpListener::bind("127.0.0.1:0").map(drop)
}

fn udp() -> io::Result<()> {
    UdpSocket::bind("127.0.0.1:0").map(drop)
}

fn unix_socket() -> io::Result<()> {
    UnixDatagram::unbound().map(drop)
}

fn start_program() -> io::Result<()> {
    Command::new("/bin/true").status().map(drop)
}

fn start_thread() -> io::Result<()> {
    let thread = std::thread::Builder::new().spawn(|| ())?;
    thread.join().map_err(|_| io::Error::other("the thread panicked"))
}

fn start_process() -> io::Result<()> {
    match fork()? {
        Fork::Child => std::process::exit(0),
        Fork::Parent(_) => Ok(()),
    }
}

/// It dies with its parent, and cannot take that back.
fn outlive_parent() -> io::Result<()> {
    Ok(set_parent_process_death_signal(None)?)
}

/// What is said on standard error is said by the parent.
fn speak_as_parent() -> io::Result<()> {
    Ok(rustix::io::write(rustix::stdio::stderr(), b"x").map(drop)?)
}

fn signal_parent() -> io::Result<()> {
    let parent = getppid().ok_or_else(|| io::Error::other("no parent"))?;
    // One that is ignored unless somebody waits for it.
    Ok(kill_process(parent, Signal::WINCH)?)
}

/// Half a gigabyte, touched.
fn memory() -> io::Result<()> {
    let mut held = Vec::new();
    for _ in 0..512 {
        let mut piece = vec![0u8; 1 << 20];
        piece.iter_mut().step_by(4096).for_each(|octet| *octet = 1);
        held.push(piece);
    }
    if std::hint::black_box(&held).len() == 512 { Ok(()) } else { Err(io::Error::other("less")) }
}

/// Half a minute of work.
fn processor_time() -> io::Result<()> {
    let since = Instant::now();
    let mut number = 1u64;
    while since.elapsed() < Duration::from_secs(30) {
        number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
    Ok(())
}
