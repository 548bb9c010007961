//! Ions: which link may attempt.

use super::kernel::{Event, Kernel, NEVER, NONE, Phase};
use super::params::Contention;
use super::record::{Entry, Happening, NO_PAIR};
use super::topology::Saturation;
use crate::error::Result;

impl Kernel<'_, '_> {
    /// Whether somebody wants a pair of this link and there is room for it.
    fn wanted(&self, link: u32) -> bool {
        if self.network.saturation == Saturation::Links {
            return true;
        }
        let (place, at_work) = (self.network.links[link as usize], &self.links[link as usize]);
        let room = (0..2).all(|side: usize| {
            u64::from(at_work.stored[side]) < self.nodes[place.nodes[side] as usize].share
        });
        if !room {
            return false;
        }
        self.is_wanted(link)
    }

    /// Whether somebody wants a pair of this link.
    fn is_wanted(&self, link: u32) -> bool {
        // pairs that nobody was given yet serve some of those who want one
        let mut wanted = 0_u64;
        for (demand, place) in &self.users[link as usize] {
            wanted = wanted.saturating_add(self.demands[*demand as usize].wanted(*place as usize));
        }
        let bundle = self.bundle_of[link as usize] as usize;
        wanted > self.unbound[bundle].len() as u64 + u64::from(self.moving[bundle])
    }

    pub(super) fn is_idle(&self, link: u32) -> bool {
        self.links[link as usize].phase == Phase::Idle
    }

    /// Lets a link wait for what it needs, if it is idle and wanted; it may get it at once.
    pub(super) fn start(&mut self, link: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        if !self.is_idle(link) || !self.wanted(link) {
            return Ok(());
        }
        let place = self.network.links[link as usize];
        let held = place.nodes.map(|node| self.nodes[node as usize].free.is_none());
        self.links[link as usize].phase = Phase::Waiting(held);
        self.links[link as usize].waiting_ps = self.now_ps;
        if held == [true; 2] && place.station == NONE {
            return self.grant(link, going);
        }
        for (node, held) in place.nodes.into_iter().zip(held) {
            if !held {
                self.nodes[node as usize].queue.push(link);
            }
        }
        if place.station != NONE {
            self.stations[place.station as usize].queue.push_back(link);
        }
        self.serve_all(link, going)
    }

    /// Serves those that wait for anything that a link uses.
    pub(super) fn serve_all(&mut self, link: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let place = self.network.links[link as usize];
        for node in place.nodes {
            self.serve(node, going)?;
        }
        self.serve_station(place.station, going)
    }

    /// Gives a node's free ions to links that wait for them.
    fn serve(&mut self, node: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        if self.job.policy.contention == Contention::HoldAndWait {
            return self.serve_holding(node, going);
        }
        let mut index = 0;
        while let Some(link) = self.nodes[node as usize].queue.get(index).copied() {
            if self.nodes[node as usize].free == Some(0) {
                break;
            }
            let station = self.network.links[link as usize].station;
            if station != NONE {
                // whose turn it is there, the station decides
                let waiting = self.nodes[node as usize].queue.len();
                self.serve_station(station, going)?;
                index = if self.nodes[node as usize].queue.len() < waiting { 0 } else { index + 1 };
            } else if self.may_have_all(link).is_some() {
                self.grant(link, going)?;
            } else {
                index += 1;
            }
        }
        Ok(())
    }

    /// The same where a link may hold the ion of one node while it waits for that of the other.
    fn serve_holding(&mut self, node: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        while let Some(link) = self.nodes[node as usize].queue.first().copied() {
            if !self.take(node, self.ions_of(link)) {
                break;
            }
            self.nodes[node as usize].queue.remove(0);
            let side = self.side(link, node);
            if let Phase::Waiting(held) = &mut self.links[link as usize].phase {
                held[side] = true;
                if *held == [true; 2] {
                    self.begin(link, self.now_ps, going)?;
                }
            }
        }
        Ok(())
    }

    /// Whether everything that a link needs is free: the analyzer that it would have.
    pub(super) fn may_have_all(&self, link: u32) -> Option<u32> {
        let ions = self.ions_of(link);
        let nodes = self.network.links[link as usize].nodes;
        let free = nodes.iter().all(|node| self.has(*node, ions) && self.may_fill(*node, link, ions));
        if free { self.analyzer_for(link) } else { None }
    }

