//! Zip archives, written anew with other content in some of their files (APPNOTE 6.3.10).
//!
//! Files that stay keep their packed octets. Stricter than a reader: an archive that two programs could read in two ways
//! (two files of one name, octets that no list accounts for, a header that differs from the list) is not written anew.
//! What stands between and before the files, and belongs to none, is left out.

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::ops::Range;

use super::CannotRedact;

/// An archive.
pub(super) struct Package<'o> {
    octets: &'o [u8],
    entries: Vec<Entry>,
    comment: Range<usize>,
    /// How many octets may still be unpacked.
    left: usize,
    /// What becomes of files that do not stay as they are, by their index; none for those that go.
    changed: BTreeMap<usize, Option<Vec<u8>>>,
}

/// One file of it.
struct Entry {
    name: String,
    /// Its header in the list, without its signature.
    central: Range<usize>,
    local: usize,
    data: Range<usize>,
    method: u16,
    checksum: u32,
    unpacked: usize,
}

/// More than so many octets for each packed one is no document but a bomb.
const RATIO: usize = 200;
/// Below this the ratio does not count.
const SMALL: usize = 32 << 20;
/// The most that one file may hold.
const MOST: usize = 64 << 20;

impl<'o> Package<'o> {
    /// Reads the list of an archive, of which so many octets may be unpacked, and which may hold so many files.
    ///
    /// # Errors
    /// It is broken, locked, too large, or can be read in two ways.
    pub(super) fn open(octets: &'o [u8], left: usize, most: usize) -> Result<Self, CannotRedact> {
        let damaged = CannotRedact::Damaged;
        // A comment is 65,535 octets at most.
        let from = octets.len().saturating_sub(65_557);
        let tail = octets.get(from..).unwrap_or_default();
        let end = from + memchr::memmem::rfind(tail, b"PK\x05\x06").ok_or(damaged.clone())?;
        let field = |at: usize| u16_at(octets, end + at).map(usize::from).ok_or(damaged.clone());
        let (count, comment) = (field(10)?, end + 22..end + 22 + field(20)?);
        let long =
            |at: usize| u32_at(octets, end + at).and_then(|long| usize::try_from(long).ok()).ok_or(damaged.clone());
        let (size, start) = (long(12)?, long(16)?);
        if comment.end != octets.len() || field(4)? != 0 || start.checked_add(size) != Some(end) {
            return Err(damaged);
        }
        if count > most {
            return Err(CannotRedact::OverLimit);
        }
        let mut package = Self { octets, entries: Vec::new(), comment, left, changed: BTreeMap::new() };
        let mut at = start;
        while at < end {
            at = package.entry(at, end)?;
        }
        if package.entries.len() != count {
            return Err(damaged);
        }
        package.checked(start)
    }

    /// Takes in the entry whose header in the list stands here; where the next stands.
    fn entry(&mut self, at: usize, end: usize) -> Result<usize, CannotRedact> {
        let damaged = CannotRedact::Damaged;
        let header = self.octets.get(at..end).filter(|rest| rest.starts_with(b"PK\x01\x02")).ok_or(damaged.clone())?;
        let short = |at| u16_at(header, at).ok_or(damaged.clone());
        let [name, extra, comment] = [short(28)?, short(30)?, short(32)?].map(usize::from);
        let next = at + 46 + name + extra + comment;
        let written = header.get(46..46 + name).ok_or(damaged.clone())?;
        if short(8)? & 0x2041 != 0 || short(10)? == 99 {
            return Err(CannotRedact::Locked);
        }
        let extra = header.get(46 + name..46 + name + extra).ok_or(damaged.clone())?;
        let mut wide = extra_field(extra, 1).unwrap_or_default();
        let mut long = |at: usize| -> Result<usize, CannotRedact> {
            let short = u32_at(header, at).ok_or(damaged.clone())?;
            let Some((first, rest)) = wide.split_first_chunk::<8>().filter(|_| short == u32::MAX) else {
                return usize::try_from(short).map_err(|_| damaged.clone());
            };
            wide = rest;
            usize::try_from(u64::from_le_bytes(*first)).map_err(|_| damaged.clone())
        };
        let (unpacked, packed, local) = (long(24)?, long(20)?, long(42)?);
        let own = self.octets.get(local..).filter(|rest| rest.starts_with(b"PK\x03\x04")).ok_or(damaged.clone())?;
        let same_name = u16_at(own, 26).map(usize::from) == Some(name) && own.get(30..30 + name) == Some(written);
        let start = local + 30 + name + usize::from(u16_at(own, 28).ok_or(damaged.clone())?);
        let data = start..start.checked_add(packed).ok_or(damaged.clone())?;
        if !same_name || data.end > self.octets.len() || u16_at(own, 8) != Some(short(10)?) || next > end {
            return Err(damaged);
        }
        let name = std::str::from_utf8(written).map_err(|_| damaged.clone())?.replace('\\', "/");
        let checksum = u32_at(header, 16).ok_or(damaged.clone())?;
        self.entries.push(Entry { name, central: at + 4..next, local, data, method: short(10)?, checksum, unpacked });
        Ok(next)
    }

