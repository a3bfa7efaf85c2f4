//! Lists the files of the page: everything below `page` that a browser knows, tests excepted.

use std::fmt::Write;
use std::path::{Path, PathBuf};

const KNOWN: [&str; 8] = ["html", "css", "js", "svg", "png", "ico", "json", "woff2"];

fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("Cargo names the package's directory");
    let out = std::env::var("OUT_DIR").expect("Cargo names where generated code goes");
    let dir = Path::new(&root).join("page");
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut files = Vec::new();
    collect(&dir, &mut files);
    let mut named: Vec<(String, PathBuf)> = files.into_iter().map(|file| (name(&dir, &file), file)).collect();
    named.sort();
    let mut list = String::from("&[\n");
    for (name, file) in &named {
        writeln!(list, "    ({name:?}, include_bytes!({file:?})),").expect("text can be appended to");
    }
    list += "]\n";
    std::fs::write(Path::new(&out).join("page.rs"), list).expect("OUT_DIR can be written");
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("supervisor/page is a directory") {
        let path = entry.expect("supervisor/page can be listed").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("names are UTF-8");
        let extension = path.extension().and_then(|extension| extension.to_str());
        if name == "tests"
            || name.ends_with(".test.js")
            || name.starts_with('.')
            || name == "node_modules"
            || name == "package.json"
        {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if extension.is_some_and(|extension| KNOWN.contains(&extension)) {
            files.push(path);
        }
    }
}

/// Its path below `dir`.
fn name(dir: &Path, file: &Path) -> String {
    let below = file.strip_prefix(dir).expect("it was found there");
    below.to_str().expect("names are UTF-8").to_owned()
}
