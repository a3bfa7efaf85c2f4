//! Where routes come from: a file.

mod file;

pub use file::{FileError, read};
