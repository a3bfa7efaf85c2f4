//! PURE: one death as it is printed: why, the goroutine that died, then all others. Memory does not grow with it.

use super::affected::{self, Answer, Installation};
use super::dump::{Frame, Goroutine, Line};
use super::origin::{self, Names, Paths, Program};
use super::proof::{self, Finding};
use super::version::Version;
use super::{Crash, Time, Verdict, cause};
use router::record::CrashVariant;

/// Kept of one stack: the proof is at its top.
const FRAMES: usize = 64;

/// What has been read of a death.
#[derive(Debug, Default)]
pub struct Trace {
    /// `None`: the dump began without it.
    head: Option<String>,
    pub begin: Begin,
    /// Nothing of the log stood before it.
    pub at_start: bool,
    /// The goroutine that died: the first in the dump.
    first: Option<Stack>,
    /// Another one that was running: when both were caught, both are printed.
    second: Option<Stack>,
    current: Place,
    /// The same head again: another death, or the same one by its other goroutine. What follows tells.
    again: Option<Begin>,
    heads: u32,
    /// Another death whose lines are mixed with this one's.
    twin: Option<(Begin, u64)>,
    last_function: String,
    paths: Paths,
    names: Names,
    /// Lines in a row that do not belong to it.
    pub noise: u32,
    pub continued: bool,
}

/// Where a death is in a log.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    pub file: usize,
    pub line: u64,
    pub time: Option<Time>,
}

#[derive(Debug)]
struct Stack {
    number: u64,
    frames: Vec<Frame>,
    /// So many frames stand before the first place where something is missing.
    clean: Option<usize>,
    /// The call that started the goroutine has been seen.
    whole: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Nowhere,
    First,
    Second,
    Elsewhere,
}

/// Whose a head is.
#[derive(Debug, PartialEq, Eq)]
pub enum Whose {
    Mine,
    Another,
}

impl Stack {
    fn gap(&mut self) {
        self.clean.get_or_insert(self.frames.len());
    }

    fn clean(&self) -> usize {
        self.clean.unwrap_or(self.frames.len())
    }
}

impl Trace {
    pub fn new(head: Option<&str>, begin: Begin) -> Trace {
        Trace {
            head: head.map(str::to_owned),
            begin,
            heads: 1,
            ..Trace::default()
        }
    }

    /// A line that says why a program dies. `indented`: as a panic inside a panic is.
    pub fn head(&mut self, text: &str, begin: Begin, indented: bool) -> Whose {
        self.noise = 0;
        let same = self.head.as_deref() == Some(text) && text.starts_with("fatal error: concurrent map");
        let recovered = self
            .head
            .as_deref()
            .is_some_and(|head| head.contains(" [recovered"));
        match (&self.first, same) {
            (None, true) => self.heads += 1,
            (None, false) if indented || recovered => {}
            (Some(_), true) => self.again = Some(begin),
            // GOTRACEBACK=crash ends with SIGABRT.
            (Some(_), false) if text.starts_with("SIGABRT") => {}
            _ => return Whose::Another,
        }
        Whose::Mine
    }

    /// The header of a goroutine's stack. `Some`: it is the first of another death, which began there.
    pub fn goroutine(&mut self, goroutine: Goroutine) -> Option<Begin> {
        self.noise = 0;
        let open = self.current == Place::First && self.first.as_ref().is_some_and(|stack| !stack.whole);
        if let Some(begin) = self.again.take() {
            if goroutine.runs() {
                if !open {
                    return Some(begin);
                }
                self.twin = Some((begin, goroutine.number));
                return None;
            }
            self.heads += 1;
        }
        let stack = Stack {
            number: goroutine.number,
            frames: Vec::new(),
            clean: None,
            whole: false,
        };
        if self.first.is_none() {
            self.first = Some(stack);
            self.current = Place::First;
        } else if goroutine.runs() && open && self.heads > 1 {
            self.twin = Some((self.begin.clone(), goroutine.number));
        } else if goroutine.runs() && self.second.as_ref().is_none_or(|second| second.frames.is_empty()) {
            self.second = Some(stack);
            self.current = Place::Second;
        } else {
            self.current = Place::Elsewhere;
        }
        None
    }

    /// Any other line.
    pub fn line(&mut self, line: Line) {
        match line {
            Line::Noise => {
                self.noise += 1;
                return;
            }
            Line::Blank => return,
            _ => self.noise = 0,
        }
        if self.again.is_some() && self.current != Place::First && matches!(line, Line::Function(_)) {
            // The other goroutine was caught, too, in the middle of the dump.
            self.again = None;
            self.heads += 1;
        }
        match line {
            Line::Function(name) => self.function(name),
            Line::Location(file, number) => self.location(file, number),
            Line::Created => {
                self.last_function.clear();
                if let Some(stack) = self.stack() {
                    stack.whole = true;
                }
            }
            _ => {}
        }
    }

    pub fn message(&self) -> Option<&str> {
        self.head.as_deref()
    }

    /// What follows belongs to it even in another file.
    pub fn is_open(&self) -> bool {
        self.noise == 0
    }

