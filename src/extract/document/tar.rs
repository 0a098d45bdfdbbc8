//! tar

use super::Sink;
use crate::extract::Why;

pub(super) fn read(_octets: &[u8], sink: &mut Sink<'_, '_>) {
    sink.unread(Why::UnknownFormat);
}
