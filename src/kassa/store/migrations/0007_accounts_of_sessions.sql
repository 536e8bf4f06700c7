-- Whether a session was opened through its merchant's own account: it is asked about, captured and refunded there, and
-- told of from there, whichever account the merchant uses for new ones.
ALTER TABLE checkout_sessions ADD COLUMN own_account boolean NOT NULL DEFAULT false;
UPDATE checkout_sessions s SET own_account = true WHERE EXISTS (
    SELECT FROM provider_credentials c
    WHERE c.merchant_id = s.merchant_id AND c.provider = s.provider AND c.live = s.live);
