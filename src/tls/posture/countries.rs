//! In which countries addresses stand, as a file says that whoever runs the gate has downloaded (MaxMind DB format:
//! GeoLite2 Country, DB-IP Country Lite). Nobody is asked over the network, and what the file does not know is unknown.
//!
//! It tells where an address is registered to be used, which for hosts of the great providers may be their head office.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{Reader, path};

use crate::country::Country;
use crate::problem::Problem;

/// Octets of a file that is taken; those of whole cities are smaller.
const LARGEST: u64 = 256 << 20;

/// The file, in memory.
pub(super) struct Countries(Reader<Vec<u8>>);

impl Countries {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is not of that format.
    pub fn read(file: &Path) -> Result<Self, Problem> {
        let at = file.display().to_string();
        let remedy = "download GeoLite2 Country or DB-IP Country Lite anew, as .mmdb, or leave `country_file` out";
        let length = std::fs::metadata(file)
            .map_err(|error| Problem::new(&at, format!("the file of countries cannot be read: {error}"), remedy))?
            .len();
        if length > LARGEST {
            return Err(Problem::new(&at, format!("a file of countries of {length} octets is too large"), remedy));
        }
        let content = std::fs::read(file)
            .map_err(|error| Problem::new(&at, format!("the file of countries cannot be read: {error}"), remedy))?;
        let reader = Reader::from_source(content)
            .map_err(|error| Problem::new(&at, format!("this is no file of countries: {error}"), remedy))?;
        Ok(Self(reader))
    }

    /// The countries of addresses, each once, in the order of the addresses.
    pub fn of(&self, addresses: &[IpAddr]) -> Vec<Country> {
        let mut countries = Vec::new();
        for country in addresses.iter().filter_map(|address| self.one(*address)) {
            if !countries.contains(&country) {
                countries.push(country);
            }
        }
        countries
    }

    fn one(&self, address: IpAddr) -> Option<Country> {
        let found = self.0.lookup(address).ok()?;
        let code = found.decode_path::<&str>(&path!["country", "iso_code"]).ok()??;
        Country::parse(code)
    }
}

impl fmt::Debug for Countries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Countries").finish_non_exhaustive()
    }
}
