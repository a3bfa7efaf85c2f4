//! Command lines of the children.

use super::{FleetPlan, Role};
use lb_sim::core::ProxyProtocol;
use router::settings::SettingsArgs;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// More than a load sends in one life; years of lives stay exact in JSON readers with 53-bit numbers.
const REQUESTS_OF_A_LIFE: u64 = 100_000_000_000;

/// The GUID of the demo application.
const APP: &str = "0a6e9cc9-1b5a-4d4e-9c0e-8f0d8a8b2f6e";

/// A process that is not ready by then, beside what it is told to wait, never will be.
const START: Duration = Duration::from_secs(15);

impl FleetPlan {
    /// How long a start may take: of a router, or of the whole stack, whose routers start together.
    pub(super) fn start_limit(&self) -> Duration {
        START + self.router.start_response_delay_interval
    }

    pub(super) fn roles(&self) -> Vec<Role> {
        let routers = (1..=self.routers).map(Role::Router);
        std::iter::once(Role::App)
            .chain(routers)
            .chain([Role::Lb, Role::Load])
            .collect()
    }

    pub(super) fn control_socket(&self, role: Role) -> PathBuf {
        self.control_dir.join(format!("{}.sock", role.name()))
    }

    /// The hidden role and what it is told, without lifeline, event pipe and name.
    /// The requests of each life of the load have numbers of their own: records are joined by them.
    pub(super) fn arguments(&self, role: Role, incarnation: u32) -> Vec<OsString> {
        let at = self.addresses;
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |flag: &str, value: &dyn ToString| {
            arguments.extend([format!("--{flag}").into(), value.to_string().into()])
        };
        let verb = match role {
            Role::App => {
                (1..=self.apps).for_each(|m| add("listen", &at.app(m)));
                "__app"
            }
            Role::Router(n) => {
                add("listen", &at.router(n));
                add("health", &at.health(n));
                add("routes", &self.routes_file().display());
                "__router"
            }
            Role::Lb => {
                add("listen", &at.lb());
                for n in 1..=self.routers {
                    add(
                        "backend",
                        &format!("router-{n}={},{}", at.router(n), at.health(n)),
                    );
                }
                for (key, word) in self.lb.words() {
                    add(key, &word);
                }
                match &self.peer {
                    None => {
                        add("seed", &self.seed);
                        "__lb"
                    }
                    Some(peer) => {
                        add("engine", &peer.engine);
                        add("program", &peer.program.display());
                        add("dir", &self.run_dir.join("lb").display());
                        add("log", &self.run_dir.join("logs/lb.requests.log").display());
                        if let Some(own) = &peer.own {
                            add("own", &own.display());
                        }
                        "__peer"
                    }
                }
            }
            Role::Load => {
                add("target", &at.lb());
                add("rate", &self.load.rate);
                add(
                    "first-request",
                    &(1 + u64::from(incarnation - 1) * REQUESTS_OF_A_LIFE),
                );
                for (flag, value) in &self.load.flags {
                    add(flag, value);
                }
                "__load"
            }
        };
        add("control", &self.control_socket(role).display());
        if role.is_router() {
            arguments.extend(SettingsArgs::flags(&self.router).into_iter().map(OsString::from));
            let named = self.lb.proxy_protocol == ProxyProtocol::V2;
            arguments.extend(named.then(|| "--proxy-protocol".into()));
        }
        arguments.insert(0, verb.into());
        arguments
    }

    pub(super) fn routes_file(&self) -> PathBuf {
        self.run_dir.join("routes.toml")
    }

    /// The route file: one host, all instances of the app, named so that logs, X-CF-APP-INSTANCE and sticky sessions
    /// can tell them apart.
    pub(super) fn routes(&self) -> String {
        let each = |of: &dyn Fn(u32) -> String| -> String {
            let all: Vec<String> = (1..=self.apps).map(|m| format!("\"{}\"", of(m))).collect();
            all.join(", ")
        };
        format!(
            "[[route]]\nhost = \"app.test\"\nendpoints = [{}]\napp = \"{APP}\"\ninstance_ids = [{}]\n",
            each(&|m| self.addresses.app(m).to_string()),
            each(&|m| format!("app-{m}"))
        )
    }
}
