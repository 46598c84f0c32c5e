//! Makes simpler what cannot be taken out: fewer clients, calmer settings, shorter words, rounder
//! numbers, a crash that leaves all or nothing.

use super::Shrinker;
use crate::disk::{BTRFS, Crash, EXT4, Image, STRICT, XFS};
use crate::script::{Event, Form, Persistence, Script, Sent};

type Change = fn(&mut Script);

/// Settings, each to its calm value.
const SETTINGS: &[Change] = &[
    |script| script.setup.stock = None,
    |script| script.setup.persistence = None,
    |script| script.setup.persistence = Some(Persistence::calm()),
    |script| script.setup.personality = STRICT,
    |script| script.setup.personality = XFS,
    |script| script.setup.personality = EXT4,
    |script| script.setup.personality = BTRFS,
    |script| script.setup.core_seed = 0,
    |script| script.setup.last_image = Image::Everything,
    |script| script.setup.last_image = Image::Nothing,
    |script| kept(script, |kept, calm| kept.appendfsync = calm.appendfsync),
    |script| kept(script, |kept, calm| kept.aof_use_rdb_preamble = calm.aof_use_rdb_preamble),
    |script| kept(script, |kept, calm| kept.aof_timestamp_enabled = calm.aof_timestamp_enabled),
    |script| kept(script, |kept, _| kept.no_appendfsync_on_rewrite = false),
    |script| kept(script, |kept, _| kept.auto_aof_rewrite_percentage = 0),
    |script| kept(script, |kept, _| kept.auto_aof_rewrite_min_size = 100_000),
    |script| kept(script, |kept, _| kept.aof_load_truncated = true),
    |script| kept(script, |kept, _| kept.save = None),
];

fn kept(script: &mut Script, change: fn(&mut Persistence, Persistence)) {
    if let Some(kept) = &mut script.setup.persistence {
        change(kept, Persistence::calm());
    }
}

impl Shrinker {
    pub(super) fn simplify(&mut self) {
        for change in SETTINGS {
            self.change(change);
        }
        self.one_client();
        let places: Vec<(usize, usize)> = {
            let steps = self.script.steps.iter().enumerate();
            steps.flat_map(|(at, step)| (0..step.len()).map(move |nth| (at, nth))).collect()
        };
        for (at, nth) in places {
            self.simplify_event(at, nth);
        }
    }

    /// Lets the first client say what all say.
    fn one_client(&mut self) {
        self.change(|script| {
            for event in script.steps.iter_mut().flatten() {
                if let Some(client) = client_of(event) {
                    *client = 0;
                }
            }
        });
    }

    /// Tries simpler events in the place of one until none will do.
    fn simplify_event(&mut self, at: usize, nth: usize) {
        // An event is one of few, so that this ends soon; no more than this for a long command.
        for _ in 0..100 {
            let event = self.script.steps[at][nth].clone();
            let simpler = simpler(&event);
            let takes = |it: Event| self.change(|script| script.steps[at][nth] = it);
            if !simpler.into_iter().any(takes) {
                return;
            }
        }
    }
}

fn client_of(event: &mut Event) -> Option<&mut u32> {
    match event {
        Event::Send(Sent { client, .. })
        | Event::Connect { client, .. }
        | Event::Deliver { client, .. }
        | Event::Room { client, .. }
        | Event::Disconnect(client)
        | Event::Stall(client) => Some(client),
        _ => None,
    }
}

/// Simpler events than this one, the simplest first.
fn simpler(event: &Event) -> Vec<Event> {
    match event {
        Event::Send(sent) => simpler_words(sent).into_iter().map(Event::Send).collect(),
        Event::Connect { client, is_resp3: true } => {
            vec![Event::Connect { client: *client, is_resp3: false }]
        }
        Event::Image(Image::Drawn(seed)) => {
            let mut images = vec![Event::Image(Image::Everything), Event::Image(Image::Nothing)];
            let small = (0..30).take_while(|it| it < seed);
            images.extend(small.map(|it| Event::Image(Image::Drawn(it))));
            images
        }
        Event::Image(Image::Chosen(_)) => {
            vec![Event::Image(Image::Everything), Event::Image(Image::Nothing)]
        }
        Event::Crash(Crash::PowerLoss) => vec![Event::Crash(Crash::Process)],
        Event::Pass(us) => rounder(*us).map(Event::Pass).collect(),
        Event::Jump(us) => {
            let sign = us.signum();
            rounder(us.unsigned_abs()).map(|it| Event::Jump(it as i64 * sign)).collect()
        }
        Event::Delay { nth, ns } => rounder(*ns).map(|ns| Event::Delay { nth: *nth, ns }).collect(),
        _ => Vec::new(),
    }
}

/// Smaller round numbers.
fn rounder(number: u64) -> impl Iterator<Item = u64> {
    (0..=18).map(|digits| 10_u64.pow(digits)).take_while(move |round| *round < number)
}

/// The same command with a word less, with a short word for a long one, or as an array.
fn simpler_words(sent: &Sent) -> Vec<Sent> {
    let with = |words| Sent { words, ..sent.clone() };
    let mut simpler = Vec::new();
    if sent.form != Form::Array {
        simpler.push(Sent { form: Form::Array, ..sent.clone() });
    }
    for at in (1..sent.words.len()).rev() {
        let mut words = sent.words.clone();
        words.remove(at);
        simpler.push(with(words));
    }
    for at in 1..sent.words.len() {
        for word in simpler_word(&sent.words[at]) {
            let mut words = sent.words.clone();
            words[at] = word;
            simpler.push(with(words));
        }
    }
    simpler
}

fn simpler_word(word: &[u8]) -> Vec<Vec<u8>> {
    let mut simpler: Vec<Vec<u8>> = [&b""[..], b"1", b"a"].map(<[u8]>::to_vec).into();
    // What is simplest already is not made into something else as simple.
    let place = simpler.iter().position(|it| it == word);
    simpler.truncate(place.unwrap_or(simpler.len()));
    if word.len() > 3 {
        simpler.push(word[..word.len() / 2].to_vec());
        if let Some(first) = word.first() {
            simpler.push(vec![*first; word.len()]);
        }
    }
    simpler.retain(|it| it != word);
    simpler
}
