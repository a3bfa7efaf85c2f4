//! PURE: error budgets: how many requests may be lost, and how fast that is being used up.

use serde::Serialize;

/// What an objective allows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// Share of the requests that is to succeed, 0.0 to 1.0.
    pub slo: f64,
    /// Days that it is for.
    pub days: f64,
    /// Requests a second.
    pub rate: f64,
}

/// A burn rate that somebody is told of: reached over the long window, and over the short one still.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Alert {
    pub burn_rate: f64,
    pub long_s: f64,
    pub short_s: f64,
}

/// What lost requests have spent of a budget that is for as many requests as the load sends: each is charged at the rate
/// of when it was lost, and a rate that changes later does not change that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spending {
    /// At the rate that was in force last, but for none at all.
    budget: Budget,
    charged: u64,
    spent: f64,
}

/// The usual days of a budget.
pub const DAYS: f64 = 30.0;

/// Those of Google's Site Reliability Workbook, chapter 5, for a budget of 30 days: 2 % of it in an hour, 5 % in six,
/// 10 % in three days.
pub const ALERTS: [Alert; 3] = [
    Alert {
        burn_rate: 14.4,
        long_s: 3600.0,
        short_s: 300.0,
    },
    Alert {
        burn_rate: 6.0,
        long_s: 6.0 * 3600.0,
        short_s: 1800.0,
    },
    Alert {
        burn_rate: 1.0,
        long_s: 72.0 * 3600.0,
        short_s: 6.0 * 3600.0,
    },
];

impl Budget {
    /// Sent in all its days.
    pub fn requests(&self) -> f64 {
        self.rate * self.days * 86_400.0
    }

    /// Of these may be lost.
    pub fn allowed(&self) -> f64 {
        self.requests() * (1.0 - self.slo)
    }

    /// Share of the budget that is left after so many lost requests, below 0 when more is spent; `None` where nothing
    /// is allowed.
    pub fn left(&self, lost: f64) -> Option<f64> {
        let allowed = self.allowed();
        (allowed > 0.0).then(|| 1.0 - lost / allowed)
    }

    /// How many times faster than allowed a budget is spent while this share of the requests succeeds; `None` where
    /// nothing is allowed.
    pub fn burn_rate(&self, success: f64) -> Option<f64> {
        let allowed = 1.0 - self.slo;
        (allowed > 0.0).then(|| (1.0 - success) / allowed)
    }

    /// Days until it is spent at so many lost requests an hour; `None`: never.
    pub fn lasts(&self, lost_an_hour: f64) -> Option<f64> {
        (lost_an_hour > 0.0).then(|| self.allowed() / lost_an_hour / 24.0)
    }

    /// What so many deaths an hour lose in it, each as much as `lost`: never more than is sent. Where that is the bound,
    /// routers do not come back between deaths.
    pub fn lost_an_hour(&self, deaths: f64, lost: f64) -> f64 {
        (deaths * lost).min(self.rate * 3600.0)
    }

    /// Burn rate over a window in which so many requests were lost.
    pub fn burn_over(&self, lost: f64, window_s: f64) -> Option<f64> {
        let sent = self.rate * window_s;
        (sent > 0.0).then(|| self.burn_rate(1.0 - (lost / sent).min(1.0)))?
    }
}

impl Spending {
    pub fn new(budget: Budget) -> Spending {
        Spending {
            budget,
            charged: 0,
            spent: 0.0,
        }
    }

    /// So many have been lost in all by now.
    pub fn on_lost(&mut self, lost: u64) {
        let allowed = self.budget.allowed();
        if lost > self.charged && allowed > 0.0 {
            self.spent += (lost - self.charged) as f64 / allowed;
            self.charged = lost;
        }
    }

    /// Requests a second from now on. What was sent before may still be lost when nothing is sent any more.
    pub fn on_rate(&mut self, rate: f64) {
        if rate > 0.0 {
            self.budget.rate = rate;
        }
    }

    /// Share of the budget; `None` where nothing is allowed.
    pub fn spent(&self) -> Option<f64> {
        (self.budget.allowed() > 0.0).then_some(self.spent)
    }
}

impl Alert {
    /// Burn rate over the short window of one death that loses `lost` requests within `lasting` seconds: only a part of
    /// a longer one falls into it.
    pub fn burn_in_short(&self, budget: &Budget, lost: f64, lasting: f64) -> Option<f64> {
        let in_short = lost * (self.short_s / lasting.max(self.short_s));
        budget.burn_over(in_short, self.short_s)
    }

