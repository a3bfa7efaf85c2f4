//! A directory of results as a page to read, print and send: `report.html`, `report.md`.
//!
//! In the order that data meets them: `material` reads a directory and refuses what it does not know; `run`, `sweep`,
//! `compare` and `lab` make a [`Report`] of it (PURE); `html`, `markdown`, `json` and `csv` write it (PURE). All
//! formats have the same numbers because they have the same [`Report`].

pub mod advice;
pub mod figure;
pub mod material;
pub mod method;
pub mod model;
pub mod pictures;
pub mod records;
pub mod shown;
pub mod statistics;
pub mod sweep;
pub mod timeline;

pub use model::Report;
