//! Go's map of header fields, with its detector: a flag that is set during a write. Who finds it set knows that two
//! goroutines are inside at the same time; nothing prevents that.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Header fields by name. Shared by threads that do not wait for each other.
#[derive(Debug, Default)]
pub struct HeaderMap {
    /// Go's `hashWriting`.
    writing: AtomicBool,
    /// Keeps memory in order, as Go does not: held for one step at a time and never across two, so it hides no overlap.
    fields: Mutex<BTreeMap<String, Vec<String>>>,
}

/// Two were inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrent {
    /// `concurrent map writes`
    Writes,
    /// `concurrent map iteration and map write`
    IterationAndWrite,
}

impl HeaderMap {
    /// Replaces the values of a field.
    pub fn set(&self, name: &str, values: &[&str]) -> Result<(), Concurrent> {
        self.write(|fields| {
            fields.insert(name.to_owned(), values.iter().map(|v| (*v).to_owned()).collect());
        })
    }

    /// Adds a value to a field.
    pub fn add(&self, name: &str, value: &str) -> Result<(), Concurrent> {
        self.write(|fields| fields.entry(name.to_owned()).or_default().push(value.to_owned()))
    }

    pub fn delete(&self, name: &str) -> Result<(), Concurrent> {
        self.write(|fields| drop(fields.remove(name)))
    }

    /// One field after the other, by name; the flag is looked at for each.
    pub fn for_each(&self, mut see: impl FnMut(&str, &[String])) -> Result<(), Concurrent> {
        let mut last: Option<String> = None;
        loop {
            let Some((name, values)) = self.after(last.as_deref())? else {
                return Ok(());
            };
            see(&name, &values);
            last = Some(name);
        }
    }

    /// Deletes one field after the other while walking over them, as the hook does.
    pub fn clear(&self) -> Result<(), Concurrent> {
        while let Some((name, _)) = self.after(None)? {
            self.delete(&name)?;
        }
        Ok(())
    }

    /// Enters a write and stays in it.
    pub fn begin_write(&self) -> Result<(), Concurrent> {
        match self.writing.swap(true, Ordering::AcqRel) {
            false => Ok(()),
            true => Err(Concurrent::Writes),
        }
    }

    /// Leaves it.
    pub fn end_write(&self) -> Result<(), Concurrent> {
        match self.writing.swap(false, Ordering::AcqRel) {
            true => Ok(()),
            false => Err(Concurrent::Writes),
        }
    }

    fn write(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<String>>)) -> Result<(), Concurrent> {
        self.begin_write()?;
        change(&mut self.lock());
        self.end_write()
    }

    /// A step of a walk: the field after `last`.
    fn after(&self, last: Option<&str>) -> Result<Option<(String, Vec<String>)>, Concurrent> {
        if self.writing.load(Ordering::Acquire) {
            return Err(Concurrent::IterationAndWrite);
        }
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let fields = self.lock();
        let next = fields.range::<str, _>((from, Bound::Unbounded)).next();
        Ok(next.map(|(name, values)| (name.clone(), values.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn one_at_a_time_it_is_a_map() {
        let map = HeaderMap::default();
        map.add("Link", "a").unwrap();
        map.add("Link", "b").unwrap();
        map.set("Content-Type", &[]).unwrap();
        let mut seen = Vec::new();
        map.for_each(|name, values| seen.push((name.to_owned(), values.to_vec())))
            .unwrap();
        assert_eq!(
            seen,
            [
                ("Content-Type".to_owned(), vec![]),
                ("Link".to_owned(), vec!["a".to_owned(), "b".to_owned()])
            ]
        );
        map.clear().unwrap();
        map.for_each(|name, _| panic!("{name} is left")).unwrap();
    }

    #[test]
    fn whoever_comes_while_another_writes_finds_out() {
        let map = HeaderMap::default();
        map.add("Link", "a").unwrap();
        map.begin_write().unwrap();
        assert_eq!(map.set("A", &["b"]), Err(Concurrent::Writes));
        assert_eq!(map.delete("Link"), Err(Concurrent::Writes));
        assert_eq!(map.for_each(|_, _| {}), Err(Concurrent::IterationAndWrite));
        assert_eq!(map.clear(), Err(Concurrent::IterationAndWrite));
        map.end_write().unwrap();
        assert_eq!(map.set("A", &["b"]), Ok(()));
        // Another has cleared the flag meanwhile.
        assert_eq!(map.end_write(), Err(Concurrent::Writes));
    }

    #[test]
    fn two_threads_really_overlap() {
        let barrier = Barrier::new(2);
        let map = HeaderMap::default();
        let over = AtomicBool::new(false);
        let found = std::thread::scope(|scope| {
            let writer = || {
                barrier.wait();
                let mut writes = (0..1_000_000).take_while(|_| !over.load(Ordering::Relaxed));
                let found = writes.find_map(|n: u32| map.set(&(n % 100).to_string(), &["x"]).err());
                over.store(true, Ordering::Relaxed);
                found
            };
            let threads = [scope.spawn(writer), scope.spawn(writer)];
            threads.map(|thread| thread.join().unwrap())
        });
        assert!(found.contains(&Some(Concurrent::Writes)), "{found:?}");
    }
}
