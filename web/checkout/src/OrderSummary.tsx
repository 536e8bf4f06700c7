/** Who is paid, how much, and for which order. */

import type { Order } from "./gateway";
import { formatAmount } from "./money";

interface Props {
  order: Order | undefined;
  orderId: string | null | undefined;
  /** Whom a payment link was sent to. */
  email: string | undefined;
  loading: boolean;
}

export function OrderSummary({ order, orderId, email, loading }: Props) {
  const merchant = order?.merchant_name;
  return (
    <header data-test-id="order-summary" className={loading ? "summary is-loading" : "summary"}>
      <p className="merchant" hidden={!merchant}>
        <span className="badge" aria-hidden="true">
          {merchant?.trim().charAt(0).toUpperCase()}
        </span>
        <span>{merchant}</span>
        {order?.test_mode && (
          <span className="test-mode" data-test-id="test-mode">
            Test mode
          </span>
        )}
      </p>
      <h1>Complete Payment</h1>
      <p className="amount" hidden={!order && !loading}>
        <span className="unseen">Amount </span>
        <span data-test-id="order-amount">{order && formatAmount(order.amount, order.currency)}</span>
      </p>
      <p className="purpose" data-test-id="order-description" hidden={!order?.description}>
        {order?.description}
      </p>
      <p className="order" hidden={!email}>
        For <span data-test-id="payer-email">{email}</span>
      </p>
      <p className="order" hidden={!(order?.id ?? orderId)}>
        Order <span data-test-id="order-id">{order?.id ?? orderId}</span>
      </p>
    </header>
  );
}
