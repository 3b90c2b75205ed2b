//! Tables, all transitions from all small values, and random walks against an oracle.

use super::*;
use crate::util::rng::FastRand;

fn counts(threads: usize, idle: usize, claims: usize, queued: usize) -> Counts {
    Counts {
        limit: 3,
        extra: 0,
        extra_queued: 0,
        threads,
        idle,
        claims,
        queued,
        closed: false,
    }
}

/// Whether the invariants hold that `checked` asserts; the tests do not lean on it.
fn is_sound(c: &Counts) -> bool {
    c.idle <= c.threads
        && c.claims <= c.threads - c.idle
        && c.threads <= c.limit + c.extra
        && c.extra_queued <= c.claims.min(c.queued).min(c.extra)
        && c.extra - c.extra_queued <= c.threads
        && (c.queued == 0 || c.claims > 0 || c.threads > c.extra - c.extra_queued)
        && (c.queued == 0 || c.idle == 0 || c.claims > 0)
        && !(c.closed && c.idle > 0)
}

#[test]
fn submit_table() {
    let mut shut = counts(1, 0, 0, 0);
    shut.close();
    assert_eq!(shut.submit(), Submit::Refuse);
    let rows = [
        // before, action, after
        (counts(0, 0, 0, 0), Submit::Start, counts(1, 0, 1, 0)),
        (counts(1, 0, 0, 0), Submit::Start, counts(2, 0, 1, 0)),
        (counts(1, 0, 1, 0), Submit::Queue, counts(1, 0, 1, 1)),
        (counts(2, 1, 0, 0), Submit::QueueAndWake, counts(2, 0, 1, 1)),
        (counts(3, 1, 1, 4), Submit::Queue, counts(3, 1, 1, 5)),
        (counts(3, 0, 0, 4), Submit::Queue, counts(3, 0, 0, 5)),
    ];
    for (mut before, action, after) in rows {
        assert_eq!((before.submit(), before), (action, after));
    }
}

#[test]
fn look_table() {
    let rows = [
        (counts(1, 0, 0, 0), Look::Idle, counts(1, 1, 0, 0)),
        (
            counts(1, 0, 0, 1),
            Look::Run(PassOn::Nobody),
            counts(1, 0, 0, 0),
        ),
        (
            counts(1, 0, 0, 2),
            Look::Run(PassOn::Start),
            counts(2, 0, 1, 0),
        ),
        (
            counts(3, 0, 0, 2),
            Look::Run(PassOn::Nobody),
            counts(3, 0, 0, 1),
        ),
        (
            counts(3, 1, 1, 2),
            Look::Run(PassOn::Nobody),
            counts(3, 1, 1, 1),
        ),
    ];
    for (mut before, action, after) in rows {
        assert_eq!((before.look(), before), (action, after));
    }
    // The same when it is closed.
    let mut shut = counts(1, 0, 0, 2);
    shut.close();
    assert_eq!(shut.look(), Look::Run(PassOn::Start));
    assert_eq!(shut.arrive(), PassOn::Nobody);
    assert_eq!((shut.look(), shut.look()), (Look::Leave, Look::Leave));
    let mut last_claim = counts(3, 1, 1, 2);
    assert_eq!(last_claim.look_claimed(), Look::Run(PassOn::Wake));
    assert_eq!(last_claim, counts(3, 0, 1, 1));
}

#[test]
fn an_extra_job_has_a_thread_beyond_the_limit_while_it_lasts() {
    let mut full = counts(3, 0, 0, 0);
    assert_eq!(full.submit_extra(), Submit::Start);
    assert_eq!(full.arrive(), PassOn::Nobody);
    assert_eq!(full.submit(), Submit::Queue);
    assert_eq!((full.threads, full.extra, full.queued), (4, 1, 1));
    full.extra_ended();
    assert_eq!(full.look(), Look::Leave);
    assert_eq!(full, counts(3, 0, 0, 1));
    // A thread that is free is used again.
    let mut idle = counts(3, 1, 0, 0);
    assert_eq!(idle.submit_extra(), Submit::QueueAndWake);
    assert_eq!(idle.look_claimed(), Look::Run(PassOn::Nobody));
    idle.extra_ended();
    assert_eq!((idle.look(), idle), (Look::Idle, counts(3, 1, 0, 0)));
}

