//! Predictors of packed tables (ISO 32000-1 section 7.4.4.4): what each octet was guessed from.

use super::object::Dict;

/// Takes a predictor back (section 7.4.4.4): PNG's by row, or TIFF's.
pub(super) fn predicted(mut octets: Vec<u8>, parameters: &Dict) -> Vec<u8> {
    let number = |key: &[u8], default: usize| {
        parameters.get(key).int().and_then(|value| usize::try_from(value).ok()).unwrap_or(default)
    };
    let predictor = number(b"Predictor", 1);
    let (colors, bits, columns) =
        (number(b"Colors", 1).min(64), number(b"BitsPerComponent", 8).min(32), number(b"Columns", 1));
    let pixel = (colors * bits).div_ceil(8).max(1);
    let row = columns.saturating_mul(colors * bits).div_ceil(8);
    if predictor < 2 || row == 0 || row > octets.len() {
        return octets;
    }
    if predictor == 2 {
        if bits == 8 {
            for line in octets.chunks_mut(row) {
                for at in pixel..line.len() {
                    let left = line.get(at - pixel).copied().unwrap_or(0);
                    line.iter_mut().skip(at).take(1).for_each(|octet| *octet = octet.wrapping_add(left));
                }
            }
        }
        return octets;
    }
    let mut out: Vec<u8> = Vec::with_capacity(octets.len());
    let mut above = vec![0u8; row];
    let mut line = vec![0u8; row];
    for packed in octets.chunks(row + 1) {
        let Some((&kind, packed)) = packed.split_first() else { break };
        line.clear();
        line.extend_from_slice(packed);
        unpredict(kind, &mut line, &above, pixel);
        out.extend_from_slice(&line);
        std::mem::swap(&mut line, &mut above);
        above.resize(row, 0);
    }
    out
}

fn unpredict(kind: u8, line: &mut [u8], above: &[u8], pixel: usize) {
    if kind == 0 {
        return;
    }
    for at in 0..line.len() {
        let left = at.checked_sub(pixel).and_then(|at| line.get(at)).copied().unwrap_or(0);
        let up = above.get(at).copied().unwrap_or(0);
        let corner = at.checked_sub(pixel).and_then(|at| above.get(at)).copied().unwrap_or(0);
        let guess = match kind {
            1 => left,
            2 => up,
            3 => ((u16::from(left) + u16::from(up)) / 2) as u8,
            4 => paeth(left, up, corner),
            _ => 0,
        };
        if let Some(octet) = line.get_mut(at) {
            *octet = octet.wrapping_add(guess);
        }
    }
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(corner);
    let far = |value: u8| (estimate - i16::from(value)).abs();
    if far(left) <= far(up) && far(left) <= far(corner) {
        left
    } else if far(up) <= far(corner) {
        up
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Object;
    use super::*;

    #[test]
    fn predictors() {
        let parameters = Dict::default().with(b"Predictor", Object::Int(15)).with(b"Columns", Object::Int(3));
        assert_eq!(predicted(vec![1, 1, 1, 1, 2, 1, 1, 1], &parameters), [1, 2, 3, 2, 3, 4]);
        let tiff = Dict::default().with(b"Predictor", Object::Int(2)).with(b"Columns", Object::Int(3));
        assert_eq!(predicted(vec![1, 1, 1, 5, 1, 1], &tiff), [1, 2, 3, 5, 6, 7]);
    }
}
