/** What the page's address says is to be paid: an order, or whatever a payment link stands for. */

export type Place = { orderId: string | null; linkId?: undefined } | { linkId: string; orderId?: undefined };

/** The place of `/checkout?order_id=…` or `/pay/{link}`; what else an address holds is not for this page. */
export function placeOf(address: URL | Location): Place {
  const [, linkId] = address.pathname.match(/^\/pay\/([^/]+)\/?$/) ?? [];
  return linkId ? { linkId: decoded(linkId) } : { orderId: new URLSearchParams(address.search).get("order_id") };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
