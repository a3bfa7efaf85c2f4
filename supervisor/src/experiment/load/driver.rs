//! The runtime thread: takes due requests from the pacer, sends them, reports.

use super::arrivals::Schedule;
use super::client::{Client, Shape, Trace};
use super::pacer::{Due, Pace};
use super::punctual::make_punctual;
use super::tally::{End, Tally};
use super::{Args, Connection, Method, expected_rate, valid_rate};
use router::clock;
use router::record::{Event, Outcome};
use router::worker::{Events, Worker, answer_control, bind_control};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// How often counts are reported.
const TICK: Duration = Duration::from_millis(100);

/// Runs the client until it is told to stop and nothing is in flight; then prints its totals on stdout.
pub fn drive(args: &Args, worker: &Worker) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    let summary = local.block_on(&runtime, serve(args, worker))?;
    println!("{summary}");
    Ok(())
}

/// What the tasks of the client share.
struct Load {
    client: Client,
    tally: RefCell<Tally>,
    events: Events,
    client_timeout: Duration,
    realtime: bool,
    /// A request ended.
    ended: Notify,
}

pub(super) async fn serve(args: &Args, worker: &Worker) -> std::io::Result<Value> {
    let terminated = worker.terminated()?;
    let realtime = make_punctual(args.realtime);
    let stop = Rc::new(Notify::new());
    let load = Rc::new(Load {
        client: Client::new(args.target, &shape(args)),
        tally: RefCell::default(),
        events: worker.events.clone(),
        client_timeout: args.client_timeout,
        realtime,
        ended: Notify::new(),
    });
    let (pace, mut due) = Pace::start(
        Schedule::new(args.arrivals, args.seed),
        args.rate,
        args.first_request,
        args.realtime,
    )?;
    let mut addresses = BTreeMap::new();
    if let Some(path) = &worker.control {
        let (load, pace, stop) = (load.clone(), pace.clone(), stop.clone());
        let listener = bind_control(path)?;
        let control = answer_control(listener, move |request| answer(&request, &load, &pace, &stop));
        tokio::task::spawn_local(async move {
            if let Err(error) = control.await {
                eprintln!("load: control socket: {error}");
            }
        });
        addresses.insert("control".to_owned(), path.display().to_string());
    }
    worker.events.emit(Event::Ready {
        pid: std::process::id(),
        addresses,
    });
    let ticking = load.clone();
    let ticker = tokio::task::spawn_local(async move {
        let mut next = clock::now() + TICK;
        loop {
            clock::until(next).await;
            ticking.tick();
            next = next + TICK;
        }
    });
    let stopping = pace.clone();
    tokio::task::spawn_local(async move {
        tokio::select! {
            () = terminated => {}
            () = stop.notified() => {}
        }
        stopping.stop();
    });
    // Ends when the pacer has stopped and all it handed over was taken.
    while let Some(request) = due.recv().await {
        load.tally.borrow_mut().begin();
        tokio::task::spawn_local(load.clone().request(request));
    }
    while load.tally.borrow().in_flight() > 0 {
        load.ended.notified().await;
    }
    ticker.abort();
    load.tick();
    Ok(load.summary())
}

impl Load {
    async fn request(self: Rc<Load>, due: Due) {
        let mut trace = Trace::default();
        let deadline = due.intended + self.client_timeout;
        let answer = tokio::select! {
            biased;
            answer = self.client.request(due.id, &mut trace) => Some(answer),
            () = clock::until(deadline) => None,
        };
        let ended = clock::now();
        let (outcome, status, router, unsendable) = match answer {
            None => (Outcome::Timeout, None, None, false),
            Some(answer) => (answer.outcome, answer.status, answer.router, answer.unsendable),
        };
        let mut tally = self.tally.borrow_mut();
        if unsendable {
            tally.count_unsendable();
        }
        tally.end(End {
            intended: due.intended,
            sent: trace.sent,
            ended,
            outcome,
        });
        if tally.in_flight() == 0 {
            self.ended.notify_one();
        }
        if outcome != Outcome::Ok {
            let (request, intended_ns) = (due.id, due.intended);
            let event = Event::Outcome {
                request,
                intended_ns,
                sent_ns: trace.sent,
                outcome,
                status,
                router,
                port: trace.port,
            };
            self.events.emit_at(ended, event);
        }
    }

    fn summary(&self) -> Value {
        let mut summary = self.tally.borrow().summary();
        summary["realtime"] = json!(self.realtime);
        summary
    }

    fn tick(&self) {
        for event in self.tally.borrow_mut().tick() {
            self.events.emit(event);
        }
    }
}

/// Answers the control socket.
fn answer(request: &Value, load: &Load, pace: &Pace, stop: &Notify) -> Result<Value, String> {
    match request["cmd"].as_str() {
        Some("show") => {
            let mut summary = load.summary();
            summary["rate"] = json!(pace.rate());
            Ok(summary)
        }
        Some("stop") => {
            stop.notify_one();
            Ok(json!({ "stopping": true, "in_flight": load.tally.borrow().in_flight() }))
        }
        Some("set") => {
            let settings = request["settings"]
                .as_object()
                .ok_or("set: expected \"settings\": {\"rate\": 300}")?;
            if let Some(unknown) = settings.keys().find(|key| *key != "rate") {
                return Err(format!("unknown setting {unknown}; load knows: rate"));
            }
            let wanted = settings.get("rate").ok_or("set: expected \"rate\"")?;
            let rate = wanted
                .as_f64()
                .filter(valid_rate)
                .ok_or_else(|| expected_rate(wanted))?;
            pace.set_rate(rate);
            Ok(json!({ "settings": { "rate": rate } }))
        }
        _ => Err("expected \"cmd\": \"show\", \"set\" or \"stop\"".to_owned()),
    }
}

fn shape(args: &Args) -> Shape {
    Shape {
        host: args.host.clone(),
        path: args.path.clone(),
        body: (args.method == Method::Post).then_some(args.body_bytes as usize),
        keep_alive: args.connection == Connection::KeepAlive,
        max_connections: args.max_connections as usize,
    }
}
