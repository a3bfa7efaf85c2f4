//! What comes from the program: lines of its log, and answers to what it is asked again and again.

use super::Trouble;
use super::keeper::Channels;
use crate::engine::Site;
use crate::engine::program::{Admin, Program};
use router::clock::{self, Timestamp};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

pub struct Ear {
    program: &'static dyn Program,
    lines: pipe::Receiver,
    /// The beginning of a line.
    begun: Vec<u8>,
    /// Where lines are kept.
    kept: File,
    admin: Option<Asked>,
}

/// A connection to its admin socket.
struct Asked {
    admin: Admin,
    path: PathBuf,
    stream: Option<Connection>,
    read: Vec<u8>,
    /// Answers on their way; those to the hello say nothing.
    greetings: u32,
    waiting: u32,
    due: Timestamp,
}

struct Connection {
    read: UnixStream,
    /// The same; tokio's knows only after a while that it can be written to.
    write: std::os::unix::net::UnixStream,
}

/// In this order.
#[derive(Default)]
pub struct Heard {
    pub lines: Vec<String>,
    pub answer: Option<Vec<u8>>,
    /// It has just been asked.
    pub asked: bool,
}

impl Ear {
    pub fn open(
        program: &'static dyn Program,
        site: &Site,
        channels: Channels,
        log: &Path,
    ) -> Result<Ear, Trouble> {
        let kept = OpenOptions::new().create(true).append(true).open(log);
        let asked = |admin| Asked {
            admin,
            path: site.admin(),
            stream: None,
            read: Vec::new(),
            greetings: 0,
            waiting: 0,
            due: clock::now(),
        };
        Ok(Ear {
            program,
            lines: pipe::Receiver::from_owned_fd(channels.lines).map_err(Trouble::io("the log's pipe"))?,
            begun: Vec::new(),
            kept: kept.map_err(Trouble::io(log.display().to_string()))?,
            admin: program.admin().map(asked),
        })
    }

    /// Resolves at its first answer. A connection waits in the backlog until the program serves. Cancel-safe.
    pub async fn greet(&mut self) -> Result<(), Trouble> {
        loop {
            if self.hear(false).await?.answer.is_some() {
                return Ok(());
            }
        }
    }

    /// The next that comes; `closer`: the closer question is asked, too. Cancel-safe.
    pub async fn hear(&mut self, closer: bool) -> Result<Heard, Trouble> {
        let Ear { program, admin, .. } = self;
        let due = due(admin.as_ref());
        let mut heard = Heard::default();
        tokio::select! {
            biased;
            answer = answered(*program, admin) => heard.answer = answer,
            ready = self.lines.readable() => ready.map_err(Trouble::io("the log's pipe"))?,
            () = clock::until(due.unwrap_or_default()), if due.is_some() => heard.asked = true,
        }
        if let (true, Some(admin)) = (heard.asked, admin) {
            admin.ask(closer);
        }
        // What an answer has seen was written before it.
        heard.lines = self.take_lines();
        Ok(heard)
    }

    fn take_lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut buffer = [0; 16 << 10];
        while let Ok(length @ 1..) = self.lines.try_read(&mut buffer) {
            // A full disk is the journal's to tell.
            let _ = self.kept.write_all(&buffer[..length]);
            for part in buffer[..length].split_inclusive(|byte| *byte == b'\n') {
                self.begun.extend_from_slice(part);
                if let Some(line) = self.begun.strip_suffix(b"\n") {
                    lines.push(String::from_utf8_lossy(line).into_owned());
                    self.begun.clear();
                }
            }
        }
        lines
    }
}

/// The next whole answer that says something.
async fn answered(program: &dyn Program, admin: &mut Option<Asked>) -> Option<Vec<u8>> {
    let Some(asked) = admin else {
        return std::future::pending().await;
    };
    loop {
        if let Some(length) = program.whole_answer(&asked.read) {
            let rest = asked.read.split_off(length);
            let answer = std::mem::replace(&mut asked.read, rest);
            if asked.greetings > 0 {
                asked.greetings -= 1;
                continue;
            }
            asked.waiting = asked.waiting.saturating_sub(1);
            return Some(answer);
        }
        let Some(stream) = &asked.stream else {
            return std::future::pending().await;
        };
        let mut buffer = [0; 64 << 10];
        let read = match stream.read.readable().await {
            Ok(()) => stream.read.try_read(&mut buffer),
            Err(e) => Err(e),
        };
        match read {
            Ok(length @ 1..) => asked.read.extend_from_slice(&buffer[..length]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            // It is asked again on a new connection; a program that has ended is found out by its keeper.
            Ok(_) | Err(_) => {
                asked.hang_up();
                return None;
            }
        }
    }
}

/// When it is to be asked.
fn due(admin: Option<&Asked>) -> Option<Timestamp> {
    let idle = admin.filter(|asked| asked.waiting == 0);
    idle.map(|asked| asked.due)
}

impl Asked {
    fn ask(&mut self, closer: bool) {
        self.due = clock::now() + self.admin.every;
        if let Err(_unreachable) = self.send(closer) {
            self.hang_up();
        }
    }

    fn send(&mut self, closer: bool) -> io::Result<()> {
        let mut text = String::new();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = std::os::unix::net::UnixStream::connect(&self.path)?;
                stream.set_nonblocking(true)?;
                if let Some(hello) = self.admin.hello {
                    text += hello;
                    self.greetings = 1;
                }
                Connection {
                    write: stream.try_clone()?,
                    read: UnixStream::from_std(stream)?,
                }
            }
        };
        text += self.admin.question;
        self.waiting = 1;
        if let Some(question) = self.admin.closer.filter(|_| closer) {
            text += question;
            self.waiting = 2;
        }
        // A question fits into the buffer of a socket that has answered the one before.
        stream.write.write_all(text.as_bytes())?;
        self.stream = Some(stream);
        Ok(())
    }

    fn hang_up(&mut self) {
        self.stream = None;
        self.read.clear();
        (self.greetings, self.waiting) = (0, 0);
    }
}
