/** The columns of tables of payments. */

import { Link } from "@tanstack/react-router";
import type { Payment } from "../../api/queries";
import { Badge } from "../../ui/badge";
import type { Column } from "../../ui/table";
import { Amount, Id, Time } from "../../ui/text";

export const paymentColumns: Column<Payment>[] = [
  {
    header: "Payment ID",
    testId: "payment-id",
    cell: (payment) => (
      <Link to="/dashboard/transactions/$id" params={{ id: payment.id }}>
        <Id>{payment.id}</Id>
      </Link>
    ),
  },
  {
    header: "Order ID",
    testId: "order-id",
    cell: (payment) => (
      <Link to="/dashboard/orders/$id" params={{ id: payment.order_id }}>
        <Id>{payment.order_id}</Id>
      </Link>
    ),
  },
  {
    header: "Amount",
    testId: "amount",
    cell: (payment) => <Amount amount={payment.amount} currency={payment.currency} />,
  },
  { header: "Method", testId: "method", cell: (payment) => payment.method },
  { header: "Status", testId: "status", cell: (payment) => <Badge status={payment.status} /> },
  { header: "Created", testId: "created-at", cell: (payment) => <Time at={payment.created_at} /> },
];
