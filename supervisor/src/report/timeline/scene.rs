//! PURE: a picture with its words.

use crate::report::figure::{Figure, Picture, Timeline};

/// What is to be seen of a [`Moment`](super::Moment).
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// The events go on until what is shown had been noticed: otherwise they were cut off before, and show another truth.
    pub whole: bool,
    pub timeline: Timeline,
    /// Routers without a lane: more would be too many to read.
    pub hidden: usize,
    /// Requests that the fault cost, where that is known.
    pub cost: Option<u64>,
    /// The balancer tells what it believes.
    pub told: bool,
    /// Its checks are known only from the routers that answered them.
    pub seen_by_routers: bool,
}

impl Scene {
    /// `caption` says whose death it is; what else a reader has to know is added.
    pub fn figure(self, id: &str, caption: &str) -> Figure {
        let mut words = vec![caption.to_owned()];
        if !self.told {
            words.push("The balancer does not tell what it believes.".to_owned());
        }
        if self.seen_by_routers {
            words.push(
                "Checks are those that reached a router: one that is dead or hung tells of none.".to_owned(),
            );
        }
        let lost: u64 = self.timeline.lost.iter().map(|(.., count)| count).sum();
        words.extend(self.cost.and_then(|cost| beside(lost, cost)));
        if self.hidden > 0 {
            let plural = if self.hidden == 1 { " is" } else { "s are" };
            words.push(format!("{} more router{plural} not shown.", self.hidden));
        }
        let gaps = self.timeline.lanes.iter().flat_map(|lane| {
            let told = |gap: &(f64, f64, String)| {
                let lasted = match self.timeline.length(gap) {
                    Some(length) => format!("for {length:.3} s"),
                    None => "for longer than is shown".to_owned(),
                };
                format!(
                    "{} was believed in use and was not fit for it {lasted}",
                    lane.router
                )
            };
            lane.gaps.iter().map(told)
        });
        let gaps: Vec<String> = gaps.collect();
        let alt = format!(
            "Truth above belief of {} routers from {:.1} s to {:.1} s around the fault: {}; {lost} requests lost.",
            self.timeline.lanes.len(),
            self.timeline.from,
            self.timeline.to,
            match gaps.is_empty() {
                true => "no gap between them is known".to_owned(),
                false => gaps.join(", "),
            }
        );
        Figure {
            id: id.to_owned(),
            caption: words.join(" "),
            alt,
            picture: Picture::Timeline(self.timeline),
        }
    }
}

/// Why the picture shows so many lost requests, and the fault cost so many.
fn beside(drawn: u64, cost: u64) -> Option<String> {
    let were = |n: u64| if n == 1 { "was" } else { "were" };
    match drawn.abs_diff(cost) {
        0 => None,
        n if drawn > cost => Some(format!(
            "{n} of the {drawn} lost requests shown {} not lost to this fault.",
            were(n)
        )),
        n => Some(format!(
            "{n} of its lost requests {} due outside the picture.",
            were(n)
        )),
    }
}
