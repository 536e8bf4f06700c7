-- Payment links, the broker's outbox, and what a model has said about an error.

CREATE TABLE payment_links (
    id varchar(64) COLLATE "C" PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    amount integer NOT NULL CHECK (amount >= 100),
    currency varchar(3) NOT NULL,
    description varchar(255) NOT NULL,
    reusable boolean NOT NULL,
    active boolean NOT NULL DEFAULT true,
    expires_at timestamptz,
    success_message varchar(500),
    redirect_url text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payment_links_newest ON payment_links (merchant_id, created_at, id);

ALTER TABLE orders ADD COLUMN payment_link_id varchar(64) COLLATE "C" REFERENCES payment_links;
CREATE INDEX orders_payment_link_id ON orders (payment_link_id) WHERE payment_link_id IS NOT NULL;

-- Events on their way to the message broker, in the order in which they were committed for each payment.
CREATE TABLE broker_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL,
    payment_id varchar(64) COLLATE "C" NOT NULL,
    event varchar(50) NOT NULL,
    payload json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE generated_explanations (
    code varchar(200) COLLATE "C" PRIMARY KEY,
    explanation json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
