//! The web: pages for people. One listener, with or without its own TLS, and behind it the rooms that answer.
//!
//! | room | for |
//! |---|---|
//! | [`desk`] | teachers: what was stopped, and what they want to do about it |
//! | [`portal`] | recipients: what was shared with them, and what they answer |
//!
//! Server-rendered pages and forms, no script. Nobody's path, query, cookie or form is ever logged: links are secrets. A
//! slow or silent client has its connection closed; too many of them wait outside. Fails as pages with a status.

mod connection;
pub mod desk;
mod forms;
mod headers;
pub mod portal;
mod said;
mod server;
mod texts;
mod url;

use server::ComesFrom;
pub use server::{Server, Settings};
pub use url::Url;
