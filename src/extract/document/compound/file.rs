//! Compound files (MS-CFB): storages and streams, as far as they can be followed.
//!
//! Our own reader, because a broken or hostile file still has to give what is left of it, in memory of its own size:
//! chains stop where they loop or leave the file, and all streams together give no more than a few times the file.

use std::cell::Cell;

use super::super::octets::{piece, rest, size_at, u8_at, u16_at, u32_at};

/// The mark of a compound file.
const MARK: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
/// Sector numbers from here on are no sectors (2.1).
const LAST_SECTOR: u32 = 0xFFFF_FFFA;
/// Octets of a directory entry (2.6.1).
const ENTRY: usize = 128;
/// Smaller streams are in the mini stream (2.2).
const MINI_CUTOFF: usize = 4096;
const MINI_SECTOR: usize = 64;
/// How many times the file all its streams together may give: some are read twice, and hostile ones share sectors.
const MOST_TIMES: usize = 4;

/// A compound file in memory.
pub(in super::super) struct Compound<'b> {
    octets: &'b [u8],
    sector: usize,
    fat: Vec<u32>,
    mini_fat: Vec<u32>,
    mini: Vec<u8>,
    /// The entries that hang in the tree, the root first.
    entries: Vec<Entry>,
    /// The entries by their storage: (storage, entry), sorted.
    children: Vec<(usize, usize)>,
    left: Cell<usize>,
    cut: Cell<bool>,
}

struct Entry {
    name: String,
    is_storage: bool,
    start: u32,
    size: usize,
}

/// A storage of a compound file: what a folder is on a disk.
#[derive(Clone, Copy)]
pub(in super::super) struct Storage<'c> {
    file: &'c Compound<'c>,
    at: usize,
}

impl<'b> Compound<'b> {
    /// A compound file; none when not even its directory is there.
    pub(in super::super) fn open(octets: &'b [u8]) -> Option<Self> {
        let shift = octets.starts_with(MARK).then(|| u16_at(octets, 30))??;
        // Version 3 has sectors of 512 octets, version 4 of 4096.
        let sector = if shift == 12 { 4096 } else { 512 };
        let left = octets.len().saturating_mul(MOST_TIMES);
        let mut file = Self {
            octets,
            sector,
            fat: Vec::new(),
            mini_fat: Vec::new(),
            mini: Vec::new(),
            entries: Vec::new(),
            children: Vec::new(),
            left: Cell::new(left),
            cut: Cell::new(false),
        };
        file.fat = file.read_fat();
        let directory = file.chain(u32_at(octets, 48)?, usize::MAX);
        file.read_tree(&directory)?;
        file.mini_fat = words(&file.chain(u32_at(octets, 60)?, usize::MAX));
        let root = file.entries.first()?;
        file.mini = file.chain(root.start, root.size);
        Some(file)
    }