    /// Whether a link may have ions of a node that passes pairs on: the last ones only if its pair could be swapped there with
    /// that of a link that holds others. Otherwise pairs that nobody swaps with each other could take all of them, for good.
    fn may_fill(&self, node: u32, link: u32, ions: u64) -> bool {
        let at_work = &self.nodes[node as usize];
        let left = at_work.free.map_or(u64::MAX, |free| free + at_work.free_memory);
        if at_work.links.is_empty() || left > ions {
            return true;
        }
        // pairs of demands that end here wait for nobody here
        let ends_here = self.users[link as usize].iter().any(|(demand, _)| {
            let nodes = &self.demands[*demand as usize].way.nodes;
            nodes[0] == node || nodes[nodes.len() - 1] == node
        });
        if ends_here {
            return true;
        }
        let bundle = self.bundle_of[link as usize];
        at_work.links.iter().any(|other| {
            let holds = self.links[*other as usize].phase == Phase::Attempting
                || self.links[*other as usize].stored[self.side(*other, node)] > 0;
            let with = self.bundle_of[*other as usize];
            holds && self.partners.contains(&(bundle.min(with), bundle.max(with)))
        })
    }

    /// Gives a link everything that it needs; it attempts as soon as its switch is set.
    pub(super) fn grant(&mut self, link: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let Some(analyzer) = self.may_have_all(link) else { return Ok(()) };
        let (place, ions) = (self.network.links[link as usize], self.ions_of(link));
        for node in place.nodes {
            self.take(node, ions);
            self.nodes[node as usize].queue.retain(|waiting| *waiting != link);
        }
        if place.station != NONE {
            self.stations[place.station as usize].queue.retain(|waiting| *waiting != link);
        }
        let set_ps = self.take_analyzer(link, analyzer);
        self.begin(link, self.now_ps.saturating_add(set_ps), going)
    }

    fn side(&self, link: u32, node: u32) -> usize {
        usize::from(self.network.links[link as usize].nodes[0] != node)
    }

    fn ions_of(&self, link: u32) -> u64 {
        self.drawers[self.network.links[link as usize].physics as usize].comb().ions()
    }

    fn has(&self, node: u32, ions: u64) -> bool {
        self.nodes[node as usize].free.is_none_or(|free| free >= ions)
    }

    /// Takes communication ions of a node, if it has as many.
    fn take(&mut self, node: u32, ions: u64) -> bool {
        let now_ps = self.now_ps;
        let node = &mut self.nodes[node as usize];
        match &mut node.free {
            Some(free) if *free < ions => return false,
            Some(free) => *free -= ions,
            None => return true,
        }
        node.taken_ps += node.taken * (now_ps - node.taken_since_ps);
        (node.taken, node.taken_since_ps) = (node.taken + ions, now_ps);
        true
    }

    fn put_back(&mut self, node: u32, ions: u64) {
        let now_ps = self.now_ps;
        let node = &mut self.nodes[node as usize];
        if let Some(free) = &mut node.free {
            *free += ions;
            node.taken_ps += node.taken * (now_ps - node.taken_since_ps);
            (node.taken, node.taken_since_ps) = (node.taken - ions, now_ps);
        }
    }

    /// Takes ions of both nodes back; nobody is served yet.
    pub(super) fn give_back(&mut self, nodes: [u32; 2], ions: u64) {
        for node in nodes {
            self.put_back(node, ions);
        }
    }

    /// Takes ions of a node back and serves the links that wait.
    pub(super) fn free_ions(&mut self, node: u32, ions: u64, going: &mut dyn FnMut() -> bool) -> Result<()> {
        self.put_back(node, ions);
        self.serve(node, going)
    }

    /// A link that has its ions attempts from the first round of its comb on that starts at `from_ps` or later: of each round one
    /// herald is kept.
    fn begin(&mut self, link: u32, from_ps: u64, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let place = self.network.links[link as usize];
        let drawer = &self.drawers[place.physics as usize];
        let comb = *drawer.comb();
        let at_work = &mut self.links[link as usize];
        at_work.phase = Phase::Attempting;
        at_work.turn = at_work.turn.wrapping_add(1);
        at_work.since_ps = self.now_ps;
        at_work.first = comb.first_round_from(from_ps);
        at_work.next = drawer.next(&mut at_work.source, at_work.first, going)?.unwrap_or(NEVER);
        let (turn, next) = (at_work.turn, at_work.next);
        let message_ps = self.network.physics[place.physics as usize].message_ps;
        if self.attempts_matter {
            for node in place.nodes {
                self.nodes[node as usize].attempting.push(link);
            }
        }
        self.note(Entry {
            event: Happening::Start,
            subject: link,
            pair: NO_PAIR,
            parts: [NO_PAIR; 2],
            fidelity: f64::NAN,
        });
        let given_up_ps = self.timeout_ps.map(|timeout_ps| self.now_ps.saturating_add(timeout_ps));
        let heralded_ps = comb.end_ps(next);
        let at_work = &mut self.links[link as usize];
        if let Some(given_up_ps) = given_up_ps.filter(|given_up_ps| *given_up_ps < heralded_ps) {
            // a herald may be on its way until the message of the last attempt has come
            at_work.end = comb.ended_by(given_up_ps).max(at_work.first);
            self.at(given_up_ps.saturating_add(message_ps), Event::TimeOut { link, turn });
        } else {
            at_work.end = next.saturating_add(1);
            self.at(heralded_ps.saturating_add(message_ps), Event::Herald { link, turn });
        }
        Ok(())
    }

