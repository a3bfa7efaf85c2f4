//! `restart`: one router, or all, one after the other, and no request lost: each is drained, started again and
//! believed Up before the next one goes.

use super::client::Client;
use super::{Common, Failure, say};
use crate::control::Ps;
use crate::fleet::{ProcessState, Truth};
use router::clock::{self, Timestamp};
use router::record::{Belief, Event, ProbeResult, Record};
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Clone, Debug, clap::Args)]
pub struct RestartArgs {
    /// For example router-2 [default: all of them, one after the other]
    router: Option<String>,
}

pub(super) async fn run(common: &Common, args: &RestartArgs) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    let mut rolling = Rolling {
        live: Live::open(&client).await?,
        client,
        quiet: common.json,
    };
    let ps: Ps = rolling.client.get("/v1/ps").await?;
    let routers = ps
        .fleet
        .processes
        .iter()
        .filter(|process| process.belief.is_some());
    let mut names: Vec<String> = routers.map(|process| process.name.clone()).collect();
    if let Some(router) = &args.router {
        if !names.contains(router) {
            // The lab knows best what is wrong with that name.
            rolling
                .client
                .post("/v1/restart", &json!({ "router": router }))
                .await?;
        }
        names = vec![router.clone()];
    }
    let patience = Patience::of(&ps.fleet.settings);
    let mut done = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let begun = clock::now();
        match rolling.one(name, &patience).await {
            Ok(incarnation) => {
                let took = clock::now().since(begun).as_secs_f64();
                rolling.tell(&format!(
                    "{name} is back after {took:.1} s ({} of {})",
                    index + 1,
                    names.len()
                ));
                done.push(json!({ "router": name, "incarnation": incarnation, "took_s": took }));
            }
            Err(why) => {
                let rest = match &names[index + 1..] {
                    [] => String::new(),
                    rest => format!("; not restarted: {}", rest.join(", ")),
                };
                return Err(Failure::new(why.code, format!("{name} {}{rest}", why.words)));
            }
        }
    }
    say(&match common.json {
        true => json!({ "schema": "resetlab.restart.v1", "routers": done }).to_string(),
        false => format!("{} restarted", names.join(", ")),
    });
    Ok(())
}

struct Rolling {
    client: Client,
    live: Live,
    quiet: bool,
}

/// How long each step may take.
struct Patience {
    leave: Duration,
    start: Duration,
    up: Duration,
}

impl Rolling {
    /// Its new life's number. An error's words follow the router's name.
    async fn one(&mut self, name: &str, patience: &Patience) -> Result<u64, Failure> {
        let ps: Ps = self.client.get("/v1/ps").await?;
        let Some(ProcessState {
            truth,
            belief,
            incarnation,
            pid,
            ..
        }) = ps
            .fleet
            .processes
            .into_iter()
            .find(|process| process.name == name)
        else {
            return Err(Failure::new(4, "is gone"));
        };
        let mut belief = belief.unwrap_or(Belief::Up);
        let how = match truth {
            Truth::Dead => None,
            // It cannot hear, and could not answer.
            Truth::Hung => Some(("kill", "is hung and killed")),
            Truth::Starting => Some(("kill", "is still starting and killed")),
            Truth::Draining => Some(("", "drains already")),
            Truth::Up | Truth::Slow | Truth::Erroring | Truth::Silent => Some(("drain", "drains")),
        };
        if let Some((fault, words)) = how {
            self.tell(&format!("{name} {words}"));
            if !fault.is_empty() {
                let request = json!({ "router": name, "fault": fault });
                let hit = self.client.post("/v1/fault", &request).await;
                hit.map_err(|e| Failure::new(e.code, format!("could not be hit: {}", e.words)))?;
            }
        }
        if pid.is_some() {
            let leave = clock::now() + patience.leave;
            let gone = |record: &Record| matches!(&record.event, Event::Exited { name: who, incarnation: life, .. } if who == name && *life == incarnation);
            self.until(leave, &mut belief, name, gone)
                .await
                .map_err(|e| e.when("did not leave"))?;
        }
        // Without a delay it may be on its way already.
        match self.client.post("/v1/restart", &json!({ "router": name })).await {
            Err(e) if e.code != 4 => return Err(e),
            _ => {}
        }
        let begun = clock::now();
        let ready = |record: &Record| {
            matches!(record.event, Event::Ready { .. }) && record.from == name
                || matches!(&record.event, Event::Exited { name: who, incarnation: life, .. } if who == name && *life > incarnation)
        };
        let record = self.until(begun + patience.start, &mut belief, name, ready).await;
        let record = record.map_err(|e| e.when("did not come back"))?;
        if let Event::Exited { words, .. } = record.event {
            return Err(Failure::new(
                1,
                format!("did not come back: {words}; `resetlab logs {name}` says more"),
            ));
        }
        // A passed check after that is news: a belief that never changed would be none.
        let since = record.at;
        let up_by = clock::now() + patience.up;
        let passed = |record: &Record| {
            matches!(&record.event, Event::Probe { router, started_ns, result: ProbeResult::Ok, .. }
                if router == name && *started_ns >= since)
        };
        self.until(up_by, &mut belief, name, passed)
            .await
            .map_err(|e| e.when("is ready but fails its checks"))?;
        while belief != Belief::Up {
            let changed =
                |record: &Record| matches!(&record.event, Event::Belief { router, .. } if router == name);
            let up = self.until(up_by, &mut belief, name, changed).await;
            up.map_err(|e| e.when("is ready but not believed up"))?;
        }
        Ok(u64::from(incarnation) + 1)
    }

