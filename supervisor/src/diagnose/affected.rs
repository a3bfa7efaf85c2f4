//! PURE: whether a version has the bug, by the article's table and by the upstream fixes.

use super::version::Version;
use router::settings::Build;
use serde::Serialize;

/// What is known of an installation.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    pub product: Option<(Product, Version)>,
    pub routing_release: Option<Version>,
    /// The compiler of its gorouter.
    pub go: Option<Version>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// Tanzu Application Service for VMs
    Tas,
    /// Tanzu Isolation Segment
    IsolationSegment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Yes,
    No,
    Unknown,
}

/// An answer and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    pub answer: Answer,
    /// Whose rule.
    pub by: By,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Its table of products.
    Article,
    /// The fixes in Go and in routing-release.
    Upstream,
}

/// The article's table: a line of releases and its first patch that has the bug. It names no last one.
const TAS: [([u64; 2], u64); 4] = [([2, 11], 36), ([2, 13], 18), ([3, 0], 8), ([4, 0], 0)];
const ISOLATION_SEGMENT: [([u64; 2], u64); 4] = [([2, 11], 30), ([2, 13], 15), ([3, 0], 8), ([4, 0], 0)];

/// The reasons, the deciding one first: what is known of the build itself outweighs the article's table.
pub fn judge(installation: &Installation) -> Vec<Reason> {
    let article = installation
        .product
        .as_ref()
        .map(|(product, version)| by_article(*product, version));
    let upstream = by_upstream(installation.go.as_ref(), installation.routing_release.as_ref());
    let mut reasons: Vec<Reason> = upstream.into_iter().chain(article).collect();
    // Stable: upstream stays first unless only the article knows.
    reasons.sort_by_key(|reason| reason.answer == Answer::Unknown);
    reasons
}

fn by_article(product: Product, version: &Version) -> Reason {
    let table = match product {
        Product::Tas => &TAS,
        Product::IsolationSegment => &ISOLATION_SEGMENT,
    };
    let name = product.name();
    let line = version.numbers.get(..2).unwrap_or_default();
    let entry = table.iter().find(|(named, _)| named == line);
    let (answer, reason) = match (entry, version.numbers.get(2)) {
        (Some(_), _) if version.is_early() => (
            Answer::Unknown,
            format!("{name} {version} came before its release: the article names releases only"),
        ),
        (None, _) => {
            let lines: Vec<String> = table
                .iter()
                .map(|([major, minor], _)| format!("{major}.{minor}"))
                .collect();
            let reason = format!(
                "the article does not name this line of {name}; it names {}",
                lines.join(", ")
            );
            (Answer::Unknown, reason)
        }
        (Some(([major, minor], 0)), None) => (Answer::Yes, since(name, &format!("{major}.{minor}.0"))),
        (Some(([major, minor], first)), None) => (
            Answer::Unknown,
            format!("{name} {major}.{minor} has the bug from {major}.{minor}.{first} on: which patch is it?"),
        ),
        (Some(([major, minor], first)), Some(patch)) if patch < first => (
            Answer::No,
            format!(
                "{name} {major}.{minor} has the bug from {major}.{minor}.{first} on; older patches are not in its table"
            ),
        ),
        (Some(([major, minor], first)), Some(_)) => {
            (Answer::Yes, since(name, &format!("{major}.{minor}.{first}")))
        }
    };
    Reason {
        answer,
        by: By::Article,
        reason,
    }
}

fn since(name: &str, first: &str) -> String {
    format!(
        "{name} has the bug from {first} on, unless a later patch mended it: the article names no last one, and the list of \
         fixed versions is not known here (KB 298398)"
    )
}

fn by_upstream(go: Option<&Version>, release: Option<&Version>) -> Option<Reason> {
    let has = |go: &[u64], release: &[u64]| {
        Build {
            go: go.to_vec(),
            routing_release: release.to_vec(),
        }
        .has_header_race()
    };
    // Builds that have it if anything does, to see what one of the two decides alone.
    let worst = Build::default();
    let early = |version: &Version| version.is_early();
    let (answer, reason) = match (go, release) {
        (None, None) => return None,
        (Some(go), _) if early(go) => (
            Answer::Unknown,
            format!("Go {go} came before its release: whether the fix was in it is not known here"),
        ),
        (_, Some(release)) if early(release) => (
            Answer::Unknown,
            format!(
                "routing-release {release} came before its release: whether the fix was in it is not known here"
            ),
        ),
        (Some(go), _) if !has(&go.numbers, &worst.routing_release) => {
            let reason = if has(&worst.go, &worst.routing_release) && go.numbers < worst.go {
                format!("Go {go} does not forward 1xx responses: Go 1.20 brought that, and the bug")
            } else {
                format!("Go {go} has the fix (CL 567216, since Go 1.23)")
            };
            (Answer::No, reason)
        }
        (_, Some(release)) if !has(&worst.go, &release.numbers) => (
            Answer::No,
            format!("routing-release {release} has gorouter's workaround (since 0.288.0)"),
        ),
        (Some(go), Some(release)) => (
            Answer::Yes,
            format!(
                "routing-release {release} is before the workaround (0.288.0), Go {go} before the fix (1.23)"
            ),
        ),
        (Some(go), None) => (
            Answer::Unknown,
            format!("Go {go} has the bug unless routing-release is 0.288.0 or newer: tell --routing-release"),
        ),
        (None, Some(release)) => (
            Answer::Unknown,
            format!(
                "routing-release {release} has the bug if compiled with Go 1.20 to 1.22: tell --go or --gorouter-binary"
            ),
        ),
    };
    Some(Reason {
        answer,
        by: By::Upstream,
        reason,
    })
}

