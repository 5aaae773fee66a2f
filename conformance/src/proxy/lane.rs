//! One direction of one connection: what waits to be delivered, and by which rules.
//!
//! A lane decides and does no I/O: one task pushes what it read, another asks what to write next.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{Deed, Fault, HOLD_LIMIT, chance::Chance, plans::PlanId};

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With FIN.
    Close,
    /// With RST.
    Reset,
}

/// The standing faults of a lane, each with the plan it comes from.
#[derive(Debug, Default)]
struct Rules {
    latency: Option<(PlanId, Duration, Duration)>,
    pace: Option<(PlanId, usize, Duration)>,
    blackhole: Option<PlanId>,
}

impl Rules {
    /// Adds a standing fault in place of an earlier one of its kind; other faults are no rules.
    fn add(&mut self, plan: PlanId, fault: &Fault) {
        match *fault {
            Fault::Latency { fixed, jitter } => self.latency = Some((plan, fixed, jitter)),
            Fault::Slice { bytes, pause } => self.pace = Some((plan, bytes.max(1), pause)),
            Fault::Blackhole => self.blackhole = Some(plan),
            _ => {}
        }
    }
}

/// Something a plan did to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) plan: PlanId,
    pub(super) deed: Deed,
    pub(super) bytes: usize,
}

/// What the writer of a lane is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Write these bytes.
    Write(Vec<u8>),
    /// Tell the receiver that the stream has ended.
    End(End),
    /// Ask again at this moment, or when woken.
    Wait(Option<Instant>),
    /// Nothing more, ever.
    Over,
}

/// What becomes of held bytes when the fault is healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Delivered,
    Lost,
}

#[derive(Debug)]
struct Parcel {
    due: Instant,
    load: Load,
}

#[derive(Debug)]
enum Load {
    Bytes {
        bytes: Vec<u8>,
        /// How many of them have been handed out, a slice at a time.
        written: usize,
    },
    End(End),
}

#[derive(Debug)]
pub(super) struct Lane {
    rules: Rules,
    /// In the order they came and will go: latency keeps order.
    waiting: VecDeque<Parcel>,
    /// The bytes in `waiting`.
    bytes: usize,
    /// No slice may be written before this.
    next_slice: Instant,
    chance: Chance,
    delivered: u64,
    over: bool,
}

impl Lane {
    pub(super) fn new(chance: Chance, now: Instant) -> Self {
        Self {
            rules: Rules::default(),
            waiting: VecDeque::new(),
            bytes: 0,
            next_slice: now,
            chance,
            delivered: 0,
            over: false,
        }
    }

    /// How many bytes may be read now, or `None` if none ever again.
    pub(super) fn room(&self) -> Option<usize> {
        (!self.over).then(|| HOLD_LIMIT - self.bytes)
    }

    /// How many bytes have been handed to the writer.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Takes what was read, at most [`room`](Lane::room) of it.
    pub(super) fn push(&mut self, bytes: &[u8], now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.over {
            return effects;
        }
        let mut note = |plan, deed| {
            effects.push(Effect {
                plan,
                deed,
                bytes: bytes.len(),
            });
        };
        let delay = self.draw_delay();
        if let Some((plan, delay)) = delay {
            note(plan, Deed::Delayed(delay));
        }
        if let Some(plan) = self.rules.blackhole {
            note(plan, Deed::Held);
        }
        self.bytes += bytes.len();
        let due = delay.map_or(now, |(_, delay)| later(now, delay));
        match self.waiting.back_mut() {
            // A flood of single bytes must not cost a parcel each. They cannot overtake the last
            // parcel, so if they are due no later they travel with it.
            Some(Parcel {
                due: last_due,
                load:
                    Load::Bytes {
                        bytes: last,
                        written: 0,
                    },
            }) if due <= now.max(*last_due) => last.extend_from_slice(bytes),
            _ => self.waiting.push_back(Parcel {
                due,
                load: Load::Bytes {
                    bytes: bytes.to_vec(),
                    written: 0,
                },
            }),
        }
        effects
    }

