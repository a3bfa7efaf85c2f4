//! PURE: a sheet to draw on. Classes, never colours; what is not finite is not drawn; all text is escaped.

use std::fmt::Write;

/// One `<svg>` while it is being drawn. Units are CSS pixels at the width it is drawn for.
pub struct Sheet {
    /// Before every id in it: two figures of a page must not share patterns.
    key: String,
    pub width: f64,
    pub height: f64,
    patterns: Vec<usize>,
    hatched: bool,
    hushed: bool,
    shapes: String,
    /// Above all shapes: a line never strikes a word out.
    words: String,
}

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    Start,
    Middle,
    End,
}

/// How many textures there are; all that [`Sheet::texture`] is given is taken modulo this.
pub const TEXTURES: usize = 8;

/// The strokes of each texture, in a tile of 6 × 6; the first is plain.
const STROKES: [&str; TEXTURES] = [
    "",
    "M-1 1l2-2M0 6l6-6M5 7l2-2",
    "M3 2v2",
    "M0 3h6",
    "M-1 5l2 2M0 0l6 6M5-1l2 2",
    "M3 0v6",
    "M0 3h6M3 0v6",
    "M1.5 1.5h0.1M4.5 4.5h0.1",
];

impl Sheet {
    pub fn new(key: &str, width: f64) -> Sheet {
        Sheet {
            key: key
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect(),
            width,
            height: 0.0,
            patterns: Vec::new(),
            hatched: false,
            hushed: false,
            shapes: String::new(),
            words: String::new(),
        }
    }

    /// A box; one without an extent is not drawn.
    pub fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.painted(class, "", (x, y), (width, height));
    }

    /// A box in the look of texture `index`.
    pub fn textured(&mut self, index: usize, at: (f64, f64), size: (f64, f64)) {
        let index = index % TEXTURES;
        if !self.patterns.contains(&index) {
            self.patterns.push(index);
        }
        let fill = format!(" fill=\"url(#{}-x{index})\"", self.key);
        self.painted("x", &fill, at, size);
    }

    /// A box of what must not be: a dead router that is believed up.
    pub fn hatched(&mut self, class: &str, at: (f64, f64), size: (f64, f64)) {
        self.hatched = true;
        let fill = format!(" fill=\"url(#{}-hatch)\"", self.key);
        self.painted(class, &fill, at, size);
    }

    /// A box of what is missing, but harms nobody: a value that was not measured.
    pub fn hushed(&mut self, class: &str, at: (f64, f64), size: (f64, f64)) {
        self.hushed = true;
        let fill = format!(" fill=\"url(#{}-hush)\"", self.key);
        self.painted(class, &fill, at, size);
    }

    fn painted(&mut self, class: &str, fill: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        if ![x, y, width, height].iter().all(|v| v.is_finite()) || width <= 0.0 || height <= 0.0 {
            return;
        }
        let (x, y, width, height) = (number(x), number(y), number(width), number(height));
        let _ = writeln!(
            self.shapes,
            "<rect class=\"{class}\"{fill} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        );
    }

    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let mut path = Path::default();
        path.start(from);
        path.line(to);
        self.path(class, &path);
    }

    pub fn path(&mut self, class: &str, path: &Path) {
        if !path.0.is_empty() {
            let _ = writeln!(self.shapes, "<path class=\"{class}\" d=\"{}\"/>", path.0);
        }
    }

    /// One line of text on the base line `y`.
    pub fn text(&mut self, class: &str, hold: Hold, (x, y): (f64, f64), text: &str) {
        if !(x.is_finite() && y.is_finite()) || text.is_empty() {
            return;
        }
        let hold = match hold {
            Hold::Start => "",
            Hold::Middle => " middle",
            Hold::End => " end",
        };
        let (x, y, text) = (number(x), number(y), escape(text));
        let _ = writeln!(
            self.words,
            "<text class=\"{class}{hold}\" x=\"{x}\" y=\"{y}\">{text}</text>"
        );
    }

    /// The whole element, for a column so wide: what has outgrown it keeps its size and is scrolled, so that it can be read.
    pub fn finish_for(self, column: f64, title: &str, description: &str) -> String {
        let outgrown =
            (self.width > column).then(|| format!(" style=\"min-width:{}px\"", number(self.width)));
        self.element(&outgrown.unwrap_or_default(), title, description)
    }

    #[cfg(test)]
    pub fn finish(self, title: &str, description: &str) -> String {
        self.element("", title, description)
    }

    fn element(self, style: &str, title: &str, description: &str) -> String {
        let Sheet {
            key,
            width,
            height,
            patterns,
            hatched,
            hushed,
            shapes,
            words,
        } = self;
        let mut defs = String::new();
        for (used, name) in [(hatched, "hatch"), (hushed, "hush")] {
            if used {
                let _ = write!(
                    defs,
                    "<pattern id=\"{key}-{name}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
                     <rect class=\"{name}-ground\" width=\"6\" height=\"6\"/>\
                     <path class=\"{name}\" d=\"M-1 1l2-2M0 6l6-6M5 7l2-2\"/></pattern>"
                );
            }
        }
        for index in patterns {
            let _ = write!(
                defs,
                "<pattern id=\"{key}-x{index}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
                 <rect class=\"tone x{index}\" width=\"6\" height=\"6\"/>"
            );
            if !STROKES[index].is_empty() {
                let _ = write!(defs, "<path class=\"stroke\" d=\"{}\"/>", STROKES[index]);
            }
            defs.push_str("</pattern>");
        }
        if !defs.is_empty() {
            defs = format!("<defs>{defs}</defs>\n");
        }
        let (width, height) = (number(width), number(height.max(1.0)));
        let (title, description) = (escape(title), escape(description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\"{style} role=\"img\" \
             aria-labelledby=\"{key}-title\" aria-describedby=\"{key}-desc\">\n\
             <title id=\"{key}-title\">{title}</title>\n<desc id=\"{key}-desc\">{description}</desc>\n\
             {defs}{shapes}{words}</svg>\n"
        )
    }
}

