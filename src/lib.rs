//! # mailpoort: the map
//!
//! The gate through which a Dutch school's mail leaves. The school's mail server hands us every outgoing mail; we read
//! it, decide for each recipient, and let it pass or tell the teacher in plain Dutch what to do instead.
//!
//! One message flows straight through, and [`gate`] is the only place that knows the order. Read that first.
//!
//! ```text
//!     accept  ->  parse  ->  extract  ->  detect  ->  decide  ->  act  ->  record
//!      smtp      message     extract     detect      decide      act     record
//! ```
//!
//! | room | takes -> gives | touches the world |
//! |---|---|---|
//! | [`smtp`] | a socket -> envelope and content; towards the next hop, the other way round | yes |
//! | [`message`] | raw bytes -> headers and a tree of parts with byte ranges | no |
//! | [`extract`] | parts -> texts with places, and what is unread with its reason | no |
//! | [`reader`] | documents -> their texts, read by `extract` in sealed processes | yes |
//! | [`detect`] | texts, rules, names -> findings, each with kind, place, confidence and why | no |
//! | [`decide`] | envelope, findings, unread, policy -> a verdict: a route for each recipient | no |
//! | [`redact`] | a mail or spreadsheet, columns -> the same without them | no |
//! | [`act`] | mail and verdict -> relayed, owed under proven TLS, shared, or stopped with a notice | yes |
//! | [`record`] | all of the above, without content -> one journal line | yes |
//! | [`outbox`] | mail we owe -> delivered, retried, or given up and told | yes |
//! | [`share`] | a mail for whom it may not be sent to -> sealed items, links, and what becomes of them | yes |
//! | [`web`] | the desk of teachers, and the portal of those for whom something is shared | yes |
//! | [`tlsrpt`] | what deliveries found of others' TLS -> reports to those who ask for them | yes |
//! | [`store`], [`vault`] | what we keep and owe: tables, and sealed mail | yes |
//!
//! Around the line: [`gate::house`] (everything a running gate knows, loaded as one), [`config`] (TOML as typed -> values
//! that cannot be wrong), [`roster`] (an export of the pupil administration -> pupils), [`tls`] (certificates, ours and
//! theirs), [`acme`] (asks for ours), [`status`] (health and metrics, for programs that watch), [`dkim`] (signs what we
//! write), [`commands`] (one file each), and the leaves that anybody may use: [`school`], [`problem`], [`secret`],
//! [`country`], [`seal`], [`meter`], [`level`] (how sure it must be who opens a share), [`kill`] (points at which tests have us die).
//!
//! # What always holds
//!
//! 1. **Nothing is lost.** A 250 means that the next hop said 250, or that the mail lies sealed on our disk with all that
//!    is owed because of it. Unknown trouble is a 451, and the mail stays with the client.
//! 2. **Nothing slips.** What could not be read is a value ([`extract::Unread`]) that policy must answer, reason by
//!    reason. A policy that leaves a kind, a reason or a class of recipients unanswered does not load.
//! 3. **Clean mail never touches a disk**, and goes on byte for byte under one `Received` line.
//! 4. **A found value never leaves the scanner** ([`secret::Secret`]): no log, metric, error, `Debug` or notice holds a
//!    BSN, a name, a term or a subject with one. `scan --json` is the one exit, on purpose.
//! 5. **The sender learns what to do**, and nobody outside gets a notice.
//! 6. **A bad rule, policy, roster or configuration never stops the mail**: at reload it is refused with file, line and
//!    remedy, and what ran before runs on; at start it stops the start.
//!
//! `message`, `extract`, `detect`, `decide` and `redact` are pure: no clock, network, files or randomness; the first four
//! cannot fail, and what `redact` cannot do truthfully it refuses.
//! A stage knows the output of earlier stages, never a later one; `tests/layout.rs` holds every such rule.

pub mod acme;
pub mod act;
pub mod commands;
pub mod config;
pub mod country;
pub mod decide;
pub mod detect;
pub mod dkim;
pub mod extract;
pub mod gate;
pub mod kill;
pub mod level;
pub mod message;
pub mod meter;
pub mod outbox;
pub mod problem;
pub mod reader;
pub mod record;
pub mod redact;
pub mod roster;
pub mod school;
pub mod seal;
pub mod secret;
pub mod share;
pub mod smtp;
pub mod status;
pub mod store;
pub mod tls;
pub mod tlsrpt;
pub mod vault;
pub mod web;