    /// Whether no two files share octets or a name.
    fn checked(self, list: usize) -> Result<Self, CannotRedact> {
        let mut ranges: Vec<(usize, usize)> = self.entries.iter().map(|entry| (entry.local, entry.data.end)).collect();
        ranges.sort_unstable();
        let overlap = ranges.windows(2).any(|two| matches!(two, [(_, end), (start, _)] if end > start));
        let mut names = HashSet::new();
        let doubled = self.entries.iter().any(|entry| !names.insert(entry.name.to_lowercase()));
        if overlap || doubled || ranges.last().is_some_and(|(_, end)| *end > list) {
            return Err(CannotRedact::Damaged);
        }
        Ok(self)
    }

    /// The names of its files, but for those that go; folders are none.
    pub(super) fn names(&self) -> Vec<String> {
        let stays = |index: &usize| self.changed.get(index).is_none_or(Option::is_some);
        let files = self.entries.iter().enumerate().filter(|(index, entry)| stays(index) && !entry.name.ends_with('/'));
        files.map(|(_, entry)| entry.name.clone()).collect()
    }

    /// Whether there is a file of this name; case does not count.
    pub(super) fn has(&self, name: &str) -> bool {
        self.index(name).is_some()
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// The content of a file, as it is by now; none when there is none.
    ///
    /// # Errors
    /// It is broken or too large.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, CannotRedact> {
        let Some(index) = self.index(name) else { return Ok(None) };
        if let Some(changed) = self.changed.get(&index) {
            return Ok(changed.clone());
        }
        let Some(entry) = self.entries.get(index) else { return Ok(None) };
        let packed = self.octets.get(entry.data.clone()).unwrap_or_default();
        let most = packed.len().saturating_mul(RATIO).clamp(SMALL, MOST).min(self.left);
        if entry.unpacked > most {
            return Err(CannotRedact::OverLimit);
        }
        let mut content = Vec::with_capacity(entry.unpacked);
        let limit = entry.unpacked as u64 + 1;
        match entry.method {
            0 => content.extend_from_slice(packed.get(..packed.len().min(entry.unpacked + 1)).unwrap_or_default()),
            8 => drop(
                flate2::read::DeflateDecoder::new(packed)
                    .take(limit)
                    .read_to_end(&mut content)
                    .map_err(|_| CannotRedact::Damaged)?,
            ),
            _ => return Err(CannotRedact::Damaged),
        }
        let mut sum = flate2::Crc::new();
        sum.update(&content);
        if content.len() != entry.unpacked || sum.sum() != entry.checksum {
            return Err(CannotRedact::Damaged);
        }
        self.left -= content.len();
        Ok(Some(content))
    }

