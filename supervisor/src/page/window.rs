//! PURE: windows as the page hears of them.

use crate::story::Began;
use serde::Serialize;
use std::collections::BTreeMap;

/// A reset window, from the moment a router went. Times as in [`super::frame`]; `_s` are seconds from `from`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Window {
    /// Of this window only.
    pub id: String,
    pub router: String,
    pub fault: String,
    /// `went`; `out_of_use`: when it went it was not used; `taken_back`: it was used again although it could not serve.
    pub began: Began,
    pub from: f64,
    /// Still going on: its figures grow.
    pub open: bool,
    /// How long it had been open when the lab ended; `null` before, and for one that was closed by then.
    pub open_for_s: Option<f64>,
    pub t_detect_s: Option<f64>,
    pub detected_by: Option<String>,
    pub predicted_t_detect_s: Option<f64>,
    pub t_stop_s: Option<f64>,
    pub in_flight: u64,
    pub window: u64,
    pub by_outcome: BTreeMap<String, u64>,
    pub causes: BTreeMap<String, u64>,
    /// `null`: the balancer does not tell of its attempts.
    pub saved_by_retry: Option<u64>,
}
