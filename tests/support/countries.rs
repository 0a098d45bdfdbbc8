//! Writes a file of countries (MaxMind DB 2.0, <https://maxmind.github.io/MaxMind-DB/>), small, for tests of who reads one.

use std::collections::HashMap;
use std::net::IpAddr;

/// Octets of a file in which these networks, by their first address and how many of its bits count, are in these countries. No
/// network lies within another.
pub fn file(networks: &[(&str, u8, &str)]) -> Vec<u8> {
    let (mut tree, mut data, mut places) = (vec![[Child::Nothing; 2]], Vec::new(), HashMap::new());
    for (address, bits, country) in networks {
        let at = *places.entry(*country).or_insert_with(|| {
            let at = data.len();
            data.extend(map(&[("country", map(&[("iso_code", string(country))]))]));
            u32::try_from(at).unwrap()
        });
        let (number, bits) = match address.parse().unwrap() {
            // IPv4 is the part of IPv6 below ::/96.
            IpAddr::V4(four) => (u128::from(four.to_bits()), bits + 96),
            IpAddr::V6(six) => (six.to_bits(), *bits),
        };
        let mut node = 0;
        for bit in 0..bits {
            let side = usize::from(number >> (127 - bit) & 1 == 1);
            if bit + 1 == bits {
                tree[node][side] = Child::Data(at);
            } else if let Child::Node(next) = tree[node][side] {
                node = next;
            } else {
                tree.push([Child::Nothing; 2]);
                tree[node][side] = Child::Node(tree.len() - 1);
                node = tree.len() - 1;
            }
        }
    }
    let nodes = u32::try_from(tree.len()).unwrap();
    let record = |child: &Child| match child {
        Child::Nothing => nodes,
        Child::Node(node) => u32::try_from(*node).unwrap(),
        Child::Data(at) => nodes + 16 + at,
    };
    let mut file: Vec<u8> = tree.iter().flatten().flat_map(|child| record(child).to_be_bytes()).collect();
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(map(&[
        ("binary_format_major_version", vec![0xA1, 2]),
        ("binary_format_minor_version", vec![0xA0]),
        ("build_epoch", vec![0x01, 0x02, 1]),
        ("database_type", string("Test-Country")),
        ("description", map(&[])),
        ("ip_version", vec![0xA1, 6]),
        ("languages", vec![0x00, 0x04]),
        ("node_count", [vec![0xC4], nodes.to_be_bytes().to_vec()].concat()),
        ("record_size", vec![0xA1, 32]),
    ]));
    file
}

#[derive(Clone, Copy)]
enum Child {
    Nothing,
    Node(usize),
    Data(u32),
}

fn string(text: &str) -> Vec<u8> {
    assert!(text.len() < 29);
    [&[0x40 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut map = vec![0xE0 | u8::try_from(entries.len()).unwrap()];
    for (key, value) in entries {
        map.extend(string(key));
        map.extend(value);
    }
    map
}
