//! The deterministic simulation: engines as they stand, over a played outside, from a seed.
//!
//! A seed gives a list of steps; after each of them the invariants are checked, and at the end everything must come to
//! rest. A seed that fails is printed with the fewest of its steps that still fail.
//!
//! `MC_SIM_SEEDS` and `MC_SIM_STEPS` say how many, `MC_SIM_FIRST` where the seeds begin, `MC_SIM_SEED` replays one seed
//! and `MC_SIM_ONLY=3,17` only these steps of it. `MC_SIM_MINUTES` goes on for so long.

mod calm;
mod luci;
mod model;
mod moment;
mod people;
mod played;
mod shims;
mod shrink;
mod step;
mod world;

use mission_control::base::clock::{Clock, SystemClock};
use shrink::{Failed, shrink};
use step::Step;
use world::{Verdict, World, Wrong};

/// Takes these steps in a world of this seed. Where it fails: after which of them, and why.
fn play(seed: u64, steps: &[(usize, Step)]) -> Result<u64, Failed> {
    let mut world = World::new(seed);
    for (n, (_, step)) in steps.iter().enumerate() {
        world.take(step).map_err(|wrong| Failed { after: n + 1, wrong })?;
    }
    let rest = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.calm_down()));
    let rest = rest.unwrap_or_else(|_| Err(Wrong::new("panic", "while everything came to rest")));
    rest.map(|()| world.model.looks).map_err(|wrong| Failed { after: steps.len(), wrong })
}

