//! Runs of a network.

use super::comb::{picoseconds, seconds};
use super::heralds::{Drawer, StateChoice};
use super::kernel::Kernel;
use super::params::{Contention, DemandParams, MAX_DURATION_S, PolicyParams};
use super::record::{Deliveries, Kept, LATENCY_BINS, NetworkRecord, RecordLevel};
use super::routes::Way;
use super::rules::{Asked, Rules};
use super::saturated;
use super::topology::{Network, Saturation};
use super::waiting::Law;
use crate::error::{Error, Result};
use crate::state::{Correlations, State};
use crate::stream::{BlockKey, Key};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What to run.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkPlan {
    /// Key of the random numbers.
    pub key: Key,
    /// Time to simulate (s).
    pub duration_s: f64,
    /// What nodes do with their ions and pairs.
    pub policy: PolicyParams,
    /// How much is written down.
    pub level: RecordLevel,
    /// What of a herald's state is taken into account.
    pub states: StateChoice,
    /// Independent runs of the same network, each from empty memories.
    pub repetitions: u64,
    /// Threads, at least one; they change no result.
    pub threads: usize,
    /// Memory that deliveries and traces may take, as far as their number can be told before the run.
    pub memory_bytes: u64,
}

impl NetworkPlan {
    /// One run on one thread.
    pub fn new(key: Key, duration_s: f64) -> Self {
        Self {
            key,
            duration_s,
            policy: PolicyParams::default(),
            level: RecordLevel::default(),
            states: StateChoice::default(),
            repetitions: 1,
            threads: 1,
            memory_bytes: u64::MAX,
        }
    }
}

/// Numbers of the laws of a link's qubits, at each side, on a communication and on a memory ion.
pub(super) type LawsOfLink = [[u16; 2]; 2];

/// What a run is about, for those who do the work.
pub(super) struct Job<'a> {
    pub(super) network: &'a Network,
    pub(super) key: Key,
    pub(super) duration_ps: u64,
    pub(super) policy: PolicyParams,
    pub(super) level: RecordLevel,
    pub(super) ways: Vec<Way>,
    /// Rules of one's own, and which of their questions are asked.
    pub(super) rules: Option<(&'a dyn Rules, Asked)>,
}

impl Job<'_> {
    /// Whether rules of one's own end it.
    pub(super) fn is_ended(&self) -> bool {
        self.rules.is_some_and(|(rules, _)| rules.ends())
    }

    /// A pair turned to phi+ by a gate at its second end; pairs that swaps made need none in one of four cases.
    pub(super) fn corrected(&self, pair: &Correlations, node: u32, swapped: bool) -> Correlations {
        let weight = self.network.nodes[node as usize].correction_weight();
        if weight == 1.0 {
            return *pair;
        }
        pair.depolarized(1, if swapped { 0.25 + 0.75 * weight } else { weight })
    }

    /// The different laws of waiting, and which of them qubits of each link follow.
    pub(super) fn laws(&self) -> Result<(Vec<Law>, Vec<LawsOfLink>)> {
        let mut laws: Vec<Law> = vec![];
        let mut law_of = Vec::with_capacity(self.network.links.len());
        for link in 0..self.network.links.len() as u32 {
            let mut numbers = [[0; 2]; 2];
            for (side, of_side) in numbers.iter_mut().enumerate() {
                for (stored, number) in of_side.iter_mut().enumerate() {
                    let law = self.network.law(link, side, stored == 1)?;
                    let known = laws.iter().position(|known| *known == law);
                    *number = known.unwrap_or(laws.len()) as u16;
                    if known.is_none() {
                        laws.push(law);
                    }
                    if laws.len() > usize::from(u16::MAX) {
                        let domain = "at most 65535 different ones in a network";
                        return Err(Error::parameter(
                            "nodes",
                            format!("{} memories", laws.len()),
                            domain,
                            "",
                        ));
                    }
                }
            }
            law_of.push(numbers);
        }
        Ok((laws, law_of))
    }
}

