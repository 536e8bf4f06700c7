/** What the pages read, by name; everything that can change by itself is read again while it is looked at. */

import type { Schemas } from "@kassa/api";
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, api, currentSession } from "./client";

export type Payment = Schemas["PaymentView"];
export type Order = Schemas["OrderView"];
export type Refund = Schemas["RefundView"];
export type Delivery = Schemas["DeliveryRow"];

export type PaymentLink = Schemas["LinkView"];

export type PaymentsQuery = Partial<Schemas["PaymentsQuery"]>;
export type OrdersQuery = Partial<Schemas["OrdersQuery"]>;
export type RefundsQuery = Partial<Schemas["RefundsQuery"]>;
export type LinksQuery = Partial<Schemas["LinksQuery"]>;
export type DeliveriesQuery = Partial<Schemas["WebhooksQuery"]>;

const LIVE = { refetchInterval: 3_000 };
const LIST = { ...LIVE, placeholderData: keepPreviousData };

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: currentSession,
  staleTime: Number.POSITIVE_INFINITY,
});

export const config = queryOptions({
  queryKey: ["config"],
  queryFn: () => answer(api.GET("/api/v1/config")),
  staleTime: Number.POSITIVE_INFINITY,
});

export const profile = queryOptions({
  queryKey: ["merchant"],
  queryFn: () => answer(api.GET("/api/v1/merchant")),
});

export const apiKeys = queryOptions({
  queryKey: ["api-keys"],
  queryFn: () => answer(api.GET("/api/v1/merchant/api-keys")),
});

export const providers = queryOptions({
  queryKey: ["providers"],
  queryFn: () => answer(api.GET("/api/v1/merchant/providers")),
});

export const statistics = (first: string | null, last: string | null) =>
  queryOptions({
    queryKey: ["statistics", first, last],
    queryFn: () => answer(api.GET("/api/v1/statistics", { params: { query: { first, last } } })),
    ...LIST,
  });

export const payments = (query: PaymentsQuery) =>
  queryOptions({
    queryKey: ["payments", query],
    queryFn: () => answer(api.GET("/api/v1/payments", { params: { query } })),
    ...LIST,
  });

export const payment = (payment_id: string) =>
  queryOptions({
    queryKey: ["payment", payment_id],
    queryFn: () => answer(api.GET("/api/v1/payments/{payment_id}", { params: { path: { payment_id } } })),
    ...LIVE,
  });

export const timeline = (payment_id: string) =>
  queryOptions({
    queryKey: ["timeline", payment_id],
    queryFn: () => answer(api.GET("/api/v1/payments/{payment_id}/timeline", { params: { path: { payment_id } } })),
    ...LIVE,
  });

export const explanation = (payment_id: string) =>
  queryOptions({
    queryKey: ["explanation", payment_id],
    queryFn: () => answer(api.GET("/api/v1/payments/{payment_id}/explanation", { params: { path: { payment_id } } })),
  });

export const orders = (query: OrdersQuery) =>
  queryOptions({
    queryKey: ["orders", query],
    queryFn: () => answer(api.GET("/api/v1/orders", { params: { query } })),
    ...LIST,
  });

export const order = (order_id: string) =>
  queryOptions({
    queryKey: ["order", order_id],
    queryFn: () => answer(api.GET("/api/v1/orders/{order_id}", { params: { path: { order_id } } })),
    ...LIVE,
  });

export const refunds = (query: RefundsQuery) =>
  queryOptions({
    queryKey: ["refunds", query],
    queryFn: () => answer(api.GET("/api/v1/refunds", { params: { query } })),
    ...LIST,
  });

export const paymentLinks = (query: LinksQuery) =>
  queryOptions({
    queryKey: ["payment-links", query],
    queryFn: () => answer(api.GET("/api/v1/payment_links", { params: { query } })),
    ...LIST,
  });

export const deliveries = (query: DeliveriesQuery) =>
  queryOptions({
    queryKey: ["webhooks", query],
    queryFn: () => answer(api.GET("/api/v1/webhooks", { params: { query } })),
    ...LIST,
  });

export const delivery = (webhook_id: string) =>
  queryOptions({
    queryKey: ["webhook", webhook_id],
    queryFn: () => answer(api.GET("/api/v1/webhooks/{webhook_id}", { params: { path: { webhook_id } } })),
    ...LIVE,
  });

export const webhookConfig = queryOptions({
  queryKey: ["webhook-config"],
  queryFn: () => answer(api.GET("/api/v1/webhooks/config")),
});
