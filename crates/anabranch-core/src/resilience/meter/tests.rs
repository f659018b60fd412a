use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn meter(amount: u64, interval: Duration) -> Meter {
    Meter::new(amount, interval).unwrap()
}

#[test]
fn waits_are_exact_to_the_nanosecond() {
    let now = Instant::now();
    let mut thirds = meter(3, Duration::from_secs(1));
    thirds.refill(now);
    thirds.take(3);
    let wait = thirds.wait(0, 1);
    assert_eq!(wait, Duration::from_nanos(333_333_334));
    thirds.refill(now + wait - Duration::from_nanos(1));
    assert_eq!((thirds.left(), thirds.wait(0, 1)), (0, Duration::from_nanos(1)));
    thirds.refill(now + wait);
    assert_eq!((thirds.left(), thirds.wait(0, 1)), (1, Duration::ZERO));
    thirds.refill(now + Duration::from_secs(1));
    assert_eq!(thirds.left(), 3, "nothing was rounded away");
}

#[test]
fn more_than_the_burst_is_taken_when_full_and_paid_off() {
    let now = Instant::now();
    let mut tokens = meter(100, MINUTE);
    tokens.refill(now);
    assert_eq!(tokens.wait(0, 300), Duration::ZERO);
    tokens.take(300);
    assert_eq!(tokens.left(), 0);
    assert_eq!(tokens.wait(0, 1), MINUTE * 201 / 100);
}

#[test]
fn a_changed_rate_keeps_the_level() {
    let now = Instant::now();
    let mut tokens = meter(100, MINUTE);
    tokens.refill(now);
    tokens.take(40);
    let tokens = tokens.at_rate(1000, MINUTE).unwrap();
    assert_eq!(tokens.left(), 60);
}

#[test]
fn extreme_numbers_do_no_harm() {
    let now = Instant::now();
    for (amount, interval) in [(u64::MAX, Duration::MAX), (0, Duration::MAX), (u64::MAX, Duration::from_nanos(1))] {
        let mut meter = meter(amount, interval);
        meter.refill(now);
        meter.take(u64::MAX);
        meter.refill(now + MINUTE);
        let _ = meter.wait(u64::MAX, u64::MAX);
        meter.give_back(u64::MAX);
        let _ = meter.left();
    }
    assert!(Meter::new(1, Duration::ZERO).is_none());
}
