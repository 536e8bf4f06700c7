-- A refund that was called failed, and then processed after all, takes its amount again: real money has gone. And none is taken
-- from a payment whose money was let go.

-- See 0005 about the waiting.
DO $$
BEGIN
    FOR attempt IN 1..300 LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', true);
            LOCK TABLE refunds IN SHARE ROW EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.1);
        END;
    END LOOP;
    RAISE EXCEPTION 'the refunds are locked by something else; end it and start again' USING ERRCODE = 'lock_not_available';
END $$;

CREATE OR REPLACE FUNCTION take_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments SET refunded_amount = refunded_amount + NEW.amount
    WHERE id = NEW.payment_id AND coalesce(status = 'success' AND released_at IS NULL, false);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment % is not refundable', NEW.payment_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_taken_again AFTER UPDATE ON refunds FOR EACH ROW
    WHEN (OLD.status = 'failed' AND NEW.status <> 'failed') EXECUTE FUNCTION take_refund();
CREATE OR REPLACE TRIGGER refunds_final BEFORE UPDATE ON refunds FOR EACH ROW
    WHEN ((OLD.status IN ('processed', 'failed') AND NEW.status IS DISTINCT FROM OLD.status
           AND (NEW.status IN ('processed', 'failed')) IS NOT TRUE)
          OR (OLD.processed_at IS NOT NULL AND NEW.processed_at IS NULL)
          OR NEW.amount <> OLD.amount OR NEW.payment_id <> OLD.payment_id)
    EXECUTE FUNCTION refuse_change();
