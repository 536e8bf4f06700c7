/** What the page's address says is to be paid: an order, or whatever a payment link stands for. */

export type Place =
  | { orderId: string | null; paymentId?: string; linkId?: undefined; email?: undefined }
  | { linkId: string; email?: string; orderId?: undefined; paymentId?: undefined };

/** An address and nothing else: the page must not show whatever a stranger writes into a link. */
const EMAIL = /^[^\s@<>"']{1,64}@[a-z0-9.-]{1,189}$/i;

/**
 * The place of `/checkout?order_id=…` or `/pay/{link}`; what else an address holds is not for this page.
 * Payers who come back from a provider's page bring `payment_id`, too; a link may tell by `prefilled_email` whom it
 * was sent to.
 */
export function placeOf(address: URL | Location): Place {
  const [, linkId] = address.pathname.match(/^\/pay\/([^/]+)\/?$/) ?? [];
  const query = new URLSearchParams(address.search);
  if (linkId) {
    const email = query.get("prefilled_email") ?? "";
    return { linkId: decoded(linkId), ...(EMAIL.test(email) && { email }) };
  }
  const paymentId = query.get("payment_id");
  return { orderId: query.get("order_id"), ...(paymentId && { paymentId }) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
