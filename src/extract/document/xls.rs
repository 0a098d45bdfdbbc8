//! xls

use super::Sink;
use crate::extract::Why;

pub(super) fn read(_workbook: &[u8], sink: &mut Sink<'_, '_>) {
    sink.unread(Why::UnknownFormat);
}
