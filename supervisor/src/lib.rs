pub mod app;
pub mod experiment;
pub mod fleet;
pub mod lab;
pub mod process;
pub mod settings;
