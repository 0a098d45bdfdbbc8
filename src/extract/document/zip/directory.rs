//! The files of a zip archive, by everything in it that names one (APPNOTE 4.3).
//!
//! Programs disagree on a zip that was made to be disagreed on: one goes by the central directory, another by the local
//! headers, one takes the first end record, another the last. So all of them are read, and where they do not say the
//! same, the archive is ambiguous. No size, count or offset is believed; offsets only say where to look. Cannot fail.

use std::ops::Range;

use memchr::memmem;

use super::header::{Entry, Fields, Wide, in_charset, u16_at, u32_at, u64_at};

/// What an archive holds.
#[derive(Clone, Default)]
pub(super) struct Directory {
    /// Its files, in the order of the central directory.
    pub(super) entries: Vec<Entry>,
    /// What was written about the archive and its files.
    pub(super) comments: String,
    /// Programs would show different files.
    pub(super) ambiguous: bool,
    /// There are more files than were listed.
    pub(super) over_limit: bool,
    /// The list of files itself is encrypted.
    pub(super) locked: bool,
    /// There is no list, or a part of it makes no sense.
    pub(super) damaged: bool,
    /// Where the lists and their ends stand.
    lists: Vec<Range<usize>>,
}

/// More files than a person sends; what is beyond is said.
const MOST_ENTRIES: usize = 2_000;
/// More lists than any archive has by accident.
const MOST_LISTS: usize = 8;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";

/// Lists the files.
pub(super) fn read(octets: &[u8]) -> Directory {
    let mut out = Directory::default();
    let listed = memmem::rfind_iter(octets, END).take(MOST_LISTS).any(|end| out.list(octets, end));
    out.damaged |= !listed;
    for gap in out.gaps(octets.len()) {
        out.unlisted(octets, gap, listed);
    }
    out.mark();
    out
}

/// Whether other octets end in a zip archive: its end record stands where it has to, and a list before it. `whole` wants
/// nothing behind it.
pub(in super::super) fn is_behind(octets: &[u8], whole: bool) -> bool {
    let tail = octets.len().saturating_sub(65_557);
    // Forwards first, which takes a tenth of the time: hardly anything has one.
    let ends = octets.get(tail..).filter(|rest| memmem::find(rest, END).is_some());
    let Some(end) = ends.and_then(|rest| memmem::rfind(rest, END)) else { return false };
    let end = tail + end;
    let comment = usize::from(u16_at(octets, end + 20).unwrap_or(0));
    (!whole || end + 22 + comment == octets.len())
        && starts_of_list(octets, end).iter().any(|&(at, _)| is_at(octets, at, CENTRAL))
}

impl Directory {
    /// Takes in the list that an end record points to; false when there is none.
    fn list(&mut self, octets: &[u8], end: usize) -> bool {
        let starts = starts_of_list(octets, end);
        let count = u16_at(octets, end + 10).unwrap_or(0);
        let found: Vec<_> = starts.into_iter().filter(|&(at, _)| is_at(octets, at, CENTRAL)).collect();
        let encrypted = u32_at(octets, end + 16).is_some_and(|at| is_at(octets, at as usize, b"PK\x06\x08"));
        self.locked |= encrypted;
        if found.is_empty() && (count > 0 || u32_at(octets, end + 12).is_none_or(|size| size > 0)) {
            return encrypted;
        }
        self.ambiguous |= found.len() > 1;
        let before = self.entries.len();
        for (at, base) in found {
            let stop = self.central(octets, at, base);
            self.lists.push(at..stop);
        }
        let listed = self.entries.len() - before;
        self.ambiguous |= !self.over_limit && count != u16::MAX && usize::from(count) != listed % 0x1_0000;
        let comment = usize::from(u16_at(octets, end + 20).unwrap_or(0));
        self.lists.push(end..end + 22 + comment);
        self.comment(octets.get(end + 22..end + 22 + comment).unwrap_or_default());
        true
    }