    /// The root storage.
    pub(in super::super) fn root(&self) -> Storage<'_> {
        Storage { file: self, at: 0 }
    }

    /// Whether its streams together would have given more than a file of this size holds.
    pub(in super::super) fn is_over(&self) -> bool {
        self.left.get() == 0
    }

    /// Whether a stream ended before its size, as the end of the file was cut off.
    pub(in super::super) fn is_cut(&self) -> bool {
        self.cut.get()
    }

    /// The sectors of the file allocation table: 109 of them stand in the header, the others in a chain (2.5).
    fn read_fat(&self) -> Vec<u32> {
        let most = self.octets.len() / self.sector + 1;
        let mut sectors: Vec<u32> = words(rest(self.octets, 76, 109 * 4));
        let mut next = u32_at(self.octets, 68).unwrap_or(u32::MAX);
        let mut steps = 0;
        while next < LAST_SECTOR && steps < most && sectors.len() < most {
            let mut more = words(self.sector_at(next));
            next = more.pop().unwrap_or(u32::MAX);
            sectors.append(&mut more);
            steps += 1;
        }
        let known = sectors.into_iter().filter(|&sector| sector < LAST_SECTOR).take(most);
        let mut fat: Vec<u32> = Vec::new();
        for sector in known {
            let mut part = words(self.sector_at(sector));
            if part.is_empty() {
                // The numbers behind a lost sector keep their place.
                part = vec![u32::MAX; self.sector / 4];
            }
            fat.append(&mut part);
            if fat.len() > most {
                break;
            }
        }
        fat.truncate(most);
        fat
    }

    /// What is there of a sector.
    fn sector_at(&self, number: u32) -> &'b [u8] {
        let at = (number as usize).saturating_add(1).saturating_mul(self.sector);
        rest(self.octets, at, self.sector)
    }

    /// The octets of a chain of sectors, `size` at most.
    fn chain(&self, start: u32, size: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(size.min(self.octets.len()));
        let mut at = start;
        let mut steps = 0;
        while at < LAST_SECTOR && out.len() < size && steps <= self.fat.len() {
            let sector = self.sector_at(at);
            out.extend_from_slice(sector.get(..size - out.len()).unwrap_or(sector));
            if sector.len() < self.sector {
                break;
            }
            at = self.fat.get(at as usize).copied().unwrap_or(u32::MAX);
            steps += 1;
        }
        out
    }

    fn mini_chain(&self, start: u32, size: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(size.min(MINI_CUTOFF));
        let mut at = start;
        while at < LAST_SECTOR && out.len() < size {
            let sector = rest(&self.mini, (at as usize).saturating_mul(MINI_SECTOR), MINI_SECTOR);
            out.extend_from_slice(sector.get(..size - out.len()).unwrap_or(sector));
            if sector.len() < MINI_SECTOR {
                break;
            }
            at = self.mini_fat.get(at as usize).copied().unwrap_or(u32::MAX);
        }
        out
    }

    /// Walks the tree of entries (2.6.4); each is visited once, whatever it claims to hang under.
    fn read_tree(&mut self, directory: &[u8]) -> Option<()> {
        let is_new = self.sector == 4096;
        let mut seen = vec![false; directory.len() / ENTRY];
        let root = piece(directory, 0, ENTRY)?;
        self.entries.push(entry(root, is_new));
        let mut ahead = vec![(u32_at(root, 76)?, 0)];
        while let Some((number, storage)) = ahead.pop() {
            let number = number as usize;
            match seen.get_mut(number) {
                Some(seen) if !*seen && number > 0 => *seen = true,
                _ => continue,
            }
            let octets = piece(directory, number.saturating_mul(ENTRY), ENTRY)?;
            if matches!(u8_at(octets, 66), Some(1 | 2)) {
                let index = self.entries.len();
                self.entries.push(entry(octets, is_new));
                self.children.push((storage, index));
                if u8_at(octets, 66) == Some(1) {
                    ahead.push((u32_at(octets, 76)?, index));
                }
            }
            ahead.push((u32_at(octets, 72)?, storage));
            ahead.push((u32_at(octets, 68)?, storage));
        }
        self.children.sort_unstable();
        Some(())
    }

    fn content(&self, entry: &Entry) -> Option<Vec<u8>> {
        let out = match entry.size < MINI_CUTOFF {
            true => self.mini_chain(entry.start, entry.size),
            false => self.chain(entry.start, entry.size.min(self.left.get())),
        };
        let left = self.left.get().saturating_sub(out.len());
        self.left.set(left);
        if out.len() < entry.size {
            self.cut.set(true);
        }
        (left > 0).then_some(out)
    }
}

impl<'c> Storage<'c> {
    /// The content of a stream in it.
    pub(in super::super) fn stream(self, name: &str) -> Option<Vec<u8>> {
        self.find(name, false).and_then(|entry| self.file.content(entry))
    }

    /// Whether it has a stream of this name.
    pub(in super::super) fn has(self, name: &str) -> bool {
        self.find(name, false).is_some()
    }

    /// How large a stream in it claims to be.
    pub(in super::super) fn size(self, name: &str) -> usize {
        self.find(name, false).map_or(0, |entry| entry.size)
    }

    /// A storage in it.
    pub(in super::super) fn storage(self, name: &str) -> Option<Self> {
        self.storages().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, storage)| storage)
    }

    /// The storages in it, with their names.
    pub(in super::super) fn storages(self) -> impl Iterator<Item = (&'c str, Self)> {
        let of_mine = self.entries().filter(|(_, entry)| entry.is_storage);
        of_mine.map(move |(at, entry)| (entry.name.as_str(), Self { file: self.file, at }))
    }

    /// The names of the streams in it.
    pub(in super::super) fn streams(self) -> impl Iterator<Item = &'c str> {
        self.entries().filter(|(_, entry)| !entry.is_storage).map(|(_, entry)| entry.name.as_str())
    }

    fn find(self, name: &str, is_storage: bool) -> Option<&'c Entry> {
        let mut entries = self.entries().map(|(_, entry)| entry);
        entries.find(|entry| entry.is_storage == is_storage && entry.name.eq_ignore_ascii_case(name))
    }

    fn entries(self) -> impl Iterator<Item = (usize, &'c Entry)> {
        let children = &self.file.children;
        let from = children.partition_point(|(storage, _)| *storage < self.at);
        let mine = children.get(from..).unwrap_or_default().iter().take_while(move |(storage, _)| *storage == self.at);
        mine.filter_map(move |&(_, index)| self.file.entries.get(index).map(|entry| (index, entry)))
    }
}

fn entry(octets: &[u8], is_new: bool) -> Entry {
    let units = usize::from(u16_at(octets, 64).unwrap_or(0) / 2).saturating_sub(1).min(31);
    let high = if is_new { u32_at(octets, 124).unwrap_or(0) } else { 0 };
    let size = size_at(octets, 120).unwrap_or(0);
    Entry {
        name: char::decode_utf16((0..units).filter_map(|unit| u16_at(octets, unit * 2)))
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
        is_storage: u8_at(octets, 66) == Some(1),
        start: u32_at(octets, 116).unwrap_or(u32::MAX),
        // Nothing here is larger than 4 GiB.
        size: if high == 0 { size } else { usize::MAX },
    }
}

fn words(octets: &[u8]) -> Vec<u32> {
    octets.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}
