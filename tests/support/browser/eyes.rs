//! A person's eyes: on which screen the page is seen, and pictures of it.

use super::{Page, Screen};
use serde_json::{Value, json};
use std::path::Path;

impl Page {
    pub fn set_screen(&self, screen: Screen) {
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": screen.width, "height": screen.height, "deviceScaleFactor": screen.scale, "mobile": screen.phone}),
        );
        self.ask(
            "Emulation.setTouchEmulationEnabled",
            json!({"enabled": screen.phone}),
        );
        let scheme = if screen.dark { "dark" } else { "light" };
        self.emulate("screen", &[("prefers-color-scheme", scheme)]);
    }

    /// As on paper.
    pub fn print_media(&self) {
        self.emulate("print", &[]);
    }

    fn emulate(&self, media: &str, features: &[(&str, &str)]) {
        let features: Vec<Value> = features
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        self.ask(
            "Emulation.setEmulatedMedia",
            json!({"media": media, "features": features}),
        );
    }

    /// Two frames later, everything that was due is drawn.
    pub fn settle(&self) {
        self.eval::<Value>(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))",
        );
    }

    /// A picture of what can be seen; `whole`: of all of it.
    pub fn screenshot(&self, path: &Path, whole: bool) {
        self.capture(path, json!({"format": "png", "captureBeyondViewport": whole}));
    }

    /// A picture of a stretch of it, as wide as the window: from where, and how high.
    pub fn screenshot_stretch(&self, path: &Path, top: u32, height: u32) {
        let width: u32 = self.eval("innerWidth");
        let clip = json!({"x": 0, "y": top, "width": width, "height": height, "scale": 1});
        self.capture(
            path,
            json!({"format": "png", "captureBeyondViewport": true, "clip": clip}),
        );
    }

    fn capture(&self, path: &Path, params: Value) {
        let answer = self.ask("Page.captureScreenshot", params);
        std::fs::write(path, base64(answer["data"].as_str().unwrap())).unwrap();
    }
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text
        .bytes()
        .filter(|c| *c != b'=')
        .map(|c| u32::from(digit(c)))
        .collect();
    let group = |four: &[u32]| {
        let bits = four
            .iter()
            .enumerate()
            .fold(0, |bits, (n, digit)| bits | digit << (18 - 6 * n));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
