//! Any bytes in any pieces: the pieces do not matter, and what is passed on is read by the next parser as it was
//! read here. The first byte says how the rest is cut; the second chooses tight or roomy limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use router::http1::{Limits, whole};

fuzz_target!(|data: &[u8]| {
    let [cuts, tight, message @ ..] = data else { return };
    let sizes = [usize::from(cuts & 15) + 1, usize::from(cuts >> 4) + 1];
    let limits = match tight & 1 {
        0 => Limits::default(),
        _ => Limits { head_bytes: 120, line_bytes: 40, headers: 4, chunk_extension_bytes: 8 },
    };
    whole::check(message, &sizes, &limits);
});
