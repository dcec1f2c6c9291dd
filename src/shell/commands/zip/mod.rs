//! `zip`, `unzip`, `zipinfo` (Info-ZIP).

mod archive;
mod pack;
mod unpack;

pub(super) use pack::run as zip;
pub(super) use unpack::run as unzip;

#[cfg(test)]
mod tests;
