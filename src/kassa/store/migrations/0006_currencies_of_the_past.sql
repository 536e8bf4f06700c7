-- What was counted under INR and is not INR moves to its currency, while payments go on and without a lock on them.
-- One statement sees payments, refunds and counters at one moment: what the tables say of a currency, less what its
-- counters say, is what was counted before they were told apart. It goes into a shard that nobody else writes.
WITH told AS (
    SELECT merchant_id, (created_at AT TIME ZONE 'UTC')::date AS day, currency, count(*) AS payments,
           count(*) FILTER (WHERE status = 'success') AS succeeded, count(*) FILTER (WHERE status = 'failed') AS failed,
           coalesce(sum(amount) FILTER (WHERE status = 'success'), 0) AS volume, 0 AS refunded
    FROM payments WHERE currency <> 'INR' GROUP BY 1, 2, 3
    UNION ALL
    SELECT r.merchant_id, (r.processed_at AT TIME ZONE 'UTC')::date, p.currency, 0, 0, 0, 0, sum(r.amount)
    FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE r.status = 'processed' AND p.currency <> 'INR' GROUP BY 1, 2, 3
    UNION ALL
    SELECT merchant_id, day, currency, -payments, -succeeded, -failed, -volume, -refunded
    FROM merchant_statistics WHERE currency <> 'INR'
), missing AS (
    SELECT merchant_id, day, currency, sum(payments) AS payments, sum(succeeded) AS succeeded, sum(failed) AS failed,
           sum(volume) AS volume, sum(refunded) AS refunded
    FROM told GROUP BY 1, 2, 3
)
INSERT INTO merchant_statistics (merchant_id, day, shard, currency, payments, succeeded, failed, volume, refunded)
SELECT merchant_id, day, -1, currency, payments, succeeded, failed, volume, refunded FROM missing
UNION ALL
SELECT merchant_id, day, -1, 'INR', -sum(payments), -sum(succeeded), -sum(failed), -sum(volume), -sum(refunded)
FROM missing GROUP BY 1, 2;
