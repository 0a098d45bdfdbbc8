//! What must hold of any document at all: it is read or said, within its limits, and what is told of it is what the gate
//! believes of a reader process. Shared by the fuzzer, by tests/fuzz.rs and by its long runs.

use mailpoort::extract::document::{self, Document};
use mailpoort::extract::{Passwords, Place, Spot};
use mailpoort::message::Limits;

/// The password of the files in tests/locked.
const PASSWORD: &str = "Zeehond-2014";
/// Octets of text: less than the limit that ships, so that it is met.
const TEXT: usize = 1 << 20;

/// Reads octets under a name, in this process.
pub fn document(name: &str, octets: &[u8]) {
    let own = Place { spot: Spot::Attachment(name.to_string()), ..Place::default() };
    let limits =
        Limits { document_text: TEXT, cells: 20_000, entries: 200, unpacked_bytes: 32 << 20, ..Limits::default() };
    let passwords = Passwords::from(PASSWORD);
    let document =
        Document { octets, essence: "application/octet-stream", name, place: &own, depth: 1, passwords: &passwords };
    let found = document::read(&document, &limits);
    let is_here = |place: &Place| {
        place.within.is_empty() && place.spot == own.spot
            || place.within.first().is_some_and(|around| around == name) && place.within.len() <= limits.archives + 1
    };
    let mut cells = 0;
    for text in &found.texts {
        assert!(is_here(&text.place), "a text outside its document: {:?}", text.place);
        assert!(!text.text.is_empty() && !text.text.contains('\r'));
        assert!(text.cells.iter().all(|cell| text.text.get(cell.range.clone()).is_some()), "a cell that is no text");
        cells += text.cells.len();
    }
    assert!(found.texts.iter().map(|text| text.text.len()).sum::<usize>() <= TEXT && cells <= limits.cells);
    assert!(found.unread.iter().all(|unread| is_here(&unread.place)), "unread outside its document");
    assert!(found.receipts.iter().all(|receipt| is_here(&receipt.place)), "a receipt outside its document");
    let is_blank = octets.trim_ascii().is_empty();
    assert!(is_blank || !found.receipts.is_empty(), "nobody says that it was looked at");
}
