-- Merchants, orders, payments, refunds, webhooks, and the money rules that hold whatever code runs.
-- Ids sort by bytes (COLLATE "C"): cheaper to compare, and in the order of their making.

CREATE TABLE merchants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(255) NOT NULL,
    email varchar(255) NOT NULL UNIQUE,
    api_key varchar(64) NOT NULL UNIQUE,
    api_secret varchar(64) NOT NULL,
    webhook_url text,
    webhook_secret varchar(64),
    webhook_secret_previous varchar(64),
    webhook_secret_previous_until timestamptz,
    is_active boolean DEFAULT true,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);

CREATE TABLE orders (
    id varchar(64) COLLATE "C" PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    amount integer NOT NULL CHECK (amount >= 100),
    currency varchar(3) DEFAULT 'INR',
    receipt varchar(255),
    notes json,
    status varchar(20) DEFAULT 'created' CHECK (status IN ('created', 'paid')),
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);
CREATE INDEX orders_merchant_id ON orders (merchant_id);
CREATE INDEX orders_newest ON orders (merchant_id, created_at, id);

CREATE TABLE payments (
    id varchar(64) COLLATE "C" PRIMARY KEY,
    order_id varchar(64) COLLATE "C" NOT NULL REFERENCES orders,
    merchant_id uuid NOT NULL REFERENCES merchants,
    amount integer NOT NULL,
    currency varchar(3) DEFAULT 'INR',
    method varchar(20) NOT NULL CHECK (method IN ('upi', 'card')),
    status varchar(20) DEFAULT 'pending' CHECK (status IN ('created', 'pending', 'processing', 'success', 'failed')),
    vpa varchar(255),
    card_network varchar(20),
    card_last4 varchar(4),
    error_code varchar(50),
    error_description text,
    captured boolean DEFAULT false CHECK (NOT captured OR status = 'success'),
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    -- The sum of its refunds, kept by the trigger below; NULL-safe money: never more than was paid.
    refunded_amount integer NOT NULL DEFAULT 0 CHECK (refunded_amount BETWEEN 0 AND amount),
    -- How many events this payment has had; the next one takes the next number, under this row's lock.
    last_sequence integer NOT NULL DEFAULT 0,
    -- When the bank's answer is due, and what the bank calls this payment.
    due_at timestamptz,
    provider_ref varchar(255)
);
CREATE INDEX payments_order_id ON payments (order_id);
CREATE INDEX payments_status ON payments (status);
CREATE INDEX payments_newest ON payments (merchant_id, created_at, id);
CREATE INDEX payments_due ON payments (due_at) WHERE status IN ('pending', 'processing');
-- An order is paid at most once.
CREATE UNIQUE INDEX payments_one_success ON payments (order_id) WHERE status = 'success';

CREATE TABLE refunds (
    id varchar(64) COLLATE "C" PRIMARY KEY,
    payment_id varchar(64) COLLATE "C" NOT NULL REFERENCES payments,
    merchant_id uuid NOT NULL REFERENCES merchants,
    amount integer NOT NULL CHECK (amount > 0),
    reason text,
    status varchar(20) DEFAULT 'pending' CHECK (status IN ('pending', 'processed')),
    created_at timestamptz DEFAULT now(),
    processed_at timestamptz CHECK ((processed_at IS NOT NULL) = (status = 'processed')),
    due_at timestamptz
);
CREATE INDEX refunds_payment_id ON refunds (payment_id);
CREATE INDEX refunds_newest ON refunds (merchant_id, created_at, id);
CREATE INDEX refunds_due ON refunds (due_at) WHERE status = 'pending';

-- One row for each thing that happened to a payment: its timeline, and the order of its webhooks.
CREATE TABLE payment_events (
    payment_id varchar(64) COLLATE "C" NOT NULL,
    sequence integer NOT NULL,
    event varchar(50) NOT NULL,
    status varchar(20) NOT NULL,
    cause varchar(50) NOT NULL,
    refund_id varchar(64) COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (payment_id, sequence)
);

