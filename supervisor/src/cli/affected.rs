//! `affected`.

use super::{Common, Failure, say};
use crate::diagnose::affected::{Answer, By, Installation, Product, Reason, judge};
use crate::diagnose::buildinfo::{self, BuildInfo};
use crate::diagnose::origin::GOROUTER;
use crate::diagnose::version::Version;
use crate::diagnose::words;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct AffectedArgs {
    /// Whose `--version` it is
    #[arg(long, requires = "version", value_enum)]
    product: Option<Product>,
    /// Of the product, such as 2.11.40
    #[arg(long, requires = "product", value_name = "VERSION", value_parser = Version::parse)]
    version: Option<Version>,
    /// The routing-release that gorouter is from, such as 0.280.0
    #[arg(long, value_name = "VERSION", value_parser = Version::parse)]
    routing_release: Option<Version>,
    /// The Go that compiled gorouter, such as 1.21.3
    #[arg(long, value_name = "VERSION", value_parser = Version::parse)]
    go: Option<Version>,
    /// Read the Go version out of this binary: /var/vcap/packages/gorouter/bin/gorouter
    #[arg(long, value_name = "PATH", conflicts_with = "go")]
    gorouter_binary: Option<PathBuf>,
}

pub(super) const EXAMPLES: &str = "\
Examples:
  resetlab affected --product tas --version 2.11.40
  resetlab affected --product isolation-segment --version 3.0.7
  resetlab affected --routing-release 0.280.0 --go 1.21.3
  resetlab affected --gorouter-binary /var/vcap/packages/gorouter/bin/gorouter --routing-release 0.280.0

Exit codes: 0 affected, 1 not affected, 2 usage or trouble, 3 unknown.";

pub(super) fn run(common: &Common, args: &AffectedArgs) -> Result<ExitCode, Failure> {
    let binary = args
        .gorouter_binary
        .as_deref()
        .map(|path| Ok((path, inspect(path)?)))
        .transpose()?;
    let mut notes = Vec::new();
    let mut go = args.go.clone();
    if let Some((_, info)) = &binary {
        go = Version::parse(&info.go).ok();
        notes.extend(remarks(info, go.is_some()));
    }
    let installation = Installation {
        product: args.product.zip(args.version.clone()),
        routing_release: args.routing_release.clone(),
        go,
    };
    let reasons = judge(&installation);
    let answer = reasons.first().map_or(Answer::Unknown, |reason| reason.answer);
    if common.json {
        let (product, version) = installation.product.unzip();
        let document = json!({
            "schema": "resetlab.affected.v1",
            "answer": answer,
            "reasons": reasons,
            "notes": notes,
            "product": product,
            "version": version.map(|version| version.to_string()),
            "routing_release": installation.routing_release.map(|version| version.to_string()),
            "go": installation.go.map(|version| version.to_string()),
            "binary": binary.map(|(path, info)| described(path, &info)),
        });
        say(&document.to_string());
    } else {
        tell(answer, &reasons, &notes, binary.as_ref().map(|(_, info)| info));
    }
    Ok(ExitCode::from(answer.exit_code()))
}

fn inspect(path: &Path) -> Result<BuildInfo, Failure> {
    let trouble = |words: String| Failure::new(2, format!("{}: {words}", path.display()));
    // Before it is opened: a named pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(|e| trouble(e.to_string()))?;
    if metadata.is_dir() {
        return Err(trouble("is a directory: name the binary in it".to_owned()));
    }
    if !metadata.is_file() {
        return Err(trouble("is no regular file: copy the binary to one".to_owned()));
    }
    let file = std::fs::File::open(path).map_err(|e| trouble(e.to_string()))?;
    let info = buildinfo::read(&file).map_err(|e| trouble(e.to_string()))?;
    info.ok_or_else(|| trouble("no Go program: it has no build info that names a compiler".to_owned()))
}

fn remarks(info: &BuildInfo, parsed: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !parsed {
        notes.push(format!(
            "compiled with `{}`, which is no release: whether it has the fix is not known here",
            info.go
        ));
    }
    let named = |name: &str| name == GOROUTER || name.starts_with(&format!("{GOROUTER}/"));
    let ours =
        info.path.as_deref().is_some_and(named) || info.module.as_ref().is_some_and(|(path, _)| named(path));
    match (&info.path, &info.module) {
        _ if ours => {}
        (None, None) => {
            notes.push("its build info names no module: whether it is a gorouter is not known".to_owned())
        }
        (path, module) => {
            let name = path.as_ref().or(module.as_ref().map(|(path, _)| path));
            let name = name.map_or("", String::as_str);
            notes.push(format!(
                "its build info says {name}, not {GOROUTER}: the answer is for a gorouter compiled alike"
            ));
        }
    }
    notes
}

fn described(path: &Path, info: &BuildInfo) -> serde_json::Value {
    let modules = |pairs: &[(String, String)]| -> Vec<serde_json::Value> {
        pairs
            .iter()
            .map(|(path, version)| json!({ "path": path, "version": version }))
            .collect()
    };
    json!({
        "file": path.display().to_string(),
        "go": info.go,
        "path": info.path,
        "module": info.module.as_ref().map(|(path, version)| json!({ "path": path, "version": version })),
        "dependencies": modules(&info.dependencies),
        "settings": info.settings.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
    })
}

fn tell(answer: Answer, reasons: &[Reason], notes: &[String], binary: Option<&BuildInfo>) {
    let mut text = String::new();
    let mut line =
        |words: &str| words::wrap(&mut text, if words.starts_with("- ") { "  " } else { "" }, words);
    line(match answer {
        Answer::Yes => "yes: affected",
        Answer::No => "no: not affected",
        Answer::Unknown => "unknown: what is told here does not decide it",
    });
    if let Some(info) = binary {
        let mut words = format!("- the binary: {}", info.go);
        if let Some(path) = &info.path {
            words += &format!(", {path}");
        }
        if let Some((path, version)) = &info.module {
            words += &format!(", module {path} {version}");
        }
        if !info.dependencies.is_empty() {
            words += &format!(", {} dependencies (--json names them)", info.dependencies.len());
        }
        line(&words);
    }
    for reason in reasons {
        let whose = match reason.by {
            By::Article => "the article",
            By::Upstream => "upstream",
        };
        line(&format!(
            "- {}, by {whose}: {}",
            reason.answer.name(),
            reason.reason
        ));
    }
    for note in notes {
        line(&format!("- note: {note}"));
    }
    if answer != Answer::No {
        line(
            "- what to do: routing-release 0.288.0 or newer, or a gorouter compiled with Go 1.23 or newer, does not have it",
        );
    }
    say(text.trim_end());
}