    /// The headers of a central directory (4.3.12), as long as there are any; where they end.
    fn central(&mut self, octets: &[u8], start: usize, base: usize) -> usize {
        let mut at = start;
        while let Some(header) = octets.get(at..).filter(|rest| rest.starts_with(CENTRAL)) {
            let length = |offset| usize::from(u16_at(header, offset).unwrap_or(0));
            let (name, extra, comment) = (length(28), length(30), length(32));
            let Some(name_octets) = header.get(46..46 + name) else { break };
            if self.entries.len() >= MOST_ENTRIES {
                self.over_limit = true;
                break;
            }
            let fields = Fields {
                flags: u16_at(header, 8).unwrap_or(0),
                method: u16_at(header, 10).unwrap_or(0),
                time: u16_at(header, 12).unwrap_or(0),
                checksum: u32_at(header, 16).unwrap_or(0),
                packed: u32_at(header, 20).unwrap_or(0),
                unpacked: u32_at(header, 24).unwrap_or(0),
                name: name_octets,
                extra: header.get(46 + name..46 + name + extra).unwrap_or_default(),
            };
            let wide = fields.wide(u32_at(header, 42).unwrap_or(0));
            self.comment(header.get(46 + name + extra..46 + name + extra + comment).unwrap_or_default());
            self.entry(octets, &fields, wide, base);
            at += 46 + name + extra + comment;
        }
        at
    }

    /// Takes in an entry of the list beside its local header.
    fn entry(&mut self, octets: &[u8], fields: &Fields<'_>, wide: Wide, base: usize) {
        let at = [wide.header.saturating_add(base), wide.header];
        let Some(header) = at.into_iter().find(|&at| is_at(octets, at, LOCAL)) else {
            self.damaged = true;
            return self.entries.push(fields.entry(0, 0..0));
        };
        let Some((local, start)) = Fields::local(octets, header) else {
            self.damaged = true;
            return self.entries.push(fields.entry(0, 0..0));
        };
        let range = |packed: usize| start..start.saturating_add(packed).min(octets.len());
        let mut entry = fields.entry(header, range(wide.packed));
        // Bit 13: the local header is masked, because the list is encrypted.
        let masked = local.flags & 0x2000 != 0;
        if !masked && local.name() != fields.name() {
            entry.other_name = Some(local.name());
            self.ambiguous = true;
        }
        let packed = local.wide(0).packed;
        // Where the sizes stand behind the data, the local header has none.
        let resized = packed != 0 && packed != wide.packed;
        let differs = local.method != fields.method || (local.flags ^ fields.flags) & 1 != 0 || resized;
        if differs && !masked {
            self.ambiguous = true;
            self.entries.push(Entry { shadowed: true, ..local.entry(header, range(packed.max(wide.packed))) });
        }
        self.entries.push(entry);
    }

    /// Files and lists in octets that no list so far accounts for.
    fn unlisted(&mut self, octets: &[u8], gap: Range<usize>, listed: bool) {
        let mut at = gap.start;
        while let Some(found) = octets.get(at..gap.end).and_then(|rest| memmem::find(rest, b"PK")) {
            at += found;
            if is_at(octets, at, LOCAL)
                && let Some((local, start)) = Fields::local(octets, at)
            {
                if self.entries.len() >= MOST_ENTRIES {
                    self.over_limit = true;
                    return;
                }
                let packed = local.wide(0).packed;
                // Without a size, the stream itself says where it ends.
                let end = if packed == 0 { gap.end } else { start.saturating_add(packed).min(octets.len()) };
                let checksum = if packed == 0 { None } else { Some(local.checksum) };
                self.entries.push(Entry {
                    shadowed: listed,
                    open: packed == 0,
                    checksum,
                    ..local.entry(at, start..end.max(start))
                });
                self.ambiguous |= listed;
                at = if packed == 0 { start } else { end.max(start) };
                continue;
            }
            if is_at(octets, at, END) && listed && self.lists.len() < 2 * MOST_LISTS {
                let before = self.entries.len();
                self.list(octets, at);
                let known: std::collections::HashSet<usize> =
                    self.entries.iter().take(before).map(|entry| entry.header).collect();
                let mut index = 0;
                self.entries.retain_mut(|entry| {
                    index += 1;
                    entry.shadowed |= index > before;
                    index <= before || !known.contains(&entry.header)
                });
                self.ambiguous = true;
            }
            at += 2;
        }
    }

