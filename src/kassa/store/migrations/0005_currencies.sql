-- Statistics by currency: from here on each currency is counted for itself. What was counted before stands under INR, and
-- the next migration moves what is not INR to where it belongs.

-- Nobody may be in the middle of writing payments. Whoever waits for a lock holds up all who come after, so wait for
-- moments only, and let them pass in between; such a moment is shorter, too, than it takes to find a deadlock.
DO $$
BEGIN
    FOR attempt IN 1..300 LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', true);
            LOCK TABLE refunds, payments, webhook_logs IN SHARE ROW EXCLUSIVE MODE;
            LOCK TABLE merchant_statistics IN ACCESS EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.1);
        END;
    END LOOP;
    RAISE EXCEPTION 'the payments are locked by something else; end it and start again' USING ERRCODE = 'lock_not_available';
END $$;

ALTER TABLE merchant_statistics
    ADD COLUMN currency varchar(3) NOT NULL DEFAULT 'INR',
    DROP CONSTRAINT merchant_statistics_pkey,
    ADD PRIMARY KEY (merchant_id, day, shard, currency);

CREATE OR REPLACE FUNCTION count_new_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO merchant_statistics AS s (merchant_id, day, shard, currency, payments, succeeded, failed, volume)
    SELECT merchant_id, (created_at AT TIME ZONE 'UTC')::date, pg_backend_pid() % 16, coalesce(currency, 'INR'),
           count(*), count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status = 'failed'),
           coalesce(sum(amount) FILTER (WHERE status = 'success'), 0)
    FROM added GROUP BY 1, 2, 4 ORDER BY 1, 2, 4
    ON CONFLICT (merchant_id, day, shard, currency) DO UPDATE SET
        payments = s.payments + excluded.payments, succeeded = s.succeeded + excluded.succeeded,
        failed = s.failed + excluded.failed, volume = s.volume + excluded.volume;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_settled_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO merchant_statistics AS s (merchant_id, day, shard, currency, succeeded, failed, volume)
    SELECT n.merchant_id, (n.created_at AT TIME ZONE 'UTC')::date, pg_backend_pid() % 16, coalesce(n.currency, 'INR'),
           count(*) FILTER (WHERE n.status = 'success') - count(*) FILTER (WHERE o.status = 'success'),
           count(*) FILTER (WHERE n.status = 'failed') - count(*) FILTER (WHERE o.status = 'failed'),
           coalesce(sum(n.amount) FILTER (WHERE n.status = 'success'), 0)
               - coalesce(sum(o.amount) FILTER (WHERE o.status = 'success'), 0)
    FROM after_change n JOIN before_change o USING (id) WHERE n.status <> o.status
    GROUP BY 1, 2, 4 ORDER BY 1, 2, 4
    ON CONFLICT (merchant_id, day, shard, currency) DO UPDATE SET
        succeeded = s.succeeded + excluded.succeeded, failed = s.failed + excluded.failed,
        volume = s.volume + excluded.volume;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_processed_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO merchant_statistics AS s (merchant_id, day, shard, currency, refunded)
    SELECT n.merchant_id, (n.processed_at AT TIME ZONE 'UTC')::date, pg_backend_pid() % 16, coalesce(p.currency, 'INR'),
           sum(n.amount)
    FROM after_change n JOIN before_change o USING (id) JOIN payments p ON p.id = n.payment_id
    WHERE n.status = 'processed' AND o.status <> 'processed'
    GROUP BY 1, 2, 4 ORDER BY 1, 2, 4
    ON CONFLICT (merchant_id, day, shard, currency) DO UPDATE SET refunded = s.refunded + excluded.refunded;
    RETURN NULL;
END $$;

-- Deliveries have no currency; the rows of the default one count them.
CREATE OR REPLACE FUNCTION count_new_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO merchant_statistics AS s (merchant_id, day, shard, deliveries)
    SELECT merchant_id, (created_at AT TIME ZONE 'UTC')::date, pg_backend_pid() % 16, count(*)
    FROM added GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (merchant_id, day, shard, currency) DO UPDATE SET deliveries = s.deliveries + excluded.deliveries;
    RETURN NULL;
END $$;
