//! ppt

use super::Sink;
use crate::extract::Why;

pub(super) fn read(_file: &super::compound::Compound<'_>, sink: &mut Sink<'_, '_>) {
    sink.unread(Why::UnknownFormat);
}
