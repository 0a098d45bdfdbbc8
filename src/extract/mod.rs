//! A part's bytes -> text with places.
mod text;

pub use text::{Cell, Place, Spot, Text, Texts, Unread, Why};