-- The outbox. `payload` is json, not jsonb: it keeps the very text that is signed and sent.
CREATE TABLE webhook_logs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    merchant_id uuid NOT NULL REFERENCES merchants,
    event varchar(50) NOT NULL,
    payload json NOT NULL,
    status varchar(20) DEFAULT 'pending' CHECK (status IN ('pending', 'success', 'failed')),
    attempts integer DEFAULT 0,
    last_attempt_at timestamptz,
    next_retry_at timestamptz,
    response_code integer,
    response_body text,
    created_at timestamptz DEFAULT now(),
    payment_id varchar(64) COLLATE "C",
    sequence integer,
    -- The rest of what is known of the last attempt; none was made since the delivery was begun when there is no duration.
    last_duration_ms integer,
    last_error text
);
CREATE INDEX webhook_logs_merchant_id ON webhook_logs (merchant_id);
CREATE INDEX webhook_logs_status ON webhook_logs (status);
CREATE INDEX webhook_logs_next_retry_at ON webhook_logs (next_retry_at) WHERE status = 'pending';
CREATE INDEX webhook_logs_newest ON webhook_logs (merchant_id, created_at, id);
CREATE INDEX webhook_logs_payment_id ON webhook_logs (payment_id);

-- Nearly every delivery needs one attempt, which stands in its own row; only what another attempt replaces moves here.
CREATE TABLE webhook_past_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES webhook_logs ON DELETE CASCADE,
    attempt integer NOT NULL,
    attempted_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    response_code integer,
    response_body text,
    error text
);
CREATE INDEX webhook_past_attempts_delivery_id ON webhook_past_attempts (delivery_id);
CREATE VIEW webhook_attempts AS
    SELECT delivery_id, attempt, attempted_at, duration_ms, response_code, response_body, error
    FROM webhook_past_attempts
    UNION ALL
    SELECT id, attempts, last_attempt_at, last_duration_ms, response_code, response_body, last_error
    FROM webhook_logs WHERE last_duration_ms IS NOT NULL;

CREATE TABLE idempotency_keys (
    key varchar(255) COLLATE "C" NOT NULL,
    merchant_id uuid NOT NULL REFERENCES merchants,
    response json NOT NULL,
    created_at timestamptz DEFAULT now(),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
    -- What was asked, without card data, and the status of the answer.
    fingerprint varchar(64),
    response_status smallint,
    PRIMARY KEY (key, merchant_id)
);
CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);

-- Counters that never scan: a row per merchant and day (UTC, of the payment's creation) and shard, summed when read.
-- The shard is the writing connection's, so that processes do not wait for each other's row.
CREATE TABLE merchant_statistics (
    merchant_id uuid NOT NULL REFERENCES merchants,
    day date NOT NULL,
    shard smallint NOT NULL,
    payments bigint NOT NULL DEFAULT 0,
    succeeded bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    volume bigint NOT NULL DEFAULT 0,
    refunded bigint NOT NULL DEFAULT 0,
    deliveries bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (merchant_id, day, shard)
) WITH (fillfactor = 50);

CREATE FUNCTION count_new_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO merchant_statistics AS s (merchant_id, day, shard, payments, succeeded, failed, volume)
    SELECT merchant_id, (created_at AT TIME ZONE 'UTC')::date, pg_backend_pid() % 16, count(*),
           count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status = 'failed'),
           coalesce(sum(amount) FILTER (WHERE status = 'success'), 0)
    FROM added GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (merchant_id, day, shard) DO UPDATE SET
        payments = s.payments + excluded.payments, succeeded = s.succeeded + excluded.succeeded,
        failed = s.failed + excluded.failed, volume = s.volume + excluded.volume;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_counted AFTER INSERT ON payments
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_new_payments();

