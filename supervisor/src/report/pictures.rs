//! Timelines out of the directories that hold their records.

use super::figure::Figure;
use super::records::Records;
use super::timeline::{Moment, scenes};
use std::path::Path;

/// A picture that a report wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Where the records are, below the directory of the report; empty: there.
    pub dir: String,
    /// The figure's.
    pub id: String,
    /// Whose picture it is, in a sentence.
    pub caption: String,
    pub moment: Moment,
}

/// No picture has them, and they are most of a log.
const UNWANTED: &[&str] = &[
    "tick",
    "latencies",
    "attempt",
    "forwarded",
    "unrouted",
    "quiet",
    "readmitted",
];

/// The pictures that can be had, in the order in which they are wanted, and why others cannot. Each log is read once.
pub fn take(dir: &Path, wanted: &[Wanted]) -> (Vec<Figure>, Vec<String>) {
    let mut figures: Vec<Option<Figure>> = vec![None; wanted.len()];
    let mut warnings = Vec::new();
    let mut places: Vec<&str> = wanted.iter().map(|wanted| wanted.dir.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    for place in places {
        let here = || {
            wanted
                .iter()
                .enumerate()
                .filter(|(_, wanted)| wanted.dir == place)
        };
        let moments: Vec<Moment> = here().map(|(_, wanted)| wanted.moment.clone()).collect();
        let mut records = Records::of(&dir.join(place), UNWANTED);
        let scenes = scenes(&moments, records.by_ref());
        let mut cut = 0;
        for ((n, wanted), scene) in here().zip(scenes) {
            // Without a lane there is nothing to see: the log is not there, or another one.
            if scene.timeline.lanes.is_empty() {
                continue;
            }
            match scene.whole {
                true => figures[n] = Some(scene.figure(&wanted.id, &wanted.caption)),
                false => cut += 1,
            }
        }
        let named = |why: String| {
            if place.is_empty() {
                why
            } else {
                format!("{place}/{why}")
            }
        };
        if cut > 0 {
            let why = named("events.ndjson ends before what was measured did: it was cut off".to_owned());
            let what = if cut == 1 { "a picture is" } else { "pictures are" };
            warnings.push(format!("Timelines: {why}, and {what} left out."));
        }
        warnings.extend(
            records
                .warnings
                .into_iter()
                .map(|why| format!("Timelines: {}.", named(why))),
        );
    }
    (figures.into_iter().flatten().collect(), warnings)
}
