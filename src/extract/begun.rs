//! A message that is read but for its documents, and the rest of the way.
//!
//! Documents are read where a dead process costs one part its text ([`Documents`]); all other text needs no process and
//! waits for none. What comes back is put where the document stood, within what all documents of a message may hold
//! together. Cannot fail.

use super::document::{self, Document};
use super::pages::{Pictured, Read, Room};
use super::{Documents, Passwords, Place, Receipt, Texts, Unread, Why};
use crate::message::Limits;

/// A message whose documents and pictures are still to be read.
pub struct Begun {
    pub(super) texts: Texts,
    pub(super) waiting: Vec<Waiting>,
    /// Pictures that stand in no document, and the room for more.
    pub(super) pictured: Vec<Pictured>,
    pub(super) room: Room,
    /// What the documents may hold, all of them together.
    pub(super) limits: Limits,
}

/// A document that waits for its reader.
pub(super) struct Waiting {
    pub(super) octets: Vec<u8>,
    pub(super) essence: String,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) depth: usize,
    /// What its first octets promise, for the receipt of one whose reader died.
    pub(super) format: &'static str,
    /// How many texts stand before it.
    pub(super) behind_texts: usize,
    /// How many receipts stand before its own.
    pub(super) behind_receipts: usize,
}

impl Waiting {
    fn document<'d>(&'d self, passwords: &'d Passwords) -> Document<'d> {
        Document {
            octets: &self.octets,
            essence: &self.essence,
            name: &self.name,
            place: &self.place,
            depth: self.depth,
            passwords,
        }
    }
}

/// Sizes and counts alone: the rest is content.
impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").field("texts", &self.texts.texts.len()).field("waiting", &self.waiting.len()).finish()
    }
}

/// What came of one document.
#[derive(Debug, Default)]
pub struct Answer {
    /// What could be read, and what not.
    pub texts: Texts,
    /// Files that were in it.
    pub entries: usize,
    /// Octets that were unpacked.
    pub unpacked: usize,
    /// Pictures of which somebody may recognise the text.
    pub pictured: Vec<Pictured>,
}

/// Reads documents in this process: for the reader processes themselves, tests and fuzzers.
#[derive(Debug, Clone, Copy)]
pub struct Here;

impl Documents for Here {
    fn read(&self, documents: &[Document<'_>], limits: &Limits) -> Vec<Answer> {
        documents.iter().map(|document| document::read_aloud(document, limits, None)).collect()
    }
}

impl Begun {
    /// Whether there are documents or pictures to be read, for which others are needed.
    pub fn has_more(&self) -> bool {
        !self.waiting.is_empty() || !self.pictured.is_empty()
    }

    /// What comes of the documents, and the passwords that they were tried with. What is locked is read again where
    /// another document told a new one: a text in an archive, the body in a winmail.dat.
    fn answers(&self, documents: &dyn Documents, told_before: &Passwords) -> (Vec<Answer>, Passwords) {
        let asked = |passwords| self.waiting.iter().map(move |waiting| waiting.document(passwords));
        let told = Passwords::told_in(&self.texts.texts).and(told_before);
        let mut answers = documents.read(&asked(&told).collect::<Vec<_>>(), &self.limits);
        let is_locked = |answer: &Answer| answer.texts.unread.iter().any(|unread| unread.why == Why::Encrypted);
        if !answers.iter().any(is_locked) {
            return (answers, told);
        }
        let others = Passwords::told_in_documents(answers.iter().flat_map(|answer| &answer.texts.texts));
        let all = told.and(&others);
        if all == told {
            return (answers, told);
        }
        let again: Vec<_> =
            asked(&all).zip(&answers).filter(|(_, before)| is_locked(before)).map(|(it, _)| it).collect();
        let mut again = documents.read_again(&again, &self.limits).into_iter();
        for before in answers.iter_mut().filter(|before| is_locked(before)) {
            // One that has now run late or died has told more the first time.
            let opens = |new: &Answer| new.texts.receipts.iter().any(|receipt| receipt.opened.is_some());
            let new = again.next().filter(opens);
            new.into_iter().for_each(|new| *before = new);
        }
        (answers, all)
    }

