//! Steps: what can happen next. A step is drawn without a look at the world, so that any of them can be left out.

use fastrand::Rng;

/// One thing that happens, and the number from which everything in it that is left to chance follows.
#[derive(Debug, Clone)]
pub struct Step {
    pub what: What,
    pub dice: u64,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum What {
    /// So many milliseconds pass.
    Pass(i64),
    /// The wall clock is put on or back by so much.
    Put(i64),
    /// A person does something.
    Person(Act),
    /// An agent says something, ends or dies.
    Agent(Word),
    /// Luci's program does something.
    Luci(Deed),
    /// The file of a task is written, broken or removed.
    File(Change),
    /// A source reports something.
    Post,
    /// An engine ticks; the server may die in the middle of it, after so many moments.
    Tick(Engine, Option<u32>),
    /// The server dies and another begins.
    Crash,
}

#[derive(Debug, Clone, Copy)]
pub enum Act {
    Create,
    Move,
    Reply,
    Say,
    Stop,
    Patch,
    Ask,
    CancelTurn,
    RetryTurn,
    StartLuci,
    StopLuci,
    SwitchLuci,
    TakeKeyboard,
    GiveKeyboard,
    Resume,
    Decide,
    Grant,
    PauseTask,
    RunTask,
    StopTask,
}

#[derive(Debug, Clone, Copy)]
pub enum Word {
    Text,
    Tool,
    Half,
    Garbage,
    Result,
    Trouble,
    Exit,
    Fork,
    Report,
    ShimDies,
    LogGone,
}

#[derive(Debug, Clone, Copy)]
pub enum Deed {
    Answer,
    Fail,
    Dialog,
    Die,
    Forget,
}

#[derive(Debug, Clone, Copy)]
pub enum Change {
    Write,
    Break,
    Remove,
}

#[derive(Debug, Clone, Copy)]
pub enum Engine {
    Pickup,
    Reaper,
    Drain,
    Ingest,
    Beside,
    Luci,
    Tasks,
    Outbox,
    Housekeeping,
}

/// The steps of a seed.
pub fn draw(seed: u64, count: usize) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed);
    (0..count).map(|_| Step { what: what(&mut rng), dice: rng.u64(..) }).collect()
}

fn what(rng: &mut Rng) -> What {
    match rng.u32(0..100) {
        0..14 => What::Pass(span(rng)),
        14 => What::Put(*one(rng, &[-3_600_000, -3_600_000, 3_600_000, -40, 1_500, -700, -864_000_000])),
        15..31 => What::Person(*of(rng, ACTS)),
        31..47 => What::Agent(*of(rng, WORDS)),
        47..53 => What::Luci(*of(rng, DEEDS)),
        53..55 => What::File(*of(rng, &[(5, Change::Write), (1, Change::Break), (1, Change::Remove)])),
        55..58 => What::Post,
        58..97 => {
            let engine = *of(rng, ENGINES);
            What::Tick(engine, (rng.u32(0..100) < 12).then(|| rng.u32(0..24)))
        }
        _ => What::Crash,
    }
}

const ACTS: &[(u32, Act)] = &[
    (8, Act::Create),
    (6, Act::Move),
    (5, Act::Reply),
    (2, Act::Say),
    (3, Act::Stop),
    (1, Act::Patch),
    (5, Act::Ask),
    (2, Act::CancelTurn),
    (2, Act::RetryTurn),
    (2, Act::StartLuci),
    (1, Act::StopLuci),
    (1, Act::SwitchLuci),
    (1, Act::TakeKeyboard),
    (2, Act::GiveKeyboard),
    (2, Act::Resume),
    (3, Act::Decide),
    (1, Act::Grant),
    (1, Act::PauseTask),
    (2, Act::RunTask),
    (1, Act::StopTask),
];

const WORDS: &[(u32, Word)] = &[
    (6, Word::Text),
    (6, Word::Tool),
    (3, Word::Half),
    (2, Word::Garbage),
    (8, Word::Result),
    (2, Word::Trouble),
    (8, Word::Exit),
    (1, Word::Fork),
    (2, Word::Report),
    (2, Word::ShimDies),
    (1, Word::LogGone),
];

const DEEDS: &[(u32, Deed)] = &[(10, Deed::Answer), (2, Deed::Fail), (1, Deed::Dialog), (2, Deed::Die), (1, Deed::Forget)];

const ENGINES: &[(u32, Engine)] = &[
    (10, Engine::Pickup),
    (3, Engine::Reaper),
    (3, Engine::Drain),
    (6, Engine::Ingest),
    (6, Engine::Beside),
    (10, Engine::Luci),
    (7, Engine::Tasks),
    (4, Engine::Outbox),
    (1, Engine::Housekeeping),
];

fn span(rng: &mut Rng) -> i64 {
    let most = *one(rng, &[50, 1_000, 1_000, 30_000, 30_000, 120_000, 120_000, 900_000, 900_000, 7_200_000, 93_600_000]);
    rng.i64(1..=most)
}

/// One of these.
pub fn one<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}

/// One of these, by weight.
fn of<'a, T>(rng: &mut Rng, from: &'a [(u32, T)]) -> &'a T {
    let mut at = rng.u32(0..from.iter().map(|(weight, _)| weight).sum());
    for (weight, what) in from {
        match at.checked_sub(*weight) {
            Some(rest) => at = rest,
            None => return what,
        }
    }
    unreachable!("the weights add up to their sum")
}
