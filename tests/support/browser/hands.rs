//! A person's hands: what is pressed goes through the browser's own input, so that what is covered or disabled cannot be.

use super::Page;
use serde_json::json;

impl Page {
    /// Presses the middle of the first element that fits.
    pub fn click(&self, selector: &str) {
        let (x, y) = self.middle(selector);
        self.mouse("mouseMoved", x, y, 0);
        self.mouse("mousePressed", x, y, 1);
        self.mouse("mouseReleased", x, y, 1);
    }

    pub fn hover(&self, x: f64, y: f64) {
        self.mouse("mouseMoved", x, y, 0);
    }

    /// From one point to another with the button held.
    pub fn drag(&self, from: (f64, f64), to: (f64, f64), steps: u32) {
        self.mouse("mouseMoved", from.0, from.1, 0);
        self.mouse("mousePressed", from.0, from.1, 1);
        for step in 1..=steps {
            let share = f64::from(step) / f64::from(steps);
            let between = |a: f64, b: f64| a + (b - a) * share;
            self.mouse("mouseMoved", between(from.0, to.0), between(from.1, to.1), 1);
        }
        self.mouse("mouseReleased", to.0, to.1, 1);
    }

    /// Replaces what is in a field and leaves it with Enter.
    pub fn type_into(&self, selector: &str, text: &str) {
        self.click(selector);
        self.eval::<()>(&format!("document.querySelector({}).select()", json!(selector)));
        self.ask("Input.insertText", json!({"text": text}));
        self.press("Enter");
    }

    /// `Tab`, `Enter`, `Escape`, ` `, or a letter.
    pub fn press(&self, key: &str) {
        let (code, number, text) = match key {
            "Tab" => ("Tab".to_owned(), 9, ""),
            "Enter" => ("Enter".to_owned(), 13, "\r"),
            "Escape" => ("Escape".to_owned(), 27, ""),
            " " => ("Space".to_owned(), 32, " "),
            "ArrowLeft" => (key.to_owned(), 37, ""),
            "ArrowUp" => (key.to_owned(), 38, ""),
            "ArrowRight" => (key.to_owned(), 39, ""),
            "ArrowDown" => (key.to_owned(), 40, ""),
            letter => {
                let upper = letter.to_uppercase();
                (format!("Key{upper}"), u32::from(upper.as_bytes()[0]), letter)
            }
        };
        let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        for kind in [down, "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number});
            if kind == "keyDown" {
                event["text"] = text.into();
            }
            self.ask("Input.dispatchKeyEvent", event);
        }
    }

    /// Presses Tab until the element has the focus; whether it came to that within so many.
    pub fn tab_to(&self, selector: &str, most: u32) -> bool {
        let there = format!("document.activeElement.matches({})", json!(selector));
        (0..most).any(|_| {
            self.press("Tab");
            self.eval::<bool>(&there)
        })
    }

    /// Where the first element that fits is, brought into view; nothing else may lie over it.
    pub fn middle(&self, selector: &str) -> (f64, f64) {
        let js = format!(
            "(() => {{
               const all = [...document.querySelectorAll({selector})];
               const it = all.find(each => each.getClientRects().length);
               if (!it) throw new Error(all.length ? 'it is not shown' : 'there is none');
               it.scrollIntoView({{block: 'nearest', inline: 'nearest', behavior: 'instant'}});
               const box = it.getBoundingClientRect();
               const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
               const top = document.elementFromPoint(x, y);
               if (!top || !(it.contains(top) || top.contains(it) || top.closest('label')?.control === it))
                 throw new Error('covered by ' + (top ? top.outerHTML.slice(0, 200) : 'nothing: it is outside of the window'));
               return [x, y];
             }})()",
            selector = json!(selector)
        );
        self.eval(&js)
    }

    fn mouse(&self, kind: &str, x: f64, y: f64, buttons: u32) {
        let button = if kind == "mouseMoved" && buttons == 0 {
            "none"
        } else {
            "left"
        };
        let clicks = u32::from(kind != "mouseMoved");
        self.ask(
            "Input.dispatchMouseEvent",
            json!({"type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": clicks}),
        );
    }
}