    /// The deaths, judged. Empty: a stack that a living program printed, or words.
    pub fn crashes(self) -> Vec<Crash> {
        let head = self.head.as_deref().unwrap_or_default();
        let empty = Stack {
            number: 0,
            frames: Vec::new(),
            clean: None,
            whole: false,
        };
        let first = self.first.as_ref().unwrap_or(&empty);
        if self.first.is_none() && !cause::is_gos_own(head) {
            return Vec::new();
        }
        let program = self.names.program();
        let judge = |stack: &Stack| proof::judge(head, &stack.frames, stack.whole, stack.clean(), program);
        let (mut stack, mut finding) = (first, judge(first));
        if let Some(second) = self
            .second
            .as_ref()
            .filter(|second| !proof::is_printed(&second.frames))
        {
            let other = judge(second);
            if other.verdict > finding.verdict {
                (stack, finding) = (second, other);
            }
        }
        let mut notes: Vec<String> = finding.notes.iter().map(|note| (*note).to_owned()).collect();
        if self.head.is_none() {
            let assumed = proof::judge(
                "fatal error: concurrent map writes",
                &first.frames,
                first.whole,
                first.clean(),
                program,
            );
            let looks = assumed.verdict > Verdict::OtherCrash;
            if proof::is_printed(&first.frames) || !(looks || self.at_start) {
                return Vec::new();
            }
            // Without the line that says why it died, nothing shows another cause.
            finding.undecided = true;
            if looks {
                notes.push("its frames are the bug's; the line that says why it died is missing, so this is no proof".to_owned());
            }
        }
        if self.heads > 1 && self.twin.is_none() {
            notes.push(
                "the runtime caught both goroutines: it printed the message twice for one death".to_owned(),
            );
        }
        if self.twin.is_some() {
            notes.push("two traces are mixed line by line: the frames of both are read together".to_owned());
        }
        if self.continued {
            notes.push("continues in the next file".to_owned());
        }
        if finding.verdict.is_the_bug() {
            notes.extend(self.contradiction());
        }
        let crash = |begin: &Begin, number: Option<u64>| {
            let mut notes = notes.clone();
            if let Some(note) = begin.time.as_ref().and_then(|time| time.note(begin.line)) {
                notes.push(note);
            }
            self.crash(begin, number, stack, &finding, notes)
        };
        let mut crashes = vec![crash(&self.begin, self.first.as_ref().map(|_| stack.number))];
        if let Some((begin, number)) = &self.twin {
            crashes.push(crash(begin, Some(*number)));
        }
        crashes
    }

    fn crash(
        &self,
        begin: &Begin,
        goroutine: Option<u64>,
        stack: &Stack,
        finding: &Finding,
        notes: Vec<String>,
    ) -> Crash {
        let variant: Option<CrashVariant> = finding.variant;
        Crash {
            file: begin.file,
            verdict: finding.verdict,
            variant,
            undecided: finding.undecided,
            cause: finding.cause.clone(),
            time: begin.time.as_ref().map(|time| time.text.clone()),
            line: begin.line,
            message: self.head.clone(),
            goroutine,
            go: self.paths.go(),
            paths: self.paths.clone(),
            frames: stack.frames[..finding.proof.min(stack.frames.len())].to_vec(),
            program: match self.names.program() {
                Program::Gorouter => Some("gorouter"),
                Program::Other => Some("other"),
                Program::Unknown => None,
            },
            release: origin::release(&stack.frames),
            truncated: !stack.whole,
            notes,
        }
    }

    /// The paths name a compiler with which it cannot happen.
    fn contradiction(&self) -> Option<String> {
        let go = Version::parse(&self.paths.go()?).ok()?;
        let installation = Installation {
            go: Some(go.clone()),
            ..Installation::default()
        };
        let reason = affected::judge(&installation).into_iter().next()?;
        (reason.answer == Answer::No).then(|| {
            format!(
                "its paths contradict its frames: they name Go {go}, with which this cannot happen ({}); `resetlab affected \
                 --go {go}` says no. See which Go compiled it: `resetlab affected --gorouter-binary PATH`",
                reason.reason
            )
        })
    }

    fn stack(&mut self) -> Option<&mut Stack> {
        match self.current {
            Place::First => self.first.as_mut(),
            Place::Second => self.second.as_mut(),
            Place::Nowhere | Place::Elsewhere => None,
        }
    }

    fn function(&mut self, name: &str) {
        self.names.function(name);
        self.last_function.clear();
        self.last_function.push_str(name);
        let bottom = name == "main.main" || name == "runtime.goexit";
        if let Some(stack) = self.stack() {
            stack.whole |= bottom;
            // Each call has its place: one without was followed by something that could not be read.
            if stack.frames.last().is_some_and(|last| last.file.is_none()) {
                stack.gap();
            }
            if stack.frames.len() < FRAMES {
                stack.frames.push(Frame {
                    function: name.to_owned(),
                    file: None,
                    line: None,
                });
            }
        }
    }

    fn location(&mut self, file: &str, number: u32) {
        if self.last_function.is_empty() {
            // Of `created by`, or cut off from its function.
            if let Some(stack) = self.stack().filter(|stack| !stack.whole) {
                stack.gap();
            }
            return;
        }
        let name = std::mem::take(&mut self.last_function);
        self.paths.learn(&name, file);
        self.names.place(&name, file);
        if let Some(frame) = self.stack().and_then(|stack| stack.frames.last_mut())
            && frame.file.is_none()
            && frame.function == name
        {
            frame.file = Some(file.to_owned());
            frame.line = Some(number);
        }
    }
}