/// The `d` of a path. A point that is not finite is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path(String);

impl Path {
    pub fn start(&mut self, (x, y): (f64, f64)) {
        self.push('M', &[x, y]);
    }

    pub fn line(&mut self, (x, y): (f64, f64)) {
        self.push('L', &[x, y]);
    }

    pub fn across(&mut self, x: f64) {
        self.push('H', &[x]);
    }

    pub fn along(&mut self, y: f64) {
        self.push('V', &[y]);
    }

    /// A mark of a fixed shape at a point: `d` in relative commands.
    pub fn mark(&mut self, at: (f64, f64), d: &str) {
        if at.0.is_finite() && at.1.is_finite() {
            self.start(at);
            self.0.push_str(d);
        }
    }

    pub fn close(&mut self) {
        if !self.0.is_empty() {
            self.0.push('Z');
        }
    }

    fn push(&mut self, command: char, numbers: &[f64]) {
        if !numbers.iter().all(|v| v.is_finite()) || (self.0.is_empty() && command != 'M') {
            return;
        }
        self.0.push(command);
        for (index, value) in numbers.iter().enumerate() {
            if index > 0 {
                self.0.push(' ');
            }
            self.0.push_str(&number(*value));
        }
    }
}

/// With as many digits as a printer can show, and no more.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    match text {
        "-0" => "0".to_owned(),
        _ => text.to_owned(),
    }
}

/// Text that is text in XML and in HTML, whatever it is. Control characters, which XML cannot have at all, are
/// replaced by the sign for it.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_not_drawn() {
        let mut sheet = Sheet::new("f", 100.0);
        sheet.rect("a", (f64::NAN, 0.0), (1.0, 1.0));
        sheet.rect("a", (0.0, 0.0), (f64::INFINITY, 1.0));
        sheet.rect("a", (0.0, 0.0), (0.0, 1.0));
        sheet.text("a", Hold::Start, (f64::NAN, 0.0), "x");
        sheet.line("a", (f64::NAN, 0.0), (1.0, 1.0));
        assert_eq!(sheet.shapes + &sheet.words, "");
    }

    #[test]
    fn numbers_have_one_digit_at_most() {
        for (value, text) in [
            (1.0, "1"),
            (1.26, "1.3"),
            (-0.01, "0"),
            (10.0, "10"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn only_textures_in_use_are_defined() {
        let mut sheet = Sheet::new("f", 100.0);
        sheet.textured(9, (0.0, 0.0), (1.0, 1.0));
        let svg = sheet.finish("t", "d");
        assert_eq!(svg.matches("<pattern").count(), 1);
        assert!(svg.contains("id=\"f-x1\"") && svg.contains("url(#f-x1)"), "{svg}");
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escape("<b>\"a\"&'\u{0}"),
            "&lt;b&gt;&quot;a&quot;&amp;&#39;\u{fffd}"
        );
    }
}
