//! Pictures of a real lab's page: `scripts/picture` runs it.
//!
//! Starts a lab, kills a router by its button, and takes the page once the window has closed; `--all` takes it before,
//! during and after the window, on a desk and on a phone, light and dark, and the report of a short run as on paper.
#![allow(clippy::unwrap_used, reason = "a script")]

#[path = "../../tests/support/browser.rs"]
mod browser;
#[path = "../../tests/support/lab_page.rs"]
mod lab_page;

use browser::{Browser, Screen};
use clap::Parser;
use lab_page::LabPage;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the picture is of: a window of some seconds, a few of which can be seen before and after it.
const LAB: [&str; 12] = [
    "up",
    "--json",
    "--interval",
    "2s",
    "--timeout",
    "1s",
    "--fall",
    "2",
    "--restart-delay",
    "6s",
    "--rate",
    "200",
];
/// What the report is of.
const RUN: [&str; 10] = [
    "run",
    "--trials",
    "8",
    "--interval",
    "500ms",
    "--timeout",
    "500ms",
    "--fall",
    "2",
    "--out",
];
/// A4 at 96 dots an inch.
const SHEET: (u32, u32) = (794, 1123);
/// What is seen of the time, in milliseconds.
const SPAN: u32 = 30_000;
const BEFORE: u32 = 27_000;

/// The window of the one picture.
const SHARP: Screen = Screen {
    scale: 1.25,
    ..Screen::DESK
};

/// Pictures of a real lab's page
#[derive(Parser)]
struct Args {
    /// The program to take pictures of
    #[arg(long, default_value = "target/release/resetlab")]
    program: PathBuf,
    /// Where the one picture goes
    #[arg(long, default_value = "docs/window.png")]
    out: PathBuf,
    /// All pictures, into that directory
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
}

/// A lab of this script's own; it dies with it.
struct Lab {
    child: Child,
    page: String,
    _place: tempfile::TempDir,
}

fn main() {
    let args = Args::parse();
    let browser = Browser::start().unwrap_or_else(|missing| panic!("{missing}"));
    let lab = Lab::up(&args.program);
    let page = LabPage::open(&browser, &lab.page);
    page.set_screen(SHARP);
    page.eval::<()>(&format!("lab.view.setSpan({SPAN})"));
    page.until("some calm seconds", &format!("lab.history.now > {BEFORE}"));
    let pictures = Pictures {
        page: &page,
        dir: args.all.as_deref(),
    };
    pictures.take("before");
    page.click("[aria-label='kill router-2']");
    page.hover(2.0, 400.0);
    page.until(
        "an open window",
        "[...lab.history.windows.values()].some(it => it.open && it.window > 60)",
    );
    pictures.take("during");
    page.until(
        "the router's return",
        "[...lab.history.windows.values()].every(it => !it.open) \
         && ['truth', 'belief'].every(what => lab.history.routers.get('router-2')[what].at(-1)[what] === 'up')",
    );
    let up: f64 = page.eval("lab.history.now");
    page.until("a calm moment", &format!("lab.history.now > {up} + 1500"));
    pictures.take("after");
    if args.all.is_none() {
        page.set_screen(SHARP);
        page.settle();
        page.screenshot(&args.out, false);
        println!(
            "{} ({} KB)",
            args.out.display(),
            args.out.metadata().unwrap().len() / 1024
        );
    }
    drop(lab);
    if let Some(dir) = &args.all {
        report(&browser, &args.program, dir);
    }
}

struct Pictures<'a> {
    page: &'a LabPage,
    dir: Option<&'a Path>,
}

impl Pictures<'_> {
    /// One of each screen, at the same moment.
    fn take(&self, when: &str) {
        let Some(dir) = self.dir else { return };
        std::fs::create_dir_all(dir).unwrap();
        for (name, screen) in [("desk", Screen::DESK), ("phone", Screen::PHONE)] {
            for (theme, screen) in [("light", screen), ("dark", screen.dark())] {
                self.page.set_screen(screen);
                self.page.settle();
                let file = dir.join(format!("{name}-{theme}-{when}.png"));
                self.page.screenshot(&file, false);
                println!("{}", file.display());
                if screen.phone {
                    self.page
                        .screenshot(&dir.join(format!("{name}-{theme}-{when}-whole.png")), true);
                }
            }
        }
        self.page.set_screen(Screen::DESK);
        // On a phone, a router's buttons come when its lane is tapped; here they are always there.
        self.page.until(
            "the buttons",
            "document.querySelector('[aria-label=\"kill router-2\"]')?.isConnected",
        );
    }
}

/// The report of a short run, as on paper.
fn report(browser: &Browser, program: &Path, dir: &Path) {
    let place = tempfile::Builder::new().prefix("picture").tempdir().unwrap();
    let results = place.path().join("run");
    let ran = command(program)
        .args(RUN)
        .arg(&results)
        .env("XDG_RUNTIME_DIR", place.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(ran.success(), "the run for the report: {ran}");
    let html = results.join("report.html");
    let page = browser.page();
    page.set_screen(Screen {
        width: SHEET.0,
        height: SHEET.1,
        ..Screen::DESK
    });
    page.print_media();
    page.goto(&format!("file://{}", html.canonicalize().unwrap().display()));
    page.settle();
    let high: u32 = page.eval("document.documentElement.scrollHeight");
    for sheet in 0..high.div_ceil(SHEET.1) {
        let file = dir.join(format!("report-{}.png", sheet + 1));
        let top = sheet * SHEET.1;
        page.screenshot_stretch(&file, top, SHEET.1.min(high - top));
        println!("{}", file.display());
    }
}

impl Lab {
    fn up(program: &Path) -> Lab {
        let place = tempfile::Builder::new().prefix("picture").tempdir().unwrap();
        let mut child = command(program)
            .args(LAB)
            .arg("--out")
            .arg(place.path().join("results"))
            .env("XDG_RUNTIME_DIR", place.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut first = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut first).unwrap();
        // Whoever writes into a pipe that nobody reads stands still one day.
        std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
        let up: Value =
            serde_json::from_str(&first).unwrap_or_else(|_| panic!("the lab did not come up: {first}"));
        let page = up["lab"]["page"].as_str().unwrap().to_owned();
        Lab {
            child,
            page,
            _place: place,
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT);
        let _ = self.child.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a script is somebody who types commands"
)]
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    // The page shows how it is called: by its name, as where it is installed.
    let dir = program
        .parent()
        .and_then(|dir| dir.canonicalize().ok())
        .unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = [dir].into_iter().chain(std::env::split_paths(&path));
    command
        .stdin(Stdio::null())
        .env("PATH", std::env::join_paths(dirs).unwrap());
    command
}