    /// Has the documents read, and puts what they hold in its place. Passwords that were told before are tried behind
    /// those that the message tells itself.
    pub fn finish(self, documents: &dyn Documents, told_before: &Passwords) -> Read {
        let pages = self.limits.pictures;
        if self.waiting.is_empty() {
            return Read { texts: self.texts, pictured: self.pictured, pages };
        }
        let (answers, passwords) = self.answers(documents, told_before);
        let mut answers = answers.into_iter();
        let mut all = Together::new(&self.limits, self.texts.unread);
        (all.pictured, all.room) = (self.pictured, self.room);
        all.out.writers = self.texts.writers;
        let (mut texts, mut receipts) = (self.texts.texts.into_iter(), self.texts.receipts.into_iter());
        for waiting in &self.waiting {
            all.out.texts.extend(texts.by_ref().take(waiting.behind_texts.saturating_sub(all.own_texts)));
            all.out.receipts.extend(receipts.by_ref().take(waiting.behind_receipts.saturating_sub(all.own_receipts)));
            all.own_texts = all.own_texts.max(waiting.behind_texts);
            all.own_receipts = all.own_receipts.max(waiting.behind_receipts);
            all.answer(waiting, answers.next());
        }
        all.out.texts.extend(texts);
        all.out.receipts.extend(receipts);
        all.out.passwords = passwords;
        Read { texts: all.out, pictured: all.pictured, pages }
    }
}

/// Everything so far, and what the other documents may still hold.
struct Together {
    out: Texts,
    /// Texts and receipts so far that are of no document.
    own_texts: usize,
    own_receipts: usize,
    text_left: usize,
    cells_left: usize,
    entries_left: usize,
    unpack_left: usize,
    pictured: Vec<Pictured>,
    room: Room,
}

impl Together {
    fn new(limits: &Limits, unread: Vec<Unread>) -> Self {
        Self {
            out: Texts { unread, ..Texts::default() },
            own_texts: 0,
            own_receipts: 0,
            text_left: limits.documents_text,
            cells_left: limits.cells,
            entries_left: limits.entries,
            unpack_left: limits.unpacked_bytes,
            pictured: Vec::new(),
            room: Room::new(limits),
        }
    }

    fn answer(&mut self, waiting: &Waiting, answer: Option<Answer>) {
        let place = &waiting.place;
        let mut answer = answer.unwrap_or_else(|| {
            let unread = vec![Unread { place: place.clone(), why: Why::ReaderDied }];
            Answer { texts: Texts { unread, ..Texts::default() }, ..Answer::default() }
        });
        if self.is_over(&mut answer) {
            answer.texts.unread.push(Unread { place: place.clone(), why: Why::OverLimit });
        }
        let Texts { texts, unread, receipts, writers, .. } = answer.texts;
        self.out.writers.extend(writers);
        match receipts.iter().any(|receipt| receipt.place == *place) {
            true => self.out.receipts.extend(receipts),
            false => {
                self.out.receipts.extend(receipts);
                self.out.receipts.push(Receipt {
                    place: place.clone(),
                    format: waiting.format.to_string(),
                    octets: waiting.octets.len(),
                    read: !texts.is_empty(),
                    unread: unread.iter().map(|unread| unread.why).collect(),
                    opened: None,
                });
            }
        }
        self.out.texts.extend(texts);
        self.out.unread.extend(unread);
        for mut part in answer.pictured {
            let offered = part.pictures.len();
            part.pictures.retain(|picture| self.room.takes(picture));
            part.whole &= part.pictures.len() == offered;
            if !part.pictures.is_empty() {
                self.pictured.push(part);
            }
        }
    }