/// A finished, or interrupted, run of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkRun {
    /// What was written down, of all repetitions one after the other.
    pub record: NetworkRecord,
    /// Number of deliveries up to the end of each repetition.
    pub ends: Vec<usize>,
    /// Number of entries of the trace up to there.
    pub trace_ends: Vec<usize>,
    /// Whether it was ended before its time.
    pub interrupted: bool,
    /// Time simulated, summed over repetitions (s).
    pub duration_s: f64,
    /// Deliveries that have not been put together, in the order of repetitions and links.
    pub(super) pieces: Vec<Deliveries>,
    /// Whether links were drawn one after the other.
    pub(super) by_link: bool,
    pub(super) states: StateChoice,
    pub(super) saturation: Saturation,
}

impl NetworkRun {
    /// Puts the deliveries of an interrupted run together and in order, which [`Network::run`] leaves for later: millions of
    /// them would keep whoever interrupted it waiting. All else is there before; of other runs nothing changes.
    pub fn complete(&mut self) {
        if self.pieces.is_empty() {
            return;
        }
        self.record.deliveries = joined(std::mem::take(&mut self.pieces));
        if self.by_link {
            self.record.deliveries.sort(&self.ends);
        }
    }
}

/// Deliveries one after the other; those of one piece stay where they are.
fn joined(mut pieces: Vec<Deliveries>) -> Deliveries {
    if pieces.len() == 1 {
        return pieces.remove(0);
    }
    let mut whole = Deliveries::with_room_for(pieces.iter().map(Deliveries::len).sum());
    for piece in &mut pieces {
        whole.append(piece);
    }
    whole
}

impl std::ops::Deref for NetworkRun {
    type Target = NetworkRecord;

    fn deref(&self) -> &NetworkRecord {
        &self.record
    }
}

impl Network {
    /// Runs the network from empty memories.
    ///
    /// `observer` is called about every 5 ms on the calling thread with the time that is simulated (s, of all repetitions); when
    /// it returns `false`, the run ends within a few milliseconds and holds what was complete; its deliveries are there after
    /// [`NetworkRun::complete`].
    ///
    /// # Errors
    /// [`Error::Parameter`] and [`Error::Model`] for whatever makes the network impossible: demands without a way, too few ions,
    /// mean states of links whose attempts depend on each other; [`Error::Size`] for more deliveries than memory holds.
    pub fn run(&self, plan: &NetworkPlan, observer: &mut dyn FnMut(f64) -> bool) -> Result<NetworkRun> {
        self.run_by(plan, None, observer)
    }

