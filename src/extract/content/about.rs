//! What is known of a content beside its octets: its type, name, place, and how far structure and encoding are certain.
//!
//! Types and names are claims: they tell how a text is read and what an unread content is called, never what a content is.

use crate::extract::document::Document;
use crate::extract::picture::Setting;
use crate::extract::{Place, Reader, Spot, Why};
use crate::message::{Part, is_message_type};

/// What is known of a content beside its octets.
pub(in crate::extract) struct About<'p> {
    /// Type and subtype in lower case.
    pub(super) essence: &'p str,
    /// The extension of its name, in lower case.
    pub(super) extension: String,
    /// The charsets that were declared.
    pub(super) charsets: Vec<&'p str>,
    /// format=flowed with DelSp=yes (RFC 3676): the space before a line end is not shown.
    pub(super) joined_lines: bool,
    /// Where it stands.
    pub(in crate::extract) place: Place,
    /// Its file name, for what is attached.
    pub(in crate::extract) name: String,
    /// How many messages and multiparts are around it.
    pub(in crate::extract) depth: usize,
    /// What a picture there is part of.
    pub(super) setting: Setting,
    /// Whether structure and encoding leave no doubt. In doubt, only what is plainly readable counts.
    pub(super) certain: bool,
}

impl Reader<'_> {
    /// What the header of a leaf says, by its type at an index.
    pub(super) fn about<'p>(
        &mut self,
        part: &'p Part,
        index: usize,
        within: &[String],
        depth: usize,
        certain: bool,
    ) -> About<'p> {
        let kind = part.mime.types.get(index);
        let essence = kind.map_or(part.essence(), |kind| kind.essence.as_str());
        // A multipart is a leaf when it has no boundary: its body is text then, as without a type.
        let plain = !essence.contains('/') || essence.starts_with("multipart/");
        let essence = if plain { "text/plain" } else { essence };
        let attached = part.mime.attached || part.file_name().is_some();
        let mut name = part.file_name().unwrap_or_default().to_string();
        let spot = match essence {
            "text/plain" if !attached => Spot::Text,
            "text/html" if !attached => Spot::Html,
            _ => {
                if name.is_empty() {
                    self.unnamed += 1;
                    name = invented_name(essence, self.unnamed);
                }
                Spot::Attachment(name.clone())
            }
        };
        About {
            essence,
            extension: name.rsplit_once('.').map(|(_, end)| end.trim().to_lowercase()).unwrap_or_default(),
            charsets: kind.map(|kind| kind.all("charset").collect()).unwrap_or_default(),
            joined_lines: kind.and_then(|kind| kind.parameter("delsp")).is_some_and(|v| v.eq_ignore_ascii_case("yes")),
            place: Place { within: within.to_vec(), spot, ..Place::default() },
            name,
            depth,
            setting: match &part.mime.id {
                Some(id) if self.shown.contains(id) => Setting::Page,
                _ => Setting::File,
            },
            certain,
        }
    }
}

/// Whether a type or an extension promises a table.
pub(in crate::extract) fn is_table(essence: &str, extension: &str) -> bool {
    matches!(essence, "text/csv" | "text/tab-separated-values" | "text/comma-separated-values")
        || matches!(extension, "csv" | "tsv" | "tab")
}

impl<'p> About<'p> {
    /// What is known of a document that is handed over.
    pub(in crate::extract) fn of(document: &Document<'p>) -> Self {
        Self {
            essence: document.essence,
            place: document.place.clone(),
            ..Self::file(document.name, Vec::new(), document.depth)
        }
    }

    /// What is known of a file by its name alone.
    pub(in crate::extract) fn file(name: &str, within: Vec<String>, depth: usize) -> Self {
        Self {
            essence: "application/octet-stream",
            extension: name.rsplit_once('.').map(|(_, end)| end.trim().to_lowercase()).unwrap_or_default(),
            charsets: Vec::new(),
            joined_lines: false,
            place: Place { within, spot: Spot::Attachment(name.to_string()), ..Place::default() },
            name: name.to_string(),
            depth,
            setting: Setting::File,
            certain: true,
        }
    }

    /// What is known of a picture that a document shows.
    pub(in crate::extract) fn picture(name: &str, within: Vec<String>, depth: usize) -> Self {
        Self { setting: Setting::Document, ..Self::file(name, within, depth) }
    }

    pub(super) fn is_body(&self) -> bool {
        matches!(self.place.spot, Spot::Text | Spot::Html)
    }

    pub(super) fn is_html(&self) -> bool {
        matches!(self.essence, "text/html" | "application/xhtml+xml" | "text/enriched" | "text/richtext")
            || matches!(self.extension.as_str(), "htm" | "html" | "xhtml" | "shtml")
    }

    pub(super) fn is_json(&self) -> bool {
        self.essence.ends_with("/json") || self.essence.ends_with("+json") || self.extension == "json"
    }

    pub(super) fn is_markup(&self) -> bool {
        self.essence.ends_with("/xml")
            || self.essence.ends_with("+xml")
            || matches!(self.extension.as_str(), "xml" | "svg" | "xsl" | "xslt" | "edexml")
    }

    /// Whether type or name say that nobody reads it without a key.
    pub(super) fn is_locked_type(&self) -> bool {
        let essence = self.essence;
        matches!(essence, "application/pkcs7-mime" | "application/x-pkcs7-mime")
            || matches!(self.extension.as_str(), "p7m" | "pgp" | "gpg" | "rpmsg" | "pfile")
    }

    pub(super) fn unread_reason(&self) -> Why {
        match self.essence.split('/').next() {
            _ if matches!(self.extension.as_str(), "rpmsg" | "pfile") => Why::Encrypted,
            _ if self.is_locked_type() || self.essence == "application/pgp-encrypted" => Why::SmimePgp,
            Some("image") => Why::Media,
            Some("audio" | "video") => Why::Media,
            _ => Why::UnknownFormat,
        }
    }
}

fn invented_name(essence: &str, number: usize) -> String {
    let extension = match essence {
        "text/plain" => "txt",
        "text/html" => "html",
        "text/csv" => "csv",
        "text/calendar" => "ics",
        "text/vcard" | "text/x-vcard" => "vcf",
        "application/json" => "json",
        "application/pdf" => "pdf",
        "application/zip" => "zip",
        "application/pkcs7-mime" => "p7m",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        _ if is_message_type(essence) => "eml",
        _ if essence.ends_with("xml") => "xml",
        _ if essence.starts_with("text/") => "txt",
        _ => "bin",
    };
    format!("bijlage-{number}.{extension}")
}
