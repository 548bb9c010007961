//! Runs that are cut, and put together again.

use ionlink_core::{EngineChoice, Heralds, Key, Link, Plan, Run, Stop};

pub(crate) fn run(
    link: &Link,
    engine: EngineChoice,
    seed: u64,
    start_attempt: u64,
    stop: Stop,
    threads: usize,
) -> Run {
    let plan = Plan { engine, start_attempt, threads, ..Plan::new(Key::from_seed(seed), stop) };
    link.sample(&plan, &mut |_| true).unwrap()
}

/// One record of two that follow each other.
pub(crate) fn joined(first: Heralds, second: Heralds) -> Heralds {
    Heralds {
        attempt: [first.attempt, second.attempt].concat(),
        pattern: [first.pattern, second.pattern].concat(),
        cause: [first.cause, second.cause].concat(),
        click_time_s: [first.click_time_s, second.click_time_s].concat(),
        blind_s: [first.blind_s, second.blind_s].concat(),
        jitter_s: [first.jitter_s, second.jitter_s].concat(),
        afterpulses: [first.afterpulses, second.afterpulses].concat(),
    }
}
