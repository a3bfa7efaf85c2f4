//! Other sites' pages in the same browser cannot read a lab, nor harm it.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/scene.rs"]
mod scene;
mod support;

use scene::browser::Browser;
use scene::browser::site::{Body, Site};
use scene::lab_page::LabPage;
use scene::{Scene, origin, url};
use serde_json::Value;
use support::{Lab, Place, process};

const CALM: &str = "--interval 1s --timeout 500ms --rate 20";

/// What a page elsewhere can try against a lab. `LAB` is the lab's origin, `TOKEN` its token, which it cannot know.
const FORGERY: &str = r#"(async () => {
  const order = JSON.stringify({router: 'router-2', fault: 'kill'});
  const told = async promise => promise.then(async answer => `${answer.type} ${(await answer.text()).length}`, () => 'refused');
  const ask = (path, how) => told(fetch(LAB + path, how));
  const form = (path, name, value, enctype) => new Promise(done => {
    const frame = document.body.appendChild(Object.assign(document.createElement('iframe'), {name: `f${Math.random()}`}));
    const form = document.body.appendChild(Object.assign(document.createElement('form'),
      {method: 'POST', action: LAB + path, enctype, target: frame.name}));
    form.append(Object.assign(document.createElement('textarea'), {name, value}));
    frame.onload = () => done('sent');
    form.submit();
  });
  const element = (name, attributes) => new Promise(done => {
    const it = Object.assign(document.createElement(name), attributes);
    it.onload = () => done('loaded');
    it.onerror = () => done('refused');
    document.body.append(it);
  });
  const stream = () => new Promise(done => {
    const source = new EventSource(LAB + '/v1/live');
    source.addEventListener('hello', () => done('heard'));
    source.onerror = () => { source.close(); done('refused'); };
  });
  return {
    simple: await ask('/v1/fault', {method: 'POST', mode: 'no-cors', body: order}),
    json: await ask('/v1/fault', {method: 'POST', headers: {'content-type': 'application/json'}, body: order}),
    token: await ask('/v1/fault', {method: 'POST', headers: {'content-type': 'application/json', 'x-resetlab-token': TOKEN}, body: order}),
    beacon: navigator.sendBeacon(LAB + '/v1/fault', new Blob([order], {type: 'text/plain'})) ? 'sent' : 'refused',
    plain: await form('/v1/fault', order.slice(0, -1) + ',"a":"', '"}', 'text/plain'),
    encoded: await form('/v1/fault', 'router', 'router-2', 'application/x-www-form-urlencoded'),
    read: await ask('/v1/theory', {}),
    blind: await ask('/v1/theory', {mode: 'no-cors'}),
    image: await element('img', {src: LAB + '/v1/theory'}),
    script: await element('script', {src: LAB + '/main.js'}),
    stream: await stream(),
  };
})()"#;

#[test]
fn a_page_elsewhere_can_neither_order_nor_read() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (lab, page) = scene.up(CALM);
    let url = url(&lab);
    let (lab_origin, token) = url.split_once("/#token=").unwrap();
    // Another port of another loopback address: to a browser, the same machine and another site.
    let other = Site::serve("127.66.0.1", |path| {
        (path == "/").then(|| {
            (
                "text/html",
                Body::Whole(b"<!doctype html><link rel=icon href=data:,>win a prize".into()),
            )
        })
    });
    let forger = scene.browser.page().unjudged();
    forger.goto(&other.url("/"));
    let forgery = FORGERY
        .replace("LAB", &format!("{lab_origin:?}"))
        .replace("TOKEN", &format!("{token:?}"));
    let got: Value = forger.eval(&forgery);
    for what in ["json", "token", "read", "image", "script", "stream", "blind"] {
        assert_eq!(got[what], "refused", "{what}: {got}");
    }
    let orders: Vec<(String, u16)> = forger
        .answers()
        .into_iter()
        .filter(|(asked, _)| asked.starts_with("POST"))
        .collect();
    assert!(orders.len() >= 5, "{orders:?}");
    assert!(
        orders
            .iter()
            .all(|(_, status)| matches!(status, 0 | 403 | 405 | 415)),
        "{orders:?}"
    );
    assert!(
        orders.iter().any(|(_, status)| *status == 403),
        "some of them came as far as the lab: {orders:?}"
    );

    // It cannot show the lab's buttons as its own either.
    let framed: Value = forger.eval(&format!(
        "new Promise(done => {{
           const frame = document.body.appendChild(document.createElement('iframe'));
           frame.onload = () => {{ try {{ done(frame.contentDocument ? 'empty' : 'foreign'); }} catch {{ done('foreign'); }} }};
           frame.src = {lab_origin:?} + '/';
         }})"
    ));
    assert_eq!(framed, "foreign");
    forger.wait_for_complaint("frame-ancestors");
    // What a browser keeps from a page elsewhere the lab has not even answered: it knows whose request it is.
    let goes = format!("setTimeout(() => location.assign({lab_origin:?} + '/v1/theory')); undefined");
    forger.loads_again(|| forger.eval::<()>(&goes));
    let shown: String = forger.eval("document.body.innerText");
    assert!(shown.contains("the request is another site's"), "{shown}");
    unharmed(&lab);
    // The lab's own page may.
    page.to_front();
    page.act("kill router-2");
    page.window("router-2", "true");
}

