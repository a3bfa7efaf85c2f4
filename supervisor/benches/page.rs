//! Is the page smooth? An hour of 50 routers in real headless Chromium: frame times while it moves, is zoomed and is
//! pointed at; how long it takes to have the hour, and what it holds then. `scripts/bench-page` runs it.
//!
//! The page's own files are served beside a stream of events made by `supervisor/page/tests/lab.js`, which has the
//! history at once and goes on with a frame every 100 ms, as a lab does.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

#[path = "../../tests/support/browser.rs"]
mod browser;

use browser::site::{Answer, Body, Site, file_below};
use browser::{Browser, Page, Screen};
use clap::Parser;
use serde::Deserialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const LIVE_EVERY: Duration = Duration::from_millis(100);
/// As many as the lab puts into one event.
const BATCH: usize = 256;
const LONG: Duration = Duration::from_secs(120);

/// Frame times of the page in headless Chromium
#[derive(Parser)]
struct Args {
    #[arg(long, default_value = "50")]
    routers: u32,
    /// Seconds of history
    #[arg(long, default_value = "3600")]
    seconds: u32,
    /// Requests a second
    #[arg(long, default_value = "500")]
    rate: u32,
    /// Seconds that each row is watched for
    #[arg(long, default_value = "10")]
    watch: u32,
    /// Given by Cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The lab that never was, as lines of JSON: the `hello`, what was, what comes.
struct Tale {
    hello: String,
    past: Vec<String>,
    next: Vec<String>,
}

/// Times between frames, ms, and how busy the page's thread was.
struct Watched {
    intervals: Vec<f64>,
    long_tasks: Vec<f64>,
    busy: f64,
}

fn main() {
    let args = Args::parse();
    let browser = Browser::start().unwrap_or_else(|missing| panic!("{missing}"));
    let tale = Arc::new(tell(&browser, &args));
    let events = tale.past.len();
    let site = Site::serve("127.0.0.1", move |path| answer(path, &tale));
    let page = browser.page();
    page.ask("Performance.enable", serde_json::json!({}));
    println!(
        "{} routers, {} s of history in {events} frames, {} requests/s; 1280×800",
        args.routers, args.seconds, args.rate
    );
    let loaded = load(&page, &site, events);
    let (heap, arrays) = memory_mb(&page);
    println!("history drawn {loaded:.0} ms after navigation; heap {heap:.1} MB, arrays {arrays:.1} MB");
    println!(
        "\n{:<34} {:>6} {:>8} {:>8} {:>8} {:>11} {:>6}",
        "", "n", "median", "p95", "max", "long tasks", "busy"
    );
    let watch = f64::from(args.watch) * 1000.0;
    let row = |name: &str, act: &dyn Fn()| println!("{}", watched(&page, watch, act).row(name));
    row("live, the last minute", &|| {});
    row("live, pointed at", &|| point(&page, watch));
    row("zoomed by dragging, and back", &|| zoom(&page, watch));
    span(&page, args.seconds);
    row("live, the whole hour", &|| {});
    row("the whole hour, pointed at", &|| point(&page, watch));
    row("the whole hour, zoomed and back", &|| zoom(&page, watch));
    page.set_screen(Screen::PHONE);
    row("live, the whole hour, on a phone", &|| {});
    println!(
        "\nms between frames of the screen; long tasks are of 50 ms and more: n (longest); busy: share of the page's thread"
    );
}

fn page_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("page")
}

/// Has the browser make it, since that is where the maker runs.
fn tell(browser: &Browser, args: &Args) -> Tale {
    let site = Site::serve("127.0.0.1", |path| match path {
        "/" => Some((
            "text/html",
            Body::Whole(b"<!doctype html><link rel=icon href=data:,>".into()),
        )),
        _ => file_below(&page_dir(), path),
    });
    let page = browser.page();
    page.goto(&site.url("/"));
    let more = 120 + 8 * args.watch;
    let lines: String = page.eval(&format!(
        "import('/tests/lab.js').then(({{ lab }}) => {{
           const lines = [];
           for (const each of lab({{ routers: {}, seconds: {}, rate: {}, seed: 1 }})) lines.push(JSON.stringify(each));
           return lines.join('\\n');
         }})",
        args.routers,
        args.seconds + more,
        args.rate
    ));
    let mut lines = lines.lines().map(str::to_owned);
    let mut hello: serde_json::Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let events = args.seconds as usize * 10;
    hello["now"] = (events * 100).into();
    hello["next_seq"] = events.into();
    Tale {
        hello: hello.to_string(),
        past: lines.by_ref().take(events).collect(),
        next: lines.collect(),
    }
}

fn answer(path: &str, tale: &Arc<Tale>) -> Answer {
    match path {
        "/" => file_below(&page_dir(), "index.html"),
        "/v1/live" => {
            let tale = Arc::clone(tale);
            Some((
                "text/event-stream",
                Body::Stream(Box::new(move |to| tale.stream(to))),
            ))
        }
        "/v1/theory" => {
            let hello: serde_json::Value = serde_json::from_str(&tale.hello).unwrap();
            let theory = hello["base"]["theory"].to_string();
            Some(("application/json", Body::Whole(theory.into_bytes())))
        }
        _ => file_below(&page_dir(), path),
    }
}

