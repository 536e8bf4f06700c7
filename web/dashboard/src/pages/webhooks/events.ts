/** The events that a merchant can be told about. */

export const EVENTS = [
  "payment.created",
  "payment.pending",
  "payment.success",
  "payment.failed",
  "refund.created",
  "refund.processed",
  "refund.failed",
] as const;
