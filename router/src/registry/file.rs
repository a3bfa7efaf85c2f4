//! The routes file (TOML):
//!
//! ```toml
//! [[route]]
//! host = "app.test"                    # with a path: "app.test/v1"; "*.app.test"; "*": every host without a route of its own
//! endpoints = ["127.0.0.1:9000"]
//! app = "0a6e9cc9-1b5a-4d4e-9c0e-8f0d8a8b2f6e"   # application GUID
//! instance_ids = ["inst-0"]            # one for each endpoint; its index is its place
//! lb = "round-robin"                   # or "least-connection"
//! ```

use super::message;
use crate::routes::{Instance, Table, Uri};
use crate::settings::Balancing;
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

/// Adds the routes of a file; none of their endpoints may be the router's `own` address.
pub fn read(path: &Path, own: SocketAddr, table: &mut Table) -> Result<(), FileError> {
    let text = std::fs::read_to_string(path).map_err(|e| FileError::Unreadable {
        path: path.to_owned(),
        why: e.to_string(),
    })?;
    parse(&text, own, table).map_err(|(line, expectation)| FileError::Wrong {
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
    app: Option<Spanned<String>>,
    instance_ids: Option<Spanned<Vec<String>>>,
    lb: Option<Spanned<String>>,
}

/// The line (from 1) of the first mistake, and what was expected there.
type Mistake = (usize, String);

fn parse(text: &str, own: SocketAddr, table: &mut Table) -> Result<(), Mistake> {
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
    for entry in document.route {
        entry
            .add(own, table)
            .map_err(|(offset, wrong)| (line_of(offset), wrong))?;
    }
    Ok(())
}

impl Entry {
    /// A mistake comes with its offset.
    fn add(&self, own: SocketAddr, table: &mut Table) -> Result<(), Mistake> {
        let uri = Uri::parse(self.host.get_ref())
            .map_err(|wrong| (self.host.span().start, format!("host {wrong}")))?;
        let balancing = match &self.lb {
            Some(lb) => Some(balancing(lb)?),
            None => None,
        };
        let instances = self.instances()?;
        let mut endpoints = Vec::new();
        for (written, instance) in self.endpoints.iter().zip(instances) {
            let wrong = |why: String| {
                (
                    written.span().start,
                    format!("endpoint {:?}: {why}", written.get_ref()),
                )
            };
            let address: SocketAddr = written
                .get_ref()
                .parse()
                .map_err(|_| wrong("expected ADDRESS:PORT such as \"127.0.0.1:9000\"".to_owned()))?;
            if super::is_own(own, address) {
                return Err(wrong(super::own_address(address)));
            }
            endpoints.push((address, instance));
        }
        table.fix(&uri, endpoints, balancing);
        Ok(())
    }

    fn instances(&self) -> Result<Vec<Instance>, Mistake> {
        let app = match &self.app {
            Some(app) => message::word("app", app.get_ref()).map_err(|wrong| (app.span().start, wrong))?,
            None => String::new(),
        };
        let ids = self.instance_ids.as_ref();
        if let Some(ids) = ids
            && ids.get_ref().len() != self.endpoints.len()
        {
            let (have, want) = (ids.get_ref().len(), self.endpoints.len());
            return Err((
                ids.span().start,
                format!("{have} instance_ids for {want} endpoints; expected one for each"),
            ));
        }
        (0..self.endpoints.len())
            .map(|index| {
                let id = match ids {
                    Some(ids) => message::word("instance_ids", &ids.get_ref()[index])
                        .map_err(|wrong| (ids.span().start, wrong))?,
                    None => String::new(),
                };
                let named = !app.is_empty() || !id.is_empty();
                Ok(Instance {
                    app: app.clone(),
                    id,
                    index: if named { index.to_string() } else { String::new() },
                    ..Instance::default()
                })
            })
            .collect()
    }
}

fn balancing(lb: &Spanned<String>) -> Result<Balancing, Mistake> {
    message::balancing("lb", lb.get_ref()).map_err(|wrong| (lb.span().start, wrong))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Rules;
    use crate::settings::Settings;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn parsed(text: &str) -> Result<Table, Mistake> {
        let mut table = Table::new(Rules::of(&Settings::default()), ChaCha8Rng::seed_from_u64(1));
        parse(text, "127.0.0.1:8081".parse().unwrap(), &mut table).map(|()| table)
    }

    #[test]
    fn routes_are_read() {
        let table = parsed(
            "[[route]]\nhost='app.test'\nendpoints=['127.0.0.1:9000']\n[[route]]\nhost='*'\nendpoints=[]\n\
             [[route]]\nhost='app.test/v1'\nendpoints=['127.0.0.1:9001', '127.0.0.1:9002']\napp='guid'\n\
             instance_ids=['a', 'b']\nlb='least-connection'\n",
        )
        .unwrap();
        let listed = table.list();
        assert_eq!(listed["app.test"][0].address.port(), 9000);
        assert_eq!(listed["app.test"][0].stale_after, None);
        assert!(listed["*"].is_empty());
        let second = &listed["app.test/v1"][1];
        assert_eq!(second.balancing, Balancing::LeastConnection);
        let instance = &second.instance;
        assert_eq!(
            (&*instance.app, &*instance.id, &*instance.index),
            ("guid", "b", "1")
        );
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_what_was_expected() {
        let deep = format!("[[route]]\nhost = 'a{}'\nendpoints = []\n", "/a".repeat(50_000));
        for (text, line, words) in [
            (
                &*deep,
                2,
                "host a name of 100001 bytes with 50000 path segments; expected at most 2048",
            ),
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
                "expected a host such as",
            ),
            (
                "[[route]]\nhost = 'a'\nendpoint = []\n",
                3,
                "unknown field `endpoint`, expected one of `host`, `endpoints`",
            ),
            (
                "[[route]]\nhost = 'a'\nendpoints = '127.0.0.1:1'\n",
                3,
                "expected a sequence",
            ),
            ("[[route]\n", 1, "]"),
            (
                "[[route]]\nhost = 'a'\nendpoints = ['127.0.0.1:1', '127.0.0.1:8081']\n",
                3,
                "is this router's own traffic address",
            ),
            (
                "[[route]]\nhost = 'a'\nendpoints = []\nlb = 'fast'\n",
                4,
                "expected \"round-robin\"",
            ),
            (
                "[[route]]\nhost = 'a'\nendpoints = ['127.0.0.1:1']\ninstance_ids = []\n",
                4,
                "0 instance_ids for 1 endpoints",
            ),
            (
                "[[route]]\nhost = 'a'\nendpoints = []\napp = \"a\\r\\nb\"\n",
                4,
                "expected visible ASCII",
            ),
        ] {
            let (found, said) = parsed(text).unwrap_err();
            assert!(found == line && said.contains(words), "{text:?}: {found}: {said}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let mut table = Table::new(Rules::of(&Settings::default()), ChaCha8Rng::seed_from_u64(1));
        let own = "127.0.0.1:8081".parse().unwrap();
        let error = read(Path::new("/nowhere/routes.toml"), own, &mut table)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("/nowhere/routes.toml: No such file"), "{error}");
    }
}