    /// The same, by rules of one's own.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn run_by(
        &self,
        plan: &NetworkPlan,
        rules: Option<&dyn Rules>,
        observer: &mut dyn FnMut(f64) -> bool,
    ) -> Result<NetworkRun> {
        let rules = rules.map(|rules| (rules, rules.asked()));
        let ways = self.checked(plan, rules)?;
        let job = |key: Key| Job {
            network: self,
            key,
            duration_ps: picoseconds(plan.duration_s),
            policy: plan.policy.clone(),
            level: plan.level,
            ways: ways.clone(),
            rules,
        };
        let jobs: Vec<Job<'_>> =
            (0..plan.repetitions).map(|repetition| job(repeated(plan.key, repetition))).collect();
        let alone = self.saturation == Saturation::Links && saturated::never_wait(self);
        let parts = if alone { self.links.len().div_ceil(LINKS_PER_PART).max(1) } else { 1 };
        let tasks =
            Tasks { jobs: &jobs, parts, states: plan.states, duration_ps: picoseconds(plan.duration_s) };
        let (records, interrupted) = tasks.work(self, plan.threads, observer)?;
        let mut whole = NetworkRecord::default();
        let (mut ends, mut trace_ends) = (vec![], vec![]);
        let mut pieces = vec![];
        let mut reached_ps = 0;
        let mut records = records.into_iter();
        for _ in &jobs {
            let mut one = NetworkRecord::default();
            let mut deliveries = vec![];
            for (number, part) in records.by_ref().take(parts).enumerate() {
                let Some(mut part) = part else { continue };
                if !alone {
                    deliveries.push(std::mem::take(&mut part.deliveries));
                    one = part;
                } else if one.attempts.len() == number * LINKS_PER_PART {
                    // a part that was interrupted lacks its last links: what comes after it would be taken for them
                    deliveries.push(std::mem::take(&mut part.deliveries));
                    extend_links(&mut one, part);
                }
            }
            if alone {
                if plan.level == RecordLevel::Trace {
                    let mut sorted = joined(deliveries);
                    sorted.sort(&[sorted.len()]);
                    one.trace = saturated::trace(&sorted);
                    deliveries = vec![sorted];
                }
                let complete = one.attempts.len() == self.links.len();
                one.latencies.resize(LATENCY_BINS, 0);
                one.attempts.resize(self.links.len(), 0);
                one.attempting_ps.resize(self.links.len(), 0);
                one.totals.resize(self.links.len(), super::record::Totals::default());
                one.taken_ps = self.taken_ps(&one.attempting_ps);
                // of a first run that was interrupted the links that are complete are kept
                if complete || (ends.is_empty() && one.attempting_ps[0] > 0) {
                    one.reached_ps = tasks.duration_ps;
                } else if !ends.is_empty() {
                    one = NetworkRecord::default();
                    deliveries.clear();
                }
            }
            reached_ps += one.reached_ps;
            let before = ends.last().copied().unwrap_or(0);
            ends.push(before + deliveries.iter().map(Deliveries::len).sum::<usize>());
            pieces.append(&mut deliveries);
            whole.append(one);
            trace_ends.push(whole.trace.time_ps.len());
        }
        whole.reached_ps = reached_ps;
        let mut run = NetworkRun {
            duration_s: seconds(reached_ps),
            record: whole,
            ends,
            trace_ends,
            interrupted,
            pieces,
            by_link: alone,
            states: plan.states,
            saturation: self.saturation,
        };
        if !interrupted {
            run.complete();
        }
        Ok(run)
    }

    /// Communication ions' time where every link attempts all the time.
    fn taken_ps(&self, attempting_ps: &[u64]) -> Vec<u64> {
        let mut taken_ps = vec![0; self.nodes.len()];
        for (place, attempting_ps) in self.links.iter().zip(attempting_ps) {
            for node in place.nodes {
                if self.nodes[node as usize].params.communication_ions.is_some() {
                    let ions = self.physics[place.physics as usize].comb.ions();
                    taken_ps[node as usize] += attempting_ps * ions;
                }
            }
        }
        taken_ps
    }

    /// Refuses what [`Network::run`] would refuse, and runs nothing.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn check(&self, plan: &NetworkPlan) -> Result<()> {
        self.checked(plan, None).map(drop)
    }

    /// Checks the plan against the network; finds the ways of demands.
    fn checked(&self, plan: &NetworkPlan, rules: Option<(&dyn Rules, Asked)>) -> Result<Vec<Way>> {
        if !(plan.duration_s > 0.0 && plan.duration_s <= MAX_DURATION_S) {
            let domain = format!("above 0, at most {MAX_DURATION_S:e}");
            return Err(Error::parameter("duration_s", plan.duration_s, domain, "s"));
        }
        if plan.threads == 0 {
            return Err(Error::parameter("threads", 0, "at least 1", ""));
        }
        if plan.repetitions == 0 || plan.repetitions > 1 << 20 {
            return Err(Error::parameter("repetitions", plan.repetitions, "in [1, 1048576]", ""));
        }
        plan.policy.check().map_err(|error| error.within("policy"))?;
        if self.links.is_empty() {
            return Err(Error::parameter("links", "none", "at least one", ""));
        }
        match self.saturation {
            Saturation::Links if !self.demands.is_empty() => {
                return Err(Error::Model {
                    parameter: "demands".into(),
                    message: "where every link works for itself there is nothing left for demands: leave one of them out"
                        .into(),
                });
            }
            Saturation::Demands if self.demands.is_empty() => {
                return Err(Error::parameter(
                    "demands",
                    "none",
                    "at least one, or links that work for themselves",
                    "",
                ));
            }
            _ => {}
        }
        for (number, place) in self.links.iter().enumerate() {
            let physics = &self.physics[place.physics as usize];
            for node in place.nodes {
                let node = &self.nodes[node as usize];
                if let Some(ions) = node.params.communication_ions
                    && ions < physics.comb.ions()
                {
                    let name = &node.params.name;
                    let domain =
                        format!("at least the {} that link {number} excites in a round", physics.comb.ions());
                    return Err(Error::parameter(
                        format!("nodes.{name}.communication_ions"),
                        ions,
                        domain,
                        "",
                    ));
                }
            }
            if physics.probability <= 0.0 {
                let value = physics.probability;
                let domain = "above 0: a link that never heralds has no place in a network";
                return Err(Error::parameter(
                    format!("links.{number}.herald_probability"),
                    value,
                    domain,
                    "",
                ));
            }
        }
        for physics in &self.physics {
            Drawer::new(physics, plan.states)?;
        }
        self.check_ports()?;
        let shared = self.links.iter().any(|place| place.station != super::kernel::NONE);
        if shared && plan.policy.contention == Contention::HoldAndWait {
            return Err(Error::Model {
                parameter: "policy.contention".into(),
                message: "links that share a station hold nothing while they wait: use \"longest_waiting\""
                    .into(),
            });
        }
        let mut choose = None;
        if let Some((rules, asked)) = rules {
            asked.check(self.saturation == Saturation::Links, plan.policy.levels() > 0)?;
            choose = asked.route.then_some(rules);
        }
        let ways = (0..self.demands.len())
            .map(|demand| self.chosen_way(demand, choose))
            .collect::<Result<Vec<_>>>()?;
        self.check_timeout(&plan.policy, &ways)?;
        let shares = self.shares(&ways, plan.policy.levels());
        let levels = u64::from(plan.policy.levels());
        for (number, way) in ways.iter().enumerate() {
            let here =
                |node: u32| format!("demands.{number}.route: node {:?}", self.name(node).unwrap_or_default());
            for (place, &node) in way.nodes.iter().enumerate() {
                let inside = place > 0 && place < way.links.len();
                let node_params = &self.nodes[node as usize];
                let params = &node_params.params;
                let needed = (1 + levels) * if inside { 2 } else { 1 };
                if let Some(ions) = params.communication_ions
                    && ions + params.memory_ions < needed
                {
                    return Err(Error::Model {
                        parameter: here(node),
                        message: format!(
                            "it must store {needed} qubits and has {} ions",
                            ions + params.memory_ions
                        ),
                    });
                }
                let share = shares[node as usize];
                if share < 1 + levels {
                    return Err(Error::Model {
                        parameter: here(node),
                        message: format!(
                            "{levels} rounds of distillation need {} qubits of each link stored, and its share is {share}: give \
                             it more ions or `buffer_per_link`",
                            1 + levels
                        ),
                    });
                }
            }
        }
        self.check_size(plan, &ways)?;
        Ok(ways)
    }

    /// States of delivered pairs, turned to phi+.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a range beyond the deliveries, which a summary has none of.
    pub fn states(&self, run: &NetworkRun, range: std::ops::Range<usize>) -> Result<Vec<State>> {
        let deliveries: &Deliveries = &run.record.deliveries;
        if range.start > range.end || range.end > deliveries.len() {
            let domain = format!("within {} deliveries", deliveries.len());
            return Err(Error::parameter("range", format!("{range:?}"), domain, ""));
        }
        let mut drawers: Vec<Option<Drawer<'_>>> = self.physics.iter().map(|_| None).collect();
        let job = Job {
            network: self,
            key: Key([0; 2]),
            duration_ps: 0,
            policy: PolicyParams::default(),
            level: RecordLevel::Summary,
            ways: vec![],
            rules: None,
        };
        let mut states = Vec::with_capacity(range.len());
        for index in range {
            let pair = match &deliveries.kept[index] {
                // as it was delivered
                Kept::Stored(number) => {
                    states.push(deliveries.states[*number as usize].state());
                    continue;
                }
                // as its herald left it
                kept => {
                    let link = deliveries.demand[index];
                    let physics = self.links[link as usize].physics as usize;
                    let drawer = match &mut drawers[physics] {
                        Some(drawer) => drawer,
                        none => none.insert(Drawer::new(&self.physics[physics], run.states)?),
                    };
                    let (pair, announced) = drawer.pair(&kept.origin())?;
                    let laws = [self.law(link, 0, false)?, self.law(link, 1, false)?];
                    self.physics[physics].arrived(pair, announced, laws)
                }
            };
            let node = self.links[deliveries.demand[index] as usize].nodes[1];
            states.push(job.corrected(&pair, node, false).state());
        }
        Ok(states)
    }

    /// The demands, as they were given.
    pub fn demands(&self) -> &[DemandParams] {
        &self.demands
    }
}

