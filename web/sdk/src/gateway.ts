/** The SDK: shows the checkout page over a shop's page and tells the shop what came of it. */

import type { PaymentGateway as Declared, PaymentGatewayOptions } from "../public/checkout";
import { type Frame, showFrame } from "./frame";
import { readMessage } from "./messages";

const UNREACHABLE_MS = 10_000;

let home: string | undefined;

/** Where this script was loaded from, which is where the checkout page is. */
export function comesFrom(address: string | undefined): void {
  home = address;
}

export class PaymentGateway implements Declared {
  private readonly options: PaymentGatewayOptions;
  private readonly origin: string;
  private frame: Frame | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PaymentGatewayOptions) {
    for (const name of ["key", "orderId"] as const) {
      if (!options?.[name]) throw new TypeError(`PaymentGateway: the option "${name}" is missing`);
    }
    const address = options.checkoutUrl ?? home;
    if (!address) throw new TypeError('PaymentGateway: the option "checkoutUrl" is missing; here it cannot be guessed');
    this.origin = new URL(address, document.baseURI).origin;
    this.options = options;
  }

  open(): void {
    if (document.getElementById("payment-gateway-modal")) return;
    window.addEventListener("message", this.hear);
    document.addEventListener("securitypolicyviolation", this.blocked);
    this.timer = setTimeout(this.missed, UNREACHABLE_MS);
    const order = encodeURIComponent(this.options.orderId);
    const frame = showFrame(`${this.origin}/checkout?order_id=${order}&embedded=true`, () => this.close());
    this.frame = frame;
    // The page learns from this who embeds it, and answers to that origin alone.
    frame.iframe.addEventListener("load", () => {
      frame.iframe.contentWindow?.postMessage({ type: "kassa_hello" }, this.origin);
    });
  }

  close(): void {
    if (!this.frame) return;
    clearTimeout(this.timer);
    window.removeEventListener("message", this.hear);
    document.removeEventListener("securitypolicyviolation", this.blocked);
    this.frame.remove();
    this.frame = undefined;
    this.options.onClose?.();
  }

  private readonly hear = (event: MessageEvent) => {
    const message = readMessage(event, this.origin, this.frame?.iframe.contentWindow ?? null);
    if (!message) return;
    clearTimeout(this.timer);
    this.frame?.arrived();
    if (message.type === "kassa_height") this.frame?.fit(Number(message.data.height));
    if (message.type === "payment_failed") this.options.onFailure?.(message.data);
    if (message.type === "close_modal") this.close();
    if (message.type === "payment_success") {
      try {
        this.options.onSuccess?.(message.data);
      } finally {
        // Also when the shop's own code fails: the payer has paid, and must not sit before a dead window.
        this.close();
      }
    }
  };

  private readonly missed = () => {
    const { origin } = window.location;
    this.giveUp(`${this.origin} did not answer for 10 seconds: it is down, or does not allow ${origin} to show it`);
  };

  private readonly blocked = ({ blockedURI }: SecurityPolicyViolationEvent) => {
    if (!blockedURI.startsWith(this.origin)) return;
    this.giveUp(`The Content-Security-Policy of this page blocks it; allow it with: frame-src ${this.origin}`);
  };

  private giveUp(why: string): void {
    const { orderId, onFailure } = this.options;
    const description = `The checkout page could not be shown. ${why}`;
    try {
      onFailure?.({ code: "CHECKOUT_UNREACHABLE", description, orderId });
    } finally {
      this.close();
    }
  }
}
