//! The journal of the demo, read back: what the gate itself wrote down of each mail.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

/// As much of the journal's end as is read: some hundreds of lines.
const TAIL: u64 = 256 * 1024;

/// One mail, as the journal tells it; what it does not need here is left out.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    /// When it came, UTC.
    pub time: String,
    /// The client that handed it in.
    pub client: String,
    /// The mail, when it has an id that may be told.
    pub message_id: Option<String>,
    /// Findings by kind.
    pub kinds: BTreeMap<String, usize>,
    /// Reasons for which something could not be read.
    pub unread: Vec<String>,
    /// Decisions; empty when the mail was refused before it was judged.
    pub routes: Vec<Decision>,
    /// The code of the reply.
    pub code: u16,
}

/// What was decided for the recipients of one class.
#[derive(Debug, Deserialize)]
pub(super) struct Decision {
    /// The class.
    pub class: String,
    /// The policy line.
    pub line: String,
    /// What was done.
    pub route: String,
}

impl Line {
    /// What was found and what could not be read, for people; empty when there is nothing to tell.
    pub fn found(&self) -> String {
        let kinds = self.kinds.iter().map(|(kind, count)| format!("{count} × {kind}"));
        kinds.chain(self.unread.iter().map(|why| format!("unread: {why}"))).collect::<Vec<_>>().join(", ")
    }
}

/// The last lines, the oldest first. A line that is just being written is left out.
pub(super) fn last_lines(file: &Path) -> Vec<Line> {
    let text = tail(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The lines of these mails, as soon as all are written; after five seconds those that are there.
pub(super) async fn lines_of(file: &Path, ids: &[&str]) -> Vec<Line> {
    let mut lines = Vec::new();
    // The journal is written by a thread of its own, behind the reply.
    for _ in 0..500 {
        lines = last_lines(file);
        let written = |id: &&str| lines.iter().any(|line| line.message_id.as_deref() == Some(id));
        if ids.iter().all(written) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    lines
}

fn tail(file: &Path) -> std::io::Result<String> {
    let mut file = File::open(file)?;
    let start = file.metadata()?.len().saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut octets = Vec::new();
    file.take(TAIL).read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}
