-- What waits is looked up by when it is due, and what is done by its id, however much of either there is.

-- In nearly every sample of deliveries none is pending, so that PostgreSQL would look for those that are due among all
-- that are pending, by status. Without statistics of the status it goes by the time.
ALTER TABLE webhook_logs ALTER COLUMN status SET STATISTICS 0;

-- As before, but that its condition only checks the payment: see `guarded` in store/database.py.
CREATE OR REPLACE FUNCTION take_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments SET refunded_amount = refunded_amount + NEW.amount
    WHERE id = NEW.payment_id AND coalesce(status = 'success', false);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment % is not refundable', NEW.payment_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
