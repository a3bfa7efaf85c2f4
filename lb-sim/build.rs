//! Lists the presets: every `src/presets/*.toml`, so that adding a system is adding one file.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("Cargo names the package's directory");
    let out = std::env::var("OUT_DIR").expect("Cargo names where generated code goes");
    let dir = Path::new(&root).join("src/presets");
    println!("cargo::rerun-if-changed={}", dir.display());
    let listing = std::fs::read_dir(&dir).expect("src/presets is a directory");
    let mut files: Vec<PathBuf> = listing
        .map(|entry| entry.expect("src/presets can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort_by(|a, b| a.file_stem().cmp(&b.file_stem()));
    let mut list = String::from("&[\n");
    for path in &files {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a preset's name is UTF-8");
        writeln!(list, "    ({name:?}, include_str!({path:?})),").expect("text can be appended to");
    }
    list += "]\n";
    std::fs::write(Path::new(&out).join("presets.rs"), list).expect("OUT_DIR can be written");
}