    /// Takes the end of the stream; it travels behind the bytes, and as late as they do.
    pub(super) fn push_end(&mut self, end: End, now: Instant) {
        if self.over {
            return;
        }
        let delay = self.draw_delay();
        self.waiting.push_back(Parcel {
            due: delay.map_or(now, |(_, delay)| later(now, delay)),
            load: Load::End(end),
        });
    }

    /// What to write now.
    pub(super) fn next(&mut self, now: Instant) -> (Next, Option<Effect>) {
        if self.over {
            return (Next::Over, None);
        }
        let Some(first) = self
            .waiting
            .front_mut()
            .filter(|_| self.rules.blackhole.is_none())
        else {
            return (Next::Wait(None), None);
        };
        let due = first.due.max(self.next_slice);
        if due > now {
            return (Next::Wait(Some(due)), None);
        }
        let (bytes, written) = match &mut first.load {
            Load::Bytes { bytes, written } => (bytes, written),
            Load::End(end) => {
                let end = *end;
                self.finish();
                return (Next::End(end), None);
            }
        };
        let mut size = bytes.len() - *written;
        let mut effect = None;
        if let Some((plan, at_a_time, pause)) = self.rules.pace {
            effect = (*written == 0).then_some(Effect {
                plan,
                deed: Deed::Sliced(at_a_time),
                bytes: size,
            });
            size = size.min(at_a_time);
            self.next_slice = later(now, pause);
        }
        let slice = bytes[*written..*written + size].to_vec();
        *written += size;
        if *written == bytes.len() {
            self.waiting.pop_front();
        }
        self.bytes -= size;
        self.delivered += size as u64;
        (Next::Write(slice), effect)
    }

    /// Adds a standing fault; the bytes that a blackhole finds on their way are held.
    pub(super) fn add(&mut self, plan: PlanId, fault: &Fault) -> Option<Effect> {
        let held_before = self.rules.blackhole.is_some();
        self.rules.add(plan, fault);
        let holds = !held_before && self.rules.blackhole.is_some() && self.bytes > 0;
        holds.then_some(Effect {
            plan,
            deed: Deed::Held,
            bytes: self.bytes,
        })
    }

    /// Ends every standing fault; tells what became of the bytes a blackhole held.
    ///
    /// Bytes that are only late are delivered now, whatever becomes of held ones.
    pub(super) fn heal(&mut self, held: Held, now: Instant) -> Option<(Deed, usize)> {
        let blackhole = std::mem::take(&mut self.rules).blackhole;
        self.next_slice = now;
        for parcel in &mut self.waiting {
            parcel.due = now;
        }
        let bytes = self.bytes;
        let deed = match held {
            Held::Delivered => Deed::Delivered,
            Held::Lost => Deed::Lost,
        };
        blackhole.filter(|_| bytes > 0)?;
        if held == Held::Lost {
            self.waiting
                .retain(|parcel| matches!(parcel.load, Load::End(_)));
            self.bytes = 0;
        }
        Some((deed, bytes))
    }

    /// Carries nothing more; tells how many bytes are lost by that.
    pub(super) fn finish(&mut self) -> usize {
        self.over = true;
        self.waiting.clear();
        std::mem::take(&mut self.bytes)
    }

    fn draw_delay(&mut self) -> Option<(PlanId, Duration)> {
        let (plan, fixed, jitter) = self.rules.latency?;
        Some((plan, fixed.saturating_add(self.chance.up_to(jitter))))
    }
}

