//! The page on a desk and on a phone, in light and dark: nothing is cut off, nothing is too faint, everything has a name.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/scene.rs"]
mod scene;
mod support;

use scene::browser::Screen;
use scene::{FAST, Scene};
use serde_json::{Value, json};

/// WCAG 2.1 contrast of each text that is seen, against what lies behind it: those below 4.5, or below 3 where the text
/// is large. What is disabled does not count.
const FAINT: &str = r#"(() => {
  const parse = colour => (colour.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const srgb = colour => {
    const canvas = (srgb.canvas ??= new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true}));
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
  const behind = element => {
    const layers = [];
    for (let it = element; it; it = it.parentElement) layers.push(srgb(getComputedStyle(it).backgroundColor));
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    return layers.reverse().reduce((below, layer) => over(layer, below), dark ? [18, 18, 18] : [255, 255, 255]);
  };
  const light = rgb => rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const faint = [];
  let looked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    const box = element.getBoundingClientRect();
    if (!text || box.width < 2 || box.height < 2 || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (element.closest(':disabled, [aria-disabled=true], script, noscript, .unseen, .skip')) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const fill = element.namespaceURI.endsWith('svg') ? style.fill : style.color;
    const ink = over(srgb(fill), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    looked++;
    if (ratio < (large ? 3 : 4.5)) faint.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)} (${fill} on ${ground.map(Math.round)})`);
  }
  return [looked, faint];
})()"#;

/// What is to be touched and is lower than a finger needs.
const LOW: &str = "(() => {
  const all = [...document.querySelectorAll('button, input, select, summary')].filter(it => it.checkVisibility());
  const low = all.filter(it => it.getBoundingClientRect().height < 40);
  return [all.length, low.map(it => `${it.getAttribute('aria-label') ?? (it.textContent.slice(0, 30) || it.id)}: ${it.getBoundingClientRect().height}`)];
})()";

#[test]
fn everything_fits_and_can_be_read_on_a_desk_and_on_a_phone() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (lab, page) = scene.up(FAST);
    lab.wait_for_check("router-2");
    page.act("kill router-2");
    page.window("router-2", "!it.open");
    for screen in [
        Screen::DESK,
        Screen::DESK.dark(),
        Screen::PHONE,
        Screen::PHONE.dark(),
    ] {
        page.set_screen(screen);
        page.until("the width", &format!("innerWidth === {}", screen.width));
        page.until(
            "the theme",
            &format!(
                "document.documentElement.dataset.theme === '{}'",
                if screen.dark { "dark" } else { "light" }
            ),
        );
        page.settle();
        let (wide, high, width, height): (u32, u32, u32, u32) = page.eval(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight, innerWidth, innerHeight]",
        );
        assert!(
            wide <= width && width == screen.width,
            "{screen:?}: {wide} px wide in {width}"
        );
        assert!(
            screen.phone || high <= height,
            "{screen:?}: {high} px high in {height}"
        );
        let (looked, faint): (u32, Vec<String>) = page.eval(FAINT);
        assert!(looked > 50, "{looked} texts");
        assert!(faint.is_empty(), "{screen:?}: too faint: {faint:#?}");
        if screen.phone {
            page.eval::<()>("lab.view.select('router-1')");
            page.until(
                "its buttons",
                "lanes.querySelector('[aria-label=\"kill router-1\"]') !== null",
            );
            let (looked, low): (u32, Vec<String>) = page.eval(LOW);
            assert!(looked > 20, "{looked} to press");
            assert!(low.is_empty(), "{screen:?}: too low for a finger: {low:#?}");
        }
    }
}

#[test]
fn whatever_can_be_pressed_or_filled_has_a_name() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (_lab, page) = scene.up(FAST);
    page.until(
        "an event",
        "log.querySelectorAll('li').length > 0 || lab.history.now > 3000",
    );
    page.ask("Accessibility.enable", json!({}));
    let tree = page.ask("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().unwrap();
    let roles = [
        "button",
        "textbox",
        "combobox",
        "slider",
        "checkbox",
        "searchbox",
        "spinbutton",
        "link",
        "image",
        "radio",
        "img",
    ];
    let ours = nodes.iter().filter(|node| node["ignored"] == false);
    let ours: Vec<&Value> = ours
        .filter(|node| roles.iter().any(|role| node["role"]["value"] == *role))
        .collect();
    assert!(ours.len() > 30, "{} things", ours.len());
    let named = |node: &&Value| {
        node["name"]["value"]
            .as_str()
            .is_some_and(|name| !name.trim().is_empty())
    };
    let nameless: Vec<&&Value> = ours.iter().filter(|node| !named(node)).collect();
    assert!(nameless.is_empty(), "without a name: {nameless:#?}");
    // Names are not twins: each of them says which router it is about.
    let mut kills: Vec<&str> = ours
        .iter()
        .filter_map(|node| node["name"]["value"].as_str())
        .filter(|name| name.starts_with("kill "))
        .collect();
    kills.sort_unstable();
    assert_eq!(
        kills,
        ["kill router-1", "kill router-2", "kill router-3", "kill router-4"]
    );
}
