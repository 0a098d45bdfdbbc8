//! The records of a binary part (MS-XLSB 2.1.4), and the strings in them.

/// A record: what it holds, and its data.
pub(super) struct Record<'b> {
    pub(super) kind: u16,
    pub(super) data: &'b [u8],
}

/// The records of a part; ends where a record goes beyond it.
pub(super) fn records(part: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = part;
    std::iter::from_fn(move || {
        let kind = number(&mut rest, 2)?;
        let size = number(&mut rest, 4)? as usize;
        let (data, behind) = rest.split_at_checked(size)?;
        rest = behind;
        Some(Record { kind: u16::try_from(kind).ok()?, data })
    })
}

/// Seven bits in each octet, the lowest first, as long as the eighth says that more follow.
fn number(rest: &mut &[u8], most: u32) -> Option<u32> {
    let mut value = 0;
    for index in 0..most {
        let (octet, behind) = rest.split_first()?;
        *rest = behind;
        value |= u32::from(octet & 0x7f) << (7 * index);
        if octet & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}

/// Two octets.
pub(super) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

/// Four octets.
pub(super) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// A number.
pub(super) fn f64_at(octets: &[u8], at: usize) -> Option<f64> {
    octets.get(at..at.checked_add(8)?)?.try_into().ok().map(f64::from_le_bytes)
}

/// A string (2.5.168), and where it ends; one that is not there (2.5.166) is empty.
pub(super) fn string(data: &[u8], at: usize) -> Option<(String, usize)> {
    let count = u32_at(data, at)?;
    let size = if count == u32::MAX { 0 } else { (count as usize).checked_mul(2)? };
    let end = at.checked_add(4)?.checked_add(size)?;
    let text = encoding_rs::UTF_16LE.decode_without_bom_handling(data.get(at + 4..end)?).0.into_owned();
    Some((text, end))
}