/// `now + delay`, or a time that nobody will see where that is out of range.
fn later(now: Instant, delay: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * 86_400);
    now.checked_add(delay).unwrap_or_else(|| now + NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const PLAN: PlanId = PlanId(1);

    fn lane(faults: &[Fault], now: Instant) -> Lane {
        let mut lane = Lane::new(Chance::new(1, 1, 0), now);
        for fault in faults {
            lane.add(PLAN, fault);
        }
        lane
    }

    /// What can be written at `now` without waiting.
    fn written(lane: &mut Lane, now: Instant) -> Vec<Vec<u8>> {
        let mut written = Vec::new();
        while let (Next::Write(bytes), _) = lane.next(now) {
            written.push(bytes);
        }
        written
    }

    #[test]
    fn late_bytes_keep_their_order_whatever_the_jitter() {
        let now = Instant::now();
        let latency = Fault::Latency {
            fixed: MS,
            jitter: 50 * MS,
        };
        let mut lane = lane(&[latency], now);
        for byte in 0..100 {
            lane.push(&[byte], now);
        }
        assert_eq!(written(&mut lane, now), Vec::<Vec<u8>>::new());
        let mut arrived = Vec::new();
        for step in 1..=51 {
            arrived.extend(written(&mut lane, now + step * MS).concat());
        }
        assert_eq!(arrived, (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn bytes_are_not_late_once_healed() {
        let now = Instant::now();
        let latency = Fault::Latency {
            fixed: Duration::MAX,
            jitter: Duration::MAX,
        };
        let mut lane = lane(&[latency], now);
        lane.push(b"late", now);
        assert_eq!(lane.heal(Held::Lost, now), None);
        assert_eq!(written(&mut lane, now), [b"late"]);
    }

    #[test]
    fn a_slice_waits_for_the_pause_after_the_one_before() {
        let now = Instant::now();
        let slice = Fault::Slice {
            bytes: 2,
            pause: MS,
        };
        let mut lane = lane(&[slice], now);
        lane.push(b"abcde", now);
        assert_eq!(written(&mut lane, now), [b"ab"]);
        assert_eq!(lane.next(now), (Next::Wait(Some(now + MS)), None));
        assert_eq!(written(&mut lane, now + MS), [b"cd"]);
        assert_eq!(written(&mut lane, now + 2 * MS), [b"e"]);
    }

    #[test]
    fn a_blackhole_holds_what_is_on_its_way_and_the_end_behind_it() {
        let now = Instant::now();
        let mut lane = lane(&[], now);
        lane.push(b"on its way", now);
        let held = lane.add(PLAN, &Fault::Blackhole).unwrap();
        assert_eq!((held.deed, held.bytes), (Deed::Held, 10));
        lane.push_end(End::Close, now);
        assert_eq!(lane.next(now), (Next::Wait(None), None));
        assert_eq!(lane.heal(Held::Delivered, now), Some((Deed::Delivered, 10)));
        assert_eq!(written(&mut lane, now), [b"on its way"]);
        assert_eq!(lane.heal(Held::Delivered, now), None);
    }

    #[test]
    fn lost_bytes_do_not_take_the_end_of_the_stream_with_them() {
        let now = Instant::now();
        let mut lane = lane(&[Fault::Blackhole], now);
        lane.push(b"held", now);
        lane.push_end(End::Reset, now);
        assert_eq!(lane.heal(Held::Lost, now), Some((Deed::Lost, 4)));
        assert_eq!(lane.next(now), (Next::End(End::Reset), None));
        assert_eq!(lane.next(now), (Next::Over, None));
    }

    #[test]
    fn a_full_lane_has_no_room_until_it_is_emptied() {
        let now = Instant::now();
        let mut lane = lane(&[Fault::Blackhole], now);
        for _ in 0..HOLD_LIMIT / 1024 {
            lane.push(&[0; 1024], now);
        }
        assert_eq!(lane.room(), Some(0));
        assert_eq!(lane.waiting.len(), 1);
        lane.heal(Held::Lost, now);
        assert_eq!(lane.room(), Some(HOLD_LIMIT));
        lane.finish();
        assert_eq!(lane.room(), None);
    }
}
