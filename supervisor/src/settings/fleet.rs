//! What settings mean for the fleet: the one place where a plan is made of them.

use super::{LabSettings, load};
use crate::fleet::{FleetPlan, LoadPlan};
use crate::lab::{Lease, Name};
use crate::process::restart::RestartPolicy;
use lb_sim::core::Mode;
use std::path::Path;

impl LabSettings {
    /// The fleet of the lab `name` at its leased addresses, with its results in `dir`.
    pub fn fleet_plan(&self, lease: &Lease, name: &Name, dir: &Path, restart: RestartPolicy) -> FleetPlan {
        FleetPlan {
            addresses: lease.addresses,
            routers: self.routers,
            apps: self.apps,
            lb: self.lb.clone(),
            peer: None,
            seed: self.seed.unwrap_or(1),
            load: self.load_plan(),
            restart,
            router: self.router.in_force(),
            program: None,
            run_dir: dir.to_owned(),
            control_dir: name.children.clone(),
        }
    }

    /// What the load client is told.
    pub fn load_plan(&self) -> LoadPlan {
        let mut flags = vec![
            ("arrivals", load::word(&self.arrivals)),
            ("seed", self.seed.unwrap_or(1).to_string()),
            (
                "client-timeout",
                humantime::format_duration(self.client_timeout).to_string(),
            ),
            ("method", load::word(&self.method)),
            ("body-bytes", self.body_bytes.to_string()),
            ("connection", load::word(&self.connection())),
        ];
        flags.push(("path", self.request_path.clone()));
        LoadPlan {
            rate: self.rate,
            flags,
        }
    }

    /// A connection that lives on settles at a living router and sees no window: with `mode=tcp` each request makes its
    /// own, unless told otherwise.
    pub fn connection(&self) -> load::Connection {
        self.connection.unwrap_or(match self.lb.mode {
            Mode::Http => load::Connection::KeepAlive,
            Mode::Tcp => load::Connection::PerRequest,
        })
    }
}
