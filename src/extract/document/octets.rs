//! Numbers out of octets, in little-endian order, at offsets that a file claims: none where there is nothing.

/// One octet.
pub(super) fn u8_at(octets: &[u8], at: usize) -> Option<u8> {
    octets.get(at).copied()
}

/// Two octets.
pub(super) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

/// Four octets.
pub(super) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// Four octets as a size or an offset.
pub(super) fn size_at(octets: &[u8], at: usize) -> Option<usize> {
    u32_at(octets, at).map(|size| size as usize)
}

/// Eight octets.
pub(super) fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    octets.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

/// So many octets from an offset.
pub(super) fn piece(octets: &[u8], at: usize, size: usize) -> Option<&[u8]> {
    octets.get(at..at.checked_add(size)?)
}

/// As many of so many octets from an offset as there are.
pub(super) fn rest(octets: &[u8], at: usize, size: usize) -> &[u8] {
    let from = octets.get(at..).unwrap_or_default();
    from.get(..size).unwrap_or(from)
}
