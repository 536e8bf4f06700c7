/** Who or what made something happen to a payment. */

import { providerName } from "../../format/provider";

const WORDS: Record<string, string> = {
  request: "by a request",
  bank: "by the bank",
  provider: "by the provider",
  reconciler: "found by asking the provider",
};

/** A cause in words: `bank` as `by the bank`, `stripe: checkout.session.completed` as `told by Stripe (…)`. */
export function causeInWords(cause: string): string {
  const [, provider, notice] = /^(\w+): (.+)$/.exec(cause) ?? [];
  if (provider) return `told by ${providerName(provider)} (${notice})`;
  return WORDS[cause] ?? `by ${cause}`;
}