impl Product {
    pub fn name(self) -> &'static str {
        match self {
            Product::Tas => "TAS",
            Product::IsolationSegment => "Isolation Segment",
        }
    }
}

impl Answer {
    pub fn name(self) -> &'static str {
        match self {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Unknown => "unknown",
        }
    }

    /// 0 affected, 1 not affected, 3 unknown; 2 is trouble, as in grep.
    pub fn exit_code(self) -> u8 {
        match self {
            Answer::Yes => 0,
            Answer::No => 1,
            Answer::Unknown => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Answer::{No, Unknown, Yes};

    fn version(text: &str) -> Option<Version> {
        (!text.is_empty()).then(|| Version::parse(text).unwrap())
    }

    #[test]
    fn the_articles_table() {
        for (product, text, answer) in [
            (Product::Tas, "2.11.35", No),
            (Product::Tas, "2.11.36", Yes),
            (Product::Tas, "2.11.40-build.5", Yes),
            (Product::Tas, "2.11", Unknown),
            (Product::Tas, "2.12.40", Unknown),
            (Product::Tas, "2.13.17", No),
            (Product::Tas, "2.13.18", Yes),
            (Product::Tas, "3.0.7", No),
            (Product::Tas, "3.0.8", Yes),
            (Product::Tas, "3.1.0", Unknown),
            (Product::Tas, "4.0", Yes),
            (Product::Tas, "4.0.0-beta.1", Unknown),
            (Product::Tas, "2.11.35-rc.1", Unknown),
            (Product::Tas, "2.11.40-alpha", Unknown),
            (Product::Tas, "4.0.0", Yes),
            (Product::Tas, "4.1.3", Unknown),
            (Product::Tas, "5.0.0", Unknown),
            (Product::IsolationSegment, "2.11.29", No),
            (Product::IsolationSegment, "2.11.30", Yes),
            (Product::IsolationSegment, "2.13.14", No),
            (Product::IsolationSegment, "2.13.15", Yes),
        ] {
            let reason = by_article(product, &Version::parse(text).unwrap());
            assert_eq!(reason.answer, answer, "{product:?} {text}: {}", reason.reason);
            let says = reason.reason.contains("list of fixed versions is not known");
            assert_eq!(says, answer == Yes, "{text}: {}", reason.reason);
        }
    }

    #[test]
    fn the_upstream_fixes() {
        for (go, release, answer) in [
            ("1.21.13", "0.287.0", Yes),
            ("1.20", "v0.280.0", Yes),
            ("1.19.13", "0.280.0", No),
            ("1.19.13", "", No),
            ("1.23.1", "0.287.0", No),
            ("1.23.1", "", No),
            ("1.21.13", "0.288.0", No),
            ("", "0.288", No),
            ("1.21.13", "", Unknown),
            ("", "0.280.0", Unknown),
            ("1.23rc1", "", Unknown),
            ("1.23-beta.1", "", Unknown),
            ("1.21.13", "0.288.0-alpha.2", Unknown),
        ] {
            let reason = by_upstream(version(go).as_ref(), version(release).as_ref()).unwrap();
            assert_eq!(
                reason.answer, answer,
                "go {go} release {release}: {}",
                reason.reason
            );
        }
        let words = |go: &str| by_upstream(version(go).as_ref(), None).unwrap().reason;
        assert!(words("1.19").contains("brought"), "{}", words("1.19"));
        assert!(words("1.23").contains("CL 567216"), "{}", words("1.23"));
    }

    #[test]
    fn the_build_outweighs_the_table_and_the_known_the_unknown() {
        let judged = |product: &str, release: &str, go: &str| {
            let installation = Installation {
                product: version(product).map(|version| (Product::Tas, version)),
                routing_release: version(release),
                go: version(go),
            };
            let reasons = judge(&installation);
            (reasons[0].answer, reasons[0].by)
        };
        assert_eq!(judged("2.11.40", "0.290.0", ""), (No, By::Upstream));
        assert_eq!(judged("2.11.40", "0.280.0", ""), (Yes, By::Article));
        assert_eq!(judged("5.0.0", "0.280.0", "1.21"), (Yes, By::Upstream));
        assert_eq!(judged("5.0.0", "0.280.0", ""), (Unknown, By::Upstream));
    }
}
