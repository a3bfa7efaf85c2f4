//! PURE: figures as data, and what draws them.
//!
//! SVG of our own rather than a plotting crate's: the picture that matters, truth over belief with the gap hatched, is in
//! none of them; and these follow the page's colours in light, dark and print because they are classes, not values.

mod axis;
mod bars;
mod dots;
mod ecdf;
mod heat_map;
mod label;
pub(super) mod scale;
pub mod svg;
mod texture;
mod timeline;

use serde::Serialize;
use svg::Sheet;

/// Everything that is drawn. One more kind of figure is one more variant and one more [`Draw`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its anchor, and what its file would be called.
    pub id: String,
    /// A sentence below it that says what is to be seen, with n.
    pub caption: String,
    /// What it shows, for who cannot see it.
    pub alt: String,
    pub picture: Picture,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "picture", rename_all = "snake_case")]
pub enum Picture {
    Timeline(Timeline),
    Ecdf(Ecdf),
    Dots(Dots),
    Bars(Bars),
    HeatMap(HeatMap),
}

/// Draws itself as one `<svg>` element with a viewBox, styled by classes only.
pub trait Draw {
    /// Fills a sheet of a given width and says how high it has become.
    fn draw(&self, sheet: &mut Sheet);
}

impl Figure {
    /// For a column so many CSS pixels wide, at which its text has 12. No two of a page may have the same `key`.
    pub fn svg(&self, key: &str, width: f64) -> String {
        let mut sheet = Sheet::new(key, width);
        match &self.picture {
            Picture::Timeline(timeline) => timeline.draw(&mut sheet),
            Picture::Ecdf(ecdf) => ecdf.draw(&mut sheet),
            Picture::Dots(dots) => dots.draw(&mut sheet),
            Picture::Bars(bars) => bars.draw(&mut sheet),
            Picture::HeatMap(map) => map.draw(&mut sheet),
        }
        sheet.finish_for(width, &self.alt, &self.caption)
    }
}

/// One trial: truth above belief, checks as ticks, lost requests below. Times in seconds from the fault.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Timeline {
    pub from: f64,
    pub to: f64,
    pub lanes: Vec<Lane>,
    /// Requests that ended otherwise than `ok`, by 100 ms of their intended times: start, outcome, count.
    pub lost: Vec<(f64, String, u64)>,
    /// Moments with names: `death`, `t_detect`, `t_stop`, `predicted`.
    pub marks: Vec<Mark>,
}

impl Timeline {
    /// How long a gap of a lane lasted; `None`: an edge of the picture cuts it off.
    pub fn length(&self, (from, to, _): &(f64, f64, String)) -> Option<f64> {
        (*from > self.from && *to < self.to).then_some(to - from)
    }
}

/// What a router is before it was started for the first time.
pub const ABSENT: &str = "absent";
/// What a router is before anything is known of it.
pub const UNKNOWN: &str = "unknown";

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lane {
    pub router: String,
    /// What it was, from then on; words of `Truth`, [`ABSENT`] or [`UNKNOWN`].
    pub truth: Vec<(f64, String)>,
    /// What the balancer thought, from then on; words of `Belief`, and an empty one while it had no part in its use.
    /// No step at all: the balancer does not tell.
    pub belief: Vec<(f64, String)>,
    /// Health checks: start, end, result.
    pub checks: Vec<(f64, f64, String)>,
    /// The gap between truth and belief: from, to, and what it is labelled with.
    pub gaps: Vec<(f64, f64, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    pub at: f64,
    pub name: String,
}

/// How many of the trials had happened by then; theory's bounds drawn in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ecdf {
    pub x_label: String,
    /// Each with its values in any order: one series a quantity or an engine.
    pub series: Vec<Series>,
    /// Theory: least, mean, most.
    pub bounds: Option<(f64, Option<f64>, Option<f64>)>,
    /// Half-width of the 95 % band around the first series (Dvoretzky, Kiefer, Wolfowitz); `None`: not drawn.
    pub band: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Series {
    pub name: String,
    pub values: Vec<f64>,
    /// So many more had no value by the end of their trials: the curve ends below all.
    pub never: usize,
}

impl Series {
    /// `n = 20`, `n = 12 of 20`: those with a value.
    pub fn n(&self) -> String {
        let some = self.values.iter().filter(|value| value.is_finite()).count();
        match self.never {
            0 => format!("n = {some}"),
            never => format!("n = {some} of {}", some + never),
        }
    }
}

/// Points over x: residuals over their trials, lost requests over their windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Dots {
    pub x_label: String,
    pub y_label: String,
    pub series: Vec<Points>,
    /// A line to compare with: `y = a + b x`, and its name.
    pub line: Option<(f64, f64, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Points {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// Stacked horizontal bars: a bar with its parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Bars {
    pub x_label: String,
    pub bars: Vec<(String, Vec<(String, f64)>)>,
}

/// A value for each pair: colour and figure in each cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HeatMap {
    pub x_label: String,
    pub y_label: String,
    pub columns: Vec<String>,
    pub rows: Vec<String>,
    /// By row, then column; `None`: not measured.
    pub values: Vec<Vec<Option<f64>>>,
    pub unit: String,
    /// Digits behind the point.
    pub digits: u8,
    /// Row and column of the chosen one.
    pub marked: Option<(usize, usize)>,
    /// Grounds darken towards what is worse.
    pub more_is_better: bool,
}