#[test]
fn a_name_that_somebody_points_at_the_lab_is_not_answered() {
    let place = Place::new();
    let lab = place.lab(CALM);
    let url = url(&lab);
    let (lab_origin, token) = url.split_once("/#token=").unwrap();
    let port = lab_origin.rsplit_once(':').unwrap().1;
    let host = lab_origin
        .trim_start_matches("http://")
        .trim_end_matches(&format!(":{port}"));
    let rules = format!("--host-resolver-rules=MAP evil.test {host}");
    let Some(browser) = Browser::for_test(&[&rules]) else {
        return;
    };
    let page = browser.page().unjudged();
    page.goto(&format!("http://evil.test:{port}/"));
    let shown: String = page.eval("document.body.innerText");
    assert!(
        shown.contains("`resetlab ps` shows it") && !shown.contains("router-1"),
        "{shown}"
    );
    let statuses: Vec<u16> = page.eval(&format!(
        "Promise.all([
           fetch('/v1/theory'), fetch('/v1/live'), fetch('/main.js'),
           fetch('/v1/fault', {{method: 'POST', headers: {{'content-type': 'application/json', 'x-resetlab-token': {token:?}}},
                               body: JSON.stringify({{router: 'router-2', fault: 'kill'}})}}),
         ]).then(all => all.map(answer => answer.status))"
    ));
    assert_eq!(statuses, [403; 4]);
    unharmed(&lab);
}

#[test]
fn without_the_token_a_page_only_looks() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let lab = scene.place.lab(CALM);
    let url = url(&lab);
    let page = LabPage::open(&scene.browser, origin(&url));
    let (buttons, fields): (Vec<bool>, Vec<bool>) = page.eval(
        "[[...lanes.querySelectorAll('button')].filter(it => it.getAttribute('aria-label')?.endsWith('router-1')).map(it => it.disabled),
          [...document.querySelectorAll('#settings input')].map(it => it.disabled)]",
    );
    assert!(
        !buttons.is_empty() && buttons.iter().all(|disabled| *disabled),
        "{buttons:?}"
    );
    assert!(
        !fields.is_empty() && fields.iter().all(|disabled| *disabled),
        "{fields:?}"
    );
    assert!(page.eval::<String>("command.innerText").contains("resetlab ps"));
    let seen: String = page.eval("fetch('/v1/live?wait=false').then(answer => answer.text())");
    let token = url.split_once("#token=").unwrap().1;
    assert!(
        seen.contains("router-1") && !seen.contains(token),
        "looking does not say how to act"
    );
    unharmed(&lab);
}

fn unharmed(lab: &Lab<'_>) {
    let ps = lab.ps();
    for router in ["router-1", "router-2", "router-3", "router-4"] {
        let it = process(&ps, router);
        assert_eq!(
            (&it["truth"], &it["restarts"]),
            (&Value::from("up"), &Value::from(0)),
            "{ps}"
        );
    }
    assert!(!lab.heard.iter().any(|line| line.contains("DEAD")));
}
