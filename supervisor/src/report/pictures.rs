//! Timelines out of the directories that hold their records.

use super::figure::Figure;
use super::records::Records;
use super::timeline::{Moment, scenes};
use router::record::{Event, Record};
use std::collections::BTreeSet;
use std::path::Path;

const EVENTS: &str = "events.ndjson";
const OUTCOMES: &str = "outcomes.ndjson";

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

/// What logs hold that nobody cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// The end of every process: whoever started them lived to write it.
    pub ended: bool,
    /// So many lost requests; `None`: not known.
    pub lost: Option<u64>,
}

/// What one log has held.
#[derive(Default)]
struct Held {
    running: BTreeSet<String>,
    lost: u64,
}

/// The pictures that can be had, in the order in which they are wanted, and why others cannot, or what logs lack. Each log
/// is read once.
pub fn take(dir: &Path, wanted: &[Wanted], whole: Whole) -> (Vec<Figure>, Vec<String>) {
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
        let mut held = Held::default();
        let scenes = scenes(
            &moments,
            records.by_ref().inspect(|record| held.on_record(record)),
        );
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
        let readable = |name: &str| {
            !records
                .warnings
                .iter()
                .any(|why| why.starts_with(&format!("{name} could")))
        };
        let lacking = held.lacking(whole).into_iter().filter(|(name, _)| readable(name));
        let lacking = lacking.filter(|(name, _)| cut == 0 || *name != EVENTS);
        warnings.extend(lacking.map(|(name, why)| format!("{}: {why}", named(name.to_owned()))));
        warnings.extend(
            records
                .warnings
                .into_iter()
                .map(|why| format!("Timelines: {}.", named(why))),
        );
    }
    (figures.into_iter().flatten().collect(), warnings)
}

impl Held {
    fn on_record(&mut self, record: &Record) {
        match &record.event {
            Event::Spawned { name, .. } => drop(self.running.insert(name.clone())),
            Event::Exited { name, .. } => drop(self.running.remove(name)),
            Event::Outcome { .. } => self.lost += 1,
            _ => {}
        }
    }

    /// Which file was cut, and what that means.
    fn lacking(&self, whole: Whole) -> Vec<(&'static str, String)> {
        let mut lacking = Vec::new();
        if whole.ended && !self.running.is_empty() {
            let running: Vec<&str> = self.running.iter().map(String::as_str).collect();
            lacking.push((
                EVENTS,
                format!(
                    "it ends while {} still ran, and was cut off: what came later is in no picture. All other figures are \
                     those that were measured before.",
                    running.join(", ")
                ),
            ));
        }
        if let Some(lost) = whole.lost.filter(|lost| *lost > self.lost) {
            lacking.push((
                OUTCOMES,
                format!(
                    "it holds {} of {lost} lost requests, and was cut off: pictures may show too few. All other figures \
                     are those that were measured before.",
                    self.lost
                ),
            ));
        }
        lacking
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::clock::Timestamp;
    use router::record::Fault;

    const SPAWNED: &str =
        r#"{"t_ns":1,"from":"supervisor","event":"spawned","name":"router-1","pid":7,"incarnation":1}"#;
    const READY: &str = r#"{"t_ns":2,"from":"router-1","event":"ready","pid":7,"addresses":{}}"#;
    const LATER: &str = r#"{"t_ns":900000000000,"from":"supervisor","event":"note","text":"later"}"#;
    const EXITED: &str = r#"{"t_ns":900000000001,"from":"supervisor","event":"exited","name":"router-1","pid":7,"incarnation":1,"code":0,"signal":null,"uptime_s":1.0,"words":"exited 0"}"#;
    const OUTCOME: &str = r#"{"t_ns":3,"from":"load","event":"outcome","request":1,"intended_ns":1,"sent_ns":1,"outcome":"reset"}"#;

    fn warned(events: &[&str], outcomes: usize, whole: Whole) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let log = |schema: &str, lines: &[&str]| {
            format!("{{\"schema\":\"resetlab.{schema}.v1\"}}\n{}\n", lines.join("\n"))
        };
        std::fs::write(dir.path().join(EVENTS), log("events", events)).unwrap();
        std::fs::write(
            dir.path().join(OUTCOMES),
            log("outcomes", &vec![OUTCOME; outcomes]),
        )
        .unwrap();
        let wanted = Wanted {
            dir: String::new(),
            id: "typical".to_owned(),
            caption: "A trial.".to_owned(),
            moment: Moment {
                at: Timestamp(5_000_000_000),
                fault: Fault::Kill,
                victims: Vec::new(),
                interval: std::time::Duration::from_secs(1),
                t_detect_s: Some(1.0),
                predicted_t_detect_s: None,
                t_stop_s: None,
                t_clear_s: None,
            },
        };
        let (figures, warnings) = take(dir.path(), &[wanted], whole);
        assert_eq!(figures.len(), 1, "the picture is whole");
        warnings
    }

    #[test]
    fn a_log_that_was_cut_after_what_is_pictured_is_told_of() {
        let whole = Whole {
            ended: true,
            lost: Some(3),
        };
        let all = [SPAWNED, READY, LATER, EXITED];
        assert_eq!(warned(&all, 3, whole), Vec::<String>::new());
        let cut = warned(&all[..3], 3, whole);
        assert_eq!(cut.len(), 1, "{cut:?}");
        assert!(
            cut[0].starts_with("events.ndjson: it ends while router-1 still ran, and was cut off"),
            "{cut:?}"
        );
        let fewer = warned(&all, 2, whole);
        assert!(
            fewer[0].starts_with("outcomes.ndjson: it holds 2 of 3 lost requests"),
            "{fewer:?}"
        );
        assert_eq!(
            warned(&all[..3], 2, Whole::default()),
            Vec::<String>::new(),
            "nobody ended it"
        );
    }
}
