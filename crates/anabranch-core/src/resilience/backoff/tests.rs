use super::*;

#[test]
fn waits_are_spread_from_nothing_to_the_doubled_base_and_capped() {
    let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(4), ..Backoff::new() }.seeded(7);
    for (attempts, most) in [(1, 1), (2, 2), (3, 4), (4, 4), (1000, 4)] {
        let waits: Vec<_> = (0..1000).map(|_| backoff.wait(attempts)).collect();
        let most = Duration::from_secs(most);
        assert!(waits.iter().all(|wait| *wait < most));
        assert!(waits.iter().any(|wait| *wait < most / 10), "some come early");
        assert!(waits.iter().any(|wait| *wait > most * 9 / 10), "some come late");
        let mean = waits.iter().sum::<Duration>() / 1000;
        assert!(mean > most * 4 / 10 && mean < most * 6 / 10, "{mean:?}");
    }
}

#[test]
fn what_a_server_asks_for_is_kept_and_spread_by_a_tenth() {
    let backoff = Backoff::new();
    let asked = Duration::from_secs(10);
    let waits: Vec<_> = (0..100).map(|_| backoff.at_least(asked)).collect();
    assert!(waits.iter().all(|wait| *wait >= asked && *wait < Duration::from_secs(11)));
    assert!(waits.iter().any(|wait| *wait != waits[0]));
    assert_eq!(backoff.at_least(Duration::MAX), Duration::MAX);
}

#[test]
fn the_same_seed_gives_the_same_waits() {
    let waits = |seed| {
        let backoff = Backoff::new().seeded(seed);
        (1..10).map(|attempts| backoff.wait(attempts)).collect::<Vec<_>>()
    };
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
}
