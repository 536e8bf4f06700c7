-- What providers say after their first word: refunds that fail after all, refunds made outside, held money let go.

-- Both tables at once, or none: whoever writes locks them in either order. See 0005 about the waiting.
DO $$
BEGIN
    FOR attempt IN 1..300 LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', true);
            LOCK TABLE refunds, payments IN ACCESS EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.1);
        END;
    END LOOP;
    RAISE EXCEPTION 'the payments are locked by something else; end it and start again' USING ERRCODE = 'lock_not_available';
END $$;

-- Notifications and lists name a refund's payment by the provider's name for the money.
CREATE INDEX payments_charge_ref ON payments (charge_ref) WHERE charge_ref IS NOT NULL;

ALTER TABLE payments
    -- Of money that is only held: when the provider is asked about it next, and when it was let go.
    ADD COLUMN held_due_at timestamptz,
    ADD COLUMN released_at timestamptz,
    ADD CONSTRAINT payments_released_is_not_captured CHECK (released_at IS NULL OR (status = 'success' AND NOT captured));
UPDATE payments SET held_due_at = now() WHERE status = 'success' AND NOT captured AND provider <> 'simulator';
CREATE INDEX payments_held_due ON payments (held_due_at) WHERE held_due_at IS NOT NULL;

-- A refund that its bank sends back was processed, and is failed all the same: it keeps the time of the former.
ALTER TABLE refunds DROP CONSTRAINT refunds_check;
ALTER TABLE refunds ADD CONSTRAINT refunds_processed_at_check
    CHECK (CASE status WHEN 'processed' THEN processed_at IS NOT NULL WHEN 'failed' THEN true ELSE processed_at IS NULL END);
CREATE OR REPLACE TRIGGER refunds_final BEFORE UPDATE ON refunds FOR EACH ROW
    WHEN ((OLD.status IN ('processed', 'failed') AND NEW.status IS DISTINCT FROM OLD.status
           AND (OLD.status = 'processed' AND NEW.status = 'failed') IS NOT TRUE)
          OR (OLD.processed_at IS NOT NULL AND NEW.processed_at IS NULL)
          OR NEW.amount <> OLD.amount OR NEW.payment_id <> OLD.payment_id)
    EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER refunds_freed AFTER UPDATE ON refunds FOR EACH ROW
    WHEN (OLD.status <> 'failed' AND NEW.status = 'failed') EXECUTE FUNCTION free_failed_refund();
CREATE OR REPLACE FUNCTION count_processed_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO merchant_statistics AS s (merchant_id, day, shard, currency, refunded)
    SELECT n.merchant_id, (n.processed_at AT TIME ZONE 'UTC')::date, pg_backend_pid() % 16, coalesce(p.currency, 'INR'),
           sum(CASE n.status WHEN 'processed' THEN n.amount ELSE -n.amount END)
    FROM after_change n JOIN before_change o USING (id) JOIN payments p ON p.id = n.payment_id
    WHERE (n.status = 'processed') <> (o.status = 'processed')
    GROUP BY 1, 2, 4 ORDER BY 1, 2, 4
    ON CONFLICT (merchant_id, day, shard, currency) DO UPDATE SET refunded = s.refunded + excluded.refunded;
    RETURN NULL;
END $$;