/// Number that enters the key of a repetition.
const REPETITIONS: u64 = 52;
/// Links that one thread draws at a time.
const LINKS_PER_PART: usize = 512;

/// The key of a repetition; the first one's is that of the run.
fn repeated(key: Key, repetition: u64) -> Key {
    if repetition == 0 {
        return key;
    }
    let [low, high, ..] = BlockKey { key, engine: REPETITIONS, block: repetition }.words(0);
    Key([low, high])
}

/// Adds links to a record of links that work for themselves.
fn extend_links(record: &mut NetworkRecord, mut part: NetworkRecord) {
    record.totals.append(&mut part.totals);
    record.attempts.append(&mut part.attempts);
    record.attempting_ps.append(&mut part.attempting_ps);
    record.fates.merge(&part.fates);
    if record.latencies.is_empty() {
        record.latencies = part.latencies;
    } else {
        record.latencies.iter_mut().zip(part.latencies).for_each(|(mine, theirs)| *mine += theirs);
    }
}

/// What threads share.
struct Tasks<'a> {
    jobs: &'a [Job<'a>],
    /// Parts of each job: ranges of links where these work for themselves.
    parts: usize,
    states: StateChoice,
    duration_ps: u64,
}

/// Records of the parts of all jobs in their order, as far as they were begun; whether the run was stopped.
type Worked = (Vec<Option<NetworkRecord>>, bool);

