//! Tables of how a message and its documents are read.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::units::{Size, Time, default, seconds};
use crate::reader::Sandbox;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Scan {
    #[serde(default = "default_parts")]
    pub max_parts: Spanned<usize>,
    #[serde(default = "default_depth")]
    pub max_depth: Spanned<usize>,
    #[serde(default = "default_deadline")]
    pub deadline: Spanned<Time>,
}

impl Default for Scan {
    fn default() -> Self {
        Self { max_parts: default_parts(), max_depth: default_depth(), deadline: default_deadline() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Documents {
    pub processes: Option<Spanned<usize>>,
    #[serde(default = "default_reader_memory")]
    pub memory: Spanned<Size>,
    #[serde(default = "default_document_time")]
    pub time_per_document: Spanned<Time>,
    #[serde(default = "default_documents_time")]
    pub time_per_message: Spanned<Time>,
    #[serde(default = "default_unpacked")]
    pub max_unpacked: Spanned<Size>,
    #[serde(default = "default_archive_depth")]
    pub archive_depth: Spanned<usize>,
    #[serde(default = "default_entries")]
    pub max_entries: Spanned<usize>,
    #[serde(default = "default_document_text")]
    pub text_per_document: Spanned<Size>,
    #[serde(default = "default_documents_text")]
    pub text_per_message: Spanned<Size>,
    pub remember_passwords: Option<Spanned<Time>>,
    #[serde(default)]
    pub sandbox: Sandbox,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            processes: None,
            memory: default_reader_memory(),
            time_per_document: default_document_time(),
            time_per_message: default_documents_time(),
            max_unpacked: default_unpacked(),
            archive_depth: default_archive_depth(),
            max_entries: default_entries(),
            text_per_document: default_document_text(),
            text_per_message: default_documents_text(),
            remember_passwords: None,
            sandbox: Sandbox::default(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Ocr {
    #[serde(default)]
    pub enabled: bool,
    #[serde(default = "default_ocr_program")]
    pub program: Spanned<PathBuf>,
    #[serde(default = "default_languages")]
    pub languages: Spanned<Vec<Spanned<String>>>,
    pub processes: Option<Spanned<usize>>,
    #[serde(default = "default_ocr_memory")]
    pub memory: Spanned<Size>,
    #[serde(default = "default_pages")]
    pub pages: Spanned<usize>,
    #[serde(default = "default_pixels")]
    pub max_pixels: Spanned<usize>,
    #[serde(default = "default_picture_time")]
    pub time_per_picture: Spanned<Time>,
    #[serde(default = "default_pictures_time")]
    pub time_per_message: Spanned<Time>,
}

impl Default for Ocr {
    fn default() -> Self {
        Self {
            enabled: false,
            program: default_ocr_program(),
            languages: default_languages(),
            processes: None,
            memory: default_ocr_memory(),
            pages: default_pages(),
            max_pixels: default_pixels(),
            time_per_picture: default_picture_time(),
            time_per_message: default_pictures_time(),
        }
    }
}

fn default_parts() -> Spanned<usize> {
    default(1000)
}

fn default_depth() -> Spanned<usize> {
    default(100)
}

fn default_deadline() -> Spanned<Time> {
    seconds(20)
}

fn default_reader_memory() -> Spanned<Size> {
    default(Size(256 << 20))
}

fn default_document_time() -> Spanned<Time> {
    seconds(10)
}

fn default_documents_time() -> Spanned<Time> {
    seconds(15)
}

fn default_unpacked() -> Spanned<Size> {
    default(Size(200_000_000))
}

fn default_archive_depth() -> Spanned<usize> {
    default(6)
}

fn default_entries() -> Spanned<usize> {
    default(2000)
}

fn default_document_text() -> Spanned<Size> {
    default(Size(20_000_000))
}

fn default_documents_text() -> Spanned<Size> {
    default(Size(100_000_000))
}

fn default_ocr_program() -> Spanned<PathBuf> {
    default("tesseract".into())
}

fn default_languages() -> Spanned<Vec<Spanned<String>>> {
    default(["nld", "eng"].map(|language| default(language.into())).to_vec())
}

fn default_ocr_memory() -> Spanned<Size> {
    default(Size(640 << 20))
}

fn default_pages() -> Spanned<usize> {
    default(10)
}

fn default_pixels() -> Spanned<usize> {
    default(40_000_000)
}

fn default_picture_time() -> Spanned<Time> {
    seconds(20)
}

fn default_pictures_time() -> Spanned<Time> {
    seconds(40)
}