CREATE FUNCTION count_settled_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO merchant_statistics AS s (merchant_id, day, shard, succeeded, failed, volume)
    SELECT n.merchant_id, (n.created_at AT TIME ZONE 'UTC')::date, pg_backend_pid() % 16,
           count(*) FILTER (WHERE n.status = 'success') - count(*) FILTER (WHERE o.status = 'success'),
           count(*) FILTER (WHERE n.status = 'failed') - count(*) FILTER (WHERE o.status = 'failed'),
           coalesce(sum(n.amount) FILTER (WHERE n.status = 'success'), 0)
               - coalesce(sum(o.amount) FILTER (WHERE o.status = 'success'), 0)
    FROM after_change n JOIN before_change o USING (id) WHERE n.status <> o.status
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (merchant_id, day, shard) DO UPDATE SET
        succeeded = s.succeeded + excluded.succeeded, failed = s.failed + excluded.failed,
        volume = s.volume + excluded.volume;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_settled AFTER UPDATE ON payments
    REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION count_settled_payments();

CREATE FUNCTION count_processed_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO merchant_statistics AS s (merchant_id, day, shard, refunded)
    SELECT n.merchant_id, (n.processed_at AT TIME ZONE 'UTC')::date, pg_backend_pid() % 16, sum(n.amount)
    FROM after_change n JOIN before_change o USING (id) WHERE n.status = 'processed' AND o.status <> 'processed'
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (merchant_id, day, shard) DO UPDATE SET refunded = s.refunded + excluded.refunded;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_counted AFTER UPDATE ON refunds
    REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION count_processed_refunds();

CREATE FUNCTION count_new_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO merchant_statistics AS s (merchant_id, day, shard, deliveries)
    SELECT merchant_id, (created_at AT TIME ZONE 'UTC')::date, pg_backend_pid() % 16, count(*)
    FROM added GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (merchant_id, day, shard) DO UPDATE SET deliveries = s.deliveries + excluded.deliveries;
    RETURN NULL;
END $$;
CREATE TRIGGER deliveries_counted AFTER INSERT ON webhook_logs
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_new_deliveries();

-- A refund takes its amount from the payment that it belongs to; the CHECK on refunded_amount refuses one too many.
CREATE FUNCTION take_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments SET refunded_amount = refunded_amount + NEW.amount
    WHERE id = NEW.payment_id AND status = 'success';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment % is not refundable', NEW.payment_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_taken AFTER INSERT ON refunds FOR EACH ROW EXECUTE FUNCTION take_refund();

-- Final is final, a payment's amount is fixed, and a refund stays with the payment that it was taken from.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% % cannot change so: % to %', TG_TABLE_NAME, OLD.id, OLD.status, NEW.status
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER payments_final BEFORE UPDATE ON payments FOR EACH ROW
    WHEN ((OLD.status IN ('success', 'failed') AND NEW.status IS DISTINCT FROM OLD.status)
          OR NEW.amount <> OLD.amount OR (OLD.captured AND NEW.captured IS NOT TRUE))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refunds_final BEFORE UPDATE ON refunds FOR EACH ROW
    WHEN ((OLD.status = 'processed' AND NEW.status IS DISTINCT FROM OLD.status)
          OR NEW.amount <> OLD.amount OR NEW.payment_id <> OLD.payment_id)
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER orders_final BEFORE UPDATE ON orders FOR EACH ROW
    WHEN ((OLD.status = 'paid' AND NEW.status IS DISTINCT FROM OLD.status) OR NEW.amount <> OLD.amount)
    EXECUTE FUNCTION refuse_change();

-- Every process drops its cached merchants at once when one of them changes.
CREATE FUNCTION tell_merchant_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('merchants', '');
    RETURN NULL;
END $$;
CREATE TRIGGER merchants_changed AFTER INSERT OR UPDATE OR DELETE ON merchants
    FOR EACH STATEMENT EXECUTE FUNCTION tell_merchant_change();
