//! What the audience sees, and who does what.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::select_all;
use rustix::process::Signal;
use tokio::time::{sleep_until, timeout};

use super::{
    job::Entry,
    ledger::Ledger,
    node::{Node, complaints},
};

/// How often the live row is drawn anew on a terminal.
const FRAME: Duration = Duration::from_millis(100);

/// Prints what happens, with a live row of who does what at the bottom.
pub(super) struct Scene {
    begin: Instant,
    live: bool,
    row: String,
}

impl Scene {
    pub(super) fn open() -> Self {
        Self {
            begin: Instant::now(),
            live: io::stdout().is_terminal(),
            row: String::new(),
        }
    }

    pub(super) fn tell(&mut self, line: &str) {
        let seconds = self.begin.elapsed().as_secs_f64();
        let (erase, row) = if self.live {
            ("\r\x1b[2K", self.row.as_str())
        } else {
            ("", "")
        };
        self.print(&format!("{erase}{seconds:6.2} s  {line}\n{row}"));
    }

    fn show(&mut self, row: String) {
        if row == self.row {
            return;
        }
        self.row = row;
        match self.live {
            true => self.print(&format!("\r\x1b[2K{}", self.row)),
            false => self.print(&format!("          {}\n", self.row)),
        }
    }

    /// A demonstration nobody looks at still goes on to its verdict.
    fn print(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if self.live {
            self.print("\r\x1b[2K");
        }
    }
}

pub(super) fn since(moment: Instant) -> String {
    format!("{:.0} ms", moment.elapsed().as_secs_f64() * 1000.0)
}

/// The three copies and what is known of them.
pub(super) struct Cast {
    parts: Vec<Part>,
    pub(super) ledger: Ledger,
}

struct Part {
    node: Node,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waits,
    Works { pid: u32 },
    Killed,
    Stopping,
    Gone,
}

impl Cast {
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let parts = nodes
            .into_iter()
            .map(|node| Part {
                node,
                state: State::Waits,
            })
            .collect();
        Self {
            parts,
            ledger: Ledger::default(),
        }
    }

    /// Waits until a job starts, and tells whose.
    pub(super) async fn next_start(&mut self, scene: &mut Scene) -> usize {
        loop {
            let (index, entry) = self.next(scene).await;
            if let Some(Entry::Start { pid, token, .. }) = entry {
                let id = self.parts[index].node.id;
                scene.tell(&format!(
                    "{id} LEADS with token {token}, its job is process {pid}"
                ));
                return index;
            }
        }
    }

    /// Waits until nothing is left of this copy, its watchdog and its job.
    pub(super) async fn gone(&mut self, index: usize, scene: &mut Scene) {
        while self.parts[index].state != State::Gone {
            self.next(scene).await;
        }
    }

    /// Lets them play on for a while.
    pub(super) async fn watch_for(&mut self, time: Duration, scene: &mut Scene) {
        let end = tokio::time::Instant::now() + time;
        loop {
            let frame = end.min(tokio::time::Instant::now() + FRAME);
            tokio::select! {
                biased;
                () = sleep_until(frame) => if frame == end { return },
                _ = self.next(scene) => {}
            }
        }
    }

    pub(super) fn kill(&mut self, index: usize, scene: &mut Scene) -> Instant {
        self.act(
            index,
            State::Killed,
            Signal::KILL,
            "is killed with SIGKILL",
            scene,
        )
    }

    pub(super) fn ask_to_stop(&mut self, index: usize, scene: &mut Scene) -> Instant {
        self.act(
            index,
            State::Stopping,
            Signal::TERM,
            "is asked to stop with SIGTERM",
            scene,
        )
    }

    fn act(
        &mut self,
        index: usize,
        state: State,
        signal: Signal,
        what: &str,
        scene: &mut Scene,
    ) -> Instant {
        let part = &mut self.parts[index];
        part.state = state;
        let pid = part.node.process.id().unwrap_or_default();
        scene.tell(&format!(
            "{}: its `elect run`, process {pid}, {what}",
            part.node.id
        ));
        let at = Instant::now();
        part.node.signal(signal);
        at
    }

    /// Ends whoever is left, in order, and waits for it.
    pub(super) async fn dismiss(&mut self, limit: Duration) {
        for part in &mut self.parts {
            part.node.signal(Signal::TERM);
        }
        for part in &mut self.parts {
            // Their records go on until they are gone, and count.
            let _ = timeout(limit, async {
                while let Ok(Some(line)) = part.node.records.next_line().await {
                    if let Ok(entry) = line.parse() {
                        self.ledger.enter(entry);
                    }
                }
                part.node.process.wait().await
            })
            .await;
        }
    }

    /// What the copies have said on standard error, for the one who has to find out why.
    pub(super) fn complaints(&self, place: &Path) -> String {
        let read = |part: &Part| {
            let text = std::fs::read_to_string(complaints(place, part.node.id)).unwrap_or_default();
            format!("--- {}\n{text}", part.node.id)
        };
        self.parts.iter().map(read).collect()
    }

    /// The next record of any copy, or that one is gone. Cancel safe.
    async fn next(&mut self, scene: &mut Scene) -> (usize, Option<Entry>) {
        scene.show(self.row());
        let reads = self
            .parts
            .iter_mut()
            .enumerate()
            .filter(|(_, part)| part.state != State::Gone);
        let reads = reads.map(|(index, part)| {
            Box::pin(async move { (index, part.node.records.next_line().await.ok().flatten()) })
        });
        let reads: Vec<_> = reads.collect();
        if reads.is_empty() {
            return std::future::pending().await;
        }
        let ((index, line), ..) = select_all(reads).await;
        let entry = line.as_deref().and_then(|line| line.parse::<Entry>().ok());
        match (&line, entry) {
            (None, _) => self.parts[index].state = State::Gone,
            (_, Some(Entry::Start { pid, .. })) => self.parts[index].state = State::Works { pid },
            _ => {}
        }
        if let Some(entry) = entry {
            self.ledger.enter(entry);
        }
        (index, entry)
    }

    fn row(&self) -> String {
        let cell = |part: &Part| {
            let what = match part.state {
                State::Waits => "waits".to_owned(),
                State::Works { pid } => format!("LEADS, job {pid}"),
                State::Killed => "killed".to_owned(),
                State::Stopping => "stopping".to_owned(),
                State::Gone => "gone".to_owned(),
            };
            format!("| {} {what:<18}", part.node.id)
        };
        self.parts.iter().map(cell).collect::<String>() + "|"
    }
}
