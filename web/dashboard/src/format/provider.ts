/** Providers by the names that people know them by. */

const NAMES: Record<string, string> = {
  simulator: "Simulated bank",
  stripe: "Stripe",
  razorpay: "Razorpay",
  paypal: "PayPal",
};

/** `stripe` as `Stripe`. */
export function providerName(provider: string): string {
  return NAMES[provider] ?? provider;
}