    /// The text of a file of XML, as it is by now.
    ///
    /// # Errors
    /// It is broken, too large or not in UTF-8.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, CannotRedact> {
        let Some(content) = self.read(name)? else { return Ok(None) };
        let content = content.strip_prefix(b"\xEF\xBB\xBF").map(<[u8]>::to_vec).unwrap_or(content);
        String::from_utf8(content).map(Some).map_err(|_| CannotRedact::Damaged)
    }

    /// Gives a file other content.
    pub(super) fn put(&mut self, name: &str, content: Vec<u8>) {
        if let Some(index) = self.index(name) {
            self.changed.insert(index, Some(content));
        }
    }

    /// Takes a file out.
    pub(super) fn remove(&mut self, name: &str) {
        if let Some(index) = self.index(name) {
            self.changed.insert(index, None);
        }
    }

    /// The archive with its changes.
    ///
    /// # Errors
    /// It would be larger than an archive can be without ZIP64.
    pub(super) fn write(&self) -> Result<Vec<u8>, CannotRedact> {
        let (mut out, mut list, mut count) = (Vec::with_capacity(self.octets.len()), Vec::new(), 0u16);
        for (index, entry) in self.entries.iter().enumerate() {
            match self.changed.get(&index) {
                Some(None) => continue,
                Some(Some(content)) => self.one(entry, Some(content), &mut out, &mut list)?,
                None => self.one(entry, None, &mut out, &mut list)?,
            }
            count = count.checked_add(1).ok_or(CannotRedact::OverLimit)?;
        }
        let (start, size) = (length(out.len())?, length(list.len())?);
        out.append(&mut list);
        out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        out.extend([size, start].concat());
        let comment = self.octets.get(self.comment.clone()).unwrap_or_default();
        out.extend(u16::try_from(comment.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(comment);
        Ok(out)
    }

    /// Writes one file, with other content or as it was.
    fn one(
        &self,
        entry: &Entry,
        content: Option<&Vec<u8>>,
        out: &mut Vec<u8>,
        list: &mut Vec<u8>,
    ) -> Result<(), CannotRedact> {
        let deflated;
        let (packed, method, checksum, unpacked) = match content {
            None => {
                let packed = self.octets.get(entry.data.clone()).unwrap_or_default();
                (packed, entry.method, entry.checksum, entry.unpacked)
            }
            Some(content) if entry.method == 0 => (content.as_slice(), 0, crc(content), content.len()),
            Some(content) => {
                let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                packer.write_all(content).map_err(|_| CannotRedact::OverLimit)?;
                deflated = packer.finish().map_err(|_| CannotRedact::OverLimit)?;
                (deflated.as_slice(), 8, crc(content), content.len())
            }
        };
        let damaged = CannotRedact::Damaged;
        let central = self.octets.get(entry.central.clone()).ok_or(damaged.clone())?;
        let local = self.octets.get(entry.local..entry.data.start).ok_or(damaged.clone())?;
        // Behind its signature, the list has the version that made it, which the local header has not.
        let flags = u16_at(central, 4).unwrap_or(0) & !8;
        let needs = central.get(2..4).unwrap_or_default();
        let time = central.get(8..12).unwrap_or_default();
        let name_length = usize::from(u16_at(central, 24).unwrap_or(0));
        let name = central.get(42..42 + name_length).ok_or(damaged.clone())?;
        let extra_length = usize::from(u16_at(central, 26).unwrap_or(0));
        let own_extra = without_field(local.get(30 + name_length..).unwrap_or_default(), 1);
        let list_extra =
            without_field(central.get(42 + name_length..42 + name_length + extra_length).unwrap_or_default(), 1);
        let comment = central.get(42 + name_length + extra_length..).unwrap_or_default();
        let sums = [checksum.to_le_bytes(), length(packed.len())?, length(unpacked)?].concat();
        let short = |octets: &[u8]| u16::try_from(octets.len()).unwrap_or(u16::MAX).to_le_bytes();
        let common = [needs, &flags.to_le_bytes(), &method.to_le_bytes(), time, &sums, &short(name)].concat();
        list.extend_from_slice(b"PK\x01\x02");
        list.extend_from_slice(central.get(..2).unwrap_or_default());
        list.extend([&common[..], &short(&list_extra), &short(comment), &[0, 0]].concat());
        list.extend_from_slice(central.get(32..38).unwrap_or_default());
        list.extend([&length(out.len())?, name, &list_extra, comment].concat());
        out.extend([b"PK\x03\x04", &common[..], &short(&own_extra), name, &own_extra, packed].concat());
        Ok(())
    }
}

fn crc(content: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(content);
    sum.sum()
}

fn length(octets: usize) -> Result<[u8; 4], CannotRedact> {
    u32::try_from(octets).map(u32::to_le_bytes).map_err(|_| CannotRedact::OverLimit)
}

/// The content of an extra field (4.5.1).
fn extra_field(extra: &[u8], kind: u16) -> Option<&[u8]> {
    fields(extra).find(|(known, _)| *known == kind).and_then(|(_, field)| field.get(4..))
}

/// The extra fields but for one kind.
fn without_field(extra: &[u8], kind: u16) -> Vec<u8> {
    fields(extra).filter(|(known, _)| *known != kind).flat_map(|(_, field)| field.to_vec()).collect()
}

/// The extra fields, each with its header.
fn fields(extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = extra;
    std::iter::from_fn(move || {
        let (kind, size) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let (field, behind) = rest.split_at_checked(4 + size)?;
        rest = behind;
        Some((kind, field))
    })
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}
