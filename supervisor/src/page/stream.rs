//! A reader of the feed: server-sent events, made when its socket takes more.

use super::feed::{Feed, Next, event};
use bytes::Bytes;
use hyper::body::Frame;
use router::clock;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::watch;

/// It has a cursor into the ring and no queue: one that takes nothing costs nothing, and hears of a gap when the ring
/// has left it behind.
pub(super) struct Reader {
    feed: Arc<Feed>,
    cursor: u64,
    step: Step,
    news: Pin<Box<dyn Future<Output = News> + Send>>,
    /// More is waited for.
    waits: bool,
}

enum Step {
    Hello,
    Frames,
    Over,
}

enum News {
    Some(watch::Receiver<()>),
    /// Nothing for so long that it might think the lab has gone.
    Silence(watch::Receiver<()>),
}

const KEEP_ALIVE: Duration = Duration::from_secs(10);

impl Reader {
    /// One that has heard `after` last.
    pub fn new(feed: Arc<Feed>, after: Option<&str>) -> Reader {
        Reader {
            cursor: feed.cursor(after).unwrap_or_else(|| feed.first()),
            news: Box::pin(wait(feed.news())),
            step: Step::Hello,
            feed,
            waits: true,
        }
    }

    /// One that gets what there is and goes; it was greeted when it came first.
    pub fn of_the_past(feed: Arc<Feed>, after: Option<&str>) -> Reader {
        feed.asked(clock::now());
        let known = feed.cursor(after);
        Reader {
            cursor: known.unwrap_or_else(|| feed.first()),
            news: Box::pin(std::future::pending()),
            step: known.map_or(Step::Hello, |_| Step::Frames),
            feed,
            waits: false,
        }
    }
}

async fn wait(mut news: watch::Receiver<()>) -> News {
    let silent = clock::now() + KEEP_ALIVE;
    tokio::select! {
        changed = news.changed() => match changed {
            Ok(()) => News::Some(news),
            // The feed is as long as its readers: cannot be.
            Err(_) => std::future::pending().await,
        },
        () = clock::until(silent) => News::Silence(news),
    }
}

impl hyper::body::Body for Reader {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = |text: String| Poll::Ready(Some(Ok(Frame::data(text.into()))));
        loop {
            match self.step {
                Step::Hello => {
                    self.step = Step::Frames;
                    return data(self.feed.hello(clock::now()));
                }
                Step::Over => return Poll::Ready(None),
                Step::Frames => {}
            }
            match self.feed.next(self.cursor) {
                Next::Event(text, cursor) => {
                    self.cursor = cursor;
                    return data(text);
                }
                Next::End => {
                    self.step = Step::Over;
                    return data(event("end", None, "{}"));
                }
                Next::Nothing if !self.waits => return Poll::Ready(None),
                Next::Nothing => {}
            }
            let news = ready!(self.news.as_mut().poll(context));
            let silent = matches!(news, News::Silence(_));
            let (News::Some(news) | News::Silence(news)) = news;
            self.news = Box::pin(wait(news));
            if silent {
                return data(": still here\n\n".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::Digest;
    use super::super::feed::Fixed;
    use super::super::ring::Limits;
    use super::*;
    use crate::settings::LabSettings;
    use crate::story::Story;
    use http_body_util::BodyExt;
    use router::clock::Timestamp;

    const SINCE: Timestamp = Timestamp(1_000_000_000);

    struct Lab {
        feed: Arc<Feed>,
        digest: Digest,
        story: Story,
        seconds: u32,
    }

    impl Lab {
        /// Its feed keeps four seconds.
        fn new() -> Lab {
            let settings = LabSettings::default();
            let fixed = Fixed {
                lab: "default".into(),
                engine: "lb-sim".into(),
                program: "resetlab".into(),
                url: "http://127.1.0.2:8000/".into(),
                started_wall: String::new(),
                epoch: "e1".into(),
                since: SINCE,
            };
            let limits = Limits {
                ms: 4000.0,
                bytes: 1 << 20,
            };
            let story = Story::new(settings.lb.clone(), settings.routers);
            let digest = Digest::new(settings, SINCE);
            Lab {
                feed: Arc::new(Feed::within(limits, fixed, &digest)),
                digest,
                story,
                seconds: 0,
            }
        }

        /// Time in which nothing happens: a frame a second.
        fn live(&mut self, seconds: u32) {
            for _ in 0..seconds {
                self.seconds += 1;
                let now = SINCE + Duration::from_secs(1) * self.seconds;
                let frame = self.digest.flush(now, &self.story).unwrap();
                self.feed.push(frame, &self.digest);
            }
        }

        fn reader(&self, after: Option<&str>) -> Reader {
            Reader::new(self.feed.clone(), after)
        }
    }

    /// The next event as it is written, if it is there.
    fn heard(reader: &mut Reader) -> Option<String> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let frame = std::pin::pin!(reader.frame()).poll(&mut context);
        let Poll::Ready(frame) = frame else {
            return None;
        };
        let data = frame.map_or(Bytes::from("closed"), |frame| frame.unwrap().into_data().unwrap());
        Some(String::from_utf8(data.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn one_that_took_nothing_for_long_hears_of_the_gap_and_goes_on_behind_it() {
        let mut lab = Lab::new();
        let mut reader = lab.reader(None);
        lab.live(2);
        let hello = heard(&mut reader).unwrap();
        assert!(
            hello.starts_with("event: hello\ndata: {\"schema\":\"resetlab.page.v1\""),
            "{hello}"
        );
        let frames = r#"[{"seq":0,"t":1000.0},{"seq":1,"t":2000.0}]"#;
        assert_eq!(
            heard(&mut reader).unwrap(),
            format!("event: frames\nid: e1.1\ndata: {frames}\n\n")
        );
        assert_eq!(heard(&mut reader), None, "nothing has happened since");
        lab.live(20);
        let gap = heard(&mut reader).unwrap();
        let (name, data) = gap.split_once("\ndata: ").unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(name, "event: gap");
        let told = (data["frames"].as_u64(), data["base"]["t"].as_f64());
        assert_eq!(told, (Some(15), Some(17_000.0)));
        let next = heard(&mut reader).unwrap();
        assert!(
            next.starts_with("event: frames\nid: e1.21\ndata: [{\"seq\":17,"),
            "{next}"
        );
        assert_eq!(heard(&mut reader), None);
        lab.live(1);
        lab.feed.end();
        assert!(heard(&mut reader).unwrap().contains(r#"[{"seq":22,"#));
        assert_eq!(heard(&mut reader).unwrap(), "event: end\ndata: {}\n\n");
        assert_eq!(heard(&mut reader).unwrap(), "closed");
    }

    #[tokio::test]
    async fn one_that_comes_back_goes_on_where_it_was_and_another_labs_begins_at_the_beginning() {
        let mut lab = Lab::new();
        lab.live(4);
        for (after, first) in [
            (Some("e1.1"), Some(2)),
            (Some("1"), Some(2)),
            (Some("e1.3"), None),
            (Some("e2.1"), Some(0)),
            (Some("e1.4"), Some(0)),
            (Some("nonsense"), Some(0)),
            (None, Some(0)),
        ] {
            let mut reader = lab.reader(after);
            assert!(heard(&mut reader).unwrap().starts_with("event: hello"));
            let next = heard(&mut reader);
            let begins = |first: u64| {
                next.as_ref()
                    .unwrap()
                    .contains(&format!("data: [{{\"seq\":{first},"))
            };
            assert!(first.map_or(next.is_none(), begins), "{after:?}: {next:?}");
        }
    }
}
