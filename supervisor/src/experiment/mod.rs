//! Experiments on a stack: what is sent, what is measured.

pub mod load;