impl<'a> Tasks<'a> {
    fn work(
        &self,
        network: &'a Network,
        threads: usize,
        observer: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Worked> {
        let count = self.jobs.len() * self.parts;
        let (next, done_ps, stop) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let found: Mutex<Vec<Option<Result<NetworkRecord>>>> = Mutex::new((0..count).map(|_| None).collect());
        let worker = |going: &mut dyn FnMut() -> bool| -> Result<()> {
            let mut drawers = network
                .physics
                .iter()
                .map(|physics| Drawer::new(physics, self.states))
                .collect::<Result<Vec<_>>>()?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count || stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let job = &self.jobs[number / self.parts];
                let result = self.part(network, job, number % self.parts, &mut drawers, &done_ps, going);
                if result.is_err() || job.is_ended() {
                    stop.store(true, Ordering::Relaxed);
                }
                let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                found[number] = Some(result);
            }
        };
        let mut last = Instant::now();
        let mut look = |observer: &mut dyn FnMut(f64) -> bool| {
            if last.elapsed() >= LOOK_EVERY {
                last = Instant::now();
                if !observer(seconds(done_ps.load(Ordering::Relaxed))) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            !stop.load(Ordering::Relaxed)
        };
        let mut failed = None;
        std::thread::scope(|scope| {
            let mut others = vec![];
            for _ in 1..threads.min(count) {
                let (worker, stop) = (&worker, &stop);
                let work = move || worker(&mut || !stop.load(Ordering::Relaxed));
                // a machine that refuses another thread still has this one; the result is the same
                match std::thread::Builder::new().spawn_scoped(scope, work) {
                    Ok(handle) => others.push(handle),
                    Err(_) => break,
                }
            }
            failed = worker(&mut || look(observer)).err();
            for other in others {
                while !other.is_finished() {
                    std::thread::sleep(Duration::from_millis(1));
                    look(observer);
                }
                if let Ok(Err(error)) = other.join() {
                    failed.get_or_insert(error);
                }
            }
        });
        let found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut records = Vec::with_capacity(count);
        for result in found {
            records.push(result.transpose()?);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        Ok((records, stop.load(Ordering::Relaxed)))
    }

    fn part(
        &self,
        network: &'a Network,
        job: &'a Job<'a>,
        part: usize,
        drawers: &mut [Drawer<'a>],
        done_ps: &AtomicU64,
        going: &mut dyn FnMut() -> bool,
    ) -> Result<NetworkRecord> {
        if self.parts > 1 || (network.saturation == Saturation::Links && saturated::never_wait(network)) {
            let links = part * LINKS_PER_PART..((part + 1) * LINKS_PER_PART).min(network.links.len());
            let record = saturated::draw(job, links, drawers, going);
            done_ps.fetch_add(self.duration_ps / self.parts as u64, Ordering::Relaxed);
            return record;
        }
        Kernel::new(job, drawers)?.run(done_ps, going)
    }
}

/// Time between two calls of the observer.
const LOOK_EVERY: Duration = Duration::from_millis(5);
