-- A notification belongs to the account that signed it: merchants may share one account at a provider, which then tells each of
-- them the same under the same id, and none of them may take it from another.

-- See 0005 about the waiting.
DO $$
BEGIN
    FOR attempt IN 1..300 LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', true);
            LOCK TABLE provider_events IN ACCESS EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.1);
        END;
    END LOOP;
    RAISE EXCEPTION 'the notifications are locked by something else; end it and start again' USING ERRCODE = 'lock_not_available';
END $$;

ALTER TABLE provider_events
    DROP CONSTRAINT provider_events_pkey,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD UNIQUE NULLS NOT DISTINCT (provider, event_id, merchant_id);
