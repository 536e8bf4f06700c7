/** The filters above the transactions; they live in the page's address, so that a view can be bookmarked and shared. */

import { useNavigate } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { signOf } from "../../format/money";
import { Button } from "../../ui/button";
import { DateFilter, FilterRow, MoreFilters, SelectFilter, TextFilter } from "../../ui/filter";
import { currencyOf, METHODS, type PaymentFilters, STATUSES } from "./filters";

/** Search, status, method and more. */
export function FilterBar({ filters }: { filters: PaymentFilters }) {
  const navigate = useNavigate();
  const set = (changed: PaymentFilters) =>
    void navigate({ to: ".", search: (old) => ({ ...old, ...changed, after: undefined }), replace: true });
  const sign = signOf(currencyOf(filters));
  const given = Object.values(filters).filter(Boolean).length;
  return (
    <FilterRow label="Filter the transactions">
      <TextFilter
        label="Search"
        placeholder="Payment ID, order ID or VPA"
        wide
        icon={Search}
        value={filters.search}
        onChange={(search) => set({ search })}
      />
      <SelectFilter label="Status" options={STATUSES} value={filters.status} onChange={(status) => set({ status })} />
      <SelectFilter label="Method" options={METHODS} value={filters.method} onChange={(method) => set({ method })} />
      <MoreFilters
        used={Boolean(filters.captured || filters.from || filters.to || filters.currency || filters.min || filters.max)}
      >
        <SelectFilter
          label="Captured"
          options={["yes", "no"]}
          value={filters.captured}
          onChange={(captured) => set({ captured })}
        />
        <DateFilter label="From" value={filters.from} onChange={(from) => set({ from })} />
        <DateFilter label="To" value={filters.to} onChange={(to) => set({ to })} />
        <TextFilter
          label="Currency"
          placeholder="any"
          narrow
          value={filters.currency}
          onChange={(currency) => set({ currency })}
        />
        <TextFilter label={`Min ${sign}`} narrow decimal value={filters.min} onChange={(min) => set({ min })} />
        <TextFilter label={`Max ${sign}`} narrow decimal value={filters.max} onChange={(max) => set({ max })} />
        {given > 0 && (
          <Button kind="quiet" onClick={() => void navigate({ to: "/dashboard/transactions", search: {} })}>
            Clear
          </Button>
        )}
      </MoreFilters>
    </FilterRow>
  );
}
