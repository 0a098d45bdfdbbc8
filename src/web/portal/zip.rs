//! All files of a message as one zip, written while it is read: nothing on the disk, no more than a piece in memory, no
//! thread held.
//!
//! Stored, not packed: most of what schools send is packed already, and what a file holds should not show in the size of
//! the zip. Sizes stand behind each file (APPNOTE.TXT 4.3.9), in 64 bits above 4 GiB. Fails in the midst of the stream:
//! the download is broken off, and no browser takes half a zip for a whole one.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Stream, StreamExt, stream};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Octets in pieces.
pub(super) type Octets = Pin<Box<dyn Stream<Item = io::Result<Vec<u8>>> + Send>>;

/// What is asked for an entry when its turn comes.
pub(super) type Asked = Pin<Box<dyn Future<Output = io::Result<Octets>> + Send>>;

/// A file in the zip.
pub(super) struct Entry {
    /// Its name, fit for a zip.
    pub name: String,
    /// How large it is at least; above 4 GiB it is written in another form.
    pub size: u64,
    /// Gives what is in it.
    pub content: Asked,
}

impl Entry {
    /// A file that is in memory.
    pub fn ready(name: String, octets: Vec<u8>) -> Self {
        let size = octets.len() as u64;
        let content: Octets = Box::pin(stream::once(async { Ok(octets) }));
        Self { name, size, content: Box::pin(async { Ok(content) }) }
    }
}

/// A zip of these files, all with this date.
pub(super) fn zip(entries: Vec<Entry>, date: DateTime) -> impl Stream<Item = io::Result<Vec<u8>>> + Send {
    let written = Written::default();
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(date)
        .unix_permissions(0o644);
    let zipping = Zipping {
        writer: Some(ZipWriter::new_stream(written.clone())),
        written,
        waiting: entries.into(),
        current: None,
        options,
    };
    stream::try_unfold(zipping, |mut zipping| async {
        loop {
            let octets = zipping.written.take();
            if !octets.is_empty() {
                return Ok(Some((octets, zipping)));
            }
            if !zipping.goes_on().await? {
                return Ok(None);
            }
        }
    })
}

struct Zipping {
    /// None when the zip is whole.
    writer: Option<ZipWriter<StreamWriter<Written>>>,
    written: Written,
    waiting: VecDeque<Entry>,
    current: Option<Octets>,
    options: SimpleFileOptions,
}

impl Zipping {
    /// A piece further. False when there is nothing more.
    async fn goes_on(&mut self) -> io::Result<bool> {
        let Some(writer) = &mut self.writer else { return Ok(false) };
        if let Some(current) = &mut self.current {
            match current.next().await {
                Some(octets) => writer.write_all(&octets?)?,
                None => self.current = None,
            }
        } else if let Some(entry) = self.waiting.pop_front() {
            let options = self.options.large_file(entry.size >= u64::from(u32::MAX));
            self.current = Some(entry.content.await?);
            writer.start_file(entry.name, options)?;
        } else if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        Ok(true)
    }
}

/// What was written and not taken yet.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Cursor, Read};

    use zip::ZipArchive;

    use super::*;

    fn pieces(number: usize, size: usize) -> Asked {
        let octets: Octets = Box::pin(stream::iter((0..number).map(move |n| Ok(vec![n as u8; size]))));
        Box::pin(async { Ok(octets) })
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_a_piece_at_a_time() {
        let entries = vec![
            Entry::ready("bericht.txt".into(), b"dag".to_vec()),
            Entry { name: "Ёлка (2).pdf".into(), size: 300, content: pieces(3, 100) },
            Entry { name: "groot.bin".into(), size: 5 << 32, content: pieces(2, 64 * 1024) },
            Entry::ready("leeg".into(), Vec::new()),
        ];
        let mut zip = Box::pin(zip(entries, DateTime::default()));
        let mut all = Vec::new();
        while let Some(piece) = zip.next().await {
            let piece = piece.unwrap();
            assert!(piece.len() < 65 * 1024 + 512, "{}", piece.len());
            all.extend(piece);
        }
        let mut read = ZipArchive::new(Cursor::new(all)).unwrap();
        let names: Vec<String> = read.file_names().map(|name| name.unwrap().into_owned()).collect();
        assert_eq!(names, ["bericht.txt", "Ёлка (2).pdf", "groot.bin", "leeg"]);
        let mut text = Vec::new();
        read.by_name("Ёлка (2).pdf").unwrap().read_to_end(&mut text).unwrap();
        assert_eq!((text.len(), text[0], text[299]), (300, 0, 2));
        assert_eq!(read.by_name("groot.bin").unwrap().size(), 128 * 1024);
    }

    #[tokio::test]
    async fn what_was_withdrawn_meanwhile_breaks_it_off() {
        let gone: Asked = Box::pin(async { Err(io::ErrorKind::NotFound.into()) });
        let entries = vec![Entry::ready("a".into(), b"a".to_vec()), Entry { name: "b".into(), size: 1, content: gone }];
        let pieces: Vec<_> = zip(entries, DateTime::default()).collect().await;
        assert!(pieces.last().unwrap().is_err());
    }
}
