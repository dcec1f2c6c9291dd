//! Any bytes of a visitor who speaks this protocol.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        // The MIME library asserts about itself on some mails, and that is caught; every other panic is a finding.
        let end = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.location().is_some_and(|place| place.file().contains("mail-parser")) {
                end(info);
            }
        }));
    },
    |bytes: &[u8]| rustbucket::protocols::smtp::fuzz::talk(bytes)
);
