-- Whether a session was asked for by the payer's page: of these an order has one open at a time.
ALTER TABLE checkout_sessions ADD COLUMN by_payer boolean NOT NULL DEFAULT false;
