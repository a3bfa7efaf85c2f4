//! What is done to routers: `kill`, `hang`, `drain`, `stop`, `fault`, `heal`, `resume`; and `scale`, `down`.

use super::client::Client;
use super::hints::of_lab;
use super::{Common, Failure, say};
use router::fault::{Delay, On, Spec};
use router::record::Fault;
use serde_json::{Value, json};

/// Which router.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    /// For example router-2
    pub router: String,
}

#[derive(Clone, Debug, clap::Args)]
pub struct FaultArgs {
    /// For example router-2
    router: String,
    /// What it does to its clients from now on
    #[arg(value_enum)]
    kind: Kind,
    /// silent, error, slow: at health checks, at requests, or at both [default: both]
    #[arg(long, value_name = "health|requests|both")]
    on: Option<On>,
    /// error: the status of its answers, 500 to 599 [default: 503]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(500..=599))]
    status: Option<u16>,
    /// slow: how late its answers are: 300ms, 100ms..500ms, exp:300ms (its mean) [default: 300ms]
    #[arg(long, value_name = "TIME")]
    delay: Option<Delay>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Accepts, never answers
    Silent,
    /// Answers 5xx
    Error,
    /// Resets connections in the middle of a response body
    Cut,
    /// Answers late
    Slow,
}

#[derive(Clone, Debug, clap::Args)]
pub struct ScaleArgs {
    /// How many routers, 1 to 250
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..=250))]
    routers: u32,
}

impl FaultArgs {
    /// A parameter that means nothing to the kind is a mistake, not a wish.
    fn spec(&self) -> Result<Spec, Failure> {
        let fault = match self.kind {
            Kind::Silent => Fault::Silent,
            Kind::Error => Fault::Error,
            Kind::Cut => Fault::Cut,
            Kind::Slow => Fault::Slow,
        };
        let useless = [
            (
                "--on",
                self.on.is_some() && self.kind == Kind::Cut,
                "silent, error and slow",
            ),
            (
                "--status",
                self.status.is_some() && self.kind != Kind::Error,
                "error",
            ),
            ("--delay", self.delay.is_some() && self.kind != Kind::Slow, "slow"),
        ];
        if let Some((flag, _, kinds)) = useless.iter().find(|(_, useless, _)| *useless) {
            return Err(Failure::new(2, format!("{flag} means something to {kinds} only")));
        }
        let plain = Spec::new(fault);
        Ok(Spec {
            fault,
            on: self.on.unwrap_or(plain.on),
            status: self.status.unwrap_or(plain.status),
            delay: self.delay.unwrap_or(plain.delay),
        })
    }
}

/// A fault without parameters.
pub(super) async fn inject(common: &Common, target: &Target, fault: Fault) -> Result<(), Failure> {
    let how = match fault {
        Fault::Kill => "was sent SIGKILL",
        Fault::Hang => &format!(
            "was sent SIGSTOP; `resetlab resume {}` lets it run again",
            target.router
        ),
        Fault::Drain => "drains: unhealthy from now on, it serves for drain-wait and then leaves",
        _ => "was sent SIGTERM",
    };
    hit(common, &target.router, Spec::new(fault), how).await
}

pub(super) async fn behave(common: &Common, args: &FaultArgs) -> Result<(), Failure> {
    let spec = args.spec()?;
    let what = match args.kind {
        Kind::Silent => "answers nothing".to_owned(),
        Kind::Error => format!("answers {}", spec.status),
        Kind::Cut => "cuts its answers off".to_owned(),
        Kind::Slow => format!("answers late by {}", spec.delay),
    };
    let place = match spec.on {
        _ if args.kind == Kind::Cut => "",
        On::Both => " on checks and requests",
        On::Health => " on checks",
        On::Requests => " on requests",
    };
    let how = format!("{what}{place}; `resetlab heal {}` ends that", args.router);
    hit(common, &args.router, spec, &how).await
}

async fn hit(common: &Common, router: &str, spec: Spec, how: &str) -> Result<(), Failure> {
    let mut request = serde_json::to_value(spec).map_err(|e| Failure::new(1, e))?;
    request["router"] = json!(router);
    let done = Client::connect(&common.lab)?.post("/v1/fault", &request).await?;
    tell(common, &done, || {
        format!("{router} (life {}) {how}", done["incarnation"])
    });
    Ok(())
}

pub(super) async fn post(common: &Common, target: &Target, verb: &str, did: &str) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    let request = json!({ "router": target.router });
    let done = client.post(&format!("/v1/{verb}"), &request).await?;
    tell(common, &done, || format!("{} {did}", target.router));
    Ok(())
}

pub(super) async fn scale(common: &Common, args: &ScaleArgs) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    let done = client
        .post("/v1/scale", &json!({ "routers": args.routers }))
        .await?;
    tell(common, &done, || match &done["before"] {
        before if *before == json!(args.routers) => format!("scaled to {before} already"),
        before => format!("scaled to {}, {before} before", args.routers),
    });
    Ok(())
}

pub(super) async fn down(common: &Common) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    let mut alive = client.stream("/v1/events").await?;
    let done = client.post("/v1/down", &json!({})).await?;
    // The stream ends with the supervisor, and that ends after its last child.
    while let Ok(Some(_)) = alive.chunk().await {}
    tell(common, &done, || {
        format!("lab \"{}\" is down, nothing left running", common.lab)
    });
    Ok(())
}

fn tell(common: &Common, done: &Value, words: impl FnOnce() -> String) {
    say(&match common.json {
        true => done.to_string(),
        false => of_lab(&words(), &common.lab),
    });
}
