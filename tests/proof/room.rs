//! A network of one's own: the test runs again inside a network namespace, where ports 25, 53 and 443 are free and
//! nobody else is. So the product needs no test hooks, and DNS has no ports in it.
//!
//! Root makes one, and so does everybody else where the system lets users have namespaces. Where neither is so, root
//! runs the test in the network that there is, and says that; anybody else fails with a sentence.

use std::process::{Command, Stdio};

use crate::support::needs;

/// Set in the inner run.
const INSIDE: &str = "MAILPOORT_TEST_HAS_ITS_OWN_NETWORK";

/// Runs a test in a network of its own; `name` is the name of the test function.
#[allow(clippy::print_stderr, reason = "a test that runs otherwise than it should says so")]
pub fn alone<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F) {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    if std::env::var_os(INSIDE).is_some() {
        return runtime().block_on(test());
    }
    needs("unshare");
    needs("ip");
    let root = rustix::process::geteuid().is_root();
    let network: &[&str] = if root { &["--net"] } else { &["--net", "--map-root-user"] };
    let mut trial = Command::new("unshare");
    let possible = trial.args(network).args(["ip", "link", "set", "lo", "up"]).stderr(Stdio::null()).status();
    if !possible.is_ok_and(|status| status.success()) {
        assert!(root, "{name}: this system gives no network namespace to users; run the test as root");
        eprintln!("{name}: NO NETWORK NAMESPACE HERE, so it runs in the network of this machine");
        return runtime().block_on(test());
    }
    let inner = Command::new("unshare")
        .args(network)
        .args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let (out, err) = (said(&inner.stdout), said(&inner.stderr));
    assert!(inner.status.success(), "{name}, in a network of its own:\n{out}\n{err}");
    assert!(out.contains("1 passed"), "{name} is no test of this file:\n{out}");
}
