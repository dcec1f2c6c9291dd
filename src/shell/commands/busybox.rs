//! busybox: one program with many names.

pub(in crate::shell) use super::system::{busybox_main as main, is_applet};
