-- Adds the counts of the attached `segment` to the totals. Runs inside the caller's transaction.

INSERT INTO main.signal_count
    SELECT pixel, hour, signal, amount FROM segment.signal_count WHERE true
    ON CONFLICT DO UPDATE SET amount = amount + excluded.amount;

INSERT INTO main.name_count
    SELECT pixel, hour, name, amount FROM segment.name_count WHERE true
    ON CONFLICT DO UPDATE SET amount = amount + excluded.amount;

INSERT INTO main.outcome_count
    SELECT pixel, hour, outcome, reason, amount FROM segment.outcome_count WHERE true
    ON CONFLICT DO UPDATE SET amount = amount + excluded.amount;

INSERT INTO main.activity
    SELECT pixel, signal, first_ms, last_ms FROM segment.activity WHERE true
    ON CONFLICT DO UPDATE SET
        first_ms = min(first_ms, excluded.first_ms),
        last_ms = max(last_ms, excluded.last_ms);
