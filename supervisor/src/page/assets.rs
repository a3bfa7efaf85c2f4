//! The files of the page, in the program itself.

/// A file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    pub kind: &'static str,
    pub bytes: &'static [u8],
}

/// By path, sorted: every file below `supervisor/page` that a browser knows, tests excepted.
const ALL: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The one at `path`, which begins with a slash; `/` is the page itself.
pub fn find(path: &str) -> Option<Asset> {
    let path = match path.strip_prefix('/')? {
        "" => "index.html",
        path => path,
    };
    let place = ALL.binary_search_by_key(&path, |(path, _)| path).ok()?;
    let (path, bytes) = ALL[place];
    Some(Asset {
        kind: kind(path),
        bytes,
    })
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_there_and_nothing_else_of_this_machine_is() {
        let page = find("/").unwrap();
        assert_eq!(page.kind, "text/html; charset=utf-8");
        assert_eq!(find("/index.html"), Some(page));
        for path in [
            "/../Cargo.toml",
            "/etc/passwd",
            "//index.html",
            "index.html",
            "/tests",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
        assert!(ALL.is_sorted_by_key(|(path, _)| path));
        assert!(
            !ALL.iter()
                .any(|(path, _)| path.starts_with("tests/") || path.ends_with(".test.js"))
        );
    }
}
