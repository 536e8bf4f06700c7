/** UPI addresses: the gateway's rule, and the handles that payers most often have. */

const HANDLES = ["@okhdfcbank", "@okicici", "@oksbi", "@okaxis", "@ybl", "@paytm", "@upi", "@ibl", "@axl"];
const OFFERED = 7;
const LONGEST = 255;

/** Why the gateway would refuse this address, or "" when it would not. */
export function vpaProblem(vpa: string): string {
  if (!vpa) return "Enter your UPI ID";
  if (vpa.length <= LONGEST && /^[a-zA-Z0-9._-]+@[a-zA-Z0-9]+$/.test(vpa)) return "";
  return "UPI ID must look like name@bank";
}

/** Whole addresses to offer for what is typed so far; none before a name, and none once a known handle is complete. */
export function suggestions(typed: string): string[] {
  const [, name, handle = ""] = typed.trim().match(/^([a-zA-Z0-9._-]+)(@[a-zA-Z0-9]*)?$/) ?? [];
  if (!name || HANDLES.includes(handle.toLowerCase())) return [];
  return HANDLES.filter((known) => known.startsWith(handle.toLowerCase()))
    .slice(0, OFFERED)
    .map((known) => name + known);
}
