/** How many decimals currencies have. Browsers go by what is customary, and so take 50000 of IDR for 50000 rupiah, not 500. */

// ISO 4217, the currencies whose smallest unit is not a hundredth; the gateway's own table is the same.
const EXPONENTS = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

/** The digits behind the point: 2 for INR, 0 for JPY, 3 for KWD. */
export function decimalsOf(currency: string): number {
  const found = Object.entries(EXPONENTS).find(([, currencies]) => currencies.split(" ").includes(currency));
  return found ? Number(found[0]) : 2;
}
