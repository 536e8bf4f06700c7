/** What the page's address says is to be paid: an order, or whatever a payment link stands for. */

export type Place =
  | { orderId: string | null; paymentId?: string; linkId?: undefined; email?: undefined }
  | { linkId: string; email?: string; orderId?: string; paymentId?: string };

/** An address and nothing else: the page must not show whatever a stranger writes into a link. */
const EMAIL = /^(?=.{1,254}$)[^\s@<>"']{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+$/i;

/**
 * The place of `/checkout?order_id=…` or `/pay/{link}`; what else an address holds is not for this page.
 * Payers who come back from a provider's page bring the order and, unless they turned back, `payment_id`; a link may
 * tell by `prefilled_email` whom it was sent to.
 */
export function placeOf(address: URL | Location): Place {
  const [, linkId] = address.pathname.match(/^\/pay\/([^/]+)\/?$/) ?? [];
  const query = new URLSearchParams(address.search);
  const [orderId, paymentId] = [query.get("order_id"), query.get("payment_id")];
  // A payment is of an order: without that nobody could tell whether it is the one that is shown.
  const begun = orderId && paymentId ? { paymentId } : {};
  if (linkId) {
    const email = query.get("prefilled_email") ?? "";
    return { linkId: decoded(linkId), ...begun, ...(orderId && { orderId }), ...(EMAIL.test(email) && { email }) };
  }
  return { orderId, ...begun };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
