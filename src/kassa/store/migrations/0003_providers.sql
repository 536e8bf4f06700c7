-- Real providers: hosted sessions, their notifications, and looking after what stays open.

ALTER TABLE merchants ADD COLUMN provider varchar(20);

ALTER TABLE payments
    ADD COLUMN provider varchar(20) NOT NULL DEFAULT 'simulator',
    ADD COLUMN session_id varchar(64) COLLATE "C",
    -- What the provider calls the money itself, once there is some: refunds and captures name it.
    ADD COLUMN charge_ref varchar(255),
    -- The provider's own word for a failure, beside ours in error_code.
    ADD COLUMN provider_code varchar(100),
    -- How often the provider was asked while this stayed open, when last, and what it said.
    ADD COLUMN looks integer NOT NULL DEFAULT 0,
    ADD COLUMN looked_at timestamptz,
    ADD COLUMN last_answer text,
    -- The money came after this had failed.
    ADD COLUMN succeeded_late boolean NOT NULL DEFAULT false,
    -- Money that came for an order that another payment had settled: when it is to go back, and when it did.
    ADD COLUMN return_due_at timestamptz,
    ADD COLUMN returned_at timestamptz;

DROP INDEX payments_due;
CREATE INDEX payments_due ON payments (due_at) WHERE status IN ('created', 'pending', 'processing');
CREATE INDEX payments_return_due ON payments (return_due_at) WHERE return_due_at IS NOT NULL AND returned_at IS NULL;

-- Final is final, but for money that came late: that is there, whatever was said before.
CREATE OR REPLACE TRIGGER payments_final BEFORE UPDATE ON payments FOR EACH ROW
    WHEN ((OLD.status IN ('success', 'failed') AND NEW.status IS DISTINCT FROM OLD.status
           AND (OLD.status = 'failed' AND NEW.status = 'success' AND NEW.succeeded_late) IS NOT TRUE)
          OR NEW.amount <> OLD.amount OR (OLD.captured AND NEW.captured IS NOT TRUE))
    EXECUTE FUNCTION refuse_change();

CREATE TABLE checkout_sessions (
    id varchar(64) COLLATE "C" PRIMARY KEY,
    payment_id varchar(64) COLLATE "C" NOT NULL UNIQUE REFERENCES payments,
    order_id varchar(64) COLLATE "C" NOT NULL REFERENCES orders,
    merchant_id uuid NOT NULL REFERENCES merchants,
    provider varchar(20) NOT NULL,
    provider_ref varchar(255),
    live boolean NOT NULL,
    url text,
    success_url text NOT NULL,
    cancel_url text NOT NULL,
    customer_email varchar(255),
    line_items json NOT NULL DEFAULT '[]',
    manual_capture boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX checkout_sessions_provider_ref ON checkout_sessions (provider, provider_ref);
CREATE INDEX checkout_sessions_merchant_id ON checkout_sessions (merchant_id, created_at, id);

-- Notifications, each once by its provider's own id, applied by a job.
CREATE TABLE provider_events (
    provider varchar(20) NOT NULL,
    event_id varchar(255) COLLATE "C" NOT NULL,
    -- Whose secret signed it, where merchants have accounts of their own: it speaks of no other merchant's payments.
    merchant_id uuid REFERENCES merchants,
    type varchar(100) NOT NULL,
    notice json NOT NULL,
    payload json NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'applied', 'kept')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    received_at timestamptz NOT NULL DEFAULT now(),
    note text,
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX provider_events_due ON provider_events (due_at) WHERE status = 'pending';

-- A refund at a provider may fail; then its amount is free again.
ALTER TABLE refunds ADD COLUMN provider_ref varchar(255), ADD COLUMN provider_code varchar(100),
    ADD COLUMN looks integer NOT NULL DEFAULT 0;
ALTER TABLE refunds DROP CONSTRAINT refunds_status_check;
ALTER TABLE refunds ADD CONSTRAINT refunds_status_check CHECK (status IN ('pending', 'processed', 'failed'));
CREATE OR REPLACE TRIGGER refunds_final BEFORE UPDATE ON refunds FOR EACH ROW
    WHEN ((OLD.status IN ('processed', 'failed') AND NEW.status IS DISTINCT FROM OLD.status)
          OR NEW.amount <> OLD.amount OR NEW.payment_id <> OLD.payment_id)
    EXECUTE FUNCTION refuse_change();
CREATE FUNCTION free_failed_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments SET refunded_amount = refunded_amount - NEW.amount WHERE id = NEW.payment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_freed AFTER UPDATE ON refunds FOR EACH ROW
    WHEN (OLD.status = 'pending' AND NEW.status = 'failed') EXECUTE FUNCTION free_failed_refund();

-- Accounts at providers, encrypted with a key that is not in the database; without a merchant, the gateway's own.
CREATE TABLE provider_credentials (
    merchant_id uuid REFERENCES merchants,
    provider varchar(20) NOT NULL,
    live boolean NOT NULL,
    encrypted bytea NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (merchant_id, provider, live)
);
