/** What the page's address says is to be paid: an order, or whatever a payment link stands for. */

export type Place =
  | { orderId: string | null; paymentId?: string; linkId?: undefined }
  | { linkId: string; orderId?: undefined; paymentId?: undefined };

/**
 * The place of `/checkout?order_id=…` or `/pay/{link}`; what else an address holds is not for this page.
 * Payers who come back from a provider's page bring `payment_id`, too.
 */
export function placeOf(address: URL | Location): Place {
  const [, linkId] = address.pathname.match(/^\/pay\/([^/]+)\/?$/) ?? [];
  if (linkId) return { linkId: decoded(linkId) };
  const query = new URLSearchParams(address.search);
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
