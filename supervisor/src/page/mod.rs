//! The lab as a browser sees it: truth over belief, what clients got, and buttons.
//!
//! In the order that data meets them: [`digest`] makes [`frame`]s of records and story (PURE), [`ring`] keeps an hour of
//! them (PURE), [`feed`] shares them, [`serve`] gives them to browsers over their [`connection`]s, of which each has a
//! [`seat`] (of so many [`places`], PURE), and takes their [`order`]s from behind [`guard`], each before its [`deadline`].
//! The page itself is in `supervisor/page`.

pub mod assets;
mod connection;
mod deadline;
pub mod digest;
pub mod feed;
pub mod frame;
pub mod guard;
mod lanes;
mod order;
mod places;
pub mod ring;
mod seat;
pub mod serve;
mod stream;
mod tale;
#[cfg(test)]
mod tests;
pub mod theory;
pub mod traffic;
pub mod window;

pub use digest::Digest;
pub use feed::{Feed, Fixed};
pub use guard::{Guard, Token};
pub use serve::serve;

use router::clock::Timestamp;
use serde::Serialize;

/// The word that a record uses: `response_timeout`.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or("unknown").to_owned()
}

/// Milliseconds after `since`, three digits behind the point; negative before it.
fn ms(since: Timestamp, at: Timestamp) -> f64 {
    (at.seconds_after(since) * 1e6).round() / 1e3
}