fn numbered(seed: u64, count: usize) -> Vec<(usize, Step)> {
    step::draw(seed, count).into_iter().enumerate().collect()
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Prints a seed that fails, with the fewest steps that still do.
fn report(seed: u64, count: usize, failed: &Failed) -> String {
    let steps = numbered(seed, count);
    eprintln!("seed {seed} fails after step {}: {}: {}", failed.after, failed.wrong.which, failed.wrong.what);
    let (few, wrong) = shrink(&steps[..failed.after], &failed.wrong, |steps| play(seed, steps).err());
    eprintln!("the fewest steps found that fail so ({}: {}):", wrong.which, wrong.what);
    for (n, step) in &few {
        eprintln!("  {n:4} {:?} (dice {})", step.what, step.dice);
    }
    let only: Vec<String> = few.iter().map(|(n, _)| n.to_string()).collect();
    format!(
        "{}: {}; replay with MC_SIM_SEED={seed} MC_SIM_STEPS={count} MC_SIM_ONLY={} cargo test --test sim",
        wrong.which,
        wrong.what,
        if only.is_empty() { "none".to_owned() } else { only.join(",") }
    )
}

#[test]
fn whatever_happens_in_whatever_order_nothing_is_lost_and_everything_comes_to_rest() {
    let count = from_env("MC_SIM_STEPS").and_then(|n| usize::try_from(n).ok()).unwrap_or(150);
    if let Some(seed) = from_env("MC_SIM_SEED") {
        let only: Option<Vec<usize>> =
            std::env::var("MC_SIM_ONLY").ok().map(|list| list.split(',').filter_map(|n| n.parse().ok()).collect());
        let mut steps = numbered(seed, count);
        steps.retain(|(n, _)| only.as_ref().is_none_or(|only| only.contains(n)));
        if let Err(failed) = play(seed, &steps) {
            for (n, step) in &steps[..failed.after] {
                eprintln!("  {n:4} {:?} (dice {})", step.what, step.dice);
            }
            panic!("{}: {}", failed.wrong.which, failed.wrong.what);
        }
        return;
    }
    let clock = SystemClock::new();
    let minutes = from_env("MC_SIM_MINUTES").map(|m| i64::try_from(m).unwrap_or(i64::MAX / 60_000) * 60_000);
    let first = from_env("MC_SIM_FIRST").unwrap_or(1);
    let seeds = from_env("MC_SIM_SEEDS").unwrap_or(if minutes.is_some() { u64::MAX - first } else { 40 });
    let (mut played, mut looks) = (0, 0);
    for seed in first..first.saturating_add(seeds) {
        if minutes.is_some_and(|ms| clock.mono_ms() >= ms) {
            break;
        }
        match play(seed, &numbered(seed, count)) {
            Ok(n) => looks += n,
            Err(failed) if std::env::var("MC_SIM_LIST").is_ok() => {
                eprintln!("seed {seed} after {}: {}: {}", failed.after, failed.wrong.which, failed.wrong.what);
            }
            Err(failed) => panic!("{}", report(seed, count, &failed)),
        }
        played += 1;
        if played % 500 == 0 {
            eprintln!("{played} seeds of {count} steps, {} s", clock.mono_ms() / 1_000);
        }
    }
    let ms = clock.mono_ms().max(1);
    let steps = played * count as u64;
    eprintln!(
        "{played} seeds × {count} steps from seed {first}, {looks} checks, {} s: {} steps/s",
        ms / 1_000,
        steps * 1_000 / u64::try_from(ms).unwrap_or(1)
    );
}

/// A launch fails and is put off; another one is under way meanwhile and takes its slot.
#[test]
fn a_launch_that_is_under_way_holds_its_slot() {
    use step::{Act, Engine, What};
    let create = |dice| Step { what: What::Person(Act::Create), dice };
    let tick = |engine, dice| Step { what: What::Tick(engine, None), dice };
    let steps = [
        create(9277709254799787534),
        create(1959786669416888671),
        create(9445344612943460771),
        create(12822947491822485483),
        tick(Engine::Pickup, 7546332071073815697),
        tick(Engine::Beside, 342857976026454147),
        tick(Engine::Pickup, 5986120655638251813),
        Step { what: What::Pass(99784), dice: 14684401724687257922 },
        tick(Engine::Beside, 13534065574233774762),
        tick(Engine::Beside, 3939078426747405825),
        tick(Engine::Pickup, 17969615711562183262),
        tick(Engine::Beside, 10200705689820234859),
        tick(Engine::Beside, 2328163548438220087),
    ];
    let steps: Vec<(usize, Step)> = steps.into_iter().enumerate().collect();
    if let Err(failed) = play(880_368, &steps) {
        panic!("{}: {}", failed.wrong.which, failed.wrong.what);
    }
}

#[test]
fn the_same_seed_goes_the_same_way() {
    let trace = |seed: u64| {
        let mut world = World::new(seed);
        let mut trace = Vec::new();
        for step in step::draw(seed, 300) {
            let verdict: Verdict = world.take(&step);
            assert_eq!(verdict, Ok(()));
            trace.push(world.model.all::<String>(
                "select 't' || status from tickets union all select 'r' || state from runs union all select 'u' || state from turns
                 union all select 'd' || state from task_runs union all select 'i' || status from orchestrator_inbox",
            ));
        }
        trace
    };
    for seed in [3, 4] {
        assert!(trace(seed) == trace(seed), "seed {seed}");
    }
}

#[test]
fn a_failure_is_shrunk_to_the_steps_it_needs() {
    let steps = numbered(5, 100);
    // A world that minds one kind of step after another.
    let fails = |steps: &[(usize, Step)]| {
        let at = |n: usize| steps.iter().position(|(m, _)| *m == n);
        let both = at(17).zip(at(60)).filter(|(a, b)| a < b)?;
        Some(Failed { after: both.1 + 1, wrong: Wrong::new("planted", "17 and then 60") })
    };
    let wrong = Wrong::new("planted", "");
    let (few, _) = shrink(&steps, &wrong, fails);
    assert_eq!(few.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [17, 60]);
}

#[test]
fn what_is_wrong_is_seen() {
    let planted: [(&str, &str, &str); 3] = [
        ("lost", "delete from orchestrator_inbox", "an item that was acknowledged"),
        (
            "I14",
            "update task_runs set task = 'steady', due_at = null, state = 'running', ended_at = null, run_dir = coalesce(run_dir, 'x')",
            "two runs of one task at once",
        ),
        ("I15", "update turns set state = 'answered'", "an answer without words"),
    ];
    for (which, sql, what) in planted {
        let mut world = World::new(1);
        let steps = step::draw(8, 400);
        let busy =
            |w: &World| w.model.items.len() > 1 && w.model.turns.len() > 1 && w.model.one("select count(*) from task_runs") > 1;
        for step in &steps {
            world.take(step).expect("good so far");
            if busy(&world) {
                break;
            }
        }
        assert!(busy(&world));
        world.write(move |tx| tx.conn.execute_batch(sql).map_err(Into::into)).expect("written");
        let seen = world.look().expect_err(what);
        assert_eq!(seen.which, which, "{what}: {seen:?}");
    }
}
