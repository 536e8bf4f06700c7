/** Kassa's checkout for a shop's own page: `<script src="https://…/checkout.js">`, or `import` of checkout.mjs. */

/** What a payer's success looks like. It is news for the page; what the shop delivers should hang on the webhook. */
export interface PaymentSuccess {
  paymentId: string;
  orderId: string;
  /** In the currency's smallest unit: 50000 is ₹500.00. */
  amount: number;
  currency: string;
  status: "success";
}

/** Why a payment failed. The payer may still try again, unless the checkout page could not be shown. */
export interface PaymentFailure {
  /** A code of the gateway's catalogue, or `CHECKOUT_UNREACHABLE`. */
  code: string;
  description: string;
  orderId: string;
  paymentId?: string;
  amount?: number;
  currency?: string;
  status?: "failed";
}

export interface PaymentGatewayOptions {
  /** The merchant's API key; never the secret. */
  key: string;
  /** The order to pay, made by the shop's server. */
  orderId: string;
  onSuccess?(payment: PaymentSuccess): void;
  onFailure?(failure: PaymentFailure): void;
  /** The checkout is gone from the page, for whatever reason. */
  onClose?(): void;
  /** Where the checkout page is, when it is not where this script came from. */
  checkoutUrl?: string;
}

export class PaymentGateway {
  /** Throws a TypeError that names a missing option. */
  constructor(options: PaymentGatewayOptions);
  /** Shows the checkout over the page; does nothing while it is open. */
  open(): void;
  /** Takes it away again; does nothing while it is closed. */
  close(): void;
}

export default PaymentGateway;

declare global {
  interface Window {
    PaymentGateway: typeof PaymentGateway;
  }
}
