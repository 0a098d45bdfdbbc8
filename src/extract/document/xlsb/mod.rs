//! xlsb

use super::Sink;
use crate::extract::Why;

pub(super) fn read(_archive: &super::zip::Archive<'_>, sink: &mut Sink<'_, '_>) {
    sink.unread(Why::UnknownFormat);
}