/// I6: what is on its way for ordinary jobs does not keep an extra one from a thread of its own.
#[test]
fn an_extra_job_relies_on_nobody_elses_thread() {
    let mut starting = counts(1, 0, 1, 2);
    assert_eq!(starting.submit_extra(), Submit::Start);
    assert_eq!((starting.threads, starting.claims), (2, 2));
    let mut woken = counts(3, 1, 1, 2);
    assert_eq!(woken.submit_extra(), Submit::QueueAndWake);
    assert_eq!((woken.claims, woken.queued, woken.extra_queued), (2, 3, 1));
    // Whoever of the two comes first takes it.
    assert_eq!(woken.look_claimed(), Look::Run(PassOn::Nobody));
    assert_eq!((woken.queued, woken.extra_queued), (2, 0));
}

/// I2: a thread in an extra job may stay there for ever, so it is none that will look.
#[test]
fn threads_in_extra_jobs_do_not_count_for_others() {
    let mut carrying = counts(0, 0, 0, 0);
    assert_eq!(carrying.submit_extra(), Submit::Start);
    assert_eq!(carrying.arrive(), PassOn::Nobody);
    assert_eq!(carrying.submit(), Submit::Start);
    assert_eq!(carrying.start_failed(), StartFailed::NoThreads);
    assert_eq!((carrying.threads, carrying.queued), (1, 0));
    // With one thread beside it the job waits, and is tried again.
    assert_eq!(carrying.submit(), Submit::Start);
    assert_eq!(carrying.arrive(), PassOn::Nobody);
    carrying.limit = 5;
    assert_eq!(carrying.submit(), Submit::Start);
    assert_eq!(carrying.start_failed(), StartFailed::Queue);
    assert!(carrying.retry());
    assert_eq!((carrying.threads, carrying.queued), (3, 0));
    assert!(!carrying.retry(), "nothing waits");
}

#[test]
fn an_extra_job_without_a_thread_goes_back_and_leaves_no_other_behind() {
    // Others relied on the thread that was to be created.
    let mut alone = counts(0, 0, 0, 0);
    assert_eq!(alone.submit_extra(), Submit::Start);
    assert_eq!(alone.submit(), Submit::Queue);
    assert_eq!(alone.extra_start_failed(), ExtraStartFailed::NoThreads);
    assert_eq!(alone, counts(0, 0, 0, 0));
    let mut busy = counts(1, 0, 0, 0);
    assert_eq!(busy.submit_extra(), Submit::Start);
    assert_eq!(busy.submit(), Submit::Queue);
    let mut sleepy = busy;
    assert_eq!(busy.extra_start_failed(), ExtraStartFailed::Nobody);
    assert_eq!(busy, counts(1, 0, 0, 1));
    sleepy.idle = 1;
    assert_eq!(sleepy.extra_start_failed(), ExtraStartFailed::Wake);
    assert_eq!(sleepy, counts(1, 0, 1, 1));
}

#[test]
fn an_expired_sleeper_leaves_unless_a_job_is_there() {
    let mut alone = counts(1, 1, 0, 0);
    assert_eq!((alone.expire(), alone), (Look::Leave, counts(0, 0, 0, 0)));
    // The claimed thread may be one that is yet to be created, and fail.
    let mut needed = counts(2, 1, 1, 1);
    assert_eq!(needed.expire(), Look::Run(PassOn::Nobody));
    assert_eq!(needed, counts(2, 0, 1, 0));
}

#[test]
fn start_failed_table() {
    let rows = [
        (
            counts(1, 0, 1, 2),
            StartFailed::NoThreads,
            counts(0, 0, 0, 0),
        ),
        (counts(2, 0, 1, 0), StartFailed::Queue, counts(1, 0, 0, 1)),
        (
            counts(2, 1, 1, 0),
            StartFailed::QueueAndWake,
            counts(1, 0, 1, 1),
        ),
        (counts(3, 1, 2, 0), StartFailed::Queue, counts(2, 1, 1, 1)),
    ];
    for (mut before, action, after) in rows {
        assert_eq!((before.start_failed(), before), (action, after));
    }
}