    /// What no list and no listed file takes up.
    fn gaps(&self, length: usize) -> Vec<Range<usize>> {
        let files = self.entries.iter().filter(|entry| entry.data.end > 0).map(|entry| entry.header..entry.data.end);
        let mut taken: Vec<Range<usize>> = files.chain(self.lists.iter().cloned()).collect();
        taken.sort_by_key(|range| range.start);
        let mut gaps = Vec::new();
        let mut at = 0;
        for range in taken {
            if range.start > at {
                gaps.push(at..range.start.min(length));
            }
            at = at.max(range.end);
        }
        if at < length {
            gaps.push(at..length);
        }
        gaps
    }

    /// Marks what overlaps, and what has another's name.
    fn mark(&mut self) {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by_key(|&index| self.entries.get(index).map_or(0, |entry| entry.data.start));
        let mut taken = 0;
        for index in order {
            let Some(entry) = self.entries.get_mut(index).filter(|entry| !entry.data.is_empty()) else { continue };
            // A second reading of one file is no second file.
            if !entry.shadowed && !entry.open {
                entry.overlaps = entry.header < taken;
                self.ambiguous |= entry.overlaps;
                taken = taken.max(entry.data.end);
            }
        }
        let mut seen = std::collections::HashSet::new();
        for entry in &mut self.entries {
            let exact = !seen.insert(entry.name.clone());
            self.ambiguous |= exact && !entry.name.ends_with('/');
            let lower = entry.name.to_lowercase();
            entry.shadowed |= exact || lower != entry.name && !seen.insert(lower);
        }
    }

    fn comment(&mut self, octets: &[u8]) {
        if !octets.is_empty() && memmem::find(octets, END).is_none() {
            self.comments.push_str(&in_charset(octets, false));
            self.comments.push('\n');
        }
    }
}

/// Where the list of an end record can begin, and what is then before the archive: by its length, and by its offset.
fn starts_of_list(octets: &[u8], end: usize) -> Vec<(usize, usize)> {
    let (mut size, mut offset) = (u32_at(octets, end + 12).map(u64::from), u32_at(octets, end + 16).map(u64::from));
    let mut stop = end;
    // ZIP64 (4.3.14): its own end record stands before the locator, which stands before the end record.
    let locator = end.checked_sub(20).filter(|&at| is_at(octets, at, b"PK\x06\x07"));
    if let Some(locator) = locator {
        let said = u64_at(octets, locator + 8).and_then(|at| usize::try_from(at).ok());
        let near = locator.checked_sub(56);
        if let Some(wide) = [said, near].into_iter().flatten().find(|&at| is_at(octets, at, b"PK\x06\x06")) {
            (size, offset) = (u64_at(octets, wide + 40), u64_at(octets, wide + 48));
            stop = wide;
        }
    }
    let offset = offset.and_then(|offset| usize::try_from(offset).ok());
    let by_size = size.and_then(|size| stop.checked_sub(usize::try_from(size).ok()?));
    let mut starts = Vec::new();
    if let Some(at) = by_size {
        starts.push((at, offset.map_or(0, |offset| at.saturating_sub(offset))));
    }
    if let Some(at) = offset.filter(|&at| Some(at) != by_size && at < stop) {
        starts.push((at, 0));
    }
    starts
}

fn is_at(octets: &[u8], at: usize, mark: &[u8]) -> bool {
    octets.get(at..).is_some_and(|rest| rest.starts_with(mark))
}
