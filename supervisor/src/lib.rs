pub mod experiment;
