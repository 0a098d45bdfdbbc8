//! Documents are read in processes of their own, so that a hostile one costs its part its text, and nobody anything.
//!
//! A process serves the documents of one message and is thrown away: one that a document has taken over never sees
//! another mail. It is this same program, started as `read-documents`, or rather a copy of one that was, sealed itself
//! and saw nobody's document ([`child`]), and has no files, no network, bounded memory and bounded time ([`seal`]). The
//! gate's side ([`Readers`]) believes nothing of what comes back, ends what runs late, and keeps what came before. A text without documents never comes here.
//!
//! Text in pictures is recognised by a program of others, Tesseract, which gets a process for each picture
//! ([`Recognisers`]) and is sealed as far as it lives with that ([`recogniser`]): it can read itself and its languages,
//! and write down what it sees.
//!
//! Cannot fail: a process that dies, lies or cannot be started is `Unread { reader_died }`, one that runs late or says too
//! much `Unread { over_limit }`, for that document alone. Never logs a word that came out of a process.

mod answer;
mod child;
mod pool;
mod process;
mod prove;
mod recogniser;
mod recognisers;
mod seal;
mod wire;

pub use child::run;
pub use pool::{Counts, NoReader, Readers, Sandbox, Settings};
pub use prove::{attempt, prove};
pub use recogniser::recognise;
pub use recognisers::{Recognisers, Settings as RecogniserSettings, installed};
pub use seal::{Bounds, Seal};

/// Why a process did not answer, or not to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It ran out of time.
    Late,
    /// It is gone.
    Died,
    /// What it said cannot be true.
    Lied,
    /// It said more than the limits allow.
    TooMuch,
}
