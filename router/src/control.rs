//! The router's control socket, on a thread of its own: it answers whatever the data thread is doing.

use crate::clock;
use crate::condition::Condition;
use crate::fault::Spec;
use crate::header_race::HeaderRace;
use crate::worker;
use serde::Deserialize;
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;

/// What can be asked for and told.
pub struct Told {
    pub condition: Condition,
    /// `None`: it does not have the bug.
    pub race: Option<HeaderRace>,
    /// Which gorouter it is, in words.
    pub build: String,
}

/// Listens at `path` and answers for the life of the process.
pub fn start(path: &Path, told: Told) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = {
        let _inside = runtime.enter();
        worker::bind_control(path).map_err(|e| {
            format!(
                "cannot listen on {}: {e}; `--control PATH` moves it",
                path.display()
            )
        })?
    };
    std::thread::Builder::new()
        .name("control".into())
        .spawn(move || {
            let told = std::rc::Rc::new(told);
            let answer = move |request: Value| told.answer(&request);
            let served =
                tokio::task::LocalSet::new().block_on(&runtime, worker::answer_control(listener, answer));
            if let Err(error) = served {
                eprintln!("router: control socket: {error}");
            }
        })?;
    Ok(())
}

impl Told {
    fn answer(&self, request: &Value) -> Result<Value, String> {
        let condition = &self.condition;
        match request["cmd"].as_str() {
            Some("show") => Ok(json!({
                "pid": std::process::id(),
                "draining": condition.draining(),
                "in_flight": condition.in_flight(),
                "fault": condition.fault(),
                "header_race": self.race.is_some(),
                "build": self.build,
            })),
            Some("widen") => match &self.race {
                Some(race) => {
                    race.widen(clock::now());
                    Ok(json!({ "ok": true }))
                }
                None => Err(format!(
                    "there is no header race to widen: it runs as {}",
                    self.build
                )),
            },
            Some("fault") => {
                let spec = Spec::deserialize(request).map_err(|error| format!("fault: {error}"))?;
                spec.check()?;
                Ok(json!({ "ok": true, "t_ns": condition.show(Some(spec)) }))
            }
            Some("heal") => {
                let healed = condition.fault();
                Ok(json!({ "ok": true, "t_ns": condition.show(None), "healed": healed }))
            }
            _ => Err("expected \"cmd\": \"fault\", \"heal\", \"widen\" or \"show\"".to_owned()),
        }
    }
}
