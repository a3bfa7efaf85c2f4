//! PURE: the `resetlab.run.v1` document and the statistics in it.

use super::measure::Trial;
use serde::{Deserialize, Serialize};

/// What `resetlab run --json` prints and `summary.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    pub schema: String,
    pub seed: String,
    pub engine: String,
    pub preset: String,
    /// `false`: interrupted before all trials were done.
    pub complete: bool,
    pub check: serde_json::Value,
    pub load: LoadReport,
    pub trials: Vec<Trial>,
    pub summary: Totals,
    pub theory: Theory,
    pub command: String,
}

/// The load generator's account of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LoadReport {
    /// Requests per second asked for.
    pub rate: f64,
    pub arrivals: String,
    pub sent: u64,
    pub ok: u64,
    pub lost: u64,
    /// From intended send time to the completed socket write.
    pub late_p99_ms: Option<f64>,
    pub late_max_ms: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Totals {
    pub detected: usize,
    pub n: usize,
    pub t_detect_s: Option<Spread>,
    pub t_stop_s: Option<Spread>,
    pub t_clear_s: Option<Spread>,
    pub t_readmit_s: Option<Spread>,
    pub residual_ms: Option<Residual>,
    pub lost_per_trial: Option<Mean>,
    /// Lost in windows ÷ (Σ t_stop × rate ÷ routers): 1 when every request sent into the window failed and only those.
    pub lost_over_expected: Option<f64>,
    /// Served ÷ sent over the measured time.
    pub success: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Theory {
    /// `null` where no finite answer exists; `reason` says why.
    pub t_detect_s: Option<Bounds>,
    pub lost_per_trial: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    pub min: f64,
    pub mean: f64,
    pub max: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub min: f64,
    pub mean: f64,
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
}

/// |measured − predicted| of `t_detect`, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    pub median: f64,
    pub max: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    pub mean: f64,
}

impl Spread {
    /// Order statistics by the nearest-rank rule; `None` for no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut v: Vec<f64> = values.into_iter().collect();
        v.sort_by(f64::total_cmp);
        let rank = |q: f64| v[((q * v.len() as f64).ceil() as usize).clamp(1, v.len()) - 1];
        let (min, max) = (*v.first()?, *v.last()?);
        Some(Spread {
            min,
            mean: v.iter().sum::<f64>() / v.len() as f64,
            p50: rank(0.5),
            p95: rank(0.95),
            max,
        })
    }
}

/// Statistics of `trials` at `rate` requests per second over `routers`.
pub fn totals(trials: &[Trial], load: &LoadReport, routers: u32) -> Totals {
    let residuals = Spread::of(
        trials
            .iter()
            .filter_map(|t| Some((t.t_detect_s? - t.predicted_t_detect_s?).abs() * 1e3)),
    );
    let lost: u64 = trials.iter().map(|t| t.lost.in_flight + t.lost.window).sum();
    let window: u64 = trials.iter().map(|t| t.lost.window).sum();
    let exposed: f64 = trials.iter().filter_map(|t| t.t_stop_s).sum();
    let expected = exposed * load.rate / f64::from(routers.max(1));
    Totals {
        detected: trials.iter().filter(|t| t.detected).count(),
        n: trials.len(),
        t_detect_s: Spread::of(trials.iter().filter_map(|t| t.t_detect_s)),
        t_stop_s: Spread::of(trials.iter().filter_map(|t| t.t_stop_s)),
        t_clear_s: Spread::of(trials.iter().filter_map(|t| t.t_clear_s)),
        t_readmit_s: Spread::of(trials.iter().filter_map(|t| t.t_readmit_s)),
        residual_ms: residuals.map(|r| Residual {
            median: r.p50,
            max: r.max,
        }),
        lost_per_trial: (!trials.is_empty()).then(|| Mean {
            mean: lost as f64 / trials.len() as f64,
        }),
        lost_over_expected: (expected > 0.0).then(|| window as f64 / expected),
        success: (load.ok + load.lost > 0).then(|| load.ok as f64 / (load.ok + load.lost) as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_uses_nearest_rank() {
        let spread = Spread::of((1..=20).map(f64::from)).expect("values");
        assert_eq!(
            (spread.min, spread.p50, spread.p95, spread.max),
            (1.0, 10.0, 19.0, 20.0)
        );
        assert_eq!(spread.mean, 10.5);
        assert_eq!(Spread::of([]), None);
    }
}
