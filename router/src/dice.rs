//! Where chance comes from. What a seed decides can be had again; what must differ from everybody else's cannot.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::io::Read;

/// The same seed, name and stream give the same dice; routers with one seed still do not throw alike.
pub fn seeded(seed: u64, name: &str, stream: u64) -> ChaCha8Rng {
    // FNV-1a.
    let mixed = name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut dice = ChaCha8Rng::seed_from_u64(mixed);
    dice.set_stream(stream);
    dice
}

/// Unlike any other's, in this process or elsewhere.
pub fn unpredictable() -> std::io::Result<ChaCha8Rng> {
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(ChaCha8Rng::from_seed(seed))
}