impl Tale {
    fn stream(&self, to: &mut dyn Write) -> std::io::Result<()> {
        write!(to, "event: hello\ndata: {}\n\n", self.hello)?;
        for (n, batch) in self.past.chunks(BATCH).enumerate() {
            let last = n * BATCH + batch.len() - 1;
            write!(to, "event: frames\nid: {last}\ndata: [{}]\n\n", batch.join(","))?;
        }
        to.flush()?;
        let began = router::clock::now();
        for (n, frame) in self.next.iter().enumerate() {
            let due = began + LIVE_EVERY * (n as u32 + 1);
            std::thread::park_timeout(due.since(router::clock::now()));
            write!(
                to,
                "event: frames\nid: {}\ndata: [{frame}]\n\n",
                self.past.len() + n
            )?;
        }
        Ok(())
    }
}

/// Milliseconds from navigation until the history is there and two frames have been drawn since.
fn load(page: &Page, site: &Site, events: usize) -> f64 {
    page.goto(&site.url("/"));
    page.eval::<()>("import('/main.js').then(({ history }) => { window.bench = { history }; })");
    page.wait_for::<bool>("the history", &format!("bench.history.next >= {events}"), LONG);
    page.eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))")
}

/// Objects, and the arrays of numbers that the history is kept in.
fn memory_mb(page: &Page) -> (f64, f64) {
    page.ask("HeapProfiler.collectGarbage", serde_json::json!({}));
    let heap = page.ask("Runtime.getHeapUsage", serde_json::json!({}));
    let mb = |key: &str| heap[key].as_f64().map_or(f64::NAN, |bytes| bytes / 1e6);
    (mb("usedSize"), mb("backingStorageSize"))
}

fn metric(page: &Page, name: &str) -> f64 {
    let answer = page.ask("Performance.getMetrics", serde_json::json!({}));
    let metrics = answer["metrics"].as_array().unwrap();
    let found = metrics.iter().find(|metric| metric["name"] == name);
    found.unwrap()["value"].as_f64().unwrap()
}

/// What the page's thread does for so many milliseconds while somebody acts.
fn watched(page: &Page, ms: f64, act: &dyn Fn()) -> Watched {
    #[derive(Deserialize)]
    struct Seen {
        intervals: Vec<f64>,
        tasks: Vec<f64>,
        took: f64,
    }
    page.eval::<()>(&format!(
        "(() => {{
           const seen = {{ intervals: [], tasks: [], took: 0 }};
           const observer = new PerformanceObserver(list => seen.tasks.push(...list.getEntries().map(entry => entry.duration)));
           observer.observe({{ type: 'longtask' }});
           let began, last;
           bench.seen = new Promise(done => {{
             const frame = now => {{
               if (last === undefined) began = now; else seen.intervals.push(now - last);
               last = now;
               if (now - began < {ms}) return requestAnimationFrame(frame);
               observer.disconnect();
               seen.took = now - began;
               done(seen);
             }};
             requestAnimationFrame(frame);
           }});
         }})()"
    ));
    let busy = metric(page, "TaskDuration");
    act();
    let seen: Seen = page.eval("bench.seen");
    Watched {
        busy: (metric(page, "TaskDuration") - busy) * 1000.0 / seen.took,
        intervals: seen.intervals,
        long_tasks: seen.tasks,
    }
}

impl Watched {
    fn row(mut self, name: &str) -> String {
        self.intervals.sort_by(f64::total_cmp);
        let n = self.intervals.len();
        let at = |share: f64| self.intervals[((n as f64 * share).ceil() as usize).clamp(1, n) - 1];
        let longest = self.long_tasks.iter().copied().fold(0.0, f64::max);
        let long = format!("{} ({longest:.0})", self.long_tasks.len());
        format!(
            "{name:<34} {n:>6} {:>8.1} {:>8.1} {:>8.1} {long:>11} {:>5.0}%",
            at(0.5),
            at(0.95),
            at(1.0),
            self.busy * 100.0
        )
    }
}

/// Until about then, the pointer goes to and fro over the lanes.
fn point(page: &Page, ms: f64) {
    let (left, top, width, height) = lanes(page);
    let end = router::clock::now() + Duration::from_secs_f64(ms * 0.9 / 1000.0);
    for step in 0.. {
        if router::clock::now() >= end {
            break;
        }
        let turn = f64::from(step % 200) / 100.0;
        let share = if turn < 1.0 { turn } else { 2.0 - turn };
        page.hover(
            left + width * (0.05 + 0.9 * share),
            top + height * (0.2 + 0.6 * share),
        );
    }
    page.hover(1.0, 1.0);
}

fn zoom(page: &Page, ms: f64) {
    let (left, top, width, height) = lanes(page);
    let end = router::clock::now() + Duration::from_secs_f64(ms * 0.9 / 1000.0);
    let y = top + height / 2.0;
    while router::clock::now() < end {
        page.drag((left + width * 0.3, y), (left + width * 0.7, y), 30);
        page.press("b");
    }
}

/// Where the lanes' moving part is: left, top, width, height.
fn lanes(page: &Page) -> (f64, f64, f64, f64) {
    page.eval(
        "(() => { const canvas = document.querySelector('#lanes canvas') ?? document.querySelector('#lanes svg') ?? lanes;
           const { left, top, width, height } = canvas.getBoundingClientRect(); return [left, top, width, Math.min(height, innerHeight - top)]; })()",
    )
}

fn span(page: &Page, seconds: u32) {
    page.eval::<()>(&format!(
        "import('/main.js').then(({{ view }}) => view.setSpan({seconds} * 1000))"
    ));
}