    /// Counts the attempts of a link that stops.
    pub(super) fn stop_attempting(&mut self, link: u32) {
        let now_ps = self.now_ps;
        let at_work = &mut self.links[link as usize];
        let attempts = at_work.end.saturating_sub(at_work.first);
        at_work.attempts += attempts;
        at_work.attempting_ps += now_ps - at_work.since_ps;
        if self.attempts_matter {
            for node in self.network.links[link as usize].nodes {
                let node = &mut self.nodes[node as usize];
                node.attempts += attempts;
                node.attempting.retain(|other| *other != link);
            }
        }
    }

    /// A link without a herald gives its ions back and waits again, behind all others.
    pub(super) fn time_out(&mut self, link: u32, turn: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        if self.links[link as usize].turn != turn || self.links[link as usize].phase != Phase::Attempting {
            return Ok(());
        }
        let (place, ions) = (self.network.links[link as usize], self.ions_of(link));
        self.stop_attempting(link);
        self.links[link as usize].phase = Phase::Idle;
        self.links[link as usize].next = NEVER;
        let (event, subject) = (Happening::TimeOut, link);
        self.note(Entry { event, subject, pair: NO_PAIR, parts: [NO_PAIR; 2], fidelity: f64::NAN });
        self.give_back(place.nodes, ions);
        self.give_analyzer_back(link);
        self.start(link, going)?;
        self.serve_all(link, going)
    }

    /// Attempts that a node has begun by now, where they matter.
    pub(super) fn attempts_at(&self, node: u32) -> u64 {
        let at_work = &self.nodes[node as usize];
        let running = at_work.attempting.iter().map(|link| {
            let place = self.network.links[*link as usize];
            let comb = &self.network.physics[place.physics as usize].comb;
            let link = &self.links[*link as usize];
            comb.first_from(self.now_ps).min(link.end).saturating_sub(link.first)
        });
        at_work.attempts + running.sum::<u64>()
    }

    /// Lets the links of a part of a demand's way start, where they are wanted.
    pub(super) fn start_way(
        &mut self,
        demand: u32,
        places: std::ops::Range<usize>,
        going: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        for place in places {
            for index in 0..self.demands[demand as usize].way.bundles[place].len() {
                let link = self.demands[demand as usize].way.bundles[place][index];
                self.start(link, going)?;
            }
        }
        Ok(())
    }

    /// Stops the other links between the nodes of one that has just heralded, where nobody wants their pairs any more.
    pub(super) fn stop_unwanted(&mut self, link: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let Some((demand, place)) = self.users[link as usize].first().copied() else { return Ok(()) };
        let count = self.demands[demand as usize].way.bundles[place as usize].len();
        if count == 1 || self.is_wanted(link) {
            return Ok(());
        }
        for index in 0..count {
            let other = self.demands[demand as usize].way.bundles[place as usize][index];
            let comb = &self.network.physics[self.network.links[other as usize].physics as usize].comb;
            let at_work = &self.links[other as usize];
            match at_work.phase {
                Phase::Idle => continue,
                Phase::Waiting(held) => {
                    let nodes = self.network.links[other as usize].nodes;
                    let ions = self.ions_of(other);
                    for (node, held) in nodes.into_iter().zip(held) {
                        self.nodes[node as usize].queue.retain(|waiting| *waiting != other);
                        if held && self.nodes[node as usize].free.is_some() {
                            self.put_back(node, ions);
                        }
                    }
                    let station = self.network.links[other as usize].station;
                    if station != NONE {
                        self.stations[station as usize].queue.retain(|waiting| *waiting != other);
                    }
                    self.links[other as usize].phase = Phase::Idle;
                }
                Phase::Attempting => {
                    if comb.end_ps(at_work.next) <= self.now_ps {
                        // its herald is on the way
                        continue;
                    }
                    let turn = at_work.turn;
                    self.links[other as usize].end = comb.ended_by(self.now_ps).max(at_work.first);
                    self.time_out(other, turn, going)?;
                }
            }
            self.serve_all(other, going)?;
        }
        Ok(())
    }
}