    /// Takes an answer off what is left; what is more is cut off.
    fn is_over(&mut self, answer: &mut Answer) -> bool {
        let mut over = answer.entries > self.entries_left || answer.unpacked > self.unpack_left;
        self.entries_left = self.entries_left.saturating_sub(answer.entries);
        self.unpack_left = self.unpack_left.saturating_sub(answer.unpacked);
        for text in &mut answer.texts.texts {
            if text.text.len() > self.text_left {
                text.text.truncate(text.text.floor_char_boundary(self.text_left));
                let end = text.text.len();
                text.cells.retain(|cell| cell.range.end <= end);
                over = true;
            }
            if text.cells.len() > self.cells_left {
                text.cells.truncate(self.cells_left);
                over = true;
            }
            self.text_left -= text.text.len();
            self.cells_left -= text.cells.len();
        }
        answer.texts.texts.retain(|text| !text.text.is_empty());
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::{Text, begin};
    use crate::message::Message;

    /// A mail with a text, two documents and another text.
    const MAIL: &[u8] = b"Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\n\r\neen\r\n\
        --b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-1\r\n\
        --b\r\nContent-Type: application/pdf; name=b.pdf\r\n\r\n%PDF-2\r\n\
        --b\r\n\r\ntwee\r\n--b--\r\n";

    /// Answers with a text of this length, or not at all.
    struct Answers(Vec<Option<usize>>);

    impl Documents for Answers {
        fn read(&self, documents: &[Document<'_>], _: &Limits) -> Vec<Answer> {
            let answer = |(document, length): (&Document<'_>, &Option<usize>)| {
                let text = |length| Text { place: document.place.clone(), text: "x".repeat(length), cells: Vec::new() };
                let texts = length.map(text).into_iter().collect();
                Answer { texts: Texts { texts, ..Texts::default() }, entries: 1, unpacked: 10, pictured: Vec::new() }
            };
            documents.iter().zip(&self.0).map(answer).collect()
        }
    }

    fn read(limits: &Limits, answers: Vec<Option<usize>>) -> (Vec<String>, Vec<(&'static str, Why)>, Vec<String>) {
        let finished = begin(&Message::parse(MAIL, limits), limits).finish(&Answers(answers), Passwords::none());
        let found = finished.without_pictures();
        (
            found.texts.iter().map(|text| format!("{} {}", text.place.path(), text.text.len())).collect(),
            found.unread.iter().map(|unread| (unread.place.masked(), unread.why)).collect(),
            found.receipts.iter().map(|receipt| receipt.format.clone()).collect(),
        )
    }

    #[test]
    fn documents_stand_where_they_stood() {
        let (texts, unread, receipts) = read(&Limits::default(), vec![Some(3), Some(4)]);
        let expected = ["subject 1", "text 3", "name:a.pdf 5", "att:a.pdf 3", "name:b.pdf 5", "att:b.pdf 4", "text 4"];
        assert_eq!(texts, expected);
        assert_eq!(unread, []);
        assert_eq!(receipts, ["text", "pdf", "pdf", "text"]);
    }

    #[test]
    fn a_document_without_an_answer_has_no_reader() {
        let (_, unread, receipts) = read(&Limits::default(), vec![Some(3)]);
        assert_eq!(unread, [("attachment", Why::ReaderDied)]);
        assert_eq!(receipts.len(), 4);
    }

    #[test]
    fn documents_share_one_limit() {
        let over = [("attachment", Why::OverLimit)];
        for limits in [
            Limits { documents_text: 5, ..Limits::default() },
            Limits { entries: 1, ..Limits::default() },
            Limits { unpacked_bytes: 15, ..Limits::default() },
        ] {
            let (texts, unread, _) = read(&limits, vec![Some(3), Some(4)]);
            assert_eq!(unread, over, "{limits:?}");
            assert_eq!(texts.contains(&"att:b.pdf 2".to_string()), limits.documents_text == 5, "{texts:?}");
        }
    }
}
