//! PURE: how many requests may fail, and how much of that is left.

/// An error budget: with an objective of 99.9 %, one request in a thousand may fail within the days it is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// The share of requests that is to succeed, below 1.
    pub slo: f64,
    pub days: f64,
    /// Requests a second.
    pub rate: f64,
}

/// What an objective is usually promised for.
pub const DAYS: f64 = 30.0;

const SECONDS_A_DAY: f64 = 86_400.0;

impl Budget {
    /// Within its days.
    pub fn requests(self) -> f64 {
        self.rate * self.days * SECONDS_A_DAY
    }

    /// Requests that may fail within its days.
    pub fn allowed(self) -> f64 {
        (1.0 - self.slo) * self.requests()
    }

    /// The share that is left when `lost` requests have failed: 1 at the start, below 0 when more is spent than there
    /// was. `None` where nothing may fail, because nothing is sent.
    pub fn left(self, lost: u64) -> Option<f64> {
        let allowed = self.allowed();
        (allowed > 0.0).then(|| 1.0 - lost as f64 / allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_of_200_requests_a_second_may_lose_518400_at_three_nines() {
        let budget = Budget {
            slo: 0.999,
            days: DAYS,
            rate: 200.0,
        };
        assert_eq!(budget.requests(), 518_400_000.0);
        assert!((budget.allowed() - 518_400.0).abs() < 1e-3);
        assert_eq!(budget.left(0), Some(1.0));
        assert!((budget.left(259_200).unwrap() - 0.5).abs() < 1e-9);
        assert!(budget.left(600_000).unwrap() < 0.0);
        assert_eq!(Budget { rate: 0.0, ..budget }.left(3), None);
    }
}
