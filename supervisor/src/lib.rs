pub mod app;
pub mod experiment;
pub mod process;
