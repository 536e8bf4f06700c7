/** Who takes a merchant's payments, whose account that goes through, and what an account there consists of. */

import type { Schemas } from "@kassa/api";
import { providerName } from "../../format/provider";

type Providers = Schemas["MerchantProviders"];
type Accounts = Schemas["ProviderAccounts"];
type Field = { name: keyof Schemas["NewAccount"]; label: string; placeholder?: string };

/** What each provider calls the parts of an account, in the order in which they are asked for. */
export const FIELDS: Record<string, Field[]> = {
  stripe: [
    { name: "key", label: "Secret key", placeholder: "sk_… or rk_…" },
    { name: "webhook_secret", label: "Signing secret of the webhook", placeholder: "whsec_…" },
  ],
  razorpay: [
    { name: "key", label: "Key id", placeholder: "rzp_…" },
    { name: "secret", label: "Key secret" },
    { name: "webhook_secret", label: "Webhook secret" },
  ],
  paypal: [
    { name: "key", label: "Client id" },
    { name: "secret", label: "Client secret" },
    { name: "webhook_secret", label: "Webhook id" },
  ],
};

/** What was typed as the account to keep: what is pasted often brings a blank along. */
export function accountOf(values: Record<string, string>): Schemas["NewAccount"] {
  const typed = (name: string) => values[name]?.trim() ?? "";
  return { key: typed("key"), secret: typed("secret"), webhook_secret: typed("webhook_secret") };
}

/** The provider that takes the payments now. */
export function taking({ chosen, gateway }: Providers): string {
  return chosen ?? gateway;
}

/** Whose account new payments at a provider go through. */
export function accountUsed({ own_account, gateway_account }: Accounts): "own" | "gateway" | "none" {
  if (own_account) return "own";
  return gateway_account ? "gateway" : "none";
}

/** Why payers cannot pay on Kassa's page, as a sentence; null when they can. */
export function hindrance(providers: Providers): string | null {
  if (providers.choice_missing) {
    return "Payers cannot pay on Kassa's page: there is an account, but no provider is chosen. Choose one.";
  }
  const chosen = providers.data.find(({ provider }) => provider === taking(providers));
  if (!chosen || accountUsed(chosen) !== "none") return null;
  return `Payers cannot pay: there is no account at ${providerName(chosen.provider)}. Add one, or choose another provider.`;
}
