//! PURE: which build a dump is from, by the paths that the compiler left in it.

use super::dump::{Frame, package};
use serde::Serialize;

/// Where the sources lay when gorouter was compiled; `None`: not seen, or cut off by `-trimpath`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Paths {
    pub goroot: Option<String>,
    pub gorouter: Option<String>,
}

impl Paths {
    /// Takes what one frame tells.
    pub fn learn(&mut self, function: &str, file: &str) {
        if self.goroot.is_some() && self.gorouter.is_some() {
            return;
        }
        let package = package(function);
        if self.goroot.is_none() && !package.contains('.') && package != "main" {
            let root = file.rfind(&format!("/src/{package}/")).map(|at| &file[..at]);
            self.goroot = root.filter(|root| !root.is_empty()).map(str::to_owned);
        }
        if self.gorouter.is_none() && function.starts_with(GOROUTER) {
            self.gorouter = file
                .rfind("/gorouter/")
                .map(|at| file[..at + "/gorouter".len()].to_owned());
        }
    }

    /// The compiler's version, as far as the name of its directory tells: `1.21`, `1.21.13`.
    pub fn go(&self) -> Option<String> {
        let root = self.goroot.as_deref()?;
        root.match_indices("go").find_map(|(at, _)| {
            let rest = &root[at + 2..];
            let rest = rest.strip_prefix("lang").unwrap_or(rest);
            let rest = rest.strip_prefix(['-', '/']).unwrap_or(rest);
            let end = rest
                .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
                .unwrap_or(rest.len());
            let version = rest[..end].trim_matches('.');
            (version.starts_with(|letter: char| letter.is_ascii_digit()) && version.contains('.'))
                .then(|| version.to_owned())
        })
    }
}

pub const GOROUTER: &str = "code.cloudfoundry.org/gorouter";

/// Who printed the dump, by all goroutines in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Gorouter,
    Other,
    /// Too little is left of it.
    Unknown,
}

/// What names a program: its own code outweighs its `main`, and that a package which others use, too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names {
    /// Code that only gorouter runs.
    gorouter: bool,
    other_main: bool,
    /// Something of gorouter, such as its health package, or its directory.
    part: bool,
    /// A module that gorouter does not have.
    other_module: bool,
}

impl Names {
    pub fn function(&mut self, name: &str) {
        let Some(rest) = name.strip_prefix(GOROUTER) else {
            let package = package(name);
            let domain = package.split('/').next().unwrap_or_default();
            self.other_module |= domain.contains('.')
                && package.contains('/')
                && !MODULES.iter().any(|module| package.starts_with(module));
            return;
        };
        self.part = true;
        self.gorouter |= ["/proxy", "/handlers.", "/router."]
            .iter()
            .any(|own| rest.starts_with(own));
    }

    /// Where a function is.
    pub fn place(&mut self, name: &str, file: &str) {
        let part = file.contains("/gorouter/") || file.starts_with(GOROUTER);
        self.part |= part;
        self.other_main |= name.starts_with("main.") && !part;
    }

    pub fn program(self) -> Program {
        if self.gorouter {
            Program::Gorouter
        } else if self.other_main {
            Program::Other
        } else if self.part {
            Program::Gorouter
        } else if self.other_module {
            Program::Other
        } else {
            Program::Unknown
        }
    }
}

/// Where gorouter's modules are from, as far as its logs name them or they are known, and those of Go itself. Counts only
/// for a truncated dump in which nothing names a program.
const MODULES: [&str; 20] = [
    "code.cloudfoundry.org/",
    "github.com/armon/",
    "github.com/beorn7/",
    "github.com/cespare/",
    "github.com/cloudfoundry/",
    "github.com/gogo/",
    "github.com/golang/",
    "github.com/hashicorp/",
    "github.com/honeycombio/",
    "github.com/nats-io/",
    "github.com/nu7hatch/",
    "github.com/openzipkin/",
    "github.com/prometheus/",
    "github.com/rcrowley/",
    "github.com/tedsuo/",
    "github.com/urfave/",
    "go.uber.org/",
    "golang.org/",
    "google.golang.org/",
    "gopkg.in/",
];

/// Which gorouter: by the line on which `RoundTrip` calls the error handler, which moved from release to release.
pub fn release(frames: &[Frame]) -> Option<&'static str> {
    let calls = frames.windows(2).filter(|pair| {
        pair[0].function.ends_with("(*ErrorHandler).HandleError")
            && pair[1].function.ends_with("(*roundTripper).RoundTrip")
    });
    let lines = calls.filter_map(|pair| pair[1].line);
    lines
        .filter_map(|line| LINES.iter().find(|(known, _)| *known == line))
        .map(|(_, words)| *words)
        .next()
}

/// Read in gorouter's history; the second measured on a build of that release.
const LINES: [(u32, &str); 2] = [
    (
        297,
        "gorouter from 9b51fd8e (2023-05-19) to before b89b4d70 (2023-08-23)",
    ),
    (267, "as gorouter 93e8cb70 (routing-release 0.287.0)"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_read_from_its_directory() {
        for (file, go) in [
            (
                "/var/vcap/data/packages/golang-1.20-linux/52b7/src/net/http/header.go",
                Some("1.20"),
            ),
            ("/root/sdk/go1.21.13/src/net/http/header.go", Some("1.21.13")),
            (
                "/opt/hostedtoolcache/go/1.22.1/x64/src/net/http/header.go",
                Some("1.22.1"),
            ),
            (
                "/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.22.3.linux-amd64/src/net/http/header.go",
                Some("1.22.3"),
            ),
            ("/usr/local/go/src/net/http/header.go", None),
            ("net/http/header.go", None),
        ] {
            let mut paths = Paths::default();
            paths.learn("net/http.Header.Set", file);
            assert_eq!(paths.go().as_deref(), go, "{file}");
        }
    }
}
