//! The routes file (TOML):
//!
//! ```toml
//! [[route]]
//! host = "app.test"                    # or "*": every host without a route of its own
//! endpoints = ["127.0.0.1:9000"]
//! ```

use crate::routes::Table;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// What is wrong with a routes file, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("{}: {why}; expected a routes file (TOML)", path.display())]
    Unreadable { path: PathBuf, why: String },
    /// `line` counts from 1.
    #[error("{}:{line}: {expectation}", path.display())]
    Wrong {
        path: PathBuf,
        line: usize,
        expectation: String,
    },
}

/// Reads a routes file.
pub fn read(path: &Path) -> Result<Table, FileError> {
    let text = std::fs::read_to_string(path).map_err(|e| FileError::Unreadable {
        path: path.to_owned(),
        why: e.to_string(),
    })?;
    parse(&text).map_err(|(line, expectation)| FileError::Wrong {
        path: path.to_owned(),
        line,
        expectation,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    route: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    host: Spanned<String>,
    endpoints: Vec<Spanned<String>>,
}

/// A table, or the line (from 1) of the first mistake and what was expected there.
fn parse(text: &str) -> Result<Table, (usize, String)> {
    let line_of = |offset: usize| text.as_bytes()[..offset].iter().filter(|&&b| b == b'\n').count() + 1;
    let document: Document = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        (line, error.message().lines().collect::<Vec<_>>().join("; "))
    })?;
    if document.route.is_empty() {
        return Err((
            1,
            "no route; expected at least one [[route]] with host and endpoints".to_owned(),
        ));
    }
    let mut table = Table::default();
    for entry in document.route {
        let host = entry.host.get_ref();
        if host.is_empty() || !host.bytes().all(|b| b.is_ascii_graphic()) || host.contains('/') {
            let wrong = format!("host {host:?}: expected a host name such as \"app.test\", or \"*\"");
            return Err((line_of(entry.host.span().start), wrong));
        }
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for endpoint in &entry.endpoints {
            let wrong = |_| {
                let expectation = format!(
                    "endpoint {:?}: expected ADDRESS:PORT such as \"127.0.0.1:9000\"",
                    endpoint.get_ref()
                );
                (line_of(endpoint.span().start), expectation)
            };
            addresses.push(endpoint.get_ref().parse().map_err(wrong)?);
        }
        table.register(host, &addresses);
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read() {
        let table = parse(
            "[[route]]\nhost='app.test'\nendpoints=['127.0.0.1:9000']\n[[route]]\nhost='*'\nendpoints=[]\n",
        );
        assert_eq!(table.unwrap().pick("app.test").unwrap().address.port(), 9000);
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_what_was_expected() {
        for (text, line, words) in [
            ("", 1, "at least one [[route]]"),
            ("[[route]]\nhost = 'a'\n", 1, "missing field `endpoints`"),
            (
                "[[route]]\nhost = 'a'\nendpoints = ['127.0.0.1']\n",
                3,
                "expected ADDRESS:PORT",
            ),
            (
                "[[route]]\nhost = 'a b'\nendpoints = []\n",
                2,
                "expected a host name",
            ),
            (
                "[[route]]\nhost = 'a'\nendpoint = []\n",
                3,
                "unknown field `endpoint`, expected `host` or `endpoints`",
            ),
            (
                "[[route]]\nhost = 'a'\nendpoints = '127.0.0.1:1'\n",
                3,
                "expected a sequence",
            ),
            ("[[route]\n", 1, "]"),
        ] {
            let (found, said) = parse(text).unwrap_err();
            assert!(found == line && said.contains(words), "{text:?}: {found}: {said}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/nowhere/routes.toml")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/routes.toml: No such file"), "{error}");
    }
}
