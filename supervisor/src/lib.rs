pub mod app;
pub mod experiment;