    /// The next record that is `wanted`; keeps the balancer's opinion of `name` on the way.
    async fn until(
        &mut self,
        deadline: Timestamp,
        belief: &mut Belief,
        name: &str,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Record, Missed> {
        let begun = clock::now();
        loop {
            let record = tokio::select! {
                record = self.live.next() => record.ok_or(Missed::Ended)?,
                () = clock::until(deadline) => return Err(Missed::Late(deadline.since(begun))),
            };
            if let Event::Belief { router, to, .. } = &record.event
                && router == name
            {
                *belief = *to;
            }
            if wanted(&record) {
                return Ok(record);
            }
        }
    }

    fn tell(&self, words: &str) {
        if !self.quiet {
            eprintln!("{words}");
        }
    }
}

enum Missed {
    Late(Duration),
    Ended,
}

impl Missed {
    fn when(self, what: &str) -> Failure {
        Failure::new(
            1,
            match self {
                Missed::Late(time) => format!("{what} within {:.0} s", time.as_secs_f64()),
                Missed::Ended => format!("{what}: the lab has ended"),
            },
        )
    }
}

impl Patience {
    /// From the settings in force, generously: what is waited for comes as a record.
    fn of(settings: &Value) -> Patience {
        let time = |key: &str| {
            let word = settings[key].as_str().unwrap_or_default();
            humantime::parse_duration(word).unwrap_or_default()
        };
        let slack = Duration::from_secs(10);
        let rise = settings["rise"]
            .as_u64()
            .and_then(|rise| u32::try_from(rise).ok());
        let check = time("interval") + time("timeout") + time("jitter");
        let passive = settings["detector"]
            .as_str()
            .is_some_and(|word| word.contains("passive"));
        let ejection = if passive {
            time("passive-ejection-cap")
        } else {
            Duration::ZERO
        };
        Patience {
            leave: time("drain-wait") + time("drain-timeout") + slack,
            start: Duration::from_secs(15) + time("start-response-delay-interval"),
            up: check.saturating_mul(rise.unwrap_or(2).saturating_add(2)) + ejection + slack,
        }
    }
}

/// The records of the lab as they happen.
struct Live {
    stream: reqwest::Response,
    bytes: Vec<u8>,
}

impl Live {
    async fn open(client: &Client) -> Result<Live, Failure> {
        let stream = client.stream("/v1/events").await?;
        Ok(Live {
            stream,
            bytes: Vec::new(),
        })
    }

    /// `None`: the lab has ended. Cancel-safe.
    async fn next(&mut self) -> Option<Record> {
        loop {
            while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                // The header line is no record.
                if let Ok(record) = serde_json::from_slice(&line) {
                    return Some(record);
                }
            }
            self.bytes.extend_from_slice(&self.stream.chunk().await.ok()??);
        }
    }
}
