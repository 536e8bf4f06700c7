-- The few deliveries that have not arrived, by merchant and newest first. Nearly all arrive: those are found without it, and
-- leave it again in the update that says so.
CREATE INDEX webhook_logs_unsent ON webhook_logs (merchant_id, status, created_at, id) WHERE status <> 'success';
