from musqa_pipeline.stages.engine.outcomes import MOST_LISTED, Outcome, Tally


def test_outcomes_are_summed_and_only_the_first_failures_are_kept():
    tally = Tally()
    for n in range(100):
        tally.add(Outcome(f"number {n}", rows=2, cpu_seconds=0.5, error="bad" if n % 2 else ""))
    assert (tally.rows, tally.cpu_seconds, tally.failed) == (200, 50.0, 50)
    assert tally.listed[:2] == ["  number 1: bad", "  number 3: bad"]
    assert len(tally.listed) == MOST_LISTED
