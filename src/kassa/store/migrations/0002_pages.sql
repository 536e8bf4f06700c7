-- What the dashboard and the checkout page need.

ALTER TABLE merchants
    ADD COLUMN password_hash text,
    -- The origins whose pages may show this merchant's checkout in a frame.
    ADD COLUMN allowed_origins text[] NOT NULL DEFAULT '{}';

-- Where the payer goes from a checkout page that is not embedded, and until when there is one.
ALTER TABLE orders
    ADD COLUMN success_url text,
    ADD COLUMN cancel_url text,
    ADD COLUMN expires_at timestamptz;

-- Log-ins to the dashboard. The cookie holds a random token; only its hash is kept.
CREATE TABLE sessions (
    token_hash varchar(64) COLLATE "C" PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_merchant_id ON sessions (merchant_id);
