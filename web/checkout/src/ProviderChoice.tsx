/** The way on to the provider's page, where the order is to be paid there. */

import type { Order } from "./gateway";

const NAMES: Record<string, string> = { stripe: "Stripe", razorpay: "Razorpay", paypal: "PayPal" };

/** What payers call the provider of an order that is not paid here; undefined for one that is. */
export function providerOf(order: Order | undefined): string | undefined {
  return order?.provider && (NAMES[order.provider] ?? order.provider);
}

interface Props {
  hidden: boolean;
  provider: string | undefined;
  onContinue(): void;
}

export function ProviderChoice({ hidden, provider, onContinue }: Props) {
  return (
    <section className="onward" hidden={hidden} aria-label="Payment">
      <p id="onward">You pay on {provider}'s page and come back here.</p>
      <button
        data-test-id="provider-button"
        className="pay"
        type="button"
        aria-describedby="onward"
        onClick={onContinue}
      >
        Continue to {provider}
      </button>
    </section>
  );
}
