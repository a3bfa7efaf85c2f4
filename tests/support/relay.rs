//! A relay between a browser and a lab whose connections can be cut.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub struct Relay {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Nobody gets through.
    shut: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
    /// All that browsers have said.
    said: Mutex<Vec<u8>>,
}

impl Relay {
    pub fn to(lab: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for browser in listener.incoming().flatten() {
                if state.shut.load(Ordering::SeqCst) {
                    continue;
                }
                if let Ok(lab) = TcpStream::connect(lab) {
                    state.join(&browser, &lab);
                }
            }
        });
        Relay { address, shared }
    }

    /// Breaks every connection there is, in the middle of whatever it carries, and lets none through from then on; how
    /// many those were.
    pub fn cut(&self) -> usize {
        self.shared.shut.store(true, Ordering::SeqCst);
        let mut open = self.shared.open.lock().unwrap();
        let cut = open
            .drain(..)
            .filter(|each| each.shutdown(Shutdown::Both).is_ok());
        cut.count()
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.shared.shut.store(false, Ordering::SeqCst);
    }

    /// The lines that browsers have sent and that begin with that word, whatever its case.
    pub fn lines(&self, word: &str) -> Vec<String> {
        let said = String::from_utf8_lossy(&self.shared.said.lock().unwrap()).into_owned();
        let begins = |line: &&str| line.to_lowercase().starts_with(word);
        said.lines().filter(begins).map(str::to_owned).collect()
    }
}

impl Shared {
    fn join(self: &Arc<Shared>, browser: &TcpStream, lab: &TcpStream) {
        self.open.lock().unwrap().push(browser.try_clone().unwrap());
        let state = Arc::clone(self);
        let (from, to) = (browser.try_clone().unwrap(), lab.try_clone().unwrap());
        let heard = move |bytes: &[u8]| state.said.lock().unwrap().extend_from_slice(bytes);
        std::thread::spawn(move || carry(from, to, heard));
        let (from, to) = (lab.try_clone().unwrap(), browser.try_clone().unwrap());
        std::thread::spawn(move || carry(from, to, |_| {}));
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, heard: impl Fn(&[u8])) {
    let mut bytes = [0; 16 << 10];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        heard(&bytes[..n]);
        if to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
