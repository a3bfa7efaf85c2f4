//! `--open`: the page in a browser.

use crate::process::Handed;
use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What desktops have for that.
const OPENER: &str = "xdg-open";

/// A browser that will open `url` when it is told to; the error says why there is none, in words.
///
/// Command lines are everybody's to read, and the URL has the token in it: what the browser is given is a file of ours
/// in `dir` that leads there.
pub(super) fn browser(url: &str, dir: &Path) -> Result<Handed, String> {
    let shown = ["WAYLAND_DISPLAY", "DISPLAY"];
    if !shown
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
    {
        return Err("no browser was opened: this terminal has no display (DISPLAY is not set)".to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let opener = env::split_paths(&path)
        .map(|dir| dir.join(OPENER))
        .find(|file| file.is_file());
    let Some(opener) = opener else {
        return Err(format!("no browser was opened: there is no {OPENER} here"));
    };
    let way = lead(url, dir).and_then(|file| Handed::over(&opener, vec![file.into()]));
    way.map_err(|e| format!("no browser was opened: {e}"))
}

fn lead(url: &str, dir: &Path) -> io::Result<PathBuf> {
    let file = dir.join("open.html");
    let mut options = OpenOptions::new();
    let mut open = options.write(true).create_new(true).mode(0o600).open(&file)?;
    // An address and hexadecimal digits: nothing that HTML would read otherwise.
    write!(
        open,
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>resetlab</title>\n\
         <meta http-equiv=\"refresh\" content=\"0; url={url}\">\n<a href=\"{url}\">the page of the lab</a>\n"
    )?;
    Ok(file)
}
