-- How often a link was paid is counted along an index, without reading the orders. Hardly an order is paid while there is room
-- for its new row beside the old one, so that this costs those without a link nothing.
CREATE INDEX orders_of_paid_links ON orders (payment_link_id) WHERE payment_link_id IS NOT NULL AND status = 'paid';
