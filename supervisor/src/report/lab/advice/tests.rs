use super::*;
use crate::experiment::setup::Setting;
use crate::report::lab::changes::Change;
use crate::settings::LabSettings;
use router::clock::Timestamp;
use router::record::Stamp;

/// A session of `words`, in which router-2 was killed once.
fn session(words: &[(&str, &str)]) -> Session {
    let mut settings = LabSettings::default();
    for (key, word) in words {
        settings.set(&format!("--{key}"), key, word).unwrap();
    }
    let balancer = settings.lb.words().into_iter();
    let window = json!({
        "router": "router-2", "fault": Fault::Kill, "stamp": Stamp::Signal, "death_ns": 1_000_000_000_u64,
        "t_detect_s": 7.4, "predicted_t_detect_s": 7.4, "t_stop_s": 7.3, "detected_by": "poll", "saved_by_retry": 0,
        "causes": {}, "lost": {"in_flight": 0, "window": 370, "by_outcome": {"reset": 370}}
    });
    let session = json!({
        "schema": "resetlab.summary.v1",
        "load": {"sent": 4000, "ok": 3630, "lost": 370},
        "windows": [window],
        "lab": {
            "name": "default", "engine": settings.engine.name(), "engine_version": null, "version": "0.1.0",
            "command": "resetlab up", "machine": null, "started_wall": null, "serving_since_ns": 1, "duration_s": 20.0,
            "routers": settings.routers, "rate": settings.rate, "arrivals": "poisson", "slo": 0.999,
            "settings": Setting::all(&settings),
            "balancer": balancer.map(|(key, word)| (key.to_owned(), word)).collect::<std::collections::BTreeMap<_, _>>(),
        }
    });
    serde_json::from_value(session).unwrap()
}

#[test]
fn it_names_the_setting_and_the_commands_that_set_it() {
    let told = advice(&session(&[("routers", "6"), ("out", "lab")]));
    assert!(told[0].starts_with("`detector=sentinel` would"), "{told:?}");
    let how = told
        .iter()
        .find(|sentence| sentence.contains("resetlab set"))
        .unwrap();
    assert_eq!(
        how,
        "The first of these, while a lab runs: `resetlab set detector=sentinel`; from its start: `resetlab up --set \
         routers=6 --set detector=sentinel`."
    );
}

#[test]
fn what_a_real_one_takes_at_its_start_only_is_no_live_order() {
    let told = advice(&session(&[("engine", "haproxy"), ("interval", "2s")]));
    assert!(
        !told.iter().any(|sentence| sentence.contains("resetlab set")),
        "{told:?}"
    );
    let up = told
        .iter()
        .find(|sentence| sentence.contains("resetlab up"))
        .unwrap();
    assert!(
        up.starts_with("The first of these: `resetlab up --engine haproxy --set interval=2s --set "),
        "{up}"
    );
}

#[test]
fn a_few_windows_are_measured_again_with_the_settings_of_the_end() {
    let mut session = session(&[("interval", "2s"), ("metrics", "off")]);
    session.lab.as_mut().unwrap().name = "mine".to_owned();
    session.changes.push(Change {
        at: Timestamp(5),
        key: "fall".to_owned(),
        before: Some("2".to_owned()),
        now: "3".to_owned(),
    });
    let told = advice(&session);
    let run = told.last().unwrap();
    assert!(
        run.starts_with(
            "One death is little to go by: `resetlab run --fault kill --trials 20 --set interval=2s --set fall=3` measures 20"
        ),
        "{run}"
    );
    let how = told.iter().find(|sentence| sentence.contains(" set ")).unwrap();
    assert!(how.contains("`resetlab --lab mine set "), "{how}");
    session.windows = vec![session.windows[0].clone(); FEW];
    assert!(!advice(&session).last().unwrap().contains("resetlab run"));
    session.windows.clear();
    assert_eq!(
        advice(&session),
        ["`resetlab --lab mine kill router-2`, while a lab runs, shows a window."]
    );
}
