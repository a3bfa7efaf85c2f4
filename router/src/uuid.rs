//! Version 4 UUIDs (RFC 9562 §5.4).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Uuid([u8; 36]);

impl Uuid {
    pub fn new(dice: &mut ChaCha8Rng) -> Uuid {
        let mut bytes = [0; 16];
        dice.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid::of(&bytes)
    }

    fn of(bytes: &[u8; 16]) -> Uuid {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        Uuid(text)
    }

    /// ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_shape_tells_its_version_and_each_is_another() {
        let mut dice = crate::dice::seeded(1, "", 0);
        let (one, other) = (Uuid::new(&mut dice), Uuid::new(&mut dice));
        assert_ne!(one, other);
        let text = one.to_string();
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(text.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
        let bytes: [u8; 16] = std::array::from_fn(|index| index as u8 * 17);
        assert_eq!(
            Uuid::of(&bytes).to_string(),
            "00112233-4455-6677-8899-aabbccddeeff"
        );
    }
}
