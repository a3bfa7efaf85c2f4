//! The lab as a browser sees it: truth over belief, what clients got, and buttons.
//!
//! In the order that data meets them: `digest` makes [`frame`]s of records and story (PURE), `ring` keeps an hour of
//! them (PURE), `serve` gives them to browsers, and takes their orders from behind `guard`. The page itself is in
//! `supervisor/page`.

pub mod frame;
pub mod window;