/// Every sound value, and every transition that its caller may make there, leads to a sound
/// value with the right sums. Debug assertions are not needed to see a mistake.
#[test]
fn every_transition_keeps_the_invariants() {
    let mut seen = 0;
    for word in 0..4_usize.pow(4) * 2 {
        let digit = |place: u32| word / 2 / 4_usize.pow(place) % 4;
        let mut before = counts(digit(0), digit(1), digit(2), digit(3));
        before.closed = word % 2 == 1;
        if !is_sound(&before) {
            continue;
        }
        let busy = before.threads - before.idle - before.claims;
        let mut step = |allowed: bool, transition: &dyn Fn(&mut Counts)| {
            let mut after = before;
            if allowed {
                transition(&mut after);
                assert!(is_sound(&after), "{before:?} became {after:?}");
                seen += 1;
            }
        };
        step(true, &|c| {
            let _ = c.submit();
        });
        step(busy > 0, &|c| {
            let _ = c.look();
        });
        step(before.claims > 0, &|c| {
            let _ = c.look_claimed();
        });
        step(before.claims > 0, &|c| {
            let _ = c.arrive();
        });
        step(before.claims > 0, &|c| {
            let _ = c.start_failed();
        });
        step(before.idle > 0, &|c| {
            let _ = c.expire();
        });
        step(true, &|c| c.close());
        step(before.queued > 0, &|c| c.withdraw());
    }
    assert!(seen > 200, "{seen}");
}

/// A pool of imaginary threads that does what the actions say, in random order.
#[derive(Debug)]
struct Oracle {
    counts: Counts,
    busy: usize,
    /// Threads in extra jobs.
    carrying: usize,
    woken: usize,
    starting: usize,
    starting_extra: usize,
    parked: usize,
    queued: usize,
    extra_queued: usize,
    accepted: usize,
    done: usize,
    returned: usize,
    /// A creation has failed since the last one that worked: jobs may wait below the limit.
    failed: bool,
}

impl Oracle {
    fn new(limit: usize) -> Self {
        Self {
            counts: Counts::new(limit),
            busy: 0,
            carrying: 0,
            woken: 0,
            starting: 0,
            starting_extra: 0,
            parked: 0,
            queued: 0,
            extra_queued: 0,
            accepted: 0,
            done: 0,
            returned: 0,
            failed: false,
        }
    }

    fn pass_on(&mut self, pass_on: PassOn) {
        match pass_on {
            PassOn::Nobody => {}
            PassOn::Wake => self.wake(),
            PassOn::Start => {
                assert_eq!(self.extra_queued, 0, "I6: it has a thread of its own");
                self.queued -= 1;
                self.starting += 1;
            }
        }
    }

    fn wake(&mut self) {
        self.parked -= 1;
        self.woken += 1;
    }

    fn look(&mut self, look: Look) {
        match look {
            Look::Run(pass_on) => {
                // Extra jobs first.
                if self.extra_queued > 0 {
                    self.extra_queued -= 1;
                    self.carrying += 1;
                } else {
                    self.queued -= 1;
                    self.busy += 1;
                }
                self.pass_on(pass_on);
            }
            Look::Idle => self.parked += 1,
            Look::Leave => {}
        }
    }

    fn submit(&mut self, is_extra: bool) {
        let submit = if is_extra {
            self.counts.submit_extra()
        } else {
            self.counts.submit()
        };
        if submit == Submit::Refuse {
            return;
        }
        self.accepted += 1;
        let (queued, starting) = if is_extra {
            (&mut self.extra_queued, &mut self.starting_extra)
        } else {
            (&mut self.queued, &mut self.starting)
        };
        match submit {
            Submit::Start => *starting += 1,
            _ => *queued += 1,
        }
        if submit == Submit::QueueAndWake {
            self.wake();
        }
        assert!(!(is_extra && submit == Submit::Queue), "I6");
    }

    fn lose_queued(&mut self) {
        assert_eq!(self.extra_queued, 0, "I6: its thread is there");
        self.returned += self.queued;
        self.queued = 0;
    }