    /// How many deaths within its long window fire it, each losing `lost` requests within `lasting` seconds and all of
    /// them at least one long window's share apart; `None`: no number of single deaths does, as one of them alone is
    /// too little for the short window.
    pub fn fired_by(&self, budget: &Budget, lost: f64, lasting: f64) -> Option<u64> {
        let short = self.burn_in_short(budget, lost, lasting)? * (1.0 + 1e-9);
        let long = budget.burn_over(lost, self.long_s)?;
        if !(short >= self.burn_rate && long > 0.0) {
            return None;
        }
        // What is a whole number but for rounding is that number.
        Some((self.burn_rate / long - 1e-9).ceil().max(1.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE_NINES: Budget = Budget {
        slo: 0.999,
        days: DAYS,
        rate: 200.0,
    };

    fn near(value: Option<f64>, wanted: f64) {
        let value = value.unwrap();
        assert!(
            (value - wanted).abs() < 1e-6 * wanted.abs().max(1.0),
            "{value} is not {wanted}"
        );
    }

    #[test]
    fn what_is_allowed_is_left_until_it_is_lost() {
        let budget = THREE_NINES;
        assert_eq!(budget.requests(), 518_400_000.0);
        near(Some(budget.allowed()), 518_400.0);
        near(budget.left(0.0), 1.0);
        near(budget.left(259_200.0), 0.5);
        near(budget.left(1_036_800.0), -1.0);
        near(budget.burn_rate(0.999), 1.0);
        near(budget.burn_rate(0.9856), 14.4);
        // Four routers, one death an hour of each, 375 requests each.
        near(budget.lasts(1_500.0), 14.4);
        assert_eq!(budget.lasts(0.0), None);
        // Forty deaths an hour of 30,000 requests each are no more than the 720,000 that are sent.
        assert_eq!(budget.lost_an_hour(40.0, 30_000.0), 720_000.0);
        assert_eq!(budget.lost_an_hour(4.0, 375.0), 1_500.0);
        let nothing = Budget { slo: 1.0, ..budget };
        assert_eq!((nothing.left(1.0), nothing.burn_rate(0.5)), (None, None));
    }

    #[test]
    fn what_is_spent_stays_spent_whatever_the_rate_is_later() {
        let mut spending = Spending::new(THREE_NINES);
        spending.on_lost(5_184);
        near(spending.spent(), 0.01);
        for rate in [50.0, 400.0, 0.0] {
            spending.on_rate(rate);
            spending.on_lost(5_184);
            near(spending.spent(), 0.01);
        }
        // At 400/s twice as much is allowed; the rate of 0 allows nothing, and nothing new is sent then.
        spending.on_lost(5_184 + 10_368);
        near(spending.spent(), 0.02);
        let nothing = Budget {
            slo: 1.0,
            ..THREE_NINES
        };
        let mut spending = Spending::new(nothing);
        spending.on_lost(1);
        assert_eq!(spending.spent(), None);
    }

    #[test]
    fn the_workbook_s_alerts_spend_the_shares_it_names() {
        for (alert, share) in ALERTS.iter().zip([0.02, 0.05, 0.1]) {
            let lost = THREE_NINES.rate * alert.long_s * (1.0 - THREE_NINES.slo) * alert.burn_rate;
            near(THREE_NINES.left(lost), 1.0 - share);
            near(THREE_NINES.burn_over(lost, alert.long_s), alert.burn_rate);
        }
    }

    #[test]
    fn an_alert_needs_its_short_window_too() {
        // 14.4 over an hour of 720,000 requests, 0.1 % of them allowed: 10,368; over 5 minutes: 864.
        let page = ALERTS[0];
        assert_eq!(page.fired_by(&THREE_NINES, 10_368.0, 60.0), Some(1));
        assert_eq!(page.fired_by(&THREE_NINES, 864.0, 60.0), Some(12));
        assert_eq!(page.fired_by(&THREE_NINES, 863.0, 60.0), None);
        // Spread over ten minutes, half of it is in the short window.
        let short = |lasting| page.burn_in_short(&THREE_NINES, 1_000.0, lasting);
        near(short(600.0), short(300.0).unwrap() / 2.0);
        assert_eq!(page.fired_by(&THREE_NINES, 1_000.0, 600.0), None);
        assert_eq!(page.fired_by(&THREE_NINES, 0.0, 0.0), None);
    }
}