    fn step(&mut self, choice: u32) {
        match choice {
            0 => self.submit(false),
            1 if self.busy > 0 => {
                self.busy -= 1;
                self.done += 1;
                let look = self.counts.look();
                self.look(look);
            }
            2 if self.woken > 0 => {
                self.woken -= 1;
                let look = self.counts.look_claimed();
                self.look(look);
            }
            3 if self.starting > 0 => {
                self.starting -= 1;
                self.busy += 1;
                self.failed = false;
                let pass_on = self.counts.arrive();
                self.pass_on(pass_on);
            }
            4 if self.carrying > 0 => {
                self.carrying -= 1;
                self.done += 1;
                self.counts.extra_ended();
                let look = self.counts.look();
                self.look(look);
            }
            5 if self.starting_extra > 0 => {
                self.starting_extra -= 1;
                self.carrying += 1;
                self.failed = false;
                let pass_on = self.counts.arrive();
                self.pass_on(pass_on);
            }
            6 if self.parked > 0 => {
                self.parked -= 1;
                let look = self.counts.expire();
                self.look(look);
            }
            7 if self.starting > 0 => {
                self.starting -= 1;
                self.failed = true;
                match self.counts.start_failed() {
                    StartFailed::NoThreads => {
                        self.returned += 1;
                        self.lose_queued();
                    }
                    StartFailed::Queue => self.queued += 1,
                    StartFailed::QueueAndWake => {
                        self.queued += 1;
                        self.wake();
                    }
                }
            }
            8 if self.starting_extra > 0 => {
                self.starting_extra -= 1;
                self.returned += 1;
                self.failed = true;
                match self.counts.extra_start_failed() {
                    ExtraStartFailed::NoThreads => self.lose_queued(),
                    ExtraStartFailed::Nobody => {}
                    ExtraStartFailed::Wake => self.wake(),
                }
            }
            9 => self.submit(true),
            10 if self.counts.retry() => {
                self.queued -= 1;
                self.starting += 1;
            }
            _ => {}
        }
    }

    fn check(&self) {
        let c = &self.counts;
        let in_extras = self.carrying + self.starting_extra;
        let threads = self.busy + self.woken + self.starting + self.parked + in_extras;
        assert_eq!(
            (c.threads, c.idle, c.queued, c.extra_queued),
            (
                threads,
                self.parked,
                self.queued + self.extra_queued,
                self.extra_queued
            )
        );
        assert_eq!(c.claims, self.woken + self.starting + self.starting_extra);
        assert!(self.extra_queued <= self.woken, "I6: {self:?}");
        // Only threads that came out of an extra job may be too many, until they look.
        assert!(
            threads <= c.limit + c.extra + self.busy + self.parked,
            "I1: {self:?}"
        );
        assert!(
            c.queued == 0 || c.claims > 0 || threads > in_extras,
            "I2: {self:?}"
        );
        // Conservation of jobs.
        let in_hand = self.busy + self.starting + in_extras;
        assert_eq!(
            self.accepted,
            self.done + self.returned + self.queued + self.extra_queued + in_hand
        );
        // A job waits only for a thread on its way or because all threads are busy, and
        // there are as many as allowed or as can be had.
        if c.queued > 0 && c.claims == 0 {
            assert_eq!(self.parked, 0, "I3: {self:?}");
            let all = c.threads >= c.limit + c.extra;
            assert!(all || self.failed || c.closed, "I4: {self:?}");
        }
    }
}

#[test]
fn random_walks_agree_with_an_oracle() {
    for seed in 0..400 {
        let mut random = FastRand::from_seed(seed);
        let mut oracle = Oracle::new(1 + seed as usize % 5);
        for _ in 0..1000 {
            oracle.step(random.below(11));
            oracle.check();
        }
        // At the end every thread does its part, and nothing may be left.
        oracle.counts.close();
        (oracle.woken, oracle.parked) = (oracle.woken + oracle.parked, 0);
        for _ in 0..3 * (oracle.accepted + 10) {
            oracle.check();
            (1..6).for_each(|choice| oracle.step(choice));
        }
        assert_eq!(
            oracle.accepted,
            oracle.done + oracle.returned,
            "seed {seed}"
        );
        assert_eq!(oracle.counts.threads, 0, "seed {seed}");
    }
}
